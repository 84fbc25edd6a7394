//! JSON that is read where it stands. A tree of it takes up to a hundred times the bytes that came (each object has room for eleven
//! members), so a document is checked once and then looked into.

use crate::Attributes;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

/// A value as it is written, without white space around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<'a>(&'a str);

/// What is read of a document so that it is checked: nothing stays.
struct Checked;

struct Check;

impl<'de> Visitor<'de> for Check {
    type Value = Checked;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_str<E>(self, _: &str) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_unit<E>(self) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Checked, A::Error> {
        while items.next_element::<Checked>()?.is_some() {}
        Ok(Checked)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Checked, A::Error> {
        while members.next_entry::<Checked, Checked>()?.is_some() {}
        Ok(Checked)
    }
}

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Check)
    }
}

const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

impl<'a> Json<'a> {
    /// The value that the bytes are.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        serde_json::from_slice::<Checked>(bytes).ok()?;
        core::str::from_utf8(bytes).ok().map(|text| Self(text.trim_matches(SPACE)))
    }

    /// Whether it has members.
    pub fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    /// Whether it has items.
    pub fn is_list(self) -> bool {
        self.0.starts_with('[')
    }

    /// Whether it is a text.
    pub fn is_text(self) -> bool {
        self.0.starts_with('"')
    }

    /// Nothing.
    pub fn is_null(self) -> bool {
        self.0 == "null"
    }

    /// Yes or no.
    pub fn as_bool(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// A number.
    pub fn number(self) -> Option<Number> {
        if self.0.starts_with(|c: char| c == '-' || c.is_ascii_digit()) { serde_json::from_str(self.0).ok() } else { None }
    }

    /// A number.
    pub fn as_f64(self) -> Option<f64> {
        self.number()?.as_f64()
    }

    /// A whole number.
    pub fn as_i64(self) -> Option<i64> {
        self.number()?.as_i64()
    }

    /// A whole number that is not below zero.
    pub fn as_u64(self) -> Option<u64> {
        self.number()?.as_u64()
    }

    /// A text.
    pub fn text(self) -> Option<Cow<'a, str>> {
        let inside = self.0.strip_prefix('"')?.strip_suffix('"')?;
        if !inside.as_bytes().contains(&b'\\') {
            return Some(Cow::Borrowed(inside));
        }
        serde_json::from_str(self.0).ok().map(Cow::Owned)
    }

    /// The member of that name, which is plain ASCII; of several, the last one.
    pub fn get(self, name: &str) -> Option<Self> {
        self.members().filter(|(key, _)| spells(*key, name)).last().map(|(_, value)| value)
    }

    /// The items of a list; of anything else, none.
    pub fn items(self) -> impl Iterator<Item = Self> {
        let mut rest = if self.is_list() { self.0.get(1..) } else { None }.unwrap_or_default();
        core::iter::from_fn(move || take(&mut rest))
    }

    /// The members of an object as they stand; of anything else, none.
    fn members(self) -> impl Iterator<Item = (Self, Self)> {
        let mut rest = if self.is_object() { self.0.get(1..) } else { None }.unwrap_or_default();
        core::iter::from_fn(move || Some((take(&mut rest)?, take(&mut rest)?)))
    }

    /// The members of an object by their names; of several of one name, the last one.
    pub fn sorted(self) -> impl Iterator<Item = (Cow<'a, str>, Self)> {
        // Counted first: a list that grows takes up to twice the memory.
        let mut members = Vec::with_capacity(self.members().count());
        members.extend(self.members().filter_map(|(key, value)| Some((key.text()?, value))));
        members.sort_unstable_by(|(one, value), (other, other_value)| one.cmp(other).then(value.place().cmp(&other_value.place())));
        let mut members = members.into_iter().peekable();
        core::iter::from_fn(move || {
            let mut member = members.next()?;
            while let Some(same) = members.next_if(|(key, _)| *key == member.0) {
                member = same;
            }
            Some(member)
        })
    }

    fn place(self) -> *const u8 {
        self.0.as_ptr()
    }

    /// Appends it without white space, members by their names. More than a record can have is not written to its end.
    pub fn write(self, out: &mut String) {
        if out.len() > Attributes::BYTES_MAX {
            return;
        }
        if self.is_object() {
            out.push('{');
            for (number, (key, value)) in self.sorted().enumerate() {
                out.push_str(if number > 0 { "," } else { "" });
                write_text(&key, out);
                out.push(':');
                value.write(out);
                if out.len() > Attributes::BYTES_MAX {
                    return;
                }
            }
            out.push('}');
        } else if self.is_list() {
            out.push('[');
            for (number, item) in self.items().enumerate() {
                out.push_str(if number > 0 { "," } else { "" });
                item.write(out);
                if out.len() > Attributes::BYTES_MAX {
                    return;
                }
            }
            out.push(']');
        } else if let Some(text) = self.text() {
            write_text(&text, out);
        } else if let Some(number) = self.number() {
            let _ = write!(out, "{number}");
        } else {
            out.push_str(self.0);
        }
    }
}

