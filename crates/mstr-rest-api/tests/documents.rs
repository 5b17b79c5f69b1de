//! Dashboards and documents against the simulated server: definitions, executions, prompts, grids.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use std::time::Duration;

use mstr_rest_api::expression::{attribute, metric};
use mstr_rest_api::{
    Answer, Answers, ChapterKey, DashboardsExt, DocumentInstance, DocumentRequest, DocumentsExt,
    ErrorExt, GridRequest, InstanceStatus, Level, PromptKind,
};
use mstr_rest_core::{ErrorKind, Session};
use mstr_sim::{Fault, Method, Prompt, Reply};
use serde_json::{Value, json};
use support::{lines, login, raw, report, sales, server};

const RUNS: &str = "/dossiers/*/instances";
const STATUS: &str = "/documents/*/instances/*/status";
const ONE: &str = "/documents/*/instances/*";
const ANSWERS: &str = "/documents/*/instances/*/prompts/answers";
const GRIDS: &str = "/v2/dossiers/*/instances/*/chapters/*/visualizations/*";

fn dashboard() -> mstr_sim::Dashboard {
    let other = mstr_sim::Report::sample("Others", 10);
    mstr_sim::Dashboard::new("Board")
        .id("D1")
        .visualization("K52", sales())
        .chapter("K90")
        .compound_grid("K91", other)
}

fn prompted() -> mstr_sim::Dashboard {
    dashboard()
        .prompt(Prompt::elements("Regions", "R1").id("P1"))
        .prompt(Prompt::value("Until").id("P2").default_answer("2024-12-31"))
        .prompt(Prompt::value("Again").id("P4").in_round(1))
}

async fn run(session: &Session, request: DocumentRequest) -> DocumentInstance {
    session.dashboards().dashboard("D1").run(request).await.unwrap()
}

fn give(prompt: &mstr_rest_api::Prompt) -> Answer {
    match prompt.name.as_str() {
        "Regions" => Answer::elements(["R1:1"]),
        "Until" => Answer::use_default(),
        _ => Answer::value("yes"),
    }
}

#[tokio::test]
async fn what_is_in_them() {
    let document = mstr_sim::Document::new("Cockpit").id("C9").visualization("K17", sales());
    let server = server().dashboard(dashboard()).document(document).start().await.unwrap();
    let session = login(&server).await;
    let definition = session.dashboards().dashboard("D1").definition().await.unwrap();
    assert_eq!((definition.id.as_str(), definition.name.as_str()), ("D1", "Board"));
    assert_eq!(definition.current_chapter.as_deref(), Some("K36"));
    let keys = |definition: &mstr_rest_api::DocumentDefinition| {
        let chapters = definition.chapters.iter();
        let shown = chapters.flat_map(|chapter| {
            let pages = chapter.pages.iter().flat_map(|page| &page.visualizations);
            pages.map(|one| (chapter.key.clone(), one.key.clone(), one.kind.clone()))
        });
        shown.collect::<Vec<_>>()
    };
    let wanted = |chapter: &str, key: &str, kind: &str| {
        (chapter.to_owned(), key.to_owned(), Some(kind.to_owned()))
    };
    let all = [wanted("K36", "K52", "grid"), wanted("K90", "K91", "compound_grid")];
    assert_eq!(keys(&definition), all);
    assert_eq!(definition.datasets.len(), 2);
    let instance = run(&session, DocumentRequest::new()).await;
    assert_eq!(keys(&instance.definition().await.unwrap()), all);

    let document = session.documents().document("C9");
    let definition = document.definition().await.unwrap();
    assert_eq!(definition.layouts[0].visualizations[0].key, "K17");
    let instance = document.run(DocumentRequest::new()).await.unwrap();
    assert_eq!(instance.last_status(), InstanceStatus::Ready);
    assert_eq!(instance.definition().await.unwrap(), definition);
    let error = instance.visualization(ChapterKey::new("K3"), "K17").page(0, 1).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::NotSupported, None));
    instance.delete().await.unwrap();
    assert!(instance.status().await.unwrap_err().is_instance_gone());
    let unknown = session.documents().document("NONE").definition().await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::ResourceNotFound);
}

