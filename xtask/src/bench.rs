//! `cargo xtask bench`: our client beside what one would use instead, in one run.
//!
//! One simulated server in a process of its own; release builds; clients in alternating order, in
//! several rounds; medians, and ratios round by round. The numbers go to `target/bench/`.

mod build;
mod data;
mod instructions;
mod machine;
mod process;
mod pure;
mod report;
mod requests;
mod start;
mod stats;
mod storm;

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use lexopt::prelude::Long;

use crate::{interop::Environment, programs, sh::Result, workspace::Workspace};
use process::Server;
use report::{Part, Report};

/// A part of the measurements.
struct Measure {
    name: &'static str,
    about: &'static str,
    /// Left out unless asked for by name.
    only_by_name: bool,
    run: fn(&Bench, &mut Part) -> Result,
}

const MEASURES: &[Measure] = &[
    Measure {
        name: "requests",
        about: "small requests, one to 64 at once",
        only_by_name: false,
        run: requests::run,
    },
    Measure {
        name: "instructions",
        about: "instructions of a call, counted by callgrind",
        only_by_name: false,
        run: instructions::run,
    },
    Measure {
        name: "start",
        about: "from the start of a process to its first reply",
        only_by_name: false,
        run: start::run,
    },
    Measure {
        name: "storm",
        about: "a session that expires under thousands of tasks",
        only_by_name: false,
        run: storm::run,
    },
    Measure {
        name: "pure",
        about: "what needs no server: errors, URLs, grids, snapshots",
        only_by_name: false,
        run: pure::run,
    },
    Measure {
        name: "data",
        about: "reports into memory and into files",
        only_by_name: false,
        run: data::run,
    },
    Measure {
        name: "build",
        about: "clean builds of each feature set (up to an hour)",
        only_by_name: true,
        run: build::run,
    },
];

/// What all parts share.
struct Bench {
    root: PathBuf,
    /// `target/bench`
    folder: PathBuf,
    quick: bool,
    /// Compare with the budgets.
    check: bool,
    programs: HashMap<String, PathBuf>,
    python: Environment,
    server: Server,
}

impl Bench {
    fn program(&self, name: &str) -> Result<&Path> {
        self.programs
            .get(name)
            .map(PathBuf::as_path)
            .ok_or_else(|| format!("cargo did not say where {name} is").into())
    }

    /// How often everything is measured.
    fn rounds(&self) -> usize {
        if self.quick { 3 } else { 5 }
    }

    /// Scripts of the peers and budgets.
    fn scripts(&self) -> PathBuf {
        self.root.join("xtask/bench")
    }
}

pub(crate) fn with_options(ws: &Workspace, args: &mut lexopt::Parser) -> Result {
    let mut only: Vec<String> = Vec::new();
    let (mut quick, mut check) = (false, false);
    while let Some(arg) = args.next()? {
        match arg {
            Long("quick") => quick = true,
            Long("check") => check = true,
            Long("only") => {
                let names = args.value()?.to_string_lossy().into_owned();
                only.extend(names.split(',').map(str::to_owned));
            }
            arg => return Err(arg.unexpected().into()),
        }
    }
    if check && only.is_empty() {
        only.push("instructions".to_owned());
    }
    for name in &only {
        if !MEASURES.iter().any(|measure| measure.name == name) {
            let known = MEASURES.iter().map(|m| format!("\n  {:<13} {}", m.name, m.about));
            return Err(format!("no part `{name}`; there are{}", known.collect::<String>()).into());
        }
    }
    run(ws, quick, check, &only)
}

fn run(ws: &Workspace, quick: bool, check: bool, only: &[String]) -> Result {
    let started = Instant::now();
    let mut report = Report::new(machine::describe(&ws.root)?, quick);
    let (python, programs) = prepare(&ws.root);
    let (python, programs) = (python?, programs?);
    report.prepared(started.elapsed());

    let folder = ws.root.join("target/bench");
    fs::create_dir_all(&folder)?;
    let program = programs.get("mstr-bench").ok_or("mstr-bench was not built")?;
    let server = Server::start(program, &folder)?;
    let bench = Bench { root: ws.root.clone(), folder, quick, check, programs, python, server };
    let mut failed = Vec::new();
    for measure in MEASURES {
        let wanted = only.iter().any(|name| name == measure.name);
        if !wanted && (measure.only_by_name || !only.is_empty()) {
            continue;
        }
        println!("\n== {}: {}", measure.name, measure.about);
        let start = Instant::now();
        let mut part = Part::new(measure.name, measure.about);
        if let Err(error) = (measure.run)(&bench, &mut part) {
            part.note(format!("broke off: {error}"));
            failed.push(format!("{} ({error})", measure.name));
        }
        part.took(start.elapsed());
        print!("{}", part.markdown());
        report.add(part);
        // after each: what is there is kept, whatever comes
        report.write(&bench.folder)?;
    }
    println!("\n{}", report.conclusion(started.elapsed()));
    println!("written to {}", bench.folder.join("summary.md").display());
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", ")).into()) }
}

/// The peers are loaded while our programs are compiled.
fn prepare(root: &Path) -> (Result<Environment>, Result<HashMap<String, PathBuf>>) {
    thread::scope(|scope| {
        let requirements = root.join("xtask/interop/requirements.txt");
        let python = scope.spawn(move || {
            Environment::prepare(root, "interop-venv", &requirements).map_err(|e| e.to_string())
        });
        // the release profile, but for what nothing measures; those of Criterion too: parts only
        // measure
        let what = ["--profile=bench", "-p", "mstr-bench", "--bins", "--benches"];
        let programs = programs::build(root, &what);
        let python = python.join().unwrap_or_else(|_| Err("the installation panicked".into()));
        (python.map_err(Into::into), programs)
    })
}
