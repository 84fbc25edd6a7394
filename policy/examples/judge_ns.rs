//! Prints how many nanoseconds a verdict on a position takes, by the number of devices that a sub-user holds:
//! `cargo run --release -p policy --example judge_ns`.
#![allow(clippy::print_stdout, reason = "an example that prints its figure")]

use std::hint::black_box;
use std::time::Instant;

use policy::{
    Access, AccountId, Action, DeviceId, DeviceWindows, Facts, Micros, ObjectGrants, Resource, RightSet, Role, SubUser, UserId, Viewer,
    judge,
};

const DAY: Micros = 86_400_000_000;
const NOW: Micros = 1_700_000_000_000_000;
const POSITIONS: usize = 50_000;
const ROUNDS: usize = 200;

fn main() {
    for grants in [1_u32, 20, 200, 2_000, 200_000] {
        // Ids as a directory of several accounts leaves them: in order, with gaps of different lengths.
        let ids: Vec<DeviceId> = (0..grants).map(|n| DeviceId(1_000 + n * 7 + n * n % 5)).collect();
        let sub = SubUser {
            role: Some(Role { rights: RightSet::BASIC, window: Some(DAY) }),
            devices: ids.iter().map(|id| (*id, 30 * DAY)).collect::<DeviceWindows>(),
            geofences: ObjectGrants::all(),
            places: ObjectGrants::all(),
        };
        let viewer = Viewer {
            account: AccountId(1),
            user: UserId(1),
            access: Access::SubUser(sub),
            account_devices: DeviceWindows::default(),
            epoch: 1,
            generation: 1,
            disabled: false,
        };
        // No order that a branch predictor could learn: all held by the viewer, and half of them.
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut draw = |held: bool| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let id = ids[(state >> 33) as usize % ids.len()];
            if held || state >> 63 == 0 { id } else { DeviceId(id.0 + 1) }
        };
        let held: Vec<DeviceId> = (0..POSITIONS).map(|_| draw(true)).collect();
        let half: Vec<DeviceId> = (0..POSITIONS).map(|_| draw(false)).collect();
        println!(
            "{grants:>7} grants: {:5.1} ns a judge, all allowed; {:5.1} ns, every other hidden",
            best_ns(&viewer, &held),
            best_ns(&viewer, &half)
        );
    }
}

/// The best of several rounds: the machine's noise only adds.
fn best_ns(viewer: &Viewer, asked: &[DeviceId]) -> f64 {
    (0..ROUNDS).map(|_| round_ns(viewer, asked)).fold(f64::INFINITY, f64::min)
}

fn round_ns(viewer: &Viewer, asked: &[DeviceId]) -> f64 {
    let start = Instant::now();
    let mut allowed = 0_u32;
    for device in asked {
        let facts = Facts::new(AccountId(1), Resource::Position, Action::See)
            .devices(std::slice::from_ref(device))
            .span(NOW - 1, NOW - 1)
            .recorded(1, NOW);
        allowed += u32::from(judge(black_box(viewer), black_box(&facts), NOW).is_allow());
    }
    black_box(allowed);
    start.elapsed().as_nanos() as f64 / asked.len() as f64
}
