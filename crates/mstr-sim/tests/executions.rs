//! Executed reports and cubes: how they live, wait, are limited, and end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed helper is a failed test")]

mod support;

use mstr_sim::{
    Attribute, Cube, DataType, LibraryServer, LibraryServerBuilder, Method, Metric, Prompt, Report,
    Value,
};
use serde_json::{Value as Json, json};
use support::grid::{Client, NAKED, PROJECT, assert_same, decode, list, rows};
use support::{Answer, Call};

fn regions() -> Attribute {
    Attribute::new("Region", 4).id("A0000000000000000000000000000001")
}

fn sales() -> Report {
    Report::new("Sales")
        .rows(40)
        .attribute(regions())
        .attribute(Attribute::new("Day", 31))
        .metric(Metric::new("Revenue", DataType::Double))
}

fn path(report: &Report) -> String {
    format!("/v2/reports/{}", report.object_id())
}

/// The path of an instance outside of `/v2`.
fn v1(instance: &str) -> String {
    instance.replacen("/v2", "", 1)
}

async fn serve(builder: LibraryServerBuilder) -> LibraryServer {
    builder.start().await.unwrap()
}

#[track_caller]
fn assert_error(answer: &Answer, status: u16, code: &str, iserver: Option<i64>) {
    let body = answer.json();
    let got = (answer.status, body["code"].as_str(), body["iServerCode"].as_i64());
    assert_eq!(got, (status, Some(code), iserver), "{body}");
}

const GONE: Option<i64> = Some(-2_147_468_986);

#[tokio::test]
async fn an_instance_lives_in_its_session() {
    let server = serve(LibraryServer::builder().report(sales())).await;
    let client = Client::new(&server).await;
    let other = Client::new(&server).await;
    let (instance, _) = client.execute(&path(&sales()), 10, &json!({})).await;
    assert_eq!(client.get(&instance).await.status, 200);

    assert_error(&other.get(&instance).await, 404, "ERR004", GONE);
    let elsewhere = instance.replace(sales().object_id(), "B0000000000000000000000000000000");
    assert_error(&client.get(&elsewhere).await, 404, "ERR004", GONE);
    assert_error(&client.get(&format!("{instance}0")).await, 404, "ERR004", GONE);

    // A new login does not bring it back.
    server.expire_all();
    assert_eq!(client.get(&instance).await.status, 401);
    let again = Client::new(&server).await;
    assert_error(&again.get(&instance).await, 404, "ERR004", GONE);
    let (_, page) = again.execute(&path(&sales()), -1, &json!({})).await;
    assert_same(&decode(&page), &rows(&sales().table()), "executed again");
}

#[tokio::test]
async fn instances_expire_and_are_deleted() {
    let server = serve(LibraryServer::builder().report(sales())).await;
    let client = Client::new(&server).await;
    let session = server.sessions()[0].generation();
    let (first, _) = client.execute(&path(&sales()), 10, &json!({})).await;
    let (second, _) = client.execute(&path(&sales()), 10, &json!({})).await;
    assert_eq!(server.instances(session), 2);

    assert_eq!(client.send(Call::new("DELETE", &first)).await.status, 204);
    assert_error(&client.send(Call::new("DELETE", &first)).await, 404, "ERR004", GONE);
    assert_eq!(client.get(&second).await.status, 200);

    assert_eq!(server.expire_instances(), 1);
    for call in [Call::get(&second), Call::get(&format!("{}/status", v1(&second)))] {
        assert_error(&client.send(call).await, 404, "ERR004", GONE);
    }
    assert_error(&client.put(&second, &json!({})).await, 404, "ERR004", GONE);
    assert_eq!(server.instances(session), 0);
}

