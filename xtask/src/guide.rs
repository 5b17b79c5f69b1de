//! The guide, `docs/guide`: what a compiler of Rust or of books does not check, and building it.

use std::{collections::BTreeMap, path::Path};

use crate::{
    docs::resolve,
    markdown::{self, Line},
    sh::{self, Result},
    test,
    tools::MDBOOK,
    workspace::Workspace,
};

const SOURCE: &str = "docs/guide/src/";
const SUMMARY: &str = "docs/guide/src/SUMMARY.md";
const FIRST: &str = "docs/guide/src/first-login.md";

/// A chapter includes it: its links are links of the book too.
const INCLUDED: &str = "docs/ARCHITECTURE.md";

/// Builds the book into `target/guide`.
pub(crate) fn build(ws: &Workspace) -> Result {
    // without its server and its watching of files, for which most of it is compiled
    let options = ["--no-default-features", "--features", "search"];
    let mdbook = MDBOOK.program(ws, &options)?;
    sh::run(sh::command(mdbook, &ws.root).args(["build", "docs/guide"]))?;
    println!("{}", ws.target.join("guide/index.html").display());
    Ok(())
}

/// What is wrong with the guide, as far as reading tells.
pub(crate) fn problems(ws: &Workspace, files: &[String]) -> Result<Vec<String>> {
    let mut markdown = BTreeMap::new();
    let mut doctests = Vec::new();
    for file in files {
        let is = |ending: &str| Path::new(file).extension().is_some_and(|it| it == ending);
        if is("md") && (file.starts_with(SOURCE) || file == INCLUDED) {
            markdown.insert(file.as_str(), ws.read(file)?);
        } else if is("rs") {
            doctests.extend(included(file, &ws.read(file)?));
        }
    }
    let summary = markdown.remove(SUMMARY).unwrap_or_default();
    let mut problems = Vec::new();
    for (file, text) in &markdown {
        problems.extend(links_out_of_the_book(file, text));
    }
    markdown.remove(INCLUDED);
    let chapters: Vec<&str> = markdown.keys().copied().collect();
    problems.extend(unlisted(&summary, &chapters));
    for chapter in &chapters {
        if !doctests.iter().any(|included| included == chapter) {
            problems.push(format!("{chapter}: no doctest of it: add it to examples/guide.rs"));
        }
    }
    if !shows(markdown.get(FIRST).map_or("", String::as_str), test::QUICKSTART) {
        problems.push(format!("{FIRST}: no code block shows `{}`", test::QUICKSTART));
    }
    Ok(problems)
}

/// Every chapter is listed once. That every listed chapter exists is the check of links.
fn unlisted(summary: &str, chapters: &[&str]) -> Vec<String> {
    let listed: Vec<_> = markdown::links(summary)
        .into_iter()
        .filter_map(|(_, link)| resolve(SUMMARY, link))
        .collect();
    let times = |chapter: &str| listed.iter().filter(|link| *link == chapter).count();
    chapters
        .iter()
        .map(|chapter| (chapter, times(chapter)))
        .filter(|(_, times)| *times != 1)
        .map(|(chapter, times)| format!("{chapter}: listed {times} times in {SUMMARY}, not once"))
        .collect()
}

/// In the built book, there is nothing around the chapters.
fn links_out_of_the_book(file: &str, text: &str) -> Vec<String> {
    let leaves = |link: &str| {
        let path = link.split('#').next().unwrap_or_default();
        let stays = || resolve(file, path).is_some_and(|target| target.starts_with(SOURCE));
        !path.is_empty() && !path.contains(':') && !stays()
    };
    markdown::links(text)
        .into_iter()
        .filter(|(_, link)| leaves(link))
        .map(|(line, link)| format!("{file}:{line}: {link} is not in the book: name it, or a URL"))
        .collect()
}

/// The files that a Rust file includes as documentation.
fn included(file: &str, text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.split_once("doc = include_str!(\"")?.1.split('"').next())
        .filter_map(|path| resolve(file, path))
        .collect()
}

/// Whether a line of a code block is this command, word for word.
pub(crate) fn shows(text: &str, command: &str) -> bool {
    markdown::lines(text)
        .iter()
        .any(|(_, line)| matches!(line, Line::Code(code) if code.trim() == command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chapters_are_listed_once() {
        let (a, b) = ("docs/guide/src/a.md", "docs/guide/src/b.md");
        assert!(unlisted("- [A](a.md)\n- [B](./b.md)", &[a, b]).is_empty());
        for summary in ["- [A](a.md)", "- [A](a.md)\n- [B](b.md)\n- [B](b.md)"] {
            let problems = unlisted(summary, &[a, b]);
            assert!(problems.len() == 1 && problems[0].starts_with(b), "{problems:?}");
        }
    }

    #[test]
    fn links_stay_in_the_book() {
        let good = "[a](b.md#c) [b](#d) [c](https://example.com)";
        assert!(links_out_of_the_book("docs/guide/src/a.md", good).is_empty());
        let bad = "[a](../../../README.md)";
        assert_eq!(links_out_of_the_book("docs/guide/src/a.md", bad).len(), 1);
        assert_eq!(links_out_of_the_book(INCLUDED, "[a](performance.md)").len(), 1);
    }

    #[test]
    fn what_doctests_include() {
        let text = "//! Docs.\n#[doc = include_str!(\"../docs/guide/src/a.md\")]\nstruct A;";
        assert_eq!(included("examples/guide.rs", text), ["docs/guide/src/a.md"]);
        assert!(included("a.rs", "const A: &str = include_str!(\"b.md\");").is_empty());
    }

    #[test]
    fn commands_word_for_word() {
        let good = format!("```sh\n{}\n```", test::QUICKSTART);
        assert!(shows(&good, test::QUICKSTART));
        assert!(!shows(&good.replace('\n', " "), test::QUICKSTART));
        assert!(!shows(&good.replace("quickstart", "quickstart2"), test::QUICKSTART));
    }
}
