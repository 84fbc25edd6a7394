//! Commands to devices, and what became of them.

use super::answer::Answer;
use super::call::Call;
use super::problem::Problem;
use super::told::{Telling, Told, time};
use crate::commands::{CommandRow, Commands, CommandsError, NewCommand, action_of};
use crate::directory::{DeviceView, new_public_id};
use crate::model::{AccountId, DeviceId, Micros};
use policy::{Action, Facts, Observed, Permitted, Resource, Viewer, admit};
use protocols::Command;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A device that somebody wants to give a command.
struct ToCommand {
    account: AccountId,
    device: DeviceId,
    generation: u32,
    action: Action,
}

impl Observed for ToCommand {
    fn facts(&self) -> Facts<'_> {
        Facts::new(self.account, Resource::Device, self.action).devices(std::slice::from_ref(&self.device))
    }
}

/// A command, with its words only for those who might give it themselves.
struct CommandView {
    row: CommandRow,
    whole: bool,
}

impl Observed for CommandView {
    fn facts(&self) -> Facts<'_> {
        self.row.facts()
    }

    fn narrow(self, viewer: &Viewer, now: Micros) -> Option<Self> {
        let Self { row, whole } = self;
        let may = Facts::new(row.account, Resource::Device, row.action).devices(std::slice::from_ref(&row.device));
        let whole = whole && policy::judge(viewer, &may, now).is_allow();
        Some(Self { row, whole })
    }
}

impl Told for CommandView {
    fn value(&self, telling: &Telling<'_>) -> Value {
        let row = &self.row;
        let command =
            if self.whole { serde_json::to_value(&row.command).unwrap_or_default() } else { json!({ "kind": row.command.kind() }) };
        json!({
            "id": row.id, "device": telling.snapshot.device(row.device).map(|device| device.public_id), "command": command,
            "user": telling.user(row.user), "state": row.state.name(), "created_at": time(row.created_at), "state_at": time(row.state_at),
            "expires_at": time(row.expires_at), "reason": Some(&row.reason).filter(|reason| !reason.is_empty()),
            "answer": Some(&row.answer).filter(|answer| self.whole && !answer.is_empty()),
        })
    }
}

/// What is needed to say it, before the command itself is known.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    command: Map<String, Value>,
    wait_s: Option<u64>,
}

impl New {
    fn read(self) -> Result<(Command, u64), Problem> {
        let wait_s = self.wait_s.unwrap_or(Commands::WAIT_S);
        if !(1..=Commands::WAIT_S_MAX).contains(&wait_s) {
            return Err(Problem::invalid("wait_s", format!("1 to {}", Commands::WAIT_S_MAX)));
        }
        let fields = self.command.len();
        let command: Command =
            serde_json::from_value(Value::Object(self.command)).map_err(|error| Problem::invalid("command", error.to_string()))?;
        // Beside a kind that takes nothing, anything would be taken.
        let taken = serde_json::to_value(&command).ok().and_then(|value| value.as_object().map(Map::len));
        if taken != Some(fields) {
            return Err(Problem::invalid("command", format!("{} does not take all of these fields", command.kind())));
        }
        if !command.is_sound() {
            return Err(Problem::invalid("command", "a value is out of range, or a text is empty, too long or holds control characters"));
        }
        Ok((command, wait_s))
    }
}

/// `POST /devices/{id}/commands` (B53, B55, B56). It is judged here, and once more when it leaves.
pub(super) async fn give(call: Call) -> Result<Answer, Problem> {
    let (id, snapshot) = (call.id()?, call.snapshot());
    let device = snapshot.device_of_public(id);
    // Whether he may see the device comes before what is wrong with his command (P5).
    call.admit(device.map(|device| DeviceView { device: Arc::clone(device), hardware: false }))?;
    let (command, wait_s) = call.json::<New>()?.read()?;
    let target = device.map(|device| ToCommand {
        account: device.account,
        device: device.id,
        generation: device.generation,
        action: action_of(&command, &device.outputs),
    });
    let target = call.admit(target)?.into_inner();
    let new = NewCommand {
        id: new_public_id(call.now),
        account: target.account,
        device: target.device,
        generation: target.generation,
        user: call.session.user,
        action: target.action,
        command,
        recorded: snapshot.epoch(),
        wait_s,
    };
    let row = call.stores().commands.enqueue(new).await?;
    Ok(Answer::made("/commands", row.id))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    limit: Option<u64>,
    cursor: Option<String>,
}

/// `GET /devices/{id}/commands`: the newest first.
pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let Query { limit, cursor } = call.query()?;
    let (id, snapshot, rows_max) = (call.id()?, call.snapshot(), call.list_rows(limit)?);
    let device = snapshot.device_of_public(id).map(|device| DeviceView { device: Arc::clone(device), hardware: false });
    let device = call.admit(device)?;
    let device = &device.item().device;
    let before: Option<u64> = call.open_cursor(cursor.as_deref(), "")?;
    let mut rows = call.stores().commands.list(device.account, device.id, before, rows_max.saturating_add(1)).await?;
    let more = rows.len() > rows_max;
    rows.truncate(rows_max);
    let last = rows.last().filter(|_| more).map(|row| row.number);
    let views = rows.into_iter().map(|row| CommandView { row, whole: true });
    let rows: Vec<Permitted<CommandView>> = views.filter_map(|view| admit(view, &call.viewer, call.now).ok()).collect();
    Ok(Answer::list(&rows, call.seal_cursor(last.as_ref(), ""), &call.telling(&snapshot)))
}

/// `GET /commands/{id}`.
pub(super) async fn show(call: Call) -> Result<Answer, Problem> {
    let found = call.stores().commands.find(call.id()?).await?;
    let command = call.admit(found.map(|row| CommandView { row, whole: true }))?;
    Ok(Answer::one(&command, &call.telling(&call.snapshot())))
}

impl From<CommandsError> for Problem {
    fn from(error: CommandsError) -> Self {
        match error {
            CommandsError::Full => {
                Self::limit("device_commands_waiting_max", Commands::WAITING_MAX, "too many commands of this device wait")
            }
            error => Self::failed("commands could not be read or written", &error),
        }
    }
}
