//! How values stand in columns.

use super::StoreError;
use crate::model::{PublicId, UserAccess};
use policy::{Categories, Category, GrantState, Level, Right, RightKind, RightSet, RoleId};

pub(super) fn big(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::Unsound(format!("{value} is too large")))
}

pub(super) fn state_to(state: GrantState) -> Result<i64, StoreError> {
    match state {
        GrantState::Active => Ok(-1),
        GrantState::Forgotten => Ok(-2),
        GrantState::EndedAt(seq) => big(seq),
    }
}

pub(super) fn state_from(value: i64) -> Result<GrantState, StoreError> {
    match value {
        -1 => Ok(GrantState::Active),
        -2 => Ok(GrantState::Forgotten),
        seq => u64::try_from(seq).map(GrantState::EndedAt).map_err(|_| unsound("state of a grant", seq)),
    }
}

pub(super) fn rights_to(rights: RightSet) -> String {
    let names: Vec<&str> = rights.iter().filter(|r| r.kind() == RightKind::Additional).map(Right::name).collect();
    names.join(",")
}

pub(super) fn rights_from(text: &str) -> Result<RightSet, StoreError> {
    let rights = text.split(',').filter(|name| !name.is_empty());
    let rights = rights.map(|name| Right::from_name(name).ok_or_else(|| unsound("right", name))).collect::<Result<Vec<_>, _>>()?;
    RightSet::of_role(rights).map_err(|right| unsound("right", right))
}

/// The name of an access and its categories.
pub(super) fn access_to(access: &UserAccess) -> (&'static str, String, Option<i64>) {
    match access {
        UserAccess::Owner => ("owner", String::new(), None),
        UserAccess::Admin => ("admin", String::new(), None),
        UserAccess::ReadOnly => ("read_only", String::new(), None),
        UserAccess::Custom(categories) => {
            let levels: Vec<String> = Category::ALL.iter().map(|c| format!("{c}:{}", categories.level(*c).name())).collect();
            ("custom", levels.join(","), None)
        }
        UserAccess::SubUser { role } => ("sub_user", String::new(), role.map(|r| i64::from(r.0))),
    }
}

pub(super) fn access_from(access: &str, categories: &str, role: Option<RoleId>) -> Result<UserAccess, StoreError> {
    Ok(match access {
        "owner" => UserAccess::Owner,
        "admin" => UserAccess::Admin,
        "read_only" => UserAccess::ReadOnly,
        "sub_user" => UserAccess::SubUser { role },
        "custom" => {
            let mut all = Categories::none();
            for part in categories.split(',') {
                let named = part.split_once(':').and_then(|(c, l)| Some((Category::from_name(c)?, Level::from_name(l)?)));
                let (category, level) = named.ok_or_else(|| unsound("category", part))?;
                all = all.with(category, level);
            }
            UserAccess::Custom(all)
        }
        other => return Err(unsound("access", other)),
    })
}

pub(super) fn ids_to(ids: impl Iterator<Item = u32>) -> String {
    let texts: Vec<String> = ids.map(|id| id.to_string()).collect();
    texts.join(",")
}

pub(super) fn ids_from(text: &str) -> Result<Vec<u32>, StoreError> {
    text.split(',').filter(|t| !t.is_empty()).map(|t| t.parse().map_err(|_| unsound("id", t))).collect()
}

pub(super) fn public_id(text: &str) -> Result<PublicId, StoreError> {
    text.parse().map_err(|_| unsound("public id", text))
}

pub(super) fn json<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| unsound(what, e))
}

pub(super) fn to_json<T: serde::Serialize>(what: &str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| unsound(what, e))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

pub(super) fn hash_from(text: &str) -> Result<[u8; 32], StoreError> {
    let mut hash = [0; 32];
    let digits = text.as_bytes().chunks_exact(2);
    if text.len() != 64 {
        return Err(unsound("token hash", text.len()));
    }
    for (byte, pair) in hash.iter_mut().zip(digits) {
        let pair = std::str::from_utf8(pair).map_err(|e| unsound("token hash", e))?;
        *byte = u8::from_str_radix(pair, 16).map_err(|e| unsound("token hash", e))?;
    }
    Ok(hash)
}

pub(super) fn unsound(what: &str, value: impl std::fmt::Display) -> StoreError {
    StoreError::Unsound(format!("{what}: {value}"))
}
