//! The fleet: which trackers, what they speak, and all that they will say.

use crate::cli::Failure;
use crate::listener::Bound;
use crate::model::{Micros, Position};
use crate::simulator::{Credentials, Drive, Source, Tracker, identifier};
use protocols::{Alarm, Identifier, Name, Protocol, Record, Transport, Value};
use std::collections::HashSet;
use std::time::Duration;

/// What the trackers speak, one after the other over the fleet.
pub(super) const SPOKEN: [(Protocol, Transport); 7] = [
    (Protocol::Teltonika, Transport::Tcp),
    (Protocol::Teltonika, Transport::Udp),
    (Protocol::Gt06, Transport::Tcp),
    (Protocol::Wialon, Transport::Tcp),
    (Protocol::OsmAnd, Transport::Http),
    (Protocol::H02, Transport::Tcp),
    (Protocol::OwnTracks, Transport::Mqtt),
];

/// The middle of the streets that are driven on.
const HOME: (f64, f64) = (52.52, 13.40);
/// Records a second of each tracker.
pub(super) const RECORDS_PER_S: u64 = 2;
/// Records from three days ago, where a tracker had lost its connection.
const OLD_RECORDS: usize = 12;
const SECOND: Micros = 1_000_000;
const DAY: Micros = 86_400 * SECOND;
/// The whole drive lies this near before now, so that no history window cuts into it.
const DRIVE_S_MAX: i64 = 12 * 3_600;
/// Of a thousand frames, after how many a connection breaks; of a thousand datagrams, how many are lost: what is sent again is shown once.
const DROPS_PER_MILLE: u32 = 4;
const LOSSES_PER_MILLE: u32 = 10;

/// One tracker and all that it will say.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub name: String,
    pub identifier: Identifier,
    pub protocol: Protocol,
    pub transport: Transport,
    pub records: Vec<Record>,
}

/// Whether a tracker was without a connection three days ago, and sends now what it kept.
pub(super) const fn has_old_data(device: usize) -> bool {
    matches!(device % 10, 2 | 5)
}

/// Plans the fleet. A simulated minute passes in a few seconds, and the drives end shortly before `now`.
pub(super) fn plan(devices: usize, seconds: u64, now: Micros) -> Result<Vec<Planned>, Failure> {
    // A few more than can be said in time, so that nobody falls silent before the end.
    let count = seconds * RECORDS_PER_S + 8;
    let step_s = (DRIVE_S_MAX / count.cast_signed().max(1)).clamp(1, 10);
    let start = now - now.rem_euclid(SECOND) - (count.cast_signed() * step_s + 60) * SECOND;
    let mut fleet = Vec::with_capacity(devices);
    for (number, (protocol, transport)) in SPOKEN.iter().copied().cycle().enumerate().take(devices) {
        let drive = Drive::new(number as u64 + 1, HOME, start, step_s * SECOND, count);
        let mut records: Vec<Record> = drive.enumerate().map(|(at, record)| with_events(record, number, at)).collect();
        if has_old_data(number) {
            let old_start = start - 3 * DAY - 3_600 * SECOND;
            let old = Drive::new(number as u64 + 10_001, HOME, old_start, 60 * SECOND, OLD_RECORDS as u64);
            let at = (seconds * RECORDS_PER_S * 3 / 10) as usize;
            records.splice(at..at, old);
        }
        fleet.push(Planned {
            name: format!("Van {number:03}"),
            identifier: identifier(protocol, number).ok_or("no identifier")?,
            protocol,
            transport,
            records,
        });
    }
    Ok(fleet)
}

/// Standing still, the ignition is off; once in a while somebody presses the button.
fn with_events(mut record: Record, number: usize, at: usize) -> Record {
    let stands = record.fix.and_then(|fix| fix.speed_kmh).is_some_and(|speed| speed < 1.0);
    if stands {
        let mut attributes = protocols::Attributes::new();
        attributes.set(Name::Ignition, Value::Bool(false));
        record.attributes = attributes;
    }
    if number % 9 == 3 && at % 20 == 10 {
        record.attributes.alarm(Alarm::Sos);
    }
    record
}

