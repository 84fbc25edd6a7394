//! Laws that hold for all viewers, facts and times.

use policy::table::{SubNeed, TABLE, TeamNeed, row};
use policy::{
    Access, AccountId, Action, Categories, Category, DeviceId, DeviceWindows, GeofenceId, GrantState, Level, Micros, ObjectGrants,
    Observed, PlaceId, Recorded, Resource, Right, RightSet, Role, SubUser, UserId, Verdict, Viewer, admit, judge,
};
use proptest::prelude::*;

use crate::cast::{DAY, NOW};
use crate::items::Item;

const CASES: u32 = 4_000;
/// Ids, places in the order and days are few, so that each rule decides often.
const IDS: u32 = 4;

fn state() -> impl Strategy<Value = GrantState> {
    prop_oneof![3 => Just(GrantState::Active), 2 => (0_u64..6).prop_map(GrantState::EndedAt), 1 => Just(GrantState::Forgotten)]
}

fn objects<Id: Copy + Ord + std::fmt::Debug + 'static>(id: fn(u32) -> Id) -> impl Strategy<Value = ObjectGrants<Id>> {
    (prop::option::of(state()), prop::collection::vec((0..IDS, state()), 0..4))
        .prop_map(move |(all, own)| ObjectGrants::new(all, own.into_iter().map(|(number, state)| (id(number), state))))
}

fn devices() -> impl Strategy<Value = DeviceWindows> {
    prop::collection::vec((0..IDS, 0_i64..6), 0..5)
        .prop_map(|held| held.into_iter().map(|(number, days)| (DeviceId(number), days * DAY)).collect())
}

fn additional() -> impl Strategy<Value = Vec<Right>> {
    prop::collection::vec(prop::sample::select(crate::cast::additional_rights().collect::<Vec<_>>()), 0..6)
}

fn role() -> impl Strategy<Value = Role> {
    (additional(), prop::option::of(0_i64..6)).prop_map(|(rights, days)| Role {
        rights: RightSet::of_role(rights).expect("additional rights"),
        window: days.map(|days| days * DAY),
    })
}

fn sub_users() -> impl Strategy<Value = SubUser> {
    (prop::option::of(role()), devices(), objects(GeofenceId), objects(PlaceId)).prop_map(|(role, devices, geofences, places)| SubUser {
        role,
        devices,
        geofences,
        places,
    })
}

fn levels() -> impl Strategy<Value = Categories> {
    prop::collection::vec(prop::sample::select(vec![Level::None, Level::View, Level::Edit]), Category::ALL.len())
        .prop_map(|levels| Category::ALL.iter().zip(levels).fold(Categories::none(), |all, (category, level)| all.with(*category, level)))
}

fn accesses() -> impl Strategy<Value = Access> {
    prop_oneof![
        1 => Just(Access::Owner),
        1 => Just(Access::Admin),
        1 => Just(Access::ReadOnly),
        1 => levels().prop_map(Access::Custom),
        4 => sub_users().prop_map(Access::SubUser),
    ]
}

fn viewers() -> impl Strategy<Value = Viewer> {
    (accesses(), devices()).prop_map(|(access, account_devices)| viewer(access, account_devices))
}

fn viewer(access: Access, account_devices: DeviceWindows) -> Viewer {
    Viewer { account: AccountId(1), user: UserId(1), access, account_devices, epoch: 1, generation: 1, disabled: false }
}

fn few<Id: std::fmt::Debug>(id: fn(u32) -> Id) -> impl Strategy<Value = Vec<Id>> {
    prop::collection::vec((0..IDS).prop_map(id), 0..3)
}

/// Mostly of operations that exist, mostly of the account and of the user.
fn items() -> impl Strategy<Value = Item> {
    let operation = prop_oneof![
        6 => prop::sample::select(TABLE.iter().map(|row| (row.resource, row.action)).collect::<Vec<_>>()),
        4 => prop::sample::select(vec![Resource::Visit, Resource::Position, Resource::AlertRule]).prop_map(|it| (it, Action::See)),
        1 => (prop::sample::select(Resource::ALL), prop::sample::select(Action::ALL)),
    ];
    let time = || prop::option::weighted(0.9, (-7_i64..2).prop_map(|days| NOW + days * DAY));
    let recorded = prop::option::weighted(0.9, (0_u64..7, -7_i64..1).prop_map(|(seq, days)| Recorded { seq, at: NOW + days * DAY }));
    let user = prop::option::weighted(0.8, (1_u32..3).prop_map(UserId));
    (operation, few(DeviceId), few(GeofenceId), few(PlaceId), time(), time(), recorded, user).prop_map(
        |((resource, action), devices, geofences, places, from, to, recorded, user)| Item {
            devices,
            geofences,
            places,
            from,
            to,
            recorded,
            user,
            account: AccountId(1),
            resource,
            action,
        },
    )
}

