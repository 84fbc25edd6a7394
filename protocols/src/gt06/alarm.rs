//! Alarm codes.

use crate::Alarm;

/// The codes of alarm frames that have a name here. (JM-VL03 V1.1.2, "Alert and Language"; the first row of an alarm is the one that is
/// written.)
const CODES: &[(u8, Alarm)] = &[
    (0x01, Alarm::Sos),
    (0x02, Alarm::PowerCut),
    (0x03, Alarm::Vibration),
    (0x04, Alarm::GeofenceEnter),
    (0x05, Alarm::GeofenceExit),
    (0x06, Alarm::Overspeed),
    (0x09, Alarm::Towing),
    (0x0C, Alarm::PowerOn),
    (0x0E, Alarm::LowPower),
    (0x0F, Alarm::LowPower),
    (0x11, Alarm::PowerOff),
    (0x13, Alarm::Tamper),
    (0x14, Alarm::Door),
    (0x15, Alarm::PowerOff),
    (0x17, Alarm::Jamming),
    (0x18, Alarm::Removing),
    (0x19, Alarm::LowBattery),
    (0x23, Alarm::Fall),
    (0x29, Alarm::HardAcceleration),
    (0x2A, Alarm::HardCornering),
    (0x2B, Alarm::HardCornering),
    (0x2C, Alarm::Crash),
    (0x30, Alarm::HardBraking),
    (0x32, Alarm::Removing),
];

/// The alarm of a code.
pub fn of_code(code: u8) -> Option<Alarm> {
    CODES.iter().find(|row| row.0 == code).map(|row| row.1)
}

/// The code of an alarm.
pub fn code_of(alarm: Alarm) -> Option<u8> {
    CODES.iter().find(|row| row.1 == alarm).map(|row| row.0)
}

/// The alarm in bits 3–5 of the state.
pub const fn of_state(state: u8) -> Option<Alarm> {
    match (state >> 3) & 0x07 {
        1 => Some(Alarm::Vibration),
        2 => Some(Alarm::PowerCut),
        3 => Some(Alarm::LowBattery),
        4 => Some(Alarm::Sos),
        7 => Some(Alarm::Removing),
        _ => None,
    }
}

/// The alarm of a dash camera's event (kind 0x95).
pub const fn of_camera(event: u8) -> Option<Alarm> {
    match event {
        0x01 => Some(Alarm::General),
        0x90 => Some(Alarm::HardAcceleration),
        0x91 => Some(Alarm::HardBraking),
        0x92 => Some(Alarm::HardCornering),
        0x93 => Some(Alarm::Crash),
        _ => None,
    }
}
