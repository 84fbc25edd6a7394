//! Records: what kinds 1 and 68 carry.
//!
//! ```text
//! records   = more u8, count u8, *record
//! record    = seconds u32, sequence u8, [ part u8 ], priority u8, longitude i32 (1e-7°), latitude i32, height i16 (0.1 m),
//!             course u16 (0.01°), satellites u8, speed u16 (km/h), HDOP u8 (0.1), event id, 4group
//! group     = count u8, *( id, value )                  ; values of 1, 2, 4 and 8 bytes
//! id        = u8 / u16                                  ; kind 1 / kind 68, which also has `part`
//! part      = parts beyond the first (high nibble), number of this one (low nibble)
//! ```
//!
//! What does not fit one record is spread over several with the same head. They belong together by seconds and sequence, in any order.
//! Kind 1 says the same in the sequence: decimal digits 1, parts beyond the first, number. A part whose first part is not in the frame
//! repeats a place that was told before: it becomes a record without a fix.
//!
//! Without a fix the device repeats the last place with satellites, speed and HDOP 0, or, if it is set so, sends the lowest number in
//! fields with a sign and all ones in the others. HDOP 254 marks a place from the cells around.

use super::{Rest, elements};
use crate::wire::Cursor;
use crate::{Attributes, Draft, Fix, Identifier, Key, MICROS_PER_SECOND, Message, Name, Record, Value};
use alloc::vec::Vec;

/// The shortest record, and the longest frame: more records are not possible.
const RECORDS_MAX: usize = 40;
/// Units of a degree on the wire.
pub(super) const PER_DEGREE: f64 = 1e7;
/// The HDOP that marks a place from cells.
const HDOP_OF_CELLS: u8 = 0xFE;

/// Reads records, the good ones before the first bad one stay in `out`.
pub(super) fn read<'a>(wide: bool, payload: &'a [u8], identifier: Option<Identifier>, out: &mut Vec<Message>) -> Option<Rest<'a>> {
    let mut cursor = Cursor::new(payload);
    let (Some(_more), Some(count)) = (cursor.u8(), cursor.u8()) else {
        return Some(Rest { reason: "records are cut off", raw: payload });
    };
    let mut parts = Parts::default();
    for _ in 0..count {
        let before = cursor.rest();
        if one(wide, &mut cursor, &mut parts, identifier, out).is_none() {
            return Some(Rest { reason: "record is cut off", raw: before });
        }
    }
    let raw = cursor.rest();
    (!raw.is_empty()).then_some(Rest { reason: "bytes after the last record", raw })
}

/// The parts that were seen in this frame, and where their record is.
struct Parts {
    seen: [(u32, u8, usize); RECORDS_MAX],
    count: usize,
}

impl Default for Parts {
    fn default() -> Self {
        Self { seen: [(0, 0, 0); RECORDS_MAX], count: 0 }
    }
}

impl Parts {
    fn find(&self, seconds: u32, sequence: u8) -> Option<usize> {
        let seen = self.seen.get(..self.count).unwrap_or_default();
        seen.iter().find(|(s, q, _)| (*s, *q) == (seconds, sequence)).map(|(_, _, place)| *place)
    }

    fn add(&mut self, seconds: u32, sequence: u8, place: usize) {
        if let Some(slot) = self.seen.get_mut(self.count) {
            *slot = (seconds, sequence, place);
            self.count = self.count.saturating_add(1);
        }
    }
}

/// A record's head.
struct Head {
    seconds: u32,
    sequence: u8,
    /// The number of this part, if there are several.
    part: Option<u8>,
    priority: u8,
    longitude: i32,
    latitude: i32,
    height: i16,
    course: u16,
    satellites: u8,
    speed: u16,
    hdop: u8,
    event: u16,
}

