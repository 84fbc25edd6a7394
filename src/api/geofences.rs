//! Geofences.

use super::answer::Answer;
use super::call::Call;
use super::devices::ListQuery;
use super::problem::Problem;
use super::reads;
use super::shape::Geometry;
use super::told::{Telling, Told};
use crate::directory::{Change, GeofenceForm, GeofenceView};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

impl Told for GeofenceView {
    fn value(&self, telling: &Telling<'_>) -> Value {
        let geofence = &self.0;
        json!({
            "id": geofence.public_id, "name": geofence.name, "shape": Geometry::of(&geofence.shape), "dwell_s": geofence.dwell_s,
            "created_by": telling.user(geofence.created_by), "version": geofence.version,
        })
    }

    fn version(&self) -> Option<u64> {
        Some(self.0.version)
    }
}

/// `GET /geofences` (B36).
pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let (asked, about) = ListQuery::read(&call)?;
    let page = reads::geofences(call.stores(), &call.viewer, &asked, call.now);
    Ok(Answer::list(&page.rows, call.seal_cursor(page.next.as_ref(), &about), &call.telling(&call.snapshot())))
}

/// `GET /geofences/{id}`.
pub(super) async fn show(call: Call) -> Result<Answer, Problem> {
    let (id, snapshot) = (call.id()?, call.snapshot());
    let geofence = snapshot.geofence_of_public(id).map(|geofence| GeofenceView(Arc::clone(geofence)));
    Ok(Answer::one(&call.admit(geofence)?, &call.telling(&snapshot)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    name: String,
    shape: Geometry,
    #[serde(default)]
    dwell_s: u32,
}

impl Form {
    fn read(call: &Call) -> Result<GeofenceForm, Problem> {
        let Self { name, shape, dwell_s } = call.json()?;
        Ok(GeofenceForm { name, shape: shape.shape()?, dwell_s })
    }
}

/// `POST /geofences` (B63).
pub(super) async fn create(call: Call) -> Result<Answer, Problem> {
    let changed = call.change(Change::CreateGeofence(Form::read(&call)?)).await?;
    Ok(Answer::created("/geofences", &changed))
}

/// `PUT /geofences/{id}`.
pub(super) async fn edit(call: Call) -> Result<Answer, Problem> {
    let (geofence, version) = call.target()?;
    let changed = call.change(Change::EditGeofence { geofence, version, form: Form::read(&call)? }).await?;
    Ok(Answer::edited(geofence, &changed))
}

/// `DELETE /geofences/{id}`.
pub(super) async fn delete(call: Call) -> Result<Answer, Problem> {
    call.change(Change::DeleteGeofence { geofence: call.id()? }).await?;
    Ok(Answer::nothing())
}
