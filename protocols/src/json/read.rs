//! JSON (RFC 8259) read in one pass, for formats that are one object a message: nothing is built of what is not wanted. What is taken,
//! what is refused and what a value is, is what `serde_json` says; texts with escapes are rare and left to it.

use crate::attributes::{Attributes, Value};
use crate::wire::{EACH, HIGH, decimal, quotient};
use crate::words::Glance;
use crate::{Alarm, DecodeError, Key, Name};
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use core::cmp::Ordering;
use smallvec::SmallVec;

/// A value. What it takes memory to tell stays as it was spelled.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Json<'a> {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    /// Beyond `i64`.
    Unsigned(u64),
    Float(f64),
    /// Without its quotes.
    Text(&'a str),
    /// With its quotes: there are escapes in it.
    Escaped(&'a str),
    Nested(Nested<'a>),
}

/// A list or an object, as it was spelled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Nested<'a>(&'a str);

/// Why there are no members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    NoJson,
    /// It is JSON, but another value.
    NoObject,
}

impl From<Wrong> for DecodeError {
    fn from(wrong: Wrong) -> Self {
        Self::skipped(match wrong {
            Wrong::NoJson => "no JSON",
            Wrong::NoObject => "no JSON object",
        })
    }
}

/// Levels of lists and objects; more are refused.
const DEPTH_MAX: u8 = 127;

/// Where a text is being read. A step gives `None` at what is no JSON, and then nothing more is to be read.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    /// What is not yet read of it.
    rest: &'a [u8],
    depth: u8,
}

impl<'a> Json<'a> {
    #[allow(clippy::cast_precision_loss)]
    pub(crate) const fn as_f64(self) -> Option<f64> {
        match self {
            Self::Int(v) => Some(v as f64),
            Self::Unsigned(v) => Some(v as f64),
            Self::Float(v) => Some(v),
            _ => None,
        }
    }

    pub(crate) const fn as_i64(self) -> Option<i64> {
        if let Self::Int(v) = self { Some(v) } else { None }
    }

    pub(crate) fn as_u64(self) -> Option<u64> {
        match self {
            Self::Int(v) => u64::try_from(v).ok(),
            Self::Unsigned(v) => Some(v),
            _ => None,
        }
    }

    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Escaped(quoted) => unescaped(quoted).map(Cow::Owned),
            _ => None,
        }
    }

    /// A text, or a number as it is written.
    pub(crate) fn spelled(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Int(v) => Some(Cow::Owned(v.to_string())),
            Self::Unsigned(v) => Some(Cow::Owned(v.to_string())),
            Self::Float(v) => serde_json::Number::from_f64(v).map(|number| Cow::Owned(number.to_string())),
            other => other.text(),
        }
    }

    /// Adds it to attributes; `null` is nothing, a list or an object is kept as its text.
    pub(crate) fn push(self, key: Key<'_>, attributes: &mut Attributes) {
        match self {
            Self::Null => {}
            Self::Bool(v) => attributes.push(key, Value::Bool(v)),
            Self::Int(v) => attributes.push(key, Value::Int(v)),
            Self::Unsigned(v) => attributes.push(key, Value::Unsigned(v)),
            Self::Float(v) => attributes.push(key, Value::Float(v)),
            Self::Text(text) => push_text(key, text, attributes),
            Self::Escaped(quoted) => push_text(key, &unescaped(quoted).unwrap_or_default(), attributes),
            Self::Nested(nested) => attributes.push(key, Value::Text(&nested.minified())),
        }
    }
}

fn push_text(key: Key<'_>, text: &str, attributes: &mut Attributes) {
    let alarm = if matches!(key, Key::Named(Name::Alarm, _)) { Alarm::from_text(text) } else { None };
    attributes.push(key, alarm.map_or(Value::Text(text), Value::Alarm));
}

fn unescaped(quoted: &str) -> Option<String> {
    serde_json::from_str(quoted).ok()
}

impl<'a> Nested<'a> {
    /// Without white space. More than a record has room for is not written to its end.
    fn minified(self) -> String {
        let (mut out, mut rest) = (String::new(), self.0);
        while !rest.is_empty() && out.len() <= Attributes::BYTES_MAX {
            let quote = rest.find('"').unwrap_or(rest.len());
            let (between, quoted) = rest.split_at(quote);
            out.extend(between.split([' ', '\n', '\t', '\r']));
            let mut escaped = false;
            let end = quoted.bytes().skip(1).position(|byte| {
                let ends = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                ends
            });
            let (text, behind) = quoted.split_at(end.map_or(quoted.len(), |end| end.saturating_add(2)));
            out.push_str(text);
            rest = behind;
        }
        out
    }

