//! Alarms by their bits and numbers.

use crate::{Alarm, Draft};

/// The alarm word of the standard. Bits 15 to 17 are the makers': most of them agree.
const STANDARD: &[(u32, Alarm)] = &[
    (0, Alarm::Sos),
    (1, Alarm::Overspeed),
    (2, Alarm::FatigueDriving),
    (3, Alarm::General),
    (4, Alarm::Fault),
    (5, Alarm::GpsAntennaCut),
    (6, Alarm::GpsAntennaCut),
    (7, Alarm::LowBattery),
    (8, Alarm::PowerOff),
    (9, Alarm::Fault),
    (10, Alarm::Fault),
    (11, Alarm::Fault),
    (12, Alarm::Fault),
    (13, Alarm::Overspeed),
    (14, Alarm::FatigueDriving),
    (15, Alarm::LowBattery),
    (16, Alarm::Vibration),
    (17, Alarm::Tamper),
    (18, Alarm::FatigueDriving),
    (19, Alarm::Parking),
    (20, Alarm::Geofence),
    (21, Alarm::Geofence),
    (23, Alarm::Geofence),
    (24, Alarm::Fault),
    (25, Alarm::FuelLeak),
    (26, Alarm::Towing),
    (27, Alarm::PowerOn),
    (28, Alarm::Movement),
    (29, Alarm::Crash),
    (30, Alarm::Crash),
    (31, Alarm::Door),
];

/// AOVX trackers of things (models GL and AL).
const AOVX: &[(u32, Alarm)] = &[
    (0, Alarm::Sos),
    (1, Alarm::Overspeed),
    (4, Alarm::Fault),
    (7, Alarm::LowBattery),
    (8, Alarm::PowerOff),
    (15, Alarm::Removing),
    (16, Alarm::Movement),
    (28, Alarm::Movement),
];

/// AOVX trackers of vehicles (models VL and VG).
const AOVX_VEHICLE: &[(u32, Alarm)] = &[
    (0, Alarm::Sos),
    (1, Alarm::Overspeed),
    (4, Alarm::Fault),
    (7, Alarm::LowBattery),
    (8, Alarm::PowerOff),
    (15, Alarm::Removing),
    (16, Alarm::Vibration),
    (28, Alarm::Movement),
];

/// Seals G-360P and G-508P.
const SEAL: &[(u32, Alarm)] = &[(0, Alarm::Removing), (1, Alarm::Tamper), (4, Alarm::Removing)];

/// Item EB, part 0089: what holds is a 0.
const STATES: &[(u32, Alarm)] = &[
    (0, Alarm::PowerOff),
    (4, Alarm::Crash),
    (8, Alarm::HardAcceleration),
    (9, Alarm::HardBraking),
    (12, Alarm::Removing),
    (25, Alarm::HardCornering),
    (30, Alarm::Jamming),
    (31, Alarm::Jamming),
];

/// Item EB, part 00C5: what holds is a 0.
const MORE_STATES: &[(u32, Alarm)] = &[(6, Alarm::Vibration), (14, Alarm::Tamper)];

/// Item 57.
const DRIVING: &[(u32, Alarm)] = &[(8, Alarm::HardAcceleration), (9, Alarm::HardBraking), (10, Alarm::HardCornering)];

/// Item F4 of two bytes.
const DRIVING_OTHER: &[(u32, Alarm)] = &[
    (0, Alarm::HardAcceleration),
    (1, Alarm::HardBraking),
    (2, Alarm::HardBraking),
    (3, Alarm::HardCornering),
    (4, Alarm::Crash),
    (5, Alarm::Crash),
];

/// Item FE, part 01.
const DRIVING_MARKED: &[(u32, Alarm)] =
    &[(0, Alarm::HardAcceleration), (1, Alarm::HardBraking), (2, Alarm::HardCornering), (3, Alarm::Crash), (4, Alarm::Tamper)];

/// Which table a word is read by.
#[derive(Clone, Copy, Debug)]
pub enum Word {
    States,
    MoreStates,
    Driving,
    DrivingOther,
    DrivingMarked,
}

/// Whose model it is, where the makers differ.
pub fn is_aovx(model: Option<&str>) -> bool {
    model.is_some_and(|model| ["GL", "AL", "VL", "VG"].iter().any(|prefix| model.starts_with(prefix)))
}

fn raise(draft: &mut Draft, word: u32, table: &[(u32, Alarm)]) {
    if word == 0 {
        return;
    }
    for (bit, alarm) in table {
        if word >> bit & 1 == 1 {
            draft.alarm(*alarm);
        }
    }
}

/// The alarm word at the front of a report.
pub fn standard(draft: &mut Draft, word: u32, model: Option<&str>) {
    let table = match model {
        Some("G-360P" | "G-508P") => SEAL,
        Some(model) if model.starts_with("VL") || model.starts_with("VG") => AOVX_VEHICLE,
        model if is_aovx(model) => AOVX,
        _ => STANDARD,
    };
    raise(draft, word, table);
}

/// A word of an item.
pub fn word(draft: &mut Draft, word: u32, of: Word) {
    match of {
        Word::States => raise(draft, !word, STATES),
        Word::MoreStates => raise(draft, !word, MORE_STATES),
        Word::Driving => raise(draft, word, DRIVING),
        Word::DrivingOther => raise(draft, word, DRIVING_OTHER),
        Word::DrivingMarked => raise(draft, word, DRIVING_MARKED),
    }
}

/// Item FA: an event of an on-board diagnosis, by its number.
pub const fn diagnosis(number: u16) -> Option<Alarm> {
    Some(match number {
        0x0005 | 0x010F => Alarm::Door,
        0x0007 => Alarm::PowerOn,
        0x0101 => Alarm::Towing,
        0x0102 => Alarm::GpsAntennaCut,
        0x0103 | 0x0405 | 0x040B..=0x040E => Alarm::PowerCut,
        0x0104 => Alarm::PowerRestored,
        0x0105 => Alarm::LowPower,
        0x0106 | 0x0404 => Alarm::Idle,
        0x0107 => Alarm::Overspeed,
        0x0108 => Alarm::FatigueDriving,
        0x0109 => Alarm::Temperature,
        0x0111 => Alarm::HardAcceleration,
        0x0112 | 0x0401 | 0x0402 => Alarm::HardBraking,
        0x0113 => Alarm::HardCornering,
        0x0114 => Alarm::Crash,
        0x0115 => Alarm::Vibration,
        0x0201..=0x0206 => Alarm::Fault,
        0x0403 => Alarm::HighRpm,
        0x0407 => Alarm::Removing,
        0x0408 => Alarm::Tamper,
        0x040A => Alarm::LowBattery,
        _ => return None,
    })
}

/// Items 64 (road ahead), 65 (driver) and 70 (driving), by the type in them. Pictures that are taken by the way are no alarms.
pub const fn assistance(item: u8, kind: u8) -> Option<Alarm> {
    Some(match (item, kind) {
        (0x64, 2 | 5) => Alarm::LaneChange,
        (0x64, 6) => Alarm::Overspeed,
        (0x65, 1) => Alarm::FatigueDriving,
        (0x70, 1) => Alarm::HardAcceleration,
        (0x70, 2) => Alarm::HardBraking,
        (0x70, 3) => Alarm::HardCornering,
        (0x70, 4) => Alarm::Idle,
        (0x70, 7) => Alarm::HighRpm,
        (_, 1..=0x0F) => Alarm::General,
        _ => return None,
    })
}
