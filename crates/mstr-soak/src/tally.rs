//! What the clients did, and what came of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use mstr_rest_core::Error;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Counts of one kind of operation.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) ok: usize,
    pub(crate) failed: BTreeMap<String, usize>,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: Mutex<BTreeMap<&'static str, Counts>>,
    retries: AtomicUsize,
    renewals: AtomicUsize,
}

impl Tally {
    pub(crate) fn add(&self, operation: &'static str, outcome: Result<(), Error>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = counts.entry(operation).or_default();
        match outcome {
            Ok(()) => counts.ok += 1,
            Err(error) => {
                let why = format!("{:?} after {}: {error}", error.kind(), error.attempts());
                *counts.failed.entry(why).or_default() += 1;
            }
        }
    }

    pub(crate) fn done(&self) -> usize {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.values().map(|one| one.ok + one.failed.values().sum::<usize>()).sum()
    }

    pub(crate) fn failures(&self, operation: &str) -> usize {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(operation).map_or(0, |one| one.failed.values().sum())
    }

    /// How many requests were sent again, and how many re-logins were begun.
    pub(crate) fn repeated(&self) -> (usize, usize) {
        (self.retries.load(Relaxed), self.renewals.load(Relaxed))
    }

    pub(crate) fn table(&self) -> String {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = format!("{:<14} {:>9} {:>7}\n", "operation", "ok", "failed");
        for (name, one) in counts.iter() {
            let failed: usize = one.failed.values().sum();
            let _ = writeln!(text, "{name:<14} {:>9} {failed:>7}", one.ok);
            for (why, times) in &one.failed {
                let _ = writeln!(text, "    {times} x {why}");
            }
        }
        let (retries, renewals) = self.repeated();
        let _ = write!(text, "retries {retries}, re-logins begun {renewals}");
        text
    }
}

/// Counts the events of retries and re-logins: the result of a call does not show them.
pub(crate) struct Ear(pub(crate) Arc<Tally>);

impl<S: Subscriber> Layer<S> for Ear {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        match (event.metadata().target(), *event.metadata().level()) {
            ("mstr_rest_core::retry", Level::WARN) => self.0.retries.fetch_add(1, Relaxed),
            ("mstr_rest_core::relogin", Level::INFO) => self.0.renewals.fetch_add(1, Relaxed),
            _ => 0,
        };
    }
}
