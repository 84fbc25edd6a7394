//! One publication, wherever it came from: from a device, or from an outside broker.

use super::Shared;
use crate::frames::Direction;
use crate::journal::Batch;
use crate::model::DeviceId;
use crate::session::Session;
use crate::telemetry;
use protocols::{Input, MqttPublish, Protocol, Transport};

/// What came of it.
pub(super) enum Publication {
    /// A registered device said something; it is to be made durable.
    Kept { batch: Batch, device: Option<DeviceId> },
    /// Nobody registered who is named. Counted and listed.
    Unknown,
    /// It cannot be read, or names no device. Counted.
    Bad(&'static str),
}

pub(super) fn take(shared: &Shared, protocol: Protocol, topic: &str, payload: &[u8]) -> Publication {
    let mut session = Session::single(protocol);
    let step = session.accept(&Input::Mqtt(MqttPublish { topic, payload }), &shared.outside());
    shared.watch(&session, Direction::In, &[topic.as_bytes(), b"\n", payload].concat(), step.told);
    if step.frames > 0 {
        metrics::counter!(telemetry::FRAMES, "protocol" => protocol.name()).increment(u64::from(step.frames));
    }
    if let Some(identifier) = &step.unknown {
        shared.unknown.note(identifier, protocol, shared.clock.now());
        return Publication::Unknown;
    }
    match step.error {
        Some(what) => Publication::Bad(what),
        None => Publication::Kept { batch: step.batch, device: session.known().map(|known| known.device) },
    }
}

/// The protocol whose name is the first level of the topic.
pub(super) fn protocol_of(topic: &str) -> Option<Protocol> {
    let (first, _) = topic.split_once('/')?;
    Protocol::from_name(first).filter(|protocol| protocol.transports().contains(&Transport::Mqtt))
}
