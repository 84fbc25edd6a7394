//! The short dialect of small personal trackers: no serial number, no checksum.
//!
//! ```text
//! login    = 78 78 0D 01 imei 8 (BCD) version u8 0D 0A
//! alive    = 78 78 01 08 0D 0A
//! place    = 78 78 length 10/11 place … 0D 0A                      ; length counts what follows the kind
//! around   = 78 78 wifi-count 69/17 date 6 (BCD) *(mac 6, dBm u8) cell-count mcc u16 mnc u8 *(lac u16 cell u16 dBm u8) 0D 0A
//! ```

use super::cut::ends_at;
use super::report::{CellForm, Report, record};
use super::{heartbeat, imei, short_answer};
use crate::wire::{Cursor, bcd};
use crate::{Attributes, Environment, Message, Release, Replies};
use alloc::vec::Vec;

/// Where a frame of the dialect ends.
pub enum End {
    /// It is not of this dialect.
    Elsewhere,
    /// More must be seen.
    Unknown,
    /// After so many bytes.
    At(usize),
}

/// More points than a frame of the dialect tells.
const POINTS_MAX: u8 = 24;

/// Finds the end. `known`: the other end has spoken the dialect before.
pub fn end(bytes: &[u8], length: u8, kind: u8, known: bool) -> End {
    let usual = usize::from(length).saturating_add(5);
    match kind {
        0x01 if length == 0x0D => at(bytes, 15),
        0x08 if length == 0x01 => at(bytes, 6),
        0x69 if length <= POINTS_MAX => around(bytes, length),
        0x17 if length < 5 => around(bytes, length),
        0x17 if length <= POINTS_MAX => {
            if bytes.len() < usual {
                End::Unknown
            } else if ends_at(bytes, usual) {
                End::Elsewhere
            } else {
                around(bytes, length)
            }
        }
        0x10 | 0x11 if known => match at(bytes, usual) {
            End::At(_) => End::Elsewhere,
            End::Elsewhere => at(bytes, usual.saturating_add(1)),
            End::Unknown => End::Unknown,
        },
        _ => End::Elsewhere,
    }
}

fn at(bytes: &[u8], total: usize) -> End {
    if bytes.len() < total {
        End::Unknown
    } else if ends_at(bytes, total) {
        End::At(total)
    } else {
        End::Elsewhere
    }
}

/// The counts say how long it is.
fn around(bytes: &[u8], points: u8) -> End {
    let count_at = usize::from(points).saturating_mul(7).saturating_add(10);
    let Some(cells) = bytes.get(count_at) else { return End::Unknown };
    let dated = bytes.get(4..10).is_some_and(|date| date.iter().all(|b| bcd(*b).is_some()));
    if !dated || *cells > POINTS_MAX {
        return End::Elsewhere;
    }
    at(bytes, count_at.saturating_add(usize::from(*cells).saturating_mul(5)).saturating_add(6))
}

/// Reads a whole frame.
pub fn read(raw: &[u8], env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) {
    let kind = raw.get(3).copied().unwrap_or(0);
    let body = raw.get(4..raw.len().saturating_sub(2)).unwrap_or_default();
    // There is no serial number. Servers answer with what stands in its place, and the trackers live with it.
    let serial = raw.get(raw.len().saturating_sub(6)..).and_then(<[u8]>::first_chunk).map_or(0, |s| u16::from_be_bytes(*s));
    let release = if kind == 0x01 { Release::Identified } else { Release::Durable };
    let done = match kind {
        0x01 => login(body).map(|message| out.push(message)),
        0x08 => {
            out.push(heartbeat(Attributes::new()));
            Some(())
        }
        0x10 | 0x11 => record(out, 0, env.options.ignore_checksum, |report| report.place(&mut Cursor::new(body))),
        _ => record(out, 0, false, |report| surroundings(report, raw, body)),
    };
    if done.is_none() {
        out.push(Message::Undecoded { identifier: None, reason: "body too short", raw: raw.to_vec() });
    }
    match body.first_chunk::<6>() {
        Some(date) if matches!(kind, 0x17 | 0x69) => {
            let mut answer = Vec::from([0x78, 0x78, 0x00, kind]);
            answer.extend_from_slice(date);
            answer.extend_from_slice(b"\r\n");
            replies.bytes(release, answer);
        }
        _ => replies.copied(release, &short_answer(kind, serial)),
    }
}

fn login(body: &[u8]) -> Option<Message> {
    Some(Message::Login { identifier: imei(*body.first_chunk()?)?, password: None })
}

fn surroundings(report: &mut Report<'_>, raw: &[u8], body: &[u8]) -> Option<()> {
    let body = &mut Cursor::new(body);
    let date: [u8; 6] = body.array()?;
    report.date_of(date.map(|b| bcd(b).unwrap_or(0xFF)));
    for number in 1..=raw.get(2).copied()? {
        let (mac, signal) = (body.array()?, body.u8()?);
        report.push_wifi(number, mac, Some(signal));
    }
    let cells = body.u8()?;
    let operator = (body.be_u16()?, u16::from(body.u8()?));
    for number in 1..=cells {
        let place = super::report::area_and_cell(body, CellForm { area: 2, cell: 2 })?;
        let signal = body.u8()?;
        report.push_cell(number, operator, place, Some(signal));
    }
    Some(())
}
