//! Commands on their way to devices, and answers on their way back, whatever the transport.

use super::Shared;
use crate::commands::{CommandsError, DeviceAnswer};
use crate::frames::Direction;
use crate::model::{DeviceId, Micros};
use crate::session::Session;
use crate::telemetry;

impl Shared {
    /// The bytes of the next command for the session's device. It is written down as sent before they are handed out; a command
    /// that the protocol cannot say is failed on the way.
    pub(super) async fn next_command(&self, session: &mut Session) -> Option<Vec<u8>> {
        let next = self.try_next_command(session).await;
        next.unwrap_or_else(|error| {
            tracing::error!(%error, "a command could not be sent");
            None
        })
    }

    async fn try_next_command(&self, session: &mut Session) -> Result<Option<Vec<u8>>, CommandsError> {
        let Some((device, generation)) = session.known().map(|known| (known.device, known.generation)) else { return Ok(None) };
        while let Some(row) = self.commands.next(device, generation).await? {
            match session.command(&row.command, &self.outside()) {
                Ok((bytes, expect)) => {
                    self.commands.leaves(&row, expect).await?;
                    metrics::counter!(telemetry::COMMANDS_SENT, "kind" => row.command.kind()).increment(1);
                    return Ok(Some(bytes));
                }
                Err(why) => self.commands.cannot(&row, why).await?,
            }
        }
        Ok(None)
    }

    /// Keeps bytes for whoever watches the session's device.
    pub(super) fn watch(&self, session: &Session, direction: Direction, bytes: &[u8], told: Option<(Micros, Micros)>) {
        if self.frames.any()
            && let Some(known) = session.known()
        {
            self.frames.keep((known.device, known.generation), session.protocol().name(), direction, bytes, told);
        }
    }

    /// What the device answered finds its commands.
    pub(super) async fn take_answers(&self, device: DeviceId, answers: &[DeviceAnswer]) {
        for answer in answers {
            match self.commands.answered(device, answer).await {
                Ok(true) => {}
                Ok(false) => tracing::debug!(device = device.0, "an answer to no command of ours"),
                Err(error) => tracing::error!(%error, "an answer could not be written down"),
            }
        }
    }
}
