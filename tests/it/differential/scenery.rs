//! Random worlds and what happens in them, steered so that every rule decides often.

use std::collections::{BTreeMap, BTreeSet};

use spec::{
    Access, Account, Act, Alert, Answer, Category, Device, Id, Level, Object, Observation, Of, Operation, Position, Right, Role, Rule, Seq,
    Spot, SubUser, Thing, Time, Turn, User, Visit, World, may_change, may_see_device, may_see_geofence, may_see_place,
};

use super::chance::Chance;

pub const SECOND: Time = 1_000_000;
pub const HOUR: Time = 3_600 * SECOND;
pub const DAY: Time = 24 * HOUR;
/// When every world begins.
pub const BEGINNING: Time = 1_767_225_600 * SECOND;

const RIGHTS: [Right; 4] = [Right::Geofences, Right::Places, Right::AlertRules, Right::DeviceActivation];

/// A way out of the gateway that answers a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    Resume { after: Seq },
    History { device: Id, from: Time, to: Time },
    Latest,
    Visits,
    Alerts,
    Devices,
    Geofences,
    Places,
    Rules,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// This user asks for a change. It is made if he may.
    Change(Id, Operation),
    /// Something is observed, and delivered.
    Observe(Observation),
    /// A viewer reads his stream up to here. In between he is slow.
    Drain(Id),
    /// A viewer opens his stream anew.
    Open(Id),
    /// A viewer asks.
    Read(Id, Ask),
}

/// A move, when it is made, and its place in the recorded order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub now: Time,
    pub seq: Seq,
    pub what: Move,
}

/// A world as it begins, and the steps in it.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub world: World,
    pub steps: Vec<Step>,
}

impl Scenario {
    /// The world of this seed with this many steps.
    pub fn new(seed: u64, steps: usize) -> Scenario {
        let mut chance = Chance::new(seed);
        let world = begin(&mut chance);
        let mut maker = Maker { chance, world: world.clone(), now: BEGINNING, seq: 0, last_id: 1_000, begun: Vec::new() };
        let steps = (0..steps).map(|_| maker.step()).collect();
        Scenario { world, steps }
    }
}

/// What is answered to somebody who asks for a change. The rules of a rule are changed by owners alone here, and tariffs by the operator.
pub fn answer(world: &World, by: Id, operation: &Operation, now: Time) -> Answer {
    let ask = |act: &Act| may_change(world, by, act, now);
    let account_of = |user: &Id| world.users.get(user).map(|it| it.account);
    let own = |account: Option<Id>| account.is_some() && account == account_of(&by);
    let in_account = |account, thing| if own(account) { ask(&Act::Create(thing)) } else { Answer::NotFound };
    match operation {
        Operation::Create { spot, .. } => ask(&Act::CreateSpot(*spot)),
        Operation::RegisterDevice { .. } => ask(&Act::RegisterDevice),
        Operation::SetRule { id, rule } if !world.rules.contains_key(id) => {
            ask(&Act::CreateRule { devices: rule.devices.clone(), spots: rule.spots.clone() })
        }
        Operation::SetRule { id, .. } | Operation::DeleteRule { id } => ask(&Act::ChangeRule(*id)),
        Operation::DeleteDevice { device } => ask(&Act::DeleteDevice(*device)),
        Operation::SetTariff { device, .. } => {
            in_account(world.devices.get(device).map(|it| it.account), Thing::DeviceGroupsRetranslatorsTariffs)
        }
        Operation::SetRights { role, .. } | Operation::SetWindow { role, .. } => {
            in_account(world.roles.get(role).map(|it| it.account), Thing::Users)
        }
        Operation::SetHistory { .. } | Operation::Logout { .. } => Answer::Yes,
        // What is granted or taken has to be the actor's to see (B13).
        Operation::GrantDevice { device, .. } | Operation::RevokeDevice { device, .. } if !may_see_device(world, by, *device) => {
            Answer::NotFound
        }
        Operation::Turn { of: Of::One(Spot::Geofence(id)), .. } if !may_see_geofence(world, by, *id) => Answer::NotFound,
        Operation::Turn { of: Of::One(Spot::Place(id)), .. } if !may_see_place(world, by, *id) => Answer::NotFound,
        Operation::GrantDevice { user, .. }
        | Operation::RevokeDevice { user, .. }
        | Operation::Turn { user, .. }
        | Operation::SetRole { user, .. }
        | Operation::SetAccess { user, .. }
        | Operation::Disable { user }
        | Operation::Enable { user }
        | Operation::DeleteUser { user } => in_account(account_of(user), Thing::Users),
    }
}

