//! The kinds of messages that terminals send.

use super::{Whole, lock, report, transparent};
use crate::wire::{self, Cursor};
use crate::{Attributes, Key, Message, Name, Value};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write as _;

/// Accelerations by the second; nobody waits for an answer.
pub const ACCELERATIONS: u16 = 0x2070;
pub const ALIVE: u16 = 0x0002;
pub const ANSWER: u16 = 0x0001;
pub const AUTHENTICATION: u16 = 0x0102;
pub const DRIVER: u16 = 0x0702;
pub const LOGOUT: u16 = 0x0003;
pub const OTHER_ALIVE: u16 = 0x0506;
pub const PARAMETERS: u16 = 0x0104;
pub const PICTURE: u16 = 0x0801;
pub const PICTURE_COMES: u16 = 0x8888;
pub const PICTURE_TAKEN: u16 = 0x0805;
pub const PROPERTIES: u16 = 0x0107;
pub const REGISTRATION: u16 = 0x0100;
pub const REPORT: u16 = 0x0200;
pub const REPORT_ASKED: u16 = 0x0201;
pub const REPORTS: u16 = 0x0704;
pub const REPORTS_SHORT: u16 = 0x0210;
pub const TEXT: u16 = 0x6006;
pub const TIME_2019: u16 = 0x0004;
pub const TIME_ASKED: u16 = 0x0109;
pub const TRANSPARENT: u16 = 0x0900;
pub const VEHICLE_CONTROLLED: u16 = 0x0500;
pub const VERSION: u16 = 0x0205;

/// Reads a message. `None` if the kind is unknown or the body ends too early; what was pushed is dropped then.
pub fn read(whole: &Whole<'_>, out: &mut Vec<Message>) -> Option<()> {
    let body = &mut Cursor::new(whole.body);
    let identifier = whole.identifier;
    match whole.head.kind {
        ANSWER => {
            let (serial, kind, result) = (body.be_u16()?, body.be_u16()?, body.u8()?);
            answered(whole, serial, result == 0, alloc::format!("{kind:04x}: {}", meaning(result)), out);
        }
        ALIVE | OTHER_ALIVE | LOGOUT | TIME_2019 | TIME_ASKED | PICTURE_COMES => {
            out.push(Message::Heartbeat { identifier, attributes: state(whole.body) });
        }
        VERSION => version(whole, out),
        REGISTRATION | AUTHENTICATION => out.push(Message::Login { identifier: identifier?, password: None }),
        PICTURE_TAKEN => {
            let (serial, result) = (body.be_u16()?, body.u8()?);
            answered(whole, serial, result == 0, alloc::format!("picture: {}", meaning(result)), out);
        }
        PARAMETERS => answered(whole, body.be_u16()?, true, wire::to_hex(body.rest()), out),
        PROPERTIES => properties(whole, body, out)?,
        REPORT => whole.push(report::read(body, whole.model)?, out),
        REPORT_ASKED | VEHICLE_CONTROLLED => {
            let serial = body.be_u16()?;
            whole.push(report::read(body, whole.model)?, out);
            answered(whole, serial, true, String::from("position"), out);
        }
        REPORTS_SHORT => reports_short(whole, body, out)?,
        REPORTS => reports(whole, body, out)?,
        DRIVER => driver(whole, body, out)?,
        PICTURE => picture(whole, body, out)?,
        TRANSPARENT => transparent::read(whole, body, out)?,
        TEXT => {
            body.skip(1)?;
            let text = String::from_utf8_lossy(body.rest()).trim_matches(['\0', ' ']).to_string();
            out.push(Message::CommandAnswer { identifier, tag: None, done: None, text });
        }
        ACCELERATIONS => accelerations(whole, body, out)?,
        kind if whole.head.is_short => whole.push(lock::read(body, kind)?, out),
        _ => return None,
    }
    Some(())
}

fn answered(whole: &Whole<'_>, serial: u16, done: bool, text: String, out: &mut Vec<Message>) {
    let tag = Some(u32::from(serial));
    out.push(Message::CommandAnswer { identifier: whole.identifier, tag, done: Some(done), text });
}

/// The result of an answer.
const fn meaning(result: u8) -> &'static str {
    match result {
        0 => "done",
        1 => "failed",
        2 => "message wrong",
        3 => "not supported",
        _ => "refused",
    }
}

/// What a few trackers say along with being alive: battery, signal, 0 to 2 for at work, waiting, off.
fn state(body: &[u8]) -> Attributes {
    let mut attributes = Attributes::new();
    if let [battery @ 0..=100, signal, mode @ 0..=2] = body {
        attributes.set(Name::BatteryLevelPct, Value::Int(i64::from(*battery)));
        attributes.set(Name::GsmSignalLevel, Value::Int(i64::from(*signal)));
        attributes.set(Name::Mode, Value::Int(i64::from(*mode)));
    }
    attributes
}

/// Software 14 and its date 10, processor 12, modem 15, IMEI 15, IMSI 15, ICCID 20, car u16, VIN 17, mileage u32 (m), fuel u32 (ml).
fn version(whole: &Whole<'_>, out: &mut Vec<Message>) {
    let mut attributes = Attributes::new();
    let text = |from: usize, to: usize| super::items::plain(whole.body.get(from..to)?).filter(|text| !text.is_empty());
    for (from, to, name) in [(0, 14, Name::Firmware), (66, 81, Name::Imsi), (81, 101, Name::Iccid), (103, 120, Name::Vin)] {
        if let Some(text) = text(from, to) {
            attributes.set(name, Value::Text(text));
        }
    }
    out.push(Message::Heartbeat { identifier: whole.identifier, attributes });
}

