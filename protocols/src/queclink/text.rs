//! The text form.

use super::fields::{self, Form, hex};
use super::{extended, usual};
use crate::wire::{self, Parts, are_digits, cell_text, cut, decimal, split_once, wifi_text};
use crate::{DecodeError, Draft, Environment, Identifier, Key, Message, Name, Release, Replies, Value, carry};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use smallvec::SmallVec;

/// Fields that are looked at: fifteen places with networks, and the bus.
const FIELDS_MAX: usize = 384;
/// Fields of a place up to and with its time.
const PLACE_FIELDS: usize = 7;
/// Of those, before the longitude.
pub const BEFORE_LONGITUDE: usize = 4;
/// Wireless networks and probes that are told.
pub const NUMBERED_MAX: u8 = 32;

/// Analog inputs behind the hours.
const ANALOG_INPUTS: usize = 3;

/// Most messages have no more fields than stand here without an allocation.
const FEW_FIELDS: usize = 40;

/// A message taken apart.
pub struct Line<'a> {
    fields: &'a [&'a str],
    /// What each of them is by its form.
    forms: &'a [Form],
    /// Which forms there are among them.
    known: u8,
    /// A report, plain or extended: by far the most frequent.
    is_report: bool,
    /// Three letters.
    pub kind: &'a str,
    /// Sent from memory.
    pub buffered: bool,
    /// Where the device stands.
    pub device: usize,
    /// Where the time of sending stands, or the end.
    pub end: usize,
    /// The first series (GL100, GT300): the version ends the message, and the accuracy stands behind the height.
    oldest: bool,
}

impl<'a> Line<'a> {
    /// A field, or nothing.
    pub fn at(&self, index: usize) -> &'a str {
        self.fields.get(index).copied().unwrap_or_default()
    }

    /// What the version of the protocol is, where it is told.
    pub fn version(&self) -> &'a str {
        if self.device == 2 { self.at(1) } else { "" }
    }

    /// The field so far behind the device.
    pub fn own(&self, offset: usize) -> &'a str {
        let index = self.device.saturating_add(offset);
        if index < self.end { self.at(index) } else { "" }
    }

    /// Fields from one up to another.
    pub fn between(&self, from: usize, to: usize) -> &'a [&'a str] {
        self.tail(from, to).fields
    }

    fn tail(&self, from: usize, to: usize) -> Tail<'a> {
        Tail { fields: self.fields, forms: self.forms, known: self.known }.from(from).to(to.saturating_sub(from))
    }

    fn is_one_of(&self, kinds: &[&str]) -> bool {
        kinds.contains(&self.kind)
    }
}

/// A part of the fields, and what each of them is.
#[derive(Clone, Copy)]
struct Tail<'a> {
    fields: &'a [&'a str],
    forms: &'a [Form],
    /// Which forms the whole message has.
    known: u8,
}

impl<'a> Tail<'a> {
    fn at(self, index: usize) -> &'a str {
        self.fields.get(index).copied().unwrap_or_default()
    }

    fn first(self, wanted: Form) -> Option<usize> {
        if self.known & wanted.bit() == 0 {
            return None;
        }
        self.forms.iter().position(|form| *form == wanted)
    }

    fn from(self, start: usize) -> Self {
        Self { fields: self.fields.get(start..).unwrap_or_default(), forms: self.forms.get(start..).unwrap_or_default(), ..self }
    }

    fn to(self, end: usize) -> Self {
        Self { fields: self.fields.get(..end).unwrap_or(self.fields), forms: self.forms.get(..end).unwrap_or(self.forms), ..self }
    }
}

/// A place: where its longitude stands, and degrees.
struct Place {
    at: usize,
    longitude: f64,
    latitude: f64,
}

