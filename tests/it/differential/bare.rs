//! The decision and the items with nothing around them: every way out is a filter over a plain log.

use std::collections::{BTreeMap, BTreeSet};

use policy::table::{Action, Resource};
use policy::{
    Access, AccountId, Categories, DeviceId, Facts, GeofenceId, GrantState, ObjectGrants, PlaceId, RightSet, Role, SubUser, UserId,
    Verdict, Viewer, admit, judge,
};
use purview::model::Shared;
use spec::{Answer, Id, Observation, Operation, RuleView, Seen, Shown, Spot, World};

use super::compare::{Got, Product, judged, newer};
use super::items;
use super::scenery::{Ask, Step, answer};

/// Judges alone.
pub struct Bare {
    world: World,
    log: Vec<Shared>,
    latest: BTreeMap<Id, (spec::Position, Shared)>,
    queues: BTreeMap<Id, Vec<Shared>>,
}

impl Bare {
    pub fn new(world: &World) -> Bare {
        Bare { world: world.clone(), log: Vec::new(), latest: BTreeMap::new(), queues: BTreeMap::new() }
    }

    fn viewer(&self, user: Id) -> Option<Viewer> {
        compile(&self.world, user, 0)
    }

    fn told<'a>(&self, user: Id, now: i64, items: impl Iterator<Item = &'a Shared>) -> Vec<Seen> {
        let Some(viewer) = self.viewer(user) else { return Vec::new() };
        items.filter_map(|it| admit(it.clone(), &viewer, now).ok()).map(|it| items::seen(it.item())).collect()
    }

    pub fn account_of(&self, observation: &Observation) -> Id {
        let device = match observation {
            Observation::Position(it) => it.device,
            Observation::Visit(it) => it.device,
            Observation::Alert(it) => it.device,
        };
        self.world.devices.get(&device).map_or(0, |it| it.account)
    }

    fn sees(&self, viewer: &Viewer, facts: &Facts<'_>, now: i64) -> Verdict {
        judge(viewer, facts, now)
    }

    fn rule(&self, viewer: &Viewer, rule: &spec::Rule, now: i64) -> Option<RuleView> {
        let account = AccountId(rule.account);
        let devices: BTreeSet<Id> = rule.devices.iter().copied().filter(|it| viewer.sees_device(DeviceId(*it))).collect();
        let spots = rule.spots.iter().copied().filter(|it| match it {
            Spot::Geofence(id) => viewer.sees_geofence_now(GeofenceId(*id)),
            Spot::Place(id) => viewer.sees_place_now(PlaceId(*id)),
        });
        let view = RuleView { devices, spots: spots.collect() };
        let named: Vec<DeviceId> = view.devices.iter().map(|it| DeviceId(*it)).collect();
        let facts = Facts::new(account, Resource::AlertRule, Action::See).devices(&named);
        judge(viewer, &facts, now).is_allow().then_some(view)
    }
}

/// A user as policy sees him, compiled from the specification's world.
pub fn compile(world: &World, user: Id, generation: u64) -> Option<Viewer> {
    let it = world.users.get(&user)?;
    let windows = |wanted: &dyn Fn(Id) -> bool| {
        let of_account = world.devices.iter().filter(|(id, device)| device.account == it.account && wanted(**id));
        of_account.filter_map(|(id, device)| Some((DeviceId(*id), *world.tariffs.get(&device.tariff)?))).collect()
    };
    let access = match &it.access {
        spec::Access::Owner => Access::Owner,
        spec::Access::Admin => Access::Admin,
        spec::Access::ReadOnly => Access::ReadOnly,
        spec::Access::Custom(levels) => Access::Custom(categories(levels)),
        spec::Access::SubUser(sub_user) => Access::SubUser(SubUser {
            role: sub_user.role.and_then(|role| world.roles.get(&role)).map(role),
            devices: windows(&|id| sub_user.devices.contains(&id)),
            geofences: grants(sub_user, world.geofences.keys().map(|id| (GeofenceId(*id), Spot::Geofence(*id)))),
            places: grants(sub_user, world.places.keys().map(|id| (PlaceId(*id), Spot::Place(*id)))),
        }),
    };
    let account_devices = windows(&|_| true);
    let disabled = !it.enabled;
    Some(Viewer { account: AccountId(it.account), user: UserId(user), access, account_devices, epoch: 0, generation, disabled })
}

fn role(role: &spec::Role) -> Role {
    let rights = role.rights.iter().filter_map(|it| match it {
        spec::Right::Geofences => Some(policy::Right::Geofences),
        spec::Right::Places => Some(policy::Right::Places),
        spec::Right::AlertRules => Some(policy::Right::AlertRules),
        spec::Right::DeviceActivation => Some(policy::Right::DeviceActivation),
        _ => None,
    });
    Role { rights: RightSet::of_role(rights).unwrap_or_default(), window: role.window }
}