fn custom(assets: Level, workforce: Level) -> Access {
    Access::Custom(BTreeMap::from([(Category::Assets, assets), (Category::Workforce, workforce), (Category::Claims, Level::Edit)]))
}

/// Three accounts, one of them with most of the users; three tariffs; roles with and without a window.
fn begin(chance: &mut Chance) -> World {
    let mut world = World::default();
    for (tariff, history) in [(1, 3 * HOUR), (2, 2 * DAY), (3, 30 * DAY)] {
        world.tariffs.insert(tariff, history);
    }
    for (account, sub_users, things) in [(1, 8, 5), (2, 2, 2), (3, 0, 1)] {
        let base = account * 100;
        world.accounts.insert(account, Account { owner: base });
        for (role, window) in [None, Some(HOUR), Some(DAY)].into_iter().enumerate() {
            let rights = RIGHTS.into_iter().filter(|_| chance.percent(50)).collect();
            world.roles.insert(base + role as Id, Role { account, rights, window });
        }
        for id in base..base + things {
            let tariff = chance.of(&[1, 2, 3, 3]).unwrap_or(3);
            world.devices.insert(id, Device { account, tariff });
            world.geofences.insert(id, Object { account });
            world.places.insert(id, Object { account });
        }
        let mut users = vec![Access::Owner];
        if account == 1 {
            users.extend([Access::Admin, Access::ReadOnly, custom(Level::None, Level::Edit), custom(Level::View, Level::None)]);
            users.push(custom(Level::Edit, Level::None));
        }
        users.extend((0..sub_users).map(|_| sub_user(chance, base, things)));
        for (id, access) in (base..).zip(users) {
            world.users.insert(id, User { account, access, enabled: true });
        }
        world.rules.insert(base, rule(chance, &world, account));
    }
    world
}

/// A sub-user: most devices, sometimes a role; all geofences and places as he begins (B8).
fn sub_user(chance: &mut Chance, base: Id, things: Id) -> Access {
    let mut it = SubUser::new();
    it.role = Some(base + chance.below(3) as Id).filter(|_| chance.percent(60));
    it.devices = (base..base + things).filter(|_| chance.percent(85)).collect();
    Access::SubUser(it)
}

fn rule(chance: &mut Chance, world: &World, account: Id) -> Rule {
    let devices = of_account(world.devices.iter().map(|(id, it)| (*id, it.account)), account);
    let mut spots: Vec<Spot> = Vec::new();
    spots.extend(of_account(world.geofences.iter().map(|(id, it)| (*id, it.account)), account).into_iter().map(Spot::Geofence));
    let first = chance.of(&devices);
    Rule {
        account,
        devices: devices.into_iter().filter(|it| Some(*it) == first || chance.percent(30)).collect(),
        spots: spots.into_iter().filter(|_| chance.percent(40)).collect(),
    }
}

fn of_account(all: impl Iterator<Item = (Id, Id)>, account: Id) -> Vec<Id> {
    all.filter(|(_, it)| *it == account).map(|(id, _)| id).collect()
}

struct Maker {
    chance: Chance,
    world: World,
    now: Time,
    seq: Seq,
    last_id: Id,
    begun: Vec<Visit>,
}

impl Maker {
    fn step(&mut self) -> Step {
        self.seq += 1;
        self.now += match self.chance.below(100) {
            0..80 => self.chance.between(SECOND, 20 * SECOND),
            80..97 => self.chance.between(SECOND, 600 * SECOND),
            _ => self.chance.between(SECOND, 2 * HOUR),
        };
        let what = match self.chance.below(100) {
            0..32 => Move::Observe(Observation::Position(self.position())),
            32..46 => Move::Observe(Observation::Visit(self.visit())),
            46..60 => Move::Observe(Observation::Alert(self.alert())),
            60..76 => {
                let operation = self.operation();
                Move::Change(self.actor(&operation), operation)
            }
            76..78 => Move::Open(self.user()),
            78..86 => Move::Drain(self.user()),
            _ => Move::Read(self.user(), self.ask()),
        };
        if let Move::Change(by, operation) = &what
            && answer(&self.world, *by, operation, self.now) == Answer::Yes
        {
            self.world.apply(operation, self.seq);
        }
        Step { now: self.now, seq: self.seq, what }
    }

