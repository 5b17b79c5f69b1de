//! `cargo xtask api`: what the published libraries show, an item a line, in `docs/api`.
//!
//! A change of the public API is then a change of a file, which a reviewer sees.

use std::{collections::BTreeSet, fs};

use crate::{
    rustdoc,
    sh::{self, Result},
    tools::CARGO_PUBLIC_API,
    workspace::{Package, Workspace},
};

const FOLDER: &str = "docs/api";

/// Writes the listings, or compares them with what is there.
pub(crate) fn run(ws: &Workspace, check: bool) -> Result {
    describe(ws)?;
    let mut changed = Vec::new();
    for package in ws.published().filter(|package| package.is_library) {
        let file = format!("{FOLDER}/{}.txt", package.name);
        let now = listing(ws, package)?;
        let before = ws.read(&file).unwrap_or_default();
        println!("{file:<44} {:>6} lines", now.lines().count());
        if now == before {
            continue;
        }
        for line in difference(&before, &now) {
            println!("  {line}");
        }
        if !check {
            fs::create_dir_all(ws.root.join(FOLDER))?;
            fs::write(ws.root.join(&file), now)?;
        }
        changed.push(file);
    }
    match (check, changed.is_empty()) {
        (_, true) => println!("the public API is as the listings say"),
        (false, false) => println!("written: {}", changed.join(", ")),
        (true, false) => {
            return Err(format!(
                "the public API is not what {} say: look at the lines above; if they are meant, \
                 `cargo xtask api` writes them",
                changed.join(", ")
            )
            .into());
        }
    }
    Ok(())
}

/// `target/doc/*.json`, by rustdoc, from what `cargo xtask docs` has compiled.
fn describe(ws: &Workspace) -> Result {
    let mut cargo = sh::cargo(&ws.root);
    cargo.args([
        "doc",
        "--workspace",
        "--all-features",
        "--no-deps",
        "--lib",
        "--locked",
        "--quiet",
    ]);
    let json = "-Z unstable-options --output-format json";
    sh::run(rustdoc::unstable(&mut cargo, ws).env("RUSTDOCFLAGS", json))
}

/// Without blanket implementations and auto traits: what every type has, or nearly every.
fn listing(ws: &Workspace, package: &Package) -> Result<String> {
    let json = ws.target.join("doc").join(package.name.replace('-', "_")).with_extension("json");
    let mut cargo = CARGO_PUBLIC_API.cargo(ws)?;
    cargo.args(["public-api", "--color", "never", "-ss", "--rustdoc-json"]).arg(json);
    let text = sh::output(&mut cargo)?;
    if text.lines().count() < 2 {
        return Err(format!("{} shows nothing", package.name).into());
    }
    Ok(text)
}

/// Lines that went and lines that came.
fn difference(before: &str, now: &str) -> Vec<String> {
    let [old, new] = [before, now].map(|text| text.lines().collect::<BTreeSet<_>>());
    let mut lines: Vec<_> = old
        .difference(&new)
        .map(|line| (line, '-'))
        .chain(new.difference(&old).map(|line| (line, '+')))
        .collect();
    lines.sort();
    if lines.is_empty() {
        return vec!["the same lines in another order".into()];
    }
    lines.into_iter().map(|(line, sign)| format!("{sign} {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_went_and_what_came() {
        let before = "pub fn a::f()\npub fn a::g()\n";
        let now = "pub fn a::f(u8)\npub fn a::g()\n";
        assert_eq!(difference(before, now), ["- pub fn a::f()", "+ pub fn a::f(u8)"]);
        assert_eq!(difference("", "pub mod a\n"), ["+ pub mod a"]);
        assert_eq!(difference("a\nb\n", "b\na\n").len(), 1);
    }
}
