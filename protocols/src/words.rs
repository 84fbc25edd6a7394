//! Lists of words: an enumeration and how its members are spelled, both ways.

/// Where a word of a list stands, by what is seen of it at a glance: an open-addressed table, made at compile time. A `match` over a
/// hundred texts compares them one by one.
pub(crate) struct Slots([u8; Self::COUNT]);

impl Slots {
    /// A power of two, several times the words of a list.
    const COUNT: usize = 512;
    const EMPTY: u8 = u8::MAX;

    /// Runs at compile time only, where an index out of range or an overflow is a compile error.
    #[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::cast_possible_truncation)]
    pub(crate) const fn of(words: &[&str]) -> Self {
        assert!(words.len() < 200, "more words than fit a byte and leave slots empty");
        let mut slots = [Self::EMPTY; Self::COUNT];
        let mut number = 0;
        while number < words.len() {
            let mut slot = Self::first(words[number].as_bytes());
            while slots[slot] != Self::EMPTY {
                slot = (slot + 1) % Self::COUNT;
            }
            slots[slot] = number as u8;
            number += 1;
        }
        Self(slots)
    }

    /// Length, first, middle, last letter and the one before it.
    const fn first(word: &[u8]) -> usize {
        let (Some(first), Some(last), Some(middle)) = (word.first(), word.last(), word.split_at(word.len() / 2).1.first()) else {
            return 0;
        };
        let before = match word {
            [.., before, _] => *before as usize,
            _ => 0,
        };
        let sum = word.len().wrapping_mul(37).wrapping_add((*first as usize).wrapping_mul(5));
        sum.wrapping_add((*middle as usize).wrapping_mul(59))
            .wrapping_add((*last as usize).wrapping_mul(131))
            .wrapping_add(before.wrapping_mul(17))
            & (Self::COUNT - 1)
    }

    /// The one of all that is spelled so.
    #[inline]
    pub(crate) fn find<T: Copy>(&self, word: &str, all: &[T], spelled: impl Fn(T) -> &'static str) -> Option<T> {
        let mut slot = Self::first(word.as_bytes());
        loop {
            // What stands in an empty slot is the number of none.
            let one = *all.get(usize::from(*self.0.get(slot & (Self::COUNT - 1))?))?;
            if spelled(one) == word {
                return Some(one);
            }
            slot = slot.wrapping_add(1);
        }
    }
}

macro_rules! words {
    ($(#[$meta:meta])* $type:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $type { $(#[doc = concat!("`", $text, "`")] $variant,)+ }

        impl $type {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// As it is spelled outside.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Finds it by its spelling.
            #[must_use]
            pub fn from_text(text: &str) -> Option<Self> {
                static SLOTS: $crate::words::Slots = $crate::words::Slots::of(&[$($text,)+]);
                SLOTS.find(text, Self::ALL, Self::as_str)
            }
        }
    };
}

pub(crate) use words;
