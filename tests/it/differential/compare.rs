//! Runs a scenario against the product and against the specification, and compares what every viewer receives by every way out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};

use spec::{
    Access, Answer, Category, Id, Latest, Level, Observation, Of, Operation, Position, RuleView, Seen, Shown, Spot, Thing, Time, World,
    may_list, may_see_device, may_see_geofence, may_see_latest, may_see_place, narrowed_rule, sees, shown,
};

use super::scenery::{Ask, Move, SECOND, Scenario, Step, answer};

/// What a question is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Got {
    SignedOut,
    Forbidden,
    NotFound,
    Seen(Vec<Seen>),
    Latest(BTreeMap<Id, Position>),
    Ids(BTreeSet<Id>),
    Rules(BTreeMap<Id, RuleView>),
}

/// The product, as the comparison sees it. Identifiers are those of the specification.
pub trait Product {
    /// Makes a change if `by` may. What he is answered, if the product was asked.
    fn change(&mut self, step: &Step, by: Id, operation: &Operation) -> Option<Answer>;
    fn observe(&mut self, step: &Step, observation: &Observation);
    /// Opens the user's stream anew. What it begins with: the newest position of each device.
    fn open(&mut self, step: &Step, user: Id) -> BTreeMap<Id, Position>;
    fn drain(&mut self, step: &Step, user: Id) -> Vec<Seen>;
    fn read(&mut self, step: &Step, user: Id, ask: &Ask) -> Got;
    /// Of which devices whose streams have told, since this was last asked, whether they are connected: user and device.
    fn states(&mut self) -> Vec<(Id, Id)>;
}

/// Where product and specification part.
#[derive(Debug, Clone)]
pub struct Difference {
    pub step: usize,
    pub user: Id,
    pub way: &'static str,
    pub leaked: Vec<String>,
    pub withheld: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(to, "step {}, user {}, way out: {}", self.step, self.user, self.way)?;
        self.leaked.iter().take(5).try_for_each(|it| writeln!(to, "  leaked   {it}"))?;
        self.withheld.iter().take(5).try_for_each(|it| writeln!(to, "  withheld {it}"))
    }
}

/// How often each rule decided, and how often each way out was compared.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub steps: u64,
    pub allowed: u64,
    pub denied: u64,
    pub decided_by: BTreeMap<&'static str, u64>,
    pub ways: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        self.steps += other.steps;
        self.allowed += other.allowed;
        self.denied += other.denied;
        other.decided_by.iter().for_each(|(why, n)| *self.decided_by.entry(why).or_default() += n);
        other.ways.iter().for_each(|(way, n)| *self.ways.entry(way).or_default() += n);
    }

    fn count(&mut self, why: &'static str) {
        *self.decided_by.entry(why).or_default() += 1;
        if why.starts_with("allowed") {
            self.allowed += 1;
        } else {
            self.denied += 1;
        }
    }

    /// The share of decisions that allowed, in percent.
    pub fn allow_share(&self) -> u64 {
        self.allowed * 100 / (self.allowed + self.denied).max(1)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(to, "{} operations, {} decisions, {} % allowed", self.steps, self.allowed + self.denied, self.allow_share())?;
        self.decided_by.iter().try_for_each(|(why, n)| writeln!(to, "  {n:>12}  {why}"))?;
        self.ways.iter().try_for_each(|(way, n)| writeln!(to, "  {n:>12}  comparisons of {way}"))
    }
}

/// A fix time this far ahead of our clock is no latest position: the setting's default.
const FUTURE_TOLERANCE: Time = 600 * SECOND;

/// An open stream as the specification expects it.
#[derive(Default)]
struct Lane {
    open: bool,
    waiting: Vec<Waiting>,
}

/// Something that waits in a stream. A change judges it again, by what the viewer may see from then on; that time has passed since it
/// was put there may count or not. What was narrowed while it waited may stay narrowed, though the viewer has been given more since.
struct Waiting {
    observation: Observation,
    since: Time,
    told: Seen,
    narrowest: Seen,
    /// Whoever judged it, whenever he did, has let it pass.
    sure: bool,
}

