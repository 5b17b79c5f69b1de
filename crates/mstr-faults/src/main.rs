//! The fault matrix: every fault meets every operation, each pair with a session and a simulated
//! server of its own. What is expected stands in `expected.tsv`, written from the documentation.
//! Beyond outcome and numbers no cell may hang, panic, let a secret out, or send twice what must
//! not be. Run it with `cargo xtask faults`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool prints")]

mod bench;
mod cell;
mod faults;
mod memory;
mod operations;
mod output;
mod relay;
mod table;

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use cell::Report;
use faults::Fault;
use operations::Operation;

/// Cells that run at once. Most of their time they wait.
const WORKERS: usize = 8;

static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.as_slice() {
        [] => matrix(""),
        [argument, bomb] if argument == memory::ARGUMENT => explode(bomb),
        [name] => matrix(name),
        _ => Err("usage: mstr-faults [PART OF A FAULT'S NAME]".into()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("mstr-faults: {error}");
            ExitCode::FAILURE
        }
    }
}

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn explode(bomb: &str) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("{}", runtime.block_on(memory::explode(bomb))?);
    Ok(true)
}

/// Runs the faults whose names hold `part`, prints, and says whether all was as expected.
fn matrix(part: &str) -> Result<bool> {
    search_finds_what_is_there()?;
    // also those in tasks, whose panics a runtime swallows
    std::panic::set_hook(Box::new(|info| {
        eprintln!("{info}");
        PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(info.to_string());
    }));
    let chosen = |fault| Fault::ALL.iter().any(|(f, name)| *f == fault && name.contains(part));
    let cells: Vec<_> = table::read()?.into_iter().filter(|cell| chosen(cell.0)).collect();
    if cells.is_empty() {
        return Err(format!("no fault has `{part}` in its name").into());
    }
    let cells = run_all(&cells);
    print_matrix(&cells);

    let (mut passed, mut failed, mut senseless) = (0, 0, 0);
    for ((fault, operation), report) in &cells {
        match report {
            Some(Report { wrong, .. }) if !wrong.is_empty() => {
                failed += 1;
                println!("{} / {}:", name(&Fault::ALL, *fault), name(&Operation::ALL, *operation));
                for line in wrong {
                    println!("  {line}");
                }
            }
            Some(_) => passed += 1,
            None => senseless += 1,
        }
    }
    println!("peak memory:");
    for bomb in memory::check() {
        match bomb {
            Ok(line) => {
                passed += 1;
                println!("  {line}");
            }
            Err(line) => {
                failed += 1;
                println!("  TOO MUCH OR FAILED: {line}");
            }
        }
    }
    for panic in PANICS.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        failed += 1;
        println!("a panic: {panic}");
    }
    println!("{senseless} cells make no sense: expected.tsv says why");
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0)
}

/// A cell and what came of it, unless it makes no sense.
type Done = ((Fault, Operation), Option<Report>);

fn run_all(cells: &[(Fault, Operation, table::Expected)]) -> Vec<Done> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some((fault, operation, expected)) = cells.get(number) else { return done };
            let report = expected.clone().map(|row| cell::run(*fault, *operation, row));
            done.push((number, ((*fault, *operation), report)));
        }
    };
    let mut done: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, done)| done).collect()
}

fn name<T: PartialEq + Copy>(all: &[(T, &'static str)], wanted: T) -> &'static str {
    all.iter().find(|(one, _)| *one == wanted).map_or("?", |(_, name)| name)
}

/// Rows are faults, columns are operations; `!` marks a surprise.
fn print_matrix(cells: &[Done]) {
    let mut rows = vec![vec![String::new()]];
    rows[0].extend(Operation::ALL.iter().map(|(_, name)| (*name).to_owned()));
    for row in cells.chunks(Operation::ALL.len()) {
        let mut texts: Vec<String> = row
            .first()
            .map(|((fault, _), _)| name(&Fault::ALL, *fault).to_owned())
            .into_iter()
            .collect();
        texts.extend(row.iter().map(|(_, report)| match report {
            None => "-".to_owned(),
            Some(Report { outcome, wrong }) if wrong.is_empty() => outcome.clone(),
            Some(Report { outcome, .. }) => format!("!{outcome}"),
        }));
        rows.push(texts);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..=Operation::ALL.len()).map(width).collect();
    for row in &rows {
        let padded = row.iter().zip(&widths).map(|(text, width)| format!("{text:<width$}"));
        println!("{}", padded.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// A search that finds nothing must be able to find something.
fn search_finds_what_is_there() -> Result<()> {
    let output = output::Output::default();
    tracing::subscriber::with_default(output.subscriber(), || {
        tracing::trace!(password = "planted", "a leak");
    });
    output.debug(&"printed");
    if output.holds("planted") && output.holds("printed") && !output.holds("absent") {
        Ok(())
    } else {
        Err("the search for secrets does not find what is there".into())
    }
}
