//! What exists, as of one epoch: immutable, shared, cheap to copy and to change.

use crate::model::{
    Account, DefinitionSet, Device, Geofence, Grants, Names, Place, PublicId, Role, Rule, Tariff, TariffId, User, UserAccess,
};
use imbl::{HashMap, OrdMap, OrdSet};
use policy::{AccountId, DeviceId, DeviceWindows, Epoch, GeofenceId, PlaceId, RoleId, RuleId, UserId};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// What a public id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// An account.
    Account(AccountId),
    /// A tariff.
    Tariff(TariffId),
    /// A user.
    User(UserId),
    /// A role.
    Role(RoleId),
    /// A device.
    Device(DeviceId),
    /// A geofence.
    Geofence(GeofenceId),
    /// A place.
    Place(PlaceId),
    /// An alert rule.
    Rule(RuleId),
}

/// The hash of a password. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(pub(super) Arc<str>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The devices of an account, and, once somebody asks, their windows. Whatever changes the windows makes a new one.
#[derive(Clone, Debug, Default)]
pub(super) struct AccountDevices {
    pub(super) ids: OrdSet<DeviceId>,
    pub(super) windows: OnceLock<DeviceWindows>,
}

impl PartialEq for AccountDevices {
    fn eq(&self, other: &Self) -> bool {
        self.ids == other.ids
    }
}

/// What belongs to one account.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Members {
    pub(super) users: OrdSet<UserId>,
    pub(super) roles: OrdSet<RoleId>,
    pub(super) geofences: OrdSet<GeofenceId>,
    pub(super) places: OrdSet<PlaceId>,
    pub(super) rules: OrdSet<RuleId>,
    pub(super) devices: Arc<AccountDevices>,
}

/// The last numbers given out. None is ever given out again, so that no grant can outlive its object and meet another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) last: [u32; NumberOf::ALL.len()],
}

/// What is numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NumberOf {
    Account,
    Tariff,
    User,
    Role,
    Device,
    Geofence,
    Place,
    Rule,
}

impl NumberOf {
    pub(super) const ALL: [Self; 8] =
        [Self::Account, Self::Tariff, Self::User, Self::Role, Self::Device, Self::Geofence, Self::Place, Self::Rule];
}

/// The directory as of one epoch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    pub(super) epoch: Epoch,
    pub(super) definitions: Arc<DefinitionSet>,
    pub(super) accounts: OrdMap<AccountId, Arc<Account>>,
    pub(super) members: OrdMap<AccountId, Members>,
    pub(super) tariffs: OrdMap<TariffId, Arc<Tariff>>,
    pub(super) users: OrdMap<UserId, Arc<User>>,
    pub(super) secrets: OrdMap<UserId, Secret>,
    pub(super) grants: OrdMap<UserId, Arc<Grants>>,
    pub(super) roles: OrdMap<RoleId, Arc<Role>>,
    pub(super) devices: OrdMap<DeviceId, Arc<Device>>,
    pub(super) places: OrdMap<PlaceId, Arc<Place>>,
    pub(super) by_public: HashMap<PublicId, Object>,
    pub(super) by_identifier: HashMap<Arc<str>, DeviceId>,
    pub(super) by_email: HashMap<Arc<str>, OrdSet<UserId>>,
    pub(super) gone: OrdMap<Object, PublicId>,
    pub(super) numbers: Numbers,
}

