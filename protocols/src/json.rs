//! Messages as JSON, for tools, fixtures and tests: one spelling for all of them.

mod read;
mod write;

pub(crate) use read::{Json, Read, Reader, Take, each, read_object};
pub(crate) use write::Writer;

use crate::attributes::write_json_text;
use crate::{Identifier, Message, Record, to_rfc3339, wire};
use alloc::string::String;
use core::fmt::{Display, Write as _};

impl Record {
    /// Appends a JSON object. Without a fix, the place is `null`; a time outside the years 1 to 9999 is `null` too.
    pub fn write_json(&self, out: &mut String) {
        out.push_str("{\"fix_time\":");
        match self.fix_time.and_then(to_rfc3339) {
            Some(time) => write_json_text(&time, out),
            None => out.push_str("null"),
        }
        let fix = self.fix.as_ref();
        member("valid", Some(fix.is_some_and(|f| f.valid)), out);
        member("latitude", fix.map(|f| f.latitude.degrees()), out);
        member("longitude", fix.map(|f| f.longitude.degrees()), out);
        member("altitude_m", fix.and_then(|f| f.altitude_m).filter(|v| v.is_finite()), out);
        member("speed_kmh", fix.and_then(|f| f.speed_kmh).filter(|v| v.is_finite()), out);
        member("course_deg", fix.and_then(|f| f.course_deg).filter(|v| v.is_finite()), out);
        out.push_str(",\"attributes\":");
        self.attributes.write_json(out);
        out.push('}');
    }
}

impl Message {
    /// Appends a JSON object whose first member says what it is. A password is never written, only that there is one.
    pub fn write_json(&self, out: &mut String) {
        match self {
            Self::Login { identifier, password } => {
                out.push_str("{\"login\":");
                write_json_text(identifier.as_str(), out);
                member("password", Some(password.is_some()), out);
            }
            Self::Record { identifier, record } => {
                out.push_str("{\"record\":");
                record.write_json(out);
                write_identifier(identifier.as_ref(), out);
            }
            Self::Heartbeat { identifier, attributes } => {
                out.push_str("{\"heartbeat\":");
                attributes.write_json(out);
                write_identifier(identifier.as_ref(), out);
            }
            Self::CommandAnswer { identifier, tag, done, text } => {
                out.push_str("{\"command_answer\":");
                write_json_text(text, out);
                if let Some(tag) = tag {
                    let _ = write!(out, ",\"tag\":{tag}");
                }
                if let Some(done) = done {
                    let _ = write!(out, ",\"done\":{done}");
                }
                write_identifier(identifier.as_ref(), out);
            }
            Self::Undecoded { identifier, reason, raw } => {
                out.push_str("{\"undecoded\":");
                write_json_text(reason, out);
                out.push_str(",\"raw\":");
                write_json_text(&wire::to_hex(raw), out);
                write_identifier(identifier.as_ref(), out);
            }
        }
        out.push('}');
    }
}

fn member(name: &str, value: Option<impl Display>, out: &mut String) {
    match value {
        Some(value) => drop(write!(out, ",\"{name}\":{value}")),
        None => drop(write!(out, ",\"{name}\":null")),
    }
}

fn write_identifier(identifier: Option<&Identifier>, out: &mut String) {
    if let Some(identifier) = identifier {
        out.push_str(",\"identifier\":");
        write_json_text(identifier.as_str(), out);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Attributes, Fix, Identifier, Latitude, Longitude, Message, Name, Record, Value};
    use alloc::string::String;

    #[test]
    fn a_record_with_and_without_a_fix() {
        let fix = Latitude::new(1.5).zip(Longitude::new(-2.0)).map(|(latitude, longitude)| Fix {
            latitude,
            longitude,
            valid: true,
            altitude_m: None,
            speed_kmh: Some(0.5),
            course_deg: Some(f32::NAN),
        });
        let attributes = Attributes::from_iter([(crate::Key::Named(Name::Satellites, 0), Value::Int(7))]);
        let record = Record { fix_time: Some(1_704_067_200_250_000), fix, attributes };
        let message = Message::Record { identifier: Identifier::new("a\"1"), record };
        let mut text = String::new();
        message.write_json(&mut text);
        assert_eq!(
            text,
            "{\"record\":{\"fix_time\":\"2024-01-01T00:00:00.25Z\",\"valid\":true,\"latitude\":1.5,\"longitude\":-2,\"altitude_m\":null,\
             \"speed_kmh\":0.5,\"course_deg\":null,\"attributes\":{\"satellites\":7}},\"identifier\":\"a\\\"1\"}"
        );
        text.clear();
        Record::default().write_json(&mut text);
        assert_eq!(
            text,
            "{\"fix_time\":null,\"valid\":false,\"latitude\":null,\"longitude\":null,\"altitude_m\":null,\"speed_kmh\":null,\
             \"course_deg\":null,\"attributes\":{}}"
        );
    }
}
