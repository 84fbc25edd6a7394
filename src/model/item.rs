//! What is delivered, and what each item tells: payload → [`policy::Facts`].

use super::{Alert, AlertKind, Connection, DeviceState, Order, Position, PublicId, Visit, write_rfc3339};
use policy::table::{Action, Resource};
use policy::{AccountId, DeviceId, Facts, GeofenceId, Micros, Observed, Recorded, RuleId, Span, Viewer};
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

/// One thing that a viewer may be told.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A position.
    Position(Position),
    /// A revision of a visit.
    Visit(Visit),
    /// An alert.
    Alert(Alert),
    /// A change of a device's connection.
    DeviceState(DeviceState),
}

impl Item {
    /// Where it stands in the recorded order.
    #[must_use]
    pub const fn order(&self) -> Order {
        match self {
            Self::Position(p) => p.order(),
            Self::Visit(v) => v.order,
            Self::Alert(a) => a.order,
            Self::DeviceState(s) => s.order,
        }
    }

    /// Whose.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        match self {
            Self::Position(p) => p.account,
            Self::Visit(v) => v.account,
            Self::Alert(a) => a.account,
            Self::DeviceState(s) => s.account,
        }
    }

    /// Of which device.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        match self {
            Self::Position(p) => p.device,
            Self::Visit(v) => v.device,
            Self::Alert(a) => a.device,
            Self::DeviceState(s) => s.device,
        }
    }
}

/// Public ids, as of some directory state.
pub trait Names {
    /// Of a device.
    fn device(&self, id: DeviceId) -> Option<PublicId>;
    /// Of a geofence, also of a deleted one.
    fn geofence(&self, id: GeofenceId) -> Option<PublicId>;
    /// Of a rule, also of a deleted one.
    fn rule(&self, id: RuleId) -> Option<PublicId>;
}

/// In which form an item is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// All of it.
    Whole,
    /// A visit without its beginning and its length (P3).
    Clipped,
}

#[derive(Debug)]
struct Cell {
    item: Item,
    clipped: Option<Visit>,
    whole_json: OnceLock<Box<str>>,
    clipped_json: OnceLock<Box<str>>,
}

/// An item that many viewers share, in one of its forms. It is encoded once for each form.
#[derive(Clone, Debug)]
pub struct Shared {
    cell: Arc<Cell>,
    form: Form,
}

impl Shared {
    /// Wraps an item, whole.
    #[must_use]
    pub fn new(item: Item) -> Self {
        let clipped = match &item {
            Item::Visit(visit) if visit.exited_at.is_some() => Some(Visit { entered_at: None, ..visit.clone() }),
            _ => None,
        };
        Self { cell: Arc::new(Cell { item, clipped, whole_json: OnceLock::new(), clipped_json: OnceLock::new() }), form: Form::Whole }
    }

    /// The whole item: for rooms that compute or store. What leaves is [`Shared::json`].
    #[must_use]
    pub fn item(&self) -> &Item {
        &self.cell.item
    }

    /// The form.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// The visit as it is told in this form, if it is a visit.
    #[must_use]
    pub fn visit(&self) -> Option<&Visit> {
        match (&self.cell.item, self.form) {
            (Item::Visit(visit), Form::Whole) => Some(visit),
            (Item::Visit(_), Form::Clipped) => self.cell.clipped.as_ref(),
            _ => None,
        }
    }

    /// The JSON object of this form; made by the first who asks.
    pub fn json(&self, names: &dyn Names) -> &str {
        let slot = match self.form {
            Form::Whole => &self.cell.whole_json,
            Form::Clipped => &self.cell.clipped_json,
        };
        slot.get_or_init(|| {
            let mut out = String::with_capacity(384);
            match (&self.cell.item, self.visit()) {
                (_, Some(visit)) => write_visit(visit, names, &mut out),
                (Item::Position(position), _) => write_position(position, names, &mut out),
                (Item::Alert(alert), _) => write_alert(alert, names, &mut out),
                (Item::DeviceState(state), _) => write_state(state, names, &mut out),
                (Item::Visit(_), None) => out.push_str("null"),
            }
            out.into_boxed_str()
        })
    }
}

impl Observed for Shared {
    fn facts(&self) -> Facts<'_> {
        match (&self.cell.item, self.form, &self.cell.clipped) {
            (Item::Visit(_), Form::Clipped, Some(clipped)) => visit_facts(clipped),
            (Item::Visit(visit), ..) => visit_facts(visit),
            (Item::Position(position), ..) => position_facts(position),
            (Item::Alert(alert), ..) => alert_facts(alert),
            (Item::DeviceState(state), ..) => state_facts(state),
        }
    }

    fn narrow(mut self, viewer: &Viewer, now: Micros) -> Option<Self> {
        if let Item::Visit(visit) = &self.cell.item
            && let Some(entered) = visit.entered_at
            && self.cell.clipped.is_some()
            && viewer.begins_before_window(visit.device, entered, visit.recorded_at, now)
        {
            self.form = Form::Clipped;
        }
        Some(self)
    }
}

fn position_facts(position: &Position) -> Facts<'_> {
    // What a position tells is its device, its place and its time; a geofence is never in it (P3).
    let Position { seq, account, device, fix_time: _, received_at: _, recorded_at, fix: _, attributes: _, late: _, time_flag: _ } =
        position;
    let at = position.judged_time();
    Facts {
        devices: std::slice::from_ref(device),
        span: Some(Span { from: at, to: at }),
        recorded: Some(Recorded { seq: *seq, at: *recorded_at }),
        ..Facts::new(*account, Resource::Position, Action::See)
    }
}

