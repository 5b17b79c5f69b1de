//! Reports into memory and into files: ours, the official client, and what one would write by hand.

use std::process::Command;

use serde_json::{Value, json};

use super::{
    Bench, machine,
    process::Worker,
    report::Part,
    stats::{Samples, number},
};
use crate::sh::{self, Result};

const CLIENTS: [&str; 3] = ["ours", "mstrio", "naive"];

/// How often each client reads the same table: each comes first once.
const FRAME_ROUNDS: usize = 3;

/// Memory that a server needs which keeps ten million rows, and a client beside it.
const MOST_ROWS_KB: u64 = 4 << 20;

/// What to read and how. `None` is the client's own choice.
#[derive(Clone, Copy)]
struct Read {
    rows: u64,
    page_rows: Option<usize>,
    gzip: bool,
    sink: &'static str,
    ahead: Option<usize>,
}

impl Read {
    fn new(rows: u64, page_rows: Option<usize>, gzip: bool) -> Self {
        Self { rows, page_rows, gzip, sink: "collect", ahead: None }
    }

    fn task(&self, bench: &Bench) -> Result<Value> {
        Ok(json!({
            "task": "data",
            "report": bench.server.report(self.rows)?,
            "page_rows": self.page_rows,
            "gzip": self.gzip,
            "sink": self.sink,
            "ahead": self.ahead,
            "parallel": true,
        }))
    }
}

/// What it took, round by round.
#[derive(Default)]
struct Taken {
    seconds: Samples,
    cpu: Samples,
    server_cpu: Samples,
    base_mb: Samples,
    peak_mb: Samples,
}

impl Taken {
    /// The peak above what the process had before.
    fn growth(&self) -> f64 {
        self.peak_mb.median() - self.base_mb.median()
    }
}

pub(super) fn run(bench: &Bench, part: &mut Part) -> Result {
    frames(bench, part)?;
    decoding(bench, part)?;
    files(bench, part)?;
    latency(bench, part)
}

/// Reads once, in a process of its own: its peak of memory is that of this task.
#[allow(clippy::cast_precision_loss, reason = "times")]
fn read(bench: &Bench, client: &str, read: &Read, taken: &mut Taken) -> Result {
    let mut worker = match client {
        "ours" => Worker::rust(bench.program("mstr-bench")?, &bench.server, client, "http")?,
        _ => {
            let script = bench.scripts().join("peer_data.py");
            Worker::python(bench.python.python(), &script, &bench.server, client, "http")?
        }
    };
    let before = bench.server.cpu();
    let done = worker.ask(&read.task(bench)?)?;
    let after = bench.server.cpu();
    if done["rows"].as_u64() != Some(read.rows) {
        return Err(format!("{client} got {} rows of {}", done["rows"], read.rows).into());
    }
    let member = |name: &str| done[name].as_f64().unwrap_or(f64::NAN);
    taken.seconds.push(member("wall_ns") / 1e9);
    taken.cpu.push(member("cpu_ns") / 1e9);
    taken.base_mb.push(member("base_kb") / 1024.0);
    taken.peak_mb.push(member("peak_kb") / 1024.0);
    if let (Some(before), Some(after)) = (before, after) {
        taken.server_cpu.push((after - before) as f64 / 1e9);
    }
    Ok(())
}

