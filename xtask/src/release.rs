//! `cargo xtask release`: whether the workspace can be released, and how.
//!
//! `--dry-run` runs all checks. Without it nothing is built: what a maintainer types is printed.
//! Nothing here publishes: a registry forgets no version, and a person should look at each.

mod changelog;
mod minimal;
mod order;
mod outside;
mod packages;
mod prepared;
mod sbom;
mod semver;

use std::path::PathBuf;

use lexopt::prelude::Long;

pub(crate) use prepared::problems;

use crate::{
    api, features,
    sh::{self, Result},
    steps::{Selection, Step},
    workspace::{Package, Workspace},
};
use changelog::Section;

const COMMAND: &str = "release --dry-run";

/// Cheap steps first. `outside` and `minimal` use what `package` wrote.
const STEPS: &[Step] = &[
    Step {
        name: "prepared",
        rerun: "cargo xtask release --dry-run --only prepared",
        run: prepared::run,
    },
    Step { name: "api", rerun: "cargo xtask api --check", run: |ws| api::run(ws, true) },
    Step { name: "semver", rerun: "cargo xtask release --dry-run --only semver", run: semver::run },
    Step {
        name: "package",
        rerun: "cargo xtask release --dry-run --only package",
        run: packages::run,
    },
    Step {
        name: "outside",
        rerun: "cargo xtask release --dry-run --only outside",
        run: outside::run,
    },
    Step {
        name: "minimal",
        rerun: "cargo xtask release --dry-run --only minimal",
        run: minimal::run,
    },
    Step { name: "features", rerun: "cargo xtask features", run: features::run },
    Step { name: "sbom", rerun: "cargo xtask release --dry-run --only sbom", run: sbom::run },
];

/// `[--dry-run [--from STEP] [--only STEP,..] [--skip STEP,..]]`
pub(crate) fn with_options(ws: &Workspace, args: &mut lexopt::Parser) -> Result {
    let mut selection = Selection::new(COMMAND, STEPS);
    let (mut dry_run, mut selects) = (false, false);
    while let Some(arg) = args.next()? {
        let Long(option) = arg else { return Err(arg.unexpected().into()) };
        let option = option.to_owned();
        if option == "dry-run" {
            dry_run = true;
        } else {
            selection.take(&option, args)?;
            selects = true;
        }
    }
    match (dry_run, selects) {
        (true, _) => selection.run(ws),
        (false, false) => plan(ws),
        (false, true) => Err("only --dry-run has steps".into()),
    }
}

/// What the steps write: packages, what is built of them, SBOMs.
fn folder(ws: &Workspace) -> PathBuf {
    ws.target.join("release-check")
}

/// Where packages are built, apart from the workspace: they have none of its settings.
fn build_folder(ws: &Workspace) -> PathBuf {
    folder(ws).join("build")
}

/// Prints what a maintainer types, once nothing stands in the way.
fn plan(ws: &Workspace) -> Result {
    let version = prepared::version(ws)?;
    let tag = format!("v{version}");
    let git = |args: &[&str]| sh::output(sh::command("git", &ws.root).args(args));
    let tree = Tree {
        branch: git(&["branch", "--show-current"])?.trim().into(),
        changes: git(&["status", "--porcelain"])?.lines().count(),
        tagged: !git(&["tag", "--list", &tag])?.trim().is_empty(),
    };
    let mut obstacles = problems(ws);
    obstacles.extend(tree.obstacles(&tag));
    if let Ok(Section::Unreleased(_)) = prepared::changelog(ws) {
        obstacles.push(format!("CHANGELOG.md: no `## [{version}] - YYYY-MM-DD`"));
    }
    for obstacle in &obstacles {
        println!("error: {obstacle}");
    }
    if !obstacles.is_empty() {
        return Err(format!("{version} cannot be released: {} problems", obstacles.len()).into());
    }
    println!("{version} can be released once `cargo xtask release --dry-run` has passed:\n");
    for line in commands(version, &order::publish_order(&ws.packages)?) {
        println!("  {line}");
    }
    println!("\nnothing was tagged or published");
    Ok(())
}

/// What git knows.
struct Tree {
    branch: String,
    changes: usize,
    tagged: bool,
}

impl Tree {
    fn obstacles(&self, tag: &str) -> Vec<String> {
        let mut obstacles = Vec::new();
        if self.branch != "main" {
            obstacles.push(format!("this is the branch `{}`, not `main`", self.branch));
        }
        if self.changes > 0 {
            obstacles.push(format!("{} files are not committed", self.changes));
        }
        if self.tagged {
            obstacles.push(format!("the tag {tag} is there already"));
        }
        obstacles
    }
}

/// One command for each crate: where a registry stops one (new crates are rationed), the rest
/// follow later.
fn commands(version: &str, order: &[&Package]) -> Vec<String> {
    let mut lines = vec![
        format!("git tag --annotate v{version} --message {version}"),
        format!("git push origin v{version}"),
    ];
    lines.extend(order.iter().map(|p| format!("cargo publish --locked --package {}", p.name)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_made_of_a_clean_main() {
        let good = Tree { branch: "main".into(), changes: 0, tagged: false };
        assert!(good.obstacles("v0.1.0").is_empty());
        let bad = Tree { branch: "work".into(), changes: 2, tagged: true };
        assert_eq!(bad.obstacles("v0.1.0").len(), 3);
    }

    #[test]
    fn every_crate_has_its_command() {
        let package = |name: &str| Package { name: name.into(), ..Package::default() };
        let (a, b) = (package("a"), package("b"));
        assert_eq!(
            commands("0.2.0", &[&a, &b]),
            [
                "git tag --annotate v0.2.0 --message 0.2.0",
                "git push origin v0.2.0",
                "cargo publish --locked --package a",
                "cargo publish --locked --package b",
            ]
        );
    }
}
