//! The directory as it is: the specification's world is built up in it, and its operations are asked of it as changes.

use std::collections::BTreeMap;

use policy::Categories;
use purview::directory::{
    Actor, Change, ChangeError, Directory, GeofenceForm, NewAccess, NewDevice, NewPassword, NewUser, PlaceForm, RuleForm, Session, Turn,
};
use purview::model::{Point, RuleKind, Schedule, Shape};
use spec::{Access, Answer, Id, Of, Operation, Role, Spot, World};
use tokio::runtime::Runtime;

use super::ids::Ids;

/// The directory, and what is needed to speak to it.
pub struct Ground {
    pub directory: Directory,
    pub ids: Ids,
    roles: BTreeMap<Id, Role>,
}

const PASSWORD: &str = "violet-harbour-93-anvil";

fn person(id: Id) -> NewUser {
    NewUser {
        email: format!("user-{id}@example.com"),
        password: NewPassword::new(PASSWORD),
        name: format!("User {id}"),
        surname: String::new(),
        phone: String::new(),
    }
}

impl Ground {
    /// Puts everything of the world into an empty directory.
    pub fn new(runtime: &Runtime, directory: Directory, world: &World) -> Ground {
        let mut it = Ground { directory, ids: Ids::default(), roles: world.roles.clone() };
        it.build(runtime, world);
        it
    }

    fn must(&self, runtime: &Runtime, actor: Actor, change: Change) -> purview::directory::Changed {
        let asked = format!("{change:?}");
        runtime.block_on(self.directory.change(actor, change)).unwrap_or_else(|error| panic!("{asked}: {error}"))
    }

    fn actor(&self, user: Id) -> Actor {
        Actor::User(self.ids.user(user), None)
    }

    fn build(&mut self, runtime: &Runtime, world: &World) {
        for (id, history) in &world.tariffs {
            let made = self.must(runtime, Actor::Operator, Change::CreateTariff { name: format!("Tariff {id}"), history: *history });
            let public = made.id().expect("a tariff");
            let number = self.directory.snapshot().tariff_of_public(public).expect("a tariff").id.0;
            self.ids.tariffs.put(*id, public, number);
        }
        for (id, account) in &world.accounts {
            let tariff = self.ids.tariffs.public(3);
            let made = self.must(
                runtime,
                Actor::Operator,
                Change::CreateAccount { name: format!("Account {id}"), tariff, owner: person(account.owner) },
            );
            let snapshot = self.directory.snapshot();
            let found = made.created.iter().find_map(|public| snapshot.account_of_public(*public)).expect("an account");
            self.ids.accounts.put(*id, found.public_id, found.id.0);
            let owner = snapshot.user(found.owner).expect("an owner");
            self.ids.users.put(account.owner, owner.public_id, owner.id.0);
        }
        for (id, role) in &world.roles {
            let owner = self.actor(role.account * 100);
            let made =
                self.must(runtime, owner, Change::CreateRole { name: format!("Role {id}"), rights: rights(role), window: role.window });
            let public = made.id().expect("a role");
            let number = self.directory.snapshot().role_of_public(public).expect("a role").id.0;
            self.ids.roles.put(*id, public, number);
        }
        let by_owner = |account: Id| account * 100;
        for (id, device) in &world.devices {
            self.register(runtime, by_owner(device.account), *id, Some(device.tariff)).expect("a device");
        }
        for (id, geofence) in &world.geofences {
            self.create(runtime, by_owner(geofence.account), Spot::Geofence(*id)).expect("a geofence");
        }
        for (id, place) in &world.places {
            self.create(runtime, by_owner(place.account), Spot::Place(*id)).expect("a place");
        }
        for (id, user) in &world.users {
            if user.access != Access::Owner {
                self.let_in(runtime, *id, user);
            }
        }
        for (id, rule) in &world.rules {
            self.create_rule(runtime, by_owner(rule.account), *id, rule).expect("a rule");
        }
    }

    fn let_in(&mut self, runtime: &Runtime, id: Id, user: &spec::User) {
        let owner = self.actor(user.account * 100);
        let made = self.must(runtime, owner, Change::CreateUser { user: person(id), access: self.access(&user.access) });
        let public = made.id().expect("a user");
        let number = self.directory.snapshot().user_of_public(public).expect("a user").id.0;
        self.ids.users.put(id, public, number);
        if let Access::SubUser(sub_user) = &user.access {
            let devices = sub_user.devices.iter().map(|it| self.ids.devices.public(*it)).collect();
            self.must(runtime, owner, Change::SetDevices { user: public, devices });
        }
    }

    fn access(&self, access: &Access) -> NewAccess {
        match access {
            Access::Owner => unreachable!("an account has one owner from its beginning"),
            Access::Admin => NewAccess::Admin,
            Access::ReadOnly => NewAccess::ReadOnly,
            Access::Custom(levels) => NewAccess::Custom(categories(levels)),
            Access::SubUser(it) => NewAccess::SubUser { role: it.role.map(|role| self.ids.roles.public(role)) },
        }
    }