fn visit_facts(visit: &Visit) -> Facts<'_> {
    let Visit { id: _, revision: _, order, recorded_at, account, device, geofence, entered_at, exited_at } = visit;
    let times = || entered_at.iter().chain(exited_at.iter()).map(|t| (*t).min(*recorded_at));
    let span = times().min().zip(times().max()).map(|(from, to)| Span { from, to });
    Facts {
        devices: std::slice::from_ref(device),
        geofences: std::slice::from_ref(geofence),
        span: Some(span.unwrap_or(Span { from: *recorded_at, to: *recorded_at })),
        recorded: Some(Recorded { seq: order.seq, at: *recorded_at }),
        ..Facts::new(*account, Resource::Visit, Action::See)
    }
}

fn alert_facts(alert: &Alert) -> Facts<'_> {
    // The rule needs no grant of its own: whoever sees its device sees it (B19).
    let Alert {
        id: _,
        order,
        recorded_at,
        account,
        device,
        kind,
        rule: _,
        geofence,
        fix_time,
        // Where it was is told of that time, which is judged.
        latitude: _,
        longitude: _,
        value,
        alarm: _,
    } = alert;
    let at = fix_time.unwrap_or(*recorded_at);
    // "So long in the geofence", "so long unheard" tell of the time before as well (P3).
    let began = match (kind, value) {
        (AlertKind::GeofenceStay | AlertKind::ConnectionLost, Some(seconds)) => at.saturating_sub((seconds * 1e6) as Micros),
        _ => at,
    };
    Facts {
        devices: std::slice::from_ref(device),
        geofences: geofence.as_ref().map(std::slice::from_ref).unwrap_or_default(),
        span: Some(Span { from: began.min(*recorded_at), to: at.min(*recorded_at) }),
        recorded: Some(Recorded { seq: order.seq, at: *recorded_at }),
        ..Facts::new(*account, Resource::Alert, Action::See)
    }
}

fn state_facts(state: &DeviceState) -> Facts<'_> {
    let DeviceState { order, account, device, connection: _, recorded_at } = state;
    Facts {
        devices: std::slice::from_ref(device),
        span: Some(Span { from: *recorded_at, to: *recorded_at }),
        recorded: Some(Recorded { seq: order.seq, at: *recorded_at }),
        ..Facts::new(*account, Resource::Device, Action::See)
    }
}

fn write_id(name: &str, id: Option<PublicId>, out: &mut String) {
    let _ = match id {
        Some(id) => write!(out, ",\"{name}\":\"{id}\""),
        None => write!(out, ",\"{name}\":null"),
    };
}

fn write_time(name: &str, time: Option<Micros>, out: &mut String) {
    match time {
        Some(time) => {
            let _ = write!(out, ",\"{name}\":\"");
            write_rfc3339(time, out);
            out.push('"');
        }
        None => {
            let _ = write!(out, ",\"{name}\":null");
        }
    }
}

fn write_number(name: &str, value: Option<f64>, out: &mut String) {
    let _ = match value.filter(|v| v.is_finite()) {
        Some(value) => write!(out, ",\"{name}\":{value}"),
        None => write!(out, ",\"{name}\":null"),
    };
}

fn write_position(position: &Position, names: &dyn Names, out: &mut String) {
    out.push_str("{\"type\":\"position\"");
    write_id("device", names.device(position.device), out);
    out.push(',');
    position.write_json_fields(out);
    out.push('}');
}

fn write_visit(visit: &Visit, names: &dyn Names, out: &mut String) {
    let _ = write!(out, "{{\"type\":\"visit\",\"id\":\"{}\",\"revision\":{}", visit.id.0, visit.revision);
    write_id("device", names.device(visit.device), out);
    write_id("geofence", names.geofence(visit.geofence), out);
    write_time("entered_at", visit.entered_at, out);
    write_time("exited_at", visit.exited_at, out);
    let length = visit.entered_at.zip(visit.exited_at).map(|(entered, exited)| (exited - entered) as f64 / 1e6);
    write_number("duration_s", length, out);
    write_time("recorded_at", Some(visit.recorded_at), out);
    out.push('}');
}

fn write_alert(alert: &Alert, names: &dyn Names, out: &mut String) {
    let _ = write!(out, "{{\"type\":\"alert\",\"id\":\"{}\",\"kind\":\"{}\"", alert.id.0, alert.kind.as_str());
    write_id("device", names.device(alert.device), out);
    write_id("rule", alert.rule.and_then(|rule| names.rule(rule)), out);
    write_id("geofence", alert.geofence.and_then(|geofence| names.geofence(geofence)), out);
    write_time("fix_time", alert.fix_time, out);
    write_number("latitude", alert.latitude, out);
    write_number("longitude", alert.longitude, out);
    write_number("value", alert.value, out);
    if alert.kind == AlertKind::DeviceAlarm {
        let _ = write!(out, ",\"alarm\":\"{}\"", alert.alarm.map_or("general", protocols::Alarm::as_str));
    }
    write_time("recorded_at", Some(alert.recorded_at), out);
    out.push('}');
}

fn write_state(state: &DeviceState, names: &dyn Names, out: &mut String) {
    let connection = match state.connection {
        Connection::Never => "never",
        Connection::Online => "online",
        Connection::Offline => "offline",
    };
    out.push_str("{\"type\":\"device_state\"");
    write_id("device", names.device(state.device), out);
    let _ = write!(out, ",\"connection\":\"{connection}\"");
    write_time("recorded_at", Some(state.recorded_at), out);
    out.push('}');
}
