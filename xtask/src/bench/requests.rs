//! Small requests: how many a second, and what each costs the client.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Bench,
    process::{Worker, requests},
    report::Part,
    stats::{Samples, number},
};
use crate::sh::Result;

/// Clients in Rust; the first is ours.
const RUST: [&str; 4] = ["ours", "ours-blocking", "reqwest", "hyper"];
const PYTHON: [&str; 3] = ["mstr-rest-requests", "mstr-rest-requests-async", "mstrio"];

/// How long each is measured in a round.
const MILLIS: u64 = 200;

/// What one client did with one kind of work, round by round.
#[derive(Default)]
struct Cell {
    per_second: Samples,
    /// Processor time of the client, in microseconds a request.
    cpu: Samples,
    /// The same of the server.
    server_cpu: Samples,
    peak_mb: Samples,
}

/// Scheme, request, concurrency.
type Work = (&'static str, &'static str, usize);

pub(super) fn run(bench: &Bench, part: &mut Part) -> Result {
    let schemes: &[&str] = if bench.quick { &["http"] } else { &["http", "https"] };
    let many: &[usize] = if bench.quick { &[1, 64] } else { &[1, 8, 64] };
    let mut cells: BTreeMap<(Work, &str), Cell> = BTreeMap::new();
    for scheme in schemes {
        let mut workers = start(bench, scheme)?;
        let kinds = ["projects", "kilobyte"];
        let works = kinds.into_iter().flat_map(|kind| many.iter().map(move |n| (kind, *n)));
        for (request, concurrency) in works {
            for round in 0..bench.rounds() {
                for next in order(round, workers.len()) {
                    let (name, worker) = &mut workers[next];
                    let cell = cells.entry(((scheme, request, concurrency), name)).or_default();
                    measure(bench, cell, worker, &requests(request, concurrency, MILLIS))?;
                }
            }
        }
    }
    tables(part, &cells, schemes, many);
    aims(part, &cells, schemes, many);
    Ok(())
}

/// Who is measured in turn, out of a prime number of clients: each round takes another step, so that
/// nobody comes after the same one twice. Who comes after a slow client finds a cold server.
fn order(round: usize, clients: usize) -> impl Iterator<Item = usize> {
    let step = round % (clients - 1) + 1;
    (0..clients).map(move |turn| (round + turn * step) % clients)
}

fn start(bench: &Bench, scheme: &str) -> Result<Vec<(&'static str, Worker)>> {
    let program = bench.program("mstr-bench")?;
    let script = bench.scripts().join("peer_requests.py");
    let rust = RUST.map(|name| (name, Worker::rust(program, &bench.server, name, scheme)));
    let python = PYTHON.map(|name| {
        let python = bench.python.python();
        (name, Worker::python(python, &script, &bench.server, name, scheme))
    });
    rust.into_iter().chain(python).map(|(name, worker)| Ok((name, worker?))).collect()
}

#[allow(clippy::cast_precision_loss, reason = "times")]
fn measure(bench: &Bench, cell: &mut Cell, worker: &mut Worker, task: &Value) -> Result {
    bench.server.forget()?;
    let before = bench.server.cpu();
    let done = worker.ask(task)?;
    let after = bench.server.cpu();
    let member = |name: &str| done[name].as_f64().unwrap_or(f64::NAN);
    let count = member("count");
    cell.per_second.push(count / (member("wall_ns") / 1e9));
    cell.cpu.push(member("cpu_ns") / 1e3 / count);
    cell.peak_mb.push(member("peak_kb") / 1024.0);
    if let (Some(before), Some(after)) = (before, after) {
        // the server's time is that of the warm-up too: a fifth more requests
        cell.server_cpu.push((after - before) as f64 / 1e3 / count / 1.2);
    }
    Ok(())
}

fn tables(
    part: &mut Part,
    cells: &BTreeMap<(Work, &str), Cell>,
    schemes: &[&'static str],
    many: &[usize],
) {
    let head =
        ["client", "at once", "requests/s", "of reqwest", "CPU µs/request", "server's", "peak MB"];
    for scheme in schemes {
        for (request, what) in [("projects", "list of 24 projects, 4 KB"), ("kilobyte", "1 KB")] {
            let mut rows = Vec::new();
            for &concurrency in many {
                let work = (*scheme, request, concurrency);
                let Some(base) = cells.get(&(work, "reqwest")) else { continue };
                for name in RUST.iter().chain(&PYTHON) {
                    let Some(cell) = cells.get(&(work, name)) else { continue };
                    rows.push(vec![
                        (*name).to_owned(),
                        concurrency.to_string(),
                        number(cell.per_second.median()),
                        cell.per_second.over(&base.per_second).shown(),
                        number(cell.cpu.median()),
                        number(cell.server_cpu.median()),
                        number(cell.peak_mb.median()),
                    ]);
                    let name = format!("{scheme} {request} {concurrency} {name}");
                    part.keep(format!("{name}: requests/s"), &cell.per_second);
                    part.keep(format!("{name}: CPU us"), &cell.cpu);
                }
            }
            part.table(format!("{scheme}, {what}"), &head, rows);
        }
    }
}

fn aims(
    part: &mut Part,
    cells: &BTreeMap<(Work, &str), Cell>,
    schemes: &[&'static str],
    many: &[usize],
) {
    for scheme in schemes {
        for &concurrency in many {
            let work = (*scheme, "projects", concurrency);
            let Some(ours) = cells.get(&(work, "ours")) else { continue };
            let aim = |part: &mut Part, peer: &str, limit: f64| {
                if let Some(peer_cell) = cells.get(&(work, peer)) {
                    let ratio = ours.per_second.over(&peer_cell.per_second).median();
                    let what = format!("{scheme}, projects, {concurrency} at once, ours / {peer}");
                    part.at_least(what, ratio, limit);
                }
            };
            aim(part, "reqwest", 0.98);
            aim(part, "mstr-rest-requests", 4.0);
            aim(part, "mstr-rest-requests-async", 13.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_comes_after_the_same_one_twice() {
        let clients = RUST.len() + PYTHON.len();
        let mut pairs = Vec::new();
        for round in 0..clients - 1 {
            let order: Vec<_> = order(round, clients).collect();
            let mut all = order.clone();
            all.sort_unstable();
            assert_eq!(all, (0..clients).collect::<Vec<_>>());
            pairs.extend(order.windows(2).map(|pair| (pair[0], pair[1])));
        }
        let found = pairs.len();
        pairs.sort_unstable();
        pairs.dedup();
        assert_eq!(pairs.len(), found);
    }
}
