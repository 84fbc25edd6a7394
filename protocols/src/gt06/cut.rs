//! Where a frame ends.
//!
//! The length is read first and says where; the frame must end there. Nothing is decided on bytes that may still come, so that any cut of
//! the stream gives the same frames.

use super::FRAME_BYTES_MAX;
use super::short;

/// What is known of the other end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manners {
    /// Nothing came yet.
    #[default]
    Unknown,
    /// Whole frames came, none with a checksum that fits.
    Unchecked,
    /// A checksum did fit: frames without one are refused from now on.
    Checked,
    /// It speaks the dialect without serial numbers and checksums.
    Short,
}

/// What stands at the beginning of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Not yet a whole frame.
    NeedMore,
    /// So many line ends or zeros between frames.
    Blank(usize),
    /// So many bytes that belong to no frame.
    Noise(usize),
    /// A frame longer than any that is taken.
    TooLong,
    /// A frame with a checksum.
    Frame(usize),
    /// A frame of the short dialect.
    Short(usize),
}

const END: [u8; 2] = *b"\r\n";

/// Looks at the beginning of a buffer.
pub fn next(bytes: &[u8], manners: Manners, lenient: bool) -> Cut {
    match bytes {
        [] | [0x78 | 0x79] | [0x78, 0x78] | [0x78, 0x78, _] | [0x79, 0x79] | [0x79, 0x79, _] => Cut::NeedMore,
        [0x78, 0x78, length, kind, ..] => basic(bytes, *length, *kind, manners, lenient),
        [0x79, 0x79, high, low, ..] => whole(bytes, usize::from(u16::from_be_bytes([*high, *low])).saturating_add(6), 11, lenient),
        [b'\r' | b'\n' | 0, ..] => Cut::Blank(bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n' | 0)).count()),
        _ => Cut::Noise(noise(bytes)),
    }
}

fn basic(bytes: &[u8], length: u8, kind: u8, manners: Manners, lenient: bool) -> Cut {
    if manners != Manners::Checked || lenient {
        match short::end(bytes, length, kind, manners == Manners::Short || lenient) {
            short::End::Elsewhere => {}
            short::End::Unknown => return Cut::NeedMore,
            short::End::At(total) => return Cut::Short(total),
        }
    }
    whole(bytes, usize::from(length).saturating_add(5), 10, lenient)
}

fn whole(bytes: &[u8], total: usize, total_min: usize, lenient: bool) -> Cut {
    if lenient && !ends_at(bytes, total) {
        // A recording that was shortened or anonymised: up to the first line end.
        if let Some(end) = bytes.windows(2).skip(3).position(|pair| pair == END).map(|at| at.saturating_add(5)) {
            return Cut::Frame(end);
        }
    }
    if total < total_min {
        return Cut::Noise(2_usize.saturating_add(noise(bytes.get(2..).unwrap_or_default())));
    }
    if total > FRAME_BYTES_MAX {
        return Cut::TooLong;
    }
    if bytes.len() < total {
        return Cut::NeedMore;
    }
    if ends_at(bytes, total) { Cut::Frame(total) } else { Cut::Noise(2_usize.saturating_add(noise(bytes.get(2..).unwrap_or_default()))) }
}

/// Whether a line end stands before `total`.
pub fn ends_at(bytes: &[u8], total: usize) -> bool {
    bytes.get(..total).is_some_and(|frame| frame.ends_with(&END))
}

/// How far it is to what may be the beginning of a frame.
fn noise(bytes: &[u8]) -> usize {
    let start = bytes.windows(2).position(|pair| matches!(pair, [0x78, 0x78] | [0x79, 0x79]));
    let kept = usize::from(matches!(bytes.last(), Some(0x78 | 0x79)));
    start.unwrap_or(bytes.len().saturating_sub(kept))
}
