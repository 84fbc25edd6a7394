//! Sockets of viewers: a small send buffer, so that no megabytes of before a revoke arrive after it, and a way to cut one off.

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use parking_lot::Mutex;
use socket2::SockRef;
use std::any::Any;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What was handed to a connection and is not with the kernel yet: whatever stands for it is kept until it is.
#[derive(Default)]
struct Unsent {
    held: Mutex<Vec<Box<dyn Any + Send>>>,
    sent: Notify,
}

impl Unsent {
    fn release(&self) {
        let held = std::mem::take(&mut *self.held.lock());
        if !held.is_empty() {
            drop(held);
            self.sent.notify_waiters();
        }
    }
}

/// A viewer's connection. The layers above it flush when they have written all that they hold.
pub struct Connection {
    stream: TcpStream,
    unsent: Arc<Unsent>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.unsent.release();
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.unsent.release();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

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
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.inner.accept().await {
                Ok((stream, address)) => {
                    let socket = SockRef::from(&stream);
                    // Best effort: a kernel that refuses only makes a revoke wait for its reset more often.
                    let _ = socket.set_tcp_nodelay(true);
                    let _ = socket.set_send_buffer_size(self.send_buffer_bytes);
                    return (Connection { stream, unsent: Arc::default() }, address);
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
#[derive(Clone)]
pub struct SocketControl {
    /// The viewer's address.
    pub address: SocketAddr,
    handle: Option<Arc<OwnedFd>>,
    unsent: Arc<Unsent>,
}

impl SocketControl {
    /// Keeps what stands for a piece of an answer until the piece is with the kernel, or the connection is gone. To be called while the
    /// piece is handed over.
    pub fn hold(&self, piece: impl Any + Send) {
        self.unsent.held.lock().push(Box::new(piece));
    }

    /// Waits until nothing is held.
    pub async fn sent(&self) {
        loop {
            let sent = self.unsent.sent.notified();
            tokio::pin!(sent);
            sent.as_mut().enable();
            if self.unsent.held.lock().is_empty() {
                return;
            }
            sent.await;
        }
    }

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
        let handle = stream.io().stream.as_fd().try_clone_to_owned().ok().map(Arc::new);
        Self { address: *stream.remote_addr(), handle, unsent: Arc::clone(&stream.io().unsent) }
    }
}
