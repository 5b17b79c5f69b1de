//! Instructions of one call, counted by callgrind: the same on a busy machine as on an idle one.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use serde_json::Value;

use super::{Bench, report::Part};
use crate::sh::{self, Result};

/// What two runs have in common (start, login) falls out of their difference.
const FEW: u64 = 100;
const MANY: u64 = 1_000;

/// Functions that are shown.
const SHOWN: usize = 15;

pub(super) fn run(bench: &Bench, part: &mut Part) -> Result {
    let valgrind = Command::new("valgrind").arg("--version").output();
    if !valgrind.is_ok_and(|output| output.status.success()) {
        let how = "there is no valgrind here (Debian: apt-get install valgrind)";
        if bench.check {
            return Err(how.into());
        }
        part.note(format!("instructions are not counted: {how}"));
        return Ok(());
    }
    let ours = count(bench, "ours")?;
    let raw = count(bench, "reqwest")?;
    #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
    let ratio = ours.per_call as f64 / raw.per_call as f64;
    let row = |name: &str, counted: &Counted| vec![name.to_owned(), thousands(counted.per_call)];
    part.table(
        format!(
            "projects().list(), 4 KB over HTTP/1.1: ({MANY} calls - {FEW} calls) / {}",
            MANY - FEW
        ),
        &["client", "instructions"],
        vec![
            row("ours", &ours),
            row("reqwest with its jar", &raw),
            vec!["ratio".to_owned(), format!("{ratio:.3}")],
        ],
    );
    part.table("Where they go, ours", &["function", "instructions a call", "%"], functions(&ours));
    part.table(
        "Where they go, reqwest",
        &["function", "instructions a call", "%"],
        functions(&raw),
    );
    part.at_most("instructions a call, ours / reqwest with its jar", ratio, 1.0);
    check(bench, part, ours.per_call)
}

/// Compares with the budget; only `--check` fails over it.
fn check(bench: &Bench, part: &mut Part, per_call: u64) -> Result {
    let file = bench.scripts().join("budget.json");
    let budget: Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
    let wanted = budget["instructions_per_call"].as_u64().ok_or("the budget names no number")?;
    let percent = budget["tolerance_percent"].as_u64().ok_or("the budget names no tolerance")?;
    let (least, most) = (wanted - wanted * percent / 100, wanted + wanted * percent / 100);
    #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
    part.at_most("instructions a call, against the budget", per_call as f64, most as f64);
    if per_call < least {
        part.note(format!(
            "{per_call} instructions are below the budget: lower it in {}",
            file.display()
        ));
    }
    if bench.check && per_call > most {
        return Err(format!(
            "{per_call} instructions a call, more than the budget of {wanted} and {percent} %: find \
             out why, or raise it in xtask/bench/budget.json"
        )
        .into());
    }
    Ok(())
}

struct Counted {
    per_call: u64,
    /// Of all functions, self cost a call.
    functions: BTreeMap<String, u64>,
}

fn count(bench: &Bench, client: &str) -> Result<Counted> {
    let few = profile(bench, client, FEW)?;
    let many = profile(bench, client, MANY)?;
    let calls = MANY - FEW;
    let difference = |name: &String, cost: &u64| {
        (name.clone(), cost.saturating_sub(few.get(name).copied().unwrap_or(0)) / calls)
    };
    let functions = many.iter().map(|(name, cost)| difference(name, cost)).collect();
    let all = |profile: &BTreeMap<String, u64>| profile.values().sum::<u64>();
    Ok(Counted { per_call: all(&many).saturating_sub(all(&few)) / calls, functions })
}

/// Runs so many calls under callgrind.
fn profile(bench: &Bench, client: &str, calls: u64) -> Result<BTreeMap<String, u64>> {
    let out = bench.folder.join(format!("callgrind.{client}.{calls}"));
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--quiet", "--compress-strings=no", "--compress-pos=no"]);
    command.arg(format!("--callgrind-out-file={}", out.display()));
    command.arg(bench.program("mstr-bench")?);
    command.args(["fixed", "--client", client, "--calls", &calls.to_string()]);
    bench.server.introduce(&mut command, "http")?;
    sh::output(&mut command)?;
    self_costs(&out)
}

/// Self costs by function from a callgrind file without compression: `fn=NAME` opens a function,
/// `calls=` says that the next line is the cost of a callee.
fn self_costs(file: &Path) -> Result<BTreeMap<String, u64>> {
    let text = fs::read(file)?;
    let text = String::from_utf8_lossy(&text);
    let costs = costs(&text);
    if costs.is_empty() {
        Err(format!("{} has no costs", file.display()).into())
    } else {
        Ok(costs)
    }
}

fn costs(text: &str) -> BTreeMap<String, u64> {
    let mut costs = BTreeMap::new();
    let (mut function, mut is_callee) = ("", false);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("fn=") {
            function = name;
        } else if line.starts_with("calls=") {
            is_callee = true;
        } else if line.starts_with(|c: char| c.is_ascii_digit()) {
            let cost = line.split(' ').nth(1).and_then(|text| text.parse::<u64>().ok());
            if let (Some(cost), false) = (cost, is_callee) {
                *costs.entry(function.to_owned()).or_default() += cost;
            }
            is_callee = false;
        }
    }
    costs
}

fn functions(counted: &Counted) -> Vec<Vec<String>> {
    let mut sorted: Vec<_> = counted.functions.iter().collect();
    sorted.sort_by_key(|(_, cost)| std::cmp::Reverse(**cost));
    let row = |(name, cost): (&String, &u64)| {
        #[allow(clippy::cast_precision_loss, reason = "a percentage")]
        let percent = *cost as f64 * 100.0 / counted.per_call as f64;
        vec![format!("`{}`", short(name)), thousands(*cost), format!("{percent:.1}")]
    };
    sorted.into_iter().take(SHOWN).map(row).collect()
}

/// Without the hash of the symbol, and not too long for a table.
fn short(name: &str) -> String {
    let name = name.split("::h").next().filter(|n| !n.is_empty()).unwrap_or(name);
    let name = name.replace('|', "/");
    if name.chars().count() > 90 { name.chars().take(89).chain(['…']).collect() } else { name }
}

/// `188 123`
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_of_callees_are_theirs() {
        let text = "\
events: Ir
fl=a.rs
fn=one
10 5
11 7
cfn=two
calls=3 20
12 100
fn=two
20 100
totals: 112
";
        let costs = costs(text);
        assert_eq!(
            costs.into_iter().collect::<Vec<_>>(),
            [("one".into(), 12), ("two".into(), 100)]
        );
    }

    #[test]
    fn names_and_numbers() {
        assert_eq!(thousands(188_123), "188 123");
        assert_eq!(thousands(12), "12");
        assert_eq!(
            short("serde_json::de::from_trait::h0123456789abcdef"),
            "serde_json::de::from_trait"
        );
    }
}
