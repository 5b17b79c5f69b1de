//! Executions against the simulated server: in the background, with prompts, and gone.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mstr_rest_api::expression::attribute;
use mstr_rest_api::{
    Answer, Answers, ErrorExt, GridObject, GridRequest, Instance, InstanceStatus, Order,
    PromptKind, Sort,
};
use mstr_rest_core::ErrorKind;
use mstr_sim::{Fault, LibraryServer, Method, Prompt, Reply};
use serde_json::{Value, json};
use support::{lines, login, raw, report, sales, server};

const RUNS: &str = "/v2/reports/*/instances";
const ONE: &str = "/v2/reports/*/instances/*";
const STATUS: &str = "/reports/*/instances/*/status";
const ANSWERS: &str = "/reports/*/instances/*/prompts/answers";

/// Waits until a request came: what a dropped future left behind is sent by another task.
async fn came(server: &LibraryServer, method: Method, path: &str) {
    for _ in 0..500 {
        if server.count(method.clone(), path) > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{method} {path} never came");
}

fn filtered() -> GridRequest {
    GridRequest::designed().view_filter(attribute("R1").is_in(["R1:1"])).page_size(4)
}

#[tokio::test]
async fn in_the_background() {
    let server = server().report(sales()).polls(2).start().await.unwrap();
    let session = login(&server).await;
    let report = report(&session, &sales());
    let at_once = report.run(filtered()).await.unwrap();
    server.clear_journal();

    let instance = report.run(filtered().respond_async(true)).await.unwrap();
    assert_eq!(
        instance.first_page().map(|page| raw(&page)),
        at_once.first_page().map(|page| raw(&page))
    );
    assert_eq!(instance.total(), at_once.total());
    let begun = server.requests(Method::POST, RUNS).pop().unwrap();
    assert_eq!(begun.header("prefer"), Some("respond-async"));
    assert_eq!(begun.json::<Value>().unwrap(), json!({}), "the request comes later");
    assert_eq!(begun.status().unwrap().as_u16(), 202);
    assert_eq!(server.count(Method::GET, STATUS), 3);
    let told = server.requests(Method::PUT, ONE).pop().unwrap().json::<Value>().unwrap();
    assert_eq!(told["viewFilter"]["operator"], "In");

    // without a request there is nothing to tell, and no page yet
    server.clear_journal();
    let shown = GridRequest::designed().respond_async(true);
    let instance = report.run(shown).await.unwrap();
    assert_eq!((instance.first_page(), instance.total()), (None, None));
    assert_eq!(server.count(Method::PUT, ONE), 0);
    assert_eq!(lines(&instance.page(0, 7).await.unwrap()), 7);
    assert_eq!(instance.total(), Some(25), "the first page that came said it");
    assert_eq!(server.count(Method::DELETE, ONE), 0);
}

#[tokio::test]
async fn a_server_that_is_fast_answers_at_once() {
    let server = server().report(sales()).polls(0).start().await.unwrap();
    let session = login(&server).await;
    let report = report(&session, &sales());
    let shown = GridRequest::designed().respond_async(true);
    assert!(report.run(shown).await.unwrap().first_page().is_some());
    assert_eq!(
        report.run(filtered().respond_async(true)).await.unwrap().request(),
        filtered().respond_async(true)
    );
    assert_eq!(server.count(Method::GET, STATUS), 0);
}

#[tokio::test]
async fn execution_that_exceeds_its_timeout_is_cancelled() {
    let server = server().report(sales()).polls(usize::MAX).start().await.unwrap();
    let session = login(&server).await;
    let request = filtered().respond_async(true).execution_timeout(Duration::from_millis(500));
    let error = report(&session, &sales()).run(request).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert!(error.message().contains("it was cancelled"), "{error}");
    assert!(server.count(Method::GET, STATUS) > 0);
    assert_eq!(server.count(Method::DELETE, ONE), 1);
}

#[tokio::test]
async fn an_execution_without_a_reply_says_which_option_raises_the_limit() {
    let server = server().report(sales()).start().await.unwrap();
    let session = login(&server).await;
    server.inject(Fault::stall().on(Method::POST, RUNS));
    let request = GridRequest::designed().execution_timeout(Duration::from_millis(200));
    let error = report(&session, &sales()).run(request).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert!(error.message().contains("`GridRequest::execution_timeout` (now 0.2 s)"), "{error}");
}

#[tokio::test]
async fn an_execution_is_started_watched_and_cancelled() {
    let server = server().report(sales()).polls(2).start().await.unwrap();
    let session = login(&server).await;
    let report = report(&session, &sales());
    let running = report.start(filtered()).await.unwrap();
    assert_eq!(server.count(Method::GET, STATUS), 0, "nothing is asked before it is waited for");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let running = running.on_progress(move |status| log.lock().unwrap().push(status.to_string()));
    let instance = running.await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["running", "running", "ready"]);
    assert_eq!(instance.last_status(), InstanceStatus::Ready);
    assert_eq!(server.count(Method::PUT, ONE), 1, "the request is sent when it is ready");
    assert_eq!(lines(&instance.first_page().unwrap()), 4);

    let running = report.start(GridRequest::designed()).await.unwrap();
    let again = running.clone().timeout(Duration::ZERO);
    let error = again.wait().await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(error.message().contains(report.id()), "{error}");
    assert!(error.message().contains("it continues on the server"), "{error}");
    assert_eq!(running.status().await.unwrap(), InstanceStatus::Running);
    assert_eq!(server.count(Method::DELETE, ONE), 0);
    running.cancel().await.unwrap();
    assert_eq!(server.count(Method::DELETE, ONE), 1);
    assert!(running.wait().await.unwrap_err().is_instance_gone());
    let running = report.start(GridRequest::designed()).await.unwrap();
    let error = running.timeout(Duration::ZERO).cancel_on_timeout().await.unwrap_err();
    assert!(error.is_timeout() && error.message().contains("it was cancelled"), "{error}");
    assert_eq!(server.count(Method::DELETE, ONE), 2);

    let invalid = report.start(GridRequest::designed().page_size(0)).await.unwrap_err();
    assert_eq!((invalid.kind(), invalid.status()), (ErrorKind::InvalidRequest, None));
}

