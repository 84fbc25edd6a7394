//! Positions: the latest of each device, and the history of one.

use super::lists::devices_behind;
use super::{ListAsked, Page, Stores};
use crate::history::{HistoryError, PageKey};
use crate::model::{DeviceId, Item, Shared};
use policy::{Micros, Range, Viewer, admit, clamp};

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Of history.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Of visits and alerts.
    #[error(transparent)]
    Events(#[from] crate::events::EventsError),
}

/// Rows that are looked at for one row that is asked for, before a short page is given: rows from the time when the device was
/// another account's cost no more than that.
const LOOKED_AT_PER_ROW_MAX: usize = 8;

/// A part of the history of one device.
#[derive(Clone, Debug)]
pub struct HistoryAsked {
    /// Which.
    pub device: DeviceId,
    /// Fix times, both ends included.
    pub range: Range,
    /// Behind this place, in the direction that is read in.
    pub after: Option<PageKey>,
    /// At most so many.
    pub rows_max: usize,
    /// Newest first.
    pub descending: bool,
}

/// The newest position of each device, as far as his windows show it (P2).
#[must_use]
pub fn latest(stores: &Stores, viewer: &Viewer, asked: &ListAsked, now: Micros) -> Page<Shared, u32> {
    let mut found = Page::empty();
    let mut last = None;
    for device in devices_behind(viewer, asked.after) {
        let Some(Ok(permitted)) = stores.latest.get(device).map(|shared| admit(shared, viewer, now)) else { continue };
        if found.rows.len() >= asked.rows_max {
            found.next = last;
            break;
        }
        found.rows.push(permitted);
        last = Some(device.0);
    }
    found
}

/// Positions of a device in the order of their times, within the window (B72, B73). Blocks.
///
/// # Errors
/// When history cannot be read.
pub fn history_page(stores: &Stores, viewer: &Viewer, asked: &HistoryAsked, now: Micros) -> Result<Page<Shared, PageKey>, ReadError> {
    let mut found = Page::empty();
    let Some(range) = clamp(viewer, asked.device, asked.range, now) else { return Ok(found) };
    let mut after = asked.after;
    let mut looked_at = 0;
    loop {
        let wanted = asked.rows_max.saturating_sub(found.rows.len());
        let read = stores.history.page(asked.device, range, after, wanted, asked.descending)?;
        let is_end = read.len() < wanted;
        looked_at += read.len();
        after = read.last().map(PageKey::of).or(after);
        let shared = read.into_iter().map(|position| Shared::new(Item::Position(position)));
        found.rows.extend(shared.filter_map(|shared| admit(shared, viewer, now).ok()));
        if is_end {
            return Ok(found);
        }
        if found.rows.len() >= asked.rows_max || looked_at >= asked.rows_max.saturating_mul(LOOKED_AT_PER_ROW_MAX) {
            found.next = after;
            return Ok(found);
        }
    }
}
