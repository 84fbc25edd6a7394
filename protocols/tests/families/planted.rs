//! A toy protocol, once right and once with each of the mistakes that the families are there to find.
//!
//! ```text
//! frame  = 0xA5, length u16 LE, payload, CRC-16/ARC of the payload u16 LE        reply: 0x01
//! login  = 0x01, identifier          record = 0x02, seconds u32 LE, latitude i32 LE, longitude i32 LE (1e-6 degrees)
//! ```

use crate::amplify::{self, Case};
use crate::dialogue::{Dialogue, parse};
use crate::subject::Subject;
use crate::{golden, inverse, mutate, order, split, turn};
use bytes::{Buf, BytesMut};
use protocols::{
    About, Attributes, Checksum, DecodeError, Decoder, Encoder, Environment, Fix, Identifier, Input, Latitude, Longitude, Message,
    MqttPublish, Progress, Record, Release, Replies, Transport, wire,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bug {
    None,
    LatitudeIsOff,
    ReplyIsOff,
    DropsPartialFrames,
    EncoderLosesSeconds,
    EncoderMissesAcks,
    ChecksumUnread,
    ChecksumHalfRead,
    Panics,
    AllocatesByWireLength,
    ConsumesNothing,
    MessagesOfRefusedFrames,
}

/// Takes payloads of publications as they are, the wrong one as what the last one of the same length was.
struct Recalling {
    bug: bool,
    last: Vec<u8>,
}

impl Decoder for Recalling {
    fn decode(&mut self, _: &mut BytesMut, _: &Environment<'_>, _: &mut Vec<Message>, _: &mut Replies) -> Result<Progress, DecodeError> {
        Ok(Progress::NeedMore)
    }

    fn accept(&mut self, input: &Input<'_>, _: &Environment<'_>, out: &mut Vec<Message>, _: &mut Replies) -> Result<(), DecodeError> {
        let Input::Mqtt(MqttPublish { payload, .. }) = input else { return Err(DecodeError::skipped("no publication")) };
        if !self.bug || self.last.len() != payload.len() {
            self.last = payload.to_vec();
        }
        out.push(Message::Undecoded { identifier: None, reason: "toy", raw: self.last.clone() });
        Ok(())
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        1_000
    }
}

struct Toy(Bug);

impl Toy {
    fn payload(&self, payload: &[u8], out: &mut Vec<Message>) -> Option<()> {
        let (kind, rest) = payload.split_first()?;
        if *kind == 1 {
            let identifier = Identifier::new(std::str::from_utf8(rest).ok()?)?;
            out.push(Message::Login { identifier, password: None });
            return Some(());
        }
        let [time, latitude, longitude] =
            <[[u8; 4]; 3]>::try_from(rest.chunks_exact(4).filter_map(|c| c.try_into().ok()).collect::<Vec<_>>()).ok()?;
        let offset = if self.0 == Bug::LatitudeIsOff { 0.001 } else { 0.0 };
        let fix = Fix {
            latitude: Latitude::new(f64::from(i32::from_le_bytes(latitude)) / 1e6 + offset)?,
            longitude: Longitude::new(f64::from(i32::from_le_bytes(longitude)) / 1e6)?,
            valid: true,
            altitude_m: None,
            speed_kmh: None,
            course_deg: None,
        };
        let fix_time = Some(i64::from(u32::from_le_bytes(time)) * 1_000_000);
        out.push(Message::Record { identifier: None, record: Record { fix_time, fix: Some(fix), attributes: Attributes::new() } });
        Some(())
    }
}

impl Decoder for Toy {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        _: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        if bytes.first().is_some_and(|b| *b != 0xA5) {
            bytes.advance(1);
            return Err(DecodeError::skipped("noise"));
        }
        let Some(header) = bytes.get(1..3) else { return Ok(Progress::NeedMore) };
        let length = usize::from(u16::from_le_bytes([header[0], header[1]]));
        if self.0 == Bug::AllocatesByWireLength {
            drop(std::hint::black_box(Vec::<u8>::with_capacity(length * 16)));
        }
        if bytes.len() < length + 5 {
            if self.0 == Bug::DropsPartialFrames && bytes.len() > 9 {
                bytes.clear();
            }
            return Ok(Progress::NeedMore);
        }
        let (payload, sum) = bytes[3..length + 5].split_at(length);
        let crc = wire::crc16_arc(payload).to_le_bytes();
        let right = match self.0 {
            Bug::ChecksumUnread => true,
            Bug::ChecksumHalfRead => sum[0] == crc[0],
            _ => sum == crc,
        };
        if self.0 == Bug::Panics {
            assert!(payload.get(2) != Some(&0xFF), "planted");
        }
        let understood = (right && self.payload(payload, out).is_some())
            || (self.0 == Bug::MessagesOfRefusedFrames && {
                out.push(Message::Heartbeat { identifier: None, attributes: Attributes::new() });
                false
            });
        if self.0 == Bug::ConsumesNothing && !understood {
            return Ok(Progress::Frame);
        }
        bytes.advance(length + 5);
        if !understood {
            return Err(DecodeError::skipped("checksum"));
        }
        replies.bytes(Release::Durable, vec![if self.0 == Bug::ReplyIsOff { 2 } else { 1 }]);
        Ok(Progress::Frame)
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        65_540
    }
}

