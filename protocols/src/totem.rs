//! Totem: trackers of Totem Technology (AVL-02, AVL-08, AT05, AT07, AT09).
//!
//! ```text
//! frame    = "$$" length body                               ; length counts all bytes
//! length   = four digits, the first of them 0 / two hexadecimal digits
//!
//! four digits: body = kind IMEI "|" content sum             ; sum: exclusive or of what stands before it, two hexadecimal digits
//! kind     = "AA" periodic / alarm, two hexadecimal digits / "BB" sign of life (then IMEI and sum alone) / "E5" the bus of the vehicle
//! content  = status (8 hexadecimal digits) YYMMDDhhmmss voltages analog LAC cell satellites (2) signal (2) course (3) speed (3, km/h)
//!            hdop (4) odometer (7) DDMM.mmmm ( "N" / "S" ) DDDMM.mmmm ( "E" / "W" ) [ 4 digits ] serial (4)
//! voltages = battery (3, 0.01 V), one analog value                        ; what the length leaves for them: 7 digits
//!          / battery (2, 0.1 V) supply (2, V), 1, 3 or 6 values of four digits: analog, then two of temperature where there are more
//! status   = bit 31 SOS, 30 ignition, 29 overspeed, 28 supply, 27 left and 26 entered a geofence, 25 antenna, 23–20 outputs,
//!            19–17 inputs 2 to 4, 12 fix, 11 charging, 10 jamming
//! bus      = YYMMDDhhmmss "," longitude "," latitude "," … "," odometer "," fuel used "," consumption "," supply (mV) ","
//!            revolutions "," speed "," … "," … "," coolant "," intake "," load "," throttle "," fuel "," …
//! answer   = "$$0014AA" serial sum
//!
//! hexadecimal: body = IMEI "|" alarm (2 digits) RMC "|" pdop "|" hdop "|" vdop "|" state (12 digits) "|" YYYYMMDDhhmmss "|"
//!                     charging (1) battery (3, 0.01 V) supply (4, 0.01 V) [ "|" analog ] "|" LAC cell "|" temperature "|"
//!                     odometer (km) "|" serial *( "|" more ) "|" CRC-16/MODBUS of what stands before it, four hexadecimal digits
//! state    = SOS, three buttons, four inputs, four outputs
//! answer   = "ACK OK" CRLF
//!
//! command  = "$$" length (4) "CF" password "," words sum
//! ```
//!
//! Source: Tzone, "AVL-08 GPRS Data Protocol" 1.0.1 (2010-04-14); the state of the four-digit form after the tables of Totem's AT09 family
//! as Gurtam publishes them (TAG-Echo).

use crate::wire::{
    Fields, ShortText, cell_text, crc16_modbus, decimal, degrees_minutes_side, find, hex_digit, push_padded, split_once, whole, xor8,
};
use crate::{
    About, Addressee, Alarm, Attributes, CannotSay, Checksum, Civil, Command, DecodeError, Decoder, Draft, Encoder, Environment, Expect,
    Identifier, Message, Micros, Name, Progress, Record, Release, Replies, Transport, Value, carry,
};
use alloc::format;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};
use core::fmt::Write as _;

/// What `totem` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "totem",
    default_port: 5007,
    transports: &[Transport::Tcp],
    acknowledges: &[Transport::Tcp],
    checksum: Checksum::Sum,
    carries_no_fix: true,
    settings: &[],
};

const FRAME_BYTES_MAX: usize = 1_024;
/// A sign of life is this long.
const FRAME_BYTES_MIN: usize = 16;
/// The maker's password.
const PASSWORD: &str = "000000";
const FIELDS_MAX: usize = 24;
/// What stands behind the analog values, from LAC to the longitude's side.
const TAIL_BYTES: usize = 49;
/// Status and time.
const HEAD_BYTES: usize = 20;

/// Alarms by their codes; others (buttons, inputs, charging, sleep) are told as the code.
const CODES: &[(&str, Alarm)] = &[
    ("01", Alarm::Sos),
    ("10", Alarm::LowBattery),
    ("11", Alarm::Overspeed),
    ("30", Alarm::Parking),
    ("42", Alarm::GeofenceExit),
    ("43", Alarm::GeofenceEnter),
];

