//! Several parameters at once: which region is asked, which entry of a reply belongs to which name,
//! and what is said of those that are missing.
#![cfg(feature = "ssm")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

mod common;

use std::sync::{Arc, Mutex};

use common::{amz, sdk_config};
use mstr_cloud_stub::{Request, Responder};
use mstr_credentials::{Credential, CredentialError, VaultErrorKind};
use mstr_credentials_aws::ParameterStoreValues;
use serde_json::{Value, json};

async fn text(credential: impl Into<Credential>) -> Result<String, CredentialError> {
    credential.into().resolve().await.map(|secret| secret.expose_secret().to_owned())
}

fn arn(region: &str, name: &str) -> String {
    format!("arn:aws:ssm:{region}:123456789012:parameter{name}")
}

/// A Parameter Store that answers as AWS does: an entry for each parameter and selector, whatever it
/// was called in the request, and the names that it does not know. `/gone..` does not exist; a value
/// is the name with its version, of which there are three.
fn store(selectors: bool) -> (Responder, Arc<Mutex<Vec<String>>>) {
    let made: Arc<Mutex<Vec<String>>> = Arc::default();
    let known = Arc::clone(&made);
    let server = Responder::start(move |request: &Request| {
        let asked = request.json();
        let (mut found, mut missing) = (Vec::<Value>::new(), Vec::new());
        for asked in asked["Names"].as_array().unwrap().iter().filter_map(Value::as_str) {
            let full = asked.rsplit_once(":parameter").map_or(asked, |(_, name)| name);
            let (name, selector) = full.split_once(':').unwrap_or((full, ""));
            if name.starts_with("/gone") && !known.lock().unwrap().iter().any(|it| it == name) {
                missing.push(asked);
                continue;
            }
            let version = if selector == "old" { "1" } else { selector }.parse().unwrap_or(3);
            let mut entry = json!({
                "Name": name,
                "ARN": arn("eu-west-1", name),
                "Value": format!("{name} {version}"),
                "Version": version,
            });
            if selectors && !selector.is_empty() {
                entry["Selector"] = format!(":{selector}").into();
            }
            if !found.contains(&entry) {
                found.push(entry);
            }
        }
        // the order of the reply is not that of the request
        found.reverse();
        amz(200, json!({"Parameters": found, "InvalidParameters": missing}).to_string())
    });
    (server, made)
}

