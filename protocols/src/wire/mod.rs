//! What several wire formats share: checksums, binary-coded decimals, hexadecimal, degrees and minutes.
//!
//! A format that needs one of these takes it from here; a second spelling of the same thing is a mistake.

mod crc;
mod cursor;
mod parts;
mod text;
mod word;

pub use crc::{crc8_nrsc5, crc16_arc, crc16_ccitt_false, crc16_kermit, crc16_modbus, crc16_x25, crc16_xmodem, sum8, xor8};
pub(crate) use crc::{crc16_x25_begun, crc16_x25_short};
pub use cursor::Cursor;
pub use parts::{
    Parts, Pointed, are_digits, cut, cut_at_most, decimal, decimal_of, decimal_single, find, find_any, find_far, find_text, four_digits,
    integer, is_alike, quotient, quotient_single, split_once, take_digits, take_few_digits, truncated, unsigned, whole,
};
pub(crate) use parts::{ShortNumber, take_short, three_pairs, two_pairs};
pub use text::{
    Fields, ShortText, bcd, cell_text, degrees_minutes, degrees_minutes_side, from_hex, hex_digit, hexadecimal, push_padded, to_hex,
    wifi_text,
};
pub(crate) use word::{EACH, HIGH, WORD_DIGITS, all_are, eight_bits, eight_decimal, eight_hexadecimal, few, first_of, last_eight, lowest};
