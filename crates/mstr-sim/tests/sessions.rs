//! How sessions live and end: clock, cap, cluster, logout, lock-out.

mod support;

use std::time::Duration;

use mstr_sim::{LibraryServer, LogoutScope, Method, Reply};
use serde_json::json;
use support::{Call, log_in, login};

const TUTORIAL: &str = "B7CA92F04B9FAE8D941C3E9B7E0CD754";

async fn alive(server: &LibraryServer, token: &str) -> bool {
    let answer = Call::get("/sessions/userInfo").token(token).send(server).await;
    if answer.status == 200 {
        return true;
    }
    assert_eq!((answer.status, answer.json()["code"].as_str()), (401, Some("ERR009")));
    false
}

#[tokio::test]
async fn idle_sessions_end_by_the_servers_clock() {
    let timeout = Duration::from_secs(600);
    let server = LibraryServer::builder().idle_timeout(timeout).start().await.unwrap();
    let token = log_in(&server).await.token();
    let info = Call::get("/sessions").token(&token).send(&server).await.json();
    assert_eq!(info["timeout"], 600);

    for _ in 0..3 {
        server.advance(Duration::from_secs(599));
        assert_eq!(Call::put("/sessions").token(&token).send(&server).await.status, 204);
    }
    server.advance(timeout);
    assert!(server.sessions().is_empty());
    assert!(!alive(&server, &token).await);
}

#[tokio::test]
async fn sessions_can_be_ended_one_by_one_or_all() {
    let server = LibraryServer::builder().user("a", "1").user("b", "2").start().await.unwrap();
    let a = login("a", "1").send(&server).await.token();
    let a2 = login("a", "1").send(&server).await.token();
    let b = login("b", "2").send(&server).await.token();

    assert!(server.expire(&a));
    assert!(!server.expire(&a));
    assert!(!alive(&server, &a).await);
    assert!(alive(&server, &a2).await);
    assert_eq!(server.expire_user("a"), 1);
    assert!(!alive(&server, &a2).await);
    assert!(alive(&server, &b).await);
    assert_eq!(server.expire_all(), 1);
    assert!(!alive(&server, &b).await);
    let next = login("a", "1").send(&server).await;
    assert_eq!(next.status, 204);
    assert_eq!(server.sessions()[0].generation(), 4);
}

#[tokio::test]
async fn a_logout_ends_one_session_or_all_of_the_user() {
    for (scope, other_lives) in [(LogoutScope::Token, true), (LogoutScope::User, false)] {
        let server = LibraryServer::builder()
            .user("a", "1")
            .user("b", "2")
            .logout_scope(scope)
            .start()
            .await
            .unwrap();
        let owner = login("a", "1").send(&server).await.token();
        let stranger = login("b", "2").send(&server).await.token();
        let created = Call::post("/auth/identityToken").token(&owner).send(&server).await;
        let identity = created.header("x-mstr-identitytoken").unwrap();
        let body = json!({"loginMode": -1, "identityToken": identity});
        let delegated = Call::post("/auth/delegate").json(&body).send(&server).await.token();

        assert_eq!(Call::post("/auth/logout").token(&delegated).send(&server).await.status, 204);
        assert!(!alive(&server, &delegated).await);
        assert_eq!(alive(&server, &owner).await, other_lives, "{scope:?}");
        assert!(alive(&server, &stranger).await);
    }
}

#[tokio::test]
async fn a_delegation_outlives_its_owner_with_an_iserver_session_of_its_own() {
    let server = LibraryServer::start().await.unwrap();
    let owner = log_in(&server).await.token();
    let created = Call::post("/auth/identityToken").token(&owner).send(&server).await;
    let body = json!({
        "loginMode": -1,
        "identityToken": created.header("x-mstr-identitytoken").unwrap(),
    });
    server.expire_all();
    for expected in [2, 2] {
        assert_eq!(Call::post("/auth/delegate").json(&body).send(&server).await.status, 204);
        assert_eq!(server.sessions().last().unwrap().iserver_session(), expected);
    }
}

#[tokio::test]
async fn the_cap_counts_project_sessions_and_spares_logins() {
    let server = LibraryServer::builder().session_cap(2).start().await.unwrap();
    server.session_route(Method::GET, "/reports/{id}", |_| Reply::json(200, &json!({})));
    let open = async |token: &str| {
        let call = Call::get("/reports/1").token(token).header("X-MSTR-ProjectID", TUTORIAL);
        call.send(&server).await
    };
    let mut tokens = Vec::new();
    for _ in 0..3 {
        let token = log_in(&server).await.token();
        assert_eq!(Call::get("/projects").token(&token).send(&server).await.status, 200);
        tokens.push(token);
    }
    assert_eq!(open(&tokens[0]).await.status, 200);
    assert_eq!(open(&tokens[1]).await.status, 200);
    assert_eq!(open(&tokens[1]).await.status, 200, "its project session is open already");
    let refused = open(&tokens[2]).await;
    assert_eq!(refused.status, 500);
    assert_eq!(
        refused.without_ticket(),
        "{\"code\":\"ERR001\",\"iServerCode\":-2147072486,\"message\":\"(Maximum number of \
         interactive session per user for project exceeded while trying to login user \
         administrator to project MicroStrategy Tutorial.)\",\"ticketId\":\"*\"}"
    );
    assert_eq!(log_in(&server).await.status, 204);

    Call::post("/auth/logout").token(&tokens[0]).send(&server).await;
    assert_eq!(open(&tokens[2]).await.status, 200);
}