#[tokio::test]
async fn an_instance_is_deleted_when_its_guard_is_dropped() {
    let server = server().report(sales()).start().await.unwrap();
    let session = login(&server).await;
    let object = GridObject::from(report(&session, &sales()));
    let instance = object.run(GridRequest::designed()).await.unwrap();
    instance.delete_on_drop().disarm();
    let guard = instance.delete_on_drop();
    instance.reexecute().await.unwrap();
    let id = instance.id();
    server.clear_journal();
    drop(guard);
    came(&server, Method::DELETE, ONE).await;
    assert!(server.requests(Method::DELETE, ONE).pop().unwrap().path().ends_with(&id), "the last");
    let instance = object.run(GridRequest::designed()).await.unwrap();
    server.clear_journal();
    instance.delete_on_drop().now().await;
    assert_eq!(server.count(Method::DELETE, ONE), 1);
    assert!(instance.page(0, 1).await.unwrap_err().is_instance_gone());
}

#[tokio::test]
async fn a_wait_that_the_server_asks_for_is_kept() {
    let server = server().report(sales()).polls(1).poll_retry_after(3600).start().await.unwrap();
    let session = login(&server).await;
    // it asks for more time than there is: nothing is waited for, and nothing is asked
    let request = GridRequest::designed().respond_async(true);
    let run = report(&session, &sales()).run(request);
    let error = tokio::time::timeout(Duration::from_secs(60), run).await.unwrap().unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(server.count(Method::GET, STATUS), 0);
    assert_eq!(server.count(Method::DELETE, ONE), 1);
}

