//! Logging in and out, and whose session a command uses.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::fs;

use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, Fault, LibraryServer, Method};
use support::{Place, files, ran};

#[test]
fn a_session_is_kept_for_the_commands_that_follow() {
    let place = Place::new();
    place.login();
    assert!(place.run(&["whoami"]).ok().starts_with(DEFAULT_USER));
    assert!(place.run(&["status"]).ok().contains("session\talive"));
    place.run(&["projects"]).ok();
    assert_eq!(place.server.count(Method::POST, "/auth/login"), 1);
    assert_eq!(place.sessions(), 1);

    place.run(&["logout"]).ok();
    assert_eq!(place.sessions(), 0);
    assert!(place.run(&["whoami"]).fails(3).contains("mstr login --profile default"));
    assert!(place.run(&["status"]).fails(3).contains("not logged in"));
    // again is no failure
    place.run(&["logout"]).ok();
}

#[test]
fn another_login_ends_the_session_whose_place_it_takes() {
    let place = Place::new();
    place.login();
    place.login();
    assert_eq!(place.server.count(Method::POST, "/auth/login"), 2);
    assert_eq!(place.sessions(), 1);
    place.run(&["whoami"]).ok();
}

#[test]
fn an_expired_session_says_what_to_do_or_is_renewed() {
    let place = Place::new();
    place.login();
    place.server.expire_all();
    let error = place.run(&["whoami"]).fails(3);
    assert!(error.contains("ERR009") && error.contains("mstr login"), "{error}");
    assert!(place.run(&["status"]).fails(3).contains("expired"));

    // a reference can be resolved again
    let password = place.path("password");
    fs::write(&password, DEFAULT_PASSWORD).unwrap();
    place.run(&["login", "--secret-from", &format!("file:{password}")]).ok();
    place.server.expire_all();
    place.run(&["whoami"]).ok();
    let logins = place.server.count(Method::POST, "/auth/login");
    // what that brought was kept
    place.run(&["whoami"]).ok();
    assert_eq!(place.server.count(Method::POST, "/auth/login"), logins);
}

#[test]
fn the_environment_logs_in_and_out_for_each_command() {
    let place = Place::new();
    let out = ran(&mut place.in_environment(&["whoami"])).ok();
    assert!(out.starts_with(DEFAULT_USER));
    assert_eq!(place.sessions(), 0);
    assert_eq!(files(place.home.path()), []);
    // also after a failure
    ran(&mut place.in_environment(&["api", "GET", "nowhere"])).fails(6);
    assert_eq!(place.sessions(), 0);
}

#[test]
fn profiles() {
    let place = Place::new();
    let url = place.server.base_url();
    let no = place.run(&["projects"]);
    assert!(no.fails(3).contains("mstr login URL"));
    for name in ["one", "two"] {
        place.run(&["login", &url, "--mode", "anonymous", "--profile", name]).ok();
    }
    let listed = place.run(&["profiles"]).ok();
    assert_eq!(listed.lines().count(), 2);
    assert!(listed.starts_with("one\t*\t"), "{listed}");
    place.run(&["profiles", "use", "two"]).ok();
    assert!(place.run(&["profiles", "--csv"]).ok().contains("two,*,"));
    place.run(&["profiles", "remove", "two"]).ok();
    place.run(&["projects"]).fails(3);
    place.run(&["projects", "--profile", "one"]).ok();
    place.run(&["profiles", "use", "two"]).fails(2);
    place.run(&["projects", "--profile", "two"]).fails(3);
    place.run(&["login", &url, "--mode", "anonymous", "--profile", "../x"]).fails(2);
}

