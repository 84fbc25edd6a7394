//! The live view of a device's raw frames.

use super::answer::Answer;
use super::call::Call;
use super::problem::Problem;
use super::told::{Telling, Told, time};
use crate::frames::{Direction, Frames, TooManyWatched, WatchedFrame};
use crate::model::{AccountId, DeviceId, PublicId};
use policy::{Action, Facts, Observed, Permitted, Resource, admit};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// The longest time that an answer waits for news, seconds.
const WAIT_S_MAX: u64 = 30;

/// A device whose raw frames are watched.
struct Watched {
    account: AccountId,
    device: DeviceId,
    generation: u32,
    action: Action,
}

impl Observed for Watched {
    fn facts(&self) -> Facts<'_> {
        Facts::new(self.account, Resource::Device, self.action).devices(std::slice::from_ref(&self.device))
    }
}

impl Told for WatchedFrame {
    fn value(&self, _: &Telling<'_>) -> Value {
        let frame = &self.frame;
        let direction = if frame.direction == Direction::In { "in" } else { "out" };
        json!({
            "number": frame.number, "at": time(frame.at), "direction": direction, "protocol": frame.protocol,
            "hex": protocols::wire::to_hex(&frame.bytes), "length": frame.length,
        })
    }
}

fn watched(call: &Call, id: PublicId, action: Action) -> Result<Watched, Problem> {
    let snapshot = call.snapshot();
    let device = snapshot.device_of_public(id);
    let watched = device.map(|d| Watched { account: d.account, device: d.id, generation: d.generation, action });
    Ok(call.admit(watched)?.into_inner())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Watch {
    seconds: u64,
}

/// `PUT /devices/{id}/frames`.
pub(super) async fn watch(call: Call) -> Result<Answer, Problem> {
    let device = watched(&call, call.id()?, Action::EditHardware)?;
    let Watch { seconds } = call.json()?;
    if seconds > Frames::WATCH_S_MAX {
        return Err(Problem::invalid("seconds", format!("0 to {}", Frames::WATCH_S_MAX)));
    }
    call.state
        .inner
        .frames
        .watch(device.device, device.generation, seconds)
        .map_err(|TooManyWatched| Problem::limit("watched_devices_max", Frames::WATCHED_DEVICES_MAX, "too many devices are watched"))?;
    Ok(Answer::nothing())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait_s: u64,
}

/// `GET /devices/{id}/frames`: those behind a number; where there are none, it waits for some.
pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let Query { after, wait_s } = call.query()?;
    if wait_s > WAIT_S_MAX {
        return Err(Problem::invalid("wait_s", format!("0 to {WAIT_S_MAX}")));
    }
    let Watched { account, device, generation, action: _ } = watched(&call, call.id()?, Action::SeeHardware)?;
    let frames = &call.state.inner.frames;
    let found = |call: &Call| frames.behind(account, (device, generation), after, call.snapshot().epoch());
    let mut rows = found(&call);
    if let (true, true, Some(news)) = (rows.is_empty(), wait_s > 0, frames.news(device)) {
        // What comes between the look and the waiting is seen by the look after the waiting.
        let rung = news.notified();
        rows = found(&call);
        if rows.is_empty() {
            let _ = tokio::time::timeout(Duration::from_secs(wait_s), rung).await;
            rows = found(&call);
        }
    }
    let now = call.state.inner.clock.now();
    let rows: Vec<Permitted<WatchedFrame>> = rows.into_iter().filter_map(|row| admit(row, &call.viewer, now).ok()).collect();
    Ok(Answer::list(&rows, None, &call.telling(&call.snapshot())))
}
