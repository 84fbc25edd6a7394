//! Records of a compressed packet: a minimal data set of ten bytes, then tags whose numbers stand before all their values.

use super::reading::Reading;
use super::tags;
use crate::wire::Cursor;
use crate::{Alarm, Civil, MICROS_PER_SECOND, Micros};

const SECONDS_PER_DAY: i64 = 86_400;

/// Reads one record.
pub(super) fn one<'a>(cursor: &mut Cursor<'a>, now: Micros) -> Option<Reading<'a>> {
    let mut reading = Reading { has_data: true, ..Reading::default() };
    let [head @ .., _] = cursor.array::<10>()?;
    let bits = head.iter().fold(0_u128, |bits, byte| (bits << 8) | u128::from(*byte));
    // 72 bits, of which the last one is not used; the tenth byte neither.
    let field = |from: u32, count: u32| u32::try_from(bits.wrapping_shr(from) & 1_u128.wrapping_shl(count).wrapping_sub(1)).unwrap_or(0);
    reading.seconds = seconds(field(46, 25), now);
    reading.draft.valid = field(45, 1) == 0;
    let longitude = f64::from(field(23, 22)) * 360.0 / 4_194_304.0 - 180.0;
    let latitude = f64::from(field(2, 21)) * 180.0 / 2_097_152.0 - 90.0;
    reading.draft.place(latitude, longitude);
    if field(1, 1) != 0 {
        reading.draft.alarm(Alarm::General);
    }
    let count = cursor.u8()?;
    for id in cursor.take(usize::from(count))? {
        let value = tags::take(*id, cursor)?;
        tags::apply(&mut reading, *id, value);
    }
    Some(reading)
}

/// The year is not told: it is the one that does not lie ahead.
fn seconds(of_the_year: u32, now: Micros) -> Option<u32> {
    let year = Civil::from_micros(now)?.year;
    let begin = |year| Civil { year, month: 1, day: 1, hour: 0, minute: 0, second: 0, micros: 0 }.to_micros();
    let at = |year| Some(begin(year)?.div_euclid(MICROS_PER_SECOND).saturating_add(i64::from(of_the_year)));
    let tomorrow = now.div_euclid(MICROS_PER_SECOND).saturating_add(SECONDS_PER_DAY);
    let seconds = at(year).filter(|seconds| *seconds <= tomorrow).or_else(|| at(year.saturating_sub(1)))?;
    u32::try_from(seconds).ok()
}
