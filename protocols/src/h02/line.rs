//! The text form: `*HQ,identifier,word,…#`.

use super::report::{Angle, Place, Time, record, status};
use crate::wire::{cell_text, cut, decimal, four_digits, take_digits};
use crate::{Alarm, Attributes, Civil, DecodeError, Environment, Identifier, Key, Message, Micros, Name, Record, Release, Replies, Value};
use alloc::vec::Vec;
use smallvec::SmallVec;

/// Fields that are looked at; what follows in a longer line is not.
const FIELDS_MAX: usize = 80;

/// Cells that a line tells.
const CELLS_MAX: usize = 16;

/// Digits before a point that are a number in range, and more than degrees and minutes have.
const PLAIN_DIGITS_MAX: usize = 19;

/// A line taken apart.
struct Line<'a> {
    /// As many as a line without cells has stand in it without an allocation.
    fields: SmallVec<[&'a str; 24]>,
    identifier: Option<Identifier>,
    raw: &'a [u8],
}

impl<'a> Line<'a> {
    fn at(&self, index: usize) -> &'a str {
        self.fields.get(index).copied().unwrap_or_default()
    }

    fn fields(&self) -> &[&'a str] {
        &self.fields
    }

    /// From that field on.
    fn from(&self, index: usize) -> &[&'a str] {
        self.fields().get(index..).unwrap_or_default()
    }

    fn record(&self, record: Record) -> Message {
        Message::Record { identifier: self.identifier, record }
    }

    fn undecoded(&self, reason: &'static str) -> Message {
        Message::Undecoded { identifier: self.identifier, reason, raw: self.raw.to_vec() }
    }

    /// `*HQ,identifier,V4,word,time#`.
    fn answer(&self, word: &str, now: Micros, replies: &mut Replies) {
        let (Some(_), Some(civil)) = (self.identifier, Civil::from_micros(now)) else { return };
        let mut text = Vec::with_capacity(64);
        // The field is the identifier.
        for part in ["*HQ,", self.at(1), ",V4,", word, ","] {
            text.extend_from_slice(part.as_bytes());
        }
        text.extend_from_slice(&civil.to_fourteen_digits());
        text.push(b'#');
        replies.bytes(Release::Durable, text);
    }
}