#[tokio::test]
async fn limits() {
    let builder = LibraryServer::builder()
        .report(sales())
        .report(Report::sample("Big", 1001))
        .row_governor(1000)
        .page_limit(20);
    let server = serve(builder).await;
    let client = Client::new(&server).await;

    let big = path(&Report::sample("Big", 1001));
    let refused = client.post(&format!("{big}/instances?limit=1"), &json!({})).await;
    assert_error(&refused, 500, "ERR001", Some(-2_147_205_488));

    let instances = format!("{}/instances", path(&sales()));
    for limit in ["21", "-1", "1000"] {
        let refused = client.post(&format!("{instances}?limit={limit}"), &json!({})).await;
        assert_error(&refused, 500, "ERR001", Some(-2_147_206_497));
    }
    assert_eq!(client.rows(&path(&sales()), 20, &json!({})).await, rows(&sales().table()));
}

#[tokio::test]
async fn totals_that_change() {
    let report = sales().growing(3);
    let server = serve(LibraryServer::builder().report(report.clone())).await;
    let client = Client::new(&server).await;
    let (instance, page) = client.execute(&path(&report), 10, &json!({})).await;

    let mut totals = vec![page["data"]["paging"]["total"].clone()];
    for offset in [10, 20] {
        let page = client.get(&format!("{instance}?offset={offset}&limit=10")).await.json();
        totals.push(page["data"]["paging"]["total"].clone());
    }
    assert_eq!(totals, [40, 43, 46]);
}

#[tokio::test]
async fn wrong_requests() {
    let server = serve(LibraryServer::builder().report(sales())).await;
    let client = Client::new(&server).await;
    let instances = format!("{}/instances", path(&sales()));

    for query in ["offset=-1", "limit=-2", "limit=many", "offset=x"] {
        let answer = client.post(&format!("{instances}?{query}"), &json!({})).await;
        assert_error(&answer, 400, "ERR006", None);
    }
    for body in ["{", "[]", "\"text\""] {
        let answer = client.send(Call::post(&instances).raw("application/json", body)).await;
        assert_error(&answer, 400, "ERR006", None);
    }
    let bare = Call::post(&instances).token(&client.token).send(&server).await;
    assert_error(&bare, 400, "ERR005", None);
    let stranger = Call::post(&instances).header("X-MSTR-ProjectID", PROJECT).send(&server).await;
    assert_error(&stranger, 401, "ERR009", None);
    let unknown = "/v2/reports/B0000000000000000000000000000000";
    assert_error(&client.get(unknown).await, 404, "ERR004", Some(-2_147_216_373));
    let as_cube = format!("/v2/cubes/{}", sales().object_id());
    assert_error(&client.get(&as_cube).await, 404, "ERR004", Some(-2_147_216_373));
}

#[tokio::test]
async fn asynchronous_execution() {
    let server = serve(LibraryServer::builder().report(sales()).polls(3).poll_retry_after(1)).await;
    let client = Client::new(&server).await;
    let instances = format!("{}/instances?{NAKED}", path(&sales()));
    let start = |body: &Json| Call::post(&instances).json(body).header("Prefer", "respond-async");

    let accepted = client.send(start(&json!({}))).await;
    assert_eq!(accepted.status, 202);
    assert_eq!(accepted.header("retry-after"), Some("1"));
    let id = accepted.json()["instanceId"].as_str().unwrap().to_owned();
    let instance = format!("{}/instances/{id}", path(&sales()));

    let status = format!("{}/status", v1(&instance));
    assert_eq!(client.get(&instance).await.status, 202, "no page yet");
    for _ in 0..3 {
        let running = client.get(&status).await;
        assert_eq!((running.status, running.header("retry-after")), (202, Some("1")));
    }
    let ready = client.get(&status).await;
    assert_eq!((ready.status, &ready.json()["status"]), (200, &json!(1)));
    let page = client.put(&format!("{instance}?{NAKED}"), &json!({})).await.json();
    assert_same(&decode(&page), &rows(&sales().table()), "page");

    let both = client.send(start(&json!({ "currentPageBy": [] }))).await;
    assert_error(&both, 400, "ERR006", None);
}

