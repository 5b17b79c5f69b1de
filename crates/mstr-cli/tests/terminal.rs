//! What only happens on a terminal (prompts, tables, progress, ctrl-c), and what ends a command
//! otherwise.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod support;

use std::{
    fs,
    io::Read as _,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, Fault, LibraryServer, Method, Report};
use rexpect::{session::PtySession, spawn_with_options};
use support::Place;

/// The command on a terminal of its own; the arguments as for [`Place::command`].
fn on_terminal(command: &assert_cmd::Command) -> PtySession {
    // a terminal as people have it: it shows what they type
    let mut on_terminal = Command::new("sh");
    on_terminal.args(["-c", r#"stty echo cols 80 && exec "$0" "$@""#]).arg(command.get_program());
    on_terminal.args(command.get_args()).current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => on_terminal.env(name, value),
            None => on_terminal.env_remove(name),
        };
    }
    let options = rexpect::reader::Options::new().timeout_ms(Some(120_000));
    spawn_with_options(on_terminal, options).unwrap()
}

/// The command with its output in pipes, not waited for.
fn in_pipes(command: &assert_cmd::Command) -> Child {
    let mut piped = Command::new(command.get_program());
    piped.args(command.get_args()).current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => piped.env(name, value),
            None => piped.env_remove(name),
        };
    }
    piped.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn ended(session: &PtySession) -> i32 {
    // its type has no public name: Exited(Pid(17), 0)
    let status = format!("{:?}", session.process().wait().unwrap());
    let code = status.strip_suffix(')').and_then(|status| status.rsplit_once(' ')?.1.parse().ok());
    code.filter(|_| status.starts_with("Exited")).unwrap_or_else(|| panic!("{status}"))
}

/// Waits for what the server is to see, and not for a time.
fn until(what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < Duration::from_secs(120), "it never came to that");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_password_is_asked_for_and_not_shown() {
    let place = Place::new();
    let url = place.server.base_url();
    let mut terminal = on_terminal(&place.command(&["login", &url]));
    let mut seen = terminal.exp_string("Username: ").unwrap();
    terminal.send_line(DEFAULT_USER).unwrap();
    seen += &terminal.exp_string("password: ").unwrap();
    terminal.send_line(DEFAULT_PASSWORD).unwrap();
    seen += &terminal.exp_eof().unwrap();
    assert_eq!(ended(&terminal), 0, "{seen}");
    assert!(seen.contains("logged in to"), "{seen}");
    let shown = |text: &str| seen.lines().any(|line| line.trim() == text);
    assert!(shown(DEFAULT_USER) && !shown(DEFAULT_PASSWORD), "{seen}");
    assert_eq!(place.sessions(), 1);
}

#[test]
fn a_table_has_a_header_and_no_colours() {
    let place = Place::new();
    place.login();
    let mut terminal = on_terminal(&place.command(&["projects"]));
    let table = terminal.exp_eof().unwrap();
    assert!(table.contains("NAME") && table.contains("MicroStrategy Tutorial"), "{table}");
    assert!(!table.contains('\u{1b}') && !table.contains('\t'), "{table:?}");
}

