//! Recorded frames, sent as they were.

use protocols::wire::from_hex;
use serde_json::Value;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What goes over the wire, in order, for one line of recordings; `None`: the line has no such form.
#[must_use]
pub fn dialogue(line: &str) -> Option<Vec<Vec<u8>>> {
    let vector: Value = serde_json::from_str(line).ok()?;
    let mut chunks = Vec::new();
    for earlier in vector.get("context")?.as_array()? {
        chunks.push(on_the_wire(earlier, earlier.get("wire")?)?);
    }
    chunks.push(on_the_wire(vector.get("input")?, vector.get("wire")?)?);
    Some(chunks)
}

fn on_the_wire(input: &Value, wire: &Value) -> Option<Vec<u8>> {
    let wire = wire.get("tcp").filter(|tcp| !tcp.is_null())?;
    let hex_of = |key: &str| wire.get(key).and_then(Value::as_str).and_then(from_hex);
    if let Some(bytes) = hex_of("hex") {
        return Some(bytes);
    }
    let body = match input.get("type")?.as_str()? {
        "binary" => from_hex(input.get("hex")?.as_str()?)?,
        "text" => input.get("text")?.as_str()?.as_bytes().to_vec(),
        _ => return None,
    };
    Some([hex_of("prefix_hex").unwrap_or_default(), body, hex_of("suffix_hex").unwrap_or_default()].concat())
}

/// Sends one dialogue over a connection of its own, and counts the bytes that came back until it was silent for `quiet`.
///
/// # Errors
/// Nobody answers at the address.
pub async fn send(address: SocketAddr, chunks: &[Vec<u8>], quiet: Duration) -> io::Result<usize> {
    let mut stream = TcpStream::connect(address).await?;
    let (mut received, mut buffer) = (0, [0_u8; 4_096]);
    for chunk in chunks {
        // A gateway that closes on what it was told is an answer too.
        if stream.write_all(chunk).await.is_err() {
            break;
        }
        while let Ok(Ok(length)) = tokio::time::timeout(quiet, stream.read(&mut buffer)).await {
            if length == 0 {
                return Ok(received);
            }
            received += length;
        }
    }
    Ok(received)
}