#[test]
fn exit_codes_tell_what_went_wrong() {
    let place = Place::new();
    place.run(&["nonsense"]).fails(2);
    let url = place.server.base_url();
    let mut wrong = place.command(&["login", &url, "--username", DEFAULT_USER, "--secret-stdin"]);
    let error = ran(wrong.write_stdin("not the password")).fails(3);
    assert!(error.contains("ERR003"), "{error}");
    assert_eq!(files(place.home.path()), []);

    place.login();
    place.run(&["api", "GET", "nowhere"]).fails(6);
    place.run(&["api", "get", "projects", "--input", "no such file"]).fails(1);
    place.server.inject(Fault::status(500).on(Method::GET, "/projects"));
    place.run(&["projects"]).fails(6);
    place.server.clear_faults();
    // nobody listens there any more
    let gone = LibraryServer::builder().start_blocking().unwrap().base_url();
    place.run(&["login", &gone, "--mode", "anonymous", "--profile", "gone"]).fails(7);
}

#[test]
fn secrets_are_nowhere_but_where_they_belong() {
    const PASSWORD: &str = "canary-of-the-password-8e1f";
    let place = Place::with(LibraryServer::builder().samples().user("dave", PASSWORD));
    let url = place.server.base_url();
    let mut said = String::new();
    let mut take = |mut command: assert_cmd::Command, input: &str| {
        let ran = ran(command.write_stdin(input));
        said.push_str(&ran.out);
        said.push_str(&ran.err);
    };
    let login = ["login", &url, "--username", "dave", "--secret-stdin", "-vv"];
    take(place.command(&login), PASSWORD);
    let token = place.server.sessions()[0].token().to_owned();
    for arguments in [
        &["status", "-vv"][..],
        &["projects", "-vv", "--json"],
        &["api", "GET", "sessions", "--include", "-vv"],
        &["api", "GET", "projects", "--curl", "-vv"],
        &["api", "POST", "auth/login", "-f", "loginMode=1", "-vv"],
        &["login", &url, "--username", "dave", "--secret-from", PASSWORD],
        &["login", &url, "--username", "dave", "--secret-from", "env:NOT_SET_ANYWHERE"],
        &["profiles", "--json"],
        &["logout", "-vv"],
    ] {
        take(place.command(arguments), "");
    }
    // a reply that hands out another token
    let body = place.path("login.json");
    fs::write(
        &body,
        format!("{{\"loginMode\":1,\"username\":\"dave\",\"password\":\"{PASSWORD}\"}}"),
    )
    .unwrap();
    place.run(&["login", &url, "--mode", "anonymous"]).ok();
    let login_again = ["api", "POST", "auth/login", "--input", &body, "--include", "-vv"];
    take(place.command(&login_again), "");
    fs::remove_file(body).unwrap();
    let tokens: Vec<_> =
        place.server.sessions().iter().map(|session| session.token().to_owned()).collect();
    assert_eq!(tokens.len(), 2);
    let mut environment = place.in_environment(&["api", "GET", "nowhere", "-vv"]);
    environment.env("MSTR_USERNAME", "dave").env("MSTR_PASSWORD", PASSWORD);
    take(environment, "");
    assert!(said.contains("auth/login"), "-vv shows requests: {said}");
    assert!(!said.contains("Http::connect"), "it shows ours only: {said}");
    assert!(!said.contains(PASSWORD), "{said}");
    assert!(said.to_lowercase().contains("x-mstr-authtoken: ***"), "{said}");
    for token in tokens.iter().chain([&token]) {
        assert!(!said.contains(token.as_str()), "{said}");
    }

    ran(place.command(&login).write_stdin(PASSWORD)).ok();
    let token = place.server.sessions().last().unwrap().token().to_owned();
    let mut kept = 0;
    for (name, contents) in files(place.home.path()) {
        let contents = String::from_utf8_lossy(&contents).into_owned();
        assert!(!contents.contains(PASSWORD), "{name}");
        // sessions are there to be kept, in files of one user
        if contents.contains(&token) {
            assert!(name.contains("sessions"), "{name}");
            kept += 1;
        }
    }
    assert_eq!(kept, 1);
}
