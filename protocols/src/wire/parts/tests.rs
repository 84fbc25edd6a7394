//! Compared with what the standard library says of the same.

use super::*;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use proptest::prelude::*;

proptest! {
    #[test]
    fn parts_are_those_of_split(text in "[,a-zäß€0-9.]{0,40}") {
        prop_assert_eq!(Parts::of(&text, ',').collect::<Vec<_>>(), text.split(',').collect::<Vec<_>>());
    }

    #[test]
    fn a_text_is_cut_as_by_splitn(text in "[,a-zä€]{0,30}") {
        let (parts, count) = cut_at_most::<4>(&text, b',');
        prop_assert_eq!(parts.into_iter().take(count).collect::<Vec<_>>(), text.splitn(4, ',').collect::<Vec<_>>());
    }

    #[test]
    fn what_is_left_is_that_of_splitn(text in "[,:\u{0}a-zä€]{0,30}", taken in 0_usize..9) {
        let mut parts = Parts::of(&text, ',');
        for _ in 0..taken {
            parts.next();
        }
        let left = text.splitn(taken.saturating_add(1), ',').nth(taken);
        prop_assert_eq!(parts.rest(), left);
        let mut all = Vec::new();
        cut(&text, b',', |part| all.push(part));
        prop_assert_eq!(all, text.split(',').collect::<Vec<_>>());
        prop_assert_eq!(Parts::of(&text, '\u{0}').count(), text.split('\u{0}').count());
    }

    #[test]
    fn a_text_is_split_once_as_by_str(text in "[:a-zä€]{0,20}") {
        prop_assert_eq!(split_once(&text, b':'), text.split_once(':'));
    }

    #[test]
    fn three_pairs_are_those_of_parse(text in "[0-9]{2}[-:][0-9]{2}[-:][0-9]{2}", at in 0_usize..12, byte in any::<u8>()) {
        let mut bytes: [u8; 8] = text.as_bytes().try_into().unwrap();
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        let expected = core::str::from_utf8(&bytes).ok().and_then(|text| {
            let parts = text.split(':').filter(|part| part.len() == 2 && are_digits(part.as_bytes()));
            let parts: Vec<u32> = parts.map_while(|part| part.parse().ok()).collect();
            <[u32; 3]>::try_from(parts).ok()
        });
        prop_assert_eq!(three_pairs(bytes, b':'), expected);
    }

    #[test]
    fn a_short_number_is_that_of_parse(
        text in prop_oneof!["[0-9]{0,17}([.][0-9]{0,9})?", "0?[0-9]{7,8}[.][0-9]{6,8}"], behind in "[,.e&0-9]{0,12}"
    ) {
        let all = format!("{text}{behind}");
        let Some((number, rest)) = take_short(all.as_bytes()) else { return Ok(()) };
        let text = all.get(..all.len().wrapping_sub(rest.len())).unwrap();
        prop_assert!(!rest.first().is_some_and(u8::is_ascii_digit));
        prop_assert!(text == "0" || text.starts_with("0.") || !text.starts_with('0'));
        match number {
            ShortNumber::Whole(whole) => prop_assert!(text.parse() == Ok(whole) && rest.first() != Some(&b'.')),
            ShortNumber::Pointed(number) => {
                prop_assert_eq!(Ok(number.to_bits()), text.parse::<f64>().map(f64::to_bits));
                prop_assert!(text.contains('.') && !text.ends_with('.'));
            }
        }
    }

    #[test]
    fn a_short_number_is_taken(
        whole in 0_u32..100_000_000, long in 100_000_000_u64..1_000_000_000_000_000, part in proptest::option::of("[0-9]{1,7}")
    ) {
        let text = part.map_or_else(|| format!("{whole}"), |part| format!("{whole}.{part}"));
        let all = format!("{text},\"abcdefgh\"");
        prop_assert_eq!(take_short(all.as_bytes()).map(|(_, rest)| rest.len()), Some(11));
        let all = format!("{long},\"abcdefgh\"");
        prop_assert_eq!(take_short(all.as_bytes()), Some((ShortNumber::Whole(long), &b",\"abcdefgh\""[..])));
    }

    #[test]
    fn an_integer_is_that_of_parse(text in prop_oneof!["[-+]{0,1}[0-9]{0,10}", "[-+]{0,1}[0-9]{16,21}", "[-+ 0-9aé.]{0,9}"]) {
        prop_assert_eq!(integer(text.as_bytes()), text.parse().ok());
        prop_assert_eq!(unsigned(text.as_bytes()), text.parse().ok());
    }

    #[test]
    fn capitals_are_alike(one in "[A-C@-\\[`-{éÉa-c]{0,20}", changed in any::<u32>()) {
        let other: String = one.char_indices().map(|(at, letter)| match changed.wrapping_shr(u32::try_from(at).unwrap()) & 1 {
            0 => letter.to_ascii_lowercase(),
            _ => char::from_u32(u32::from(letter) ^ 0x20).unwrap_or(letter),
        }).collect();
        prop_assert_eq!(is_alike(one.as_bytes(), other.as_bytes()), one.eq_ignore_ascii_case(&other));
    }

    #[test]
    fn a_whole_number_is_that_of_parse(text in prop_oneof!["[0-9]{0,11}", "0{0,12}[0-9]{0,22}", "[-+ 0-9a]{0,9}"]) {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        prop_assert_eq!(whole(&text), text.parse().ok().filter(|_| digits));
    }

    #[test]
    fn digits_are_taken_up_to_what_is_none(digits in "[0-9]{0,19}", behind in "([^0-9][ -~]{0,6})?") {
        let text: String = format!("{digits}{behind}");
        prop_assert_eq!(take_digits(0, text.as_bytes()), (digits.parse().unwrap_or(0), behind.as_bytes()));
        let (few, left) = text.split_at(digits.len().min(8));
        prop_assert_eq!(take_few_digits(text.as_bytes()), (few.parse().unwrap_or(0), few.len(), left.as_bytes()));
    }

    #[test]
    fn a_pointed_number_is_taken_up_to_what_is_none_of_it(
        number in prop_oneof!["[0-9]{0,8}([.][0-9]{0,11})?", "[0-9]{9,16}([.][0-9]{0,3})?"], behind in "([^.0-9][ -~]{0,9})?"
    ) {
        let text: String = format!("{number}{behind}");
        let taken = Pointed::take(text.as_bytes());
        prop_assert_eq!(taken.and_then(|(taken, _)| taken.number()), number.parse().ok());
        let Some((taken, left)) = taken else { return Ok(()) };
        prop_assert_eq!(left, behind.as_bytes());
        let (whole, part) = number.split_once('.').map_or((&*number, None), |(whole, part)| (whole, Some(part)));
        prop_assert_eq!(taken.whole_digits, whole.len());
        prop_assert_eq!(taken.digits, number.replace('.', "").parse().unwrap_or(0));
        prop_assert_eq!(taken.decimals, part.map(str::len));
    }

    #[test]
    fn bytes_are_digits_or_not(text in prop_oneof!["[0-9]{0,20}", "[0-9]{0,12}[ -~é][0-9]{0,12}"]) {
        prop_assert_eq!(are_digits(text.as_bytes()), text.bytes().all(|byte| byte.is_ascii_digit()));
    }

    #[test]
    fn four_bytes_are_digits_or_not(bytes: [u8; 4], shift in 0_u8..=12) {
        // Most of them near the digits.
        let bytes = bytes.map(|byte| if byte < 0xF0 { b'/'.wrapping_add(byte.checked_rem(shift).unwrap_or(1)) } else { byte });
        let text = core::str::from_utf8(&bytes).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        prop_assert_eq!(four_digits(bytes), text.and_then(|text| text.parse().ok()));
    }

    #[test]
    fn a_number_is_cut_as_libm_cuts_it(number in prop_oneof![any::<f64>(), -20_000.0..20_000.0]) {
        prop_assert!(truncated(number) == libm::trunc(number) || number.is_nan());
    }

    #[test]
    fn a_text_is_found_where_it_stands(text in "[abä]{0,30}", wanted in "[abä]{1,3}") {
        prop_assert_eq!(find_text(text.as_bytes(), wanted.as_bytes()), text.find(&wanted));
    }

    #[test]
    fn numbers_are_those_of_parse(
        text in prop_oneof![
            "-?[0-9]{0,9}[.]?[0-9]{0,9}", "[-+0-9.eEinfNa]{0,9}", "-?[0-9]{1,7}[.][0-9]{0,7}", "-?[0-9]{1,3}[.][0-9]{13,18}",
            "[0-9]{12,19}", "0[.][0]{8,12}[0-9]{5,7}"
        ]
    ) {
        let bits = |number: Option<f64>| number.filter(|n| n.is_finite()).map(f64::to_bits);
        prop_assert_eq!(bits(decimal(&text)), bits(text.parse().ok()), "{}", text);
        let bits = |number: Option<f32>| number.filter(|n| n.is_finite()).map(f32::to_bits);
        prop_assert_eq!(bits(decimal_single(&text)), bits(text.parse().ok()), "{}", text);
    }

    #[test]
    fn between_two_numbers_is_rounded_as_by_parse(mantissa in 1_u64 << 52..1_u64 << 53, halves in 0_u32..=3, away in 0_u64..3) {
        // Half of the way from one to the next, in decimal digits, and a step to either side of it.
        let scale = 5_u64.pow(halves).saturating_mul(2_u64.pow(3_u32.saturating_sub(halves)));
        let digits = mantissa.saturating_mul(2).saturating_add(1).saturating_mul(scale).saturating_add(away).saturating_sub(1);
        let text = format!("{digits}");
        for decimals in 0..=text.len().min(18) {
            let (whole, behind) = text.split_at(text.len().saturating_sub(decimals));
            let text = format!("{}.{behind}", if whole.is_empty() { "0" } else { whole });
            let parsed: f64 = text.parse().unwrap();
            prop_assert_eq!(quotient(digits, decimals).map(f64::to_bits), Some(parsed.to_bits()), "{}", text);
        }
    }

    #[test]
    fn a_single_comes_back_from_its_digits(bits in any::<u32>()) {
        let number = f32::from_bits(bits);
        prop_assume!(number.is_finite());
        let text: String = format!("{number}");
        prop_assert_eq!(decimal_single(&text).map(f32::to_bits), Some(bits));
    }

    #[test]
    fn a_byte_is_found_where_it_stands(bytes in proptest::collection::vec(any::<u8>(), 0..140), wanted: u8) {
        prop_assert_eq!(find(&bytes, wanted), bytes.iter().position(|b| *b == wanted));
        let either = [wanted, wanted.wrapping_add(1)];
        prop_assert_eq!(find_any(&bytes, either), bytes.iter().position(|b| either.contains(b)));
        prop_assert_eq!(find_far(&bytes, either), bytes.iter().position(|b| either.contains(b)));
    }
}
