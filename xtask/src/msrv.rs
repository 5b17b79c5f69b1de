//! `cargo xtask msrv`: the oldest compilers that the manifests promise.
//!
//! First, with any compiler: no dependency says that it needs a newer one than the crate that takes
//! it (`cargo xtask deps` looks at that, too). Then the compiler at hand checks all that it must be
//! able to compile: CI runs this once with each of the oldest.

use std::{collections::HashMap, process::Command};

use serde_json::Value;

use crate::{
    sh::{self, Result},
    workspace::{Package, Workspace},
};

/// Major, minor, patch.
type Version = [u64; 3];

pub(crate) fn run(ws: &Workspace) -> Result {
    dependencies(ws)?;
    check(ws, compiler()?)
}

/// What dependencies say. Builds nothing.
pub(crate) fn dependencies(ws: &Workspace) -> Result {
    let problems = too_new_dependencies(ws)?;
    for problem in &problems {
        println!("error: {problem}");
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(format!("{} dependencies need newer compilers", problems.len()).into())
    }
}

fn too_new_dependencies(ws: &Workspace) -> Result<Vec<String>> {
    let metadata = sh::output(sh::cargo(&ws.root).args([
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--quiet",
    ]))?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let known: HashMap<String, Version> = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|package| {
            let name = format!("{} v{}", package["name"].as_str()?, package["version"].as_str()?);
            Some((name, parse(package["rust_version"].as_str()?)?))
        })
        .collect();
    let mut problems = Vec::new();
    for package in ws.published() {
        let ours = promised(package)?;
        let features = features_for(ws, package, ours);
        // of all platforms
        let mut cargo = sh::cargo(&ws.root);
        cargo.args(["tree", "--locked", "--quiet", "--target", "all", "--edges", "normal,build"]);
        cargo.args(["--prefix", "none", "--format", "{p}", "--no-default-features"]);
        cargo.args(["--package", &package.name, "--features", &features.join(",")]);
        let tree = sh::output(&mut cargo)?;
        let mut seen = 0;
        for line in tree.lines() {
            // `name v1.2.3 (path)`, `name v1.2.3 (*)`
            let name = line.split(' ').take(2).collect::<Vec<_>>().join(" ");
            seen += 1;
            if let Some(theirs) = known.get(&name).filter(|theirs| **theirs > ours) {
                problems.push(format!(
                    "{} promises Rust {}, {name} needs {}",
                    package.name,
                    shown(ours),
                    shown(*theirs)
                ));
            }
        }
        println!("{:<24} Rust {:<8} {seen:>5} lines of its tree", package.name, shown(ours));
    }
    problems.sort();
    problems.dedup();
    Ok(problems)
}

/// Checks every published crate that promises this compiler, or an older one.
fn check(ws: &Workspace, compiler: Version) -> Result {
    let mut cargo = sh::cargo(&ws.root);
    cargo.args(["check", "--locked", "--quiet", "--no-default-features"]);
    let mut any = false;
    for package in ws.published() {
        if promised(package)? > compiler {
            println!("{} is not for Rust {}", package.name, shown(compiler));
            continue;
        }
        any = true;
        cargo.args(["--package", &package.name]);
        for feature in features_for(ws, package, compiler) {
            cargo.args(["--features", &format!("{}/{feature}", package.name)]);
        }
    }
    if !any {
        return Err(format!("no crate promises Rust {}", shown(compiler)).into());
    }
    sh::run(&mut cargo)
}

fn promised(package: &Package) -> Result<Version> {
    let version = package.rust_version.as_deref().and_then(parse);
    version.ok_or_else(|| format!("{} does not say which Rust it needs", package.name).into())
}

/// The features of a package that this compiler can build.
fn features_for(ws: &Workspace, package: &Package, compiler: Version) -> Vec<String> {
    let is_for = |feature: &&String| !needs_newer(ws, package, feature, compiler);
    package.features.keys().filter(is_for).cloned().collect()
}

/// Whether a feature takes in a member that promises only newer compilers.
fn needs_newer(ws: &Workspace, package: &Package, feature: &str, compiler: Version) -> bool {
    let member_is_newer = |name: &str| {
        ws.package(name).is_ok_and(|member| promised(member).is_ok_and(|v| v > compiler))
    };
    package.features.get(feature).into_iter().flatten().any(|enabled| {
        if let Some(dependency) = enabled.strip_prefix("dep:") {
            member_is_newer(dependency)
        } else if let Some((dependency, feature)) = enabled.split_once('/') {
            let dependency = dependency.trim_end_matches('?');
            member_is_newer(dependency)
                || ws
                    .package(dependency)
                    .is_ok_and(|member| needs_newer(ws, member, feature, compiler))
        } else {
            needs_newer(ws, package, enabled, compiler)
        }
    })
}

/// Of the `rustc` that cargo will run.
fn compiler() -> Result<Version> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let text = sh::output(Command::new(rustc).arg("--version"))?;
    let version = text.split(' ').nth(1).and_then(parse);
    version.ok_or_else(|| format!("which Rust is `{}`?", text.trim()).into())
}

/// `1.88`, `1.94.1`, `1.97.0-nightly`
fn parse(text: &str) -> Option<Version> {
    let text = text.split('-').next()?;
    let numbers: Vec<u64> = text.split('.').map(|n| n.parse().ok()).collect::<Option<_>>()?;
    match numbers[..] {
        [major, minor] => Some([major, minor, 0]),
        [major, minor, patch] => Some([major, minor, patch]),
        _ => None,
    }
}

fn shown([major, minor, patch]: Version) -> String {
    if patch == 0 { format!("{major}.{minor}") } else { format!("{major}.{minor}.{patch}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(parse("1.88"), Some([1, 88, 0]));
        assert_eq!(parse("1.94.1"), Some([1, 94, 1]));
        assert_eq!(parse("1.97.0-nightly"), Some([1, 97, 0]));
        assert_eq!(parse("one"), None);
        assert!(parse("1.9") < parse("1.88"));
        assert_eq!([shown([1, 88, 0]), shown([1, 94, 1])], ["1.88", "1.94.1"]);
    }

    #[test]
    fn features_of_newer_members_are_left_out() {
        let package = |name: &str, rust_version: &str, features: &[(&str, &[&str])]| Package {
            name: name.into(),
            rust_version: Some(rust_version.into()),
            features: features
                .iter()
                .map(|(name, on)| ((*name).into(), on.iter().map(|&on| on.into()).collect()))
                .collect(),
            ..Package::default()
        };
        let rest = package(
            "rest",
            "1.88",
            &[
                ("aws", &["aws-ssm"]),
                ("aws-ssm", &["dep:aws", "aws/ssm"]),
                ("api", &["dep:serde"]),
                ("alone", &["dep:aws"]),
                ("weak", &["aws?/ssm"]),
            ],
        );
        let cli = package("cli", "1.88", &[("aws", &["rest/aws"]), ("api", &["rest/api"])]);
        let aws = package("aws", "1.94.1", &[("ssm", &[])]);
        let ws = Workspace { packages: vec![rest, cli, aws], ..Workspace::default() };
        let [rest, cli, _] = &ws.packages[..] else { unreachable!() };
        assert_eq!(features_for(&ws, rest, [1, 88, 0]), ["api"]);
        assert_eq!(features_for(&ws, cli, [1, 88, 0]), ["api"]);
        assert_eq!(features_for(&ws, rest, [1, 94, 1]).len(), 5);
        assert_eq!(features_for(&ws, cli, [1, 94, 1]), ["api", "aws"]);
    }
}
