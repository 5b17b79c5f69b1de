//! The server as an object: journal, routes, restart, stop, control.

mod support;

use std::time::Duration;

use mstr_sim::{LibraryServer, Method, Reply};
use serde_json::json;
use support::{Call, log_in, login};
use tokio::net::TcpStream;

#[tokio::test]
async fn the_journal_holds_what_was_sent_and_how_it_ended() {
    let server = LibraryServer::start().await.unwrap();
    let token = log_in(&server).await.token();
    Call::get("/projects?limit=5&name=a%20b")
        .token(&token)
        .header("X-MSTR-ProjectID", "P1")
        .header("Cookie", "a=1; iSession=x")
        .send(&server)
        .await;
    let [login, list] = <[_; 2]>::try_from(server.journal()).unwrap();

    assert_eq!((login.method(), login.endpoint()), (&Method::POST, "/auth/login"));
    assert_eq!(login.path(), "/MicroStrategyLibrary/api/auth/login");
    let body: serde_json::Value = login.json().unwrap();
    assert_eq!(body["password"], "mstr");
    assert_eq!((login.session(), login.user(), login.token()), (None, None, None));
    assert_eq!(login.status().unwrap().as_u16(), 204);

    assert_eq!(list.query(), Some("limit=5&name=a%20b"));
    assert_eq!(list.query_value("name").as_deref(), Some("a b"));
    assert_eq!(list.token(), Some(token.as_str()));
    assert_eq!(list.project_id(), Some("P1"));
    assert_eq!(list.cookie("iSession"), Some("x"));
    assert_eq!((list.session(), list.user()), (Some(1), Some("administrator")));
    assert_ne!(login.connection(), list.connection());
    assert_eq!(list.to_string(), "GET /projects [administrator #1] -> 200");

    assert_eq!(server.count(Method::GET, "/projects"), 1);
    assert_eq!(server.count(Method::GET, "/{any}"), 1);
    assert_eq!(server.count(Method::POST, "/projects"), 0);
    server.clear_journal();
    assert!(server.journal().is_empty());
}

