//! The tracker's side: version 2.0, each record as D; records that were kept while there was no connection (`buffered`) together as B.

use super::record::SATELLITES_OF_A_FIX;
use super::{LINE_BYTES_MAX, params, record};
use crate::wire::crc16_arc;
use crate::{Attributes, Civil, DecodeError, Encoder, Fix, Identifier, Name, Record, Transport, Value};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};
use core::fmt::Write as _;

/// Writing to a string cannot fail.
macro_rules! put {
    ($out:expr, $($arguments:tt)+) => {{
        let _ = write!($out, $($arguments)+);
    }};
}

/// A line is closed when it holds so much.
const FULL_BYTES: usize = 8_192;
/// What one record may take; parameters beyond it are left out.
const RECORD_BYTES_MAX: usize = 16_384;
/// A datagram stays below the usual packet size of networks.
const DATAGRAM_FULL_BYTES: usize = 1_024;

/// Encoder of one connection.
#[derive(Debug)]
pub struct WialonEncoder {
    datagrams: bool,
    body: String,
}

impl WialonEncoder {
    /// Fresh.
    #[must_use]
    pub const fn new(transport: Transport) -> Self {
        Self { datagrams: matches!(transport, Transport::Udp), body: String::new() }
    }

    fn begin(&self, identifier: &Identifier, kind: &str, out: &mut Vec<u8>) {
        if self.datagrams {
            out.extend_from_slice(b"2.0;");
            out.extend_from_slice(identifier.as_str().as_bytes());
        }
        out.push(b'#');
        out.extend_from_slice(kind.as_bytes());
        out.push(b'#');
    }

    /// The body, which ends in its separator, and its checksum.
    fn finish(&mut self, out: &mut Vec<u8>) {
        let checksum = crc16_arc(self.body.as_bytes());
        put!(self.body, "{checksum:04X}\r\n");
        out.extend_from_slice(self.body.as_bytes());
        self.body.clear();
    }
}

fn is_buffered(record: &Record) -> bool {
    record.attributes.get(Name::Buffered) == Some(Value::Bool(true))
}

impl Encoder for WialonEncoder {
    fn login(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        if self.datagrams {
            return;
        }
        self.begin(identifier, "L", out);
        self.body.clear();
        put!(self.body, "2.0;{};NA;", identifier.as_str());
        self.finish(out);
    }

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let Some(first) = records.first() else { return 0 };
        self.body.clear();
        if !is_buffered(first) {
            self.begin(identifier, "D", out);
            write_record(first, &mut self.body);
            self.body.push(';');
            self.finish(out);
            return 1;
        }
        let full = if self.datagrams { DATAGRAM_FULL_BYTES } else { FULL_BYTES };
        let mut count = 0_usize;
        for record in records.iter().take_while(|record| is_buffered(record)) {
            let before = self.body.len();
            write_record(record, &mut self.body);
            self.body.push('|');
            if count > 0 && self.body.len() > full {
                self.body.truncate(before);
                break;
            }
            count = count.saturating_add(1);
        }
        self.begin(identifier, "B", out);
        self.finish(out);
        count
    }

    fn heartbeat(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        self.begin(identifier, "P", out);
        out.extend_from_slice(b"\r\n");
    }

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        let mut packets = 0_usize;
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let line = bytes.get(..end).unwrap_or_default();
            let answer = answer(line.strip_suffix(b"\r").unwrap_or(line));
            bytes.advance(end.saturating_add(1));
            packets = packets.saturating_add(answer?);
        }
        if bytes.len() > LINE_BYTES_MAX {
            return Err(DecodeError::fatal("answer is too long"));
        }
        Ok(packets)
    }

    fn representable(&self, record: &Record) -> Record {
        let mut text = String::new();
        write_record(record, &mut text);
        let mut back = record::read(text.as_bytes()).unwrap_or_default();
        if is_buffered(record) {
            back.attributes.set(Name::Buffered, Value::Bool(true));
        }
        back
    }
}

