use super::*;
use crate::wire::{from_hex, to_hex};
use crate::{Alarm, Encoder, Fix, Latitude, Longitude, Name, Options, Record, Reply, ReplyBody, Transport, Value};

struct Heard {
    results: Vec<Result<Progress, DecodeError>>,
    messages: Vec<Message>,
    replies: Vec<Reply>,
}

fn hear(decoder: &mut Gt06Decoder, env: &Environment<'_>, bytes: &[u8]) -> Heard {
    let mut buffer = BytesMut::from(bytes);
    let (mut messages, mut replies, mut results) = (Vec::new(), Replies::new(), Vec::new());
    loop {
        let result = decoder.decode(&mut buffer, env, &mut messages, &mut replies);
        results.push(result);
        if result == Ok(Progress::NeedMore) || matches!(result, Err(e) if !e.resynchronized) {
            return Heard { results, messages, replies: replies.drain().collect() };
        }
    }
}

fn hear_frame(kind: u8, body: &str) -> Heard {
    let frame = sealed(false, kind, &from_hex(body).unwrap_or_default(), 7);
    hear(&mut Gt06Decoder::default(), &Environment::default(), &frame)
}

fn only_record(heard: &Heard) -> &Record {
    match heard.messages.as_slice() {
        [Message::Record { record, .. }] => record,
        other => panic!("{other:?}"),
    }
}

fn reply_hex(reply: &Reply) -> String {
    match &reply.body {
        ReplyBody::Bytes(bytes) => to_hex(bytes),
        ReplyBody::Http { .. } => String::from("http"),
    }
}

const PLACE: &str = "18021d173b3b cb 027ac818 0c465860 28 154c";

#[test]
fn p7_a_frame_that_is_not_understood_is_kept_and_answered_after_the_commit() {
    for (kind, body) in [(0x6E, "0102"), (0x22, "18021d173b3bcb"), (0xA1, "00")] {
        let heard = hear_frame(kind, body);
        let kept = matches!(heard.messages.as_slice(), [Message::Undecoded { raw, .. }] if raw.starts_with(b"\x78\x78"));
        assert!(kept, "{:?}", heard.messages);
        assert_eq!(heard.replies.len(), 1);
        assert!(heard.replies.iter().all(|r| r.release == Release::Durable));
    }
}

#[test]
fn p7_a_value_out_of_range_is_kept_and_answered_with_the_rest() {
    let latitude = hear_frame(0x22, "18021d173b3b cb 0aba9500 0c465860 28 154c 01cc00287d001f71 010000");
    let record = only_record(&latitude);
    assert_eq!(record.fix, None);
    assert!(record.fix_time.is_some());
    assert_eq!(record.attributes.get(Name::OutOfRange), Some(Value::Bool(true)));
    assert_eq!(record.attributes.get(Name::Ignition), Some(Value::Bool(true)));
    assert_eq!(latitude.replies.len(), 1);
    let date = hear_frame(0x22, "18021e173b3b cb 027ac818 0c465860 28 154c 01cc00287d001f71 010000");
    let record = only_record(&date);
    assert_eq!((record.fix_time, record.fix.is_some()), (None, true));
    assert_eq!(record.attributes.get(Name::OutOfRange), Some(Value::Bool(true)));
}

#[test]
fn a_place_is_kept_when_what_follows_it_ends_early() {
    for (kind, rest) in [(0x22, "01cc"), (0x26, "0901cc00287d"), (0xA4, "10"), (0x36, ""), (0x12, "01cc00287d001f7100")] {
        let heard = hear_frame(kind, &alloc::format!("{PLACE}{rest}"));
        assert!(only_record(&heard).fix.is_some(), "{kind:x}");
    }
}

