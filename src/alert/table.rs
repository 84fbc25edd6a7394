//! The one table of rule kinds.

use super::{Kind as _, Raised, RuleState, View};
use super::{
    battery_below, connection_lost, device_alarm, geofence_enter, geofence_exit, geofence_stay, ignition_off, ignition_on, overspeed,
};
use crate::model::RuleKind;

macro_rules! rules {
    ($($kind:ident { $($limit:ident),* } => $make:expr, $module:ident;)+) => {
        /// A rule's kind with its limits made ready.
        #[derive(Clone, Debug)]
        pub(super) enum Watch {
            $(#[doc = concat!("See `", stringify!($module), "`.")] $kind($module::Watch),)+
        }

        impl Watch {
            pub(super) fn new(kind: &RuleKind) -> Self {
                match kind {
                    $(RuleKind::$kind { $($limit),* } => Self::$kind($make),)+
                }
            }

            pub(super) const fn topics(&self) -> u8 {
                match self {
                    $(Self::$kind(_) => $module::Watch::TOPICS,)+
                }
            }

            pub(super) fn check(&self, view: &View<'_>, state: &mut RuleState, out: &mut Vec<Raised>) {
                match self {
                    $(Self::$kind(watch) => watch.check(view, state, out),)+
                }
            }
        }
    };
}

rules! {
    GeofenceEnter {} => geofence_enter::Watch, geofence_enter;
    GeofenceExit {} => geofence_exit::Watch, geofence_exit;
    GeofenceStay { longer_than_s } => geofence_stay::Watch { longer_than_s: *longer_than_s }, geofence_stay;
    Overspeed { faster_than_kmh } => overspeed::Watch { faster_than_kmh: *faster_than_kmh }, overspeed;
    DeviceAlarm { alarms } => device_alarm::Watch::new(alarms), device_alarm;
    IgnitionOn {} => ignition_on::Watch, ignition_on;
    IgnitionOff {} => ignition_off::Watch, ignition_off;
    ConnectionLost { after_s } => connection_lost::Watch { after_s: *after_s }, connection_lost;
    BatteryBelow { level_pct } => battery_below::Watch { level_pct: *level_pct }, battery_below;
}