#[tokio::test]
async fn dropped_it_is_cancelled() {
    let server = server().report(sales()).polls(usize::MAX).start().await.unwrap();
    let session = login(&server).await;
    let running = tokio::spawn(report(&session, &sales()).run(filtered().respond_async(true)));
    came(&server, Method::GET, STATUS).await;
    assert_eq!(server.count(Method::DELETE, ONE), 0);
    running.abort();
    came(&server, Method::DELETE, ONE).await;
    assert!(running.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn refused_in_the_second_step_it_is_cleared_away() {
    let server = server().report(sales()).start().await.unwrap();
    let session = login(&server).await;
    let refusal =
        Fault::reply(Reply::error(400, "ERR006", "Invalid element id")).on(Method::PUT, ONE);
    server.inject(refusal);
    let error = report(&session, &sales()).run(filtered().respond_async(true)).await.unwrap_err();
    assert_eq!((error.kind(), error.number()), (ErrorKind::InvalidRequest, Some(6)));
    came(&server, Method::DELETE, ONE).await;
}

#[tokio::test]
async fn a_run_is_never_sent_twice() {
    let server = server().report(sales()).start().await.unwrap();
    let session = login(&server).await;
    let report = report(&session, &sales());
    let instance = report.run(GridRequest::designed()).await.unwrap();
    server.clear_journal();
    server.inject(Fault::status(503));
    assert!(report.run(GridRequest::designed()).await.is_err());
    assert!(instance.manipulate(filtered()).await.is_err());
    assert_eq!((server.count(Method::POST, RUNS), server.count(Method::PUT, ONE)), (1, 1));
}

#[tokio::test]
async fn replies_that_are_odd() {
    let server = server().report(sales()).start().await.unwrap();
    let session = login(&server).await;
    let report = report(&session, &sales());
    for body in [json!({}), json!({ "instanceId": null }), json!([])] {
        let odd = server.inject(Fault::reply(Reply::json(200, &body)).on(Method::POST, RUNS));
        let error = report.run(GridRequest::designed()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{body}");
        odd.remove();
    }
    let odd = json!({ "instanceId": "I", "status": "7" });
    server.inject(Fault::reply(Reply::json(200, &odd)).on(Method::POST, RUNS));
    let instance = report.run(GridRequest::designed()).await.unwrap();
    assert_eq!((instance.last_status(), instance.first_page()), (InstanceStatus::Other(7), None));
    server.inject(Fault::reply(Reply::json(202, &json!({}))).on(Method::GET, ONE));
    assert_eq!(instance.page(0, 1).await.unwrap_err().kind(), ErrorKind::InvalidRequest);
}

fn prompted() -> mstr_sim::Report {
    sales()
        .prompt(Prompt::elements("Regions", "R1").id("P1"))
        .prompt(Prompt::value("Until").id("P2").default_answer("2024-12-31"))
        .prompt(Prompt::objects("Metrics", [("M1", 4), ("M2", 4)]).id("P3").optional())
        .prompt(Prompt::value("Again").id("P4").in_round(1))
}

async fn asked(server: &LibraryServer, request: GridRequest) -> Instance {
    let session = login(server).await;
    let instance = report(&session, &prompted()).run(request).await.unwrap();
    assert_eq!(instance.last_status(), InstanceStatus::Prompts);
    instance
}

fn give(prompt: &mstr_rest_api::Prompt) -> Option<Answer> {
    match prompt.name.as_str() {
        "Regions" => Some(Answer::elements(["R1:1"])),
        "Until" => Some(Answer::use_default()),
        "Again" => Some(Answer::value("yes")),
        _ => None,
    }
}

#[tokio::test]
async fn prompts_are_listed_and_answered() {
    let server = server().report(prompted()).start().await.unwrap();
    let instance = asked(&server, GridRequest::designed()).await;
    assert_eq!(instance.first_page(), None);
    assert_eq!(instance.page(0, 1).await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    assert!(instance.sql_view().await.unwrap_err().is_prompted());
    let prompts = instance.prompts().await.unwrap();
    let kinds: Vec<_> = prompts.iter().map(|prompt| prompt.kind).collect();
    assert_eq!(kinds, [PromptKind::Elements, PromptKind::Value, PromptKind::Objects]);
    assert_eq!((prompts[0].required, prompts[2].required), (Some(true), Some(false)));
    assert!(prompts[1].default_answer.is_some() && !prompts[0].key.is_empty());
    let offered = instance.prompt_elements(&prompts[0], None).page(0, 2).await.unwrap();
    assert_eq!((offered.total, offered.items.len()), (None, 2), "no total is documented");
    let objects = instance.prompt_objects(&prompts[2], None).await.unwrap();
    assert_eq!((objects[0].id.as_str(), objects[0].kind.clone()), ("M1", Some("metric".into())));

    // by key, id and name; the last one is asked for only then
    let answers = Answers::new()
        .by_key(&prompts[0].key, Answer::elements([&*offered.items[0].id]))
        .by_id("P2", Answer::use_default())
        .by_name("Metrics", Answer::objects([("M2", 4)]));
    assert_eq!(instance.answer(answers).await.unwrap(), InstanceStatus::Prompts);
    let sent = server.requests(Method::PUT, ANSWERS).pop().unwrap().json::<Value>().unwrap();
    assert_eq!(
        sent,
        json!({ "prompts": [
            { "key": prompts[0].key, "type": "ELEMENTS", "answers": [{ "id": "h1;R1" }] },
            { "id": "P2", "type": "VALUE", "useDefault": true },
            { "name": "Metrics", "type": "OBJECTS", "answers": [{ "id": "M2", "type": 4 }] },
        ]})
    );
    let open = instance.prompts().await.unwrap();
    assert_eq!((open.len(), open[0].name.as_str()), (1, "Again"));
    let last = Answers::new().by_name("Again", Answer::values(["yes"]));
    assert_eq!(instance.answer(last).await.unwrap(), InstanceStatus::Ready);
    let page = instance.page(0, 100).await.unwrap();
    assert!(lines(&page) > 0 && lines(&page) < 25, "the answer filters");
    assert_eq!(report(&login(&server).await, &prompted()).prompts().await.unwrap().len(), 3);
}

#[tokio::test]
async fn all_answered_to_the_end() {
    let server = server().report(prompted()).start().await.unwrap();
    let sorted =
        GridRequest::designed().sort_rows(Sort::metric("M1", Order::Ascending)).page_size(4);
    for request in [GridRequest::designed(), sorted.respond_async(true)] {
        let instance = asked(&server, request.clone()).await;
        instance.answer_all(async |prompt| Ok(give(&prompt))).await.unwrap();
        assert_eq!(instance.last_status(), InstanceStatus::Ready);
        assert!(lines(&instance.page(0, 100).await.unwrap()) < 25);
        // what could not be told before is told behind the prompts
        let told = usize::from(request != GridRequest::designed());
        assert_eq!(server.count(Method::PUT, ONE), told);
        let first = instance.first_page().map(|page| lines(&page));
        assert_eq!(first, (told == 1).then_some(4));
        instance.answer_all(async |prompt| Ok(give(&prompt))).await.unwrap(); // nothing is open
    }
    assert_eq!(server.count(Method::PUT, ANSWERS), 4);
}

#[tokio::test]
async fn answers_that_are_refused() {
    let server = server().report(prompted()).start().await.unwrap();
    let instance = asked(&server, GridRequest::designed()).await;
    let none = instance.answer_all(async |_| Ok(None)).await.unwrap_err();
    assert_eq!(none.kind(), ErrorKind::InvalidRequest);
    assert!(none.message().contains("Regions"), "{none}");
    let other = instance.answer_all(async |_| Ok(Some(Answer::value("x")))).await.unwrap_err();
    assert!(other.message().contains("ELEMENTS"), "{other}");
    for answers in [Answers::new(), Answers::new().by_key("", Answer::value("x"))] {
        let error = instance.answer(answers).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidRequest, None));
    }
    assert_eq!(server.count(Method::PUT, ANSWERS), 0);
    let wrong = Answers::new().by_id("P1", Answer::elements(["R1:999"]));
    let error = instance.answer(wrong).await.unwrap_err();
    assert_eq!((error.kind(), error.number()), (ErrorKind::InvalidRequest, Some(6)));
    assert_eq!(instance.last_status(), InstanceStatus::Prompts, "as before");
}

#[tokio::test]
async fn prompts_without_an_end() {
    let server = server().report(prompted()).start().await.unwrap();
    let instance = asked(&server, GridRequest::designed()).await;
    server.session_route(Method::PUT, ANSWERS, |_| Reply::new(204));
    let error = instance.answer_all(async |prompt| Ok(give(&prompt))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Api);
    assert_eq!(server.count(Method::PUT, ANSWERS), 50);
    server.session_route(Method::GET, "/reports/*/instances/*/prompts", |_| {
        Reply::json(200, &json!([]))
    });
    assert_eq!(
        instance.answer_all(async |prompt| Ok(give(&prompt))).await.unwrap_err().kind(),
        ErrorKind::Api
    );
}

#[tokio::test]
async fn gone_and_read_on() {
    let server = server().report(sales()).report(prompted().id("0B")).start().await.unwrap();
    let session = login(&server).await;
    let instance =
        report(&session, &sales()).run(GridRequest::designed().page_size(10)).await.unwrap();
    let wanted = instance.page(10, 10).await.unwrap();
    let (id, clone) = (instance.id(), instance.clone());
    // the session ends, and with it the instance; the re-login does not bring it back
    server.expire_all();
    assert!(instance.page(10, 10).await.unwrap_err().is_instance_gone());
    assert_eq!(raw(&instance.page_or_reexecute(10, 10).await.unwrap()), raw(&wanted));
    assert_ne!(clone.id(), id, "clones read on, too");
    assert_eq!(lines(&clone.page(20, 10).await.unwrap()), 5);
    assert_eq!(server.count(Method::POST, RUNS), 2);

    // many at once: one executes
    server.expire_instances();
    let pages = (0..25).map(|at| tokio::spawn(instance.page_or_reexecute(at, 1)));
    for page in pages.collect::<Vec<_>>() {
        assert_eq!(lines(&page.await.unwrap().unwrap()), 1);
    }
    assert_eq!(server.count(Method::POST, RUNS), 3);

    // on purpose: a job that looks again and again leaves nothing behind
    for _ in 0..3 {
        let id = instance.id();
        instance.reexecute().await.unwrap();
        assert_ne!(instance.id(), id);
    }
    assert_eq!(lines(&instance.first_page().unwrap()), 10);
    assert_eq!(server.instances(server.sessions()[0].generation()), 1);
}

#[tokio::test]
async fn gone_with_answers() {
    let server = server().report(prompted()).start().await.unwrap();
    let instance = asked(&server, GridRequest::designed()).await;
    instance.answer_all(async |prompt| Ok(give(&prompt))).await.unwrap();
    let wanted = raw(&instance.page(0, 100).await.unwrap());
    server.expire_instances();
    assert_eq!(raw(&instance.page_or_reexecute(0, 100).await.unwrap()), wanted);
    assert_eq!(server.count(Method::PUT, ANSWERS), 4, "answered again");
    assert_eq!(instance.last_status(), InstanceStatus::Ready);
    server.expire_instances();
    assert_eq!(raw(&instance.page_or_reexecute(0, 100).await.unwrap()), wanted, "and again");
    // another request goes on with the same answers
    let sorted = GridRequest::designed().sort_rows(Sort::metric("M1", Order::Ascending));
    instance.manipulate(sorted).await.unwrap();
    server.expire_instances();
    let page = instance.page_or_reexecute(0, 2).await.unwrap();
    assert_eq!((lines(&page), server.count(Method::PUT, ANSWERS)), (2, 8));
    assert_eq!(instance.last_status(), InstanceStatus::Ready);
}

#[tokio::test]
async fn gone_and_changed() {
    let server = server().report(sales()).start().await.unwrap();
    let session = login(&server).await;
    let instance = report(&session, &sales()).run(GridRequest::designed()).await.unwrap();
    let id = instance.id();
    server.expire_instances();
    let grown = Fault::alter(|_, reply| {
        let mut body: Value = serde_json::from_slice(reply.body()).unwrap();
        body["data"]["paging"]["total"] = json!(26);
        Reply::json(200, &body)
    });
    let grown = server.inject(grown.on(Method::POST, RUNS));
    for _ in 0..2 {
        let error = instance.page_or_reexecute(10, 10).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Api);
        assert!(error.message().contains("25 before, 26 now"), "{error}");
        assert!(!error.is_instance_gone());
        assert_eq!(instance.id(), id, "no page of it is given out");
    }
    assert_eq!(server.count(Method::DELETE, ONE), 2, "and nothing is left behind");
    grown.remove();
    assert_eq!(lines(&instance.page_or_reexecute(10, 10).await.unwrap()), 10);
    // other errors are nobody's to repeat
    server.inject(
        Fault::reply(Reply::iserver_error(500, "ERR001", -2_147_206_497, "(slow)"))
            .on(Method::GET, ONE),
    );
    let runs = server.count(Method::POST, RUNS);
    assert!(instance.page_or_reexecute(0, 1).await.unwrap_err().is_request_timeout());
    assert_eq!(server.count(Method::POST, RUNS), runs);
}