fn prompted() -> Report {
    sales()
        .prompt(Prompt::elements("Regions", "A0000000000000000000000000000001"))
        .prompt(Prompt::value("Comment").optional().default_answer("none"))
        .prompt(Prompt::objects("Level", [("C0000000000000000000000000000001", 12)]).in_round(1))
}

#[tokio::test]
async fn prompts_until_none_is_open() {
    let server = serve(LibraryServer::builder().report(prompted())).await;
    let client = Client::new(&server).await;
    let (instance, page) = client.execute(&path(&prompted()), -1, &json!({})).await;
    assert_eq!(page["status"], 2);
    assert!(page.get("data").is_none());
    let (status, prompts) =
        (format!("{}/status", v1(&instance)), format!("{}/prompts", v1(&instance)));
    let answers = format!("{prompts}/answers");
    assert_eq!(client.get(&status).await.json()["status"], 2);
    assert_error(
        &client.get(&format!("{instance}/sqlView")).await,
        400,
        "ERR010",
        Some(-2_147_468_903),
    );

    let open = client.get(&format!("{prompts}?closed=False")).await.json();
    let names: Vec<_> = list(&open).iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Regions", "Comment"], "the nested one is not asked yet");
    let (key, id) = (&open[0]["key"], open[0]["id"].as_str().unwrap());

    let offered = client.get(&format!("{prompts}/{id}/elements?limit=2&offset=1")).await.json();
    assert_eq!(
        (list(&offered["elements"]).len(), &offered["elements"][0]["name"]),
        (2, &json!("Region 2"))
    );
    let found = client.get(&format!("{prompts}/{id}/elements?searchPattern=3")).await.json();
    assert_eq!(list(&found["elements"]).len(), 1);

    let element = "h2;A0000000000000000000000000000001";
    let wrong = [
        json!({}),
        json!({ "prompts": [{ "key": "nobody", "answers": ["x"] }] }),
        json!({ "prompts": [{ "key": key, "type": "VALUE", "answers": ["x"] }] }),
        json!({ "prompts": [{ "key": key, "type": "ELEMENTS",
            "answers": [{ "id": "h9;A0000000000000000000000000000001" }] }] }),
        json!({ "prompts": [{ "key": key, "type": "ELEMENTS", "answers": [] }] }),
        json!({ "prompts": [{ "key": key, "type": "ELEMENTS", "useDefault": true }] }),
        json!({ "prompts": [{ "name": "Level", "type": "OBJECTS",
            "answers": [{ "id": "C0000000000000000000000000000001", "type": 12 }] }] }),
        // One good answer does not count beside a bad one.
        json!({ "prompts": [{ "key": key, "type": "ELEMENTS", "answers": [{ "id": element }] },
            { "name": "nobody" }] }),
    ];
    for body in wrong {
        assert_error(&client.put(&answers, &body).await, 400, "ERR006", None);
    }
    assert_eq!(list(&client.get(&format!("{prompts}?closed=true")).await.json()).len(), 0);

    let first = json!({ "prompts": [
        { "key": key, "type": "ELEMENTS", "answers": [{ "id": element }] },
        { "name": "Comment", "type": "VALUE", "useDefault": true },
    ] });
    assert_eq!(client.put(&answers, &first).await.status, 204);
    assert_eq!(client.get(&status).await.json()["status"], 2, "now the nested one");
    let open = client.get(&format!("{prompts}?closed=false")).await.json();
    assert_eq!((list(&open).len(), &open[0]["type"]), (1, &json!("OBJECTS")));
    let id = open[0]["id"].as_str().unwrap();
    let objects = client.get(&format!("{prompts}/{id}/objects")).await.json();
    let offered = &objects["objects"][0];
    assert_eq!(offered["type"], "attribute");

    let second = json!({ "prompts": [{ "id": id, "type": "OBJECTS",
        "answers": [{ "id": offered["id"], "type": "attribute" }] }] });
    assert_eq!(client.put(&answers, &second).await.status, 204);
    assert_eq!(client.get(&status).await.json()["status"], 1);
    let page = client.get(&format!("{instance}?{NAKED}")).await.json();
    let mut wanted = rows(&prompted().table());
    wanted.retain(|row| row[0] == Value::Text("Region 2".into()));
    assert!(!wanted.is_empty());
    assert_same(&decode(&page), &wanted, "only the chosen region");
}