/// The same table into memory by all clients.
fn frames(bench: &Bench, part: &mut Part) -> Result {
    let quick = bench.quick;
    let small: &[(usize, bool)] = if quick {
        &[(10_000, false), (50_000, true)]
    } else {
        &[(10_000, false), (50_000, false), (10_000, true), (50_000, true)]
    };
    let mut reads: Vec<(Read, usize)> = small
        .iter()
        .map(|(page, gzip)| (Read::new(100_000, Some(*page), *gzip), FRAME_ROUNDS))
        .collect();
    if !quick {
        reads.push((Read::new(1_000_000, Some(50_000), true), 1));
    }
    let mut rows = Vec::new();
    for (wanted, rounds) in reads {
        let mut taken = CLIENTS.map(|client| (client, Taken::default()));
        // the server renders these pages for the first time, and nobody is measured by it
        for client in CLIENTS {
            if client != "mstrio" || rounds > 1 {
                read(bench, client, &wanted, &mut Taken::default())?;
            }
        }
        for round in 0..rounds {
            taken.rotate_left(round % CLIENTS.len());
            for (client, taken) in &mut taken {
                read(bench, client, &wanted, taken)?;
            }
        }
        let of = |name: &str| taken.iter().find(|(client, _)| *client == name).map(|(_, t)| t);
        let Some(ours) = of("ours") else { continue };
        let page = wanted.page_rows.unwrap_or_default();
        let what = format!(
            "{} rows, pages of {page}, {}",
            wanted.rows,
            if wanted.gzip { "gzip" } else { "plain" }
        );
        for client in CLIENTS {
            let Some(taken) = of(client) else { continue };
            let times = taken.seconds.over(&ours.seconds);
            rows.push(vec![
                what.clone(),
                client.to_owned(),
                taken.seconds.shown(),
                times.shown(),
                number(taken.cpu.median()),
                number(taken.server_cpu.median()),
                format!("{} + {}", number(taken.base_mb.median()), number(taken.growth())),
            ]);
            part.keep(format!("{what}, {client}: s"), &taken.seconds);
            if wanted.rows == 100_000 {
                let what = format!("{what}: {client} / ours");
                match client {
                    "mstrio" => part.at_least(what, times.median(), 15.0),
                    "naive" => part.at_least(what, times.median(), 5.0),
                    _ => {}
                }
            }
        }
    }
    part.table(
        "A report (3 attributes in 4 columns, 3 metrics) as a table in memory",
        &["what", "client", "s", "times ours", "CPU s", "server's CPU s", "MB before + more"],
        rows,
    );
    Ok(())
}

/// Decoding alone, beside a pass that only parses.
fn decoding(bench: &Bench, part: &mut Part) -> Result {
    let mut rows = Vec::new();
    for page in [10_000, 50_000] {
        let mut command = Command::new(bench.program("mstr-bench")?);
        command.args(["decode", "--report", bench.server.report(100_000)?]);
        command.args(["--rows", &page.to_string()]);
        command.args(["--rounds", if bench.quick { "7" } else { "21" }]);
        bench.server.introduce(&mut command, "http")?;
        let done: Value = serde_json::from_str(&sh::output(&mut command)?)?;
        let samples = |name: &str| {
            let values = done[name].as_array().cloned().unwrap_or_default();
            Samples(values.iter().filter_map(Value::as_f64).map(|ns| ns / 1e6).collect())
        };
        let (ours, typed) = (samples("ours_ns"), samples("typed_ns"));
        let ratio = ours.over(&typed);
        let bytes = done["bytes"].as_f64().unwrap_or(f64::NAN);
        rows.push(vec![
            page.to_string(),
            number(bytes / 1e6),
            ours.shown(),
            typed.shown(),
            ratio.shown(),
            number(bytes / 1e3 / ours.median()),
        ]);
        part.keep(format!("decoding pages of {page}, ours: ms"), &ours);
        part.keep(format!("decoding pages of {page}, typed pass: ms"), &typed);
        part.at_most(format!("decoding pages of {page}, ours / typed pass"), ratio.median(), 1.5);
    }
    part.table(
        "100000 rows from bytes in memory into Arrow columns, beside a typed `serde_json` pass into \
         flat vectors over the same bytes",
        &["rows a page", "MB of JSON", "ours, ms", "typed pass, ms", "ratio", "ours, MB/s"],
        rows,
    );
    Ok(())
}

