//! Which protocol a tracker speaks, from the first bytes that it sends: for one port that serves many.
//!
//! Nobody knows a format better than its decoder, so each decoder is asked: it recognises the bytes if it takes a whole frame from their
//! front, checksum and all, that says who the tracker is. A frame that is only skipped or kept raw recognises nothing.

use crate::{Environment, Identifier, Message, Micros, Progress, Protocol, Replies, Transport};
use alloc::vec::Vec;
use bytes::BytesMut;

/// What the first bytes may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recognised {
    /// A frame of this protocol.
    As(Protocol),
    /// Frames of all of these: they cannot be told apart.
    Ambiguous(Vec<Protocol>),
    /// Too few bytes; some protocols wait for the rest of their frame.
    Undecided,
    /// No protocol takes them.
    Unknown,
}

/// Bytes after which nobody waits for more.
pub const RECOGNISE_BYTES_MAX: usize = 4_096;

enum Opinion {
    Mine,
    NeedMore,
    NotMine,
}

/// Asks the decoders of all protocols on that transport (a stream or datagrams).
#[must_use]
pub fn recognise(bytes: &[u8], transport: Transport, now: Micros) -> Recognised {
    let (mut mine, mut waiting) = (Vec::new(), false);
    for protocol in Protocol::ALL.iter().copied().filter(|protocol| protocol.transports().contains(&transport)) {
        match opinion(protocol, bytes, transport, now) {
            Opinion::Mine => mine.push(protocol),
            Opinion::NeedMore => waiting = true,
            Opinion::NotMine => {}
        }
    }
    match mine.as_slice() {
        [] if waiting && transport != Transport::Udp && bytes.len() < RECOGNISE_BYTES_MAX => Recognised::Undecided,
        [] => Recognised::Unknown,
        [one] => Recognised::As(*one),
        _ => Recognised::Ambiguous(mine),
    }
}

fn opinion(protocol: Protocol, bytes: &[u8], transport: Transport, now: Micros) -> Opinion {
    let mut decoder = protocol.decoder();
    let env = Environment { now, datagram: transport == Transport::Udp, ..Environment::default() };
    let (mut rest, mut out, mut replies) = (BytesMut::from(bytes), Vec::new(), Replies::new());
    while !rest.is_empty() {
        match decoder.decode(&mut rest, &env, &mut out, &mut replies) {
            Ok(Progress::Frame) if out.iter().any(|message| names_somebody(message).is_some()) => return Opinion::Mine,
            // A kept frame, or a frame without a name as some send first: what follows may tell.
            Ok(Progress::Frame) => {}
            Ok(Progress::NeedMore) => return Opinion::NeedMore,
            Err(_) => return Opinion::NotMine,
        }
    }
    if out.is_empty() { Opinion::NeedMore } else { Opinion::NotMine }
}

fn names_somebody(message: &Message) -> Option<&Identifier> {
    match message {
        Message::Login { identifier, .. } => Some(identifier),
        Message::Record { identifier, .. } | Message::Heartbeat { identifier, .. } => identifier.as_ref(),
        Message::CommandAnswer { .. } | Message::Undecoded { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_recognised_and_half_of_it_is_waited_for() {
        // Teltonika Telematics Wiki: the IMEI packet.
        let login = crate::wire::from_hex("000F333536333037303432343431303133").unwrap();
        assert_eq!(recognise(&login, Transport::Tcp, 0), Recognised::As(Protocol::Teltonika));
        assert_eq!(recognise(login.get(..9).unwrap(), Transport::Tcp, 0), Recognised::Undecided);
        assert_eq!(recognise(b"#L#356307042441013;NA\r\n", Transport::Tcp, 0), Recognised::As(Protocol::Wialon));
    }

    #[test]
    fn what_nobody_takes_is_unknown_also_if_it_never_ends() {
        assert_eq!(recognise(b"hello, world\r\n", Transport::Udp, 0), Recognised::Unknown);
        assert_eq!(recognise(&[b'x'; RECOGNISE_BYTES_MAX], Transport::Tcp, 0), Recognised::Unknown);
    }
}
