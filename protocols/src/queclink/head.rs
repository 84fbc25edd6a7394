//! What stands before a place in the text form, and what the kind of a message says by itself.

use super::fields::{self, hex};
use super::text::{BEFORE_LONGITUDE, Line, NUMBERED_MAX, set_state};
use super::{can, obd};
use crate::wire::{cell_text, decimal};
use crate::{Alarm, Draft, Name, Value, carry};

/// Where the time of the last fix stands in the information of a portable device, counted from the state: the charge is behind it.
const PORTABLE_FIX_TIME: usize = 13;
/// Country, network, area, cell, level and one more.
const CELL_FIELDS: usize = 6;
/// A level is so far above this, dBm without the sign.
const CELL_LEVEL_ZERO: u32 = 110;
const CELL_LEVEL_MAX: u32 = 63;
const MILLIVOLTS: f64 = 1_000.0;

/// What each kind says by itself.
fn alarm(line: &Line<'_>, place: Option<usize>) -> Option<Alarm> {
    let kind = line.report_kind(place);
    Some(match line.kind {
        // By far the most frequent.
        "FRI" | "ERI" => return None,
        "SOS" => Alarm::Sos,
        "PNA" => Alarm::PowerOn,
        "PFA" => Alarm::PowerOff,
        "MPN" | "EPN" => Alarm::PowerRestored,
        "MPF" | "EPF" => Alarm::PowerCut,
        "BPL" | "LBA" => Alarm::LowBattery,
        "TOW" => Alarm::Towing,
        "IDL" | "IDN" => Alarm::Idle,
        "SPD" => Alarm::Overspeed,
        "CRA" => Alarm::Crash,
        "JDR" | "JDS" => Alarm::Jamming,
        "TMP" | "TEM" => Alarm::Temperature,
        "FLA" => Alarm::FuelLeak,
        "SWG" => Alarm::Geofence,
        "GIN" => Alarm::GeofenceEnter,
        "GOT" => Alarm::GeofenceExit,
        "GEO" => {
            if kind.ends_with('1') {
                Alarm::GeofenceEnter
            } else {
                Alarm::GeofenceExit
            }
        }
        "HBM" => match kind.bytes().last()? {
            b'0' => Alarm::HardBraking,
            b'1' => Alarm::HardAcceleration,
            b'2' => Alarm::HardCornering,
            _ => return None,
        },
        // Movement begins or ends: the state says which.
        "STT" => Alarm::Movement,
        _ => return None,
    })
}

/// Whether a report's number 1 says that the ignition is on: so on the cameras of the series CV; on all others it says off.
fn one_is_on(device_type: &str) -> bool {
    matches!(device_type, "BD" | "DF")
}

