//! `cargo xtask ci`: all steps of CI, in order; stops at the first that fails.

use std::time::{Duration, Instant};

use lexopt::prelude::Long;

use crate::{
    codegen, conformance, deny, deps, docs, faults, features, fmt, fuzz, interop, lint, sh::Result,
    test, tidy, workspace::Workspace,
};

struct Step {
    name: &'static str,
    /// How a developer runs this step alone.
    rerun: &'static str,
    run: fn(&Workspace) -> Result,
}

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
    Step { name: "features", rerun: "cargo xtask features", run: features::run },
    Step { name: "deps", rerun: "cargo xtask deps", run: deps::run },
    Step { name: "deny", rerun: "cargo xtask deny", run: deny::run },
    Step { name: "docs", rerun: "cargo xtask docs", run: docs::run },
    Step { name: "interop", rerun: "cargo xtask interop", run: |ws| interop::run(&ws.root) },
];

/// The steps that a developer asked for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Selection {
    from: Option<String>,
    only: Vec<String>,
    skip: Vec<String>,
}

impl Selection {
    pub(crate) fn parse(args: &mut lexopt::Parser) -> Result<Self> {
        let mut selection = Self::default();
        while let Some(arg) = args.next()? {
            match arg {
                Long("from") => selection.from = Some(step_name(&args.value()?.to_string_lossy())?),
                Long("only") => {
                    selection.only.extend(step_names(&args.value()?.to_string_lossy())?);
                }
                Long("skip") => {
                    selection.skip.extend(step_names(&args.value()?.to_string_lossy())?);
                }
                arg => return Err(arg.unexpected().into()),
            }
        }
        Ok(selection)
    }

    fn steps(&self) -> impl Iterator<Item = &'static Step> {
        let mut started = self.from.is_none();
        STEPS.iter().filter(move |step| {
            let is = |name: &String| name == step.name;
            started |= self.from.as_ref().is_some_and(is);
            started
                && (self.only.is_empty() || self.only.iter().any(is))
                && !self.skip.iter().any(is)
        })
    }
}

fn step_names(list: &str) -> Result<Vec<String>> {
    list.split(',').map(step_name).collect()
}

/// A step that does not exist would silently run nothing.
fn step_name(name: &str) -> Result<String> {
    if STEPS.iter().any(|step| step.name == name) {
        Ok(name.into())
    } else {
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        Err(format!("no step `{name}`; there are {}", names.join(", ")).into())
    }
}

pub(crate) fn run(ws: &Workspace, selection: &Selection) -> Result {
    let mut done: Vec<(&str, Duration)> = Vec::new();
    let mut failure = None;
    for step in selection.steps() {
        println!("\n==== {} ({})", step.name, step.rerun);
        let start = Instant::now();
        let result = (step.run)(ws);
        let took = start.elapsed();
        done.push((step.name, took));
        if let Err(error) = result {
            println!("==== {} FAILED after {}", step.name, shown(took));
            failure = Some((step, error));
            break;
        }
        println!("==== {} ok in {}", step.name, shown(took));
    }
    if done.is_empty() {
        return Err("no step left to run".into());
    }
    println!();
    for (name, took) in &done {
        let failed = failure.as_ref().is_some_and(|(step, _)| step.name == *name);
        println!("{name:<11} {:>10}  {}", shown(*took), if failed { "FAILED" } else { "ok" });
    }
    println!("{:<11} {:>10}", "total", shown(done.iter().map(|(_, took)| *took).sum()));
    match failure {
        None => Ok(()),
        Some((step, error)) => Err(format!(
            "step {name} failed: {error}\n  only this step: {rerun}\n  from here on:   cargo xtask ci --from {name}",
            name = step.name,
            rerun = step.rerun,
        )
        .into()),
    }
}

fn shown(took: Duration) -> String {
    let seconds = took.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", took.as_secs_f64()),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(args: &[&str]) -> Result<Vec<&'static str>> {
        let mut parser = lexopt::Parser::from_args(args);
        Ok(Selection::parse(&mut parser)?.steps().map(|step| step.name).collect())
    }

    #[test]
    fn selects_steps() {
        assert_eq!(names(&[]).unwrap().len(), STEPS.len());
        assert_eq!(names(&["--only", "tidy,fmt"]).unwrap(), ["fmt", "tidy"]);
        assert_eq!(names(&["--from", "deny"]).unwrap()[0], "deny");
        assert_eq!(names(&["--from", "deny", "--skip", "deny"]).unwrap()[0], "docs");
        assert!(!names(&["--skip", "test"]).unwrap().contains(&"test"));
    }

    #[test]
    fn refuses_unknown_steps() {
        assert!(names(&["--only", "tidy,tests"]).unwrap_err().to_string().contains("`tests`"));
        assert!(names(&["--form", "tidy"]).is_err());
    }

    #[test]
    fn shows_durations() {
        assert_eq!(shown(Duration::from_millis(1234)), "1.2 s");
        assert_eq!(shown(Duration::from_secs(125)), "2 min 05 s");
    }
}
