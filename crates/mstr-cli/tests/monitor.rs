//! What the server is doing: nodes, jobs, cubes, subscriptions.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use mstr_sim::{Cube, Fault, LibraryServer, Method, Report};
use serde_json::Value;
use support::Place;

#[test]
fn a_cube_whose_state_cannot_be_read_does_not_hide_the_others() {
    let cubes = [Cube::sample("First", 10), Cube::sample("Second", 10)];
    let builder = LibraryServer::builder().cube(cubes[0].clone()).cube(cubes[1].clone());
    let place = Place::with(builder);
    place.login();
    let path = format!("/cubes/{}", cubes[0].object_id());
    place.server.inject(Fault::status(500).on(Method::HEAD, &path));
    let run = place.run(&["cubes"]);
    assert_eq!(run.out.lines().count(), 2, "{}", run.out);
    assert!(run.out.contains("First\tunreadable\t"), "{}", run.out);
    assert!(run.err.contains(cubes[0].object_id()), "{}", run.err);
    run.ok();
}

#[test]
fn nodes_cubes_and_subscriptions() {
    let cube = Cube::sample("Sales cube", 10);
    let builder = LibraryServer::builder().cube(cube.clone()).nodes(2);
    let place = Place::with(builder.report(Report::sample("A report", 1)));
    place.login();
    assert_eq!(place.run(&["nodes"]).ok().lines().count(), 2);
    assert_eq!(place.run(&["jobs"]).ok(), "");

    let cubes = place.run(&["cubes"]).ok();
    assert!(cubes.starts_with(&format!("{}\tSales cube\t", cube.object_id())), "{cubes}");
    assert_eq!(cubes.lines().count(), 1);
    place.run(&["cubes", "publish", "sales cube"]).ok();
    assert_eq!(place.server.count(Method::POST, "/v2/cubes/*"), 1);
    place.run(&["cubes", "publish", "A report"]).fails(2);
    place.run(&["cubes", "publish", "Nope"]).fails(4);

    assert_eq!(place.run(&["subs"]).ok(), "");
    let body = serde_json::json!({
        "name": "Weekly", "contents": [{"id": cube.object_id(), "type": "cube"}],
        "delivery": {"mode": "CACHE"}, "recipients": [], "schedules": []
    });
    let file = place.path("sub.json");
    std::fs::write(&file, body.to_string()).unwrap();
    let made = place.run(&["api", "POST", "subscriptions", "--input", &file]);
    let made: Value = serde_json::from_str(&made.ok()).unwrap();
    let id = made["id"].as_str().unwrap();
    let listed = place.run(&["subs"]).ok();
    assert!(listed.starts_with(&format!("{id}\tWeekly\t")), "{listed}");
    place.run(&["subs", "send", id]).ok();
    assert_eq!(place.server.count(Method::POST, "/subscriptions/*/send"), 1);
    place.run(&["subs", "send", "0123456789ABCDEF0123456789ABCDEF"]).fails(4);
    place.run(&["jobs", "cancel", "1"]).fails(4);
    place.run(&["jobs", "cancel"]).fails(2);
}
