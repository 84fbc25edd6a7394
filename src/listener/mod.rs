//! Room: listener
//! Takes: sockets of trackers, and an outside MQTT broker. Gives: batches to the journal, and to trackers the replies that the commit released.
//! May import: session, commands, frames, journal, model, clock, config, telemetry, protocols
//! Invariant: no reply that promises durability is sent before the commit; connections, bytes, waits and lists are bounded.

mod auto;
mod broker;
mod connections;
mod http;
mod mqtt;
mod publication;
mod sending;
mod stream;
mod tcp;
mod udp;
mod unknown;

pub use unknown::UnknownDevice;

use crate::clock::Clock;
use crate::commands::Commands;
use crate::config::{AUTO, ListenerConfig};
use crate::frames::Frames;
use crate::journal::Journal;
use crate::model::DeviceId;
use crate::session::{Devices, Outside};
use connections::Connections;
use protocols::{Protocol, Transport};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use unknown::Unknown;

/// Why the listener cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// A port is in use, or not ours to take.
    #[error("{protocol} {transport}: {address}: {source}")]
    Bind {
        /// For which protocol.
        protocol: &'static str,
        /// `tcp`, `udp`, `http`, `mqtt`.
        transport: &'static str,
        /// Where.
        address: String,
        /// Why not.
        source: std::io::Error,
    },
}

/// Where a protocol is listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Which.
    pub protocol: Protocol,
    /// How.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
}

/// What the listener works with.
pub struct Parts {
    /// The time.
    pub clock: Arc<Clock>,
    /// Where batches go.
    pub journal: Journal,
    /// Who is registered.
    pub devices: Arc<dyn Devices>,
    /// Commands to devices.
    pub commands: Commands,
    /// Raw frames of watched devices.
    pub frames: Frames,
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) config: ListenerConfig,
    pub(crate) clock: Arc<Clock>,
    pub(crate) journal: Journal,
    pub(crate) devices: Arc<dyn Devices>,
    pub(crate) commands: Commands,
    pub(crate) frames: Frames,
    pub(crate) connections: Connections,
    pub(crate) unknown: Unknown,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Shared {
    pub(crate) fn outside(&self) -> Outside<'_> {
        Outside { devices: &*self.devices, claims: &self.connections, now: self.clock.now() }
    }
}

/// The tracker side of the gateway.
pub struct Listener {
    shared: Arc<Shared>,
    bound: Vec<Bound>,
    mqtt: Option<SocketAddr>,
    auto: Option<AutoBound>,
}

/// Where any protocol is listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutoBound {
    /// Streams.
    pub tcp: SocketAddr,
    /// Datagrams.
    pub udp: SocketAddr,
}

/// The usual port for trackers of any protocol: no protocol's own.
const AUTO_PORT: u16 = 5200;

/// OwnTracks over HTTP has no port that its users know; this is the one where none is configured.
const OWNTRACKS_HTTP_PORT: u16 = 8083;

impl Listener {
    /// Binds every port first, then serves.
    ///
    /// # Errors
    /// Names the protocol and the address that could not be bound.
    pub async fn start(config: ListenerConfig, parts: Parts) -> Result<Self, ListenError> {
        let Parts { clock, journal, devices, commands, frames } = parts;
        let connections = Connections::new(config.connections_max, config.connections_per_address_max);
        let unknown = Unknown::new(config.unknown_devices_max);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let shared = Arc::new(Shared { config, clock, journal, devices, commands, frames, connections, unknown, stop, tasks });
        let mut bound = Vec::new();
        let mut serving = Vec::new();
        for protocol in Protocol::ALL.iter().copied() {
            let Some(port) = port_of(&shared.config, protocol) else { continue };
            for transport in protocol.transports().iter().copied() {
                if let Some(socket) = bind(&shared.config.bind, port, protocol, transport).await? {
                    bound.push(Bound { protocol, transport, address: socket.address() });
                    serving.push((protocol, socket));
                }
            }
        }
        let auto = match auto_port_of(&shared.config) {
            Some(port) => Some(bind_auto(&shared.config.bind, port).await?),
            None => None,
        };
        let mut mqtt = None;
        if shared.config.mqtt {
            let listener = bind_stream(&shared.config.bind, shared.config.mqtt_port, "mqtt", "mqtt").await?;
            let (listener, address) = listener;
            let over_mqtt = Protocol::ALL.iter().copied().filter(|protocol| protocol.transports().contains(&Transport::Mqtt));
            bound.extend(over_mqtt.map(|protocol| Bound { protocol, transport: Transport::Mqtt, address }));
            mqtt = Some(address);
            shared.tasks.spawn(mqtt::serve(Arc::clone(&shared), listener));
        }
        if let Some(config) = shared.config.broker.clone() {
            shared.tasks.spawn(broker::serve(Arc::clone(&shared), config));
        }
        for (protocol, socket) in serving {
            let shared_here = Arc::clone(&shared);
            match socket {
                Socket::Tcp(listener, _) => shared.tasks.spawn(tcp::serve(shared_here, protocol, listener)),
                Socket::Http(listener, _) => shared.tasks.spawn(http::serve(shared_here, protocol, listener)),
                Socket::Udp(socket, _) => shared.tasks.spawn(udp::serve(shared_here, protocol, socket)),
            };
        }
        let auto = match auto {
            Some((listener, socket, bound)) => {
                shared.tasks.spawn(auto::serve_streams(Arc::clone(&shared), listener));
                shared.tasks.spawn(auto::serve_datagrams(Arc::clone(&shared), socket));
                Some(bound)
            }
            None => None,
        };
        Ok(Self { shared, bound, mqtt, auto })
    }

