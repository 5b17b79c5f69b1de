//! `cargo xtask coverage`: which lines the tests run, with cargo-tarpaulin.
//!
//! It counts by breakpoints (ptrace, Linux only): rustup's llvm-tools, which cargo-llvm-cov would
//! need, are not on every machine. It is a report; nothing fails at a number.

use std::{collections::BTreeMap, fs};

use lexopt::prelude::{Long, Value as Word, ValueExt as _};
use serde_json::Value;

use crate::{
    sh::{self, Result},
    tools::CARGO_TARPAULIN,
    workspace::Workspace,
};

/// What is reported unless other packages are named: the crates that everything goes through.
const PACKAGES: &[&str] =
    &["mstr-credentials", "mstr-rest-core", "mstr-rest-api", "mstr-rest-data"];

/// `[PACKAGE..] [--files]`
pub(crate) fn with_options(ws: &Workspace, args: &mut lexopt::Parser) -> Result {
    let mut files = false;
    let mut packages = Vec::new();
    while let Some(arg) = args.next()? {
        match arg {
            Long("files") => files = true,
            Word(name) => packages.push(ws.package(&name.string()?)?),
            arg => return Err(arg.unexpected().into()),
        }
    }
    if packages.is_empty() {
        packages = PACKAGES.iter().map(|name| ws.package(name)).collect::<Result<_>>()?;
    }
    let folder = ws.target.join("coverage");
    fs::create_dir_all(&folder)?;
    let mut rows = BTreeMap::new();
    for package in packages {
        // one at a time: with its own features, and what its own tests reach
        let mut cargo = CARGO_TARPAULIN.cargo(ws)?;
        cargo.args([
            "tarpaulin",
            "--locked",
            "--engine",
            "ptrace",
            "--skip-clean",
            "--all-features",
        ]);
        cargo.args(["--package", &package.name, "--tests", "--lib", "--out", "json"]);
        cargo.args(["--include-files", &format!("{}/src/*", package.dir), "--timeout", "300"]);
        cargo.arg("--output-dir").arg(&folder).arg("--target-dir").arg(folder.join("build"));
        sh::run(&mut cargo)?;
        let report = fs::read_to_string(folder.join("tarpaulin-report.json"))?;
        rows.extend(count(&serde_json::from_str(&report)?, &package.dir)?);
    }
    print!("{}", table(&rows, files));
    Ok(())
}

/// Lines that ran, and lines that could.
type Lines = (u64, u64);

/// Of each source file of the package in `folder`, named from the root.
fn count(report: &Value, folder: &str) -> Result<BTreeMap<String, Lines>> {
    let mut rows = BTreeMap::new();
    for file in report["files"].as_array().into_iter().flatten() {
        let parts: Vec<_> =
            file["path"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let path = parts.join("/");
        let source = format!("/{folder}/src/");
        let Some((_, name)) = path.split_once(&source) else { continue };
        let number = |member: &str| file[member].as_u64().ok_or("no number of lines");
        let lines = (number("covered")?, number("coverable")?);
        rows.insert(format!("{folder}/src/{name}"), lines);
    }
    if rows.is_empty() { Err(format!("no line of {folder} was counted").into()) } else { Ok(rows) }
}

/// A row a package, or a row a file.
fn table(files: &BTreeMap<String, Lines>, each: bool) -> String {
    let mut rows: BTreeMap<&str, Lines> = BTreeMap::new();
    for (file, (ran, could)) in files {
        let package = file.split_once("/src/").map_or(file.as_str(), |(package, _)| package);
        let row = rows.entry(if each { file } else { package }).or_default();
        *row = (row.0 + ran, row.1 + could);
    }
    let all = rows.values().fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
    let width = rows.keys().map(|name| name.len()).max().unwrap_or_default();
    let line = |(name, (ran, could)): (&str, Lines)| {
        let thousandths = (ran * 1000).checked_div(could).unwrap_or_default();
        let percent = format!("{}.{}", thousandths / 10, thousandths % 10);
        format!("{name:<width$} {ran:>6} of {could:>6} lines {percent:>6} %\n")
    };
    rows.into_iter().chain([("all", all)]).map(line).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_files_of_the_package() {
        let report = serde_json::json!({"files": [
            {"path": ["/", "x", "crates", "a", "src", "b", "c.rs"], "covered": 2, "coverable": 3},
            {"path": ["/", "x", "crates", "z", "src", "lib.rs"], "covered": 9, "coverable": 9},
        ]});
        let rows = count(&report, "crates/a").unwrap();
        assert_eq!(rows, BTreeMap::from([("crates/a/src/b/c.rs".into(), (2, 3))]));
        assert!(count(&report, "crates/b").is_err());
        assert!(count(&serde_json::json!({}), "crates/a").is_err());
    }

    #[test]
    fn adds_up() {
        let rows = [
            ("crates/a/src/b.rs", (2, 3)),
            ("crates/a/src/c.rs", (0, 1)),
            ("crates/d/src/e.rs", (4, 4)),
        ];
        let rows = rows.map(|(name, lines)| (name.to_owned(), lines)).into();
        let text = table(&rows, false);
        assert_eq!(text.lines().count(), 3);
        assert!(text.contains("crates/a      2 of      4 lines   50.0 %"), "{text}");
        assert!(text.contains("all           6 of      8 lines   75.0 %"), "{text}");
        assert_eq!(table(&rows, true).lines().count(), 4);
    }
}
