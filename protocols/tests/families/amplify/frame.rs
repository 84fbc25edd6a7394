//! Envelopes: what stands around the content of a frame, with checksums that fit.

use super::wire;

pub const IMEI: &[u8; 15] = b"356307042441013";

pub fn teltonika(data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [&[0; 4], &length[..], data, &u32::from(wire::crc16_arc(data)).to_be_bytes()].concat()
}

pub fn teltonika_packet(data: &[u8]) -> Vec<u8> {
    let inside = [&[0, 1, 1, 1, 0, 15], &IMEI[..], data].concat();
    [&u16::try_from(inside.len()).unwrap().to_be_bytes()[..], &inside].concat()
}

/// The extended frame.
pub fn gt06(kind: u8, body: &[u8]) -> Vec<u8> {
    let covered = [&u16::try_from(body.len() + 5).unwrap().to_be_bytes()[..], &[kind], body, &[0, 1]].concat();
    [b"yy", &covered[..], &wire::crc16_x25(&covered).to_be_bytes(), b"\r\n"].concat()
}

pub fn castel(version: u8, kind: u16, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 31).unwrap().to_le_bytes();
    let content = [b"@@", &length[..], &[version], IMEI, &[0; 5], &kind.to_be_bytes(), body].concat();
    [&content[..], &wire::crc16_x25(&content).to_le_bytes(), b"\r\n"].concat()
}

pub fn ruptela(kind: u8, payload: &[u8]) -> Vec<u8> {
    let covered = [&356_307_042_441_013_u64.to_be_bytes()[..], &[kind], payload].concat();
    let length = u16::try_from(covered.len()).unwrap().to_be_bytes();
    [&length[..], &covered, &wire::crc16_kermit(&covered).to_be_bytes()].concat()
}

pub fn galileosky(head: u8, body: &[u8]) -> Vec<u8> {
    let covered = [&[head], &u16::try_from(body.len()).unwrap().to_le_bytes()[..], body].concat();
    [&covered[..], &wire::crc16_modbus(&covered).to_le_bytes()].concat()
}

pub fn ntcb(body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_le_bytes();
    let mut head = [b"@NTC", &1_u32.to_le_bytes()[..], &2_u32.to_le_bytes(), &length, &[wire::xor8(body)]].concat();
    head.push(wire::xor8(&head));
    [&head[..], body].concat()
}

/// The checksum of FLEX behind a frame.
pub fn flex(content: &[u8]) -> Vec<u8> {
    [content, &[wire::crc8_nrsc5(content)]].concat()
}

/// A packet of Arnavi.
pub fn arnavi_packet(kind: u8, data: &[u8]) -> Vec<u8> {
    let covered = [&[0, 0, 0, 1], data].concat();
    [&[kind], &u16::try_from(data.len()).unwrap().to_le_bytes()[..], &covered, &[wire::sum8(&covered)]].concat()
}

pub fn eelink(kind: u8, body: &[u8]) -> Vec<u8> {
    [b"gg", &[kind][..], &u16::try_from(body.len() + 2).unwrap().to_be_bytes(), &[0, 1], body].concat()
}

pub fn eelink_datagram(packets: &[u8]) -> Vec<u8> {
    let covered = [&[0x03, 0x56, 0x30, 0x70, 0x42, 0x44, 0x10, 0x13], packets].concat();
    let sum = covered.iter().fold(0_u16, |sum, byte| sum.rotate_left(1).wrapping_add(u16::from(*byte)));
    [b"EL", &u16::try_from(covered.len() + 2).unwrap().to_be_bytes()[..], &sum.to_be_bytes(), &covered].concat()
}

pub fn meitrack(kind: &str, content: &[u8]) -> Vec<u8> {
    let inside = [b",", &IMEI[..], b",", kind.as_bytes(), b",", content, b"*"].concat();
    let start = [format!("$$A{}", inside.len() + 4).as_bytes(), &inside].concat();
    [&start[..], format!("{:02X}\r\n", wire::sum8(&start)).as_bytes()].concat()
}

