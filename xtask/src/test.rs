//! `cargo xtask test`: the two commands that the README shows.

use crate::{
    programs,
    sh::{self, Result},
    workspace::Workspace,
};

/// As the README shows them; `docs` checks that it does.
pub(crate) const QUICKSTART: &str = "cargo run --example quickstart";
pub(crate) const TESTS: &str = "cargo test --workspace --all-features";

pub(crate) fn run(ws: &Workspace) -> Result {
    let (output, result) = sh::tee(sh::cargo(&ws.root).args(TESTS.split(' ').skip(1)))?;
    let summary = Summary::of(&output);
    for test in &summary.ignored {
        println!("ignored: {test}");
    }
    println!(
        "{} passed, {} failed, {} skipped",
        summary.passed,
        summary.failed,
        summary.ignored.len()
    );
    result?;
    summary.check()?;
    programs::all_are_built();

    let mut quickstart = sh::cargo(&ws.root);
    quickstart.args(QUICKSTART.split(' ').skip(1));
    sh::forget_servers(&mut quickstart);
    let (output, result) = sh::tee(&mut quickstart)?;
    result?;
    if output.lines().any(|line| line.contains("logged out")) {
        Ok(())
    } else {
        Err("the quickstart printed no line with `logged out`".into())
    }
}

/// What the test programs of one `cargo test` said.
#[derive(Debug, Default, PartialEq)]
struct Summary {
    passed: usize,
    failed: usize,
    /// Names and reasons.
    ignored: Vec<String>,
}

impl Summary {
    fn of(output: &str) -> Self {
        let mut summary = Self::default();
        for line in output.lines() {
            if let Some(counts) = line.strip_prefix("test result: ") {
                summary.passed += number_before(counts, " passed");
                summary.failed += number_before(counts, " failed");
            } else if let Some(test) = line.strip_prefix("test ")
                && let Some((name, reason)) = test.split_once(" ... ignored")
            {
                let reason = reason.trim_start_matches(", ");
                let reason = if reason.is_empty() { "(no reason given)" } else { reason };
                summary.ignored.push(format!("{name}: {reason}"));
            }
        }
        summary
    }

    /// Tests that all got lost somewhere would otherwise look like success.
    fn check(&self) -> Result {
        if self.passed == 0 || self.failed > 0 {
            return Err(format!("{} tests passed, {} failed", self.passed, self.failed).into());
        }
        Ok(())
    }
}

/// The number before the first `unit` in a text such as `ok. 3 passed; 0 failed`.
fn number_before(text: &str, unit: &str) -> usize {
    text.split_once(unit)
        .and_then(|(before, _)| before.rsplit(' ').next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
running 3 tests
test a::b ... ok
test live ... ignored, needs a real server
test src/lib.rs - (line 3) ... ignored
test result: ok. 1 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: FAILED. 20 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out
";

    #[test]
    fn reads_the_output_of_cargo_test() {
        let summary = Summary::of(OUTPUT);
        assert_eq!((summary.passed, summary.failed), (21, 1));
        assert_eq!(
            summary.ignored,
            ["live: needs a real server", "src/lib.rs - (line 3): (no reason given)"]
        );
        assert!(summary.check().is_err());
    }

    #[test]
    fn no_test_is_no_success() {
        assert!(Summary::of("").check().is_err());
        assert!(Summary { passed: 1, ..Summary::default() }.check().is_ok());
    }
}
