//! Changes: what can be asked for, by whom, and how it is answered. One file a resource.

mod accounts;
mod areas;
mod brief;
mod check;
mod devices;
mod draft;
mod grants;
mod own;
mod roles;
mod rules;
mod shape;
mod users;

pub(super) use draft::{Draft, Outcome, Undo};

use super::password::NewPassword;
use super::sessions::SessionId;
use crate::model::{Output, Point, PublicId, RuleKind, Schedule, Shape};
use policy::{Categories, Epoch, Micros, Reason, Right, UserId};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Whoever runs the gateway (P8).
    Operator,
    /// A user, and the session he does it in, if there is one.
    User(UserId, Option<SessionId>),
}

/// A person to be.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Unique within the account (P15).
    pub email: String,
    /// B47.
    pub password: NewPassword,
    /// B45.
    pub name: String,
    /// B45.
    pub surname: String,
    /// B45.
    pub phone: String,
}

/// The access of a user other than the owner (P1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewAccess {
    /// Everything but the owner's own.
    Admin,
    /// Sees everything.
    ReadOnly,
    /// By category; none at all is refused (T3).
    Custom(Categories),
    /// Limited by grants and a role.
    SubUser {
        /// `None`: the basic rights only (B44).
        role: Option<PublicId>,
    },
}

impl NewAccess {
    /// From its name outside, with what belongs to it: exactly that (T2, T12). Nobody is made an owner by it (B10).
    ///
    /// # Errors
    /// Names the field that is missing, or does not belong there.
    pub fn named(kind: &str, categories: Option<Categories>, role: Option<PublicId>) -> Result<Self, ChangeError> {
        let alone = |access: Self| match (categories, role) {
            (None, None) => Ok(access),
            (Some(_), _) => Err(ChangeError::invalid("categories", "they belong to a custom access")),
            (_, Some(_)) => Err(ChangeError::invalid("role", "it belongs to a sub-user")),
        };
        match (kind, categories) {
            ("admin", _) => alone(Self::Admin),
            ("read_only", _) => alone(Self::ReadOnly),
            ("custom", None) => Err(ChangeError::invalid("categories", "a custom access names at least one category")),
            ("custom", Some(_)) if role.is_some() => Err(ChangeError::invalid("role", "it belongs to a sub-user")),
            ("custom", Some(categories)) => Ok(Self::Custom(categories)),
            ("sub_user", None) => Ok(Self::SubUser { role }),
            ("sub_user", Some(_)) => Err(ChangeError::invalid("categories", "they belong to a custom access")),
            _ => Err(ChangeError::invalid("access", "admin, read_only, custom or sub_user is expected")),
        }
    }
}

/// Turning a grant (P4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It runs: everything is shown.
    On,
    /// It ends: what was recorded before stays.
    Off,
    /// It ends, and nothing stays.
    Forget,
}

/// A device to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDevice {
    /// What it calls itself on the wire.
    pub identifier: String,
    /// For people.
    pub name: String,
    /// The vendor's model, empty if unknown.
    pub model: String,
    /// `None`: the account's own. Choosing one belongs to the owner.
    pub tariff: Option<PublicId>,
}

/// A geofence as it shall be.
#[derive(Clone, Debug, PartialEq)]
pub struct GeofenceForm {
    /// For people.
    pub name: String,
    /// Where.
    pub shape: Shape,
    /// See [`crate::model::Geofence::dwell_s`].
    pub dwell_s: u32,
}

/// A place as it shall be.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceForm {
    /// For people.
    pub name: String,
    /// For people.
    pub address: String,
    /// Where.
    pub center: Point,
    /// Metres.
    pub radius_m: f64,
}

/// A rule as it shall be. Its devices and geofences are those that the actor sees; an edit leaves the others alone (B19).
#[derive(Clone, Debug, PartialEq)]
pub struct RuleForm {
    /// For people.
    pub name: String,
    /// What it watches for.
    pub kind: RuleKind,
    /// For which devices.
    pub devices: Vec<PublicId>,
    /// In which geofences.
    pub geofences: Vec<PublicId>,
    /// When.
    pub schedule: Schedule,
    /// Switched off without being deleted.
    pub enabled: bool,
}

/// Something that is asked for. Ids are public ones; `version` is that of the state that the edit was made from (`If-Match`).
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "fields are named by the words of the model")]
pub enum Change {
    /// Operator: a tariff (P8).
    CreateTariff { name: String, history: Micros },
    /// Operator: a tariff's name and history.
    EditTariff { tariff: PublicId, name: String, history: Micros },
    /// Operator: an account with its owner. Devices registered without a tariff are put on this one.
    CreateAccount { name: String, tariff: PublicId, owner: NewUser },
    /// Operator: a device to another account (P14).
    MoveDevice { device: PublicId, account: PublicId, tariff: Option<PublicId> },