impl Waiting {
    fn new(observation: &Observation, told: Seen, since: Time) -> Waiting {
        Waiting { observation: *observation, since, told, narrowest: told, sure: true }
    }

    fn judge_again(self, world: &World, user: Id, now: Time) -> Option<Waiting> {
        let told = sees(world, user, &self.observation, self.since)?;
        let of_now = sees(world, user, &self.observation, now);
        let narrowest = [Some(told), of_now].into_iter().flatten().find(clipped).unwrap_or(self.narrowest);
        Some(Waiting { told, narrowest, sure: self.sure && of_now.is_some(), ..self })
    }
}

fn clipped(seen: &Seen) -> bool {
    matches!(seen, Seen::Visit(it) if it.entered.is_none())
}

/// Whether the very words of a refusal are compared: 403 or 404.
fn said_exactly(operation: &Operation) -> bool {
    use Operation::{Create, DeleteDevice, RegisterDevice, SetRule};
    matches!(operation, Create { .. } | DeleteDevice { .. } | RegisterDevice { .. } | SetRule { .. })
}

/// Whether a viewer reads only now and then.
fn slow(user: Id) -> bool {
    user % 3 == 1
}

struct Run<'a, P> {
    product: &'a mut P,
    world: World,
    lanes: BTreeMap<Id, Lane>,
    latest: BTreeMap<Id, Position>,
    tally: Tally,
}

/// Runs a scenario to its end or to the first difference.
pub fn run<P: Product>(scenario: &Scenario, product: &mut P) -> (Tally, Option<Difference>) {
    let mut run = Run { product, world: scenario.world.clone(), lanes: BTreeMap::new(), latest: BTreeMap::new(), tally: Tally::default() };
    let users: Vec<Id> = run.world.users.keys().copied().collect();
    if let Some(first) = scenario.steps.first() {
        users.iter().for_each(|user| drop(run.open(first, *user)));
    }
    for (index, step) in scenario.steps.iter().enumerate() {
        run.tally.steps += 1;
        let difference = run.step(step).or_else(|| run.drain_quick(step)).or_else(|| run.states());
        if let Some(mut difference) = difference {
            difference.step = index;
            return (run.tally, Some(difference));
        }
    }
    (run.tally, None)
}

