//! Accounts, tariffs, users, roles, grants.

use super::{PublicId, TariffId};
use policy::{AccountId, Categories, DeviceId, GeofenceId, GrantState, Micros, PlaceId, RightSet, RoleId, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// An account: an owner and what is his.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Inside.
    pub id: AccountId,
    /// Outside.
    pub public_id: PublicId,
    /// For people.
    pub name: String,
    /// The main user.
    pub owner: UserId,
    /// On which a device is put that is registered without one.
    pub default_tariff: TariffId,
}

/// A tariff (P8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tariff {
    /// Inside.
    pub id: TariffId,
    /// Outside.
    pub public_id: PublicId,
    /// For people.
    pub name: String,
    /// How far back device data can be viewed, microseconds.
    pub history: Micros,
}

/// A role: a named set of rights and a history window (B24, B50).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Inside.
    pub id: RoleId,
    /// Outside.
    pub public_id: PublicId,
    /// Whose.
    pub account: AccountId,
    /// For people.
    pub name: String,
    /// What it lets do.
    pub rights: RightSet,
    /// How far back; `None`: as far as the tariff.
    pub window: Option<Micros>,
    /// Raised by each edit.
    pub version: u64,
}

/// The one access a user has (P1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserAccess {
    /// The account's main user.
    Owner,
    /// Team member: everything but the owner's own.
    Admin,
    /// Team member: sees everything.
    ReadOnly,
    /// Team member by category.
    Custom(Categories),
    /// Limited by grants and a role.
    SubUser {
        /// `None`: the basic rights only (B44).
        role: Option<RoleId>,
    },
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Inside.
    pub id: UserId,
    /// Outside.
    pub public_id: PublicId,
    /// Whose.
    pub account: AccountId,
    /// Unique within the account (P15), lower case.
    pub email: String,
    /// B45.
    pub name: String,
    /// B45.
    pub surname: String,
    /// B45.
    pub phone: String,
    /// P1.
    pub access: UserAccess,
    /// Cannot sign in; what he has open is closed.
    pub disabled: bool,
    /// Raised by each edit.
    pub version: u64,
}

/// What a sub-user was given of geofences, or of places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantsOf<Id: Ord> {
    /// The flag (B8), and how it ended.
    pub all: Option<GrantState>,
    /// One object's state outweighs the flag (P4).
    pub by_object: BTreeMap<Id, GrantState>,
}

impl<Id: Ord> Default for GrantsOf<Id> {
    fn default() -> Self {
        Self { all: None, by_object: BTreeMap::new() }
    }
}

/// What a sub-user was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Devices: held or not.
    pub devices: BTreeSet<DeviceId>,
    /// Geofences.
    pub geofences: GrantsOf<GeofenceId>,
    /// Places.
    pub places: GrantsOf<PlaceId>,
}
