//! Revocation (P6, T15): each kind of taking away × live stream, resume, history page and latest, under load. The revoking call
//! goes over HTTP;
//! when it has returned, marked records are put into the journal, and none of them, and nothing else that is now forbidden, may come out.
//! Nothing here sleeps: order is kept in the journal and on each stream, so a record of a device that stays granted says that all
//! before it came.

pub mod http;
mod kind;
mod races;
pub mod stuck;
mod trial;
pub mod watcher;
pub mod world;

use kind::Kind;
use trial::{Effect, Trials};

/// How often each kind is tried.
fn trials() -> usize {
    std::env::var("PURVIEW_REVOCATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}

async fn hold(kind: Kind) {
    let mut run = Trials::new(kind).await;
    for number in 0..trials() {
        if let Err(leak) = run.once(Effect::Real).await {
            panic!("{kind:?}, trial {number}: {leak}");
        }
    }
    run.tell();
}

macro_rules! each_kind {
    ($($name:ident = $kind:ident;)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                hold(Kind::$kind).await;
            }
        )+
    };
}

each_kind! {
    p6_t15_after_a_device_grant_was_taken_nothing_of_it_follows = DeviceGrant;
    p6_b38_b39_after_a_geofence_grant_was_turned_off_nothing_new_of_it_follows_and_the_past_stays = GeofenceGrant;
    p6_t15_after_a_place_grant_was_turned_off_the_place_is_gone = PlaceGrant;
    p6_t15_after_a_right_was_taken_from_a_role_it_is_missed_at_once = RoleRight;
    p6_t15_after_another_role_was_given_its_window_holds_at_once = Role;
    p6_t15_p2_after_the_window_of_a_role_was_narrowed_it_holds_at_once = RoleWindow;
    p6_t15_after_a_user_was_disabled_nothing_follows = Disabled;
    p6_t15_after_a_user_was_deleted_nothing_follows = Deleted;
    p6_t15_after_a_log_out_nothing_follows = LoggedOut;
    p6_t15_after_a_password_was_set_nothing_follows = PasswordSet;
    p6_t15_after_the_own_password_was_changed_nothing_follows_in_other_sessions = OwnPassword;
}

/// A revoking call that answers and does nothing is the bug that the trials are for: each kind has to catch it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p6_the_trials_catch_a_revoke_without_effect() {
    use Kind::{
        Deleted, DeviceGrant, Disabled, GeofenceGrant, LoggedOut, OwnPassword, PasswordSet, PlaceGrant, Role, RoleRight, RoleWindow,
    };
    for kind in
        [DeviceGrant, GeofenceGrant, PlaceGrant, RoleRight, Role, RoleWindow, Disabled, Deleted, LoggedOut, PasswordSet, OwnPassword]
    {
        let mut run = Trials::new(kind).await;
        run.once(Effect::Real).await.unwrap_or_else(|leak| panic!("{kind:?}: {leak}"));
        let caught = run.once(Effect::Nothing).await;
        assert!(caught.is_err(), "{kind:?}: a revoke without effect was not noticed");
    }
}