    /// Where trackers connect.
    #[must_use]
    pub fn bound(&self) -> &[Bound] {
        &self.bound
    }

    /// Where our own MQTT listener is, if it runs.
    #[must_use]
    pub const fn mqtt_address(&self) -> Option<SocketAddr> {
        self.mqtt
    }

    /// Where trackers of any protocol connect, if that is served.
    #[must_use]
    pub const fn auto(&self) -> Option<AutoBound> {
        self.auto
    }

    /// Closes the connections of devices that were moved, deleted, disabled or registered anew (P14).
    pub fn close_devices(&self, devices: &[DeviceId]) {
        for device in devices {
            self.shared.connections.close_device(*device);
        }
    }

    /// Identifiers that nobody registered, newest first.
    #[must_use]
    pub fn unknown(&self) -> Vec<UnknownDevice> {
        self.shared.unknown.list()
    }

    /// Connections open now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.open()
    }

    /// Takes no more, lets what waits for its commit be answered, and ends.
    pub async fn stop(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        let _ = tokio::time::timeout(std::time::Duration::from_secs(10), self.shared.tasks.wait()).await;
    }
}

enum Socket {
    Tcp(TcpListener, SocketAddr),
    Http(TcpListener, SocketAddr),
    Udp(UdpSocket, SocketAddr),
}

impl Socket {
    const fn address(&self) -> SocketAddr {
        match self {
            Self::Tcp(_, address) | Self::Http(_, address) | Self::Udp(_, address) => *address,
        }
    }
}

fn port_of(config: &ListenerConfig, protocol: Protocol) -> Option<u16> {
    if config.ports.is_empty() {
        let usual = if protocol.transports().first() == Some(&Transport::Mqtt) { OWNTRACKS_HTTP_PORT } else { protocol.default_port() };
        return Some(usual);
    }
    config.ports.get(protocol.name()).copied()
}

fn auto_port_of(config: &ListenerConfig) -> Option<u16> {
    if config.ports.is_empty() { Some(AUTO_PORT) } else { config.ports.get(AUTO).copied() }
}

async fn bind_auto(host: &str, port: u16) -> Result<(TcpListener, UdpSocket, AutoBound), ListenError> {
    let (listener, tcp) = bind_stream(host, port, AUTO, "tcp").await?;
    let (socket, udp) = bind_datagrams(host, port, AUTO).await?;
    Ok((listener, socket, AutoBound { tcp, udp }))
}

async fn bind_datagrams(host: &str, port: u16, protocol: &'static str) -> Result<(UdpSocket, SocketAddr), ListenError> {
    let failed = |source| ListenError::Bind { protocol, transport: "udp", address: place(host, port), source };
    let socket = UdpSocket::bind((host, port)).await.map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    Ok((socket, address))
}

/// MQTT has one port for all protocols and is not bound here.
async fn bind(host: &str, port: u16, protocol: Protocol, transport: Transport) -> Result<Option<Socket>, ListenError> {
    let name = match transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
        Transport::Http => "http",
        Transport::Mqtt => return Ok(None),
    };
    let socket = if transport == Transport::Udp {
        let (socket, address) = bind_datagrams(host, port, protocol.name()).await?;
        Socket::Udp(socket, address)
    } else {
        let (listener, address) = bind_stream(host, port, protocol.name(), name).await?;
        if transport == Transport::Http { Socket::Http(listener, address) } else { Socket::Tcp(listener, address) }
    };
    Ok(Some(socket))
}

async fn bind_stream(
    host: &str,
    port: u16,
    protocol: &'static str,
    transport: &'static str,
) -> Result<(TcpListener, SocketAddr), ListenError> {
    let failed = |source| ListenError::Bind { protocol, transport, address: place(host, port), source };
    let listener = TcpListener::bind((host, port)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

fn place(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
