//! House rules of single files. Every problem begins with `file:line: `.

use super::code;
use crate::markdown::{self, Line};

const LONGEST: usize = 500;

/// Longer files, each with its reason.
const LONGER: &[(&str, &str)] =
    &[("crates/mstr-rest-core/src/error/iserver_table.rs", "generated, a line per name")];

/// Words that code must not hold.
const BANNED: &[(&str, &str)] = &[
    ("todo!", "unfinished"),
    ("unimplemented!", "unfinished"),
    ("dbg!", "left over"),
    ("#[ignore]", "say why: #[ignore = \"reason\"]"),
    ("store_response_cookies", "logs cookie values: parse and insert"),
];

/// The one file that names the HTTP library; its public hook is there as well.
const TRANSPORT: &str = "crates/mstr-rest-core/src/transport.rs";

/// Others that may: an SDK that takes it as its transport, a vault that is asked without an SDK, and
/// benchmarks that compare with it.
fn may_name_reqwest(file: &str) -> bool {
    file == TRANSPORT
        || file.starts_with("crates/mstr-credentials-azure/")
        || file.starts_with("crates/mstr-credentials-vault/")
        || file.starts_with("crates/mstr-bench/")
}

/// Paths of one machine. In pieces, so that this file does not name them.
const MACHINE_PATHS: &[&str] = &[
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/Us", "ers/"),
    concat!("C:\\Us", "ers"),
];

/// Hosts of package registries: which one is used is the machine's affair.
const REGISTRY_HOSTS: &[&str] = &[
    concat!("artif", "actory"),
    concat!("index.cr", "ates.io"),
    concat!("static.cr", "ates.io"),
    concat!("files.python", "hosted.org"),
    concat!("py", "pi.org"),
    concat!("registry.np", "mjs.org"),
    concat!("proxy.go", "lang.org"),
    concat!("deb.deb", "ian.org"),
];

pub(super) fn any_file(file: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for path in MACHINE_PATHS {
            // `https://host/work/1` is no path of a machine
            let begins = |at: usize| {
                !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-~}>*".contains(c))
            };
            if line.match_indices(path).any(|(at, _)| begins(at)) {
                problems.push(format!("{file}:{}: a path of one machine ({path})", at + 1));
            }
        }
        for host in REGISTRY_HOSTS {
            if line.to_lowercase().contains(host) {
                problems.push(format!("{file}:{}: a registry's host ({host})", at + 1));
            }
        }
    }
    problems
}

pub(super) fn markdown(file: &str, text: &str) -> Vec<String> {
    ignored_fences(text)
        .map(|line| format!("{file}:{line}: an ignored code block is never compiled: no_run, text"))
        .collect()
}

pub(super) fn rust(file: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let code = code::only(text);
    for (word, why) in BANNED {
        for line in code::lines_with(&code, word) {
            problems.push(format!("{file}:{line}: {word}: {why}"));
        }
    }
    if !may_name_reqwest(file) {
        for line in code::lines_with(&code, "reqwest") {
            problems.push(format!("{file}:{line}: only {TRANSPORT} names reqwest"));
        }
    }
    if file.split('/').any(|folder| folder == "src") && !has_module_doc(text) {
        problems.push(format!("{file}:1: begins with no module doc (`//!`)"));
    }
    let length = text.lines().count();
    if length > LONGEST && !LONGER.iter().any(|(longer, _)| *longer == file) {
        problems.push(format!("{file}:{length}: longer than {LONGEST} lines: split it"));
    }
    // doc comments as Markdown, the other lines empty
    let docs: String = text
        .lines()
        .map(|line| {
            let line = line.trim_start();
            let doc = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
            doc.unwrap_or_default().to_owned() + "\n"
        })
        .collect();
    problems.extend(markdown(file, &docs));
    problems
}

/// A comment, or the crate's README, before anything else.
fn has_module_doc(text: &str) -> bool {
    text.starts_with("//!") || text.starts_with("#![doc = include_str!(")
}

