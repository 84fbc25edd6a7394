//! A change in the making: the next snapshot, and everything that follows from it.

use super::super::audit::{AuditActor, AuditRow};
use super::super::hooks::Cut;
use super::super::sessions::{SessionId, Sessions};
use super::super::snapshot::{NumberOf, Object, Secret, Snapshot};
use super::super::store::Key;
use super::{Actor, ChangeError, Changed};
use crate::config::DirectoryConfig;
use crate::model::{Account, Device, Geofence, Grants, Place, PublicId, Role, Rule, Tariff, User, UserAccess};
use policy::{
    AccountId, Action, DeviceId, Facts, GeofenceId, Micros, PlaceId, Reason, Resource, RoleId, RuleId, Seq, UserId, Verdict, Viewer,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A definition as it was before; `None`: it was not.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::directory) enum Undo {
    Geofence(GeofenceId, Option<Arc<Geofence>>),
    Rule(RuleId, Option<Arc<Rule>>),
}

/// A verdict against the actor, for the audit.
#[derive(Clone, Copy, Debug)]
pub(in crate::directory) struct Denial {
    pub(in crate::directory) resource: Resource,
    pub(in crate::directory) action: Action,
    pub(in crate::directory) reason: Reason,
}

/// What the writer makes true.
pub(in crate::directory) struct Outcome {
    pub(in crate::directory) next: Snapshot,
    pub(in crate::directory) touched: BTreeSet<Key>,
    pub(in crate::directory) undo: Vec<Undo>,
    pub(in crate::directory) audit: Vec<AuditRow>,
    pub(in crate::directory) narrows: bool,
    pub(in crate::directory) users: BTreeSet<UserId>,
    pub(in crate::directory) everyone_in: BTreeSet<AccountId>,
    pub(in crate::directory) closed_sessions: BTreeSet<SessionId>,
    pub(in crate::directory) closed_users: BTreeSet<UserId>,
    pub(in crate::directory) closed_devices: BTreeSet<DeviceId>,
    pub(in crate::directory) generations: BTreeMap<DeviceId, Option<u32>>,
    pub(in crate::directory) changed: Changed,
}

impl Outcome {
    /// Whether something was taken away: then it has to take effect, stored or not.
    pub(in crate::directory) fn takes_away(&self) -> bool {
        self.narrows || !self.closed_sessions.is_empty() || !self.closed_users.is_empty() || !self.closed_devices.is_empty()
    }

    pub(in crate::directory) fn cut(&self, snapshot: &Arc<Snapshot>) -> Cut {
        Cut {
            epoch: snapshot.epoch(),
            snapshot: Arc::clone(snapshot),
            narrows: self.narrows,
            users: self.users.iter().copied().collect(),
            everyone_in: self.everyone_in.iter().copied().collect(),
            closed_sessions: self.closed_sessions.iter().copied().collect(),
            closed_users: self.closed_users.iter().copied().collect(),
            closed_devices: self.closed_devices.iter().copied().collect(),
            generations: self.generations.iter().map(|(device, generation)| (*device, *generation)).collect(),
        }
    }
}

/// A change in the making.
pub(in crate::directory) struct Draft<'a> {
    pub(super) next: Snapshot,
    pub(super) limits: &'a DirectoryConfig,
    pub(super) sessions: &'a Sessions,
    pub(super) actor: Actor,
    pub(super) changed: Changed,
    /// Where grants end, if that is known already.
    ended: Option<Seq>,
    /// Whether a grant ended, so that its place in the recorded order is needed.
    pub(in crate::directory) wants_seq: bool,
    pub(in crate::directory) denial: Option<Denial>,
    viewer: Option<Viewer>,
    now: Micros,
    touched: BTreeSet<Key>,
    undo: BTreeMap<Object, Undo>,
    audit: Vec<AuditRow>,
    narrows: bool,
    users: BTreeSet<UserId>,
    everyone_in: BTreeSet<AccountId>,
    closed_sessions: BTreeSet<SessionId>,
    closed_users: BTreeSet<UserId>,
    closed_devices: BTreeSet<DeviceId>,
    generations: BTreeMap<DeviceId, Option<u32>>,
}

