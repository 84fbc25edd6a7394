//! One vocabulary of attributes, units in the names, kept in one compact buffer a record.
//!
//! A record's attributes are written once, by the decoder, in the form in which the journal stores them; nothing is
//! allocated for a record of usual size, and whoever looks for one attribute scans a hundred bytes.
//!
//! ```text
//! attributes = *( key value )
//! key        = name u8 (< 0xF0), index u8          ; a named attribute, index 0 = not numbered
//!            / 0xF0, id u16 LE / 0xF1, id u32 LE   ; io[id]
//!            / 0xF2, length u8, UTF-8              ; a parameter that the tracker itself names
//! value      = 0 / 1                               ; false, true
//!            / 2 i8 / 3 i16 / 4 i32 / 5 i64 / 6 u64 / 7 f64      ; little endian
//!            / 8, length u16 LE, UTF-8
//!            / 9, alarm u8
//! ```

use crate::wire::split_once;
use crate::words::{spelled, words};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;
use smallvec::SmallVec;

words! {
    /// The named attributes. Rows are only ever added at the end: the place is what the journal stores.
    Name {
        Alarm = "alarm", Ignition = "ignition", Motion = "motion", ExternalPowerMv = "external_power_mv", BatteryMv = "battery_mv",
        BatteryLevelPct = "battery_level_pct", OdometerM = "odometer_m", TripOdometerM = "trip_odometer_m", FuelL = "fuel_l",
        FuelLevelPct = "fuel_level_pct", FuelUsedL = "fuel_used_l", GsmSignalPct = "gsm_signal_pct", GsmSignalDbm = "gsm_signal_dbm",
        GsmSignalLevel = "gsm_signal_level", Satellites = "satellites", SatellitesVisible = "satellites_visible", Hdop = "hdop",
        Vdop = "vdop", Pdop = "pdop", AccuracyM = "accuracy_m", TemperatureC = "temperature_c", DeviceTemperatureC = "device_temperature_c",
        CoolantTemperatureC = "coolant_temperature_c", HumidityPct = "humidity_pct", Input = "input", Output = "output",
        AnalogMv = "analog_mv", DriverId = "driver_id", Cell = "cell", Wifi = "wifi", Event = "event", Priority = "priority",
        Serial = "serial",
        Buffered = "buffered", Charging = "charging", Blocked = "blocked", Armed = "armed", Door = "door", Lock = "lock",
        Operator = "operator", EngineRpm = "engine_rpm", EngineHoursS = "engine_hours_s", EngineLoadPct = "engine_load_pct",
        ThrottlePct = "throttle_pct", ObdSpeedKmh = "obd_speed_kmh", ObdOdometerM = "obd_odometer_m", Vin = "vin",
        TroubleCodes = "trouble_codes",
        Iccid = "iccid", Imsi = "imsi", Phone = "phone", Firmware = "firmware", Hardware = "hardware", HeartRateBpm = "heart_rate_bpm",
        Steps = "steps", Status = "status", Mode = "mode", Activity = "activity", Mock = "mock", Network = "network", Tag = "tag",
        ChecksumIgnored = "checksum_ignored", OutOfRange = "out_of_range", Text = "text", InputMask = "input_mask",
        OutputMask = "output_mask",
        BeaconId = "beacon_id", BeaconRssiDbm = "beacon_rssi_dbm", BeaconBatteryMv = "beacon_battery_mv", Humidity = "humidity",
        GpsStatus = "gps_status", AccelerationMg = "acceleration_mg", PressurePa = "pressure_pa", MileageM = "mileage_m",
        WorkHoursS = "work_hours_s", FixAgeS = "fix_age_s", Language = "language", Course = "course", TrackerId = "tracker_id",
        Regions = "regions",
        Index = "index", FuelConsumptionLph = "fuel_consumption_lph", IntakeTemperatureC = "intake_temperature_c", Count = "count",
        AxleWeightKg = "axle_weight_kg", Co2Ppm = "co2_ppm", IlluminanceLx = "illuminance_lx", BloodPressureHigh = "blood_pressure_high",
        BloodPressureLow = "blood_pressure_low", BloodOxygenPct = "blood_oxygen_pct", TireKpa = "tire_kpa",
        TireTemperatureC = "tire_temperature_c", TagId = "tag_id", TagTemperatureC = "tag_temperature_c",
        TagHumidityPct = "tag_humidity_pct", TagBatteryMv = "tag_battery_mv", TagRssiDbm = "tag_rssi_dbm", Model = "model",
        DrivingTimeS = "driving_time_s", IdleTimeS = "idle_time_s", Card = "card", Reason = "reason", Sensor = "sensor",
        SupplyMv = "supply_mv", Picture = "picture", FuelRaw = "fuel_raw", AirPressureKpa = "air_pressure_kpa",
    }
}
spelled!(Name);

