//! Passwords: which are taken, how they are hashed, and how they are compared (B47). Hashing is slow on purpose: it runs aside, a few
//! at once, and never in the one writer.

use super::change::ChangeError;
use crate::config::{ApiConfig, DirectoryConfig};
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// Longer ones are refused: hashing them is work for nothing.
const PASSWORD_CHARS_MAX: usize = 256;

/// A password on its way into a change. It is never printed.
#[derive(Clone)]
pub struct NewPassword(State);

#[derive(Clone)]
enum State {
    Plain(String),
    Hashed(Arc<str>),
    Verified(Arc<str>),
}

impl NewPassword {
    /// As it was typed.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(State::Plain(text.into()))
    }

    pub(super) fn plain(&self) -> Option<&str> {
        match &self.0 {
            State::Plain(text) => Some(text),
            State::Hashed(_) | State::Verified(_) => None,
        }
    }

    pub(super) const fn hashed(hash: Arc<str>) -> Self {
        Self(State::Hashed(hash))
    }

    pub(super) const fn verified(hash: Arc<str>) -> Self {
        Self(State::Verified(hash))
    }

    /// The hash that is to be stored.
    pub(super) fn hash(&self) -> Result<Arc<str>, ChangeError> {
        match &self.0 {
            State::Hashed(hash) => Ok(Arc::clone(hash)),
            State::Plain(_) | State::Verified(_) => Err(ChangeError::invalid("password", "it was not hashed")),
        }
    }

    /// Whether it was compared with this hash, and fits.
    pub(super) fn verified_against(&self, hash: &Arc<str>) -> bool {
        matches!(&self.0, State::Verified(with) if with == hash)
    }
}

impl From<&str> for NewPassword {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(…)")
    }
}

/// Whether a password is taken. `about`: what a guesser would try first, such as the user's own name and address.
pub(super) fn check(password: &str, about: &[&str], chars_min: usize) -> Result<(), ChangeError> {
    let chars = password.chars().count();
    if chars < chars_min {
        return Err(ChangeError::invalid("password", format!("at least {chars_min} characters are needed")));
    }
    if chars > PASSWORD_CHARS_MAX {
        return Err(ChangeError::invalid("password", format!("at most {PASSWORD_CHARS_MAX} characters")));
    }
    let estimate = zxcvbn::zxcvbn(password, about);
    if estimate.score() < zxcvbn::Score::Two {
        let warning = estimate.feedback().and_then(|f| f.warning()).map_or(String::new(), |w| format!(": {w}"));
        return Err(ChangeError::invalid("password", format!("it is too easily guessed{warning}")));
    }
    Ok(())
}

/// Too many wait already.
#[derive(Debug)]
pub(super) struct Busy;

/// Hashes and compares, a few at once.
pub(super) struct Hashing {
    argon2: Argon2<'static>,
    pub(super) chars_min: usize,
    at_once: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
    /// Compared with when there is no user, so that this takes as long.
    nobody: Arc<str>,
}

impl Hashing {
    pub(super) fn new(config: &DirectoryConfig, api: &ApiConfig) -> Result<Self, String> {
        let params = Params::new(config.password_memory_kib.max(Params::MIN_M_COST), config.password_passes.max(1), 1, None)
            .map_err(|e| format!("directory.password_memory_kib, password_passes: {e}"))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = argon2.hash_password(b"nobody").map_err(|e| e.to_string())?.to_string().into();
        Ok(Self {
            argon2,
            chars_min: api.password_chars_min,
            at_once: Arc::new(Semaphore::new(config.password_checks_max.max(1))),
            waiting: AtomicUsize::new(0),
            waiting_max: config.password_checks_waiting_max,
            nobody,
        })
    }

    /// Runs slow work aside, in its turn.
    async fn aside<T: Send + 'static>(&self, work: impl FnOnce(&Argon2<'static>) -> T + Send + 'static) -> Result<T, Busy> {
        let _waiting = Waiting::enter(&self.waiting, self.waiting_max)?;
        let permit = Arc::clone(&self.at_once).acquire_owned().await.map_err(|_| Busy)?;
        let argon2 = self.argon2.clone();
        let done = tokio::task::spawn_blocking(move || {
            let result = work(&argon2);
            drop(permit);
            result
        });
        done.await.map_err(|_| Busy)
    }

    pub(super) async fn hash(&self, password: &str) -> Result<Arc<str>, Busy> {
        let password = password.to_owned();
        self.aside(move |argon2| argon2.hash_password(password.as_bytes()).map(|hash| Arc::from(hash.to_string()))).await?.map_err(|_| Busy)
    }

    /// Whether the password is the one that was hashed. Without a hash it takes as long and says no.
    pub(super) async fn verify(&self, password: &str, hash: Option<Arc<str>>) -> Result<bool, Busy> {
        if password.chars().count() > PASSWORD_CHARS_MAX {
            return Ok(false);
        }
        let (password, known) = (password.to_owned(), hash.is_some());
        let hash = hash.unwrap_or_else(|| Arc::clone(&self.nobody));
        let fits = move |argon2: &Argon2<'static>| {
            PasswordHash::new(&hash).is_ok_and(|hash| argon2.verify_password(password.as_bytes(), &hash).is_ok())
        };
        Ok(self.aside(fits).await? && known)
    }
}

struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize, max: usize) -> Result<Self, Busy> {
        let entered = Self(count);
        if count.fetch_add(1, Ordering::Relaxed) >= max { Err(Busy) } else { Ok(entered) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b47_short_and_guessable_passwords_are_refused() {
        let refused = |password: &str, about: &[&str]| match check(password, about, 6) {
            Err(ChangeError::Invalid { field: "password", message }) => message,
            other => panic!("{password:?} gave {other:?}"),
        };
        assert!(refused("x7#qp", &[]).contains("6 characters"));
        assert!(refused("123456", &[]).contains("guessed"));
        assert!(refused("password", &[]).contains("guessed"));
        assert!(refused("marguerite", &["marguerite"]).contains("guessed"));
        assert!(refused(&"long ".repeat(60), &[]).contains("256"));
        assert!(check("tall-oak-9 river", &[], 6).is_ok());
        assert!(check("tall-oak-9 river", &[], 20).is_err(), "the minimum can be raised");
    }

    #[tokio::test]
    async fn no_more_wait_than_may() {
        let config =
            DirectoryConfig { password_checks_waiting_max: 0, password_memory_kib: 8, password_passes: 1, ..DirectoryConfig::default() };
        let hashing = Hashing::new(&config, &ApiConfig::default()).expect("parameters");
        assert!(hashing.hash("tall-oak-9").await.is_err());
    }
}
