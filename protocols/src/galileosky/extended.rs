//! Extended tags: a block of tags with numbers of two bytes.
//!
//! Registers of Modbus (`modbus[n]`) and of Bluetooth (`bluetooth[n]`) are set up by the owner; a value says little without that.

use super::reading::Reading;
use crate::wire::{Cursor, ShortText, to_hex};
use crate::{Key, Name, Value};

/// Adds what a block says; from the first tag that is not known on, it is kept raw.
pub(super) fn read(reading: &mut Reading<'_>, block: &[u8]) {
    let mut cursor = Cursor::new(block);
    while !cursor.rest().is_empty() {
        let before = cursor.rest();
        let value = cursor.le_u16().and_then(|id| Some((id, cursor.take(length(id)?)?)));
        let Some((id, value)) = value else {
            reading.draft.attributes.push(Key::Text("extended_tags"), Value::Text(&to_hex(before)));
            return;
        };
        apply(reading, id, value);
    }
}

const fn length(id: u16) -> Option<usize> {
    Some(match id {
        0x0001..=0x0080 | 0x0086..=0x0091 | 0x00A9 | 0x00AC => 4,
        0x0081..=0x0084 => 2,
        0x0085 | 0x0093 | 0x00A4..=0x00A8 | 0x00B0..=0x00B2 | 0x00FC => 1,
        0x0092 => 15,
        0x0094 => 20,
        0x00AB | 0x00B3 => 12,
        0x00AD | 0x00AE | 0x00B4..=0x00B6 => 6,
        0x00AF => 14,
        0x00D9..=0x00FA => 3,
        0x00FD | 0x00FE => 8,
        _ => return None,
    })
}

fn apply(reading: &mut Reading<'_>, id: u16, value: &[u8]) {
    let number = value.iter().take(8).rev().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    let whole = i64::try_from(number).unwrap_or(i64::MAX);
    let index = |first: u16| id.checked_sub(first).and_then(|n| u8::try_from(n).ok()).unwrap_or(u8::MAX);
    match id {
        0x0001..=0x0020 => register(reading, "modbus", index(0x0001), number),
        0x0021..=0x0060 => register(reading, "bluetooth", index(0x0021), number),
        0x0061..=0x0080 => register(reading, "modbus", index(0x0061).saturating_add(32), number),
        0x0081..=0x0084 => {
            // On the wire: cell, area, country, network.
            let place = [3, 2, 0, 1].get(usize::from(index(0x0081))).copied().unwrap_or(0);
            if let Some(slot) = reading.cell.get_mut(place) {
                *slot = u16::try_from(number).ok();
            }
        }
        0x0085 => reading.signal = u8::try_from(number).ok().map(|raw| raw.cast_signed().unsigned_abs()).filter(|signal| *signal != 0),
        0x0086..=0x008D => {
            let celsius = value.get(2..4).and_then(|v| v.first_chunk()).map(|v| f64::from(i16::from_le_bytes(*v)) / 256.0);
            if let Some(celsius) = celsius.filter(|celsius| *celsius > -128.0) {
                reading.draft.set_numbered(Name::TemperatureC, index(0x0086).saturating_add(41), Value::Float(celsius));
            }
        }
        0x0092 => text(reading, Name::Imsi, value),
        0x0094 => text(reading, Name::Iccid, value),
        0x00D9..=0x00FA => tire(reading, index(0x00D9).saturating_add(1), value),
        0x00FC => reading.draft.set(Name::Reason, Value::Int(whole)),
        0x00FD => reading.driver(3, number),
        0x00FE => reading.driver(4, number),
        _ if value.len() <= 8 => push(reading, id, Value::Int(whole)),
        _ => push(reading, id, Value::Text(&to_hex(value))),
    }
}

/// Numbers of extended tags stand behind those of the others.
fn push(reading: &mut Reading<'_>, id: u16, value: Value<'_>) {
    reading.draft.attributes.push(Key::Io(0xFE_0000 | u32::from(id)), value);
}

fn register(reading: &mut Reading<'_>, family: &str, index: u8, number: u64) {
    let mut key = ShortText::default();
    key.push_str(family);
    key.push_str("[");
    key.push_number(u64::from(index));
    key.push_str("]");
    reading.draft.attributes.push(Key::Text(key.as_str()), Value::Int(i64::try_from(number).unwrap_or(0)));
}

fn text(reading: &mut Reading<'_>, name: Name, value: &[u8]) {
    let text = core::str::from_utf8(value).ok().map(|text| text.trim_matches(['\0', ' ']));
    if let Some(text) = text.filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())) {
        reading.draft.set(name, Value::Text(text));
    }
}

/// Pressure in psi, degrees, state (bit 0: no sensor).
fn tire(reading: &mut Reading<'_>, number: u8, value: &[u8]) {
    let [psi, celsius, state] = value else { return };
    if state & 1 == 0 {
        let kpa = libm::round(f64::from(*psi) * 68.947_57) / 10.0;
        reading.draft.set_numbered(Name::TireKpa, number, Value::Float(kpa));
        reading.draft.set_numbered(Name::TireTemperatureC, number, Value::Int(i64::from(celsius.cast_signed())));
    }
}