/// Reads a message without its end: the usual one quickly, any other in the general way.
pub fn read(text: &str, env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Result<(), DecodeError> {
    match usual::read(text, env, out, replies) {
        Some(()) => Ok(()),
        None => read_any(text, env, out, replies),
    }
}

/// The general way.
#[inline(never)]
pub fn read_any(text: &str, env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Result<(), DecodeError> {
    let (mut fields, mut forms) = ([""; FEW_FIELDS], [Form::Other; FEW_FIELDS]);
    let (mut count, mut known) = (0_usize, 0);
    cut(text, b',', |field| {
        if let (Some(field_at), Some(form_at)) = (fields.get_mut(count), forms.get_mut(count)) {
            let form = fields::form(field);
            (*field_at, *form_at) = (field, form);
            known |= form.bit();
        }
        count = count.wrapping_add(1);
    });
    if let (Some(fields), Some(forms)) = (fields.get(..count), forms.get(..count)) {
        return read_fields(text, Tail { fields, forms, known }, env, out, replies);
    }
    let fields: Vec<&str> = Parts::of(text, ',').take(FIELDS_MAX).collect();
    let forms: Vec<Form> = fields.iter().map(|field| fields::form(field)).collect();
    let known = forms.iter().fold(0, |known, form| known | form.bit());
    read_fields(text, Tail { fields: &fields, forms: &forms, known }, env, out, replies)
}

fn read_fields(text: &str, all: Tail<'_>, env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Result<(), DecodeError> {
    let Tail { fields, forms, known } = all;
    let field = |index: usize| all.at(index);
    let head = field(0);
    let (prefix, behind) = split_once(head, b':').ok_or(DecodeError::skipped("no kind"))?;
    let kind = behind.strip_prefix("GT").unwrap_or(behind);
    let device = if field(1).len() == 15 && are_digits(field(1).as_bytes()) { 1 } else { 2 };
    let identifier = Identifier::new(field(device)).filter(|_| (5..=20).contains(&field(device).len()));
    let identifier = Some(identifier.ok_or(DecodeError::skipped("no device"))?);
    let sent = fields.len().saturating_sub(2);
    let end = if fields::is_time(field(sent)) && sent > device { sent } else { fields.len() };
    let count = field(fields.len().saturating_sub(1));
    let oldest = device == 1 && count.len() == 10;
    let is_report = matches!(kind, "FRI" | "ERI");
    let line = Line { oldest, kind, buffered: prefix == "+BUFF", device, end, fields, forms, known, is_report };
    match (prefix, kind) {
        ("+ACK", "HBD") => {
            out.push(Message::Heartbeat { identifier, attributes: Draft::new().attributes });
            let version = line.at(1);
            replies.bytes(Release::Identified, format!("+SACK:GTHBD,{version},{count}$").into_bytes());
            return Ok(());
        }
        ("+ACK" | "+NACK", _) => {
            let mut said = String::from(kind);
            for word in line.between(device.saturating_add(2), end).iter().filter(|word| !word.is_empty()) {
                said.push(' ');
                said.push_str(word);
            }
            out.push(Message::CommandAnswer { identifier, tag: None, done: Some(prefix == "+ACK"), text: said });
        }
        ("+RESP" | "+BUFF", _) if behind.len() > kind.len() || head.contains(":GT") => line.records(identifier, out),
        _ => out.push(Message::Undecoded { identifier, reason: "unknown form", raw: text.as_bytes().to_vec() }),
    }
    acknowledge(count, env, replies);
    Ok(())
}

/// Answers, where the device waits for it.
pub fn acknowledge(count: &str, env: &Environment<'_>, replies: &mut Replies) {
    if env.options.flag("ack") {
        replies.bytes(Release::Durable, format!("+SACK:{count}$").into_bytes());
    }
}

impl Line<'_> {
    /// Found by their times, which are the rarest of a place's fields.
    fn places(&self) -> SmallVec<[Place; 2]> {
        let first = self.device.saturating_add(1).saturating_add(BEFORE_LONGITUDE);
        let times = first.saturating_add(PLACE_FIELDS - BEFORE_LONGITUDE - 1);
        let forms = self.tail(times, self.end.saturating_add(1)).forms;
        let mut places = SmallVec::new();
        for (offset, _) in forms.iter().enumerate().filter(|(_, form)| **form == Form::Time) {
            let at = first.saturating_add(offset);
            if let (Some(longitude), Some(latitude)) = (fields::degrees(self.at(at)), fields::degrees(self.at(at.saturating_add(1)))) {
                places.push(Place { at, longitude, latitude });
            }
        }
        places
    }

    fn records(&self, identifier: Option<Identifier>, out: &mut Vec<Message>) {
        let places = self.places();
        let Some(last) = places.last().map(|place| place.at) else {
            let mut draft = Draft::at(fields::time(self.at(self.end)));
            self.describe_kind(&mut draft);
            self.describe_head(None, &mut draft);
            self.describe_tail(self.device.saturating_add(2), self.end, true, &mut draft);
            out.push(Message::Record { identifier, record: draft.finish() });
            return;
        };
        for (index, place) in places.iter().enumerate() {
            let next = places.get(index.saturating_add(1)).map(|next| next.at.saturating_sub(BEFORE_LONGITUDE));
            let mut draft = Draft::at_told(fields::time(self.at(place.at.saturating_add(2))));
            draft.place(place.latitude, place.longitude);
            self.describe_place(place.at, &mut draft);
            self.describe_kind(&mut draft);
            if place.at == last {
                self.describe_head(Some(last), &mut draft);
            }
            let behind = place.at.saturating_add(PLACE_FIELDS - BEFORE_LONGITUDE);
            self.describe_tail(behind, next.unwrap_or(self.end), place.at == last, &mut draft);
            out.push(Message::Record { identifier, record: draft.finish() });
        }
    }

    /// What stands before the longitude.
    fn describe_place(&self, place: usize, draft: &mut Draft) {
        // So far before the longitude stand the height, the course and the speed.
        let [accuracy_at, height_at, course_at, speed_at] = if self.oldest { [1, 2, 3, 4] } else { [BEFORE_LONGITUDE, 1, 2, 3] };
        let before = |offset: usize| decimal(self.at(place.saturating_sub(offset)));
        let accuracy = before(accuracy_at).filter(|accuracy| (0.0..=100.0).contains(accuracy));
        draft.valid = if self.oldest {
            // In front of the speed: 0 a fix, 1 the last known place.
            self.at(place.saturating_sub(BEFORE_LONGITUDE + 1)) == "0"
        } else {
            accuracy.is_none_or(|accuracy| accuracy > 0.0)
        };
        draft.set_float(Name::Hdop, accuracy.filter(|accuracy| *accuracy > 0.0));
        if let Some(speed) = before(speed_at) {
            draft.speed_kmh(speed);
        }
        if let Some(course) = before(course_at) {
            draft.course_deg(course);
        }
        if let Some(height) = before(height_at) {
            draft.altitude_m(height);
        }
    }

    /// What stands behind a place, or in a message without one.
    fn describe_tail(&self, from: usize, to: usize, last: bool, draft: &mut Draft) {
        let tail = self.tail(from, to);
        let mut rest = tail;
        if !self.is_report && self.is_one_of(&["GSM", "LBS"]) {
            // Its cells are told already.
            networks(tail, draft);
            return;
        }
        let cell_at = if from > self.device.saturating_add(2) {
            0
        } else {
            tail.fields.windows(4).position(|four| fields::cell(four).is_some()).unwrap_or(0)
        };
        if let Some((operator, place)) = tail.fields.get(cell_at..).and_then(fields::cell) {
            draft.set(Name::Cell, Value::Text(cell_text(operator, place, None).as_str()));
            rest = tail.from(cell_at.saturating_add(4));
            if let Some((satellites, behind)) = appended(rest.fields) {
                draft.set_int(Name::Satellites, satellites);
                rest = rest.from(rest.fields.len().saturating_sub(behind.len()));
            }
        }
        networks(tail, draft);
        if !self.is_report && self.is_one_of(&["CAN", "OBD", "INF", "DAT", "DTT", "VER", "CID", "CSQ", "BAT", "TMZ", "IOS", "ALL", "GPS"]) {
            return;
        }
        let state = rest.first(Form::State);
        let charge = if state.is_none() && self.is_report { charge(rest.fields) } else { None };
        let before = charge.or(state).map_or(rest, |end| rest.to(end));
        let mileage = before.first(Form::Mileage);
        if let Some(km) = mileage.and_then(|at| decimal(before.at(at))) {
            draft.set(Name::OdometerM, Value::Int(carry::whole(km * 1_000.0)));
        }
        let hours = before.first(Form::Hours);
        draft.set_int(Name::EngineHoursS, hours.and_then(|at| fields::hours(before.at(at))));
        // Behind the hours, also where these are empty.
        let count = match (state, hours) {
            _ if self.has_port_fields() => ANALOG_INPUTS,
            // The charge is the last one in front of the state.
            (Some(state), _) => state.saturating_sub(1),
            (None, Some(_)) => ANALOG_INPUTS - 1,
            (None, None) => 0,
        };
        if let Some(from) = hours.or(mileage.map(|at| at.saturating_add(1))).map(|at| at.saturating_add(1)) {
            let to = if state.is_some() { count } else { from.saturating_add(count) };
            analog_inputs(before.fields.get(from..to.min(before.fields.len())).unwrap_or_default(), draft);
        }
        if last {
            self.describe_state(rest, state, charge, draft);
        }
    }

    /// The GV200 tells three analog inputs and its ports, two digits each, instead of a charge and a state.
    fn has_port_fields(&self) -> bool {
        self.is_report && has_port_fields(self.version())
    }

    fn describe_ports(&self, rest: Tail<'_>, draft: &mut Draft) {
        let Some(from) = rest.first(Form::Mileage).map(|at| at.saturating_add(2 + ANALOG_INPUTS)) else { return };
        let Some([inputs, outputs, behind @ ..]) = rest.fields.get(from..) else { return };
        for (name, field) in [(Name::InputMask, inputs), (Name::OutputMask, outputs)] {
            draft.set_int(name, Some(field).filter(|field| fields::is_hex(field, 2)).and_then(|field| hex(field)));
        }
        if self.kind == "ERI" {
            self.describe_extensions(behind, draft);
        }
    }

    fn describe_state(&self, rest: Tail<'_>, state: Option<usize>, charge: Option<usize>, draft: &mut Draft) {
        let at = |place: usize| rest.at(place);
        if let Some(place) = state {
            draft.set_int(Name::BatteryLevelPct, place.checked_sub(1).and_then(|before| fields::percent(at(before))));
            if let Some((ignition, motion)) = fields::state(at(place)) {
                set_state(ignition, motion, draft);
            }
            let byte = |from: usize| at(place).get(from..from.saturating_add(2)).and_then(hex).map(i64::from);
            draft.set_int(Name::InputMask, byte(2));
            draft.set_int(Name::OutputMask, byte(4));
            let behind = rest.from(place.saturating_add(1)).fields;
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
        if self.has_port_fields() {
            self.describe_ports(rest, draft);
            return;
        }
        if let Some(place) = charge {
            draft.set_int(Name::BatteryMv, place.checked_sub(1).map(at).and_then(fields::whole));
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
        let hours = rest.first(Form::Hours);
        let percent = match (hours, rest.fields.last().and_then(|field| fields::percent(field))) {
            (Some(hours), _) => fields::percent(at(hours.saturating_add(3))),
            (None, None) if self.kind == "ERI" => rest.fields.iter().find_map(|field| fields::percent(field)),
            (None, percent) => percent,
        };
        draft.set_int(Name::BatteryLevelPct, percent);
    }

    /// By the mask of the message.
    fn describe_extensions(&self, behind: &[&str], draft: &mut Draft) {
        if let Some(mask) = Some(self.own(2)).filter(|mask| fields::is_hex(mask, 8)).and_then(hex) {
            extended::describe(mask, fields::device_type(self.version()), behind, draft);
        }
    }
}

/// Whether a version of the protocol is one of the GV200.
pub fn has_port_fields(version: &str) -> bool {
    matches!(fields::device_type(version), "04" | "35")
}

/// What a mask behind the cell appends to a place, one field for each of its bits, the satellites first. Elsewhere such a field is none.
fn appended<'a, 'b>(fields: &'b [&'a str]) -> Option<(Option<u32>, &'b [&'a str])> {
    let (mask, behind) = fields.split_first()?;
    let bits =
        Some(mask).filter(|mask| mask.len() == 2 && mask.starts_with('0')).and_then(|mask| hex(mask)).filter(|bits| bits & 1 != 0)?;
    let satellites = behind.first().filter(|field| field.len() <= 2)?;
    let rest = behind.get(usize::try_from(bits.count_ones()).ok()?..)?;
    (satellites.is_empty() || fields::whole(satellites).is_some()).then_some((fields::whole(satellites), rest))
}

/// Ignition and motion, where the state says them.
pub fn set_state(ignition: Option<bool>, motion: Option<bool>, draft: &mut Draft) {
    for (name, value) in [(Name::Ignition, ignition), (Name::Motion, motion)] {
        if let Some(value) = value {
            draft.set(name, Value::Bool(value));
        }
    }
}

/// Where a charge stands that is told with whether it is being charged, behind the millivolts of the battery or an empty field.
fn charge(fields: &[&str]) -> Option<usize> {
    /// It stands near the end; elsewhere numbers of reports look the same.
    const FROM_END_MAX: usize = 10;
    let from = fields.len().saturating_sub(FROM_END_MAX);
    let near = fields.get(from..).unwrap_or_default();
    near.windows(3)
        .rposition(|three| matches!(three, [before, percent, "0" | "1"] if may_precede(before) && fields::percent(percent).is_some()))
        .map(|at| at.saturating_add(from).saturating_add(1))
}

/// Nothing, or a battery's millivolts.
fn may_precede(field: &str) -> bool {
    field.is_empty() || fields::whole(field).is_some_and(|millivolts| (2_500..=5_000).contains(&millivolts))
}

fn analog_inputs(fields: &[&str], draft: &mut Draft) {
    for (number, field) in (1_u8..).zip(fields.iter().take(ANALOG_INPUTS)) {
        if let Some(millivolts) = fields::whole(field) {
            draft.set_numbered(Name::AnalogMv, number, Value::Int(i64::from(millivolts)));
        }
    }
}

/// Wireless networks: an address of twelve digits, then its signal, below zero.
fn networks(tail: Tail<'_>, draft: &mut Draft) {
    if tail.known & Form::Address.bit() == 0 {
        return;
    }
    let mut number = 0_u8;
    for (at, _) in tail.forms.iter().enumerate().filter(|(_, form)| **form == Form::Address) {
        if number >= NUMBERED_MAX {
            return;
        }
        let field = tail.at(at);
        let signal = tail.at(at.saturating_add(1)).parse::<i16>().ok().filter(|signal| *signal < 0);
        if signal.is_none() {
            continue;
        }
        if let Some(address) = wire::from_hex(field).and_then(|address| <[u8; 6]>::try_from(address.as_slice()).ok()) {
            number = number.saturating_add(1);
            draft.attributes.push(Key::Named(Name::Wifi, number), Value::Text(wifi_text(address, signal.map(i16::unsigned_abs)).as_str()));
        }
    }
}
