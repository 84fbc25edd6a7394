//! Frames of the protocols that write text, in whole or in part.

use super::frame;
use super::{Case, fill};
use protocols::wire;

/// `head`, then as many units as there is room for, then `tail`.
fn line(head: &str, unit: &str, tail: &str, length: usize) -> Vec<u8> {
    [head.as_bytes(), &fill(unit.as_bytes(), length - head.len() - tail.len()), tail.as_bytes()].concat()
}

pub fn h02(largest: usize) -> Vec<Case> {
    let place = "*HQ,8650000001,V1,072238,A,4808.2292,N,01134.5674,E,11.42,117,110324,FFFFFBFF";
    let mut cases = Vec::new();
    for (what, head, unit) in [
        ("empty fields", place, ","),
        ("fields of one letter", place, ",1"),
        ("cells", "*HQ,8650000001,NBR,072238,262,2,0,9", ",1,1,1"),
        ("a command's answer", "*HQ,8650000001,V4,S20", ",1"),
        ("a kind that is not known", "*HQ,8650000001,ZZZ", ",1"),
    ] {
        let bytes = line(head, unit, "#", largest);
        cases.push(Case::stream(what, bytes.clone()));
        cases.push(Case::packet(format!("{what} in a packet"), bytes));
    }
    cases
}

pub fn wialon() -> Vec<Case> {
    const LINE: usize = 32_768;
    let login = b"#L#356307042441013;NA\r\n";
    let record = "110324;072238;5230.1234;N;01324.5678;E;1;1;1;5";
    let long = |rest: &str| format!("{record};1;1;1;{rest}");
    // Fills a record's attributes, then raises alarms.
    let alarms = format!("#D#{};NA;{}", long(""), "a,".repeat(2_000));
    let picture = [b"#I#32768;0;0;110324;072238;a\r\n", &vec![1; 32_768][..]].concat();
    let lines = [
        ("parts that are no records", line("#B#", "x|", "\r\n", LINE)),
        ("empty parts", line(&format!("#B#{record}"), "|", "\r\n", LINE)),
        ("empty records", line("#B#", ";;;;;;;;;|", "\r\n", LINE)),
        ("records", line("#B#", &format!("{record}|"), "\r\n", LINE)),
        ("records with parameters", line("#B#", &format!("{};NA;{}|", long(""), "a,".repeat(30)), "\r\n", LINE)),
        ("voltages", line(&format!("#D#{}", long("")), "1,", ";NA;a\r\n", LINE)),
        ("parameters", line(&format!("#D#{};NA;", long("")), "a,", "\r\n", LINE)),
        ("parameters with a value", line(&format!("#D#{};NA;", long("")), "a:2:1,", "\r\n", LINE)),
        ("alarms again and again", line(&alarms, "SOS:1:1,", "\r\n", LINE)),
        ("a text", line("#M#", "x", "\r\n", LINE)),
        ("a type that is not known", line("#ZZ#", "x", "\r\n", LINE)),
        ("a picture", picture),
    ];
    let mut cases = Vec::new();
    for (what, bytes) in lines {
        if bytes.len() <= LINE {
            cases.push(Case::packet(format!("{what} in a packet"), [b"356307042441013", &bytes[..bytes.len().min(LINE - 15)]].concat()));
        }
        cases.push(Case::stream(what, bytes).after(login.to_vec()));
    }
    let body = line("", ";;;;;;;;;|", "", LINE - 20);
    let checked = [b"#B#", &body[..], format!("{:04X}\r\n", wire::crc16_arc(&body)).as_bytes()].concat();
    let content = "2.0;356307042441013;NA;";
    let second = format!("#L#{content}{:04X}\r\n", wire::crc16_arc(content.as_bytes()));
    cases.push(Case::stream("empty records under a checksum", checked).after(second.into_bytes()));
    cases
}

