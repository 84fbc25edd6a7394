//! Five test families walk every protocol × its fixtures (`fixtures/<protocol>/*.dialogue`, see `dialogue.rs` for the form):
//! golden (the messages and replies of a dialogue), split (any cut of the stream gives the same), order (no request or publication
//! depends on those before it), inverse (decode ∘ encode is `representable`), mutate (nothing from outside panics, spins, or grows
//! memory; nothing damaged under a checksum is taken). A sixth, amplify, has frames of its own, made to cost as much as they can.
//! `planted.rs` shows that each family catches the mistake it is there for.
#![forbid(unsafe_code)]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::print_stdout)]

mod amplify;
mod dialogue;
mod drive;
mod golden;
mod inverse;
mod mutate;
mod order;
mod planted;
mod recognise;
mod recorded;
#[path = "../recordings/mod.rs"]
mod recordings;
mod split;
mod steady;
mod subject;

use protocols::Protocol;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::sync::{Mutex, MutexGuard, PoisonError};
use subject::Subject;

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The allocator counts for the whole process, so the tests of this binary take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run(protocol: Protocol, family: fn(&Subject<'_>) -> Result<(), String>) {
    let _turn = turn();
    let dialogues = dialogue::load(protocol.name());
    assert!(!dialogues.is_empty(), "{protocol:?} has no fixture: fixtures/{}/*.dialogue", protocol.name());
    run_over(protocol, dialogues, true, family);
}

/// The same damage to recordings of real devices.
fn run_recorded(protocol: Protocol) {
    let _turn = turn();
    let fixtures = dialogue::load(protocol.name());
    let Some(dialogues) = recorded::load(protocol, &fixtures, mutate::is_long()) else {
        return println!("SKIPPED: no recordings of {}. PURVIEW_CONFORMANCE_DIR names their folder.", protocol.name());
    };
    run_over(protocol, dialogues, false, mutate::check_recorded);
}

/// Whoever calls has the turn already: what he loads is allocated too.
fn run_over(protocol: Protocol, dialogues: Vec<dialogue::Dialogue>, may_bless: bool, family: fn(&Subject<'_>) -> Result<(), String>) {
    let (decoder, encoder) = (|| protocol.decoder(), |transport| protocol.encoder(transport));
    let (name, transports, about) = (protocol.name(), protocol.transports(), protocol.about());
    let subject = Subject { name, transports, dialogues, about, decoder: &decoder, encoder: &encoder, may_bless };
    family(&subject).unwrap_or_else(|problem| panic!("{name}: {problem}"));
}

macro_rules! walk {
    ($($module:ident = $protocol:ident),+ $(,)?) => {
        $(mod $module {
            use protocols::Protocol;

            #[test]
            fn golden() {
                super::run(Protocol::$protocol, super::golden::check);
            }

            #[test]
            fn split() {
                super::run(Protocol::$protocol, super::split::check);
            }

            #[test]
            fn inverse() {
                super::run(Protocol::$protocol, super::inverse::check);
            }

            #[test]
            fn amplify() {
                let _turn = super::turn();
                let protocol = Protocol::$protocol;
                super::amplify::check(protocol, &|| protocol.decoder()).unwrap_or_else(|problem| panic!("{}: {problem}", protocol.name()));
            }

            #[test]
            fn recognise() {
                super::run(Protocol::$protocol, super::recognise::check);
            }

            #[test]
            fn order() {
                super::run(Protocol::$protocol, super::order::check);
            }

            #[test]
            fn mutate() {
                super::run(Protocol::$protocol, super::mutate::check);
            }

            #[test]
            fn mutate_recorded() {
                super::run_recorded(Protocol::$protocol);
            }
        })+
    };
}

protocols::each_protocol!(walk);