words! {
    /// What a device raises by itself. Rows are only ever added at the end.
    Alarm {
        General = "general", Sos = "sos", PowerCut = "power_cut", LowBattery = "low_battery", LowPower = "low_power", Towing = "towing",
        Crash = "crash", Tamper = "tamper", Vibration = "vibration", Movement = "movement", Overspeed = "overspeed", LowSpeed = "low_speed",
        Fall = "fall", Fault = "fault", PowerOn = "power_on", PowerOff = "power_off", Door = "door", Lock = "lock", Unlock = "unlock",
        Geofence = "geofence", GeofenceEnter = "geofence_enter", GeofenceExit = "geofence_exit", GpsAntennaCut = "gps_antenna_cut",
        Idle = "idle", HighRpm = "high_rpm", HardAcceleration = "hard_acceleration", HardBraking = "hard_braking",
        HardCornering = "hard_cornering", LaneChange = "lane_change", FatigueDriving = "fatigue_driving", PowerRestored = "power_restored",
        Jamming = "jamming", Temperature = "temperature", Parking = "parking", Bonnet = "bonnet", FootBrake = "foot_brake",
        FuelLeak = "fuel_leak", Removing = "removing",
    }
}
spelled!(Alarm);

/// What an attribute is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// A named one; the number is 0 where there is only one, else 1, 2, ….
    Named(Name, u8),
    /// `io[id]`: the vendor's number, for what has no name here.
    Io(u32),
    /// A parameter that the tracker itself names.
    Text(&'a str),
}

impl core::fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Named(name, 0) => f.write_str(name.as_str()),
            Self::Named(name, index) => write!(f, "{}[{index}]", name.as_str()),
            Self::Io(id) => write!(f, "io[{id}]"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl<'a> Key<'a> {
    /// The key that is spelled so: `ignition`, `temperature_c[2]`, `io[239]`, else a parameter of the tracker's own.
    #[must_use]
    pub fn from_spelling(text: &'a str) -> Self {
        Name::from_text(text).map_or_else(|| Self::from_other(text), |name| Self::Named(name, 0))
    }

    /// The same of what is no name as a whole.
    #[inline]
    pub(crate) fn from_other(text: &'a str) -> Self {
        if text.as_bytes().last() == Some(&b']') { Self::from_numbered(text) } else { Self::Text(text) }
    }

    fn from_numbered(text: &'a str) -> Self {
        // Most numbers have one digit.
        if let [name @ .., b'[', digit @ b'1'..=b'9', b']'] = text.as_bytes()
            && let Some(name) = Name::from_bytes(name)
        {
            return Self::Named(name, digit & 0x0F);
        }
        let numbered = text.strip_suffix(']').and_then(|t| split_once(t, b'['));
        let canonical = |digits: &str| digits == "0" || !digits.starts_with(['0', '+']);
        match numbered.filter(|(_, digits)| canonical(digits)) {
            Some(("io", digits)) => digits.parse().map_or(Self::Text(text), Self::Io),
            Some((name, digits)) => match (Name::from_text(name), digits.parse()) {
                (Some(name), Ok(index)) if index > 0 => Self::Named(name, index),
                _ => Self::Text(text),
            },
            None => Self::Text(text),
        }
    }
}

/// What an attribute says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number beyond `i64`.
    Unsigned(u64),
    /// A number; never NaN or infinite.
    Float(f64),
    /// Text.
    Text(&'a str),
    /// An alarm.
    Alarm(Alarm),
}

/// A [`Value`] that owns its text.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueBuf {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number beyond `i64`.
    Unsigned(u64),
    /// A number.
    Float(f64),
    /// Text.
    Text(String),
    /// An alarm.
    Alarm(Alarm),
}

