//! HTTP/1.1 as a client speaks it: one connection, kept open, by hand.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// What a test waits for at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }
}

/// A client, with what it shows to be let in.
pub struct Client {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
    pub token: Option<String>,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, stream: None, token: None }
    }

    /// The same with a token.
    pub fn with_token(address: SocketAddr, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..Self::new(address) }
    }

    pub async fn get(&mut self, path: &str) -> Reply {
        self.send("GET", path, &[], "").await
    }

    /// With a JSON body.
    pub async fn call(&mut self, method: &str, path: &str, body: &serde_json::Value) -> Reply {
        self.send(method, path, &[("Content-Type", "application/json")], &body.to_string()).await
    }

    /// Any request. On a connection that was closed meanwhile it is sent again, once.
    pub async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n", self.address, body.len());
        if let Some(token) = &self.token {
            request.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(body);
        for is_last in [false, true] {
            let exchange = tokio::time::timeout(PATIENCE, self.exchange(method, request.as_bytes())).await.expect("an answer in time");
            match exchange {
                Ok(reply) => return reply,
                Err(error) if is_last => panic!("{method} {path}: {error}"),
                Err(_) => self.stream = None,
            }
        }
        unreachable!("the second try either answers or panics")
    }

    async fn exchange(&mut self, method: &str, request: &[u8]) -> io::Result<Reply> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => self.stream.insert(BufReader::new(TcpStream::connect(self.address).await?)),
        };
        stream.write_all(request).await?;
        let reply = read(stream, method == "HEAD").await?;
        if reply.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            self.stream = None;
        }
        Ok(reply)
    }
}

async fn line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

/// One answer: head, then a body of the length that is announced, or in chunks.
async fn read(stream: &mut BufReader<TcpStream>, is_head: bool) -> io::Result<Reply> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let status = line(stream).await?.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(|| bad("no status"))?;
    let mut reply = Reply { status, headers: Vec::new(), body: Vec::new() };
    loop {
        let header = line(stream).await?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').ok_or_else(|| bad("no header"))?;
        reply.headers.push((name.to_owned(), value.trim().to_owned()));
    }
    if is_head || matches!(status, 204 | 304) {
        return Ok(reply);
    }
    if reply.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        loop {
            let length = usize::from_str_radix(&line(stream).await?, 16).map_err(|_| bad("no chunk length"))?;
            let mut chunk = vec![0; length];
            stream.read_exact(&mut chunk).await?;
            reply.body.append(&mut chunk);
            line(stream).await?;
            if length == 0 {
                return Ok(reply);
            }
        }
    }
    let length = reply.header("content-length").and_then(|value| value.parse().ok()).ok_or_else(|| bad("no length"))?;
    reply.body.resize(length, 0);
    stream.read_exact(&mut reply.body).await?;
    Ok(reply)
}
