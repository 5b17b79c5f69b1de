//! `api`, `export` and the rest, as scripts use them.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::fs;

use mstr_sim::{Cube, Fault, LibraryServer, Method, Prompt, RecordedRequest, Report};
use serde_json::Value;
use support::{Place, ran};

fn body(request: &RecordedRequest) -> String {
    String::from_utf8_lossy(request.body()).into_owned()
}

#[test]
fn lists_for_pipes_scripts_and_spreadsheets() {
    let place = Place::new();
    place.login();
    let lines = place.run(&["projects"]).ok();
    let first: Vec<_> = lines.lines().next().unwrap().split('\t').collect();
    assert_eq!(first[1], "MicroStrategy Tutorial");
    let json: Value = serde_json::from_str(&place.run(&["projects", "--json"]).ok()).unwrap();
    assert_eq!(json[0]["id"], first[0]);
    let csv = place.run(&["projects", "--csv"]).ok();
    assert!(csv.starts_with("Id,Name,Description\n"), "{csv}");
    place.run(&["projects", "--csv", "--json"]).fails(2);
}

#[test]
fn any_request() {
    let place = Place::new();
    place.login();
    let names = place.run(&["api", "GET", "projects", "--jq", ".[].name"]).ok();
    assert_eq!(names, "MicroStrategy Tutorial\nPlatform Analytics\n");
    // fields are the query here, and the body there
    place.run(&["api", "get", "/projects", "-f", "a=b c", "-F", "n=5"]).ok();
    let sent = place.server.requests(Method::GET, "/projects");
    assert_eq!(sent.last().unwrap().query().unwrap(), "a=b+c&n=5");
    place.run(&["api", "POST", "nowhere", "-f", "a=b", "-F", "on=true", "-H", "X-Y: z"]).fails(6);
    let sent = place.server.requests(Method::POST, "/nowhere");
    assert_eq!(body(&sent[0]), r#"{"a":"b","on":true}"#);
    assert_eq!(sent[0].header("x-y"), Some("z"));
    let file = place.path("body.json");
    fs::write(&file, "[1]").unwrap();
    place.run(&["api", "PUT", "nowhere", "--input", &file]).fails(6);
    assert_eq!(body(&place.server.requests(Method::PUT, "/nowhere")[0]), "[1]");
    // what is wrong is said before anything is sent
    let before = place.server.journal().len();
    place.run(&["api", "GET", "projects", "-F", "n={"]).fails(2);
    place.run(&["api", "POST", "projects", "--paginate"]).fails(2);
    place.run(&["api", "GET", "projects", "-f", "a"]).fails(2);
    assert_eq!(place.server.journal().len(), before);
    let included = place.run(&["api", "GET", "projects", "--include"]).ok();
    assert!(included.starts_with("HTTP 200"), "{included}");
}

#[test]
fn all_pages_of_a_list() {
    let place = Place::new();
    place.login();
    let report = Report::sample("Sample Report", 1000).object_id().to_owned();
    let first = ".definition.availableObjects.attributes[0].id";
    let attribute = place.run(&["api", "GET", &format!("v2/reports/{report}"), "--jq", first]).ok();
    let path = format!("reports/{report}/attributes/{}/elements", attribute.trim());
    let elements = |options: &[&str]| {
        let mut arguments = vec!["api", "GET", &path, "--jq", "length"];
        arguments.extend(options);
        place.run(&arguments).ok().trim().parse::<usize>().unwrap()
    };
    let all = elements(&["--paginate"]);
    assert!(all > 3);
    assert_eq!(elements(&["-f", "limit=2"]), 2);
    assert_eq!(elements(&["-f", "limit=2", "--paginate"]), all);
    assert_eq!(elements(&["-f", "limit=2", "-f", "offset=1", "--paginate"]), all - 1);
    place.run(&["api", "GET", "status", "--paginate"]).fails(6);
}

#[test]
fn exports_in_every_format() {
    let place = Place::new();
    place.login();
    for file in ["r.parquet", "r.csv", "r.arrow", "r.jsonl"] {
        let ran = place.run(&["export", "Sample Report", "-o", file]);
        assert!(ran.err.contains("1000 rows in"), "{}", ran.err);
        ran.ok();
    }
    let csv = fs::read_to_string(place.path("r.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1001);
    let lines = fs::read_to_string(place.path("r.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 1000);
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    let header: Vec<_> = csv.lines().next().unwrap().split(',').collect();
    assert!(header.iter().all(|column| first.get(column).is_some()), "{header:?} {first}");
    assert_eq!(&fs::read(place.path("r.parquet")).unwrap()[..4], b"PAR1");
    assert_eq!(&fs::read(place.path("r.arrow")).unwrap()[..6], b"ARROW1");
    let piped = place.run(&["export", "Sample Report", "-o", "-"]).ok();
    assert_eq!(piped, csv);
    // by id, and nothing said
    let id = Report::sample("Sample Report", 1000).object_id().to_owned();
    let quiet = place.run(&["export", &id, "-o", "q.csv", "--quiet"]);
    assert_eq!((quiet.err.as_str(), quiet.code), ("", 0));
    assert_eq!(fs::read_to_string(place.path("q.csv")).unwrap(), csv);
    let cube = Cube::sample("Sample Cube", 1000).object_id().to_owned();
    place.run(&["export", &cube, "-o", "cube.csv"]).ok();
    // instances that were executed are cleared away
    assert_eq!(place.instances(), 0);
}

#[test]
fn columns_and_filters() {
    let place = Place::new();
    place.login();
    let rows = |options: &[&str]| -> Vec<String> {
        let mut arguments = vec!["export", "Sample Report", "-o", "-"];
        arguments.extend(options);
        place.run(&arguments).ok().lines().map(ToOwned::to_owned).collect()
    };
    let columns = "Region,Customer@ID,Day,Revenue";
    let all = rows(&["--columns", columns]);
    assert_eq!(all[0], "Region,Customer,Day,Revenue");
    let value = |row: &str| row.rsplit(',').next().unwrap().parse::<f64>().ok();
    let over = rows(&["--columns", columns, "--filter", "Revenue > 5000"]);
    let expected: Vec<_> =
        all.iter().filter(|row| value(row).is_none_or(|value| value > 5000.0)).cloned().collect();
    assert!(over.len() > 1 && over.len() < all.len());
    assert_eq!(over, expected);
    let region = all[1].split(',').next().unwrap();
    let one = rows(&[
        "--columns",
        "region,REVENUE",
        "--filter",
        &format!("Region = {region}"),
        "--filter",
        "Revenue > 5000",
    ]);
    assert!(one.len() > 1 && one[1..].iter().all(|row| row.starts_with(region)), "{one:?}");

    let before = place.server.count(Method::POST, "/v2/reports/*/instances");
    for (option, value) in [
        ("--columns", "Nope"),
        ("--columns", "Region@NOPE"),
        ("--filter", "Nope = 1"),
        ("--filter", "Revenue"),
        ("--filter", "Revenue ~ x"),
    ] {
        let error = place.run(&["export", "Sample Report", "-o", "x.csv", option, value]).fails(2);
        assert!(error.contains("hint") || error.contains("Contains"), "{error}");
    }
    // the server would not apply it, and write all rows
    let cross_tab = ["export", "Sample Cross-Tab", "-o", "x.csv", "--filter", "Flights > 900"];
    let error = place.run(&[&cross_tab[..], &["--as-designed"]].concat()).fails(2);
    assert!(error.contains("attributes on columns"), "{error}");
    assert!(error.contains("hint: leave --as-designed out"), "{error}");
    assert_eq!(place.server.count(Method::POST, "/v2/reports/*/instances"), before);
}

#[test]
fn reports_that_ask() {
    let place = Place::with(
        LibraryServer::builder()
            .report(Report::sample("Asks", 10).prompt(Prompt::value("Comment"))),
    );
    place.login();
    let error = place.run(&["export", "Asks", "-o", "a.csv"]).fails(2);
    assert!(error.contains("--prompt 'Comment="), "{error}");
    assert!(!fs::exists(place.path("a.csv")).unwrap());
    place.run(&["export", "Asks", "-o", "a.csv", "--prompt", "comment=hello"]).ok();
    let sent = place.server.requests(Method::PUT, "/reports/*/instances/*/prompts/answers");
    assert!(body(sent.last().unwrap()).contains("hello"));
    let error = place
        .run(&["export", "Asks", "-o", "a.csv", "--prompt", "comment=x", "--prompt", "no=y"])
        .fails(2);
    assert!(error.contains("\"no\""), "{error}");
    place.run(&["export", "Asks", "-o", "a.csv", "--prompt", "comment"]).fails(2);
}

#[test]
fn an_export_that_fails_leaves_no_file() {
    let place = Place::new();
    place.login();
    let not_there = place.run(&["export", "No such report", "-o", "x.csv"]).fails(4);
    assert!(not_there.contains("--project"), "{not_there}");
    place.run(&["export", "Sample Report", "-o", "x.txt"]).fails(2);
    // a place on this machine that cannot be written is no wrong usage
    let error = place.run(&["export", "Sample Report", "-o", "no/where.csv"]).fails(1);
    assert!(error.contains("no/where.csv cannot be written"), "{error}");
    place.server.inject(Fault::status(400).on(Method::GET, "/v2/reports/*/instances/*"));
    place.run(&["export", "Sample Report", "-o", "x.csv", "--page-size", "100"]).fails(6);
    assert!(!fs::exists(place.path("x.csv")).unwrap());
    assert_eq!(place.instances(), 0);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let place = Place::new();
    place.login();
    let mstr = env!("CARGO_BIN_EXE_mstr");
    let script = format!("'{mstr}' projects --json | head -1; '{mstr}' man | head -1");
    let mut shell = assert_cmd::Command::new("sh");
    shell
        .args(["-c", &script])
        .env("MSTR_CONFIG_DIR", place.home.path().join("config"))
        .env("MSTR_STATE_DIR", place.home.path().join("state"));
    assert_eq!(ran(&mut shell).err, "");
}

#[test]
fn the_tour_and_a_server_around_a_command() {
    let place = Place::new();
    let tour = place.run(&["tour"]).ok();
    assert!(tour.contains("$ mstr export") && tour.contains("That was the tour"), "{tour}");
    let mstr = env!("CARGO_BIN_EXE_mstr");
    let names = place.run(&["sim", "--report", "Big:10", "--", mstr, "export", "Big", "-o", "-"]);
    assert_eq!(names.ok().lines().count(), 11);
    // the exit code of the command is the one that counts
    let failed = place.run(&["sim", "--", mstr, "api", "GET", "nowhere"]);
    failed.fails(6);
    place.run(&["sim", "--", "no-such-program-anywhere"]).fails(1);
}

#[test]
fn completions_and_the_manual() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(place.run(&["completions", shell]).ok().contains("mstr"), "{shell}");
    }
    assert!(place.run(&["man"]).ok().contains(".TH mstr 1"));
}
