//! Transparent data (UEX): what an appliance on the serial port says. They may hold any byte, also those that end a field or a line, so
//! they are found by their count. Bytes 00 and 01 in them travel as 01 10 and 01 11, each of which counts as one.

use crate::wire::{find, find_any, find_far, to_hex};
use crate::{Draft, Key, Name, Value, carry};
use alloc::vec::Vec;
use core::ops::Range;

/// More than devices take (500) is no count.
const COUNT_MAX: usize = 1_024;
/// Fields from the latitude to the count.
const FROM_LATITUDE: usize = 9;
/// The fields of the universal protocol that may stand before the count.
const BEFORE_COUNT: u32 = 0x7_FFFE;

/// Where a line has its data.
enum Place {
    /// It has none, or their count does not fit.
    None,
    /// They begin there and have not come whole yet.
    Later(usize),
    At(Range<usize>),
}

/// Whether the line at the front is of the kind that has data. Most lines are of another.
pub fn may_have_data(bytes: &[u8]) -> bool {
    bytes.get(..find(bytes, b';').unwrap_or(0)).is_some_and(|kind| kind.ends_with(b"UEX"))
}

/// Where a line ends. A CR that is the last of the data ends it too: the fields behind it are then a line of their own (see
/// `SuntechDecoder::rest`).
pub fn line_end(bytes: &[u8], may_have_data: bool) -> Option<usize> {
    let from = match if may_have_data { place(bytes) } else { Place::None } {
        Place::None => 0,
        Place::Later(_) => return None,
        Place::At(data) => {
            let last = data.end.saturating_sub(1);
            if bytes.get(last) == Some(&b'\r') { last } else { data.end }
        }
    };
    find_far(bytes.get(from..)?, [b'\r'])?.checked_add(from)
}

/// A line with transparent data, in its parts.
pub struct Parts<'a> {
    /// Up to the count.
    pub head: &'a [u8],
    /// The data, still with 01 10 and 01 11.
    pub data: &'a [u8],
    /// The fields behind them, the first of which is the data's checksum.
    pub tail: &'a [u8],
}

/// Takes a line apart; `None` if it has no data.
pub fn parts(line: &[u8]) -> Option<Parts<'_>> {
    if !may_have_data(line) {
        return None;
    }
    let data = match place(line) {
        Place::None => return None,
        Place::Later(start) => start..line.len(),
        Place::At(data) => data,
    };
    let tail = line.get(data.end.saturating_add(1)..).unwrap_or_default();
    Some(Parts { head: line.get(..data.start.checked_sub(1)?)?, data: line.get(data)?, tail })
}

fn place(bytes: &[u8]) -> Place {
    let mut start = 0_usize;
    let mut at = None;
    // Fields are at most so many: what stands before the count.
    for number in 0..32_usize {
        let rest = bytes.get(start..).unwrap_or_default();
        let Some(length) = find_any(rest, [b';', b'\r']) else { return Place::None };
        let field = rest.get(..length).unwrap_or_default();
        let is_last = rest.get(length) == Some(&b'\r');
        start = start.saturating_add(length).saturating_add(1);
        match number {
            // The map of the universal protocol.
            2 if bytes.starts_with(b"UEX") => at = map(field).map(|map| 3_usize.saturating_add(count_ones(map & BEFORE_COUNT))),
            5.. if at.is_none() && !bytes.starts_with(b"UEX") && field.contains(&b'.') => at = number.checked_add(FROM_LATITUDE),
            _ => {}
        }
        if at == Some(number) {
            let count = core::str::from_utf8(field).ok().and_then(|count| count.parse().ok()).filter(|count| *count <= COUNT_MAX);
            return count.filter(|_| !is_last).map_or(Place::None, |count| counted(bytes, start, count));
        }
        if is_last {
            return Place::None;
        }
    }
    Place::None
}

fn map(field: &[u8]) -> Option<u32> {
    u32::from_str_radix(core::str::from_utf8(field).ok()?, 16).ok()
}

fn count_ones(map: u32) -> usize {
    usize::try_from(map.count_ones()).unwrap_or(0)
}

/// The data of that count, which a field must follow.
fn counted(bytes: &[u8], start: usize, count: usize) -> Place {
    let mut end = start;
    for _ in 0..count {
        let width = if bytes.get(end) == Some(&0x01) { 2 } else { 1 };
        end = end.saturating_add(width);
    }
    for end in [end, start.saturating_add(count)] {
        match bytes.get(end) {
            None => return Place::Later(start),
            Some(b';') => return Place::At(start..end),
            Some(_) => {}
        }
    }
    Place::None
}

fn plain(data: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(data.len());
    let mut bytes = data.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escaped = if byte == 0x01 { bytes.next_if(|next| matches!(next, 0x10 | 0x11)) } else { None };
        plain.push(escaped.map_or(byte, |next| next & 1));
    }
    plain
}

/// Reads the data: as text with the forms that are known, else in hexadecimal digits.
pub fn read(data: &[u8], draft: &mut Draft) {
    let text = core::str::from_utf8(data).map(str::trim).ok().filter(|text| !text.chars().any(char::is_control));
    let Some(text) = text else {
        draft.attributes.push(Key::Text("serial_data"), Value::Text(&to_hex(&plain(data))));
        return;
    };
    if let Some(card) = text.strip_prefix("GTSL|").and_then(|fields| fields.split('|').nth(3)).filter(|card| !card.is_empty()) {
        draft.set(Name::DriverId, Value::Text(card));
    } else if let Some(card) = text.strip_prefix("RFID:") {
        draft.set_text(Name::Card, card);
    } else if let Some((_, tanks)) = text.split_once("CabMensaje,") {
        fuel(tanks, draft);
    } else {
        text.split(';').filter_map(|part| part.split_once('=')).for_each(|(name, value)| probe(name, value, draft));
    }
    draft.set_text(Name::Text, text);
}

/// `number,litres,litres,…`: a tank that is not there has a negative number.
fn fuel(tanks: &str, draft: &mut Draft) {
    for (number, litres) in tanks.split(',').skip(1).take_while(|part| *part != "FinMensaje").enumerate() {
        if let Some(litres) = litres.parse().ok().filter(|litres: &f64| *litres >= 0.0) {
            draft.set_numbered(Name::FuelL, carry::index(number.saturating_add(1)), Value::Float(litres));
        }
    }
}

/// Probes in a tank: `t_0` the temperature, `N_0` the level (a number of the probe's own scale), hexadecimal, each with its number; and
/// `Q_D`, how well the vehicle is driven.
fn probe(name: &str, value: &str, draft: &mut Draft) {
    let Some(value) = value.split('.').next().and_then(|value| i64::from_str_radix(value, 16).ok()) else { return };
    let number = |name: &str| name.parse::<u8>().ok().map(|number| number.saturating_add(1));
    match (name.strip_prefix("t_").and_then(number), name.strip_prefix("N_").and_then(number)) {
        (Some(number), _) => {
            if let Ok(byte) = u8::try_from(value) {
                draft.set_numbered(Name::TemperatureC, number, Value::Float(f64::from(i8::from_le_bytes([byte]))));
            }
        }
        (None, Some(number)) => draft.set_numbered(Name::FuelRaw, number, Value::Int(value)),
        _ if name == "Q_D" => draft.attributes.push(Key::Text("driving_quality"), Value::Int(value)),
        _ => {}
    }
}
