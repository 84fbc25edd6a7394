//! Forms (`application/x-www-form-urlencoded`): names and values, and the numbers in them.

use super::Parameter;
use crate::Value;
use crate::attributes::Packed;
use crate::wire::{HIGH, Parts, Pointed, ShortNumber, all_are, decimal_of, find, find_any, integer, split_once, take_short, unsigned};
use crate::words::{Last, Order, Words};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

/// A name and its value, which are text.
pub(super) struct Pair<'a> {
    pub name: &'a [u8],
    /// What the name is.
    pub parameter: Last,
    pub value: &'a [u8],
    pub short: Short,
}

/// A value that says yes or no, or is a number of up to sixteen digits, and as many behind a point, and nothing of its text is lost by it:
/// no sign but a minus, no zero before other digits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Short {
    Truth(bool),
    Whole(i64),
    Number(f64),
    /// Anything else.
    None,
}

impl Short {
    /// The one at the front, and what stands behind it.
    #[inline(always)]
    fn at(bytes: &[u8]) -> (Self, &[u8]) {
        match bytes {
            [b'0'..=b'9', ..] => match take_short(bytes) {
                Some((ShortNumber::Whole(whole), behind)) => return (Self::Whole(whole.cast_signed()), behind),
                Some((ShortNumber::Pointed(number), behind)) => return (Self::Number(number), behind),
                None => {}
            },
            [b't', b'r', b'u', b'e', behind @ ..] => return (Self::Truth(true), behind),
            [b'f', b'a', b'l', b's', b'e', behind @ ..] => return (Self::Truth(false), behind),
            _ => {}
        }
        // In registers: what is told by a call would be kept in memory for all that are not.
        let (short, behind) = Self::long_at(bytes);
        (short, behind)
    }

    #[inline(never)]
    fn long_at(bytes: &[u8]) -> (Self, &[u8]) {
        let (mut negative, mut start, mut taken) = (false, bytes, Pointed::take(bytes));
        if let (None, [b'-', behind @ ..]) = (taken, bytes) {
            (negative, start, taken) = (true, behind, Pointed::take(behind));
        }
        let Some((pointed, behind)) = taken else { return (Self::None, bytes) };
        if pointed.whole_digits != 1 && matches!(start, [b'0' | b'.', ..]) {
            return (Self::None, bytes);
        }
        let short = if pointed.decimals.is_some() {
            pointed.number().map_or(Self::None, |number| Self::Number(if negative { -number } else { number }))
        } else if negative {
            if pointed.digits == 0 { Self::None } else { Self::Whole(pointed.digits.cast_signed().wrapping_neg()) }
        } else {
            Self::Whole(pointed.digits.cast_signed())
        };
        (short, behind)
    }

    fn of(value: &[u8]) -> Self {
        match Self::at(value) {
            (short, []) => short,
            _ => Self::None,
        }
    }

    #[inline(always)]
    #[allow(clippy::cast_precision_loss, reason = "it is rounded once, as the digits would be")]
    pub(super) const fn number(self) -> Option<f64> {
        match self {
            Self::Whole(whole) => Some(whole as f64),
            Self::Number(number) => Some(number),
            Self::Truth(_) | Self::None => None,
        }
    }

    /// As an attribute.
    #[inline(always)]
    pub(super) fn packed(self) -> Option<Packed> {
        match self {
            Self::Truth(truth) => Some(Packed::truth(truth)),
            Self::Whole(whole) => Some(Packed::whole(whole)),
            Self::Number(number) => Some(Packed::number(number)),
            Self::None => None,
        }
    }
}

/// A number, with or without white space around it. It has none where it can be read as it stands.
pub(super) fn number(value: &[u8]) -> Option<f64> {
    decimal_of(value).or_else(|| decimal_of(as_text(value).trim().as_bytes()))
}

/// What a text says as an attribute: a number only if nothing of the text is lost by it.
pub(super) fn spelled(text: &[u8]) -> Value<'_> {
    match Short::of(text) {
        Short::Truth(truth) => Value::Bool(truth),
        Short::Whole(whole) => Value::Int(whole),
        Short::Number(number) => Value::Float(number),
        Short::None => long_number(text).unwrap_or_else(|| Value::Text(as_text(text))),
    }
}

fn long_number(text: &[u8]) -> Option<Value<'_>> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if !matches!(digits, [b'0', b'.', ..] | [b'1'..=b'9', ..]) {
        return None;
    }
    match integer(text) {
        Some(whole) => Some(Value::Int(whole)),
        None if find(digits, b'.').is_some() => decimal_of(text).map(Value::Float),
        None => unsigned(text).map(Value::Unsigned),
    }
}