/// Whether a name is that of a vehicle by its maker.
pub fn is_vin(name: &str) -> bool {
    name.len() == 17 && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Line<'_> {
    /// Kind and number of the report, two hexadecimal digits in front of the accuracy and of how many places there are.
    fn report_kind(&self, place: Option<usize>) -> &str {
        place.map_or("", |place| self.at(place.saturating_sub(BEFORE_LONGITUDE + 2)))
    }

    /// The field in front of the accuracy.
    fn before_accuracy(&self, place: usize) -> &str {
        self.at(place.saturating_sub(BEFORE_LONGITUDE + 1))
    }

    /// What each place of the message is part of.
    pub fn describe_kind(&self, draft: &mut Draft) {
        draft.set(Name::Event, Value::Text(self.kind));
        if self.buffered {
            draft.set(Name::Buffered, Value::Bool(true));
        }
    }

    /// What stands before the place, and what the kind says. Of several places it is said of the last.
    pub fn describe_head(&self, place: Option<usize>, draft: &mut Draft) {
        if let Some(alarm) = alarm(self, place) {
            draft.alarm(alarm);
        }
        let name = self.own(1);
        if is_vin(name) {
            draft.set(Name::Vin, Value::Text(name));
        }
        self.describe_ignition(place, draft);
        self.describe_supply(place, draft);
        match self.kind {
            "FRI" | "ERI" => {}
            "INF" => self.describe_information(draft),
            "CAN" | "OBD" => self.describe_bus(place, draft),
            "DAT" | "DTT" => {
                let text = self.between(self.device.saturating_add(2), place.unwrap_or(self.end)).iter().max_by_key(|field| field.len());
                draft.set_text(Name::Text, text.copied().unwrap_or_default());
            }
            "STT" => {
                let state = place.map_or(self.own(2), |place| self.before_accuracy(place));
                if let Some((ignition, motion)) = fields::state(state) {
                    set_state(ignition, motion, draft);
                }
            }
            "NMR" => {
                let kind = self.report_kind(place);
                if matches!(kind, "0" | "1") {
                    draft.set(Name::Motion, Value::Bool(kind == "1"));
                }
            }
            // Which input, and its level.
            "DIS" => {
                let kind = hex(self.report_kind(place)).and_then(|kind| u8::try_from(kind).ok()).filter(|kind| *kind > 0x0F);
                if let Some(kind) = kind {
                    draft.set_numbered(Name::Input, kind >> 4, Value::Bool(kind & 1 != 0));
                }
            }
            // The two light or lid switches.
            "LSW" | "TSW" => {
                let level = place.map_or(self.own(3), |place| self.before_accuracy(place));
                if matches!(level, "0" | "1") {
                    draft.set_numbered(Name::Input, if self.kind == "LSW" { 1 } else { 2 }, Value::Bool(level == "1"));
                }
            }
            "IDA" => draft.set_text(Name::DriverId, self.own(3)),
            _ => self.describe_answer(draft),
        }
    }

    /// What was asked for by `AT+GTRTO`.
    fn describe_answer(&self, draft: &mut Draft) {
        match self.kind {
            "VER" => {
                draft.set_text(Name::Model, self.own(2));
                draft.set_text(Name::Firmware, self.own(3));
                draft.set_text(Name::Hardware, self.own(4));
            }
            "CID" => draft.set_text(Name::Iccid, self.own(2)),
            "CSQ" => draft.set_int(Name::GsmSignalLevel, fields::whole(self.own(2)).filter(|level| *level <= 31)),
            "BAT" => {
                let all = self.between(self.device.saturating_add(2), self.end);
                let volts = all.iter().filter(|field| field.contains('.')).find_map(|field| volts(field));
                draft.set_int(Name::BatteryMv, volts);
            }
            "GSM" | "LBS" => self.describe_cells(draft),
            "EPN" | "BTC" => draft.set(Name::Charging, Value::Bool(true)),
            "EPF" | "STC" => draft.set(Name::Charging, Value::Bool(false)),
            _ => {}
        }
    }

    /// Neighbours of the cell, then the cell itself.
    fn describe_cells(&self, draft: &mut Draft) {
        let all = self.between(self.device.saturating_add(1), self.end);
        let found = |at: usize| all.get(at..).and_then(fields::cell).filter(|(_, place)| *place != (0xFFFF, 0xFFFF));
        let Some(own) = (0..all.len()).rev().find(|at| found(*at).is_some()) else { return };
        let mut push = |number: u8, at: usize| {
            if let Some((operator, place)) = found(at) {
                let level = all.get(at.saturating_add(4)).and_then(|level| fields::whole(level)).filter(|level| *level <= CELL_LEVEL_MAX);
                let signal = level.and_then(|level| u16::try_from(CELL_LEVEL_ZERO.saturating_sub(level)).ok());
                draft.set_numbered(Name::Cell, number, Value::Text(cell_text(operator, place, signal).as_str()));
            }
        };
        push(0, own);
        let (mut number, mut at) = (0_u8, 0_usize);
        while at < own && number < NUMBERED_MAX {
            if found(at).is_some() {
                number = number.saturating_add(1);
                push(number, at);
                at = at.saturating_add(CELL_FIELDS);
            } else {
                at = at.saturating_add(1);
            }
        }
    }

    fn describe_ignition(&self, place: Option<usize>, draft: &mut Draft) {
        let on = match self.kind {
            "FRI" | "ERI" => return,
            "IGN" | "VGN" => true,
            "IGF" | "VGF" => false,
            "IGL" | "VGL" => match self.report_kind(place).bytes().last() {
                Some(number @ (b'0' | b'1')) => (number == b'1') == one_is_on(fields::device_type(self.version())),
                _ => return,
            },
            _ => return,
        };
        draft.set(Name::Ignition, Value::Bool(on));
    }

    fn describe_supply(&self, place: Option<usize>, draft: &mut Draft) {
        let millivolts = match self.kind {
            // Behind the name; on some series behind one more field.
            "FRI" => [self.own(2), self.own(3)].into_iter().find(|field| field.len() >= 4).and_then(fields::whole),
            "ERI" => fields::whole(self.own(3)),
            _ => None,
        };
        draft.set_int(Name::ExternalPowerMv, millivolts);
        if self.kind == "BPL" {
            draft.set_int(Name::BatteryMv, volts(self.own(2)));
        }
        // Status and continuous reports of the GL500 and GL530.
        if let ("STR" | "CTN", Some(place)) = (self.kind, place) {
            draft.set_int(Name::BatteryLevelPct, fields::percent(self.before_accuracy(place)));
            // In front of it, on some series.
            let celsius = Some(self.report_kind(Some(place))).filter(|field| field.contains('.')).and_then(decimal);
            draft.set_float(Name::DeviceTemperatureC, celsius);
        }
    }

    /// State, ICCID, signal, bit errors, supply connected, millivolts or kilometres, second supply, battery (V), charging.
    fn describe_information(&self, draft: &mut Draft) {
        if self.device == 1 {
            draft.set_text(Name::Iccid, self.own(1));
            return;
        }
        let own = |place: usize| self.own(place.saturating_add(2));
        if let Some((ignition, motion)) = fields::state(own(0)).filter(|_| own(0).len() == 2) {
            set_state(ignition, motion, draft);
        }
        draft.set_text(Name::Iccid, own(1));
        draft.set_int(Name::GsmSignalLevel, fields::whole(own(2)).filter(|level| *level <= 31));
        if own(5).contains('.') {
            draft.set_int(Name::OdometerM, decimal(own(5)).filter(|km| *km >= 0.0).map(|km| carry::whole(km * 1_000.0)));
        } else {
            draft.set_int(Name::ExternalPowerMv, fields::whole(own(5)));
        }
        if own(6).len() >= 4
            && let Some(millivolts) = fields::whole(own(6))
        {
            draft.set_numbered(Name::ExternalPowerMv, 2, Value::Int(i64::from(millivolts)));
        }
        draft.set_int(Name::BatteryMv, volts(own(7)));
        if matches!(own(8), "0" | "1") {
            draft.set(Name::Charging, Value::Bool(own(8) == "1"));
        }
        if fields::is_time(own(PORTABLE_FIX_TIME)) {
            // Behind it whether a light is on, and degrees.
            draft.set_int(Name::BatteryLevelPct, fields::percent(own(PORTABLE_FIX_TIME + 1)));
            draft.set_float(Name::DeviceTemperatureC, decimal(own(PORTABLE_FIX_TIME + 3)));
        }
    }

    /// The mask stands behind the kind of the report and one more: whether the bus is heard, or the name.
    fn describe_bus(&self, place: Option<usize>, draft: &mut Draft) {
        let to = place.map_or(self.end, |place| place.saturating_sub(BEFORE_LONGITUDE));
        let Some(mask) = hex(self.own(4)) else { return };
        let fields = self.between(self.device.saturating_add(5), to);
        if self.kind == "CAN" {
            can::describe(mask, fields, draft);
        } else {
            obd::describe(mask, fields, draft);
        }
    }
}

fn volts(field: &str) -> Option<i64> {
    decimal(field).filter(|volts| (0.0..100.0).contains(volts)).map(|volts| carry::whole(volts * MILLIVOLTS))
}