#[tokio::test]
async fn in_the_background() {
    let server = server().dashboard(dashboard()).polls(2).start().await.unwrap();
    let session = login(&server).await;
    let instance = run(&session, DocumentRequest::new().respond_async(true)).await;
    assert_eq!(instance.last_status(), InstanceStatus::Ready);
    let begun = server.requests(Method::POST, RUNS).pop().unwrap();
    assert_eq!(begun.header("prefer"), Some("respond-async"));
    assert_eq!(begun.status().unwrap().as_u16(), 202);
    assert_eq!(server.count(Method::GET, STATUS), 3);
    assert_eq!(instance.status().await.unwrap(), InstanceStatus::Ready);
    assert_eq!(server.count(Method::DELETE, ONE), 0);
}

#[tokio::test]
async fn without_an_end_it_is_dropped() {
    let server = server().dashboard(dashboard()).polls(usize::MAX).start().await.unwrap();
    let session = login(&server).await;
    let request = DocumentRequest::new().respond_async(true);
    let request = request.execution_timeout(Duration::from_secs(1));
    let error = session.dashboards().dashboard("D1").run(request).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(server.count(Method::DELETE, ONE), 1);
}

#[tokio::test]
async fn prompts_to_the_end_and_once_more() {
    let server = server().dashboard(prompted()).start().await.unwrap();
    let session = login(&server).await;
    assert_eq!(session.dashboards().dashboard("D1").prompts().await.unwrap().len(), 2);
    let instance = run(&session, DocumentRequest::new()).await;
    assert_eq!(instance.last_status(), InstanceStatus::Prompts);
    let grid = instance.visualization(ChapterKey::new("K36"), "K52");
    assert!(grid.page(0, 10).await.unwrap_err().is_prompted());
    let prompts = instance.prompts().await.unwrap();
    let offered = instance.prompt_elements(&prompts[0], None).page(0, 2).await.unwrap();
    assert_eq!((offered.total, offered.items.len()), (None, 2), "no total is documented");
    instance.answer_all(async |prompt| Ok(Some(give(&prompt)))).await.unwrap();
    assert_eq!(instance.last_status(), InstanceStatus::Ready);
    assert_eq!(server.count(Method::PUT, ANSWERS), 2);
    let filtered = raw(&grid.page(0, 100).await.unwrap());
    assert!(!filtered.is_empty() && filtered.len() < 25, "the answer filters");

    // gone, it is executed and answered again
    let id = instance.id();
    server.expire_all();
    assert_eq!(raw(&grid.page_or_reexecute(0, 100).await.unwrap()), filtered);
    assert_ne!(instance.id(), id);
    assert_eq!((server.count(Method::POST, RUNS), server.count(Method::PUT, ANSWERS)), (2, 4));

    // asked once more, and answered otherwise
    let id = instance.id();
    instance.reprompt().await.unwrap();
    assert_ne!(instance.id(), id);
    assert_eq!(instance.last_status(), InstanceStatus::Prompts);
    assert!(instance.prompts().await.unwrap().len() == 2);
    instance
        .answer_all(async |prompt| {
            Ok(Some(match prompt.name.as_str() {
                "Regions" => Answer::elements(["R1:2"]),
                _ => give(&prompt),
            }))
        })
        .await
        .unwrap();
    assert_ne!(raw(&grid.page(0, 100).await.unwrap()), filtered);
    server.expire_instances();
    instance.reexecute().await.unwrap();
    assert_eq!(server.count(Method::PUT, ANSWERS), 8, "only the later answers count");
    let held = || server.instances(server.sessions()[0].generation());
    let before = held();
    instance.reexecute().await.unwrap();
    assert_eq!(held(), before, "the one before is cleared away");
}

#[tokio::test]
async fn grids_are_those_of_reports() {
    let server = server().dashboard(dashboard()).report(sales()).start().await.unwrap();
    let session = login(&server).await;
    let shown = GridRequest::designed().page_size(100).iso_dates(true);
    let wanted = report(&session, &sales()).run(shown).await.unwrap().first_page().unwrap();
    let instance = run(&session, DocumentRequest::new()).await;
    let grid = instance.visualization(ChapterKey::new("K36"), "K52");
    let page = grid.page(0, 100).await.unwrap();
    assert_eq!(raw(&page), raw(&wanted));
    assert_eq!(support::json(&page)["visualizationType"], "grid");
    assert_eq!(lines(&grid.page(20, 10).await.unwrap()), 5);
    for (chapter, key) in [("K36", "K99"), ("K90", "K52")] {
        let error =
            instance.visualization(ChapterKey::new(chapter), key).page(0, 1).await.unwrap_err();
        assert!(!error.is_instance_gone(), "{error}");
    }
    let asked = server.requests(Method::GET, GRIDS).remove(0);
    assert_eq!(asked.query_value("standardDateFormat").as_deref(), Some("true"));
}

