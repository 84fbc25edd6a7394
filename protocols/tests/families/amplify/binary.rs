//! Frames of the binary protocols.

use super::frame::{self, IMEI};
use super::{Case, fill};

pub fn teltonika(largest: usize) -> Vec<Case> {
    let records = |codec: u8, count: u8, record: &[u8]| [&[codec, count], &record.repeat(usize::from(count))[..], &[count]].concat();
    let head = |event: &[u8]| [&[0, 0, 1, 0x80, 0, 0, 0, 0, 0][..], &[0; 15], event].concat();
    let elements = [&head(&[0, 0])[..], &[255], &[0xE1, 1].repeat(255), &[0; 3]].concat();
    let crowded = [&[0, 0, 0, 1, 2, 26][..], &[0xE1, 1].repeat(26)].concat();
    let variable = |length: u16, room: usize| {
        let value = [&[0x27, 0x10][..], &length.to_be_bytes(), &vec![1; usize::from(length)]].concat();
        let count = room / value.len();
        [&head(&[0; 12])[..], &u16::try_from(count).unwrap().to_be_bytes(), &value.repeat(count)].concat()
    };
    let most = |size: usize| u8::try_from(((largest - 20) / size).min(255)).unwrap();
    let mut cases = Vec::new();
    for (what, data) in [
        ("smallest records", records(7, 255, &[0; 5])),
        ("records just too large to stand without an allocation", records(7, 255, &crowded)),
        ("records of elements of one byte", records(8, most(elements.len()), &elements)),
        ("elements without a value", records(0x8E, 1, &variable(0, largest - 100))),
        ("elements of one byte and a length", records(0x8E, 1, &variable(1, largest - 100))),
        (
            "an answer that is no text",
            [&[12, 1, 6][..], &u32::try_from(largest - 40).unwrap().to_be_bytes(), &vec![0xFF; largest - 40], &[1]].concat(),
        ),
    ] {
        cases.push(Case::stream(what, frame::teltonika(&data)));
        cases.push(Case::packet(format!("{what} in a packet"), frame::teltonika_packet(&data)));
    }
    cases
}

pub fn gt06(largest: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in 0..=255 {
        for filler in [0, 1, b'1', b';', 0xFF] {
            let body = vec![filler; largest - 11];
            // A login is digits.
            if kind != 1 || filler < 0xA0 {
                cases.push(Case::stream(format!("kind {kind:02X} of {filler:02X}"), frame::gt06(kind, &body)));
            }
        }
    }
    cases
}

pub fn castel(largest: usize) -> Vec<Case> {
    let trip = [&[0, 0, 0, 0][..], &1_700_000_000_u32.to_le_bytes(), &[1; 12], &[0; 2], &[1; 4], &[0; 8]].concat();
    let place = [&[11, 3, 24, 7, 22, 38][..], &1_000_000_u32.to_le_bytes(), &1_000_000_u32.to_le_bytes(), &[1, 0, 1, 0, 0x7F]].concat();
    let journey = |count: usize, texts: usize| {
        let places = place.repeat(count);
        [&trip[..], &[u8::try_from(count).unwrap()], &places, &vec![b'x'; texts / 2], &[0], &vec![b'y'; texts - texts / 2], &[0]].concat()
    };
    let room = largest - 31 - trip.len() - 3;
    let mut cases = vec![Case::stream("places", frame::castel(4, 0x4001, &[&[1][..], &journey(room / 19 - 1, 0)].concat()))];
    for count in [10_u8, 30, 50, 70, 85] {
        let names = [&trip[..], &[count], &place.repeat(usize::from(count)), &[b'x'; 128], &[0], &[b'y'; 128], &[0]].concat();
        cases.push(Case::stream(format!("a login with {count} places and names"), frame::castel(4, 0x1001, &names)));
        let count = usize::from(count);
        let texts = room - count * 19;
        cases.push(Case::stream(format!("a login with {count} places and long texts"), frame::castel(4, 0x1001, &journey(count, texts))));
    }
    for kind in [0x4002, 0x4003, 0x4004, 0x4005, 0x4006, 0x4007, 0x4008, 0x4009, 0xA002, 0xC583] {
        for filler in [0, 1, 0xFF] {
            let body = [&trip[..], &vec![filler; largest - 31 - trip.len()]].concat();
            cases.push(Case::stream(format!("kind {kind:04X} of {filler:02X}"), frame::castel(4, kind, &body)));
        }
    }
    let count = (largest - 60) / 19;
    let body = [&[1, u8::try_from(count).unwrap()][..], &place.repeat(count), &[1; 24]].concat();
    cases.push(Case::stream("places of a tracker", frame::castel(12, 0x4206, &body)));
    cases
}

