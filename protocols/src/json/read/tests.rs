//! Compared with `serde_json`, which says what is right: on random documents, on random damage to them, and on what is known to be hard.

use super::*;
use crate::words::{Known, words, words_and_names};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value as Tree;

const CASES: u32 = 2_000;

/// What is read, as the tree that `serde_json` makes of the same.
fn tree(value: Json<'_>) -> Tree {
    match value {
        Json::Null => Tree::Null,
        Json::Bool(v) => v.into(),
        Json::Int(v) => v.into(),
        Json::Unsigned(v) => v.into(),
        Json::Float(v) => v.into(),
        Json::Text(_) | Json::Escaped(_) => value.text().map(Cow::into_owned).into(),
        Json::Nested(nested) => {
            let (mut reader, mut list, mut members) = (nested.reader(), Vec::new(), serde_json::Map::new());
            if reader.is_object() {
                reader.members(each(|reader, name| reader.value().map(|value| drop(members.insert(name.into(), tree(value)))))).unwrap();
                Tree::Object(members)
            } else {
                reader.items(|reader| reader.value().map(|value| list.push(tree(value)))).unwrap();
                Tree::Array(list)
            }
        }
    }
}

/// All numbers to their last bit, the sign of zero too.
fn same(ours: &Tree, theirs: &Tree) -> bool {
    match (ours, theirs) {
        (Tree::Number(a), Tree::Number(b)) => {
            (a.is_i64(), a.is_u64(), a.as_f64().map(f64::to_bits)) == (b.is_i64(), b.is_u64(), b.as_f64().map(f64::to_bits)) && a == b
        }
        (Tree::Array(a), Tree::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Tree::Object(a), Tree::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((name, a), (other, b))| name == other && same(a, b))
        }
        (a, b) => a == b,
    }
}

words! {
    /// Of all lengths, and such as documents here have.
    Few {
        Nothing = "", A = "a", B = "b", Abc = "abc", Seven = "abcabca", Eight = "abcabcab", Nine = "abcabcabc",
        Sixteen = "abcabcabcabcabca", Seventeen = "abcabcabcabcabcab", TwentyFour = "abcabcabcabcabcabcabcabc",
        TwentySeven = "abcabcabcabcabcabcabcabcabc",
    }
}
words_and_names!(Few);

struct All<'m, 'a> {
    members: &'m mut BTreeMap<String, Json<'a>>,
    order: Option<&'m mut Order>,
}

impl<'a> Take<'a> for All<'_, 'a> {
    type Member = Few;

    fn order(&mut self) -> Option<&mut Order> {
        self.order.as_deref_mut()
    }

    fn take(&mut self, reader: &mut Reader<'a>, member: Last, name: &str) -> Option<()> {
        let name = match member.known::<Few>() {
            Known::Own(known) => Few::WORDS.get(known as usize).unwrap(),
            Known::Name(known) => known.as_str(),
            Known::Other => name,
        };
        self.members.insert(name.into(), reader.value()?);
        Some(())
    }
}