#[tokio::test]
async fn gone_and_changed() {
    let server = server().dashboard(dashboard()).start().await.unwrap();
    let session = login(&server).await;
    let instance = run(&session, DocumentRequest::new()).await;
    let grid = instance.visualization(ChapterKey::new("K36"), "K52");
    assert_eq!(lines(&grid.page_or_reexecute(0, 10).await.unwrap()), 10);
    server.expire_instances();
    // many at once: one executes
    let pages = (0..25).map(|at| tokio::spawn(grid.page_or_reexecute(at, 1)));
    for page in pages.collect::<Vec<_>>() {
        assert_eq!(lines(&page.await.unwrap().unwrap()), 1);
    }
    assert_eq!(server.count(Method::POST, RUNS), 2);

    server.expire_instances();
    let grown = Fault::alter(|_, reply| {
        let mut body: Value = serde_json::from_slice(reply.body()).unwrap();
        if body["data"]["paging"]["total"].is_number() {
            body["data"]["paging"]["total"] = json!(26);
            return Reply::json(200, &body);
        }
        reply
    });
    server.inject(grown.on(Method::GET, GRIDS));
    let error = grid.page_or_reexecute(10, 10).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Api);
    assert!(error.message().contains("25 before, 26 now"), "{error}");
}

#[tokio::test]
async fn conditions_and_levels_as_answers() {
    let asking = sales()
        .prompt(Prompt::expression("Which").id("P1"))
        .prompt(Prompt::level("Level", ["R1", "C1"]).id("P2").in_round(1));
    let server = server().report(asking.clone()).start().await.unwrap();
    let session = login(&server).await;
    let instance = report(&session, &asking).run(GridRequest::designed()).await.unwrap();
    let prompts = instance.prompts().await.unwrap();
    assert_eq!(prompts[0].kind, PromptKind::Expression);
    let offered = instance.prompt_objects(&prompts[0], None).await.unwrap();
    let metrics = offered.iter().filter(|one| one.kind == Some("metric".into()));
    assert_eq!((offered.len(), metrics.count()), (4, 2));

    // refused before anything is sent
    let nothing = attribute("R1").is_in::<&str>([]);
    for answer in [
        Answer::expression(nothing),
        Answer::expression_at(metric("M1").greater_than(0), [""]),
        Answer::level(Level::of::<&str>([])),
        Answer::level(Level::of([""])),
    ] {
        let error = instance.answer(Answers::new().by_id("P1", answer)).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidRequest, None));
    }
    let path = "/reports/*/instances/*/prompts/answers";
    assert_eq!(server.count(Method::PUT, path), 0);

    // refused by the server
    let unknown = Answer::expression(metric("NONE").greater_than(0));
    let error = instance.answer(Answers::new().by_id("P1", unknown)).await.unwrap_err();
    assert_eq!((error.kind(), error.number()), (ErrorKind::InvalidRequest, Some(6)));

    instance
        .answer_all(async |prompt| {
            Ok(Some(match prompt.kind {
                PromptKind::Expression => {
                    Answer::expression_at(metric("M1").greater_than(0), ["R1"])
                }
                _ => Answer::level(Level::of(["R1"]).filter_absent(false).extendable(true)),
            }))
        })
        .await
        .unwrap();
    let mut sent = server.requests(Method::PUT, path).into_iter().skip(1);
    let mut sent = || sent.next().unwrap().json::<Value>().unwrap()["prompts"][0].clone();
    assert_eq!(
        sent(),
        json!({ "key": prompts[0].key, "type": "EXPRESSION", "answers": { "expression": {
            "level": { "type": "attribute", "objects": [{ "id": "R1" }] },
            "operator": "Greater",
            "operands": [
                { "type": "metric", "id": "M1" },
                { "type": "constant", "dataType": "Int64", "value": "0" },
            ],
        }}})
    );
    let level = sent();
    assert_eq!(level["type"], "LEVEL");
    assert_eq!(
        level["answers"],
        json!({ "units": [{ "id": "R1" }], "filterRest": false, "canContinue": true })
    );
    let page = instance.page(0, 100).await.unwrap();
    let values: Vec<_> = raw(&page).iter().map(|row| row[0].as_f64().unwrap()).collect();
    assert!(!values.is_empty() && values.len() < 25, "the condition filters");
    assert!(values.iter().all(|value| *value > 0.0));
}
