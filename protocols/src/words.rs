//! Lists of words: an enumeration and how its members are spelled, both ways.

mod order;

use crate::{Key, Name};
pub(crate) use order::{Last, Order, Spelled};

/// A text at a glance. Of up to 16 bytes, it is the whole text.
#[derive(Clone, Copy, Debug)]
struct Glance {
    /// The first eight bytes, the first one lowest, and zeros for those that are not there.
    head: u64,
    /// The last eight bytes; of a shorter text nothing.
    tail: u64,
    length: usize,
}

impl Glance {
    const WHOLE_BYTES: usize = 16;

    #[inline]
    const fn of(word: &[u8]) -> Self {
        let length = word.len();
        match (word.first_chunk(), word.last_chunk()) {
            (Some(head), Some(tail)) => Self { head: u64::from_le_bytes(*head), tail: u64::from_le_bytes(*tail), length },
            _ => Self { head: Self::short(word), tail: 0, length },
        }
    }

    /// Less than eight bytes. (`wire` has the same, but not at compile time.)
    #[inline]
    const fn short(word: &[u8]) -> u64 {
        if let (Some(first), Some(last)) = (word.first_chunk(), word.last_chunk()) {
            // Those in the middle stand in both, at the same place.
            let at = word.len().wrapping_sub(4).wrapping_mul(8);
            return u32::from_le_bytes(*first) as u64 | (u32::from_le_bytes(*last) as u64).wrapping_shl(at as u32);
        }
        match *word {
            [one, two, three] => u32::from_le_bytes([one, two, three, 0]) as u64,
            [one, two] => u16::from_le_bytes([one, two]) as u64,
            [one] => one as u64,
            _ => 0,
        }
    }

    const fn is(self, other: Self) -> bool {
        self.head == other.head && self.tail == other.tail && self.length == other.length
    }
}

/// Where a word of one list or two stands: an open-addressed table, made at compile time. A `match` over a hundred texts compares them one
/// by one.
pub(crate) struct Slots<const WORDS: usize> {
    slots: [u8; SLOTS],
    words: [(Glance, &'static str); WORDS],
    spelled: [Spelled; WORDS],
}

/// A power of two, several times the words of a list.
const SLOTS: usize = 1 << SLOT_BITS;
const SLOT_BITS: u32 = 9;
const EMPTY: u8 = u8::MAX;

impl<const WORDS: usize> Slots<WORDS> {
    /// Of a list, and another whose words are numbered behind. Runs at compile time only, where an index out of range or an overflow is a
    /// compile error.
    #[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::cast_possible_truncation)]
    pub(crate) const fn of(list: &[&'static str], behind: &[&'static str]) -> Self {
        assert!(WORDS < 200, "more words than fit a byte and leave slots empty");
        assert!(list.len() + behind.len() == WORDS, "all have their place");
        let mut slots = [EMPTY; SLOTS];
        let mut words = [(Glance::of(&[]), ""); WORDS];
        let mut spelled = [Spelled::of(&[]); WORDS];
        let mut number = 0;
        while number < WORDS {
            let word = if number < list.len() { list[number] } else { behind[number - list.len()] };
            let glance = Glance::of(word.as_bytes());
            words[number] = (glance, word);
            spelled[number] = Spelled::of(word.as_bytes());
            let mut slot = Self::first(glance);
            while slots[slot] != EMPTY {
                slot = (slot + 1) % SLOTS;
            }
            slots[slot] = number as u8;
            number += 1;
        }
        Self { slots, words, spelled }
    }

    /// The highest bits of products have something of all bits of their factors.
    #[allow(clippy::cast_possible_truncation)]
    const fn first(glance: Glance) -> usize {
        let sum = glance.head.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ glance.tail.wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
        sum.wrapping_shr(u64::BITS.wrapping_sub(SLOT_BITS)) as usize
    }

    /// The number of the one that is spelled so.
    #[inline(always)]
    pub(crate) fn find(&self, word: &[u8]) -> Option<u8> {
        let glance = Glance::of(word);
        let mut slot = Self::first(glance);
        loop {
            // What stands in an empty slot is the number of none.
            let number = *self.slots.get(slot & (SLOTS - 1))?;
            let (seen, spelled) = self.words.get(usize::from(number))?;
            if seen.is(glance) && (glance.length <= Glance::WHOLE_BYTES || spelled.as_bytes() == word) {
                return Some(number);
            }
            slot = slot.wrapping_add(1);
        }
    }

    /// How the one with that number is spelled.
    #[inline(always)]
    pub(crate) fn spelled(&self, number: u8) -> Option<&Spelled> {
        self.spelled.get(usize::from(number))
    }
}

/// What a format calls something by: a word of its own, the name of an attribute, or another text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known<T> {
    Own(T),
    Name(Name),
    Other,
}

impl<T> Known<T> {
    /// As [`Key::from_spelling`] of that text, which it was found by.
    #[inline]
    pub(crate) fn key(self, text: &str) -> Key<'_> {
        match self {
            Self::Name(name) => Key::Named(name, 0),
            Self::Other => Key::from_other(text),
            Self::Own(_) => Key::from_spelling(text),
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
            pub(crate) const WORDS: &'static [&'static str] = &[$($text,)+];
        }
    };
}