    /// The members of an object; of a list, none.
    pub(crate) fn members(self) -> Members<'a, Json<'a>> {
        let mut members = Members::default();
        self.reader().members(|reader, name| reader.value().map(|value| members.put(name, value)));
        members
    }

    /// To read it once more; it was read as a whole, so that all of it is JSON.
    pub(crate) const fn reader(self) -> Reader<'a> {
        Reader::of(self.0)
    }
}

/// Reads the members of the one object that a message is.
pub(crate) fn read_object<'a>(bytes: &'a [u8], take: impl FnMut(&mut Reader<'a>, Cow<'a, str>) -> Option<()>) -> Result<(), Wrong> {
    let text = core::str::from_utf8(bytes).map_err(|_| Wrong::NoJson)?;
    let mut reader = Reader::of(text);
    reader.rest = behind_space(reader.rest);
    let is_object = reader.is_object();
    let whole = if is_object { reader.members(take) } else { reader.value().map(drop) };
    whole.filter(|()| behind_space(reader.rest).is_empty()).ok_or(Wrong::NoJson)?;
    if is_object { Ok(()) } else { Err(Wrong::NoObject) }
}

impl<'a> Reader<'a> {
    const fn of(text: &'a str) -> Self {
        Self { text, rest: text.as_bytes(), depth: 0 }
    }

    /// Whether an object begins here.
    pub(crate) fn is_object(&self) -> bool {
        self.rest.first() == Some(&b'{')
    }

    fn deeper(&mut self) -> Option<()> {
        self.depth = self.depth.saturating_add(1);
        (self.depth <= DEPTH_MAX).then_some(())
    }

    /// Each member of the object here. Who is told of one reads its value.
    pub(crate) fn members(&mut self, mut take: impl FnMut(&mut Self, Cow<'a, str>) -> Option<()>) -> Option<()> {
        let [b'{', rest @ ..] = self.rest else { return None };
        self.deeper()?;
        let mut rest = behind_space(rest);
        let mut ends = matches!(rest, [b'}', ..]);
        while !ends {
            let [b'"', behind @ ..] = rest else { return None };
            let (name, behind) = self.string(behind)?;
            let name = match name {
                Json::Escaped(quoted) => Cow::Owned(unescaped(quoted)?),
                Json::Text(text) => Cow::Borrowed(text),
                _ => return None,
            };
            let [b':', behind @ ..] = behind_space(behind) else { return None };
            self.rest = behind_space(behind);
            take(self, name)?;
            (rest, ends) = behind_comma(self.rest, b'}')?;
        }
        self.shallower(rest);
        Some(())
    }

    /// Each value of the list here. Who is told of one reads it.
    pub(crate) fn items(&mut self, mut take: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        let [b'[', rest @ ..] = self.rest else { return None };
        self.deeper()?;
        let mut rest = behind_space(rest);
        let mut ends = matches!(rest, [b']', ..]);
        while !ends {
            self.rest = rest;
            take(self)?;
            (rest, ends) = behind_comma(self.rest, b']')?;
        }
        self.shallower(rest);
        Some(())
    }

    /// Passes the end of a list or an object.
    #[inline]
    fn shallower(&mut self, end: &'a [u8]) {
        self.depth = self.depth.saturating_sub(1);
        self.rest = end.get(1..).unwrap_or_default();
    }

    /// The value here.
    pub(crate) fn value(&mut self) -> Option<Json<'a>> {
        match self.rest.first()? {
            b'"' => {
                let (text, rest) = self.string(self.rest.get(1..)?)?;
                self.rest = rest;
                Some(text)
            }
            b'-' | b'0'..=b'9' => self.number(),
            b'{' => self.nested(|reader| reader.members(|reader, _| reader.value().map(drop))),
            b'[' => self.nested(|reader| reader.items(|reader| reader.value().map(drop))),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            b'n' => self.word("null", Json::Null),
            _ => None,
        }
    }

    /// The members of the object here, told by a reader of its own; of another value, nothing.
    pub(crate) fn members_if_object(&mut self, take: impl FnMut(&mut Self, Cow<'a, str>) -> Option<()>) -> Option<()> {
        if self.is_object() { self.members(take) } else { self.value().map(drop) }
    }

    fn nested(&mut self, pass: impl FnOnce(&mut Self) -> Option<()>) -> Option<Json<'a>> {
        let text = self.text.get(self.place_of(self.rest)..)?;
        pass(self)?;
        text.get(..text.len().wrapping_sub(self.rest.len())).map(|text| Json::Nested(Nested(text)))
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Option<Json<'a>> {
        self.rest = self.rest.strip_prefix(word.as_bytes())?;
        Some(value)
    }

