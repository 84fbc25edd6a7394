//! What a live viewer must receive: each thing is judged at the moment it is delivered.
#![allow(missing_docs, reason = "fields and variants are named by the words of the requirements")]

use std::collections::BTreeMap;

use crate::see::{AlertView, VisitView, may_see_position, visible_alert, visible_visit};
use crate::world::{Id, Observation, Operation, Position, Seq, Time, World};

/// One thing as a viewer is shown it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    Position(Position),
    Visit(VisitView),
    Alert(AlertView),
}

/// One step of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An operation, done after everything up to this `seq` was recorded.
    Operation(Seq, Operation),
    /// An observation, delivered at once to every live viewer who may see it.
    Observed(Observation),
}

/// An observation as a user may see it at `now`, if he may.
pub fn sees(world: &World, user: Id, observation: &Observation, now: Time) -> Option<Seen> {
    match observation {
        Observation::Position(it) => may_see_position(world, user, it, now).then_some(Seen::Position(*it)),
        Observation::Visit(it) => visible_visit(world, user, it, now).map(Seen::Visit),
        Observation::Alert(it) => visible_alert(world, user, it, now).map(Seen::Alert),
    }
}

/// Goes along with a running script and notes what each live viewer must receive.
#[derive(Debug, Clone)]
pub struct Witness {
    /// The world as it is after the steps so far.
    pub world: World,
    received: BTreeMap<Id, Vec<Seen>>,
    open: BTreeMap<Id, bool>,
}

impl Witness {
    /// Begins with a world and the viewers whose streams are open and subscribed to everything.
    pub fn new(world: World, viewers: impl IntoIterator<Item = Id>) -> Witness {
        let open: BTreeMap<Id, bool> = viewers.into_iter().map(|user| (user, true)).collect();
        Witness { world, received: open.keys().map(|user| (*user, Vec::new())).collect(), open }
    }

    /// One step, at `now`. Disabling, deleting and logging out close the user's stream for good (P6).
    pub fn step(&mut self, now: Time, step: &Step) {
        match step {
            Step::Operation(seq, operation) => {
                self.world.apply(operation, *seq);
                if let Operation::Disable { user } | Operation::DeleteUser { user } | Operation::Logout { user } = operation {
                    self.open.insert(*user, false);
                }
            }
            Step::Observed(observation) => {
                self.world.log.push(*observation);
                for (user, received) in &mut self.received {
                    if self.open.get(user) == Some(&true) {
                        received.extend(sees(&self.world, *user, observation, now));
                    }
                }
            }
        }
    }

    /// What a viewer must have received so far, in order.
    pub fn received(&self, user: Id) -> &[Seen] {
        self.received.get(&user).map_or(&[], Vec::as_slice)
    }
}

/// What one viewer must receive of a whole script that begins with `world`.
pub fn expected_received(world: &World, user: Id, script: &[(Time, Step)]) -> Vec<Seen> {
    let mut witness = Witness::new(world.clone(), [user]);
    for (now, step) in script {
        witness.step(*now, step);
    }
    witness.received(user).to_vec()
}
