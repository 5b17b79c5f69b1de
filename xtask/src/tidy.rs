//! `cargo xtask tidy`: what no compiler checks. Builds nothing.

mod code;
mod layers;
mod manifests;
mod sources;
mod workflows;

use std::path::Path;

use crate::{release, sh::Result, workspace::Workspace};

/// Top-level files that a release needs.
const WANTED_FILES: &[&str] = &[
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "Cargo.lock",
    "deny.toml",
];

pub(crate) fn run(ws: &Workspace) -> Result {
    let files = ws.files()?;
    let mut problems = Vec::new();

    for wanted in WANTED_FILES {
        if !files.iter().any(|file| file == wanted) {
            problems.push(format!("{wanted} is missing"));
        }
    }

    for package in &ws.packages {
        let manifest = format!("{}/Cargo.toml", package.dir);
        let text = ws.read(&manifest)?;
        let mut found = manifests::floor(package, &ws.packages);
        found.extend(manifests::metadata(package));
        found.extend(manifests::undocumented_features(&text));
        if !manifests::inherits_lints(&text) {
            found.push("does not inherit the workspace's lints".into());
        }
        if package.published && !files.contains(&format!("{}/README.md", package.dir)) {
            found.push("has no README.md".into());
        }
        problems.extend(found.into_iter().map(|problem| format!("{manifest}: {problem}")));
    }

    let umbrella = ws.package("mstr-rest")?;
    let features: Vec<_> = umbrella.features.keys().cloned().collect();
    problems
        .extend(manifests::readme_features(&ws.read("README.md").unwrap_or_default(), &features));

    problems.extend(release::problems(ws));
    problems.extend(workflows::old_compilers(ws, &files)?);

    let mut read = 0;
    for file in &files {
        let Ok(text) = std::fs::read_to_string(ws.root.join(file)) else { continue }; // no text
        read += 1;
        problems.extend(sources::any_file(file, &text));
        match Path::new(file).extension().and_then(|extension| extension.to_str()) {
            Some("rs") => problems.extend(sources::rust(file, &text)),
            Some("md") => problems.extend(sources::markdown(file, &text)),
            Some("yml") if file.starts_with(workflows::FOLDER) => {
                problems.extend(workflows::commands(file, &text));
            }
            _ => {}
        }
    }

    let core: Vec<_> = files.iter().filter(|file| file.starts_with(layers::FOLDER)).collect();
    let texts = core.iter().map(|file| ws.read(file)).collect::<Result<Vec<_>>>()?;
    let core = core.iter().map(|file| file.as_str()).zip(texts.iter().map(String::as_str));
    problems.extend(layers::problems(&core.collect::<Vec<_>>()));

    for problem in &problems {
        println!("error: {problem}");
    }
    println!("{} manifests and {read} files looked at", ws.packages.len());
    if problems.is_empty() { Ok(()) } else { Err(format!("{} problems", problems.len()).into()) }
}
