//! A command, and what became of it.

use crate::model::{AccountId, DeviceId, Micros, Output, PublicId, Seq, UserId};
use policy::{Action, Facts, Observed, Resource};
use protocols::{Command, Expect};

/// How far a command has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The device is not there yet.
    Queued,
    /// It left; where the protocol has answers, one is waited for.
    Sent,
    /// The device answered.
    Acknowledged,
    /// It was not sent, or the device refused.
    Failed,
    /// It was not sent, or not answered, in time.
    Expired,
}

impl State {
    const ALL: [Self; 5] = [Self::Queued, Self::Sent, Self::Acknowledged, Self::Failed, Self::Expired];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Acknowledged => "acknowledged",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A command that somebody gives.
#[derive(Clone, Debug)]
pub struct NewCommand {
    /// What the outside calls it.
    pub id: PublicId,
    /// Whose device.
    pub account: AccountId,
    /// Which.
    pub device: DeviceId,
    /// Of which generation (P14): one that is registered anew gets nothing of before.
    pub generation: u32,
    /// Who gives it.
    pub user: UserId,
    /// What he needs for it.
    pub action: Action,
    /// What.
    pub command: Command,
    /// Where the recorded order stands.
    pub recorded: Seq,
    /// How long it may wait, seconds.
    pub wait_s: u64,
}

impl NewCommand {
    pub(super) fn into_row(self, number: u64, now: Micros) -> CommandRow {
        let Self { id, account, device, generation, user, action, command, recorded, wait_s } = self;
        let wait = i64::try_from(wait_s).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        CommandRow {
            number,
            id,
            account,
            device,
            generation,
            user,
            action,
            command,
            created_at: now,
            recorded,
            expires_at: now.saturating_add(wait),
            state: State::Queued,
            state_at: now,
            expect: None,
            answer: String::new(),
            reason: String::new(),
        }
    }
}

/// A command and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandRow {
    /// Its place in the order in which commands were given.
    pub number: u64,
    /// What the outside calls it.
    pub id: PublicId,
    /// Whose device.
    pub account: AccountId,
    /// Which.
    pub device: DeviceId,
    /// Of which generation.
    pub generation: u32,
    /// Who gave it.
    pub user: UserId,
    /// What he needed for it.
    pub action: Action,
    /// What.
    pub command: Command,
    /// When it was given.
    pub created_at: Micros,
    /// Where the recorded order stood then.
    pub recorded: Seq,
    /// When it is given up.
    pub expires_at: Micros,
    /// How far it has come.
    pub state: State,
    /// Since when.
    pub state_at: Micros,
    /// How its answer is known, once it was sent.
    pub expect: Option<Expect>,
    /// What the device answered.
    pub answer: String,
    /// Why it failed or expired.
    pub reason: String,
}

impl Observed for CommandRow {
    fn facts(&self) -> Facts<'_> {
        Facts::new(self.account, Resource::Command, Action::See)
            .devices(std::slice::from_ref(&self.device))
            .span(self.created_at, self.created_at)
            .recorded(self.recorded, self.created_at)
    }
}

/// What somebody needs for giving that command to a device with these outputs (B53, B55, B56). An output that nobody described may be
/// the engine's.
#[must_use]
pub fn action_of(command: &Command, outputs: &[Output]) -> Action {
    match command {
        Command::Locate | Command::Status | Command::Version | Command::Identification | Command::Message { .. } => Action::AskReport,
        Command::Output { number, .. } => match outputs.iter().find(|output| output.number == *number) {
            Some(output) if !output.vehicle_system => Action::SwitchAuxiliaryOutput,
            _ => Action::SwitchVehicleOutput,
        },
        Command::EngineStop | Command::EngineResume | Command::Arm | Command::Disarm => Action::SwitchVehicleOutput,
        Command::ReportEvery { .. }
        | Command::ReportStop
        | Command::Photo
        | Command::Reboot
        | Command::PowerOff
        | Command::FactoryReset
        | Command::SetOdometer { .. }
        | Command::SosNumber { .. }
        | Command::SendSms { .. }
        | Command::SetTimeZone { .. } => Action::EditHardware,
        Command::Raw { .. } => Action::SendRawCommand,
    }
}
