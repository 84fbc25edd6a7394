//! The order in which a sender names what it tells.
//!
//! A device names things in the same order in each message. Who remembers what came behind what compares a name with the one that is
//! expected, which takes one step, instead of looking for its end and then for the name. What is read never depends on what is expected.

use super::{Known, Words};

/// Bytes of a longer word are not compared in one step: it is never expected.
const BYTES_MAX: usize = 24;

/// A word as the front of a text is compared with, in one line of the cache.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Spelled {
    /// The word, and zeros behind it.
    bytes: [u8; BYTES_MAX],
    /// All bits of its bytes.
    meant: [u8; BYTES_MAX],
    /// Beyond any text, of a word that is too long.
    length: usize,
}

impl Spelled {
    /// Runs at compile time only.
    #[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
    pub(crate) const fn of(word: &[u8]) -> Self {
        let (mut bytes, mut meant) = ([0; BYTES_MAX], [0; BYTES_MAX]);
        let length = if word.len() <= BYTES_MAX { word.len() } else { usize::MAX };
        let mut at = 0;
        while at < word.len() && at < BYTES_MAX {
            bytes[at] = word[at];
            meant[at] = u8::MAX;
            at += 1;
        }
        Self { bytes, meant, length }
    }

    /// What stands behind it in a text that begins with it.
    #[inline(always)]
    pub(crate) fn behind<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        let is_front = text.first_chunk().map_or_else(|| self.is_front_of_few(text), |front| self.is_front(front));
        if is_front { text.get(self.length..) } else { None }
    }

    #[inline(always)]
    fn is_front(&self, front: &[u8; BYTES_MAX]) -> bool {
        let (front, bytes, meant) = (front.as_chunks::<8>().0, self.bytes.as_chunks().0, self.meant.as_chunks().0);
        let of = |word: &[u8; 8]| u64::from_le_bytes(*word);
        front.iter().zip(bytes).zip(meant).fold(0, |differs, ((front, bytes), meant)| differs | ((of(front) ^ of(bytes)) & of(meant))) == 0
    }

    #[inline(never)]
    fn is_front_of_few(&self, text: &[u8]) -> bool {
        self.bytes.get(..self.length).is_some_and(|word| text.starts_with(word))
    }
}

/// Numbers of words, of the start of a message, and of all other names.
const NUMBERS: usize = 256;

/// What came behind what last time.
#[derive(Debug)]
pub(crate) struct Order {
    next: [u8; NUMBERS],
}

/// In the order of the list.
impl Default for Order {
    fn default() -> Self {
        let mut next = [0; NUMBERS];
        next.iter_mut().zip(1..=u8::MAX).for_each(|(next, number)| *next = number);
        Self { next }
    }
}

/// Where in a message somebody is: behind which word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Last(u8);

impl Last {
    /// The number of no word.
    const OTHER: u8 = u8::MAX;
    pub(crate) const START: Self = Self(Self::OTHER - 1);

    /// Behind the word with that number, or another one.
    #[inline(always)]
    pub(crate) fn of(word: Option<u8>) -> Self {
        Self(word.unwrap_or(Self::OTHER))
    }

    /// What it is.
    #[inline(always)]
    pub(crate) fn known<T: Words>(self) -> Known<T> {
        T::of_number(self.0)
    }
}

impl Order {
    /// The word that is expected, if a text begins with it, and what stands behind it.
    #[inline(always)]
    pub(crate) fn expected<'a, T: Words>(&self, last: Last, text: &'a [u8]) -> Option<(Last, &'a [u8])> {
        let number = self.next.get(usize::from(last.0)).copied()?;
        Some((Last(number), T::spelled(number)?.behind(text)?))
    }

    /// Remembers what came where another one was expected.
    pub(crate) fn came(&mut self, last: Last, word: Option<u8>) -> Last {
        let came = Last::of(word);
        if let Some(next) = self.next.get_mut(usize::from(last.0)) {
            *next = came.0;
        }
        came
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Name;
    use crate::words::{words, words_and_names};

    words! {
        /// Of all lengths.
        Few {
            Nothing = "", A = "a", Ab = "ab", Eight = "abababab", Long = "abababababababababababab", TooLong = "ababababababababababababa",
        }
    }
    words_and_names!(Few);

    fn number(word: &str) -> Option<u8> {
        Few::number(word.as_bytes())
    }

    #[test]
    fn what_is_behind_is_that_of_strip_prefix() {
        const TEXT: &[u8; 40] = b"abcdefghijklmnopqrstuvwxyzabcdefghijklmn";
        let pairs = (0..=26).flat_map(|word| (word..=TEXT.len()).map(move |all| (TEXT.get(..word).unwrap(), TEXT.get(..all).unwrap())));
        for (word, all) in pairs {
            // Each byte is another one in its turn, and none is.
            for changed in 0..=all.len() {
                let mut text = all.to_vec();
                if let Some(byte) = text.get_mut(changed) {
                    *byte ^= 1;
                }
                let expected = text.strip_prefix(word).filter(|_| word.len() <= BYTES_MAX);
                assert_eq!(Spelled::of(word).behind(&text), expected, "{} of {}, {changed}", word.len(), all.len());
            }
        }
    }

    #[test]
    fn what_came_is_expected_and_nothing_else() {
        let mut order = Order::default();
        let expected =
            |order: &Order, last: Last, text: &str| order.expected::<Few>(last, text.as_bytes()).map(|(came, _)| came.known::<Few>());
        let first = order.came(Last::START, number("satellites"));
        assert_eq!(first.known::<Few>(), Known::Name(Name::Satellites));
        order.came(first, number("abababab"));
        assert_eq!(expected(&order, Last::START, "satellites=1"), Some(Known::Name(Name::Satellites)));
        assert_eq!(expected(&order, Last::START, "satellite=1"), None);
        assert_eq!(expected(&order, first, "abababab"), Some(Known::Own(Few::Eight)));
        assert_eq!(expected(&order, first, "abababa"), None);
        // Behind another name, too; and another name is never expected.
        let other = order.came(first, None);
        assert_eq!((other.known::<Few>(), expected(&order, first, "")), (Known::Other, None));
        order.came(other, number("ab"));
        assert_eq!(expected(&order, other, "ab"), Some(Known::Own(Few::Ab)));
        order.came(other, number("ababababababababababababa"));
        assert_eq!(expected(&order, other, "ababababababababababababa"), None);
    }

    #[test]
    fn at_first_the_order_of_the_list_is_expected() {
        let (order, a) = (Order::default(), Last::of(number("a")));
        assert_eq!(order.expected::<Few>(a, b"ab").map(|(came, _)| came.known::<Few>()), Some(Known::Own(Few::Ab)));
    }
}
