//! The report that is read in one go, against the general reading.

use super::{text, usual};
use crate::{Environment, Message, Options, Replies};
use alloc::string::String;
use alloc::vec::Vec;

/// What each field of such a report may be, the first ones usual and the last ones not.
const FIELDS: [&[&str]; 30] = [
    &["+RESP:GTFRI", "+BUFF:GTFRI", "+RESP:GTERI", "+RESP:FRI", "+ACK:GTFRI", "RESP:GTFRI"],
    &["060228", "1F0301", "8020050605", "040102", "350001", "04", "", "356307042441013", "é6022"],
    &["356307042441013", "864000000000933", "86400000000093x", "gv300", "", "1234", "35630704244101"],
    &["", "gv300", "WVWZZZ1JZXW000017", "WVWZZZ1JZXW00001-", "ä", "20240311072246"],
    &["", "14100", "0", "014100", "1e99", "12.31", "999999999", "4294967296"],
    &["10", "0", "", "1234", "12000", "12.4567"],
    &["1", "2", "0", "", "x"],
    &["1", "0", "", "12", "0.5", "100", "101", "-1", "x", "1.", ".", "1e1"],
    &["57.0", "0.0", "", "2000", "2000.1", "-0.1", "x", "00000000000001", "1.2.3", "+5", "inf"],
    &["271", "360", "", "361", "0", "12.5", "-1", "20240311072246", "1e2"],
    &["112.0", "-12.3", "", "100000.1", "x", "20240311072246", "1234567890.5"],
    &["25.279652", "-118.123456", "0.000000", "180.000001", "", "25", "25.27965", "+25.279652", "-0.000000", "1e1.000000"],
    &["54.687157", "-33.924870", "0.000000", "90.000001", "", "54", "1234.567890", "54.68715x", ".687157"],
    &["20240311072238", "19991231235959", "20249911072238", "00000000000000", "", "2024031107223", "2024031107223x"],
    &["", "0262", "262", "4126", "0900", "x", "20240311072246", "1.5"],
    &["", "0002", "02", "12345", "x", "2.5"],
    &["", "0B1C", "b1c", "123456789", "x1", "+1"],
    &["", "01A2C3D", "18673", "123456789", "é"],
    &["", "00", "01", "02", "0", "000", "0000", "210100"],
    &["881.2", "", "0.0", "99999999.9", "123456789.9", "12", "12.34", "é.1", ".1", "0A1B2C3D4E5F"],
    &["", "00117:31:26", "0000117:31:26", "00117:xx:26", "00117:+1:26", "5.5", "210100", "0A1B2C3D4E5F", "20240311072246"],
    &["", "13442", "0", "01", "1.5", "210100", "123456", "-1"],
    &["", "1520", "0", "20240311072246", "12.4", "220000", "00117:31:26", "020C5E100001"],
    &["", "87", "100", "101", "0", "07", "3987", "1.5", "x"],
    &["220000", "210102", "110000", "42FfAa", "2101020304", "", "990000", "2201", "22000x", "+20000", "210102030x"],
    &["", "1250", "0", "0100", "1.5", "25.5", "210100", "123456", "1"],
    &["", "6.1", "1", "25.5", "54.123456", "20240311072246", "0A1B2C3D4E5F", "1234567890"],
    &["", "44", "0", "101", "4.4", "25.5", "54.123456", "1000", "044"],
    &["20240311072240", "20249999999999", "", "2024031107224", "2024031107224x", "25.5"],
    &["00A1", "", "060228", "1234567890", "é", "20240311072246"],
];

/// Numbers below another that look random and are the same each time.
fn numbers() -> impl FnMut(usize) -> usize {
    let mut state = 1_u32;
    move |below| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::try_from(state >> 8).ok().and_then(|number| number.checked_rem(below)).unwrap_or(0)
    }
}

