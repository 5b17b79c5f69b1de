//! The commands of the README, as they are written there.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::{env, fs};

use support::{Place, ran};

#[test]
fn the_tour_of_the_readme() {
    let place = Place::new();
    let readme = include_str!("../README.md");
    let tour = readme.split_once("## A tour to type").unwrap().1.split_once("\n## ").unwrap().0;
    // first the line that starts the shell, then what is typed in it
    let mut lines = tour.split("```").filter_map(|it| it.strip_prefix("sh\n")).flat_map(str::lines);
    let shell: Vec<&str> = lines.next().unwrap().split(' ').collect();
    let typed: Vec<&str> = lines.collect();
    assert!(shell[0] == "mstr" && typed.len() > 5, "{typed:?}");

    let mut command = place.command(&shell[1..]);
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_mstr"));
    let path = env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", binary.parent().unwrap().display()));
    let ran = ran(command.write_stdin(format!("set -e\n{}\n", typed.join("\n"))));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("MicroStrategy Tutorial"), "{}", ran.out);
    for file in ["report.parquet", "cube.jsonl"] {
        assert!(fs::metadata(place.path(file)).unwrap().len() > 0);
    }
}
