//! What agrees, counted.

use std::collections::BTreeSet;
use std::fmt;

/// So many of so many.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    pub equal: usize,
    pub all: usize,
}

impl Count {
    /// Adds one.
    pub fn add(&mut self, equal: bool) {
        self.all += 1;
        self.equal += usize::from(equal);
    }

    /// How many differ.
    pub fn misses(self) -> usize {
        self.all - self.equal
    }

    /// The share that agrees.
    pub fn share(self) -> f64 {
        if self.all == 0 { 1.0 } else { self.equal as f64 / self.all as f64 }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.equal, self.all)
    }
}

/// One difference.
#[derive(Clone, Debug)]
pub struct Difference {
    pub id: String,
    pub field: &'static str,
    pub ours: String,
    pub theirs: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ours {}, theirs {}", self.id, self.field, self.ours, self.theirs)
    }
}

/// A protocol's figures.
#[derive(Clone, Debug)]
pub struct Tally {
    pub name: &'static str,
    /// All recordings of the folder.
    pub ids: BTreeSet<String>,
    /// Messages without any difference.
    pub frames: Count,
    /// Positions with a place.
    pub places: Count,
    /// Positions that the other server calls outdated: we must give no place.
    pub without_fix: Count,
    pub replies: Count,
    /// Those that most protocols have.
    pub attributes: Count,
    pub commands: Count,
    pub valid: Count,
    pub altitude: Count,
    pub framing: Count,
    /// Of these recordings an attribute differs, once for each.
    pub attribute_misses: Vec<String>,
    /// The same of places and of replies.
    pub place_misses: Vec<String>,
    pub reply_misses: Vec<String>,
    pub disagreements: Vec<Difference>,
    /// Differences that count for nothing.
    pub notes: Vec<String>,
}

impl Tally {
    /// Above the rows.
    pub const HEADER: &'static str = "| protocol | frames | places | without fix | replies | attributes | commands | valid | \
                                      altitude | framing |\n\
                                      |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|";

    /// A place.
    pub fn place(&mut self, id: &str, equal: bool) {
        self.places.add(equal);
        self.place_misses.extend((!equal).then(|| id.to_owned()));
    }

    /// A reply.
    pub fn reply(&mut self, id: &str, equal: bool) {
        self.replies.add(equal);
        self.reply_misses.extend((!equal).then(|| id.to_owned()));
    }

    /// Nothing yet.
    pub fn new(name: &'static str) -> Self {
        let none = Count::default();
        Self {
            name,
            ids: BTreeSet::new(),
            frames: none,
            places: none,
            without_fix: none,
            replies: none,
            attributes: none,
            commands: none,
            valid: none,
            altitude: none,
            framing: none,
            attribute_misses: Vec::new(),
            place_misses: Vec::new(),
            reply_misses: Vec::new(),
            disagreements: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// A framing recording.
    pub fn framing(&mut self, result: Result<(), String>) {
        self.framing.add(result.is_ok());
        self.notes.extend(result.err().map(|problem| format!("framing {problem}")));
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            self.name,
            self.frames,
            self.places,
            self.without_fix,
            self.replies,
            self.attributes,
            self.commands,
            self.valid,
            self.altitude,
            self.framing
        )
    }
}
