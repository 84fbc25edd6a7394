//! Trackers that publish over MQTT, QoS 1: acknowledged by the PUBACK.

use super::{ACK_DEADLINE, CONNECT_PAUSE_MAX, Ledger, Tracker};
use protocols::Record;
use rumqttc::{AsyncClient, Event, EventLoop, Incoming, MqttOptions, QoS};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What is said next.
#[derive(Default)]
struct Next {
    records: VecDeque<Record>,
    /// How many of them were sent before, over connections that broke.
    sent: usize,
}

struct OnTheWay {
    records: Vec<Record>,
    sent_at: Instant,
}

pub(super) async fn play(mut tracker: Tracker, number: usize, ledger: Arc<Ledger>, stop: CancellationToken) {
    let (mut next, mut first) = (Next::default(), true);
    loop {
        if !first {
            ledger.reconnected();
            tokio::time::sleep(CONNECT_PAUSE_MAX / 4).await;
        }
        first = false;
        if connection(&mut tracker, number, &mut next, &ledger, &stop).await || stop.is_cancelled() {
            return;
        }
    }
}

fn client(tracker: &Tracker) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(format!("sim-{}", tracker.identifier), tracker.address.ip().to_string(), tracker.address.port());
    options.set_keep_alive(Duration::from_secs(30));
    options.set_clean_session(true);
    if !tracker.credentials.user.is_empty() {
        options.set_credentials(tracker.credentials.user.clone(), tracker.credentials.password.clone());
    }
    AsyncClient::new(options, 64)
}

/// One connection. `true`: everything was said and acknowledged, or it is time to stop.
async fn connection(tracker: &mut Tracker, number: usize, next: &mut Next, ledger: &Ledger, stop: &CancellationToken) -> bool {
    let mut encoder = tracker.protocol.encoder(tracker.transport);
    let Some(topic) = encoder.topic(&tracker.identifier) else { return true };
    let (client, mut events) = client(tracker);
    let mut on_the_way: VecDeque<OnTheWay> = VecDeque::new();
    let (mut connected, mut due, mut last_ack) = (false, Instant::now(), Instant::now());
    let done = loop {
        let stopping = stop.is_cancelled();
        if next.records.is_empty() {
            next.records.extend(tracker.source.next());
        }
        if on_the_way.is_empty() && (stopping || next.records.is_empty()) {
            break true;
        }
        let may_send = connected && !stopping && on_the_way.len() < tracker.window_frames.min(32) && !next.records.is_empty();
        tokio::select! {
            event = events.poll() => match event {
                Ok(Event::Incoming(Incoming::ConnAck(_))) => connected = true,
                Ok(Event::Incoming(Incoming::PubAck(_))) => {
                    last_ack = Instant::now();
                    if let Some(frame) = on_the_way.pop_front() {
                        ledger.acked(number, frame.records.len(), frame.sent_at.elapsed());
                    }
                }
                Ok(_) => {}
                Err(_) => break false,
            },
            () = tokio::time::sleep_until(due), if may_send => {
                let mut payload = Vec::new();
                let taken = encoder.records(&tracker.identifier, next.records.make_contiguous(), &mut payload);
                let records: Vec<Record> = next.records.drain(..taken).collect();
                if client.try_publish(topic.as_str(), QoS::AtLeastOnce, false, payload).is_err() {
                    records.into_iter().rev().for_each(|record| next.records.push_front(record));
                    break false;
                }
                let again = taken.min(next.sent);
                next.sent -= again;
                ledger.sent(number, taken - again);
                on_the_way.push_back(OnTheWay { records, sent_at: Instant::now() });
                due = due.max(Instant::now()) + tracker.pause_after(taken);
            }
            () = tokio::time::sleep_until(last_ack.max(due) + ACK_DEADLINE), if !on_the_way.is_empty() => break stopping,
            () = stop.cancelled(), if !stopping => last_ack = Instant::now(),
        }
    };
    for frame in on_the_way.into_iter().rev() {
        ledger.resent();
        next.sent += frame.records.len();
        frame.records.into_iter().rev().for_each(|record| next.records.push_front(record));
    }
    if done {
        let _ = client.try_disconnect();
        // One more turn lets the farewell leave; nobody depends on it.
        let _ = tokio::time::timeout(Duration::from_millis(100), events.poll()).await;
    }
    done
}
