//! What is in each package: a bill of materials (SBOM), with cargo-cyclonedx.

use std::fs;

use serde_json::Value;

use super::folder;
use crate::{
    sh::{self, Result},
    tools::CARGO_CYCLONEDX,
    workspace::Workspace,
};

/// What the tool calls its files. It writes one beside every manifest of the workspace.
const FILE: &str = "mstr-rest-sbom";

pub(super) fn run(ws: &Workspace) -> Result {
    let sboms = folder(ws).join("sbom");
    fs::create_dir_all(&sboms)?;
    let mut cargo = CARGO_CYCLONEDX.cargo(ws)?;
    cargo.args(["cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5"]);
    cargo.args(["--all-features", "--target", "all", "--override-filename", FILE]);
    let result = sh::run(&mut cargo);

    // taken away from the sources, also after a failure
    let mut problems = Vec::new();
    for package in &ws.packages {
        let written = ws.root.join(&package.dir).join(FILE).with_extension("json");
        let text = fs::read_to_string(&written);
        if written.exists() {
            fs::remove_file(&written)?;
        }
        if !package.published || result.is_err() {
            continue;
        }
        let sbom = format!("{}-{}.cdx.json", package.name, package.version);
        let text = without_folder(&text?, &ws.root.to_string_lossy());
        match components(&text)? {
            0 => problems.push(format!("{sbom} names no component")),
            count => println!("{sbom:<40} {count:>4} components"),
        }
        fs::write(sboms.join(sbom), text)?;
    }
    result?;
    println!("in {}", sboms.display());
    if problems.is_empty() { Ok(()) } else { Err(problems.join(", ").into()) }
}

/// Members are named by where they are: one machine's affair.
fn without_folder(text: &str, folder: &str) -> String {
    text.replace(&format!("file://{folder}/"), "file:///")
        .replace(&format!("file://{folder}"), "file:///")
}

fn components(text: &str) -> Result<usize> {
    let sbom: Value = serde_json::from_str(text)?;
    Ok(sbom["components"].as_array().map_or(0, Vec::len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_a_machine_stay_here() {
        let text = r#"{"a": "path+file:///x/ws/crates/b#0.1.0", "c": "path+file:///x/ws"}"#;
        let text = without_folder(text, "/x/ws");
        assert_eq!(text, r#"{"a": "path+file:///crates/b#0.1.0", "c": "path+file:///"}"#);
    }

    #[test]
    fn components_are_counted() {
        assert_eq!(components(r#"{"components": [{}, {}]}"#).unwrap(), 2);
        assert_eq!(components("{}").unwrap(), 0);
        assert!(components("<bom/>").is_err());
    }
}
