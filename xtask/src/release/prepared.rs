//! What a release needs to be in the tree; no check of these builds anything, so `tidy` runs them.

use std::fs;

use super::{
    changelog::{self, Section},
    order,
};
use crate::{
    sh::Result,
    workspace::{Package, Workspace},
};

/// In each package, and the same as at the root.
pub(crate) const LICENCES: &[&str] = &["LICENSE-MIT", "LICENSE-APACHE"];

/// What stands in the way of any release.
pub(crate) fn problems(ws: &Workspace) -> Vec<String> {
    let mut problems = order::version_problems(&ws.packages);
    problems.extend(order::publish_order(&ws.packages).err());
    if let Err(problem) = changelog(ws) {
        problems.push(format!("CHANGELOG.md: {problem}"));
    }
    for licence in LICENCES {
        let wanted = fs::read(ws.root.join(licence)).unwrap_or_default();
        for Package { dir, .. } in ws.published() {
            // a link to the one at the root, or a copy
            if fs::read(ws.root.join(dir).join(licence)).ok() != Some(wanted.clone()) {
                problems.push(format!("{dir}/{licence} is not the one at the root"));
            }
        }
    }
    problems
}

/// The step of a release: the same, and what comes of it.
pub(super) fn run(ws: &Workspace) -> Result {
    let problems = problems(ws);
    for problem in &problems {
        println!("error: {problem}");
    }
    if !problems.is_empty() {
        return Err(format!("{} problems", problems.len()).into());
    }
    let version = version(ws)?;
    println!("version        {version}");
    match changelog(ws)? {
        Section::Dated(text) => println!("changelog      {} lines", text.lines().count()),
        Section::Unreleased(text) => println!(
            "changelog      {} lines, still under `## [Unreleased]`: before the release they become \
             `## [{version}] - YYYY-MM-DD`",
            text.lines().count()
        ),
    }
    let order = order::publish_order(&ws.packages)?;
    let names: Vec<_> = order.iter().map(|package| package.name.as_str()).collect();
    println!("publish order  {}", names.join(", "));
    println!("licence texts  in each of {} packages", names.len());
    Ok(())
}

/// That of all published packages.
pub(super) fn version(ws: &Workspace) -> Result<&str> {
    let package = ws.published().next().ok_or("no package is published")?;
    Ok(&package.version)
}

pub(super) fn changelog(ws: &Workspace) -> std::result::Result<Section, String> {
    let text = ws.read("CHANGELOG.md").map_err(|e| e.to_string())?;
    let version = version(ws).map_err(|e| e.to_string())?;
    changelog::section(&text, version)
}
