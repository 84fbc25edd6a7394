//! What exists in the demonstration: an account, its devices, geofences and rules, and the three who look on. It is said twice: to the
//! gateway's directory, and to the specification.

use super::fleet::Planned;
use crate::cli::Failure;
use crate::directory::{Actor, Change, Directory, GeofenceForm, NewAccess, NewDevice, NewPassword, NewUser, RuleForm, Turn};
use crate::model::{AccountId, DeviceId, GeofenceId, Micros, Point, PublicId, RuleKind, Schedule, Shape, UserId};
use policy::Right;
use spec::{Id, Spot};
use std::collections::{BTreeMap, BTreeSet};

const DAY: Micros = 86_400_000_000;
/// The tariff that all devices are on.
const TARIFF_HISTORY: Micros = 90 * DAY;
/// The contractor's history window.
const CONTRACTOR_WINDOW: Micros = DAY;
const PASSWORD: &str = "nine quiet harbours";

/// Which devices the contractor is granted: the first of them has sent old data, the last is taken from him.
pub(super) const CONTRACTOR_DEVICES: [usize; 3] = [2, 4, 7];
/// Which geofence the contractor is granted; it is taken from him.
pub(super) const CONTRACTOR_GEOFENCE: usize = 0;
/// Which geofences the dispatcher is granted.
const DISPATCHER_GEOFENCES: [usize; 2] = [0, 1];

/// Whether the dispatcher is granted a device: half of them.
pub(super) const fn is_dispatchers(device: usize) -> bool {
    device.is_multiple_of(2)
}

/// Somebody who looks on.
#[derive(Clone, Debug)]
pub(super) struct Person {
    /// As the report calls him.
    pub name: &'static str,
    pub email: String,
    pub password: &'static str,
    pub user: UserId,
    pub public_id: PublicId,
}

/// Everything that exists.
#[derive(Debug)]
pub(super) struct Scene {
    pub account: AccountId,
    /// In the order of the fleet.
    pub devices: Vec<(DeviceId, PublicId)>,
    /// In the order of [`geofences`].
    pub geofences: Vec<(GeofenceId, PublicId)>,
    /// The owner first.
    pub people: Vec<Person>,
    devices_by_public: BTreeMap<PublicId, DeviceId>,
    geofences_by_public: BTreeMap<PublicId, GeofenceId>,
}

impl Scene {
    pub(super) fn owner(&self) -> Option<&Person> {
        self.people.first()
    }

    pub(super) fn contractor(&self) -> Option<&Person> {
        self.people.last()
    }

    /// The device that is taken from the contractor.
    pub(super) fn taken_device(&self) -> Option<(DeviceId, PublicId)> {
        self.devices.get(*CONTRACTOR_DEVICES.last()?).copied()
    }

    /// The geofence that is taken from the contractor.
    pub(super) fn taken_geofence(&self) -> Option<(GeofenceId, PublicId)> {
        self.geofences.get(CONTRACTOR_GEOFENCE).copied()
    }

    pub(super) fn device(&self, public: PublicId) -> Option<DeviceId> {
        self.devices_by_public.get(&public).copied()
    }

    pub(super) fn geofence(&self, public: PublicId) -> Option<GeofenceId> {
        self.geofences_by_public.get(&public).copied()
    }

    /// The same world for the specification: what was granted is said here once more, and not read from the directory.
    pub(super) fn world(&self) -> spec::World {
        let account = self.account.0;
        let all = |of| spec::Said { of, turn: spec::Turn::Forget, seq: 0 };
        let sub_user = |role, devices: Vec<usize>, geofences: &[usize]| {
            let granted = geofences.iter().filter_map(|at| self.geofences.get(*at));
            let on = granted.map(|(id, _)| spec::Said { of: spec::Of::One(Spot::Geofence(id.0)), turn: spec::Turn::On, seq: 0 });
            let devices = devices.iter().filter_map(|at| self.devices.get(*at)).map(|(id, _)| id.0).collect();
            let said = std::iter::once(all(spec::Of::AllGeofences)).chain(on).collect();
            spec::Access::SubUser(spec::SubUser { role: Some(role), devices, said })
        };
        let dispatchers = (0..self.devices.len()).filter(|at| is_dispatchers(*at)).collect();
        let access = [
            spec::Access::Owner,
            sub_user(1, dispatchers, &DISPATCHER_GEOFENCES),
            sub_user(2, CONTRACTOR_DEVICES.to_vec(), &[CONTRACTOR_GEOFENCE]),
        ];
        let user = |access| spec::User { account, access, enabled: true };
        let role = |window| spec::Role { account, rights: BTreeSet::new(), window };
        spec::World {
            accounts: self.owner().map(|owner| (account, spec::Account { owner: owner.user.0 })).into_iter().collect(),
            users: self.people.iter().zip(access).map(|(person, access)| (person.user.0, user(access))).collect(),
            roles: BTreeMap::from([(1, role(None)), (2, role(Some(CONTRACTOR_WINDOW)))]),
            tariffs: BTreeMap::from([(1, TARIFF_HISTORY)]),
            devices: self.devices.iter().map(|(id, _)| (id.0, spec::Device { account, tariff: 1 })).collect(),
            geofences: self.geofences.iter().map(|(id, _)| (id.0, spec::Object { account })).collect(),
            ..spec::World::default()
        }
    }

