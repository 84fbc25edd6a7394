//! Planted bugs: the comparison has to find each of them, in each way out.

use std::collections::BTreeMap;

use spec::{Access, Answer, Id, Observation, Operation, Position, Seen, Time, World};

use super::compare::{Difference, Got, Product, WAYS, run, way};
use super::scenery::{Ask, Scenario, Step};

/// Worlds that a planted bug may stay unseen in, at most.
const WORLDS_MAX: u64 = 12;

/// What is wrong with one way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Everybody is taken for an admin.
    Unjudged,
    /// Viewers are compiled a few changes late.
    Stale,
    /// A visit is told with the beginning that lies before the window.
    Unnarrowed,
    /// What waits in a stream when something is taken away is not judged again.
    QueueNotJudgedAgain,
    /// The newest is left out.
    Withheld,
}

impl Fault {
    /// Whether a difference is of the kind that this fault makes.
    pub fn shows(self, difference: &Difference) -> bool {
        match self {
            Fault::Unjudged | Fault::Unnarrowed | Fault::QueueNotJudgedAgain => !difference.leaked.is_empty(),
            Fault::Withheld => !difference.withheld.is_empty(),
            Fault::Stale => true,
        }
    }
}

/// A product with a fault in one way out.
pub struct Planted<P> {
    sound: P,
    /// The same product, in another state: as one that judges wrongly would have it.
    other: P,
    fault: Fault,
    way: &'static str,
    late: Vec<(Step, Id, Operation)>,
    begun: Vec<(u64, Time)>,
    unjudged: Vec<(Id, Vec<Seen>)>,
}

impl<P: Product> Planted<P> {
    fn new(scenario: &Scenario, make: &impl Fn(&World) -> P, fault: Fault, way: &'static str) -> Planted<P> {
        let mut world = scenario.world.clone();
        if fault == Fault::Unjudged {
            world.users.values_mut().filter(|it| it.access != Access::Owner).for_each(|it| it.access = Access::Admin);
        }
        let (sound, other) = (make(&scenario.world), make(&world));
        Planted { sound, other, fault, way, late: Vec::new(), begun: Vec::new(), unjudged: Vec::new() }
    }

    fn two(&self) -> bool {
        matches!(self.fault, Fault::Unjudged | Fault::Stale)
    }

    fn spoil(&self, seen: Vec<Seen>) -> Vec<Seen> {
        let mut seen = seen;
        match self.fault {
            Fault::Withheld => {
                seen.pop();
            }
            Fault::Unnarrowed => seen.iter_mut().for_each(|it| {
                if let Seen::Visit(visit) = it {
                    visit.entered = self.begun.iter().find(|(seq, _)| *seq == visit.seq).map(|(_, entered)| *entered);
                    visit.length = visit.entered.zip(visit.exited).map(|(entered, exited)| exited - entered);
                }
            }),
            Fault::Unjudged | Fault::Stale | Fault::QueueNotJudgedAgain => {}
        }
        seen
    }
}

/// Whether an operation is about what a user is or was given: one who takes everybody for an admin does not care.
fn of_access(operation: &Operation) -> bool {
    use Operation::{GrantDevice, RevokeDevice, SetAccess, SetRole, Turn};
    matches!(operation, GrantDevice { .. } | RevokeDevice { .. } | Turn { .. } | SetRole { .. } | SetAccess { .. })
}

/// Whether an operation may not come late, so that both sides keep the same streams and things.
fn at_once(operation: &Operation) -> bool {
    use Operation::{Create, DeleteDevice, DeleteUser, Disable, Enable, Logout, RegisterDevice};
    matches!(
        operation,
        Create { .. } | DeleteDevice { .. } | DeleteUser { .. } | Disable { .. } | Enable { .. } | Logout { .. } | RegisterDevice { .. }
    )
}

impl<P: Product> Product for Planted<P> {
    fn change(&mut self, step: &Step, by: Id, operation: &Operation) -> Option<Answer> {
        if self.fault == Fault::QueueNotJudgedAgain {
            let users: Vec<Id> = self.unjudged.iter().map(|(user, _)| *user).collect();
            for user in users {
                let waiting = self.sound.drain(step, user);
                self.unjudged.iter_mut().filter(|(it, _)| *it == user).for_each(|(_, all)| all.extend(waiting.iter().copied()));
            }
        }
        let answer = self.sound.change(step, by, operation);
        match self.fault {
            Fault::Unjudged if !of_access(operation) => drop(self.other.change(step, by, operation)),
            Fault::Stale if at_once(operation) => {
                for (step, by, operation) in self.late.drain(..) {
                    self.other.change(&step, by, &operation);
                }
                self.other.change(step, by, operation);
            }
            Fault::Stale => {
                self.late.push((step.clone(), by, operation.clone()));
                if self.late.len() > 6 {
                    let (step, by, operation) = self.late.remove(0);
                    self.other.change(&step, by, &operation);
                }
            }
            _ => {}
        }
        if let Operation::Disable { user } | Operation::DeleteUser { user } | Operation::Logout { user } = operation {
            self.unjudged.retain(|(it, _)| it != user);
        }
        answer
    }

