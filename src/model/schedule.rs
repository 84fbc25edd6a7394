//! When a rule is in force: a week in a time zone.

use policy::Micros;
use serde::{Deserialize, Serialize};

/// Spans of a week in a time zone. Empty = always.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// IANA name, e.g. `Europe/Berlin`; UTC where none is given.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// The spans. Empty = always.
    #[serde(default)]
    pub spans: Vec<WeekSpan>,
}

/// A part of one day of each week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeekSpan {
    /// 1 = Monday … 7 = Sunday.
    pub weekday: u8,
    /// Minutes after midnight, local, inclusive.
    pub from_minute: u16,
    /// Minutes after midnight, local, exclusive; at most 1440.
    pub to_minute: u16,
}

/// A schedule whose time zone was looked up.
#[derive(Clone, Debug)]
pub struct CompiledSchedule {
    zone: jiff::tz::TimeZone,
    spans: Vec<WeekSpan>,
}

impl Schedule {
    /// The most spans one schedule has.
    pub const SPANS_MAX: usize = 64;

    /// Looks the time zone up.
    ///
    /// # Errors
    /// Names what is wrong: an unknown time zone, a span that is none.
    pub fn compile(&self) -> Result<CompiledSchedule, String> {
        let zone = match &self.time_zone {
            None => jiff::tz::TimeZone::UTC,
            Some(name) => jiff::tz::TimeZone::get(name).map_err(|_| format!("time_zone: {name:?} is not an IANA time zone"))?,
        };
        if self.spans.len() > Self::SPANS_MAX {
            return Err(format!("spans: at most {} are taken", Self::SPANS_MAX));
        }
        for span in &self.spans {
            if !(1..=7).contains(&span.weekday) || span.from_minute >= span.to_minute || span.to_minute > 1440 {
                return Err(format!("spans: weekday 1–7 and from_minute < to_minute ≤ 1440 are needed, not {span:?}"));
            }
        }
        Ok(CompiledSchedule { zone, spans: self.spans.clone() })
    }
}

impl CompiledSchedule {
    /// Whether a rule with this schedule is in force at an instant.
    #[must_use]
    pub fn covers(&self, time: Micros) -> bool {
        if self.spans.is_empty() {
            return true;
        }
        let Ok(instant) = jiff::Timestamp::from_microsecond(time) else { return false };
        let local = self.zone.to_datetime(instant);
        let weekday = local.weekday().to_monday_one_offset();
        let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
        self.spans
            .iter()
            .any(|s| i32::from(s.weekday) == i32::from(weekday) && (i32::from(s.from_minute)..i32::from(s.to_minute)).contains(&minute))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_in_local_time_summer_and_winter() {
        let schedule = Schedule {
            time_zone: Some("Europe/Berlin".to_owned()),
            spans: vec![WeekSpan { weekday: 1, from_minute: 8 * 60, to_minute: 9 * 60 }],
        };
        let compiled = schedule.compile().expect("a sound schedule");
        let at = |text: &str| compiled.covers(crate::model::from_rfc3339(text).expect("a time"));
        assert!(at("2026-07-06T06:30:00Z") && !at("2026-07-06T07:30:00Z"), "summer: UTC+2");
        assert!(at("2026-01-05T07:30:00Z") && !at("2026-01-05T06:30:00Z"), "winter: UTC+1");
        assert!(!at("2026-01-06T07:30:00Z"), "a Tuesday");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let bad = Schedule { time_zone: Some("Mars/Olympus".to_owned()), spans: vec![] };
        assert!(bad.compile().is_err_and(|e| e.contains("Mars/Olympus")));
        let bad = Schedule { time_zone: None, spans: vec![WeekSpan { weekday: 0, from_minute: 0, to_minute: 1 }] };
        assert!(bad.compile().is_err());
    }
}
