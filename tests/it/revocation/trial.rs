//! One trial: load, a storm of what is to be forbidden, the revoking call in the middle of it, a stream and reads opened during
//! it; then marked
//! records, and a look at every way out.

use super::http::{Reply, get};
use super::kind::{Forbidden, Kind, Subject};
use super::watcher::{End, Told, Watcher};
use super::world::{Car, World};
use purview::model::{Micros, write_rfc3339};
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Whether the revoking call is made, or only pretended: the planted bug.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Real,
    Nothing,
}

/// The trials of one kind, one after the other in one gateway.
pub struct Trials {
    world: Arc<World>,
    kind: Kind,
    subject: Option<Subject>,
    steady: Option<Watcher>,
    load: JoinHandle<()>,
    took: Vec<Duration>,
    seen: usize,
}

impl Drop for Trials {
    fn drop(&mut self) {
        self.load.abort();
    }
}

/// What was recorded after the revoking call had returned, and where the trial ends.
struct Marks {
    taken: Vec<Micros>,
    old: Vec<Micros>,
    fence: Micros,
    taken_car: String,
    old_car: String,
    kept_car: String,
}

impl Marks {
    fn is_after(&self, told: &Told) -> bool {
        let since = |times: &[Micros]| told.time.zip(times.first().copied()).is_some_and(|(time, first)| time >= first);
        (told.device == self.taken_car && since(&self.taken)) || (told.device == self.old_car && since(&self.old))
    }

    fn is_fence(&self, told: &Told) -> bool {
        told.kind == "position" && told.device == self.kept_car && told.time == Some(self.fence)
    }

    /// Positions after the revoke that have to come all the same (P10).
    fn missing(&self, seen: &[Told], forbidden: &Forbidden) -> Option<Told> {
        let marked = self.taken.iter().map(|t| (&self.taken_car, *t)).chain(self.old.iter().map(|t| (&self.old_car, *t)));
        let expected = marked.map(|(car, time)| Told {
            kind: "position".to_owned(),
            device: car.clone(),
            geofence: String::new(),
            time: Some(time),
            recorded_at: None,
            cursor: String::new(),
        });
        let came = |wanted: &Told| seen.iter().any(|t| t.kind == "position" && t.device == wanted.device && t.time == wanted.time);
        expected.filter(|wanted| !forbidden.has(wanted)).find(|wanted| !came(wanted))
    }
}

/// Nothing forbidden behind `access_changed`, and nothing at all of what was recorded after the revoke.
fn leak_on_stream(way: &str, seen: &[Told], forbidden: &Forbidden, marks: &Marks) -> Result<bool, String> {
    let mut told = false;
    for item in seen {
        told |= item.kind == "access_changed";
        if forbidden.has(item) && (told || marks.is_after(item)) {
            return Err(format!("leak on the {way} stream (told: {told}): {item:?}"));
        }
    }
    Ok(told)
}

impl Trials {
    pub async fn new(kind: Kind) -> Self {
        let world = Arc::new(World::new().await);
        let load = tokio::spawn(drive(Arc::clone(&world)));
        Self { world, kind, subject: None, steady: None, load, took: Vec::new(), seen: 0 }
    }

