//! One-time tickets for streams: for browsers' WebSockets from other origins, which can send neither header nor cookie.

use super::problem::Problem;
use crate::directory::Session;
use axum::http::StatusCode;
use parking_lot::Mutex;
use protocols::wire::to_hex;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::time::{Duration, Instant};

const VALID_S: u64 = 30;
/// Tickets that wait at once, of everybody.
const TICKETS_MAX: usize = 10_000;
/// Tickets that wait at once, of one session.
const TICKETS_PER_SESSION_MAX: usize = 16;

struct Ticket {
    session: Session,
    until: Instant,
}

/// The tickets that were not used yet, by the hash of each.
#[derive(Default)]
pub(super) struct Tickets {
    waiting: Mutex<HashMap<[u8; 32], Ticket>>,
}

impl Tickets {
    /// A new one, and for how long it is valid.
    pub fn issue(&self, session: Session) -> Result<(String, u64), Problem> {
        let mut secret = [0_u8; 32];
        getrandom::fill(&mut secret).map_err(|error| Problem::failed("no randomness for a ticket", &error))?;
        let text = to_hex(&secret);
        let now = Instant::now();
        let mut waiting = self.waiting.lock();
        waiting.retain(|_, ticket| ticket.until > now);
        let own = waiting.values().filter(|ticket| ticket.session.id == session.id).count();
        if waiting.len() >= TICKETS_MAX || own >= TICKETS_PER_SESSION_MAX {
            return Err(Problem::too_many("too many tickets wait to be used", VALID_S));
        }
        waiting.insert(hash(&text), Ticket { session, until: now + Duration::from_secs(VALID_S) });
        Ok((text, VALID_S))
    }

    /// Takes a ticket. It is gone afterwards.
    pub fn redeem(&self, text: &str) -> Result<Session, Problem> {
        let found = self.waiting.lock().remove(&hash(text)).filter(|ticket| ticket.until > Instant::now());
        found.map(|ticket| ticket.session).ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "the ticket is not valid"))
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}
