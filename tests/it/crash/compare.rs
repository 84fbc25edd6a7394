//! What must have come out, against what did.

use policy::Range;
use protocols::Record;
use purview::history::{History, PageKey};
use purview::model::{AlertKind, DeviceId, Item, Position, Shared};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How the positions of a device compare with what its tracker sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Records found.
    pub(crate) held: u64,
    /// Acknowledged, and not there.
    pub(crate) lost: u64,
    /// There more than once.
    pub(crate) doubled: u64,
    /// Never sent, or not as it was sent.
    pub(crate) foreign: u64,
    /// Not acknowledged and not there, although a later one is.
    pub(crate) gaps: u64,
    /// The first thing that is wrong.
    pub(crate) first: Option<String>,
}

impl Tally {
    pub(crate) fn is_clean(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.foreign == 0 && self.gaps == 0
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.held += other.held;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.foreign += other.foreign;
        self.gaps += other.gaps;
        self.first = self.first.take().or(other.first);
    }

    fn complain(&mut self, what: impl FnOnce() -> String) {
        self.first.get_or_insert_with(what);
    }
}

/// Compares positions in order of their time with all that a tracker sent, of which the first `acked` were acknowledged. Each record has
/// a time of its own.
pub(crate) fn positions(sent: impl Iterator<Item = Record>, acked: u64, found: impl Iterator<Item = Position>) -> Tally {
    let mut tally = Tally::default();
    let mut found = found.peekable();
    let mut absent = 0;
    for (number, record) in (0_u64..).zip(sent) {
        let time = record.fix_time.expect("drives have times");
        while let Some(earlier) = found.next_if(|position| position.history_time() < time) {
            tally.foreign += 1;
            tally.complain(|| format!("before {number}: {earlier:?} was never sent"));
        }
        let mut copies = 0;
        while let Some(position) = found.next_if(|position| position.history_time() == time) {
            if is_the_same(&position, &record) {
                copies += 1;
            } else {
                tally.foreign += 1;
                tally.complain(|| format!("{number}: {position:?} is not {record:?}"));
            }
        }
        match copies {
            0 if number < acked => {
                tally.lost += 1;
                tally.complain(|| format!("{number} of {acked} acknowledged: {record:?} is lost"));
            }
            0 => absent += 1,
            _ => {
                tally.held += 1;
                tally.doubled += copies - 1;
                tally.gaps += std::mem::take(&mut absent);
                if copies > 1 {
                    tally.complain(|| format!("{number}: {record:?} is there {copies} times"));
                }
            }
        }
    }
    for position in found {
        tally.foreign += 1;
        tally.complain(|| format!("behind all: {position:?} was never sent"));
    }
    tally
}

fn is_the_same(position: &Position, record: &Record) -> bool {
    position.fix_time == record.fix_time && position.fix == record.fix && pairs(&position.attributes) == pairs(&record.attributes)
}

/// In the order of their names: a format that is a JSON object keeps no other. Sealed rows hold JSON, where 1.0 is 1.
fn pairs(attributes: &protocols::Attributes) -> Vec<(String, protocols::ValueBuf)> {
    let mut pairs = attributes.to_pairs();
    for (_, value) in &mut pairs {
        if let protocols::ValueBuf::Float(number) = value
            && let Ok(whole) = number.to_string().parse()
        {
            *value = protocols::ValueBuf::Int(whole);
        }
    }
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs
}

/// All positions of a device, in order of their time, page by page.
pub(crate) fn all_positions(history: &History, device: DeviceId) -> impl Iterator<Item = Position> {
    const ROWS: usize = 20_000;
    let mut after = None;
    let mut is_last = false;
    std::iter::from_fn(move || {
        if is_last {
            return None;
        }
        let everything = Range { from: i64::MIN, to: i64::MAX };
        let page = history.page(device, everything, after, ROWS, false).expect("history reads");
        is_last = page.len() < ROWS;
        after = page.last().map(PageKey::of);
        Some(page)
    })
    .flatten()
}

/// Visits and alerts, each with how often it was told.
pub(crate) type Told = BTreeMap<String, u64>;

/// Everything that they say, ids and recorded order included: a replay has to say the same.
pub(crate) fn exactly(items: &[Shared]) -> Told {
    told(items.iter().map(|shared| format!("{:?}", shared.item())))
}

