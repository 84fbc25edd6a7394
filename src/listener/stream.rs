//! What every listener on streams does alike: accepting, and writing what must leave.

use super::Shared;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// A buffer grows by this much at a time.
pub(super) const READ_BYTES: usize = 4 * 1024;

/// Accepts until the gateway stops, and hands each connection to `spawn`.
pub(super) async fn accept(shared: &Shared, protocol: &'static str, listener: &TcpListener, spawn: impl Fn(TcpStream, SocketAddr)) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, address)) => spawn(stream, address),
            Err(error) => {
                // Out of descriptors or the like: it passes, and a loop without a pause would not help it.
                tracing::warn!(protocol, %error, "a tracker's connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Writes all of it, within a time.
pub(super) async fn write_all(stream: &TcpStream, bytes: &[u8], within: Duration) -> Result<(), &'static str> {
    match tokio::time::timeout(within, write(stream, bytes)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err("write failed"),
        Err(_) => Err("write timed out"),
    }
}

async fn write(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
