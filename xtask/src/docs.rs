//! `cargo xtask docs`: links between Markdown files, what the README promises, the guide, spelling,
//! and rustdoc, as users run it and as docs.rs does.

use std::path::Path;

use crate::{
    guide, markdown, rustdoc,
    sh::{self, Result},
    spelling, test,
    workspace::Workspace,
};

const README: &str = "README.md";

/// Where the README's Rust becomes a doctest.
const UMBRELLA: &str = "crates/mstr-rest/src/lib.rs";

pub(crate) fn run(ws: &Workspace) -> Result {
    quick(ws)?;
    sh::run(
        sh::cargo(&ws.root)
            .args(["doc", "--workspace", "--all-features", "--no-deps", "--locked"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    as_docs_rs(ws)
}

/// All but rustdoc.
pub(crate) fn quick(ws: &Workspace) -> Result {
    let mut problems = Vec::new();
    let files = ws.files()?;
    for file in &files {
        if Path::new(file).extension().is_some_and(|extension| extension == "md") {
            problems.extend(broken_links(
                file,
                &ws.read(file)?,
                &|file| ws.read(file).ok(),
                &|file| ws.root.join(file).exists(),
            ));
        }
    }
    problems.extend(missing_commands(&ws.read(README)?));
    if !compiles_readme(&ws.read(UMBRELLA)?) {
        problems.push(format!("{UMBRELLA}: no doctest of {README} (include_str!)"));
    }
    problems.extend(guide::problems(ws, &files)?);
    for problem in &problems {
        println!("error: {problem}");
    }
    if !problems.is_empty() {
        return Err(format!("{} problems in Markdown files", problems.len()).into());
    }
    spelling::run(ws)
}

/// docs.rs documents published crates on nightly, with all features and `--cfg docsrs`, which shows
/// the features that items need.
fn as_docs_rs(ws: &Workspace) -> Result {
    let mut cargo = sh::cargo(&ws.root);
    cargo.args(["doc", "--all-features", "--no-deps", "--locked"]);
    for package in ws.packages.iter().filter(|package| package.published && package.is_library) {
        cargo.args(["--package", &package.name]);
    }
    sh::run(rustdoc::unstable(&mut cargo, ws).env("RUSTDOCFLAGS", "--cfg docsrs -D warnings"))?;
    let page = ws.target.join("doc/mstr_rest/index.html");
    if shows_features(&std::fs::read_to_string(&page)?) {
        Ok(())
    } else {
        Err(format!("{}: shows no module that needs a feature", page.display()).into())
    }
}

fn shows_features(page: &str) -> bool {
    page.contains("crate feature `blocking` only")
}

/// Links of a Markdown file to files or headings that do not exist.
fn broken_links(
    file: &str,
    text: &str,
    read: &dyn Fn(&str) -> Option<String>,
    exists: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    let mut problems = Vec::new();
    for (line, link) in markdown::links(text) {
        // web addresses, and paths of items, which rustdoc resolves
        if link.contains(':') {
            continue;
        }
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let target = if path.is_empty() { Some(file.into()) } else { resolve(file, path) };
        let Some(target) = target.filter(|target| exists(target)) else {
            problems.push(format!("{file}:{line}: no file {link}"));
            continue;
        };
        if !anchor.is_empty()
            && read(&target).is_none_or(|t| !markdown::anchors(&t).iter().any(|a| a == anchor))
        {
            problems.push(format!("{file}:{line}: no heading {link}"));
        }
    }
    problems
}

/// A relative link of `file` as a path from the root; `None` where it leaves the root.
pub(crate) fn resolve(file: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(if parts.is_empty() { ".".into() } else { parts.join("/") })
}

/// The README shows, word for word, what `cargo xtask test` runs.
fn missing_commands(readme: &str) -> Vec<String> {
    [test::QUICKSTART, test::TESTS]
        .iter()
        .filter(|command| !guide::shows(readme, command))
        .map(|command| format!("{README}: no code block shows `{command}` on a line of its own"))
        .collect()
}

fn compiles_readme(source: &str) -> bool {
    source.lines().any(|line| line.contains("include_str!") && line.contains(README))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str) -> Vec<String> {
        let read = |file: &str| match file {
            "docs/a.md" => Some(text.to_owned()),
            "README.md" => Some("# Features".into()),
            _ => None,
        };
        broken_links("docs/a.md", text, &read, &|file| read(file).is_some() || file == "docs")
    }

    #[test]
    fn good_links() {
        let text = "# Top\n[a](#top) [b](../README.md#features) [c](../docs) [d](crate::Session) \
                    [e](https://example.com/x)";
        assert_eq!(broken(text), Vec::<String>::new());
    }

    #[test]
    fn bad_links() {
        assert_eq!(
            broken("[a](#top)\n[b](README.md)\n[c](../README.md#nope) [d](../../x)"),
            [
                "docs/a.md:1: no heading #top",
                "docs/a.md:2: no file README.md",
                "docs/a.md:3: no heading ../README.md#nope",
                "docs/a.md:3: no file ../../x",
            ]
        );
    }

    #[test]
    fn readme_commands_word_for_word() {
        let good = format!("```sh\n{}\n```\n```\n{}\n```", test::QUICKSTART, test::TESTS);
        assert_eq!(missing_commands(&good), Vec::<String>::new());
        let bad = format!("```\n{} --locked\n```\n{}", test::QUICKSTART, test::TESTS);
        assert_eq!(missing_commands(&bad).len(), 2);
    }

    #[test]
    fn features_of_items_are_seen() {
        let badge = "<span title=\"Available on crate feature `blocking` only\">";
        assert!(shows_features(badge) && !shows_features("the feature `blocking`"));
    }

    #[test]
    fn readme_is_compiled() {
        assert!(compiles_readme("#[cfg(doctest)]\n#[doc = include_str!(\"../../../README.md\")]"));
        assert!(!compiles_readme("//! See README.md"));
    }
}
