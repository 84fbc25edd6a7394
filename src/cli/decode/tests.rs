use super::{LINE_BYTES_MAX, run_human, run_jsonl};
use protocols::Protocol;
use serde_json::Value;

const NOW: i64 = 1_787_329_131_000_000;

fn jsonl(protocol: Protocol, input: &str) -> Vec<Value> {
    let mut out = Vec::new();
    run_jsonl(protocol, false, NOW, input.as_bytes(), &mut out).unwrap();
    String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_bad_line_is_named_and_the_next_goes_on() {
    let long = " ".repeat(LINE_BYTES_MAX) + "{}";
    let lines = [
        "{",
        "[]",
        "{}",
        "{\"frames\":[{\"hex\":\"0\"}]}",
        "{\"frames\":[{}]}",
        "{\"frames\":[],\"transport\":\"pigeon\"}",
        "{\"frames\":[],\"options\":{\"unheard\":true}}",
        "{\"frames\":[{\"http\":{\"method\":\"GET\"}}]}",
        &long,
        "",
        "{\"frames\":[],\"options\":{\"teltonika.connectionless\":true,\"other\":false},\"model\":null}",
    ];
    let out = jsonl(Protocol::OsmAnd, &lines.join("\n"));
    let said: Vec<&str> = out.iter().map(|line| line["error"].as_str().unwrap_or("none")).collect();
    let wanted =
        ["no JSON", "not an object", "`frames` is missing", "frames[0]: `hex`", "frames[0]: a frame has", "pigeon", "`unheard`", "`uri`"];
    for (said, wanted) in said.iter().zip(wanted) {
        assert!(said.contains(wanted), "{said}: {wanted}");
    }
    assert!(said[8].contains("longer than"));
    assert_eq!(out[9], serde_json::json!({ "frames": [] }));
    assert_eq!(out.len(), 10);
}

#[test]
fn osmand_requests_give_records_and_status() {
    let uri = "/?id=902064&lat=42.06288&lon=-88.23412&timestamp=1442068686579&hdop=6.0&altitude=224.0&speed=10.0";
    let line = serde_json::json!({ "frames": [{ "http": { "method": "GET", "uri": uri } }, { "http": { "uri": "/?lat=1" } }] });
    let out = jsonl(Protocol::OsmAnd, &line.to_string());
    let record = &out[0]["frames"][0]["records"][0];
    assert_eq!(record["fix_time"], "2015-09-12T14:38:06.579Z");
    assert_eq!(record["latitude"], 42.06288);
    assert_eq!(record["altitude_m"], 224.0);
    assert_eq!(record["attributes"]["hdop"], 6.0);
    assert_eq!(out[0]["frames"][0]["replies"], serde_json::json!([{ "http": { "status": 200 } }]));
    assert_eq!(out[0]["frames"][0]["error"], Value::Null);
    assert_eq!(out[0]["frames"][1]["records"], serde_json::json!([]));
    assert_eq!(out[0]["frames"][1]["replies"], serde_json::json!([{ "http": { "status": 400 } }]));
    assert!(out[0]["frames"][1]["error"].is_string());
}

#[test]
fn owntracks_publications_are_taken() {
    let line =
        r#"{"frames":[{"mqtt":{"topic":"owntracks/ann/phone","payload":{"_type":"location","lat":1.5,"lon":2.5,"tst":1700000000}}}]}"#;
    let out = jsonl(Protocol::OwnTracks, line);
    assert_eq!(out[0]["frames"][0]["records"][0]["longitude"], 2.5);
    assert_eq!(out[0]["frames"][0]["error"], Value::Null);
}

#[test]
fn the_view_for_people_names_place_reply_and_trouble() {
    let mut out = Vec::new();
    let frames = ["GET /?id=7&lat=1&lon=2&timestamp=1700000000".to_owned(), "nonsense!".to_owned()];
    let all_read = run_human(Protocol::OsmAnd, false, NOW, &frames, &b""[..], &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(!all_read);
    assert!(text.contains("record of 7 2023-11-14T22:13:20Z, 1.000000 2.000000"), "{text}");
    assert!(text.contains("reply 200"), "{text}");
    assert!(text.contains("refused: neither"), "{text}");
}