    /// Mostly the account with many users.
    fn account(&mut self) -> Id {
        self.chance.of(&[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3]).unwrap_or(1)
    }

    fn user(&mut self) -> Id {
        let account = self.account();
        let all = of_account(self.world.users.iter().map(|(id, it)| (*id, it.account)), account);
        self.chance.of(&all).unwrap_or(100)
    }

    /// Mostly the owner, sometimes an admin, sometimes anybody, now and then somebody of another account.
    fn actor(&mut self, operation: &Operation) -> Id {
        let account = match operation {
            Operation::Create { by, .. } | Operation::RegisterDevice { by, .. } => return *by,
            Operation::Logout { user } => return *user,
            Operation::SetRule { rule, .. } => rule.account,
            Operation::SetRights { role, .. } | Operation::SetWindow { role, .. } => role / 100,
            Operation::SetTariff { device, .. } | Operation::DeleteDevice { device } => self.account_of(*device),
            Operation::DeleteRule { id } => self.world.rules.get(id).map_or(1, |it| it.account),
            Operation::SetHistory { .. } => 1,
            Operation::GrantDevice { user, .. }
            | Operation::RevokeDevice { user, .. }
            | Operation::Turn { user, .. }
            | Operation::SetRole { user, .. }
            | Operation::SetAccess { user, .. }
            | Operation::Disable { user }
            | Operation::Enable { user }
            | Operation::DeleteUser { user } => self.world.users.get(user).map_or(1, |it| it.account),
        };
        let edits_rule = matches!(operation, Operation::DeleteRule { .. })
            || matches!(operation, Operation::SetRule { id, .. } if self.world.rules.contains_key(id));
        let anybody = of_account(self.world.users.iter().map(|(id, it)| (*id, it.account)), account);
        match self.chance.below(100) {
            _ if edits_rule || matches!(operation, Operation::SetHistory { .. }) => account * 100,
            0..15 => self.chance.of(&anybody).unwrap_or(account * 100),
            15..25 => 101,
            25..27 => 200,
            _ => account * 100,
        }
    }

    fn sub_user(&mut self) -> Id {
        let all: Vec<Id> = self.world.users.iter().filter(|(_, it)| matches!(it.access, Access::SubUser(_))).map(|(id, _)| *id).collect();
        self.chance.of(&all).unwrap_or(106)
    }

    fn device(&mut self) -> Id {
        let account = self.account();
        let all = of_account(self.world.devices.iter().map(|(id, it)| (*id, it.account)), account);
        self.chance.of(&all).unwrap_or(100)
    }

    fn spot_of(&mut self, account: Id) -> Spot {
        let place = self.chance.percent(30);
        let all = match place {
            true => of_account(self.world.places.iter().map(|(id, it)| (*id, it.account)), account),
            false => of_account(self.world.geofences.iter().map(|(id, it)| (*id, it.account)), account),
        };
        let id = self.chance.of(&all).unwrap_or(account * 100);
        if place { Spot::Place(id) } else { Spot::Geofence(id) }
    }

    fn geofence_of(&mut self, account: Id) -> Spot {
        let all = of_account(self.world.geofences.iter().map(|(id, it)| (*id, it.account)), account);
        Spot::Geofence(self.chance.of(&all).unwrap_or(account * 100))
    }

    fn account_of(&self, device: Id) -> Id {
        self.world.devices.get(&device).map_or(1, |it| it.account)
    }

    /// Some time back: mostly just now, often hours, sometimes days.
    fn back(&mut self) -> Time {
        match self.chance.below(100) {
            0..60 => self.chance.between(0, 60 * SECOND),
            60..80 => self.chance.between(0, 4 * HOUR),
            _ => self.chance.between(0, 4 * DAY),
        }
    }

    fn position(&mut self) -> Position {
        let fix_time = match self.chance.below(100) {
            0..6 => None,
            6..12 => Some(self.now + self.chance.between(1, 12 * HOUR)),
            _ => Some(self.now - self.back()),
        };
        Position { device: self.device(), fix_time, seq: self.seq, recorded_at: self.now }
    }

