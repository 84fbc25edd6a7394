//! The small world, in the words of the specification and in those of this crate.

use std::collections::{BTreeMap, BTreeSet};

use policy::{
    Access, AccountId, Action, Categories, Category, DeviceId, DeviceWindows, GeofenceId, GrantState, Level, ObjectGrants, PlaceId,
    Recorded, Resource, Right, RightSet, Role, SubUser, UserId, Viewer,
};
use spec::{Act, Answer, Latest, Of, Said, Spot, Turn, World};

use crate::cast::DAY;
use crate::items::Item;

pub const NOW: i64 = 20_000 * DAY;
pub const SUB_USER: spec::Id = 10;
/// When the events of the world were recorded: between the two ends of grants.
const SEQ: u64 = 10;
const ENDS: [u64; 3] = [5, SEQ, 15];
/// The history periods of the two devices' tariffs.
const HISTORY: [i64; 2] = [30 * DAY, 2 * DAY];
const GEOFENCES: [Spot; 2] = [Spot::Geofence(1), Spot::Geofence(2)];
const PLACE: Spot = Spot::Place(1);
const FOREIGN_DEVICE: u32 = 9;

/// What may have been said of a grant, and what it is then.
const STATES: [Option<GrantState>; 6] = [
    None,
    Some(GrantState::Active),
    Some(GrantState::EndedAt(ENDS[0])),
    Some(GrantState::EndedAt(ENDS[1])),
    Some(GrantState::EndedAt(ENDS[2])),
    Some(GrantState::Forgotten),
];

/// The roles: none, and windows beyond, inside and before what was recorded, with and without a right.
fn roles() -> Vec<Option<(Option<i64>, Option<Right>)>> {
    let windows = [None, Some(100 * DAY), Some(3 * DAY), Some(DAY)];
    let mut roles = vec![None];
    roles.extend(windows.into_iter().map(|window| Some((window, None))));
    roles.extend([Right::AlertRules, Right::Geofences, Right::VehicleSystems].map(|right| Some((Some(3 * DAY), Some(right)))));
    roles
}

/// One state of the sub-user.
#[derive(Clone, Debug)]
pub struct State {
    devices: [bool; 2],
    geofence_flag: Option<GrantState>,
    geofences: [Option<GrantState>; 2],
    place_flag: Option<GrantState>,
    place: Option<GrantState>,
    role: Option<(Option<i64>, Option<Right>)>,
    disabled: bool,
}

/// Every state of devices × flags × own states × roles. The place and the geofences cannot influence one another but by being
/// named together, so of the place's 36 states each geofence state is met by six, another six each time.
pub fn states() -> impl Iterator<Item = State> {
    let mut states = Vec::new();
    let roles = roles();
    for (number, geofences) in (0..6 * 6 * 6).map(|n| [STATES[n % 6], STATES[n / 6 % 6], STATES[n / 36]]).enumerate() {
        for devices in [[false, false], [true, false], [false, true], [true, true]] {
            for (turn, role) in roles.iter().enumerate() {
                for at in 0..6 {
                    states.push(State {
                        devices,
                        geofence_flag: geofences[0],
                        geofences: [geofences[1], geofences[2]],
                        place_flag: STATES[at],
                        place: STATES[(at + number + turn) % 6],
                        role: *role,
                        disabled: number % 50 == 49 && at == 0,
                    });
                }
            }
        }
    }
    states.into_iter()
}

/// What was said, for it to be in this state.
fn said(of: Of, state: Option<GrantState>) -> Vec<Said> {
    let on = Said { of, turn: Turn::On, seq: 0 };
    match state {
        None => vec![],
        Some(GrantState::Active) => vec![on],
        Some(GrantState::EndedAt(seq)) => vec![on, Said { of, turn: Turn::Off, seq }],
        Some(GrantState::Forgotten) => vec![on, Said { of, turn: Turn::Forget, seq: ENDS[0] }],
    }
}

