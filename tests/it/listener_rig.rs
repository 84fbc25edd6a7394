//! A listener on free ports of loopback, with a journal in a folder of its own.

use protocols::{Fix, Identifier, Latitude, Longitude, Protocol, Record, Transport};
use purview::clock::Clock;
use purview::commands::{CommandRow, Commands, MaySend};
use purview::config::{JournalConfig, ListenerConfig};
use purview::frames::Frames;
use purview::journal::{EntryKind, Journal};
use purview::listener::{Listener, Parts};
use purview::model::{AccountId, DeviceId, Micros};
use purview::session::{Devices, Known};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// What a test waits for at most.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Who is registered: the place in the list, from 1, is the device's id.
pub struct Registered(Vec<String>);

impl Devices for Registered {
    fn find(&self, identifier: &str) -> Option<Known> {
        let at = self.0.iter().position(|registered| registered == identifier)?;
        Some(Known { device: device(at), account: AccountId(1), generation: 1, model: Arc::from(""), settings: Arc::default() })
    }
}

/// Everybody may send everything.
struct Anybody;

impl MaySend for Anybody {
    fn refusal(&self, _: &CommandRow) -> Option<&'static str> {
        None
    }
}

fn device(at: usize) -> DeviceId {
    DeviceId(u32::try_from(at).expect("few") + 1)
}

pub struct Rig {
    pub listener: Listener,
    pub journal: Journal,
    pub commands: Commands,
    folder: TempDir,
}

pub fn config() -> ListenerConfig {
    let ports: BTreeMap<String, u16> = Protocol::ALL.iter().map(|protocol| (protocol.name().to_owned(), 0)).collect();
    ListenerConfig { bind: "127.0.0.1".to_owned(), ports, mqtt_port: 0, ..ListenerConfig::default() }
}

pub fn journal_config() -> JournalConfig {
    JournalConfig { segment_bytes: 4 << 20, disk_margin_bytes: 0, ..JournalConfig::default() }
}

impl Rig {
    pub async fn start(registered: &[&str]) -> Self {
        Self::start_with(registered, config(), &journal_config()).await
    }

    pub async fn start_with(registered: &[&str], config: ListenerConfig, journal_config: &JournalConfig) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), registered, config, journal_config).await
    }

    /// In a folder that may hold a journal already.
    pub async fn start_in(folder: TempDir, registered: &[&str], config: ListenerConfig, journal_config: &JournalConfig) -> Self {
        let clock = Arc::new(Clock::system());
        let (journal, _) = Journal::open(folder.path(), journal_config, Arc::clone(&clock)).expect("a journal");
        for at in 0..registered.len() {
            journal.set_current(device(at), Some(1));
        }
        let devices = Arc::new(Registered(registered.iter().map(|name| (*name).to_owned()).collect()));
        let commands = Commands::open(folder.path(), Arc::clone(&clock), Arc::new(Anybody)).await.expect("commands");
        let frames = Frames::new(Arc::clone(&clock));
        let parts = Parts { clock, journal: journal.clone(), devices, commands: commands.clone(), frames };
        let listener = Listener::start(config, parts).await.expect("a listener");
        Self { listener, journal, commands, folder }
    }

    pub fn address(&self, protocol: Protocol, transport: Transport) -> SocketAddr {
        let found = self.listener.bound().iter().find(|bound| bound.protocol == protocol && bound.transport == transport);
        found.expect("bound").address
    }

    pub async fn connect(&self, protocol: Protocol) -> Tracker {
        Tracker { stream: TcpStream::connect(self.address(protocol, Transport::Tcp)).await.expect("connected") }
    }

    /// What the journal says, a word an entry.
    pub fn entries(&self) -> Vec<&'static str> {
        self.read(|kind| {
            Some(match kind {
                EntryKind::Record(_) => "record",
                EntryKind::Heartbeat { .. } => "heartbeat",
                EntryKind::SessionOpened { .. } => "opened",
                EntryKind::SessionClosed { .. } => "closed",
                EntryKind::Conflict { .. } => "conflict",
                EntryKind::Undecoded { .. } => "undecoded",
                _ => return None,
            })
        })
    }

    /// The fix times of a device's records, in the order in which they were recorded.
    pub fn fix_times(&self, of: u32) -> Vec<Micros> {
        self.read(|kind| match kind {
            EntryKind::Record(record) if record.device == DeviceId(of) => record.fix_time,
            _ => None,
        })
    }

    pub fn records(&self) -> usize {
        self.entries().iter().filter(|entry| **entry == "record").count()
    }

    fn read<T>(&self, mut see: impl FnMut(&EntryKind<'_>) -> Option<T>) -> Vec<T> {
        let mut reader = self.journal.reader(1).expect("a reader");
        let mut found = Vec::new();
        while let Some(block) = reader.next_block().expect("a block") {
            found.extend(block.entries().filter_map(|entry| see(&entry.kind)));
        }
        found
    }

    pub async fn stop(self) -> TempDir {
        self.listener.stop().await;
        let Self { listener, journal, commands, folder } = self;
        drop((listener, commands));
        tokio::task::spawn_blocking(move || journal.close()).await.expect("closed");
        folder
    }
}

/// Waits until something is so.
pub async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < PATIENCE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A record `second` seconds after a day in 2023.
pub fn record(second: i64) -> Record {
    Record {
        fix_time: Some(fix_time(second)),
        fix: Some(Fix {
            latitude: Latitude::new(52.5).expect("a latitude"),
            longitude: Longitude::new(13.4).expect("a longitude"),
            valid: true,
            altitude_m: Some(30.0),
            speed_kmh: Some(50.0),
            course_deg: Some(90.0),
        }),
        attributes: protocols::Attributes::new(),
    }
}

pub fn fix_time(second: i64) -> Micros {
    (1_700_000_000 + second) * 1_000_000
}

pub const IMEI: &str = "356307042441013";

/// The login of a Teltonika device.
pub fn login(imei: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    Protocol::Teltonika.encoder(Transport::Tcp).login(&Identifier::new(imei).expect("an identifier"), &mut bytes);
    bytes
}

/// One frame (or datagram) of a Teltonika device.
pub fn frame(transport: Transport, imei: &str, records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let taken = Protocol::Teltonika.encoder(transport).records(&Identifier::new(imei).expect("an identifier"), records, &mut bytes);
    assert_eq!(taken, records.len());
    bytes
}

/// A tracker's end of a stream.
pub struct Tracker {
    pub stream: TcpStream,
}

impl Tracker {
    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("sent");
    }

    pub async fn expect(&mut self, expected: &[u8]) {
        let mut bytes = vec![0; expected.len()];
        let read = tokio::time::timeout(PATIENCE, self.stream.read_exact(&mut bytes)).await;
        read.expect("an answer in time").expect("an answer");
        assert_eq!(bytes, expected);
    }

    /// Logs in and is let in.
    pub async fn log_in(&mut self, imei: &str) {
        self.send(&login(imei)).await;
        self.expect(&[1]).await;
    }

    /// What comes until the gateway closes; fails if it does not.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match tokio::time::timeout(PATIENCE, self.stream.read_to_end(&mut bytes)).await {
            Ok(Ok(_)) => bytes,
            // A reset: it was closed with something unread.
            Ok(Err(_)) => bytes,
            Err(_) => panic!("the connection is still open"),
        }
    }

    /// Whether nothing comes, and the connection stays, for a while.
    pub async fn silent_for(&mut self, time: Duration) -> bool {
        let mut byte = [0; 1];
        tokio::time::timeout(time, self.stream.read(&mut byte)).await.is_err()
    }
}
