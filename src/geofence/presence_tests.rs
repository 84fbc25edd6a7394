//! Visits against a computation that looks at the whole track.

use super::*;
use proptest::prelude::*;

const FENCE: GeofenceId = GeofenceId(7);

fn reading(at_s: i64) -> Reading {
    Reading { at: at_s * 1_000_000, place: Point { latitude: 0.0, longitude: 0.0 } }
}

/// Runs a track of (seconds, inside?) through; gives (entered, exited) in seconds of each visit.
fn visits(track: &[(i64, bool)], dwell_s: i64) -> Vec<(i64, Option<i64>)> {
    let mut presence = Presence::default();
    let mut visits: Vec<(i64, Option<i64>)> = Vec::new();
    let mut out = Vec::new();
    for (seq, (at, is_inside)) in (1..).zip(track) {
        let inside: &[GeofenceId] = if *is_inside { &[FENCE] } else { &[] };
        presence.update(reading(*at), inside, |_| dwell_s * 1_000_000, Order { seq, ordinal: 1 }, &mut out);
        for crossing in out.drain(..) {
            match crossing.exited {
                None => visits.push((crossing.entered.at / 1_000_000, None)),
                Some(exited) => visits.last_mut().expect("begun").1 = Some(exited.at / 1_000_000),
            }
        }
    }
    visits
}

/// The definition once more: runs of equal positions that span the dwell time change the state, at their first position.
fn naive(track: &[(i64, bool)], dwell_s: i64) -> Vec<(i64, Option<i64>)> {
    let mut visits: Vec<(i64, Option<i64>)> = Vec::new();
    let mut is_in = false;
    let mut at = 0;
    while at < track.len() {
        let run = track[at..].iter().take_while(|p| p.1 == track[at].1).count();
        let (first, last) = (track[at].0, track[at + run - 1].0);
        if track[at].1 != is_in && last - first >= dwell_s {
            is_in = !is_in;
            if is_in {
                visits.push((first, None))
            } else if let Some(visit) = visits.last_mut() {
                visit.1 = Some(first)
            }
        }
        at += run;
    }
    visits
}

#[test]
fn a_visit_begins_with_the_first_inside_and_ends_with_the_first_outside() {
    let track = [(0, false), (10, true), (20, true), (30, false), (40, false)];
    assert_eq!(visits(&track, 0), [(10, Some(30))]);
    assert_eq!(visits(&track, 10), [(10, Some(30))]);
    assert_eq!(visits(&track, 11), []);
}

#[test]
fn a_jump_shorter_than_the_dwell_time_is_no_exit_and_no_enter() {
    let track = [(0, true), (60, true), (61, false), (62, true), (120, false), (121, true), (200, false), (260, false)];
    assert_eq!(visits(&track, 30), [(0, Some(200))]);
    assert_eq!(visits(&[(0, false), (1, true), (2, false), (60, false)], 30), []);
    assert_eq!(visits(&track, 0).len(), 3);
}

#[test]
fn a_deleted_geofence_ends_the_visit_at_the_last_position() {
    let mut presence = Presence::default();
    let mut out = Vec::new();
    presence.update(reading(5), &[FENCE], |_| 0, Order { seq: 1, ordinal: 1 }, &mut out);
    presence.update(reading(9), &[FENCE], |_| 0, Order { seq: 2, ordinal: 1 }, &mut out);
    let ended = presence.end(FENCE, 9_000_000).expect("a visit");
    assert_eq!(ended, Ended { begun: Order { seq: 1, ordinal: 1 }, entered_at: 5_000_000, exited_at: 9_000_000 });
    assert_eq!(presence, Presence::default());
    assert_eq!(presence.end(FENCE, 9_000_000), None);
}

#[test]
fn one_position_may_leave_some_and_enter_others() {
    let mut presence = Presence::default();
    let mut out = Vec::new();
    let [a, b, c] = [GeofenceId(1), GeofenceId(2), GeofenceId(3)];
    presence.update(reading(0), &[a, c], |_| 0, Order { seq: 1, ordinal: 1 }, &mut out);
    out.clear();
    presence.update(reading(1), &[b, c], |_| 0, Order { seq: 2, ordinal: 1 }, &mut out);
    let told: Vec<_> = out.iter().map(|x| (x.geofence, x.exited.is_some(), x.order.ordinal, x.begun)).collect();
    assert_eq!(told, [(a, true, 1, Order { seq: 1, ordinal: 1 }), (b, false, 2, Order { seq: 2, ordinal: 2 })]);
    assert_eq!(presence.stays().iter().map(|s| s.geofence).collect::<Vec<_>>(), [b, c]);
    assert_eq!(Presence::from_stays(presence.stays().to_vec()), presence);
}

proptest! {
    #[test]
    fn visits_are_what_the_definition_says(steps in prop::collection::vec((0_i64..20, any::<bool>()), 0..60), dwell in 0_i64..40) {
        let mut at = 0;
        let track: Vec<(i64, bool)> = steps.into_iter().map(|(gap, inside)| { at += gap; (at, inside) }).collect();
        prop_assert_eq!(visits(&track, dwell), naive(&track, dwell));
    }
}
