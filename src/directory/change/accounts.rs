//! Tariffs and accounts: the operator's (P8).

use super::{ChangeError, Draft, NewUser, brief, check, users};
use crate::directory::snapshot::NumberOf;
use crate::model::{Account, PublicId, Tariff, TariffId, UserAccess};
use policy::{AccountId, Micros, UserId};
use serde_json::{Value, json};

pub(super) fn create_tariff(draft: &mut Draft<'_>, name: &str, history: Micros) -> Result<(), ChangeError> {
    draft.operator()?;
    check::room("tariffs_max", draft.next.tariffs.len(), draft.limits.tariffs_max)?;
    let name = check::name("name", name, draft.limits)?;
    let history = check::history("history", history)?;
    let tariff = Tariff { id: TariffId(draft.number(NumberOf::Tariff)?), public_id: draft.public_id(), name, history };
    draft.note(None, "tariff.create", tariff.public_id, Value::Null, brief::tariff(&tariff));
    draft.created(tariff.public_id);
    draft.put_tariff(tariff);
    Ok(())
}

pub(super) fn edit_tariff(draft: &mut Draft<'_>, tariff: PublicId, name: &str, history: Micros) -> Result<(), ChangeError> {
    draft.operator()?;
    let before = draft.find_tariff(tariff)?;
    let name = check::name("name", name, draft.limits)?;
    let history = check::history("history", history)?;
    let after = Tariff { name, history, ..(*before).clone() };
    draft.note(None, "tariff.edit", tariff, brief::tariff(&before), brief::tariff(&after));
    for account in draft.next.accounts_on(before.id) {
        if history < before.history {
            draft.narrow_everyone(account);
        } else if history > before.history {
            draft.widen_everyone(account);
        }
    }
    draft.put_tariff(after);
    Ok(())
}

pub(super) fn create_account(draft: &mut Draft<'_>, name: &str, tariff: PublicId, owner: &NewUser) -> Result<(), ChangeError> {
    draft.operator()?;
    check::room("accounts_max", draft.next.accounts.len(), draft.limits.accounts_max)?;
    let name = check::name("name", name, draft.limits)?;
    let default_tariff = draft.find_tariff(tariff)?.id;
    let account = AccountId(draft.number(NumberOf::Account)?);
    let owner_id = UserId(draft.number(NumberOf::User)?);
    let account = Account { id: account, public_id: draft.public_id(), name, owner: owner_id, default_tariff };
    draft.note(Some(account.id), "account.create", account.public_id, Value::Null, json!({ "name": account.name }));
    draft.created(account.public_id);
    let id = account.id;
    draft.put_account(account);
    users::insert(draft, owner_id, id, owner, UserAccess::Owner)
}