/// A line whose fields are usual but for a few of them.
fn line(unusual: usize, below: &mut impl FnMut(usize) -> usize) -> String {
    // With a cell or without one.
    let cell = below(2);
    let pick = |(index, words): (usize, &&[&'static str])| match index {
        14..18 => words.get(cell).copied(),
        _ => words.get(below(2)).copied(),
    };
    let mut fields: Vec<&str> = FIELDS.iter().enumerate().map(pick).map(Option::unwrap_or_default).collect();
    for _ in 0..unusual {
        let index = below(FIELDS.len());
        let words = FIELDS.get(index).copied().unwrap_or_default();
        if let (Some(field), Some(word)) = (fields.get_mut(index), words.get(below(words.len()))) {
            *field = word;
        }
    }
    // Without a state, and most of what is around it.
    if below(4) == 0 {
        let quiet = below(8).saturating_add(1);
        fields.iter_mut().skip(28_usize.saturating_sub(quiet)).take(quiet).for_each(|field| *field = "");
    }
    fields.join(",")
}

/// The same with a character of it another one, or gone, or a field more or less.
fn damaged(line: &str, below: &mut impl FnMut(usize) -> usize) -> String {
    let characters = [",", ".", "0", "9", "A", "+", "-", ":", "", ",,", "1", " ", "é"];
    let (at, new) = (below(line.len()), characters.get(below(characters.len())).copied().unwrap_or_default());
    [line.get(..at).unwrap_or_default(), new, line.get(at.saturating_add(1)..).unwrap_or_default()].concat()
}

/// Whether it was read in one go; then the general reading said the same.
fn compare(line: &str, env: &Environment<'_>) -> bool {
    let (mut out, mut replies) = (Vec::new(), Replies::new());
    if usual::read(line, env, &mut out, &mut replies).is_none() {
        assert!(out.is_empty() && replies.as_slice().is_empty(), "{line}");
        return false;
    }
    let (mut general, mut general_replies) = (Vec::<Message>::new(), Replies::new());
    assert_eq!(text::read_any(line, env, &mut general, &mut general_replies), Ok(()), "{line}");
    assert_eq!((&out, &replies), (&general, &general_replies), "{line}");
    true
}

#[test]
fn what_is_read_in_one_go_is_what_the_general_reading_says() {
    let options = Options { settings: &[("ack", "true")], ..Options::default() };
    let answered = Environment { options, ..Environment::default() };
    let (mut below, mut usual, mut quick) = (numbers(), 0, 0);
    for round in 0..60_000 {
        let env = if round % 2 == 0 { &answered } else { &Environment::default() };
        let line = line(round % 4, &mut below);
        let done = compare(&line, env);
        quick += usize::from(done);
        usual += usize::from(done && round % 4 == 0);
        quick += usize::from(compare(&damaged(&line, &mut below), env));
    }
    assert!(usual > 10_000 && quick > 25_000, "{usual} {quick}");
}

#[test]
fn each_word_of_each_field_by_itself() {
    for cell in 0..2 {
        let usual = |(index, words): (usize, &&[&'static str])| words.get(if (14..18).contains(&index) { cell } else { 0 }).copied();
        let usual: Vec<&str> = FIELDS.iter().enumerate().map(usual).map(Option::unwrap_or_default).collect();
        assert!(compare(&usual.join(","), &Environment::default()));
        // And each of another field with it.
        for (one, words) in FIELDS.iter().enumerate() {
            for (other, others) in FIELDS.iter().enumerate().take(one.saturating_add(1)) {
                for (word, more) in words.iter().flat_map(|word| others.iter().map(move |more| (word, more))) {
                    let change = |(index, field): (usize, &&'static str)| match index {
                        index if index == one => *word,
                        index if index == other => *more,
                        _ => *field,
                    };
                    let line: Vec<&str> = usual.iter().enumerate().map(change).collect();
                    compare(&line.join(","), &Environment::default());
                }
            }
        }
    }
}