impl<P: Product> Run<'_, P> {
    /// Whether a device is connected is told to those alone who see it.
    fn states(&mut self) -> Option<Difference> {
        self.product.states().into_iter().find_map(|(user, device)| {
            *self.tally.ways.entry("device states").or_default() += 1;
            let leaked = !may_see_device(&self.world, user, device);
            leaked.then(|| difference(user, "device states", vec![&device], Vec::new())).flatten()
        })
    }

    fn step(&mut self, step: &Step) -> Option<Difference> {
        match &step.what {
            Move::Change(by, operation) => return self.change(step, *by, operation),
            Move::Observe(observation) => self.observe(step, observation),
            Move::Drain(user) => return self.drain(step, *user),
            Move::Open(user) => return self.open(step, *user),
            Move::Read(user, ask) => return self.read(step, *user, ask),
        }
        None
    }

    /// A stream begins with what the viewer may see of the newest positions.
    fn open(&mut self, step: &Step, user: Id) -> Option<Difference> {
        if !self.enabled(user) {
            return None;
        }
        let got = self.product.open(step, user);
        self.lanes.insert(user, Lane { open: true, waiting: Vec::new() });
        *self.tally.ways.entry("stream's beginning").or_default() += 1;
        let expected = self.latest_for(step, user);
        let leaked = got.values().filter(|it| expected.get(&it.device) != Some(it)).collect();
        let withheld = expected.values().filter(|it| got.get(&it.device) != Some(it)).collect();
        difference(user, "stream's beginning", leaked, withheld)
    }

    /// A change is made if the user may make it. After it, what waits is judged again, and streams of whoever is shut out are closed (P6).
    fn change(&mut self, step: &Step, by: Id, operation: &Operation) -> Option<Difference> {
        if self.gone(by, operation) {
            return None;
        }
        let expected = answer(&self.world, by, operation, step.now);
        let got = self.product.change(step, by, operation);
        *self.tally.ways.entry("changes asked for").or_default() += 1;
        let same = |got: Answer| {
            if said_exactly(operation) && self.enabled(by) { got == expected } else { (got == Answer::Yes) == (expected == Answer::Yes) }
        };
        if got.is_some_and(|got| !same(got)) {
            return difference(by, "change", vec![&got], vec![&Some(expected)]);
        }
        if expected != Answer::Yes {
            self.tally.count("denied: a change");
            return None;
        }
        self.world.apply(operation, step.seq);
        if let Operation::Disable { user } | Operation::DeleteUser { user } | Operation::Logout { user } = operation {
            self.lanes.remove(user);
        }
        for (user, lane) in &mut self.lanes {
            lane.waiting = lane.waiting.drain(..).filter_map(|it| it.judge_again(&self.world, *user, step.now)).collect();
        }
        None
    }

    fn enabled(&self, user: Id) -> bool {
        self.world.users.get(&user).is_some_and(|it| it.enabled)
    }

    /// While a failing run is shortened, steps go missing; what names somebody or something that never came to be is left out.
    fn gone(&self, by: Id, operation: &Operation) -> bool {
        let it = &self.world;
        let here = match operation {
            Operation::SetRights { role, .. } | Operation::SetWindow { role, .. } => it.roles.contains_key(role),
            Operation::SetTariff { device, .. } | Operation::DeleteDevice { device } => it.devices.contains_key(device),
            Operation::GrantDevice { user, device } | Operation::RevokeDevice { user, device } => {
                self.sub_user(*user) && it.devices.contains_key(device)
            }
            Operation::Turn { user, of: Of::One(spot), .. } => self.sub_user(*user) && self.known(*spot),
            Operation::Turn { user, .. } | Operation::SetRole { user, .. } => self.sub_user(*user),
            Operation::SetAccess { user, .. }
            | Operation::Disable { user }
            | Operation::Enable { user }
            | Operation::DeleteUser { user }
            | Operation::Logout { user } => it.users.contains_key(user),
            Operation::SetRule { rule, .. } => {
                !rule.devices.is_empty()
                    && rule.devices.iter().all(|id| it.devices.contains_key(id))
                    && rule.spots.iter().all(|spot| self.known(*spot))
            }
            Operation::DeleteRule { id } => it.rules.contains_key(id),
            Operation::SetHistory { .. } | Operation::RegisterDevice { .. } | Operation::Create { .. } => true,
        };
        !here || !it.users.contains_key(&by)
    }

    fn sub_user(&self, user: Id) -> bool {
        self.world.users.get(&user).is_some_and(|it| matches!(it.access, Access::SubUser(_)))
    }

    fn known(&self, spot: Spot) -> bool {
        match spot {
            Spot::Geofence(id) => self.world.geofences.contains_key(&id),
            Spot::Place(id) => self.world.places.contains_key(&id),
        }
    }

    fn observe(&mut self, step: &Step, observation: &Observation) {
        if self.unknown(observation) {
            return;
        }
        self.product.observe(step, observation);
        self.world.log.push(*observation);
        if let Observation::Position(position) = observation {
            self.note_latest(position);
        }
        for (user, lane) in &mut self.lanes {
            let seen = sees(&self.world, *user, observation, step.now);
            self.tally.count(why(&self.world, *user, observation, step.now));
            lane.waiting.extend(seen.map(|seen| Waiting::new(observation, seen, step.now)));
        }
    }

    /// While a failing run is shortened, steps go missing; what names a device or spot that never came to be is left out.
    fn unknown(&self, observation: &Observation) -> bool {
        let (device, spot) = match observation {
            Observation::Position(it) => (it.device, None),
            Observation::Visit(it) => (it.device, Some(it.spot)),
            Observation::Alert(it) => (it.device, it.spot),
        };
        !self.world.devices.contains_key(&device) || !spot.is_none_or(|it| self.known(it))
    }

    fn note_latest(&mut self, position: &Position) {
        if newer(position, self.latest.get(&position.device)) {
            self.latest.insert(position.device, *position);
        }
    }

    fn drain_quick(&mut self, step: &Step) -> Option<Difference> {
        let quick: Vec<Id> = self.lanes.keys().copied().filter(|user| !slow(*user)).collect();
        quick.into_iter().find_map(|user| self.drain(step, user))
    }

    /// What a stream gives is what waited for it: told as when it was last judged, or as of now where a window has moved on since.
    fn drain(&mut self, step: &Step, user: Id) -> Option<Difference> {
        let lane = self.lanes.get_mut(&user).filter(|it| it.open)?;
        let waiting = std::mem::take(&mut lane.waiting);
        let got = self.product.drain(step, user);
        *self.tally.ways.entry("live stream").or_default() += 1;
        let now: Vec<Option<Seen>> = waiting.iter().map(|it| sees(&self.world, user, &it.observation, step.now)).collect();
        let may = |it: &Seen| now.contains(&Some(*it)) || waiting.iter().any(|waiting| waiting.told == *it || waiting.narrowest == *it);
        let told = |it: &Waiting, now: &Seen| [it.told, it.narrowest, *now].iter().any(|it| got.contains(it));
        let leaked = got.iter().filter(|it| !may(it));
        let withheld = waiting.iter().zip(&now).filter(|(it, _)| it.sure).filter_map(|(it, now)| now.as_ref().filter(|now| !told(it, now)));
        difference(user, "live stream", leaked.collect(), withheld.collect()).or_else(|| in_order(user, &got))
    }

    fn read(&mut self, step: &Step, user: Id, ask: &Ask) -> Option<Difference> {
        self.world.users.get(&user)?;
        let got = self.product.read(step, user, ask);
        let expected = self.expected(step, user, ask);
        let way = way(ask);
        *self.tally.ways.entry(way).or_default() += 1;
        self.count(step, user, ask);
        if got == expected {
            return None;
        }
        let (got, expected) = (parts(&got), parts(&expected));
        let leaked = got.iter().filter(|it| !expected.contains(it)).collect();
        let withheld = expected.iter().filter(|it| !got.contains(it)).collect();
        difference(user, way, leaked, withheld).or_else(|| difference(user, way, vec![&"another order".to_owned()], Vec::new()))
    }

    /// What an answer decides on: every observation that could be in it.
    fn count(&mut self, step: &Step, user: Id, ask: &Ask) {
        let candidate = |it: &&Observation| match ask {
            Ask::Resume { after } => seq(it) > *after,
            Ask::Visits => matches!(it, Observation::Visit(_)),
            Ask::Alerts => matches!(it, Observation::Alert(_)),
            Ask::History { device, .. } => matches!(it, Observation::Position(it) if it.device == *device),
            _ => false,
        };
        // Every third is enough for the count.
        for observation in self.world.log.iter().filter(candidate).step_by(3) {
            self.tally.count(why(&self.world, user, observation, step.now));
        }
    }

    fn expected(&self, step: &Step, user: Id, ask: &Ask) -> Got {
        let world = &self.world;
        if !world.users.get(&user).is_some_and(|it| it.enabled) {
            return Got::SignedOut;
        }
        if may_list(world, user, Thing::Device) == spec::Answer::Forbidden && !matches!(ask, Ask::Resume { .. }) {
            return Got::Forbidden;
        }
        let of_log = |kind: fn(&Observation) -> bool| {
            world.log.iter().filter(|it| kind(it)).filter_map(|it| sees(world, user, it, step.now)).collect::<Vec<_>>()
        };
        match ask {
            Ask::Resume { after } => {
                Got::Seen(world.log.iter().filter(|it| seq(it) > *after).filter_map(|it| sees(world, user, it, step.now)).collect())
            }
            Ask::History { device, .. } if !may_see_device(world, user, *device) => Got::NotFound,
            Ask::History { device, from, to } => {
                let asked = |it: &&Observation| match it {
                    Observation::Position(it) => it.device == *device && (*from..=*to).contains(&timeline(it)),
                    Observation::Visit(_) | Observation::Alert(_) => false,
                };
                let mut rows: Vec<Seen> = world.log.iter().filter(asked).filter_map(|it| sees(world, user, it, step.now)).collect();
                rows.sort_by_key(position_key);
                Got::Seen(rows)
            }
            Ask::Latest => Got::Latest(self.latest_for(step, user)),
            Ask::Visits => Got::Seen(self.visits(user, step.now)),
            Ask::Alerts => Got::Seen(of_log(|it| matches!(it, Observation::Alert(_)))),
            Ask::Devices => Got::Ids(world.devices.keys().copied().filter(|it| may_see_device(world, user, *it)).collect()),
            Ask::Geofences => Got::Ids(world.geofences.keys().copied().filter(|it| may_see_geofence(world, user, *it)).collect()),
            Ask::Places => Got::Ids(world.places.keys().copied().filter(|it| may_see_place(world, user, *it)).collect()),
            Ask::Rules => Got::Rules(world.rules.keys().filter_map(|it| Some((*it, narrowed_rule(world, user, *it)?))).collect()),
        }
    }

    /// Of each visit the newest of its tellings that the viewer may see.
    fn visits(&self, user: Id, now: Time) -> Vec<Seen> {
        let mut newest = BTreeMap::new();
        for observation in &self.world.log {
            if let Observation::Visit(visit) = observation
                && let Some(seen) = sees(&self.world, user, observation, now)
            {
                newest.insert((visit.device, visit.spot, visit.entered), seen);
            }
        }
        let mut visits: Vec<Seen> = newest.into_values().collect();
        visits.sort_by_key(seq_of);
        visits
    }

    /// The newest position of each device, as far as the user may see it.
    fn latest_for(&self, step: &Step, user: Id) -> BTreeMap<Id, Position> {
        let shown = |it: &&Position| may_see_latest(&self.world, user, it, step.now) == Latest::Shown;
        self.latest.values().filter(shown).map(|it| (it.device, *it)).collect()
    }
}