    /// Where it is that so much is left.
    #[inline]
    const fn place_of(&self, rest: &[u8]) -> usize {
        self.text.len().wrapping_sub(rest.len())
    }

    /// The text behind a quote, and what is behind it.
    #[inline]
    fn string(&self, quoted: &'a [u8]) -> Option<(Json<'a>, &'a [u8])> {
        match behind_plain(quoted)? {
            [b'"', rest @ ..] => {
                let text = self.text.get(self.place_of(quoted)..self.place_of(rest).wrapping_sub(1))?;
                Some((Json::Text(text), rest))
            }
            [b'\\', ..] => self.escaped(quoted),
            _ => None,
        }
    }

    #[cold]
    fn escaped(&self, quoted: &'a [u8]) -> Option<(Json<'a>, &'a [u8])> {
        let mut rest = quoted;
        loop {
            rest = match behind_plain(rest)? {
                [b'"', rest @ ..] => {
                    let quoted = self.text.get(self.place_of(quoted).wrapping_sub(1)..self.place_of(rest))?;
                    return unescaped(quoted).map(|_| (Json::Escaped(quoted), rest));
                }
                [b'\\', _, rest @ ..] => rest,
                // A control character.
                _ => return None,
            };
        }
    }

    fn number(&mut self) -> Option<Json<'a>> {
        let start = self.rest;
        let (negative, bytes) = match start {
            [b'-', bytes @ ..] => (true, bytes),
            bytes => (false, bytes),
        };
        let mut sum = 0_u64;
        let (count, mut rest) = digits(bytes, &mut sum);
        if count == 0 || (count > 1 && bytes.first() == Some(&b'0')) {
            return None;
        }
        let (mut decimals, mut is_plain) = (0, true);
        let is_whole = !matches!(rest, [b'.' | b'e' | b'E', ..]);
        if let [b'.', behind @ ..] = rest {
            (decimals, rest) = digits(behind, &mut sum);
            is_plain = decimals > 0;
            if !is_plain {
                return None;
            }
        }
        if let [b'e' | b'E', b'+' | b'-', behind @ ..] | [b'e' | b'E', behind @ ..] = rest {
            is_plain = false;
            let exponent;
            (exponent, rest) = digits(behind, &mut 0);
            if exponent == 0 {
                return None;
            }
        }
        self.rest = rest;
        // So many digits are within the range, and none of them was lost.
        if is_plain && count.saturating_add(decimals) <= 18 {
            if is_whole && !(negative && sum == 0) {
                let whole = i64::try_from(sum).ok()?;
                return Some(Json::Int(if negative { whole.wrapping_neg() } else { whole }));
            }
            if let Some(number) = quotient(sum, decimals) {
                return Some(Json::Float(if negative { -number } else { number }));
            }
        }
        long_number(self.text.get(self.place_of(start)..self.place_of(rest))?, is_whole)
    }
}

#[inline]
fn behind_space(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let [b' ' | b'\n' | b'\t' | b'\r', behind @ ..] = rest {
        rest = behind;
    }
    rest
}

/// Passes a comma with the white space around it, or stops at the end, and says which.
#[inline]
fn behind_comma(rest: &[u8], end: u8) -> Option<(&[u8], bool)> {
    match behind_space(rest) {
        [b',', behind @ ..] => Some((behind_space(behind), false)),
        rest => (*rest.first()? == end).then_some((rest, true)),
    }
}

/// Passes what is plain, up to the next quote, backslash or control character.
#[inline]
fn behind_plain(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    while let Some((word, behind)) = rest.split_first_chunk() {
        let hits = special(u64::from_le_bytes(*word));
        if hits != 0 {
            return rest.get(usize::try_from(hits.trailing_zeros() / 8).ok()?..);
        }
        rest = behind;
    }
    let distance = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
    rest.get(distance..)
}

/// Adds the digits at the front, and says how many there are and what is behind them.
#[inline]
fn digits<'a>(bytes: &'a [u8], sum: &mut u64) -> (usize, &'a [u8]) {
    let mut rest = bytes;
    while let [byte @ b'0'..=b'9', behind @ ..] = rest {
        *sum = sum.wrapping_mul(10).wrapping_add(u64::from(byte & 0x0F));
        rest = behind;
    }
    (bytes.len().saturating_sub(rest.len()), rest)
}