    /// Those who look on, as the specification numbers them.
    pub(super) fn viewers(&self) -> Vec<Id> {
        self.people.iter().map(|person| person.user.0).collect()
    }
}

/// Makes everything, through changes of the directory as the operator and the owner would ask for them.
pub(super) async fn build(directory: &Directory, fleet: &[Planned]) -> Result<Scene, Failure> {
    let tariff = Change::CreateTariff { name: "Ninety days".to_owned(), history: TARIFF_HISTORY };
    let tariff = directory.change(Actor::Operator, tariff).await?.id().ok_or("no tariff was made")?;
    let owner = person("Olga", "Owner", "owner@demo.example");
    let account = Change::CreateAccount { name: "Demo".to_owned(), tariff, owner };
    let account = directory.change(Actor::Operator, account).await?.id().ok_or("no account was made")?;
    let snapshot = directory.snapshot();
    let account = snapshot.account_of_public(account).ok_or("no account")?;
    let (account, owner) = (account.id, account.owner);
    let actor = Actor::User(owner, None);

    let devices = fleet.iter().map(|planned| {
        let (identifier, name) = (planned.identifier.to_string(), planned.name.clone());
        Change::RegisterDevice(NewDevice { identifier, name, model: String::new(), tariff: None })
    });
    let devices = directory.change(actor, Change::Batch(devices.collect())).await?.created;
    let fences = Change::Batch(geofences().into_iter().map(Change::CreateGeofence).collect());
    let fences = directory.change(actor, fences).await?.created;
    let rules = rules(&devices, &fences).into_iter().map(Change::CreateRule).collect();
    directory.change(actor, Change::Batch(rules)).await?;
    let mut people = vec![(owner, "owner", "owner@demo.example")];
    people.extend(sub_users(directory, actor, &devices, &fences).await?);

    let snapshot = directory.snapshot();
    let person = |(user, name, email): (UserId, &'static str, &str)| {
        let public_id = snapshot.user(user)?.public_id;
        Some(Person { name, email: email.to_owned(), password: PASSWORD, user, public_id })
    };
    let device = |public: &PublicId| Some((snapshot.device_of_public(*public)?.id, *public));
    let fence = |public: &PublicId| Some((snapshot.geofence_of_public(*public)?.id, *public));
    let devices: Vec<_> = devices.iter().map(device).collect::<Option<_>>().ok_or("a device is not there")?;
    let geofences: Vec<_> = fences.iter().map(fence).collect::<Option<_>>().ok_or("a geofence is not there")?;
    Ok(Scene {
        account,
        people: people.into_iter().map(person).collect::<Option<_>>().ok_or("a user is not there")?,
        devices_by_public: devices.iter().map(|(id, public)| (*public, *id)).collect(),
        geofences_by_public: geofences.iter().map(|(id, public)| (*public, *id)).collect(),
        devices,
        geofences,
    })
}

type Made = (UserId, &'static str, &'static str);

