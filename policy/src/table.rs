//! Who may do what: one row for each operation. Nothing is allowed that has no row.
//!
//! A row says what a team member needs, what a sub-user needs, and which objects are in his scope. Admin is let through all but
//! [`TeamNeed::OwnerOnly`]; read-only through every row that asks for a view; no role gets through [`SubNeed::Never`].

use crate::category::{Category, Level};
use crate::rights::Right;

named! {
    /// A kind of thing.
    Resource {
        /// A tracker or beacon: that it exists, its settings, its outputs.
        Device = "device",
        /// A command that was sent to a device, as logged.
        Command = "command",
        /// Where a device is: its newest position.
        LatestPosition = "latest_position",
        /// A position: live, late or of history.
        Position = "position",
        /// A trip.
        Trip = "trip",
        /// A stay in a geofence or at a place.
        Visit = "visit",
        /// An alert that was raised.
        Alert = "alert",
        /// The definition of an alert.
        AlertRule = "alert_rule",
        /// A geofence.
        Geofence = "geofence",
        /// A place.
        Place = "place",
        /// A tag, judged with the things that it is shown on.
        Tag = "tag",
        /// A vehicle.
        Vehicle = "vehicle",
        /// An employee or driver.
        Employee = "employee",
        /// A department.
        Department = "department",
        /// Statistics and recommendations about the workforce.
        WorkforceStatistics = "workforce_statistics",
        /// A task.
        Task = "task",
        /// A form attached to a task.
        Form = "form",
        /// A report.
        Report = "report",
        /// A report made regularly.
        ReportSchedule = "report_schedule",
        /// Video: streams, events, playback.
        Video = "video",
        /// A link that shows live location to third parties. What it shows is judged as its maker's latest positions (B71).
        ShareLink = "share_link",
        /// A courier shown to a customer.
        CourierSession = "courier_session",
        /// A payment.
        Payment = "payment",
        /// An entry of the account's transactions.
        Transaction = "transaction",
        /// When to warn of a low balance.
        LowBalanceSetting = "low_balance_setting",
        /// A means of payment.
        PaymentMethod = "payment_method",
        /// Who receives invoices.
        InvoiceRecipient = "invoice_recipient",
        /// A claim.
        Claim = "claim",
        /// Statistics about claims.
        ClaimStatistics = "claim_statistics",
        /// The positions of a claim's trip: data of the claim (P13).
        ClaimTrip = "claim_trip",
        /// The check of a claim's trip against what was recorded.
        TripValidation = "trip_validation",
        /// An insurance policy.
        InsurancePolicy = "insurance_policy",
        /// What an insurance covers.
        Coverage = "coverage",
        /// The settings of the account.
        AccountSettings = "account_settings",
        /// A user of the account, with his access.
        User = "user",
        /// An invitation of a team member.
        Invitation = "invitation",
        /// A role.
        Role = "role",
        /// The grants of a sub-user.
        Grant = "grant",
        /// The owner's own user and access: whatever would change, disable or delete it.
        Ownership = "ownership",
        /// A group of devices.
        DeviceGroup = "device_group",
        /// Forwarding to another server.
        Retranslator = "retranslator",
        /// The tariff that a device is on.
        DeviceTariff = "device_tariff",
        /// Changes of access and denied attempts.
        AuditLog = "audit_log",
        /// Who was shown which device on which day.
        DeliveryLog = "delivery_log",
        /// Why something was decided as it was.
        Explanation = "explanation",
        /// The user's own name, access and rights.
        OwnProfile = "own_profile",
        /// The user's own password.
        OwnPassword = "own_password",
        /// The user's own sessions.
        OwnSession = "own_session",
        /// The user's own tokens and tickets.
        OwnToken = "own_token",
    }
}

