//! Who may do what.
#![allow(missing_docs, reason = "fields and variants are named by the words of the requirements")]

use std::collections::BTreeSet;

use crate::see::{
    active, level, may_see_alert, may_see_device, may_see_employee, may_see_geofence, may_see_place, may_see_rule, may_see_task,
    may_see_vehicle,
};
use crate::world::{Access, Alert, Category, Id, Level, Right, Spot, Time, World};

/// The three answers (P5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Done.
    Yes,
    /// 403: he may know of it and may not do it, or lacks the category or the right to create or list.
    Forbidden,
    /// 404: as if it had never existed.
    NotFound,
}

/// What an operation is about, as far as category and right go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    Device,
    DeviceRegistration,
    PlatformSettings,
    HardwareSettings,
    WorkStatusOrOutput,
    VehicleSystem,
    DeviceDeletion,
    VisitOrAlert,
    Rule,
    Geofence,
    Place,
    Tag,
    Vehicle,
    Employee,
    Task,
    Report,
    Video,
    ShareLink,
    Courier,
    Payments,
    PaymentMethods,
    Claim,
    Insurance,
    AccountSettings,
    Users,
    DeviceGroupsRetranslatorsTariffs,
    AuditAndDeliveryLog,
}

/// What a sub-user needs.
enum Needs {
    Basic,
    Holds(Right),
    Never,
}

/// Something somebody asks to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    RegisterDevice,
    SetPlatformSettings(Id),
    SeeHardwareSettings(Id),
    SetHardwareSettings(Id),
    SetWorkStatus(Id),
    AskReport(Id),
    SwitchAuxiliaryOutput(Id),
    SwitchVehicleSystem(Id),
    DeleteDevice(Id),
    Acknowledge(Alert),
    CreateRule { devices: BTreeSet<Id>, spots: BTreeSet<Spot> },
    ChangeRule(Id),
    CreateSpot(Spot),
    ChangeSpot(Spot),
    CreateVehicle,
    ChangeVehicle(Id),
    CreateEmployee,
    ChangeEmployee(Id),
    ChangeTask(Id),
    SeeReport { of: Id },
    Create(Thing),
    OwnPassword,
}

fn category(thing: Thing) -> Category {
    match thing {
        Thing::Employee | Thing::Task => Category::Workforce,
        Thing::Payments | Thing::PaymentMethods => Category::Billing,
        Thing::Claim => Category::Claims,
        Thing::Insurance => Category::Insurance,
        Thing::AccountSettings | Thing::Users | Thing::AuditAndDeliveryLog => Category::Account,
        _ => Category::Assets,
    }
}

/// The right a sub-user needs to see (first) and to change (second). Basic rights cannot be disabled (B53); `Never`: no role holds it.
fn needs(thing: Thing) -> (Needs, Needs) {
    use Needs::{Basic, Holds, Never};
    match thing {
        Thing::Device => (Basic, Never),
        Thing::DeviceRegistration => (Never, Holds(Right::DeviceActivation)), // B57
        Thing::PlatformSettings => (Basic, Holds(Right::PlatformSettings)),   // B54
        Thing::HardwareSettings => (Holds(Right::HardwareSettings), Holds(Right::HardwareSettings)), // B55
        Thing::WorkStatusOrOutput => (Basic, Basic),                          // B53
        Thing::VehicleSystem => (Basic, Holds(Right::VehicleSystems)),        // B56
        Thing::DeviceDeletion => (Never, Never),                              // B11
        Thing::VisitOrAlert => (Basic, Basic),
        Thing::Rule => (Basic, Holds(Right::AlertRules)),                         // B60
        Thing::Geofence => (Basic, Holds(Right::Geofences)),                      // B9, B63
        Thing::Place => (Basic, Holds(Right::Places)),                            // B9, B64
        Thing::Tag => (Basic, Holds(Right::Tags)),                                // B61
        Thing::Vehicle => (Basic, Holds(Right::Vehicles)),                        // B66
        Thing::Employee => (Basic, Holds(Right::Employees)),                      // B65
        Thing::Task => (Basic, Holds(Right::Tasks)),                              // B62
        Thing::Report => (Holds(Right::Reports), Holds(Right::Reports)),          // B58
        Thing::Video => (Holds(Right::Video), Holds(Right::Video)),               // B68
        Thing::ShareLink => (Holds(Right::Weblocator), Holds(Right::Weblocator)), // B69
        Thing::Courier => (Holds(Right::Courier), Holds(Right::Courier)),         // B70
        Thing::Payments => (Holds(Right::BillingAndPayments), Holds(Right::BillingAndPayments)), // B67
        Thing::PaymentMethods | Thing::Claim | Thing::Insurance | Thing::AccountSettings => (Never, Never),
        Thing::Users | Thing::DeviceGroupsRetranslatorsTariffs | Thing::AuditAndDeliveryLog => (Never, Never), // B10, B12, B52
    }
}

