//! Who may see what, now.
#![allow(missing_docs, reason = "fields and variants are named by the words of the requirements")]

use std::collections::BTreeSet;

use crate::world::{
    Access, AccountId, Alert, Category, Id, Level, Observation, Of, Position, Seq, Spot, SubUser, Time, Turn, User, Visit, World,
};

/// What a sub-user is shown of what is recorded in a geofence or place (P4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Everything,
    UpTo(Seq),
    Nothing,
}

/// What a viewer sees where the latest position of a device would stand (P2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Latest {
    /// He does not know of the device.
    NotListed,
    /// The device is listed, its position is withheld.
    Withheld,
    /// The device is listed with its position.
    Shown,
}

/// A visit as a viewer is told of it; clipped, it has neither beginning nor length (P3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct VisitView {
    pub device: Id,
    pub spot: Spot,
    pub entered: Option<Time>,
    pub exited: Option<Time>,
    pub length: Option<Time>,
    pub seq: Seq,
}

/// An alert as a viewer is told of it: an exit alert has the exit alone (P3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlertView {
    pub device: Id,
    pub spot: Option<Spot>,
    pub rule: Option<Id>,
    pub from: Time,
    pub to: Time,
    pub seq: Seq,
}

/// A rule as a viewer is told of it: of its devices, geofences and places those he sees (B19, B25, B26).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleView {
    pub devices: BTreeSet<Id>,
    pub spots: BTreeSet<Spot>,
}

/// The user, if he exists and is enabled.
pub(crate) fn active(world: &World, user: Id) -> Option<&User> {
    world.users.get(&user).filter(|it| it.enabled && world.accounts.contains_key(&it.account))
}

/// What a team member has of a category: owner and admin edit all, Read-only views all, Custom has what is listed (T8, T9, T10).
pub(crate) fn level(access: &Access, category: Category) -> Level {
    match access {
        Access::Owner | Access::Admin => Level::Edit,
        Access::ReadOnly => Level::View,
        Access::Custom(levels) => levels.get(&category).copied().unwrap_or(Level::None),
        Access::SubUser(_) => Level::None,
    }
}

/// Whether a user of the account sees a thing of a category: a team member by the category (T26), a sub-user by `granted`.
fn sees(world: &World, user: Id, account: Option<AccountId>, category: Category, granted: impl Fn(&SubUser) -> bool) -> bool {
    let Some(user) = active(world, user) else { return false };
    if account != Some(user.account) {
        return false;
    }
    match &user.access {
        Access::SubUser(sub_user) => granted(sub_user),
        team => level(team, category) >= Level::View,
    }
}

/// A sub-user sees granted devices; team members see all with Assets (B4, T16). A deleted device is seen by nobody.
pub fn may_see_device(world: &World, user: Id, device: Id) -> bool {
    let account = world.devices.get(&device).map(|it| it.account);
    sees(world, user, account, Category::Assets, |it| it.devices.contains(&device))
}

/// A sub-user sees granted geofences, now (B6, B36, B37, B40).
pub fn may_see_geofence(world: &World, user: Id, geofence: Id) -> bool {
    may_see_spot(world, user, Spot::Geofence(geofence), None)
}

/// A sub-user sees granted places, now (B6, B27, B30, B31).
pub fn may_see_place(world: &World, user: Id, place: Id) -> bool {
    may_see_spot(world, user, Spot::Place(place), None)
}

/// Whether a user sees a geofence or place itself (`recorded` is none), or in an event that was recorded at `recorded` (B38, B39).
fn may_see_spot(world: &World, user: Id, spot: Spot, recorded: Option<Seq>) -> bool {
    let account = match spot {
        Spot::Geofence(id) => world.geofences.get(&id).map(|it| it.account),
        Spot::Place(id) => world.places.get(&id).map(|it| it.account),
    };
    sees(world, user, account, Category::Assets, |it| match (shown(it, spot), recorded) {
        (Shown::Everything, _) => true,
        (Shown::UpTo(last), Some(seq)) => seq <= last,
        (Shown::UpTo(_), None) | (Shown::Nothing, _) => false,
    })
}

/// P4: goes once through all that was ever said of the object and of the flag. While on, everything is shown, past and gaps included;
/// turned off, what had been recorded by then stays; forgotten, nothing stays. What is said of one object outweighs the flag.
pub fn shown(sub_user: &SubUser, spot: Spot) -> Shown {
    let all = if matches!(spot, Spot::Geofence(_)) { Of::AllGeofences } else { Of::AllPlaces };
    let mut flag = Shown::Nothing;
    let mut object = None;
    for said in &sub_user.said {
        let turned = |before: Shown| match (said.turn, before) {
            (Turn::On, _) => Shown::Everything,
            (Turn::Off, Shown::Everything) => Shown::UpTo(said.seq),
            (Turn::Off, off) => off,
            (Turn::Forget, _) => Shown::Nothing,
        };
        if said.of == Of::One(spot) {
            object = Some(turned(object.unwrap_or(flag)));
        } else if said.of == all {
            flag = turned(flag);
        }
    }
    object.unwrap_or(flag)
}

/// P2: the time that is judged is the fix time, never later than when it was recorded; without a fix time, when it was recorded.
pub fn judged_time(fix_time: Option<Time>, recorded_at: Time) -> Time {
    fix_time.unwrap_or(recorded_at).min(recorded_at)
}

