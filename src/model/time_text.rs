//! Times as text, appended to what is being encoded: RFC 3339, UTC, with as many digits of the second as are not zero.

use policy::Micros;
use protocols::Civil;
use std::fmt::Write as _;

/// Appends `2024-01-01T00:00:00Z` (or `…00.011Z`, `…00.000001Z`). Outside the years 1 to 9999 the nearest of them is written.
pub fn write_rfc3339(time: Micros, out: &mut String) {
    const FIRST: Micros = -62_135_596_800_000_000;
    const LAST: Micros = 253_402_300_799_999_999;
    let Some(c) = Civil::from_micros(time.clamp(FIRST, LAST)) else { return };
    let _ = write!(out, "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", c.year, c.month, c.day, c.hour, c.minute, c.second);
    if c.micros % 1_000 != 0 {
        let _ = write!(out, ".{:06}", c.micros);
    } else if c.micros != 0 {
        let _ = write!(out, ".{:03}", c.micros / 1_000);
    }
    out.push('Z');
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocols::from_rfc3339;

    fn text(time: Micros) -> String {
        let mut out = String::new();
        write_rfc3339(time, &mut out);
        out
    }

    #[test]
    fn times_read_back_what_was_written() {
        for time in [0, 1, 1_000, 1_709_251_199_000_001, -1, 253_402_300_799_999_999] {
            assert_eq!(from_rfc3339(&text(time)), Some(time), "{}", text(time));
        }
        assert_eq!(text(1_704_067_200_011_000), "2024-01-01T00:00:00.011Z");
        assert_eq!(text(Micros::MAX), "9999-12-31T23:59:59.999999Z");
        assert_eq!(from_rfc3339("2024-01-01T02:00:00+02:00"), Some(1_704_067_200_000_000));
    }
}