pub fn ruptela(largest: usize) -> Vec<Case> {
    let room = largest - 15;
    let records = |kind: u8, record: &[u8]| {
        let count = (room - 2) / record.len();
        frame::ruptela(kind, &[&[0, u8::try_from(count).unwrap()][..], &record.repeat(count)].concat())
    };
    let crowded = |wide: bool| {
        let (head, element): (usize, &[u8]) = if wide { (25, &[0, 170, 1]) } else { (23, &[170, 1]) };
        [&vec![1; head][..], &[40], &element.repeat(40), &[0; 3]].concat()
    };
    let codes = (room - 1) / 19;
    vec![
        Case::stream("smallest records", records(1, &[0; 27])),
        Case::stream("smallest extended records", records(68, &[0; 29])),
        Case::stream("records of elements", records(1, &crowded(false))),
        Case::stream("extended records of elements", records(68, &crowded(true))),
        Case::stream("trouble codes", frame::ruptela(9, &[&[u8::try_from(codes).unwrap()][..], &[0; 19].repeat(codes)].concat())),
        Case::stream("serial data", frame::ruptela(14, &vec![0xFF; room])),
        Case::stream("parameters without a value", frame::ruptela(18, &[&[1, 255][..], &[9, 0].repeat(255)].concat())),
        Case::stream("an answer", frame::ruptela(7, &vec![0xFF; room])),
    ]
}

pub fn galileosky(largest: usize) -> Vec<Case> {
    let room = largest - 5;
    let tags = |what: &str, unit: &[u8]| Case::stream(what, frame::galileosky(1, &fill(unit, room)));
    let compact = |ids: &[u8], values: usize| [&[0; 10][..], &[u8::try_from(ids.len()).unwrap()], ids, &vec![1; values]].concat();
    let many = vec![0xC4; 28];
    vec![
        tags("one tag again and again", &[1, 1]),
        tags("two tags again and again", &[1, 1, 2, 1]),
        tags("one tag with data again and again", &[0xC4, 1]),
        tags("logins", &[&[3][..], IMEI].concat()),
        tags("two devices", &[&[3][..], IMEI, &[3], b"356307042441012"].concat()),
        tags("answers", &[0xE1, 0]),
        tags("arrays", &[0xEA, 0]),
        tags("extended tags", &[0xFE, 2, 0, 0xFF, 0xFF]),
        Case::stream("compressed records", frame::galileosky(8, &fill(&compact(&[], 0), room))),
        Case::stream("compressed records of tags", frame::galileosky(8, &fill(&compact(&many, many.len()), room))),
        Case::stream("a picture", frame::galileosky(7, &vec![1; room])),
    ]
}

/// A session that says which fields it sends.
fn flex_mask(fields: &[u8]) -> Vec<u8> {
    let mut bits = [0_u8; 32];
    for field in fields {
        bits[usize::from((field - 1) / 8)] |= 0x80 >> ((field - 1) % 8);
    }
    let offer = [b"*>FLEX", &[0xB0, 30, 30, 255][..], &bits].concat();
    [frame::ntcb(&[b"*>S:", &IMEI[..]].concat()), frame::ntcb(&offer)].concat()
}

