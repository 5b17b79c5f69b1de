//! Golden help texts: what users read is what somebody has read before. After a change:
//! `MSTR_WRITE_HELP=1 cargo test -p mstr-cli --test help`, and look at the difference.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::{env, fs, path::Path};

use support::Place;

#[test]
fn help_is_as_it_was_read() {
    let place = Place::new();
    let long = place.run(&["--help"]).ok();
    let commands = long.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands = commands.take_while(|line| !line.is_empty());
    let mut names: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    names.retain(|name| *name != "help");
    assert!(names.contains(&"export"), "{long}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help");
    let mut differ = Vec::new();
    for name in [""].into_iter().chain(names) {
        let arguments: Vec<_> = [name, "--help"].into_iter().filter(|it| !it.is_empty()).collect();
        let help = place.run(&arguments).ok();
        let file = folder.join(format!("mstr{}{name}.txt", if name.is_empty() { "" } else { "-" }));
        if env::var_os("MSTR_WRITE_HELP").is_some() {
            fs::write(&file, &help).unwrap();
        } else if fs::read_to_string(&file).unwrap_or_default() != help {
            differ.push(file.display().to_string());
        }
    }
    assert!(differ.is_empty(), "changed, or new: {differ:#?}");
}
