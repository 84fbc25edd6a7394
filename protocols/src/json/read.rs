//! JSON (RFC 8259) read in one pass, for formats that are one object a message: nothing is built of what is not wanted. What is taken,
//! what is refused and what a value is, is what `serde_json` says; texts with escapes are rare and left to it.

use crate::attributes::{Attributes, Packed, Value};
use crate::wire::{EACH, HIGH, Pointed, ShortNumber, decimal, first_of, lowest, take_short};
use crate::words::{Last, Order, Words};
use crate::{Alarm, DecodeError, Key, Name};
use alloc::borrow::Cow;
use alloc::string::{String, ToString};

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

/// A value as it is read: its parts stay in registers, where those of one that is either this or that would not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read<'a> {
    kind: Kind,
    /// Of a number.
    bits: u64,
    /// Of a text, a list or an object.
    text: &'a str,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Null,
    False,
    True,
    Int,
    Unsigned,
    Float,
    Text,
    Escaped,
    Nested,
}

impl<'a> Read<'a> {
    #[inline(always)]
    const fn word(kind: Kind) -> Self {
        Self { kind, bits: 0, text: "" }
    }

    #[inline(always)]
    const fn int(v: i64) -> Self {
        Self { kind: Kind::Int, bits: v.cast_unsigned(), text: "" }
    }

    #[inline(always)]
    const fn float(v: f64) -> Self {
        Self { kind: Kind::Float, bits: v.to_bits(), text: "" }
    }

    #[inline(always)]
    const fn text(kind: Kind, text: &'a str) -> Self {
        Self { kind, bits: 0, text }
    }

    /// The value.
    #[inline(always)]
    pub(crate) const fn json(self) -> Json<'a> {
        match self.kind {
            Kind::Null => Json::Null,
            Kind::False => Json::Bool(false),
            Kind::True => Json::Bool(true),
            Kind::Int => Json::Int(self.bits.cast_signed()),
            Kind::Unsigned => Json::Unsigned(self.bits),
            Kind::Float => Json::Float(f64::from_bits(self.bits)),
            Kind::Text => Json::Text(self.text),
            Kind::Escaped => Json::Escaped(self.text),
            Kind::Nested => Json::Nested(Nested(self.text)),
        }
    }

    #[inline(always)]
    pub(crate) const fn as_f64(self) -> Option<f64> {
        self.json().as_f64()
    }

    /// Adds it as a named attribute without a number, as [`Json::push`]: most attributes are such numbers.
    #[inline(always)]
    pub(crate) fn push_named(self, name: Name, attributes: &mut Attributes) {
        attributes.push_packed(match self.kind {
            Kind::False => Packed::flag(name, false),
            Kind::True => Packed::flag(name, true),
            Kind::Int => Packed::int(name, self.bits.cast_signed()),
            Kind::Float => Packed::float(name, f64::from_bits(self.bits)),
            Kind::Text if name != Name::Alarm => return attributes.set_text(name, self.text),
            _ => return self.json().push(Key::Named(name, 0), attributes),
        });
    }
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
///
/// What is part of a loop over members is a part of its caller, and what is not takes a copy: so the place stays in registers, where the
/// next step does not wait for it.
#[derive(Clone, Copy, Debug)]
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

    #[inline(always)]
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Escaped(quoted) => unescaped(quoted).map(Cow::Owned),
            _ => None,
        }
    }

    /// A text, or a number as it is written.
    #[inline(always)]
    pub(crate) fn spelled(self) -> Option<Cow<'a, str>> {
        self.text().or_else(|| self.spelled_number().map(Cow::Owned))
    }

    #[inline(never)]
    fn spelled_number(self) -> Option<String> {
        match self {
            Self::Int(v) => Some(v.to_string()),
            Self::Unsigned(v) => Some(v.to_string()),
            Self::Float(v) => serde_json::Number::from_f64(v).map(|number| number.to_string()),
            _ => None,
        }
    }

    /// Adds it to attributes; `null` is nothing, a list or an object is kept as its text.
    #[inline(never)]
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

    /// To read it once more; it was read as a whole, so that all of it is JSON.
    pub(crate) const fn reader(self) -> Reader<'a> {
        Reader::of(self.0)
    }
}