macro_rules! lookups {
    ($($(#[$meta:meta])* $get:ident, $find:ident: $variant:ident($id:ty) -> $type:ty = $map:ident $(. $inner:ident)?;)+) => {$(
        $(#[$meta])*
        #[must_use]
        pub fn $get(&self, id: $id) -> Option<&Arc<$type>> {
            self.$map$(.$inner)?.get(&id)
        }

        /// The same by its public id.
        #[must_use]
        pub fn $find(&self, id: PublicId) -> Option<&Arc<$type>> {
            match self.by_public.get(&id) {
                Some(Object::$variant(id)) => self.$get(*id),
                _ => None,
            }
        }
    )+};
}

macro_rules! lists {
    ($($(#[$meta:meta])* $name:ident -> $type:ty = $set:ident $(. $inner:ident)?, $get:ident;)+) => {$(
        $(#[$meta])*
        pub fn $name(&self, account: AccountId) -> impl Iterator<Item = &Arc<$type>> {
            self.members.get(&account).into_iter().flat_map(|m| m.$set$(.$inner)?.iter()).filter_map(|id| self.$get(*id))
        }
    )+};
}

impl Snapshot {
    /// Which state this is. Raised by each change.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The version of the definitions that the pipeline computes with.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.definitions.version
    }

    /// The geofences and rules.
    #[must_use]
    pub const fn definitions(&self) -> &Arc<DefinitionSet> {
        &self.definitions
    }

    lookups! {
        /// An account.
        account, account_of_public: Account(AccountId) -> Account = accounts;
        /// A tariff.
        tariff, tariff_of_public: Tariff(TariffId) -> Tariff = tariffs;
        /// A user.
        user, user_of_public: User(UserId) -> User = users;
        /// A role.
        role, role_of_public: Role(RoleId) -> Role = roles;
        /// A device.
        device, device_of_public: Device(DeviceId) -> Device = devices;
        /// A geofence.
        geofence, geofence_of_public: Geofence(GeofenceId) -> Geofence = definitions.geofences;
        /// A place.
        place, place_of_public: Place(PlaceId) -> Place = places;
        /// An alert rule.
        rule, rule_of_public: Rule(RuleId) -> Rule = definitions.rules;
    }

    lists! {
        /// The users of an account, in the order in which they were made.
        users_of -> User = users, user;
        /// The roles of an account.
        roles_of -> Role = roles, role;
        /// The devices of an account.
        devices_of -> Device = devices.ids, device;
        /// The geofences of an account.
        geofences_of -> Geofence = geofences, geofence;
        /// The places of an account.
        places_of -> Place = places, place;
        /// The alert rules of an account.
        rules_of -> Rule = rules, rule;
    }

    /// All accounts.
    pub fn accounts(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.accounts.values()
    }

    /// All tariffs.
    pub fn tariffs(&self) -> impl Iterator<Item = &Arc<Tariff>> {
        self.tariffs.values()
    }

    /// All users of all accounts.
    pub fn users(&self) -> impl Iterator<Item = &Arc<User>> {
        self.users.values()
    }

    /// All devices of all accounts.
    pub fn devices(&self) -> impl Iterator<Item = &Arc<Device>> {
        self.devices.values()
    }

    /// The generation of each device that is current; `None`: nothing is taken of it (P14).
    pub fn generations(&self) -> impl Iterator<Item = (DeviceId, Option<u32>)> {
        self.devices.values().map(|device| (device.id, (!device.disabled).then_some(device.generation)))
    }

    /// What a public id stands for.
    #[must_use]
    pub fn find(&self, id: PublicId) -> Option<Object> {
        self.by_public.get(&id).copied()
    }

    /// The device that calls itself this.
    #[must_use]
    pub fn device_of_identifier(&self, identifier: &str) -> Option<&Arc<Device>> {
        self.device(*self.by_identifier.get(identifier)?)
    }

    /// The users with this address, in all accounts (P15). Case does not count.
    pub fn users_of_email(&self, email: &str) -> impl Iterator<Item = &Arc<User>> {
        let key = email.trim().to_lowercase();
        let ids = self.by_email.get(key.as_str()).cloned().unwrap_or_default();
        ids.into_iter().filter_map(|id| self.user(id))
    }

    /// What a sub-user was given. `None`: the user is none.
    #[must_use]
    pub fn grants(&self, user: UserId) -> Option<&Arc<Grants>> {
        self.grants.get(&user)
    }

    pub(super) fn members(&self, account: AccountId) -> Option<&Members> {
        self.members.get(&account)
    }
}

impl Names for Snapshot {
    fn device(&self, id: DeviceId) -> Option<PublicId> {
        Self::device(self, id).map(|d| d.public_id)
    }

    fn geofence(&self, id: GeofenceId) -> Option<PublicId> {
        Self::geofence(self, id).map(|g| g.public_id).or_else(|| self.gone.get(&Object::Geofence(id)).copied())
    }

    fn rule(&self, id: RuleId) -> Option<PublicId> {
        Self::rule(self, id).map(|r| r.public_id).or_else(|| self.gone.get(&Object::Rule(id)).copied())
    }
}

/// Putting in and taking out, indexes included. The only place that touches the maps.
impl Snapshot {
    pub(super) fn put_account(&mut self, account: Account) {
        self.by_public.insert(account.public_id, Object::Account(account.id));
        if !self.members.contains_key(&account.id) {
            self.members.insert(account.id, Members::default());
        }
        self.accounts.insert(account.id, Arc::new(account));
    }

    pub(super) fn put_tariff(&mut self, tariff: Tariff) {
        self.by_public.insert(tariff.public_id, Object::Tariff(tariff.id));
        let (id, history) = (tariff.id, tariff.history);
        let before = self.tariffs.insert(id, Arc::new(tariff));
        if before.is_some_and(|b| b.history != history) {
            for account in self.accounts_on(id) {
                self.renew_windows(account);
            }
        }
    }

    /// The accounts that have devices on a tariff.
    pub(super) fn accounts_on(&self, tariff: TariffId) -> OrdSet<AccountId> {
        self.devices.values().filter(|d| d.tariff == tariff).map(|d| d.account).collect()
    }

    pub(super) fn put_user(&mut self, user: User) {
        self.by_public.insert(user.public_id, Object::User(user.id));
        if let Some(before) = self.users.get(&user.id).cloned() {
            self.forget_email(&before);
        }
        let mut of_email = self.by_email.get(user.email.as_str()).cloned().unwrap_or_default();
        of_email.insert(user.id);
        self.by_email.insert(user.email.as_str().into(), of_email);
        self.members.entry(user.account).or_default().users.insert(user.id);
        self.users.insert(user.id, Arc::new(user));
    }

    pub(super) fn remove_user(&mut self, id: UserId) {
        let Some(user) = self.users.remove(&id) else { return };
        self.forget_email(&user);
        self.by_public.remove(&user.public_id);
        self.members.entry(user.account).or_default().users.remove(&id);
        self.secrets.remove(&id);
        self.grants.remove(&id);
    }

    fn forget_email(&mut self, user: &User) {
        let mut of_email = self.by_email.get(user.email.as_str()).cloned().unwrap_or_default();
        of_email.remove(&user.id);
        if of_email.is_empty() {
            self.by_email.remove(user.email.as_str());
        } else {
            self.by_email.insert(user.email.as_str().into(), of_email);
        }
    }

    pub(super) fn put_role(&mut self, role: Role) {
        self.by_public.insert(role.public_id, Object::Role(role.id));
        self.members.entry(role.account).or_default().roles.insert(role.id);
        self.roles.insert(role.id, Arc::new(role));
    }

    pub(super) fn remove_role(&mut self, id: RoleId) {
        let Some(role) = self.roles.remove(&id) else { return };
        self.by_public.remove(&role.public_id);
        self.members.entry(role.account).or_default().roles.remove(&id);
    }

    pub(super) fn put_device(&mut self, device: Device) {
        self.by_public.insert(device.public_id, Object::Device(device.id));
        self.by_identifier.insert(device.identifier.as_str().into(), device.id);
        let (id, account, tariff) = (device.id, device.account, device.tariff);
        let before = self.devices.insert(id, Arc::new(device));
        match before {
            Some(before) if before.account == account && before.tariff == tariff => {}
            Some(before) => {
                self.change_devices(before.account, |ids| {
                    ids.remove(&id);
                });
                self.change_devices(account, |ids| {
                    ids.insert(id);
                });
            }
            None => self.change_devices(account, |ids| {
                ids.insert(id);
            }),
        }
    }

    pub(super) fn remove_device(&mut self, id: DeviceId) {
        let Some(device) = self.devices.remove(&id) else { return };
        self.by_public.remove(&device.public_id);
        self.by_identifier.remove(device.identifier.as_str());
        self.change_devices(device.account, |ids| {
            ids.remove(&id);
        });
    }

    fn change_devices(&mut self, account: AccountId, change: impl FnOnce(&mut OrdSet<DeviceId>)) {
        let members = self.members.entry(account).or_default();
        let mut ids = members.devices.ids.clone();
        change(&mut ids);
        members.devices = Arc::new(AccountDevices { ids, windows: OnceLock::new() });
    }

    fn renew_windows(&mut self, account: AccountId) {
        self.change_devices(account, |_| {});
    }

    pub(super) fn put_geofence(&mut self, geofence: Geofence) {
        self.by_public.insert(geofence.public_id, Object::Geofence(geofence.id));
        self.members.entry(geofence.account).or_default().geofences.insert(geofence.id);
        Arc::make_mut(&mut self.definitions).geofences.insert(geofence.id, Arc::new(geofence));
    }

    pub(super) fn remove_geofence(&mut self, id: GeofenceId) {
        let Some(geofence) = Arc::make_mut(&mut self.definitions).geofences.remove(&id) else { return };
        self.by_public.remove(&geofence.public_id);
        self.members.entry(geofence.account).or_default().geofences.remove(&id);
        self.gone.insert(Object::Geofence(id), geofence.public_id);
    }

    pub(super) fn put_rule(&mut self, rule: Rule) {
        self.by_public.insert(rule.public_id, Object::Rule(rule.id));
        self.members.entry(rule.account).or_default().rules.insert(rule.id);
        Arc::make_mut(&mut self.definitions).rules.insert(rule.id, Arc::new(rule));
    }

    pub(super) fn remove_rule(&mut self, id: RuleId) {
        let Some(rule) = Arc::make_mut(&mut self.definitions).rules.remove(&id) else { return };
        self.by_public.remove(&rule.public_id);
        self.members.entry(rule.account).or_default().rules.remove(&id);
        self.gone.insert(Object::Rule(id), rule.public_id);
    }

    pub(super) fn put_place(&mut self, place: Place) {
        self.by_public.insert(place.public_id, Object::Place(place.id));
        self.members.entry(place.account).or_default().places.insert(place.id);
        self.places.insert(place.id, Arc::new(place));
    }

    pub(super) fn remove_place(&mut self, id: PlaceId) {
        let Some(place) = self.places.remove(&id) else { return };
        self.by_public.remove(&place.public_id);
        self.members.entry(place.account).or_default().places.remove(&id);
    }

    /// Whether a user is limited by grants.
    pub(super) fn is_sub_user(&self, user: UserId) -> bool {
        self.user(user).is_some_and(|u| matches!(u.access, UserAccess::SubUser { .. }))
    }
}
