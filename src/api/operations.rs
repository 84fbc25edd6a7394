//! The one table of operations: method, path, and what policy is asked. The routes are made from it, so that nothing is served that does
//! not stand here, and each is refused by its row of `policy::table` before anything is looked up.

use super::answer::Answer;
use super::call::Call;
use super::problem::Problem;
use super::{alerts, commands, devices, frames, geofences, grants, logs, own, places, positions, roles, rules, session, users, visits};
use futures_util::future::BoxFuture;
use policy::{Action, Resource};

type Answering = BoxFuture<'static, Result<Answer, Problem>>;

/// How an operation is run.
#[derive(Clone, Copy)]
pub(super) enum Run {
    /// Without a session: it opens one.
    LogIn,
    /// It becomes a WebSocket.
    Stream,
    /// It reads: it is run again if the viewer changes before it is answered.
    Read(fn(Call) -> Answering),
    /// It changes something: once.
    Change(fn(Call) -> Answering),
}

/// One operation.
pub struct Operation {
    /// The HTTP method.
    pub method: &'static str,
    /// Behind [`super::PREFIX`]; `{id}` stands for a public id.
    pub path: &'static str,
    /// What policy is asked before anything is looked up. `None`: nobody is known yet, as at a log-in.
    pub needs: Option<(Resource, Action)>,
    pub(super) run: Run,
}

impl Operation {
    /// Whether it names a thing by its id.
    #[must_use]
    pub fn is_by_id(&self) -> bool {
        self.path.contains("{id}")
    }

    /// Whether it changes something.
    #[must_use]
    pub const fn is_change(&self) -> bool {
        matches!(self.run, Run::Change(_) | Run::LogIn)
    }
}

macro_rules! operations {
    ($($method:ident $path:literal, $resource:ident $action:ident, $kind:ident $room:ident::$handler:ident;)+) => {
        &[
            Operation { method: "POST", path: "/session", needs: None, run: Run::LogIn },
            Operation { method: "GET", path: "/stream", needs: Some((Resource::Position, Action::See)), run: Run::Stream },
            $(Operation {
                method: stringify!($method),
                path: $path,
                needs: Some((Resource::$resource, Action::$action)),
                run: Run::$kind(|call| Box::pin($room::$handler(call))),
            },)+
        ]
    };
}

/// Every operation there is.
#[rustfmt::skip]
pub static OPERATIONS: &[Operation] = operations! {
    DELETE "/session", OwnSession Delete, Change session::log_out;
    GET    "/sessions", OwnSession See, Read session::list;
    DELETE "/sessions/{id}", OwnSession Delete, Change session::close;
    POST   "/stream-tickets", OwnToken Create, Change session::ticket;
    GET    "/me", OwnProfile See, Read own::profile;
    PUT    "/me/password", OwnPassword Edit, Change own::change_password;

    GET    "/devices", Device See, Read devices::list;
    POST   "/devices", Device Register, Change devices::register;
    GET    "/devices/{id}", Device See, Read devices::show;
    DELETE "/devices/{id}", Device Delete, Change devices::delete;
    PATCH  "/devices/{id}/platform", Device EditPlatform, Change devices::edit_platform;
    PATCH  "/devices/{id}/hardware", Device EditHardware, Change devices::edit_hardware;
    PUT    "/devices/{id}/work-status", Device SetWorkStatus, Change devices::set_work_status;
    PUT    "/devices/{id}/disabled", Device Activate, Change devices::set_disabled;
    GET    "/devices/{id}/tariff", DeviceTariff See, Read devices::tariff;
    PUT    "/devices/{id}/tariff", DeviceTariff Edit, Change devices::set_tariff;

    GET    "/devices/{id}/commands", Command See, Read commands::list;
    POST   "/devices/{id}/commands", Device AskReport, Change commands::give;
    GET    "/devices/{id}/frames", Device SeeHardware, Read frames::list;
    PUT    "/devices/{id}/frames", Device EditHardware, Change frames::watch;
    GET    "/commands/{id}", Command See, Read commands::show;

    GET    "/positions/latest", LatestPosition See, Read positions::latest;
    GET    "/devices/{id}/positions", Position See, Read positions::history;
    GET    "/visits", Visit See, Read visits::list;
    GET    "/alerts", Alert See, Read alerts::list;
    POST   "/alerts/{id}/acknowledgement", Alert Acknowledge, Change alerts::acknowledge;

    GET    "/geofences", Geofence See, Read geofences::list;
    POST   "/geofences", Geofence Create, Change geofences::create;
    GET    "/geofences/{id}", Geofence See, Read geofences::show;
    PUT    "/geofences/{id}", Geofence Edit, Change geofences::edit;
    DELETE "/geofences/{id}", Geofence Delete, Change geofences::delete;
    GET    "/places", Place See, Read places::list;
    POST   "/places", Place Create, Change places::create;
    GET    "/places/{id}", Place See, Read places::show;
    PUT    "/places/{id}", Place Edit, Change places::edit;
    DELETE "/places/{id}", Place Delete, Change places::delete;
    GET    "/rules", AlertRule See, Read rules::list;
    POST   "/rules", AlertRule Create, Change rules::create;
    GET    "/rules/{id}", AlertRule See, Read rules::show;
    PUT    "/rules/{id}", AlertRule Edit, Change rules::edit;
    DELETE "/rules/{id}", AlertRule Delete, Change rules::delete;

    GET    "/users", User See, Read users::list;
    POST   "/users", User Create, Change users::create;
    GET    "/users/{id}", User See, Read users::show;
    PATCH  "/users/{id}", User Edit, Change users::edit;
    DELETE "/users/{id}", User Delete, Change users::delete;
    PUT    "/users/{id}/access", User Edit, Change users::set_access;
    PUT    "/users/{id}/password", User Edit, Change users::set_password;
    PUT    "/users/{id}/disabled", User Activate, Change users::set_disabled;
    GET    "/users/{id}/grants", Grant See, Read grants::show;
    PUT    "/users/{id}/grants/devices", Grant Edit, Change grants::set_devices;
    PATCH  "/users/{id}/grants/devices", Grant Edit, Change grants::edit_devices;
    PATCH  "/users/{id}/grants/geofences", Grant Edit, Change grants::turn_geofences;
    PATCH  "/users/{id}/grants/places", Grant Edit, Change grants::turn_places;
    GET    "/roles", Role See, Read roles::list;
    POST   "/roles", Role Create, Change roles::create;
    GET    "/roles/{id}", Role See, Read roles::show;
    PUT    "/roles/{id}", Role Edit, Change roles::edit;
    DELETE "/roles/{id}", Role Delete, Change roles::delete;
    GET    "/audit", AuditLog See, Read logs::changes;
    GET    "/denials", AuditLog See, Read logs::denials;
};
