//! Prompts as the vendor documents them: what they offer, in which windows, and what answers them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed helper is a failed test")]

mod support;

use mstr_sim::{Attribute, DataType, Document, LibraryServer, Metric, Prompt, Report};
use serde_json::{Value as Json, json};
use support::Answer;
use support::grid::{Client, NAKED, list};

const SHOP: &str = "A0000000000000000000000000000001";
const OFFERED: &str = "C0000000000000000000000000000001";

fn shops() -> Attribute {
    Attribute::new("Shop", 250).id(SHOP)
}

fn report() -> Report {
    Report::new("Sold")
        .rows(40)
        .attribute(shops())
        .metric(Metric::new("Sold", DataType::Double).id("B0000000000000000000000000000001"))
}

fn answers_path(instance: &str) -> String {
    format!("{}/answers", prompts_path(instance))
}

fn prompts_path(instance: &str) -> String {
    format!("{}/prompts", instance.replacen("/v2", "", 1))
}

async fn open(server: &LibraryServer, report: &Report) -> (String, String, Vec<Json>) {
    let client = Client::new(server).await;
    let path = format!("/v2/reports/{}", report.object_id());
    let (instance, _) = client.execute(&path, -1, &json!({})).await;
    let prompts = client.get(&prompts_path(&instance)).await.json();
    (instance, client.token, list(&prompts).to_vec())
}

async fn serve(report: &Report) -> LibraryServer {
    LibraryServer::builder().report(report.clone()).start().await.unwrap()
}

#[track_caller]
fn refused(answer: &Answer) {
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("ERR006")));
}

#[tokio::test]
async fn elements_come_in_an_object_with_id_and_name_in_documented_windows() {
    let report = report().prompt(Prompt::elements("Shops", SHOP));
    let server = serve(&report).await;
    let (instance, token, prompts) = open(&server, &report).await;
    let client = Client { server: &server, token };
    let key = prompts[0]["key"].as_str().unwrap();
    for named in [key, prompts[0]["id"].as_str().unwrap()] {
        let offered = format!("{}/{named}/elements", prompts_path(&instance));
        let page = client.get(&offered).await.json();
        assert_eq!(list(&page["elements"]).len(), 100, "the default");
        assert_eq!(page["elements"][0], json!({ "id": format!("h1;{SHOP}"), "name": "Shop 1" }));
        let page = client.get(&format!("{offered}?limit=200&offset=200")).await.json();
        assert_eq!(list(&page["elements"]).len(), 50, "the rest");
        for limit in ["201", "1000", "-1"] {
            refused(&client.get(&format!("{offered}?limit={limit}")).await);
        }
        let found = client.get(&format!("{offered}?searchPattern=shop%20250")).await;
        let wanted = json!({ "elements": [{ "id": format!("h250;{SHOP}"), "name": "Shop 250" }] });
        assert_eq!(found.json(), wanted);
        assert_eq!(found.header("x-mstr-total-count"), None, "the documentation shows no total");
    }
    refused(&client.get(&format!("{}/nobody/elements", prompts_path(&instance))).await);
}

