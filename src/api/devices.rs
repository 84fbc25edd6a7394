//! Devices.

use super::answer::Answer;
use super::call::Call;
use super::problem::Problem;
use super::reads::{self, ListAsked};
use super::told::{Telling, Told, object};
use crate::directory::{Change, DeviceView, NewDevice};
use crate::model::{Connection, Item, Output, PublicId, Tariff};
use policy::{Action, DeviceId, Facts, Observed, Resource, admit};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

impl Told for DeviceView {
    fn value(&self, telling: &Telling<'_>) -> Value {
        let device = &self.device;
        let state = telling.stores.latest.state(device.id).and_then(|state| admit(state, telling.viewer, telling.now).ok());
        let connection = match state.as_ref().map(|state| state.item().item()) {
            Some(Item::DeviceState(state)) => state.connection,
            _ => Connection::Never,
        };
        let window_s = policy::window(telling.viewer, device.id).map(|window| window / 1_000_000);
        let mut value = json!({
            "id": device.public_id, "identifier": device.identifier, "name": device.name, "model": device.model,
            "disabled": device.disabled, "connection": connection, "work_status": device.work_status, "outputs": device.outputs,
            "platform_settings": object(&device.platform_settings), "history_window_s": window_s,
            "created_by": telling.user(device.created_by), "version": device.version,
        });
        if let (true, Value::Object(fields)) = (self.hardware, &mut value) {
            fields.insert("hardware_settings".to_owned(), object(&device.hardware_settings));
        }
        value
    }

    fn version(&self) -> Option<u64> {
        Some(self.device.version)
    }
}

/// What a list of the directory is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    limit: Option<u64>,
    cursor: Option<String>,
    search: Option<String>,
}

impl ListQuery {
    /// What it means, and what its cursors are bound to.
    pub fn read(call: &Call) -> Result<(ListAsked, String), Problem> {
        let Self { limit, cursor, search } = call.query()?;
        let about = search.clone().unwrap_or_default();
        let after = call.open_cursor(cursor.as_deref(), &about)?;
        Ok((ListAsked { after, rows_max: call.list_rows(limit)?, search }, about))
    }
}

/// `GET /devices`.
pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let (asked, about) = ListQuery::read(&call)?;
    let page = reads::devices(call.stores(), &call.viewer, &asked, call.now);
    Ok(Answer::list(&page.rows, call.seal_cursor(page.next.as_ref(), &about), &call.telling(&call.snapshot())))
}

/// `GET /devices/{id}`.
pub(super) async fn show(call: Call) -> Result<Answer, Problem> {
    let (id, snapshot) = (call.id()?, call.snapshot());
    let device = snapshot.device_of_public(id).map(|device| DeviceView { device: Arc::clone(device), hardware: true });
    Ok(Answer::one(&call.admit(device)?, &call.telling(&snapshot)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    identifier: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    tariff: Option<PublicId>,
}

/// `POST /devices` (B17, B57).
pub(super) async fn register(call: Call) -> Result<Answer, Problem> {
    let New { identifier, name, model, tariff } = call.json()?;
    let changed = call.change(Change::RegisterDevice(NewDevice { identifier, name, model, tariff })).await?;
    Ok(Answer::created("/devices", &changed))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Platform {
    name: Option<String>,
    model: Option<String>,
    settings: Option<Map<String, Value>>,
}

/// `PATCH /devices/{id}/platform` (B54).
pub(super) async fn edit_platform(call: Call) -> Result<Answer, Problem> {
    let (device, version) = call.target()?;
    let Platform { name, model, settings } = call.json()?;
    let settings = settings.map(|settings| Value::Object(settings).to_string());
    let changed = call.change(Change::EditPlatform { device, version, name, model, settings }).await?;
    Ok(Answer::edited(device, &changed))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hardware {
    settings: Option<Map<String, Value>>,
    outputs: Option<Vec<NewOutput>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewOutput {
    number: u8,
    #[serde(default)]
    name: String,
    #[serde(default)]
    vehicle_system: bool,
}

/// `PATCH /devices/{id}/hardware` (B55).
pub(super) async fn edit_hardware(call: Call) -> Result<Answer, Problem> {
    let (device, version) = call.target()?;
    let Hardware { settings, outputs } = call.json()?;
    let settings = settings.map(|settings| Value::Object(settings).to_string());
    let output = |NewOutput { number, name, vehicle_system }| Output { number, name, vehicle_system };
    let outputs = outputs.map(|outputs| outputs.into_iter().map(output).collect());
    let changed = call.change(Change::EditHardware { device, version, settings, outputs }).await?;
    Ok(Answer::edited(device, &changed))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WorkStatus {
    status: Option<String>,
}

/// `PUT /devices/{id}/work-status`.
pub(super) async fn set_work_status(call: Call) -> Result<Answer, Problem> {
    let device = call.id()?;
    let WorkStatus { status } = call.json()?;
    let changed = call.change(Change::SetWorkStatus { device, status }).await?;
    Ok(Answer::edited(device, &changed))
}

/// Whether something is switched off.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Disabled {
    pub disabled: bool,
}

/// `PUT /devices/{id}/disabled`.
pub(super) async fn set_disabled(call: Call) -> Result<Answer, Problem> {
    let device = call.id()?;
    let Disabled { disabled } = call.json()?;
    let changed = call.change(Change::SetDeviceDisabled { device, disabled }).await?;
    Ok(Answer::edited(device, &changed))
}

/// `DELETE /devices/{id}` (B11).
pub(super) async fn delete(call: Call) -> Result<Answer, Problem> {
    call.change(Change::DeleteDevice { device: call.id()? }).await?;
    Ok(Answer::nothing())
}

/// The tariff that a device is on.
struct TariffView {
    account: policy::AccountId,
    device: DeviceId,
    tariff: Arc<Tariff>,
}

impl Observed for TariffView {
    fn facts(&self) -> Facts<'_> {
        let Self { account, device, tariff: _ } = self;
        Facts::new(*account, Resource::DeviceTariff, Action::See).devices(std::slice::from_ref(device))
    }
}

impl Told for TariffView {
    fn value(&self, _: &Telling<'_>) -> Value {
        json!({ "id": self.tariff.public_id, "name": self.tariff.name, "history_s": self.tariff.history / 1_000_000 })
    }
}

/// `GET /devices/{id}/tariff`.
pub(super) async fn tariff(call: Call) -> Result<Answer, Problem> {
    let (id, snapshot) = (call.id()?, call.snapshot());
    let view = snapshot.device_of_public(id).and_then(|device| {
        let tariff = Arc::clone(snapshot.tariff(device.tariff)?);
        Some(TariffView { account: device.account, device: device.id, tariff })
    });
    Ok(Answer::one(&call.admit(view)?, &call.telling(&snapshot)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTariff {
    tariff: PublicId,
}

/// `PUT /devices/{id}/tariff` (B52).
pub(super) async fn set_tariff(call: Call) -> Result<Answer, Problem> {
    let device = call.id()?;
    let NewTariff { tariff } = call.json()?;
    let changed = call.change(Change::SetTariff { device, tariff }).await?;
    Ok(Answer::edited(device, &changed))
}