/// Whatever is expected, the same is read.
fn compare(bytes: &[u8]) -> Result<(), TestCaseError> {
    let mut order = Order::default();
    compare_expecting(bytes, None)?;
    for _ in 0..2 {
        compare_expecting(bytes, Some(&mut order))?;
    }
    // Something else behind each.
    for number in 0..=u8::MAX {
        let other = number.wrapping_mul(7).wrapping_add(bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
        order.came(Last::of(Some(number)), Some(other & 0x0F));
    }
    compare_expecting(bytes, Some(&mut order))
}

fn compare_expecting(bytes: &[u8], order: Option<&mut Order>) -> Result<(), TestCaseError> {
    let shown = String::from_utf8_lossy(bytes);
    let mut members = BTreeMap::new();
    let ours = read_object(bytes, All { members: &mut members, order });
    match serde_json::from_slice(bytes) {
        Ok(Tree::Object(theirs)) => {
            prop_assert_eq!(ours, Ok(()), "{}", shown);
            prop_assert_eq!(members.len(), theirs.len(), "{}", shown);
            for ((name, value), (other, theirs)) in members.iter().zip(&theirs) {
                prop_assert_eq!(name, other);
                prop_assert!(same(&tree(*value), theirs), "{}: {:?} {:?}", shown, value, theirs);
                prop_assert_eq!(value.as_f64().map(f64::to_bits), theirs.as_f64().map(f64::to_bits));
                prop_assert_eq!((value.as_i64(), value.as_u64()), (theirs.as_i64(), theirs.as_u64()));
                prop_assert_eq!(value.text().map(Cow::into_owned), theirs.as_str().map(String::from));
                if let Json::Nested(nested) = value {
                    let text = nested.minified();
                    if text.len() <= Attributes::BYTES_MAX {
                        let again = serde_json::from_str(&text);
                        prop_assert!(again.is_ok_and(|again| same(&again, theirs)), "{}: {}", shown, text);
                    }
                    let is_space = |byte: u8| matches!(byte, b' ' | b'\n' | b'\t' | b'\r');
                    prop_assert!(shown.bytes().any(is_space) || shown.contains(&text), "{}", text);
                    prop_assert!(text.contains('"') || !text.bytes().any(is_space), "{}", text);
                }
                if theirs.is_number() {
                    prop_assert_eq!(value.spelled().map(Cow::into_owned), Some(theirs.to_string()));
                }
            }
        }
        Ok(_) => prop_assert_eq!(ours, Err(Wrong::NoObject), "{}", shown),
        Err(_) => prop_assert_eq!(ours, Err(Wrong::NoJson), "{}", shown),
    }
    Ok(())
}

fn text() -> impl Strategy<Value = String> {
    let escape = "\\\\([\"\\\\/bfnrtu]|u[0-9a-fA-F]{4}|ud[89ab][0-9a-f]{2}\\\\ud[c-f][0-9a-f]{2}|u[dD][89a-fA-F][0-9a-f]{2}|[a-z])";
    let known = proptest::sample::select(Few::WORDS).prop_map(|known| format!("\"{known}\""));
    let piece = prop_oneof![6 => "[a-c]{0,9}", 2 => "[ -~äß€😀]{0,9}".prop_map(|t| t.replace(['"', '\\'], "")), 2 => escape];
    prop_oneof![proptest::collection::vec(piece, 0..3).prop_map(|pieces| format!("\"{}\"", pieces.concat())), known]
}

fn value() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        "-?[0-9]{1,3}",
        "-?[1-9][0-9]{0,30}",
        "-?(0|[1-9][0-9]{0,20})([.][0-9]{1,25})?([eE][-+]?[0-9]{1,3})?",
        "-?[0-9]{0,2}[.]?[0-9]{0,2}[eE]?[-+]?[0-9]{0,5}",
        any::<f64>().prop_map(|v| format!("{v:?}")),
        any::<i64>().prop_map(|v| v.to_string()),
        any::<u64>().prop_map(|v| v.to_string()),
    ];
    let word = prop_oneof!["true", "false", "null"];
    let leaf = prop_oneof![4 => number, 1 => word, 3 => text()];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let member =
            ("[ \n\t\r]{0,1}", text(), "[ \n]{0,1}", inner.clone()).prop_map(|(a, name, b, value)| format!("{a}{name}{b}:{a}{value}{b}"));
        prop_oneof![
            proptest::collection::vec(inner, 0..5).prop_map(|items| format!("[{}]", items.join(" ,"))),
            proptest::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

fn document() -> impl Strategy<Value = String> {
    let space = || prop_oneof![9 => "", 1 => "[ \n\t\r]{1,2}"];
    let member = (space(), text(), space(), space(), value(), space());
    let member = member.prop_map(|(a, name, b, c, value, d)| format!("{a}{name}{b}:{c}{value}{d}"));
    let object = proptest::collection::vec(member, 0..50).prop_map(|members| format!("{{{}}}", members.join(",")));
    let small = proptest::collection::vec((text(), value()).prop_map(|(name, value)| format!("{name}:{value}")), 0..6);
    let small = small.prop_map(|members| format!("{{{}}}", members.join(",")));
    ("[ \n\t\r]{0,2}", prop_oneof![1 => object, 6 => small, 1 => value()], "[ \n\t\r]{0,2}").prop_map(|(a, b, c)| format!("{a}{b}{c}"))
}

/// Where, what, how.
fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, u8)>> {
    let byte = prop_oneof![any::<u8>(), proptest::sample::select(b"{}[]\",:\\utdf0-+.eE \n\x0b\x00\x7f\xC3\x80\xFF".to_vec())];
    proptest::collection::vec((any::<prop::sample::Index>(), byte, 0_u8..4), 1..3)
}