impl<'a> Draft<'a> {
    pub(in crate::directory) fn new(
        before: &Snapshot,
        limits: &'a DirectoryConfig,
        sessions: &'a Sessions,
        actor: Actor,
        now: Micros,
        ended: Option<Seq>,
    ) -> Result<Self, ChangeError> {
        let mut draft = Self {
            next: before.clone(),
            limits,
            sessions,
            actor,
            changed: Changed::default(),
            ended,
            wants_seq: false,
            denial: None,
            viewer: None,
            now,
            touched: BTreeSet::new(),
            undo: BTreeMap::new(),
            audit: Vec::new(),
            narrows: false,
            users: BTreeSet::new(),
            everyone_in: BTreeSet::new(),
            closed_sessions: BTreeSet::new(),
            closed_users: BTreeSet::new(),
            closed_devices: BTreeSet::new(),
            generations: BTreeMap::new(),
        };
        draft.renew_viewer()?;
        Ok(draft)
    }

    /// Ends the making. The epoch is raised, and the version if a definition changed.
    pub(in crate::directory) fn finish(mut self) -> Option<Outcome> {
        if self.touched.is_empty() && self.closed_sessions.is_empty() {
            return None;
        }
        self.next.epoch += 1;
        if !self.undo.is_empty() {
            Arc::make_mut(&mut self.next.definitions).version += 1;
        }
        self.changed.epoch = self.next.epoch;
        for (ordinal, row) in (0..).zip(&mut self.audit) {
            (row.epoch, row.ordinal) = (self.next.epoch, ordinal);
        }
        Some(Outcome {
            next: self.next,
            touched: self.touched,
            undo: self.undo.into_values().collect(),
            audit: self.audit,
            narrows: self.narrows,
            users: self.users,
            everyone_in: self.everyone_in,
            closed_sessions: self.closed_sessions,
            closed_users: self.closed_users,
            closed_devices: self.closed_devices,
            generations: self.generations,
            changed: self.changed,
        })
    }

    // Who asks, and whether he may.

    /// Compiles the actor again, from what the draft has become.
    pub(super) fn renew_viewer(&mut self) -> Result<(), ChangeError> {
        if let Actor::User(user, _) = self.actor {
            self.viewer = Some(self.next.viewer(user, 0).ok_or(ChangeError::NotFound)?);
        }
        Ok(())
    }

    /// The actor as policy sees him. The operator is none: he does nothing inside an account.
    pub(super) fn viewer(&self) -> Result<&Viewer, ChangeError> {
        self.viewer.as_ref().ok_or(ChangeError::Forbidden(Reason::OtherAccount))
    }

    /// Whether the operator asks: nobody else makes accounts and tariffs (P8).
    pub(super) fn operator(&self) -> Result<(), ChangeError> {
        match self.actor {
            Actor::Operator => Ok(()),
            Actor::User(..) => Err(ChangeError::Forbidden(Reason::SomebodyElses)),
        }
    }

    /// What is refused before anything is looked up.
    pub(super) fn may(&mut self, resource: Resource, action: Action) -> Result<(), ChangeError> {
        let verdict = policy::may(self.viewer()?, resource, action);
        self.answer(resource, action, verdict)
    }

    /// The verdict about what was found.
    pub(super) fn judge(&mut self, facts: &Facts<'_>) -> Result<(), ChangeError> {
        let verdict = policy::judge(self.viewer()?, facts, self.now);
        self.answer(facts.resource, facts.action, verdict)
    }

    fn answer(&mut self, resource: Resource, action: Action, verdict: Verdict) -> Result<(), ChangeError> {
        let Some(reason) = verdict.reason() else { return Ok(()) };
        self.denial = Some(Denial { resource, action, reason });
        match verdict {
            Verdict::Allow => Ok(()),
            Verdict::Forbid(reason) => Err(ChangeError::Forbidden(reason)),
            Verdict::Hide(_) => Err(ChangeError::NotFound),
        }
    }

    /// The user who asks.
    pub(super) fn actor_user(&self) -> Result<UserId, ChangeError> {
        self.viewer().map(|v| v.user)
    }

    /// The place in the recorded order at which a grant ends.
    pub(super) fn ended_at(&mut self) -> Seq {
        self.wants_seq = true;
        self.ended.unwrap_or(0)
    }

    // Numbers and ids.

    pub(super) fn number(&mut self, of: NumberOf) -> Result<u32, ChangeError> {
        let last = &mut self.next.numbers.last[of as usize];
        *last = last.checked_add(1).ok_or(ChangeError::LimitReached { limit: "numbers", max: u32::MAX as usize })?;
        self.touched.insert(Key::Number(of));
        Ok(*last)
    }