/// Who is told of the members of an object.
pub(crate) trait Take<'a> {
    /// Names that are known.
    type Member: Words;

    /// What is remembered of the order in which members came; without it, each name is looked for.
    #[inline(always)]
    fn order(&mut self) -> Option<&mut Order> {
        None
    }

    /// Reads the value of a member. The name is right only where it is another one than those that are known.
    fn take(&mut self, reader: &mut Reader<'a>, member: Last, name: &str) -> Option<()>;
}

struct Each<F>(F);

impl<'a, F: FnMut(&mut Reader<'a>, &str) -> Option<()>> Take<'a> for Each<F> {
    type Member = ();

    fn take(&mut self, reader: &mut Reader<'a>, _: Last, name: &str) -> Option<()> {
        (self.0)(reader, name)
    }
}

/// A closure that is told all names. (One that has to be part of the loop cannot be a closure.)
pub(crate) fn each<'a>(take: impl FnMut(&mut Reader<'a>, &str) -> Option<()>) -> impl Take<'a> {
    Each(take)
}

/// Reads the members of the one object that a message is.
#[inline(always)]
pub(crate) fn read_object<'a>(bytes: &'a [u8], take: impl Take<'a>) -> Result<(), Wrong> {
    let mut reader = Reader::of(core::str::from_utf8(bytes).map_err(|_| Wrong::NoJson)?);
    let is_object = reader.is_object();
    let whole = if is_object { reader.members(take) } else { reader.pass() };
    whole.filter(|()| behind_space(reader.rest).is_empty()).ok_or(Wrong::NoJson)?;
    if is_object { Ok(()) } else { Err(Wrong::NoObject) }
}

impl<'a> Reader<'a> {
    const fn of(text: &'a str) -> Self {
        Self { text, rest: text.as_bytes(), depth: 0 }
    }

    /// Whether an object begins here, behind white space.
    #[inline]
    pub(crate) fn is_object(&self) -> bool {
        self.rest_behind(b'{').is_some()
    }

    /// What is behind a character here, before which there may be white space.
    #[inline]
    fn rest_behind(&self, first: u8) -> Option<&'a [u8]> {
        match self.rest {
            [here, rest @ ..] if *here == first => Some(rest),
            [..=b' ', ..] => behind_space(self.rest).split_first().filter(|(here, _)| **here == first).map(|(_, rest)| rest),
            _ => None,
        }
    }

    #[inline]
    fn deeper(&mut self) -> Option<()> {
        self.depth = self.depth.saturating_add(1);
        (self.depth <= DEPTH_MAX).then_some(())
    }

    /// Each member of the object here. Who is told of one reads its value.
    #[inline(always)]
    pub(crate) fn members<T: Take<'a>>(&mut self, mut take: T) -> Option<()> {
        let rest = self.rest_behind(b'{')?;
        self.deeper()?;
        let (mut rest, mut last, mut name) = (behind_space(rest), Last::START, Cow::Borrowed(""));
        let mut ends = matches!(rest, [b'}', ..]);
        while !ends {
            if let Some(expected) = expected_name(&mut take, last, rest) {
                (last, self.rest) = expected;
            } else {
                let word;
                (word, name, self.rest) = any_name::<T::Member>(self.text, rest)?;
                last = take.order().map_or(Last::of(word), |order| order.came(last, word));
            }
            take.take(self, last, &name)?;
            (rest, ends) = behind_comma(self.rest, b'}')?;
        }
        self.shallower(rest);
        Some(())
    }

    /// Each value of the list here. Who is told of one reads it.
    pub(crate) fn items(&mut self, mut take: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        let rest = self.rest_behind(b'[')?;
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
        self.read().map(Read::json)
    }

    /// The same for who is in a hurry.
    #[inline(always)]
    pub(crate) fn read(&mut self) -> Option<Read<'a>> {
        let read;
        (read, self.rest) = match self.rest {
            [b'"', ..] => string(self.text, self.rest)?,
            [b'0'..=b'9', ..] => number(self.text, self.rest)?,
            [b't', b'r', b'u', b'e', rest @ ..] => (Read::word(Kind::True), rest),
            [b'f', b'a', b'l', b's', b'e', rest @ ..] => (Read::word(Kind::False), rest),
            _ => self.seldom()?,
        };
        Some(read)
    }

    #[inline(never)]
    fn seldom(mut self) -> Option<(Read<'a>, &'a [u8])> {
        Some(match self.rest {
            [b'-', ..] => below_zero(self.text, self.rest)?,
            [b'n', b'u', b'l', b'l', rest @ ..] => (Read::word(Kind::Null), rest),
            [b'{' | b'[', ..] => {
                let start = self.rest;
                self.pass()?;
                (Read::text(Kind::Nested, between(self.text, start, self.rest)?), self.rest)
            }
            [b' ' | b'\n' | b'\t' | b'\r', ..] => {
                self.rest = behind_space(self.rest);
                (self.read()?, self.rest)
            }
            _ => return None,
        })
    }

    /// Passes the value here.
    fn pass(&mut self) -> Option<()> {
        match self.rest {
            [b'{', ..] => self.members(each(|reader, _| reader.pass())),
            [b'[', ..] => self.items(Self::pass),
            _ => self.value().map(drop),
        }
    }

    /// The members of the object here, told by a reader of its own; of another value, nothing.
    #[inline]
    pub(crate) fn members_if_object(&mut self, take: impl Take<'a>) -> Option<()> {
        if self.is_object() { self.members(take) } else { self.pass() }
    }
}

