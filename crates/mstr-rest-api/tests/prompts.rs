//! Prompts as the vendor documents them: what they offer, and what answers are sent.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use mstr_rest_api::{
    Answer, Answers, GridRequest, Instance, InstanceStatus, NamedAnswers, ReportsExt,
};
use mstr_rest_core::{ErrorKind, Result};
use serde_json::{Value, json};
use support::canned::{Asked, Canned, grid, refused, window};

const ATTRIBUTE: &str = "11111111111111111111111111111111";

/// A report that asks these prompts, once, and offers these elements and objects.
#[derive(Clone, Default)]
struct Asks {
    prompts: Vec<Value>,
    elements: Vec<Value>,
    objects: Vec<Value>,
    /// Whether lists come in objects.
    wrapped: bool,
    total: bool,
    search: Search,
}

/// How the server takes `searchPattern`.
#[derive(Clone, Copy, Default)]
enum Search {
    #[default]
    Contains,
    Ignored,
    Refused,
    /// It finds nothing at all.
    Blind,
}

impl Asks {
    fn one(prompt: Value) -> Self {
        Self { prompts: vec![prompt], total: true, ..Self::default() }
    }

    fn start(self) -> Canned {
        let answered = std::sync::atomic::AtomicBool::new(false);
        Canned::start(move |asked| {
            let is_open = !answered.load(std::sync::atomic::Ordering::SeqCst);
            let status = if is_open { 2 } else { 1 };
            match asked.path.rsplit('/').next().unwrap_or_default() {
                "instances" => (200, None, json!({ "instanceId": "I", "status": 2 })),
                "status" => (200, None, json!({ "id": "A", "status": status })),
                "prompts" => (200, None, json!(self.prompts)),
                "elements" => self.offer(asked, &self.elements, "elements"),
                "objects" => self.offer(asked, &self.objects, "objects"),
                "answers" => {
                    answered.store(true, std::sync::atomic::Ordering::SeqCst);
                    (204, None, Value::Null)
                }
                _ => (200, None, grid()),
            }
        })
    }

    fn offer(&self, asked: &Asked, list: &[Value], name: &str) -> support::canned::Answer {
        if asked.number("limit").unwrap_or(100) > 200 {
            return refused("The limit is at most 200.");
        }
        let list: Vec<Value> = match (asked.query("searchPattern"), self.search) {
            (None, _) | (_, Search::Ignored) => list.to_vec(),
            (_, Search::Refused) => return refused("The search pattern is not valid."),
            (_, Search::Blind) => Vec::new(),
            (Some(pattern), Search::Contains) => {
                let fits = |one: &&Value| one.to_string().contains(pattern);
                list.iter().filter(fits).cloned().collect()
            }
        };
        let page = window(asked, &list, 200);
        let body = if self.wrapped { json!({ name: page }) } else { json!(page) };
        (200, self.total.then_some(list.len()), body)
    }
}

fn shop() -> Value {
    json!({
        "id": "E1", "key": "E1@0@10", "name": "Shop", "title": "Which shop?", "type": "ELEMENTS",
        "required": true, "closed": false,
        "source": { "id": ATTRIBUTE, "name": "Shop", "type": 12 },
    })
}

/// So many shops, by name or with the values of their forms.
fn shops(number: usize, named: bool) -> Vec<Value> {
    let shop = |at: usize| match named {
        true => json!({ "id": format!("h{at};{ATTRIBUTE}"), "name": format!("Shop {at}") }),
        false => {
            let forms = [at.to_string(), format!("Shop {at}")];
            json!({ "id": format!("{ATTRIBUTE}:{at}"), "formValues": forms })
        }
    };
    (0..number).map(shop).collect()
}

async fn run(server: &Canned) -> Instance {
    let session = server.session().await;
    session.reports().report("A").run(GridRequest::designed()).await.unwrap()
}

/// Answers by name, and gives what was sent.
async fn sent(asks: Asks, answers: NamedAnswers) -> Result<Value> {
    let server = asks.start();
    let instance = run(&server).await;
    instance.answer_named(&answers).await?;
    assert_eq!(instance.last_status(), InstanceStatus::Ready);
    let mut sent = server.asked("PUT", "/prompts/answers");
    assert_eq!(sent.len(), 1);
    Ok(sent.remove(0).body["prompts"].clone())
}

async fn refusal(asks: Asks, answers: NamedAnswers) -> String {
    let server = asks.start();
    let error = run(&server).await.answer_named(&answers).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidRequest, None), "{error}");
    assert_eq!(server.asked("PUT", "/prompts/answers").len(), 0, "nothing is sent");
    error.message().to_owned()
}

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
            let id = |at: usize| match named {
                true => format!("h{at};{ATTRIBUTE}"),
                false => format!("{ATTRIBUTE}:{at}"),
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
    let given = NamedAnswers::new().text("Coment", "x");
    let error = instance.answer_named(&given).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.message().contains("\"Coment\"") && error.message().contains("\"Comment\""));
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