/// What they say of the devices' own time: any gateway that was given the same records has to say the same. Silence and conflicts are
/// of connections, not of records.
pub(crate) fn in_substance(items: &[Shared]) -> Told {
    told(items.iter().filter_map(|shared| {
        let mut text = String::new();
        match shared.item() {
            Item::Visit(v) => {
                write!(text, "{} visits {}: {} {:?}–{:?}", v.device, v.geofence, v.revision, v.entered_at, v.exited_at)
            }
            Item::Alert(a) if matches!(a.kind, AlertKind::ConnectionLost | AlertKind::IdentityConflict) => return None,
            Item::Alert(a) => {
                let place = (a.latitude, a.longitude, a.value);
                write!(text, "{} {:?} {:?} {:?} {:?} {place:?}", a.device, a.kind, a.rule, a.geofence, a.fix_time)
            }
            Item::Position(_) | Item::DeviceState(_) => return None,
        }
        .expect("a string takes it");
        Some(text)
    }))
}

fn told(lines: impl Iterator<Item = String>) -> Told {
    let mut told = Told::new();
    for line in lines {
        *told.entry(line).or_default() += 1;
    }
    told
}

/// What one of them has and the other has not, or not as often.
pub(crate) fn differences(ours: &Told, expected: &Told) -> Vec<String> {
    let missing = expected.iter().filter(|(line, count)| ours.get(*line) != Some(count));
    let extra = ours.iter().filter(|(line, _)| !expected.contains_key(*line));
    let missing = missing.map(|(line, count)| format!("{} instead of {count}: {line}", ours.get(line).unwrap_or(&0)));
    missing.chain(extra.map(|(line, count)| format!("{count} instead of 0: {line}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::scene::fleet;
    use super::*;
    use policy::{AccountId, GeofenceId};
    use purview::model::{EventId, Order, TimeFlag, Visit};

    fn rows(records: u64) -> Vec<Position> {
        let position = |(seq, record): (u64, Record)| Position {
            seq,
            account: AccountId(1),
            device: DeviceId(1),
            fix_time: record.fix_time,
            received_at: 0,
            recorded_at: 0,
            fix: record.fix,
            attributes: record.attributes,
            late: false,
            time_flag: TimeFlag::Sound,
        };
        (1..).zip(fleet(1)[0].said(records)).map(position).collect()
    }

    fn compared(found: Vec<Position>) -> Tally {
        Tally { first: None, ..positions(fleet(1)[0].said(10), 8, found.into_iter()) }
    }

    #[test]
    fn p7_a_planted_loss_a_double_and_a_stranger_are_caught() {
        assert_eq!(compared(rows(10)), Tally { held: 10, ..Tally::default() });
        assert_eq!(compared(rows(8)), Tally { held: 8, ..Tally::default() }, "what was not acknowledged may be absent");
        assert_eq!(compared(rows(7)), Tally { held: 7, lost: 1, ..Tally::default() });
        let mut found = rows(10);
        found.remove(3);
        assert_eq!(compared(found), Tally { held: 9, lost: 1, ..Tally::default() });
        let mut found = rows(10);
        found.insert(5, Position { seq: 99, ..found[4].clone() });
        assert_eq!(compared(found), Tally { held: 10, doubled: 1, ..Tally::default() });
        assert_eq!(compared(rows(11)), Tally { held: 10, foreign: 1, ..Tally::default() });
        let mut found = rows(10);
        found.remove(8);
        assert_eq!(compared(found), Tally { held: 9, gaps: 1, ..Tally::default() });
        let mut found = rows(10);
        found[2].fix = found[3].fix;
        assert_eq!(compared(found), Tally { held: 9, lost: 1, foreign: 1, ..Tally::default() });
    }

    fn visit(device: u32, exited_at: Option<i64>) -> Shared {
        Shared::new(Item::Visit(Visit {
            id: EventId::of(&[7; 16], Order { seq: 1, ordinal: 1 }),
            revision: u32::from(exited_at.is_some()),
            order: Order { seq: 2, ordinal: 1 },
            recorded_at: 5,
            account: AccountId(1),
            device: DeviceId(device),
            geofence: GeofenceId(1),
            entered_at: Some(1),
            exited_at,
        }))
    }

    #[test]
    fn a_planted_missing_doubled_or_changed_visit_is_caught() {
        let all = [visit(1, None), visit(1, Some(4)), visit(2, None)];
        for say in [exactly, in_substance] {
            let expected = say(&all);
            assert_eq!(differences(&say(&all), &expected), Vec::<String>::new());
            assert_eq!(differences(&say(&all[..2]), &expected).len(), 1);
            assert_eq!(differences(&expected, &say(&all[..2])).len(), 1);
            assert_eq!(differences(&say(&[&all[..], &all[..1]].concat()), &expected).len(), 1);
            assert_eq!(differences(&say(&[visit(1, None), visit(1, Some(5)), visit(2, None)]), &expected).len(), 2);
        }
    }
}
