//! Users and their access (T1 to T15, B1 to B12, B43 to B48).

use super::{ChangeError, Draft, NewAccess, NewUser, brief, check};
use crate::directory::password::NewPassword;
use crate::directory::snapshot::NumberOf;
use crate::model::{Grants, GrantsOf, PublicId, RoleId, User, UserAccess};
use policy::{AccountId, Action, Categories, Category, Facts, GrantState, Level, Resource, UserId};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What of a user is edited.
pub(super) struct Edit<'a> {
    pub(super) email: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    pub(super) surname: Option<&'a str>,
    pub(super) phone: Option<&'a str>,
}

pub(super) fn create(draft: &mut Draft<'_>, user: &NewUser, access: &NewAccess) -> Result<(), ChangeError> {
    draft.may(Resource::User, Action::Create)?;
    let account = draft.viewer()?.account;
    draft.judge(&Facts::new(account, Resource::User, Action::Create))?;
    let access = resolve(draft, account, access)?;
    let count = draft.next.members(account).map_or(0, |m| m.users.len());
    check::room("users_per_account_max", count, draft.limits.users_per_account_max)?;
    let id = UserId(draft.number(NumberOf::User)?);
    insert(draft, id, account, user, access)
}

/// Puts a new user in. Of a sub-user the grants are a newcomer's: all geofences, all places, no device (B8).
pub(super) fn insert(draft: &mut Draft<'_>, id: UserId, account: AccountId, new: &NewUser, access: UserAccess) -> Result<(), ChangeError> {
    let email = free_email(draft, account, id, &new.email)?;
    let user = User {
        id,
        public_id: draft.public_id(),
        account,
        email,
        name: check::optional_name("name", &new.name, draft.limits)?,
        surname: check::optional_name("surname", &new.surname, draft.limits)?,
        phone: check::optional_name("phone", &new.phone, draft.limits)?,
        access,
        disabled: false,
        version: 1,
    };
    draft.note(Some(account), "user.create", user.public_id, Value::Null, brief::user(&user));
    let public_id = user.public_id;
    let sub_user = matches!(user.access, UserAccess::SubUser { .. });
    draft.put_user(user);
    draft.put_secret(id, new.password.hash()?);
    if sub_user {
        draft.put_grants(id, newcomer(), []);
    }
    draft.created(public_id);
    Ok(())
}

fn newcomer() -> Grants {
    Grants {
        geofences: GrantsOf { all: Some(GrantState::Active), by_object: BTreeMap::new() },
        places: GrantsOf { all: Some(GrantState::Active), by_object: BTreeMap::new() },
        ..Grants::default()
    }
}

fn free_email(draft: &Draft<'_>, account: AccountId, user: UserId, text: &str) -> Result<String, ChangeError> {
    let email = check::email(text)?;
    if draft.next.users_of_email(&email).any(|other| other.account == account && other.id != user) {
        return Err(ChangeError::invalid("email", "another user of the account has it"));
    }
    Ok(email)
}

/// Takes an access as it was asked for. Nobody becomes owner by it (B10).
fn resolve(draft: &mut Draft<'_>, account: AccountId, access: &NewAccess) -> Result<UserAccess, ChangeError> {
    Ok(match access {
        NewAccess::Admin => UserAccess::Admin,
        NewAccess::ReadOnly => UserAccess::ReadOnly,
        NewAccess::Custom(categories) => UserAccess::Custom(named_categories(*categories)?),
        NewAccess::SubUser { role } => UserAccess::SubUser { role: role.map(|role| role_of(draft, account, role)).transpose()? },
    })
}

fn named_categories(categories: Categories) -> Result<Categories, ChangeError> {
    if Category::ALL.iter().all(|c| categories.level(*c) == Level::None) {
        return Err(ChangeError::invalid("categories", "a custom access names at least one category"));
    }
    Ok(categories)
}

fn role_of(draft: &mut Draft<'_>, account: AccountId, role: PublicId) -> Result<RoleId, ChangeError> {
    let role = draft.next.role_of_public(role).cloned().ok_or(ChangeError::NotFound)?;
    draft.judge(&Facts::new(role.account, Resource::Role, Action::See))?;
    if role.account == account { Ok(role.id) } else { Err(ChangeError::NotFound) }
}