    pub(super) fn public_id(&self) -> PublicId {
        super::super::sessions::new_public_id(self.now)
    }

    pub(super) fn created(&mut self, id: PublicId) {
        self.changed.created.push(id);
        self.changed.version = Some(1);
    }

    // Putting in and taking out.

    pub(super) fn put_account(&mut self, account: Account) {
        self.touched.insert(Key::Account(account.id));
        self.next.put_account(account);
    }

    pub(super) fn put_tariff(&mut self, tariff: Tariff) {
        self.touched.insert(Key::Tariff(tariff.id));
        self.next.put_tariff(tariff);
    }

    pub(super) fn put_user(&mut self, user: User) {
        self.touched.insert(Key::User(user.id));
        self.changed.version = Some(user.version);
        self.next.put_user(user);
    }

    pub(super) fn remove_user(&mut self, user: UserId) {
        self.touched.insert(Key::User(user));
        self.next.remove_user(user);
    }

    pub(super) fn put_secret(&mut self, user: UserId, hash: Arc<str>) {
        self.touched.insert(Key::Secret(user));
        self.next.secrets.insert(user, Secret(hash));
    }

    pub(super) fn put_grants(&mut self, user: UserId, grants: Grants, keys: impl IntoIterator<Item = Key>) {
        self.touched.insert(Key::User(user));
        self.touched.extend(keys);
        self.next.grants.insert(user, Arc::new(grants));
    }

    pub(super) fn remove_grants(&mut self, user: UserId) {
        let Some(grants) = self.next.grants.remove(&user) else { return };
        self.touched.insert(Key::User(user));
        self.touched.extend(grants.devices.iter().map(|id| Key::DeviceGrant(user, *id)));
        self.touched.extend(grants.geofences.by_object.keys().map(|id| Key::GeofenceGrant(user, *id)));
        self.touched.extend(grants.places.by_object.keys().map(|id| Key::PlaceGrant(user, *id)));
    }

    pub(super) fn put_role(&mut self, role: Role) {
        self.touched.insert(Key::Role(role.id));
        self.changed.version = Some(role.version);
        self.next.put_role(role);
    }

    pub(super) fn remove_role(&mut self, role: RoleId) {
        self.touched.insert(Key::Role(role));
        self.next.remove_role(role);
    }

    pub(super) fn put_device(&mut self, device: Device) {
        self.touched.insert(Key::Device(device.id));
        self.changed.version = Some(device.version);
        self.next.put_device(device);
    }

    pub(super) fn remove_device(&mut self, device: DeviceId) {
        self.touched.insert(Key::Device(device));
        self.next.remove_device(device);
    }

    pub(super) fn put_place(&mut self, place: Place) {
        self.touched.insert(Key::Place(place.id));
        self.changed.version = Some(place.version);
        self.next.put_place(place);
    }

    pub(super) fn remove_place(&mut self, place: PlaceId) {
        self.touched.insert(Key::Place(place));
        self.next.remove_place(place);
    }

    pub(super) fn put_geofence(&mut self, geofence: Geofence) {
        self.touch_geofence(geofence.id);
        self.changed.version = Some(geofence.version);
        self.next.put_geofence(geofence);
    }

    pub(super) fn remove_geofence(&mut self, geofence: GeofenceId) {
        self.touch_geofence(geofence);
        self.next.remove_geofence(geofence);
    }

    fn touch_geofence(&mut self, id: GeofenceId) {
        self.touched.insert(Key::Geofence(id));
        let before = self.next.geofence(id).cloned();
        self.undo.entry(Object::Geofence(id)).or_insert(Undo::Geofence(id, before));
    }

    pub(super) fn put_rule(&mut self, rule: Rule) {
        self.touch_rule(rule.id);
        self.changed.version = Some(rule.version);
        self.next.put_rule(rule);
    }

    pub(super) fn remove_rule(&mut self, rule: RuleId) {
        self.touch_rule(rule);
        self.next.remove_rule(rule);
    }

    fn touch_rule(&mut self, id: RuleId) {
        self.touched.insert(Key::Rule(id));
        let before = self.next.rule(id).cloned();
        self.undo.entry(Object::Rule(id)).or_insert(Undo::Rule(id, before));
    }

    // What follows for those who are watching.

    pub(super) fn narrow(&mut self, user: UserId) {
        self.narrows = true;
        self.users.insert(user);
    }

