//! Recorded tracks as records: CSV and GPX.

use protocols::{Attributes, Fix, Latitude, Longitude, Record, from_rfc3339};

/// Reads `fix_time,latitude,longitude,altitude_m`, one row a fix, with a head line. Altitude may be empty.
///
/// # Errors
/// Names the line and what is wrong with it.
pub fn csv(text: &str) -> Result<Vec<Record>, String> {
    let mut records = Vec::new();
    for (at, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |what: &str| format!("line {}: {what}", at + 1);
        let mut fields = line.split(',').map(str::trim);
        let mut next = || fields.next().unwrap_or_default();
        let (time, latitude, longitude, altitude) = (next(), next(), next(), next());
        let time = from_rfc3339(time).ok_or_else(|| wrong("fix_time is no RFC 3339 time"))?;
        let altitude = if altitude.is_empty() { None } else { Some(altitude.parse().map_err(|_| wrong("altitude_m is no number"))?) };
        records.push(record(time, latitude, longitude, altitude).ok_or_else(|| wrong("latitude or longitude is out of range"))?);
    }
    Ok(records)
}

/// Reads the track points of GPX 1.0 and 1.1 (`trkpt` with `lat`, `lon`, and `time`, perhaps `ele`, inside).
///
/// # Errors
/// Says which point is wrong.
pub fn gpx(text: &str) -> Result<Vec<Record>, String> {
    let mut records = Vec::new();
    for (number, point) in text.split("<trkpt").skip(1).enumerate() {
        let wrong = |what: &str| format!("track point {}: {what}", number + 1);
        let point = point.split("</trkpt>").next().unwrap_or_default();
        let attribute = |name: &str| {
            let from = point.find(&format!("{name}=\""))? + name.len() + 2;
            point.get(from..)?.split('"').next()
        };
        let element = |name: &str| {
            let from = point.find(&format!("<{name}>"))? + name.len() + 2;
            point.get(from..)?.split('<').next()
        };
        let time = element("time").and_then(from_rfc3339).ok_or_else(|| wrong("no time"))?;
        let (latitude, longitude) = (attribute("lat").unwrap_or_default(), attribute("lon").unwrap_or_default());
        let altitude = element("ele").and_then(|text| text.trim().parse().ok());
        records.push(record(time, latitude, longitude, altitude).ok_or_else(|| wrong("lat or lon is missing or out of range"))?);
    }
    if records.is_empty() { Err("no track point".to_owned()) } else { Ok(records) }
}

fn record(time: i64, latitude: &str, longitude: &str, altitude_m: Option<f32>) -> Option<Record> {
    let fix = Fix {
        latitude: Latitude::new(latitude.parse().ok()?)?,
        longitude: Longitude::new(longitude.parse().ok()?)?,
        valid: true,
        altitude_m,
        speed_kmh: None,
        course_deg: None,
    };
    Some(Record { fix_time: Some(time), fix: Some(fix), attributes: Attributes::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_read_and_what_is_wrong_is_named() {
        let rows = csv(
            "fix_time,latitude,longitude,altitude_m\n2008-10-23T02:53:04Z,39.984702,116.318417,150\n2008-10-23T02:53:10Z,39.9,116.3,\n",
        );
        let rows = rows.expect("sound");
        assert_eq!((rows.len(), rows[0].fix_time), (2, Some(1_224_730_384_000_000)));
        assert_eq!(rows[1].fix.and_then(|fix| fix.altitude_m), None);
        let point = r#"<gpx><trkpt lat="39.984702" lon="116.318417"><ele>150</ele><time>2008-10-23T02:53:04Z</time></trkpt></gpx>"#;
        assert_eq!(gpx(point).expect("sound"), rows[..1]);
        assert!(csv("h\n2008-10-23T02:53:04Z,99,116,\n").is_err_and(|e| e.contains("line 2")));
        assert!(gpx("<gpx/>").is_err());
    }
}
