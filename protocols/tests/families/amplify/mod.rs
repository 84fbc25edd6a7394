//! Amplify: a frame made on purpose, the largest of its kind and full of what is smallest in it, costs no more than any other.
//!
//! Each call of a decoder may allocate so much, and so much more for each byte that it is given; a frame, however many calls it takes, so
//! much of a processor. Each frame must be accepted: a frame that is refused says nothing.

mod binary;
mod frame;
mod requests;
mod text;

use crate::COUNTING;
use crate::dialogue::{Said, USUAL_NOW};
use crate::mutate::{ALLOCATED_BYTES_MAX, ALLOCATED_BYTES_PER_BYTE_MAX, CPU_TIME_MAX, SLOW_MAX, thread_time};
use bytes::BytesMut;
use protocols::{Decoder, Environment, HttpRequest, Input, Message, MqttPublish, Options, Progress, Protocol, Replies, Transport, wire};
use stats_alloc::Region;
use std::time::Duration;

/// Something that is said to a decoder.
pub struct Case {
    what: String,
    transport: Transport,
    settings: &'static [(&'static str, &'static str)],
    /// What must have been said before.
    before: Vec<Vec<u8>>,
    said: Said,
    /// It is refused, and that must not cost more either.
    refused: bool,
    /// So much of its message came before, in parts, and is read with it.
    parts_bytes: usize,
}

impl Case {
    pub fn new(what: impl Into<String>, transport: Transport, said: Said) -> Self {
        Self { what: what.into(), transport, settings: &[], before: Vec::new(), said, refused: false, parts_bytes: 0 }
    }

    pub fn stream(what: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self::new(what, Transport::Tcp, Said::Bytes(bytes))
    }

    pub fn packet(what: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self::new(what, Transport::Udp, Said::Bytes(bytes))
    }

    pub fn after(self, before: Vec<u8>) -> Self {
        Self { before: vec![before], ..self }
    }

    pub fn with(self, settings: &'static [(&'static str, &'static str)]) -> Self {
        Self { settings, ..self }
    }

    pub fn refused(self) -> Self {
        Self { refused: true, ..self }
    }
}

/// The same in packets too.
fn and_packets(mut cases: Vec<Case>) -> Vec<Case> {
    let packet = |case: &Case| match &case.said {
        Said::Bytes(bytes) => Some(Case::packet(format!("{} in a packet", case.what), bytes.clone())),
        _ => None,
    };
    let packets: Vec<Case> = cases.iter().filter_map(packet).collect();
    cases.extend(packets);
    cases
}

/// As often as there is room.
pub fn fill(unit: &[u8], room: usize) -> Vec<u8> {
    unit.repeat(room / unit.len())
}

/// Makes the frames of a protocol. Largest: what `frame_bytes_max` says.
type Builder = fn(usize) -> Vec<Case>;

/// A new protocol begins without.
const BUILDERS: &[(Protocol, Builder)] = &[
    (Protocol::Teltonika, binary::teltonika),
    (Protocol::Gt06, binary::gt06),
    (Protocol::H02, text::h02),
    (Protocol::Wialon, |_| text::wialon()),
    (Protocol::OsmAnd, requests::osmand),
    (Protocol::OwnTracks, requests::owntracks),
    (Protocol::Watch, text::watch),
    (Protocol::Castel, |largest| and_packets(binary::castel(largest))),
    (Protocol::Ruptela, binary::ruptela),
    (Protocol::Galileosky, binary::galileosky),
    (Protocol::Navtelecom, binary::navtelecom),
    (Protocol::Arnavi, binary::arnavi),
    (Protocol::Eelink, binary::eelink),
    (Protocol::Meitrack, text::meitrack),
    (Protocol::Jt808, |_| binary::jt808()),
    (Protocol::Suntech, text::suntech),
    (Protocol::Tk103, |largest| and_packets(text::tk103(largest))),
    (Protocol::Coban, text::coban),
    (Protocol::Xexun2, binary::xexun2),
    (Protocol::Xexun, text::xexun),
    (Protocol::MiniFinder2, binary::minifinder2),
    (Protocol::Queclink, |largest| and_packets(text::queclink(largest))),
    (Protocol::Totem, text::totem),
    (Protocol::CalAmp, binary::calamp),
    (Protocol::Egts, |_| binary::egts()),
    (Protocol::Ngp, requests::ngp),
    (Protocol::ATrack, text::atrack),
];

/// What a frame cost.
#[derive(Default)]
struct Cost {
    /// Messages and replies.
    told: usize,
    errors: Vec<&'static str>,
    /// Of the call that allocated most for what it was given: allocated and given.
    worst: (usize, usize),
    left: usize,
    given_before: usize,
    took: Duration,
}

impl Cost {
    fn allowed(given: usize) -> usize {
        ALLOCATED_BYTES_MAX + ALLOCATED_BYTES_PER_BYTE_MAX * given
    }

    /// The call that comes nearest to what is allowed, or is farthest beyond.
    fn note(&mut self, allocated: usize, given: usize) {
        let (worst, given_then) = self.worst;
        if worst == 0 || allocated * Self::allowed(given_then) > worst * Self::allowed(given) {
            self.worst = (allocated, given);
        }
    }
}