/// Whether a position becomes the latest of its device: the latest never moves backwards (P9), and what has no time, or one that cannot
/// be yet, does not move it.
fn newer(position: &Position, old: Option<&Position>) -> bool {
    let sound = position.fix_time.filter(|fix| *fix <= position.recorded_at + FUTURE_TOLERANCE);
    sound.is_some() && sound >= old.and_then(|old| old.fix_time)
}

/// Where a position stands in its device's timeline.
fn timeline(position: &Position) -> Time {
    position.fix_time.unwrap_or(position.recorded_at)
}

fn position_key(seen: &Seen) -> (Time, u64) {
    match seen {
        Seen::Position(it) => (timeline(it), it.seq),
        Seen::Visit(it) => (0, it.seq),
        Seen::Alert(it) => (0, it.seq),
    }
}

/// The place in the recorded order of what is told.
pub fn seq_of(seen: &Seen) -> u64 {
    match seen {
        Seen::Position(it) => it.seq,
        Seen::Visit(it) => it.seq,
        Seen::Alert(it) => it.seq,
    }
}

fn seq(observation: &Observation) -> u64 {
    match observation {
        Observation::Position(it) => it.seq,
        Observation::Visit(it) => it.seq,
        Observation::Alert(it) => it.seq,
    }
}