impl Value<'_> {
    /// A copy that owns its text.
    #[must_use]
    pub fn to_buf(self) -> ValueBuf {
        match self {
            Self::Bool(v) => ValueBuf::Bool(v),
            Self::Int(v) => ValueBuf::Int(v),
            Self::Unsigned(v) => ValueBuf::Unsigned(v),
            Self::Float(v) => ValueBuf::Float(v),
            Self::Text(v) => ValueBuf::Text(String::from(v)),
            Self::Alarm(v) => ValueBuf::Alarm(v),
        }
    }

    /// The number, whichever way it is kept.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(v) => Some(*v as f64),
            Self::Unsigned(v) => Some(*v as f64),
            Self::Float(v) => Some(*v),
            Self::Bool(_) | Self::Text(_) | Self::Alarm(_) => None,
        }
    }
}

const KEY_IO_SHORT: u8 = 0xF0;
const KEY_IO: u8 = 0xF1;
const KEY_TEXT: u8 = 0xF2;

/// The attributes of a record.
#[derive(Clone, Default)]
pub struct Attributes {
    bytes: Bytes,
}

impl PartialEq for Attributes {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Attributes {}

/// Bytes that stand in the record itself while they are few.
#[derive(Clone)]
enum Bytes {
    Inline { length: u8, bytes: [u8; Self::INLINE_BYTES] },
    Heap { bytes: Vec<u8>, alarms: Alarms },
}

/// The alarms among attributes that are many: those are not walked through for each alarm.
#[derive(Clone, Copy, Default)]
struct Alarms {
    /// One bit each.
    raised: u64,
    /// Attributes of that name.
    count: u8,
}

impl Alarms {
    fn of(bytes: &[u8]) -> Self {
        let mut alarms = Self::default();
        AttributeIter { bytes }.for_each(|(key, value)| alarms.note(key, value));
        alarms
    }

    const fn bit(alarm: Alarm) -> u64 {
        const { assert!(Alarm::ALL.len() <= 64, "a bit for each") }
        1_u64.wrapping_shl(alarm as u32)
    }

    const fn note(&mut self, key: Key<'_>, value: Value<'_>) {
        if let Key::Named(Name::Alarm, _) = key {
            self.count = self.count.saturating_add(1);
            if let Value::Alarm(alarm) = value {
                self.raised |= Self::bit(alarm);
            }
        }
    }
}

impl Default for Bytes {
    #[inline]
    fn default() -> Self {
        Self::Inline { length: 0, bytes: [0; Self::INLINE_BYTES] }
    }
}

impl Bytes {
    const INLINE_BYTES: usize = 126;

    #[inline]
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Inline { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Self::Heap { bytes, .. } => bytes,
        }
    }

    fn alarms(&self) -> Alarms {
        match self {
            Self::Inline { .. } => Alarms::of(self.as_slice()),
            Self::Heap { alarms, .. } => *alarms,
        }
    }

    fn extend(&mut self, more: &[u8]) {
        match self {
            Self::Heap { bytes, .. } => bytes.extend_from_slice(more),
            Self::Inline { length, bytes } => {
                let end = usize::from(*length).saturating_add(more.len());
                if let (Some(room), Ok(end)) = (bytes.get_mut(usize::from(*length)..end), u8::try_from(end)) {
                    room.copy_from_slice(more);
                    *length = end;
                } else {
                    let mut all = Vec::with_capacity(end.saturating_mul(2));
                    all.extend_from_slice(self.as_slice());
                    all.extend_from_slice(more);
                    *self = Self::Heap { bytes: all, alarms: Alarms::of(self.as_slice()) };
                }
            }
        }
    }

    fn truncate(&mut self, end: usize) {
        match self {
            Self::Heap { bytes, .. } => bytes.truncate(end),
            Self::Inline { length, .. } => *length = u8::try_from(end).map_or(*length, |end| end.min(*length)),
        }
    }

