//! Elements of variable width (codec 8 extended): texts, Bluetooth beacons and tags; the rest stays as hexadecimal text.
//!
//! ```text
//! beacons (385)    = part u8, *( flags u8, id, [ signal i8 ], [ battery u16 (0.01 V) ] )
//! id               = UUID 16 bytes, major u16, minor u16       ; flag 5: iBeacon
//!                  / namespace 10 bytes, instance 6 bytes      ; otherwise: Eddystone
//! tags (548, 10828, 10829, 10831, 11317) = part u8, *( length u8, *( kind u8, length u8, value ) )
//! ```
//! Flags 0 and 1 announce signal and battery. Kinds of a tag: 0 signal, 1 id, 5 name, 6 temperature (0.01 °C), 7 humidity (%),
//! 14 battery (mV), 15 address. Source: vendor pages on beacon detection and on EYE sensors.

use crate::wire::{Cursor, to_hex};
use crate::{Attributes, Key, Name, Value};
use alloc::format;

pub(super) const VIN: u16 = 256;
pub(super) const TROUBLE_CODES: u16 = 281;
const BEACONS: u16 = 385;
const TAGS: [u16; 5] = [548, 10_828, 10_829, 10_831, 11_317];
/// Temperatures and humidities of tags are numbered from here, behind those of wired and paired probes.
const TAG_INDEX: u8 = 20;

/// Adds an element of variable width.
pub(super) fn push(out: &mut Attributes, id: u16, bytes: &[u8]) {
    let mut read = Attributes::new();
    let understood = match id {
        VIN => text(bytes).map(|vin| read.set(Name::Vin, Value::Text(vin))),
        TROUBLE_CODES => text(bytes).map(|codes| read.set(Name::TroubleCodes, Value::Text(codes))),
        BEACONS => beacons(&mut read, bytes),
        id if TAGS.contains(&id) => tags(&mut read, bytes),
        _ => None,
    };
    if understood.is_some() {
        for (key, value) in read.iter() {
            out.push(key, value);
        }
    } else {
        out.push(Key::Io(u32::from(id)), Value::Text(&to_hex(bytes)));
    }
}

/// Printable text; zero bytes that fill up a field are left out.
pub(super) fn text(bytes: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(bytes).ok()?.trim_end_matches('\0');
    (!text.is_empty() && !text.chars().any(char::is_control)).then_some(text)
}

/// `None` if anything in it is not known, so that nothing is lost.
fn beacons(out: &mut Attributes, bytes: &[u8]) -> Option<()> {
    let mut cursor = Cursor::new(bytes);
    let _part = cursor.u8()?;
    let mut index = 0_u8;
    while !cursor.rest().is_empty() {
        index = index.checked_add(1)?;
        let flags = cursor.u8()?;
        if flags & !0x23 != 0 {
            return None;
        }
        let id = if flags & 0x20 != 0 {
            let uuid = cursor.take(16)?;
            format!("{}:{}:{}", to_hex(uuid), cursor.be_u16()?, cursor.be_u16()?)
        } else {
            let namespace = cursor.take(10)?;
            format!("{}:{}", to_hex(namespace), to_hex(cursor.take(6)?))
        };
        out.push(Key::Named(Name::BeaconId, index), Value::Text(&id));
        if flags & 1 != 0 {
            out.push(Key::Named(Name::BeaconRssiDbm, index), Value::Int(i64::from(i8::from_be_bytes(cursor.array()?))));
        }
        if flags & 2 != 0 {
            let millivolts = i64::from(cursor.be_u16()?).checked_mul(10)?;
            out.push(Key::Named(Name::BeaconBatteryMv, index), Value::Int(millivolts));
        }
    }
    Some(())
}

fn tags(out: &mut Attributes, bytes: &[u8]) -> Option<()> {
    let mut cursor = Cursor::new(bytes);
    let _part = cursor.u8()?;
    let mut index = 0_u8;
    while !cursor.rest().is_empty() {
        index = index.checked_add(1)?;
        let length = cursor.u8()?;
        let mut tag = Cursor::new(cursor.take(usize::from(length))?);
        while !tag.rest().is_empty() {
            let kind = tag.u8()?;
            let length = tag.u8()?;
            tag_value(out, index, kind, tag.take(usize::from(length))?)?;
        }
    }
    Some(())
}

fn tag_value(out: &mut Attributes, index: u8, kind: u8, bytes: &[u8]) -> Option<()> {
    let probe = TAG_INDEX.checked_add(index)?;
    match (kind, bytes) {
        (0, [signal]) => out.push(Key::Named(Name::BeaconRssiDbm, index), Value::Int(i64::from(i8::from_be_bytes([*signal])))),
        (1 | 15, id) => out.push(Key::Named(Name::BeaconId, index), Value::Text(&to_hex(id))),
        (5, name) => out.push(Key::Named(Name::Tag, index), Value::Text(text(name)?)),
        (6, [high, low]) => {
            let hundredths = f64::from(i16::from_be_bytes([*high, *low]));
            out.push(Key::Named(Name::TemperatureC, probe), Value::Float(hundredths / 100.0));
        }
        (7, [humidity]) => out.push(Key::Named(Name::HumidityPct, probe), Value::Int(i64::from(*humidity))),
        (14, [high, low]) => {
            out.push(Key::Named(Name::BeaconBatteryMv, index), Value::Int(i64::from(u16::from_be_bytes([*high, *low]))));
        }
        _ => return None,
    }
    Some(())
}
