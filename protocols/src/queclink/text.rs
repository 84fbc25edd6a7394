//! The text form.

use super::{can, fields};
use crate::wire::{self, Fields, cell_text, decimal, wifi_text};
use crate::{Alarm, DecodeError, Draft, Environment, Identifier, Key, Message, Name, Release, Replies, Value, carry};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Fields that are looked at: fifteen places with networks, and the bus.
const FIELDS_MAX: usize = 384;
/// Fields of a place up to and with its time.
const PLACE_FIELDS: usize = 7;
/// Of those, before the longitude.
const BEFORE_LONGITUDE: usize = 4;
/// Wireless networks and probes that are told.
const NUMBERED_MAX: u8 = 32;

/// A message taken apart.
struct Line<'a> {
    fields: Fields<'a, FIELDS_MAX>,
    kind: &'a str,
    buffered: bool,
    /// Where the device stands.
    device: usize,
    /// Where the time of sending stands, or the end.
    end: usize,
}

impl<'a> Line<'a> {
    fn at(&self, index: usize) -> &'a str {
        self.fields.at(index)
    }

    /// The field so far behind the device.
    fn own(&self, offset: usize) -> &'a str {
        let index = self.device.saturating_add(offset);
        if index < self.end { self.at(index) } else { "" }
    }

    /// Fields from one up to another.
    fn between(&self, from: usize, to: usize) -> &[&'a str] {
        let fields = self.fields.from(from);
        fields.get(..to.saturating_sub(from)).unwrap_or(fields)
    }

    fn is_one_of(&self, kinds: &[&str]) -> bool {
        kinds.contains(&self.kind)
    }
}

