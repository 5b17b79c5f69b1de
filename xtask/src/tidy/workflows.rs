//! Workflows: what they run can be run anywhere, because it is a command of ours.

use crate::{sh::Result, workspace::Workspace};

pub(super) const FOLDER: &str = ".github/workflows/";

/// What a workflow may run: our commands, and what they need from outside.
const MAY_RUN: &[&str] =
    &["cargo xtask ", "bash .ci/run", "rustup toolchain install ", "sudo apt-get install "];

/// Commands of a workflow that nobody could run at home, and actions without a full version.
pub(super) fn commands(file: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim().trim_start_matches("- ");
        if let Some(command) = line.strip_prefix("run:").map(str::trim)
            && (!MAY_RUN.iter().any(|begin| command.starts_with(begin))
                || command.contains(['&', ';', '|']))
        {
            problems.push(format!("{file}:{}: runs more than `cargo xtask`: {command}", at + 1));
        }
        if let Some(action) = line.strip_prefix("uses:").map(str::trim)
            && !is_pinned(action)
        {
            problems
                .push(format!("{file}:{}: {action} is not pinned: @v1.2.3, or a commit", at + 1));
        }
    }
    problems
}

/// `owner/name@v1.2.3`, or the 40 digits of a commit.
fn is_pinned(action: &str) -> bool {
    let version = action.split_whitespace().next().and_then(|a| a.split_once('@')).map(|(_, v)| v);
    version.is_some_and(|version| {
        let numbers = version.strip_prefix('v').unwrap_or_default().split('.');
        let is_number = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
        (numbers.clone().count() == 3 && numbers.clone().all(is_number))
            || (version.len() == 40 && version.bytes().all(|b| b.is_ascii_hexdigit()))
    })
}

/// Oldest compilers that manifests promise and no workflow tries.
pub(super) fn old_compilers(ws: &Workspace, files: &[String]) -> Result<Vec<String>> {
    let mut workflows = String::new();
    for file in files.iter().filter(|file| file.starts_with(FOLDER)) {
        workflows += &ws.read(file)?;
    }
    let mut promised: Vec<_> =
        ws.published().filter_map(|package| package.rust_version.as_deref()).collect();
    promised.sort_unstable();
    promised.dedup();
    Ok(promised
        .into_iter()
        .filter(|version| !workflows.contains(&format!("\"{version}\"")))
        .map(|version| {
            format!("{FOLDER}: none tries Rust \"{version}\", which a manifest promises")
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_commands_of_ours() {
        let good = "\
      - uses: actions/checkout@v1.2.3 # a note
      - uses: a/b@0123456789abcdef0123456789abcdef01234567
      - run: rustup toolchain install 1.88
      - run: cargo xtask test
      - name: all
        run: bash .ci/run
";
        assert!(commands("a.yml", good).is_empty());
        for bad in [
            "- run: cargo test",
            "- run: |",
            "- run: cargo xtask test && curl x",
            "- uses: actions/checkout@v4",
            "- uses: actions/checkout@main",
            "- uses: actions/checkout",
        ] {
            assert_eq!(commands("a.yml", bad).len(), 1, "{bad}");
        }
    }
}
