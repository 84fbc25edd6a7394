//! Requests and publications.

use super::{Case, fill};
use crate::dialogue::Said;
use protocols::Transport;

fn http(what: impl Into<String>, uri: impl Into<String>, content_type: &str, body: Vec<u8>) -> Case {
    let headers = vec![("Content-Type".into(), content_type.into())];
    Case::new(what, Transport::Http, Said::Http { method: "POST".into(), uri: uri.into(), headers, body })
}

fn mqtt(what: impl Into<String>, topic: &str, payload: Vec<u8>) -> Case {
    Case::new(what, Transport::Mqtt, Said::Mqtt { topic: topic.into(), payload })
}

/// JSON around a list of units with commas between.
fn list(head: &str, unit: &str, tail: &str, length: usize) -> Vec<u8> {
    let units = fill(format!("{unit},").as_bytes(), length - head.len() - tail.len() - unit.len());
    [head.as_bytes(), &units, unit.as_bytes(), tail.as_bytes()].concat()
}

/// Bodies that are full of structure: each is a member `x` of an object whose beginning is given.
fn structures(head: &str, length: usize) -> Vec<(&'static str, Vec<u8>)> {
    let (list_of, members) = (format!("{head},\"x\":["), format!("{head},\"x\":{{"));
    let distinct = |value: &str, length: usize| {
        let (mut body, mut number) = (format!("{members}\"\":0").into_bytes(), 0_u32);
        while body.len() + 20 + value.len() < length {
            body.extend_from_slice(format!(",\"{number:x}\":{value}").as_bytes());
            number += 1;
        }
        [&body[..], b"}}"].concat()
    };
    vec![
        ("numbers", list(&list_of, "0", "]}", length)),
        ("floats", list(&list_of, "1e9", "]}", length)),
        ("empty lists", list(&list_of, "[]", "]}", length)),
        ("lists of one", list(&list_of, "[0]", "]}", length)),
        ("empty objects", list(&list_of, "{}", "]}", length)),
        ("objects of one member", list(&list_of, "{\"\":0}", "]}", length)),
        ("empty texts", list(&list_of, "\"\"", "]}", length)),
        ("escapes", [list_of.as_bytes(), b"\"", &fill(b"\\u0001", length - list_of.len() - 4), b"\"]}"].concat()),
        ("one member again and again", list(&format!("{members}\"a\":0,"), "\"a\":0", "}}", length)),
        ("members", distinct("0", length)),
        ("members that are objects", distinct("{\"\":0}", length)),
        (
            "members of one object",
            distinct("0", length).strip_suffix(b"}").map_or(Vec::new(), |body| [head.as_bytes(), b",", &body[members.len()..]].concat()),
        ),
        ("deep lists", list(&list_of, &format!("{}{}", "[".repeat(100), "]".repeat(100)), "]}", length)),
    ]
}

