//! Each way of taking something away: how it is asked for over HTTP, what it forbids, and how it is given back.

use super::http::call;
use super::watcher::Told;
use super::world::{HOUR_S, OTHER_PASSWORD, PASSWORD, SECOND, WIDE_S, World, rights};
use policy::GrantState;
use purview::directory::{Change, NewAccess, NewPassword, Turn};
use purview::model::{Micros, PublicId};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    DeviceGrant,
    GeofenceGrant,
    PlaceGrant,
    RoleRight,
    Role,
    RoleWindow,
    Disabled,
    Deleted,
    LoggedOut,
    PasswordSet,
    OwnPassword,
}

/// Who it is taken from, and what he shows to be let in.
pub struct Subject {
    pub email: String,
    pub user: PublicId,
    pub password: &'static str,
    pub token: String,
}

impl Kind {
    pub const fn signs_out(self) -> bool {
        matches!(self, Self::Disabled | Self::Deleted | Self::LoggedOut | Self::PasswordSet | Self::OwnPassword)
    }

    /// Gives everything back, and lets the subject in.
    pub async fn restore(self, world: &World, subject: &mut Option<Subject>) {
        if let Some(subject) = subject.as_mut().filter(|_| self != Self::Deleted) {
            let user = subject.user;
            match self {
                Self::DeviceGrant => drop(world.change(Change::SetDevices { user, devices: world.granted() }).await),
                Self::GeofenceGrant => {
                    let each = vec![(world.geofence, Turn::On)];
                    world.change(Change::TurnGeofences { user, all: None, each }).await;
                }
                Self::PlaceGrant => drop(world.change(Change::TurnPlaces { user, all: None, each: vec![(world.place, Turn::On)] }).await),
                Self::RoleRight | Self::RoleWindow => {
                    let (role, window) = (world.wide, Some(WIDE_S * SECOND));
                    world.change(Change::EditRole { role, version: None, name: "wide".to_owned(), rights: rights(), window }).await;
                }
                Self::Role => {
                    let access = NewAccess::SubUser { role: Some(world.wide) };
                    world.change(Change::SetAccess { user, version: None, access }).await;
                }
                Self::Disabled => drop(world.change(Change::SetUserDisabled { user, disabled: false }).await),
                Self::PasswordSet | Self::OwnPassword => {
                    world.change(Change::SetPassword { user, password: NewPassword::new(PASSWORD) }).await;
                    subject.password = PASSWORD;
                }
                Self::LoggedOut | Self::Deleted => {}
            }
            if self.signs_out() {
                subject.token = world.token(&subject.email, subject.password).await;
            }
        } else {
            let (email, user) = world.viewer().await;
            let token = world.token(&email, PASSWORD).await;
            *subject = Some(Subject { email, user, password: PASSWORD, token });
        }
    }

    /// The revoking call, over HTTP. It panics if it is refused.
    pub async fn revoke(self, world: &World, subject: &Subject) {
        let user = format!("/users/{}", subject.user);
        let role = |rights: Vec<&str>, window_s: i64| json!({ "name": "wide", "rights": rights, "history_window_s": window_s });
        let all: Vec<&str> = rights().iter().map(|right| right.name()).collect();
        let (method, path, body) = match self {
            Self::DeviceGrant => ("PATCH", format!("{user}/grants/devices"), json!({ "remove": [world.taken.public] })),
            Self::GeofenceGrant => {
                ("PATCH", format!("{user}/grants/geofences"), json!({ "each": [{ "id": world.geofence, "turn": "off" }] }))
            }
            Self::PlaceGrant => ("PATCH", format!("{user}/grants/places"), json!({ "each": [{ "id": world.place, "turn": "off" }] })),
            Self::RoleRight => ("PUT", format!("/roles/{}", world.wide), role(Vec::new(), WIDE_S)),
            Self::Role => ("PUT", format!("{user}/access"), json!({ "kind": "sub_user", "role": world.narrow })),
            Self::RoleWindow => ("PUT", format!("/roles/{}", world.wide), role(all, HOUR_S)),
            Self::Disabled => ("PUT", format!("{user}/disabled"), json!({ "disabled": true })),
            Self::Deleted => ("DELETE", user, Value::Null),
            Self::LoggedOut => ("DELETE", "/session".to_owned(), Value::Null),
            Self::PasswordSet => ("PUT", format!("{user}/password"), json!({ "password": OTHER_PASSWORD })),
            Self::OwnPassword => {
                ("PUT", "/me/password".to_owned(), json!({ "current_password": subject.password, "password": OTHER_PASSWORD }))
            }
        };
        let token = match self {
            Self::LoggedOut => subject.token.clone(),
            // From another of his sessions: that one stays.
            Self::OwnPassword => world.token(&subject.email, subject.password).await,
            _ => world.owner_token.clone(),
        };
        let reply = call(world.gateway.api(), method, &path, &token, &body).await.expect("an answer");
        assert!((200..300).contains(&reply.status), "{self:?}: {} {}", reply.status, reply.body);
    }

    /// What may not be told from now on.
    pub fn forbidden(self, world: &World, subject: &Subject) -> Forbidden {
        let ended_at = (self == Self::GeofenceGrant).then(|| ended_at(world, subject));
        Forbidden {
            kind: self,
            taken: world.taken.public.to_string(),
            old: world.old.public.to_string(),
            geofence: world.geofence.to_string(),
            ended_at,
        }
    }
}

/// When the entry was recorded at which the grant of the geofence ended.
fn ended_at(world: &World, subject: &Subject) -> Micros {
    let snapshot = world.gateway.directory().snapshot();
    let grants = snapshot.grants(world.user_id(subject.user)).expect("grants");
    let geofence = snapshot.geofence_of_public(world.geofence).expect("a geofence").id;
    let Some(GrantState::EndedAt(seq)) = grants.geofences.by_object.get(&geofence).copied() else {
        // Nothing was taken away: then everything from the beginning on counts as told in spite of it.
        return Micros::MIN;
    };
    let mut reader = world.gateway.journal().reader(seq).expect("readable");
    let block = reader.next_block().expect("readable").expect("committed");
    block.entries().find(|entry| entry.seq == seq).expect("the entry").recorded_at
}

pub struct Forbidden {
    kind: Kind,
    taken: String,
    old: String,
    geofence: String,
    ended_at: Option<Micros>,
}

impl Forbidden {
    pub fn has(&self, told: &Told) -> bool {
        match self.kind {
            Kind::DeviceGrant => told.device == self.taken,
            Kind::GeofenceGrant => told.geofence == self.geofence && told.recorded_at > self.ended_at,
            Kind::PlaceGrant | Kind::RoleRight => false,
            Kind::Role | Kind::RoleWindow => told.is_news() && told.device == self.old,
            Kind::Disabled | Kind::Deleted | Kind::LoggedOut | Kind::PasswordSet | Kind::OwnPassword => told.is_news(),
        }
    }
}