#[tokio::test]
async fn sticky_cookies_are_new_on_every_reply() {
    let server = LibraryServer::builder().sticky(true).start().await.unwrap();
    let first = log_in(&server).await;
    let second = Call::put("/sessions").send(&server).await;
    assert_eq!(second.status, 401);
    let third = Call::get("/nothing").send(&server).await;
    let mut values = Vec::new();
    for answer in [&first, &second, &third] {
        let value = answer.cookie("AWSALB").unwrap();
        assert_eq!(answer.cookie("AWSALBCORS").as_ref(), Some(&value));
        values.push(value);
    }
    values.dedup();
    assert_eq!(values.len(), 3);
    let line = first.all("set-cookie").into_iter().find(|line| line.starts_with("AWSALBCORS="));
    assert!(line.unwrap().ends_with("; Path=/; SameSite=None; Secure"));
}

#[tokio::test]
async fn a_lost_node_takes_its_sessions_along() {
    let server = LibraryServer::builder().nodes(2).sticky(true).start().await.unwrap();
    let logins = [log_in(&server).await, log_in(&server).await];
    let nodes: Vec<_> = server.sessions().iter().map(mstr_sim::LiveSession::node).collect();
    let statuses = async || {
        let mut statuses = Vec::new();
        for login in &logins {
            let call = Call::get("/sessions").token(&login.token());
            statuses.push(call.header("Cookie", &login.cookies()).send(&server).await.status);
        }
        statuses
    };
    assert_ne!(nodes[0], nodes[1]);
    assert_eq!(statuses().await, [200, 200]);
    assert_eq!(server.lose_node(nodes[0]), 1);
    assert_eq!(statuses().await, [401, 200]);
    server.clear_journal();
    log_in(&server).await;
    log_in(&server).await;
    assert!(server.journal().iter().all(|request| request.node() == nodes[1]));
    server.restore_node(nodes[0]);
    assert_eq!(statuses().await, [401, 200], "its sessions are gone for good");
}

#[tokio::test]
async fn without_its_nodes_cookie_a_session_is_unknown() {
    let server = LibraryServer::builder().nodes(3).sticky(true).start().await.unwrap();
    let mut nodes = Vec::new();
    for _ in 0..3 {
        let answer = log_in(&server).await;
        let (token, mut cookies) = (answer.token(), answer.cookies());
        for _ in 0..8 {
            let call = Call::get("/sessions").token(&token).header("Cookie", &cookies);
            let answer = call.send(&server).await;
            assert_eq!(answer.status, 200);
            cookies = answer.cookies();
            assert!(!alive(&server, &token).await, "without cookies it is on another node");
        }
        let session = server.sessions().pop().unwrap();
        let requests = server.requests(Method::GET, "/sessions");
        assert!(requests.iter().rev().take(8).all(|request| request.node() == session.node()));
        nodes.push(session.node());
    }
    assert_eq!(nodes.len(), 3);
}

#[tokio::test]
async fn nodes_without_a_balancer_share_sessions() {
    let server = LibraryServer::builder().nodes(2).start().await.unwrap();
    let answer = log_in(&server).await;
    assert!(answer.cookie("AWSALB").is_none());
    for _ in 0..4 {
        assert!(alive(&server, &answer.token()).await);
    }
    let nodes = Call::get("/monitors/iServer/nodes").token(&answer.token()).send(&server).await;
    assert_eq!(nodes.json()["nodes"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_token_can_be_tied_to_its_cookies() {
    let server = LibraryServer::builder().require_cookies(true).start().await.unwrap();
    let (one, other) = (log_in(&server).await, log_in(&server).await);
    assert!(!alive(&server, &one.token()).await);
    for (cookies, status) in [(one.cookies(), 200), (other.cookies(), 401)] {
        let call = Call::get("/sessions").token(&one.token()).header("Cookie", &cookies);
        assert_eq!(call.send(&server).await.status, status);
    }
}

#[tokio::test]
async fn failed_logins_are_counted_and_can_lock_the_account() {
    let server = LibraryServer::builder().lock_out_after(2).start().await.unwrap();
    let right = async || login("administrator", "mstr").send(&server).await.status;
    let wrong = async || login("administrator", "guess").send(&server).await.status;
    assert_eq!((wrong().await, right().await), (401, 204));
    assert_eq!((wrong().await, wrong().await, right().await), (401, 401, 401));
    assert_eq!(server.failed_logins("administrator"), 4);
    assert_eq!(server.failed_logins("other"), 0);
}

#[tokio::test]
async fn a_rotated_password() {
    let server = LibraryServer::start().await.unwrap();
    let token = log_in(&server).await.token();
    server.set_password("administrator", "new");
    assert!(alive(&server, &token).await);
    assert_eq!(login("administrator", "mstr").send(&server).await.status, 401);
    assert_eq!(login("administrator", "new").send(&server).await.status, 204);
}
