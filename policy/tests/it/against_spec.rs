//! Every state of a small world, judged here and by the executable specification, which shares no code with this crate.
//!
//! One sub-user: two devices held or not, on two tariffs; of two geofences and one place every state of the flag and of their own;
//! every role. And every kind of team member. For each of them every thing of the world and every act upon it.

mod planted;
mod world;

use policy::{Facts, GeofenceId, GrantState, Micros, ObjectGrants, Observed, Verdict, Viewer, judge};
use spec::{Answer, Of, Said, Shown, Spot, Turn};

use crate::items::Item;
use world::{Asked, Expect, NOW, State, asked, people, states};

pub type Judge = fn(&Viewer, &Facts<'_>, Micros) -> Verdict;

/// What of this item this viewer is shown, by this judge.
fn shown(judge: Judge, item: &Item, viewer: &Viewer) -> (Verdict, Option<Item>) {
    // What is yet to be made would be of the maker's account.
    let account = if item.action.creates() { viewer.account } else { item.account };
    match (Item { account, ..item.clone() }).narrow(viewer, NOW) {
        None => (Verdict::Hide(policy::Reason::NothingLeft), None),
        Some(narrowed) => match judge(viewer, &narrowed.facts(), NOW) {
            Verdict::Allow => (Verdict::Allow, Some(narrowed)),
            refusal => (refusal, None),
        },
    }
}

/// How it differs from what the specification says, if it does.
fn difference(judge: Judge, world: &spec::World, user: spec::Id, viewer: &Viewer, asked: &Asked) -> Option<String> {
    let (verdict, is) = shown(judge, &asked.item, viewer);
    let same = match (asked.expect)(world, user) {
        Expect::Seen(seen) => seen == is.is_some(),
        Expect::Visit(view) => {
            view.map(|view| (view.entered, view.exited)) == is.as_ref().map(|it| (it.from, it.to.filter(|_| asked.ended)))
                && view.is_none_or(|view| view.length.is_some() == (view.entered.is_some() && asked.ended))
        }
        Expect::Rule(view) => {
            let told = is.as_ref().map(|it| {
                let geofences = it.geofences.iter().map(|id| Spot::Geofence(id.0));
                (it.devices.iter().map(|id| id.0).collect(), geofences.chain(it.places.iter().map(|id| Spot::Place(id.0))).collect())
            });
            view.map(|view| (view.devices, view.spots)) == told
        }
        // Who is disabled has no session; whichever way, he gets nothing.
        Expect::Answer(answer) if viewer.disabled => answer != Answer::Yes && !verdict.is_allow(),
        Expect::Answer(answer) => match verdict {
            Verdict::Allow => answer == Answer::Yes,
            Verdict::Forbid(_) => answer == Answer::Forbidden,
            Verdict::Hide(_) => answer == Answer::NotFound,
        },
    };
    (!same).then(|| format!("{}\nhere: {verdict:?} {is:?}\nviewer: {viewer:?}", asked.name))
}

/// Goes through everything. Stops at the first difference; tells how often something was shown and how often not.
fn compare(judge: Judge, states: impl Iterator<Item = State>) -> Result<(u64, u64), String> {
    let (asked, mut world) = (asked(), world::world());
    let (mut allowed, mut denied) = (0, 0);
    let mut each = |world: &spec::World, user: spec::Id, viewer: &Viewer| -> Result<(), String> {
        for asked in &asked {
            if let Some(difference) = difference(judge, world, user, viewer, asked) {
                return Err(difference);
            }
            let seen = shown(judge, &asked.item, viewer).0.is_allow();
            *(if seen { &mut allowed } else { &mut denied }) += 1;
        }
        Ok(())
    };
    for state in states {
        state.enter(&mut world);
        each(&world, world::SUB_USER, &state.viewer())?;
    }
    for (user, viewer) in people(&mut world) {
        each(&world, user, &viewer)?;
    }
    Ok((allowed, denied))
}

/// B4, B6, B19, B22, B25, B26, B38, B39, B72, B73, P2, P3, P4, P5 in every combination.
#[test]
fn p10_every_state_of_a_small_world_is_judged_as_specified() {
    let (allowed, denied) = compare(judge, states()).unwrap_or_else(|difference| panic!("{difference}"));
    let share = allowed * 100 / (allowed + denied);
    assert!(allowed + denied > 1_000_000, "{allowed} + {denied}");
    assert!((15..=85).contains(&share), "both must occur often: {share} % allowed");
}

#[test]
fn admit_is_narrow_and_judge() {
    let asked = asked();
    for state in states().step_by(97) {
        let viewer = state.viewer();
        for asked in &asked {
            assert_eq!(viewer.account, crate::cast::ACCOUNT);
            let admitted = policy::admit(asked.item.clone(), &viewer, NOW);
            let (verdict, is) = shown(judge, &asked.item, &viewer);
            assert_eq!(admitted.as_ref().err().copied().unwrap_or(Verdict::Allow), verdict);
            assert_eq!(admitted.ok().map(policy::Permitted::into_inner), is);
        }
    }
}

/// The states that a directory keeps are folded from what is said, one word after the other (P4).
fn folded(words: &[(u8, u8)]) -> (ObjectGrants<GeofenceId>, spec::SubUser) {
    let (mut flag, mut own) = (None, std::collections::BTreeMap::new());
    let mut said = Vec::new();
    for (number, (of, turn)) in words.iter().enumerate() {
        let seq = number as u64 * 10;
        let id = GeofenceId(u32::from(*of));
        let before = if *of == 0 { flag } else { own.get(&id).copied().or(flag) };
        let (state, turn) = match turn {
            0 => (GrantState::Active, Turn::On),
            1 => (GrantState::turned_off(before, seq), Turn::Off),
            _ => (GrantState::Forgotten, Turn::Forget),
        };
        if *of == 0 {
            flag = Some(state);
        } else {
            own.insert(id, state);
        }
        said.push(Said { of: if *of == 0 { Of::AllGeofences } else { Of::One(Spot::Geofence(id.0)) }, turn, seq });
    }
    (ObjectGrants::new(flag, own), spec::SubUser { role: None, devices: Default::default(), said })
}

/// Every history of up to six words about two geofences and the flag: 9⁶ of them.
#[test]
fn p4_every_history_of_grants_ends_in_the_specified_state() {
    for history in 0..9_u32.pow(6) {
        let words: Vec<(u8, u8)> = (0..6).map(|n| (history / 9_u32.pow(n) % 9) as u8).map(|word| (word % 3, word / 3)).collect();
        let (grants, specified) = folded(&words);
        for id in [1, 2, 3] {
            let is = match grants.state(GeofenceId(id)) {
                Some(GrantState::Active) => Shown::Everything,
                Some(GrantState::EndedAt(seq)) => Shown::UpTo(seq),
                Some(GrantState::Forgotten) | None => Shown::Nothing,
            };
            assert_eq!(is, spec::shown(&specified, Spot::Geofence(id)), "{words:?} {id}");
        }
    }
}