#[test]
fn a_login_is_answered_when_the_device_is_known_and_records_when_they_are_durable() {
    let mut decoder = Gt06Decoder::default();
    let mut stream = Vec::new();
    let mut encoder = Gt06Encoder::new(Transport::Tcp);
    let identifier = Identifier::new("356307042441013").unwrap_or_else(|| panic!("no identifier"));
    encoder.login(&identifier, &mut stream);
    encoder.heartbeat(&identifier, &mut stream);
    stream.extend_from_slice(&sealed(false, 0x8A, &[], 3));
    stream.extend_from_slice(&sealed(false, 0x22, &from_hex(PLACE).unwrap_or_default(), 4));
    let heard = hear(&mut decoder, &Environment { now: 1_451_347_221_000_000, ..Environment::default() }, &stream);
    let releases: Vec<Release> = heard.replies.iter().map(|r| r.release).collect();
    assert_eq!(releases, [Release::Identified, Release::Durable, Release::Now, Release::Durable]);
    assert!(heard.replies.iter().all(|r| r.refused.is_none()));
    assert!(matches!(heard.messages.first(), Some(Message::Login { identifier: found, .. }) if *found == identifier));
    // 2015-12-29T00:00:21Z
    assert!(heard.replies.get(2).is_some_and(|r| reply_hex(r).starts_with("78780b8a0f0c1d0000150003")));
}

#[test]
fn a_checksum_that_does_not_fit_is_refused_and_for_recordings_marked() {
    let mut frame = sealed(false, 0x22, &from_hex(PLACE).unwrap_or_default(), 1);
    if let Some(byte) = frame.get_mut(8) {
        *byte ^= 1;
    }
    let strict = hear(&mut Gt06Decoder::default(), &Environment::default(), &frame);
    assert_eq!(strict.results.first(), Some(&Err(DecodeError::skipped("checksum does not fit"))));
    assert!(strict.messages.is_empty() && strict.replies.is_empty());
    let options = Options { ignore_checksum: true, ..Options::default() };
    let lenient = hear(&mut Gt06Decoder::default(), &Environment { options, ..Environment::default() }, &frame);
    assert_eq!(only_record(&lenient).attributes.get(Name::ChecksumIgnored), Some(Value::Bool(true)));
}

#[test]
fn who_has_sent_a_checksum_is_not_believed_without_one() {
    let around = from_hex("78780117260101120030 001e10bbf763 5d 01 01cc00 2866 0f21 32 0d0a").unwrap_or_default();
    let fresh = hear(&mut Gt06Decoder::default(), &Environment::default(), &around);
    assert_eq!(only_record(&fresh).attributes.iter().count(), 2);
    let mut decoder = Gt06Decoder::default();
    let login = hear(&mut decoder, &Environment::default(), &sealed(false, 0x01, &[0x03; 8], 1));
    assert_eq!(login.messages.len(), 1);
    assert!(hear(&mut decoder, &Environment::default(), &around).messages.is_empty());
}

#[test]
fn what_is_no_frame_ends_a_fresh_connection_and_is_skipped_on_an_old_one() {
    let fresh = hear(&mut Gt06Decoder::default(), &Environment::default(), b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(fresh.results.last(), Some(&Err(DecodeError::fatal("not a GT06 frame"))));
    let mut decoder = Gt06Decoder::default();
    hear(&mut decoder, &Environment::default(), &sealed(false, 0x01, &[0x03; 8], 1));
    let mut stream = b"ab\x78cd".to_vec();
    stream.extend_from_slice(&sealed(false, 0x13, &[0, 6, 4, 0, 2], 2));
    let old = hear(&mut decoder, &Environment::default(), &stream);
    assert_eq!(old.results.first(), Some(&Err(DecodeError::skipped("noise between frames"))));
    assert_eq!(old.messages.len(), 1);
}

#[test]
fn a_frame_beyond_the_limit_is_refused_before_it_has_come() {
    let mut decoder = Gt06Decoder::default();
    let heard = hear(&mut decoder, &Environment::default(), &[0x79, 0x79, 0xFF, 0xFF, 0x94]);
    assert_eq!(heard.results.last(), Some(&Err(DecodeError::fatal("frame too long"))));
    assert_eq!((decoder.frame_bytes_max(false), decoder.frame_bytes_max(true)), (1_024, 4_096));
}

#[test]
fn the_encoder_writes_what_the_document_says() {
    let identifier = Identifier::new("356307042441013").unwrap_or_else(|| panic!("no identifier"));
    let mut encoder = Gt06Encoder::new(Transport::Tcp);
    let mut record = Record { fix_time: Some(1_704_067_200_500_000), ..Record::default() };
    record.fix = Latitude::new(-26.0).zip(Longitude::new(95.5)).map(|(latitude, longitude)| Fix {
        latitude,
        longitude,
        valid: true,
        altitude_m: Some(100.0),
        speed_kmh: Some(42.4),
        course_deg: Some(359.7),
    });
    let mut login = Vec::new();
    encoder.login(&identifier, &mut login);
    assert!(to_hex(&login).starts_with("78780d0103563070424410130001"));
    let mut plain = Vec::new();
    assert_eq!(encoder.records(&identifier, core::slice::from_ref(&record), &mut plain), 1);
    // 26 × 1,800,000 = 0x02CA1C80, 95.5 × 1,800,000 = 0x0A3EFC60; 360° is 0°; valid, neither north nor west.
    assert!(to_hex(&plain).starts_with("78781f22180101000000c002ca1c800a3efc602a10000000000000000000"));
    record.attributes.alarm(Alarm::Sos);
    record.attributes.set(Name::Ignition, Value::Bool(true));
    let mut alarm = Vec::new();
    encoder.records(&identifier, core::slice::from_ref(&record), &mut alarm);
    let body = to_hex(&alarm);
    assert_eq!((body.get(..8), body.get(62..72)), (Some("78782526"), Some("02ffff0102")));
}

/// Bytes that look random and are the same each time.
fn noise(seed: u32) -> impl Iterator<Item = u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    core::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
}

