//! Fan-out: 1,000 devices to 100 viewers of 200 devices each, judged, queued, taken and encoded; every delivery counts, none is conflated.

use policy::{Access, AccountId, DeviceId, DeviceWindows, ObjectGrants, SubUser, UserId, Viewer};
use protocols::{Attributes, Fix, Latitude, Longitude};
use purview::clock::Clock;
use purview::config::DeliveryConfig;
use purview::model::{GeofenceId, Item, Names, Position, PublicId, RuleId, Shared, TimeFlag};
use purview::router::{Compile, Outgoing, Router, SessionId, Stream, Subscription};
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

const DEVICES: u32 = 1_000;
const VIEWERS: u32 = 100;
const GRANTED: u32 = 200;
const ROUNDS: u64 = 200;
const WINDOW: i64 = 86_400_000_000;

struct Granted;

impl Compile for Granted {
    fn compile(&self, user: UserId, generation: u64) -> Option<Viewer> {
        let devices = (0..GRANTED).map(|n| (DeviceId((user.0 * 37 + n * 5) % DEVICES), WINDOW));
        let sub =
            SubUser { role: None, devices: DeviceWindows::from_iter(devices), geofences: ObjectGrants::all(), places: ObjectGrants::all() };
        let access = Access::SubUser(sub);
        Some(Viewer {
            account: AccountId(1),
            user,
            access,
            account_devices: DeviceWindows::from_iter([]),
            epoch: 1,
            generation,
            disabled: false,
        })
    }

    fn session_is_open(&self, _: SessionId) -> bool {
        true
    }
}

struct Numbered;

impl Names for Numbered {
    fn device(&self, id: DeviceId) -> Option<PublicId> {
        Some(Uuid::from_u128(u128::from(id.0)))
    }

    fn geofence(&self, id: GeofenceId) -> Option<PublicId> {
        Some(Uuid::from_u128(u128::from(id.0)))
    }

    fn rule(&self, id: RuleId) -> Option<PublicId> {
        Some(Uuid::from_u128(u128::from(id.0)))
    }
}

fn position(seq: u64, device: u32, now: i64) -> Shared {
    Shared::new(Item::Position(Position {
        seq,
        account: AccountId(1),
        device: DeviceId(device),
        fix_time: Some(now),
        received_at: now,
        recorded_at: now,
        fix: Latitude::new(52.5).zip(Longitude::new(13.4)).map(|(latitude, longitude)| Fix {
            latitude,
            longitude,
            valid: true,
            altitude_m: Some(40.0),
            speed_kmh: Some(50.0),
            course_deg: Some(90.0),
        }),
        attributes: Attributes::new(),
        late: false,
        time_flag: TimeFlag::Sound,
    }))
}

pub fn run() {
    let clock = Arc::new(Clock::system());
    let router = Arc::new(Router::new(DeliveryConfig::default(), Arc::clone(&clock), Arc::new(Granted)));
    let streams: Vec<Arc<Stream>> = (1..=VIEWERS)
        .map(|user| {
            let session = SessionId(Uuid::from_u128(u128::from(user)));
            let stream = router.open(UserId(user), session, Subscription::everything(), None).expect("a stream");
            stream.outbox().open(Vec::new(), clock.now());
            stream
        })
        .collect();
    let (mut seq, mut delivered, mut bytes) = (0, 0_u64, 0_u64);
    let (mut taken, mut text) = (Vec::new(), String::with_capacity(64 * 1024));
    let started = Instant::now();
    for _ in 0..ROUNDS {
        let now = clock.now();
        let items: Vec<Shared> = (0..DEVICES)
            .map(|device| {
                seq += 1;
                position(seq, device, now)
            })
            .collect();
        router.publish(&items);
        for stream in &streams {
            while stream.outbox().take(&mut taken, 256) {
                text.clear();
                for outgoing in taken.drain(..) {
                    if let Outgoing::Item(permitted) = outgoing {
                        text.push_str(permitted.item().json(&Numbered));
                        delivered += 1;
                    }
                }
                bytes += text.len() as u64;
                stream.outbox().sent();
            }
        }
    }
    let took = started.elapsed().as_secs_f64();
    assert_eq!(delivered, ROUNDS * u64::from(VIEWERS) * u64::from(GRANTED), "none lost, none conflated");
    println!(
        "fan-out: 1,000 devices to 100 viewers of 200 each, one thread: {:.0} deliveries/s unconflated ({:.0} ns each, {} MB of JSON)",
        delivered as f64 / took,
        took * 1e9 / delivered as f64,
        bytes / 1_000_000
    );
}