#[tokio::test]
async fn pages_of_page_by() {
    let report = Report::new("Pages")
        .rows(5)
        .attribute(Attribute::new("Region", 2).on_pages())
        .attribute(Attribute::new("Year", 3).id("A0000000000000000000000000000003").on_pages())
        .attribute(Attribute::new("Day", 31))
        .metric(Metric::new("Revenue", DataType::Double));
    let server = serve(LibraryServer::builder().report(report.clone())).await;
    let client = Client::new(&server).await;
    let (instance, page) = client.execute(&path(&report), -1, &json!({})).await;
    let table = report.table();
    assert_eq!(page["data"]["currentPageBy"], json!([0, 0]));
    assert_same(&decode(&page), &table.page(0).collect::<Vec<_>>(), "first page");

    let elements = client.get(&format!("{instance}/pageBy/elements")).await.json();
    let valid = &elements["validPageByElements"];
    assert_eq!(valid["paging"]["total"], 6);
    let mut all = decode(&page);
    for (number, item) in list(&valid["items"]).iter().enumerate().skip(1) {
        let chosen = list(&elements["pageBy"]).iter().zip(list(item)).map(|(unit, element)| {
            let element = usize::try_from(element.as_u64().unwrap()).unwrap();
            json!({ "id": unit["elements"][element]["id"] })
        });
        let body = json!({ "currentPageBy": chosen.collect::<Vec<_>>() });
        let page = client.put(&format!("{instance}?{NAKED}"), &body).await.json();
        let wanted: Vec<_> = table.page(number as u64).collect();
        assert_same(&decode(&page), &wanted, "page");
        all.extend(decode(&page));
    }
    assert_same(&all, &rows(&table), "all pages");

    for wrong in [json!([]), json!([{ "id": "h1;x" }, { "id": "h1;y" }])] {
        let answer = client.put(&instance, &json!({ "currentPageBy": wrong })).await;
        assert_error(&answer, 400, "ERR006", None);
    }
    // Asked for as objects, the pages become columns.
    let available = client.get(&path(&report)).await.json();
    let available = &available["definition"]["availableObjects"];
    let ids = |name: &str| -> Vec<Json> {
        list(&available[name]).iter().map(|one| json!({ "id": one["id"] })).collect()
    };
    let body = json!({ "requestedObjects":
        { "attributes": ids("attributes"), "metrics": ids("metrics") } });
    assert_same(&client.rows(&path(&report), 7, &body).await, &rows(&table), "flattened");
    // Not asked for, they stay pages.
    let element = |unit: usize, element: usize| json!({ "id": elements["pageBy"][unit]["elements"][element]["id"] });
    let body = json!({
        "requestedObjects": { "attributes": [ids("attributes")[2]], "metrics": ids("metrics") },
        "currentPageBy": [element(0, 1), element(1, 2)],
    });
    let wanted: Vec<_> = table.page(5).collect();
    assert_same(&client.rows(&path(&report), 2, &body).await, &wanted, "one page, flattened");
}