named! {
    /// What is to be done with a thing.
    Action {
        /// To list or to see it.
        See = "see",
        /// To create or import it.
        Create = "create",
        /// To change it.
        Edit = "edit",
        /// To delete it, or to end it.
        Delete = "delete",
        /// To put it on other things: a tag, a rule.
        Assign = "assign",
        /// To register a device in the account.
        Register = "register",
        /// To activate a device; to activate or disable a user.
        Activate = "activate",
        /// To see the settings kept on the platform.
        SeePlatform = "see_platform",
        /// To change the settings kept on the platform.
        EditPlatform = "edit_platform",
        /// To see the settings kept in the tracker.
        SeeHardware = "see_hardware",
        /// To change the settings kept in the tracker.
        EditHardware = "edit_hardware",
        /// To set the current work status.
        SetWorkStatus = "set_work_status",
        /// To ask the device to tell of itself: where it is, how it is.
        AskReport = "ask_report",
        /// To switch an auxiliary output.
        SwitchAuxiliaryOutput = "switch_auxiliary_output",
        /// To switch an output that is a vehicle system: engine, alarm, doors.
        SwitchVehicleOutput = "switch_vehicle_output",
        /// To send a raw command.
        SendRawCommand = "send_raw_command",
        /// To acknowledge an alert.
        Acknowledge = "acknowledge",
        /// To watch it live.
        Stream = "stream",
    }
}

impl Action {
    /// Whether it makes something that is not there yet.
    pub const fn creates(self) -> bool {
        matches!(self, Self::Create | Self::Register)
    }
}

/// What an owner or a team member needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeamNeed {
    /// Nothing: it is his own.
    Nothing,
    /// A category, at least at this level.
    Category(Category, Level),
    /// To be the owner or an admin (T13).
    OwnerOrAdmin,
    /// To be the owner (B52).
    OwnerOnly,
}

/// What a sub-user needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubNeed {
    /// Nothing that could be taken from him (B53).
    Basic,
    /// This right, in his role.
    Right(Right),
    /// No role can hold it.
    Never,
}

/// Which objects may be known. To owner and team members all of the account's devices, geofences and places are granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// His own alone, whoever he is (P13).
    Own,
    /// His own alone, whoever he is (B59); and what a new one asks for must be granted (B31, B33, B40, B42).
    Report,
    /// All of the account.
    Account,
    /// A sub-user: himself. Others: all of the account.
    Himself,
    /// A sub-user: everything that it names is granted; it need not name anything (B22, B23, B25, B26). Others: all of the account.
    Named,
    /// A sub-user: it names a device, and everything that it names is granted; of a rule he is shown that much, and that is judged (B19).
    /// Others: all of the account.
    Rule,
    /// Whoever he is: it names a device, and everything that it names is granted.
    Device,
    /// It names a geofence, and everything that it names is granted.
    Geofence,
    /// It names a place, and everything that it names is granted.
    Place,
    /// Whoever he is: it names a device; every device is granted; every geofence and place that it names is granted, or was when it was
    /// recorded (P4); its whole span lies inside the window of each device (P2, P3).
    Telematics,
}

/// One operation, and who may do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// With what.
    pub resource: Resource,
    /// What.
    pub action: Action,
    /// What owner and team members need.
    pub team: TeamNeed,
    /// What a sub-user needs.
    pub sub: SubNeed,
    /// Which objects.
    pub scope: Scope,
}

const fn view(category: Category) -> TeamNeed {
    TeamNeed::Category(category, Level::View)
}

const fn edit(category: Category) -> TeamNeed {
    TeamNeed::Category(category, Level::Edit)
}

const fn right(right: Right) -> SubNeed {
    SubNeed::Right(right)
}

macro_rules! table {
    ($($resource:ident { $($($action:ident)+: $team:expr, $sub:expr, $scope:ident;)* })*) => {
        &[$($($(Row { resource: Resource::$resource, action: Action::$action, team: $team, sub: $sub, scope: Scope::$scope }),+),*),*]
    };
}

use Category::{Account, Assets, Billing, Claims, Insurance, Workforce};
use SubNeed::{Basic, Never};
use TeamNeed::{Nothing, OwnerOnly, OwnerOrAdmin};

