//! Visits and alerts, in recorded order. Of a visit the newest revision is given that its viewer may see.

use super::{Page, ReadError, Stores};
use crate::events::EventQuery;
use crate::model::{EventId, Item, Order, Shared, Visit};
use policy::{Micros, Permitted, Viewer, admit};
use std::collections::HashMap;

/// Rows that are looked at for one that is asked for, before a short page is given.
const LOOKED_AT_PER_ROW_MAX: usize = 8;
/// Rows that are read at once.
const READ_ROWS_MIN: usize = 64;

/// The next rows to read for what is asked, and how many may be looked at in all.
fn rows_to_read(asked: &EventQuery, after: Option<Order>) -> (EventQuery, usize) {
    let rows_max = asked.rows_max.max(READ_ROWS_MIN);
    (EventQuery { after, rows_max, ..*asked }, rows_max.saturating_mul(LOOKED_AT_PER_ROW_MAX))
}

/// Puts a row in, unless the page is full: then the next one begins behind the row before.
fn put(found: &mut Page<Shared, Order>, permitted: Permitted<Shared>, last: &mut Option<Order>, rows_max: usize) -> bool {
    if found.rows.len() >= rows_max {
        found.next = *last;
        return false;
    }
    *last = Some(permitted.item().item().order());
    found.rows.push(permitted);
    true
}

/// Alerts.
///
/// # Errors
/// When the events cannot be read.
pub async fn alerts(stores: &Stores, viewer: &Viewer, asked: &EventQuery, now: Micros) -> Result<Page<Shared, Order>, ReadError> {
    let mut found = Page::empty();
    let (mut after, mut last, mut looked_at) = (asked.after, asked.after, 0);
    loop {
        let (query, looked_at_max) = rows_to_read(asked, after);
        let read = stores.events.alerts(viewer.account, &query).await?;
        let is_end = read.len() < query.rows_max;
        looked_at += read.len();
        for alert in read {
            after = Some(alert.order);
            if let Ok(permitted) = admit(Shared::new(Item::Alert(alert)), viewer, now)
                && !put(&mut found, permitted, &mut last, asked.rows_max)
            {
                return Ok(found);
            }
        }
        if is_end || looked_at >= looked_at_max {
            found.next = after.filter(|_| !is_end);
            return Ok(found);
        }
    }
}

/// Visits.
///
/// # Errors
/// When the events cannot be read.
pub async fn visits(stores: &Stores, viewer: &Viewer, asked: &EventQuery, now: Micros) -> Result<Page<Shared, Order>, ReadError> {
    let mut found = Page::empty();
    let (mut after, mut last, mut looked_at) = (asked.after, asked.after, 0);
    loop {
        let (query, looked_at_max) = rows_to_read(asked, after);
        let read = stores.events.visits(viewer.account, &query).await?;
        let is_end = read.len() < query.rows_max;
        looked_at += read.len();
        let mut newest: HashMap<EventId, Visit> = HashMap::new();
        for visit in &read {
            let known = newest.entry(visit.id).or_insert_with(|| visit.clone());
            if known.revision < visit.revision {
                *known = visit.clone();
            }
        }
        for visit in read {
            after = Some(visit.order);
            let Ok(permitted) = admit(Shared::new(Item::Visit(visit.clone())), viewer, now) else { continue };
            // A page that holds the end of the visit, or not: it is one row, in the place of what he sees newest of it.
            if has_newer(stores, viewer, &visit, newest.get(&visit.id), now).await? {
                continue;
            }
            if !put(&mut found, permitted, &mut last, asked.rows_max) {
                return Ok(found);
            }
        }
        if is_end || looked_at >= looked_at_max {
            found.next = after.filter(|_| !is_end);
            return Ok(found);
        }
    }
}

/// Whether there is a newer revision of the visit that he may see.
async fn has_newer(stores: &Stores, viewer: &Viewer, visit: &Visit, read: Option<&Visit>, now: Micros) -> Result<bool, ReadError> {
    let shown = |newer: &Visit| newer.revision > visit.revision && admit(Shared::new(Item::Visit(newer.clone())), viewer, now).is_ok();
    // One that has ended has no newer revision.
    if visit.exited_at.is_some() {
        return Ok(false);
    }
    if let Some(newer) = read.filter(|newer| newer.revision > visit.revision) {
        return Ok(shown(newer));
    }
    match stores.events.event(visit.id).await? {
        Some(Item::Visit(newer)) => Ok(shown(&newer)),
        _ => Ok(false),
    }
}
