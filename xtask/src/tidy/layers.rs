//! The layers of the core: each file imports from its own layer and from lower ones only, and files do
//! not import each other in circles. The layers are those that `lib.rs` names in its comments.

use std::collections::{BTreeMap, BTreeSet};

use super::code;

/// Folder of the sources that have layers.
pub(super) const FOLDER: &str = "crates/mstr-rest-core/src/";

/// The one pair that may import each other: an error, and what makes it of a reply.
const PAIR: [&str; 2] = ["error", "error/classify"];

/// `files`: path and text of each source file below [`FOLDER`].
pub(super) fn problems(files: &[(&str, &str)]) -> Vec<String> {
    let mut modules = Modules::default();
    let mut layers = BTreeMap::new();
    for (path, text) in files {
        let name = path.strip_prefix(FOLDER).and_then(|path| path.strip_suffix(".rs"));
        match name {
            Some("lib") => {
                layers = layers_of(text);
                modules.add("", text);
            }
            // tests of several layers together
            Some(name) if name.starts_with("model/") || name.starts_with("tests/") => {}
            Some(name) => modules.add(name, text),
            None => {}
        }
    }
    let imports = modules.imports();
    let mut problems = Vec::new();
    let layer = |file: &str| {
        let top = file.split('/').next().unwrap_or(file);
        layers.get(top).copied()
    };
    for (file, imported) in &imports {
        if layer(file).is_none() {
            problems.push(format!("{FOLDER}{file}.rs: in no layer of lib.rs"));
        }
        for other in imported.iter().filter(|other| layer(other) > layer(file)) {
            problems.push(format!("{FOLDER}{file}.rs imports {other}.rs of a higher layer"));
        }
    }
    for circle in circles(&imports) {
        if circle != PAIR {
            problems.push(format!("{FOLDER}: files import each other: {}", circle.join(", ")));
        }
    }
    problems
}

/// The modules of `lib.rs` with their layers. Modules that are only for checks are in the last one.
fn layers_of(lib: &str) -> BTreeMap<String, usize> {
    let mut layer = 0;
    let mut layers = BTreeMap::new();
    for line in lib.lines() {
        if line.starts_with("// Layer ") || line.starts_with("// For checks") {
            layer += 1;
        }
        if let Some(name) = line.strip_prefix("mod ").and_then(|line| line.strip_suffix(';')) {
            layers.insert(name.to_owned(), layer);
        }
    }
    layers
}

/// All modules, the root under the empty name.
#[derive(Default)]
struct Modules {
    /// The paths that each names, in full: `["error", "classify", "from_reply"]`.
    paths: BTreeMap<String, Vec<Vec<String>>>,
    /// What each re-exports under which name.
    exports: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl Modules {
    fn add(&mut self, name: &str, text: &str) {
        // what stands below is for the tests of the file
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
        let code = code::only(text);
        let module: Vec<_> = name.split('/').filter(|part| !part.is_empty()).collect();
        let mut paths = Vec::new();
        let mut exports = BTreeMap::new();
        for (at, word) in words(&code) {
            let before = code[..at].trim_end();
            let is_use = before.ends_with("use");
            let start: Vec<_> = match word {
                "crate" => Vec::new(),
                "self" => module.clone(),
                "super" => {
                    module.split_last().map(|(_, parent)| parent.to_vec()).unwrap_or_default()
                }
                _ if is_use => [&module[..], &[word]].concat(),
                _ => continue,
            };
            let start: Vec<_> = start.into_iter().map(str::to_owned).collect();
            let after = &code[at + word.len()..];
            if !after.starts_with("::") {
                continue; // `pub(super)`
            }
            let mut found = Vec::new();
            tree(after, &start, &mut found);
            let is_export = is_use && {
                let line = before.trim_end_matches("use").trim_end();
                line.ends_with("pub") || line.ends_with("pub(crate)")
            };
            for path in found {
                if let Some(name) = path.last().filter(|_| is_export) {
                    exports.insert(name.clone(), path.clone());
                }
                paths.push(path);
            }
        }
        self.paths.insert(name.to_owned(), paths);
        self.exports.insert(name.to_owned(), exports);
    }

    /// The file that a path leads to, re-exports followed.
    fn file(&self, path: &[String], depth: usize) -> Option<String> {
        let names = (0..=path.len()).rev().map(|length| (length, path[..length].join("/")));
        let (length, name) = names.into_iter().find(|(_, name)| self.paths.contains_key(name))?;
        let exported = path.get(length).and_then(|next| self.exports.get(&name)?.get(next));
        match exported {
            Some(exported) if depth < 8 && exported != path => self.file(exported, depth + 1),
            _ => Some(name),
        }
    }

    fn imports(&self) -> BTreeMap<String, BTreeSet<String>> {
        let of = |(name, paths): (&String, &Vec<Vec<String>>)| {
            let files = paths.iter().filter_map(|path| self.file(path, 0));
            let others = files.filter(|file| file != name && !file.is_empty());
            (name.clone(), others.collect())
        };
        self.paths.iter().filter(|(name, _)| !name.is_empty()).map(of).collect()
    }
}

/// The words before which no path goes on, with where they begin.
fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + code[at..].find(is_word)?;
        let length = code[start..].find(|c| !is_word(c)).unwrap_or(code.len() - start);
        at = start + length;
        Some((start, &code[start..at]))
    })
    .filter(|(start, _)| !code[..*start].ends_with("::"))
}

