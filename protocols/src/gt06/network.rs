//! Kinds that tell the cells and Wi-Fi points around instead of a place.

use super::report::{CELL_2G, CELL_4G, CELL_WIDE, CellForm, Report};
use super::{Frame, state, text};
use crate::wire::Cursor;
use crate::{Civil, Name, Value};

/// Cells that the kinds with many cells have room for.
const CELLS: usize = 7;

/// Whether frames of this kind tell what is around, or at least nothing of a place.
pub const fn tells_surroundings(kind: u8) -> bool {
    matches!(kind, 0x17..=0x19 | 0x24 | 0x28 | 0x2C | 0x2E | 0x32 | 0x33 | 0xA1..=0xA3 | 0xA5 | 0xA7 | 0xF3)
}

/// Reads a frame without a place.
pub fn read(report: &mut Report<'_>, frame: &Frame<'_>) -> Option<()> {
    let body = &mut Cursor::new(frame.body);
    match frame.kind {
        0x17 => asked(report, body, CELL_2G)?,
        0xA7 => asked(report, body, CELL_4G)?,
        0x18 | 0x24 | 0x28 | 0x2E => many(report, body, CELL_2G)?,
        0xA1 => many(report, body, CELL_4G)?,
        0x2C => {
            many(report, body, CELL_2G)?;
            let _ = points(report, body);
        }
        0xA2 => {
            many(report, body, CELL_4G)?;
            let _ = points(report, body);
        }
        0x33 if !frame.extended => counted(report, body)?,
        0x19 => one(report, body)?,
        0xA3 => bare_alarm(report, body)?,
        0xA5 => {
            report.cell(body, CELL_4G)?;
            state::block(report, body)?;
        }
        0xF3 => wifi_only(report, body)?,
        _ => optional_place(report, body)?,
    }
    Some(())
}

/// Date, network, seven cells, timing advance.
fn many(report: &mut Report<'_>, body: &mut Cursor<'_>, form: CellForm) -> Option<()> {
    report.date(body)?;
    report.cells(body, form, CELLS)?;
    let _timing = body.u8();
    Some(())
}

/// A count of Wi-Fi points, each with its signal strength.
fn points(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    let count = body.u8()?;
    for number in 1..=count {
        let (mac, signal) = (body.array()?, body.u8()?);
        report.push_wifi(number, mac, Some(signal));
    }
    Some(())
}

/// Date, network, a count of cells, a count of Wi-Fi points.
fn counted(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    report.date(body)?;
    let operator = super::report::network(body)?;
    let count = body.u8()?;
    for number in 1..=count {
        let place = super::report::area_and_cell(body, CELL_2G)?;
        let signal = body.u8()?;
        report.push_cell(number, operator, place, Some(signal));
    }
    points(report, body)
}

/// The tracker asks where a cell is, to tell a telephone number: cell, number, language.
fn asked(report: &mut Report<'_>, body: &mut Cursor<'_>, form: CellForm) -> Option<()> {
    report.cell(body, form)?;
    if let Some(number) = body.take(21) {
        let number = text(number);
        if !number.is_empty() {
            report.set(Name::Phone, Value::Text(&number));
        }
    }
    Some(())
}

/// A cell and the state, or a date and a cell.
fn one(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    let dated = body.rest().first_chunk().copied().and_then(Civil::of_this_century).is_some() && body.rest().len() >= 15;
    if dated {
        report.date(body)?;
        return report.cell(body, CELL_WIDE);
    }
    report.cell(body, CELL_2G)?;
    let _ = state::block(report, body);
    Some(())
}

/// An alarm without a place: state, …, signal, alarm, …, sent from memory.
fn bare_alarm(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    state::state(report, body.u8()?);
    body.u8()?;
    state::signal(report, body.u8()?);
    state::alarm_code(report, body.u8()?);
    if body.rest().get(2).is_some_and(|memory| *memory != 0) {
        report.set(Name::Buffered, Value::Bool(true));
    }
    Some(())
}

/// Date, count, then for each point two bytes and its address.
fn wifi_only(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    report.date(body)?;
    let count = body.u8()?;
    for number in 1..=count {
        body.take(2)?;
        report.push_wifi(number, body.array()?, None);
    }
    Some(())
}

/// Kinds 0x32 and 0x33 of extended frames: date, place with its length before, cell with its length before, signal.
fn optional_place(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    report.date(body)?;
    if body.u8()? != 0 {
        report.place_without_date(body)?;
    }
    if body.u8()? != 0 {
        report.cell(body, CELL_2G)?;
        state::signal(report, body.u8()?);
    }
    Some(())
}
