//! Prints how many nanoseconds a verdict on a position takes for a sub-user with 200 devices: `cargo run --release -p policy --example judge_ns`.
#![allow(clippy::print_stdout, reason = "an example that prints its figure")]

use std::hint::black_box;
use std::time::Instant;

use policy::{
    Access, AccountId, Action, DeviceId, DeviceWindows, Facts, Micros, ObjectGrants, Resource, RightSet, Role, SubUser, UserId, Viewer,
    judge,
};

const DAY: Micros = 86_400_000_000;
const ROUNDS: usize = 50_000;

fn main() {
    let now = 1_700_000_000_000_000;
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
        // Half of the positions are of devices that he holds, in no order that a branch predictor could learn.
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let asked: Vec<DeviceId> = (0..4096)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let id = ids[(state >> 33) as usize % ids.len()];
                if state >> 63 == 0 { id } else { DeviceId(id.0 + 1) }
            })
            .collect();
        let mut best = f64::INFINITY;
        let mut allowed = 0_usize;
        for _ in 0..5 {
            let start = Instant::now();
            for round in 0..ROUNDS / 10 {
                let at = now - round as Micros;
                for device in &asked[..1024] {
                    let facts = Facts::new(AccountId(1), Resource::Position, Action::See)
                        .devices(std::slice::from_ref(device))
                        .span(at, at)
                        .recorded(round as u64, at);
                    allowed += usize::from(judge(black_box(&viewer), black_box(&facts), now).is_allow());
                }
            }
            best = best.min(start.elapsed().as_nanos() as f64 / (ROUNDS / 10 * 1024) as f64);
        }
        println!("{grants:>7} grants: {best:5.1} ns per judge of a position ({allowed} allowed)");
    }
}