    pub async fn once(&mut self, effect: Effect) -> Result<(), String> {
        let world = Arc::clone(&self.world);
        let before = self.begin().await;
        let subject = self.subject.as_ref().ok_or("no subject")?;
        let api = world.gateway.api();

        let stop = Arc::new(AtomicBool::new(false));
        let storm = tokio::spawn(storm(Arc::clone(&world), Arc::clone(&stop)));
        let token = subject.token.clone();
        let opening = tokio::spawn(async move { Watcher::open(api, &token, None).await });
        let reads: Vec<JoinHandle<io::Result<Reply>>> = [history_of(&world.taken, 0), "/positions/latest?limit=100".to_owned()]
            .map(|path| {
                let token = subject.token.clone();
                tokio::spawn(async move { get(api, &path, &token).await })
            })
            .into();
        let started = Instant::now();
        if effect == Effect::Real {
            self.kind.revoke(&world, subject).await;
        }
        self.took.push(started.elapsed());

        let forbidden = self.kind.forbidden(&world, subject);
        stop.store(true, Ordering::Relaxed);
        storm.await.map_err(|error| error.to_string())?;
        let marks = mark(&world).await;
        world.gateway.settled().await;

        self.look_at_steady(&forbidden, &marks).await?;
        let subject = self.subject.as_ref().ok_or("no subject")?;
        look_at_opened(self.kind, opening.await.map_err(|error| error.to_string())?, &forbidden, &marks).await?;
        for read in reads {
            // A read that was cut off, or refused, tells nothing.
            if let Ok(reply) = read.await.map_err(|error| error.to_string())? {
                look_at_page("a read under way", &reply, |told| forbidden.has(told) && marks.is_after(told))?;
            }
        }
        if self.kind.signs_out() {
            refused(&world, subject, &before).await
        } else {
            self.seen += resumed(&world, subject, &before, &forbidden, &marks).await?;
            pages(self.kind, &world, subject, &forbidden, &marks).await
        }
    }

    /// Everything granted, a steady stream open, something recorded; the cursor of before.
    async fn begin(&mut self) -> String {
        self.kind.restore(&self.world, &mut self.subject).await;
        let subject = self.subject.as_ref().expect("a subject");
        if self.steady.is_none() || self.kind.signs_out() {
            let opened = Watcher::open(self.world.gateway.api(), &subject.token, None).await;
            let mut steady = opened.unwrap_or_else(|status| panic!("the steady stream was refused: {status}"));
            steady.until(|told| told.kind == "snapshot_end").await;
            self.steady = Some(steady);
        }
        let (taken, kept) = (&self.world.taken, &self.world.kept);
        let times = self.world.record(&[(taken, true), (taken, false), (kept, false)]).await;
        let (last, kept) = (times[2], kept.public.to_string());
        let steady = self.steady.as_mut().expect("open");
        let (_, end) = steady.until(|told| told.device == kept && told.time == Some(last)).await;
        assert_eq!(end, None, "the steady stream ended too soon");
        // The cursor stands at the end of the message.
        steady.until(|told| !told.cursor.is_empty()).await;
        steady.cursor.clone()
    }

    async fn look_at_steady(&mut self, forbidden: &Forbidden, marks: &Marks) -> Result<(), String> {
        let steady = self.steady.as_mut().ok_or("no steady stream")?;
        let (seen, end) = steady.until(|told| marks.is_fence(told)).await;
        self.seen += seen.len();
        let told = leak_on_stream("steady", &seen, forbidden, marks)?;
        if self.kind.signs_out() {
            self.steady = None;
            return match end {
                Some(End::Closed(4401)) => Ok(()),
                other => Err(format!("the steady stream was not closed as signed out: {other:?}")),
            };
        }
        if end.is_some() || !told {
            return Err(format!("the steady stream: told {told}, end {end:?}"));
        }
        match marks.missing(&seen, forbidden) {
            Some(missing) => Err(format!("withheld on the steady stream: {missing:?}")),
            None => Ok(()),
        }
    }

    pub fn tell(&mut self) {
        self.took.sort_unstable();
        let of = |share: usize| self.took.get((self.took.len() - 1) * share / 100).copied().unwrap_or_default();
        let line = format!(
            "{:?}: {} trials, {} items on steady and resumed streams, 0 leaked; revoking call p50 {:?}, p99 {:?}, max {:?}",
            self.kind,
            self.took.len(),
            self.seen,
            of(50),
            of(99),
            of(100)
        );
        let _ = writeln!(io::stdout(), "{line}");
    }
}