    /// A visit begins, or one that began earlier ends, or one is told that has begun and ended since.
    fn visit(&mut self) -> Visit {
        let ended = self.now - self.back();
        if self.chance.percent(40)
            && let Some(place) = self.chance.of(&(0..self.begun.len()).collect::<Vec<_>>())
        {
            let begun = self.begun.swap_remove(place);
            let ended = ended.max(begun.entered + SECOND).min(self.now);
            return Visit { exited: Some(ended), known_until: ended, seq: self.seq, recorded_at: self.now, ..begun };
        }
        let device = self.device();
        let spot = self.geofence_of(self.account_of(device));
        let entered = ended - self.back() - SECOND;
        let exited = self.chance.percent(40).then_some(ended);
        let known_until = exited.unwrap_or(entered);
        let visit = Visit { device, spot, entered, exited, known_until, seq: self.seq, recorded_at: self.now };
        if exited.is_none() {
            self.begun.push(visit);
        }
        visit
    }

    fn alert(&mut self) -> Alert {
        let device = self.device();
        let account = self.account_of(device);
        let spot = self.chance.percent(65).then(|| self.geofence_of(account));
        let to = self.now - self.back();
        // Only a stay tells a span; it is told in whole seconds.
        let from = if spot.is_none() || self.chance.percent(50) { to } else { to - self.back() / SECOND * SECOND };
        let exit = spot.is_some() && self.chance.percent(40);
        let rules: Vec<Id> = self.world.rules.iter().filter(|(_, it)| it.account == account).map(|(id, _)| *id).collect();
        Alert { device, spot, rule: self.chance.of(&rules), from, to, exit, seq: self.seq, recorded_at: self.now }
    }

    fn ask(&mut self) -> Ask {
        match self.chance.below(11) {
            0 | 9 => Ask::Resume { after: self.seq.saturating_sub(self.chance.below(400)) },
            1 | 10 => {
                // Sometimes also what clocks ahead have recorded.
                let to = if self.chance.percent(20) { self.now + DAY } else { self.now - self.back() / 2 };
                let device = if self.chance.percent(5) { 77_777 } else { self.device() };
                Ask::History { device, from: to - self.chance.between(0, 4 * DAY), to }
            }
            2 => Ask::Latest,
            3 => Ask::Visits,
            4 => Ask::Alerts,
            5 => Ask::Devices,
            6 => Ask::Geofences,
            7 => Ask::Places,
            _ => Ask::Rules,
        }
    }

    fn fresh(&mut self) -> Id {
        self.last_id += 1;
        self.last_id
    }

    fn operation(&mut self) -> Operation {
        match self.chance.below(100) {
            0..14 => self.grant(),
            14..54 => self.turn(),
            54..60 => {
                let user = self.sub_user();
                let base = self.world.users.get(&user).map_or(100, |it| it.account * 100);
                let role = self.chance.percent(60).then(|| base + self.chance.below(3) as Id);
                Operation::SetRole { user, role }
            }
            60..65 => {
                let rights = RIGHTS.into_iter().filter(|_| self.chance.percent(50)).collect::<BTreeSet<_>>();
                Operation::SetRights { role: self.role(), rights }
            }
            65..70 => {
                let window = self.chance.of(&[None, Some(HOUR), Some(5 * HOUR), Some(DAY), Some(3 * DAY)]).flatten();
                Operation::SetWindow { role: self.role(), window }
            }
            70..75 => self.access(),
            75..83 => self.user_state(),
            83..88 => Operation::SetTariff { device: self.device(), tariff: self.chance.of(&[1, 2, 3, 3]).unwrap_or(3) },
            88..90 => {
                let history = self.chance.of(&[2 * HOUR, 8 * HOUR, 2 * DAY, 30 * DAY]).unwrap_or(DAY);
                Operation::SetHistory { tariff: self.chance.of(&[1, 2, 3]).unwrap_or(1), history }
            }
            90..94 => self.create(),
            94..96 => self.replace_device(),
            _ => {
                let account = self.account();
                let rule = rule(&mut self.chance, &self.world, account);
                if rule.devices.is_empty() {
                    return self.turn();
                }
                let old: Vec<Id> = self.world.rules.keys().copied().collect();
                let id = if old.len() > 6 { self.chance.of(&old).unwrap_or(100) } else { self.fresh() };
                match self.world.rules.get(&id) {
                    Some(before) if before.account != account || self.chance.percent(30) => Operation::DeleteRule { id },
                    _ => Operation::SetRule { id, rule },
                }
            }
        }
    }

