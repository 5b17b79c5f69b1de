//! What only happens on a terminal (prompts, tables, progress, ctrl-c), and what ends a command
//! otherwise.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod support;

use std::{
    fs,
    io::{BufRead as _, Read as _},
    os::unix::process::ExitStatusExt as _,
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

/// The exit code; that of shells for a program that a signal ended.
fn ended(session: &PtySession) -> i32 {
    // its type has no public name: Exited(Pid(17), 0), Signaled(Pid(17), SIGINT, false)
    let status = format!("{:?}", session.process().wait().unwrap());
    if status.starts_with("Signaled") && status.contains("SIGINT") {
        return 130;
    }
    let code = status.strip_suffix(')').and_then(|status| status.rsplit_once(' ')?.1.parse().ok());
    code.filter(|_| status.starts_with("Exited")).unwrap_or_else(|| panic!("{status}"))
}

/// Sends a signal to a process.
fn kill(signal: &str, process: u32) {
    let killed = Command::new("kill").args(["-s", signal, &process.to_string()]).status().unwrap();
    assert!(killed.success());
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
    assert!(table.contains("Revenue ...") && !table.contains(['\u{1b}', '\u{202e}']), "{table:?}");
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
fn a_signal_ends_it_and_leaves_nothing_on_the_server() {
    let place = Place::with(LibraryServer::builder().report(Report::sample("Long", 5000)));
    place.server.inject(Fault::stall().on(Method::GET, "/v2/reports/*/instances/*"));
    let arguments = ["export", "Long", "-o", "long.csv", "--page-size", "100"];
    for (signal, number, said) in [
        ("TERM", 15, "mstr: terminated\n"),
        ("INT", 2, "mstr: interrupted\n"),
        ("HUP", 1, "mstr: the terminal was closed\n"),
    ] {
        place.server.clear_journal();
        let job = in_pipes(&place.in_environment(&arguments));
        until(|| place.server.count(Method::GET, "/v2/reports/*/instances/*") > 0);
        kill(signal, job.id());
        let output = job.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.signal(), told.as_str()), (Some(number), said));
        assert_eq!((place.instances(), place.sessions()), (0, 0));
        assert_eq!(fs::read_dir(place.home.path()).unwrap().count(), 0, "no file is left");
    }
}

#[test]
fn ctrl_c_stops_the_loop_of_a_shell() {
    let place = Place::with(LibraryServer::builder().report(Report::sample("Long", 5000)));
    place.login();
    place.server.inject(Fault::stall().on(Method::GET, "/v2/reports/*/instances/*"));
    let mstr = env!("CARGO_BIN_EXE_mstr");
    let script = format!("for i in 1 2 3; do '{mstr}' export Long -o $i.csv; done; echo over");
    let mut bash = place.shell(&["-c", &script]);
    bash.env("SHELL", "sh");
    let mut terminal = on_terminal(&bash);
    until(|| place.server.count(Method::GET, "/v2/reports/*/instances/*") > 0);
    terminal.send_control('c').unwrap();
    let seen = terminal.exp_eof().unwrap();
    assert!(!seen.contains("over"), "{seen}");
    assert_eq!(place.server.count(Method::POST, "/v2/reports/*/instances"), 1, "{seen}");
}

#[test]
fn a_server_that_says_nothing_does_not_hold_what_was_told_to_end() {
    let place = Place::new();
    // the login is read, and not answered
    place.server.inject(Fault::stall().on(Method::POST, "/auth/login"));
    let job = in_pipes(&place.in_environment(&["projects"]));
    until(|| place.server.count(Method::POST, "/auth/login") > 0);
    kill("TERM", job.id());
    let output = job.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.signal(), Some(15), "{told}");
    assert!(told.contains("waiting up to 3 s for the server"), "{told}");
    // a second ctrl-c ends it at once
    place.server.clear_journal();
    let mut terminal = on_terminal(&place.in_environment(&["projects"]));
    until(|| place.server.count(Method::POST, "/auth/login") > 0);
    terminal.send_control('c').unwrap();
    terminal.exp_string("waiting").unwrap();
    terminal.send_control('c').unwrap();
    let seen = terminal.exp_eof().unwrap();
    assert_eq!(ended(&terminal), 130, "{seen}");
    assert!(!seen.contains("mstr: interrupted"), "{seen}");
}

#[test]
fn a_silent_server_has_a_limit() {
    let place = Place::new();
    place.login();
    place.server.inject(Fault::stall().on(Method::GET, "/projects"));
    let error = place.run(&["projects", "--timeout", "1s"]).fails(7);
    assert!(error.contains("1s") && error.contains("--timeout"), "{error}");
    let mut environment = place.in_environment(&["projects"]);
    support::ran(environment.env("MSTR_TIMEOUT", "1")).fails(7);
    place.server.clear_faults();
    support::ran(place.in_environment(&["projects"]).env("MSTR_TIMEOUT", "")).ok();
    place.run(&["projects", "--timeout", "soon"]).fails(2);
}

#[test]
fn a_server_around_a_command_passes_signals_on() {
    let place = Place::new();
    let script = "trap 'echo told; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
    let mut job = in_pipes(&place.command(&["sim", "--", "sh", "-c", script]));
    let mut out = std::io::BufReader::new(job.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    kill("TERM", job.id());
    out.read_to_string(&mut line).unwrap();
    assert_eq!(line, "ready\ntold\n");
    assert_eq!(job.wait().unwrap().code(), Some(7));
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