/// Says each frame of a protocol to a fresh decoder.
///
/// # Errors
/// The frame, and what it cost.
pub fn check(protocol: Protocol, decoder: &dyn Fn() -> Box<dyn Decoder>) -> Result<(), String> {
    let Some((_, builder)) = BUILDERS.iter().find(|(of, _)| *of == protocol) else {
        println!("SKIPPED: {} has no frames that are made to amplify (protocols/tests/families/amplify).", protocol.name());
        return Ok(());
    };
    let cases = builder(decoder().frame_bytes_max(true));
    for transport in protocol.transports() {
        if !cases.iter().any(|case| case.transport == *transport && !case.refused) {
            return Err(format!("no frame is made for {transport:?}"));
        }
    }
    check_cases(&cases, decoder)
}

/// The same of frames that are given.
///
/// # Errors
/// The frame, and what it cost.
pub fn check_cases(cases: &[Case], decoder: &dyn Fn() -> Box<dyn Decoder>) -> Result<(), String> {
    let problems: Vec<String> =
        cases.iter().filter_map(|case| one(case, decoder).err().map(|problem| format!("{}: {problem}", case.what))).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

fn one(case: &Case, decoder: &dyn Fn() -> Box<dyn Decoder>) -> Result<(), String> {
    let mut cost = Cost::default();
    for _ in 0..SLOW_MAX {
        cost = say(case, decoder)?;
        // What the host takes of the processor counts, and so does what the test's other threads allocate: neither comes each time.
        let (allocated, given) = cost.worst;
        if cost.took <= CPU_TIME_MAX && allocated <= Cost::allowed(given) {
            break;
        }
    }
    let (allocated, given) = cost.worst;
    println!("{}: {} told, {allocated} bytes for {given}, {:?}", case.what, cost.told, cost.took);
    if case.refused {
        if cost.errors.is_empty() {
            return Err(format!("{} told, and it should have been refused", cost.told));
        }
    } else if !cost.errors.is_empty() || cost.told == 0 || cost.left > 0 {
        return Err(format!("not accepted: {} told, errors {:?}, {} bytes left", cost.told, cost.errors, cost.left));
    }
    if allocated > Cost::allowed(given) {
        return Err(format!("{allocated} bytes were allocated for {given}"));
    }
    if cost.took > CPU_TIME_MAX {
        return Err(format!("it took {:?}", cost.took));
    }
    Ok(())
}

fn say(case: &Case, decoder: &dyn Fn() -> Box<dyn Decoder>) -> Result<Cost, String> {
    let env = Environment {
        now: USUAL_NOW,
        options: Options { settings: case.settings, ..Options::default() },
        datagram: case.transport == Transport::Udp,
        ..Environment::default()
    };
    let mut decoder = decoder();
    for bytes in &case.before {
        let mut cost = Cost::default();
        decode(&mut *decoder, bytes, &env, &mut cost)?;
        if !cost.errors.is_empty() || cost.left > 0 {
            return Err(format!("what stands before is not accepted: {:?}, {} bytes left", cost.errors, cost.left));
        }
    }
    let mut cost = Cost { given_before: case.parts_bytes, ..Cost::default() };
    match &case.said {
        Said::Bytes(bytes) => decode(&mut *decoder, bytes, &env, &mut cost)?,
        Said::Http { method, uri, headers, body } => {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let given = uri.len() + body.len() + headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
            accept(&mut *decoder, &Input::Http(HttpRequest { method, uri, headers: &headers, body }), &env, given, &mut cost);
        }
        Said::Mqtt { topic, payload } => {
            accept(&mut *decoder, &Input::Mqtt(MqttPublish { topic, payload }), &env, topic.len() + payload.len(), &mut cost);
        }
    }
    Ok(cost)
}

/// What one call gave: each has lists of its own, so that what they grow by counts.
fn call(cost: &mut Cost, given: usize, call: impl FnOnce(&mut Vec<Message>, &mut Replies) -> Option<&'static str>) {
    let (mut out, mut replies) = (Vec::new(), Replies::new());
    let (region, start) = (Region::new(COUNTING), thread_time());
    let error = call(&mut out, &mut replies);
    cost.took += thread_time().saturating_sub(start);
    let allocated = region.change().bytes_allocated;
    cost.note(allocated, given + cost.given_before);
    cost.told += out.len() + replies.as_slice().len();
    cost.errors.extend(error);
}

fn decode(decoder: &mut dyn Decoder, bytes: &[u8], env: &Environment<'_>, cost: &mut Cost) -> Result<(), String> {
    let mut buffer = BytesMut::from(bytes);
    loop {
        let given = buffer.len();
        let mut result = Ok(Progress::NeedMore);
        call(cost, given, |out, replies| {
            result = decoder.decode(&mut buffer, env, out, replies);
            result.err().map(|error| error.what)
        });
        if result == Ok(Progress::Frame) && buffer.len() >= given {
            return Err("nothing was consumed".into());
        }
        if result != Ok(Progress::Frame) || buffer.is_empty() {
            cost.left = buffer.len();
            return Ok(());
        }
    }
}

fn accept(decoder: &mut dyn Decoder, input: &Input<'_>, env: &Environment<'_>, given: usize, cost: &mut Cost) {
    call(cost, given, |out, replies| decoder.accept(input, env, out, replies).err().map(|error| error.what));
}
