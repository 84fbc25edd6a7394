//! A record while its tags are read.

use super::readable;
use crate::wire::{ShortText, cell_text};
use crate::{Draft, Identifier, Key, MICROS_PER_SECOND, Message, Micros, Name, Value};

/// Microseconds in a millisecond.
const MICROS_PER_MILLI: Micros = 1_000;

/// What the tags of one record said so far.
#[derive(Default)]
pub(super) struct Reading<'a> {
    pub(super) draft: Draft,
    pub(super) imei: Option<Identifier>,
    pub(super) seconds: Option<u32>,
    pub(super) millis: u16,
    /// The place comes from cells: its precision is metres, not HDOP.
    pub(super) from_cells: bool,
    pub(super) command: Option<u32>,
    pub(super) answer: Option<&'a [u8]>,
    /// Country, network, area, cell.
    pub(super) cell: [Option<u16>; 4],
    pub(super) signal: Option<u8>,
    /// There is more than tags that say who and what the device is.
    pub(super) has_data: bool,
}

impl Reading<'_> {
    /// Whether it is how a connection begins.
    pub(super) fn says_who_only(&self) -> bool {
        !self.has_data && self.answer.is_none()
    }

    /// What it is to the rest.
    pub(super) fn message(mut self, identifier: Option<Identifier>) -> Message {
        let identifier = self.imei.or(identifier);
        if let Some(answer) = self.answer {
            return Message::CommandAnswer { identifier, tag: self.command, done: None, text: readable(answer) };
        }
        if !self.has_data {
            return Message::Heartbeat { identifier, attributes: self.draft.attributes };
        }
        if let [Some(country), Some(network), Some(area), Some(cell)] = self.cell {
            let signal = self.signal.map(u16::from);
            let text = cell_text((country, network), (u64::from(area), u64::from(cell)), signal);
            self.draft.set_text(Name::Cell, text.as_str());
        }
        self.draft.time = self.time();
        Message::Record { identifier, record: self.draft.finish() }
    }

    fn time(&self) -> Option<Micros> {
        let micros = i64::from(self.seconds?).checked_mul(MICROS_PER_SECOND)?;
        micros.checked_add(i64::from(self.millis).checked_mul(MICROS_PER_MILLI)?)
    }

    /// A tag that has no name here.
    pub(super) fn io(&mut self, id: u8, value: i64) {
        self.draft.attributes.push(Key::Io(u32::from(id)), Value::Int(value));
    }

    /// The number of a key of a driver.
    pub(super) fn driver(&mut self, number: u8, key: u64) {
        if key != 0 {
            let mut digits = ShortText::default();
            digits.push_number(key);
            self.draft.set_numbered(Name::DriverId, number, Value::Text(digits.as_str()));
        }
    }
}
