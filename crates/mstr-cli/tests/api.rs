//! `mstr api` sends what it was given, and prints what it got.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::fs;

use mstr_sim::{Fault, Method, Reply};
use serde_json::{Value, json};
use support::{Place, ran};

#[test]
fn everything_that_was_given_is_sent() {
    let place = Place::new();
    place.login();
    let types = ["-f", "name=Sample", "-f", "type=3", "-f", "type=55", "-F", "type=8"];
    place.run(&[&["api", "GET", "searches/results"][..], &types].concat()).ok();
    let sent = place.server.requests(Method::GET, "/searches/results");
    assert_eq!(sent[0].query().unwrap(), "name=Sample&type=3&type=55&type=8");
    place.run(&["api", "POST", "nowhere", "-f", "t=1", "-f", "t=2", "-F", "a[b]=true"]).fails(6);
    let sent = place.server.requests(Method::POST, "/nowhere");
    let body: Value = serde_json::from_slice(sent[0].body()).unwrap();
    assert_eq!(body, json!({"t": ["1", "2"], "a": {"b": true}}));
    // as documentation writes paths
    place.run(&["api", "GET", "/api/users"]).ok();
    assert_eq!(place.server.count(Method::GET, "/users"), 1);

    let file = place.path("form");
    fs::write(&file, "--B--").unwrap();
    let form = "content-type: multipart/form-data; boundary=B";
    place.run(&["api", "PUT", "nowhere", "--input", &file, "-H", form]).fails(6);
    let sent = place.server.requests(Method::PUT, "/nowhere");
    assert_eq!(sent[0].header("content-type"), Some("multipart/form-data; boundary=B"));
}

#[test]
fn heads_of_all_pages_and_bodies_of_errors() {
    let place = Place::new();
    place.login();
    let pages = place.run(&["api", "GET", "projects", "--paginate", "--include", "-f", "limit=1"]);
    assert!(pages.ok().starts_with("HTTP 200"));
    let run = place.run(&["api", "GET", "nowhere"]);
    let body: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(body["code"], "ERR004", "{body}");
    assert!(run.err.contains("GET http") && run.err.contains("ticket "), "{}", run.err);
    run.fails(6);
    place.server.inject(Fault::html(502).on(Method::PUT, "/users"));
    let run = place.run(&["api", "PUT", "users", "--include"]);
    assert!(run.out.starts_with("HTTP 502") && run.out.contains('<'), "{}", run.out);
    run.fails(6);
    // an expired session is renewed all the same
    place.server.inject(Fault::reply(Reply::session_expired()).on(Method::GET, "/users").times(1));
    let run = ran(&mut place.in_environment(&["api", "GET", "users"]));
    assert!(!run.out.contains("ERR009"), "{}", run.out);
    run.ok();
}

#[test]
fn a_line_of_curl_is_complete_and_sends_nothing() {
    let place = Place::new();
    let id = "B7CA92F04B9FAE8D941C3E9B7E0CD754";
    fs::write(place.path("b.json"), "{}").unwrap();
    for (options, parts) in [
        (&["-f", "name=a b", "-f", "t=1"][..], &["-X GET", "users?name=a+b&t=1'"][..]),
        (&["-H", "X-Y: z", "-H", "Authorization: hunter2"], &["'X-Y: z'", "'Authorization: ***'"]),
    ] {
        let mut command =
            place.in_environment(&[&["api", "GET", "users", "--curl"][..], options].concat());
        let line = ran(command.env("MSTR_PROJECT", id)).ok();
        for part in parts.iter().chain([&format!("X-MSTR-ProjectID: {id}").as_str()]) {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert!(!line.contains("hunter2"), "{line}");
    }
    let post = ["api", "POST", "users", "--curl", "-f", "username=ann", "-f", "password=hunter2"];
    let line = ran(place.in_environment(&post).env("MSTR_PROJECT", "")).ok();
    assert!(line.contains(r#"--data-binary '{"password":"***","username":"ann"}'"#), "{line}");
    assert!(line.contains("'Content-Type: application/json'"), "{line}");
    let file = ["api", "PUT", "users", "--curl", "--input", "b.json"];
    assert!(ran(&mut place.in_environment(&file)).ok().contains("--data-binary '@b.json'"));
    assert!(place.server.journal().is_empty(), "nothing was sent");
}
