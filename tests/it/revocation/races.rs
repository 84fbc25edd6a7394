//! Both races of a revoke, provoked on purpose, on the router itself: one preempted between judging and pushing, and a stream
//! that is opened
//! while the revoke runs. A compiler that hands out the viewer of before is the planted bug.

use parking_lot::Mutex;
use policy::{Access, AccountId, DeviceId, DeviceWindows, ObjectGrants, SubUser, UserId, Viewer};
use protocols::Attributes;
use purview::clock::Clock;
use purview::config::DeliveryConfig;
use purview::model::{Item, Position, PublicId, Shared, TimeFlag};
use purview::router::{Compile, Going, OpenError, Outgoing, Router, SessionId, Stream, Subscription, Touched};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};

const NOW: i64 = 1_800_000_000_000_000;
const USER: UserId = UserId(7);
const ACCOUNT: AccountId = AccountId(1);
const TAKEN: DeviceId = DeviceId(1);
const KEPT: DeviceId = DeviceId(2);
const SESSION: SessionId = SessionId(PublicId::from_u128(9));

type Pause = Box<dyn Fn() + Send + Sync>;

/// A directory of one user.
#[derive(Default)]
struct Users {
    revoked: AtomicBool,
    signed_out: AtomicBool,
    /// The planted bug: the viewer of before is handed out for ever.
    stale: bool,
    /// Runs between reading the state and handing the viewer out, once.
    pause: Mutex<Option<Pause>>,
}

impl Compile for Users {
    fn compile(&self, user: UserId, generation: u64) -> Option<Viewer> {
        let both = !self.revoked.load(Ordering::SeqCst) || self.stale;
        let devices = if both { vec![(TAKEN, NOW), (KEPT, NOW)] } else { vec![(KEPT, NOW)] };
        let pause = self.pause.lock().take();
        if let Some(pause) = pause {
            pause();
        }
        let devices = devices.into_iter().collect();
        let access = Access::SubUser(SubUser { role: None, devices, geofences: ObjectGrants::all(), places: ObjectGrants::all() });
        let account_devices = DeviceWindows::default();
        Some(Viewer { account: ACCOUNT, user, access, account_devices, epoch: 1, generation, disabled: false })
    }

    fn session_is_open(&self, _: SessionId) -> bool {
        !self.signed_out.load(Ordering::SeqCst)
    }
}

struct Rig {
    users: Arc<Users>,
    router: Arc<Router>,
    clock: Arc<Clock>,
    seq: AtomicU64,
}

impl Rig {
    fn new(stale: bool) -> Self {
        let clock = Arc::new(Clock::standing_at(NOW));
        let users = Arc::new(Users { stale, ..Users::default() });
        let compiler: Arc<dyn Compile> = users.clone();
        let router = Arc::new(Router::new(DeliveryConfig::default(), Arc::clone(&clock), compiler));
        Self { users, router, clock, seq: AtomicU64::new(0) }
    }

    fn position(&self, device: DeviceId) -> Shared {
        let seq = self.seq.fetch_add(1, Ordering::SeqCst) + 1;
        let (account, time_flag) = (ACCOUNT, TimeFlag::Sound);
        let attributes = Attributes::new();
        let recorded_at = NOW - 1_000_000;
        Shared::new(Item::Position(Position {
            seq,
            account,
            device,
            fix_time: Some(recorded_at),
            received_at: recorded_at,
            recorded_at,
            fix: None,
            attributes,
            late: false,
            time_flag,
        }))
    }

    fn open(&self) -> Result<Arc<Stream>, OpenError> {
        let stream = self.router.open(USER, SESSION, Subscription::everything(), None)?;
        stream.outbox().open(Vec::new(), self.clock.now());
        Ok(stream)
    }

    async fn revoke(&self, touched: Touched) {
        self.users.revoked.store(true, Ordering::SeqCst);
        self.router.enforce(&touched).await;
    }
}

fn of_user() -> Touched {
    Touched { users: vec![USER], narrowed: true, ..Touched::default() }
}

