//! What prompts offer, in every documented form, and how it is found by name.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use mstr_rest_api::{InstanceStatus, NamedAnswers};
use mstr_rest_core::ErrorKind;
use serde_json::json;
use support::asks::{ATTRIBUTE, Asks, Search, refusal, run, sent, shop, shops};
use support::canned::{Canned, window};

#[tokio::test]
async fn elements_are_read_in_every_documented_form() {
    for (wrapped, named, total) in
        [(true, true, false), (false, true, true), (false, false, true), (true, false, false)]
    {
        let elements = shops(450, named);
        let asks = Asks { elements, wrapped, total, ..Asks::one(shop()) };
        let server = asks.start();
        let instance = run(&server).await;
        let prompts = instance.prompts().await.unwrap();
        let all = instance.prompt_elements(&prompts[0], None).all().await.unwrap();
        assert_eq!(all.len(), 450);
        assert!(all[449].label().ends_with("Shop 449"), "{:?}", all[449]);
        let asked = server.asked("GET", "/elements");
        assert!(asked[0].path.ends_with("/prompts/E1@0@10/elements"), "by its key");
        assert!(asked.iter().all(|one| one.query("limit") == Some("200")));
        // fewer at once are possible, more are not
        let list = instance.prompt_elements(&prompts[0], None);
        let page = list.page(0, 1000).await.unwrap();
        assert_eq!((page.items.len(), page.total), (200, total.then_some(450)));
        assert_eq!(list.page_size(1000).limit(300).all().await.unwrap().len(), 300);
        let some = instance.prompt_elements(&prompts[0], Some("Shop 44")).all().await.unwrap();
        assert_eq!(some.len(), 11);
    }
}

#[tokio::test]
async fn objects_are_read_in_every_documented_form() {
    let prompt = json!({ "id": "O1", "name": "Which", "type": "OBJECTS", "required": true });
    for (wrapped, kind) in [(true, json!("metric")), (false, json!(4)), (true, json!("4"))] {
        let objects = (0..201).map(
            |at| json!({ "id": format!("M{at}"), "name": format!("Metric {at}"), "type": kind }),
        );
        let asks = Asks { objects: objects.collect(), wrapped, ..Asks::one(prompt.clone()) };
        let server = asks.clone().start();
        let instance = run(&server).await;
        let prompts = instance.prompts().await.unwrap();
        let all = instance.prompt_objects(&prompts[0], None).all().await.unwrap();
        assert_eq!((all.len(), all[200].name.as_str()), (201, "Metric 200"));
        let asked = server.asked("GET", "/objects");
        assert!(asked[0].path.ends_with("/prompts/O1/objects"), "by its id, without a key");
        let sent = sent(asks, NamedAnswers::new().text("which", "Metric 200")).await.unwrap();
        let kind = if kind == json!("4") { json!(4) } else { kind };
        let answers = json!([{ "id": "M200", "type": kind }]);
        assert_eq!(sent, json!([{ "id": "O1", "type": "OBJECTS", "answers": answers }]));
    }
    // a type that is not said is not made up
    let asks = Asks { objects: vec![json!({ "id": "M1", "name": "Profit" })], ..Asks::one(prompt) };
    let sent = sent(asks, NamedAnswers::new().text("Which", "M1")).await.unwrap();
    assert_eq!(sent[0]["answers"], json!([{ "id": "M1" }]));
}

#[tokio::test]
async fn prompt_without_key_and_id_is_not_asked_what_it_offers() {
    let server = Asks::one(json!({ "name": "Shop", "type": "ELEMENTS" })).start();
    let instance = run(&server).await;
    let prompts = instance.prompts().await.unwrap();
    let error = instance.prompt_elements(&prompts[0], None).all().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.message().contains("Shop"), "{error}");
}

#[tokio::test]
async fn elements_are_found_by_name_however_the_server_searches() {
    for search in [Search::Contains, Search::Ignored, Search::Refused, Search::Blind] {
        for named in [true, false] {
            let asks =
                Asks { elements: shops(1100, named), wrapped: named, search, ..Asks::one(shop()) };
            let given = NamedAnswers::new().texts("Shop", ["Shop 1050", "shop 7"]);
            let id = |at: usize| {
                if named { format!("h{at};{ATTRIBUTE}") } else { format!("{ATTRIBUTE}:{at}") }
            };
            let expected = json!([{ "key": "E1@0@10", "type": "ELEMENTS",
                "answers": [{ "id": id(1050) }, { "id": id(7) }] }]);
            assert_eq!(sent(asks, given).await.unwrap(), expected);
        }
    }
}

#[tokio::test]
async fn elements_are_found_without_reading_all_of_them() {
    let asks = Asks { elements: shops(5000, true), ..Asks::one(shop()) };
    let server = asks.start();
    let instance = run(&server).await;
    instance.answer_named(&NamedAnswers::new().text("Shop", "Shop 4321")).await.unwrap();
    assert_eq!(server.asked("GET", "/elements").len(), 1);
}