/// The stream that was opened during the revoke.
async fn look_at_opened(kind: Kind, opened: Result<Watcher, u16>, forbidden: &Forbidden, marks: &Marks) -> Result<(), String> {
    let mut opened = match opened {
        Ok(opened) => opened,
        Err(401) if kind.signs_out() => return Ok(()),
        Err(status) => return Err(format!("the stream opened during the revoke was refused: {status}")),
    };
    let (seen, end) = opened.until(|told| marks.is_fence(told)).await;
    let told = leak_on_stream("opened", &seen, forbidden, marks)?;
    if kind.signs_out() {
        return if end.is_some() { Ok(()) } else { Err("a stream opened during the revoke stayed open".to_owned()) };
    }
    // Opened behind the change it is not told of it: then it has nothing of before either.
    match seen.iter().find(|item| !told && forbidden.has(item)) {
        Some(item) => Err(format!("leak on the opened stream, which was not told: {item:?}")),
        None if end.is_some() => Err(format!("the opened stream ended: {end:?}")),
        None => Ok(()),
    }
}

/// Catching up from before the revoke, with the rights of now.
async fn resumed(world: &World, subject: &Subject, before: &str, forbidden: &Forbidden, marks: &Marks) -> Result<usize, String> {
    let opened = Watcher::open(world.gateway.api(), &subject.token, Some(before)).await;
    let mut resumed = opened.map_err(|status| format!("resume was refused: {status}"))?;
    let (seen, end) = resumed.until(|told| marks.is_fence(told)).await;
    if let Some(item) = seen.iter().find(|item| forbidden.has(item)) {
        return Err(format!("leak by resume: {item:?}"));
    }
    match marks.missing(&seen, forbidden) {
        Some(missing) => Err(format!("withheld by resume (end {end:?}): {missing:?}")),
        None => Ok(seen.len()),
    }
}

fn history_of(car: &Car, from: Micros) -> String {
    let mut text = String::new();
    write_rfc3339(from, &mut text);
    format!("/devices/{}/positions?limit=500&from={text}", car.public)
}

/// `Err`: something in it that may not be there. Otherwise how much is in it.
fn look_at_page(what: &str, reply: &Reply, bad: impl Fn(&Told) -> bool) -> Result<Vec<Told>, String> {
    let items: Vec<Told> = reply.body["items"].as_array().map(|items| items.iter().map(Told::of).collect()).unwrap_or_default();
    match items.iter().find(|told| bad(told)) {
        Some(told) => Err(format!("leak by {what}: {told:?}")),
        None => Ok(items),
    }
}

/// History pages, visits, alerts, latest, and the things themselves, asked for after the revoke.
async fn pages(kind: Kind, world: &World, subject: &Subject, forbidden: &Forbidden, marks: &Marks) -> Result<(), String> {
    let api = world.gateway.api();
    let read = async |path: &str| get(api, path, &subject.token).await.map_err(|error| format!("{path}: {error}"));
    let since = marks.taken.first().copied().unwrap_or_default();
    let history = read(&history_of(&world.taken, since)).await?;
    let shown = look_at_page("history", &history, |told| forbidden.has(told))?;
    match (kind, history.status, shown.len()) {
        (Kind::DeviceGrant, 404, _) => {}
        (Kind::DeviceGrant, status, _) => return Err(format!("leak by history: a device that is not granted answers {status}")),
        (_, 200, 2) => {}
        (_, status, rows) => return Err(format!("withheld by history: {status}, {rows} of 2 rows")),
    }
    let old = read(&history_of(&world.old, marks.old.first().copied().unwrap_or_default() - 1_000)).await?;
    let shown = look_at_page("history of old times", &old, |told| forbidden.has(told))?;
    if shown.is_empty() != matches!(kind, Kind::Role | Kind::RoleWindow) {
        return Err(format!("history of old times: {} rows, status {}", shown.len(), old.status));
    }
    let latest = read("/positions/latest?limit=100").await?;
    let shown = look_at_page("latest", &latest, |told| forbidden.has(told))?;
    if !shown.iter().any(|told| marks.is_fence(told)) {
        return Err("withheld by latest: the device that stayed granted".to_owned());
    }
    for list in ["/visits", "/alerts"] {
        let reply = read(&format!("{list}?order=desc&limit=100")).await?;
        let shown = look_at_page(list, &reply, |told| forbidden.has(told))?;
        // What was recorded before a geofence was turned off stays (B39).
        if kind != Kind::DeviceGrant && shown.is_empty() {
            return Err(format!("withheld by {list}: everything"));
        }
    }
    things(kind, world, subject).await
}

