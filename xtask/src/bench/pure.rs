//! What needs no server, measured by Criterion in one process.

use std::{fs, path::Path};

use serde_json::Value;

use super::{Bench, report::Part, stats::number};
use crate::sh::{self, Result};

pub(super) fn run(bench: &Bench, part: &mut Part) -> Result {
    let folder = bench.folder.join("criterion");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let mut cargo = sh::cargo(&bench.root);
    cargo.args(["bench", "--locked", "-q", "-p", "mstr-bench", "--bench", "pure", "--"]);
    cargo.args(["--noplot", "--quiet"]);
    cargo.args(if bench.quick {
        ["--warm-up-time", "0.3", "--measurement-time", "0.7", "--sample-size", "20"]
    } else {
        ["--warm-up-time", "1", "--measurement-time", "2", "--sample-size", "50"]
    });
    sh::run(cargo.env("CRITERION_HOME", &folder))?;
    let mut found = Vec::new();
    collect(&folder, &mut found)?;
    found.sort();
    if found.is_empty() {
        return Err("Criterion left no estimates".into());
    }
    part.table("Criterion, medians", &["what", "ns", "95 % between"], found);
    Ok(())
}

/// `.../new/benchmark.json` has the name, `estimates.json` beside it the numbers.
fn collect(folder: &Path, found: &mut Vec<Vec<String>>) -> Result {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let estimates = path.join("new/estimates.json");
        if estimates.exists() {
            let named: Value = read(&path.join("new/benchmark.json"))?;
            let numbers: Value = read(&estimates)?;
            let median = &numbers["median"];
            let between = &median["confidence_interval"];
            let ns = |value: &Value| number(value.as_f64().unwrap_or(f64::NAN));
            found.push(vec![
                named["title"].as_str().unwrap_or_default().to_owned(),
                ns(&median["point_estimate"]),
                format!("{}-{}", ns(&between["lower_bound"]), ns(&between["upper_bound"])),
            ]);
        } else if path.is_dir() {
            collect(&path, found)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Value> {
    Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
}
