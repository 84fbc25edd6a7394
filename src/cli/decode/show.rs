//! What frames gave, as JSON and for people.

use super::fields::Field;
use super::play::Heard;
use protocols::{Attributes, Message, Record, Release, Reply, ReplyBody, to_rfc3339, wire};
use serde_json::json;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Of a long field no more bytes are shown.
const FIELD_BYTES_SHOWN_MAX: usize = 16;

/// A line that could not be read.
pub fn error_line(problem: &str) -> String {
    json!({ "error": problem }).to_string()
}

/// What the frames of a line gave.
pub fn frames_line(frames: &[Heard]) -> String {
    let mut out = String::from("{\"frames\":[");
    for (index, heard) in frames.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str("{\"records\":[");
        let mut first = true;
        for message in &heard.messages {
            let without_fix;
            let record = match message {
                Message::Record { record, .. } => record,
                Message::Heartbeat { attributes, .. } if !attributes.is_empty() => {
                    without_fix = Record { attributes: attributes.clone(), ..Record::default() };
                    &without_fix
                }
                _ => continue,
            };
            if !std::mem::take(&mut first) {
                out.push(',');
            }
            record.write_json(&mut out);
        }
        let replies: Vec<_> = heard.replies.iter().map(reply_json).collect();
        let _ = write!(out, "],\"replies\":{},\"error\":{}}}", json!(replies), json!(heard.error));
    }
    out.push_str("]}");
    out
}

fn reply_json(reply: &Reply) -> serde_json::Value {
    match &reply.body {
        ReplyBody::Bytes(bytes) => json!({ "hex": wire::to_hex(bytes) }),
        ReplyBody::Http { status, body: [] } => json!({ "http": { "status": status } }),
        ReplyBody::Http { status, body } => json!({ "http": { "status": status, "body": String::from_utf8_lossy(body) } }),
    }
}

/// Writes one frame for people.
pub fn write_frame(number: usize, heard: &Heard, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "frame {number}")?;
    for message in &heard.messages {
        match message {
            Message::Login { identifier, password } => {
                let with = if password.is_some() { ", with a password" } else { "" };
                writeln!(out, "  login {identifier}{with}")?;
            }
            Message::Record { identifier, record } => {
                writeln!(out, "  record{} {}", of(identifier.as_ref()), place(record))?;
                write_attributes(&record.attributes, out)?;
            }
            Message::Heartbeat { identifier, attributes } => {
                writeln!(out, "  sign of life{}", of(identifier.as_ref()))?;
                write_attributes(attributes, out)?;
            }
            Message::CommandAnswer { identifier, text, .. } => {
                writeln!(out, "  answer to a command{} {text:?}", of(identifier.as_ref()))?;
            }
            Message::Undecoded { identifier, reason, raw } => {
                writeln!(out, "  not understood{}: {reason}: {}", of(identifier.as_ref()), wire::to_hex(raw))?;
            }
        }
    }
    for reply in &heard.replies {
        let when = match reply.release {
            Release::Now => "at once",
            Release::Identified => "when the device is known",
            Release::Durable => "when the records are durable",
        };
        match &reply.body {
            ReplyBody::Bytes(bytes) if bytes.iter().all(|b| (0x20..0x7F).contains(b) || b"\r\n".contains(b)) => {
                writeln!(out, "  reply {:?}, {when}", String::from_utf8_lossy(bytes))?;
            }
            ReplyBody::Bytes(bytes) => writeln!(out, "  reply {}, {when}", wire::to_hex(bytes))?,
            ReplyBody::Http { status, body } => writeln!(out, "  reply {status} {}, {when}", String::from_utf8_lossy(body))?,
        }
    }
    match &heard.error {
        Some(problem) => writeln!(out, "  refused: {problem}"),
        None if heard.messages.is_empty() && heard.replies.is_empty() => writeln!(out, "  (nothing yet)"),
        None => Ok(()),
    }
}

/// Writes the fields of a frame, one a line: where, the bytes, what they say.
pub fn write_fields(fields: &[Field], out: &mut dyn Write) -> io::Result<()> {
    for Field { offset, bytes, name, value, unit } in fields {
        let shown = bytes.get(..FIELD_BYTES_SHOWN_MAX).map_or_else(|| wire::to_hex(bytes), |head| format!("{}…", wire::to_hex(head)));
        let value = if value.is_empty() { String::new() } else { format!(" = {value}") };
        let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        writeln!(out, "    {offset:5}  {shown:<34} {name}{value}{unit}")?;
    }
    Ok(())
}

fn of(identifier: Option<&protocols::Identifier>) -> String {
    identifier.map(|i| format!(" of {i}")).unwrap_or_default()
}

fn place(record: &Record) -> String {
    let mut text = record.fix_time.and_then(to_rfc3339).unwrap_or_else(|| "without a time".into());
    let Some(fix) = &record.fix else { return text + ", no fix" };
    let _ = write!(text, ", {:.6} {:.6}", fix.latitude.degrees(), fix.longitude.degrees());
    for (value, unit) in [(fix.speed_kmh, " km/h"), (fix.course_deg, "°"), (fix.altitude_m, " m")] {
        if let Some(value) = value {
            let _ = write!(text, ", {value:.1}{unit}");
        }
    }
    text + if fix.valid { "" } else { ", not valid" }
}

fn write_attributes(attributes: &Attributes, out: &mut dyn Write) -> io::Result<()> {
    if attributes.is_empty() {
        return Ok(());
    }
    let mut text = String::new();
    attributes.write_json(&mut text);
    writeln!(out, "    {text}")
}