/// Reads one line, `*` and `#` included.
pub fn read(raw: &[u8], env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Result<(), DecodeError> {
    let Some(text) = raw.get(1..raw.len().saturating_sub(1)).and_then(|text| core::str::from_utf8(text).ok()) else {
        return Err(DecodeError::skipped("no text"));
    };
    let mut line = Line { fields: SmallVec::new(), identifier: None, raw };
    cut(text, b',', |field| {
        if line.fields.len() < FIELDS_MAX {
            line.fields.push(trimmed(field));
        }
    });
    if line.fields.len() < 3 || line.at(0).len() != 2 {
        return Err(DecodeError::skipped("no maker, identifier and word"));
    }
    line.identifier = Identifier::new(line.at(1));
    let word = line.at(2);
    let message = match word {
        "HTBT" | "XT" => Some(alive(&line)),
        "ALRM" => Some(raised(&line, env.now, out)),
        "LINK" => link(&line),
        "NBR" => neighbours(&line),
        "V3" => towers(&line),
        "VP1" => walker(&line),
        _ => place(&line, env.now, out),
    };
    let is_answered = matches!((&message, word), (Some(Message::Record { .. }), "V1" | "NBR" | "LINK"));
    out.push(message.unwrap_or_else(|| line.undecoded("unknown form")));
    if is_answered {
        line.answer(word, env.now, replies);
    }
    Ok(())
}

/// Without white space around it, which is seldom there.
#[inline]
fn trimmed(field: &str) -> &str {
    match field.as_bytes() {
        [] | [b'!'..=0xFF] | [b'!'..=0xFF, .., b'!'..=0xFF] => field,
        _ => field.trim_ascii(),
    }
}

/// `HTBT[,battery]`.
fn alive(line: &Line<'_>) -> Message {
    let mut attributes = Attributes::new();
    if let Ok(percent) = line.at(3).parse::<u8>() {
        attributes.set(Name::BatteryLevelPct, Value::Int(i64::from(percent.min(100))));
    }
    Message::Heartbeat { identifier: line.identifier, attributes }
}

fn link(line: &Line<'_>) -> Option<Message> {
    let mut attributes = Attributes::new();
    let names = [Name::GsmSignalPct, Name::Satellites, Name::BatteryLevelPct, Name::Steps];
    for (field, name) in line.from(4).iter().zip(names) {
        attributes.set(name, Value::Int(i64::from(field.parse::<u32>().ok()?)));
    }
    let time = Time::of(six(line.at(3))?, six(line.at(9))?);
    push_status(&mut attributes, line.at(10));
    Some(line.record(record(time, None, attributes)))
}

/// Cells with their signal, three fields each.
fn neighbours(line: &Line<'_>) -> Option<Message> {
    let mut attributes = Attributes::new();
    let operator = (line.at(4).parse().ok()?, line.at(5).parse().ok()?);
    let count: usize = line.at(7).parse().ok()?;
    let after = count.checked_mul(3)?.checked_add(8)?;
    let cells = line.fields().get(8..after)?;
    for (number, cell) in (1..).zip(cells.as_chunks::<3>().0.iter().take(CELLS_MAX)) {
        let [area, id, signal] = cell;
        push_cell(&mut attributes, number, operator, (area.parse().ok()?, id.parse().ok()?), signal.parse().ok());
    }
    push_status(&mut attributes, line.at(after.saturating_add(1)));
    let time = Time::of(six(line.at(3))?, six(line.at(after))?);
    Some(line.record(record(time, None, attributes)))
}

/// Cells of four fields each; country and network in one.
fn towers(line: &Line<'_>) -> Option<Message> {
    let mut attributes = Attributes::new();
    let operator = line.at(4).split_at_checked(3)?;
    let operator = (operator.0.parse().ok()?, operator.1.parse().ok()?);
    let count: usize = line.at(5).parse().ok()?;
    let after = count.checked_mul(4)?.checked_add(6)?;
    let cells = line.fields().get(6..after)?;
    for (number, cell) in (1..).zip(cells.as_chunks::<4>().0.iter().take(CELLS_MAX)) {
        let [area, id, ..] = cell;
        push_cell(&mut attributes, number, operator, (area.parse().ok()?, id.parse().ok()?), None);
    }
    if let Ok(raw) = u32::from_str_radix(line.at(after), 16) {
        attributes.push(Key::Io(1), Value::Int(i64::from(raw)));
    }
    push_status(&mut attributes, line.at(after.saturating_add(4)));
    let time = Time::of(six(line.at(3))?, six(line.at(after.saturating_add(3)))?);
    Some(line.record(record(time, None, attributes)))
}

/// A place with a date and no time of day, or cells.
fn walker(line: &Line<'_>) -> Option<Message> {
    let mut attributes = Attributes::new();
    if matches!(line.at(3), "A" | "B") {
        let place = degrees(line, 3)?;
        let time = Time::of([0; 3], six(line.at(10))?);
        push_status(&mut attributes, line.at(11));
        push_percent(&mut attributes, line.at(12));
        return Some(line.record(record(time, Some(place), attributes)));
    }
    let operator = (line.at(4).parse().ok()?, line.at(5).parse().ok()?);
    let mut number = 0_u8;
    let mut part: [&str; 3] = [""; 3];
    let mut filled = 0_usize;
    for piece in line.from(6).iter().flat_map(|field| field.split('Y')).take(CELLS_MAX.saturating_mul(3)) {
        if let Some(slot) = part.get_mut(filled) {
            *slot = piece;
            filled = filled.saturating_add(1);
        }
        if let ([area, id, signal], 3) = (part, filled) {
            filled = 0;
            number = number.saturating_add(1);
            push_cell(&mut attributes, number, operator, (area.parse().ok()?, id.parse().ok()?), signal.parse().ok());
        }
    }
    (number > 0).then(|| line.record(record(Time::Absent, None, attributes)))
}

/// V1 and all words that are built like it. What stands between the word and the time answers a command.
fn place(line: &Line<'_>, now: Micros, out: &mut Vec<Message>) -> Option<Message> {
    let says_valid = |i: &usize| match line.at(*i) {
        "A" | "V" | "B" => true,
        "0" | "1" => matches!(line.at(i.saturating_add(2)), "N" | "S"),
        _ => false,
    };
    let behind_time = |i: usize| {
        let field = line.at(i.saturating_sub(1));
        let clock = six(field);
        (field.is_empty() || clock.is_some()).then_some((i, clock))
    };
    let Some((valid, clock)) = (4..line.fields.len()).filter(says_valid).find_map(behind_time) else {
        return answer(line, line.fields.len());
    };
    // One more field may stand before the date.
    let dated = |offset: usize| {
        let at = valid.saturating_add(offset);
        six(line.at(at)).map(|date| (at, date))
    };
    let date = dated(7).or_else(|| dated(8));
    let mut attributes = Attributes::new();
    let after = date.map_or(valid.saturating_add(7), |(at, _)| at).saturating_add(1);
    extras(line, after, &mut attributes);
    let place = degrees(line, valid);
    let time = match (clock, date) {
        // Sent at the start, before satellites have set the clock: the time of receipt is the better one.
        _ if line.at(2) == "V19" && line.at(valid) == "V" => Time::At(now),
        (Some(clock), Some((_, date))) => Time::of(clock, date),
        _ => Time::Absent,
    };
    out.extend(answer(line, valid.saturating_sub(1)));
    if place.is_none() && matches!(time, Time::Absent) {
        // Neither when nor where: a sign of life.
        return Some(Message::Heartbeat { identifier: line.identifier, attributes });
    }
    let mut record = record(time, place, attributes);
    if let (Some(fix), Some(metres)) = (&mut record.fix, gauges(line, after).and_then(|g| g.altitude_m)) {
        fix.altitude_m = Some(metres);
    }
    Some(line.record(record))
}

/// What V4 confirms, in the fields before `end`; `None` for another word.
fn answer(line: &Line<'_>, end: usize) -> Option<Message> {
    let told = line.fields().get(3..end).filter(|told| line.at(2) == "V4" && !told.is_empty())?;
    let done = match told {
        [_, "OK" | "DONE", ..] => Some(true),
        [_, "ERROR", ..] => Some(false),
        ["INFO", result, ..] => succeeded(result),
        [_, result, time] if six(time).is_some() => succeeded(result),
        _ => None,
    };
    Some(Message::CommandAnswer { identifier: line.identifier, tag: None, done, text: told.join(",") })
}

/// Two hexadecimal digits.
fn succeeded(result: &str) -> Option<bool> {
    u8::from_str_radix(result, 16).ok().filter(|_| result.len() == 2).map(|code| code >= 0x80)
}

/// An alarm, with a place or without.
fn raised(line: &Line<'_>, now: Micros, out: &mut Vec<Message>) -> Message {
    let alarm = match line.at(3) {
        "1" => Alarm::Sos,
        "2" => Alarm::LowBattery,
        "3" => Alarm::Geofence,
        _ => Alarm::General,
    };
    let mut record = match place(line, now, out) {
        Some(Message::Record { record, .. }) => record,
        Some(Message::Heartbeat { attributes, .. }) => Record { attributes, ..Record::default() },
        _ => Record::default(),
    };
    record.attributes.alarm(alarm);
    line.record(record)
}

/// What follows the date: status, then cells, gauges, cards.
fn extras(line: &Line<'_>, after: usize, attributes: &mut Attributes) {
    if line.at(2) == "V19" {
        // Nothing, telephone number, card, status.
        for (offset, name) in [(1, Name::Phone), (2, Name::Iccid)] {
            let text = line.at(after.saturating_add(offset)).trim_end_matches('?');
            if !text.is_empty() {
                attributes.set(name, Value::Text(text));
            }
        }
        push_status(attributes, line.at(after.saturating_add(3)));
        return;
    }
    push_status(attributes, line.at(after));
    let first = after.saturating_add(1);
    if let Some(gauges) = gauges(line, after) {
        attributes.set(Name::OdometerM, Value::Int(i64::from(gauges.odometer_m)));
        attributes.push(Key::Named(Name::TemperatureC, 1), Value::Int(i64::from(gauges.temperature_c)));
        attributes.set(Name::FuelLevelPct, Value::Float(gauges.fuel_pct));
        return;
    }
    if line.at(2) == "V6" {
        attributes.set(Name::Iccid, Value::Text(line.at(first)));
        return;
    }
    let rest = line.from(first);
    if push_station(attributes, rest).is_some() {
        return;
    }
    let cell = match rest {
        [country, network, area, id, ..] => cell_of(country, network, area, id),
        _ => None,
    };
    if let Some((operator, place)) = cell {
        push_cell(attributes, 0, operator, place, None);
    }
    for (number, field) in (1_u32..).zip(rest) {
        if !field.is_empty() && (cell.is_none() || number > 4) {
            attributes.push(Key::Io(number), Value::Text(field));
        }
    }
}

struct Gauges {
    odometer_m: u32,
    temperature_c: i16,
    fuel_pct: f64,
    altitude_m: Option<f32>,
}

/// Mileage, temperature, fuel (with a point), altitude, and a cell in hexadecimal digits, on trackers with a fuel sensor.
fn gauges(line: &Line<'_>, after: usize) -> Option<Gauges> {
    let [odometer, temperature, fuel, altitude, _, _] = line.from(after.saturating_add(1)) else { return None };
    if !fuel.contains('.') {
        return None;
    }
    Some(Gauges {
        odometer_m: odometer.parse().ok()?,
        temperature_c: temperature.parse().ok()?,
        fuel_pct: decimal(fuel)?,
        altitude_m: altitude.parse::<i16>().ok().map(f32::from),
    })
}

/// Battery, count, country, network, then as many cells; nothing is told of another form.
fn push_station(attributes: &mut Attributes, rest: &[&str]) -> Option<()> {
    let [battery, count, country, network, cells @ ..] = rest else { return None };
    let count: usize = count.parse().ok().filter(|count| (1..=CELLS_MAX).contains(count))?;
    if battery.len() > 3 || cells.len() != count.checked_mul(2)? {
        return None;
    }
    let (pairs, _) = cells.as_chunks::<2>();
    let cells: SmallVec<[_; 4]> = pairs.iter().map(|[area, id]| cell_of(country, network, area, id)).collect::<Option<_>>()?;
    push_percent(attributes, battery);
    for (number, (operator, place)) in (1..).zip(cells) {
        push_cell(attributes, number, operator, place, None);
    }
    Some(())
}

/// Two digits, of which 99 is full.
fn push_percent(attributes: &mut Attributes, field: &str) {
    if let Ok(percent @ 0..=100) = field.parse::<u8>() {
        attributes.set(Name::BatteryLevelPct, Value::Int(if percent == 99 { 100 } else { i64::from(percent) }));
    }
}

/// A cell in decimal or in hexadecimal digits: the country tells which, or letters among them.
fn cell_of(country: &str, network: &str, area: &str, id: &str) -> Option<((u16, u16), (u64, u64))> {
    let is_country = |number: &u16| (200..800).contains(number);
    let operator_radix = match country.parse::<u16>().ok().filter(is_country) {
        Some(_) => 10,
        None => 16,
    };
    let country = u16::from_str_radix(country, operator_radix).ok().filter(is_country)?;
    let has_letters = [area, id].iter().any(|digits| digits.bytes().any(|digit| digit.is_ascii_alphabetic()));
    let radix = if has_letters { 16 } else { operator_radix };
    let place = (u64::from_str_radix(area, radix).ok()?, u64::from_str_radix(id, radix).ok()?);
    Some(((country, u16::from_str_radix(network, operator_radix).ok()?), place))
}

fn push_cell(attributes: &mut Attributes, number: u8, operator: (u16, u16), place: (u64, u64), signal: Option<u16>) {
    if place == (0, 0) {
        return;
    }
    let text = cell_text(operator, place, signal);
    attributes.push(Key::Named(Name::Cell, number), Value::Text(text.as_str()));
}

/// Eight hexadecimal digits.
fn push_status(attributes: &mut Attributes, field: &str) {
    if field.len() == 8
        && let Ok(bits) = u32::from_str_radix(field, 16)
    {
        status(attributes, bits);
    }
}

/// Latitude, hemisphere, longitude, hemisphere, speed, course behind the field that says whether they are valid.
fn degrees(line: &Line<'_>, valid: usize) -> Option<Place> {
    let told = |offset: usize| line.at(valid.saturating_add(offset));
    let south = match told(2) {
        "N" => false,
        "S" => true,
        _ => return None,
    };
    let west = match told(4) {
        "E" => false,
        "W" => true,
        _ => return None,
    };
    let (latitude, longitude) = (angle(told(1))?, angle(told(3))?);
    Some(Place {
        north: latitude.to_degrees(south),
        east: longitude.to_degrees(west),
        valid: matches!(line.at(valid), "A" | "B" | "1"),
        speed_knots: decimal(told(5)).filter(|speed| *speed >= 0.0),
        course_deg: decimal(told(6)),
    })
}

/// `DDMM.MMMM` with any number of digits before and behind the point, `-DD-MM.MMMM`, or eight and nine digits without a point.
fn angle(text: &str) -> Option<Angle> {
    // The first is by far the most frequent.
    if let (whole, [b'.', parts @ ..]) = take_digits(0, text.as_bytes())
        && text.len().wrapping_sub(parts.len()) <= PLAIN_DIGITS_MAX
        && let (parts_number, []) = take_digits(0, parts)
    {
        return Angle::of(whole / 100, whole % 100, parts_number, parts.len());
    }
    let text = text.strip_prefix('-').unwrap_or(text);
    let (whole, parts) = match text.split_once('.') {
        Some(split) => split,
        None => text.split_at_checked(text.len().checked_sub(4)?)?,
    };
    let (degrees, minutes) = match whole.split_once('-') {
        Some(split) => split,
        None => whole.split_at_checked(whole.len().saturating_sub(2))?,
    };
    let number = |text: &str| match text {
        "" => Some(0_u64),
        text => text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit())),
    };
    Angle::of(number(degrees)?, number(minutes)?, number(parts)?, parts.len())
}

/// Three numbers of two digits.
fn six(text: &str) -> Option<[u8; 3]> {
    let [a, b, c, d, e, f] = text.as_bytes().try_into().ok()?;
    let (first, last) = (four_digits([a, b, c, d])?, four_digits([b'0', b'0', e, f])?);
    Some([first / 100, first % 100, last].map(|pair| u8::try_from(pair).unwrap_or(0)))
}