    /// Adds a key and a text if there is room for them here. Not part of its callers: most attributes are no texts.
    #[inline(never)]
    fn extend_text(&mut self, key: Packed, text: &str) -> bool {
        let Self::Inline { length, bytes } = self else { return false };
        let Some(room) = bytes.get_mut(usize::from(*length)..) else { return false };
        let (Ok(text_bytes), Some(head)) = (u8::try_from(text.len()), room.first_chunk_mut()) else { return false };
        let [low @ .., _, _, _, _, _, _, _, _] = key.word.to_le_bytes();
        *head = low;
        let middle = usize::from(key.length);
        let Some(head) = room.get_mut(middle..).and_then(|rest| rest.first_chunk_mut()) else { return false };
        *head = [8, text_bytes, 0];
        let start = middle.wrapping_add(3);
        let end = start.wrapping_add(text.len());
        let Some(room) = room.get_mut(start..end) else { return false };
        room.copy_from_slice(text.as_bytes());
        let Ok(end) = u8::try_from(usize::from(*length).wrapping_add(end)) else { return false };
        *length = end;
        true
    }

    /// Adds what is packed if there is room for it here. One store of fixed width, of which only the low bytes are meant, costs a fraction
    /// of copies of just the right length.
    #[inline]
    fn extend_packed(&mut self, packed: Packed) -> bool {
        let Self::Inline { length, bytes } = self else { return false };
        let Some(room) = bytes.get_mut(usize::from(*length)..).and_then(|rest| rest.first_chunk_mut()) else { return false };
        *room = packed.word.to_le_bytes();
        *length = length.wrapping_add(packed.length);
        true
    }
}

