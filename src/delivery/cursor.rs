//! Cursors: a place in the recorded order, sealed for one user, so that it tells nothing of other accounts' traffic and cannot be made up.

use crate::model::Order;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use policy::UserId;
use protocols::wire::{from_hex, to_hex};
use std::io;
use std::path::Path;

/// The key of this installation.
pub type CursorKey = [u8; 32];

/// Seals and opens cursors.
pub struct Cursors {
    cipher: ChaCha20Poly1305,
}

const NONCE_BYTES: usize = 12;

impl Cursors {
    /// With a key.
    #[must_use]
    pub fn new(key: &CursorKey) -> Self {
        Self { cipher: ChaCha20Poly1305::new(Key::from_slice(key)) }
    }

    /// With the key that is kept in a file; the first time it is made.
    ///
    /// # Errors
    /// The file cannot be read or written, or is no key.
    pub fn open(path: &Path) -> io::Result<Self> {
        let key = match std::fs::read(path) {
            Ok(bytes) => CursorKey::try_from(bytes.as_slice())
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("{}: not a cursor key of 32 bytes", path.display())))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut key = CursorKey::default();
                getrandom::fill(&mut key).map_err(io::Error::other)?;
                std::fs::write(path, key)?;
                key
            }
            Err(error) => return Err(error),
        };
        Ok(Self::new(&key))
    }

    /// Seals any place, for one user and one question: it opens for the same two alone. Without randomness it is empty.
    #[must_use]
    pub fn seal_for(&self, user: UserId, question: &[u8], place: &[u8]) -> String {
        let mut nonce = [0_u8; NONCE_BYTES];
        if getrandom::fill(&mut nonce).is_err() {
            return String::new();
        }
        let aad = bound_to(user, question);
        let sealed = self.cipher.encrypt(Nonce::from_slice(&nonce), Payload { msg: place, aad: &aad }).unwrap_or_default();
        to_hex(&[nonce.as_slice(), &sealed].concat())
    }

    /// What was sealed; `None` if it was not sealed here for this user and this question.
    #[must_use]
    pub fn open_for(&self, user: UserId, question: &[u8], cursor: &str) -> Option<Vec<u8>> {
        if cursor.len() > 256 {
            return None;
        }
        let bytes = from_hex(cursor)?;
        let (nonce, msg) = bytes.split_at_checked(NONCE_BYTES)?;
        self.cipher.decrypt(Nonce::from_slice(nonce), Payload { msg, aad: &bound_to(user, question) }).ok()
    }

    /// The cursor of a place, for one user.
    #[must_use]
    pub fn seal(&self, user: UserId, order: Order) -> String {
        let mut plain = [0_u8; 16];
        plain[..8].copy_from_slice(&order.seq.to_le_bytes());
        plain[8..12].copy_from_slice(&order.ordinal.to_le_bytes());
        plain[12..].copy_from_slice(&user.0.to_le_bytes());
        let mut nonce = [0_u8; NONCE_BYTES];
        // Without randomness no cursor is handed out; the stream goes on without.
        if getrandom::fill(&mut nonce).is_err() {
            return String::new();
        }
        let sealed = self.cipher.encrypt(Nonce::from_slice(&nonce), plain.as_slice()).unwrap_or_default();
        to_hex(&[nonce.as_slice(), &sealed].concat())
    }

    /// The place; `None` if the cursor was not made here for this user.
    #[must_use]
    pub fn open_sealed(&self, user: UserId, cursor: &str) -> Option<Order> {
        if cursor.len() > 256 {
            return None;
        }
        let bytes = from_hex(cursor)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
        let plain = self.cipher.decrypt(Nonce::from_slice(nonce), sealed).ok()?;
        let (seq, rest) = plain.split_first_chunk::<8>()?;
        let (ordinal, rest) = rest.split_first_chunk::<4>()?;
        let owner: [u8; 4] = rest.try_into().ok()?;
        (u32::from_le_bytes(owner) == user.0).then(|| Order { seq: u64::from_le_bytes(*seq), ordinal: u32::from_le_bytes(*ordinal) })
    }
}

fn bound_to(user: UserId, question: &[u8]) -> Vec<u8> {
    [&user.0.to_le_bytes(), question].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_for_its_user_alone_and_cannot_be_made_up() {
        let cursors = Cursors::new(&[7; 32]);
        let order = Order { seq: 123_456_789, ordinal: 2 };
        let cursor = cursors.seal(UserId(5), order);
        assert_eq!(cursors.open_sealed(UserId(5), &cursor), Some(order));
        assert_eq!(cursors.open_sealed(UserId(6), &cursor), None);
        assert_ne!(cursor, cursors.seal(UserId(5), order), "two cursors of one place tell nothing of each other");
        for at in 0..cursor.len() {
            let mut forged = cursor.clone().into_bytes();
            forged[at] = if forged[at] == b'0' { b'1' } else { b'0' };
            let forged = String::from_utf8(forged).expect("hexadecimal");
            assert_eq!(cursors.open_sealed(UserId(5), &forged), None);
        }
        assert_eq!(cursors.open_sealed(UserId(5), "zz"), None);
        assert_eq!(Cursors::new(&[8; 32]).open_sealed(UserId(5), &cursor), None);
    }

    #[test]
    fn a_place_opens_for_its_user_and_its_question_alone() {
        let cursors = Cursors::new(&[7; 32]);
        let sealed = cursors.seal_for(UserId(5), b"visits", b"place");
        assert_eq!(cursors.open_for(UserId(5), b"visits", &sealed).as_deref(), Some(b"place".as_slice()));
        assert_eq!(cursors.open_for(UserId(5), b"alerts", &sealed), None);
        assert_eq!(cursors.open_for(UserId(6), b"visits", &sealed), None);
        assert_eq!(cursors.open_sealed(UserId(5), &sealed), None, "it is no place of a stream");
        assert_eq!(cursors.open_for(UserId(5), b"visits", &"0".repeat(300)), None);
    }
}