/// The beginning of what a user may look at of a device: the smaller of his role's window and the history period of the device's tariff
/// (B72, B73); owner, team members and sub-users without a role have the tariff's alone (P2).
pub fn window_start(world: &World, user: Id, device: Id, now: Time) -> Option<Time> {
    let tariff = *world.tariffs.get(&world.devices.get(&device)?.tariff)?;
    let role = match &world.users.get(&user)?.access {
        Access::SubUser(it) => it.role.and_then(|role| world.roles.get(&role)).and_then(|role| role.window),
        _ => None,
    };
    Some(now.saturating_sub(role.unwrap_or(tariff).min(tariff)))
}

fn inside_window(world: &World, user: Id, device: Id, judged: Time, now: Time) -> bool {
    window_start(world, user, device, now).is_some_and(|start| judged >= start)
}

/// A position is seen by whoever sees the device, inside the window, live and later (B4, B72, P2).
pub fn may_see_position(world: &World, user: Id, position: &Position, now: Time) -> bool {
    let judged = judged_time(position.fix_time, position.recorded_at);
    may_see_device(world, user, position.device) && inside_window(world, user, position.device, judged, now)
}

/// The latest position obeys the window too: the device stays listed, its position withheld (P2).
pub fn may_see_latest(world: &World, user: Id, position: &Position, now: Time) -> Latest {
    match (may_see_device(world, user, position.device), may_see_position(world, user, position, now)) {
        (false, _) => Latest::NotListed,
        (true, false) => Latest::Withheld,
        (true, true) => Latest::Shown,
    }
}

/// A visit is seen by whoever sees its device and saw its geofence or place when it was recorded (P3, P4, B25, B26, B39), as far as it
/// lies inside the window: one that began before is told without its beginning and its length.
pub fn visible_visit(world: &World, user: Id, visit: &Visit, now: Time) -> Option<VisitView> {
    let inside = |time| inside_window(world, user, visit.device, judged_time(Some(time), visit.recorded_at), now);
    let seen = may_see_device(world, user, visit.device) && may_see_spot(world, user, visit.spot, Some(visit.seq));
    if !seen || !inside(visit.exited.unwrap_or(visit.known_until)) {
        return None;
    }
    let entered = Some(visit.entered).filter(|it| inside(*it));
    let length = entered.and_then(|entered| Some(visit.exited? - entered));
    Some(VisitView { device: visit.device, spot: visit.spot, entered, exited: visit.exited, length, seq: visit.seq })
}

/// An alert is seen by whoever sees all that it names, when the whole span it tells lies inside the window (P3).
pub fn visible_alert(world: &World, user: Id, alert: &Alert, now: Time) -> Option<AlertView> {
    let from = if alert.exit { alert.to } else { alert.from };
    let inside = |time| inside_window(world, user, alert.device, judged_time(Some(time), alert.recorded_at), now);
    let seen = may_see_device(world, user, alert.device)
        && alert.spot.is_none_or(|spot| may_see_spot(world, user, spot, Some(alert.seq)))
        && inside(from)
        && inside(alert.to);
    seen.then_some(AlertView { device: alert.device, spot: alert.spot, rule: alert.rule, from, to: alert.to, seq: alert.seq })
}

/// Whether an alert is seen at all.
pub fn may_see_alert(world: &World, user: Id, alert: &Alert, now: Time) -> bool {
    visible_alert(world, user, alert, now).is_some()
}

/// A rule is seen by whoever sees one of its devices, and by no other, its maker included (B19). Team members see it by Assets.
pub fn may_see_rule(world: &World, user: Id, rule: Id) -> bool {
    let Some(rule) = world.rules.get(&rule) else { return false };
    sees(world, user, Some(rule.account), Category::Assets, |_| rule.devices.iter().any(|it| may_see_device(world, user, *it)))
}

/// Of a rule that is seen, the devices, geofences and places that the user sees (B25, B26).
pub fn narrowed_rule(world: &World, user: Id, id: Id) -> Option<RuleView> {
    let rule = world.rules.get(&id).filter(|_| may_see_rule(world, user, id))?;
    Some(RuleView {
        devices: rule.devices.iter().copied().filter(|it| may_see_device(world, user, *it)).collect(),
        spots: rule.spots.iter().copied().filter(|it| may_see_spot(world, user, *it, None)).collect(),
    })
}

/// A vehicle with a device is seen by those who see the device; without one, by all sub-users (B22, B23).
pub fn may_see_vehicle(world: &World, user: Id, vehicle: Id) -> bool {
    let Some(it) = world.vehicles.get(&vehicle) else { return false };
    sees(world, user, Some(it.account), Category::Assets, |_| it.device.is_none_or(|device| may_see_device(world, user, device)))
}

/// An employee likewise; team members see employees by Workforce (T21, B22, B23).
pub fn may_see_employee(world: &World, user: Id, employee: Id) -> bool {
    let Some(it) = world.employees.get(&employee) else { return false };
    sees(world, user, Some(it.account), Category::Workforce, |_| it.device.is_none_or(|device| may_see_device(world, user, device)))
}

/// A task is seen by a sub-user who sees every device, geofence and place of it (B25, B26); by team members with Workforce.
pub fn may_see_task(world: &World, user: Id, task: Id) -> bool {
    let Some(it) = world.tasks.get(&task) else { return false };
    sees(world, user, Some(it.account), Category::Workforce, |_| {
        it.devices.iter().all(|device| may_see_device(world, user, *device))
            && it.spots.iter().all(|spot| may_see_spot(world, user, *spot, None))
    })
}

/// All of the log that a user may see now, in the recorded order: what a history page or a resumed stream holds.
pub fn visible_log(world: &World, user: Id, now: Time) -> impl Iterator<Item = &Observation> {
    world.log.iter().filter(move |it| crate::script::sees(world, user, it, now).is_some())
}
