//! Lists that come in pages: all items once and in order, whatever the server does.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt as _, TryStreamExt as _};
use mstr_rest_api::{FoldersExt, List, Object};
use mstr_rest_core::{ErrorKind, Session};
use mstr_sim::{Fault, LibraryServer, Method, Reply};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{login, server};

/// How a server of lists behaves.
#[derive(Debug, Clone, Default)]
struct Behaviour {
    items: usize,
    cap: Option<usize>,
    header: bool,
    wrapped: bool,
    link: bool,
    ignores_paging: bool,
}

async fn serving(behaviour: Behaviour) -> (LibraryServer, Session) {
    let server = server().session_route(Method::GET, "/folders", move |request| {
        page(&behaviour, request.query_value("offset"), request.query_value("limit"))
    });
    let server = server.start().await.unwrap();
    let session = login(&server).await;
    (server, session)
}

fn item(number: usize) -> Value {
    json!({"id": format!("{number}"), "name": "n", "type": 8})
}

fn page(how: &Behaviour, offset: Option<String>, limit: Option<String>) -> Reply {
    let number = |text: Option<String>| text.unwrap().parse::<usize>().unwrap();
    let (mut offset, mut limit) = (number(offset), number(limit));
    assert!(limit > 0);
    let asked = limit;
    limit = limit.min(how.cap.unwrap_or(usize::MAX));
    if how.ignores_paging {
        (offset, limit) = (0, usize::MAX);
    }
    let items: Vec<_> = (0..how.items).skip(offset).take(limit).map(item).collect();
    let body = match (how.wrapped, how.header) {
        (false, _) => json!(items),
        (true, true) => json!({"result": items}),
        (true, false) => json!({"totalItems": how.items, "result": items}),
    };
    let mut reply = Reply::json(200, &body);
    if how.header {
        reply = reply.header("x-mstr-total-count", &how.items.to_string());
    }
    if how.link {
        let last = how.items.saturating_sub(1) / asked * asked;
        let link = format!("</api/folders?limit={asked}&offset={last}>; rel=\"last\"");
        reply = reply.header("link", &link);
    }
    reply
}

fn numbers(objects: &[Object]) -> Vec<usize> {
    objects.iter().map(|object| object.id.parse().unwrap()).collect()
}

fn list(session: &Session) -> List<Object> {
    session.folders().root()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn every_item_once_and_in_order(
        items in 0usize..60,
        page_size in 1u64..25,
        cap in proptest::option::of(1usize..20),
        offset in 0u64..10,
        limit in proptest::option::of(0u64..70),
        form in 0u8..16,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bit = |bit: u8| form & bit != 0;
            let how = Behaviour {
                items, cap, header: bit(1), wrapped: bit(2), link: bit(4), ignores_paging: false,
            };
            let (server, session) = serving(how.clone()).await;
            let mut list = list(&session).page_size(page_size).offset(offset);
            if let Some(limit) = limit {
                list = list.limit(limit);
            }
            let got = numbers(&list.clone().all().await.unwrap());
            let first = usize::try_from(offset).unwrap().min(items);
            let many = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap());
            let wanted: Vec<_> = (first..items).take(many).collect();
            assert_eq!(got, wanted, "{how:?}");
            // pages hold the same, none is empty, and each knows where it begins
            let pages: Vec<_> = list.pages().try_collect().await.unwrap();
            let mut at = offset;
            for page in &pages {
                assert!(!page.items.is_empty() && page.offset == at);
                at += page.items.len() as u64;
            }
            let flat: Vec<_> = pages.into_iter().flat_map(|page| page.items).collect();
            assert_eq!(numbers(&flat), wanted);
            let size = usize::try_from(page_size).unwrap().min(cap.unwrap_or(usize::MAX));
            let most = wanted.len().div_ceil(size) + 1;
            assert!(server.count(Method::GET, "/folders") <= 2 * most, "no more pages than needed");
        });
    }
}