/// A part of a text, cut at ASCII characters.
pub(super) fn as_text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}

/// Names and values of a form without escapes, which is ASCII.
pub(super) struct Pairs<'a, 'o> {
    next: Option<&'a [u8]>,
    last: Last,
    order: &'o mut Order,
}

impl<'a, 'o> Pairs<'a, 'o> {
    /// `None` if there is anything else. One look over the whole spares one at each name and value.
    #[inline(always)]
    pub(super) fn of(form: &'a [u8], order: &'o mut Order) -> Option<Self> {
        let [escape, blank] = ESCAPES;
        (all_are(form, |word| word & HIGH == 0, u8::is_ascii) && memchr::memchr2(escape, blank, form).is_none()).then_some(Self {
            next: Some(form),
            last: Last::START,
            order,
        })
    }
}

/// A name that is not expected, and what is behind it. From now on it is expected behind the one before it.
#[inline(never)]
fn any_name<'a>(order: &mut Order, last: Last, rest: &'a [u8]) -> (Last, &'a [u8]) {
    let (name, behind) = cut_at(rest, [b'=', b'&']);
    (order.came(last, Parameter::number(name)), behind)
}

impl<'a> Iterator for Pairs<'a, '_> {
    type Item = Pair<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Pair<'a>> {
        let rest = self.next?;
        let behind;
        (self.last, behind) = match self.order.expected::<Parameter>(self.last, rest) {
            Some((came, behind @ [b'=', ..])) => (came, behind),
            _ => any_name(self.order, self.last, rest),
        };
        let name = rest.get(..rest.len().wrapping_sub(behind.len())).unwrap_or_default();
        let (value, short);
        (value, short, self.next) = match behind {
            [b'=', ahead @ ..] => value_at(ahead),
            [_, ahead @ ..] => (&[][..], Short::None, Some(ahead)),
            [] => (&[][..], Short::None, None),
        };
        Some(Pair { name, parameter: self.last, value, short })
    }
}

/// Tells names and values of any form, in order; `None`, and nothing told, where it is no UTF-8.
#[inline(never)]
pub(super) fn each_unescaped(form: &[u8], mut take: impl FnMut(&Pair<'_>)) -> Option<()> {
    for part in Parts::of(core::str::from_utf8(form).ok()?, '&') {
        let (name, value) = split_once(part, b'=').unwrap_or((part, ""));
        let (name, value) = (unescaped(name), unescaped(value));
        let (name, value) = (name.as_bytes(), value.as_bytes());
        take(&Pair { name, parameter: Last::of(Parameter::number(name)), value, short: Short::of(value) });
    }
    Some(())
}

/// What begins an escape, and what is one.
const ESCAPES: [u8; 2] = [b'%', b'+'];

/// A value, what it is if it is a short number, and what stands behind it and its separator.
#[inline(always)]
fn value_at(ahead: &[u8]) -> (&[u8], Short, Option<&[u8]>) {
    let (short, behind) = match Short::at(ahead) {
        (short, behind @ ([] | [b'&', ..])) => (short, behind),
        _ => (Short::None, cut_at(ahead, [b'&']).1),
    };
    let value = ahead.get(..ahead.len().wrapping_sub(behind.len())).unwrap_or_default();
    (value, short, behind.get(1..))
}

/// What stands before one of some bytes, and what stands from it on.
#[inline(always)]
fn cut_at<const COUNT: usize>(bytes: &[u8], wanted: [u8; COUNT]) -> (&[u8], &[u8]) {
    bytes.split_at_checked(find_any(bytes, wanted).unwrap_or(bytes.len())).unwrap_or_default()
}

/// The first value of a query whose name is wanted.
pub(crate) fn in_query(query: &str, wanted: impl Fn(&str) -> bool) -> Option<Cow<'_, str>> {
    Parts::of(query, '&').filter(|part| !part.is_empty()).find_map(|part| {
        let (name, value) = split_once(part, b'=').unwrap_or((part, ""));
        wanted(&unescaped(name)).then(|| unescaped(value))
    })
}