/// The things themselves: what was taken is answered as if it did not exist, or names the right that is missing.
async fn things(kind: Kind, world: &World, subject: &Subject) -> Result<(), String> {
    let api = world.gateway.api();
    let paths = [
        (format!("/devices/{}", world.taken.public), kind == Kind::DeviceGrant),
        (format!("/geofences/{}", world.geofence), kind == Kind::GeofenceGrant),
        (format!("/places/{}", world.place), kind == Kind::PlaceGrant),
    ];
    for (path, gone) in paths {
        let reply = get(api, &path, &subject.token).await.map_err(|error| error.to_string())?;
        if (reply.status == 404) != gone {
            return Err(format!("{path}: {} where it is {}", reply.status, if gone { "gone" } else { "granted" }));
        }
        let list = path.rsplit_once('/').map(|(list, _)| format!("{list}?limit=100")).unwrap_or_default();
        let listed = get(api, &list, &subject.token).await.map_err(|error| error.to_string())?;
        let id = path.rsplit('/').next().unwrap_or_default();
        let is_listed = listed.body["items"].as_array().is_some_and(|items| items.iter().any(|item| item["id"] == id));
        if is_listed == gone {
            return Err(format!("{list}: listed {is_listed}, gone {gone}"));
        }
    }
    let body = serde_json::json!({ "name": "x", "shape": { "type": "nothing" } });
    let made = super::http::call(api, "POST", "/geofences", &subject.token, &body).await.map_err(|error| error.to_string())?;
    // With the right, the shape is complained about; without it, nothing is looked at. The narrow role has the right too.
    match (kind == Kind::RoleRight, made.status == 403) {
        (true, false) => Err(format!("leak: a right that was taken still works: {}", made.status)),
        (false, true) => Err("withheld: the right to make geofences".to_owned()),
        _ => Ok(()),
    }
}

/// After a sign-out no way in is left with what let him in before.
async fn refused(world: &World, subject: &Subject, before: &str) -> Result<(), String> {
    let api = world.gateway.api();
    match Watcher::open(api, &subject.token, Some(before)).await {
        Err(401) => {}
        Err(status) => return Err(format!("resume after the sign-out: {status}")),
        Ok(_) => return Err("leak: resume after the sign-out was let in".to_owned()),
    }
    for path in [history_of(&world.taken, 0), "/positions/latest".to_owned(), "/visits".to_owned(), "/me".to_owned()] {
        let reply = get(api, &path, &subject.token).await.map_err(|error| error.to_string())?;
        if reply.status != 401 {
            return Err(format!("leak: {path} after the sign-out answers {}", reply.status));
        }
    }
    Ok(())
}

/// What comes after: in and out of the geofence, one of old times, and at the end one of the device that stays granted.
async fn mark(world: &World) -> Marks {
    let times = world.record(&[(&world.taken, true), (&world.taken, false), (&world.old, false)]).await;
    let fence = world.record(&[(&world.kept, false)]).await;
    Marks {
        taken: times[..2].to_vec(),
        old: times[2..].to_vec(),
        fence: fence[0],
        taken_car: world.taken.public.to_string(),
        old_car: world.old.public.to_string(),
        kept_car: world.kept.public.to_string(),
    }
}

/// What is about to be forbidden, as fast as it becomes durable.
async fn storm(world: Arc<World>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        world.record(&[(&world.taken, true), (&world.old, false), (&world.taken, false)]).await;
    }
}

/// Other devices, some of them the viewer's: 20 positions every few milliseconds.
async fn drive(world: Arc<World>) {
    let mut every = tokio::time::interval(Duration::from_millis(4));
    loop {
        every.tick().await;
        let batch: Vec<(&Car, bool)> = world.load.iter().map(|car| (car, false)).collect();
        world.record(&batch).await;
    }
}
