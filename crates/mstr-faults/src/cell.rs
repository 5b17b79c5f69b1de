//! One cell: a fault meets an operation, in a thread of its own.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use mstr_rest_core::settle;

use crate::bench::Bench;
use crate::faults::Fault;
use crate::operations::{Operation, Outcome};
use crate::output::Output;
use crate::table::Row;

/// No cell takes longer, whatever its server does.
const BOUND: Duration = Duration::from_secs(20);

pub(crate) struct Report {
    /// What came out, or a word for why nothing did.
    pub(crate) outcome: String,
    /// Everything that is not as it should be.
    pub(crate) wrong: Vec<String>,
}

/// Runs it and compares. The client runs on this thread's runtime alone, so that the thread's
/// subscriber hears all of it.
pub(crate) fn run(fault: Fault, operation: Operation, expected: Row) -> Report {
    let (sender, receiver) = mpsc::channel();
    let spawned = thread::Builder::new().spawn(move || {
        let output = Output::default();
        let report = tracing::subscriber::with_default(output.subscriber(), || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => runtime.block_on(async {
                    let cell = Box::pin(compare(fault, operation, &expected, &output));
                    match tokio::time::timeout(BOUND, cell).await {
                        Ok(report) => report,
                        Err(_) => broken("hang", format!("not done after {BOUND:?}")),
                    }
                }),
                Err(error) => broken("setup", error.to_string()),
            }
        });
        let _ = sender.send(report);
    });
    if let Err(error) = spawned {
        return broken("setup", error.to_string());
    }
    match receiver.recv_timeout(BOUND + Duration::from_secs(5)) {
        Ok(report) => report,
        Err(mpsc::RecvTimeoutError::Timeout) => broken("hang", "the thread is blocked".into()),
        Err(mpsc::RecvTimeoutError::Disconnected) => broken("panic", "it panicked".into()),
    }
}

fn broken(outcome: &str, why: String) -> Report {
    Report { outcome: outcome.into(), wrong: vec![why] }
}

async fn compare(fault: Fault, operation: Operation, expected: &Row, output: &Output) -> Report {
    let bench = match Bench::new(fault, operation).await {
        Ok(bench) => bench,
        Err(error) => return broken("setup", error.to_string()),
    };
    let Outcome { results, mut wrong } = match operation.run(&bench).await {
        Ok(outcome) => outcome,
        Err(error) => return broken("setup", format!("{error:?}")),
    };
    let elapsed = bench.elapsed();
    settle().await;
    // what runs in the background: a re-login for a request that was not repeated
    for _ in 0..50 {
        if bench.logins() >= expected.logins {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(30)).await;

    let attempts = match results.as_slice() {
        [Err(error)] => Some(error.attempts()),
        _ => None,
    };
    let mut outcomes = BTreeMap::<String, usize>::new();
    for result in &results {
        let name = match result {
            Ok(()) => "ok".into(),
            Err(error) => format!("{:?}", error.kind()),
        };
        *outcomes.entry(name).or_default() += 1;
        if let Err(error) = result {
            output.error(error);
        }
    }
    let outcome = if results.len() == 1 {
        outcomes.into_keys().collect()
    } else {
        let counts = outcomes.into_iter().map(|(name, number)| format!("{number} {name}"));
        counts.collect::<Vec<_>>().join(", ")
    };
    let got = Row { outcome, attempts, requests: bench.requests(), logins: bench.logins() };
    if got != *expected {
        wrong.push(format!("expected {}", expected.shown()));
        wrong.push(format!("     got {}", got.shown()));
        if let Some(Err(error)) = results.iter().find(|result| result.is_err()) {
            wrong.push(format!("   error {error:?}"));
        }
    }
    let repeated = got.requests > results.len() && results.iter().any(Result::is_ok);
    if repeated && elapsed < fault.least_wait() {
        wrong.push(format!("the server's Retry-After was undercut: {elapsed:?}"));
    }
    output.debug(&results);
    wrong.extend(bench.complaints());
    wrong.extend(bench.misdeeds());
    wrong.extend(output.leaks(&bench.secrets()));
    if !output.holds("mstr_call") {
        wrong.push("nothing of the client was heard".into());
    }
    Report { outcome: got.outcome, wrong }
}