pub fn watch(largest: usize) -> Vec<Case> {
    let message = |head: &str, unit: &[u8]| {
        let content = [head.as_bytes(), &fill(unit, largest - head.len() - 40)].concat();
        [format!("[3G*7100000024*{:04x}*", content.len()).as_bytes(), &content, b"]"].concat()
    };
    let place = "UD,110324,081502,A,48.137154,N,011.576124,E,0,0,0,5,100,82,1000,50,00000000";
    vec![
        Case::stream("empty fields", message(place, b",")),
        Case::stream("cells", message(&format!("{place},16,0,262,2"), b",1,1,1")),
        Case::stream("escapes", message("CR,", &[0x7D, 1])),
        Case::stream("an answer that is no text", message("TS,", &[0xFF])),
        Case::stream("an answer", message("TS,", b"x")),
        Case::stream("voice", message("TK,", &[0xFF])),
        Case::stream("alive", message("LK", b",1")),
    ]
}

pub fn meitrack(largest: usize) -> Vec<Case> {
    let room = largest - 40;
    let records = |length: u16| {
        let record = [&[35][..], &[1; 12], &vec![1; usize::from(length) - 13]].concat();
        [&[0, 0][..], &length.to_le_bytes(), &[0; 4], &fill(&record, room - 8)].concat()
    };
    let packets = |packet: &[u8]| {
        let count = ((room - 6) / (packet.len() + 2)).min(256);
        let one = [&u16::try_from(packet.len()).unwrap().to_le_bytes()[..], packet].concat();
        [&[0; 4][..], &u16::try_from(count).unwrap().to_le_bytes(), &one.repeat(count)].concat()
    };
    let crowded = |count: usize| [&[0, 0, u8::try_from(count).unwrap()][..], &[0xB0, 1].repeat(count), &[0; 3]].concat();
    let place = "35,48.137154,11.576124,240311072238,A,11,7,36,479,0.8,519,40177,380122,262|2|0B1C|01A2C3D,0803,";
    let mut cases = Vec::new();
    for (what, kind, content) in [
        ("records", "CCC", records(52)),
        ("packets without fields", "CCE", packets(&[0; 6])),
        ("packets of fields", "CCE", packets(&crowded(24))),
        ("packets of more fields", "CCE", packets(&crowded(40))),
        ("one packet of fields", "CCE", packets(&crowded(255))),
        ("empty fields", "AAA", line(place, ",", "", room)),
        ("strokes", "AAA", line(place, "|", "", room)),
        ("temperatures", "AAA", line(&format!("{place},,,,"), "010101|", "", room)),
        ("an answer", "A10", line("", "x", "", room)),
        ("a picture", "D00", vec![0xFF; room]),
    ] {
        let bytes = frame::meitrack(kind, &content);
        cases.push(Case::stream(what, bytes.clone()));
        cases.push(Case::packet(format!("{what} in a packet"), bytes));
    }
    cases
}

pub fn suntech(largest: usize) -> Vec<Case> {
    let place = "20121017;07:41:56;00100;+52.520008;+013.404954;007.410;118.50;8;1;4071;13.80;001100";
    let data = |unit: &str| {
        let content = unit.repeat(1_000 / unit.len());
        // An escaped byte counts once.
        let count = content.len() - content.matches('\u{1}').count();
        format!("ST300UEX;107340000;01;010;{place};{count};{content};00\r").into_bytes()
    };
    let universal = [&[0x81, 0x0F, 0xF0][..], &[1, 0x23, 0x45, 0x67, 0x89, 0, 0, 0], &vec![0; 4_072]].concat();
    vec![
        Case::stream("empty fields", line(&format!("ST300STT;107340000;01;010;{place};1;0001"), ";", "\r", largest)),
        Case::stream("fields of one letter", line(&format!("ST300STT;107340000;01;010;{place};1;0001"), ";1", "\r", largest)),
        Case::stream("beacons", line("BLE;1073400001;7FFFFF", ";1", "\r", largest)),
        Case::stream("probes", data("N_0=1;")),
        Case::stream("tanks", data("CabMensaje,1,1,1,1,1,1,1,1")),
        Case::stream("data that are no text", data("\u{1}\u{10}")),
        Case::stream("an answer", line("RES;107340000;", "x", "\r", largest)),
        Case::stream("a form that is not known", line("ZZZ;107340000;", "x", "\r", largest)),
        Case::stream("a binary report", universal),
        Case::stream("an answer without a name", line("x", "x", "\r", largest)),
    ]
}