impl Head {
    fn take(wide: bool, cursor: &mut Cursor<'_>) -> Option<Self> {
        let seconds = cursor.be_u32()?;
        let mut sequence = cursor.u8()?;
        let mut part = None;
        if wide {
            let parts = cursor.u8()?;
            part = (parts & 0xF0 != 0).then_some(parts & 0x0F);
        } else if (100..200).contains(&sequence) {
            part = Some(sequence % 10);
            // The number is not part of what the parts share.
            sequence = sequence.saturating_sub(sequence % 10);
        }
        Some(Self {
            seconds,
            sequence,
            part,
            priority: cursor.u8()?,
            longitude: i32::from_be_bytes(cursor.array()?),
            latitude: i32::from_be_bytes(cursor.array()?),
            height: i16::from_be_bytes(cursor.array()?),
            course: cursor.be_u16()?,
            satellites: cursor.u8()?,
            speed: cursor.be_u16()?,
            hdop: cursor.u8()?,
            event: if wide { cursor.be_u16()? } else { u16::from(cursor.u8()?) },
        })
    }

    fn fix(&self, draft: &mut Draft) {
        if self.longitude == i32::MIN || self.latitude == i32::MIN {
            return;
        }
        draft.place(f64::from(self.latitude) / PER_DEGREE, f64::from(self.longitude) / PER_DEGREE);
        draft.valid = !matches!(self.satellites, 0 | u8::MAX) && self.hdop != HDOP_OF_CELLS;
        if self.height != i16::MIN {
            draft.altitude_m(f64::from(self.height) / 10.0);
        }
        if self.course != u16::MAX {
            draft.course_deg(f64::from(self.course) / 100.0);
        }
        if self.speed != u16::MAX {
            draft.speed_kmh(f64::from(self.speed));
        }
    }

    fn record(&self) -> Record {
        let mut draft = Draft::new();
        if self.seconds != 0 {
            draft.time = i64::from(self.seconds).checked_mul(MICROS_PER_SECOND);
        }
        if self.priority != 0 {
            draft.set_int(Name::Priority, Some(self.priority));
        }
        if self.satellites != u8::MAX {
            draft.set_int(Name::Satellites, Some(self.satellites));
        }
        match self.hdop {
            u8::MAX => {}
            HDOP_OF_CELLS => draft.attributes.push(Key::Text("place_from_cells"), Value::Bool(true)),
            hdop => draft.set_float(Name::Hdop, Some(f64::from(hdop) / 10.0)),
        }
        if self.event != 0 {
            draft.set_int(Name::Event, Some(self.event));
        }
        if self.part.is_none() && self.sequence != 0 {
            draft.set_int(Name::Index, Some(self.sequence));
        }
        if matches!(self.part, None | Some(0)) {
            self.fix(&mut draft);
        }
        draft.finish()
    }

    /// The place of a group whose first part came late.
    fn late_fix(&self) -> Option<Fix> {
        let mut draft = Draft::new();
        self.fix(&mut draft);
        draft.finish().fix
    }
}

fn one(wide: bool, cursor: &mut Cursor<'_>, parts: &mut Parts, identifier: Option<Identifier>, out: &mut Vec<Message>) -> Option<()> {
    let mut ahead = *cursor;
    let head = Head::take(wide, &mut ahead)?;
    let groups = elements::take_groups(wide, &mut ahead)?;
    *cursor = ahead;
    let known = head.part.and_then(|_| parts.find(head.seconds, head.sequence));
    let place = known.unwrap_or(out.len());
    if known.is_none() {
        out.push(Message::Record { identifier, record: head.record() });
        if head.part.is_some() {
            parts.add(head.seconds, head.sequence, place);
        }
    }
    let Some(Message::Record { record, .. }) = out.get_mut(place) else { return Some(()) };
    if known.is_some() && head.part == Some(0) && record.fix.is_none() {
        record.fix = head.late_fix();
    }
    read_elements(&mut record.attributes, wide, groups);
    Some(())
}

fn read_elements(attributes: &mut Attributes, wide: bool, groups: &[u8]) {
    let mut cursor = Cursor::new(groups);
    // The groups were measured before: nothing is cut off here.
    let _ = elements::read_groups(attributes, wide, &mut cursor);
}
