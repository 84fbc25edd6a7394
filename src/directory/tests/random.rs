//! Random changes: a reopened directory is equal to the one that was closed, and what is enforced is what was taken away.

use super::*;
use crate::config::{Config, DirectoryConfig};
use proptest::prelude::*;

/// One random change: who, what, and which objects.
type Step = (u8, u8, u8, u8);

/// Ids that were made, to choose from.
#[derive(Default)]
struct Known {
    users: Vec<PublicId>,
    roles: Vec<PublicId>,
    devices: Vec<PublicId>,
    geofences: Vec<PublicId>,
    places: Vec<PublicId>,
    rules: Vec<PublicId>,
}

fn pick(from: &[PublicId], at: u8) -> PublicId {
    if from.is_empty() { PublicId::nil() } else { from[usize::from(at) % from.len()] }
}

fn turn(at: u8) -> Turn {
    [Turn::On, Turn::Off, Turn::Forget][usize::from(at) % 3]
}

fn rights(bits: u8) -> Vec<Right> {
    [Right::Geofences, Right::Places, Right::AlertRules, Right::DeviceActivation]
        .into_iter()
        .enumerate()
        .filter(|(i, _)| bits >> i & 1 == 1)
        .map(|(_, r)| r)
        .collect()
}

fn access(known: &Known, a: u8) -> NewAccess {
    match a % 4 {
        0 => NewAccess::Admin,
        1 => NewAccess::ReadOnly,
        2 => NewAccess::SubUser { role: None },
        _ => NewAccess::SubUser { role: known.roles.get(usize::from(a) % known.roles.len().max(1)).copied() },
    }
}

fn change(known: &Known, (what, a, b): (u8, u8, u8)) -> Change {
    let (user, role, device) = (pick(&known.users, a), pick(&known.roles, a), pick(&known.devices, b));
    let (geofence, place_id, rule) = (pick(&known.geofences, b), pick(&known.places, b), pick(&known.rules, b));
    let version = None;
    match what % 24 {
        0 => Change::CreateUser { user: person(&format!("u{a}-{b}@one.example")), access: access(known, a) },
        1 => Change::SetAccess { user, version, access: access(known, b) },
        2 => Change::SetUserDisabled { user, disabled: b % 2 == 0 },
        3 => Change::DeleteUser { user },
        4 => Change::CreateRole { name: "R".into(), rights: rights(a), window: (b % 2 == 0).then_some(i64::from(b) * DAY + 1) },
        5 => Change::EditRole { role, version, name: "S".into(), rights: rights(b), window: None },
        6 if b % 4 == 0 => Change::DeleteRole { role },
        6 | 7 => Change::SetDevices { user, devices: vec![device] },
        8 => Change::EditDevices { user, add: vec![device], remove: vec![pick(&known.devices, a)] },
        9 | 10 => Change::TurnGeofences { user, all: (a % 3 == 0).then_some(turn(b)), each: vec![(geofence, turn(a))] },
        11 | 12 => Change::TurnPlaces { user, all: (b % 3 == 0).then_some(turn(a)), each: vec![(place_id, turn(b))] },
        13 => Change::RegisterDevice(super::device(&format!("{a}"))),
        14 => Change::SetDeviceDisabled { device, disabled: a % 2 == 0 },
        15 => Change::DeleteDevice { device },
        16 | 17 => Change::CreateGeofence(circle(f64::from(a) / 7.0)),
        18 => Change::EditGeofence { geofence, version, form: circle(f64::from(a) / 3.0) },
        19 if a % 2 == 0 => Change::DeleteGeofence { geofence },
        19 | 20 => Change::CreatePlace(place("P")),
        21 => Change::DeletePlace { place: place_id },
        22 => Change::CreateRule(form(device, geofence)),
        _ if a % 3 == 0 => Change::DeleteRule { rule },
        _ => Change::EditRule { rule, version, form: form(device, geofence) },
    }
}

fn form(device: PublicId, geofence: PublicId) -> RuleForm {
    let kind = crate::model::RuleKind::GeofenceEnter {};
    RuleForm { name: "N".into(), kind, devices: vec![device], geofences: vec![geofence], schedule: Default::default(), enabled: true }
}

