//! Places.

use super::answer::Answer;
use super::call::Call;
use super::devices::ListQuery;
use super::problem::Problem;
use super::reads;
use super::shape::Middle;
use super::told::{Telling, Told};
use crate::directory::{Change, PlaceForm, PlaceView};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

impl Told for PlaceView {
    fn value(&self, telling: &Telling<'_>) -> Value {
        let place = &self.0;
        json!({
            "id": place.public_id, "name": place.name, "address": place.address, "center": Middle::of(&place.center),
            "radius_m": place.radius_m, "created_by": telling.user(place.created_by), "version": place.version,
        })
    }

    fn version(&self) -> Option<u64> {
        Some(self.0.version)
    }
}

/// `GET /places` (B27, B30).
pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let (asked, about) = ListQuery::read(&call)?;
    let page = reads::places(call.stores(), &call.viewer, &asked, call.now);
    Ok(Answer::list(&page.rows, call.seal_cursor(page.next.as_ref(), &about), &call.telling(&call.snapshot())))
}

/// `GET /places/{id}`.
pub(super) async fn show(call: Call) -> Result<Answer, Problem> {
    let (id, snapshot) = (call.id()?, call.snapshot());
    let place = snapshot.place_of_public(id).map(|place| PlaceView(Arc::clone(place)));
    Ok(Answer::one(&call.admit(place)?, &call.telling(&snapshot)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    name: String,
    #[serde(default)]
    address: String,
    center: Middle,
    radius_m: f64,
}

impl Form {
    fn read(call: &Call) -> Result<PlaceForm, Problem> {
        let Self { name, address, center, radius_m } = call.json()?;
        Ok(PlaceForm { name, address, center: center.point(), radius_m })
    }
}

/// `POST /places` (B64).
pub(super) async fn create(call: Call) -> Result<Answer, Problem> {
    let changed = call.change(Change::CreatePlace(Form::read(&call)?)).await?;
    Ok(Answer::created("/places", &changed))
}

/// `PUT /places/{id}`.
pub(super) async fn edit(call: Call) -> Result<Answer, Problem> {
    let (place, version) = call.target()?;
    let changed = call.change(Change::EditPlace { place, version, form: Form::read(&call)? }).await?;
    Ok(Answer::edited(place, &changed))
}

/// `DELETE /places/{id}`.
pub(super) async fn delete(call: Call) -> Result<Answer, Problem> {
    call.change(Change::DeletePlace { place: call.id()? }).await?;
    Ok(Answer::nothing())
}