struct ToyEncoder {
    bug: Bug,
    logged_in: bool,
}

fn frame(payload: &[u8], out: &mut Vec<u8>) {
    out.push(0xA5);
    out.extend_from_slice(&u16::try_from(payload.len()).unwrap().to_le_bytes());
    out.extend_from_slice(payload);
    out.extend_from_slice(&wire::crc16_arc(payload).to_le_bytes());
}

#[allow(clippy::cast_possible_truncation)]
fn micro_degrees(degrees: f64) -> i32 {
    (degrees * 1e6).round() as i32
}

impl Encoder for ToyEncoder {
    fn login(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        frame(&[&[1], identifier.as_str().as_bytes()].concat(), out);
    }

    fn records(&mut self, _: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let Some((record, fix)) = records.first().and_then(|r| r.fix.map(|f| (r, f))) else { return 0 };
        let mut payload = vec![2];
        let seconds = u32::try_from(record.fix_time.unwrap_or(0) / 1_000_000).unwrap_or(0);
        payload.extend_from_slice(&if self.bug == Bug::EncoderLosesSeconds { seconds & !1 } else { seconds }.to_le_bytes());
        payload.extend_from_slice(&micro_degrees(fix.latitude.degrees()).to_le_bytes());
        payload.extend_from_slice(&micro_degrees(fix.longitude.degrees()).to_le_bytes());
        frame(&payload, out);
        1
    }

    fn heartbeat(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        if self.bug == Bug::EncoderMissesAcks {
            bytes.clear();
        }
        let mut count = bytes.len();
        bytes.clear();
        if count > 0 && !self.logged_in {
            self.logged_in = true;
            count -= 1;
        }
        Ok(count)
    }

    fn representable(&self, record: &Record) -> Record {
        let fix = record.fix.and_then(|fix| {
            Some(Fix {
                latitude: Latitude::new(f64::from(micro_degrees(fix.latitude.degrees())) / 1e6)?,
                longitude: Longitude::new(f64::from(micro_degrees(fix.longitude.degrees())) / 1e6)?,
                valid: true,
                altitude_m: None,
                speed_kmh: None,
                course_deg: None,
            })
        });
        Record { fix_time: record.fix_time.map(|t| t / 1_000_000 * 1_000_000), fix, attributes: Attributes::new() }
    }
}

fn dialogue(name: &str) -> Dialogue {
    let mut text = String::from("# source: the toy protocol of this file\n! checksum\n");
    let record = |time: u32, latitude: i32| [&[2][..], &time.to_le_bytes(), &latitude.to_le_bytes(), &7_i32.to_le_bytes()].concat();
    for payload in [b"\x01356307042441013".to_vec(), record(1_700_000_000, 52_000_000), record(1_700_000_060, -1)] {
        let mut bytes = Vec::new();
        frame(&payload, &mut bytes);
        text.push_str(&format!("> {}\n< 01\n", wire::to_hex(&bytes)));
    }
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    parse(folder.join(format!("{name}.dialogue")), &text).unwrap()
}

static ABOUT: About = About {
    name: "toy",
    default_port: 1,
    transports: &[Transport::Tcp],
    acknowledges: &[Transport::Tcp],
    checksum: Checksum::Crc,
    carries_no_fix: false,
    settings: &[],
};

