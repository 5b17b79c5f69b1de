//! `cargo xtask fuzz`: the fuzz targets under `fuzz/`, a minute each.

use std::{fs, path::Path};

use lexopt::prelude::{Long, Value, ValueExt as _};

use crate::{
    sh::{self, Result},
    tools::CARGO_FUZZ,
    workspace::Workspace,
};

const SECONDS: u32 = 60;

/// Replays the committed corpus on any toolchain, without libFuzzer.
pub(crate) fn replay(ws: &Workspace) -> Result {
    sh::run(
        sh::cargo(&ws.root)
            .args(["test", "--locked", "--quiet", "--manifest-path", "fuzz/Cargo.toml", "--lib"])
            .arg("--target-dir")
            .arg(&ws.target),
    )
}

/// `[TARGET..] [--seconds N] [--replay]`
pub(crate) fn with_options(ws: &Workspace, args: &mut lexopt::Parser) -> Result {
    let mut seconds = SECONDS;
    let mut targets = Vec::new();
    let mut only_replay = false;
    let known = targets_of(&ws.root.join("fuzz/targets"))?;
    while let Some(arg) = args.next()? {
        match arg {
            Long("seconds") => seconds = args.value()?.parse()?,
            Long("replay") => only_replay = true,
            Value(target) => {
                let target = target.string()?;
                if !known.contains(&target) {
                    return Err(format!("no fuzz target {target}: {}", known.join(", ")).into());
                }
                targets.push(target);
            }
            arg => return Err(arg.unexpected().into()),
        }
    }
    if only_replay {
        return replay(ws);
    }
    if targets.is_empty() {
        targets = known;
    }
    let mut lines = Vec::new();
    for target in &targets {
        lines.push(format!("{target:<14} {}", run(ws, target, seconds)?));
    }
    println!("\nno findings in {seconds} s each");
    for line in lines {
        println!("  {line}");
    }
    Ok(())
}

fn targets_of(folder: &Path) -> Result<Vec<String>> {
    let mut targets = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        targets.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    targets.sort();
    Ok(targets)
}

/// Runs one target. What it learns stays under `target/`; the committed corpus is only read.
fn run(ws: &Workspace, target: &str, seconds: u32) -> Result<String> {
    let learnt = ws.target.join("fuzz/corpus").join(target);
    let findings = ws.target.join("fuzz/findings").join(target);
    fs::create_dir_all(&learnt)?;
    fs::create_dir_all(&findings)?;
    let mut cargo = CARGO_FUZZ.cargo(ws)?;
    // The coverage flags are unstable. No sanitizer: the code is safe Rust, what is looked for are
    // broken promises.
    cargo
        .env("RUSTC_BOOTSTRAP", "1")
        .args(["fuzz", "run", "--fuzz-dir", "fuzz", "--sanitizer", "none"])
        .args(["--features", "libfuzzer", "--target-dir"])
        .arg(ws.target.join("fuzz/build"))
        .arg(target)
        .arg(learnt)
        .arg(ws.root.join("fuzz/corpus").join(target))
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", findings.display()))
        // an input that takes 25 s hangs; nothing here needs a gigabyte
        .args(["-timeout=25", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=0"]);
    let (text, result) = sh::errors_of(&mut cargo)?;
    result.map_err(|error| {
        let findings = findings.display();
        format!("{text}\n{error}; the input is in {findings}: once mended, add it to the corpus")
    })?;
    let number = |name: &str| {
        let line = text.lines().find(|line| line.contains(name));
        line.and_then(|line| line.split_whitespace().last()).unwrap_or("?").to_owned()
    };
    Ok(format!(
        "{} runs, {} a second, {} MB at most",
        number("number_of_executed_units"),
        number("average_exec_per_sec"),
        number("peak_rss_mb"),
    ))
}
