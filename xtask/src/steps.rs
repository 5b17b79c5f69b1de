//! Commands that are rows of steps: which of them to run, and a table of how long each took.

use std::time::{Duration, Instant};

use lexopt::prelude::Long;

use crate::{sh::Result, workspace::Workspace};

pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// How a developer runs this step alone.
    pub(crate) rerun: &'static str,
    pub(crate) run: fn(&Workspace) -> Result,
}

/// The steps of a command that a developer asked for.
pub(crate) struct Selection {
    /// `cargo xtask ..`
    command: &'static str,
    steps: &'static [Step],
    from: Option<String>,
    only: Vec<String>,
    skip: Vec<String>,
}

impl Selection {
    /// All steps.
    pub(crate) fn new(command: &'static str, steps: &'static [Step]) -> Self {
        Self { command, steps, from: None, only: Vec::new(), skip: Vec::new() }
    }

    /// Of a command that has no other options.
    pub(crate) fn parse(
        command: &'static str,
        steps: &'static [Step],
        args: &mut lexopt::Parser,
    ) -> Result<Self> {
        let mut selection = Self::new(command, steps);
        while let Some(arg) = args.next()? {
            let Long(option) = arg else { return Err(arg.unexpected().into()) };
            let option = option.to_owned();
            selection.take(&option, args)?;
        }
        Ok(selection)
    }

    /// Takes `--from`, `--only` or `--skip` with its value.
    pub(crate) fn take(&mut self, option: &str, args: &mut lexopt::Parser) -> Result {
        let mut names = || self.names(&args.value()?.to_string_lossy());
        match option {
            "from" => self.from = names()?.into_iter().next(),
            "only" => {
                let names = names()?;
                self.only.extend(names);
            }
            "skip" => {
                let names = names()?;
                self.skip.extend(names);
            }
            _ => return Err(format!("no option --{option}").into()),
        }
        Ok(())
    }

    /// A step that does not exist would silently run nothing.
    fn names(&self, list: &str) -> Result<Vec<String>> {
        let known = |name: &str| {
            if self.steps.iter().any(|step| step.name == name) {
                Ok(name.into())
            } else {
                let names: Vec<_> = self.steps.iter().map(|step| step.name).collect();
                Err(format!("no step `{name}`; there are {}", names.join(", ")).into())
            }
        };
        list.split(',').map(known).collect()
    }

    fn selected(&self) -> impl Iterator<Item = &'static Step> {
        let mut started = self.from.is_none();
        self.steps.iter().filter(move |step| {
            let is = |name: &String| name == step.name;
            started |= self.from.as_ref().is_some_and(is);
            started
                && (self.only.is_empty() || self.only.iter().any(is))
                && !self.skip.iter().any(is)
        })
    }

    /// Runs them in order; stops at the first that fails.
    pub(crate) fn run(&self, ws: &Workspace) -> Result {
        let mut done: Vec<(&str, Duration)> = Vec::new();
        let mut failure = None;
        for step in self.selected() {
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
                "step {name} failed: {error}\n  only this step: {rerun}\n  from here on:   cargo xtask {command} --from {name}",
                name = step.name,
                rerun = step.rerun,
                command = self.command,
            )
            .into()),
        }
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

    const fn step(name: &'static str) -> Step {
        Step { name, rerun: name, run: |_| Ok(()) }
    }

    const STEPS: &[Step] = &[step("fmt"), step("tidy"), step("test"), step("deny"), step("docs")];

    fn names(args: &[&str]) -> Result<Vec<&'static str>> {
        let mut parser = lexopt::Parser::from_args(args);
        let selection = Selection::parse("ci", STEPS, &mut parser)?;
        Ok(selection.selected().map(|step| step.name).collect())
    }

    #[test]
    fn selects_steps() {
        assert_eq!(names(&[]).unwrap().len(), STEPS.len());
        assert_eq!(names(&["--only", "tidy,fmt"]).unwrap(), ["fmt", "tidy"]);
        assert_eq!(names(&["--only", "tidy", "--only", "fmt"]).unwrap(), ["fmt", "tidy"]);
        assert_eq!(names(&["--from", "deny"]).unwrap(), ["deny", "docs"]);
        assert_eq!(names(&["--from", "deny", "--skip", "deny"]).unwrap(), ["docs"]);
        assert!(!names(&["--skip", "test"]).unwrap().contains(&"test"));
    }

    #[test]
    fn refuses_unknown_steps() {
        assert!(names(&["--only", "tidy,tests"]).unwrap_err().to_string().contains("`tests`"));
        assert!(names(&["--form", "tidy"]).unwrap_err().to_string().contains("--form"));
        assert!(names(&["tidy"]).is_err());
        assert!(names(&["--from"]).is_err());
    }

    #[test]
    fn shows_durations() {
        assert_eq!(shown(Duration::from_millis(1234)), "1.2 s");
        assert_eq!(shown(Duration::from_secs(125)), "2 min 05 s");
    }
}
