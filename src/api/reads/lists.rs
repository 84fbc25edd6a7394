//! Lists of the directory: devices, geofences, places, rules, users, roles, each in the order in which they were made.

use super::{Page, Stores};
use crate::directory::{DeviceView, GeofenceView, GrantsView, PlaceView, RoleView, RuleView, Snapshot, UserView};
use crate::model::{DeviceId, PublicId};
use policy::{Micros, Observed, Viewer, admit};
use std::sync::Arc;

/// What is asked of a list.
#[derive(Clone, Debug, Default)]
pub struct ListAsked {
    /// Behind this number.
    pub after: Option<u32>,
    /// At most so many.
    pub rows_max: usize,
    /// Only those in whose names this stands; case does not count.
    pub search: Option<String>,
}

/// Takes a page of those that fit from what is in order, and judges each.
fn page<T: Observed>(
    candidates: impl Iterator<Item = (u32, T)>,
    fits: impl Fn(&T) -> bool,
    viewer: &Viewer,
    asked: &ListAsked,
    now: Micros,
) -> Page<T, u32> {
    let mut found = Page::empty();
    let mut last = None;
    for (number, item) in candidates.filter(|(number, _)| asked.after.is_none_or(|after| *number > after)) {
        if !fits(&item) {
            continue;
        }
        let Ok(permitted) = admit(item, viewer, now) else { continue };
        if found.rows.len() >= asked.rows_max {
            found.next = last;
            break;
        }
        found.rows.push(permitted);
        last = Some(number);
    }
    found
}

impl ListAsked {
    fn fits(&self, texts: &[&str]) -> bool {
        let Some(search) = &self.search else { return true };
        let search = search.to_lowercase();
        texts.iter().any(|text| text.to_lowercase().contains(&search))
    }
}

/// The devices that a viewer sees, by name or identifier.
#[must_use]
pub fn devices(stores: &Stores, viewer: &Viewer, asked: &ListAsked, now: Micros) -> Page<DeviceView, u32> {
    let snapshot = stores.directory.snapshot();
    let views =
        viewer.devices().ids().filter_map(|id| Some((id.0, DeviceView { device: Arc::clone(snapshot.device(id)?), hardware: true })));
    let fits = |view: &DeviceView| asked.fits(&[&view.device.name, &view.device.identifier]);
    page(views, fits, viewer, asked, now)
}

/// The geofences that a viewer sees now (B36).
#[must_use]
pub fn geofences(stores: &Stores, viewer: &Viewer, asked: &ListAsked, now: Micros) -> Page<GeofenceView, u32> {
    let snapshot = stores.directory.snapshot();
    let views = snapshot.geofences_of(viewer.account).map(|geofence| (geofence.id.0, GeofenceView(Arc::clone(geofence))));
    page(views, |view| asked.fits(&[&view.0.name]), viewer, asked, now)
}

/// The places that a viewer sees now (B27, B30).
#[must_use]
pub fn places(stores: &Stores, viewer: &Viewer, asked: &ListAsked, now: Micros) -> Page<PlaceView, u32> {
    let snapshot = stores.directory.snapshot();
    let views = snapshot.places_of(viewer.account).map(|place| (place.id.0, PlaceView(Arc::clone(place))));
    page(views, |view| asked.fits(&[&view.0.name, &view.0.address]), viewer, asked, now)
}

/// The alert rules that a viewer sees, each as far as he sees it (B19).
#[must_use]
pub fn rules(stores: &Stores, viewer: &Viewer, asked: &ListAsked, now: Micros) -> Page<RuleView, u32> {
    let snapshot = stores.directory.snapshot();
    let views = snapshot.rules_of(viewer.account).map(|rule| (rule.id.0, RuleView::whole(Arc::clone(rule))));
    page(views, |view| asked.fits(&[&view.rule.name]), viewer, asked, now)
}

/// The users that a viewer sees, by name or e-mail (T5).
#[must_use]
pub fn users(stores: &Stores, viewer: &Viewer, asked: &ListAsked, now: Micros) -> Page<UserView, u32> {
    let snapshot = stores.directory.snapshot();
    let views = snapshot.users_of(viewer.account).map(|user| (user.id.0, UserView(Arc::clone(user))));
    let fits = |view: &UserView| {
        let user = &view.0;
        let whole = format!("{} {}", user.name, user.surname);
        asked.fits(&[&whole, &user.email])
    };
    page(views, fits, viewer, asked, now)
}

/// The roles that a viewer sees.
#[must_use]
pub fn roles(stores: &Stores, viewer: &Viewer, asked: &ListAsked, now: Micros) -> Page<RoleView, u32> {
    let snapshot = stores.directory.snapshot();
    let views = snapshot.roles_of(viewer.account).map(|role| (role.id.0, role_view(&snapshot, viewer, role)));
    page(views, |view| asked.fits(&[&view.role.name]), viewer, asked, now)
}

/// A role, as the viewer's own if it is.
pub(in crate::api) fn role_view(snapshot: &Snapshot, viewer: &Viewer, role: &Arc<crate::model::Role>) -> RoleView {
    let own = snapshot.user(viewer.user).and_then(|user| UserView(Arc::clone(user)).role()) == Some(role.id);
    RoleView { role: Arc::clone(role), of: own.then_some(viewer.user) }
}

/// What a sub-user was given, by his public id. `None`: there is no such sub-user.
#[must_use]
pub fn grants(snapshot: &Snapshot, user: PublicId) -> Option<GrantsView> {
    let user = snapshot.user_of_public(user)?;
    Some(GrantsView { user: Arc::clone(user), grants: Arc::clone(snapshot.grants(user.id)?) })
}

/// The devices that a viewer sees, behind a number.
pub(super) fn devices_behind(viewer: &Viewer, after: Option<u32>) -> impl Iterator<Item = DeviceId> {
    viewer.devices().ids().filter(move |id| after.is_none_or(|after| id.0 > after))
}