/// How many `records` calls an answer acknowledges.
fn answer(line: &[u8]) -> Result<usize, DecodeError> {
    match line {
        b"#AL#1" | b"#AP#" | b"#AM#1" => Ok(0),
        b"#AD#1" | b"#ASD#1" => Ok(1),
        [b'#', b'A', b'B', b'#', b'0'] => Err(DecodeError::skipped("records refused")),
        [b'#', b'A', b'B', b'#', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => Ok(1),
        [b'#', b'A', b'L', b'#', ..] => Err(DecodeError::fatal("login refused")),
        [b'#', b'A', ..] => Err(DecodeError::skipped("records refused")),
        // What the server asks for by itself is not an answer.
        _ => Ok(0),
    }
}

/// A D record without the separator behind it.
fn write_record(record: &Record, out: &mut String) {
    let start = out.len();
    write_time(record.fix_time.and_then(Civil::from_micros), out);
    write_place(record.fix.as_ref(), out);
    write_satellites(record, out);
    let attributes = &record.attributes;
    match attributes.get(Name::Hdop).and_then(|value| value.as_f64()) {
        Some(hdop) => put!(out, ";{hdop}"),
        None => out.push_str(";NA"),
    }
    for name in [Name::InputMask, Name::OutputMask] {
        match attributes.get(name) {
            Some(Value::Int(mask)) => put!(out, ";{mask}"),
            _ => out.push_str(";NA"),
        }
    }
    match attributes.get(Name::DriverId) {
        Some(Value::Text(key)) if params::is_plain(key) && !key.is_empty() => put!(out, ";;{key};"),
        _ => out.push_str(";;NA;"),
    }
    write_params(attributes, start, out);
}

fn write_params(attributes: &Attributes, start: usize, out: &mut String) {
    let mut first = true;
    for (key, value) in attributes.iter() {
        let before = out.len();
        let written = params::write(key, value, first, out);
        if out.len().saturating_sub(start) > RECORD_BYTES_MAX {
            out.truncate(before);
        } else if written {
            first = false;
        }
    }
    if first {
        out.push_str("NA");
    }
}

/// Two digits of the year: other centuries cannot be said.
fn write_time(time: Option<Civil>, out: &mut String) {
    let Some(Civil { year, month, day, hour, minute, second, micros }) = time.filter(|time| (2_000..2_100).contains(&time.year)) else {
        out.push_str("NA;NA;");
        return;
    };
    put!(out, "{day:02}{month:02}{:02};{hour:02}{minute:02}{second:02}", year.rem_euclid(100));
    if micros > 0 {
        put!(out, ".{micros:06}");
    }
    out.push(';');
}

fn write_place(fix: Option<&Fix>, out: &mut String) {
    let Some(fix) = fix else {
        out.push_str("NA;NA;NA;NA;NA;NA;NA;");
        return;
    };
    write_degrees(fix.latitude.degrees(), 2, 'N', 'S', out);
    write_degrees(fix.longitude.degrees(), 3, 'E', 'W', out);
    for number in [fix.speed_kmh, fix.course_deg, fix.altitude_m] {
        match number.filter(|number| number.is_finite()) {
            Some(number) => put!(out, "{number};"),
            None => out.push_str("NA;"),
        }
    }
}

/// Degrees and minutes; a millionth of a minute is two millimetres.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn write_degrees(degrees: f64, digits: usize, positive: char, negative: char, out: &mut String) {
    const PER_MINUTE: u64 = 1_000_000;
    const PER_DEGREE: u64 = 60 * PER_MINUTE;
    let parts = libm::round(degrees.abs() * 60e6) as u64;
    let (whole, rest) = (parts.div_euclid(PER_DEGREE), parts.rem_euclid(PER_DEGREE));
    let (minutes, fraction) = (rest.div_euclid(PER_MINUTE), rest.rem_euclid(PER_MINUTE));
    let side = if degrees < 0.0 { negative } else { positive };
    put!(out, "{whole:0digits$}{minutes:02}.{fraction:06};{side};");
}

/// "Valid" is said by the satellites alone.
fn write_satellites(record: &Record, out: &mut String) {
    let said = match record.attributes.get(Name::Satellites) {
        Some(Value::Int(count)) => Some(count),
        _ => None,
    };
    let count = match record.fix {
        Some(fix) if fix.valid => Some(said.filter(|count| *count >= SATELLITES_OF_A_FIX).unwrap_or(SATELLITES_OF_A_FIX)),
        Some(_) => said.map(|count| count.min(0)),
        None => said,
    };
    match count {
        Some(count) => put!(out, "{count}"),
        None => out.push_str("NA"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Result<usize, DecodeError>, usize) {
        let mut bytes = BytesMut::from(text);
        let result = WialonEncoder::new(Transport::Tcp).acknowledged(&mut bytes);
        (result, bytes.len())
    }

    #[test]
    fn answers_are_counted_and_half_a_line_waits() {
        assert_eq!(read("#AL#1\r\n#AD#1\r\n#AB#20\r\n#AP#\r\n#ASD#1\r\n#AD"), (Ok(3), 3));
        assert_eq!(read("#M#come home\r\n"), (Ok(0), 0));
    }

    #[test]
    fn refusals_are_errors() {
        for refusal in ["#AL#0\r\n", "#AL#10\r\n", "#AD#-1\r\n", "#AD#16\r\n", "#AB#\r\n", "#AB#0\r\n", "#ASD#13\r\n"] {
            let (result, left) = read(refusal);
            assert!(result.is_err() && left == 0, "{refusal}");
        }
    }
}