fn spec_right(right: Right) -> spec::Right {
    match right {
        Right::AlertRules => spec::Right::AlertRules,
        Right::Geofences => spec::Right::Geofences,
        Right::VehicleSystems => spec::Right::VehicleSystems,
        other => panic!("no role here has {other}"),
    }
}

impl State {
    /// Puts the sub-user of the specification's world into this state.
    pub fn enter(&self, world: &mut World) {
        let role = self.role.map(|(window, right)| {
            let rights = right.map(spec_right).into_iter().collect();
            world.roles.insert(1, spec::Role { account: 1, rights, window });
            1
        });
        let devices = [1, 2].into_iter().zip(self.devices).filter(|it| it.1).map(|it| it.0).collect();
        let words = [
            said(Of::AllGeofences, self.geofence_flag),
            said(Of::One(GEOFENCES[0]), self.geofences[0]),
            said(Of::One(GEOFENCES[1]), self.geofences[1]),
            said(Of::AllPlaces, self.place_flag),
            said(Of::One(PLACE), self.place),
        ];
        let access = spec::Access::SubUser(spec::SubUser { role, devices, said: words.concat() });
        world.users.insert(SUB_USER, spec::User { account: 1, access, enabled: !self.disabled });
    }

    /// The same user, compiled.
    pub fn viewer(&self) -> Viewer {
        fn own<Id>(state: Option<GrantState>, id: Id) -> Option<(Id, GrantState)> {
            state.map(|state| (id, state))
        }
        let geofences = own(self.geofences[0], GeofenceId(1)).into_iter().chain(own(self.geofences[1], GeofenceId(2)));
        let sub = SubUser {
            role: self.role.map(|(window, right)| Role { rights: RightSet::of_role(right).expect("additional"), window }),
            devices: [1, 2]
                .into_iter()
                .zip(self.devices)
                .filter(|it| it.1)
                .map(|it| (DeviceId(it.0), HISTORY[it.0 as usize - 1]))
                .collect(),
            geofences: ObjectGrants::new(self.geofence_flag, geofences),
            places: ObjectGrants::new(self.place_flag, own(self.place, PlaceId(1))),
        };
        Viewer { disabled: self.disabled, ..viewer(1, SUB_USER, Access::SubUser(sub)) }
    }
}

fn viewer(account: u32, user: spec::Id, access: Access) -> Viewer {
    let devices: Vec<u32> = if account == 1 { vec![1, 2] } else { vec![FOREIGN_DEVICE] };
    let account_devices = devices.into_iter().map(|id| (DeviceId(id), HISTORY[usize::from(id == 2)])).collect::<DeviceWindows>();
    Viewer { account: AccountId(account), user: UserId(user), access, account_devices, epoch: 1, generation: 1, disabled: false }
}

/// Every kind of person with access to a whole account, put into the world and compiled.
pub fn people(world: &mut World) -> Vec<(spec::Id, Viewer)> {
    let mut people = vec![
        (1, spec::Access::Owner, Access::Owner),
        (1, spec::Access::Admin, Access::Admin),
        (1, spec::Access::ReadOnly, Access::ReadOnly),
        (2, spec::Access::Owner, Access::Owner),
        (1, spec::Access::Custom(BTreeMap::new()), Access::Custom(Categories::none())),
    ];
    for (category, here) in [(spec::Category::Assets, Category::Assets), (spec::Category::Workforce, Category::Workforce)] {
        for (level, same) in [(spec::Level::View, Level::View), (spec::Level::Edit, Level::Edit)] {
            let custom = spec::Access::Custom(BTreeMap::from([(category, level)]));
            people.push((1, custom, Access::Custom(Categories::none().with(here, same))));
        }
    }
    let enabled = [true, false];
    let mut out = Vec::new();
    for (number, ((account, access, same), enabled)) in people.iter().flat_map(|it| enabled.map(|on| (it, on))).enumerate() {
        let user = 100 + number as spec::Id;
        world.users.insert(user, spec::User { account: *account, access: access.clone(), enabled });
        out.push((user, Viewer { disabled: !enabled, ..viewer(*account, user, same.clone()) }));
    }
    out
}