/// The dispatcher and the contractor: their roles, and what they are granted.
async fn sub_users(directory: &Directory, actor: Actor, devices: &[PublicId], fences: &[PublicId]) -> Result<[Made; 2], Failure> {
    let dispatchers = (0..devices.len()).filter(|at| is_dispatchers(*at)).collect();
    let mut made = Vec::new();
    for (name, email, window, granted, geofences) in [
        ("dispatcher", "dispatcher@demo.example", None, dispatchers, DISPATCHER_GEOFENCES.as_slice()),
        ("contractor", "contractor@demo.example", Some(CONTRACTOR_WINDOW), CONTRACTOR_DEVICES.to_vec(), &[CONTRACTOR_GEOFENCE]),
    ] {
        let rights = if window.is_none() { vec![Right::AlertRules, Right::Reports] } else { Vec::new() };
        let role = Change::CreateRole { name: name.to_owned(), rights, window };
        let role = directory.change(actor, role).await?.id().ok_or("no role was made")?;
        let user = person(name, "Demo", email);
        let user = Change::CreateUser { user, access: NewAccess::SubUser { role: Some(role) } };
        let user = directory.change(actor, user).await?.id().ok_or("no user was made")?;
        let devices = granted.iter().filter_map(|at: &usize| devices.get(*at)).copied().collect();
        let each = geofences.iter().filter_map(|at| fences.get(*at)).map(|fence| (*fence, Turn::On)).collect();
        directory.change(actor, Change::SetDevices { user, devices }).await?;
        directory.change(actor, Change::TurnGeofences { user, all: Some(Turn::Forget), each }).await?;
        made.push((directory.snapshot().user_of_public(user).ok_or("no user")?.id, name, email));
    }
    made.try_into().map_err(|_| "two sub-users were to be made".into())
}

fn person(name: &str, surname: &str, email: &str) -> NewUser {
    NewUser {
        email: email.to_owned(),
        password: NewPassword::from(PASSWORD),
        name: name.to_owned(),
        surname: surname.to_owned(),
        phone: String::new(),
    }
}

/// The geofences, laid over the streets that the fleet drives on.
fn geofences() -> Vec<GeofenceForm> {
    let point = |(latitude, longitude)| Point { latitude, longitude };
    let points = |list: &[(f64, f64)]| list.iter().copied().map(point).collect::<Vec<_>>();
    let form = |name: &str, shape, dwell_s| GeofenceForm { name: name.to_owned(), shape, dwell_s };
    let park = Shape::Polygon {
        exterior: points(&[(52.525, 13.405), (52.525, 13.445), (52.550, 13.445), (52.550, 13.405)]),
        holes: vec![points(&[(52.532, 13.418), (52.532, 13.432), (52.543, 13.432), (52.543, 13.418)])],
    };
    let ring_road = Shape::Corridor { line: points(&[(52.500, 13.350), (52.508, 13.400), (52.500, 13.450)]), width_m: 1_200.0 };
    let airfield =
        Shape::Polygon { exterior: points(&[(52.535, 13.345), (52.535, 13.390), (52.560, 13.390), (52.560, 13.345)]), holes: Vec::new() };
    vec![
        form("Centre", Shape::Circle { center: point((52.520, 13.400)), radius_m: 2_400.0 }, 0),
        form("Ring road", ring_road, 0),
        form("Park", park, 0),
        form("Depot", Shape::Circle { center: point((52.505, 13.380)), radius_m: 900.0 }, 30),
        form("Airfield", airfield, 0),
    ]
}

fn rules(devices: &[PublicId], geofences: &[PublicId]) -> Vec<RuleForm> {
    let rule = |name: &str, kind, within: &[usize]| RuleForm {
        name: name.to_owned(),
        kind,
        devices: devices.to_vec(),
        geofences: within.iter().filter_map(|at| geofences.get(*at)).copied().collect(),
        schedule: Schedule::default(),
        enabled: true,
    };
    vec![
        rule("Into the centre or the park", RuleKind::GeofenceEnter {}, &[0, 2]),
        rule("Off the ring road", RuleKind::GeofenceExit {}, &[1]),
        rule("Two minutes in the centre", RuleKind::GeofenceStay { longer_than_s: 120 }, &[0]),
        rule("Faster than 90", RuleKind::Overspeed { faster_than_kmh: 90.0 }, &[]),
        rule("Faster than 60 in the centre", RuleKind::Overspeed { faster_than_kmh: 60.0 }, &[0]),
        rule("Ignition off", RuleKind::IgnitionOff {}, &[]),
        rule("Alarm of a device", RuleKind::DeviceAlarm { alarms: Vec::new() }, &[]),
    ]
}
