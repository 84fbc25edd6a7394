//! The client of an outside MQTT broker (version 5): what devices published there is acknowledged to it after the commit.
//!
//! The broker keeps a session for us and sends again what was not acknowledged. So that nothing can block that session for good, what can
//! never be kept is acknowledged all the same: an unknown device's message (counted and listed) and one that cannot be read (counted).

use super::Shared;
use super::publication::{self, Publication};
use crate::config::BrokerConfig;
use crate::journal::{AppendError, Committed};
use bytes::Bytes;
use protocols::Protocol;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet, Publish, RetainForwardRule, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// How long the broker keeps what came while we were away.
const SESSION_EXPIRY_S: u32 = 7 * 86_400;
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// A connection that lasted so long was a good one; the pause after it is short again.
const LASTED: Duration = Duration::from_secs(30);
/// Acknowledgements that may wait to be written, and a few requests. Mosquitto 2.0.11 sends more than the Receive Maximum that it was told;
/// more than there are packet ids cannot be unacknowledged.
const REQUESTS_MAX: usize = u16::MAX as usize + 16;
/// Events that may wait to be looked at.
const EVENTS_MAX: usize = 16;
/// How long the farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

pub(super) async fn serve(shared: Arc<Shared>, config: BrokerConfig) {
    let topics: Vec<(Protocol, String)> =
        config.topics.iter().filter_map(|(name, filter)| Some((Protocol::from_name(name)?, filter.clone()))).collect();
    let mut pause = PAUSE_MIN;
    while !shared.stop.is_cancelled() {
        let begun = Instant::now();
        let (client, events) = AsyncClient::new(options(&shared, &config), REQUESTS_MAX);
        let mut connection = Connection::new(&shared, &config, &topics, client);
        let end = connection.run(events).await;
        if shared.stop.is_cancelled() {
            return;
        }
        tracing::warn!(host = %config.host, port = config.port, end, "the connection to the MQTT broker ended");
        pause = if connection.acknowledged > 0 || begun.elapsed() > LASTED { PAUSE_MIN } else { (pause * 2).min(PAUSE_MAX) };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shared.stop.cancelled() => return,
        }
    }
}

fn options(shared: &Shared, config: &BrokerConfig) -> MqttOptions {
    let mut options = MqttOptions::new(config.client_id.clone(), config.host.clone(), config.port);
    options.set_keep_alive(KEEP_ALIVE);
    options.set_clean_start(false);
    options.set_manual_acks(true);
    options.set_session_expiry_interval(Some(SESSION_EXPIRY_S));
    options.set_receive_maximum(Some(config.in_flight_max.max(1)));
    // A larger one is dropped by the broker, instead of blocking the session here.
    options.set_max_packet_size(Some(u32::try_from(shared.config.mqtt_packet_bytes_max).unwrap_or(u32::MAX)));
    if config.user.is_some() || config.password.is_some() {
        options.set_credentials(config.user.clone().unwrap_or_default(), config.password.clone().unwrap_or_default());
    }
    options
}

/// A message whose commit, and whose acknowledgement, are still to come.
struct InFlight {
    commit: Option<oneshot::Receiver<Result<Committed, AppendError>>>,
    /// Without topic and payload: only what the acknowledgement needs.
    message: Publish,
}

struct Connection<'a> {
    shared: &'a Arc<Shared>,
    config: &'a BrokerConfig,
    topics: &'a [(Protocol, String)],
    client: AsyncClient,
    in_flight: VecDeque<InFlight>,
    acknowledged: u64,
}

impl<'a> Connection<'a> {
    const fn new(shared: &'a Arc<Shared>, config: &'a BrokerConfig, topics: &'a [(Protocol, String)], client: AsyncClient) -> Self {
        Self { shared, config, topics, client, in_flight: VecDeque::new(), acknowledged: 0 }
    }

    /// Runs to the end and says why it ended. What is not acknowledged by then, the broker sends again on the next connection.
    async fn run(&mut self, events: EventLoop) -> String {
        // Polled by a task of its own, because a poll that is dropped half-way could lose an acknowledgement.
        let (sender, mut receiver) = mpsc::channel(EVENTS_MAX);
        let polling = AbortOnDropHandle::new(tokio::spawn(poll(events, sender)));
        let mut stopping = false;
        loop {
            if stopping && self.in_flight.is_empty() {
                return self.farewell(receiver, polling).await;
            }
            let taking = !stopping && self.in_flight.len() < usize::from(self.config.in_flight_max.max(1));
            let step = tokio::select! {
                () = self.shared.stop.cancelled(), if !stopping => {
                    stopping = true;
                    Ok(())
                }
                committed = front(&mut self.in_flight), if !self.in_flight.is_empty() => self.release(committed),
                event = receiver.recv(), if taking => match event {
                    Some(Ok(event)) => self.event(event).await,
                    Some(Err(end)) => Err(end),
                    None => Err("the client ended".to_owned()),
                },
            };
            if let Err(end) = step {
                // An acknowledgement that cannot be handed over has its reason on the network.
                return reason(&mut receiver).unwrap_or(end);
            }
        }
    }

