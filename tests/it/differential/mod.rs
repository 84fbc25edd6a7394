//! The product against the executable specification: random worlds, random operations; every viewer's received set must be equal.

mod chance;
mod compare;
mod gateway;
mod ground;
mod ids;
mod items;
mod places;
mod planted;
mod scenery;
mod shorten;

use compare::{Difference, Product, Tally, run};
use scenery::Scenario;

/// Steps of one world: then another begins, with other numbers.
const STEPS_OF_A_WORLD: usize = 2_000;

fn operations(default: u64) -> u64 {
    std::env::var("PURVIEW_DIFFERENTIAL_OPERATIONS").ok().and_then(|it| it.parse().ok()).unwrap_or(default)
}

fn seed() -> u64 {
    std::env::var("PURVIEW_DIFFERENTIAL_SEED").ok().and_then(|it| it.parse().ok()).unwrap_or(20_260_101)
}

/// Runs worlds until that many operations are done; a difference is shortened and told.
fn compare_worlds<P: Product>(operations: u64, first_seed: u64, make: impl Fn(&Scenario) -> P) -> Result<Tally, String> {
    let mut tally = Tally::default();
    let mut seed = first_seed;
    while tally.steps < operations {
        let scenario = Scenario::new(seed, STEPS_OF_A_WORLD);
        let (of_world, difference) = run(&scenario, &mut make(&scenario));
        if let Some(difference) = difference {
            return Err(report(seed, &scenario, &difference, &make));
        }
        tally.add(&of_world);
        seed += 1;
    }
    Ok(tally)
}

fn report<P: Product>(seed: u64, scenario: &Scenario, difference: &Difference, make: &impl Fn(&Scenario) -> P) -> String {
    let first = difference.to_string();
    let (short, difference) = shorten::shorten(scenario, difference, make);
    let user = short.world.users.get(&difference.user);
    let steps: String = short.steps.iter().map(|it| format!("  {} #{} {:?}\n", it.now, it.seq, it.what)).collect();
    // What is left when steps are left out may be another difference: one of things that were never made.
    format!("seed {seed}: {first}made short: {difference}the user at first: {user:?}\nthe shortest run found:\n{steps}")
}

#[test]
fn p10_every_way_out_tells_every_viewer_what_the_specification_says() {
    let seed = seed();
    let tally =
        compare_worlds(operations(100_000), seed, |scenario| gateway::Gateway::new(&scenario.world)).unwrap_or_else(|it| panic!("{it}"));
    let mut out = std::io::stderr().lock();
    std::io::Write::write_all(&mut out, format!("seed {seed}: {tally}").as_bytes()).expect("standard error takes it");
    assert!((30..=70).contains(&tally.allow_share()), "{tally}");
}

#[test]
fn p10_a_planted_bug_is_found_in_each_way_out() {
    let unseen: Vec<_> = planted::all()
        .into_iter()
        .filter(|(fault, way)| {
            let found = planted::found(gateway::Gateway::new, *fault, way, STEPS_OF_A_WORLD, seed());
            !found.is_some_and(|it| it.way == *way && fault.shows(&it))
        })
        .collect();
    assert!(unseen.is_empty(), "planted and not found: {unseen:?}");
}
