//! Answers to prompts: what is sent, and what is refused before.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use mstr_rest_api::{Answer, Answers, InstanceStatus, NamedAnswers};
use mstr_rest_core::ErrorKind;
use serde_json::{Value, json};
use support::asks::{ATTRIBUTE, Asks, refusal, run, sent, shop, shops};
use support::canned::{Canned, grid};

#[tokio::test]
async fn an_empty_default_is_none() {
    for empty in [json!([]), Value::Null, json!({}), json!("")] {
        let mut optional = shop();
        optional["required"] = json!(false);
        optional["defaultAnswer"] = empty.clone();
        let closed = json!([{ "key": "E1@0@10", "type": "ELEMENTS", "answers": [] }]);
        let asks = Asks::one(optional.clone());
        assert_eq!(sent(asks.clone(), NamedAnswers::new()).await.unwrap(), closed);
        let server = asks.start();
        let instance = run(&server).await;
        instance.answer_all(async |_| Ok(Some(Answer::use_default()))).await.unwrap();
        assert_eq!(server.asked("PUT", "/answers")[0].body["prompts"], closed);

        let mut required = optional;
        required["required"] = json!(true);
        let asks = Asks::one(required);
        let said = refusal(asks.clone(), NamedAnswers::new()).await;
        assert!(said.contains("\"Shop\" (E1@0@10): an element"), "{said}");
        let server = asks.start();
        let instance = run(&server).await;
        for answer in [None, Some(Answer::use_default()), Some(Answer::nothing())] {
            let error = instance.answer_all(async |_| Ok(answer.clone())).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert!(error.message().contains("Shop") && error.message().contains("an element"));
        }
        let default = Answers::new().by_name("Shop", Answer::use_default());
        assert_eq!(instance.answer(default).await.unwrap_err().kind(), ErrorKind::InvalidRequest);
        assert_eq!(server.asked("PUT", "/answers").len(), 0);
    }
}

#[tokio::test]
async fn every_answer_carries_its_type() {
    let mut region = shop();
    region["defaultAnswer"] = json!([{ "id": "h1;A", "name": "North" }]);
    let comment = json!({ "id": "V1", "key": "V1@0@10", "name": "Comment", "type": "VALUE",
        "required": false, "defaultAnswer": "none" });
    let level = json!({ "id": "L1", "key": "L1@0@10", "name": "Level", "type": "LEVEL",
        "required": false });
    let asks = Asks { prompts: vec![region, comment, level], ..Asks::default() };
    let server = asks.clone().start();
    let answers = Answers::new()
        .by_key("E1@0@10", Answer::use_default())
        .by_id("V1", Answer::nothing())
        .by_name("Level", Answer::use_default());
    run(&server).await.answer(answers).await.unwrap();
    let sent_by = |server: &Canned| server.asked("PUT", "/answers")[0].body["prompts"].clone();
    assert_eq!(
        sent_by(&server),
        json!([
            { "key": "E1@0@10", "type": "ELEMENTS", "useDefault": true },
            { "id": "V1", "type": "VALUE", "answers": [] },
            { "name": "Level", "type": "LEVEL", "answers": [] },
        ])
    );
    let server = asks.clone().start();
    run(&server).await.answer_all(async |_| Ok(None)).await.unwrap();
    assert_eq!(
        sent_by(&server),
        json!([
            { "key": "E1@0@10", "type": "ELEMENTS", "useDefault": true },
            { "key": "V1@0@10", "type": "VALUE", "useDefault": true },
            { "key": "L1@0@10", "type": "LEVEL", "answers": [] },
        ])
    );
    // types that are known are not asked for
    let server = asks.clone().start();
    let answers = Answers::new().by_key("V1@0@10", Answer::value("x"));
    run(&server).await.answer(answers).await.unwrap();
    assert_eq!(server.asked("GET", "/prompts").len(), 0);

    let server = asks.start();
    let unknown = Answers::new().by_name("Nothing", Answer::use_default());
    let error = run(&server).await.answer(unknown).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.message().contains("\"Nothing\"") && error.message().contains("V1@0@10"));
}

#[tokio::test]
async fn text_does_not_answer_conditions_and_levels() {
    for (kind, wants) in [("EXPRESSION", "a condition"), ("LEVEL", "a level")] {
        let asks = Asks::one(json!({ "key": "X@0@10", "name": "Which", "type": kind }));
        let said = refusal(asks, NamedAnswers::new().text("Which", "Profit > 10")).await;
        assert!(said.contains("Which") && said.contains(wants), "{said}");
    }
}