/// Whether the user's category or right allows it at all, before anything is looked up.
fn allowed(world: &World, user: Id, thing: Thing, change: bool) -> bool {
    let Some(user) = active(world, user) else { return false };
    match (&user.access, thing) {
        (Access::SubUser(sub_user), _) => match if change { needs(thing).1 } else { needs(thing).0 } {
            Needs::Basic => true,
            Needs::Never => false,
            Needs::Holds(right) => sub_user.role.and_then(|role| world.roles.get(&role)).is_some_and(|role| role.rights.contains(&right)),
        },
        // Only owner and admins change users (T13); what belongs to the owner alone is closed to admins too (T8, B52).
        (access, Thing::DeviceGroupsRetranslatorsTariffs) if change => *access == Access::Owner,
        (access, Thing::Users) if change => matches!(access, Access::Owner | Access::Admin),
        // Outside Read-only (P13), and in no category.
        (access, Thing::AuditAndDeliveryLog) => matches!(access, Access::Owner | Access::Admin),
        (access, thing) => level(access, category(thing)) >= if change { Level::Edit } else { Level::View },
    }
}

/// Whether a user may list things of a kind at all (T9, T10, T16–T22, B53): missing category or right is 403.
pub fn may_list(world: &World, user: Id, thing: Thing) -> Answer {
    if allowed(world, user, thing, false) { Answer::Yes } else { Answer::Forbidden }
}

/// Whether a user may do something (T8–T10, T13, T16–T22, B9–B15, B52–B70), and what he is told if not (P5).
pub fn may_change(world: &World, user: Id, act: &Act, now: Time) -> Answer {
    let create = |thing| if allowed(world, user, thing, true) { Answer::Yes } else { Answer::Forbidden };
    let existing = |thing, visible: bool| with_id(world, user, thing, true, visible);
    let device = |thing, id: &Id| existing(thing, may_see_device(world, user, *id));
    let sees_spot = |spot: &Spot| match spot {
        Spot::Geofence(id) => may_see_geofence(world, user, *id),
        Spot::Place(id) => may_see_place(world, user, *id),
    };
    let spot_thing = |spot: &Spot| if matches!(spot, Spot::Geofence(_)) { Thing::Geofence } else { Thing::Place };
    match act {
        Act::RegisterDevice => create(Thing::DeviceRegistration),
        Act::SetPlatformSettings(id) => device(Thing::PlatformSettings, id),
        Act::SeeHardwareSettings(id) => with_id(world, user, Thing::HardwareSettings, false, may_see_device(world, user, *id)),
        Act::SetHardwareSettings(id) => device(Thing::HardwareSettings, id),
        Act::SetWorkStatus(id) | Act::AskReport(id) | Act::SwitchAuxiliaryOutput(id) => device(Thing::WorkStatusOrOutput, id),
        Act::SwitchVehicleSystem(id) => device(Thing::VehicleSystem, id),
        Act::DeleteDevice(id) => device(Thing::DeviceDeletion, id),
        Act::Acknowledge(alert) => existing(Thing::VisitOrAlert, may_see_alert(world, user, alert, now)),
        // What a rule is made with must be visible (B37); the missing right comes before any look-up.
        Act::CreateRule { devices, spots } => match create(Thing::Rule) {
            Answer::Yes if devices.iter().all(|it| may_see_device(world, user, *it)) && spots.iter().all(sees_spot) => Answer::Yes,
            Answer::Yes => Answer::NotFound,
            no => no,
        },
        Act::ChangeRule(id) => existing(Thing::Rule, may_see_rule(world, user, *id)),
        Act::CreateSpot(spot) => create(spot_thing(spot)),
        Act::ChangeSpot(spot) => existing(spot_thing(spot), sees_spot(spot)),
        Act::CreateVehicle => create(Thing::Vehicle),
        Act::ChangeVehicle(id) => existing(Thing::Vehicle, may_see_vehicle(world, user, *id)),
        Act::CreateEmployee => create(Thing::Employee),
        Act::ChangeEmployee(id) => existing(Thing::Employee, may_see_employee(world, user, *id)),
        Act::ChangeTask(id) => existing(Thing::Task, may_see_task(world, user, *id)),
        // Each user sees only his own reports, the owner too (B59).
        Act::SeeReport { of } => with_id(world, user, Thing::Report, false, *of == user),
        Act::Create(thing) => create(*thing),
        // A user's own password needs no category (P13).
        Act::OwnPassword => active(world, user).map_or(Answer::Forbidden, |_| Answer::Yes),
    }
}

/// P5, with an id: a team member without the category is told so before any look-up; then what is not visible is not found; then what
/// is visible and not allowed is forbidden.
fn with_id(world: &World, user: Id, thing: Thing, change: bool, visible: bool) -> Answer {
    let Some(who) = active(world, user) else { return Answer::Forbidden };
    let allowed = allowed(world, user, thing, change);
    if !allowed && !matches!(who.access, Access::SubUser(_)) {
        return Answer::Forbidden;
    }
    match (visible, allowed) {
        (false, _) => Answer::NotFound,
        (true, false) => Answer::Forbidden,
        (true, true) => Answer::Yes,
    }
}