/// The user, if the actor may do this with him. What is the owner's belongs to the owner alone.
pub(super) fn target(draft: &mut Draft<'_>, user: PublicId, action: Action) -> Result<Arc<User>, ChangeError> {
    draft.may(Resource::User, action)?;
    let user = draft.find_user(user)?;
    draft.judge(&Facts::new(user.account, Resource::User, action).of_user(user.id))?;
    if matches!(user.access, UserAccess::Owner) {
        draft.judge(&Facts::new(user.account, Resource::Ownership, Action::Edit))?;
    }
    Ok(user)
}

/// The same, for what cannot be done with the owner at all: an account has exactly one, who can always get in.
fn not_owner(draft: &mut Draft<'_>, user: PublicId, action: Action) -> Result<Arc<User>, ChangeError> {
    let user = target(draft, user, action)?;
    match user.access {
        UserAccess::Owner => Err(ChangeError::invalid("user", "the owner's access cannot be changed")),
        _ => Ok(user),
    }
}

pub(super) fn edit(draft: &mut Draft<'_>, user: PublicId, version: Option<u64>, edit: &Edit<'_>) -> Result<(), ChangeError> {
    let before = target(draft, user, Action::Edit)?;
    check::version(version, before.version)?;
    let text = |field, new: Option<&str>, old: &str, draft: &Draft<'_>| match new {
        Some(new) => check::optional_name(field, new, draft.limits),
        None => Ok(old.to_owned()),
    };
    let after = User {
        email: match edit.email {
            Some(email) => free_email(draft, before.account, before.id, email)?,
            None => before.email.clone(),
        },
        name: text("name", edit.name, &before.name, draft)?,
        surname: text("surname", edit.surname, &before.surname, draft)?,
        phone: text("phone", edit.phone, &before.phone, draft)?,
        version: before.version + 1,
        ..(*before).clone()
    };
    draft.note(Some(before.account), "user.edit", user, brief::user(&before), brief::user(&after));
    draft.put_user(after);
    Ok(())
}

pub(super) fn set_access(draft: &mut Draft<'_>, user: PublicId, version: Option<u64>, access: &NewAccess) -> Result<(), ChangeError> {
    let before = not_owner(draft, user, Action::Edit)?;
    check::version(version, before.version)?;
    let access = resolve(draft, before.account, access)?;
    if access == before.access {
        return Ok(());
    }
    let after = User { access, version: before.version + 1, ..(*before).clone() };
    draft.note(Some(before.account), "user.access", user, brief::access(&before.access), brief::access(&after.access));
    let (was_sub_user, is_sub_user) =
        (matches!(before.access, UserAccess::SubUser { .. }), matches!(after.access, UserAccess::SubUser { .. }));
    let id = before.id;
    draft.put_user(after);
    // One access at a time (T12): grants are a sub-user's alone, and he begins anew.
    if was_sub_user && !is_sub_user {
        draft.remove_grants(id);
    } else if is_sub_user && !was_sub_user {
        draft.put_grants(id, newcomer(), []);
    }
    draft.narrow(id);
    Ok(())
}

pub(super) fn set_password(draft: &mut Draft<'_>, user: PublicId, password: &NewPassword) -> Result<(), ChangeError> {
    let before = target(draft, user, Action::Edit)?;
    draft.put_secret(before.id, password.hash()?);
    let own = draft.actor_session();
    for session in draft.sessions.of_user(before.id) {
        if Some(session.id) != own {
            draft.close_session(session.id);
        }
    }
    draft.note(Some(before.account), "user.password", user, Value::Null, Value::Null);
    Ok(())
}

pub(super) fn set_disabled(draft: &mut Draft<'_>, user: PublicId, disabled: bool) -> Result<(), ChangeError> {
    let before = not_owner(draft, user, Action::Activate)?;
    if before.disabled == disabled {
        return Ok(());
    }
    let after = User { disabled, version: before.version + 1, ..(*before).clone() };
    draft.note(Some(before.account), "user.disable", user, json!(before.disabled), json!(disabled));
    draft.put_user(after);
    if disabled {
        draft.close_user(before.id);
    } else {
        draft.widen(before.id);
    }
    Ok(())
}

pub(super) fn delete(draft: &mut Draft<'_>, user: PublicId) -> Result<(), ChangeError> {
    let before = not_owner(draft, user, Action::Delete)?;
    draft.note(Some(before.account), "user.delete", user, brief::user(&before), Value::Null);
    draft.close_user(before.id);
    draft.remove_user(before.id);
    Ok(())
}