    /// Signs a user in.
    pub fn sign_in(&self, runtime: &Runtime, user: Id) -> Option<Session> {
        let account = self.directory.snapshot().user(self.ids.user(user)).map(|it| it.account)?;
        let account = self.directory.snapshot().account(account)?.public_id;
        let email = person(user).email;
        runtime.block_on(self.directory.sign_in(&email, PASSWORD, Some(account))).ok().map(|it| it.session)
    }

    fn register(&mut self, runtime: &Runtime, by: Id, id: Id, tariff: Option<Id>) -> Result<(), ChangeError> {
        let new = NewDevice {
            identifier: format!("{:015}", 350_000_000_000_000_u64 + u64::from(id)),
            name: format!("Device {id}"),
            model: String::new(),
            tariff: tariff.map(|it| self.ids.tariffs.public(it)),
        };
        let made = runtime.block_on(self.directory.change(self.actor(by), Change::RegisterDevice(new)))?;
        let public = made.id().expect("a device");
        let number = self.directory.snapshot().device_of_public(public).expect("a device").id.0;
        self.ids.devices.put(id, public, number);
        Ok(())
    }

    fn create(&mut self, runtime: &Runtime, by: Id, spot: Spot) -> Result<(), ChangeError> {
        let center = Point { latitude: 52.5, longitude: 13.4 };
        let change = match spot {
            Spot::Geofence(id) => {
                let shape = Shape::Circle { center, radius_m: 200.0 };
                Change::CreateGeofence(GeofenceForm { name: format!("Geofence {id}"), shape, dwell_s: 0 })
            }
            Spot::Place(id) => {
                Change::CreatePlace(PlaceForm { name: format!("Place {id}"), address: String::new(), center, radius_m: 50.0 })
            }
        };
        let made = runtime.block_on(self.directory.change(self.actor(by), change))?;
        let public = made.id().expect("a geofence or place");
        let snapshot = self.directory.snapshot();
        match spot {
            Spot::Geofence(id) => self.ids.geofences.put(id, public, snapshot.geofence_of_public(public).expect("a geofence").id.0),
            Spot::Place(id) => self.ids.places.put(id, public, snapshot.place_of_public(public).expect("a place").id.0),
        }
        Ok(())
    }

    fn rule_form(&self, id: Id, rule: &spec::Rule) -> RuleForm {
        let geofences = rule.spots.iter().map(|it| match it {
            Spot::Geofence(id) => self.ids.geofences.public(*id),
            Spot::Place(id) => self.ids.places.public(*id),
        });
        RuleForm {
            name: format!("Rule {id}"),
            kind: RuleKind::Overspeed { faster_than_kmh: 90.0 },
            devices: rule.devices.iter().map(|it| self.ids.devices.public(*it)).collect(),
            geofences: geofences.collect(),
            schedule: Schedule::default(),
            enabled: true,
        }
    }

    fn create_rule(&mut self, runtime: &Runtime, by: Id, id: Id, rule: &spec::Rule) -> Result<(), ChangeError> {
        let made = runtime.block_on(self.directory.change(self.actor(by), Change::CreateRule(self.rule_form(id, rule))))?;
        let public = made.id().expect("a rule");
        let number = self.directory.snapshot().rule_of_public(public).expect("a rule").id.0;
        self.ids.rules.put(id, public, number);
        Ok(())
    }

    /// Asks the directory for an operation, as `by`. `session`: the one that a log-out ends.
    pub fn ask(&mut self, runtime: &Runtime, by: Id, operation: &Operation, session: Option<Session>) -> Answer {
        let done = match operation {
            Operation::RegisterDevice { by, device, tariff } => {
                let owner = self.ids.accounts.number(*by / 100) != u32::MAX && by % 100 == 0;
                self.register(runtime, *by, *device, owner.then_some(*tariff))
            }
            Operation::Create { by, spot } => self.create(runtime, *by, *spot),
            Operation::SetRule { id, rule } if self.ids.rules.number(*id) == u32::MAX => self.create_rule(runtime, by, *id, rule),
            _ => match self.change_of(operation, session) {
                Some((actor, change)) => {
                    let actor = actor.unwrap_or_else(|| self.actor(by));
                    runtime.block_on(self.directory.change(actor, change)).map(|_| ())
                }
                None => Ok(()),
            },
        };
        match done {
            Ok(()) => self.note(operation),
            Err(ChangeError::NotFound) => Answer::NotFound,
            Err(ChangeError::Forbidden(_)) => Answer::Forbidden,
            Err(error) => panic!("{operation:?} by {by}: {error}"),
        }
    }

    fn note(&mut self, operation: &Operation) -> Answer {
        match operation {
            Operation::SetRights { role, rights } => self.roles.entry(*role).and_modify(|it| it.rights = rights.clone()),
            Operation::SetWindow { role, window } => self.roles.entry(*role).and_modify(|it| it.window = *window),
            _ => return Answer::Yes,
        };
        Answer::Yes
    }

