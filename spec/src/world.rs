//! What exists, what was observed, and what may be done to it.
#![allow(missing_docs, reason = "fields and variants are named by the words of the requirements")]

use std::collections::{BTreeMap, BTreeSet};

/// The number of a user, device, geofence, place, role, tariff, rule, vehicle, employee or task.
pub type Id = u32;
/// The number of an account.
pub type AccountId = u32;
/// The recorded order.
pub type Seq = u64;
/// A point in time or a length of time, in microseconds.
pub type Time = i64;

/// The six categories of team members' access (T16–T21).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    Assets,
    Account,
    Billing,
    Claims,
    Insurance,
    Workforce,
}

/// What a team member has of a category; edit includes view (T22).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    None,
    View,
    Edit,
}

/// The additional rights a role can hold (B54–B70). Owner rights are not among them: no role can hold one (B52).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    PlatformSettings,
    HardwareSettings,
    VehicleSystems,
    DeviceActivation,
    Reports,
    AlertRules,
    Tags,
    Tasks,
    Geofences,
    Places,
    Employees,
    Vehicles,
    BillingAndPayments,
    Video,
    Weblocator,
    Courier,
}

/// An account and its one owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub owner: Id,
}

/// Exactly one access a user (P1, T12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    Owner,
    Admin,
    ReadOnly,
    Custom(BTreeMap<Category, Level>),
    SubUser(SubUser),
}

/// A sub-user: role, devices, and everything that was ever said about geofences and places, in order (B3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubUser {
    pub role: Option<Id>,
    pub devices: BTreeSet<Id>,
    pub said: Vec<Said>,
}

impl SubUser {
    /// A new sub-user: all geofences and all places by a flag, no device, no role (B8, B28, B44).
    pub fn new() -> SubUser {
        let on = |of| Said { of, turn: Turn::On, seq: 0 };
        SubUser { role: None, devices: BTreeSet::new(), said: vec![on(Of::AllGeofences), on(Of::AllPlaces)] }
    }
}

/// A geofence or a place that an event names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spot {
    Geofence(Id),
    Place(Id),
}

/// What a word about a sub-user's grants is said of: one object, or the flag that covers all, future ones too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    One(Spot),
    AllGeofences,
    AllPlaces,
}

/// Turned on, turned off, or turned off with `forget` (P4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    On,
    Off,
    Forget,
}

/// One word of the history of a sub-user's grants, said after everything up to `seq` had been recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    pub of: Of,
    pub turn: Turn,
    pub seq: Seq,
}

/// A user of one account (B2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub account: AccountId,
    pub access: Access,
    pub enabled: bool,
}

/// A role: a named set of rights and a history window; none is no limit of its own (B24, B50, B72).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Role {
    pub account: AccountId,
    pub rights: BTreeSet<Right>,
    pub window: Option<Time>,
}

/// A device of one account, on one tariff (P8, P14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    pub account: AccountId,
    pub tariff: Id,
}

/// A geofence or a place: of all that it is, only whose it is decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub account: AccountId,
}

/// A vehicle or an employee, with or without a device (B22, B23).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    pub account: AccountId,
    pub device: Option<Id>,
}

/// An alert rule: the devices it watches, the geofences and places it watches them in (B19).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub account: AccountId,
    pub devices: BTreeSet<Id>,
    pub spots: BTreeSet<Spot>,
}

/// A task and all that it names (B25, B26).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub account: AccountId,
    pub devices: BTreeSet<Id>,
    pub spots: BTreeSet<Spot>,
}

/// One position as recorded. It never carries geofences (P3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub device: Id,
    pub fix_time: Option<Time>,
    pub seq: Seq,
    pub recorded_at: Time,
}

/// A visit as recorded: `seq` and `recorded_at` are those of the record that caused this telling of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Visit {
    pub device: Id,
    pub spot: Spot,
    pub entered: Time,
    pub exited: Option<Time>,
    /// The last fix that this telling knows of inside: the exit, or while the visit is open at least the entry.
    pub known_until: Time,
    pub seq: Seq,
    pub recorded_at: Time,
}

/// An alert as recorded, with the span of fix times that it was computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alert {
    pub device: Id,
    pub spot: Option<Spot>,
    pub rule: Option<Id>,
    pub from: Time,
    pub to: Time,
    /// An exit alert tells the exit alone, whenever the stay began (P3).
    pub exit: bool,
    pub seq: Seq,
    pub recorded_at: Time,
}

/// Anything that was observed of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Observation {
    Position(Position),
    Visit(Visit),
    Alert(Alert),
}

/// Everything: what exists, and the log of what was observed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct World {
    pub accounts: BTreeMap<AccountId, Account>,
    pub users: BTreeMap<Id, User>,
    pub roles: BTreeMap<Id, Role>,
    /// The history period of each tariff (P8).
    pub tariffs: BTreeMap<Id, Time>,
    pub devices: BTreeMap<Id, Device>,
    pub geofences: BTreeMap<Id, Object>,
    pub places: BTreeMap<Id, Object>,
    pub vehicles: BTreeMap<Id, Linked>,
    pub employees: BTreeMap<Id, Linked>,
    pub rules: BTreeMap<Id, Rule>,
    pub tasks: BTreeMap<Id, Task>,
    pub log: Vec<Observation>,
}

