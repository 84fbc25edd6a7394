//! As much of an HTTP client as the demonstration needs: one request a connection.

use crate::cli::Failure;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ANSWER_BYTES_MAX: u64 = 1024 * 1024;
const DEADLINE: Duration = Duration::from_secs(10);

/// Sends a request with a JSON body and gives the JSON of the answer. Any status but one of success is an error in words.
pub(super) async fn call(address: SocketAddr, (method, path): (&str, &str), token: Option<&str>, body: &Value) -> Result<Value, Failure> {
    let body = body.to_string();
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{authorization}Content-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = tokio::time::timeout(DEADLINE, exchange).await.map_err(|_| format!("{method} {path}: no answer in time"))??;
    let (status, body) = parse(&answer).ok_or_else(|| format!("{method} {path}: not an HTTP answer"))?;
    if !(200..300).contains(&status) {
        return Err(format!("{method} {path}: {status} {}", String::from_utf8_lossy(&body)).into());
    }
    if body.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&body)?) }
}

/// Status and body, whether the body is in chunks (RFC 9112 §7.1) or ends with the connection.
fn parse(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = (std::str::from_utf8(answer.get(..end)?).ok()?, answer.get(end + 4..)?);
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let is_chunked = head.to_ascii_lowercase().lines().any(|line| line.starts_with("transfer-encoding:") && line.ends_with("chunked"));
    Some((status, if is_chunked { joined(body)? } else { body.to_vec() }))
}

fn joined(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(body.get(..end)?).ok()?.split(';').next()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        let chunk = body.get(end + 2..)?;
        if size == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(chunk.get(..size)?);
        body = chunk.get(size.checked_add(2)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_body_are_read_and_a_cut_one_is_not() {
        let plain = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(parse(plain), Some((201, b"{}".to_vec())));
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4;x=y\r\n\":1}\r\n0\r\n\r\n";
        assert_eq!(parse(chunked), Some((200, b"{\"a\":1}".to_vec())));
        assert_eq!(parse(&chunked[..chunked.len() - 12]), None);
        assert_eq!(parse(b"nonsense"), None);
    }
}