/// What exists besides users.
pub fn world() -> World {
    let mut world = World {
        accounts: BTreeMap::from([(1, spec::Account { owner: 100 }), (2, spec::Account { owner: 106 })]),
        tariffs: BTreeMap::from([(1, HISTORY[0]), (2, HISTORY[1])]),
        devices: BTreeMap::from([1, 2].map(|id| (id, spec::Device { account: 1, tariff: id }))),
        geofences: BTreeMap::from([1, 2].map(|id| (id, spec::Object { account: 1 }))),
        places: BTreeMap::from([(1, spec::Object { account: 1 })]),
        ..World::default()
    };
    world.devices.insert(FOREIGN_DEVICE, spec::Device { account: 2, tariff: 1 });
    for (id, device) in [(1, Some(1)), (2, Some(2)), (3, None)] {
        world.vehicles.insert(id, spec::Linked { account: 1, device });
        world.employees.insert(id, spec::Linked { account: 1, device });
    }
    for (number, (devices, spots)) in named().into_iter().enumerate() {
        world.rules.insert(number as u32, spec::Rule { account: 1, devices: devices.clone(), spots: spots.clone() });
        world.tasks.insert(number as u32, spec::Task { account: 1, devices, spots });
    }
    world
}

/// Every set of devices with some sets of geofences and places: what rules and tasks name.
fn named() -> Vec<(BTreeSet<u32>, BTreeSet<Spot>)> {
    let spots = [vec![], vec![GEOFENCES[0]], GEOFENCES.to_vec(), vec![GEOFENCES[1], PLACE]];
    let devices = [vec![], vec![1], vec![2], vec![1, 2]];
    devices
        .iter()
        .flat_map(|devices| spots.iter().map(|spots| (devices.iter().copied().collect(), spots.iter().copied().collect())))
        .collect()
}

/// What the specification says of something.
pub enum Expect {
    Seen(bool),
    Visit(Option<spec::VisitView>),
    Rule(Option<spec::RuleView>),
    Answer(Answer),
}

type Specified = dyn Fn(&World, spec::Id) -> Expect;

/// Something, in the words of this crate, and what the specification says of it.
pub struct Asked {
    pub name: String,
    pub item: Item,
    /// A visit that has ended.
    pub ended: bool,
    pub expect: Box<Specified>,
}

fn ask(name: String, item: Item, expect: impl Fn(&World, spec::Id) -> Expect + 'static) -> Asked {
    Asked { name, item, ended: false, expect: Box::new(expect) }
}

fn seen(name: String, item: Item, see: impl Fn(&World, spec::Id) -> bool + 'static) -> Asked {
    ask(name, item, move |world, user| Expect::Seen(see(world, user)))
}

fn act(resource: Resource, action: Action, item: Item, act: Act) -> Asked {
    let item = Item { resource, action, ..item };
    ask(format!("{act:?}"), item, move |world, user| Expect::Answer(spec::may_change(world, user, &act, NOW)))
}

fn naming(resource: Resource, devices: &[u32], spots: &[Spot]) -> Item {
    let mut item = Item { devices: devices.iter().copied().map(DeviceId).collect(), ..Item::new(resource, Action::See) };
    for spot in spots {
        match spot {
            Spot::Geofence(id) => item.geofences.push(GeofenceId(*id)),
            Spot::Place(id) => item.places.push(PlaceId(*id)),
        }
    }
    item
}

/// Everything that is asked.
pub fn asked() -> Vec<Asked> {
    let mut all = positions();
    all.extend(visits());
    all.extend(alerts());
    all.extend(definitions());
    all.extend(acts());
    all
}