fn note(known: &mut Known, snapshot: &Snapshot, created: &[PublicId]) {
    for id in created {
        match snapshot.find(*id) {
            Some(Object::User(_)) => known.users.push(*id),
            Some(Object::Role(_)) => known.roles.push(*id),
            Some(Object::Device(_)) => known.devices.push(*id),
            Some(Object::Geofence(_)) => known.geofences.push(*id),
            Some(Object::Place(_)) => known.places.push(*id),
            Some(Object::Rule(_)) => known.rules.push(*id),
            Some(Object::Account(_) | Object::Tariff(_)) | None => {}
        }
    }
}

/// Whether a viewer lost something from one snapshot to the next, looked at object by object.
fn lost(before: &Snapshot, after: &Snapshot, user: UserId) -> bool {
    let (Some(was), Some(is)) = (before.viewer(user, 0), after.viewer(user, 0)) else { return before.viewer(user, 0).is_some() };
    let devices = was.devices().ids().any(|d| policy::window(&is, d) < policy::window(&was, d));
    let fences = before.definitions().geofences.keys().any(|g| is.geofence_grant(*g) < was.geofence_grant(*g));
    let spots = before.places.keys().any(|p| is.place_grant(*p) < was.place_grant(*p));
    let rights = Right::ALL.iter().any(|r| was.holds(*r) && !is.holds(*r));
    let categories = policy::Category::ALL.iter().any(|c| is.access.level(*c) < was.access.level(*c));
    devices || fences || spots || rights || categories || (is.disabled && !was.disabled)
}

async fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let dir = tempfile::tempdir().expect("a folder");
    let directory = DirectoryConfig { durable: false, password_memory_kib: 8, password_passes: 1, ..DirectoryConfig::default() };
    let config = Config { directory, ..Config::default() };
    let (clock, places, told) = (Arc::new(Clock::standing_at(NOW)), Arc::new(Places::default()), Arc::new(Told::default()));
    let opened = Directory::open(dir.path(), &config, Arc::clone(&clock), Some(Arc::clone(&places) as _)).await.expect("opened");
    opened.set_barrier(Arc::clone(&told) as _);
    let w = World::in_directory(opened, Arc::clone(&clock), places, told).await;
    let mut known = Known::default();
    for (who, what, a, b) in steps {
        let snapshot = w.snapshot();
        let actors: Vec<UserId> = snapshot.users().map(|u| u.id).collect();
        let actor = if who % 3 == 0 { actors[usize::from(who) % actors.len()] } else { w.owner };
        let result = w.by(actor, change(&known, (what, a, b))).await;
        let after = w.snapshot();
        let cuts = w.told.take();
        let taken: Vec<UserId> = actors.iter().copied().filter(|user| lost(&snapshot, &after, *user)).collect();
        match &result {
            Ok(changed) => note(&mut known, &after, &changed.created),
            Err(_) => prop_assert_eq!(snapshot.epoch(), after.epoch(), "refused, and yet changed"),
        }
        for user in taken {
            prop_assert!(cuts.iter().any(|c| c.narrows && c.users.contains(&user)), "{:?} lost something and nothing was enforced", user);
        }
        prop_assert!(cuts.iter().all(|c| c.epoch == after.epoch()));
    }
    let before = w.snapshot();
    w.directory.close().await;
    let again = Directory::open(dir.path(), &config, clock, None).await.expect("opened");
    prop_assert_eq!(&*again.snapshot(), &*before);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn random_changes_survive_a_restart_and_losses_are_enforced(steps in proptest::collection::vec(any::<Step>(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(run(steps))?;
    }
}

/// The directory keeps up with a differential run: some hundreds of changes a second even in a debug build.
#[tokio::test]
async fn changes_are_quick_enough_for_a_million_operations() {
    let w = World::new().await;
    let (user, one, two) = (w.user(w.sub_user("a@one.example", &[]).await), w.register("1").await, w.register("2").await);
    let began = std::time::Instant::now();
    for i in 0..300 {
        w.owner(Change::SetDevices { user, devices: vec![if i % 2 == 0 { one } else { two }] }).await;
    }
    let each = began.elapsed() / 300;
    assert!(each < std::time::Duration::from_millis(50), "{each:?} a change");
}