pub fn osmand(largest: usize) -> Vec<Case> {
    const FORM: &str = "application/x-www-form-urlencoded";
    const JSON: &str = "application/json";
    let mut cases = Vec::new();
    let mut form = |what: &str, head: &str, unit: &str| {
        let body = [b"id=1&lat=1&lon=1&", head.as_bytes(), &fill(unit.as_bytes(), largest - 20 - head.len())].concat();
        let uri = format!("/?{}", std::str::from_utf8(&body[..body.len().min(largest - 10)]).unwrap());
        cases.push(http(what, "/", FORM, body.clone()));
        cases.push(http(format!("{what} in the address"), uri.clone(), FORM, Vec::new()));
        cases.push(http(format!("{what} in both"), uri, FORM, body));
    };
    let crowd = "a=1&".repeat(1_700);
    form("parameters", "", "a=1&");
    form("parameters without a value", "", "a&");
    form("empty parameters", "", "&");
    form("networks", "", "wifi=a&");
    form("cells behind many parameters", &crowd, "cell=a&");
    form("alarms", "", "alarm=sos&");
    form("alarms behind many parameters", &"a=1&".repeat(1_600), "alarm=sos&");
    form("two alarms behind many parameters", &"a=1&".repeat(1_600), "alarm=sos&alarm=tow&");
    form("names", "", "id=1&");
    form("times", "", "timestamp=a%20b&");
    form("escapes", "", "%41&");
    form("escapes that are no text", "", "%FF");
    form("latitudes out of range", "", "lat=99&");
    let location = r#"{"timestamp":1,"coords":{"latitude":1,"longitude":1}}"#;
    for (what, unit) in [
        ("locations", location),
        ("locations with a time of text", r#"{"timestamp":"2024-03-11T07:22:38Z","coords":{"latitude":1,"longitude":1}}"#),
        (
            "locations as they come",
            concat!(
                r#"{"event":"motionchange","is_moving":true,"uuid":"e3c5ee1b-6d6a-4c0d-9d40-1bb34e3b3bc6","#,
                r#""timestamp":"2024-03-11T07:22:38.123Z","odometer":1234.5,"coords":{"latitude":48.137154,"longitude":11.576124,"#,
                r#""accuracy":5.1,"speed":1.2,"heading":117.1,"altitude":519.2},"activity":{"type":"on_foot","confidence":75},"#,
                r#""battery":{"level":0.53,"is_charging":true},"extras":{"route":17}}"#,
            ),
        ),
        (
            "locations with extras",
            r#"{"coords":{"latitude":1,"longitude":1},"extras":{"a":1e1,"b":1e1,"c":1e1,"d":1e1,"e":1e1,"f":1e1,"g":1e1}}"#,
        ),
    ] {
        // No more than are taken.
        let count = (largest / (unit.len() + 1)).min(1_000);
        cases.push(http(what, "/", JSON, list(r#"{"device_id":"1","location":["#, unit, "]}", (count - 1) * (unit.len() + 1))));
    }
    for (what, unit) in [("empty locations", "{}"), ("locations without a place", r#"{"coords":{}}"#)] {
        cases.push(http(what, "/", JSON, list(r#"{"device_id":"1","location":["#, unit, "]}", 1_000 * (unit.len() + 1))).refused());
    }
    let head = format!(r#"{{"device_id":"1","location":{location}"#);
    let inside = r#"{"device_id":"1","location":{"timestamp":1,"extras":{"y":1"#;
    for (what, body) in structures(&head, largest) {
        cases.push(http(format!("{what} of JSON"), "/", JSON, body));
    }
    for (what, body) in structures(inside, largest - 2) {
        cases.push(http(format!("{what} among the extras"), "/", JSON, [&body[..], b"}}"].concat()));
    }
    cases.push(http("no JSON", "/", JSON, list("[", "0", "", largest)).refused());
    cases.extend(on_a_stream(largest));
    cases
}

/// The same on a stream, with headers as small as they can be.
fn on_a_stream(largest: usize) -> Vec<Case> {
    let head = |headers: &str, length: usize| format!("POST /?id=1 HTTP/1.1\r\n{headers}Content-Length: {length}\r\n\r\n").into_bytes();
    let headers = ":\r\n".repeat(5_400);
    let body = fill(b"a=1&", largest);
    let raw = |what: &str, bytes: Vec<u8>| Case::new(what, Transport::Http, Said::Bytes(bytes));
    vec![raw("headers", head(&headers, 0)), raw("parameters on a stream", [head("", body.len()), body].concat())]
}

pub fn owntracks(largest: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut both = |what: &str, body: Vec<u8>| {
        cases.push(http(what, "/?u=a&d=b", "application/json", body.clone()));
        cases.push(mqtt(format!("{what}, published"), "owntracks/a/b", body));
    };
    let head = r#"{"_type":"location","tst":1,"lat":1,"lon":1"#;
    for (what, body) in structures(head, largest) {
        both(what, body);
    }
    both("regions", list(&format!("{head},\"inregions\":["), "\"a\"", "]}", largest));
    both("empty regions", list(&format!("{head},\"inregions\":["), "\"\"", "]}", largest));
    both("another kind", list(r#"{"_type":"card","x":["#, "0", "]}", largest));
    cases.push(mqtt("no JSON", "owntracks/a/b", list("[", "[0]", "", largest)));
    cases.push(mqtt("a long topic", &format!("owntracks/a/b{}", "/".repeat(60_000)), format!("{head}}}").into_bytes()));
    cases
}

pub fn ngp(largest: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut both = |what: &str, body: Vec<u8>| {
        cases.push(http(what, "/", "application/json", body.clone()));
        cases.push(mqtt(format!("{what}, published"), "ngp/1", body));
    };
    let head = r#"{"device_id":"1","message_time":1"#;
    for (what, body) in structures(head, largest) {
        both(what, body);
    }
    for (what, body) in structures(&format!("{head},\"location\":{{\"latitude\":1"), largest - 1) {
        both(&format!("{what} of a location"), [&body[..], b"}"].concat());
    }
    both("cells", list(&format!("{head},\"mobile_cells\":["), r#"{"mcc":1,"mnc":1,"lac":1,"cell_id":1}"#, "]}", largest));
    both("networks", list(&format!("{head},\"wifi_points\":["), r#"{"mac":"010203040506"}"#, "]}", largest));
    both("attributes", list(&format!("{head},\"custom_attributes\":["), r#"{"type":"a","value":1}"#, "]}", largest));
    both("one long address", format!("{head},\"wifi_points\":[{{\"mac\":\"{}\"}}]}}", "0".repeat(largest - 80)).into_bytes());
    cases.push(mqtt("no JSON", "ngp/1", list("[", "[0]", "", largest)));
    cases
}
