//! Team members: access by category (T).

use policy::table::{TABLE, TeamNeed};
use policy::{Access, Action, Categories, Category, Facts, Level, Missing, Reason, Resource, Verdict, judge, may};

use crate::cast::{ACCOUNT, DAY, HELD, HIMSELF, NOW, SHOP, SOMEBODY, YARD, allows, custom, facts, forbids, hides, position, viewer};

/// Facts of something of the account that every row's scope lets through.
fn of_row<'a>(resource: Resource, action: Action) -> Facts<'a> {
    facts(resource, action)
        .devices(&[HELD])
        .geofences(&[YARD])
        .places(&[SHOP])
        .span(NOW - DAY, NOW - DAY)
        .recorded(1, NOW - DAY)
        .of_user(HIMSELF)
}

#[test]
fn t8_admin_does_everything_but_what_is_the_owners_alone() {
    let (owner, admin) = (viewer(Access::Owner), viewer(Access::Admin));
    for row in TABLE {
        let facts = of_row(row.resource, row.action);
        allows(&owner, &facts);
        match row.team {
            TeamNeed::OwnerOnly => forbids(&admin, &facts, Missing::OwnerOnly),
            TeamNeed::Nothing | TeamNeed::Category(..) | TeamNeed::OwnerOrAdmin => allows(&admin, &facts),
        }
    }
}

#[test]
fn t9_read_only_views_everything_and_changes_nothing() {
    let read_only = viewer(Access::ReadOnly);
    for row in TABLE {
        let facts = of_row(row.resource, row.action);
        match row.team {
            TeamNeed::Nothing | TeamNeed::Category(_, Level::View) => allows(&read_only, &facts),
            TeamNeed::Category(category, level) => forbids(&read_only, &facts, Missing::Category(category, level)),
            TeamNeed::OwnerOrAdmin => forbids(&read_only, &facts, Missing::OwnerOrAdmin),
            TeamNeed::OwnerOnly => forbids(&read_only, &facts, Missing::OwnerOnly),
        }
    }
}

#[test]
fn t10_t26_custom_gives_exactly_the_listed_categories() {
    for held in Category::ALL {
        for level in [Level::None, Level::View, Level::Edit] {
            let custom = custom(*held, level);
            for row in TABLE {
                let facts = of_row(row.resource, row.action);
                match row.team {
                    TeamNeed::Nothing => allows(&custom, &facts),
                    TeamNeed::Category(category, needed) if category == *held && level >= needed => allows(&custom, &facts),
                    TeamNeed::Category(category, needed) => forbids(&custom, &facts, Missing::Category(category, needed)),
                    TeamNeed::OwnerOrAdmin => forbids(&custom, &facts, Missing::OwnerOrAdmin),
                    TeamNeed::OwnerOnly => forbids(&custom, &facts, Missing::OwnerOnly),
                }
            }
        }
    }
}

#[test]
fn t13_t14_only_owner_and_admins_change_users_and_access() {
    let account_edit = custom(Category::Account, Level::Edit);
    let rows = [
        (Resource::User, Action::Create),
        (Resource::User, Action::Edit),
        (Resource::User, Action::Delete),
        (Resource::User, Action::Activate),
        (Resource::Invitation, Action::Create),
        (Resource::Role, Action::Edit),
        (Resource::Grant, Action::Edit),
    ];
    for (resource, action) in rows {
        // His own access too.
        for user in [HIMSELF, SOMEBODY] {
            let facts = facts(resource, action).of_user(user);
            forbids(&account_edit, &facts, Missing::OwnerOrAdmin);
            forbids(&viewer(Access::ReadOnly), &facts, Missing::OwnerOrAdmin);
            allows(&viewer(Access::Admin), &facts);
            allows(&viewer(Access::Owner), &facts);
        }
    }
    allows(&account_edit, &facts(Resource::User, Action::See).of_user(SOMEBODY));
    allows(&account_edit, &facts(Resource::AccountSettings, Action::Edit));
    // What would change or delete the owner is the owner's.
    forbids(&viewer(Access::Admin), &facts(Resource::Ownership, Action::Edit), Missing::OwnerOnly);
}

