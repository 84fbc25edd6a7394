//! Room: simulator
//! Takes: trackers to play, each with its protocol, its address and its records. Gives: traffic as real trackers make it, and a ledger of what was acknowledged.
//! May import: model, protocols
//! Invariant: a record counts as acknowledged only when the gateway's answer to its frame was read; what is not acknowledged is sent again, where there are answers.

mod drive;
mod ledger;
mod mqtt;
pub mod recorded;
mod stream;
pub mod tracks;
mod udp;

pub use drive::Drive;
pub use ledger::{Ledger, Outcome, TrackerLedger};

use protocols::{Identifier, Protocol, Record, Transport};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Where a tracker's records come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Driving about, made as it goes.
    Drive(Drive),
    /// These, in this order.
    Given(VecDeque<Record>),
}

impl Iterator for Source {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        match self {
            Self::Drive(drive) => drive.next(),
            Self::Given(records) => records.pop_front(),
        }
    }
}

/// User and password for MQTT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub user: String,
    /// Password.
    pub password: String,
}

/// One tracker to play.
#[derive(Clone, Debug)]
pub struct Tracker {
    /// What it calls itself.
    pub identifier: Identifier,
    /// What it speaks.
    pub protocol: Protocol,
    /// How.
    pub transport: Transport,
    /// Where to.
    pub address: SocketAddr,
    /// What it says.
    pub source: Source,
    /// Records of one frame, where the protocol can carry several.
    pub records_per_frame: usize,
    /// Pause between frames of `records_per_frame` records, a smaller one's in proportion; zero: as fast as acknowledgements come.
    pub frame_interval: Duration,
    /// Frames that may wait for their acknowledgement.
    pub window_frames: usize,
    /// Of a thousand frames, after how many the connection is dropped without waiting.
    pub drops_per_mille: u32,
    /// Of a thousand datagrams, how many are lost on their way.
    pub losses_per_mille: u32,
    /// For MQTT.
    pub credentials: Credentials,
}

/// What a simulated tracker calls itself: an IMEI of a range of its own, for OwnTracks with a user before it.
#[must_use]
pub fn identifier(protocol: Protocol, number: usize) -> Option<Identifier> {
    let imei = 356_307_100_000_000_u64.checked_add(number as u64)?;
    if protocol.transports().first() == Some(&Transport::Mqtt) {
        Identifier::new(&format!("sim/{imei}"))
    } else {
        Identifier::new(&imei.to_string())
    }
}

impl Tracker {
    /// Whether the gateway's answers acknowledge records. Where the protocol has none, a frame that was written is done with.
    fn is_acknowledged(&self) -> bool {
        self.protocol.about().acknowledges.contains(&self.transport)
    }

    /// How long after a frame of so many records the next one is due.
    fn pause_after(&self, records: usize) -> Duration {
        self.frame_interval.mul_f64(records as f64 / self.records_per_frame.max(1) as f64)
    }
}

/// Plays all trackers until they have said everything and it was acknowledged, or `stop` is cancelled. The ledger can be read meanwhile.
pub async fn play(trackers: Vec<Tracker>, ledger: Arc<Ledger>, stop: CancellationToken) -> Outcome {
    let tasks = TaskTracker::new();
    for (number, tracker) in trackers.into_iter().enumerate() {
        let (ledger, stop) = (Arc::clone(&ledger), stop.clone());
        match tracker.transport {
            Transport::Tcp | Transport::Http => tasks.spawn(stream::play(tracker, number, ledger, stop)),
            Transport::Udp => tasks.spawn(udp::play(tracker, number, ledger, stop)),
            Transport::Mqtt => tasks.spawn(mqtt::play(tracker, number, ledger, stop)),
        };
    }
    tasks.close();
    tasks.wait().await;
    ledger.outcome()
}

/// How long an acknowledgement is waited for before a tracker tries again, and at the end.
const ACK_DEADLINE: Duration = Duration::from_secs(10);
const CONNECT_PAUSE_MAX: Duration = Duration::from_millis(500);