/// Of the version of 2013; the part, where there are several.
pub fn jt808(kind: u16, part: Option<(u16, u16)>, body: &[u8]) -> Vec<u8> {
    let attributes = u16::try_from(body.len()).unwrap() | if part.is_some() { 0x2000 } else { 0 };
    let mut plain = [&kind.to_be_bytes()[..], &attributes.to_be_bytes(), &[1, 0x23, 0x45, 0x67, 0x89, 0x01, 0, 1]].concat();
    if let Some((total, number)) = part {
        plain.extend_from_slice(&[total.to_be_bytes(), number.to_be_bytes()].concat());
    }
    plain.extend_from_slice(body);
    plain.push(wire::xor8(&plain));
    let mut frame = vec![0x7E];
    for byte in plain {
        match byte {
            0x7D => frame.extend_from_slice(&[0x7D, 1]),
            0x7E => frame.extend_from_slice(&[0x7D, 2]),
            byte => frame.push(byte),
        }
    }
    frame.push(0x7E);
    frame
}

pub fn xexun2(kind: u16, body: &[u8]) -> Vec<u8> {
    let check = !body.iter().fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    let imei = [0x35, 0x63, 0x07, 0x04, 0x24, 0x41, 0x01, 0x30];
    [&[0xFA, 0xAF], &kind.to_be_bytes()[..], &[0, 1], &imei, &length, &check.to_be_bytes(), body, &[0xFA, 0xAF]].concat()
}

/// It is sent from memory and wants an answer.
pub fn minifinder2(body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_le_bytes();
    [&[0xAB, 0x18], &length[..], &wire::crc16_xmodem(body).to_le_bytes(), &[0, 1], body].concat()
}

/// One record of service 1 or 2.
pub fn egts_record(service: u8, parts: &[u8]) -> Vec<u8> {
    [&u16::try_from(parts.len()).unwrap().to_le_bytes()[..], &[0, 1, 0, service, service], parts].concat()
}

pub fn egts(records: &[u8]) -> Vec<u8> {
    let length = u16::try_from(records.len()).unwrap().to_le_bytes();
    let mut head = [&[1, 0, 0, 11, 0], &length[..], &[0, 1, 1]].concat();
    head.push(wire::crc8_nrsc5(&head));
    [&head[..], records, &wire::crc16_ccitt_false(records).to_le_bytes()].concat()
}

pub fn queclink_pro(records: &[u8]) -> Vec<u8> {
    let id = 0x3563_0704_2441_0130_u64 >> 4;
    let total = records.len() + 23;
    let length = u16::try_from(total).unwrap().to_be_bytes();
    let start = [b"-\0", &length[..], &[0], &id.to_be_bytes(), &[0; 6], records, &[0, 1]].concat();
    [&start[..], &[wire::crc8_nrsc5(&start), b'$']].concat()
}

/// A packed report.
pub fn queclink_packed(content: &[u8]) -> Vec<u8> {
    [b"+RSP", content, &wire::crc16_ccitt_false(content).to_be_bytes(), b"\r\n"].concat()
}

pub fn totem(content: &str) -> Vec<u8> {
    let start = format!("$${:04}{content}", content.len() + 8);
    format!("{start}{:02X}", wire::xor8(start.as_bytes())).into_bytes()
}

pub fn atrack_text(records: &[u8]) -> Vec<u8> {
    let behind = [b",1,", &IMEI[..], b",", records].concat();
    let covered = [format!(",{}", behind.len()).as_bytes(), &behind].concat();
    [format!("@P,{:X}", wire::crc16_arc(&covered)).as_bytes(), &covered].concat()
}

pub fn atrack_binary(records: &[u8]) -> Vec<u8> {
    let inside = [&[0, 1], &356_307_042_441_013_u64.to_be_bytes()[..], records].concat();
    let covered = [&u16::try_from(inside.len()).unwrap().to_be_bytes()[..], &inside].concat();
    [b"@P", &wire::crc16_arc(&covered).to_be_bytes()[..], &covered].concat()
}
