//! The model test of the login machine: random interleavings of all actions that change the login,
//! against a server that is slow, rejects logins, expires sessions, rotates tokens and closes
//! connections. It uses no socket and no real time. A seed chooses the actions and the behavior of
//! the server, and can be replayed. (If one `watch` wakes several tasks of the core, or both
//! branches of a `select!` are ready, Tokio chooses at random. So about one seed in 500 does not
//! replay exactly.)
//!
//! | variable | effect |
//! | --- | --- |
//! | `MSTR_MODEL_RUNS` | the number of seeds to run |
//! | `MSTR_MODEL_SEED` | replays one seed and prints its trace |
//! | `MSTR_MODEL_ALL` | runs all seeds although a rule is broken, and counts the broken rules |
//! | `MSTR_MODEL_ONLY` | the name of the only rule to check |
//!
//! | file | topic |
//! | --- | --- |
//! | `adapter.rs` | access to private items of this crate |
//! | `config.rs` | the configuration of a run, and the rules |
//! | `plan.rs` | the behavior of the server and the credentials in each exchange |
//! | `world.rs`, `exchange.rs` | the state of the model, and the checks of the rules |
//! | `server.rs` | the server and the credentials |
//! | `gate.rs` | the order in which woken tasks continue |
//! | `actions.rs`, `run.rs` | the actions on the session, and one run |

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

/// The default number of seeds: about ten seconds in a debug build.
const RUNS: u64 = 4000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn only() -> Option<Rule> {
    let name = std::env::var("MSTR_MODEL_ONLY").ok()?;
    let rule = Rule::ALL.into_iter().find(|rule| rule.to_string() == name);
    Some(rule.expect("MSTR_MODEL_ONLY names a rule"))
}

/// The text of a violation without numbers: the same for all runs that break a rule in the same
/// way.
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
fn the_login_machine_keeps_its_rules_in_any_order_of_events() {
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