/// The trackers, ready to play against the addresses of a gateway.
pub(super) fn trackers(fleet: &[Planned], bound: &[Bound]) -> Result<Vec<Tracker>, Failure> {
    let mut trackers = Vec::with_capacity(fleet.len());
    for planned in fleet {
        let here = |it: &&Bound| it.protocol == planned.protocol && it.transport == planned.transport;
        let address = bound.iter().find(here).ok_or_else(|| format!("{} is not listened to", planned.protocol.name()))?.address;
        let several = planned.protocol == Protocol::Teltonika;
        let records_per_frame = if several { 2 } else { 1 };
        trackers.push(Tracker {
            identifier: planned.identifier,
            protocol: planned.protocol,
            transport: planned.transport,
            address,
            source: Source::Given(planned.records.clone().into()),
            records_per_frame,
            frame_interval: Duration::from_millis(1_000 / RECORDS_PER_S) * records_per_frame as u32,
            window_frames: 8,
            drops_per_mille: DROPS_PER_MILLE,
            losses_per_mille: LOSSES_PER_MILLE,
            credentials: Credentials { user: planned.identifier.to_string(), password: String::new() },
        });
    }
    Ok(trackers)
}

/// Of the first `acked` records of a tracker, as they look after the wire, how many history does not hold.
pub(super) fn lost(planned: &Planned, acked: u64, held: &[Position]) -> usize {
    let spot = |time: Option<Micros>, fix: Option<protocols::Fix>| {
        (time, fix.map(|fix| (fix.latitude.degrees().to_bits(), fix.longitude.degrees().to_bits())))
    };
    let held: HashSet<_> = held.iter().map(|position| spot(position.fix_time, position.fix)).collect();
    let encoder = planned.protocol.encoder(planned.transport);
    let acked = planned.records.iter().take(usize::try_from(acked).unwrap_or(usize::MAX)).map(|record| encoder.representable(record));
    acked.filter(|record| !held.contains(&spot(record.fix_time, record.fix))).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccountId, DeviceId, TimeFlag};

    const NOW: Micros = 1_800_000_000_000_000;

    #[test]
    fn no_drive_reaches_beyond_now_or_into_yesterday() {
        for seconds in [5, 20, 3_600] {
            let fleet = plan(10, seconds, NOW).expect("planned");
            let of = |number: usize| fleet[number].records.iter().filter_map(|record| record.fix_time);
            assert!(of(0).all(|time| (NOW - 13 * 3_600 * SECOND..NOW).contains(&time)));
            let old = of(2).filter(|time| *time < NOW - 3 * DAY).count();
            assert_eq!(old, OLD_RECORDS, "{seconds} s");
        }
        assert!(SPOKEN.iter().map(|(protocol, _)| protocol).collect::<HashSet<_>>().len() >= 5);
    }

    #[test]
    fn a_planted_loss_of_an_acknowledged_record_is_caught() {
        let fleet = plan(7, 5, NOW).expect("planned");
        for planned in &fleet {
            let encoder = planned.protocol.encoder(planned.transport);
            let held = planned.records.iter().map(|record| encoder.representable(record)).enumerate().map(|(seq, record)| Position {
                seq: seq as u64,
                account: AccountId(1),
                device: DeviceId(1),
                fix_time: record.fix_time,
                received_at: NOW,
                recorded_at: NOW,
                fix: record.fix,
                attributes: record.attributes,
                late: false,
                time_flag: TimeFlag::Sound,
            });
            let mut held: Vec<Position> = held.collect();
            assert_eq!(lost(planned, 10, &held), 0);
            held.remove(3);
            assert_eq!(lost(planned, 10, &held), 1, "{}", planned.protocol.name());
            assert_eq!(lost(planned, 3, &held), 0, "what was not acknowledged may be lost");
        }
    }
}
