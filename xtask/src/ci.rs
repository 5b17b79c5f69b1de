//! `cargo xtask ci`: all steps of CI, in order; stops at the first that fails.

use crate::{
    codegen, conformance, deny, deps, docs, faults, features, fmt, fuzz, interop, lint,
    sh::Result,
    steps::{Selection, Step},
    test, tidy,
    workspace::Workspace,
};

/// Cheap steps first. All share one target directory; only `test` builds, the others check.
const STEPS: &[Step] = &[
    Step { name: "fmt", rerun: "cargo xtask fmt", run: fmt::run },
    Step { name: "tidy", rerun: "cargo xtask tidy", run: tidy::run },
    Step {
        name: "codegen",
        rerun: "cargo xtask codegen --check",
        run: |ws| codegen::run(ws, true),
    },
    Step { name: "lint", rerun: "cargo xtask lint", run: lint::run },
    Step { name: "test", rerun: "cargo xtask test", run: test::run },
    Step { name: "conformance", rerun: "cargo xtask conformance", run: conformance::run },
    Step { name: "faults", rerun: "cargo xtask faults", run: faults::run },
    Step { name: "fuzz", rerun: "cargo xtask fuzz --replay", run: fuzz::replay },
    Step { name: "features", rerun: "cargo xtask features --alone", run: features::alone },
    Step { name: "deps", rerun: "cargo xtask deps", run: deps::run },
    Step { name: "deny", rerun: "cargo xtask deny", run: deny::run },
    Step { name: "docs", rerun: "cargo xtask docs", run: docs::run },
    Step { name: "interop", rerun: "cargo xtask interop", run: |ws| interop::run(&ws.root) },
];

/// `[--from STEP] [--only STEP,..] [--skip STEP,..]`
pub(crate) fn with_options(ws: &Workspace, args: &mut lexopt::Parser) -> Result {
    Selection::parse("ci", STEPS, args)?.run(ws)
}
