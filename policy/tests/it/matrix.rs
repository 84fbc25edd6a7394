//! The matrix: every kind of viewer × every operation, as a file that is reviewed as a diff: `fixtures/policy/matrix.txt`.
//!
//! After a change that is meant, write it anew with `PURVIEW_BLESS=1 cargo test -p policy matrix` and read the diff.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use policy::table::{Scope, TABLE, row};
use policy::{
    Access, Action, Categories, Category, DeviceWindows, Facts, GrantState, Level, ObjectGrants, Resource, RightSet, Role, SubUser,
    Verdict, Viewer, judge, may, may_by_id,
};

use crate::cast::{
    DAY, HELD, HIMSELF, KEPT, NOW, OTHER_ACCOUNT, SECRET_SHOP, SECRET_YARD, SHOP, SOMEBODY, TARIFF, YARD, additional_rights, custom, facts,
    granted, sub_user, viewer, with_rights,
};

/// The kinds of viewers, one a column.
fn viewers() -> Vec<(String, Viewer)> {
    let mut kinds = vec![
        ("owner".to_owned(), viewer(Access::Owner)),
        ("admin".to_owned(), viewer(Access::Admin)),
        ("read-only".to_owned(), viewer(Access::ReadOnly)),
        ("custom, nothing".to_owned(), viewer(Access::Custom(Categories::none()))),
    ];
    for category in Category::ALL {
        for level in [Level::View, Level::Edit] {
            kinds.push((format!("custom, {category} {}", level.name()), custom(*category, level)));
        }
    }
    kinds.push(("sub-user without a role".to_owned(), sub_user(granted())));
    for right in additional_rights() {
        kinds.push((format!("sub-user with {right}"), with_rights([right])));
    }
    let every = RightSet::of_role(additional_rights()).expect("additional rights");
    let role = Some(Role { rights: every, window: None });
    let ended = GrantState::EndedAt(50);
    let shown_before = SubUser {
        role,
        devices: DeviceWindows::from_iter([(HELD, TARIFF)]),
        geofences: ObjectGrants::new(Some(ended), []),
        places: ObjectGrants::new(Some(ended), []),
    };
    kinds.extend([
        ("sub-user with every right".to_owned(), with_rights(additional_rights())),
        ("sub-user with every right, geofences and places turned off before".to_owned(), sub_user(shown_before)),
        ("sub-user with every right and no grant".to_owned(), sub_user(SubUser { role, ..SubUser::default() })),
        ("owner of another account".to_owned(), Viewer { account: OTHER_ACCOUNT, ..viewer(Access::Owner) }),
        ("owner, disabled".to_owned(), Viewer { disabled: true, ..viewer(Access::Owner) }),
    ]);
    kinds
}

/// What a thing of this kind naturally names: the viewer's own, a minute old, recorded after place 50.
fn natural<'a>(resource: Resource, action: Action) -> Facts<'a> {
    let asked = facts(resource, action).of_user(HIMSELF);
    let minute_ago = NOW - 60_000_000;
    match resource {
        Resource::Visit | Resource::Alert => {
            asked.devices(&[HELD]).geofences(&[YARD]).span(minute_ago, minute_ago).recorded(100, minute_ago)
        }
        Resource::AlertRule => asked.devices(&[HELD]).geofences(&[YARD]),
        Resource::Task | Resource::Form => asked.devices(&[HELD]).geofences(&[YARD]).places(&[SHOP]),
        Resource::Report | Resource::ReportSchedule => asked.devices(&[HELD]).geofences(&[YARD]).places(&[SHOP]),
        Resource::Tag | Resource::Vehicle | Resource::Employee => asked.devices(&[HELD]),
        _ => match row(resource, action).map(|row| row.scope) {
            Some(Scope::Telematics) => asked.devices(&[HELD]).span(minute_ago, minute_ago).recorded(100, minute_ago),
            Some(Scope::Device | Scope::Rule) => asked.devices(&[HELD]),
            Some(Scope::Geofence) => asked.geofences(&[YARD]),
            Some(Scope::Place) => asked.places(&[SHOP]),
            Some(Scope::Own | Scope::Report | Scope::Account | Scope::Himself | Scope::Named) | None => asked,
        },
    }
}