/// Reads a message without its end.
pub fn read(text: &str, env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Result<(), DecodeError> {
    let fields = Fields::split(text, ',');
    let head: &str = fields.at(0);
    let (prefix, kind) = head.split_once(":GT").ok_or(DecodeError::skipped("no kind"))?;
    let device = if fields.at(1).len() == 15 && fields.at(1).bytes().all(|byte| byte.is_ascii_digit()) { 1 } else { 2 };
    let identifier = Identifier::new(fields.at(device)).filter(|_| (5..=20).contains(&fields.at(device).len()));
    let identifier = Some(identifier.ok_or(DecodeError::skipped("no device"))?);
    let sent = fields.count().saturating_sub(2);
    let end = if fields::is_time(fields.at(sent)) && sent > device { sent } else { fields.count() };
    let count = fields.at(fields.count().saturating_sub(1));
    let line = Line { kind, buffered: prefix == "+BUFF", device, end, fields };
    match (prefix, kind) {
        ("+ACK", "HBD") => {
            out.push(Message::Heartbeat { identifier, attributes: Draft::new().attributes });
            let version = line.at(1);
            replies.bytes(Release::Identified, format!("+SACK:GTHBD,{version},{count}$").into_bytes());
            return Ok(());
        }
        ("+ACK", _) => {
            let mut said = String::from(kind);
            for word in line.between(device.saturating_add(2), end).iter().filter(|word| !word.is_empty()) {
                said.push(' ');
                said.push_str(word);
            }
            out.push(Message::CommandAnswer { identifier, tag: None, done: Some(true), text: said });
        }
        ("+RESP" | "+BUFF", _) => line.records(identifier, out),
        _ => out.push(Message::Undecoded { identifier, reason: "unknown form", raw: text.as_bytes().to_vec() }),
    }
    if env.options.flag("ack") {
        replies.bytes(Release::Durable, format!("+SACK:{count}$").into_bytes());
    }
    Ok(())
}

/// What each kind says by itself.
fn alarm(line: &Line<'_>, place: Option<usize>) -> Option<Alarm> {
    // Report kind and number stand before the accuracy.
    let kind = place.map_or("", |place| line.at(place.saturating_sub(BEFORE_LONGITUDE + 2)));
    Some(match line.kind {
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

impl Line<'_> {
    /// Where the longitudes stand.
    fn places(&self) -> Vec<usize> {
        let first = self.device.saturating_add(1).saturating_add(BEFORE_LONGITUDE);
        let is_place = |at: &usize| {
            let time = at.saturating_add(2);
            // The time of sending is none of a place.
            // The form of a time is the quickest to see, and the rarest.
            time <= self.end
                && fields::is_time(self.at(time))
                && fields::is_degrees(self.at(*at))
                && fields::is_degrees(self.at(at.saturating_add(1)))
        };
        (first..self.end).filter(is_place).collect()
    }

    fn records(&self, identifier: Option<Identifier>, out: &mut Vec<Message>) {
        let places = self.places();
        let Some(last) = places.last().copied() else {
            let mut draft = Draft::at(fields::time(self.at(self.end)));
            self.describe_head(None, &mut draft);
            self.describe_tail(self.device.saturating_add(2), self.end, true, &mut draft);
            out.push(Message::Record { identifier, record: draft.finish() });
            return;
        };
        for (index, place) in places.iter().enumerate() {
            let next = places.get(index.saturating_add(1)).map(|next| next.saturating_sub(BEFORE_LONGITUDE));
            let mut draft = Draft::at_told(fields::time(self.at(place.saturating_add(2))));
            self.describe_place(*place, &mut draft);
            if *place == last {
                self.describe_head(Some(*place), &mut draft);
            }
            let behind = place.saturating_add(PLACE_FIELDS - BEFORE_LONGITUDE);
            self.describe_tail(behind, next.unwrap_or(self.end), *place == last, &mut draft);
            out.push(Message::Record { identifier, record: draft.finish() });
        }
    }

    fn describe_place(&self, place: usize, draft: &mut Draft) {
        draft.place_of(decimal(self.at(place.saturating_add(1))), decimal(self.at(place)));
        let before = |offset: usize| decimal(self.at(place.saturating_sub(offset)));
        let accuracy = before(BEFORE_LONGITUDE).filter(|accuracy| (0.0..=100.0).contains(accuracy));
        draft.valid = accuracy.is_none_or(|accuracy| accuracy > 0.0);
        draft.set_float(Name::Hdop, accuracy.filter(|accuracy| *accuracy > 0.0));
        if let Some(speed) = before(3) {
            draft.speed_kmh(speed);
        }
        if let Some(course) = before(2) {
            draft.course_deg(course);
        }
        if let Some(height) = before(1) {
            draft.altitude_m(height);
        }
    }

    /// What stands before the place, and what the kind says.
    fn describe_head(&self, place: Option<usize>, draft: &mut Draft) {
        draft.set(Name::Event, Value::Text(self.kind));
        if self.buffered {
            draft.set(Name::Buffered, Value::Bool(true));
        }
        if let Some(alarm) = alarm(self, place) {
            draft.alarm(alarm);
        }
        let name = self.own(1);
        if name.len() == 17 && name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            draft.set(Name::Vin, Value::Text(name));
        }
        self.describe_ignition(place, draft);
        self.describe_supply(place, draft);
        match self.kind {
            "INF" => self.describe_information(draft),
            "CAN" | "OBD" => self.describe_bus(draft),
            "DAT" | "DTT" => {
                let text = self.between(self.device.saturating_add(2), place.unwrap_or(self.end)).iter().max_by_key(|field| field.len());
                draft.set_text(Name::Text, text.copied().unwrap_or_default());
            }
            "STT" => {
                let state = place.map_or(self.own(2), |place| self.at(place.saturating_sub(BEFORE_LONGITUDE + 1)));
                if let Some((ignition, motion)) = fields::state(state) {
                    set_state(ignition, motion, draft);
                }
            }
            "NMR" => {
                let kind = place.map_or("", |place| self.at(place.saturating_sub(BEFORE_LONGITUDE + 2)));
                if matches!(kind, "0" | "1") {
                    draft.set(Name::Motion, Value::Bool(kind == "1"));
                }
            }
            _ => {}
        }
    }

    fn describe_ignition(&self, place: Option<usize>, draft: &mut Draft) {
        let on = match self.kind {
            "IGN" | "VGN" => true,
            "IGF" | "VGF" => false,
            "IGL" => place.is_some_and(|place| self.at(place.saturating_sub(BEFORE_LONGITUDE + 2)).ends_with('1')),
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
            let volts = decimal(self.own(2)).filter(|volts| (0.0..100.0).contains(volts));
            draft.set_int(Name::BatteryMv, volts.map(|volts| carry::whole(volts * 1_000.0)));
        }
        // Status and continuous reports of the GL500 and GL530.
        if let (true, Some(place)) = (self.is_one_of(&["STR", "CTN"]), place) {
            draft.set_int(Name::BatteryLevelPct, fields::percent(self.at(place.saturating_sub(BEFORE_LONGITUDE + 1))));
        }
    }

    /// State, ICCID, signal, bit errors, supply connected, millivolts or kilometres, second supply, battery (V), charging.
    fn describe_information(&self, draft: &mut Draft) {
        let offset: usize = if self.device == 1 { 0 } else { 2 };
        let own = |place: usize| self.own(offset.saturating_add(place));
        if self.device == 1 {
            draft.set_text(Name::Iccid, own(1));
            return;
        }
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
        let volts = decimal(own(7)).filter(|volts| (0.0..100.0).contains(volts));
        draft.set_int(Name::BatteryMv, volts.map(|volts| carry::whole(volts * 1_000.0)));
        if matches!(own(8), "0" | "1") {
            draft.set(Name::Charging, Value::Bool(own(8) == "1"));
        }
    }

    /// The mask is the first field of eight digits.
    fn describe_bus(&self, draft: &mut Draft) {
        let from = self.device.saturating_add(2);
        let all = self.between(from, self.end);
        let Some(at) = all.iter().position(|field| fields::is_hex(field, 8)) else { return };
        if let (Some(mask), Some(rest), "CAN") = (all.get(at).and_then(|mask| hex(mask)), all.get(at.saturating_add(1)..), self.kind) {
            can::describe(mask, rest, draft);
        }
    }

    /// What stands behind a place, or in a message without one.
    fn describe_tail(&self, from: usize, to: usize, last: bool, draft: &mut Draft) {
        let tail = self.between(from, to);
        let mut rest = tail;
        let cell_at = if from > self.device.saturating_add(2) {
            0
        } else {
            tail.windows(4).position(|four| fields::cell(four).is_some()).unwrap_or(0)
        };
        if let Some((operator, place)) = tail.get(cell_at..).and_then(fields::cell) {
            draft.set(Name::Cell, Value::Text(cell_text(operator, place, None).as_str()));
            rest = tail.get(cell_at.saturating_add(4)..).unwrap_or_default();
            // A mask of what follows; its first bit: satellites.
            if let [mask, satellites, ..] = rest
                && fields::is_hex(mask, 2)
                && mask.starts_with('0')
                && hex(mask).is_some_and(|mask| mask & 1 != 0)
            {
                draft.set_int(Name::Satellites, fields::whole(satellites).filter(|count| *count < 100));
                rest = rest.get(2..).unwrap_or_default();
            }
        }
        networks(tail, draft);
        if self.is_one_of(&["CAN", "OBD", "INF", "DAT", "DTT"]) {
            return;
        }
        let state = rest.iter().position(|field| fields::is_report_state(field));
        let charge = if state.is_none() && self.is_one_of(&["FRI", "ERI"]) { charge(rest) } else { None };
        let before = rest.get(..charge.or(state).unwrap_or(rest.len())).unwrap_or_default();
        if let Some(km) = before.iter().copied().find(is_mileage).and_then(decimal) {
            draft.set(Name::OdometerM, Value::Int(carry::whole(km * 1_000.0)));
        }
        if let Some(at) = before.iter().position(|field| fields::hours(field).is_some()) {
            draft.set_int(Name::EngineHoursS, before.get(at).and_then(|field| fields::hours(field)));
            for (number, field) in (1..=2).zip(before.get(at.saturating_add(1)..).unwrap_or_default()) {
                if let Some(millivolts) = fields::whole(field) {
                    draft.set_numbered(Name::AnalogMv, number, Value::Int(i64::from(millivolts)));
                }
            }
        }
        if last {
            self.describe_state(rest, state, charge, draft);
        }
    }

    fn describe_state(&self, rest: &[&str], state: Option<usize>, charge: Option<usize>, draft: &mut Draft) {
        let at = |place: usize| rest.get(place).copied().unwrap_or_default();
        if let Some(place) = state {
            draft.set_int(Name::BatteryLevelPct, place.checked_sub(1).and_then(|before| fields::percent(at(before))));
            if let Some((ignition, motion)) = fields::state(at(place)) {
                set_state(ignition, motion, draft);
            }
            let byte = |from: usize| at(place).get(from..from.saturating_add(2)).and_then(hex).map(i64::from);
            draft.set_int(Name::InputMask, byte(2));
            draft.set_int(Name::OutputMask, byte(4));
            let behind = rest.get(place.saturating_add(1)..).unwrap_or_default();
            match self.kind {
                "FRI" => {
                    draft.set_int(Name::EngineRpm, behind.first().and_then(|rpm| fields::whole(rpm)));
                    draft.set_int(Name::FuelLevelPct, behind.get(2).and_then(|fuel| fields::percent(fuel)));
                }
                "ERI" => self.describe_extensions(behind, draft),
                _ => {}
            }
            return;
        }
        if let Some(place) = charge {
            draft.set_int(Name::BatteryLevelPct, fields::percent(at(place)));
            draft.set(Name::Charging, Value::Bool(at(place.saturating_add(1)) == "1"));
            let celsius = Some(at(place.saturating_add(2))).filter(|field| field.contains('.')).and_then(decimal);
            draft.set_float(Name::DeviceTemperatureC, celsius);
            return;
        }
        if self.is_one_of(&["IGN", "IGF", "VGN", "VGF", "STT", "HBM", "STR", "CTN"]) {
            return;
        }
        // Behind hours and two analog inputs; else at the end; else alone.
        let hours = rest.iter().position(|field| fields::hours(field).is_some());
        let percent = match (hours, rest.last().and_then(|field| fields::percent(field))) {
            (Some(hours), _) => fields::percent(at(hours.saturating_add(3))),
            (None, None) if self.kind == "ERI" => rest.iter().find_map(|field| fields::percent(field)),
            (None, percent) => percent,
        };
        draft.set_int(Name::BatteryLevelPct, percent);
    }

    /// By the mask of the message: a fuel sensor, probes of a one-wire bus, the vehicle's bus. Before them, which device is connected.
    fn describe_extensions(&self, behind: &[&str], draft: &mut Draft) {
        let Some(mask) = Some(self.own(2)).filter(|mask| fields::is_hex(mask, 8)).and_then(hex) else { return };
        let mut behind = behind.get(1..).unwrap_or_default().iter();
        if mask & 1 != 0
            && let Some(raw) = behind.next().and_then(|raw| hex(raw))
        {
            draft.set(Name::FuelRaw, Value::Int(i64::from(raw)));
        }
        if mask & 2 != 0 {
            let count = behind.next().and_then(|count| count.parse::<u8>().ok()).unwrap_or(0).min(NUMBERED_MAX);
            for number in 1..=count {
                let (Some(_), Some(_), Some(raw)) = (behind.next(), behind.next(), behind.next()) else { break };
                let Ok(raw) = u16::from_str_radix(raw, 16) else { continue };
                draft.set_numbered(Name::TemperatureC, number, Value::Float(f64::from(raw.cast_signed()) * 0.0625));
            }
        }
        if mask & 4 != 0 {
            let rest = behind.as_slice();
            if let Some(at) = rest.iter().position(|field| fields::is_hex(field, 8))
                && let Some(bits) = rest.get(at).and_then(|bits| hex(bits))
            {
                can::describe(bits, rest.get(at.saturating_add(1)..).unwrap_or_default(), draft);
            }
        }
    }
}

fn hex(field: &str) -> Option<u32> {
    u32::from_str_radix(field, 16).ok()
}

fn set_state(ignition: Option<bool>, motion: Option<bool>, draft: &mut Draft) {
    for (name, value) in [(Name::Ignition, ignition), (Name::Motion, motion)] {
        if let Some(value) = value {
            draft.set(name, Value::Bool(value));
        }
    }
}

/// Kilometres with one or two decimals.
fn is_mileage(field: &&str) -> bool {
    let Some((whole, decimals)) = field.split_once('.') else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(decimals) && whole.len() <= 9 && decimals.len() <= 2
}

/// Where a charge stands that is told with whether it is being charged, behind an empty field.
fn charge(fields: &[&str]) -> Option<usize> {
    /// It stands near the end; elsewhere numbers of reports look the same.
    const FROM_END_MAX: usize = 10;
    let from = fields.len().saturating_sub(FROM_END_MAX);
    let near = fields.get(from..).unwrap_or_default();
    near.windows(3)
        .rposition(|three| matches!(three, ["", percent, "0" | "1"] if fields::percent(percent).is_some()))
        .map(|at| at.saturating_add(from).saturating_add(1))
}

/// Wireless networks: an address of twelve digits, then its signal.
fn networks(fields: &[&str], draft: &mut Draft) {
    let mut number = 0_u8;
    for (at, field) in fields.iter().enumerate() {
        let signal = fields.get(at.saturating_add(1)).and_then(|signal| signal.parse::<i16>().ok());
        if !fields::is_hex(field, 12) || signal.is_none() || number >= NUMBERED_MAX {
            continue;
        }
        if let Some(address) = wire::from_hex(field).and_then(|address| <[u8; 6]>::try_from(address.as_slice()).ok()) {
            number = number.saturating_add(1);
            draft.attributes.push(Key::Named(Name::Wifi, number), Value::Text(wifi_text(address, signal.map(i16::unsigned_abs)).as_str()));
        }
    }
}
