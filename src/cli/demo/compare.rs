//! What each viewer has to receive, by the executable specification, beside what he did receive. The router is not asked.

use crate::model::{Micros, PublicId, Seq};
use spec::{Id, Observation, Operation, Seen, Step, Witness, World};
use std::collections::{BTreeMap, BTreeSet};

/// The identity of a thing as a viewer is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// A position. No two records have the same `recorded_at`.
    Position {
        /// Of which device.
        device: PublicId,
        /// The device's time.
        fix_time: Option<Micros>,
        /// When it was recorded.
        recorded_at: Micros,
    },
    /// One telling of a visit.
    Visit {
        /// The visit.
        id: PublicId,
        /// Begun, or ended.
        revision: u32,
        /// Told without its beginning (P3).
        clipped: bool,
    },
    /// An alert.
    Alert {
        /// The alert.
        id: PublicId,
    },
}

/// Something that was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its identity, told whole.
    pub key: Key,
    /// The same for the specification.
    pub observation: Observation,
}

impl Recorded {
    /// Where it stands in the recorded order.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        match &self.observation {
            Observation::Position(it) => it.seq,
            Observation::Visit(it) => it.seq,
            Observation::Alert(it) => it.seq,
        }
    }

    /// When it was recorded.
    #[must_use]
    pub const fn recorded_at(&self) -> Micros {
        match &self.observation {
            Observation::Position(it) => it.recorded_at,
            Observation::Visit(it) => it.recorded_at,
            Observation::Alert(it) => it.recorded_at,
        }
    }
}

/// Something that was taken from a viewer while the fleet went on. In the recorded order it happened somewhere behind `not_before` and not
/// behind `not_after`: what was recorded in between was on its way at that moment, and may have reached him or not. Everything up to
/// `not_before` has to be judged by the rights of before, everything behind `not_after` by those of after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taking {
    /// What was done.
    pub operation: Operation,
    /// The last entry that was certainly delivered, or certainly stays visible.
    pub not_before: Seq,
    /// The last entry that was recorded when the call had returned.
    pub not_after: Seq,
}

/// What one viewer has to receive, and what he may receive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Has to.
    pub required: BTreeSet<Key>,
    /// May: all that is required, and what was on its way while something was taken.
    pub allowed: BTreeSet<Key>,
}

/// What a viewer's set of received things differs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Things that came, each counted as often as it came.
    pub received: usize,
    /// Things that had to come; of those that were on their way while something was taken, the ones that came.
    pub expected: usize,
    /// Came, and must not have.
    pub leaked: Vec<Key>,
    /// Did not come, and must have.
    pub missing: Vec<Key>,
    /// Came more than once.
    pub doubled: Vec<Key>,
}

impl Verdict {
    /// Compares what came with what had to come.
    #[must_use]
    pub fn of(expected: &Expected, received: &[Key]) -> Self {
        let mut times: BTreeMap<Key, usize> = BTreeMap::new();
        for key in received {
            *times.entry(*key).or_default() += 1;
        }
        let came = |key: &&Key| times.contains_key(key);
        Self {
            received: received.len(),
            expected: expected.required.len() + expected.allowed.difference(&expected.required).filter(came).count(),
            leaked: times.keys().filter(|key| !expected.allowed.contains(key)).copied().collect(),
            missing: expected.required.iter().filter(|key| !came(key)).copied().collect(),
            doubled: times.iter().filter(|(_, times)| **times > 1).map(|(key, _)| *key).collect(),
        }
    }

    /// What is wrong with it, in words; nothing, if exactly what had to come came.
    #[must_use]
    pub fn problems(&self, name: &str) -> Vec<String> {
        let some = |what: &str, keys: &[Key]| keys.first().map(|first| format!("{name}: {} things {what}, first {first:?}", keys.len()));
        let nothing = (self.expected == 0).then(|| format!("{name}: nothing was to be received, which proves nothing"));
        let parts = [some("leaked", &self.leaked), some("are missing", &self.missing), some("came twice", &self.doubled), nothing];
        parts.into_iter().flatten().collect()
    }
}

/// What each viewer has to receive of all that was recorded, ascending by `seq`, beginning with `world`.
#[must_use]
pub fn expected(world: &World, viewers: &[Id], recorded: &[Recorded], takings: &[Taking]) -> BTreeMap<Id, Expected> {
    // Both ends of each taking's uncertainty are played through. What comes out of both is required, what comes out of either is allowed.
    let early = told(world, viewers, recorded, takings.iter().map(|taking| (taking.not_before, &taking.operation)));
    let late = told(world, viewers, recorded, takings.iter().map(|taking| (taking.not_after, &taking.operation)));
    let both = viewers.iter().map(|viewer| {
        let (early, late) = (early.get(viewer).cloned().unwrap_or_default(), late.get(viewer).cloned().unwrap_or_default());
        let required = early.intersection(&late).copied().collect();
        (*viewer, Expected { required, allowed: early.union(&late).copied().collect() })
    });
    both.collect()
}