pub fn navtelecom(largest: usize) -> Vec<Case> {
    let records = |count: u8, size: usize| frame::flex(&[&b"~A"[..], &[count], &vec![1; size * usize::from(count)]].concat());
    let extras = |unit: &[u8], count: usize| frame::flex(&[b"~E", &[u8::try_from(count).unwrap()][..], &unit.repeat(count)].concat());
    let all: Vec<u8> = (1..=255).collect();
    // What all fields have together.
    let all_bytes = 734;
    let narrow: Vec<u8> = (139..=140).chain(144..=145).chain(167..=170).chain([199, 202]).chain(207..=222).collect();
    let with_place = [&[39, 0, 10, 0][..], &[1; 37]].concat();
    vec![
        Case::stream("records of one field", records(255, 1)).after(flex_mask(&[4])),
        Case::stream("records of fields of one byte", records(255, narrow.len())).after(flex_mask(&narrow)),
        Case::stream("records of all fields", records(u8::try_from((largest - 4) / all_bytes).unwrap(), all_bytes)).after(flex_mask(&all)),
        Case::stream("empty additional packets", extras(&[0, 0], 255)).after(flex_mask(&[4])),
        Case::stream("additional packets", extras(&with_place, 255)).after(flex_mask(&[4])),
        Case::stream("additional packets with a rest", extras(&[&[40, 0, 10, 0][..], &[1; 38]].concat(), 255)).after(flex_mask(&[4])),
        Case::stream("records of formats", frame::ntcb(&[b"*>A", &[255][..], &[&[4][..], &[1; 29]].concat().repeat(255)].concat())),
        Case::stream("padded records", frame::ntcb(&[b"*>A", &[255][..], &[&[4][..], &[1; 66]].concat().repeat(255)].concat())),
        Case::stream("an answer", frame::ntcb(&[b"*", &vec![b'x'; largest - 17][..]].concat())),
        Case::stream("a kind that is not known", frame::ntcb(&vec![0xFF; largest - 16])),
    ]
}

pub fn arnavi(largest: usize) -> Vec<Case> {
    let package = |packet: &[u8]| [&[0x5B, 1], &fill(packet, largest - 12)[..], &[0x5D]].concat();
    let tags = |count: usize| frame::arnavi_packet(1, &[200, 1, 0, 0, 0].repeat(count));
    vec![
        Case::stream("packets without tags", package(&tags(0))),
        Case::stream("packets of one tag", package(&tags(1))),
        Case::stream("packets of tags", package(&tags(26))),
        Case::stream("one packet of tags", package(&tags((largest - 30) / 5))),
        Case::stream("empty texts", package(&frame::arnavi_packet(3, &[]))),
        Case::stream("texts", package(&frame::arnavi_packet(3, &[0xFF]))),
        Case::stream("packets that are not known", package(&frame::arnavi_packet(9, &[]))),
    ]
}

pub fn eelink(largest: usize) -> Vec<Case> {
    let place = [&[0x65, 0x53, 0xF1, 0, 1][..], &[1; 15], &[0, 1]].concat();
    let units = [
        ("packets that are not known", frame::eelink(0x7F, &[])),
        ("signs of life", frame::eelink(3, &[])),
        ("logins", frame::eelink(1, &[0x03, 0x56, 0x30, 0x70, 0x42, 0x44, 0x10, 0x13])),
        ("places", frame::eelink(0x12, &place)),
        ("answers", frame::eelink(0x80, &[1, 0, 0, 0, 1])),
    ];
    units
        .iter()
        .flat_map(|(what, unit)| {
            // A stream takes one packet a frame, and what stands in it is no packet.
            let room = largest - 14;
            let stream = frame::eelink(unit[2], &[&unit[7..], &vec![1; room - unit.len()]].concat());
            let many = frame::eelink_datagram(&fill(unit, room));
            [
                Case::stream(format!("{what}, padded"), if *what == "logins" { unit.clone() } else { stream }),
                Case::stream(format!("{what} in a datagram on a stream"), many.clone()),
                Case::packet(*what, many),
            ]
        })
        .collect()
}