fn of_account() -> Touched {
    Touched { accounts: vec![ACCOUNT], narrowed: true, ..Touched::default() }
}

/// Everything that would be sent: the devices, and `None` for `access_changed`.
fn sent(stream: &Stream) -> Vec<Option<DeviceId>> {
    let mut out = Vec::new();
    while stream.outbox().take(&mut out, usize::MAX) {
        stream.outbox().sent();
        if stream.outbox().waiting() == 0 {
            break;
        }
    }
    let of = |outgoing: &Outgoing| match outgoing {
        Outgoing::Item(permitted) => Some(Some(permitted.item().item().device())),
        Outgoing::AccessChanged => Some(None),
        _ => None,
    };
    out.iter().filter_map(of).collect()
}

/// `Err`: the taken device behind `access_changed`.
fn nothing_follows(sent: &[Option<DeviceId>]) -> Result<(), String> {
    let mut behind = sent.iter().skip_while(|it| it.is_some());
    if behind.any(|it| *it == Some(TAKEN)) { Err(format!("leak: {sent:?}")) } else { Ok(()) }
}

/// Judged before the revoke, pushed after it, and published after it.
async fn preempted(stale: bool) -> Result<(), String> {
    let rig = Rig::new(stale);
    let stream = rig.open().map_err(|error| error.to_string())?;
    rig.router.publish(&[rig.position(TAKEN), rig.position(KEPT)]);
    let permitted = stream.admit(&rig.position(TAKEN), NOW).ok_or("it was granted")?;
    let kept = stream.admit(&rig.position(KEPT), NOW).ok_or("it was granted")?;
    rig.revoke(of_user()).await;
    stream.outbox().push(&mut vec![permitted, kept], rig.router.config(), NOW);
    rig.router.publish(&[rig.position(TAKEN)]);
    let sent = sent(&stream);
    nothing_follows(&sent)?;
    if sent == [Some(KEPT), None, Some(KEPT)] { Ok(()) } else { Err(format!("leak: what waited was not judged again: {sent:?}")) }
}

#[tokio::test]
async fn p6_what_was_judged_before_a_revoke_and_pushed_after_it_is_judged_again() {
    assert_eq!(preempted(false).await, Ok(()));
    let caught = preempted(true).await;
    assert!(caught.is_err_and(|leak| leak.contains("leak")), "a compiler with the viewer of before was not noticed");
}

