//! Random interleavings of everything that changes the login, against a server that is slow,
//! refuses, expires, rotates and breaks. Nothing here touches a socket or a clock: a seed decides
//! what is done and what the server does, and replays. (Where several tasks of the core itself are
//! woken by one `watch`, or both branches of a `select!` are ready, Tokio's own chance decides. The
//! run of about one seed in 500 is not always the same for that reason.)
//!
//! `MSTR_MODEL_RUNS` says how many seeds are run, `MSTR_MODEL_SEED` replays one and prints what
//! happened. With `MSTR_MODEL_ALL` a broken rule does not end the test at once: all seeds are run
//! and counted by rule. `MSTR_MODEL_ONLY` names the one rule to be checked.
//!
//! | file | topic |
//! | --- | --- |
//! | `adapter.rs` | all that depends on the inside of this crate |
//! | `config.rs` | how a run is set up, and the rules |
//! | `plan.rs` | what a seed decides of each exchange |
//! | `world.rs`, `exchange.rs` | what the model knows, and the checks of the rules |
//! | `server.rs` | the server and the credentials |
//! | `gate.rs` | the order in which tasks go on |
//! | `actions.rs`, `run.rs` | what is done to the session, and one run |

mod actions;
mod adapter;
mod config;
mod counts;
mod exchange;
mod gate;
mod plan;
mod run;
mod server;
mod world;

use std::collections::BTreeMap;

use config::Rule;
use counts::Counts;
use run::{Outcome, run};

/// About ten seconds of a debug build.
const RUNS: u64 = 4000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn only() -> Option<Rule> {
    let name = std::env::var("MSTR_MODEL_ONLY").ok()?;
    let rule = Rule::ALL.into_iter().find(|rule| rule.to_string() == name);
    Some(rule.expect("MSTR_MODEL_ONLY names a rule"))
}

/// The same for all runs that break a rule in the same way.
fn without_numbers(text: &str) -> String {
    let text = text.split(": [").next().unwrap_or_default();
    text.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

fn report(outcome: &Outcome) -> String {
    let end = match &outcome.violation {
        Some(violation) => format!("{}: {}", violation.rule, violation.what),
        None => "no rule is broken".to_owned(),
    };
    format!(
        "seed {seed}: {end}\n{config:?}\n{trace}\nseed {seed}: {end}\n\
         replay it with MSTR_MODEL_SEED={seed}",
        seed = outcome.seed,
        config = outcome.config,
        trace = outcome.trace.join("\n"),
    )
}

#[test]
fn the_login_state_holds_its_rules_in_any_order_of_events() {
    if let Some(seed) = number("MSTR_MODEL_SEED") {
        let outcome = run(seed, only());
        println!("{}", report(&outcome));
        assert!(outcome.violation.is_none(), "seed {seed} breaks a rule");
        return;
    }
    let all = number("MSTR_MODEL_ALL").is_some();
    let mut broken: BTreeMap<_, (usize, u64, String)> = BTreeMap::new();
    let mut sum = Counts::default();
    for seed in 0..number("MSTR_MODEL_RUNS").unwrap_or(RUNS) {
        let outcome = run(seed, only());
        sum.add(&outcome.counts);
        let Some(violation) = &outcome.violation else { continue };
        assert!(all, "{}", report(&outcome));
        let entry = broken.entry((violation.rule, without_numbers(&violation.what)));
        let entry = entry.or_insert_with(|| (0, seed, violation.what.clone()));
        entry.0 += 1;
    }
    println!("{sum:?}");
    for ((rule, _), (runs, seed, what)) in &broken {
        println!("{rule}: {runs} runs, the first seed is {seed}: {what}");
    }
    assert!(broken.is_empty(), "rules are broken");
    sum.check();
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 0..20 {
        let (first, second) = (run(seed, only()), run(seed, only()));
        assert_eq!(first.trace, second.trace, "seed {seed}");
    }
}