/// T16 to T21: which category holds what.
#[test]
fn t16_t17_t18_t19_t20_t21_each_resource_belongs_to_its_category() {
    let belongs = [
        (Resource::Device, Category::Assets),
        (Resource::Position, Category::Assets),
        (Resource::Vehicle, Category::Assets),
        (Resource::AccountSettings, Category::Account),
        (Resource::User, Category::Account),
        (Resource::Invitation, Category::Account),
        (Resource::PaymentMethod, Category::Billing),
        (Resource::InvoiceRecipient, Category::Billing),
        (Resource::Claim, Category::Claims),
        (Resource::ClaimStatistics, Category::Claims),
        (Resource::ClaimTrip, Category::Claims),
        (Resource::TripValidation, Category::Claims),
        (Resource::InsurancePolicy, Category::Insurance),
        (Resource::Coverage, Category::Insurance),
        (Resource::Employee, Category::Workforce),
        (Resource::WorkforceStatistics, Category::Workforce),
    ];
    for (resource, category) in belongs {
        for asked in Category::ALL {
            let verdict = may(&custom(*asked, Level::View), resource, Action::See);
            let expected = Verdict::Forbid(Reason::Missing(Missing::Category(category, Level::View)));
            assert_eq!(verdict, if *asked == category { Verdict::Allow } else { expected }, "{resource} by {asked}");
        }
    }
    allows(&custom(Category::Assets, Level::Edit), &facts(Resource::Vehicle, Action::Create));
    allows(&custom(Category::Workforce, Level::Edit), &facts(Resource::Employee, Action::Create));
}

#[test]
fn t22_edit_includes_view() {
    assert!(Level::Edit > Level::View && Level::View > Level::None);
    let edit = custom(Category::Insurance, Level::Edit);
    allows(&edit, &facts(Resource::Coverage, Action::See));
    allows(&edit, &facts(Resource::Coverage, Action::Edit));
    let view = custom(Category::Insurance, Level::View);
    allows(&view, &facts(Resource::Coverage, Action::See));
    forbids(&view, &facts(Resource::Coverage, Action::Edit), Missing::Category(Category::Insurance, Level::Edit));
}

#[test]
fn t23_within_a_category_nothing_finer_limits_a_team_member() {
    let assets = custom(Category::Assets, Level::View);
    let silent = facts(Resource::Vehicle, Action::See).devices(&[crate::cast::KEPT]);
    allows(&assets, &silent);
    allows(&assets, &position(&crate::cast::KEPT, NOW - DAY));
}

#[test]
fn t24_a_refusal_names_what_is_missing() {
    let refusal = may(&custom(Category::Assets, Level::View), Resource::Geofence, Action::Create);
    assert_eq!(refusal.reason().map(|reason| reason.to_string()).as_deref(), Some("category assets (edit) is missing"));
    let refusal = may(&crate::cast::with_rights([]), Resource::AlertRule, Action::Create);
    assert_eq!(refusal.reason().map(|reason| reason.to_string()).as_deref(), Some("right alert_rules is missing"));
    let refusal = may(&viewer(Access::ReadOnly), Resource::User, Action::Create);
    assert_eq!(refusal.reason().map(|reason| reason.to_string()).as_deref(), Some("only the owner or an admin may do this"));
    let refusal = may(&viewer(Access::Admin), Resource::DeviceTariff, Action::Edit);
    assert_eq!(refusal.reason().map(|reason| reason.to_string()).as_deref(), Some("only the owner may do this"));
}

#[test]
fn t26_a_category_that_is_not_granted_is_forbidden_before_any_look_up() {
    let billing = custom(Category::Billing, Level::Edit);
    let forbidden = Verdict::Forbid(Reason::Missing(Missing::Category(Category::Assets, Level::View)));
    assert_eq!(may(&billing, Resource::Position, Action::See), forbidden);
    assert_eq!(policy::may_by_id(&billing, Resource::Position, Action::See), forbidden);
    // The device exists or not, it makes no difference.
    for device in [HELD, policy::DeviceId(999)] {
        assert_eq!(judge(&billing, &position(&device, NOW), NOW), forbidden);
    }
    assert!(!billing.sees_category(Category::Assets) && billing.sees_category(Category::Billing));
    hides(&billing, &Facts { account: crate::cast::OTHER_ACCOUNT, ..position(&HELD, NOW) }, Reason::OtherAccount);
}

#[test]
fn t12_p1_an_access_is_one_of_five() {
    let all =
        [Access::Owner, Access::Admin, Access::ReadOnly, Access::Custom(Categories::none()), Access::SubUser(policy::SubUser::newcomer())];
    let names: Vec<&str> = all.iter().map(Access::name).collect();
    assert_eq!(names, ["owner", "admin", "read_only", "custom", "sub_user"]);
    // Custom with nothing listed is nothing but himself.
    let nobody = viewer(Access::Custom(Categories::none()));
    for row in TABLE {
        let allowed = judge(&nobody, &of_row(row.resource, row.action), NOW).is_allow();
        assert_eq!(allowed, row.team == TeamNeed::Nothing, "{row:?}");
    }
    assert_eq!(nobody.account, ACCOUNT);
}