/// Undoes percent escapes and `+`. A broken escape stands for itself; what is no UTF-8 becomes U+FFFD.
fn unescaped(text: &str) -> Cow<'_, str> {
    if find_any(text.as_bytes(), ESCAPES).is_none() {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let escaped = tail.first_chunk::<2>().filter(|_| *first == b'%').and_then(|digits| {
            let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
            Some((digit(digits[0])? << 4) | digit(digits[1])?)
        });
        match (escaped, first) {
            (Some(byte), _) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            (None, b'+') => bytes.push(b' '),
            (None, other) => bytes.push(*other),
        }
    }
    Cow::Owned(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Known;
    use alloc::format;
    use proptest::prelude::*;

    fn all(form: &str, order: &mut Order) -> Vec<(String, String, Short)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let mut pairs = Vec::new();
        let mut take = |pair: &Pair<'_>| {
            let known = Parameter::number(pair.name).map_or(Known::Other, Parameter::of_number);
            assert_eq!(pair.parameter.known::<Parameter>(), known, "{form}");
            pairs.push((text(pair.name), text(pair.value), pair.short));
        };
        match Pairs::of(form.as_bytes(), order) {
            Some(plain) => plain.for_each(|pair| take(&pair)),
            None => each_unescaped(form.as_bytes(), take).unwrap(),
        }
        pairs
    }

    /// What a value says, by the words of its description.
    fn described(text: &str) -> Value<'_> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let is_spelled = whole == "0" || whole.starts_with(|first: char| ('1'..='9').contains(&first));
        match (text, fraction) {
            ("true", _) => Value::Bool(true),
            ("false", _) => Value::Bool(false),
            ("-0", _) => Value::Text(text),
            (_, None) if is_spelled && is_number(whole) => {
                text.parse().map(Value::Int).or_else(|_| text.parse().map(Value::Unsigned)).unwrap_or(Value::Text(text))
            }
            (_, Some(_)) if is_spelled => {
                text.parse().ok().filter(|number: &f64| number.is_finite()).map_or(Value::Text(text), Value::Float)
            }
            _ => Value::Text(text),
        }
    }

    proptest! {
        #[test]
        fn plain_pairs_are_those_of_split(
            form in "(([a-z_.]{0,20}|id|deviceid|lat|lon|sat|battery_mv|external_power_mv|coolant_temperature_c)[a-z]?\\
                =?(-?[0-9]{1,18}([.][0-9]{0,17})?|true|false|[a-z0-9.=-]{0,9})&?){0,6}"
        ) {
            let mut order = Order::default();
            let pairs = all(&form, &mut order);
            // Once more, with all of it expected.
            prop_assert_eq!(&pairs, &all(&form, &mut order));
            let split = form.split('&').map(|part| part.split_once('=').unwrap_or((part, "")));
            prop_assert_eq!(pairs.iter().map(|(name, value, _)| (&**name, &**value)).collect::<Vec<_>>(), split.collect::<Vec<_>>());
            for (name, value, short) in &pairs {
                prop_assert_eq!(*short, Short::of(value.as_bytes()), "{}={}", name, value);
            }
        }

        #[test]
        fn what_is_escaped_comes_back(name in "[ -~é\u{1F600}]{0,9}", value in "[ -~é\u{1F600}]{0,9}", more in "[a-z=%+]{0,9}") {
            let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
            let form = format!("{}={}&{more}", escaped(&name), escaped(&value));
            let first = all(&form, &mut Order::default()).into_iter().next().map(|(name, value, _)| (name, value));
            prop_assert_eq!(first, Some((name.clone(), value.clone())));
            prop_assert_eq!(in_query(&form, |wanted| wanted == name), Some(Cow::Borrowed(&*value)));
        }

        #[test]
        fn a_value_says_what_is_described(
            text in prop_oneof!["-?[0-9]{0,20}", "-?[0-9]{0,3}[.][0-9]{0,19}", "-?0{0,3}[.]?0{0,3}", "[-+.0-9e]{0,9}", "(true|false)[ e]?"]
        ) {
            prop_assert_eq!(spelled(text.as_bytes()), described(&text));
            let parsed = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
            prop_assert_eq!(number(text.as_bytes()).map(f64::to_bits), parsed.map(f64::to_bits));
        }
    }

    #[test]
    fn a_broken_escape_stands_for_itself_and_what_is_no_text_is_refused() {
        assert_eq!(unescaped("a%2"), "a%2");
        assert_eq!(unescaped("%zz+%41%ff"), "%zz A\u{FFFD}");
        assert_eq!(each_unescaped(b"a=\xFF", |_| {}), None);
        let is_plain = |form: &[u8]| Pairs::of(form, &mut Order::default()).is_some();
        assert!(!is_plain(b"a=\xC3\xA9&b=1&c=12345678") && !is_plain(b"a=b+c") && is_plain(b"a=b"));
    }
}