#[tokio::test]
async fn closed_prompts_are_not_answered_again() {
    let mut before = shop();
    before["closed"] = json!(true);
    let open = json!({ "key": "V1@0@10", "name": "Comment", "type": "VALUE", "required": true });
    let asks = Asks { prompts: vec![before, open], ..Asks::default() };
    let server = asks.clone().start();
    let instance = run(&server).await;
    assert_eq!(instance.prompts().await.unwrap().len(), 1);
    let sent = sent(asks, NamedAnswers::new().text("Comment", "x")).await.unwrap();
    assert_eq!(sent, json!([{ "key": "V1@0@10", "type": "VALUE", "answers": ["x"] }]));
}

#[tokio::test]
async fn prompts_are_named_by_key_id_name_and_title() {
    let value = |key: &str, id: &str, name: &str| json!({ "key": key, "id": id, "name": name, "title": "How many?", "type": "VALUE" });
    let asks = Asks {
        prompts: vec![
            value("A@0@10", "A", "Year"),
            value("B@0@10", "B", "Year"),
            value("C@0@10", "C", "C"),
        ],
        ..Asks::default()
    };
    let said = refusal(asks.clone(), NamedAnswers::new().text("year", "1")).await;
    assert!(said.contains("A@0@10, B@0@10"), "{said}");
    let by_key = NamedAnswers::new().text("A@0@10", "1").text("b", "2").text("c", "3");
    let sent_to = |sent: Value| {
        let answers = sent.as_array().unwrap().iter().map(|one| one["answers"][0].clone());
        json!(answers.collect::<Vec<_>>())
    };
    assert_eq!(sent_to(sent(asks, by_key).await.unwrap()), json!(["1", "2", "3"]));
    // the same prompt twice
    let twice = vec![value("A@0@10", "A", "Year"), value("A@1@10", "A", "Year")];
    let asks = Asks { prompts: twice, ..Asks::default() };
    let given = NamedAnswers::new().text("How Many?", "7");
    assert_eq!(sent_to(sent(asks, given).await.unwrap()), json!(["7", "7"]));
}

#[tokio::test]
async fn answers_to_nothing_are_an_error_that_says_what_was_asked() {
    let prompt = json!({ "key": "V1@0@10", "name": "Comment", "type": "VALUE" });
    let server = Asks::one(prompt).start();
    let instance = run(&server).await;
    let given = NamedAnswers::new().text("Remark", "x");
    let error = instance.answer_named(&given).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.message().contains("\"Remark\"") && error.message().contains("\"Comment\""));
}

#[tokio::test]
async fn answers_are_looked_up_in_a_task() {
    let asks = Asks { elements: shops(3, true), wrapped: true, ..Asks::one(shop()) };
    let server = asks.start();
    let instance = run(&server).await;
    let answering = instance.clone();
    // the closure awaits, and the whole can be spawned
    tokio::spawn(async move {
        let offers = answering.clone();
        answering
            .answer_all(async |prompt| {
                let shops = offers.prompt_elements(&prompt, None).all().await?;
                Ok(shops.last().map(|shop| Answer::elements([shop.id.as_str()])))
            })
            .await
    })
    .await
    .unwrap()
    .unwrap();
    let sent = server.asked("PUT", "/answers").remove(0).body;
    assert_eq!(sent["prompts"][0]["answers"][0]["id"], json!(format!("h2;{ATTRIBUTE}")));
}

/// A grid of so many bytes that is shown while prompts are open.
fn early(bytes: usize) -> Value {
    let mut early = grid();
    early["status"] = json!(2);
    early["data"]["metricValues"]["raw"] = json!([["x".repeat(bytes)]]);
    early
}

#[tokio::test]
async fn data_of_before_the_answers_is_never_handed_out() {
    for bytes in [1, 10_000] {
        let answered = std::sync::atomic::AtomicBool::new(false);
        let server = Canned::start(move |asked| {
            use std::sync::atomic::Ordering::SeqCst;
            let is_open = !answered.load(SeqCst);
            match asked.path.rsplit('/').next().unwrap_or_default() {
                "status" => (200, None, json!({ "status": if is_open { 2 } else { 1 } })),
                "prompts" => {
                    (200, None, json!([{ "key": "V@0@10", "name": "V", "type": "VALUE" }]))
                }
                "answers" => {
                    answered.store(true, SeqCst);
                    (204, None, Value::Null)
                }
                _ if is_open => (200, None, early(bytes)),
                _ => (200, None, grid()),
            }
        });
        let instance = run(&server).await;
        assert_eq!(instance.last_status(), InstanceStatus::Prompts);
        assert_eq!((instance.first_page(), instance.total()), (None, None));
        let error = instance.page(0, 10).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        let error = instance.page_or_reexecute(0, 10).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert_eq!(instance.total(), None);

        instance.answer_named(&NamedAnswers::new().text("V", "1")).await.unwrap();
        assert_eq!((instance.first_page(), instance.total()), (None, None));
        let page = support::json(&instance.page(0, 10).await.unwrap());
        assert_eq!(page["data"]["metricValues"]["raw"], json!([[7]]));
        assert_eq!(instance.total(), Some(1));
    }
}
