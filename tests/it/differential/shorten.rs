//! A failing run, made short: steps are left out as long as it still fails.

use super::compare::{Difference, Product, run};
use super::scenery::Scenario;

/// At most this many runs are spent on it.
const RUNS_MAX: usize = 600;

/// The shortest failing run found, and how it fails.
pub fn shorten<P: Product>(scenario: &Scenario, difference: &Difference, make: &impl Fn(&Scenario) -> P) -> (Scenario, Difference) {
    let mut best = scenario.clone();
    let mut found = difference.clone();
    best.steps.truncate(found.step + 1);
    let mut chunk = best.steps.len() / 2;
    let mut runs = 0;
    while chunk > 0 && runs < RUNS_MAX {
        let mut from = 0;
        let before = best.steps.len();
        while from < best.steps.len() && runs < RUNS_MAX {
            let mut shorter = best.clone();
            shorter.steps.drain(from..(from + chunk).min(best.steps.len()));
            runs += 1;
            match run(&shorter, &mut make(&shorter)).1 {
                Some(difference) if difference.way == found.way => {
                    shorter.steps.truncate(difference.step + 1);
                    (best, found) = (shorter, difference);
                }
                _ => from += chunk,
            }
        }
        if chunk > 1 || best.steps.len() == before {
            chunk /= 2;
        }
    }
    (best, found)
}
