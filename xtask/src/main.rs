//! What CI and maintainers run: `cargo xtask <command>`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool prints")]

mod api;
mod bench;
mod ci;
mod codegen;
mod conformance;
mod coverage;
mod deny;
mod deps;
mod docs;
mod faults;
mod features;
mod fmt;
mod fuzz;
mod guide;
mod interop;
mod lint;
mod markdown;
mod msrv;
mod nightly;
mod packages;
mod programs;
mod release;
mod rustdoc;
mod sh;
mod soak;
mod spelling;
mod steps;
mod test;
mod tidy;
mod tools;
mod workspace;

use std::process::ExitCode;

use lexopt::prelude::{Long, Short, Value};

use sh::Result;
use workspace::Workspace;

struct Command {
    name: &'static str,
    about: &'static str,
    run: fn(&Workspace, &mut lexopt::Parser) -> Result,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "ci",
        about: "all that CI runs; --from STEP, --only STEP,.., --skip STEP,..",
        run: ci::with_options,
    },
    Command { name: "fmt", about: "formatting", run: |ws, args| bare(args, || fmt::run(ws)) },
    Command {
        name: "tidy",
        about: "floors, manifests, house rules of the sources (builds nothing)",
        run: |ws, args| bare(args, || tidy::run(ws)),
    },
    Command {
        name: "codegen",
        about: "writes the I-Server code table and the guide's porting names; --check compares only",
        run: |ws, args| {
            let check = flag(args, "check")?;
            codegen::run(ws, check)
        },
    },
    Command {
        name: "lint",
        about: "clippy, all targets and features, no warnings",
        run: |ws, args| bare(args, || lint::run(ws)),
    },
    Command {
        name: "test",
        about: "the README's two commands: all tests, and the quickstart",
        run: |ws, args| bare(args, || test::run(ws)),
    },
    Command {
        name: "conformance",
        about: "the language-neutral cases and the corpus of replies; --cases FILE.., --only ID..,\
                --mutate, --corpus",
        run: |ws, args| conformance::with_options(ws, args),
    },
    Command {
        name: "faults",
        about: "the fault matrix: every fault times every operation",
        run: |ws, args| bare(args, || faults::run(ws)),
    },
    Command {
        name: "fuzz",
        about: "the fuzz targets, a minute each; TARGET.., --seconds N, --replay (corpus only)",
        run: |ws, args| fuzz::with_options(ws, args),
    },
    Command {
        name: "soak",
        about: "64 tasks against a server that fails all the time; --minutes N, --seed N; \
                --fronts: behind haproxy and nginx; --calls N, --keep (logs)",
        run: soak::with_options,
    },
    Command {
        name: "nightly",
        about: "what takes long: model test, soak behind fronts, soak; --from, --only, --skip",
        run: nightly::with_options,
    },
    Command {
        name: "bench",
        about: "speed and memory beside other clients; --quick, --only PART,.., --check",
        run: bench::with_options,
    },
    Command {
        name: "features",
        about: "every feature alone and every two together, with cargo-hack; --alone: no pairs",
        run: |ws, args| {
            if flag(args, "alone")? { features::alone(ws) } else { features::run(ws) }
        },
    },
    Command {
        name: "deps",
        about: "what must and must not be in the dependency trees",
        run: |ws, args| bare(args, || deps::run(ws)),
    },
    Command {
        name: "deny",
        about: "bans, licences and sources, with cargo-deny",
        run: |ws, args| bare(args, || deny::run(ws)),
    },
    Command {
        name: "docs",
        about: "rustdoc, here and as docs.rs does it, links, the guide, spelling; --quick: no rustdoc",
        run: |ws, args| {
            let quick = flag(args, "quick")?;
            if quick { docs::quick(ws) } else { docs::run(ws) }
        },
    },
    Command {
        name: "guide",
        about: "builds the guide into target/guide, with mdBook (not in ci)",
        run: |ws, args| bare(args, || guide::build(ws)),
    },
    Command {
        name: "interop",
        about: "real third-party clients against the simulated server; --secrets: only the table of vaults",
        run: |ws, args| {
            if flag(args, "secrets")? { interop::secrets(&ws.root) } else { interop::run(&ws.root) }
        },
    },
    Command {
        name: "msrv",
        about: "the oldest compilers: what dependencies say, and a check by the one at hand",
        run: |ws, args| bare(args, || msrv::run(ws)),
    },
    Command {
        name: "api",
        about: "writes the listings of the public API; --check compares only",
        run: |ws, args| {
            let check = flag(args, "check")?;
            api::run(ws, check)
        },
    },
    Command {
        name: "coverage",
        about: "lines that tests run, with cargo-tarpaulin; PACKAGE.., --files (Linux)",
        run: coverage::with_options,
    },
    Command {
        name: "release",
        about: "--dry-run: all checks of a release (--from, --only, --skip); else its commands",
        run: release::with_options,
    },
    Command {
        name: "advisories",
        about: "known vulnerabilities, with cargo-deny (not in ci: fetches a database)",
        run: |ws, args| bare(args, || deny::advisories(ws)),
    },
];

fn main() -> ExitCode {
    match rustdoc::in_its_place().unwrap_or_else(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result {
    let mut args = lexopt::Parser::from_env();
    match args.next()? {
        Some(Value(name)) => {
            let name = name.to_string_lossy();
            let command = COMMANDS
                .iter()
                .find(|c| c.name == name)
                .ok_or_else(|| format!("no command `{name}`; see `cargo xtask --help`"))?;
            (command.run)(&Workspace::load()?, &mut args)
        }
        Some(Long("help") | Short('h')) => {
            print!("{}", help());
            Ok(())
        }
        Some(other) => Err(other.unexpected().into()),
        None => Err(help().into()),
    }
}

fn help() -> String {
    let lines =
        COMMANDS.iter().map(|Command { name, about, .. }| format!("  {name:<11} {about}\n"));
    format!("usage: cargo xtask <command>\n\n{}", lines.collect::<String>())
}

/// Runs a command that takes no arguments.
fn bare(args: &mut lexopt::Parser, run: impl FnOnce() -> Result) -> Result {
    match args.next()? {
        None => run(),
        Some(arg) => Err(arg.unexpected().into()),
    }
}

/// Whether the only argument that a command takes is there.
fn flag(args: &mut lexopt::Parser, name: &str) -> Result<bool> {
    let mut given = false;
    while let Some(arg) = args.next()? {
        match arg {
            Long(long) if long == name => given = true,
            arg => return Err(arg.unexpected().into()),
        }
    }
    Ok(given)
}
