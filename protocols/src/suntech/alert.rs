//! What alerts and emergencies mean, by their number. The universal protocol and the families before it share the list.

use crate::Alarm;

/// Alerts. What is missing here (engine, calibration, sleep, ignition) is told by its number alone.
pub const fn alert(number: u16) -> Option<Alarm> {
    Some(match number {
        1 | 23 | 49 => Alarm::Overspeed,
        3 | 8 => Alarm::GpsAntennaCut,
        5 => Alarm::GeofenceExit,
        6 => Alarm::GeofenceEnter,
        11 => Alarm::Sos,
        13 => Alarm::Fault,
        // The vehicle's battery, not the device's.
        14 => Alarm::LowPower,
        15 => Alarm::Vibration,
        16 => Alarm::Crash,
        22 | 26 | 64 => Alarm::HighRpm,
        24 | 75 | 76 => Alarm::Temperature,
        27 | 47 => Alarm::HardBraking,
        40 => Alarm::PowerRestored,
        41 => Alarm::PowerCut,
        46 => Alarm::HardAcceleration,
        48 => Alarm::HardCornering,
        50 => Alarm::Jamming,
        61 => Alarm::Idle,
        69 => Alarm::Movement,
        73 => Alarm::FuelLeak,
        _ => return None,
    })
}

/// The alert by which a device says that.
pub fn number(alarm: Alarm) -> Option<u16> {
    [1, 3, 5, 6, 11, 13, 14, 15, 16, 40, 41, 46, 47, 48, 50, 61, 64, 69, 73, 75].into_iter().find(|number| alert(*number) == Some(alarm))
}

/// A driver's key was put in; the alert's data are its number.
pub const KEY: u16 = 59;

/// Emergencies.
pub const fn emergency(number: u16) -> Option<Alarm> {
    Some(match number {
        1 => Alarm::Sos,
        2 => Alarm::Parking,
        3 => Alarm::PowerCut,
        5 => Alarm::Tamper,
        6 => Alarm::Door,
        7 => Alarm::Movement,
        8 => Alarm::Vibration,
        _ => return None,
    })
}