impl Attributes {
    /// More than this is not kept for one record: what is pushed beyond it is dropped.
    pub const BYTES_MAX: usize = 8_192;

    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    /// The stored form.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// Takes the stored form back; `None` if the bytes are not wholly in it.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        AttributesRef::new(bytes)?;
        let mut attributes = Self::new();
        attributes.bytes.extend(bytes);
        if let Bytes::Heap { bytes, alarms } = &mut attributes.bytes {
            *alarms = Alarms::of(bytes);
        }
        Some(attributes)
    }

    /// Adds one. NaN, infinities and what would pass [`Self::BYTES_MAX`] are dropped; texts are cut at 65,535 bytes, text keys at 255.
    pub fn push(&mut self, key: Key<'_>, value: Value<'_>) {
        self.push_here(key, value);
    }

    /// As [`Self::push`], but part of each caller, so that a key and a kind of value that are known there are not put together from
    /// memory: for what is done for nearly every record.
    #[inline(always)]
    pub(crate) fn push_here(&mut self, key: Key<'_>, value: Value<'_>) {
        match (Packed::key(key), Packed::value(value), value) {
            (Some(packed_key), Some(packed_value), _) => self.push_packed(packed_key.before(packed_value)),
            (Some(packed_key), None, Value::Text(text)) if self.bytes.extend_text(packed_key, text) => {}
            _ => self.push_any(key, value),
        }
    }

    /// Adds what is packed.
    #[inline(always)]
    pub(crate) fn push_packed(&mut self, packed: Packed) {
        if !self.bytes.extend_packed(packed) {
            self.push_beyond(packed.word, packed.length);
        }
    }

    /// Adds what is packed where there is no room for a whole word here any more. What is added comes in registers, so that those who
    /// never get here need not store it for this.
    #[cold]
    #[inline(never)]
    fn push_beyond(&mut self, word: u128, length: u8) {
        let before = self.as_bytes().len();
        self.bytes.extend(&Packed { word, length }.bytes());
        self.keep(before);
    }

    /// Keeps what was added behind so many bytes, if there may be so much, and knows its alarms.
    fn keep(&mut self, before: usize) {
        if self.as_bytes().len() > Self::BYTES_MAX {
            self.bytes.truncate(before);
        } else if let Bytes::Heap { bytes, alarms } = &mut self.bytes {
            AttributeIter { bytes: bytes.get(before..).unwrap_or_default() }.for_each(|(key, value)| alarms.note(key, value));
        }
    }

    fn push_any(&mut self, key: Key<'_>, value: Value<'_>) {
        if matches!(value, Value::Float(v) if !v.is_finite()) {
            return;
        }
        let before = self.as_bytes().len();
        if let Some(packed) = Packed::key(key) {
            self.bytes.extend(packed.bytes().as_slice());
        } else if let Key::Text(text) = key {
            let cut = cut_at(text, 255);
            self.bytes.extend(&[KEY_TEXT, u8::try_from(cut.len()).unwrap_or(u8::MAX)]);
            self.bytes.extend(cut.as_bytes());
        }
        if let Some(packed) = Packed::value(value) {
            self.bytes.extend(packed.bytes().as_slice());
        } else if let Value::Text(text) = value {
            let cut = cut_at(text, 65_535);
            let [low, high] = u16::try_from(cut.len()).unwrap_or(u16::MAX).to_le_bytes();
            self.bytes.extend(&[8, low, high]);
            self.bytes.extend(cut.as_bytes());
        }
        self.keep(before);
    }

    /// Adds a named one without a number.
    pub fn set(&mut self, name: Name, value: Value<'_>) {
        self.push_here(Key::Named(name, 0), value);
    }

    /// The same of a text. Apart from its callers: it costs less than a value that they would have to put together for it.
    #[inline(never)]
    pub(crate) fn set_text(&mut self, name: Name, text: &str) {
        self.set(name, Value::Text(text));
    }

    /// Puts one that is packed behind others that are not added yet. Where there is no room for it behind them, they are added now. Each
    /// that is added by itself has to wait for the length that the one before it left.
    #[inline(always)]
    pub(crate) fn join(&mut self, before: Packed, next: Packed) -> Packed {
        if before.length.wrapping_add(next.length) <= Packed::BYTES_MAX {
            before.alone().before(next)
        } else {
            self.push_packed(before);
            next
        }
    }

    /// Adds an alarm; a second and third get the numbers 1 and 2; the same alarm is not added twice.
    pub fn alarm(&mut self, alarm: Alarm) {
        let alarms = self.bytes.alarms();
        if alarms.raised & Alarms::bit(alarm) == 0 {
            self.push(Key::Named(Name::Alarm, alarms.count), Value::Alarm(alarm));
        }
    }

    /// All, in the order in which they were added.
    #[must_use]
    pub fn iter(&self) -> AttributeIter<'_> {
        AttributeIter { bytes: self.as_bytes() }
    }

    /// The first named so, without a number.
    #[must_use]
    pub fn get(&self, name: Name) -> Option<Value<'_>> {
        self.find(Key::Named(name, 0))
    }

    /// The first with that key.
    #[must_use]
    pub fn find(&self, wanted: Key<'_>) -> Option<Value<'_>> {
        self.iter().find(|(key, _)| *key == wanted).map(|(_, value)| value)
    }

    /// The alarms of the record.
    pub fn alarms(&self) -> impl Iterator<Item = Alarm> + '_ {
        self.iter().filter_map(|(_, value)| if let Value::Alarm(alarm) = value { Some(alarm) } else { None })
    }

    /// Appends a JSON object.
    pub fn write_json(&self, out: &mut String) {
        out.push('{');
        let mut first = true;
        for (key, value) in self.iter() {
            if !first {
                out.push(',');
            }
            first = false;
            write_json_key(key, out);
            out.push(':');
            write_json_value(value, out);
        }
        out.push('}');
    }
}

/// A key, or a value, or a few attributes, without text, in the stored form.
#[derive(Clone, Copy)]
pub(crate) struct Packed {
    /// The bytes, the first one lowest.
    word: u128,
    length: u8,
}

impl Packed {
    const BYTES_MAX: u8 = 16;

    /// A named attribute without a number that says yes or no.
    #[inline(always)]
    pub(crate) fn flag(name: Name, value: bool) -> Self {
        Self::name(name, 0).before(Self::truth(value))
    }