/// Takes the next value behind white space, commas and colons. `None`: the list or object ends.
fn take<'a>(rest: &mut &'a str) -> Option<Json<'a>> {
    let text = rest.trim_start_matches(|c| matches!(c, ',' | ':') || SPACE.contains(&c));
    let (value, behind) = text.split_at_checked(length(text.as_bytes()).filter(|length| *length > 0)?)?;
    *rest = behind;
    Some(Json(value))
}

/// How long the value is that stands at the front.
fn length(bytes: &[u8]) -> Option<usize> {
    match bytes.first()? {
        b'"' => text_length(bytes),
        b'{' | b'[' => {
            let (mut depth, mut in_text, mut is_escaped) = (0_usize, false, false);
            for (at, byte) in bytes.iter().enumerate() {
                match byte {
                    _ if is_escaped => is_escaped = false,
                    b'\\' => is_escaped = true,
                    b'"' => in_text = !in_text,
                    _ if in_text => {}
                    b'{' | b'[' => depth = depth.saturating_add(1),
                    b'}' | b']' if depth <= 1 => return at.checked_add(1),
                    b'}' | b']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            None
        }
        b']' | b'}' => None,
        _ => Some(bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')).count()),
    }
}

/// The same of a text, its quotes included.
fn text_length(bytes: &[u8]) -> Option<usize> {
    let mut is_escaped = false;
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at.checked_add(1),
            _ => {}
        }
    }
    None
}

/// Whether a key is that name, some of whose letters may be escaped.
fn spells(key: Json<'_>, name: &str) -> bool {
    let mut rest = key.0.as_bytes().get(1..).unwrap_or_default();
    for letter in name.bytes() {
        rest = match rest {
            [b'\\', b'u', digits @ ..] => {
                let code =
                    digits.get(..4).and_then(|digits| core::str::from_utf8(digits).ok()).and_then(|d| u16::from_str_radix(d, 16).ok());
                if code != Some(u16::from(letter)) {
                    return false;
                }
                digits.get(4..).unwrap_or_default()
            }
            [first, behind @ ..] if *first == letter => behind,
            _ => return false,
        };
    }
    rest == b"\""
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const DOCUMENTS: &[&str] = &[
        "{}",
        " [ ] ",
        "null",
        "-0",
        "1e3",
        "[1e999]",
        "\"\\ud800\"",
        "{\"b\" : [1, 2.50, -3e2, 18446744073709551615, 1e22], \"a\":{\"z\":null,\"y\":true ,\"\":\"\"} , \"b\":[ {} , [ ] ]}",
        "{\"\\u0061\":1,\"\\n\\\"\\\\\\/\\b\\f\\r\\t\\u0001\\ud83d\\ude00é\":\"}]{[,:\\\"\",\"c\":\"\\\\\"}",
        "{\"a\":1,}",
        "[1 2]",
        "{\"a\":tru}",
        "[\"\u{1}\"]",
        "[",
    ];

    #[test]
    fn it_reads_and_writes_as_a_tree_does() {
        for document in DOCUMENTS {
            let (tree, read) = (serde_json::from_str::<Value>(document).ok(), Json::read(document.as_bytes()));
            let written = read.map(|json| {
                let mut out = String::new();
                json.write(&mut out);
                out
            });
            assert_eq!(written, tree.as_ref().map(alloc::string::ToString::to_string), "{document}");
            for name in ["a", "b", "c", "d", ""] {
                let found = read.and_then(|json| json.get(name)).map(|value| {
                    let mut out = String::new();
                    value.write(&mut out);
                    out
                });
                assert_eq!(found, tree.as_ref().and_then(|tree| tree.get(name)).map(alloc::string::ToString::to_string), "{document}");
            }
        }
    }
}