/// Every operation there is.
pub static TABLE: &[Row] = ROWS;

#[rustfmt::skip]
const ROWS: &[Row] = table! {
    Device {
        See:                                 view(Assets), Basic, Device;
        Register:                            edit(Assets), right(Right::DeviceActivation), Named;
        Activate:                            edit(Assets), right(Right::DeviceActivation), Device;
        SeePlatform:                         view(Assets), Basic, Device;
        EditPlatform:                        edit(Assets), right(Right::DeviceSettingsPlatform), Device;
        SeeHardware:                         view(Assets), right(Right::DeviceSettingsHardware), Device;
        EditHardware:                        edit(Assets), right(Right::DeviceSettingsHardware), Device;
        SetWorkStatus AskReport:             edit(Assets), Basic, Device;
        SwitchAuxiliaryOutput:               edit(Assets), Basic, Device;
        SwitchVehicleOutput SendRawCommand:  edit(Assets), right(Right::VehicleSystems), Device;
        Delete:                              edit(Assets), Never, Device;
    }
    Command        { See: view(Assets), Basic, Telematics; }
    LatestPosition { See: view(Assets), Basic, Telematics; }
    Position       { See: view(Assets), Basic, Telematics; }
    Trip           { See: view(Assets), Basic, Telematics; }
    Visit          { See: view(Assets), Basic, Telematics; }
    Alert {
        See:         view(Assets), Basic, Telematics;
        Acknowledge: edit(Assets), Basic, Telematics;
    }
    AlertRule {
        See:                       view(Assets), Basic, Rule;
        Create Edit Delete Assign: edit(Assets), right(Right::AlertRules), Rule;
    }
    Geofence {
        See:         view(Assets), Basic, Geofence;
        Create:      edit(Assets), right(Right::Geofences), Named;
        Edit Delete: edit(Assets), right(Right::Geofences), Geofence;
    }
    Place {
        See:         view(Assets), Basic, Place;
        Create:      edit(Assets), right(Right::Places), Named;
        Edit Delete: edit(Assets), right(Right::Places), Place;
    }
    Tag {
        See:                       view(Assets), Basic, Named;
        Create Edit Delete Assign: edit(Assets), right(Right::Tags), Named;
    }
    Vehicle {
        See:                view(Assets), Basic, Named;
        Create Edit Delete: edit(Assets), right(Right::Vehicles), Named;
    }
    Employee {
        See:                view(Workforce), Basic, Named;
        Create Edit Delete: edit(Workforce), right(Right::Employees), Named;
    }
    Department {
        See:                view(Workforce), Basic, Named;
        Create Edit Delete: edit(Workforce), right(Right::Employees), Named;
    }
    WorkforceStatistics { See: view(Workforce), Never, Account; }
    Task {
        See:                view(Workforce), Basic, Named;
        Create Edit Delete: edit(Workforce), right(Right::Tasks), Named;
    }
    Form {
        See:                view(Workforce), Basic, Named;
        Create Edit Delete: edit(Workforce), right(Right::Tasks), Named;
    }
    Report {
        See:                view(Assets), right(Right::Reports), Report;
        Create Edit Delete: edit(Assets), right(Right::Reports), Report;
    }
    ReportSchedule {
        See:                view(Assets), right(Right::Reports), Report;
        Create Edit Delete: edit(Assets), right(Right::Reports), Report;
    }
    Video {
        See:    view(Assets), right(Right::Video), Telematics;
        Stream: view(Assets), right(Right::Video), Device;
        Edit:   edit(Assets), right(Right::Video), Device;
    }
    ShareLink {
        See:                view(Assets), right(Right::Weblocator), Device;
        Create Edit Delete: edit(Assets), right(Right::Weblocator), Device;
    }
    CourierSession {
        See:                view(Assets), right(Right::Courier), Device;
        Create Edit Delete: edit(Assets), right(Right::Courier), Device;
    }
    Payment {
        See:    view(Billing), right(Right::BillingAndPayments), Named;
        Create: edit(Billing), right(Right::BillingAndPayments), Named;
    }
    Transaction { See: view(Billing), right(Right::BillingAndPayments), Named; }
    LowBalanceSetting {
        See:  view(Billing), right(Right::BillingAndPayments), Account;
        Edit: edit(Billing), right(Right::BillingAndPayments), Account;
    }
    PaymentMethod {
        See:                view(Billing), Never, Account;
        Create Edit Delete: edit(Billing), Never, Account;
    }
    InvoiceRecipient {
        See:                view(Billing), Never, Account;
        Create Edit Delete: edit(Billing), Never, Account;
    }
    Claim {
        See:                view(Claims), Never, Account;
        Create Edit Delete: edit(Claims), Never, Account;
    }
    ClaimStatistics { See: view(Claims), Never, Account; }
    ClaimTrip       { See: view(Claims), Never, Telematics; }
    TripValidation {
        See:         view(Claims), Never, Account;
        Create Edit: edit(Claims), Never, Account;
    }
    InsurancePolicy {
        See:                view(Insurance), Never, Account;
        Create Edit Delete: edit(Insurance), Never, Account;
    }
    Coverage {
        See:                view(Insurance), Never, Account;
        Create Edit Delete: edit(Insurance), Never, Account;
    }
    AccountSettings {
        See:  view(Account), Never, Account;
        Edit: edit(Account), Never, Account;
    }
    User {
        See:                  view(Account), Basic, Himself;
        Create:               OwnerOrAdmin, Never, Account;
        Edit Delete Activate: OwnerOrAdmin, Never, Himself;
    }
    Invitation {
        See:                view(Account), Never, Account;
        Create Edit Delete: OwnerOrAdmin, Never, Account;
    }
    Role {
        See:         view(Account), Basic, Himself;
        Create:      OwnerOrAdmin, Never, Account;
        Edit Delete: OwnerOrAdmin, Never, Himself;
    }
    Grant {
        See:  view(Account), Basic, Himself;
        Edit: OwnerOrAdmin, Never, Himself;
    }
    Ownership { Edit: OwnerOnly, Never, Account; }
    DeviceGroup {
        See:                view(Assets), Never, Account;
        Create Edit Delete: OwnerOnly, Never, Account;
    }
    Retranslator {
        See:                view(Assets), Never, Account;
        Create Edit Delete: OwnerOnly, Never, Account;
    }
    DeviceTariff {
        See:  view(Assets), Never, Account;
        Edit: OwnerOnly, Never, Account;
    }
    AuditLog    { See: OwnerOrAdmin, Never, Account; }
    DeliveryLog { See: OwnerOrAdmin, Never, Account; }
    Explanation { See: OwnerOrAdmin, Never, Account; }
    OwnProfile  { See:  Nothing, Basic, Own; }
    OwnPassword { Edit: Nothing, Basic, Own; }
    OwnSession  { See Delete: Nothing, Basic, Own; }
    OwnToken    { See Create Delete: Nothing, Basic, Own; }
};

const NONE: u8 = u8::MAX;

/// Where each operation's row is. A row given twice does not compile.
static INDEX: [[u8; Action::ALL.len()]; Resource::ALL.len()] = {
    assert!(ROWS.len() < NONE as usize);
    let mut index = [[NONE; Action::ALL.len()]; Resource::ALL.len()];
    let mut at = 0;
    while at < ROWS.len() {
        let row = &ROWS[at];
        assert!(index[row.resource as usize][row.action as usize] == NONE, "an operation has two rows");
        index[row.resource as usize][row.action as usize] = at as u8;
        at += 1;
    }
    index
};

/// The row of this operation. `None`: there is no such operation, and nobody may do it.
#[inline]
pub fn row(resource: Resource, action: Action) -> Option<&'static Row> {
    ROWS.get(usize::from(INDEX[resource as usize][action as usize]))
}
