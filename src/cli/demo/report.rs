//! The totals: one line of JSON for programs, and what is wrong in words.

use super::compare::{Expected, Recorded, Taking, Verdict, Why, expected, withheld};
use super::scene::Scene;
use super::taken::Taken;
use super::truth::Truth;
use super::watcher::{Arrival, Watcher};
use crate::model::{Micros, Seq};
use crate::simulator::Outcome;
use serde::Serialize;
use spec::{Id, Operation, World};
use std::collections::BTreeMap;

/// What a run of the demonstration came to. As JSON it is the line at the end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Trackers.
    pub devices: usize,
    /// Records that were sent at least once.
    pub records_sent: u64,
    /// Records that were acknowledged.
    pub records_acked: u64,
    /// Distinct records in history.
    pub records_durable: u64,
    /// Visits that began.
    pub visits: u64,
    /// Alerts.
    pub alerts: u64,
    /// Owner, dispatcher, contractor.
    pub viewers: Vec<ViewerReport>,
    /// Things that came to the contractor after they had been taken from him.
    pub after_revoke: usize,
    /// Time from sending a frame to its acknowledgement, median, milliseconds.
    pub ack_ms_p50: f64,
    /// The same, 99th percentile.
    pub ack_ms_p99: f64,
    /// What is wrong, in words; empty: nothing.
    #[serde(skip)]
    pub problems: Vec<String>,
}

/// One viewer's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ViewerReport {
    /// Who.
    pub name: &'static str,
    /// Things that came.
    pub received: usize,
    /// Things that had to come, by the executable specification.
    pub expected: usize,
    /// Things that came and must not have.
    pub leaked: usize,
    /// Things that had to come and did not.
    pub missing: usize,
    /// Of what came, positions that were late.
    #[serde(skip)]
    pub late: usize,
    /// What was withheld, and why.
    #[serde(skip)]
    pub withheld: BTreeMap<Why, usize>,
}

impl Report {
    /// Whether nothing was lost, leaked or withheld.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.problems.is_empty()
    }
}

/// What each viewer had to receive: the specification's answer to what was recorded and what was taken.
pub(super) fn expectations(scene: &Scene, truth: &Truth, taken: &[Taken]) -> (BTreeMap<Id, Expected>, Vec<Taking>) {
    let seq_of = |at: Micros| {
        let before = truth.recorded.partition_point(|thing| thing.recorded_at() <= at);
        before.checked_sub(1).and_then(|last| truth.recorded.get(last)).map_or(0, Recorded::seq)
    };
    let takings: Vec<Taking> = taken.iter().map(|taken| taken.taking(seq_of)).collect();
    (expected(&scene.world(), &scene.viewers(), &truth.recorded, &takings), takings)
}

/// Compares each viewer's inbox with what he had to receive.
pub(super) fn verdicts(scene: &Scene, watchers: &[Watcher], expected: &BTreeMap<Id, Expected>) -> Vec<Verdict> {
    let nothing = Expected::default();
    let of = |(person, watcher): (&super::scene::Person, &Watcher)| {
        let received: Vec<_> = watcher.look(|inbox| inbox.arrivals.iter().map(|arrival| arrival.key).collect());
        Verdict::of(expected.get(&person.user.0).unwrap_or(&nothing), &received)
    };
    scene.people.iter().zip(watchers).map(of).collect()
}

/// Everything that the report is made of.
pub(super) struct Findings<'a> {
    pub scene: &'a Scene,
    pub truth: &'a Truth,
    pub outcome: &'a Outcome,
    /// Acknowledged records that history does not hold.
    pub lost: usize,
    pub watchers: &'a [Watcher],
    pub verdicts: &'a [Verdict],
    pub taken: &'a [Taken],
    pub takings: &'a [Taking],
}