/// Opens streams in one thread while another revokes and a third publishes. What is taken from a stream after the revoke returned
/// is looked at.
fn opened_during(stale: bool, touched: fn() -> Touched) -> Result<(), String> {
    let rig = Arc::new(Rig::new(stale));
    let start = Arc::new(Barrier::new(3));
    let opener = {
        let (rig, start) = (Arc::clone(&rig), Arc::clone(&start));
        std::thread::spawn(move || {
            start.wait();
            (0..4).map(|_| rig.open().expect("open")).collect::<Vec<_>>()
        })
    };
    let publisher = {
        let (rig, start) = (Arc::clone(&rig), Arc::clone(&start));
        std::thread::spawn(move || {
            start.wait();
            (0..8).for_each(|_| rig.router.publish(&[rig.position(TAKEN), rig.position(KEPT)]));
        })
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    start.wait();
    runtime.block_on(rig.revoke(touched()));
    let streams = opener.join().expect("opened");
    publisher.join().expect("published");
    rig.router.publish(&[rig.position(TAKEN), rig.position(KEPT)]);
    for stream in streams {
        let sent = sent(&stream);
        // Nothing was sent before the revoke returned, so that nothing of the device may be left at all.
        if sent.contains(&Some(TAKEN)) {
            return Err(format!("leak: {sent:?}"));
        }
        if sent.last() != Some(&Some(KEPT)) {
            return Err(format!("withheld: {sent:?}"));
        }
    }
    Ok(())
}

#[test]
fn p6_a_stream_opened_during_a_revoke_has_nothing_of_before() {
    for touched in [of_user, of_account] {
        for round in 0..500 {
            opened_during(false, touched).unwrap_or_else(|leak| panic!("round {round}: {leak}"));
        }
        assert!((0..20).any(|_| opened_during(true, touched).is_err()), "a compiler with the viewer of before was not noticed");
    }
}

/// The whole revoke runs between the moment at which the opener reads the state and the moment at which it has its viewer.
async fn revoked_while_compiling(touched: fn() -> Touched) -> Result<(), String> {
    let rig = Arc::new(Rig::new(false));
    let (reached, at_pause) = std::sync::mpsc::channel();
    let (go_on, released) = std::sync::mpsc::channel::<()>();
    let released = Mutex::new(released);
    *rig.users.pause.lock() = Some(Box::new(move || {
        let _ = reached.send(());
        let _ = released.lock().recv();
    }));
    let opener = {
        let rig = Arc::clone(&rig);
        std::thread::spawn(move || rig.open().expect("open"))
    };
    at_pause.recv().map_err(|error| error.to_string())?;
    let (ended, revoke_ended) = std::sync::mpsc::channel();
    let revoker = {
        let rig = Arc::clone(&rig);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
            runtime.block_on(rig.revoke(touched()));
            let _ = ended.send(());
        })
    };
    // A revoke that does not wait for the opener has overlooked it, and is over long before this.
    let _ = revoke_ended.recv_timeout(std::time::Duration::from_millis(50));
    go_on.send(()).map_err(|error| error.to_string())?;
    let stream = opener.join().map_err(|_| "the opener failed")?;
    revoker.join().map_err(|_| "the revoker failed")?;
    rig.router.publish(&[rig.position(TAKEN), rig.position(KEPT)]);
    let sent = sent(&stream);
    if sent.contains(&Some(TAKEN)) { Err(format!("leak: {sent:?}")) } else { Ok(()) }
}

#[tokio::test]
async fn p6_a_revoke_while_a_stream_is_being_opened_reaches_it_also_when_it_is_the_first_of_its_user() {
    for round in 0..5 {
        for touched in [of_user, of_account] {
            revoked_while_compiling(touched).await.unwrap_or_else(|leak| panic!("round {round}: {leak}"));
        }
    }
}

#[tokio::test]
async fn p6_the_first_body_of_a_user_is_stopped_by_a_revoke_that_runs_while_it_is_being_compiled() {
    let rig = Rig::new(false);
    let (router, users) = (Arc::clone(&rig.router), Arc::clone(&rig.users));
    *rig.users.pause.lock() = Some(Box::new(move || {
        users.revoked.store(true, Ordering::SeqCst);
        let (router, touched) = (Arc::clone(&router), of_account());
        let revoking = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
            runtime.block_on(router.enforce(&touched));
        });
        revoking.join().expect("enforced");
    }));
    let body = rig.router.body(USER).expect("a user");
    let going = Going { session: SESSION, reset: Box::new(|| {}) };
    let leaves = body.current() && body.chunk(going).is_some();
    assert!(!(leaves && body.viewer().sees_device(TAKEN)), "a body of the viewer of before was let through");
    let again = rig.router.body(USER).expect("a user");
    assert!(again.current() && !again.viewer().sees_device(TAKEN));
}

#[tokio::test]
async fn p6_a_stream_that_is_opened_behind_a_log_out_is_refused() {
    let rig = Rig::new(false);
    rig.users.signed_out.store(true, Ordering::SeqCst);
    rig.router.enforce(&Touched { closed_sessions: vec![SESSION], ..Touched::default() }).await;
    assert!(matches!(rig.open(), Err(OpenError::NoViewer)), "the session was let in once more");
}

#[tokio::test]
async fn p10_a_wider_view_is_not_announced_as_a_narrower_one_and_withholds_nothing() {
    let rig = Rig::new(false);
    let stream = rig.open().expect("open");
    rig.router.enforce(&Touched { users: vec![USER], ..Touched::default() }).await;
    rig.router.publish(&[rig.position(TAKEN), rig.position(KEPT)]);
    assert_eq!(sent(&stream), [Some(TAKEN), Some(KEPT)]);
}
