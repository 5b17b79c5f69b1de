//! The commands of the README and of the guide, as they are written there.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use assert_cmd::Command;
use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, Method};
use support::{Place, Ran, ran};

/// Chapters whose commands are run. Those of the others are parsed.
const RUN: &[&str] = &["first-login.md", "command-line.md"];

/// Starts a shell with a simulated server around it: what follows is typed in there.
const INNER: &str = "mstr sim -- sh";

/// Stands in for cargo. What it would build is what this test was built with; the quickstart is run
/// by `cargo xtask test`.
const CARGO: &str = "\
#!/bin/sh
case \"$*\" in
    'build -p mstr-cli' | 'run --example quickstart') ;;
    *) echo \"cargo $*: not what this test knows\" >&2; exit 99 ;;
esac
";

/// Stands in for `mstr`: has the real one parse its arguments, and does nothing.
const PARSED: &str = "\
#!/bin/sh
help=--help
for argument; do
    shift
    # what stands behind it is the command of `mstr sim`
    if [ \"$argument\" = -- ] && [ $help ]; then set -- \"$@\" $help; help=; fi
    set -- \"$@\" \"$argument\"
done
exec \"$MSTR\" \"$@\" $help > /dev/null
";

fn chapters() -> Vec<PathBuf> {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/src");
    let files = fs::read_dir(guide).unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|it| it == "md")).collect()
}

fn chapter(name: &str) -> String {
    let found = chapters().into_iter().find(|file| file.ends_with(name)).unwrap();
    fs::read_to_string(found).unwrap()
}

/// The lines of all blocks that are typed into a shell.
fn typed(text: &str) -> Vec<&str> {
    text.split("```").filter_map(|it| it.strip_prefix("sh\n")).flat_map(str::lines).collect()
}

/// What is typed as a script, with what goes to the inner shell handed to it.
fn script(lines: &[&str]) -> String {
    const END: &str = "END_OF_THE_INNER_SHELL";
    let mut script = vec!["set -e".to_owned()];
    let mut inside = false;
    for line in lines {
        match *line {
            INNER => script.extend([format!("{INNER} <<'{END}'"), "set -e".to_owned()]),
            "exit" => script.push(END.to_owned()),
            line => script.push(line.to_owned()),
        }
        inside = (inside || *line == INNER) && *line != "exit";
    }
    script.extend(inside.then(|| END.to_owned()));
    script.join("\n") + "\n"
}

/// A program on the path of `place`.
fn program(place: &Place, name: &str, text: &str) {
    let bin = place.home.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    fs::write(bin.join(name), text).unwrap();
    fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
}

/// A shell that finds those programs, and `mstr`.
fn shell(place: &Place, arguments: &[&str]) -> Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_mstr"));
    let (bin, built) = (place.path("bin"), binary.parent().unwrap().display());
    let mut shell = place.shell(arguments);
    shell.env("MSTR", binary).env("PATH", format!("{bin}:{built}:{}", env::var("PATH").unwrap()));
    shell
}

/// Runs what is typed; `keyboard` is what commands read from there.
fn run(place: &Place, lines: &[&str], keyboard: &str) -> Ran {
    let file = place.path("typed.sh");
    fs::write(&file, script(lines)).unwrap();
    ran(shell(place, &[&file]).write_stdin(keyboard))
}

#[test]
fn the_tour_of_the_readme() {
    let place = Place::new();
    let readme = include_str!("../README.md");
    let tour = readme.split_once("## A tour to type").unwrap().1.split_once("\n## ").unwrap().0;
    let lines = typed(tour);
    assert!(lines[0] == INNER && lines.len() > 6, "{lines:?}");
    let out = run(&place, &lines, "").ok();
    assert!(out.contains("MicroStrategy Tutorial"), "{out}");
    for file in ["report.parquet", "cube.jsonl"] {
        assert!(fs::metadata(place.path(file)).unwrap().len() > 0);
    }
}

#[test]
fn the_first_login_of_the_guide() {
    let place = Place::new();
    program(&place, "cargo", CARGO);
    let text = chapter("first-login.md");
    // the server that stands in for the reader's
    let (host, user) = ("https://host/MicroStrategyLibrary/api/", "MSTR_USERNAME='dave'");
    assert!(text.contains(host) && text.contains(user));
    let text = text
        .replace(host, &place.server.base_url())
        .replace(user, &format!("MSTR_USERNAME='{DEFAULT_USER}'"));
    let lines = typed(&text);
    assert!(lines.contains(&INNER) && lines.len() > 15, "{lines:?}");

    let out = run(&place, &lines, &format!("{DEFAULT_PASSWORD}\n")).ok();
    assert!(out.contains("MicroStrategy Tutorial"), "{out}");
    assert!(fs::metadata(place.path("report.csv")).unwrap().len() > 0);
    // whoami, projects, and the session that is kept
    assert_eq!(place.server.count(Method::POST, "/auth/login"), 3);
    assert_eq!(place.sessions(), 0, "it ends with a logout");
}

#[test]
fn the_command_line_of_the_guide() {
    let place = Place::new();
    let text = chapter("command-line.md");
    let lines = typed(&text);
    assert!(lines[0] == INNER && lines.len() > 30, "{lines:?}");
    let out = run(&place, &lines, "").ok();
    for (what, of) in [
        ("Public Objects", "ls"),
        ("Sample Cube", "cubes"),
        ("curl -X GET", "api --curl"),
        ("\nAnn\n", "api POST"),
    ] {
        assert!(out.contains(what), "mstr {of}:\n{out}");
    }
    for file in ["report.parquet", "crosstab.csv", "prompts.csv", "cube.jsonl", "mstr.1"] {
        assert!(fs::metadata(place.path(file)).unwrap().len() > 0, "{file}");
    }
}

#[test]
fn every_other_command_of_the_guide_is_one() {
    let place = Place::new();
    program(&place, "mstr", PARSED);
    let mut parsed = 0;
    for file in chapters() {
        if RUN.iter().any(|name| file.ends_with(name)) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for line in typed(&text).into_iter().filter(|line| line.starts_with("mstr ")) {
            let ran = ran(&mut shell(&place, &["-c", line]));
            assert_eq!(ran.code, 0, "{}: {line}\n{}", file.display(), ran.err);
            parsed += 1;
        }
    }
    assert!(parsed > 3, "{parsed}");
    assert!(place.server.journal().is_empty(), "nothing was sent");
    // it would notice
    for line in ["mstr exports x", "mstr login --user x", "mstr sim --bogus -- true"] {
        assert_eq!(ran(&mut shell(&place, &["-c", line])).code, 2, "{line}");
    }
}
