//! `(terminal,1,001,BASE,2,TIME)`: a terminal that asks for the time, and other words in parentheses.

use crate::wire::push_padded;
use crate::{Attributes, Civil, DecodeError, Environment, Identifier, Message, Release, Replies};
use alloc::vec::Vec;

/// The longest.
pub const BYTES_MAX: usize = 1_024;

/// What stands at the front, which begins with `(`.
pub enum Cut {
    NeedMore,
    /// No words in parentheses.
    Noise,
    Text(usize),
}

/// Finds the text at the front.
pub fn cut(bytes: &[u8]) -> Cut {
    let end = bytes.iter().take(BYTES_MAX).skip(1).position(|byte| !(0x20..0x7E).contains(byte) || matches!(byte, b'(' | b')'));
    match end.map(|end| end.saturating_add(1)) {
        Some(end) if bytes.get(end) == Some(&b')') => Cut::Text(end.saturating_add(1)),
        Some(_) => Cut::Noise,
        None if bytes.len() >= BYTES_MAX => Cut::Noise,
        None => Cut::NeedMore,
    }
}

/// Reads a text in its parentheses.
pub fn read(raw: &[u8], env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Result<(), DecodeError> {
    let inside = raw.get(1..raw.len().saturating_sub(1)).and_then(|text| core::str::from_utf8(text).ok());
    let words = inside.ok_or(DecodeError::skipped("no text"))?;
    let identifier = words.split(',').next().and_then(Identifier::new).ok_or(DecodeError::skipped("terminal"))?;
    let asked = words.strip_suffix("TIME").filter(|asked| asked.ends_with(','));
    match (asked, Civil::from_micros(env.now)) {
        (Some(asked), Some(civil)) => {
            out.push(Message::Heartbeat { identifier: Some(identifier), attributes: Attributes::new() });
            let mut reply = alloc::format!("({asked}");
            let year = u32::try_from(civil.year).unwrap_or(0);
            for (number, digits) in [(year, 4), (civil.month, 2), (civil.day, 2), (civil.hour, 2), (civil.minute, 2), (civil.second, 2)] {
                push_padded(&mut reply, number, digits);
            }
            reply.push(')');
            replies.bytes(Release::Identified, reply.into_bytes());
        }
        _ => out.push(Message::CommandAnswer { identifier: Some(identifier), tag: None, done: None, text: words.into() }),
    }
    Ok(())
}