pub fn jt808() -> Vec<Case> {
    const BODY: usize = 0x3FF;
    // Bodies of more than ten bits of length are taken too.
    const LONG_BODY: usize = 4_060;
    let place = [&[0_u8; 4][..], &[0; 4], &52_000_000_u32.to_be_bytes(), &13_000_000_u32.to_be_bytes(), &[0; 6]].concat();
    let report = [&place[..], &[0x24, 0x03, 0x11, 0x07, 0x22, 0x38]].concat();
    let short = [&[u8::try_from(report.len()).unwrap()][..], &report].concat();
    let long = [&[0, 28][..], &report].concat();
    let count = |room: usize| u16::try_from(room / long.len()).unwrap().to_be_bytes();
    let reports = |room: usize| [&count(room - 3)[..], &[1], &fill(&long, room - 3)].concat();
    let items = |item: &[u8], room: usize| [&report[..], &fill(item, room - report.len())].concat();
    let crowded = |room: usize| {
        let report = [&report[..], &[0xC0, 0].repeat(40)].concat();
        let one = [&u16::try_from(report.len()).unwrap().to_be_bytes()[..], &report].concat();
        let count = (room - 3) / one.len();
        [&u16::try_from(count).unwrap().to_be_bytes()[..], &[0], &one.repeat(count)].concat()
    };
    // Fills the attributes of a record, and then raises alarms.
    let alarms = |room: usize| {
        let half = room / 3;
        [&report[..], &fill(&[0xC0, 0], half), &fill(&[0x57, 2, 0xFF, 0xFF], room - half - report.len())].concat()
    };
    let measured = |room: usize| {
        [
            &[0x54][..],
            &place[4..],
            &[0, 0, 0, 0],
            &[0x24, 0x03, 0x11, 0x07, 0x22, 0x38],
            &fill(&[0, 0, 0x24, 3, 0x11, 7, 0x22, 0x38], room - 30),
        ]
        .concat()
    };
    type Body<'a> = Box<dyn Fn(usize) -> Vec<u8> + 'a>;
    let bodies: Vec<(&str, u16, Body<'_>)> = vec![
        ("short reports", 0x0210, Box::new(|room| fill(&short, room))),
        ("reports", 0x0704, Box::new(reports)),
        ("reports of items", 0x0704, Box::new(crowded)),
        ("items without a value", 0x0200, Box::new(|room| items(&[0xC0, 0], room))),
        ("items of one byte", 0x0200, Box::new(|room| items(&[0xC0, 1, 1], room))),
        ("alarms again and again", 0x0200, Box::new(alarms)),
        ("measurements", 0x0900, Box::new(measured)),
        (
            "trouble codes",
            0x0900,
            Box::new(|room| [&[0xF2, 0x24, 3, 0x11, 7, 0x22, 0x38][..], &[0; 8], &[255], &vec![0; room.min(1_036) - 16]].concat()),
        ),
        ("accelerations", 0x2070, Box::new(|room| fill(&[0x24, 3, 0x11, 7, 0x22, 0x38, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], room))),
        ("a text", 0x6006, Box::new(|room| vec![0xFF; room])),
        ("a kind that is not known", 0x0FFF, Box::new(|room| vec![1; room])),
    ];
    let mut cases = Vec::new();
    for (what, kind, body) in bodies {
        cases.push(Case::stream(what, frame::jt808(kind, None, &body(LONG_BODY))));
        let whole = body(32 * 1_024);
        let total = u16::try_from(whole.len().div_ceil(BODY)).unwrap();
        let parts = |(number, part): (u16, &[u8])| frame::jt808(kind, Some((total, number)), part);
        let mut frames: Vec<Vec<u8>> = (1..).zip(whole.chunks(BODY)).map(parts).collect();
        if let (Some(last), false) = (frames.pop(), kind == 0x0FFF) {
            cases.push(Case { parts_bytes: whole.len(), ..Case::stream(format!("{what} in parts"), last).after(frames.concat()) });
        }
    }
    cases
}

pub fn xexun2(largest: usize) -> Vec<Case> {
    let records = |record: &[u8]| {
        let count = ((largest - 40) / (record.len() + 2)).min(255);
        let lengths = u16::try_from(record.len()).unwrap().to_be_bytes().repeat(count);
        frame::xexun2(0x14, &[&[u8::try_from(count).unwrap()][..], &lengths, &record.repeat(count)].concat())
    };
    let head = [1, 0x65, 0x53, 0xF1, 0, 20, 0, 50];
    let wifi = |count: usize| [&head[..], &[2, 2, u8::try_from(count).unwrap()], &[1, 2, 3, 4, 5, 6, 0x80].repeat(count)].concat();
    let cells = |count: usize| [&head[..], &[2, 4, u8::try_from(count).unwrap()], &[0x11; 13].repeat(count)].concat();
    vec![
        Case::stream("records without a place", records(&[&head[..], &[0]].concat())),
        Case::stream("logins", records(&[0; 9])),
        Case::stream("records that are cut off", records(&[&head[..], &[0xFF]].concat())),
        Case::stream("records of networks", records(&wifi(5))),
        Case::stream("one record of networks", records(&wifi(255))),
        Case::stream("records of cells", records(&cells(4))),
        Case::stream("one record of cells", records(&cells(255))),
        Case::stream("no record", frame::xexun2(0x14, &[&[255][..], &[0; 510]].concat())),
        Case::stream("an answer", frame::xexun2(7, &vec![0xFF; largest - 24])),
    ]
}