fn values(server: &Responder) -> ParameterStoreValues {
    ParameterStoreValues::new().sdk_config(sdk_config()).endpoint(server.url())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_tasks_make_one_call() {
    let names = ["/a", "/b"];
    let (server, _) = store(true);
    let values = values(&server).prefetch(names);
    let reply =
        json!({"Parameters": [{"Name": "/p/a", "Value": "x"}, {"Name": "/p/b", "Value": "y"}]});
    let below = Responder::scripted([amz(200, reply.to_string())]);
    let path = ParameterStoreValues::path("/p/").sdk_config(sdk_config()).endpoint(below.url());
    let mut tasks = tokio::task::JoinSet::new();
    for name in names.repeat(50) {
        tasks.spawn(text(values.parameter(name)));
        tasks.spawn(text(path.field(&name[1..])));
    }
    for outcome in tasks.join_all().await {
        outcome.unwrap();
    }
    assert_eq!((server.count(), below.count()), (1, 1));
}

#[tokio::test]
async fn an_arn_is_asked_for_in_its_region() {
    let (server, _) = store(true);
    let (west, west2) = (arn("us-west-2", "/w"), arn("us-west-2", "/v"));
    let values = values(&server).prefetch(["/a", "/b", &west, &west2]);
    for (name, value) in [("/a", "/a 3"), ("/b", "/b 3"), (&west, "/w 3"), (&west2, "/v 3")] {
        assert_eq!(text(values.parameter(name)).await.unwrap(), value);
    }
    let requests = server.requests();
    let mut signed: Vec<_> = requests.iter().map(|it| it.header("authorization")).collect();
    signed.sort_unstable();
    assert_eq!(signed.len(), 2, "each region once");
    assert!(signed[0].contains("/eu-west-1/ssm/") && signed[1].contains("/us-west-2/ssm/"));

    // one that is not prefetched too
    let server = Responder::scripted([amz(200, r#"{"Parameter": {"Value": "x"}}"#)]);
    let values = self::values(&server);
    text(values.parameter(&west)).await.unwrap();
    text(values.parameter("/a")).await.unwrap();
    let requests = server.requests();
    let regions: Vec<_> = requests.iter().map(|it| it.header("authorization")).collect();
    assert!(regions[0].contains("/us-west-2/ssm/"), "{regions:?}");
    assert!(regions[1].contains("/eu-west-1/ssm/"), "{regions:?}");
}

#[tokio::test]
async fn missing_parameters_are_not_found_and_the_rest_is_not_fetched_again() {
    let (server, made) = store(true);
    let values = values(&server).prefetch(["/a", "/gone/1", "/gone/2:7"]);
    for (name, shown) in [("/gone/1", "/gone/1"), ("/gone/2:7", "/gone/2:7")] {
        let error = text(values.parameter(name)).await.unwrap_err();
        assert_eq!(error.to_string(), format!("AWS parameter {shown}: not found"));
        let why = error.vault_error().unwrap();
        assert_eq!(why.kind(), VaultErrorKind::NotFound);
        assert_eq!(why.code(), Some("ParameterNotFound"));
    }
    assert_eq!(text(values.parameter("/a")).await.unwrap(), "/a 3");
    assert_eq!(server.count(), 1, "one call told of both");

    // later it may be there: it alone is asked for
    let error = text(values.parameter("/gone/1")).await.unwrap_err();
    assert_eq!(error.vault_error().unwrap().kind(), VaultErrorKind::NotFound);
    assert_eq!(server.requests()[1].json()["Names"], json!(["/gone/1"]));
    made.lock().unwrap().push("/gone/1".to_owned());
    assert_eq!(text(values.parameter("/gone/1")).await.unwrap(), "/gone/1 3");
    // and from then on it comes with the others
    assert_eq!(text(values.parameter("/gone/1")).await.unwrap(), "/gone/1 3");
    assert_eq!(text(values.parameter("/a")).await.unwrap(), "/a 3");
    assert_eq!(server.count(), 4);
    assert_eq!(server.requests()[3].json()["Names"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn one_parameter_may_have_two_names() {
    for selectors in [true, false] {
        let (server, _) = store(selectors);
        let by_arn = arn("eu-west-1", "/a");
        let third = arn("eu-west-1", "/a:3");
        let names = ["/a", &by_arn, "/a:3", &third, "/b"];
        let values = values(&server).prefetch(names);
        for name in names {
            let expected = if name == "/b" { "/b 3" } else { "/a 3" };
            assert_eq!(text(values.parameter(name)).await.unwrap(), expected, "{name}");
        }
    }
}

#[tokio::test]
async fn no_name_gets_another_version() {
    // moto leaves the selectors out
    for selectors in [true, false] {
        let (server, _) = store(selectors);
        let names = ["/p", "/p:1", "/p:2", "/p:old", "/q:2", "/q"];
        let values = values(&server).prefetch(names);
        for (name, value) in names.iter().zip(["/p 3", "/p 1", "/p 2", "/p 1", "/q 2", "/q 3"]) {
            assert_eq!(text(values.parameter(*name)).await.unwrap(), value, "{name} {selectors}");
        }
    }
    // a reply that has another version than the one that was asked for
    for (asked, entry) in [
        ("/p:1", json!({"Name": "/p", "Version": 2, "Value": "x"})),
        ("/p:1", json!({"Name": "/p", "Version": 2, "Selector": ":2", "Value": "x"})),
        ("/p:old", json!({"Name": "/p", "Version": 2, "Selector": ":new", "Value": "x"})),
        ("/p", json!({"Name": "/p", "Version": 2, "Selector": ":2", "Value": "x"})),
        ("/p", json!({"Name": "/p/q", "Version": 2, "Value": "x"})),
    ] {
        let server = Responder::scripted([amz(200, json!({"Parameters": [entry]}).to_string())]);
        let error = text(values(&server).prefetch([asked]).parameter(asked)).await.unwrap_err();
        assert!(error.to_string().contains(asked), "{asked}: {error}");
        assert_eq!(error.vault_error().unwrap().kind(), VaultErrorKind::Other, "{asked}");
    }
}

/// A Parameter Store that gives two parameters a page.
fn paged(parameters: &'static [(&'static str, &'static str)]) -> Responder {
    Responder::start(move |request: &Request| {
        assert_eq!(request.header("x-amz-target"), "AmazonSSM.GetParametersByPath");
        let asked = request.json();
        assert_eq!(asked["WithDecryption"], true);
        let path = asked["Path"].as_str().unwrap();
        let deep = asked["Recursive"] == true;
        let below = parameters.iter().filter(|(name, _)| {
            name.strip_prefix(path).is_some_and(|rest| deep || !rest.contains('/'))
        });
        let below: Vec<_> = below.collect();
        let from: usize = asked["NextToken"].as_str().map_or(0, |token| token.parse().unwrap());
        let page = below.iter().skip(from).take(2);
        let page: Vec<_> = page.map(|(n, v)| json!({"Name": n, "Value": v})).collect();
        let next = (from + 2 < below.len()).then(|| (from + 2).to_string());
        amz(200, json!({"Parameters": page, "NextToken": next}).to_string())
    })
}

#[tokio::test]
async fn a_path_is_one_secret_with_fields() {
    const ALL: &[(&str, &str)] = &[
        ("/prod/mstr/username", "dave"),
        ("/prod/mstr/password", "p\"w"),
        ("/prod/mstr/url", "https://host"),
        ("/prod/mstr/db/password", "deep"),
        ("/prod/mstr.old/password", "other"),
    ];
    let server = paged(ALL);
    let url = server.url();
    for path in ["/prod/mstr/", "/prod/mstr"] {
        let login = ParameterStoreValues::path(path).sdk_config(sdk_config()).endpoint(&url);
        let before = server.count();
        assert_eq!(text(login.field("username")).await.unwrap(), "dave");
        assert_eq!(text(login.field("password")).await.unwrap(), "p\"w");
        assert_eq!(text(login.field("url")).await.unwrap(), "https://host");
        assert_eq!(server.count() - before, 2, "two pages");
        Credential::from(login.field("url")).invalidate();
        text(login.field("username")).await.unwrap();
        assert_eq!(server.count() - before, 4);
        let error = text(login.field("db/password")).await.unwrap_err();
        assert!(error.to_string().contains("/prod/mstr/"), "{error}");
        let deep = login.recursive(true);
        assert_eq!(text(deep.field("db/password")).await.unwrap(), "deep");
    }
    let nothing = ParameterStoreValues::path("/none").sdk_config(sdk_config()).endpoint(url);
    let error = text(nothing.field("password")).await.unwrap_err();
    assert_eq!(error.to_string(), "AWS parameters below /none/: not found");
    assert_eq!(error.vault_error().unwrap().kind(), VaultErrorKind::NotFound);
}

#[tokio::test]
async fn pages_that_repeat_are_an_error() {
    let server = Responder::scripted([amz(200, r#"{"Parameters": [], "NextToken": "same"}"#)]);
    let path = ParameterStoreValues::path("/p").sdk_config(sdk_config()).endpoint(server.url());
    let error = text(path).await.unwrap_err();
    assert_eq!(error.vault_error().unwrap().kind(), VaultErrorKind::Other);
    assert_eq!(server.count(), 2);
}