    /// A named attribute without a number that is a whole number.
    #[inline(always)]
    pub(crate) fn int(name: Name, value: impl Into<i64>) -> Self {
        Self::name(name, 0).before(Self::whole(value.into()))
    }

    /// A named attribute without a number that is a number. The number is finite.
    #[inline(always)]
    pub(crate) fn float(name: Name, value: f64) -> Self {
        Self::name(name, 0).before(Self::number(value))
    }

    /// A named attribute without a number that is a text of up to six ASCII characters.
    #[inline(always)]
    pub(crate) fn text<const N: usize>(name: Name, text: [u8; N]) -> Self {
        const { assert!(N <= 6, "no room in a word") }
        let low = text.iter().rev().fold(0, |low, byte| (low << 8) | u64::from(*byte)) << 16;
        Self::name(name, 0).before(Self::tagged(8, low | N as u64, const { (N as u8).saturating_add(2) }))
    }

    #[inline(always)]
    pub(crate) fn name(name: Name, index: u8) -> Self {
        Self { word: u128::from(u16::from_le_bytes([name as u8, index])), length: 2 }
    }

    #[inline(always)]
    fn key(key: Key<'_>) -> Option<Self> {
        match key {
            Key::Named(name, index) => Some(Self::name(name, index)),
            Key::Io(id) if id <= 0xFFFF => Some(Self::tagged(KEY_IO_SHORT, u64::from(id), 2)),
            Key::Io(id) => Some(Self::tagged(KEY_IO, u64::from(id), 4)),
            Key::Text(_) => None,
        }
    }

    #[inline(always)]
    fn value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Bool(v) => Some(Self::truth(v)),
            Value::Int(v) => Some(Self::whole(v)),
            Value::Unsigned(v) => Some(match i64::try_from(v) {
                Ok(v) => Self::whole(v),
                Err(_) => Self::tagged(6, v, 8),
            }),
            Value::Float(v) if v.is_finite() => Some(Self::number(v)),
            Value::Alarm(alarm) => Some(Self::tagged(9, alarm as u64, 1)),
            Value::Float(_) | Value::Text(_) => None,
        }
    }

    /// A value that is a finite number.
    #[inline(always)]
    pub(crate) fn number(v: f64) -> Self {
        Self::tagged(7, v.to_bits(), 8)
    }

    #[inline(always)]
    pub(crate) fn truth(v: bool) -> Self {
        Self::tagged(u8::from(v), 0, 0)
    }

    /// In the narrowest form that holds it.
    #[inline(always)]
    pub(crate) fn whole(v: i64) -> Self {
        let (tag, length) = if i8::try_from(v).is_ok() {
            (2, 1)
        } else if i16::try_from(v).is_ok() {
            (3, 2)
        } else if i32::try_from(v).is_ok() {
            (4, 4)
        } else {
            (5, 8)
        };
        Self::tagged(tag, v.cast_unsigned(), length)
    }

    /// A tag and the low `length` bytes of a word. A key has nothing above them; what a value has there is not meant.
    #[inline(always)]
    fn tagged(tag: u8, low: u64, length: u8) -> Self {
        Self { word: u128::from(tag) | (u128::from(low) << 8), length: length.saturating_add(1) }
    }

    /// A key with its value behind it.
    #[inline(always)]
    pub(crate) fn before(self, next: Self) -> Self {
        let word = self.word | next.word.wrapping_shl(u32::from(self.length).wrapping_mul(8));
        Self { word, length: self.length.wrapping_add(next.length) }
    }

    /// The same without what is not meant above it, so that another can stand behind it.
    #[inline(always)]
    fn alone(self) -> Self {
        let meant = u128::MAX.checked_shr(128_u32.saturating_sub(u32::from(self.length).wrapping_mul(8))).unwrap_or(0);
        Self { word: self.word & meant, length: self.length }
    }

    fn bytes(self) -> SmallVec<[u8; 16]> {
        SmallVec::from_slice(self.word.to_le_bytes().get(..usize::from(self.length)).unwrap_or_default())
    }
}

impl core::fmt::Debug for Attributes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut text = String::new();
        self.write_json(&mut text);
        f.write_str(&text)
    }
}