    fn change_of(&self, operation: &Operation, session: Option<Session>) -> Option<(Option<Actor>, Change)> {
        let ids = &self.ids;
        let user_of = |id: &Id| ids.users.public(*id);
        let role_as = |id: &Id, edit: &dyn Fn(&mut Role)| {
            let mut role = self.roles.get(id).cloned().unwrap_or_default();
            edit(&mut role);
            let (rights, window) = (rights(&role), role.window);
            Change::EditRole { role: ids.roles.public(*id), version: None, name: format!("Role {id}"), rights, window }
        };
        let change = match operation {
            Operation::GrantDevice { user, device } => {
                Change::EditDevices { user: user_of(user), add: vec![ids.devices.public(*device)], remove: Vec::new() }
            }
            Operation::RevokeDevice { user, device } => {
                Change::EditDevices { user: user_of(user), add: Vec::new(), remove: vec![ids.devices.public(*device)] }
            }
            Operation::Turn { user, of, turn } => turned(ids, *user, *of, *turn),
            Operation::SetRole { user, role } => {
                let access = NewAccess::SubUser { role: role.map(|role| ids.roles.public(role)) };
                Change::SetAccess { user: user_of(user), version: None, access }
            }
            Operation::SetRights { role, rights } => role_as(role, &|it| it.rights = rights.clone()),
            Operation::SetWindow { role, window } => role_as(role, &|it| it.window = *window),
            Operation::SetAccess { user, access } => Change::SetAccess { user: user_of(user), version: None, access: self.access(access) },
            Operation::Disable { user } => Change::SetUserDisabled { user: user_of(user), disabled: true },
            Operation::Enable { user } => Change::SetUserDisabled { user: user_of(user), disabled: false },
            Operation::DeleteUser { user } => Change::DeleteUser { user: user_of(user) },
            Operation::Logout { .. } => {
                let session = session?;
                return Some((Some(Actor::User(session.user, Some(session.id))), Change::CloseSession { session: session.id }));
            }
            Operation::SetHistory { tariff, history } => {
                let (tariff, name) = (ids.tariffs.public(*tariff), format!("Tariff {tariff}"));
                return Some((Some(Actor::Operator), Change::EditTariff { tariff, name, history: *history }));
            }
            Operation::SetTariff { device, tariff } => {
                Change::SetTariff { device: ids.devices.public(*device), tariff: ids.tariffs.public(*tariff) }
            }
            Operation::DeleteDevice { device } => Change::DeleteDevice { device: ids.devices.public(*device) },
            Operation::SetRule { id, rule } => {
                Change::EditRule { rule: ids.rules.public(*id), version: None, form: self.rule_form(*id, rule) }
            }
            Operation::DeleteRule { id } => Change::DeleteRule { rule: ids.rules.public(*id) },
            Operation::RegisterDevice { .. } | Operation::Create { .. } => unreachable!("asked for elsewhere"),
        };
        Some((None, change))
    }
}

fn turned(ids: &Ids, user: Id, of: Of, turn: spec::Turn) -> Change {
    let user = ids.users.public(user);
    let turn = match turn {
        spec::Turn::On => Turn::On,
        spec::Turn::Off => Turn::Off,
        spec::Turn::Forget => Turn::Forget,
    };
    match of {
        Of::AllGeofences => Change::TurnGeofences { user, all: Some(turn), each: Vec::new() },
        Of::AllPlaces => Change::TurnPlaces { user, all: Some(turn), each: Vec::new() },
        Of::One(Spot::Geofence(id)) => Change::TurnGeofences { user, all: None, each: vec![(ids.geofences.public(id), turn)] },
        Of::One(Spot::Place(id)) => Change::TurnPlaces { user, all: None, each: vec![(ids.places.public(id), turn)] },
    }
}

fn rights(role: &Role) -> Vec<policy::Right> {
    let right = |it: &spec::Right| match it {
        spec::Right::Geofences => Some(policy::Right::Geofences),
        spec::Right::Places => Some(policy::Right::Places),
        spec::Right::AlertRules => Some(policy::Right::AlertRules),
        spec::Right::DeviceActivation => Some(policy::Right::DeviceActivation),
        _ => None,
    };
    role.rights.iter().filter_map(right).collect()
}

fn categories(levels: &BTreeMap<spec::Category, spec::Level>) -> Categories {
    levels.iter().fold(Categories::none(), |all, (category, level)| {
        let category = match category {
            spec::Category::Assets => policy::Category::Assets,
            spec::Category::Account => policy::Category::Account,
            spec::Category::Billing => policy::Category::Billing,
            spec::Category::Claims => policy::Category::Claims,
            spec::Category::Insurance => policy::Category::Insurance,
            spec::Category::Workforce => policy::Category::Workforce,
        };
        let level = match level {
            spec::Level::None => policy::Level::None,
            spec::Level::View => policy::Level::View,
            spec::Level::Edit => policy::Level::Edit,
        };
        all.with(category, level)
    })
}
