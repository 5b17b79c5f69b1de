//! Runs cases side by side: each on one thread with a runtime, a server and a log of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::task::LocalSet;

use crate::case::Case;
use crate::drive::Observation;
use crate::select::Runnable;
use crate::{check, drive, log};

/// Cases wait most of their time.
const THREADS: usize = 8;

/// No case may take longer.
const LIMIT: Duration = Duration::from_secs(20);

pub(crate) struct Ran {
    pub(crate) id: String,
    pub(crate) title: String,
    /// None when it passed.
    pub(crate) differences: Vec<String>,
    /// For the check of the runner: what was expected and seen.
    pub(crate) seen: Option<(serde_json::Value, Observation)>,
}

/// In the order given.
pub(crate) fn run(cases: Vec<Runnable>) -> Vec<Ran> {
    let waiting = Mutex::new(cases.into_iter().enumerate());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((at, case)) = next else { return };
                    let ran = one(case);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((at, ran));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, ran)| ran).collect()
}

fn one(Runnable { id, case }: Runnable) -> Ran {
    let failed = |id, title, why| Ran { id, title, differences: vec![why], seen: None };
    let mut case = match case {
        Ok(case) => case,
        Err(why) => return failed(id, String::new(), why),
    };
    // what is expected must not decide what is done
    let then = std::mem::take(&mut case.then);
    let title = case.title.clone().unwrap_or_default();
    let observed = catch_unwind(AssertUnwindSafe(|| observe(&case)))
        .unwrap_or_else(|_| Err("panicked".to_owned()));
    match observed {
        Err(why) => failed(id, title, why),
        Ok(observation) => {
            let differences = check::differences(&then, &observation);
            Ran { id, title, differences, seen: Some((then, observation)) }
        }
    }
}

fn observe(case: &Case) -> Result<Observation, String> {
    log::take();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let local = LocalSet::new();
    let run = async { tokio::time::timeout(LIMIT, drive::run(case)).await };
    let observed = local.block_on(&runtime, run);
    observed.unwrap_or_else(|_| Err(format!("not done within {LIMIT:?}")))
}