/// Ours into Parquet, with rows in plenty.
fn files(bench: &Bench, part: &mut Part) -> Result {
    let mut sizes = vec![100_000, 1_000_000];
    if bench.quick {
        part.note("ten million rows are for the full run");
    } else if machine::available_kb().is_some_and(|free| free < MOST_ROWS_KB) {
        part.note("ten million rows are left out: the server needs 4 GB of memory for them");
    } else {
        sizes.push(10_000_000);
    }
    let mut rows = Vec::new();
    let (mut per_row, mut growth) = (Vec::new(), Vec::new());
    for size in sizes {
        let wanted = Read { sink: "parquet", ..Read::new(size, None, true) };
        read(bench, "ours", &wanted, &mut Taken::default())?;
        let mut taken = Taken::default();
        for _ in 0..if size > 1_000_000 { 3 } else { bench.rounds() } {
            read(bench, "ours", &wanted, &mut taken)?;
        }
        #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
        let microseconds = taken.seconds.median() * 1e6 / size as f64;
        rows.push(vec![
            size.to_string(),
            taken.seconds.shown(),
            number(microseconds),
            number(taken.cpu.median()),
            number(taken.server_cpu.median()),
            number(taken.base_mb.median()),
            number(taken.peak_mb.median()),
        ]);
        part.keep(format!("{size} rows into Parquet: s"), &taken.seconds);
        part.keep(format!("{size} rows into Parquet: peak MB"), &taken.peak_mb);
        per_row.push(microseconds);
        growth.push((size, taken.growth()));
    }
    part.table(
        "A report into a Parquet file by ours, gzip, pages as it chooses",
        &["rows", "s", "µs a row", "CPU s", "server's CPU s", "MB before", "MB at most"],
        rows,
    );
    if let Some((size, grown)) = growth.last() {
        part.at_most(format!("{size} rows into Parquet: MB above the base"), *grown, 64.0);
    }
    if let [.., before, last] = per_row.as_slice() {
        part.at_most("time a row, ten times the rows / as many", last / before, 1.2);
    }
    Ok(())
}

/// 20 ms before every reply.
fn latency(bench: &Bench, part: &mut Part) -> Result {
    const LATENCY: u32 = 20;
    let rows = if bench.quick { 100_000 } else { 1_000_000 };
    let mut cases = [(LATENCY, Some(1)), (LATENCY, None), (0, Some(1)), (0, None)]
        .map(|case| (case, Taken::default()));
    let wanted = |ahead| Read { sink: "stream", ahead, ..Read::new(rows, Some(10_000), true) };
    read(bench, "ours", &wanted(None), &mut Taken::default())?;
    for round in 0..bench.rounds() {
        cases.rotate_left(round % 4);
        for ((latency, ahead), taken) in &mut cases {
            bench.server.set_latency(*latency)?;
            let done = read(bench, "ours", &wanted(*ahead), taken);
            bench.server.set_latency(0)?;
            done?;
        }
    }
    cases.sort_by_key(|((latency, ahead), _)| (*latency, ahead.is_some()));
    let name = |ahead: Option<usize>| match ahead {
        None => "as it is set".to_owned(),
        Some(requests) => requests.to_string(),
    };
    let shown = cases.iter().map(|((latency, ahead), taken)| {
        part.keep(format!("{latency} ms, ahead {}: s", name(*ahead)), &taken.seconds);
        vec![latency.to_string(), name(*ahead), taken.seconds.shown()]
    });
    let shown = shown.collect();
    part.table(
        format!(
            "{rows} rows in pages of 10000, gzip, by ours: latency and requests under way at once"
        ),
        &["ms before a reply", "requests at once", "s"],
        shown,
    );
    let of = |wanted: (u32, Option<usize>)| {
        cases.iter().find(|(case, _)| *case == wanted).map(|(_, taken)| &taken.seconds)
    };
    if let (Some(late), Some(at_once)) = (of((LATENCY, None)), of((0, None))) {
        // execution, definition and the first page wait for one reply each, whoever asks
        let unavoidable = f64::from(LATENCY) * 3.0 / 1e3;
        let hidden = late.median() - unavoidable;
        part.at_most(
            "with 20 ms latency / without, three round trips aside",
            hidden / at_once.median(),
            1.1,
        );
    }
    Ok(())
}