pub fn minifinder2(largest: usize) -> Vec<Case> {
    let room = largest - 9;
    let items = |command: u8, item: &[u8]| frame::minifinder2(&[&[command][..], &fill(item, room)].concat());
    vec![
        Case::stream("empty states", items(1, &[1, 0x24])),
        Case::stream("states", items(1, &[5, 0x24, 1, 0, 0, 0])),
        Case::stream("empty steps", items(1, &[1, 0x30])),
        Case::stream("items that are not known", items(1, &[1, 0x7F])),
        Case::stream("items of one byte", items(1, &[2, 0x7F, 1])),
        Case::stream("names", items(1, &[2, 1, b'1'])),
        Case::stream("networks", items(1, &[&[8, 0x22][..], &[1; 7]].concat())),
        Case::stream("places of beacons", items(1, &[&[15, 0x23][..], &[1; 14]].concat())),
        Case::stream("tags", items(1, &[&[11, 0x2C, 0][..], &[1; 9]].concat())),
        Case::stream("alarms", items(1, &[9, 2, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0])),
        Case::stream("settings", items(2, &[2, 4, b'1'])),
        Case::stream("services", items(3, &[2, 0x10, 1])),
        Case::stream("control", items(4, &[1, 0x1F])),
        Case::stream("answers", items(0x7F, &[1, 0])),
        Case::stream("a command that is not known", items(9, &[1, 0])),
    ]
}

pub fn calamp(largest: usize) -> Vec<Case> {
    let head = |kind: u8| vec![0x83, 5, 0x44, 0, 0, 0, 0x97, 1, 1, 1, kind, 0, 1];
    let place = [&[0x65, 0x53, 0xF1, 0].repeat(2)[..], &[1; 28]].concat();
    let mut cases = Vec::new();
    for kind in 0..12 {
        for filler in [1, b'1', 0x3F, 0xFF] {
            let packet = [&head(kind)[..], &place, &[0, 0, 0x3F, 0], &vec![filler; largest - 55]].concat();
            cases.push(Case::packet(format!("kind {kind} of {filler:02X}"), packet));
        }
    }
    cases
}

pub fn egts() -> Vec<Case> {
    const ROOM: usize = 65_535;
    let place = [&[16, 21, 0][..], &1_u32.to_le_bytes(), &[1; 8], &[1; 9]].concat();
    let terminal = [1, 5, 0, 1, 0, 0, 0, 0];
    let one = |service: u8, part: &[u8]| frame::egts(&frame::egts_record(service, &fill(part, ROOM - 7)));
    let many = |service: u8, parts: &[u8]| frame::egts(&fill(&frame::egts_record(service, parts), ROOM));
    vec![
        Case::stream("records without parts", many(2, &[])),
        Case::stream("records of one part", many(2, &[99, 0, 0])),
        Case::stream("records of another service", many(9, &[1])),
        Case::stream("terminals", many(1, &terminal)),
        Case::stream("places", many(2, &place)),
        Case::stream("one record of places", one(2, &place)),
        Case::stream("one record of terminals", one(1, &terminal)),
        Case::stream("one record of parts without a value", one(2, &[99, 0, 0])),
        Case::stream("one record of parts of one byte", one(2, &[99, 1, 0, 1])),
        Case::stream("one record of sensors", one(2, &[18, 3, 0, 1, 1, 0])),
        Case::stream("one record of places with parts between", one(2, &[&place[..], &[99, 0, 0].repeat(24)].concat())),
    ]
}