#[tokio::test]
async fn nothing_that_is_printed_holds_a_secret() {
    use std::fmt::Write as _;

    let canaries = ["canary-password", "canary-key", "canary-query", "canary-cookie"];
    let builder = LibraryServer::builder()
        .user("dave", canaries[0])
        .api_key(canaries[1], "dave")
        .control(true);
    let mut printed = format!("{builder:?}");
    let server = builder.start().await.unwrap();
    let answer = login("dave", canaries[0]).send(&server).await;
    let key = json!({"username": canaries[1], "loginMode": 4096});
    Call::post("/auth/login").json(&key).send(&server).await;
    Call::get(&format!("/projects?secret={}", canaries[2]))
        .token(&answer.token())
        .header("Cookie", &format!("iSession={}", canaries[3]))
        .send(&server)
        .await;
    for request in server.journal() {
        write!(printed, "{request:?} {request} {:?}", request.headers()).unwrap();
    }
    let reply = Reply::new(204).header("x-mstr-authtoken", &answer.token());
    write!(printed, "{server:?} {:?} {reply:?}", server.sessions()).unwrap();
    printed += &Call::get("=/__sim__/journal").send(&server).await.text();
    printed += &Call::get("=/__sim__/sessions").send(&server).await.text();
    for secret in canaries.into_iter().chain([answer.token().as_str()]) {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
    assert!(printed.contains("dave"));
}

#[tokio::test]
async fn mounted_routes_go_first_and_the_last_one_wins() {
    let server = LibraryServer::builder()
        .route(Method::GET, "/status", |_| Reply::json(200, "mine"))
        .start()
        .await
        .unwrap();
    assert_eq!(Call::get("/status").send(&server).await.json(), "mine");
    server.route(Method::GET, "/status", |_| Reply::json(200, "newer"));
    assert_eq!(Call::get("/status").send(&server).await.json(), "newer");

    server.route(Method::POST, "/../auth/oidc/token", |_| Reply::new(204));
    let oidc = Call::post("=/MicroStrategyLibrary/auth/oidc/token");
    assert_eq!(oidc.send(&server).await.status, 204);

    server.session_route(Method::GET, "/objects/{id}", |request| {
        Reply::json(200, request.user().unwrap_or_default())
    });
    assert_eq!(Call::get("/objects/1").send(&server).await.json()["code"], "ERR009");
    let token = log_in(&server).await.token();
    let mine = Call::get("/objects/1").token(&token).send(&server).await;
    assert_eq!(mine.json(), "administrator");
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let server = LibraryServer::start().await.unwrap();
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    for _ in 0..3 {
        let answer = Call::put("/sessions").send_over(&server, &mut stream).await.unwrap();
        assert_eq!(answer.status, 401);
    }
    assert!(server.journal().iter().all(|request| request.connection() == 1));
}

#[tokio::test]
async fn a_restart_keeps_the_port_and_loses_the_sessions() {
    let server = LibraryServer::start().await.unwrap();
    let address = server.address();
    let token = log_in(&server).await.token();

    server.stop().await;
    server.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
    assert_eq!(server.sessions().len(), 1, "a stop alone ends no session");

    server.restart().await.unwrap();
    assert_eq!(server.address(), address);
    let answer = Call::get("/sessions").token(&token).send(&server).await;
    assert_eq!(answer.json()["code"], "ERR009");
    assert_eq!(log_in(&server).await.status, 204);
}

#[tokio::test]
async fn a_dropped_server_is_gone() {
    let server = LibraryServer::start().await.unwrap();
    let address = server.address();
    let mut idle = TcpStream::connect(address).await.unwrap();
    Call::get("/status").send_over(&server, &mut idle).await.unwrap();
    drop(server);
    assert!(TcpStream::connect(address).await.is_err());
    let ended = tokio::io::AsyncReadExt::read(&mut idle, &mut [0; 1]).await;
    assert_eq!(ended.unwrap_or(0), 0);
}

#[test]
fn it_runs_without_any_runtime() {
    use std::io::{Read, Write};

    let server = LibraryServer::builder().start_blocking().unwrap();
    let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
    let request =
        "GET /MicroStrategyLibrary/api/status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn a_taken_port_is_an_error() {
    let server = LibraryServer::start().await.unwrap();
    let port = server.address().port();
    let error = LibraryServer::builder().port(port).start().await.unwrap_err();
    assert!(error.to_string().starts_with("cannot listen: "), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_of_the_caller_does_not_matter() {
    let server = LibraryServer::builder().latency(Duration::from_millis(5)).start().await.unwrap();
    assert_eq!(log_in(&server).await.status, 204);
    assert!(server.wait_for(|journal| journal.len() == 1).await);
}

#[tokio::test]
async fn latency_holds_up_requests_that_come_while_it_lasts() {
    let server = LibraryServer::start().await.unwrap();
    server.set_latency(Duration::from_secs(3600));
    let waiting = Call::get("/status").start(&server).await;
    assert!(server.wait_for(|journal| journal.len() == 1).await);
    server.set_latency(Duration::ZERO);
    assert_eq!(Call::get("/status").send(&server).await.status, 200);
    let journal = server.journal();
    assert!(!journal[0].is_answered() && journal[1].is_answered());
    drop(waiting);
}

#[tokio::test]
async fn wait_for_sees_what_comes_later() {
    let server = LibraryServer::start().await.unwrap();
    let done = |journal: &[mstr_sim::RecordedRequest]| {
        journal.iter().filter(|request| request.is_answered()).count() == 2
    };
    let (seen, ..) = tokio::join!(
        server.wait_for(done),
        Call::get("/status").send(&server),
        Call::get("/status").send(&server),
    );
    assert!(seen);
}

#[tokio::test]
async fn control_is_off_unless_asked_for() {
    let server = LibraryServer::start().await.unwrap();
    assert_eq!(Call::post("=/__sim__/expire").send(&server).await.status, 404);

    let server = LibraryServer::builder().control(true).start().await.unwrap();
    log_in(&server).await;
    let sessions = Call::get("=/__sim__/sessions").send(&server).await.json();
    assert_eq!(sessions[0]["user"], "administrator");
    let expired = Call::post("=/__sim__/expire").send(&server).await;
    assert_eq!(expired.json(), json!({"expired": 1}));
    log_in(&server).await;
    let expired = Call::post("=/__sim__/expire?user=other").send(&server).await;
    assert_eq!(expired.json(), json!({"expired": 0}));
    assert_eq!(Call::post("=/__sim__/advance?seconds=1800").send(&server).await.status, 204);
    assert!(server.sessions().is_empty());
    assert_eq!(Call::post("=/__sim__/advance").send(&server).await.status, 400);
    let journal = Call::get("=/__sim__/journal").send(&server).await.json();
    assert_eq!(journal[0]["endpoint"], "/auth/login");
    assert_eq!(journal.as_array().map(Vec::len), Some(2), "control leaves no trace");
    assert_eq!(Call::post("=/__sim__/clear-journal").send(&server).await.status, 204);
    assert!(server.journal().is_empty());
}
