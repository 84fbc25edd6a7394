//! Positions.

use super::{Order, write_rfc3339};
use policy::{AccountId, DeviceId, Micros, Seq};
use protocols::{Attributes, Fix};
use serde::{Deserialize, Serialize};

/// What is wrong with a record's time. Flagged time is stored and delivered, but never moves the latest position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeFlag {
    /// Nothing.
    #[default]
    Sound,
    /// The record has no time.
    Missing,
    /// Before trackers existed (1980 and the like, week rollover).
    Ancient,
    /// Later than it can be.
    Future,
}

/// A record in our hands: whose it is, where it stands in the recorded order, and what it says.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    /// The journal entry; also its identity.
    pub seq: Seq,
    /// Whose.
    pub account: AccountId,
    /// Which device.
    pub device: DeviceId,
    /// The device's time.
    pub fix_time: Option<Micros>,
    /// When it came in.
    pub received_at: Micros,
    /// When it was recorded: strictly increasing with `seq`.
    pub recorded_at: Micros,
    /// The place, if it has one.
    pub fix: Option<Fix>,
    /// Everything else.
    pub attributes: Attributes,
    /// Older than the device's latest when it was recorded.
    pub late: bool,
    /// Trouble with its time.
    pub time_flag: TimeFlag,
}

impl Position {
    /// The order of the item.
    #[must_use]
    pub const fn order(&self) -> Order {
        Order { seq: self.seq, ordinal: 0 }
    }

    /// The time by which the history window judges: the fix time, never later than recorded (P2).
    #[must_use]
    pub fn judged_time(&self) -> Micros {
        self.fix_time.map_or(self.recorded_at, |fix| fix.min(self.recorded_at))
    }

    /// Where history keeps it: by the fix time as the device gave it, or by when it was recorded.
    #[must_use]
    pub fn history_time(&self) -> Micros {
        self.fix_time.unwrap_or(self.recorded_at)
    }

    /// Appends the fields of a JSON object, without braces and without the device. The names are those of the public API.
    pub fn write_json_fields(&self, out: &mut String) {
        use std::fmt::Write as _;
        match self.fix_time {
            Some(time) => {
                out.push_str("\"fix_time\":\"");
                write_rfc3339(time, out);
                out.push('"');
            }
            None => out.push_str("\"fix_time\":null"),
        }
        out.push_str(",\"recorded_at\":\"");
        write_rfc3339(self.recorded_at, out);
        out.push('"');
        if let Some(fix) = &self.fix {
            let _ =
                write!(out, ",\"latitude\":{},\"longitude\":{},\"valid\":{}", fix.latitude.degrees(), fix.longitude.degrees(), fix.valid);
            for (name, value) in [("altitude_m", fix.altitude_m), ("speed_kmh", fix.speed_kmh), ("course_deg", fix.course_deg)] {
                match value {
                    Some(v) if v.is_finite() => {
                        let _ = write!(out, ",\"{name}\":{v}");
                    }
                    _ => {
                        let _ = write!(out, ",\"{name}\":null");
                    }
                }
            }
        } else {
            out.push_str(
                ",\"latitude\":null,\"longitude\":null,\"valid\":false,\"altitude_m\":null,\"speed_kmh\":null,\"course_deg\":null",
            );
        }
        out.push_str(",\"attributes\":");
        self.attributes.write_json(out);
        let _ = write!(out, ",\"late\":{}", self.late);
        match self.time_flag {
            TimeFlag::Sound => {}
            TimeFlag::Missing => out.push_str(",\"time_flag\":\"missing\""),
            TimeFlag::Ancient => out.push_str(",\"time_flag\":\"ancient\""),
            TimeFlag::Future => out.push_str(",\"time_flag\":\"future\""),
        }
    }
}