impl Findings<'_> {
    pub(super) fn report(&self) -> Report {
        let mut problems = Vec::new();
        let mut viewers = Vec::new();
        let people = self.scene.people.iter().zip(self.watchers).zip(self.verdicts);
        for ((person, watcher), verdict) in people {
            problems.extend(verdict.problems(person.name));
            problems.extend(watcher.look(|inbox| inbox.trouble.clone()).into_iter().map(|what| format!("{}: {what}", person.name)));
            viewers.push(ViewerReport {
                name: person.name,
                received: verdict.received,
                expected: verdict.expected,
                leaked: verdict.leaked.len(),
                missing: verdict.missing.len(),
                late: watcher.look(|inbox| inbox.arrivals.iter().filter(|arrival| arrival.late).count()),
                withheld: counts(&self.scene.world(), person.user.0, &self.truth.recorded, self.takings),
            });
        }
        let after_revoke = self.after_revoke();
        let records_durable = self.truth.durable();
        let wants = |problem: bool, text: String| problem.then_some(text);
        problems.extend(wants(after_revoke > 0, format!("{after_revoke} things came after they had been taken away")));
        problems.extend(wants(self.lost > 0, format!("{} acknowledged records are not in history", self.lost)));
        let too_few = records_durable < self.outcome.acked;
        problems.extend(wants(too_few, format!("{records_durable} records durable, {} acknowledged", self.outcome.acked)));
        problems.extend(wants(self.outcome.refused > 0, format!("{} frames were refused", self.outcome.refused)));
        problems.extend(wants(self.outcome.acked == 0, "nothing was acknowledged".to_owned()));
        problems.extend(self.untold());
        Report {
            devices: self.scene.devices.len(),
            records_sent: self.outcome.sent,
            records_acked: self.outcome.acked,
            records_durable,
            visits: self.truth.visits,
            alerts: self.truth.alerts,
            viewers,
            after_revoke,
            ack_ms_p50: self.outcome.ack_ms_p50,
            ack_ms_p99: self.outcome.ack_ms_p99,
            problems,
        }
    }

    /// Things that came to the contractor although they had been taken from him: behind `access_changed` on the wire, or recorded when the
    /// revoking call had returned.
    fn after_revoke(&self) -> usize {
        let Some(contractor) = self.watchers.last() else { return 0 };
        let seqs: BTreeMap<Micros, Seq> = self.truth.recorded.iter().map(|thing| (thing.recorded_at(), thing.seq())).collect();
        let seq_of = |arrival: &Arrival| seqs.get(&arrival.recorded_at).copied().unwrap_or(Seq::MAX);
        contractor.look(|inbox| {
            let came = |taken: &Taken| inbox.arrivals.iter().filter(|arrival| taken.forbids(arrival, seq_of(arrival))).count();
            self.taken.iter().map(came).sum()
        })
    }

    /// A revoke that the contractor's stream was not told of.
    fn untold(&self) -> Option<String> {
        let told = self.watchers.last().map_or(0, |watcher| watcher.look(|inbox| inbox.access_changes)) as usize;
        (told < self.taken.len())
            .then(|| format!("{} things were taken from the contractor, access_changed came {told} times", self.taken.len()))
    }
}

/// How many things were withheld from a viewer, by reason, each judged by the rights in force when it was recorded.
fn counts(world: &World, viewer: Id, recorded: &[Recorded], takings: &[Taking]) -> BTreeMap<Why, usize> {
    let mut world = world.clone();
    let mut left: Vec<(Seq, &Operation)> = takings.iter().map(|taking| (taking.not_after, &taking.operation)).collect();
    left.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
    let mut counts = BTreeMap::new();
    for thing in recorded {
        while let Some((seq, operation)) = left.pop_if(|(seq, _)| *seq < thing.seq()) {
            world.apply(operation, seq);
        }
        if let Some(why) = withheld(&world, viewer, &thing.observation, thing.recorded_at()) {
            *counts.entry(why).or_default() += 1;
        }
    }
    counts
}
