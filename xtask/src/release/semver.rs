//! Whether the version says what changed since the last one, with cargo-semver-checks.

use crate::{
    sh::{self, Result},
    tools::CARGO_SEMVER_CHECKS,
    workspace::Workspace,
};

pub(super) fn run(ws: &Workspace) -> Result {
    let git = |args: &[&str]| sh::output(sh::command("git", &ws.root).args(args));
    let tags = git(&["tag", "--list", "v*", "--merged", "HEAD"])?;
    let Some(tag) = newest(&tags) else {
        println!("no tag yet: nothing to compare with");
        return Ok(());
    };
    println!("compared with {tag}");
    let mut cargo = CARGO_SEMVER_CHECKS.cargo(ws)?;
    cargo.args(["semver-checks", "--baseline-rev", tag]);
    let mut compared = 0;
    for package in ws.published().filter(|package| package.is_library) {
        let manifest = format!("{}/Cargo.toml", package.dir);
        if git(&["ls-tree", "--name-only", tag, &manifest])?.trim().is_empty() {
            println!("{} is new since then", package.name);
        } else {
            cargo.args(["--package", &package.name]);
            compared += 1;
        }
    }
    if compared == 0 {
        return Err(format!("{tag} holds none of our libraries").into());
    }
    sh::run(&mut cargo)
}

/// The tag with the highest version. Tags of no version are left out.
fn newest(tags: &str) -> Option<&str> {
    tags.lines()
        .filter_map(|tag| {
            let parts = tag.trim().strip_prefix('v')?.split('.');
            let numbers: Vec<u64> = parts.map(|n| n.parse().ok()).collect::<Option<_>>()?;
            (numbers.len() == 3).then_some((numbers, tag.trim()))
        })
        .max()
        .map(|(_, tag)| tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        assert_eq!(newest("v0.1.0\nv0.10.0\nv0.9.1\n"), Some("v0.10.0"));
        assert_eq!(newest("v1\nvendor\nv0.1.0-rc.1\n"), None);
        assert_eq!(newest(""), None);
    }
}
