//! Manifests: who may depend on whom, and what a manifest must say.

use crate::{markdown, workspace::Package};

enum May {
    /// Depend on these members, and on no others.
    Use(&'static [&'static str]),
    UseAnything,
}
use May::{Use, UseAnything};

/// The floors. Normal and build dependencies between members; dev-dependencies are free. What a
/// floor may take from elsewhere is `cargo xtask deps`'s to say.
const FLOORS: &[(&str, May)] = &[
    // 0: secrets; nothing of ours
    ("mstr-credentials", Use(&[])),
    // 1: one cloud each, and never the core
    ("mstr-credentials-aws", Use(&["mstr-credentials"])),
    ("mstr-credentials-azure", Use(&["mstr-credentials"])),
    ("mstr-credentials-gcp", Use(&["mstr-credentials"])),
    ("mstr-credentials-vault", Use(&["mstr-credentials"])),
    // 1: all I/O
    ("mstr-rest-core", Use(&["mstr-credentials"])),
    // 2: the core's public API only, so that users can write the same
    ("mstr-rest-api", Use(&["mstr-rest-core"])),
    ("mstr-rest-persist", Use(&["mstr-rest-core"])),
    // 3
    ("mstr-rest-data", Use(&["mstr-rest-core", "mstr-rest-api"])),
    (
        "mstr-rest",
        Use(&[
            "mstr-credentials",
            "mstr-credentials-aws",
            "mstr-credentials-azure",
            "mstr-credentials-gcp",
            "mstr-credentials-vault",
            "mstr-rest-core",
            "mstr-rest-api",
            "mstr-rest-persist",
            "mstr-rest-data",
        ]),
    ),
    // none of ours: code shared with the client would share its mistakes
    ("mstr-sim", Use(&[])),
    // 4
    ("mstr-cli", Use(&["mstr-rest", "mstr-sim"])),
    // unpublished
    ("mstr-cloud-stub", Use(&["mstr-credentials"])),
    ("mstr-bench", UseAnything),
    ("mstr-conformance", UseAnything),
    ("mstr-examples", UseAnything),
    ("mstr-faults", UseAnything),
    ("mstr-soak", UseAnything),
    ("xtask", UseAnything),
];

/// Dependencies that the package's floor does not allow.
pub(super) fn floor(package: &Package, members: &[Package]) -> Vec<String> {
    let Some((_, may)) = FLOORS.iter().find(|(name, _)| *name == package.name) else {
        return vec![format!("{} has no floor: add it to FLOORS in manifests.rs", package.name)];
    };
    let Use(allowed) = may else { return Vec::new() };
    package
        .dependencies
        .iter()
        .filter(|name| members.iter().any(|member| member.name == **name))
        .filter(|name| !allowed.contains(&name.as_str()))
        .map(|name| {
            format!("{} must not depend on {name}: see FLOORS in manifests.rs", package.name)
        })
        .collect()
}

/// What is missing for a release, and folders that bear another name than their crate.
pub(super) fn metadata(package: &Package) -> Vec<String> {
    let mut problems = Vec::new();
    if package.published && !package.missing_metadata.is_empty() {
        problems
            .push(format!("says no {} (or publish = false)", package.missing_metadata.join(", ")));
    }
    if let Some(folder) = package.dir.strip_prefix("crates/")
        && folder != package.name
    {
        problems.push(format!("the folder {folder} holds the crate {}", package.name));
    }
    problems
}

/// Features without a `##` comment on the line above.
pub(super) fn undocumented_features(manifest: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut last = "";
    for line in section(manifest, "[features]") {
        if let Some((name, _)) = line.split_once('=')
            && !line.starts_with([' ', '\t', '#'])
            && name.trim() != "default"
            && !last.starts_with("## ")
        {
            problems.push(format!("the feature {} has no `##` comment", name.trim()));
        }
        last = line;
    }
    problems
}

pub(super) fn inherits_lints(manifest: &str) -> bool {
    section(manifest, "[lints]").any(|line| line.split_whitespace().eq(["workspace", "=", "true"]))
}