fn positions() -> Vec<Asked> {
    let times = [
        (Some(NOW - DAY), NOW - DAY),
        (Some(NOW - DAY - 1), NOW - DAY),
        (Some(NOW - 3 * DAY), NOW),
        (Some(NOW - 40 * DAY), NOW),
        (Some(NOW + 300 * DAY), NOW - 3 * DAY - 1),
        (None, NOW - 2 * DAY),
        (None, NOW - 2 * DAY - 1),
    ];
    let mut all = Vec::new();
    for device in [1, 2, FOREIGN_DEVICE] {
        for (fix_time, recorded_at) in times {
            let position = spec::Position { device, fix_time, seq: SEQ, recorded_at };
            let item = |resource| Item {
                account: AccountId(if device == FOREIGN_DEVICE { 2 } else { 1 }),
                from: fix_time,
                to: fix_time,
                recorded: Some(Recorded { seq: SEQ, at: recorded_at }),
                ..naming(resource, &[device], &[])
            };
            let see = move |world: &World, user| spec::may_see_position(world, user, &position, NOW);
            all.push(seen(format!("{position:?}"), item(Resource::Position), see));
            let latest = move |world: &World, user| spec::may_see_latest(world, user, &position, NOW) == Latest::Shown;
            all.push(seen(format!("latest {position:?}"), item(Resource::LatestPosition), latest));
        }
    }
    all
}

fn visits() -> Vec<Asked> {
    let spans = [
        (NOW - DAY, Some(NOW - DAY / 2), NOW),
        (NOW - 4 * DAY, Some(NOW - DAY), NOW),
        (NOW - 40 * DAY, None, NOW - DAY / 3),
        (NOW - 40 * DAY, Some(NOW - 35 * DAY), NOW),
        (NOW + 40 * DAY, Some(NOW + 50 * DAY), NOW - 2 * DAY - 1),
    ];
    let mut all = Vec::new();
    for (device, spot) in [1, 2].into_iter().flat_map(|device| [GEOFENCES[0], GEOFENCES[1], PLACE].map(|spot| (device, spot))) {
        for (entered, exited, recorded_at) in spans {
            let known_until = exited.unwrap_or(recorded_at);
            let visit = spec::Visit { device, spot, entered, exited, known_until, seq: SEQ, recorded_at };
            let item = Item {
                from: Some(entered),
                to: Some(known_until),
                recorded: Some(Recorded { seq: SEQ, at: recorded_at }),
                ..naming(Resource::Visit, &[device], &[spot])
            };
            let expect = move |world: &World, user| Expect::Visit(spec::visible_visit(world, user, &visit, NOW));
            all.push(Asked { ended: exited.is_some(), ..ask(format!("{visit:?}"), item, expect) });
        }
    }
    all
}

fn alerts() -> Vec<Asked> {
    let spots = [None, Some(GEOFENCES[0]), Some(GEOFENCES[1]), Some(PLACE)];
    let mut all = Vec::new();
    for (device, spot) in [1, 2].into_iter().flat_map(|device| spots.map(|spot| (device, spot))) {
        for (from, exit) in [(NOW - DAY / 2, false), (NOW - 3 * DAY, false), (NOW - 50 * DAY, true)] {
            let (to, recorded_at) = (NOW - DAY / 4, NOW);
            let alert = spec::Alert { device, spot, rule: None, from, to, exit, seq: SEQ, recorded_at };
            let item = Item {
                from: Some(if exit { to } else { from }),
                to: Some(to),
                recorded: Some(Recorded { seq: SEQ, at: recorded_at }),
                ..naming(Resource::Alert, &[device], spot.as_slice())
            };
            let see = move |world: &World, user| spec::may_see_alert(world, user, &alert, NOW);
            all.push(seen(format!("{alert:?}"), item.clone(), see));
            all.push(act(Resource::Alert, Action::Acknowledge, item, Act::Acknowledge(alert)));
        }
    }
    all
}