#[tokio::test]
async fn a_server_that_does_not_know_pages_is_read_once() {
    let how = Behaviour { items: 7, ignores_paging: true, ..Behaviour::default() };
    let (server, session) = serving(how).await;
    let got = list(&session).page_size(3).all().await.unwrap();
    assert_eq!(numbers(&got), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(server.count(Method::GET, "/folders"), 2);
    assert_eq!(numbers(&list(&session).limit(2).all().await.unwrap()), [0, 1]);
}

/// Pages as they are written here, one after the other, the last one again and again.
async fn scripted(pages: Vec<(Value, Option<&'static str>)>) -> (LibraryServer, Session) {
    let at = Arc::new(AtomicUsize::new(0));
    let server = server().session_route(Method::GET, "/folders", move |_| {
        let (body, total) = &pages[at.fetch_add(1, Ordering::SeqCst).min(pages.len() - 1)];
        let reply = Reply::json(200, body);
        total.map_or(reply.clone(), |total| reply.header("x-mstr-total-count", total))
    });
    let server = server.start().await.unwrap();
    let session = login(&server).await;
    (server, session)
}

#[tokio::test]
async fn a_list_that_does_not_add_up_is_an_error() {
    let two = || json!([item(0), item(1)]);
    let more = || json!([item(2), item(3)]);
    let cases = [
        // the total changes
        (vec![(two(), Some("5")), (more(), Some("4"))], "had 5 items, and then 4"),
        // an empty page before the end
        (vec![(two(), Some("5")), (json!([]), Some("5"))], "gave 2 items of a list of 5"),
        (vec![(two(), Some("5")), (json!(null), None)], "gave 2 items of a list of 5"),
        // the same page again and again
        (vec![(two(), Some("5"))], "the same page twice"),
    ];
    for (pages, says) in cases {
        let (server, session) = scripted(pages.clone()).await;
        let mut items = list(&session).page_size(2).stream();
        assert_eq!(items.next().await.unwrap().unwrap().id, "0");
        assert_eq!(items.next().await.unwrap().unwrap().id, "1");
        let error = items.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Api);
        assert!(error.to_string().contains(says), "{error}");
        assert!(items.next().await.is_none(), "an error is the end");
        assert_eq!(server.count(Method::GET, "/folders"), 2);
    }
}

#[tokio::test]
async fn changes_can_be_allowed() {
    let pages =
        vec![(json!([item(0), item(1)]), Some("5")), (json!([item(2), item(3)]), Some("4"))];
    let (_server, session) = scripted(pages).await;
    let got = list(&session).page_size(2).allow_changes(true).all().await.unwrap();
    assert_eq!(numbers(&got), [0, 1, 2, 3]);
    let pages = vec![(json!([item(0)]), Some("3")), (json!([]), Some("3"))];
    let (_server, session) = scripted(pages).await;
    let got = list(&session).page_size(1).allow_changes(true).all().await.unwrap();
    assert_eq!(numbers(&got), [0]);
}

#[tokio::test]
async fn the_last_page_of_the_link_is_a_promise() {
    let server = server().session_route(Method::GET, "/folders", |request| {
        let items =
            if request.query_value("offset").unwrap() == "0" { vec![item(0)] } else { vec![] };
        Reply::json(200, &items).header("link", "</folders?limit=1&offset=2>; rel=\"last\"")
    });
    let server = server.start().await.unwrap();
    let error = list(&login(&server).await).page_size(1).all().await.unwrap_err();
    assert!(error.to_string().contains("gave 1 items of a list of 3"), "{error}");
}

#[tokio::test]
async fn faults_in_the_middle() {
    let how = Behaviour { items: 9, header: true, ..Behaviour::default() };
    let (server, session) = serving(how).await;
    let read = |session: &Session| list(session).page_size(2).stream();
    // a busy server is asked again
    let mut items = read(&session);
    for _ in 0..2 {
        items.next().await.unwrap().unwrap();
    }
    server.inject(Fault::status(503).on(Method::GET, "/folders").times(2));
    let rest: Vec<_> = items.by_ref().map(Result::unwrap).collect().await;
    assert_eq!(numbers(&rest), [2, 3, 4, 5, 6, 7, 8]);
    // an expired session is logged in again
    let mut items = read(&session);
    for _ in 0..4 {
        items.next().await.unwrap().unwrap();
    }
    server.expire_all();
    let rest: Vec<_> = items.map(Result::unwrap).collect().await;
    assert_eq!(numbers(&rest), [4, 5, 6, 7, 8]);
    // a 500 ends it: what came before is not lost
    let mut items = read(&session);
    for _ in 0..6 {
        items.next().await.unwrap().unwrap();
    }
    let broken = Reply::error(500, "ERR001", "Java heap space");
    server.inject(Fault::reply(broken).on(Method::GET, "/folders").times(1));
    let error = items.next().await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Api, Some("ERR001")));
    assert!(items.next().await.is_none());
    // a page that breaks off is asked for again, and comes once
    server.inject(Fault::reset().on(Method::GET, "/folders").times(1));
    assert_eq!(list(&session).page_size(5).all().await.unwrap().len(), 9);
}

#[tokio::test]
async fn pages_are_asked_for_as_they_are_read() {
    let how = Behaviour { items: 9, header: true, ..Behaviour::default() };
    let (server, session) = serving(how).await;
    let mut items = list(&session).page_size(3).stream();
    assert_eq!(server.count(Method::GET, "/folders"), 0, "nothing before it is read");
    for _ in 0..3 {
        items.next().await.unwrap().unwrap();
    }
    assert_eq!(server.count(Method::GET, "/folders"), 1);
    drop(items);
    let page = list(&session).page(3, 2).await.unwrap();
    assert_eq!((numbers(&page.items), page.total), (vec![3, 4], Some(9)));
    // what is wanted of every call
    let with = list(&session).with(|call| call.query("fields", "id"));
    assert_eq!(with.page_size(5).await.unwrap().len(), 9);
    let sent = server.requests(Method::GET, "/folders");
    assert_eq!(sent.iter().filter(|one| one.query_value("fields").is_some()).count(), 2);
    // as one future that is sent elsewhere
    let all = tokio::spawn(list(&session).all()).await.unwrap().unwrap();
    assert_eq!(all.len(), 9);
}
