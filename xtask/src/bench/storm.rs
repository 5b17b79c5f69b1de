//! Thousands of tasks share a session that expires in their midst: one login, and then?

use serde_json::json;

use super::{Bench, process::Worker, report::Part, stats::Samples};
use crate::sh::Result;

const TASKS: usize = 10_000;

pub(super) fn run(bench: &Bench, part: &mut Part) -> Result {
    let program = bench.program("mstr-bench")?;
    let mut worker = Worker::rust(program, &bench.server, "ours", "http")?;
    let (mut calm, mut stormy, mut relogins) = <(Samples, Samples, Samples)>::default();
    let mut failed = 0;
    // the first round only warms up
    for round in 0..=bench.rounds() {
        for expire in if round % 2 == 0 { [false, true] } else { [true, false] } {
            bench.server.forget()?;
            let done = worker.ask(&json!({ "task": "storm", "tasks": TASKS, "expire": expire }))?;
            let logins = bench.server.forget()?;
            failed += done["failed"].as_u64().unwrap_or(u64::MAX);
            if round == 0 {
                continue;
            }
            let seconds = done["wall_ns"].as_f64().unwrap_or(f64::NAN) / 1e9;
            if expire {
                stormy.push(seconds);
                // one more of the session, one of the hand that expires it
                relogins.push(f64::from(u32::try_from(logins)?) - 2.0);
            } else {
                calm.push(seconds);
            }
        }
    }
    let row = |what: &str, samples: &Samples| vec![what.to_owned(), samples.shown()];
    part.table(
        format!("{TASKS} tasks, a request of 1 KB each, at most 64 in flight"),
        &["", "median (least-most)"],
        vec![
            row("no expiry, s", &calm),
            row("all sessions expire half way, s", &stormy),
            row("ratio", &stormy.over(&calm)),
            row("logins by the expiry", &relogins),
            vec!["failed tasks".to_owned(), failed.to_string()],
        ],
    );
    part.keep("calm", &calm);
    part.keep("stormy", &stormy);
    part.at_most("logins by one expiry", relogins.most(), 1.0);
    #[allow(clippy::cast_precision_loss, reason = "a count of tasks")]
    part.at_most("tasks that failed", failed as f64, 0.0);
    Ok(())
}
