//! What is on the server: folders, objects, users, groups.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use mstr_sim::{Cube, Dashboard, Document, LibraryServer, Report};
use support::Place;

fn columns(lines: &str, column: usize) -> Vec<String> {
    lines.lines().map(|line| line.split('\t').nth(column).unwrap().to_owned()).collect()
}

#[test]
fn folders_by_path_and_by_id() {
    let place = Place::new();
    place.login();
    let top = place.run(&["ls"]).ok();
    assert_eq!(place.run(&["ls", "/"]).ok(), top);
    let at = columns(&top, 2).iter().position(|name| name == "Public Objects").unwrap();
    let inside = place.run(&["ls", "/Public Objects"]).ok();
    assert_eq!(place.run(&["ls", &columns(&top, 0)[at]]).ok(), inside);
    assert!(columns(&inside, 2).contains(&"Reports".to_owned()), "{inside}");
    let reports = place.run(&["ls", "/Public Objects/Reports/"]).ok();
    let cube = reports.lines().find(|line| line.contains("Sample Cube")).unwrap();
    assert!(cube.contains("\tcube\t"), "{cube}");
    assert!(place.run(&["ls", "/Public Objects/Nope"]).fails(4).contains("Nope"));
    // folders are those of a project
    place.run(&["ls", "--project", "No such project"]).fails(4);
}

#[test]
fn documents_and_dashboards_are_told_apart() {
    let builder = LibraryServer::builder().document(Document::new("A document"));
    let place = Place::with(builder.dashboard(Dashboard::new("A dashboard")));
    place.login();
    let found = place.run(&["find", "A d", "--type", "document"]).ok();
    let mut rows: Vec<_> = columns(&found, 2).into_iter().zip(columns(&found, 1)).collect();
    rows.sort();
    let row = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
    assert_eq!(rows, [row("A dashboard", "dashboard"), row("A document", "document")]);
}

#[test]
fn objects_by_name_and_by_id() {
    let reports = ["Sales", "Sales 2024", "Costs"].map(|name| Report::sample(name, 1));
    let mut builder = LibraryServer::builder().cube(Cube::sample("Sales cube", 1));
    for report in &reports {
        builder = builder.report(report.clone());
    }
    let place = Place::with(builder);
    place.login();
    let names = |arguments: &[&str]| {
        let mut names = columns(&place.run(arguments).ok(), 2);
        names.sort();
        names
    };
    assert_eq!(names(&["find", "sales"]), ["Sales", "Sales 2024", "Sales cube"]);
    assert_eq!(names(&["find", "sales", "--exact", "--type", "report"]), ["Sales"]);
    assert_eq!(names(&["find", "sales", "--type", "metric"]), Vec::<String>::new());
    assert_eq!(names(&["find", "sales", "--limit", "2"]).len(), 2);
    assert!(place.run(&["find", "x", "--type", "nonsense"]).fails(2).contains("report"));

    let id = reports[2].object_id();
    let shown = place.run(&["object", id]).ok();
    assert!(shown.contains("path\t/Public Objects/Reports/Costs"), "{shown}");
    assert!(shown.contains("access\tEveryone: "), "{shown}");
    assert_eq!(place.run(&["object", id, "--type", "3"]).ok(), shown);
    let error = place.run(&["object", &id.replace('A', "B")]).fails(4);
    assert!(error.contains("ERR001"), "{error}");
}

#[test]
fn users_and_groups() {
    let place = Place::with(LibraryServer::builder().user("dave", "x").user("eve", "y"));
    let builder = ["login", &place.server.base_url(), "--username", "dave", "--secret-stdin"];
    support::ran(place.command(&builder).write_stdin("x")).ok();
    let logins = columns(&place.run(&["users"]).ok(), 1);
    assert!(["dave", "eve"].iter().all(|user| logins.iter().any(|it| it == user)), "{logins:?}");
    assert_eq!(columns(&place.run(&["users", "--name", "da"]).ok(), 1), ["dave"]);
    let groups = place.run(&["groups"]).ok();
    let everyone = groups.lines().find(|line| line.ends_with("\tEveryone")).unwrap();
    let members = place.run(&["groups", "--members", everyone.split('\t').next().unwrap()]).ok();
    assert!(columns(&members, 1).len() >= 2, "{members}");
    let none = place.run(&["groups", "--members", "0123456789ABCDEF0123456789ABCDEF"]);
    none.fails(4);
}