#[tokio::test]
async fn objects_have_named_types_and_come_in_documented_windows() {
    let many: Vec<String> = (0..121).map(|at| format!("{at:032}")).collect();
    let offered = many.iter().map(|id| (id.as_str(), 4)).chain([(SHOP, 12)]);
    let report = report().prompt(Prompt::objects("Which", offered));
    let server = serve(&report).await;
    let (instance, token, prompts) = open(&server, &report).await;
    let client = Client { server: &server, token };
    let key = prompts[0]["key"].as_str().unwrap();
    let offered = format!("{}/{key}/objects", prompts_path(&instance));

    assert_eq!(list(&client.get(&offered).await.json()["objects"]).len(), 100);
    let rest = client.get(&format!("{offered}?offset=100&limit=200")).await.json();
    assert_eq!(list(&rest["objects"]).len(), 22);
    assert_eq!(rest["objects"][0]["type"], "metric");
    assert_eq!(rest["objects"][21], json!({ "id": SHOP, "name": "Shop", "type": "attribute" }));
    let found = client.get(&format!("{offered}?searchPattern=shop")).await.json();
    assert_eq!(list(&found["objects"]).len(), 1);
    refused(&client.get(&format!("{offered}?limit=201")).await);

    let answers = answers_path(&instance);
    let body = |answer: Json| json!({ "prompts": [{ "key": key, "type": "OBJECTS", "answers": [answer] }] });
    for wrong in
        [json!({ "id": SHOP, "type": 0 }), json!({ "id": SHOP }), json!({ "id": "x", "type": 4 })]
    {
        refused(&client.put(&answers, &body(wrong)).await);
    }
    for right in [json!({ "id": SHOP, "type": "attribute" }), json!({ "id": SHOP, "type": 12 })] {
        let (instance, token, _) = open(&server, &report).await;
        let client = Client { server: &server, token };
        let answer = client.put(&answers_path(&instance), &body(right)).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
}

#[tokio::test]
async fn one_prompt_may_be_there_twice_and_only_its_key_tells() {
    let twice = Prompt::value("Word").id("D0000000000000000000000000000001");
    let report = report().prompt(twice.clone()).prompt(twice.clone()).prompt(twice.without_id());
    let server = serve(&report).await;
    let (instance, token, prompts) = open(&server, &report).await;
    let client = Client { server: &server, token };
    assert_eq!(prompts[0]["id"], prompts[1]["id"]);
    assert!(prompts[2].get("id").is_none());
    let keys: Vec<_> = prompts.iter().map(|one| one["key"].as_str().unwrap()).collect();
    assert!(keys[0] != keys[1] && keys[1] != keys[2]);

    let answer =
        |key: &str| json!({ "prompts": [{ "key": key, "type": "VALUE", "answers": "q" }] });
    assert_eq!(client.put(&answers_path(&instance), &answer(keys[1])).await.status, 204);
    let closed = client.get(&prompts_path(&instance)).await.json();
    let closed: Vec<_> = list(&closed).iter().map(|one| one["closed"].as_bool().unwrap()).collect();
    assert_eq!(closed, [false, true, false], "what is closed stays listed");
}

#[tokio::test]
async fn definitions_are_the_documented_ones() {
    let default = format!("{SHOP}:3");
    let report = report()
        .prompt(Prompt::elements("None", SHOP))
        .prompt(Prompt::elements("One", SHOP).default_answer(&default))
        .prompt(Prompt::value("Text").default_answer("ab"))
        .prompt(Prompt::value("Old").data_type_number(8))
        .prompt(Prompt::value("Number").data_type("NUMERIC").optional());
    let server = serve(&report).await;
    let (_, _, prompts) = open(&server, &report).await;
    assert_eq!(prompts[0]["defaultAnswer"], json!([]));
    assert_eq!(prompts[0]["required"], true);
    assert_eq!(prompts[0]["source"], json!({ "id": SHOP, "name": "Shop", "type": 12 }));
    assert_eq!(prompts[1]["defaultAnswer"], json!([{ "id": default, "name": "Shop 3" }]));
    assert_eq!(prompts[2]["defaultAnswer"], "ab");
    assert_eq!(prompts[2]["dataType"], "TEXT");
    assert_eq!(prompts[3]["dataType"], 8);
    assert_eq!(prompts[4]["dataType"], "NUMERIC");
    assert!(prompts[4].get("defaultAnswer").is_none());
}

#[tokio::test]
async fn answers_need_their_type_and_a_default_that_is_there() {
    let report = report()
        .prompt(Prompt::elements("Shops", SHOP).optional())
        .prompt(Prompt::value("Word").optional());
    let server = serve(&report).await;
    let (instance, token, prompts) = open(&server, &report).await;
    let client = Client { server: &server, token };
    let (shops, word) = (&prompts[0]["key"], &prompts[1]["key"]);
    let answers = answers_path(&instance);
    let nobody = json!({ "key": "X@0@10", "type": "VALUE", "answers": "q" });
    for (wrong, text) in [
        (json!({ "key": word, "answers": ["q"] }), "type"),
        (json!({ "key": word, "useDefault": true }), "type"),
        (json!({ "key": word, "answers": [] }), "type"),
        (json!({ "key": word, "type": "ELEMENTS", "answers": [] }), "does not match"),
        (json!({ "key": word, "type": "VALUE", "useDefault": true }), "default"),
        (json!({ "key": shops, "type": "ELEMENTS", "useDefault": true }), "default"),
        (
            json!({ "key": shops, "type": "ELEMENTS", "answers": [{ "name": "Nowhere" }] }),
            "Nowhere",
        ),
        (nobody, "either key: X@0@10"),
    ] {
        let answer = client.put(&answers, &json!({ "prompts": [wrong] })).await;
        refused(&answer);
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(text), "{message}");
    }
    let body = json!({ "prompts": [
        { "key": shops, "type": "ELEMENTS", "answers": [{ "name": "Shop 7" }] },
        { "key": word, "type": "VALUE" },
    ] });
    assert_eq!(client.put(&answers, &body).await.status, 204);
    let page = client.get(&format!("{instance}?{NAKED}")).await.json();
    let elements = &page["definition"]["grid"]["rows"][0]["elements"];
    assert!(list(elements).iter().all(|one| one["formValues"] == json!(["Shop 7"])));
}

#[tokio::test]
async fn totals_of_what_is_offered_on_request() {
    let report = report().prompt(Prompt::elements("Shops", SHOP));
    let builder = LibraryServer::builder().report(report.clone()).prompt_totals(true);
    let server = builder.start().await.unwrap();
    let (instance, token, prompts) = open(&server, &report).await;
    let client = Client { server: &server, token };
    let key = prompts[0]["key"].as_str().unwrap();
    let page = client.get(&format!("{}/{key}/elements", prompts_path(&instance))).await;
    assert_eq!(page.header("x-mstr-total-count"), Some("250"));
}

#[tokio::test]
async fn documents_offer_the_same() {
    let document = Document::new("Cockpit").id("C1").visualization("K17", report());
    let document = document
        .prompt(Prompt::elements("Shops", SHOP))
        .prompt(Prompt::objects("Which", [(OFFERED, 4)]));
    let server = LibraryServer::builder().document(document).start().await.unwrap();
    let client = Client::new(&server).await;
    let made = client.post("/documents/C1/instances", &json!({})).await.json();
    let prompts = format!("/documents/C1/instances/{}/prompts", made["mid"].as_str().unwrap());
    let asked = client.get(&prompts).await.json();
    let key = |at: usize| asked[at]["key"].as_str().unwrap();
    let elements = client.get(&format!("{prompts}/{}/elements", key(0))).await.json();
    assert_eq!(list(&elements["elements"]).len(), 100);
    let objects = client.get(&format!("{prompts}/{}/objects", key(1))).await.json();
    assert_eq!(objects["objects"][0]["type"], "metric");
    refused(&client.get(&format!("{prompts}/{}/objects?limit=201", key(1))).await);
}
