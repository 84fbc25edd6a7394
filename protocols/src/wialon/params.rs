//! The list of additional parameters, both ways: `name:type:value,…`.
//!
//! A parameter that is called as an attribute of our vocabulary is that attribute (`battery_mv`, `input_2` for `input[2]`, `io_7`
//! for `io[7]`), and so are the names that the manual gives (`SOS`) and that trackers commonly use (`bat`, `temp`). Others keep
//! the name that the tracker gives them.

use super::text;
use crate::wire::{WORD_DIGITS, decimal, find, find_any, split_once, take_digits, take_few_digits};
use crate::{Alarm, Attributes, Key, Name, Value};
use alloc::string::String;
use core::fmt::Write as _;

/// Whether it has neither a field of its own nor is ours to say.
const fn is_param(name: Name) -> bool {
    !matches!(
        name,
        Name::Alarm
            | Name::Satellites
            | Name::Hdop
            | Name::InputMask
            | Name::OutputMask
            | Name::DriverId
            | Name::Buffered
            | Name::ChecksumIgnored
            | Name::OutOfRange
    )
}

/// Whether it is yes or no: there the format has only 0 and 1.
const fn is_yes_no(name: Name) -> bool {
    matches!(
        name,
        Name::Ignition
            | Name::Motion
            | Name::Input
            | Name::Output
            | Name::Charging
            | Name::Blocked
            | Name::Armed
            | Name::Door
            | Name::Lock
            | Name::Mock
    )
}

/// Reads a list, which is the last field; `None` if another one follows.
pub(super) fn read(list: &[u8], out: &mut Attributes) -> Option<()> {
    let mut rest = list;
    while !rest.is_empty() {
        rest = match whole(rest) {
            Some(Whole { name, number, behind }) => match known(name) {
                Some((named, index)) => {
                    push_whole(out, named, index, number);
                    behind
                }
                None if find_any(name, ENDS).is_some() => one(rest, out)?,
                None => {
                    push_other(out, &text(name), Value::Int(number));
                    behind
                }
            },
            None => one(rest, out)?,
        };
    }
    Some(())
}

/// What a parameter ends at, and what no list has.
const ENDS: [u8; 2] = [b',', b';'];

/// A parameter that is a whole number.
struct Whole<'a> {
    /// An end may stand in it: then it is none.
    name: &'a [u8],
    number: i64,
    /// What follows.
    behind: &'a [u8],
}

/// A whole number, by far the most frequent, in one pass.
#[inline(always)]
fn whole(list: &[u8]) -> Option<Whole<'_>> {
    /// So many are within the range of the number, and more than that of a tracker's.
    const DIGITS_MAX: usize = 18;
    /// What is longer is no name of ours.
    const NAME_BYTES_MAX: usize = 32;
    let head = list.first_chunk::<NAME_BYTES_MAX>().map_or(list, |head| head.as_slice());
    let (name, behind) = list.split_at_checked(find(head, b':')?)?;
    let [b':', b'1', b':', number @ ..] = behind else { return None };
    let (negative, digits) = number.strip_prefix(b"-").map_or((false, number), |digits| (true, digits));
    let (mut number, mut count, mut behind) = take_few_digits(digits);
    if count == WORD_DIGITS {
        (number, behind) = take_digits(number, behind);
        count = digits.len().wrapping_sub(behind.len());
    }
    let behind = match behind {
        [] => behind,
        [b',', behind @ ..] => behind,
        _ => return None,
    };
    if !(1..=DIGITS_MAX).contains(&count) {
        return None;
    }
    let number = number.cast_signed();
    Some(Whole { name, number: if negative { number.wrapping_neg() } else { number }, behind })
}

/// Reads the next parameter, whatever it is; and what is behind it. `None` if it is the end of the field.
#[inline(never)]
fn one<'a>(list: &'a [u8], out: &mut Attributes) -> Option<&'a [u8]> {
    let end = find_any(list, ENDS).unwrap_or(list.len());
    let (param, behind) = list.split_at_checked(end)?;
    match behind {
        [] | [b',', ..] => any(&text(param), out),
        _ => return None,
    }
    Some(behind.get(1..).unwrap_or_default())
}

fn any(param: &str, out: &mut Attributes) {
    if param.is_empty() {
        return;
    }
    match split_once(param, b':') {
        Some((name, rest)) => match split_once(rest, b':') {
            Some((kind, text)) => push(out, name, value(kind, text)),
            None => push(out, name, Value::Text(rest)),
        },
        None => push(out, param, Value::Text("")),
    }
}

fn value<'a>(kind: &str, text: &'a str) -> Value<'a> {
    match kind {
        "1" => text.parse().map(Value::Int).or_else(|_| text.parse().map(Value::Unsigned)).unwrap_or_else(|_| real(text)),
        "2" => real(text),
        _ => Value::Text(text),
    }
}

fn real(text: &str) -> Value<'_> {
    decimal(text).map_or(Value::Text(text), Value::Float)
}

fn push<'a>(out: &mut Attributes, name: &'a str, value: Value<'a>) {
    match known(name.as_bytes()) {
        Some((named, index)) => push_named(out, named, index, value),
        None => push_other(out, name, value),
    }
}