    /// A sub-user (B8: all geofences and places, no device) or a team member.
    CreateUser { user: NewUser, access: NewAccess },
    /// Name, surname, phone, e-mail; what is `None` stays.
    EditUser {
        user: PublicId,
        version: Option<u64>,
        email: Option<String>,
        name: Option<String>,
        surname: Option<String>,
        phone: Option<String>,
    },
    /// Another access, whole (T12).
    SetAccess { user: PublicId, version: Option<u64>, access: NewAccess },
    /// Somebody else's password; closes his sessions.
    SetPassword { user: PublicId, password: NewPassword },
    /// The actor's own password; closes his other sessions.
    ChangeOwnPassword { current: NewPassword, new: NewPassword },
    /// Lets a user in, or shuts him out.
    SetUserDisabled { user: PublicId, disabled: bool },
    /// A user away.
    DeleteUser { user: PublicId },
    /// One of the actor's own sessions: log out.
    CloseSession { session: SessionId },

    /// A role (B50). An owner right in it is refused (B52).
    CreateRole { name: String, rights: Vec<Right>, window: Option<Micros> },
    /// A role's name, rights and window, whole.
    EditRole { role: PublicId, version: Option<u64>, name: String, rights: Vec<Right>, window: Option<Micros> },
    /// A role away; whoever had it is left without one.
    DeleteRole { role: PublicId },

    /// A sub-user's devices, whole.
    SetDevices { user: PublicId, devices: Vec<PublicId> },
    /// A sub-user's devices: some more, some less.
    EditDevices { user: PublicId, add: Vec<PublicId>, remove: Vec<PublicId> },
    /// A sub-user's geofences: the flag first, then single ones.
    TurnGeofences { user: PublicId, all: Option<Turn>, each: Vec<(PublicId, Turn)> },
    /// A sub-user's places, likewise.
    TurnPlaces { user: PublicId, all: Option<Turn>, each: Vec<(PublicId, Turn)> },

    /// A device into the account (B17, B57).
    RegisterDevice(NewDevice),
    /// Platform settings (B54); what is `None` stays. `settings` is a JSON object.
    EditPlatform { device: PublicId, version: Option<u64>, name: Option<String>, model: Option<String>, settings: Option<String> },
    /// Hardware settings (B55); what is `None` stays. Marking outputs needs the right to switch vehicle systems too (B56).
    EditHardware { device: PublicId, version: Option<u64>, settings: Option<String>, outputs: Option<Vec<Output>> },
    /// The current work status, from the list in the platform settings.
    SetWorkStatus { device: PublicId, status: Option<String> },
    /// The tariff of a device (B52: the owner's alone).
    SetTariff { device: PublicId, tariff: PublicId },
    /// Takes data, or not.
    SetDeviceDisabled { device: PublicId, disabled: bool },
    /// A device away (B11).
    DeleteDevice { device: PublicId },

    /// A geofence (B20, B35).
    CreateGeofence(GeofenceForm),
    /// A geofence, whole.
    EditGeofence { geofence: PublicId, version: Option<u64>, form: GeofenceForm },
    /// A geofence away, also out of the rules.
    DeleteGeofence { geofence: PublicId },
    /// A place (B20, B29).
    CreatePlace(PlaceForm),
    /// A place, whole.
    EditPlace { place: PublicId, version: Option<u64>, form: PlaceForm },
    /// A place away.
    DeletePlace { place: PublicId },

    /// A rule (B19, B60).
    CreateRule(RuleForm),
    /// A rule, as far as the actor sees it.
    EditRule { rule: PublicId, version: Option<u64>, form: RuleForm },
    /// A rule away, as far as the actor sees it: what others alone see of it stays.
    DeleteRule { rule: PublicId },

    /// Several, in this order: all of them, or none.
    Batch(Vec<Change>),
}

/// What a change led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// The state that has it.
    pub epoch: Epoch,
    /// What was created, in order.
    pub created: Vec<PublicId>,
    /// The version of the object that was last created or edited.
    pub version: Option<u64>,
    /// Users whose role was deleted: they have the basic rights now.
    pub left_without_role: Vec<PublicId>,
}

impl Changed {
    /// What was created, if one thing was.
    #[must_use]
    pub fn id(&self) -> Option<PublicId> {
        self.created.first().copied()
    }
}

/// Why a change was not made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ChangeError {
    /// No such thing, or none that the actor may know of (P5).
    #[error("there is no such thing")]
    NotFound,
    /// He may not, and is told what is missing.
    #[error("{0}")]
    Forbidden(Reason),
    /// A value that cannot be.
    #[error("{field}: {message}")]
    Invalid {
        /// Which one.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The identifier is taken. The same answer whoever has it (P14).
    #[error("identifier: it cannot be registered")]
    IdentifierTaken,
    /// Somebody else changed it in between.
    #[error("it was changed in between: its version is {current} now")]
    StaleVersion {
        /// The version it has now.
        current: u64,
    },
    /// There are as many as there can be.
    #[error("{limit}: at most {max}")]
    LimitReached {
        /// The limit's name.
        limit: &'static str,
        /// Its value.
        max: usize,
    },
    /// It is in force, but could not be stored: it will be tried again, and until then a restart would undo it.
    #[error("it took effect, but could not be stored yet: {0}")]
    StorageFull(String),
    /// It could not be stored, and did not happen.
    #[error("it could not be stored: {0}")]
    Storage(String),
    /// Too much waits.
    #[error("too much is waiting; try again")]
    Busy,
    /// The directory is closed.
    #[error("the directory is closed")]
    Closed,
}