    pub(super) fn widen(&mut self, user: UserId) {
        self.users.insert(user);
    }

    pub(super) fn narrow_everyone(&mut self, account: AccountId) {
        self.narrows = true;
        self.everyone_in.insert(account);
    }

    pub(super) fn widen_everyone(&mut self, account: AccountId) {
        self.everyone_in.insert(account);
    }

    /// Everybody to whom the device is visible.
    pub(super) fn touch_viewers_of(&mut self, device: &Device, narrows: bool) {
        let sees = |user: &User| match user.access {
            UserAccess::SubUser { .. } => self.next.grants(user.id).is_some_and(|g| g.devices.contains(&device.id)),
            _ => true,
        };
        let users: Vec<UserId> = self.next.users_of(device.account).filter(|user| sees(user)).map(|user| user.id).collect();
        self.users.extend(users);
        self.narrows |= narrows;
    }

    pub(super) fn close_session(&mut self, session: SessionId) {
        self.touched.insert(Key::Session(session));
        self.closed_sessions.insert(session);
    }

    pub(super) fn close_user(&mut self, user: UserId) {
        self.closed_users.insert(user);
        self.narrow(user);
        for session in self.sessions.of_user(user) {
            self.close_session(session.id);
        }
    }

    pub(super) fn close_device(&mut self, device: DeviceId) {
        self.closed_devices.insert(device);
    }

    pub(super) fn set_generation(&mut self, device: DeviceId, generation: Option<u32>) {
        self.generations.insert(device, generation);
    }

    // What is written down about it (P11).

    pub(super) fn note(&mut self, account: Option<AccountId>, action: &'static str, object: PublicId, before: Value, after: Value) {
        let short = |value: Value| {
            let text = value.to_string();
            if text.len() > self.limits.audit_json_bytes_max { format!("{{\"left_out_bytes\":{}}}", text.len()) } else { text }
        };
        let actor = match self.actor {
            Actor::Operator => AuditActor::Operator,
            Actor::User(user, _) => AuditActor::User(user),
        };
        let row = AuditRow {
            epoch: 0,
            ordinal: 0,
            at: self.now,
            account,
            actor,
            action: action.to_owned(),
            object: Some(object),
            before: short(before),
            after: short(after),
        };
        self.audit.push(row);
    }

    // Lookups by public id: what is not there is not found, like what is not visible.

    pub(super) fn find_user(&self, id: PublicId) -> Result<Arc<User>, ChangeError> {
        self.next.user_of_public(id).cloned().ok_or(ChangeError::NotFound)
    }

    pub(super) fn find_device(&self, id: PublicId) -> Result<Arc<Device>, ChangeError> {
        self.next.device_of_public(id).cloned().ok_or(ChangeError::NotFound)
    }

    pub(super) fn find_tariff(&self, id: PublicId) -> Result<Arc<Tariff>, ChangeError> {
        self.next.tariff_of_public(id).cloned().ok_or(ChangeError::NotFound)
    }

    /// The devices with these ids, if the actor sees every one of them.
    pub(super) fn visible_devices(&mut self, ids: &[PublicId]) -> Result<BTreeSet<DeviceId>, ChangeError> {
        ids.iter()
            .map(|id| {
                let device = self.find_device(*id)?;
                self.judge(&Facts::new(device.account, Resource::Device, Action::See).devices(&[device.id]))?;
                Ok(device.id)
            })
            .collect()
    }

    /// The geofences with these ids, if the actor sees every one of them now.
    pub(super) fn visible_geofences(&mut self, ids: &[PublicId]) -> Result<BTreeSet<GeofenceId>, ChangeError> {
        ids.iter()
            .map(|id| {
                let geofence = self.next.geofence_of_public(*id).cloned().ok_or(ChangeError::NotFound)?;
                self.judge(&Facts::new(geofence.account, Resource::Geofence, Action::See).geofences(&[geofence.id]))?;
                Ok(geofence.id)
            })
            .collect()
    }

    /// The places with these ids, if the actor sees every one of them now.
    pub(super) fn visible_places(&mut self, ids: &[PublicId]) -> Result<BTreeSet<PlaceId>, ChangeError> {
        ids.iter()
            .map(|id| {
                let place = self.next.place_of_public(*id).cloned().ok_or(ChangeError::NotFound)?;
                self.judge(&Facts::new(place.account, Resource::Place, Action::See).places(&[place.id]))?;
                Ok(place.id)
            })
            .collect()
    }
}
