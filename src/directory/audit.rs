//! What was changed by whom (P11), and what was denied to whom: reading it back.

use super::store::StoreError;
use crate::model::PublicId;
use policy::{AccountId, Action, Epoch, Facts, Micros, Observed, Resource, UserId};
use serde::Serialize;
use sqlx::{AnyPool, Row as _};

/// Who made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditActor {
    /// Whoever runs the gateway.
    Operator,
    /// A user.
    User(UserId),
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// The directory state that it led to.
    pub epoch: Epoch,
    /// Which of the changes that led there.
    pub ordinal: u32,
    /// When.
    pub at: Micros,
    /// In which account; `None`: in none (a tariff).
    pub account: Option<AccountId>,
    /// By whom.
    pub actor: AuditActor,
    /// What was done, e.g. `geofence.create`.
    pub action: String,
    /// With what.
    pub object: Option<PublicId>,
    /// What it was: JSON, `null` if it was not.
    pub before: String,
    /// What it became: JSON, `null` if it is no more.
    pub after: String,
}

impl Observed for AuditRow {
    fn facts(&self) -> Facts<'_> {
        let Self { epoch: _, ordinal: _, at: _, account, actor: _, action: _, object: _, before: _, after: _ } = self;
        // What belongs to no account is shown to nobody inside one: no account has this number.
        Facts::new(account.unwrap_or(AccountId(0)), Resource::AuditLog, Action::See)
    }
}

/// Denied attempts of one kind in one minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DenialRow {
    /// Minutes since 1970.
    pub minute: i64,
    /// Whose account.
    #[serde(skip)]
    pub account: AccountId,
    /// Whose attempts.
    #[serde(skip)]
    pub user: UserId,
    /// What was attempted, e.g. `geofence.edit`.
    pub operation: String,
    /// Why not.
    pub reason: String,
    /// How often.
    pub attempts: u64,
}

impl Observed for DenialRow {
    fn facts(&self) -> Facts<'_> {
        let Self { minute: _, account, user: _, operation: _, reason: _, attempts: _ } = self;
        Facts::new(*account, Resource::AuditLog, Action::See)
    }
}

/// The changes of an account, the newest first, from before a place on.
pub(super) async fn changes(
    from: &AnyPool,
    account: AccountId,
    before: Option<(Epoch, u32)>,
    rows_max: usize,
) -> Result<Vec<AuditRow>, StoreError> {
    let (epoch, ordinal) = before.unwrap_or((u64::MAX, 0));
    let sql = "SELECT epoch, ordinal, at, actor, action, object, before, after FROM audit WHERE account = $1 \
               AND (epoch < $2 OR (epoch = $2 AND ordinal < $3)) ORDER BY epoch DESC, ordinal DESC LIMIT $4";
    let rows = sqlx::query(sql)
        .bind(i64::from(account.0))
        .bind(i64::try_from(epoch).unwrap_or(i64::MAX))
        .bind(i64::from(ordinal))
        .bind(i64::try_from(rows_max).unwrap_or(i64::MAX))
        .fetch_all(from)
        .await?;
    rows.iter()
        .map(|row| {
            let actor: Option<i64> = row.try_get(3)?;
            let object: Option<String> = row.try_get(5)?;
            Ok(AuditRow {
                epoch: count(row.try_get(0)?)?,
                ordinal: number(row.try_get(1)?)?,
                at: row.try_get(2)?,
                account: Some(account),
                actor: actor.map_or(Ok(AuditActor::Operator), |user| number(user).map(|u| AuditActor::User(UserId(u))))?,
                action: row.try_get(4)?,
                object: object.map(|o| o.parse().map_err(|_| StoreError::Unsound(format!("public id: {o}")))).transpose()?,
                before: row.try_get(6)?,
                after: row.try_get(7)?,
            })
        })
        .collect()
}

/// The denied attempts of an account, the newest first, from before a minute on.
pub(super) async fn denials(
    from: &AnyPool,
    account: AccountId,
    before_minute: Option<i64>,
    rows_max: usize,
) -> Result<Vec<DenialRow>, StoreError> {
    let sql = "SELECT minute, user_id, operation, reason, attempts FROM denials WHERE account = $1 AND minute < $2 \
               ORDER BY minute DESC, user_id, operation, reason LIMIT $3";
    let rows = sqlx::query(sql)
        .bind(i64::from(account.0))
        .bind(before_minute.unwrap_or(i64::MAX))
        .bind(i64::try_from(rows_max).unwrap_or(i64::MAX))
        .fetch_all(from)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(DenialRow {
                minute: row.try_get(0)?,
                account,
                user: UserId(number(row.try_get(1)?)?),
                operation: row.try_get(2)?,
                reason: row.try_get(3)?,
                attempts: count(row.try_get(4)?)?,
            })
        })
        .collect()
}

fn number(value: i64) -> Result<u32, StoreError> {
    u32::try_from(value).map_err(|_| StoreError::Unsound(format!("id: {value}")))
}

fn count(value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Unsound(format!("number: {value}")))
}