impl ChangeError {
    pub(super) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { field, message: message.into() }
    }
}

/// Applies one change, or all of a batch, to a draft.
pub(super) fn apply(draft: &mut Draft<'_>, change: &Change) -> Result<(), ChangeError> {
    let Change::Batch(changes) = change else {
        return apply_one(draft, change);
    };
    let max = draft.limits.batch_changes_max;
    if changes.len() > max {
        return Err(ChangeError::LimitReached { limit: "batch_changes_max", max });
    }
    let mut before: Option<&Change> = None;
    for change in changes {
        if matches!(change, Change::Batch(_)) {
            return Err(ChangeError::invalid("batch", "a batch holds no batch"));
        }
        // What went before may have changed what the actor sees. Of changes of one kind none rests on another.
        if before.is_some_and(|b| std::mem::discriminant(b) != std::mem::discriminant(change)) {
            draft.renew_viewer()?;
        }
        apply_one(draft, change)?;
        before = Some(change);
    }
    Ok(())
}

fn apply_one(draft: &mut Draft<'_>, change: &Change) -> Result<(), ChangeError> {
    match change {
        Change::CreateTariff { name, history } => accounts::create_tariff(draft, name, *history),
        Change::EditTariff { tariff, name, history } => accounts::edit_tariff(draft, *tariff, name, *history),
        Change::CreateAccount { name, tariff, owner } => accounts::create_account(draft, name, *tariff, owner),
        Change::MoveDevice { device, account, tariff } => devices::transfer(draft, *device, *account, *tariff),
        Change::CreateUser { user, access } => users::create(draft, user, access),
        Change::EditUser { user, version, email, name, surname, phone } => {
            let edit = users::Edit { email: email.as_deref(), name: name.as_deref(), surname: surname.as_deref(), phone: phone.as_deref() };
            users::edit(draft, *user, *version, &edit)
        }
        Change::SetAccess { user, version, access } => users::set_access(draft, *user, *version, access),
        Change::SetPassword { user, password } => users::set_password(draft, *user, password),
        Change::ChangeOwnPassword { current, new } => own::change_password(draft, current, new),
        Change::SetUserDisabled { user, disabled } => users::set_disabled(draft, *user, *disabled),
        Change::DeleteUser { user } => users::delete(draft, *user),
        Change::CloseSession { session } => own::close_session(draft, *session),
        Change::CreateRole { name, rights, window } => roles::create(draft, name, rights, *window),
        Change::EditRole { role, version, name, rights, window } => roles::edit(draft, *role, *version, name, rights, *window),
        Change::DeleteRole { role } => roles::delete(draft, *role),
        Change::SetDevices { user, devices } => grants::set_devices(draft, *user, devices),
        Change::EditDevices { user, add, remove } => grants::edit_devices(draft, *user, add, remove),
        Change::TurnGeofences { user, all, each } => grants::turn_geofences(draft, *user, *all, each),
        Change::TurnPlaces { user, all, each } => grants::turn_places(draft, *user, *all, each),
        Change::RegisterDevice(device) => devices::register(draft, device),
        Change::EditPlatform { device, version, name, model, settings } => {
            devices::edit_platform(draft, *device, *version, [name.as_deref(), model.as_deref(), settings.as_deref()])
        }
        Change::EditHardware { device, version, settings, outputs } => {
            devices::edit_hardware(draft, *device, *version, settings.as_deref(), outputs.as_deref())
        }
        Change::SetWorkStatus { device, status } => devices::set_work_status(draft, *device, status.as_deref()),
        Change::SetTariff { device, tariff } => devices::set_tariff(draft, *device, *tariff),
        Change::SetDeviceDisabled { device, disabled } => devices::set_disabled(draft, *device, *disabled),
        Change::DeleteDevice { device } => devices::delete(draft, *device),
        Change::CreateGeofence(form) => areas::create_geofence(draft, form),
        Change::EditGeofence { geofence, version, form } => areas::edit_geofence(draft, *geofence, *version, form),
        Change::DeleteGeofence { geofence } => areas::delete_geofence(draft, *geofence),
        Change::CreatePlace(form) => areas::create_place(draft, form),
        Change::EditPlace { place, version, form } => areas::edit_place(draft, *place, *version, form),
        Change::DeletePlace { place } => areas::delete_place(draft, *place),
        Change::CreateRule(form) => rules::create(draft, form),
        Change::EditRule { rule, version, form } => rules::edit(draft, *rule, *version, form),
        Change::DeleteRule { rule } => rules::delete(draft, *rule),
        Change::Batch(_) => Err(ChangeError::invalid("batch", "a batch holds no batch")),
    }
}