/// Differences between the umbrella's features and the README's table of features.
pub(super) fn readme_features(readme: &str, features: &[String]) -> Vec<String> {
    let part: String = readme
        .split_inclusive('\n')
        .skip_while(|line| !is_features_heading(line))
        .enumerate()
        .take_while(|(at, line)| *at == 0 || !line.starts_with("## "))
        .map(|(_, line)| line)
        .collect();
    let listed = markdown::table_keys(&part);
    let features: Vec<_> =
        features.iter().map(String::as_str).filter(|f| *f != "default").collect();
    let unlisted = features.iter().filter(|f| !listed.contains(f)).map(|feature| {
        format!("README.md: the table under `## Features` has no row for `{feature}`")
    });
    let unknown = listed
        .iter()
        .filter(|f| **f != "default" && !features.contains(f))
        .map(|feature| format!("README.md: mstr-rest has no feature `{feature}`"));
    unlisted.chain(unknown).collect()
}

fn is_features_heading(line: &str) -> bool {
    line.strip_prefix("## ").is_some_and(|title| title.to_lowercase().contains("features"))
}

/// The lines of a section of a manifest.
fn section<'a>(manifest: &'a str, header: &'a str) -> impl Iterator<Item = &'a str> {
    manifest
        .lines()
        .skip_while(move |line| line.trim() != header)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.into(),
            dir: format!("crates/{name}"),
            published: true,
            dependencies: dependencies.iter().map(|&d| d.into()).collect(),
            ..Package::default()
        }
    }

    #[test]
    fn floors() {
        let members = ["mstr-credentials", "mstr-rest-core", "mstr-rest-api", "mstr-sim", "xtask"]
            .map(|name| package(name, &[]));
        let check = |name, dependencies: &[_]| floor(&package(name, dependencies), &members);

        assert!(check("mstr-rest-api", &["mstr-rest-core", "serde"]).is_empty());
        assert!(check("xtask", &["mstr-rest-core", "mstr-sim"]).is_empty());

        assert_eq!(
            check("mstr-rest-core", &["mstr-credentials", "mstr-rest-api"]),
            ["mstr-rest-core must not depend on mstr-rest-api: see FLOORS in manifests.rs"]
        );
        assert_eq!(check("mstr-sim", &["mstr-rest-core"]).len(), 1);
        assert_eq!(check("mstr-rest-api", &["mstr-credentials"]).len(), 1);
        assert!(check("mstr-new", &[])[0].contains("no floor"));
    }

    #[test]
    fn metadata_of_published_crates() {
        let mut crate_ = package("mstr-sim", &[]);
        assert!(metadata(&crate_).is_empty());
        crate_.missing_metadata = vec!["license", "readme"];
        assert!(metadata(&crate_)[0].contains("license, readme"));
        crate_.published = false;
        assert!(metadata(&crate_).is_empty());
        crate_.dir = "crates/sim".into();
        assert_eq!(metadata(&crate_).len(), 1);
    }

    #[test]
    fn features_have_comments() {
        let manifest = "\
[features]
default = [\"a\"]
## One.
a = [
    \"dep:x\",
]
# two
b = []
c = []

[dependencies]
d = \"1\"
";
        assert_eq!(
            undocumented_features(manifest),
            ["the feature b has no `##` comment", "the feature c has no `##` comment"]
        );
        assert!(undocumented_features("[dependencies]\na = \"1\"\n").is_empty());
    }

    #[test]
    fn lints_are_inherited() {
        assert!(inherits_lints("[package]\n\n[lints]\nworkspace = true\n"));
        assert!(!inherits_lints("[lints]\nrust = {}\n[dependencies]\nworkspace = true\n"));
        assert!(!inherits_lints("[package]\n"));
    }

    #[test]
    fn readme_lists_features() {
        let features = ["default", "api", "blocking"].map(String::from);
        let good =
            "## Cargo features\n\n| feature | |\n| - | - |\n| `api` | x |\n| `blocking` | y |\n";
        assert!(readme_features(good, &features).is_empty());
        // a table of another section does not count
        let bad = "| `blocking` | y |\n## Features\n| `api` | x |\n| `gone` | z |\n## Other\n| `more` | |\n";
        assert_eq!(
            readme_features(bad, &features),
            [
                "README.md: the table under `## Features` has no row for `blocking`",
                "README.md: mstr-rest has no feature `gone`",
            ]
        );
        assert_eq!(readme_features("", &features).len(), 2);
    }
}