    fn role(&mut self) -> Id {
        let all: Vec<Id> = self.world.roles.keys().copied().collect();
        let first = all.iter().copied().filter(|id| *id < 200).collect::<Vec<_>>();
        if self.chance.percent(80) { self.chance.of(&first).unwrap_or(100) } else { self.chance.of(&all).unwrap_or(100) }
    }

    fn grant(&mut self) -> Operation {
        let user = self.sub_user();
        let account = self.world.users.get(&user).map_or(1, |it| it.account);
        let devices = of_account(self.world.devices.iter().map(|(id, it)| (*id, it.account)), account);
        let own = self.chance.of(&devices).unwrap_or(100);
        // Now and then one of another account, which must come to nothing (B13).
        let device = if self.chance.percent(3) { self.device() } else { own };
        if self.chance.percent(75) { Operation::GrantDevice { user, device } } else { Operation::RevokeDevice { user, device } }
    }

    fn turn(&mut self) -> Operation {
        let user = self.sub_user();
        let account = self.world.users.get(&user).map_or(1, |it| it.account);
        let of = match self.chance.below(100) {
            0..15 => Of::AllGeofences,
            15..25 => Of::AllPlaces,
            _ => Of::One(self.spot_of(account)),
        };
        let turn = match self.chance.below(100) {
            0..55 => Turn::On,
            55..90 => Turn::Off,
            _ => Turn::Forget,
        };
        Operation::Turn { user, of, turn }
    }

    /// A team member's access changes; now and then somebody becomes a sub-user or stops being one.
    fn access(&mut self) -> Operation {
        let all: Vec<Id> = self.world.users.iter().filter(|(_, it)| it.access != Access::Owner).map(|(id, _)| *id).collect();
        let team: Vec<Id> =
            all.iter().copied().filter(|id| !matches!(self.world.users.get(id).map(|it| &it.access), Some(Access::SubUser(_)))).collect();
        let team_access = [
            Access::Admin,
            Access::ReadOnly,
            custom(Level::View, Level::Edit),
            custom(Level::None, Level::View),
            custom(Level::Edit, Level::None),
        ];
        if self.chance.percent(10)
            && let Some(user) = self.chance.of(&team)
        {
            return Operation::SetAccess { user, access: Access::SubUser(SubUser::new()) };
        }
        let user = if team.is_empty() || self.chance.percent(5) { self.sub_user() } else { self.chance.of(&team).unwrap_or(101) };
        Operation::SetAccess { user, access: self.chance.of(&team_access).unwrap_or(Access::ReadOnly) }
    }

    /// Disabled users are mostly enabled again, so that few are away at any time.
    fn user_state(&mut self) -> Operation {
        let disabled: Vec<Id> = self.world.users.iter().filter(|(_, it)| !it.enabled).map(|(id, _)| *id).collect();
        if let Some(user) = self.chance.of(&disabled) {
            return Operation::Enable { user };
        }
        let user = if self.chance.percent(70) { self.sub_user() } else { self.user() };
        let owner = self.world.users.get(&user).is_none_or(|it| it.access == Access::Owner);
        match self.chance.below(100) {
            0..50 => Operation::Logout { user },
            50..98 if !owner => Operation::Disable { user },
            _ if !owner => Operation::DeleteUser { user },
            _ => Operation::Logout { user },
        }
    }

    fn create(&mut self) -> Operation {
        let by = self.sub_user();
        let sub_user = self.chance.percent(70);
        let account = self.world.users.get(&by).map_or(1, |it| it.account);
        let by = if sub_user { by } else { account * 100 };
        let id = self.fresh();
        Operation::Create { by, spot: if self.chance.percent(30) { Spot::Place(id) } else { Spot::Geofence(id) } }
    }

    /// A new device for every one that is deleted.
    fn replace_device(&mut self) -> Operation {
        if self.world.devices.len() > 8 {
            return Operation::DeleteDevice { device: self.device() };
        }
        let by = if self.chance.percent(50) { self.sub_user() } else { 100 };
        // Choosing a tariff is the owner's; a sub-user's device is put on the account's own.
        let tariff = if by == 100 { self.chance.of(&[2, 3]).unwrap_or(3) } else { 3 };
        Operation::RegisterDevice { by, device: self.fresh(), tariff }
    }
}
