//! What programs read: JSON with its types, and texts without surprises.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use mstr_sim::{Cube, DEFAULT_PASSWORD, DEFAULT_USER, LibraryServer, Report};
use serde_json::Value;
use support::Place;

fn json(place: &Place, arguments: &[&str]) -> Value {
    serde_json::from_str(&place.run(&[arguments, &["--json"]].concat()).ok()).unwrap()
}

#[test]
fn json_has_the_types_of_what_it_says() {
    let report = Report::sample("A report", 1);
    let builder = LibraryServer::builder().cube(Cube::sample("A cube", 1)).report(report.clone());
    let place = Place::with(builder.user("off", "x").user(DEFAULT_USER, DEFAULT_PASSWORD));
    place.login();
    let users = json(&place, &["users"]);
    let first = users.as_array().unwrap().iter().find(|user| user["login"] == "off").unwrap();
    assert!(first["enabled"].is_boolean(), "{first}");
    let nodes = json(&place, &["nodes"]);
    assert!(nodes[0]["load"].is_number() && nodes[0]["projects"].is_number(), "{nodes}");
    assert_eq!(json(&place, &["profiles"])[0]["default"], true);
    assert_eq!(json(&place, &["profiles"])[0]["username"], DEFAULT_USER);
    let projects = json(&place, &["projects"]);
    assert!(projects[0]["description"].is_null() || projects[0]["description"] != "", "{projects}");
    let found = json(&place, &["find", "A report"]);
    let modified = found[0]["modified"].as_str().unwrap();
    assert!(modified.ends_with('Z') && modified.contains('T'), "{modified}");

    // an object is an object
    let object = json(&place, &["object", report.object_id()]);
    assert_eq!(object["name"], "A report");
    assert_eq!(object["acl"][1]["denied"], false, "{object}");
    assert_eq!(object["acl"][1]["trustee"], "Everyone", "{object}");
    let status = json(&place, &["status"]);
    assert_eq!(status["session"], "alive", "{status}");
    assert_eq!(status["profile"], "default", "{status}");
}

#[test]
fn members_come_in_the_order_of_the_columns() {
    let place = Place::new();
    place.login();
    for (arguments, members) in [
        (&["projects"][..], &["id", "name", "description"][..]),
        (&["users"], &["id", "login", "name", "enabled"]),
        (&["profiles"], &["name", "default", "url", "mode", "username"]),
        (&["whoami"], &["id", "full_name"]),
    ] {
        let text = place.run(&[arguments, &["--json"]].concat()).ok();
        let places: Vec<_> =
            members.iter().map(|name| text.find(&format!("\"{name}\":")).unwrap()).collect();
        assert!(places.is_sorted(), "{text}");
    }
}

#[test]
fn names_do_not_steer_what_reads_them() {
    let report = Report::sample("a\tb\nc\u{1b}[31m\u{202e}d", 1);
    let place = Place::with(LibraryServer::builder().report(report));
    place.login();
    let find = ["find", "a", "--type", "report"];
    let lines = place.run(&find).ok();
    assert!(lines.contains(r"a\tb\nc\u{1b}[31m\u{202e}d"), "{lines}");
    assert_eq!(lines.lines().next().unwrap().split('\t').count(), 5, "{lines}");
    // as it is, where a program reads it
    let found = json(&place, &find);
    assert_eq!(found[0]["name"], "a\tb\nc\u{1b}[31m\u{202e}d");
}