pub fn categories(levels: &BTreeMap<spec::Category, spec::Level>) -> Categories {
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

fn grants<K: Copy + Ord>(sub_user: &spec::SubUser, all: impl Iterator<Item = (K, Spot)>) -> ObjectGrants<K> {
    ObjectGrants::new(
        None,
        all.map(|(id, spot)| {
            let state = match spec::shown(sub_user, spot) {
                Shown::Everything => GrantState::Active,
                Shown::UpTo(seq) => GrantState::EndedAt(seq),
                Shown::Nothing => GrantState::Forgotten,
            };
            (id, state)
        }),
    )
}

impl Product for Bare {
    fn change(&mut self, step: &Step, by: Id, operation: &Operation) -> Option<Answer> {
        if answer(&self.world, by, operation, step.now) != Answer::Yes {
            return None;
        }
        self.world.apply(operation, step.seq);
        if let Operation::Disable { user } | Operation::DeleteUser { user } | Operation::Logout { user } = operation {
            self.queues.remove(user);
        }
        let users: Vec<Id> = self.queues.keys().copied().collect();
        for user in users {
            let viewer = self.viewer(user);
            if let (Some(queue), Some(viewer)) = (self.queues.get_mut(&user), viewer) {
                let waiting = std::mem::take(queue).into_iter().filter_map(|it| admit(it, &viewer, step.now).ok());
                *queue = waiting.map(policy::Permitted::into_inner).collect();
            }
        }
        None
    }

    fn observe(&mut self, step: &Step, observation: &Observation) {
        let shared = Shared::new(items::item(self.account_of(observation), observation));
        self.log.push(shared.clone());
        if let Observation::Position(position) = observation
            && self.latest.get(&position.device).is_none_or(|(old, _)| newer(position, old))
        {
            self.latest.insert(position.device, (*position, shared.clone()));
        }
        let users: Vec<Id> = self.queues.keys().copied().collect();
        for user in users {
            let permitted = self.viewer(user).and_then(|viewer| admit(shared.clone(), &viewer, step.now).ok());
            if let (Some(queue), Some(permitted)) = (self.queues.get_mut(&user), permitted) {
                queue.push(permitted.into_inner());
            }
        }
    }

    fn open(&mut self, _: &Step, user: Id) {
        self.queues.insert(user, Vec::new());
    }

    fn drain(&mut self, _: &Step, user: Id) -> Vec<Seen> {
        self.queues.get_mut(&user).map(std::mem::take).unwrap_or_default().iter().map(items::seen).collect()
    }

    fn read(&mut self, step: &Step, user: Id, ask: &Ask) -> Got {
        let now = step.now;
        let Some(viewer) = self.viewer(user).filter(|it| !it.disabled) else { return Got::SignedOut };
        let resource = match ask {
            Ask::History { .. } => Resource::Position,
            Ask::Latest | Ask::Devices | Ask::Resume { .. } => Resource::Device,
            Ask::Visits => Resource::Visit,
            Ask::Alerts => Resource::Alert,
            Ask::Geofences => Resource::Geofence,
            Ask::Places => Resource::Place,
            Ask::Rules => Resource::AlertRule,
        };
        if !matches!(ask, Ask::Resume { .. }) && matches!(policy::may(&viewer, resource, Action::See), Verdict::Forbid(_)) {
            return Got::Forbidden;
        }
        let account = |id: Id| AccountId(id);
        let sees_device = |id: Id, it: &spec::Device| {
            self.sees(&viewer, &Facts::new(account(it.account), Resource::Device, Action::See).devices(&[DeviceId(id)]), now).is_allow()
        };
        match ask {
            Ask::Resume { after } => Got::Seen(self.told(user, now, self.log.iter().filter(|it| it.item().order().seq > *after))),
            Ask::History { device, from, to } => {
                if !self.world.devices.get(device).is_some_and(|it| sees_device(*device, it)) {
                    return Got::NotFound;
                }
                let asked = policy::Range { from: *from, to: *to };
                let Some(range) = policy::clamp(&viewer, DeviceId(*device), asked, now) else { return Got::Seen(Vec::new()) };
                let of_device = self.log.iter().filter(|it| it.item().device() == DeviceId(*device));
                let mut rows = self.told(user, now, of_device);
                rows.retain(|it| matches!(it, Seen::Position(it) if (range.from..=range.to).contains(&judged(it))));
                rows.sort_by_key(|it| if let Seen::Position(it) = it { (judged(it), it.seq) } else { (0, 0) });
                Got::Seen(rows)
            }
            Ask::Latest => {
                let visible = self.world.devices.iter().filter(|(id, it)| sees_device(**id, it));
                let latest = |id: &Id| {
                    let (position, shared) = self.latest.get(id)?;
                    admit(shared.clone(), &viewer, now).ok().map(|_| *position)
                };
                Got::Latest(visible.map(|(id, _)| (*id, latest(id))).collect())
            }
            Ask::Visits => Got::Seen(self.told(user, now, self.log.iter().filter(|it| it.visit().is_some()))),
            Ask::Alerts => {
                let alerts = self.log.iter().filter(|it| matches!(it.item(), purview::model::Item::Alert(_)));
                Got::Seen(self.told(user, now, alerts))
            }
            Ask::Devices => Got::Ids(self.world.devices.iter().filter(|(id, it)| sees_device(**id, it)).map(|(id, _)| *id).collect()),
            Ask::Geofences => {
                let facts = |of| Facts::new(account(of), Resource::Geofence, Action::See);
                let seen = self
                    .world
                    .geofences
                    .iter()
                    .filter(|(id, it)| judge(&viewer, &facts(it.account).geofences(&[GeofenceId(**id)]), now).is_allow());
                Got::Ids(seen.map(|(id, _)| *id).collect())
            }
            Ask::Places => {
                let facts = |of| Facts::new(account(of), Resource::Place, Action::See);
                let seen =
                    self.world.places.iter().filter(|(id, it)| judge(&viewer, &facts(it.account).places(&[PlaceId(**id)]), now).is_allow());
                Got::Ids(seen.map(|(id, _)| *id).collect())
            }
            Ask::Rules => Got::Rules(self.world.rules.iter().filter_map(|(id, it)| Some((*id, self.rule(&viewer, it, now)?))).collect()),
        }
    }
}
