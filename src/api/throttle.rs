//! How often: requests of one session, and failed log-ins.

use crate::directory::SessionId;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Sessions, or addresses, that are counted at once; those longest unused are forgotten first.
const COUNTED_MAX: usize = 65_536;
/// One address may fail so many times as often as one address with one e-mail.
const PER_ADDRESS: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);

/// A bucket of tokens: one a request, refilled as time goes on.
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// Requests of each session.
pub(super) struct Rates {
    per_second: f64,
    buckets: Mutex<HashMap<SessionId, Bucket>>,
}

/// What is left after a request.
pub(super) struct Rate {
    per_second: f64,
    left: f64,
}

impl Rates {
    pub fn new(per_second_max: u32) -> Self {
        Self { per_second: f64::from(per_second_max.max(1)), buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes a token, or says in how many seconds there is one.
    pub fn take(&self, session: SessionId) -> Result<Rate, u64> {
        let now = Instant::now();
        let mut buckets = self.buckets.lock();
        if buckets.len() >= COUNTED_MAX && !buckets.contains_key(&session) {
            // A bucket that is full again is as good as none.
            let full_after = Duration::from_secs(1);
            buckets.retain(|_, bucket| now.duration_since(bucket.at) < full_after);
        }
        let bucket = buckets.entry(session).or_insert(Bucket { tokens: self.per_second, at: now });
        let refilled = now.duration_since(bucket.at).as_secs_f64() * self.per_second;
        bucket.tokens = (bucket.tokens + refilled).min(self.per_second);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return Err(1);
        }
        bucket.tokens -= 1.0;
        Ok(Rate { per_second: self.per_second, left: bucket.tokens })
    }
}

impl Rate {
    /// Writes `RateLimit` headers: how many a second, and how many are left now.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let whole = |value: f64| HeaderValue::from(value.clamp(0.0, f64::from(u32::MAX)) as u64);
        headers.insert(HeaderName::from_static("ratelimit-limit"), whole(self.per_second));
        headers.insert(HeaderName::from_static("ratelimit-remaining"), whole(self.left));
        headers.insert(HeaderName::from_static("ratelimit-reset"), HeaderValue::from(1));
    }
}

#[derive(Clone, Copy)]
struct Failures {
    since: Instant,
    count: u32,
}

type Key = [u8; 32];

/// Failed log-ins of each address with each e-mail, and of each address.
pub(super) struct LogIns {
    per_minute_max: u32,
    failures: Mutex<HashMap<Key, Failures>>,
}

/// A log-in under way. It counts as failed until it has succeeded, so that many at once gain nothing.
pub(super) struct Attempt<'a> {
    of: &'a LogIns,
    keys: [Key; 2],
}

impl LogIns {
    pub fn new(per_minute_max: u32) -> Self {
        Self { per_minute_max: per_minute_max.max(1), failures: Mutex::new(HashMap::new()) }
    }

    /// Lets an attempt through, or says in how many seconds the next is.
    pub fn attempt(&self, address: IpAddr, email: &str) -> Result<Attempt<'_>, u64> {
        let email = email.trim().to_lowercase();
        let key = |email: &str| Sha256::new().chain_update(address.to_string()).chain_update([0]).chain_update(email).finalize().into();
        let keys: [Key; 2] = [key(&email), key("")];
        let maxima = [self.per_minute_max, self.per_minute_max.saturating_mul(PER_ADDRESS)];
        let now = Instant::now();
        let mut failures = self.failures.lock();
        if failures.len() >= COUNTED_MAX {
            failures.retain(|_, f| now.duration_since(f.since) < MINUTE);
            if failures.len() >= COUNTED_MAX {
                return Err(MINUTE.as_secs());
            }
        }
        for (key, max) in keys.iter().zip(maxima) {
            if let Some(f) = failures.get(key).filter(|f| f.count >= max && now.duration_since(f.since) < MINUTE) {
                return Err((MINUTE - now.duration_since(f.since)).as_secs() + 1);
            }
        }
        for key in keys {
            let entry = failures.entry(key).or_insert(Failures { since: now, count: 0 });
            if now.duration_since(entry.since) >= MINUTE {
                *entry = Failures { since: now, count: 0 };
            }
            entry.count = entry.count.saturating_add(1);
        }
        Ok(Attempt { of: self, keys })
    }
}

impl Attempt<'_> {
    /// It was no failure.
    pub fn succeeded(self) {
        let mut failures = self.of.failures.lock();
        for key in self.keys {
            if let Some(entry) = failures.get_mut(&key) {
                entry.count = entry.count.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PublicId;

    #[test]
    fn failures_of_one_address_and_email_are_counted_apart() {
        let log_ins = LogIns::new(3);
        let (one, two) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        for _ in 0..3 {
            assert!(log_ins.attempt(one, "A@example.com ").is_ok());
        }
        assert!(log_ins.attempt(one, "a@example.com").is_err_and(|wait_s| wait_s <= 61));
        assert!(log_ins.attempt(one, "b@example.com").is_ok());
        assert!(log_ins.attempt(two, "a@example.com").is_ok());
        for n in 0..30 {
            let _ = log_ins.attempt(two, &format!("{n}@example.com"));
        }
        assert!(log_ins.attempt(two, "c@example.com").is_err(), "one address with ever new e-mails");
    }

    #[test]
    fn a_success_is_no_failure() {
        let log_ins = LogIns::new(1);
        let address = IpAddr::from([127, 0, 0, 1]);
        for _ in 0..10 {
            let attempt = log_ins.attempt(address, "a@example.com");
            assert!(attempt.map(Attempt::succeeded).is_ok(), "let through");
        }
    }

    #[test]
    fn a_session_has_so_many_requests_a_second() {
        let rates = Rates::new(5);
        let (one, two) = (SessionId(PublicId::from_u128(1)), SessionId(PublicId::from_u128(2)));
        let taken = (0..50).filter(|_| rates.take(one).is_ok()).count();
        assert!((5..=7).contains(&taken), "{taken}");
        assert!(rates.take(two).is_ok());
    }
}