    fn observe(&mut self, step: &Step, observation: &Observation) {
        if let Observation::Visit(visit) = observation {
            self.begun.push((visit.seq, visit.entered));
        }
        self.sound.observe(step, observation);
        if self.two() {
            self.other.observe(step, observation);
        }
    }

    fn open(&mut self, step: &Step, user: Id) -> BTreeMap<Id, Position> {
        let mut begun = self.sound.open(step, user);
        let other = if self.two() { self.other.open(step, user) } else { BTreeMap::new() };
        match (self.way, self.fault) {
            (WAYS_BEGINNING, Fault::Unjudged | Fault::Stale) => begun = other,
            (WAYS_BEGINNING, Fault::Withheld) => drop(begun.pop_last()),
            _ => {}
        }
        self.unjudged.retain(|(it, _)| *it != user);
        self.unjudged.push((user, Vec::new()));
        begun
    }

    fn drain(&mut self, step: &Step, user: Id) -> Vec<Seen> {
        let seen = self.sound.drain(step, user);
        let other = if self.two() { self.other.drain(step, user) } else { Vec::new() };
        match (self.way, self.fault) {
            (WAYS_LIVE, Fault::Unjudged | Fault::Stale) => other,
            (WAYS_LIVE, Fault::QueueNotJudgedAgain) => {
                let before = self.unjudged.iter_mut().find(|(it, _)| *it == user).map(|(_, all)| std::mem::take(all));
                before.unwrap_or_default().into_iter().chain(seen).collect()
            }
            (WAYS_LIVE, Fault::Unnarrowed | Fault::Withheld) => self.spoil(seen),
            _ => seen,
        }
    }

    fn states(&mut self) -> Vec<(Id, Id)> {
        let other = self.other.states();
        let sound = self.sound.states();
        if self.way == WAYS_STATES && self.fault == Fault::Unjudged { other } else { sound }
    }

    fn read(&mut self, step: &Step, user: Id, ask: &Ask) -> Got {
        let got = self.sound.read(step, user, ask);
        if way(ask) != self.way {
            return got;
        }
        if self.two() {
            return self.other.read(step, user, ask);
        }
        match got {
            Got::Seen(seen) => Got::Seen(self.spoil(seen)),
            Got::Ids(mut ids) if self.fault == Fault::Withheld => {
                ids.pop_last();
                Got::Ids(ids)
            }
            Got::Latest(mut all) if self.fault == Fault::Withheld => {
                all.pop_last();
                Got::Latest(all)
            }
            Got::Rules(mut all) if self.fault == Fault::Withheld => {
                all.pop_last();
                Got::Rules(all)
            }
            other => other,
        }
    }
}

const WAYS_LIVE: &str = WAYS[0];
const WAYS_BEGINNING: &str = WAYS[10];
const WAYS_STATES: &str = "device states";

/// The first difference that a planted bug makes.
pub fn found<P: Product>(make: impl Fn(&World) -> P, fault: Fault, way: &'static str, steps: usize, seed: u64) -> Option<Difference> {
    (seed..seed + WORLDS_MAX).find_map(|seed| {
        let scenario = Scenario::new(seed, steps);
        run(&scenario, &mut Planted::new(&scenario, &make, fault, way)).1
    })
}

/// Every fault with every way out that it can be in.
pub fn all() -> Vec<(Fault, &'static str)> {
    let everywhere = WAYS.iter().flat_map(|way| [Fault::Unjudged, Fault::Stale, Fault::Withheld].map(|fault| (fault, *way)));
    let visits = ["live stream", "resume", "visit list"].map(|way| (Fault::Unnarrowed, way));
    let streams = [(Fault::QueueNotJudgedAgain, WAYS_LIVE), (Fault::Unjudged, WAYS_STATES)];
    everywhere.chain(visits).chain(streams).collect()
}
