//! Which place in the product's recorded order is which step of the run.

use std::collections::BTreeMap;

use policy::Seq;
use spec::Seen;

/// Both ways.
#[derive(Default)]
pub struct Places {
    given: BTreeMap<Seq, Seq>,
    asked: BTreeMap<Seq, Seq>,
}

impl Places {
    /// The product gave this place to that step.
    pub fn put(&mut self, step: Seq, given: Seq) {
        self.given.insert(step, given);
        self.asked.insert(given, step);
    }

    /// The product's place of the last thing up to a step.
    pub fn given(&self, step: Seq) -> Seq {
        self.given.range(..=step).next_back().map_or(0, |(_, given)| *given)
    }

    /// The same thing, with the place that the run knows it by.
    pub fn asked(&self, seen: Seen) -> Seen {
        let step = |given: Seq| self.asked.get(&given).copied().unwrap_or(given + (1 << 32));
        match seen {
            Seen::Position(it) => Seen::Position(spec::Position { seq: step(it.seq), ..it }),
            Seen::Visit(it) => Seen::Visit(spec::VisitView { seq: step(it.seq), ..it }),
            Seen::Alert(it) => Seen::Alert(spec::AlertView { seq: step(it.seq), ..it }),
        }
    }
}