fn allowed(viewer: &Viewer, item: &Item, now: Micros) -> bool {
    judge(viewer, &item.facts(), now).is_allow()
}

fn with_sub(viewer: &Viewer, change: impl FnOnce(&mut SubUser)) -> Viewer {
    let mut changed = viewer.clone();
    if let Access::SubUser(sub) = &mut changed.access {
        change(sub);
    }
    changed
}

/// One more grant, device or right, or one state that shows more.
fn more(sub: &mut SubUser, kind: u32, number: u32) {
    fn raised<Id: Copy + Ord>(grants: &ObjectGrants<Id>, id: Id) -> ObjectGrants<Id> {
        ObjectGrants::new(grants.flag(), grants.own_states().filter(|own| own.0 != id).chain([(id, GrantState::Active)]))
    }
    fn flagged<Id: Copy + Ord>(grants: &ObjectGrants<Id>) -> ObjectGrants<Id> {
        ObjectGrants::new(Some(GrantState::Active), grants.own_states())
    }
    match kind {
        0 => {
            let id = DeviceId(number);
            sub.devices = sub.devices.ids().chain([id]).map(|it| (it, sub.devices.get(it).unwrap_or(3 * DAY))).collect();
        }
        1 => sub.geofences = raised(&sub.geofences, GeofenceId(number)),
        2 => sub.places = raised(&sub.places, PlaceId(number)),
        3 => sub.geofences = flagged(&sub.geofences),
        4 => sub.places = flagged(&sub.places),
        _ => {
            let role = sub.role.unwrap_or_default();
            let right = crate::cast::additional_rights().nth(number as usize * 4 + kind as usize % 4).expect("sixteen rights");
            let rights = RightSet::of_role(role.rights.iter().chain([right])).expect("additional rights");
            sub.role = Some(Role { rights, ..role });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn law_denied_by_default(item in items(), access in prop_oneof![
        Just(Access::SubUser(SubUser::default())), Just(Access::Custom(Categories::none())),
    ]) {
        let nobody = viewer(access, DeviceWindows::default());
        if allowed(&nobody, &item, NOW) {
            let row = row(item.resource, item.action).expect("nothing is allowed without a row");
            let own = item.user == Some(nobody.user);
            match nobody.access {
                Access::SubUser(_) => {
                    prop_assert_eq!(row.sub, SubNeed::Basic);
                    prop_assert!(own || item.devices.is_empty() && item.geofences.is_empty() && item.places.is_empty());
                }
                _ => prop_assert!(row.team == TeamNeed::Nothing && own),
            }
        }
    }

    #[test]
    fn law_accounts_apart(viewer in viewers(), item in items(), now in -2_i64..9) {
        let foreign = Item { account: AccountId(2), ..item };
        prop_assert!(matches!(judge(&viewer, &foreign.facts(), NOW + now * DAY), Verdict::Hide(policy::Reason::OtherAccount)));
        prop_assert!(admit(foreign, &viewer, NOW).is_err());
    }

    #[test]
    fn law_more_is_never_less(sub in sub_users(), item in items(), kind in 0_u32..9, number in 0..IDS) {
        let before = viewer(Access::SubUser(sub), DeviceWindows::default());
        let after = with_sub(&before, |sub| more(sub, kind, number));
        prop_assert!(!allowed(&before, &item, NOW) || allowed(&after, &item, NOW));
    }

    #[test]
    fn law_a_longer_window_never_shows_less(viewer in viewers(), item in items(), days in 0_i64..6) {
        let longer = |held: &DeviceWindows| -> DeviceWindows {
            held.ids().map(|id| (id, held.get(id).map_or(0, |window| window + days * DAY))).collect()
        };
        let mut after = with_sub(&viewer, |sub| {
            sub.devices = longer(&sub.devices);
            sub.role = sub.role.map(|role| Role { window: role.window.map(|window| window + days * DAY), ..role });
        });
        after.account_devices = longer(&viewer.account_devices);
        prop_assert!(!allowed(&viewer, &item, NOW) || allowed(&after, &item, NOW));
        // Nor does a role's window show more than none.
        let unlimited = with_sub(&viewer, |sub| sub.role = sub.role.map(|role| Role { window: None, ..role }));
        prop_assert!(!allowed(&viewer, &item, NOW) || allowed(&unlimited, &item, NOW));
    }

    #[test]
    fn law_a_higher_level_never_allows_less(
        levels in levels(), category in prop::sample::select(Category::ALL), item in items(), held in devices(),
    ) {
        let before = viewer(Access::Custom(levels), held.clone());
        let raised = if levels.level(category) == Level::None { Level::View } else { Level::Edit };
        let after = viewer(Access::Custom(levels.with(category, raised)), held.clone());
        prop_assert!(!allowed(&before, &item, NOW) || allowed(&after, &item, NOW));
        prop_assert!(!allowed(&after, &item, NOW) || allowed(&viewer(Access::Admin, held), &item, NOW));
    }

    #[test]
    fn law_owner_over_admin_over_the_rest(sub in sub_users(), levels in levels(), item in items()) {
        let held = sub.devices.clone();
        let by = |access| allowed(&viewer(access, held.clone()), &item, NOW);
        prop_assert!(!by(Access::SubUser(sub.clone())) || by(Access::Admin));
        prop_assert!(!by(Access::Custom(levels)) || by(Access::Admin));
        prop_assert!(!by(Access::ReadOnly) || by(Access::Admin));
        prop_assert!(!by(Access::Admin) || by(Access::Owner));
    }

    #[test]
    fn law_time_only_takes_away(viewer in viewers(), item in items(), passed in 0_i64..9) {
        prop_assert!(!allowed(&viewer, &item, NOW + passed * DAY) || allowed(&viewer, &item, NOW));
    }

    #[test]
    fn law_a_clock_ahead_gains_nothing(viewer in viewers(), mut item in items(), ahead in 0_i64..9) {
        item.from = item.recorded.map(|recorded| recorded.at);
        item.to = item.from;
        let honest = judge(&viewer, &item.facts(), NOW);
        item.from = item.from.map(|at| at + ahead * DAY);
        item.to = item.from;
        prop_assert_eq!(judge(&viewer, &item.facts(), NOW), honest);
    }

    #[test]
    fn law_no_order_matters(viewer in viewers(), item in items()) {
        let mut turned = item.clone();
        turned.devices.reverse();
        turned.geofences.reverse();
        turned.places.reverse();
        let rebuilt = with_sub(&viewer, |sub| {
            let devices: Vec<_> = sub.devices.ids().map(|id| (id, sub.devices.get(id).unwrap_or(0))).collect();
            sub.devices = devices.into_iter().rev().collect();
            let own: Vec<_> = sub.geofences.own_states().collect();
            sub.geofences = ObjectGrants::new(sub.geofences.flag(), own.into_iter().rev());
            let own: Vec<_> = sub.places.own_states().collect();
            sub.places = ObjectGrants::new(sub.places.flag(), own.into_iter().rev());
        });
        prop_assert_eq!(judge(&viewer, &item.facts(), NOW), judge(&rebuilt, &item.facts(), NOW));
        let (one, other) = (judge(&viewer, &item.facts(), NOW), judge(&rebuilt, &turned.facts(), NOW));
        prop_assert_eq!(std::mem::discriminant(&one), std::mem::discriminant(&other));
    }

    #[test]
    fn law_narrowing_never_adds_and_takes_nothing_that_may_be_seen(viewer in viewers(), item in items()) {
        let whole = allowed(&viewer, &item, NOW);
        match admit(item.clone(), &viewer, NOW) {
            Ok(permitted) => {
                let shown = permitted.item();
                prop_assert!(shown.devices.iter().all(|it| item.devices.contains(it)));
                prop_assert!(shown.geofences.iter().all(|it| item.geofences.contains(it)));
                prop_assert!(shown.places.iter().all(|it| item.places.contains(it)));
                prop_assert!(shown.from.is_none() || shown.from == item.from);
                prop_assert_eq!((shown.account, shown.to, shown.recorded, shown.user), (item.account, item.to, item.recorded, item.user));
                // What is shown is judged whole, and what may be seen whole is shown whole.
                prop_assert!(allowed(&viewer, shown, NOW));
                prop_assert!(!whole || *shown == item || viewer.reaches_whole_account());
            }
            Err(verdict) => prop_assert!(!whole && !verdict.is_allow()),
        }
    }

    #[test]
    fn law_disabled_is_nobody(viewer in viewers(), item in items()) {
        let disabled = Viewer { disabled: true, ..viewer };
        prop_assert!(matches!(judge(&disabled, &item.facts(), NOW), Verdict::Hide(_)));
    }
}
