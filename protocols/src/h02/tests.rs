use super::*;
use crate::{Alarm, Encoder, Fix, Identifier, Latitude, Longitude, Name, Record, Release, Reply, ReplyBody, Transport, Value};
use alloc::string::String;

/// 2026-01-01T00:00:00Z
const NOW: i64 = 1_767_225_600_000_000;

struct Heard {
    results: Vec<Result<Progress, DecodeError>>,
    messages: Vec<Message>,
    replies: Vec<Reply>,
}

fn hear(bytes: &[u8], datagram: bool) -> Heard {
    let (mut decoder, mut buffer) = (H02Decoder::default(), BytesMut::from(bytes));
    let env = Environment { now: NOW, datagram, ..Environment::default() };
    let (mut messages, mut replies, mut results) = (Vec::new(), Replies::new(), Vec::new());
    loop {
        let result = decoder.decode(&mut buffer, &env, &mut messages, &mut replies);
        results.push(result);
        if result == Ok(Progress::NeedMore) || matches!(result, Err(e) if !e.resynchronized) {
            return Heard { results, messages, replies: replies.drain().collect() };
        }
    }
}

fn records(heard: &Heard) -> Vec<&Record> {
    heard.messages.iter().filter_map(|m| if let Message::Record { record, .. } = m { Some(record) } else { None }).collect()
}

#[test]
fn a_place_is_answered_with_the_time_now_after_the_commit() {
    let heard = hear(b"*HQ,8650000001,V1,101530,A,4807.0380,N,01131.0000,E,010.00,090,010124,FFFFFBFF#", false);
    let expected = ReplyBody::Bytes(b"*HQ,8650000001,V4,V1,20260101000000#"[..].into());
    assert_eq!(heard.replies, [Reply { body: expected, release: Release::Durable, refused: None }]);
    let records = records(&heard);
    let fix = records.first().and_then(|r| r.fix);
    assert_eq!(fix.map(|f| (f.latitude.degrees(), f.speed_kmh, f.course_deg)), Some((48.1173, Some(18.52), Some(90.0))));
}

#[test]
fn p7_a_line_that_is_not_understood_is_kept() {
    for line in ["*HQ,8650000001,BASE,152609,0,0#", "*HQ,8650000001,NBR,103732,262,02,0,99,1#", "*HQ,8650000001,LINK,x#"] {
        let heard = hear(line.as_bytes(), false);
        assert!(
            matches!(heard.messages.as_slice(), [Message::Undecoded { raw, identifier: Some(_), .. }] if raw == line.as_bytes()),
            "{line}: {:?}",
            heard.messages
        );
    }
}

#[test]
fn p7_a_value_out_of_range_is_kept_and_answered_with_the_rest() {
    for (line, has_time, has_fix) in [
        ("*HQ,8650000001,V1,101530,A,9901.0000,N,01131.0000,E,010.00,090,010124,FFFFFBFF#", true, false),
        ("*HQ,8650000001,V1,101530,A,4807.0380,N,18131.0000,E,010.00,090,010124,FFFFFBFF#", true, false),
        ("*HQ,8650000001,V1,251530,A,4807.0380,N,01131.0000,E,010.00,090,010124,FFFFFBFF#", false, true),
    ] {
        let heard = hear(line.as_bytes(), false);
        let records = records(&heard);
        let found = records.first().map(|r| (r.fix_time.is_some(), r.fix.is_some(), r.attributes.get(Name::OutOfRange)));
        assert_eq!(found, Some((has_time, has_fix, Some(Value::Bool(true)))), "{line}");
        assert_eq!(heard.replies.len(), 1);
    }
}

#[test]
fn a_packed_frame_says_the_same_with_and_without_its_tail() {
    let frame = crate::wire::from_hex("24 8650000001 101530 010124 48070380 06 011310000e 010090 fffffbff ff0024").unwrap_or_default();
    let short = hear(&frame, false);
    let long = hear(&[&frame[..], &[0x00; 13], &frame[..]].concat(), false);
    let packet = hear(&[&frame[..], &[0x2A; 13]].concat(), true);
    assert_eq!(records(&short).len(), 1);
    assert_eq!(records(&long), [records(&short), records(&short)].concat());
    assert_eq!(records(&packet), records(&short));
    assert_eq!(records(&short).first().and_then(|r| r.fix).map(|f| f.latitude.degrees()), Some(48.1173));
    assert!(short.replies.is_empty());
}

#[test]
fn what_is_no_frame_ends_a_fresh_stream_and_costs_a_packet_only_itself() {
    assert_eq!(hear(b"GET / HTTP/1.1\r\n", false).results, [Err(DecodeError::fatal("not an H02 frame"))]);
    assert_eq!(hear(b"GET / HTTP/1.1\r\n", true).results.first(), Some(&Err(DecodeError::skipped("noise between frames"))));
    let endless = [b"*HQ,8650000001,V1,".to_vec(), alloc::vec![b'0'; 2_000]].concat();
    assert_eq!(hear(&endless, false).results, [Err(DecodeError::fatal("frame too long"))]);
}

#[test]
fn the_encoder_writes_what_the_document_says() {
    let identifier = Identifier::new("8650000001").unwrap_or_else(|| panic!("no identifier"));
    let mut encoder = H02Encoder::new(Transport::Tcp);
    let mut record = Record { fix_time: Some(1_704_067_200_500_000), ..Record::default() };
    record.fix = Latitude::new(-48.5).zip(Longitude::new(5.25)).map(|(latitude, longitude)| Fix {
        latitude,
        longitude,
        valid: true,
        altitude_m: Some(100.0),
        speed_kmh: Some(18.52),
        course_deg: Some(359.999),
    });
    record.attributes.set(Name::Ignition, Value::Bool(true));
    record.attributes.alarm(Alarm::PowerCut);
    let mut line = Vec::new();
    assert_eq!(encoder.records(&identifier, &[record], &mut line), 1);
    let line = String::from_utf8_lossy(&line).into_owned();
    assert_eq!(line, "*HQ,8650000001,V1,000000,A,4830.00000,S,00515.00000,E,010.00,000.00,010124,FFF7FFFF#");
    let mut answers = BytesMut::from(&b"*HQ,8650000001,V4,V1,20260101000000#*HQ,8650000001,V4,LINK,20260101000000#*HQ,86"[..]);
    assert_eq!(encoder.acknowledged(&mut answers), Ok(1));
    assert_eq!(&answers[..], b"*HQ,86");
    assert!(encoder.acknowledged(&mut BytesMut::from(&b"HTTP"[..])).is_err());
}

#[test]
fn a_command_goes_out_under_the_maker_that_was_heard() {
    let identifier = Identifier::new("8650000001").unwrap_or_else(|| panic!("no identifier"));
    let env = Environment { now: NOW, ..Environment::default() };
    let to = crate::Addressee { identifier: &identifier, password: None, env };
    let mut decoder = H02Decoder::default();
    let mut buffer = BytesMut::from(&b"*TH,8650000001,V1,101530,A,4807.0380,N,01131.0000,E,010.00,090,010124,FFFFFBFF#"[..]);
    let progress = decoder.decode(&mut buffer, &env, &mut Vec::new(), &mut Replies::new());
    assert_eq!(progress, Ok(Progress::Frame));
    let mut out = Vec::new();
    assert_eq!(decoder.command(&crate::Command::EngineResume, &to, &mut out), Ok(crate::Expect::Next));
    assert_eq!(out, b"*TH,8650000001,S20,000000,1,0#");
}
