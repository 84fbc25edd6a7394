//! What sub-users were given (B3 to B8, P4).

use super::answer::Answer;
use super::call::Call;
use super::problem::Problem;
use super::reads;
use super::told::{Telling, Told};
use crate::directory::{Change, DeviceView, GeofenceView, GrantsView, PlaceView, Turn};
use crate::model::{GrantsOf, PublicId};
use policy::{GrantState, admit};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The state of a grant in words. When it ended stays inside: a place in the recorded order tells of other accounts.
const fn state(state: GrantState) -> &'static str {
    match state {
        GrantState::Active => "on",
        GrantState::EndedAt(_) => "off",
        GrantState::Forgotten => "forgotten",
    }
}

/// The flag, and single objects as far as whoever reads this sees them himself.
fn states<Id: Copy + Ord>(grants: &GrantsOf<Id>, public: impl Fn(Id) -> Option<PublicId>) -> Value {
    let each = grants.by_object.iter().filter_map(|(id, of)| Some(json!({ "id": public(*id)?, "state": state(*of) })));
    json!({ "all": grants.all.map(state), "each": each.collect::<Vec<_>>() })
}

impl Told for GrantsView {
    fn value(&self, telling: &Telling<'_>) -> Value {
        let Telling { snapshot, stores: _, viewer, now } = *telling;
        let devices: Vec<PublicId> = self
            .grants
            .devices
            .iter()
            .filter_map(|id| {
                let device = Arc::clone(snapshot.device(*id)?);
                Some(admit(DeviceView { device, hardware: false }, viewer, now).ok()?.item().device.public_id)
            })
            .collect();
        let geofences = states(&self.grants.geofences, |id| {
            Some(admit(GeofenceView(Arc::clone(snapshot.geofence(id)?)), viewer, now).ok()?.item().0.public_id)
        });
        let places =
            states(&self.grants.places, |id| Some(admit(PlaceView(Arc::clone(snapshot.place(id)?)), viewer, now).ok()?.item().0.public_id));
        json!({ "devices": devices, "geofences": geofences, "places": places })
    }
}

/// `GET /users/{id}/grants`.
pub(super) async fn show(call: Call) -> Result<Answer, Problem> {
    let (id, snapshot) = (call.id()?, call.snapshot());
    Ok(Answer::one(&call.admit(reads::grants(&snapshot, id))?, &call.telling(&snapshot)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Devices {
    devices: Vec<PublicId>,
}

/// `PUT /users/{id}/grants/devices`: these and no others (B48).
pub(super) async fn set_devices(call: Call) -> Result<Answer, Problem> {
    let user = call.id()?;
    let Devices { devices } = call.json()?;
    call.change(Change::SetDevices { user, devices }).await?;
    Ok(Answer::nothing())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SomeDevices {
    #[serde(default)]
    add: Vec<PublicId>,
    #[serde(default)]
    remove: Vec<PublicId>,
}

/// `PATCH /users/{id}/grants/devices`: some more, some less.
pub(super) async fn edit_devices(call: Call) -> Result<Answer, Problem> {
    let user = call.id()?;
    let SomeDevices { add, remove } = call.json()?;
    call.change(Change::EditDevices { user, add, remove }).await?;
    Ok(Answer::nothing())
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Turned {
    On,
    Off,
    Forget,
}

impl From<Turned> for Turn {
    fn from(turned: Turned) -> Self {
        match turned {
            Turned::On => Self::On,
            Turned::Off => Self::Off,
            Turned::Forget => Self::Forget,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Turns {
    #[serde(default)]
    all: Option<Turned>,
    #[serde(default)]
    each: Vec<TurnOne>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TurnOne {
    id: PublicId,
    turn: Turned,
}

impl Turns {
    fn each(self) -> Vec<(PublicId, Turn)> {
        self.each.into_iter().map(|TurnOne { id, turn }| (id, turn.into())).collect()
    }
}

/// `PATCH /users/{id}/grants/geofences`: first the flag, then each one named.
pub(super) async fn turn_geofences(call: Call) -> Result<Answer, Problem> {
    let user = call.id()?;
    let turns: Turns = call.json()?;
    call.change(Change::TurnGeofences { user, all: turns.all.map(Turn::from), each: turns.each() }).await?;
    Ok(Answer::nothing())
}

/// `PATCH /users/{id}/grants/places`, likewise.
pub(super) async fn turn_places(call: Call) -> Result<Answer, Problem> {
    let user = call.id()?;
    let turns: Turns = call.json()?;
    call.change(Change::TurnPlaces { user, all: turns.all.map(Turn::from), each: turns.each() }).await?;
    Ok(Answer::nothing())
}