/// Lines that open a code block that rustdoc skips.
fn ignored_fences(text: &str) -> impl Iterator<Item = usize> {
    markdown::lines(text).into_iter().filter_map(|(at, line)| {
        let Line::FenceOpens(info) = line else { return None };
        info.split([',', ' ']).any(|word| word.starts_with("ignore")).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "//! A module.\n\nuse std::fs;\n";

    #[track_caller]
    fn only_problem(problems: &[String], what: &str) {
        assert!(problems.len() == 1 && problems[0].contains(what), "{what}: {problems:?}");
    }

    #[test]
    fn a_good_file() {
        assert!(rust("crates/a/src/lib.rs", GOOD).is_empty());
        assert!(any_file("a.md", "https://host/work/1 ~/work/x $HOME/x /api/projects").is_empty());
    }

    #[test]
    fn banned_words() {
        for (line, what) in [
            ("fn f() { todo!() }", "2: todo!"),
            ("fn f() { unimplemented!() }", "2: unimplemented!"),
            ("fn f() { dbg!(1); }", "2: dbg!"),
            ("#[ignore]", "2: #[ignore]"),
            ("jar.store_response_cookies(a, b);", "2: store_response_cookies"),
        ] {
            only_problem(&rust("crates/a/src/lib.rs", &format!("//! A.\n{line}\n")), what);
        }
        let good = "//! No todo!() here.\n#[ignore = \"needs a server\"]\nfn f() { g(\"dbg!\") }\n";
        assert!(rust("crates/a/src/lib.rs", good).is_empty());
    }

    #[test]
    fn reqwest_is_named_in_one_file() {
        let text = "//! A.\nuse reqwest::Client;\n";
        for bad in ["crates/mstr-rest-core/src/session.rs", "examples/a.rs", "crates/a/tests/b.rs"]
        {
            only_problem(&rust(bad, text), "2: only");
        }
        for good in
            [TRANSPORT, "crates/mstr-credentials-azure/src/lib.rs", "crates/mstr-bench/src/a.rs"]
        {
            assert!(rust(good, text).is_empty());
        }
        let comment = "//! Not reqwest.\n#[cfg(feature = \"reqwest-hook\")]\nmod a;\n";
        assert!(rust("crates/mstr-rest-core/src/lib.rs", comment).is_empty());
    }

    #[test]
    fn modules_have_docs() {
        only_problem(&rust("crates/a/src/b/c.rs", "use std::fs;\n"), "//!");
        let readme = "#![doc = include_str!(\"../README.md\")]\n";
        assert!(rust("crates/a/src/lib.rs", readme).is_empty());
        assert!(rust("crates/a/tests/b.rs", "use std::fs;\n").is_empty());
    }

    #[test]
    fn long_files() {
        let long = GOOD.to_owned() + &"\n".repeat(LONGEST);
        only_problem(&rust("crates/a/src/lib.rs", &long), "longer");
        assert!(rust(LONGER[0].0, &long).is_empty());
    }

    #[test]
    fn ignored_code_blocks() {
        let block = |info: &str| format!("```{info}\nx\n```\n");
        only_problem(&markdown("a.md", &block("rust,ignore")), "a.md:1");
        only_problem(&markdown("a.md", &block("ignore-wasm")), "a.md:1");
        assert!(markdown("a.md", &block("rust,no_run")).is_empty());
        let doc = GOOD.to_owned() + "    /// ```ignore\n    /// x\n    /// ```\n    fn f() {}\n";
        only_problem(&rust("crates/a/src/lib.rs", &doc), "lib.rs:4");
    }

    #[test]
    fn paths_and_hosts_of_a_machine() {
        for path in MACHINE_PATHS {
            only_problem(&any_file("a", &format!("x\nsee {path}x")), "a:2: a path");
            only_problem(&any_file("a", &format!("\"{path}x\"")), "a:1: a path");
        }
        for host in REGISTRY_HOSTS {
            only_problem(&any_file("a", &format!("https://{}/x", host.to_uppercase())), "host");
        }
    }
}