#[tokio::test]
async fn attribute_elements_with_their_total() {
    let server = serve(LibraryServer::builder().report(sales())).await;
    let client = Client::new(&server).await;
    let elements = format!(
        "/reports/{}/attributes/A0000000000000000000000000000001/elements",
        sales().object_id()
    );
    let answer = client.get(&format!("{elements}?offset=3&limit=5")).await;
    assert_eq!(answer.header("x-mstr-total-count"), Some("4"));
    assert_eq!(
        answer.json(),
        json!([{ "id": "A0000000000000000000000000000001:4", "formValues": ["Region 4"] }])
    );
    let unknown = elements.replace("A0000000000000000000000000000001", "x");
    assert_error(&client.get(&unknown).await, 400, "ERR006", None);

    let server = serve(LibraryServer::builder().report(sales()).wrapped_elements(true)).await;
    let wrapped = Client::new(&server).await.get(&format!("{elements}?limit=2")).await.json();
    assert_eq!(wrapped["elements"][1]["formValues"], json!(["Region 2"]));
    assert_eq!(list(&wrapped["elements"]).len(), 2);
}

#[tokio::test]
async fn a_cube_is_published_and_read() {
    let cube = Cube::sample("Cube", 50).published(false);
    let server = serve(LibraryServer::builder().cube(cube.clone()).polls(2)).await;
    let client = Client::new(&server).await;
    let (id, source) = (cube.object_id(), format!("/v2/cubes/{}", cube.object_id()));
    let refused = client.post(&format!("{source}/instances"), &json!({})).await;
    assert_error(&refused, 500, "ERR001", Some(-2_147_072_488));

    let state = async || {
        let answer = client.send(Call::new("HEAD", &format!("/cubes/{id}"))).await;
        assert_eq!(answer.status, 200);
        answer.header("x-mstr-cubestatus").unwrap().parse::<u32>().unwrap()
    };
    assert_eq!(state().await, 0);
    assert_eq!(client.send(Call::post(&source)).await.status, 202);
    assert_eq!([state().await, state().await], [1, 1], "it is processed");
    assert_eq!(state().await & 64, 64, "it is ready");

    assert_same(&client.rows(&source, 9, &json!({})).await, &rows(&cube.table()), "cube");
    let sql = client.get(&format!("{source}/sqlView")).await.json();
    assert!(sql["sqlStatement"].as_str().unwrap().contains("Revenue"));
    let info = client.get(&format!("/cubes/?id={id}")).await.json();
    assert_eq!(info["cubesInfos"][0]["id"], id);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_table_and_another_another() {
    let table = |seed| rows(&sales().seed(seed).table());
    assert_eq!(table(5), table(5));
    assert_ne!(table(5), table(6));
}

#[tokio::test]
async fn searches_find_reports_and_cubes() {
    let server =
        serve(LibraryServer::builder().report(sales()).cube(Cube::sample("Cube", 5))).await;
    let client = Client::new(&server).await;
    for (query, names) in [
        ("type=3", vec!["Cube", "Sales"]),
        ("type=776", vec!["Cube"]),
        ("type=768&type=776&name=ale&pattern=4", vec!["Sales"]),
        ("type=3&name=ale&pattern=2", vec![]),
    ] {
        let search = format!("/v2/metadataSearches/results?{query}");
        let search = client.post(&search, &json!({})).await.json();
        assert_eq!(search["totalItems"], names.len());
        let id = search["id"].as_str().unwrap();
        let found = client.get(&format!("/metadataSearches/results?searchId={id}")).await;
        assert_eq!(found.header("x-mstr-total-count"), Some(names.len().to_string().as_str()));
        let found = found.json();
        let mut listed: Vec<_> =
            list(&found).iter().map(|one| one["name"].as_str().unwrap()).collect();
        listed.sort_unstable();
        assert_eq!(listed, names, "{query}");
    }
    assert_eq!(server.count(Method::POST, "/v2/metadataSearches/results"), 4);
    let object = client.get(&format!("/objects/{}?type=3", sales().object_id())).await.json();
    assert_eq!((&object["name"], &object["subtype"]), (&json!("Sales"), &json!(768)));
}