#[test]
fn a_table_fits_the_terminal_with_whole_ids() {
    let reports = ["Revenue by region, month, category and sales channel", "a\u{1b}[31m\u{202e}b"];
    let mut builder = LibraryServer::builder();
    for name in reports {
        builder = builder.report(Report::sample(name, 1));
    }
    let place = Place::with(builder);
    place.login();
    let mut terminal = on_terminal(&place.command(&["ls", "/Public Objects/Reports"]));
    let table = terminal.exp_eof().unwrap();
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    for name in reports {
        let report = Report::sample(name, 1);
        assert!(table.lines().any(|line| line.trim_end().ends_with(report.object_id())), "{table}");
    }
    assert!(table.contains("Revenue by") && !table.contains(['\u{1b}', '\u{202e}']), "{table:?}");
    let jq = ["api", "GET", "searches/results?type=3", "--jq", ".result[].name"];
    for arguments in [&jq[..], &jq[..3], &["find", "", "--json"]] {
        let mut terminal = on_terminal(&place.command(arguments));
        let names = terminal.exp_eof().unwrap();
        assert!(names.contains("Revenue by region, month, category and sales"), "{names}");
        assert!(!names.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{names:?}");
    }
}

#[test]
fn progress_is_shown_and_taken_away() {
    let place = Place::with(LibraryServer::builder().report(Report::sample("Long", 5000)));
    place.login();
    place.server.set_latency(Duration::from_millis(30));
    let arguments = ["export", "Long", "-o", "long.csv", "--page-size", "100"];
    let mut terminal = on_terminal(&place.command(&arguments));
    let seen = terminal.exp_eof().unwrap();
    assert_eq!(ended(&terminal), 0, "{seen}");
    assert!(seen.contains("of 5,000 rows"), "{seen}");
    assert!(seen.contains("5000 rows in long.csv"), "{seen}");
    // nothing of it when nobody looks
    let piped = place.run(&arguments);
    assert!(!piped.err.contains("of 5,000 rows"), "{}", piped.err);
    let mut quiet = on_terminal(&place.command(&[&arguments[..], &["--quiet"]].concat()));
    assert_eq!(quiet.exp_eof().unwrap(), "");
}

#[test]
fn ctrl_c_ends_the_job_on_the_server_too() {
    let place = Place::with(LibraryServer::builder().report(Report::sample("Long", 5000)));
    place.login();
    // pages never come
    place.server.inject(Fault::stall().on(Method::GET, "/v2/reports/*/instances/*"));
    let arguments = ["export", "Long", "-o", "long.csv", "--page-size", "100"];
    for environment in [false, true] {
        let command =
            if environment { place.in_environment(&arguments) } else { place.command(&arguments) };
        place.server.clear_journal();
        let mut terminal = on_terminal(&command);
        until(|| place.server.count(Method::GET, "/v2/reports/*/instances/*") > 0);
        terminal.send_control('c').unwrap();
        let seen = terminal.exp_eof().unwrap();
        assert_eq!(ended(&terminal), 130, "{seen}");
        assert!(!fs::exists(place.path("long.csv")).unwrap());
        assert_eq!(fs::read_dir(place.home.path()).unwrap().count(), 2, "config and state");
        assert_eq!(place.instances(), 0);
        // the session of the profile is there for the next command, that of this one is not
        assert_eq!(place.sessions(), 1);
    }
}

#[test]
fn a_scheduler_that_ends_it_leaves_nothing_on_the_server() {
    let place = Place::with(LibraryServer::builder().report(Report::sample("Long", 5000)));
    place.server.inject(Fault::stall().on(Method::GET, "/v2/reports/*/instances/*"));
    let arguments = ["export", "Long", "-o", "long.csv", "--page-size", "100"];
    let job = in_pipes(&place.in_environment(&arguments));
    until(|| place.server.count(Method::GET, "/v2/reports/*/instances/*") > 0);
    let killed = Command::new("kill").args(["-TERM", &job.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = job.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), told.as_str()), (Some(143), "mstr: terminated\n"));
    assert_eq!((place.instances(), place.sessions()), (0, 0));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let place = Place::with(LibraryServer::builder().report(Report::sample("Long", 100_000)));
    for arguments in [
        &["export", "Long", "-o", "-", "--format", "csv"][..],
        &["projects", "--csv"],
        &["projects", "--json"],
        &["projects"],
        &["api", "GET", "projects"],
        &["completions", "bash"],
    ] {
        let mut job = in_pipes(&place.in_environment(arguments));
        let mut out = job.stdout.take().unwrap();
        if arguments[0] == "export" {
            out.read_exact(&mut [0; 100]).unwrap();
        }
        drop(out);
        let output = job.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), told.as_str()), (Some(0), ""), "{arguments:?}");
        // logged out all the same
        assert_eq!((place.instances(), place.sessions()), (0, 0), "{arguments:?}");
    }
}