/// Type u16, maker 5, model 20, id 7, ICCID BCD 10, hardware and firmware with their lengths before.
fn properties(whole: &Whole<'_>, body: &mut Cursor<'_>, out: &mut Vec<Message>) -> Option<()> {
    let mut attributes = Attributes::new();
    body.skip(7)?;
    let mut text = |name: Name, value: &[u8]| {
        if let Some(text) = super::items::plain(value).filter(|text| !text.is_empty()) {
            attributes.set(name, Value::Text(text));
        }
    };
    text(Name::Model, body.take(20)?);
    body.skip(7)?;
    let iccid = super::items::digits(body.take(10)?);
    text(Name::Iccid, iccid.as_str().as_bytes());
    for name in [Name::Hardware, Name::Firmware] {
        let length = usize::from(body.u8()?);
        text(name, body.take(length)?);
    }
    if whole.asked_properties {
        let mut text = String::new();
        attributes.write_json(&mut text);
        out.push(Message::CommandAnswer { identifier: whole.identifier, tag: None, done: Some(true), text });
    }
    out.push(Message::Heartbeat { identifier: whole.identifier, attributes });
    Some(())
}

/// Makes room for the reports: of a message in parts they are many, and a list that grows takes up to twice the memory. The first that
/// cannot be one ends them.
fn reserve<'a, T: Into<usize>>(mut body: Cursor<'a>, length: impl Fn(&mut Cursor<'a>) -> Option<T>, out: &mut Vec<Message>) {
    let report = || length(&mut body).and_then(|length| body.take(length.into())).filter(|report| report.len() >= report::FIXED_BYTES);
    out.reserve_exact(core::iter::from_fn(report).count().saturating_add(1));
}

/// The battery and the time, or reports with a byte of length each.
fn reports_short(whole: &Whole<'_>, body: &mut Cursor<'_>, out: &mut Vec<Message>) -> Option<()> {
    if body.rest().len() == 7 {
        let battery = body.u8()?;
        let mut draft = report::at(body.array()?);
        super::items::percent(&mut draft, i64::from(battery));
        whole.push(draft, out);
        return Some(());
    }
    reserve(*body, Cursor::u8, out);
    while let Some(length) = body.u8() {
        match body.take(usize::from(length)).and_then(|report| report::read(&mut Cursor::new(report), whole.model)) {
            Some(draft) => whole.push(draft, out),
            None => return whole.keep_rest("report", out),
        }
    }
    Some(())
}

/// Count, whether they come from memory, and reports with two bytes of length each.
fn reports(whole: &Whole<'_>, body: &mut Cursor<'_>, out: &mut Vec<Message>) -> Option<()> {
    let count = body.be_u16()?;
    let from_memory = body.u8()? == 1;
    reserve(*body, Cursor::be_u16, out);
    for _ in 0..count {
        let Some(length) = body.be_u16() else { return whole.keep_rest("report", out) };
        match body.take(usize::from(length)).and_then(|report| report::read(&mut Cursor::new(report), whole.model)) {
            Some(mut draft) => {
                if from_memory && draft.attributes.get(Name::Buffered).is_none() {
                    draft.set(Name::Buffered, Value::Bool(true));
                }
                whole.push(draft, out);
            }
            None => return whole.keep_rest("report", out),
        }
    }
    Some(())
}

/// A driver's card: put in or taken out u8, time, result u8, name with its length before, certificate 20.
fn driver(whole: &Whole<'_>, body: &mut Cursor<'_>, out: &mut Vec<Message>) -> Option<()> {
    let state = body.u8()?;
    let mut draft = report::at(body.array()?);
    draft.attributes.push(Key::Text("driver_present"), Value::Bool(state == 1));
    if let Some((0, length)) = body.u8().zip(body.u8()) {
        let name = body.take(usize::from(length))?;
        super::items::named_text(&mut draft, Key::Text("driver"), name);
        super::items::named_text(&mut draft, Key::Named(Name::DriverId, 0), body.take(20)?);
    }
    whole.push(draft, out);
    Some(())
}

/// Id u32, type u8, format u8, event u8, channel u8, report without items, then the picture: kept raw.
fn picture(whole: &Whole<'_>, body: &mut Cursor<'_>, out: &mut Vec<Message>) -> Option<()> {
    let is_first = whole.head.part.is_none_or(|(_, part)| part == 1);
    let report = body.skip(8).and_then(|()| body.take(report::FIXED_BYTES)).filter(|_| is_first);
    if let Some(draft) = report.and_then(|report| report::read(&mut Cursor::new(report), whole.model)) {
        // Older terminals have the picture right here: what says no time is no report.
        if draft.time.is_some() {
            whole.push(draft, out);
        }
    }
    whole.keep_rest("piece of a picture", out)
}

/// Time 6 and three axes u16, bit 15 for the sign, again and again.
fn accelerations(whole: &Whole<'_>, body: &mut Cursor<'_>, out: &mut Vec<Message>) -> Option<()> {
    let (mut last, mut text) = (None, String::new());
    while !body.rest().is_empty() {
        last = Some(body.array()?);
        text.push_str(if text.is_empty() { "" } else { ";" });
        for axis in 0..3 {
            let value = body.be_u16()?;
            let sign = if value & 0x8000 == 0 { "" } else { "-" };
            let _ = write!(text, "{}{sign}{}", if axis > 0 { "," } else { "" }, value & 0x7FFF);
        }
    }
    let mut draft = report::at(last?);
    draft.attributes.push(Key::Text("accelerations"), Value::Text(&text));
    whole.push(draft, out);
    Some(())
}