/// How the words of a list are spelled, both ways.
macro_rules! spelled {
    ($type:ident) => {
        impl $type {
            /// As it is spelled outside.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match Self::WORDS.split_at_checked(self as usize) {
                    Some((_, [word, ..])) => word,
                    _ => "",
                }
            }

            /// Finds it by its spelling.
            #[must_use]
            pub fn from_text(text: &str) -> Option<Self> {
                Self::from_bytes(text.as_bytes())
            }

            /// The same of what may be no text.
            pub(crate) fn from_bytes(text: &[u8]) -> Option<Self> {
                static SLOTS: $crate::words::Slots<{ $type::WORDS.len() }> = $crate::words::Slots::of($type::WORDS, &[]);
                Self::ALL.get(usize::from(SLOTS.find(text)?)).copied()
            }
        }
    };
}

/// Words that are found together with the names of attributes, and have numbers together with them.
pub(crate) trait Words: Copy {
    /// The number of what is spelled so. A word of the list is meant before a name.
    fn number(text: &[u8]) -> Option<u8>;

    /// How the one with that number is spelled.
    fn spelled(number: u8) -> Option<&'static Spelled>;

    /// What has that number.
    fn of_number(number: u8) -> Known<Self>;
}

/// None: no name is looked for.
impl Words for () {
    #[inline(always)]
    fn number(_: &[u8]) -> Option<u8> {
        None
    }

    #[inline(always)]
    fn spelled(_: u8) -> Option<&'static Spelled> {
        None
    }

    #[inline(always)]
    fn of_number(_: u8) -> Known<Self> {
        Known::Other
    }
}

/// Finds words of a list and names of attributes in one look.
macro_rules! words_and_names {
    ($type:ident) => {
        const _: () = {
            use $crate::words::{Known, Slots, Spelled, Words};

            static SLOTS: Slots<{ $type::WORDS.len() + $crate::Name::WORDS.len() }> = Slots::of($type::WORDS, $crate::Name::WORDS);

            impl Words for $type {
                #[inline(always)]
                fn number(text: &[u8]) -> Option<u8> {
                    SLOTS.find(text)
                }

                #[inline(always)]
                fn spelled(number: u8) -> Option<&'static Spelled> {
                    SLOTS.spelled(number)
                }

                #[inline(always)]
                fn of_number(number: u8) -> Known<Self> {
                    let number = usize::from(number);
                    match Self::ALL.get(number) {
                        Some(own) => Known::Own(*own),
                        None => $crate::Name::ALL.get(number.wrapping_sub(Self::ALL.len())).map_or(Known::Other, |name| Known::Name(*name)),
                    }
                }
            }
        };
    };
}

pub(crate) use {spelled, words, words_and_names};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    words! {
        /// Words of all lengths, and two that are names as well.
        Few {
            Nothing = "", A = "a", Ab = "ab", Abc = "abc", Four = "four", Seven = "seven77", Eight = "eight888", Nine = "nine99999",
            Sixteen = "sixteensixteen16", Seventeen = "seventeen_seven17", Like = "seventeen_seven_17",
            Input = "input", Long = "external_power_mv",
        }
    }
    spelled!(Few);
    words_and_names!(Few);

    fn known(text: &str) -> Known<Few> {
        Few::number(text.as_bytes()).map_or(Known::Other, Few::of_number)
    }

    #[test]
    fn each_word_is_found_and_no_other() {
        for name in Name::ALL {
            assert_eq!(Name::from_text(name.as_str()), Some(*name));
            let own = Few::ALL.iter().find(|own| own.as_str() == name.as_str());
            assert_eq!(known(name.as_str()), own.map_or(Known::Name(*name), |own| Known::Own(*own)));
        }
        for own in Few::ALL {
            let text = own.as_str();
            assert_eq!((Few::from_text(text), known(text)), (Some(*own), Known::Own(*own)));
            let longer = alloc::format!("{text}\0");
            assert_eq!((Few::from_text(&longer), known(&longer)), (None, Known::Other));
        }
        assert_eq!(Few::from_text("seventeen-seven17"), None);
    }

    proptest! {
        #[test]
        fn words_that_differ_look_so(words in proptest::collection::vec("[\0a-c]{0,10}", 2..9)) {
            for word in &words {
                let glance = Glance::of(word.as_bytes());
                for other in &words {
                    prop_assert_eq!(glance.is(Glance::of(other.as_bytes())), word == other);
                }
            }
        }
    }
}