/// What the specification's witness sees delivered to each viewer, if each operation is done right behind an entry.
fn told<'a>(
    world: &World,
    viewers: &[Id],
    recorded: &[Recorded],
    operations: impl Iterator<Item = (Seq, &'a Operation)>,
) -> BTreeMap<Id, BTreeSet<Key>> {
    let mut witness = Witness::new(world.clone(), viewers.iter().copied());
    let mut operations: Vec<(Seq, &Operation)> = operations.collect();
    operations.sort_by_key(|(seq, _)| *seq);
    let mut operations = operations.into_iter().peekable();
    let mut told: BTreeMap<Id, BTreeSet<Key>> = BTreeMap::new();
    for thing in recorded {
        while let Some((seq, operation)) = operations.next_if(|(seq, _)| *seq < thing.seq()) {
            witness.step(thing.recorded_at(), &Step::Operation(seq, operation.clone()));
        }
        let before: Vec<usize> = viewers.iter().map(|viewer| witness.received(*viewer).len()).collect();
        // Delivery comes moments after recording; no window of the demonstration ends that near to anything.
        witness.step(thing.recorded_at(), &Step::Observed(thing.observation));
        for (viewer, before) in viewers.iter().zip(before) {
            let new = witness.received(*viewer).get(before..).unwrap_or_default();
            told.entry(*viewer).or_default().extend(new.iter().map(|seen| as_told(thing.key, seen)));
        }
    }
    told
}

fn as_told(key: Key, seen: &Seen) -> Key {
    match (key, seen) {
        (Key::Visit { id, revision, .. }, Seen::Visit(visit)) => Key::Visit { id, revision, clipped: visit.entered.is_none() },
        _ => key,
    }
}

/// Why a viewer is not shown something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Why {
    /// Its device is not granted to him.
    Device,
    /// Its geofence is not granted to him, or not any more.
    Geofence,
    /// It tells of a time before his history window.
    Window,
}

/// Why the specification withholds a thing from a viewer; `None`: it does not.
#[must_use]
pub fn withheld(world: &World, viewer: Id, observation: &Observation, now: Micros) -> Option<Why> {
    if spec::sees(world, viewer, observation, now).is_some() {
        return None;
    }
    let (device, spot, seq) = match observation {
        Observation::Position(it) => (it.device, None, it.seq),
        Observation::Visit(it) => (it.device, Some(it.spot), it.seq),
        Observation::Alert(it) => (it.device, it.spot, it.seq),
    };
    if !spec::may_see_device(world, viewer, device) {
        return Some(Why::Device);
    }
    let shown = match world.users.get(&viewer).map(|user| &user.access) {
        Some(spec::Access::SubUser(sub_user)) => spot.map(|spot| spec::shown(sub_user, spot)),
        _ => None,
    };
    let hidden = match shown {
        None | Some(spec::Shown::Everything) => false,
        Some(spec::Shown::UpTo(last)) => seq > last,
        Some(spec::Shown::Nothing) => true,
    };
    Some(if hidden { Why::Geofence } else { Why::Window })
}

#[cfg(test)]
mod tests {
    use super::*;
    use spec::{Access, Account, Device, Object, Of, Position, Role, Said, Spot, SubUser, Turn, User, Visit};

    const DAY: Micros = 86_400_000_000;
    const NOW: Micros = 1_800_000_000_000_000;
    const OWNER: Id = 1;
    const GUEST: Id = 2;

    /// Devices 1 and 2, geofences 1 and 2; the guest has the first of each, and a window of a day.
    fn world() -> World {
        let said = |of, turn| Said { of, turn, seq: 0 };
        let said = vec![said(Of::AllGeofences, Turn::Forget), said(Of::One(Spot::Geofence(1)), Turn::On)];
        let guest = SubUser { role: Some(1), devices: BTreeSet::from([1]), said };
        let user = |access| User { account: 1, access, enabled: true };
        World {
            accounts: BTreeMap::from([(1, Account { owner: OWNER })]),
            users: BTreeMap::from([(OWNER, user(Access::Owner)), (GUEST, user(Access::SubUser(guest)))]),
            roles: BTreeMap::from([(1, Role { account: 1, rights: BTreeSet::new(), window: Some(DAY) })]),
            tariffs: BTreeMap::from([(1, 90 * DAY)]),
            devices: [1, 2].map(|id| (id, Device { account: 1, tariff: 1 })).into(),
            geofences: [1, 2].map(|id| (id, Object { account: 1 })).into(),
            ..World::default()
        }
    }

    fn public(number: u64) -> PublicId {
        PublicId::from_u128(u128::from(number))
    }

    fn position(seq: Seq, device: Id, age: Micros) -> Recorded {
        let recorded_at = NOW + seq.cast_signed();
        let fix_time = Some(recorded_at - age);
        let key = Key::Position { device: public(device.into()), fix_time, recorded_at };
        Recorded { key, observation: Observation::Position(Position { device, fix_time, seq, recorded_at }) }
    }

