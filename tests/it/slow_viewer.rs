//! A viewer who does not read, or not fast enough (P10): bounded memory, the newest positions, and a loss that is said and can be
//! made good.

use crate::revocation::http::PATIENCE;
use crate::revocation::stuck::narrow;
use crate::revocation::watcher::{End, Told, Watcher, shake_hands};
use crate::revocation::world::{PASSWORD, World};
use futures_util::SinkExt;
use purview::model::{Item, Micros};
use purview::router::{Outgoing, SessionId, Subscription};
use std::collections::BTreeSet;
use tokio_tungstenite::tungstenite::Message;

const POSITIONS_MAX: usize = 64;
const ITEMS_MAX: usize = 32;

async fn world() -> World {
    World::with(|config| {
        config.delivery.waiting_positions_max = POSITIONS_MAX;
        config.delivery.waiting_items_max = ITEMS_MAX;
        config.delivery.send_buffer_bytes = 16 * 1024;
        config.delivery.stalled_timeout_s = 2;
        config.delivery.streams_per_user_max = 1;
    })
    .await
}

/// In and out of the geofence, so often; the fix times of all records.
async fn drive(world: &World, times: usize) -> Vec<Micros> {
    let mut driven = Vec::new();
    for _ in 0..times / 20 {
        let cars: Vec<_> = (0..40).map(|n| (&world.taken, n % 2 == 0)).chain(world.load.iter().take(4).map(|car| (car, false))).collect();
        driven.extend(world.record(&cars).await.into_iter().take(40));
    }
    driven
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p10_what_waits_for_a_viewer_who_never_reads_is_bounded_and_holds_the_newest() {
    let world = world().await;
    let (email, user) = world.viewer().await;
    let session = world.gateway.directory().sign_in(&email, PASSWORD, None).await.expect("let in").session;
    let router = world.gateway.router();
    let stream = router.open(session.user, SessionId(session.id.0), Subscription::everything(), None).expect("open");
    stream.outbox().open(Vec::new(), 0);
    assert_eq!(session.user, world.user_id(user));
    let mut most = 0;
    let mut last = 0;
    for _ in 0..20 {
        last = *drive(&world, 200).await.last().expect("driven");
        world.gateway.settled().await;
        most = most.max(stream.outbox().waiting());
    }
    assert!(most > POSITIONS_MAX / 2, "nothing waited: {most}");
    assert!(most <= POSITIONS_MAX + ITEMS_MAX + 1, "{most} items waited");
    let mut out = Vec::new();
    assert!(stream.outbox().take(&mut out, usize::MAX));
    let newest = out.iter().filter_map(|outgoing| match outgoing {
        Outgoing::Item(permitted) => match permitted.item().item() {
            Item::Position(position) if position.device == world.taken.id => position.fix_time,
            _ => None,
        },
        _ => None,
    });
    assert_eq!(newest.max(), Some(last), "the newest position of the device was lost");
    assert_eq!(out.iter().filter(|outgoing| matches!(outgoing, Outgoing::Lagged(_))).count(), 1, "the loss was not said, once");
}

/// What was told besides positions.
fn events(seen: &[Told]) -> BTreeSet<(String, Option<Micros>)> {
    seen.iter().filter(|told| told.is_news() && told.kind != "position").map(|told| (told.kind.clone(), told.time)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p10_a_slow_viewer_is_told_lagged_and_catches_up_from_its_cursor_without_a_gap() {
    let world = World::with(|config| {
        config.delivery.waiting_positions_max = POSITIONS_MAX;
        config.delivery.waiting_items_max = ITEMS_MAX;
        config.delivery.send_buffer_bytes = 16 * 1024;
    })
    .await;
    let (email, _) = world.viewer().await;
    let token = world.token(&email, PASSWORD).await;
    let api = world.gateway.api();
    let mut socket = shake_hands(api, &token, narrow(api).await).await.expect("let in");
    socket.send(Message::text(r#"{"type":"subscribe","devices":"all"}"#)).await.expect("sent");
    // It reads until it is live, and then no more for a while: the end of the snapshot is the first thing that it is told.
    let mut first = futures_util::StreamExt::next(&mut socket).await.expect("open").expect("sound");
    while !first.to_text().is_ok_and(|text| text.contains("snapshot_end")) {
        first = futures_util::StreamExt::next(&mut socket).await.expect("open").expect("sound");
    }
    let driven = drive(&world, 2_000).await;
    world.gateway.settled().await;

    let fence = world.record(&[(&world.kept, false)]).await[0];
    let kept = world.kept.public.to_string();
    let is_fence = |told: &Told| told.device == kept && told.time == Some(fence);
    let mut slow = Watcher::over(socket);
    let (mut seen, end) = slow.until(is_fence).await;
    assert_eq!(end, None);
    if !seen.iter().any(|told| told.kind == "lagged") {
        seen.extend(slow.until(|told| told.kind == "lagged").await.0);
    }
    let lagged = seen.iter().find(|told| told.kind == "lagged").expect("a loss was not said");
    let cursor = lagged.cursor.clone();
    assert!(!cursor.is_empty(), "without a cursor nothing can be caught up");
    let positions: Vec<Micros> = seen.iter().filter(|told| told.kind == "position").filter_map(|told| told.time).collect();
    assert!(positions.contains(driven.last().expect("driven")), "the newest position was lost");
    assert!(positions.len() < driven.len(), "nothing was conflated");

    let mut resumed = Watcher::open(api, &token, Some(&cursor)).await.expect("let in");
    let (caught, end) = resumed.until(is_fence).await;
    assert_eq!(end, None);
    assert!(!caught.iter().any(|told| told.kind == "truncated"), "a gap that is none was said");
    seen.extend(caught);
    let entered = driven.iter().step_by(2);
    let mut expected: BTreeSet<_> = driven.iter().map(|time| ("visit".to_owned(), Some(*time))).collect();
    expected.extend(entered.map(|time| ("alert".to_owned(), Some(*time))));
    let told = events(&seen);
    let missing: Vec<_> = expected.difference(&told).take(5).collect();
    assert!(missing.is_empty(), "{} of {} told; missing {missing:?}", told.len(), expected.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p10_a_viewer_who_reads_nothing_for_too_long_is_closed() {
    let world = world().await;
    let (email, _) = world.viewer().await;
    let token = world.token(&email, PASSWORD).await;
    let api = world.gateway.api();
    let mut socket = shake_hands(api, &token, narrow(api).await).await.expect("let in");
    socket.send(Message::text(r#"{"type":"subscribe","devices":"all"}"#)).await.expect("sent");
    // One stream is allowed: as long as the first one is open, another is sent away.
    let begun = std::time::Instant::now();
    let mut sent_away = 0;
    loop {
        drive(&world, 200).await;
        world.gateway.settled().await;
        let mut other = Watcher::open(api, &token, None).await.expect("let in");
        let (_, end) = other.until(|told| told.kind == "snapshot_end").await;
        match end {
            None => break,
            Some(End::Closed(1013)) => sent_away += 1,
            Some(End::Broken | End::Closed(_)) => panic!("{end:?}"),
        }
        assert!(begun.elapsed() < PATIENCE, "a stream that is not read stayed open");
    }
    assert!(sent_away > 0, "the first stream was not open");
}
