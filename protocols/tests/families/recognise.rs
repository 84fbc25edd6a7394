//! Recognise: the first frame of a tracker tells its protocol, and no other protocol takes it.

use crate::dialogue::USUAL_NOW;
use crate::inverse::usual_record;
use crate::subject::Subject;
use protocols::{Identifier, Recognised, Transport, recognise};

/// What our encoder says first, on each transport that bytes are read from.
///
/// # Errors
/// It is taken for something else.
pub fn check(subject: &Subject<'_>) -> Result<(), String> {
    let identifier = Identifier::new("356307042441013").ok_or("no identifier")?;
    for transport in subject.transports.iter().copied().filter(|t| matches!(t, Transport::Tcp | Transport::Udp)) {
        let mut encoder = (subject.encoder)(transport);
        let (mut login, mut frame) = (Vec::new(), Vec::new());
        encoder.login(&identifier, &mut login);
        encoder.records(&identifier, &[usual_record()], &mut frame);
        let first = if login.is_empty() { frame } else { login };
        match recognise(&first, transport, USUAL_NOW) {
            Recognised::As(protocol) if protocol.name() == subject.name => {}
            other => return Err(format!("{transport:?}: {} is {other:?}", protocols::wire::to_hex(&first))),
        }
    }
    Ok(())
}
