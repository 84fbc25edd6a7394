//! HTTP/1.1 as a client speaks it, one request a connection.

use serde_json::Value;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a test waits for at most.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Reply {
    pub status: u16,
    pub body: Value,
}

pub fn request(api: SocketAddr, method: &str, path: &str, token: &str, body: &str) -> String {
    format!(
        "{method} /api/v1{path} HTTP/1.1\r\nHost: {api}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub async fn call(api: SocketAddr, method: &str, path: &str, token: &str, body: &Value) -> io::Result<Reply> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut stream = TcpStream::connect(api).await?;
    stream.write_all(request(api, method, path, token, &body).as_bytes()).await?;
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await??;
    let text = String::from_utf8_lossy(&answer);
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{what}: {text}"));
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| bad("no head"))?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(|| bad("no status"))?;
    let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).map_err(|_| bad("no JSON"))? };
    Ok(Reply { status, body })
}

pub async fn get(api: SocketAddr, path: &str, token: &str) -> io::Result<Reply> {
    call(api, "GET", path, token, &Value::Null).await
}
