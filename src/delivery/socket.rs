//! Sockets of viewers: a small send buffer, so that no megabytes of before a revoke arrive after it, and a way to cut one off.

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use socket2::SockRef;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// A listener that sets each socket up for delivery.
pub struct StreamListener {
    inner: TcpListener,
    send_buffer_bytes: usize,
}

impl StreamListener {
    /// Around a bound listener.
    #[must_use]
    pub const fn new(inner: TcpListener, send_buffer_bytes: usize) -> Self {
        Self { inner, send_buffer_bytes }
    }
}

impl Listener for StreamListener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.inner.accept().await {
                Ok((stream, address)) => {
                    let socket = SockRef::from(&stream);
                    // Best effort: a kernel that refuses only makes a revoke wait for its reset more often.
                    let _ = socket.set_tcp_nodelay(true);
                    let _ = socket.set_send_buffer_size(self.send_buffer_bytes);
                    return (stream, address);
                }
                Err(error) => {
                    tracing::warn!(%error, "a viewer's connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.inner.local_addr()
    }
}

/// A second handle of a viewer's socket.
#[derive(Clone, Debug)]
pub struct SocketControl {
    /// The viewer's address.
    pub address: SocketAddr,
    handle: Option<Arc<OwnedFd>>,
}

impl SocketControl {
    /// Throws away what the kernel still holds and cuts the connection off.
    pub fn reset(&self) {
        if let Some(handle) = &self.handle {
            let socket = SockRef::from(handle.as_ref());
            let _ = socket.set_linger(Some(Duration::ZERO));
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Connected<IncomingStream<'_, StreamListener>> for SocketControl {
    fn connect_info(stream: IncomingStream<'_, StreamListener>) -> Self {
        use std::os::fd::AsFd;
        let handle = stream.io().as_fd().try_clone_to_owned().ok().map(Arc::new);
        Self { address: *stream.remote_addr(), handle }
    }
}