/// Collects the paths that go on from `start`: `::a::{b, c::d}`.
fn tree(code: &str, start: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = start.to_vec();
    let mut at = 0;
    while let Some(rest) = code[at..].strip_prefix("::") {
        at += 2;
        if rest.starts_with('{') {
            at += 1;
            loop {
                at += code[at..].len() - code[at..].trim_start_matches([' ', '\n', ',']).len();
                if code[at..].starts_with('}') || at >= code.len() {
                    return at + 1;
                }
                let word = word(&code[at..]);
                at += word.len().max(1);
                let next: Vec<_> = match word {
                    "self" => path.clone(),
                    word => [&path[..], &[word.to_owned()]].concat(),
                };
                at += tree(&code[at..], &next, found);
            }
        }
        let word = word(rest);
        if word.is_empty() {
            break;
        }
        at += word.len();
        if word == "super" {
            path.pop();
        } else {
            path.push(word.to_owned());
        }
    }
    found.push(path);
    at
}

fn word(code: &str) -> &str {
    let end = code.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(code.len());
    &code[..end]
}

/// Sets of files of which each leads to each other by imports.
fn circles(imports: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reach = |file: &String| {
        let mut seen = BTreeSet::new();
        let mut open = vec![file];
        while let Some(next) = open.pop() {
            for other in imports.get(next).into_iter().flatten() {
                if seen.insert(other) {
                    open.push(other);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<_, _> = imports.keys().map(|file| (file, reach(file))).collect();
    let mut circles = BTreeSet::new();
    for (file, others) in &reached {
        let back =
            others.iter().filter(|other| reached.get(*other).is_some_and(|r| r.contains(file)));
        let circle: Vec<_> = back.map(|file| (*file).clone()).collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIB: &str = "// Layer 1, values\nmod low;\nmod deep;\n\n// Layer 2\nmod high;\n\npub use \
                       deep::Deep;\npub use high::{High, Other};\n";

    fn found(low: &str, deep: &str, high: &str) -> Vec<String> {
        let paths = ["lib", "low", "deep", "high"].map(|name| format!("{FOLDER}{name}.rs"));
        let texts = [LIB, low, deep, high];
        let files: Vec<_> = paths.iter().map(String::as_str).zip(texts).collect();
        problems(&files)
    }

    #[test]
    fn imports_run_down() {
        let none: [String; 0] = [];
        assert_eq!(
            found("use std::fmt;", "use crate::low::Low;", "use crate::{Deep, low::Low};"),
            none
        );
        // comments, texts and tests do not count
        let tests = "// use crate::High;\nconst A: &str = \"crate::High\";\n#[cfg(test)]\nmod tests {\n    \
                     use crate::High;\n}\n";
        assert_eq!(found(tests, "", ""), none);
    }

    #[test]
    fn imports_of_a_higher_layer_are_found_behind_re_exports_too() {
        for low in
            ["use crate::high::High;", "use crate::{Deep, High};", "fn a() -> crate::Other {}"]
        {
            assert_eq!(found(low, "", "").len(), 1, "{low}");
        }
    }

    #[test]
    fn circles_are_found_behind_re_exports_too() {
        let problems = found("use crate::Deep;", "use super::low::{self, Low};", "");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].ends_with("deep, low"), "{problems:?}");
    }

    #[test]
    fn a_file_without_a_layer_is_found() {
        let path = format!("{FOLDER}stray.rs");
        let lib = format!("{FOLDER}lib.rs");
        let problems = problems(&[(&lib, LIB), (&path, "")]);
        assert!(problems[0].contains("stray.rs: in no layer"), "{problems:?}");
    }
}