/// How many bytes are left behind a frame that is read in one go.
fn usual_frame(frame: &[u8], zone_s: i32, out: &mut Vec<Message>, replies: &mut Replies) -> Option<usize> {
    let mut bytes = BytesMut::from(frame);
    match *frame {
        [0x78, 0x78, 0x26, 0x22, ..] => usual::frame::<43, 0x22>(&mut bytes, zone_s, out, replies),
        [0x78, 0x78, 0x22, 0x22, ..] => usual::frame::<39, 0x22>(&mut bytes, zone_s, out, replies),
        [0x78, 0x78, 0x1F, 0x12, ..] => usual::frame::<36, 0x12>(&mut bytes, zone_s, out, replies),
        [0x78, 0x78, 0x23, 0x12, ..] => usual::frame::<40, 0x12>(&mut bytes, zone_s, out, replies),
        _ => None,
    }
    .map(|()| bytes.len())
}

#[test]
fn what_is_read_in_one_go_is_what_the_general_reading_says() {
    let (env, mut quick) = (Environment::default(), 0);
    for (seed, (kind, length)) in (0..4_000).zip([(0x22, 33), (0x22, 29), (0x12, 26), (0x12, 30)].into_iter().cycle()) {
        let mut body: Vec<u8> = noise(seed).take(length).collect();
        // Every other frame has a date, a place, no cell and quiet state bytes, which noise hardly ever has.
        if seed % 8 < 4 {
            let tame = from_hex("18021d173b3b cb 027ac818 0c465860 28 154c 01cc00 0000 000000 010000").unwrap_or_default();
            let count = tame.len().min(length).saturating_sub(usize::try_from(seed % 7).unwrap_or(0));
            body.splice(..count, tame.into_iter().take(count));
        }
        let frame = sealed(false, kind, &body, 0x1234);
        let mut decoder = Gt06Decoder { manners: Manners::Checked, zone_s: 3_600, ..Gt06Decoder::default() };
        let (mut out, mut replies) = (Vec::new(), Replies::new());
        let done = usual_frame(&frame, decoder.zone_s, &mut out, &mut replies);
        assert_eq!(done.is_some(), body.get(18).is_some_and(|country| *country < 0x80), "{}", to_hex(&frame));
        if done.is_some() {
            quick += 1;
            let (mut general, mut general_replies) = (Vec::new(), Replies::new());
            let progress = decoder.next(&mut BytesMut::from(&frame[..]), &env, &mut general, &mut general_replies);
            assert_eq!((progress, done), (Ok(Progress::Frame), Some(0)));
            assert_eq!((&out, &replies), (&general, &general_replies), "{}", to_hex(&frame));
            for at in 0..frame.len() {
                let mut damaged = frame.clone();
                damaged.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1);
                let (mut out, mut replies) = (Vec::new(), Replies::new());
                assert_eq!(usual_frame(&damaged, 0, &mut out, &mut replies), None, "byte {at} of {}", to_hex(&frame));
                assert!(out.is_empty() && replies.as_slice().is_empty());
            }
        }
    }
    assert!(quick > 1_500, "{quick}");
}