/// Every way out.
pub const WAYS: [&str; 11] = [
    "live stream",
    "resume",
    "history page",
    "latest positions",
    "visit list",
    "alert list",
    "device list",
    "geofence list",
    "place list",
    "rule list",
    "stream's beginning",
];

/// The name of the way out that answers a question.
pub fn way(ask: &Ask) -> &'static str {
    match ask {
        Ask::Resume { .. } => "resume",
        Ask::History { .. } => "history page",
        Ask::Latest => "latest positions",
        Ask::Visits => "visit list",
        Ask::Alerts => "alert list",
        Ask::Devices => "device list",
        Ask::Geofences => "geofence list",
        Ask::Places => "place list",
        Ask::Rules => "rule list",
    }
}

/// An answer in parts that can be held against each other.
fn parts(got: &Got) -> Vec<String> {
    match got {
        Got::SignedOut | Got::Forbidden | Got::NotFound => vec![format!("{got:?}")],
        Got::Seen(all) => said(all),
        Got::Latest(all) => said(all),
        Got::Ids(all) => said(all),
        Got::Rules(all) => said(all),
    }
}

/// Also an empty answer says something: that it was not refused.
fn said<T: Debug>(all: impl IntoIterator<Item = T>) -> Vec<String> {
    std::iter::once("an answer".to_owned()).chain(all.into_iter().map(|it| format!("{it:?}"))).collect()
}