fn run(bug: Bug, family: fn(&Subject<'_>) -> Result<(), String>) -> Result<(), String> {
    let _turn = turn();
    let decoder = || -> Box<dyn Decoder> { Box::new(Toy(bug)) };
    let encoder = |_| -> Box<dyn Encoder> { Box::new(ToyEncoder { bug, logged_in: false }) };
    let right = || -> Box<dyn Decoder> { Box::new(Toy(Bug::None)) };
    let subject = |decoder| {
        let dialogues = vec![dialogue("toy")];
        Subject { name: "toy", transports: &[Transport::Tcp], dialogues, about: &ABOUT, decoder, encoder: &encoder, may_bless: false }
    };
    let (model, subject) = (subject(&right), subject(&decoder));
    let lines = golden::play(&model, &model.dialogues[0]).unwrap();
    std::fs::write(subject.dialogues[0].path.with_extension("jsonl"), lines.join("\n")).unwrap();
    family(&subject)
}

fn caught(bug: Bug, family: fn(&Subject<'_>) -> Result<(), String>, says: &str) {
    let problem = run(bug, family).expect_err("the planted mistake is not caught");
    assert!(problem.contains(says), "{problem}");
}

#[test]
fn the_right_one_passes_every_family() {
    for family in [golden::check, split::check, inverse::check, mutate::check, mutate::check_recorded] {
        run(Bug::None, family).unwrap();
    }
}

#[test]
fn golden_catches_a_wrong_value_and_a_wrong_reply() {
    caught(Bug::LatitudeIsOff, golden::check, "message 2");
    caught(Bug::ReplyIsOff, golden::check, "the replies are");
}

#[test]
fn split_catches_a_decoder_that_loses_half_a_frame() {
    caught(Bug::DropsPartialFrames, split::check, "cut");
}

#[test]
fn inverse_catches_an_encoder_that_rounds_otherwise_or_misses_acks() {
    caught(Bug::EncoderLosesSeconds, inverse::check, "record");
    caught(Bug::EncoderMissesAcks, inverse::check, "acknowledgements");
}

#[test]
fn mutate_catches_a_checksum_that_is_not_or_only_half_read() {
    caught(Bug::ChecksumUnread, mutate::check, "a damaged frame is taken");
    caught(Bug::ChecksumHalfRead, mutate::check, "a damaged frame is taken");
    caught(Bug::ChecksumHalfRead, mutate::check_recorded, "a damaged frame is taken");
}

#[test]
fn order_catches_what_is_read_as_what_came_before() {
    let _turn = turn();
    let text = "# source: the toy protocol of this file\n! transport mqtt\n>t toy\n>b abc\n>t toy\n>b abcd\n";
    let encoder = |_| -> Box<dyn Encoder> { Box::new(ToyEncoder { bug: Bug::None, logged_in: false }) };
    let check = |bug: bool| {
        let decoder = move || -> Box<dyn Decoder> { Box::new(Recalling { bug, last: Vec::new() }) };
        let (dialogues, transports) = (vec![parse("toy.dialogue".into(), text).unwrap()], &[Transport::Mqtt]);
        order::check(&Subject { name: "toy", transports, dialogues, about: &ABOUT, decoder: &decoder, encoder: &encoder, may_bless: false })
    };
    assert_eq!(check(false), Ok(()));
    assert!(check(true).unwrap_err().contains("behind"));
}

#[test]
fn amplify_catches_what_allocates_by_the_length() {
    let _turn = turn();
    let mut bytes = Vec::new();
    frame(&[&[1][..], &[b'1'; 40]].concat(), &mut bytes);
    let small = [Case::stream("a login", bytes.clone())];
    bytes[1..3].copy_from_slice(&u16::MAX.to_le_bytes());
    let large = [Case::stream("a length", bytes)];
    let check = |bug: Bug, cases: &[Case]| amplify::check_cases(cases, &move || Box::new(Toy(bug)));
    assert_eq!(check(Bug::None, &small), Ok(()));
    assert_eq!(check(Bug::AllocatesByWireLength, &small), Ok(()));
    assert!(check(Bug::None, &large).unwrap_err().contains("not accepted"));
    let mut full = Vec::new();
    frame(&[&[2][..], &[0; 65_534]].concat(), &mut full);
    let full = [Case::stream("a full frame", full).refused()];
    assert!(check(Bug::AllocatesByWireLength, &full).unwrap_err().contains("were allocated"));
}

#[test]
fn mutate_catches_panics_greed_spinning_and_messages_of_refused_frames() {
    for check in [mutate::check, mutate::check_recorded] {
        caught(Bug::Panics, check, "panic");
        caught(Bug::AllocatesByWireLength, check, "allocated");
    }
    caught(Bug::ConsumesNothing, mutate::check, "nothing was consumed");
    caught(Bug::MessagesOfRefusedFrames, mutate::check, "refused");
}
