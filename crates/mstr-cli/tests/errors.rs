//! What errors say: which request it was, and what to do next.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use mstr_sim::{Cube, DEFAULT_USER, Fault, LibraryServer, Method, Reply, Report};
use support::{Place, ran};

#[test]
fn an_error_of_the_server_names_the_request() {
    let place = Place::new();
    place.login();
    place.server.inject(Fault::reply(Reply::error(500, "ERR002", "no")).on(Method::GET, "/users"));
    let error = place.run(&["users"]).fails(6);
    assert!(error.contains(&format!("GET {}users", place.server.base_url())), "{error}");
    let error = place.run(&["api", "PUT", "nowhere?secret=hunter2"]).fails(6);
    assert!(error.contains(&format!("PUT {}nowhere", place.server.base_url())), "{error}");
    assert!(error.contains("ticket ") && !error.contains("hunter2"), "{error}");
    // nothing was sent
    let error =
        place.run(&["export", "Sample Report", "-o", "x.csv", "--columns", "Nope"]).fails(2);
    assert!(!error.contains("http://"), "{error}");
    place.server.inject(Fault::stall().on(Method::GET, "/projects"));
    let error = place.run(&["projects", "--timeout", "1s"]).fails(7);
    assert!(error.contains(&format!("GET {}projects", place.server.base_url())), "{error}");
}

#[test]
fn the_next_step_is_one_of_the_command() {
    let cube = Cube::sample("A cube", 10).published(false);
    let builder = LibraryServer::builder().cube(cube).report(Report::sample("Big", 1000));
    let place = Place::with(builder.row_governor(100));
    let said = |command: &mut assert_cmd::Command, code: i32, hint: &str| {
        let error = ran(command).fails(code);
        assert!(error.contains(hint), "{error}");
        assert!(!error.contains("::") && !error.contains("()"), "{error}");
    };
    let export = |name: &str| place.in_environment(&["export", name, "-o", "x.csv"]);
    said(&mut export("A cube"), 6, "hint: publish the cube first: `mstr cubes publish");
    said(&mut export("Big"), 6, "--filter");
    said(place.in_environment(&["find", "x"]).env_remove("MSTR_PROJECT"), 6, "--project NAME");
    let mut trusted = place.in_environment(&["whoami"]);
    said(trusted.env_remove("MSTR_PASSWORD"), 3, "MSTR_PASSWORD is not set");
    let mut wrong = place.in_environment(&["whoami"]);
    said(wrong.env("MSTR_PASSWORD", "no"), 3, "servers lock accounts");
    let loaded = Reply::json(
        500,
        &serde_json::json!({"code": "ERR002", "iServerCode": -2_147_209_151, "message": "no"}),
    );
    place.server.inject(Fault::reply(loaded).on(Method::GET, "/users"));
    said(&mut place.in_environment(&["users"]), 6, "`mstr projects` lists");
    place.server.clear_faults();

    let url = place.server.base_url();
    let mut login = place.command(&["login", &url, "-u", DEFAULT_USER, "--secret-stdin"]);
    ran(login.args(["--profile", "two"]).write_stdin(mstr_sim::DEFAULT_PASSWORD)).ok();
    place.server.expire_all();
    said(&mut place.command(&["whoami", "--profile", "two"]), 3, "mstr login --profile two");
    // a page of a sign-on in between
    place.server.inject(Fault::html(200).on(Method::POST, "/auth/login"));
    said(&mut place.in_environment(&["whoami"]), 3, "--mode api-key");
}
