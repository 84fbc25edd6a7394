//! The fields of a record, taken one after the other.
//!
//! Nearly all of them are short numbers: those are read where they stand, and their end is that of the field. What is not written as
//! nearly all trackers write it is left for [`Fields::next`].

use crate::wire::{Pointed, find, take_few_digits, truncated};
use crate::{Civil, Micros};

/// What is not yet taken of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    /// `None` behind the last field.
    rest: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    pub(super) const fn of(record: &'a [u8]) -> Self {
        Self { rest: Some(record) }
    }

    /// All that is left; `None` behind the last field.
    pub(super) const fn rest(&self) -> Option<&'a [u8]> {
        self.rest
    }

    /// The next field, if it has a value.
    #[inline(never)]
    pub(super) fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let end = find(rest, b';').unwrap_or(rest.len());
        self.rest = rest.get(end.wrapping_add(1)..);
        rest.get(..end).filter(|field| !is_absent(field))
    }

    /// Takes the next field if it has no value and is not the last.
    #[inline(always)]
    pub(super) const fn take_absent(&mut self) -> bool {
        if let Some([b';', rest @ ..] | [b'N', b'A', b';', rest @ ..]) = self.rest {
            self.rest = Some(rest);
            return true;
        }
        false
    }

    /// Takes the end of a field that was read up to here; `None` if this is none.
    #[inline(always)]
    const fn end(&mut self, rest: &'a [u8]) -> Option<()> {
        self.rest = match rest {
            [] => None,
            [b';', rest @ ..] => Some(rest),
            _ => return None,
        };
        Some(())
    }

    /// Takes a field of up to eight digits.
    #[inline(always)]
    pub(super) fn take_whole(&mut self) -> Option<u64> {
        let (number, count, rest) = take_few_digits(self.rest?);
        if count == 0 {
            return None;
        }
        self.end(rest)?;
        Some(number)
    }

    /// Takes a field that is a number, not below zero, with a point or without.
    #[inline(always)]
    pub(super) fn take_number(&mut self) -> Option<Pointed> {
        let (number, rest) = Pointed::take(self.rest?)?;
        self.end(rest)?;
        Some(number)
    }

    /// Takes the two fields of a place on one axis, in degrees.
    #[inline(always)]
    pub(super) fn take_degrees(&mut self, positive: u8, negative: u8) -> Option<f64> {
        let mut ahead = *self;
        let number = ahead.take_number()?;
        let [side, rest @ ..] = ahead.rest? else { return None };
        ahead.end(rest)?;
        let degrees = degrees_of(number.number()?);
        let degrees = match *side {
            side if side == positive => degrees,
            side if side == negative => -degrees,
            _ => return None,
        };
        *self = ahead;
        Some(degrees)
    }

    /// Takes a date and a time of six digits each. Inside, there is none if they are out of range.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "each is two digits")]
    pub(super) fn take_time(&mut self) -> Option<Option<Micros>> {
        let (date, 6, [b';', rest @ ..]) = take_few_digits(self.rest?) else { return None };
        let (time, 6, [b';', rest @ ..]) = take_few_digits(rest) else { return None };
        self.rest = Some(rest);
        let [date, time] = [date as u32, time as u32];
        let date_time = [date % 100, date / 100 % 100, date / 10_000, time / 10_000, time / 100 % 100, time % 100];
        Some(Civil::of_this_century(date_time.map(|number| number as u8)))
    }
}

/// Whether a field has no value.
pub(super) const fn is_absent(field: &[u8]) -> bool {
    matches!(field, b"" | b"NA")
}

/// `DDMM.mm` in degrees.
#[inline(always)]
pub(super) fn degrees_of(number: f64) -> f64 {
    let whole = truncated(number / 100.0);
    whole + (number - whole * 100.0) / 60.0
}