pub fn tk103(largest: usize) -> Vec<Case> {
    let message =
        |head: &str, unit: &str| Case::stream(format!("{head} and {unit}"), line(&format!("(013612345678{head}"), unit, ")", largest - 1));
    vec![
        message("BZ00,262,2,", "1,1,1,"),
        message("BR00240524A5230.1234N01324.5678E000.1101241323.8701000000L000450AC", ","),
        message("ZC20,", "1,"),
        message("BT00", "x"),
        message("ZZ99", "x"),
        message("BP00", "1"),
        message("DW3B,110324,2,", "1,"),
    ]
}

pub fn coban(largest: usize) -> Vec<Case> {
    let place = "imei:864035051234567,tracker,240524121512,,F,101512.000,A,5230.1234,N,01324.5678,E,0.54";
    let mut cases = Vec::new();
    for (what, head, unit) in [
        ("empty fields", place, ","),
        ("cells", "imei:864035051234567,tracker,240524121512,,L", ",1"),
        ("a word", "imei:864035051234567,", "x"),
        ("faults", "imei:864035051234567,OBD,240524121512,1,1,1,1,1,1%,1,1%,1,1", ",1"),
        ("a picture", "imei:864035051234567,vr,", "F"),
    ] {
        let bytes = line(head, unit, ";", largest - 1);
        cases.push(Case::stream(what, bytes.clone()));
        cases.push(Case::packet(format!("{what} in a packet"), bytes));
    }
    cases
}

pub fn xexun(largest: usize) -> Vec<Case> {
    let sentence = "GPRMC,072238.000,A,4808.2292,N,01134.5674,E,12.40,117.20,110324,,,A";
    let head = format!("{sentence}*{:02X},F,", wire::xor8(sentence.as_bytes()));
    vec![
        Case::stream("words", line(&head, "x,", "imei:864000000000917,", largest)),
        Case::stream("alarms", line(&head, "move,speed,", "imei:864000000000917,", largest)),
        Case::stream("fields", line(&format!("{head},imei:864000000000917,"), "1,", "\n", largest)).with(&[("full", "true")]),
    ]
}

pub fn queclink(largest: usize) -> Vec<Case> {
    let head = "+RESP:GTFRI,4B0306,864000000000933,,,,10,1,";
    let place = "1,1,1,1,11.5,48.1,20240311072238,,,,,";
    let short = "11.5,48.1,20240311072238,";
    let end = "20240311072240,0121$";
    let text = |what: &str, head: &str, unit: &str| Case::stream(what, line(head, unit, end, largest));
    let pro = |record: &[u8]| frame::queclink_pro(&fill(record, largest - 23));
    let items = |item: &[u8], count: usize| {
        let content = [&[0x65, 0x53, 0xF1, 0, 0, 1, 1, 1][..], &item.repeat(count)].concat();
        let size = u16::try_from(content.len() + 2).unwrap() | 0x8000;
        [&size.to_be_bytes()[..], &content].concat()
    };
    let packed = |kind: u8, content: &[u8]| {
        let total = u16::try_from(content.len() + 19 + 4 + 4).unwrap();
        let id = [35, 63, 7, 4, 24, 41, 1, 3];
        frame::queclink_packed(&[&[kind, 0, 0, 0, 0x80][..], &total.to_be_bytes(), &id, content, &[0; 4]].concat())
    };
    let track = |unit: &[u8]| {
        let first = [&[0x60, 0, 0][..], &1_u32.to_be_bytes(), &1_u32.to_be_bytes(), &1_700_000_000_u32.to_be_bytes()].concat();
        let count = (largest - 100) / unit.len();
        [&u16::try_from(count + 1).unwrap().to_be_bytes()[..], &first, &unit.repeat(count)].concat()
    };
    vec![
        text("places", head, place),
        text("places that are as short as can be", head, short),
        text("empty fields", head, ","),
        text("fields of one letter", head, "1,"),
        text("cells", "+RESP:GTGSM,4B0306,864000000000933,FRI,", "0262,0002,0B1C,01A2,20,,"),
        text("networks", "+RESP:GTWIF,4B0306,864000000000933,,32,", "c413e2ff14c4,-50,,,,"),
        text("an answer", "+ACK:GTFRI,4B0306,864000000000933,,", "x,"),
        text("an extended report", "+RESP:GTERI,4B0306,864000000000933,,FFFFFFFF,,10,1,", place),
        text("on-board diagnosis", "+RESP:GTOBD,4B0306,864000000000933,,,,,,FFFFFFFF,", "1,"),
        text("the bus", "+RESP:GTCAN,4B0306,864000000000933,,0,1,FFFFFFFF,", "1,"),
        Case::stream("records", pro(&[9, 0x65, 0x53, 0xF1, 0, 0, 1, 1, 1])),
        Case::stream("one record of empty items", pro(&items(&[0x60, 0], (largest - 40) / 2))),
        Case::stream("one record of items", pro(&items(&[0x60, 1, 1], (largest - 40) / 3))),
        Case::stream("records of items", pro(&items(&[0x60, 1, 1], 30))),
        Case::stream("a track", packed(0x64, &track(&[0xA0, 0, 0, 0, 0]))),
        Case::stream("a track without places", packed(0x64, &track(&[0xE0]))),
        Case::stream("a packed report", packed(1, &vec![1; largest - 40])),
        Case::stream(
            "a packed kind that is not known",
            frame::queclink_packed(&{
                let mut content = vec![0; largest - 8];
                content[5..7].copy_from_slice(&u16::try_from(largest).unwrap().to_be_bytes());
                content
            }),
        ),
    ]
}