fn definitions() -> Vec<Asked> {
    let mut all = Vec::new();
    for id in [1, 2] {
        let see = move |world: &World, user| spec::may_see_device(world, user, id);
        all.push(seen(format!("device {id}"), naming(Resource::Device, &[id], &[]), see));
        let see = move |world: &World, user| spec::may_see_geofence(world, user, id);
        all.push(seen(format!("geofence {id}"), naming(Resource::Geofence, &[], &[Spot::Geofence(id)]), see));
    }
    let see = |world: &World, user| spec::may_see_place(world, user, 1);
    all.push(seen("place".to_owned(), naming(Resource::Place, &[], &[PLACE]), see));
    for (id, devices) in [(1, vec![1]), (2, vec![2]), (3, vec![])] {
        let see = move |world: &World, user| spec::may_see_vehicle(world, user, id);
        all.push(seen(format!("vehicle {id}"), naming(Resource::Vehicle, &devices, &[]), see));
        let see = move |world: &World, user| spec::may_see_employee(world, user, id);
        all.push(seen(format!("employee {id}"), naming(Resource::Employee, &devices, &[]), see));
    }
    for (number, (devices, spots)) in named().into_iter().enumerate() {
        let (id, devices, spots) = (number as u32, devices.into_iter().collect::<Vec<_>>(), spots.into_iter().collect::<Vec<_>>());
        let item = naming(Resource::AlertRule, &devices, &spots);
        let expect = move |world: &World, user| Expect::Rule(spec::narrowed_rule(world, user, id));
        all.push(ask(format!("rule of {devices:?} {spots:?}"), item, expect));
        let see = move |world: &World, user| spec::may_see_task(world, user, id);
        all.push(seen(format!("task of {devices:?} {spots:?}"), naming(Resource::Task, &devices, &spots), see));
    }
    all
}

fn acts() -> Vec<Asked> {
    let mut all = vec![act(Resource::Geofence, Action::Create, naming(Resource::Geofence, &[], &[]), Act::CreateSpot(GEOFENCES[0]))];
    for id in [1, 2] {
        let device = || naming(Resource::Device, &[id], &[]);
        all.extend([
            act(Resource::Device, Action::EditPlatform, device(), Act::SetPlatformSettings(id)),
            act(Resource::Device, Action::SeeHardware, device(), Act::SeeHardwareSettings(id)),
            act(Resource::Device, Action::EditHardware, device(), Act::SetHardwareSettings(id)),
            act(Resource::Device, Action::SetWorkStatus, device(), Act::SetWorkStatus(id)),
            act(Resource::Device, Action::AskReport, device(), Act::AskReport(id)),
            act(Resource::Device, Action::SwitchAuxiliaryOutput, device(), Act::SwitchAuxiliaryOutput(id)),
            act(Resource::Device, Action::SwitchVehicleOutput, device(), Act::SwitchVehicleSystem(id)),
            act(Resource::Device, Action::Delete, device(), Act::DeleteDevice(id)),
            act(Resource::Vehicle, Action::Edit, device(), Act::ChangeVehicle(id)),
            act(Resource::Employee, Action::Edit, device(), Act::ChangeEmployee(id)),
        ]);
    }
    for spot in [GEOFENCES[0], GEOFENCES[1], PLACE] {
        let resource = if spot == PLACE { Resource::Place } else { Resource::Geofence };
        all.push(act(resource, Action::Edit, naming(resource, &[], &[spot]), Act::ChangeSpot(spot)));
    }
    for (number, (devices, spots)) in named().into_iter().enumerate() {
        let (listed, tied) = (devices.iter().copied().collect::<Vec<_>>(), spots.iter().copied().collect::<Vec<_>>());
        let rule = naming(Resource::AlertRule, &listed, &tied);
        all.push(act(Resource::AlertRule, Action::Edit, rule, Act::ChangeRule(number as u32)));
        all.push(act(Resource::Task, Action::Edit, naming(Resource::Task, &listed, &tied), Act::ChangeTask(number as u32)));
    }
    all.push(act(Resource::Device, Action::Register, naming(Resource::Device, &[], &[]), Act::RegisterDevice));
    all
}