fn difference<T: Debug>(user: Id, way: &'static str, leaked: Vec<&T>, withheld: Vec<&T>) -> Option<Difference> {
    let text = |all: Vec<&T>| all.iter().map(|it| format!("{it:?}")).collect::<Vec<_>>();
    let (leaked, withheld) = (text(leaked), text(withheld));
    (!leaked.is_empty() || !withheld.is_empty()).then_some(Difference { step: 0, user, way, leaked, withheld })
}

/// A stream tells in the recorded order, and nothing twice.
fn in_order(user: Id, got: &[Seen]) -> Option<Difference> {
    let order: Vec<u64> = got.iter().map(seq_of).collect();
    let bad = order.windows(2).find(|pair| pair[0] >= pair[1])?.to_vec();
    difference(user, "live stream", vec![&format!("out of the recorded order, or twice: {bad:?}")], Vec::new())
}

/// Which rule decided: for the count that shows that each of them did, often.
fn why(world: &World, user: Id, observation: &Observation, now: Time) -> &'static str {
    let (device, spot, seq) = match observation {
        Observation::Position(it) => (it.device, None, it.seq),
        Observation::Visit(it) => (it.device, Some(it.spot), it.seq),
        Observation::Alert(it) => (it.device, it.spot, it.seq),
    };
    let seen = sees(world, user, observation, now);
    let Some(who) = world.users.get(&user).filter(|it| it.enabled) else { return "denied: user gone or disabled" };
    let account = world.devices.get(&device).map(|it| it.account);
    if account != Some(who.account) {
        return "denied: another account (or device deleted)";
    }
    let role = match &who.access {
        Access::Custom(levels) if levels.get(&Category::Assets).is_none_or(|it| *it == Level::None) => {
            return "denied: category Assets missing";
        }
        Access::SubUser(it) if !it.devices.contains(&device) => return "denied: device not granted",
        Access::SubUser(it) => {
            let grant = spot.map_or(Shown::Everything, |spot| shown(it, spot));
            match grant {
                Shown::Nothing => return "denied: geofence or place never granted, or forgotten",
                Shown::UpTo(last) if seq > last => return "denied: geofence or place turned off before",
                Shown::UpTo(_) if seen.is_some() => return "allowed: recorded before the geofence or place was turned off",
                _ => {}
            }
            it.role.and_then(|role| world.roles.get(&role)).and_then(|role| role.window)
        }
        _ => None,
    };
    let tariff = world.devices.get(&device).and_then(|it| world.tariffs.get(&it.tariff)).copied().unwrap_or(0);
    match (seen, role.is_some_and(|role| role < tariff)) {
        (None, true) => "denied: outside the role's window",
        (None, false) => "denied: outside the tariff's window",
        (Some(Seen::Visit(it)), _) if it.entered.is_none() => "allowed: a visit, clipped",
        (Some(_), _) if matches!(who.access, Access::SubUser(_)) => "allowed: by grant",
        (Some(_), _) => "allowed: by team access",
    }
}
