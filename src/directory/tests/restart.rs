//! What is there after a restart, and what happens when the disk does not serve.

use super::*;
use crate::config::{Config, DirectoryConfig};
use crate::model::Definitions as _;
use sqlx::Connection as _;
use std::path::Path;

fn config() -> Config {
    let directory = DirectoryConfig { password_memory_kib: 8, password_passes: 1, busy_timeout_ms: 100, ..DirectoryConfig::default() };
    Config { directory, ..Config::default() }
}

async fn open(dir: &Path, places: &Arc<Places>) -> Directory {
    let clock = Arc::new(Clock::standing_at(NOW));
    Directory::open(dir, &config(), clock, Some(Arc::clone(places) as _)).await.expect("opened")
}

async fn world_in(dir: &Path) -> World {
    let places = Arc::new(Places::default());
    let directory = open(dir, &places).await;
    let told = Arc::new(Told::default());
    directory.set_barrier(Arc::clone(&told) as _);
    World::in_directory(directory, Arc::new(Clock::standing_at(NOW)), places, told).await
}

/// A bit of everything.
async fn fill(w: &World) -> UserId {
    let role = w.owner(Change::CreateRole { name: "R".into(), rights: vec![Right::Geofences, Right::Video], window: Some(DAY) }).await;
    let user = w.member("a@one.example", NewAccess::SubUser { role: Some(role) }).await;
    let categories = policy::Categories::none().with(policy::Category::Claims, policy::Level::Edit);
    let team = w.member("c@one.example", NewAccess::Custom(categories)).await;
    let (one, two) = (w.register("1").await, w.register("2").await);
    w.owner(Change::SetDevices { user: w.user(user), devices: vec![one, two] }).await;
    let settings = Some(r#"{"work_statuses":["a"],"x":0.1}"#.to_owned());
    w.owner(Change::EditPlatform { device: one, version: None, name: None, model: None, settings }).await;
    w.owner(Change::SetWorkStatus { device: one, status: Some("a".into()) }).await;
    let ring = [(0.1, 0.2), (0.3, 1.7), (1.1, 0.7)].map(|(latitude, longitude)| Point { latitude, longitude });
    let polygon = GeofenceForm { shape: Shape::Polygon { exterior: ring.to_vec(), holes: vec![] }, ..circle(1.0) };
    let (fence, gone) = (w.owner(Change::CreateGeofence(polygon)).await, w.owner(Change::CreateGeofence(circle(0.123_456_789))).await);
    let spot = w.owner(Change::CreatePlace(PlaceForm { radius_m: 0.1 + 0.2, ..place("Depot") })).await;
    w.by(user, Change::CreateGeofence(circle(3.3))).await.expect("he may");
    let rule = RuleForm {
        name: "Fast".into(),
        kind: crate::model::RuleKind::Overspeed { faster_than_kmh: 123.456_789_012_345_67 },
        devices: vec![one, two],
        geofences: vec![fence],
        schedule: crate::model::Schedule { time_zone: Some("Europe/Berlin".into()), spans: vec![] },
        enabled: true,
    };
    w.owner(Change::CreateRule(rule)).await;
    w.owner(Change::TurnGeofences { user: w.user(user), all: Some(Turn::Off), each: vec![(fence, Turn::On), (gone, Turn::Forget)] }).await;
    w.owner(Change::TurnPlaces { user: w.user(user), all: None, each: vec![(spot, Turn::Off)] }).await;
    w.owner(Change::DeleteGeofence { geofence: gone }).await;
    w.owner(Change::SetUserDisabled { user: w.user(team), disabled: true }).await;
    user
}

#[tokio::test]
async fn after_a_restart_everything_is_as_it_was() {
    let dir = tempfile::tempdir().expect("a folder");
    let w = world_in(dir.path()).await;
    let user = fill(&w).await;
    let open_session = w.directory.sign_in("a@one.example", PASSWORD, None).await.expect("signed in");
    let before = w.snapshot();
    let versions: Vec<_> = (0..=before.version()).map(|v| w.directory.at(v)).collect();
    w.directory.close().await;
    assert_eq!(w.by(w.owner, Change::CreateGeofence(circle(1.0))).await, Err(ChangeError::Closed));

    let again = open(dir.path(), &w.places).await;
    assert_eq!(*again.snapshot(), *before);
    assert_eq!((0..=before.version()).map(|v| again.at(v)).collect::<Vec<_>>(), versions, "all versions too");
    assert_eq!(w.places.appended.lock().last().map(|(_, version)| *version), Some(before.version()), "what a crash left out is told");
    assert_eq!(again.session(open_session.token.as_str()).map(|s| s.user), Some(user));
    again.forget_before(before.version() - 1);
    again.close().await;
    let third = open(dir.path(), &w.places).await;
    assert_eq!(*third.snapshot(), *before);
    assert!(third.at(before.version() - 1).is_some() && third.at(before.version() - 2).is_none());
    third
        .change(Actor::User(user, Some(open_session.session.id)), Change::CloseSession { session: open_session.session.id })
        .await
        .expect("out");
    third.close().await;
    assert!(open(dir.path(), &w.places).await.session(open_session.token.as_str()).is_none());
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_by_name() {
    let dir = tempfile::tempdir().expect("a folder");
    world_in(dir.path()).await.directory.close().await;
    let url = format!("sqlite://{}", dir.path().join("directory.db").display());
    let mut raw = sqlx::AnyConnection::connect(&url).await.expect("a connection");
    sqlx::query("INSERT INTO schema_form (form) VALUES (99)").execute(&mut raw).await.expect("written");
    raw.close().await.expect("closed");
    let clock = Arc::new(Clock::standing_at(NOW));
    let error = Directory::open(dir.path(), &config(), clock, None).await.err().expect("refused").to_string();
    assert!(error.contains("directory.db") && error.contains("newer") && error.contains("99"), "{error}");
}

#[tokio::test]
async fn p6_a_revoke_that_cannot_be_stored_takes_effect_and_says_so() {
    let dir = tempfile::tempdir().expect("a folder");
    let w = world_in(dir.path()).await;
    let user = fill(&w).await;
    let id = w.user(user);
    let open_session = w.directory.sign_in("a@one.example", PASSWORD, None).await.expect("signed in");
    w.told.take();
    // Somebody else holds the file.
    let url = format!("sqlite://{}", dir.path().join("directory.db").display());
    let mut holder = sqlx::AnyConnection::connect(&url).await.expect("a connection");
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut holder).await.expect("held");
    let epoch = w.snapshot().epoch();
    let widened = w.by(w.owner, Change::RegisterDevice(device("9"))).await;
    assert!(matches!(widened, Err(ChangeError::Storage(_))), "{widened:?}");
    assert_eq!((w.snapshot().epoch(), w.told.take().len()), (epoch, 0), "nothing happened");
    let narrowed = w.by(w.owner, Change::SetDevices { user: id, devices: vec![] }).await;
    assert!(matches!(narrowed, Err(ChangeError::StorageFull(_))), "{narrowed:?}");
    assert!(w.viewer(user).devices().is_empty() && w.told.one().narrows, "it is in force all the same");
    let disabled = w.by(w.owner, Change::SetUserDisabled { user: id, disabled: true }).await;
    assert!(matches!(disabled, Err(ChangeError::StorageFull(_))), "{disabled:?}");
    assert_eq!(w.told.one().closed_sessions, [open_session.session.id]);
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.expect("let go");
    holder.close().await.expect("closed");
    // The next change takes along what was left.
    w.owner(Change::CreatePlace(place("Next"))).await;
    let before = w.snapshot();
    w.directory.close().await;
    let again = open(dir.path(), &w.places).await;
    assert_eq!(*again.snapshot(), *before);
    assert!(again.snapshot().viewer(user, 1).expect("a user").disabled && again.session(open_session.token.as_str()).is_none());
}

#[tokio::test]
async fn a_batch_is_made_whole_or_not_at_all() {
    let w = World::new().await;
    let epoch = w.snapshot().epoch();
    let bad = vec![Change::RegisterDevice(device("1")), Change::RegisterDevice(device("1"))];
    assert_eq!(w.by(w.owner, Change::Batch(bad)).await, Err(ChangeError::IdentifierTaken));
    assert_eq!((w.snapshot().epoch(), w.snapshot().devices().count()), (epoch, 0));
    let many = (0..1_000).map(|i| Change::RegisterDevice(device(&i.to_string()))).collect();
    let changed = w.by(w.owner, Change::Batch(many)).await.expect("made");
    assert_eq!((changed.created.len(), changed.epoch), (1_000, epoch + 1));
    assert_eq!(w.viewer(w.owner).devices().len(), 1_000);
    let nested = Change::Batch(vec![Change::Batch(vec![])]);
    invalid(w.by(w.owner, nested).await, "batch");
}

#[tokio::test]
async fn after_a_crash_every_change_that_returned_is_there() {
    let (dir, copy) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let w = world_in(dir.path()).await;
    fill(&w).await;
    let before = w.snapshot();
    // What a process that is killed leaves: the files as they are, nothing closed.
    for file in ["directory.db", "directory.db-wal"] {
        std::fs::copy(dir.path().join(file), copy.path().join(file)).expect("copied");
    }
    assert_eq!(*open(copy.path(), &w.places).await.snapshot(), *before);
}

#[tokio::test]
async fn a_caller_who_goes_away_undoes_nothing() {
    let w = World::new().await;
    let epoch = w.snapshot().epoch();
    {
        let change = w.by(w.owner, Change::RegisterDevice(device("1")));
        tokio::pin!(change);
        // Polled once: it is on its way to the writer, and then nobody waits for it any more.
        assert!(futures_util::poll!(change.as_mut()).is_pending());
    }
    let changed = w.by(w.owner, Change::RegisterDevice(device("2"))).await.expect("registered");
    assert_eq!((changed.epoch, w.snapshot().devices().count()), (epoch + 2, 2));
}