fn damaged(text: &str, damage: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (place, byte, how) in damage {
        let at = place.index(bytes.len().max(1));
        match how {
            0 => bytes.insert(at, *byte),
            1 => bytes.truncate(at),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            _ => drop(bytes.get_mut(at).map(|place| *place = *byte)),
        }
    }
    bytes
}

/// The same cases each time.
fn runner() -> TestRunner {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
fn a_document_is_what_serde_json_says() {
    runner().run(&document(), |text| compare(text.as_bytes())).unwrap();
}

#[test]
fn a_damaged_document_is_what_serde_json_says() {
    runner().run(&(document(), damage()), |(text, damage)| compare(&damaged(&text, &damage))).unwrap();
}

const HARD: &[&str] = &[
    "0",
    "00000000000000000000",
    "-00000000000000000000",
    "0.00000000000000000000000001",
    "12345678901234567890.5",
    "1234567890123456.",
    "--1",
    "-0",
    "-0.0",
    "0.0",
    "00",
    "01",
    "-",
    "-a",
    "+1",
    "1.",
    ".5",
    "1.e5",
    "1e",
    "1e+",
    "1E5",
    "1e400",
    "-1e400",
    "1e-400",
    "0e99999",
    "0.0e999999999999999999999",
    "1e99999999999999999999",
    "1e-99999999999999999999",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "999999999999999999",
    "-999999999999999999",
    "1000000000000000000",
    "123456789012345678901234567890",
    "4.9e-324",
    "2.4e-324",
    "2.2250738585072011e-308",
    "1.7976931348623157e308",
    "1.7976931348623159e308",
    "9007199254740993",
    "9007199254740993.0",
    "0.1",
    "NaN",
    "Infinity",
    "nul",
    "nulll",
    "tru",
    "True",
    "\"\\ud800\"",
    "\"\\udc00\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud83d\\u0041\"",
    "\"\\ud83d\\n\"",
    "\"\\ud83d\"",
    "\"\\u0000\"",
    "\"\\x\"",
    "\"\\\"",
    "\"\\",
    "\"",
    "\"\\u12\"",
    "\"\\u12G4\"",
    "\"\\ué000\"",
    "\"\t\"",
    "\"\u{7f}\"",
    "\"abcdefgh\\nijklmnop\"",
    "\"\\/\"",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{\"a\":1,}",
    "{,}",
    "{\"a\" 1}",
    "{a:1}",
    "{\"a\":}",
    "[",
    "{",
    "",
    " ",
    "\u{feff}1",
    "1 2",
    "{}{}",
    "[]]",
    "{\"a\":1,\"b\":2,\"a\":3}",
    "{\"\\u0061\":1,\"a\":2}",
    "{\"b\":1,\"a\\u0000\":2,\"a\":3}",
    "// 1",
    "'a'",
];

#[test]
fn what_is_hard_is_what_serde_json_says() {
    for text in HARD {
        compare(text.as_bytes()).unwrap();
        compare(format!(" {{ \"x\" : {text} , \"a\" :\t[ {text}\n,\r1 ] }} ").as_bytes()).unwrap();
        compare(format!("{{\"x\":{text}}}").as_bytes()).unwrap();
        compare(format!("{{\"x\":[{text} ] ,\"y\":1}}\n").as_bytes()).unwrap();
    }
    for bytes in [
        &b"{\"a\":\"\xC3\"}"[..],
        b"{\"a\":\"\xED\xA0\x80\"}",
        b"{\"\xFF\":1}",
        b"{}\xC2\xA0",
        b"{\"a\":\"\xC3\\u0041\"}",
        b"\xEF\xBB\xBF{}",
    ] {
        compare(bytes).unwrap();
    }
}

#[test]
fn as_many_levels_are_taken_as_by_serde_json() {
    for depth in [1, 125, 126, 127, 128, 129, 5_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            compare(text.as_bytes()).unwrap();
            compare(format!("{{\"b\":{text},\"c\":{text}}}").as_bytes()).unwrap();
        }
    }
}
