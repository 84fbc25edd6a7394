//! Roles (B24, B50 to B53, B72).

use super::{ChangeError, Draft, brief, check};
use crate::directory::snapshot::NumberOf;
use crate::model::{PublicId, Role, RoleId, User, UserAccess};
use policy::{AccountId, Action, Facts, Micros, Resource, Right, RightSet, UserId};
use serde_json::Value;
use std::sync::Arc;

pub(super) fn create(draft: &mut Draft<'_>, name: &str, rights: &[Right], window: Option<Micros>) -> Result<(), ChangeError> {
    draft.may(Resource::Role, Action::Create)?;
    let account = draft.viewer()?.account;
    draft.judge(&Facts::new(account, Resource::Role, Action::Create))?;
    let count = draft.next.members(account).map_or(0, |m| m.roles.len());
    check::room("roles_per_account_max", count, draft.limits.roles_per_account_max)?;
    let (name, rights, window) = form(draft, name, rights, window)?;
    let id = RoleId(draft.number(NumberOf::Role)?);
    let role = Role { id, public_id: draft.public_id(), account, name, rights, window, version: 1 };
    draft.note(Some(account), "role.create", role.public_id, Value::Null, brief::role(&role));
    draft.created(role.public_id);
    draft.put_role(role);
    Ok(())
}

fn form(
    draft: &Draft<'_>,
    name: &str,
    rights: &[Right],
    window: Option<Micros>,
) -> Result<(String, RightSet, Option<Micros>), ChangeError> {
    let name = check::name("name", name, draft.limits)?;
    let rights = RightSet::of_role(rights.iter().copied())
        .map_err(|right| ChangeError::invalid("rights", format!("{right} belongs to the owner and cannot be put into a role")))?;
    let window = window.map(|w| check::history("window", w)).transpose()?;
    Ok((name, rights, window))
}

fn target(draft: &mut Draft<'_>, role: PublicId, action: Action) -> Result<Arc<Role>, ChangeError> {
    draft.may(Resource::Role, action)?;
    let role = draft.next.role_of_public(role).cloned().ok_or(ChangeError::NotFound)?;
    draft.judge(&Facts::new(role.account, Resource::Role, action))?;
    Ok(role)
}

fn holders(draft: &Draft<'_>, account: AccountId, role: RoleId) -> Vec<UserId> {
    let holds = |user: &&Arc<User>| user.access == UserAccess::SubUser { role: Some(role) };
    draft.next.users_of(account).filter(holds).map(|user| user.id).collect()
}

pub(super) fn edit(
    draft: &mut Draft<'_>,
    role: PublicId,
    version: Option<u64>,
    name: &str,
    rights: &[Right],
    window: Option<Micros>,
) -> Result<(), ChangeError> {
    let before = target(draft, role, Action::Edit)?;
    check::version(version, before.version)?;
    let (name, rights, window) = form(draft, name, rights, window)?;
    let after = Role { name, rights, window, version: before.version + 1, ..(*before).clone() };
    draft.note(Some(before.account), "role.edit", role, brief::role(&before), brief::role(&after));
    let as_far = |window: Option<Micros>| window.unwrap_or(Micros::MAX);
    let narrows = as_far(after.window) < as_far(before.window) || before.rights.iter().any(|r| !after.rights.contains(r));
    let same = after.window == before.window && after.rights == before.rights;
    draft.put_role(after);
    for user in holders(draft, before.account, before.id) {
        if narrows {
            draft.narrow(user);
        } else if !same {
            draft.widen(user);
        }
    }
    Ok(())
}

pub(super) fn delete(draft: &mut Draft<'_>, role: PublicId) -> Result<(), ChangeError> {
    let before = target(draft, role, Action::Delete)?;
    draft.note(Some(before.account), "role.delete", role, brief::role(&before), Value::Null);
    for id in holders(draft, before.account, before.id) {
        let Some(user) = draft.next.user(id).cloned() else { continue };
        draft.changed.left_without_role.push(user.public_id);
        draft.put_user(User { access: UserAccess::SubUser { role: None }, version: user.version + 1, ..(*user).clone() });
        draft.narrow(id);
    }
    draft.remove_role(before.id);
    Ok(())
}
