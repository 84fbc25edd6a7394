//! What one room asks of another, answered by it: the wiring between rooms that do not know each other.

use crate::commands::{CommandRow, MaySend};
use crate::directory::{Barrier, Cut, Directory, JournalHook};
use crate::journal::{Batch, Journal, NewEntry};
use crate::listener::Listener;
use crate::router::{Compile, Router, SessionId, Touched};
use crate::session::{DeviceSettings, Devices, Known};
use futures_util::future::BoxFuture;
use policy::{Facts, Resource, Seq, UserId, Verdict, Viewer};
use std::sync::{Arc, OnceLock};

/// Viewers, compiled from the directory as it stands.
pub(super) struct DirectoryViewers(pub Directory);

impl Compile for DirectoryViewers {
    fn compile(&self, user: UserId, generation: u64) -> Option<Viewer> {
        self.0.snapshot().viewer(user, generation)
    }

    fn session_is_open(&self, session: SessionId) -> bool {
        self.0.session_is_open(crate::directory::SessionId(session.0))
    }
}

/// Registered devices, by what they call themselves.
pub(super) struct RegisteredDevices(pub Directory);

impl Devices for RegisteredDevices {
    fn find(&self, identifier: &str) -> Option<Known> {
        let snapshot = self.0.snapshot();
        let device = snapshot.device_of_identifier(identifier).filter(|device| !device.disabled)?;
        Some(Known {
            device: device.id,
            account: device.account,
            generation: device.generation,
            model: Arc::from(device.model.as_str()),
            settings: Arc::new(device_settings(&device.hardware_settings)),
        })
    }
}

/// `protocol` (an object of the decoder's settings) and `command_password` among the hardware settings of a device.
fn device_settings(hardware: &str) -> DeviceSettings {
    if hardware == "{}" {
        return DeviceSettings::default();
    }
    let hardware: serde_json::Value = serde_json::from_str(hardware).unwrap_or_default();
    let spelled = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let decoder = hardware["protocol"].as_object().into_iter().flatten();
    DeviceSettings {
        decoder: decoder.map(|(name, value)| (name.clone(), spelled(value))).collect(),
        command_password: hardware["command_password"].as_str().map(str::to_owned),
    }
}

/// Whether the user who gave a command may still give it, as the directory stands.
pub(super) struct StillMay(pub Directory);

impl MaySend for StillMay {
    fn refusal(&self, command: &CommandRow) -> Option<&'static str> {
        let Some(viewer) = self.0.snapshot().viewer(command.user, 0) else { return Some("its sender is no longer there") };
        let facts = Facts::new(command.account, Resource::Device, command.action).devices(std::slice::from_ref(&command.device));
        match policy::judge(&viewer, &facts, command.created_at) {
            Verdict::Allow => None,
            Verdict::Forbid(_) | Verdict::Hide(_) => Some("its sender may not send it any more"),
        }
    }
}

/// The journal, as far as the directory needs it.
pub(super) struct ChangesInJournal(pub Journal);

impl JournalHook for ChangesInJournal {
    fn append_changed(&self, version: u64) -> BoxFuture<'_, Result<Seq, String>> {
        Box::pin(async move {
            let mut batch = Batch::new();
            batch.push(&NewEntry::Changed { version });
            let committed = self.0.append(batch).await.map_err(|error| error.to_string())?;
            Ok(committed.last_seq)
        })
    }

    fn committed(&self) -> Seq {
        self.0.committed()
    }
}

/// Makes a change of the directory true for what is under way.
pub(super) struct Enforcement {
    pub journal: Journal,
    pub router: Arc<Router>,
    pub listener: Arc<OnceLock<Listener>>,
}

impl Barrier for Enforcement {
    fn enforce<'a>(&'a self, cut: &'a Cut) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            // What a tracker sends as the device that it was is refused before its connection is cut.
            for (device, generation) in &cut.generations {
                self.journal.set_current(*device, *generation);
            }
            if let Some(listener) = self.listener.get() {
                listener.close_devices(&cut.closed_devices);
            }
            let touched = Touched {
                users: cut.users.clone(),
                accounts: cut.everyone_in.clone(),
                closed_sessions: cut.closed_sessions.iter().map(|session| SessionId(session.0)).collect(),
                closed_users: cut.closed_users.clone(),
                narrowed: cut.narrows,
            };
            self.router.enforce(&touched).await;
        })
    }
}