impl<'a> FromIterator<(Key<'a>, Value<'a>)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (Key<'a>, Value<'a>)>>(items: I) -> Self {
        let mut attributes = Self::new();
        for (key, value) in items {
            attributes.push(key, value);
        }
        attributes
    }
}

/// Attributes that are still in somebody else's buffer, checked once.
#[derive(Clone, Copy, Debug)]
struct AttributesRef;

impl AttributesRef {
    fn new(bytes: &[u8]) -> Option<Self> {
        let mut iter = AttributeIter { bytes };
        while !iter.bytes.is_empty() {
            iter.take_one()?;
        }
        Some(Self)
    }
}

/// Walks through attributes.
#[derive(Clone, Debug)]
pub struct AttributeIter<'a> {
    bytes: &'a [u8],
}

impl<'a> AttributeIter<'a> {
    /// Walks through a stored form; it ends at the first byte that is not in that form.
    #[must_use]
    pub const fn over(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.bytes.split_at_checked(count)?;
        self.bytes = tail;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn take_one(&mut self) -> Option<(Key<'a>, Value<'a>)> {
        let [tag] = self.array()?;
        let key = match tag {
            KEY_IO_SHORT => Key::Io(u32::from(u16::from_le_bytes(self.array()?))),
            KEY_IO => Key::Io(u32::from_le_bytes(self.array()?)),
            KEY_TEXT => {
                let [length] = self.array()?;
                Key::Text(core::str::from_utf8(self.take(usize::from(length))?).ok()?)
            }
            number => {
                let [index] = self.array()?;
                Key::Named(Name::ALL.get(usize::from(number)).copied()?, index)
            }
        };
        let [tag] = self.array()?;
        let value = match tag {
            0 => Value::Bool(false),
            1 => Value::Bool(true),
            2 => Value::Int(i64::from(i8::from_le_bytes(self.array()?))),
            3 => Value::Int(i64::from(i16::from_le_bytes(self.array()?))),
            4 => Value::Int(i64::from(i32::from_le_bytes(self.array()?))),
            5 => Value::Int(i64::from_le_bytes(self.array()?)),
            6 => Value::Unsigned(u64::from_le_bytes(self.array()?)),
            7 => Value::Float(f64::from_le_bytes(self.array()?)),
            8 => {
                let length = u16::from_le_bytes(self.array()?);
                Value::Text(core::str::from_utf8(self.take(usize::from(length))?).ok()?)
            }
            9 => {
                let [number] = self.array()?;
                Value::Alarm(Alarm::ALL.get(usize::from(number)).copied()?)
            }
            _ => return None,
        };
        Some((key, value))
    }
}

impl<'a> Iterator for AttributeIter<'a> {
    type Item = (Key<'a>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.take_one();
        if item.is_none() {
            self.bytes = &[];
        }
        item
    }
}

fn cut_at(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

fn write_json_key(key: Key<'_>, out: &mut String) {
    match key {
        Key::Named(..) | Key::Io(_) => drop(write!(out, "\"{key}\"")),
        Key::Text(text) => write_json_text(text, out),
    }
}

pub(crate) fn write_json_value(value: Value<'_>, out: &mut String) {
    match value {
        Value::Bool(v) => out.push_str(if v { "true" } else { "false" }),
        Value::Int(v) => drop(write!(out, "{v}")),
        Value::Unsigned(v) => drop(write!(out, "{v}")),
        Value::Float(v) if v.is_finite() => drop(write!(out, "{v}")),
        Value::Float(_) => out.push_str("null"),
        Value::Text(text) => write_json_text(text, out),
        Value::Alarm(alarm) => write_json_text(alarm.as_str(), out),
    }
}

pub(crate) fn write_json_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if u32::from(c) < 0x20 => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

impl Attributes {
    /// A list of key and value copies, for tests and tools.
    #[must_use]
    pub fn to_pairs(&self) -> Vec<(String, ValueBuf)> {
        self.iter()
            .map(|(key, value)| {
                let mut name = String::new();
                let _ = write!(name, "{key}");
                (name, value.to_buf())
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