/// Alarms by their bits of the status.
const BITS: &[(u32, Alarm)] = &[
    (31, Alarm::Sos),
    (29, Alarm::Overspeed),
    (27, Alarm::GeofenceExit),
    (26, Alarm::GeofenceEnter),
    (25, Alarm::GpsAntennaCut),
    (10, Alarm::Jamming),
];
const IGNITION: u32 = 1 << 30;
const FIX: u32 = 1 << 12;
const CHARGING: u32 = 1 << 11;

/// Decoder.
#[derive(Debug, Default)]
pub struct TotemDecoder {
    heard: bool,
}

impl Decoder for TotemDecoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        let between = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n' | b' ' | 0)).count();
        bytes.advance(between);
        if let [first, second, ..] = bytes.as_ref()
            && [*first, *second] != *b"$$"
        {
            let next = bytes.windows(2).skip(1).position(|pair| pair == b"$$").map(|at| at.saturating_add(1));
            // A dollar at the end may be the first of the next message.
            let next = next.unwrap_or_else(|| bytes.len().saturating_sub(usize::from(bytes.ends_with(b"$"))));
            bytes.advance(next);
            return Err(if self.heard { DecodeError::skipped("noise") } else { DecodeError::fatal("not a message") });
        }
        let Some(digits) = bytes.get(2..6) else { return Ok(Progress::NeedMore) };
        let Some((total, decimal)) = total(digits) else {
            bytes.advance(2);
            return Err(if self.heard { DecodeError::skipped("length") } else { DecodeError::fatal("length") });
        };
        if total > FRAME_BYTES_MAX {
            return Err(DecodeError::fatal("frame too long"));
        }
        let lenient = env.options.ignore_checksum;
        if bytes.len() < total && !(lenient && ends_with_sum(bytes, decimal)) {
            return Ok(Progress::NeedMore);
        }
        let total = total.min(bytes.len());
        // Read where it stands: a frame of its own is one more owner of the buffer.
        let result = match core::str::from_utf8(bytes.get(..total).unwrap_or_default()) {
            Ok(text) if decimal => read(text.trim_ascii_end(), lenient, out, replies),
            Ok(text) => read_old(text.trim_ascii_end(), lenient, out, replies),
            Err(_) => Err(DecodeError::skipped("no text")),
        };
        bytes.advance(total);
        self.heard |= result.is_ok();
        result.map(|()| Progress::Frame)
    }

    fn command(&mut self, command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        let password = to.password.unwrap_or(PASSWORD);
        if password.len() > 16 || password.chars().any(|c| !c.is_ascii_alphanumeric()) {
            return Err(CannotSay::Value("password: at most 16 letters and digits"));
        }
        let words = match command {
            Command::Raw { text } if !text.is_ascii() || text.len() > 200 || text.chars().any(char::is_control) => {
                return Err(CannotSay::Value("text: at most 200 ASCII characters"));
            }
            Command::Raw { text } => text.as_str(),
            Command::Reboot => "006",
            Command::Locate => "012",
            Command::Version => "056",
            Command::EngineStop => "025,C,1",
            Command::EngineResume => "025,C,0",
            Command::FactoryReset => "990,099###",
            _ => return Err(CannotSay::Unsupported),
        };
        let content = format!("CF{password},{words}");
        sealed(&content, out);
        Ok(Expect::Next)
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

/// Length of the frame, and whether it was told in decimals.
fn total(digits: &[u8]) -> Option<(usize, bool)> {
    let text = core::str::from_utf8(digits).ok()?;
    let (total, decimal) = match text.as_bytes().first()? {
        b'0' => (text.parse().ok()?, true),
        _ => (usize::from_str_radix(text.get(..2)?, 16).ok()?, false),
    };
    (total >= FRAME_BYTES_MIN).then_some((total, decimal))
}

/// A recording that was shortened: a serial and a sum behind the longitude's side, or four digits behind the last stroke.
fn ends_with_sum(bytes: &[u8], decimal: bool) -> bool {
    let text = bytes.trim_ascii_end();
    let digits = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    if decimal {
        return text.len() > 80
            && text.split_last_chunk::<7>().is_some_and(|(_, [side, rest @ ..])| matches!(side, b'E' | b'W') && digits(rest));
    }
    text.split_last_chunk::<5>().is_some_and(|(_, [stroke, rest @ ..])| *stroke == b'|' && digits(rest))
}

/// Appends a frame of the four-digit form.
fn sealed(content: &str, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(format!("$${:04}{content}", content.len().saturating_add(8)).as_bytes());
    let sum = xor8(out.get(start..).unwrap_or_default());
    out.extend_from_slice(format!("{sum:02X}").as_bytes());
}

/// The answer to a frame of the four-digit form. Each one has it, so that it is put together without an allocation.
fn answer(serial: &str) -> ShortText {
    let mut text = ShortText::default();
    text.push_str("$$00");
    text.push_number(u64::try_from(serial.len()).unwrap_or(0).saturating_add(10));
    text.push_str("AA");
    text.push_str(serial);
    let sum = xor8(text.as_str().as_bytes());
    for nibble in [sum >> 4, sum & 0x0F] {
        text.push_char(char::from(hex_digit(nibble).to_ascii_uppercase()));
    }
    text
}

/// An IMEI, or what stands for it.
fn device(text: &str) -> Option<Identifier> {
    Identifier::new(text).filter(|_| text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// What a kind or an alarm's code says; a periodic report says nothing by it.
fn describe_code(code: &str, draft: &mut Draft) {
    if code == "AA" {
        return;
    }
    match CODES.iter().find(|(known, _)| *known == code) {
        Some((_, alarm)) => draft.alarm(*alarm),
        None => draft.set(Name::Event, Value::Text(code)),
    }
}

/// The four-digit form.
fn read(text: &str, lenient: bool, out: &mut Vec<Message>, replies: &mut Replies) -> Result<(), DecodeError> {
    let (covered, sum) = text.split_at_checked(text.len().saturating_sub(2)).ok_or(DecodeError::skipped("no sum"))?;
    let fits = u8::from_str_radix(sum, 16).ok() == Some(xor8(covered.as_bytes()));
    if !fits && !lenient {
        return Err(DecodeError::skipped("checksum"));
    }
    let kind = covered.get(6..8).ok_or(DecodeError::skipped("no kind"))?;
    let body = covered.get(8..).unwrap_or_default();
    let Some((imei, content)) = split_once(body, b'|') else {
        let identifier = device(body).ok_or(DecodeError::skipped("no device"))?;
        out.push(Message::Heartbeat { identifier: Some(identifier), attributes: Attributes::new() });
        return Ok(());
    };
    let identifier = Some(device(imei).ok_or(DecodeError::skipped("no device"))?);
    let draft = if find(content.as_bytes(), b',').is_some() { bus(content) } else { report(content) };
    match draft {
        Some(mut draft) => {
            describe_code(kind, &mut draft);
            if !fits {
                draft.set(Name::ChecksumIgnored, Value::Bool(true));
            }
            out.push(Message::Record { identifier, record: draft.finish() });
        }
        None => out.push(Message::Undecoded { identifier, reason: "unknown form", raw: text.as_bytes().to_vec() }),
    }
    let serial = covered.get(covered.len().saturating_sub(4)..).unwrap_or_default();
    replies.copied(Release::Durable, answer(serial).as_str().as_bytes());
    Ok(())
}

/// Takes so many characters from the front.
fn take<'a>(rest: &mut &'a str, count: usize) -> Option<&'a str> {
    let (head, tail) = rest.split_at_checked(count)?;
    *rest = tail;
    Some(head)
}

fn report(content: &str) -> Option<Draft> {
    // Behind the longitude stand digits alone.
    let side = content.bytes().rposition(|byte| matches!(byte, b'E' | b'W'))?;
    let analog_bytes = side.checked_sub(HEAD_BYTES.checked_add(TAIL_BYTES)?)?;
    let mut rest = content;
    let status = u32::from_str_radix(take(&mut rest, 8)?, 16).ok()?;
    let (date, time) = (take(&mut rest, 6)?, take(&mut rest, 6)?);
    let analog = take(&mut rest, analog_bytes)?;
    let (area, cell) = (take(&mut rest, 4)?, take(&mut rest, 4)?);
    let (satellites, signal, course, speed) = (take(&mut rest, 2)?, take(&mut rest, 2)?, take(&mut rest, 3)?, take(&mut rest, 3)?);
    let (hdop, odometer) = (take(&mut rest, 4)?, take(&mut rest, 7)?);
    let (latitude, north, longitude, east) = (take(&mut rest, 9)?, take(&mut rest, 1)?, take(&mut rest, 10)?, take(&mut rest, 1)?);
    let mut draft = Draft::at_told(Civil::from_year_month_day(date, time));
    draft.valid = status & FIX != 0;
    draft.place_of(degrees_minutes_side(latitude, north), degrees_minutes_side(longitude, east));
    draft.speed_kmh(f64::from(whole(speed)?));
    draft.course_deg(f64::from(whole(course)?));
    describe_status(status, &mut draft);
    describe_voltages(analog, &mut draft);
    draft.set_int(Name::Satellites, whole(satellites));
    draft.set_int(Name::GsmSignalLevel, whole(signal));
    draft.set_float(Name::Hdop, decimal(hdop));
    draft.set_int(Name::OdometerM, whole(odometer).map(|km| i64::from(km).saturating_mul(1_000)));
    set_cell(area, cell, &mut draft);
    Some(draft)
}

fn describe_status(status: u32, draft: &mut Draft) {
    draft.set(Name::Ignition, Value::Bool(status & IGNITION != 0));
    draft.set(Name::Charging, Value::Bool(status & CHARGING != 0));
    draft.set(Name::OutputMask, Value::Int(i64::from(((status >> 20) & 0x0F).reverse_bits() >> 28)));
    draft.set(Name::Status, Value::Int(i64::from(status)));
    for (bit, alarm) in BITS {
        if status & 1_u32.wrapping_shl(*bit) != 0 {
            draft.alarm(*alarm);
        }
    }
}

fn describe_voltages(analog: &str, draft: &mut Draft) {
    let mut rest = analog;
    let mut volts =
        |digits: usize, unit_mv: i64| take(&mut rest, digits).and_then(whole).map(|value| i64::from(value).saturating_mul(unit_mv));
    if analog.len() == 7 {
        draft.set_int(Name::BatteryMv, volts(3, 10));
    } else {
        draft.set_int(Name::BatteryMv, volts(2, 100));
        draft.set_int(Name::ExternalPowerMv, volts(2, 1_000));
    }
    let count = rest.len() / 4;
    let temperatures = if count >= 3 { 2 } else { 0 };
    for place in 0..count {
        let Some(value) = take(&mut rest, 4).and_then(whole).map(f64::from) else { continue };
        match place.checked_sub(count.saturating_sub(temperatures)) {
            Some(probe) => draft.set_numbered(Name::TemperatureC, carry::index(probe.saturating_add(1)), Value::Float(value / 10.0)),
            None => draft.set_numbered(Name::AnalogMv, carry::index(place.saturating_add(1)), Value::Int(carry::whole(value * 10.0))),
        }
    }
}

fn set_cell(area: &str, cell: &str, draft: &mut Draft) {
    if let (Ok(area), Ok(cell)) = (u64::from_str_radix(area, 16), u64::from_str_radix(cell, 16))
        && (area, cell) != (0, 0)
    {
        draft.set(Name::Cell, Value::Text(cell_text((0, 0), (area, cell), None).as_str()));
    }
}

/// What the bus of the vehicle says.
fn bus(content: &str) -> Option<Draft> {
    let fields = Fields::<FIELDS_MAX>::split(content, ',');
    let (date, time) = fields.at(0).split_at_checked(6)?;
    let mut draft = Draft::at_told(Civil::from_year_month_day(date, time));
    draft.valid = true;
    draft.place_of(fields.decimal(2), fields.decimal(1));
    draft.set_int(Name::OdometerM, fields.number::<u32>(4));
    draft.set_float(Name::FuelUsedL, fields.decimal(5));
    draft.set_float(Name::FuelConsumptionLph, fields.decimal(6));
    draft.set_int(Name::ExternalPowerMv, fields.number::<u32>(7));
    draft.set_float(Name::EngineRpm, fields.decimal(8));
    draft.set_float(Name::ObdSpeedKmh, fields.decimal(9));
    draft.set_float(Name::CoolantTemperatureC, fields.decimal(12));
    draft.set_float(Name::IntakeTemperatureC, fields.decimal(13));
    draft.set_float(Name::EngineLoadPct, fields.decimal(14));
    draft.set_float(Name::ThrottlePct, fields.decimal(15));
    draft.set_float(Name::FuelRaw, fields.decimal(16));
    Some(draft)
}

/// The hexadecimal form.
fn read_old(text: &str, lenient: bool, out: &mut Vec<Message>, replies: &mut Replies) -> Result<(), DecodeError> {
    let (covered, sum) = text.split_at_checked(text.len().saturating_sub(4)).ok_or(DecodeError::skipped("no sum"))?;
    let fits = u16::from_str_radix(sum, 16).ok() == Some(crc16_modbus(covered.as_bytes()));
    if !fits && !lenient {
        return Err(DecodeError::skipped("checksum"));
    }
    let (imei, content) = covered.get(4..).unwrap_or_default().split_once('|').ok_or(DecodeError::skipped("no device"))?;
    let identifier = Some(device(imei).ok_or(DecodeError::skipped("no device"))?);
    let code = content.get(..2).unwrap_or_default();
    match old(content) {
        Some(mut draft) => {
            describe_code(code, &mut draft);
            if !fits {
                draft.set(Name::ChecksumIgnored, Value::Bool(true));
            }
            out.push(Message::Record { identifier, record: draft.finish() });
        }
        None => out.push(Message::Heartbeat { identifier, attributes: Attributes::new() }),
    }
    replies.copied(Release::Durable, b"ACK OK\r\n");
    Ok(())
}

/// `None`: there is no sentence in it, as after a start without satellites.
fn old(content: &str) -> Option<Draft> {
    let parts = Fields::<FIELDS_MAX>::split(content, '|');
    let sentence = parts.at(0).get(2..)?.strip_prefix("$GPRMC,")?;
    let rmc = Fields::<16>::split(sentence, ',');
    let told = rmc.at(8).bytes().any(|digit| digit != b'0');
    let time = told.then(|| rmc.at(0).get(..6)).flatten().and_then(|time| Civil::from_day_month_year(rmc.at(8), time));
    let mut draft = if told { Draft::at_told(time) } else { Draft::at(clock(parts.at(5))) };
    draft.valid = rmc.at(1) == "A";
    if draft.valid || rmc.at(2).bytes().any(|digit| (b'1'..=b'9').contains(&digit)) {
        draft.place_of(degrees_minutes_side(rmc.at(2), rmc.at(3)), degrees_minutes_side(rmc.at(4), rmc.at(5)));
    }
    if let Some(knots) = rmc.decimal(6) {
        draft.speed_knots(knots);
    }
    if let Some(course) = rmc.decimal(7) {
        draft.course_deg(course);
    }
    for (place, name) in [(1, Name::Pdop), (2, Name::Hdop), (3, Name::Vdop)] {
        draft.set_float(name, parts.decimal(place));
    }
    let bits = |from: usize, to: usize| {
        let digits = parts.at(4).get(from..to)?;
        digits.bytes().rev().try_fold(0_u32, |sum, digit| matches!(digit, b'0' | b'1').then_some((sum << 1) | u32::from(digit & 1)))
    };
    draft.set_int(Name::InputMask, bits(4, 8));
    draft.set_int(Name::OutputMask, bits(8, 12));
    describe_old_voltages(parts.at(6), &mut draft);
    let distance = (8..parts.count()).find(|at| parts.at(*at).contains('.'));
    if let Some(distance) = distance {
        let kilometres = parts.decimal(distance).filter(|km| (0.0..10_000_000.0).contains(km));
        draft.set_float(Name::OdometerM, kilometres.map(|km| carry::rounded(km * 1_000.0, 1)));
        let place = parts.at(distance.saturating_sub(2));
        let place = place.get(place.len().saturating_sub(8)..).unwrap_or_default();
        if let Some((area, cell)) = place.split_at_checked(4) {
            set_cell(area, cell, &mut draft);
        }
    }
    Some(draft)
}

/// Charging, battery, supply.
fn describe_old_voltages(text: &str, draft: &mut Draft) {
    let mut rest = text;
    let (Some(charging), Some(battery), Some(supply)) = (take(&mut rest, 1), take(&mut rest, 3), take(&mut rest, 4)) else { return };
    draft.set(Name::Charging, Value::Bool(charging == "1"));
    draft.set_int(Name::BatteryMv, whole(battery).map(|value| i64::from(value).saturating_mul(10)));
    draft.set_int(Name::ExternalPowerMv, whole(supply).map(|value| i64::from(value).saturating_mul(10)));
}

/// The tracker's own clock, `YYYYMMDDhhmmss`.
fn clock(text: &str) -> Option<Micros> {
    let (date, time) = text.get(2..)?.split_at_checked(6)?;
    Civil::from_year_month_day(date, time)
}

/// Encoder: a tracker of the four-digit form.
#[derive(Debug)]
pub struct TotemEncoder {
    serial: u16,
}

impl TotemEncoder {
    /// For a stream.
    pub fn new(_: Transport) -> Self {
        Self { serial: 0 }
    }
}

/// Decimals of a minute.
const DECIMALS: u32 = 4;

/// What of a record has a field: written by `records`, told by `representable`.
struct Carried {
    status: u32,
    battery: i64,
    supply: i64,
    satellites: i64,
    odometer_km: i64,
    hdop: f64,
    speed: i64,
    course: i64,
    place: carry::Minutes,
}

impl Carried {
    fn of(record: &Record) -> Self {
        let attributes = &record.attributes;
        let on = |name: Name, bit: u32| if carry::yes_no(attributes, name) == Some(true) { bit } else { 0 };
        let alarm = match attributes.get(Name::Alarm) {
            Some(Value::Alarm(alarm)) => BITS.iter().find(|(_, known)| *known == alarm).map_or(0, |(bit, _)| 1_u32.wrapping_shl(*bit)),
            _ => 0,
        };
        let fix = record.fix;
        let valid = if fix.is_some_and(|fix| fix.valid) { FIX } else { 0 };
        let hdop = match attributes.get(Name::Hdop) {
            Some(Value::Float(hdop)) if (0.0..99.0).contains(&hdop) => carry::rounded(hdop, 1),
            _ => 0.0,
        };
        let scaled = |name: Name, unit: i64, max: i64| {
            carry::int(attributes, name, 0..=i64::MAX).and_then(|value| value.checked_div(unit)).unwrap_or(0).min(max)
        };
        let whole = |value: Option<f32>| carry::whole(f64::from(value.unwrap_or(0.0))).clamp(0, 999);
        Self {
            status: on(Name::Ignition, IGNITION) | on(Name::Charging, CHARGING) | alarm | valid,
            battery: scaled(Name::BatteryMv, 100, 99),
            supply: scaled(Name::ExternalPowerMv, 1_000, 99),
            satellites: scaled(Name::Satellites, 1, 99),
            odometer_km: scaled(Name::OdometerM, 1_000, 9_999_999),
            hdop,
            speed: whole(fix.and_then(|fix| fix.speed_kmh)),
            course: whole(fix.and_then(|fix| fix.course_deg)),
            place: carry::minutes(fix.as_ref(), DECIMALS),
        }
    }
}

impl Encoder for TotemEncoder {
    fn login(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let Some(record) = records.first() else { return 0 };
        self.serial = self.serial.wrapping_add(1) % 10_000;
        let told = Carried::of(record);
        let mut text = format!("AA{identifier}|{:08X}", told.status);
        let (date, time) = carry::date_and_time(record.fix_time);
        for number in date.into_iter().chain(time) {
            push_padded(&mut text, number, 2);
        }
        let _ =
            write!(text, "{:02}{:02}000000000000{:02}31{:03}{:03}", told.battery, told.supply, told.satellites, told.course, told.speed);
        let _ = write!(text, "{:04.1}{:07}", told.hdop, told.odometer_km);
        for (digits, side) in &told.place {
            text.push_str(digits);
            text.push_str(side);
        }
        let _ = write!(text, "{:04}", self.serial);
        sealed(&text, out);
        1
    }

    fn heartbeat(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        sealed(&format!("BB{identifier}"), out);
    }

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        let mut count = 0_usize;
        let length = |bytes: &[u8]| core::str::from_utf8(bytes.get(2..6)?).ok()?.parse().ok();
        while let Some(total) = length(bytes).filter(|total: &usize| (8..=bytes.len()).contains(total)) {
            count = count.saturating_add(usize::from(bytes.get(6..8) == Some(b"AA")));
            bytes.advance(total);
        }
        Ok(count)
    }

    fn representable(&self, record: &Record) -> Record {
        let told = Carried::of(record);
        let mut draft = Draft::at_told(record.fix_time.map(carry::whole_second));
        draft.valid = told.status & FIX != 0;
        carry::place_minutes(&mut draft, &told.place);
        let small = |number: i64| f64::from(i32::try_from(number).unwrap_or(0));
        draft.speed_kmh(small(told.speed));
        draft.course_deg(small(told.course));
        describe_status(told.status, &mut draft);
        draft.set(Name::BatteryMv, Value::Int(told.battery.saturating_mul(100)));
        draft.set(Name::ExternalPowerMv, Value::Int(told.supply.saturating_mul(1_000)));
        draft.set_numbered(Name::AnalogMv, 1, Value::Int(0));
        draft.set(Name::Satellites, Value::Int(told.satellites));
        draft.set(Name::GsmSignalLevel, Value::Int(31));
        draft.set(Name::Hdop, Value::Float(told.hdop));
        draft.set(Name::OdometerM, Value::Int(told.odometer_km.saturating_mul(1_000)));
        draft.finish()
    }
}
