//! The cast: one account with two devices, two geofences and two places, its people, and what they ask for.

use policy::{
    Access, AccountId, Action, Categories, Category, DeviceId, DeviceWindows, Facts, GeofenceId, Level, Micros, Missing, ObjectGrants,
    PlaceId, Reason, Resource, Right, RightSet, Role, SubUser, UserId, Verdict, Viewer, judge,
};

pub const ACCOUNT: AccountId = AccountId(1);
pub const OTHER_ACCOUNT: AccountId = AccountId(2);
pub const HIMSELF: UserId = UserId(10);
pub const SOMEBODY: UserId = UserId(11);

pub const DAY: Micros = 86_400_000_000;
pub const NOW: Micros = 20_000 * DAY;
/// The history period of every device's tariff, unless a test says otherwise.
pub const TARIFF: Micros = 30 * DAY;

/// Granted to sub-users here.
pub const HELD: DeviceId = DeviceId(1);
/// Of the account, and granted to no sub-user here.
pub const KEPT: DeviceId = DeviceId(2);
pub const YARD: GeofenceId = GeofenceId(1);
pub const SECRET_YARD: GeofenceId = GeofenceId(2);
pub const SHOP: PlaceId = PlaceId(1);
pub const SECRET_SHOP: PlaceId = PlaceId(2);

pub fn viewer(access: Access) -> Viewer {
    Viewer {
        account: ACCOUNT,
        user: HIMSELF,
        access,
        account_devices: DeviceWindows::from_iter([(HELD, TARIFF), (KEPT, TARIFF)]),
        epoch: 7,
        generation: 3,
        disabled: false,
    }
}

pub fn custom(category: Category, level: Level) -> Viewer {
    viewer(Access::Custom(Categories::none().with(category, level)))
}

/// Holds [`HELD`], [`YARD`] and [`SHOP`], and nothing else.
pub fn granted() -> SubUser {
    SubUser {
        role: None,
        devices: DeviceWindows::from_iter([(HELD, TARIFF)]),
        geofences: ObjectGrants::new(None, [(YARD, policy::GrantState::Active)]),
        places: ObjectGrants::new(None, [(SHOP, policy::GrantState::Active)]),
    }
}

pub fn sub_user(sub: SubUser) -> Viewer {
    viewer(Access::SubUser(sub))
}

/// A sub-user with those grants and a role with these rights.
pub fn with_rights(rights: impl IntoIterator<Item = Right>) -> Viewer {
    let role = Role { rights: RightSet::of_role(rights).expect("no owner right"), window: None };
    sub_user(SubUser { role: Some(role), ..granted() })
}

/// A sub-user with those grants and a role with this history window.
pub fn with_window(window: Micros) -> Viewer {
    sub_user(SubUser { role: Some(Role { rights: RightSet::BASIC, window: Some(window) }), ..granted() })
}

pub fn additional_rights() -> impl Iterator<Item = Right> {
    Right::ALL.iter().copied().filter(|right| right.kind() == policy::RightKind::Additional)
}

pub fn facts<'a>(resource: Resource, action: Action) -> Facts<'a> {
    Facts::new(ACCOUNT, resource, action)
}

/// A position of a device, recorded when it was fixed.
pub fn position(device: &DeviceId, fix_time: Micros) -> Facts<'_> {
    facts(Resource::Position, Action::See).devices(std::slice::from_ref(device)).span(fix_time, fix_time).recorded(100, fix_time)
}

/// A visit of [`HELD`], an hour ago.
pub fn visit(geofence: &GeofenceId, seq: u64) -> Facts<'_> {
    let at = NOW - DAY / 24;
    facts(Resource::Visit, Action::See).devices(&[HELD]).geofences(std::slice::from_ref(geofence)).span(at, at).recorded(seq, at)
}

/// The same at a place.
pub fn place_visit(place: &PlaceId, seq: u64) -> Facts<'_> {
    let at = NOW - DAY / 24;
    facts(Resource::Visit, Action::See).devices(&[HELD]).places(std::slice::from_ref(place)).span(at, at).recorded(seq, at)
}

#[track_caller]
pub fn allows(viewer: &Viewer, facts: &Facts<'_>) {
    assert_eq!(judge(viewer, facts, NOW), Verdict::Allow, "{facts:?}");
}

#[track_caller]
pub fn forbids(viewer: &Viewer, facts: &Facts<'_>, missing: Missing) {
    assert_eq!(judge(viewer, facts, NOW), Verdict::Forbid(Reason::Missing(missing)), "{facts:?}");
}

#[track_caller]
pub fn hides(viewer: &Viewer, facts: &Facts<'_>, reason: Reason) {
    assert_eq!(judge(viewer, facts, NOW), Verdict::Hide(reason), "{facts:?}");
}