/// A number that may be beyond `i64`.
fn long_number(text: &str, is_whole: bool) -> Option<Json<'_>> {
    if is_whole {
        if let Ok(whole) = text.parse() {
            return Some(Json::Int(whole));
        }
        if let Ok(whole) = text.parse() {
            return Some(Json::Unsigned(whole));
        }
    }
    decimal(text).map(Json::Float)
}

/// The lowest of the highest bits that are set is that of the first quote, backslash or control character of a word: the classical tests
/// for a zero byte and for a byte that is less.
#[inline]
const fn special(word: u64) -> u64 {
    let (quote, backslash) = (word ^ (EACH.wrapping_mul(b'"' as u64)), word ^ (EACH.wrapping_mul(b'\\' as u64)));
    let is_quote = quote.wrapping_sub(EACH) & !quote;
    let is_backslash = backslash.wrapping_sub(EACH) & !backslash;
    let is_control = word.wrapping_sub(EACH.wrapping_mul(0x20)) & !word;
    (is_quote | is_backslash | is_control) & HIGH
}

/// Members in the order of their names; of two with one name, the last is kept. The usual number of them stands without an allocation,
/// and of an object with more than [`MEMBERS_MAX`], the first in this order.
#[derive(Debug)]
pub(crate) struct Members<'a, T> {
    members: SmallVec<[Member<'a, T>; FEW]>,
    is_ordered: bool,
    told: u32,
}

#[derive(Debug)]
struct Member<'a, T> {
    /// Of the name.
    glance: Glance,
    name: Cow<'a, str>,
    /// Which of all that were told it is.
    number: u32,
    value: T,
}

impl<T> Member<'_, T> {
    #[inline]
    fn order(&self, other: &Self) -> Ordering {
        // Few names begin alike.
        self.glance.head().cmp(&other.glance.head()).then_with(|| self.name.cmp(&other.name))
    }
}

const FEW: usize = 32;

/// A record has not even room for so many attributes with names of their own.
pub(crate) const MEMBERS_MAX: usize = 512;

impl<T> Default for Members<'_, T> {
    fn default() -> Self {
        Self { members: SmallVec::new(), is_ordered: true, told: 0 }
    }
}

impl<'a, T> Members<'a, T> {
    /// Adds one, or puts it in the place of its namesake.
    #[inline]
    pub(crate) fn put(&mut self, name: Cow<'a, str>, value: T) {
        self.put_seen(Glance::of(name.as_bytes()), name, value);
    }

    /// The same with its name as it was seen.
    #[inline]
    pub(crate) fn put_seen(&mut self, glance: Glance, name: Cow<'a, str>, value: T) {
        self.told = self.told.wrapping_add(1);
        let member = Member { glance, name, number: self.told, value };
        if self.members.last().is_some_and(|last| last.order(&member).is_ge()) {
            self.put_between(member);
        } else {
            self.push(member);
        }
    }

    fn put_between(&mut self, member: Member<'a, T>) {
        if self.is_ordered && self.members.len() <= FEW {
            match self.members.binary_search_by(|there| there.order(&member)) {
                Ok(at) => {
                    if let Some(place) = self.members.get_mut(at) {
                        *place = member;
                    }
                    return;
                }
                Err(at) if self.members.len() < FEW => return self.members.insert(at, member),
                Err(_) => {}
            }
        }
        // Many, which would be moved for each one that comes between.
        self.is_ordered = false;
        self.push(member);
    }

    #[inline]
    fn push(&mut self, member: Member<'a, T>) {
        if self.members.len() >= MEMBERS_MAX.saturating_mul(2) {
            self.order();
            self.members.truncate(MEMBERS_MAX);
        }
        self.members.push(member);
    }

    fn order(&mut self) {
        if !self.is_ordered {
            self.members.sort_unstable_by(|one, other| one.order(other).then(other.number.cmp(&one.number)));
            self.members.dedup_by(|later, earlier| later.name == earlier.name);
            self.is_ordered = true;
        }
    }

    /// All, in their order.
    pub(crate) fn iter(&mut self) -> impl Iterator<Item = (&str, &T)> {
        self.order();
        self.members.iter().take(MEMBERS_MAX).map(|member| (&*member.name, &member.value))
    }
}

#[cfg(test)]
mod tests;