#[tokio::test]
async fn ids_are_taken_in_both_spellings_and_names_may_look_like_them() {
    let odd = [
        (format!("h1;{ATTRIBUTE}"), "North; South"),
        (format!("h2;{ATTRIBUTE}"), "10:30"),
        (format!("{ATTRIBUTE}:3"), "Aaby:Alen"),
    ];
    for search in [Search::Contains, Search::Ignored, Search::Blind] {
        let elements = odd.iter().map(|(id, name)| json!({ "id": id, "name": name })).collect();
        let asks = Asks { elements, search, ..Asks::one(shop()) };
        for (id, name) in &odd {
            for text in [id.as_str(), name] {
                let given = NamedAnswers::new().text("Shop", text);
                let sent = sent(asks.clone(), given).await.unwrap();
                assert_eq!(sent[0]["answers"], json!([{ "id": id }]), "{text}");
            }
        }
        // an id that is not listed is the server's to judge
        for id in [format!("h99;{ATTRIBUTE};Far away"), format!("{ATTRIBUTE}:99")] {
            let given = NamedAnswers::new().text("Shop", &id);
            assert_eq!(
                sent(asks.clone(), given).await.unwrap()[0]["answers"],
                json!([{ "id": id }])
            );
        }
        let said = refusal(asks, NamedAnswers::new().text("Shop", "East; West")).await;
        assert!(said.contains("does not offer \"East; West\""), "{said}");
        assert!(said.contains("North; South, 10:30, Aaby:Alen"), "{said}");
    }
}

#[tokio::test]
async fn ambiguous_names_list_the_ids() {
    let elements = vec![
        json!({ "id": "h1;A", "formValues": ["1", "Smith"] }),
        json!({ "id": "h2;A", "formValues": ["2", "Smith"] }),
        json!({ "id": "h2;A", "formValues": ["2", "Smith"] }),
    ];
    let asks = Asks { elements, ..Asks::one(shop()) };
    let said = refusal(asks.clone(), NamedAnswers::new().text("Shop", "Smith")).await;
    assert!(said.contains("offers 2") && said.contains("h1;A (1 Smith), h2;A (2 Smith)"), "{said}");
    let one = sent(asks, NamedAnswers::new().text("Shop", "2 Smith")).await.unwrap();
    assert_eq!(one[0]["answers"], json!([{ "id": "h2;A" }]));

    let prompt = json!({ "key": "O1", "name": "Which", "type": "OBJECTS" });
    let objects = ["X1", "X2"].map(|id| json!({ "id": id, "name": "Profit", "type": 4 }));
    let asks = Asks { objects: objects.into(), ..Asks::one(prompt) };
    let said = refusal(asks, NamedAnswers::new().text("Which", "Profit")).await;
    assert!(said.contains("X1 (Profit), X2 (Profit)"), "{said}");
}

#[tokio::test]
async fn prompts_of_documents_and_dashboards_are_the_same() {
    use mstr_rest_api::{DashboardsExt, DocumentRequest};
    let asks = Asks { elements: shops(450, true), wrapped: true, ..Asks::one(shop()) };
    let server = asks.start();
    let session = server.session().await;
    let dashboard = session.dashboards().dashboard("D");
    let instance = dashboard.run(DocumentRequest::new()).await.unwrap();
    let prompts = instance.prompts().await.unwrap();
    assert_eq!(instance.prompt_elements(&prompts[0], None).all().await.unwrap().len(), 450);
    assert_eq!(instance.prompt_objects(&prompts[0], None).all().await.unwrap(), []);
    instance.answer_named(&NamedAnswers::new().text("Shop", "Shop 449")).await.unwrap();
    assert_eq!(instance.last_status(), InstanceStatus::Ready);
    let sent = server.asked("PUT", "/documents/D/instances/I/prompts/answers").remove(0).body;
    assert_eq!(sent["prompts"][0]["answers"], json!([{ "id": format!("h449;{ATTRIBUTE}") }]));
}

#[tokio::test]
async fn elements_of_attributes_are_read_in_every_form() {
    use mstr_rest_api::CubesExt;
    for wrapped in [true, false] {
        let server = Canned::start(move |asked| {
            let list = shops(2500, false);
            let page = json!(window(asked, &list, 1000));
            let body = if wrapped { json!({ "elements": page }) } else { page };
            (200, None, body)
        });
        let cube = server.session().await.cubes().cube("C");
        let all = cube.attribute_elements("A1").all().await.unwrap();
        assert_eq!((all.len(), all[2499].label().as_str()), (2500, "2499 Shop 2499"));
        assert_eq!(all[0].id, format!("{ATTRIBUTE}:0"));
        let asked = server.asked("GET", "/cubes/C/attributes/A1/elements");
        assert_eq!(asked[1].number("offset"), Some(1000));
    }
}