/// What of a text stands from one place to another, which are told by what is left there.
#[inline]
fn between<'a>(text: &'a str, start: &[u8], end: &[u8]) -> Option<&'a str> {
    text.get(text.len().wrapping_sub(start.len())..text.len().wrapping_sub(end.len()))
}

/// The name that is expected, if it is here, and what is behind its colon.
#[inline(always)]
fn expected_name<'a, T: Take<'a>>(take: &mut T, last: Last, start: &'a [u8]) -> Option<(Last, &'a [u8])> {
    let order = take.order()?;
    let [b'"', quoted @ ..] = start else { return None };
    let (came, behind) = order.expected::<T::Member>(last, quoted)?;
    let (colon, behind) = behind.split_first_chunk()?;
    (*colon == *b"\":").then_some((came, behind))
}

/// A name, and what is behind its colon. Of one that is known, the number is enough.
#[inline(never)]
fn any_name<'a, T: Words>(text: &'a str, start: &'a [u8]) -> Option<(Option<u8>, Cow<'a, str>, &'a [u8])> {
    let (name, behind) = string(text, behind_space(start))?;
    let [b':', behind @ ..] = behind_space(behind) else { return None };
    let name = name.json().text()?;
    Some((T::number(name.as_bytes()), name, behind))
}

/// The text that begins with the quote here, and what is behind it.
#[inline(always)]
fn string<'a>(text: &'a str, start: &'a [u8]) -> Option<(Read<'a>, &'a [u8])> {
    let [b'"', quoted @ ..] = start else { return None };
    match behind_plain(quoted)? {
        end @ [b'"', rest @ ..] => Some((Read::text(Kind::Text, between(text, quoted, end)?), rest)),
        _ => escaped(text, start),
    }
}

#[cold]
#[inline(never)]
fn escaped<'a>(text: &'a str, start: &'a [u8]) -> Option<(Read<'a>, &'a [u8])> {
    let mut rest = start.get(1..)?;
    loop {
        rest = match behind_plain(rest)? {
            [b'"', rest @ ..] => {
                let quoted = between(text, start, rest)?;
                return unescaped(quoted).map(|_| (Read::text(Kind::Escaped, quoted), rest));
            }
            [b'\\', _, rest @ ..] => rest,
            // A control character.
            _ => return None,
        };
    }
}

/// The number here, which is not below zero.
#[inline(always)]
fn number<'a>(text: &'a str, start: &'a [u8]) -> Option<(Read<'a>, &'a [u8])> {
    match take_short(start) {
        None | Some((_, [b'e' | b'E', ..])) => any_number(text, start),
        Some((ShortNumber::Whole(whole), rest)) => Some((Read::int(whole.cast_signed()), rest)),
        Some((ShortNumber::Pointed(number), rest)) => Some((Read::float(number), rest)),
    }
}

