//! What is measured on.

use std::{fs, path::Path, process::Command, thread};

use serde_json::{Value, json};

use crate::sh::{self, Result};

/// The machine and its compilers. What a platform does not tell is `null`.
pub(super) fn describe(root: &Path) -> Result<Value> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let rustc = sh::output(Command::new("rustc").arg("--version"))?;
    let commit = sh::output(sh::command("git", root).args(["describe", "--always", "--dirty"]));
    Ok(json!({
        "cpu": line_of("/proc/cpuinfo", "model name"),
        "cores": cores,
        "memory": line_of("/proc/meminfo", "MemTotal"),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "rustc": rustc.trim(),
        "commit": commit.ok().map(|text| text.trim().to_owned()),
        "load_before": load(),
    }))
}

/// Processes that wanted to run, on average, over 1, 5 and 15 minutes.
pub(super) fn load() -> Option<String> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    Some(text.split(' ').take(3).collect::<Vec<_>>().join(" "))
}

/// Memory that could still be used.
pub(super) fn available_kb() -> Option<u64> {
    line_of("/proc/meminfo", "MemAvailable")?.strip_suffix(" kB")?.trim().parse().ok()
}

fn line_of(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