pub fn totem(largest: usize) -> Vec<Case> {
    let message = |what: &str, head: &str, unit: &str| {
        // Longer ones have no four digits that begin with a zero.
        let content = line(&format!("AA864000000000958|{head}"), unit, "0188", largest.min(999) - 8);
        Case::stream(what, frame::totem(std::str::from_utf8(&content).unwrap()))
    };
    vec![
        message("zeros", "08044000240311072238", "0"),
        message("commas", "240311072238", ",1"),
        message("strokes", "08044000240311072238", "|"),
    ]
}

pub fn atrack(largest: usize) -> Vec<Case> {
    let room = largest - 60;
    let report = "1710141758,1710141758,1710141758,11576124,48137154,117,2,0,8,0,0,0,0,,2000,2000,";
    let binary = |rest: &[u8]| {
        let time = 1_710_141_758_u32.to_be_bytes().repeat(3);
        [
            &time[..],
            &11_576_124_u32.to_be_bytes(),
            &48_137_154_u32.to_be_bytes(),
            &[0, 117, 2],
            &[0; 13],
            &[0],
            &[7, 0xD0, 7, 0xD0],
            &[0],
            rest,
        ]
        .concat()
    };
    let text = |unit: &str| frame::atrack_text(&fill(unit.as_bytes(), room));
    let one = |head: &str, unit: &str| frame::atrack_text(&line(head, unit, "\r\n", room));
    let packets = |unit: &[u8]| frame::atrack_binary(&fill(unit, room));
    let form = |code: &str, count: usize| [b"%CI", &code.repeat(count).into_bytes()[..], &[0]].concat();
    let values = |code: &str, count: usize| [&form(code, count)[..], &vec![1; count]].concat();
    let mut cases = Vec::new();
    for (what, bytes) in [
        ("lines that are no records", text("x\r\n")),
        ("the shortest lines that are no records", text("x\n")),
        ("empty lines", frame::atrack_text(&line(&format!("{report}\r\n"), "\n", "", room))),
        ("records", text(&format!("{report}\r\n"))),
        ("values of a form", one(&format!("{report},%CI{}", "%HA".repeat(2_000)), ",1")),
        ("values of a form without names", one(&format!("{report},%CI{}", "%Z".repeat(4_000)), ",1")),
        ("binary records", packets(&binary(&[]))),
        ("binary records of values", packets(&binary(&values("%HA", 12)))),
        ("binary values of a form", packets(&binary(&values("%HA", (room - 60) / 4)))),
        ("binary values that are not known", packets(&binary(&form("%ZZ", 1)))),
        ("other data", {
            let mut bytes = packets(&[1]);
            bytes[1] = b'R';
            bytes
        }),
    ] {
        cases.push(Case::stream(what, bytes.clone()));
        cases.push(Case::packet(format!("{what} in a packet"), bytes));
    }
    cases
}