    async fn event(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Incoming(Packet::ConnAck(_)) => self.subscribe(),
            Event::Incoming(Packet::Publish(message)) => self.message(message).await,
            Event::Incoming(Packet::SubAck(answer)) => {
                match answer.return_codes.iter().find(|code| !matches!(code, SubscribeReasonCode::Success(_))) {
                    Some(code) => Err(format!("the broker refuses a subscription: {code:?}")),
                    None => Ok(()),
                }
            }
            Event::Incoming(Packet::Disconnect(answer)) => Err(format!("the broker closes: {:?}", answer.reason_code)),
            _ => Ok(()),
        }
    }

    fn subscribe(&self) -> Result<(), String> {
        tracing::info!(host = %self.config.host, port = self.config.port, "connected to the MQTT broker");
        let filters = self.topics.iter().map(|(_, filter)| Filter {
            path: filter.clone(),
            qos: QoS::AtLeastOnce,
            retain_forward_rule: RetainForwardRule::OnNewSubscribe,
            ..Filter::default()
        });
        self.client.try_subscribe_many(filters).map_err(|error| error.to_string())
    }

    async fn message(&mut self, mut message: Publish) -> Result<(), String> {
        let topic = std::str::from_utf8(&message.topic).unwrap_or_default();
        let protocol = self.topics.iter().find(|(_, filter)| matches(filter, topic)).map(|(protocol, _)| *protocol);
        let taken = protocol.map(|protocol| publication::take(self.shared, protocol, topic, &message.payload));
        let commit = match taken {
            Some(Publication::Kept { batch, .. }) if !batch.is_empty() => {
                Some(self.shared.journal.hand_over(batch).await.map_err(|error| error.to_string())?)
            }
            _ => None,
        };
        (message.topic, message.payload, message.properties) = (Bytes::new(), Bytes::new(), None);
        self.in_flight.push_back(InFlight { commit, message });
        Ok(())
    }

    /// Acknowledges the message at the front, if it is durable. In order: MQTT wants it so.
    fn release(&mut self, committed: Result<Option<Committed>, AppendError>) -> Result<(), String> {
        let Some(front) = self.in_flight.pop_front() else { return Ok(()) };
        if committed.map_err(|error| error.to_string())?.is_some_and(|committed| committed.refused > 0) {
            return Err("a device changed hands".to_owned());
        }
        self.client.try_ack(&front.message).map_err(|error| error.to_string())?;
        self.acknowledged += 1;
        Ok(())
    }

    /// Lets the acknowledgements leave before the connection is closed.
    async fn farewell(&self, mut receiver: mpsc::Receiver<Result<Event, String>>, polling: AbortOnDropHandle<()>) -> String {
        if self.client.try_disconnect().is_ok() {
            let gone = async { while let Some(Ok(_)) = receiver.recv().await {} };
            let _ = tokio::time::timeout(FAREWELL, gone).await;
        }
        drop(polling);
        "stopping".to_owned()
    }
}

/// Why the polling ended, if it did.
fn reason(receiver: &mut mpsc::Receiver<Result<Event, String>>) -> Option<String> {
    std::iter::from_fn(|| receiver.try_recv().ok()).find_map(Result::err)
}

async fn poll(mut events: EventLoop, sender: mpsc::Sender<Result<Event, String>>) {
    loop {
        let event = events.poll().await.map_err(|error| error.to_string());
        let ended = event.is_err();
        if sender.send(event).await.is_err() || ended {
            return;
        }
    }
}

/// Waits for the commit of the message at the front.
async fn front(in_flight: &mut VecDeque<InFlight>) -> Result<Option<Committed>, AppendError> {
    match in_flight.front_mut().and_then(|front| front.commit.as_mut()) {
        Some(receiver) => receiver.await.unwrap_or(Err(AppendError::Closed)).map(Some),
        None => Ok(None),
    }
}

/// Whether a topic matches a filter (MQTT 5.0, section 4.7), a shared one too.
fn matches(filter: &str, topic: &str) -> bool {
    let filter = filter.strip_prefix("$share/").and_then(|shared| shared.split_once('/')).map_or(filter, |(_, filter)| filter);
    let (mut filter, mut topic) = (filter.split('/'), topic.split('/'));
    loop {
        match (filter.next(), topic.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(wanted), Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_match_as_the_standard_says() {
        for (filter, topic, expected) in [
            ("owntracks/+/+", "owntracks/ann/phone", true),
            ("owntracks/+/+", "owntracks/ann/phone/event", false),
            ("owntracks/#", "owntracks/ann/phone/event", true),
            ("owntracks/#", "owntracks", true),
            ("owntracks/+/+", "owntracks/ann", false),
            ("+/ann/#", "owntracks/bob/phone", false),
            ("#", "anything/at/all", true),
            ("a/b", "a/b", true),
            ("a/b", "a/b/", false),
            ("$share/gateways/owntracks/#", "owntracks/ann/phone", true),
        ] {
            assert_eq!(matches(filter, topic), expected, "{filter} {topic}");
        }
    }
}