#[inline(never)]
fn any_number<'a>(text: &'a str, start: &'a [u8]) -> Option<(Read<'a>, &'a [u8])> {
    match start {
        [b'0', b'0'..=b'9', ..] => return None,
        [b'0'..=b'9', ..] => {}
        _ => return None,
    }
    let Some((pointed, rest)) = Pointed::take(start) else { return long_number(text, start) };
    match (pointed.decimals, rest) {
        // It goes on, or it is none.
        (Some(0), _) | (_, [b'0'..=b'9' | b'e' | b'E', ..]) => long_number(text, start),
        (None, rest) => match i64::try_from(pointed.digits) {
            Ok(whole) => Some((Read::int(whole), rest)),
            Err(_) => long_number(text, start),
        },
        (Some(_), rest) => Some((Read::float(pointed.number()?), rest)),
    }
}

/// The number here behind its sign.
fn below_zero<'a>(text: &'a str, start: &'a [u8]) -> Option<(Read<'a>, &'a [u8])> {
    let (number, rest) = number(text, start.get(1..)?)?;
    let number = match number.json() {
        Json::Int(0) => Read::float(-0.0),
        Json::Int(v) => Read::int(v.wrapping_neg()),
        Json::Float(v) => Read::float(-v),
        _ => return long_number(text, start),
    };
    Some((number, rest))
}

/// Passes a comma, or stops at the end, and says which.
#[inline(always)]
fn behind_comma(rest: &[u8], end: u8) -> Option<(&[u8], bool)> {
    match rest {
        [b',', behind @ ..] => Some((behind, false)),
        [first, ..] if *first == end => Some((rest, true)),
        _ => behind_space_and_comma(rest, end),
    }
}

#[inline(never)]
fn behind_space_and_comma(rest: &[u8], end: u8) -> Option<(&[u8], bool)> {
    match behind_space(rest) {
        [b',', behind @ ..] => Some((behind, false)),
        rest => (*rest.first()? == end).then_some((rest, true)),
    }
}

/// Passes white space.
fn behind_space(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let [b' ' | b'\n' | b'\t' | b'\r', behind @ ..] = rest {
        rest = behind;
    }
    rest
}

/// Passes what is plain, up to the next quote, backslash or control character.
#[inline(always)]
fn behind_plain(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    while let Some((word, behind)) = rest.split_first_chunk() {
        let hits = special(u64::from_le_bytes(*word));
        if hits != 0 {
            return rest.get(lowest(hits)..);
        }
        rest = behind;
    }
    let distance = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
    rest.get(distance..)
}

/// A number that may be beyond `i64`, or has an exponent.
#[cold]
#[inline(never)]
fn long_number<'a>(text: &'a str, start: &'a [u8]) -> Option<(Read<'a>, &'a [u8])> {
    let mut rest = behind_digits(start.strip_prefix(b"-").unwrap_or(start))?;
    let is_whole = !matches!(rest, [b'.' | b'e' | b'E', ..]);
    if let [b'.', behind @ ..] = rest {
        rest = behind_digits(behind)?;
    }
    if let [b'e' | b'E', b'+' | b'-', behind @ ..] | [b'e' | b'E', behind @ ..] = rest {
        rest = behind_digits(behind)?;
    }
    let text = between(text, start, rest)?;
    if is_whole {
        if let Ok(whole) = text.parse() {
            return Some((Read::int(whole), rest));
        }
        if let Ok(bits) = text.parse() {
            return Some((Read { kind: Kind::Unsigned, bits, text: "" }, rest));
        }
    }
    decimal(text).map(|number| (Read::float(number), rest))
}

/// Passes digits, of which there must be one.
fn behind_digits(bytes: &[u8]) -> Option<&[u8]> {
    let count = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    bytes.get(count..).filter(|_| count > 0)
}

/// The lowest of the highest bits that are set is that of the first quote, backslash or control character of a word.
#[inline]
const fn special(word: u64) -> u64 {
    let is_control = word.wrapping_sub(EACH.wrapping_mul(0x20)) & !word & HIGH;
    first_of(word, b'"') | first_of(word, b'\\') | is_control
}

#[cfg(test)]
mod tests;