/// What is called as an attribute of ours; these are by far the most frequent.
#[inline(always)]
fn named(name: &[u8]) -> Option<Name> {
    Name::from_bytes(name).filter(|name| is_param(*name))
}

/// The same with a number of one digit behind it, if there is one. No name of ours ends as if it had one.
#[inline(always)]
fn known(name: &[u8]) -> Option<(Name, u8)> {
    let (stem, index) = match name {
        [stem @ .., b'_', digit @ b'1'..=b'9'] => (stem, digit.wrapping_sub(b'0')),
        name => (name, 0),
    };
    Some((named(stem)?, index))
}

fn push_named(out: &mut Attributes, name: Name, index: u8, value: Value<'_>) {
    match value {
        Value::Int(number) => push_whole(out, name, index, number),
        value => out.push(Key::Named(name, index), value),
    }
}

#[inline(always)]
fn push_whole(out: &mut Attributes, name: Name, index: u8, number: i64) {
    let value = if matches!(number, 0..=1) && is_yes_no(name) { Value::Bool(number == 1) } else { Value::Int(number) };
    out.push_here(Key::Named(name, index), value);
}

/// Those that the manual and trackers name, the numbered ones, and others.
fn push_other<'a>(out: &mut Attributes, name: &'a str, value: Value<'a>) {
    match (name, value) {
        ("SOS" | "sos", Value::Int(1)) => return out.alarm(Alarm::Sos),
        ("alarm", Value::Text(text)) => {
            if let Some(alarm) = Alarm::from_text(text) {
                return out.alarm(alarm);
            }
        }
        ("bat", value) => {
            if let Some(percent) = number(value).filter(|percent| (0.0..=100.0).contains(percent)) {
                return out.set(Name::BatteryLevelPct, Value::Float(percent));
            }
        }
        ("temp", value) => {
            if let Some(degrees) = number(value) {
                return out.set(Name::DeviceTemperatureC, Value::Float(degrees));
            }
        }
        _ => {}
    }
    match numbered(name) {
        Key::Named(name, index) => push_named(out, name, index, value),
        key => out.push(key, value),
    }
}

/// A number, also one that was sent as text.
fn number(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Text(text) => decimal(text),
        value => value.as_f64(),
    }
}

/// What is no attribute of ours without a number.
fn numbered(name: &str) -> Key<'_> {
    let Some((stem, digits)) = name.rsplit_once('_') else { return Key::Text(name) };
    // Only the spelling that is written comes back as a number: no sign, no leading zero.
    let number: Option<u32> = digits.parse().ok().filter(|_| digits.starts_with(|c: char| c.is_ascii_digit()));
    let Some(number) = number.filter(|number| *number == 0 || !digits.starts_with('0')) else { return Key::Text(name) };
    if stem == "io" && (number > 0 || digits == "0") {
        return Key::Io(number);
    }
    let index = u8::try_from(number).ok().filter(|index| *index > 0);
    match (named(stem.as_bytes()), index) {
        (Some(stem), Some(index)) => Key::Named(stem, index),
        _ => Key::Text(name),
    }
}

/// Appends an attribute and the comma before it; nothing if the format cannot carry it.
pub(super) fn write(key: Key<'_>, value: Value<'_>, first: bool, out: &mut String) -> bool {
    let before = out.len();
    if !first {
        out.push(',');
    }
    let named = match key {
        Key::Named(Name::Alarm, _) => {
            let carried = match value {
                Value::Alarm(Alarm::Sos) => write!(out, "SOS:1:1"),
                Value::Alarm(alarm) => write!(out, "alarm:3:{}", alarm.as_str()),
                _ => Err(core::fmt::Error),
            };
            if carried.is_err() {
                out.truncate(before);
            }
            return carried.is_ok();
        }
        Key::Named(name, _) if !is_param(name) => Err(core::fmt::Error),
        Key::Named(name, 0) => write!(out, "{}", name.as_str()),
        Key::Named(name, index) => write!(out, "{}_{index}", name.as_str()),
        Key::Io(id) => write!(out, "io_{id}"),
        Key::Text(name) if !name.is_empty() && is_plain(name) && !name.contains(':') => write!(out, "{name}"),
        Key::Text(_) => Err(core::fmt::Error),
    };
    let carried = named.and_then(|()| match value {
        Value::Bool(v) => write!(out, ":1:{}", u8::from(v)),
        Value::Int(v) => write!(out, ":1:{v}"),
        Value::Unsigned(v) => write!(out, ":1:{v}"),
        Value::Float(v) => write!(out, ":2:{v}"),
        Value::Text(text) if is_plain(text) => write!(out, ":3:{text}"),
        Value::Text(_) => Err(core::fmt::Error),
        Value::Alarm(alarm) => write!(out, ":3:{}", alarm.as_str()),
    });
    if carried.is_err() {
        out.truncate(before);
    }
    carried.is_ok()
}

/// Whether a text can stand in a list, a record and a line.
pub(super) fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| matches!(c, ',' | ';' | '|') || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_ends_as_if_it_had_a_number() {
        for name in Name::ALL {
            assert_eq!(known(name.as_str().as_bytes()), named(name.as_str().as_bytes()).map(|named| (named, 0)));
        }
    }
}