    fn visit(seq: Seq, device: Id, geofence: Id, began_before: Micros) -> Recorded {
        let recorded_at = NOW + seq.cast_signed();
        let (entered, exited) = (recorded_at - began_before, Some(recorded_at - 1));
        let spot = Spot::Geofence(geofence);
        let visit = Visit { device, spot, entered, exited, known_until: recorded_at - 1, seq, recorded_at };
        Recorded { key: Key::Visit { id: public(seq), revision: 1, clipped: false }, observation: Observation::Visit(visit) }
    }

    fn recorded() -> Vec<Recorded> {
        vec![
            position(1, 1, 1_000),
            position(2, 2, 1_000),
            position(3, 1, 3 * DAY),
            visit(4, 1, 1, 1_000),
            visit(5, 1, 2, 1_000),
            visit(6, 1, 1, 2 * DAY),
            position(7, 1, 1_000),
            position(8, 1, 1_000),
            position(9, 1, 1_000),
        ]
    }

    fn take_device() -> Taking {
        Taking { operation: Operation::RevokeDevice { user: GUEST, device: 1 }, not_before: 7, not_after: 8 }
    }

    /// What the guest has to receive: `[1, 4, 6 clipped, 7]`, perhaps 8.
    fn guest() -> Expected {
        expected(&world(), &[OWNER, GUEST], &recorded(), &[take_device()]).remove(&GUEST).expect("the guest")
    }

    #[test]
    fn the_specification_says_who_has_to_receive_what() {
        let all = expected(&world(), &[OWNER, GUEST], &recorded(), &[take_device()]);
        let keys: Vec<Key> = recorded().iter().map(|thing| thing.key).collect();
        assert_eq!(all[&OWNER].required, keys.iter().copied().collect(), "the owner is shown everything");
        let clipped = Key::Visit { id: public(6), revision: 1, clipped: true };
        assert_eq!(guest().required, BTreeSet::from([keys[0], keys[3], clipped, keys[6]]));
        assert_eq!(guest().allowed, BTreeSet::from([keys[0], keys[3], clipped, keys[6], keys[7]]));
        let why = |at: usize| withheld(&world(), GUEST, &recorded()[at].observation, NOW + 100);
        assert_eq!([0, 1, 2, 4].map(why), [None, Some(Why::Device), Some(Why::Window), Some(Why::Geofence)]);
    }

    #[test]
    fn a_geofence_that_is_taken_hides_what_is_recorded_from_then_on() {
        let operation = Operation::Turn { user: GUEST, of: Of::One(Spot::Geofence(1)), turn: Turn::Off };
        let things = [visit(4, 1, 1, 1_000), visit(6, 1, 1, 1_000), visit(9, 1, 1, 1_000)];
        let guest = expected(&world(), &[GUEST], &things, &[Taking { operation, not_before: 4, not_after: 6 }]).remove(&GUEST);
        let guest = guest.expect("the guest");
        assert_eq!((guest.required.len(), guest.allowed.len()), (1, 2), "the one in between was on its way");
        assert!(guest.required.contains(&things[0].key) && !guest.allowed.contains(&things[2].key));
    }

    #[test]
    fn exactly_what_had_to_come_is_exact_with_and_without_what_was_on_its_way() {
        let mut received: Vec<Key> = guest().required.into_iter().collect();
        let verdict = Verdict::of(&guest(), &received);
        assert!(verdict.problems("guest").is_empty() && (verdict.received, verdict.expected) == (4, 4));
        received.push(recorded()[7].key);
        let verdict = Verdict::of(&guest(), &received);
        assert!(verdict.problems("guest").is_empty() && (verdict.received, verdict.expected) == (5, 5));
    }

    #[test]
    fn an_empty_comparison_proves_nothing() {
        assert_eq!(Verdict::of(&Expected::default(), &[]).problems("guest").len(), 1);
    }

    #[test]
    fn planted_leaks_losses_and_doubles_are_caught() {
        let sound: Vec<Key> = guest().required.into_iter().collect();
        let (all, whole) = (recorded(), |seq| Key::Visit { id: public(seq), revision: 1, clipped: false });
        let foreign = Key::Alert { id: public(77) };
        // Of another device; from three days ago; in a geofence not granted; a visit with the beginning that is too old; after the
        // revoke; and one that was never recorded.
        for planted in [all[1].key, all[2].key, whole(5), whole(6), all[8].key, foreign] {
            let verdict = Verdict::of(&guest(), &[sound.clone(), vec![planted]].concat());
            assert_eq!((verdict.leaked.as_slice(), verdict.problems("guest").len()), ([planted].as_slice(), 1));
        }
        for lost in 0..sound.len() {
            let mut received = sound.clone();
            let lost = received.remove(lost);
            let verdict = Verdict::of(&guest(), &received);
            assert_eq!((verdict.missing.as_slice(), verdict.problems("guest").len()), ([lost].as_slice(), 1));
        }
        let verdict = Verdict::of(&guest(), &[sound.clone(), vec![sound[0]]].concat());
        assert_eq!((verdict.doubled.as_slice(), verdict.problems("guest").len()), ([sound[0]].as_slice(), 1));
    }
}