/// Something that is done to the world. Who may do it is another question (`may_change`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    GrantDevice { user: Id, device: Id },
    RevokeDevice { user: Id, device: Id },
    Turn { user: Id, of: Of, turn: Turn },
    SetRole { user: Id, role: Option<Id> },
    SetRights { role: Id, rights: BTreeSet<Right> },
    SetWindow { role: Id, window: Option<Time> },
    SetAccess { user: Id, access: Access },
    Disable { user: Id },
    Enable { user: Id },
    DeleteUser { user: Id },
    Logout { user: Id },
    SetHistory { tariff: Id, history: Time },
    SetTariff { device: Id, tariff: Id },
    RegisterDevice { by: Id, device: Id, tariff: Id },
    DeleteDevice { device: Id },
    Create { by: Id, spot: Spot },
    SetRule { id: Id, rule: Rule },
    DeleteRule { id: Id },
}

impl World {
    fn sub_user(&mut self, user: Id) -> Option<&mut SubUser> {
        match &mut self.users.get_mut(&user)?.access {
            Access::SubUser(sub_user) => Some(sub_user),
            _ => None,
        }
    }

    /// Does one operation, after everything up to `seq` was recorded. What names nothing that exists does nothing.
    pub fn apply(&mut self, operation: &Operation, seq: Seq) {
        match operation.clone() {
            Operation::GrantDevice { user, device } => {
                self.sub_user(user).map(|it| it.devices.insert(device));
            }
            Operation::RevokeDevice { user, device } => {
                self.sub_user(user).map(|it| it.devices.remove(&device));
            }
            Operation::Turn { user, of, turn } => {
                self.sub_user(user).into_iter().for_each(|it| it.said.push(Said { of, turn, seq }));
            }
            Operation::SetRole { user, role } => self.sub_user(user).into_iter().for_each(|it| it.role = role),
            Operation::SetRights { role, rights } => self.roles.get_mut(&role).into_iter().for_each(|it| it.rights = rights.clone()),
            Operation::SetWindow { role, window } => self.roles.get_mut(&role).into_iter().for_each(|it| it.window = window),
            Operation::SetAccess { user, access } => self.users.get_mut(&user).into_iter().for_each(|it| it.access = access.clone()),
            Operation::Disable { user } => self.users.get_mut(&user).into_iter().for_each(|it| it.enabled = false),
            Operation::Enable { user } => self.users.get_mut(&user).into_iter().for_each(|it| it.enabled = true),
            Operation::DeleteUser { user } => {
                self.users.remove(&user);
            }
            Operation::Logout { .. } => {}
            Operation::SetHistory { tariff, history } => {
                self.tariffs.insert(tariff, history);
            }
            Operation::SetTariff { device, tariff } => self.devices.get_mut(&device).into_iter().for_each(|it| it.tariff = tariff),
            Operation::RegisterDevice { by, device, tariff } => self.register(by, device, tariff),
            Operation::DeleteDevice { device } => self.delete_device(device),
            Operation::Create { by, spot } => self.create(by, spot, seq),
            Operation::SetRule { id, rule } => {
                self.rules.insert(id, rule.clone());
            }
            Operation::DeleteRule { id } => {
                self.rules.remove(&id);
            }
        }
    }

    /// A device is registered in the account; a sub-user who registers it is granted it (B17, B57).
    fn register(&mut self, by: Id, device: Id, tariff: Id) {
        let Some(account) = self.users.get(&by).map(|it| it.account) else { return };
        self.devices.insert(device, Device { account, tariff });
        self.sub_user(by).map(|it| it.devices.insert(device));
    }

    /// A rule is tied to its devices (B19): it goes with the last of them.
    fn delete_device(&mut self, device: Id) {
        self.devices.remove(&device);
        for rule in self.rules.values_mut() {
            rule.devices.remove(&device);
        }
        self.rules.retain(|_, rule| !rule.devices.is_empty());
    }

    /// A geofence or place belongs to the account, whoever made it (B16, B27, B29, B35). Made by a sub-user, it is granted to every
    /// sub-user whose role holds the right at that moment; those with the flag have it by the flag (B20).
    fn create(&mut self, by: Id, spot: Spot, seq: Seq) {
        let Some(maker) = self.users.get(&by).cloned() else { return };
        let object = Object { account: maker.account };
        let (_, right) = match spot {
            Spot::Geofence(id) => (self.geofences.insert(id, object), Right::Geofences),
            Spot::Place(id) => (self.places.insert(id, object), Right::Places),
        };
        if !matches!(maker.access, Access::SubUser(_)) {
            return;
        }
        for user in self.users.values_mut().filter(|it| it.account == maker.account) {
            if let Access::SubUser(sub_user) = &mut user.access
                && sub_user.role.and_then(|role| self.roles.get(&role)).is_some_and(|role| role.rights.contains(&right))
            {
                sub_user.said.push(Said { of: Of::One(spot), turn: Turn::On, seq });
            }
        }
    }
}