type Case = (&'static str, fn(Resource, Action, &Viewer) -> Verdict);

const CASES: &[Case] = &[
    ("its own, granted, inside every window", |resource, action, viewer| judge(viewer, &natural(resource, action), NOW)),
    ("somebody else's", |resource, action, viewer| judge(viewer, &natural(resource, action).of_user(SOMEBODY), NOW)),
    ("names besides, of each kind that it names, one that is not granted", |resource, action, viewer| {
        let facts = natural(resource, action);
        let more = Facts {
            devices: if facts.devices.is_empty() { &[] } else { &[HELD, KEPT] },
            geofences: if facts.geofences.is_empty() { &[] } else { &[YARD, SECRET_YARD] },
            places: if facts.places.is_empty() { &[] } else { &[SHOP, SECRET_SHOP] },
            ..facts
        };
        judge(viewer, &more, NOW)
    }),
    ("began before every window, recorded before place 50", |resource, action, viewer| {
        let facts = natural(resource, action);
        let old = NOW - TARIFF - DAY / 24;
        if facts.span.is_none() {
            return judge(viewer, &facts, NOW);
        }
        judge(viewer, &facts.span(old, NOW - DAY).recorded(40, NOW - DAY), NOW)
    }),
    ("recorded before place 50, inside every window", |resource, action, viewer| {
        let facts = natural(resource, action);
        if facts.recorded.is_none() {
            return judge(viewer, &facts, NOW);
        }
        judge(viewer, &facts.span(NOW - DAY, NOW - DAY).recorded(40, NOW - DAY), NOW)
    }),
    ("before any look-up, to list or to create", |resource, action, viewer| may(viewer, resource, action)),
    ("before any look-up, with an id", |resource, action, viewer| may_by_id(viewer, resource, action)),
];

fn sign(verdict: Verdict) -> char {
    match verdict {
        Verdict::Allow => '✔',
        Verdict::Forbid(_) => '✘',
        Verdict::Hide(_) => '∅',
    }
}

fn render() -> String {
    let viewers = viewers();
    let mut out = String::from("# Who may see and do what. ✔ allowed, ✘ forbidden (403), ∅ hidden (404). Columns:\n");
    for (number, (name, _)) in viewers.iter().enumerate() {
        let _ = writeln!(out, "# {:>2} {name}", number + 1);
    }
    let tens: String = (1..=viewers.len()).map(|n| char::from(b'0' + (n / 10) as u8)).collect();
    let units: String = (1..=viewers.len()).map(|n| char::from(b'0' + (n % 10) as u8)).collect();
    let rows = || TABLE.iter().map(|row| (row.resource, row.action)).collect::<BTreeSet<_>>();
    let signs = |judged: fn(Resource, Action, &Viewer) -> Verdict, (resource, action)| -> String {
        viewers.iter().map(|(_, viewer)| sign(judged(resource, action, viewer))).collect()
    };
    for (number, (name, judged)) in CASES.iter().enumerate() {
        let only = if number == 0 { "" } else { " (where it differs from the first)" };
        let _ = writeln!(out, "\n## {name}{only}\n{:44}{tens}\n{:44}{units}", "", "");
        for operation in rows() {
            let shown = signs(*judged, operation);
            if number == 0 || shown != signs(CASES[0].1, operation) {
                let _ = writeln!(out, "{:44}{shown}", format!("{} {}", operation.0, operation.1));
            }
        }
    }
    out.push_str("\n## no such operation: hidden from everybody\n");
    for resource in Resource::ALL {
        let none: Vec<&str> = Action::ALL.iter().filter(|action| row(*resource, **action).is_none()).map(|action| action.name()).collect();
        let _ = writeln!(out, "{resource}: {}", none.join(" "));
    }
    out
}

#[test]
fn matrix_is_as_reviewed() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/policy/matrix.txt");
    let rendered = render();
    if std::env::var_os("PURVIEW_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("create the folder");
        std::fs::write(&path, &rendered).expect("write the matrix");
        return;
    }
    let reviewed = std::fs::read_to_string(&path).expect("fixtures/policy/matrix.txt; PURVIEW_BLESS=1 writes it");
    let differences: Vec<String> =
        reviewed.lines().zip(rendered.lines()).filter(|(was, is)| was != is).take(20).map(|(was, is)| format!("- {was}\n+ {is}")).collect();
    assert!(
        reviewed == rendered,
        "the matrix has changed ({} lines then, {} now). If meant: PURVIEW_BLESS=1 cargo test -p policy matrix; review the diff.\n{}",
        reviewed.lines().count(),
        rendered.lines().count(),
        differences.join("\n")
    );
}

#[test]
fn what_has_no_row_is_hidden_from_everybody() {
    let viewers = viewers();
    for resource in Resource::ALL {
        for action in Action::ALL.iter().filter(|action| row(*resource, **action).is_none()) {
            for (name, viewer) in &viewers {
                let verdict = judge(viewer, &natural(*resource, *action).devices(&[HELD]).span(NOW, NOW), NOW);
                assert!(matches!(verdict, Verdict::Hide(_)), "{name}: {resource} {action}");
                assert!(matches!(may(viewer, *resource, *action), Verdict::Forbid(_)), "{name}: {resource} {action}");
            }
        }
    }
}

#[test]
fn every_row_is_found_and_every_resource_and_action_has_one() {
    for expected in TABLE {
        assert_eq!(row(expected.resource, expected.action), Some(expected));
    }
    let resources: BTreeSet<Resource> = TABLE.iter().map(|row| row.resource).collect();
    let actions: BTreeSet<Action> = TABLE.iter().map(|row| row.action).collect();
    assert_eq!((resources.len(), actions.len()), (Resource::ALL.len(), Action::ALL.len()));
    for resource in Resource::ALL {
        assert_eq!(Resource::from_name(resource.name()), Some(*resource));
    }
    for action in Action::ALL {
        assert_eq!(Action::from_name(action.name()), Some(*action));
    }
}
