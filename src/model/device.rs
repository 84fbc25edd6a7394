//! Devices: trackers, beacons.

use super::{Order, PublicId, TariffId};
use policy::{AccountId, DeviceId, Micros, UserId};
use serde::{Deserialize, Serialize};

/// A switchable output of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The device's number for it, from 1.
    pub number: u8,
    /// For people.
    pub name: String,
    /// Engine, alarm, doors: changed only with the right (B56).
    pub vehicle_system: bool,
}

/// A device.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// Inside: dense.
    pub id: DeviceId,
    /// Outside.
    pub public_id: PublicId,
    /// Whose (P14: one account at a time).
    pub account: AccountId,
    /// Raised when the device changes hands, is disabled or registered anew: what carries an older one is refused.
    pub generation: u32,
    /// What it calls itself on the wire (IMEI, serial number, topic).
    pub identifier: String,
    /// For people.
    pub name: String,
    /// The vendor's model, empty if unknown.
    pub model: String,
    /// Which tariff it is on (P8).
    pub tariff: TariffId,
    /// Takes no data and is listed as disabled.
    pub disabled: bool,
    /// Platform settings (B54), as they are shown: JSON object.
    pub platform_settings: String,
    /// Hardware settings (B55): JSON object.
    pub hardware_settings: String,
    /// Set by a user from the list in the platform settings.
    pub work_status: Option<String>,
    /// Outputs.
    pub outputs: Vec<Output>,
    /// Who registered it.
    pub created_by: UserId,
    /// Raised by each edit.
    pub version: u64,
}

/// Whether a device is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// Never heard of.
    Never,
    /// A session is open, or a datagram came lately.
    Online,
    /// Lost.
    Offline,
}

/// A change of a device's connection, as it is delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceState {
    /// Where it stands in the recorded order.
    pub order: Order,
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub device: DeviceId,
    /// What.
    pub connection: Connection,
    /// Since when: our time.
    pub recorded_at: Micros,
}
