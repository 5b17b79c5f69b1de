//! The recorded protocol, byte for byte where it was recorded.

mod support;

use mstr_sim::{LibraryServer, Method, Project};
use serde_json::json;
use support::{Call, log_in, login};

const EXPIRED: &str = r#"{"code":"ERR009","message":"The user's session has expired, please reauthenticate","ticketId":"*"}"#;

#[tokio::test]
async fn login_gives_a_token_and_its_cookies() {
    let server = LibraryServer::start().await.unwrap();
    let answer = log_in(&server).await;

    let token = answer.token();
    assert_eq!(token.len(), 26);
    assert!(answer.body.is_empty());
    let cookies = answer.all("set-cookie");
    let id = answer.cookie("JSESSIONID").unwrap();
    assert_eq!(id.len(), 32);
    assert!(id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')), "{id}");
    assert_eq!(
        cookies,
        [
            format!("JSESSIONID={id}; Path=/MicroStrategyLibrary; HttpOnly"),
            format!("iSession={token}; Path=/MicroStrategyLibrary; HttpOnly"),
        ]
    );
    assert_eq!(answer.header("server"), Some("MicroStrategy"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn every_login_mode_and_both_body_forms() {
    let server = LibraryServer::builder()
        .user("dave", "p&ss=1")
        .ldap_user("lena", "ldap-pw")
        .trusted_user("tina")
        .api_key("key-1", "dave")
        .start()
        .await
        .unwrap();
    let good = [
        json!({"username": "dave", "password": "p&ss=1", "loginMode": 1, "applicationType": 8}),
        json!({"username": "dave", "password": "p&ss=1"}),
        json!({"username": "dave", "password": "p&ss=1", "loginMode": "1"}),
        json!({"username": "lena", "password": "ldap-pw", "loginMode": 16}),
        json!({"username": "tina", "loginMode": 4096}),
        json!({"username": "key-1", "loginMode": 4096}),
        json!({"loginMode": 8}),
    ];
    for body in &good {
        let answer = Call::post("/auth/login").json(body).send(&server).await;
        assert_eq!(answer.status, 204, "{body}");
    }
    let form = Call::post("/auth/login")
        .form("loginMode=1&applicationType=76&username=dave&password=p%26ss%3D1");
    assert_eq!(form.send(&server).await.status, 204);
    let seen: Vec<_> = server
        .sessions()
        .iter()
        .map(|session| (session.user().to_owned(), session.login_mode()))
        .collect();
    let seen: Vec<_> = seen.iter().map(|(user, mode)| (user.as_str(), *mode)).collect();
    assert_eq!(
        seen,
        [
            ("dave", 1),
            ("dave", 1),
            ("dave", 1),
            ("lena", 16),
            ("tina", 4096),
            ("dave", 4096),
            ("Guest", 8),
            ("dave", 1),
        ]
    );

    let bad = [
        json!({"username": "dave", "password": "wrong", "loginMode": 1}),
        json!({"username": "dave", "password": "p&ss=1", "loginMode": 16}),
        json!({"username": "lena", "password": "ldap-pw", "loginMode": 1}),
        json!({"username": "dave", "loginMode": 4096}),
        json!({"username": "nobody", "password": "", "loginMode": 1}),
    ];
    for body in &bad {
        let answer = Call::post("/auth/login").json(body).send(&server).await;
        assert_eq!(answer.status, 401, "{body}");
        let text = r#"{"code":"ERR003","message":"Login failed","ticketId":"*"}"#;
        assert_eq!(answer.without_ticket(), text);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert!(answer.header("x-mstr-authtoken").is_none());
        assert!(answer.all("set-cookie").is_empty());
    }
    assert_eq!(server.failed_logins("dave"), 3);
    assert_eq!(server.failed_logins("lena"), 1);
}

#[tokio::test]
async fn bodies_that_are_no_login() {
    let server = LibraryServer::builder().anonymous(false).start().await.unwrap();
    let broken = Call::post("/auth/login").raw("application/json", "{").send(&server).await;
    assert_eq!(broken.status, 400);
    let text = r#"{"code":"ERR006","message":"Invalid JSON","ticketId":"*"}"#;
    assert_eq!(broken.without_ticket(), text);
    let plain = Call::post("/auth/login").raw("text/plain", "user").send(&server).await;
    assert_eq!(plain.status, 415);
    let mode = Call::post("/auth/login").json(&json!({"loginMode": "x"})).send(&server).await;
    assert_eq!(mode.status, 400);
    let delegate = Call::post("/auth/login").json(&json!({"loginMode": -1})).send(&server).await;
    assert_eq!(delegate.status, 400);
    let guest = Call::post("/auth/login").json(&json!({"loginMode": 8})).send(&server).await;
    assert_eq!(guest.status, 401);
    assert!(server.sessions().is_empty());
}

#[tokio::test]
async fn missing_unknown_and_ended_tokens_look_the_same() {
    let server = LibraryServer::start().await.unwrap();
    let token = log_in(&server).await.token();
    assert_eq!(Call::put("/sessions").token(&token).send(&server).await.status, 204);
    assert_eq!(Call::post("/auth/logout").token(&token).send(&server).await.status, 204);

    for call in [
        Call::put("/sessions"),
        Call::put("/sessions").token("0123456789abcdefghijklmnop"),
        Call::put("/sessions").token(&token),
        Call::get("/projects"),
        Call::post("/auth/logout"),
        Call::get("/sessions/userInfo"),
        Call::post("/auth/identityToken"),
        Call::post("/auth/apiTokens"),
        Call::get("/auth/token"),
    ] {
        let answer = call.send(&server).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.without_ticket(), EXPIRED);
        assert_eq!(answer.header("content-type"), Some("application/json;charset=UTF-8"));
        assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
        let control = "no-cache, no-store, max-age=0, must-revalidate";
        assert_eq!(answer.header("cache-control"), Some(control));
    }
    assert!(server.sessions().is_empty());
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods() {
    let server = LibraryServer::start().await.unwrap();
    for path in ["/nothing", "/auth", "/auth//login", "=/elsewhere", "=/MicroStrategyLibrary"] {
        let answer = Call::get(path).send(&server).await;
        assert_eq!(answer.status, 404, "{path}");
        let text = r#"{"code":"ERR004","message":"HTTP 404 Not Found","ticketId":"*"}"#;
        assert_eq!(answer.without_ticket(), text);
    }
    let answer = Call::new("DELETE", "/auth/login").send(&server).await;
    assert_eq!(answer.status, 405);
    let text = r#"{"code":"ERR001","message":"HTTP 405 Method Not Allowed","ticketId":"*"}"#;
    assert_eq!(answer.without_ticket(), text);
    assert_eq!(answer.header("allow"), Some("POST"));
}

#[tokio::test]
async fn status_as_recorded_and_without_a_token() {
    let server = LibraryServer::start().await.unwrap();
    let answer = Call::get("/status").send(&server).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(
        answer.text(),
        r#"{"upSince":1604567982811,"upTime":12067886,"upTimeText":"03 Hours 21 Minutes 07 seconds","webVersion":"11.3.0000.14308J","iServerVersion":"11.3.0000.15868","minMobileCompatibleVersion":"11.2.220.0000"}"#
    );
}

#[tokio::test]
async fn user_info_as_recorded() {
    let id = "7FC05A65473CE2FD845CE6A1D3F13233";
    let server = LibraryServer::builder()
        .user("mstr", "pw")
        .user_profile("mstr", id, "MSTR User")
        .start()
        .await
        .unwrap();
    let token = login("mstr", "pw").send(&server).await.token();
    let answer = Call::get("/sessions/userInfo").token(&token).send(&server).await;
    assert_eq!(
        answer.text(),
        format!(
            r##"{{"metadataUser":true,"id":"{id}","fullName":"MSTR User","initials":"MU","profileColor":"#F48852"}}"##
        )
    );
}

#[tokio::test]
async fn session_endpoints() {
    let server = LibraryServer::start().await.unwrap();
    let body = json!({"username": "administrator", "password": "mstr", "workingSet": 25});
    let token = Call::post("/auth/login").json(&body).send(&server).await.token();

    let info = Call::get("/sessions").token(&token).send(&server).await.json();
    assert_eq!(info["timeout"], 1800);
    assert_eq!(info["workingSet"], 25);
    assert_eq!(info["fullName"], "administrator");
    let project = "B7CA92F04B9FAE8D941C3E9B7E0CD754";
    let info = Call::get(&format!("/sessions/{project}")).token(&token).send(&server).await;
    assert_eq!(info.json()["projectId"], project);
    assert_eq!(server.sessions()[0].projects().collect::<Vec<_>>(), [project]);

    let all = Call::get("/sessions/privileges").token(&token).send(&server).await.json();
    assert!(all.as_array().is_some_and(|all| !all.is_empty()));
    let one = Call::get("/sessions/privileges/1").token(&token).send(&server).await.json();
    assert_eq!(one["isUserLevelAllowed"], true);
    assert_eq!(one["projects"][0]["id"], project);
    let none = Call::get("/sessions/privileges/none").token(&token).send(&server).await;
    assert_eq!(none.status, 404);
}

#[tokio::test]
async fn projects_by_list_id_and_name() {
    let server = LibraryServer::builder()
        .project("Sales & Co")
        .project(Project::new("Archive").loaded(false))
        .project(Project::new("Tutorial").id("B7CA92F04B9FAE8D941C3E9B7E0CD754"))
        .start()
        .await
        .unwrap();
    let token = log_in(&server).await.token();
    let list = Call::get("/projects").token(&token).send(&server).await;
    assert_eq!(list.header("x-mstr-total-count"), Some("2"));
    let list = list.json();
    let names: Vec<_> = list.as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["Sales & Co", "Tutorial"]);

    for path in ["/projects/B7CA92F04B9FAE8D941C3E9B7E0CD754", "/projects/Tutorial/"] {
        let one = Call::get(path).token(&token).send(&server).await.json();
        assert_eq!(one["id"], "B7CA92F04B9FAE8D941C3E9B7E0CD754", "{path}");
    }
    let one = Call::get("/projects/Sales%20%26%20Co").token(&token).send(&server).await.json();
    assert_eq!(one["name"], "Sales & Co");
    for path in ["/projects/Archive", "/projects/Unknown"] {
        let answer = Call::get(path).token(&token).send(&server).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["code"], "ERR004");
        assert_eq!(answer.json()["iServerCode"], -2_147_209_151_i64);
    }
    let page = Call::get("/monitors/projects?offset=1&limit=1").token(&token).send(&server).await;
    assert_eq!(page.header("x-mstr-total-count"), Some("3"));
    assert_eq!(page.json()["projects"][0]["name"], "Archive");
    assert_eq!(page.json()["projects"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn identity_tokens_and_delegation() {
    let server = LibraryServer::start().await.unwrap();
    let owner = log_in(&server).await.token();
    let created = Call::post("/auth/identityToken").token(&owner).send(&server).await;
    assert_eq!(created.status, 201);
    let identity = created.header("x-mstr-identitytoken").unwrap();

    let validate =
        |token: &str| Call::get("/auth/identityToken").header("X-MSTR-IdentityToken", token);
    assert_eq!(validate(identity).send(&server).await.status, 200);
    assert_eq!(validate("other").send(&server).await.json()["code"], "ERR003");

    for mode in [json!(-1), json!("-1")] {
        let body = json!({"loginMode": mode, "identityToken": identity});
        let answer = Call::post("/auth/delegate").json(&body).send(&server).await;
        assert_eq!(answer.status, 204);
        let info = Call::get("/sessions").token(&answer.token()).send(&server).await;
        assert_eq!(info.status, 200);
    }
    let sessions = server.sessions();
    let shared: Vec<_> =
        sessions.iter().map(|one| (one.iserver_session(), one.login_mode())).collect();
    assert_eq!(shared, [(1, 1), (1, -1), (1, -1)]);
    assert!(sessions.iter().all(|session| session.user() == "administrator"));

    server.revoke_identity_tokens();
    let body = json!({"loginMode": -1, "identityToken": identity});
    let answer = Call::post("/auth/delegate").json(&body).send(&server).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (401, Some("ERR003")));
}

#[tokio::test]
async fn api_keys_and_the_token_of_a_browser_sign_on() {
    let server = LibraryServer::start().await.unwrap();
    let session = log_in(&server).await;
    let created = Call::post("/auth/apiTokens").token(&session.token()).send(&server).await;
    let key = created.json()["apiToken"].as_str().unwrap().to_owned();
    let body = json!({"username": key, "loginMode": 4096});
    assert_eq!(Call::post("/auth/login").json(&body).send(&server).await.status, 204);
    assert!(server.revoke_api_key(&key));
    assert_eq!(Call::post("/auth/login").json(&body).send(&server).await.status, 401);

    let token = Call::get("/auth/token").header("Cookie", &session.cookies()).send(&server).await;
    assert_eq!((token.status, token.token()), (204, session.token()));
}

#[tokio::test]
async fn gzip_for_those_who_accept_it() {
    let server = LibraryServer::start().await.unwrap();
    let plain = Call::get("/status").send(&server).await;
    assert_eq!(plain.header("content-encoding"), None);
    let packed = Call::get("/status").header("Accept-Encoding", "gzip, br").send(&server).await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(packed.text(), plain.text());
    let expired = Call::put("/sessions").header("Accept-Encoding", "gzip").send(&server).await;
    assert_eq!(expired.header("content-encoding"), Some("gzip"));
    assert_eq!(expired.without_ticket(), EXPIRED);
    let empty = login("administrator", "mstr").header("Accept-Encoding", "gzip");
    assert_eq!(empty.send(&server).await.header("content-encoding"), None);

    let server = LibraryServer::builder().gzip(false).start().await.unwrap();
    let plain = Call::get("/status").header("Accept-Encoding", "gzip").send(&server).await;
    assert_eq!(plain.header("content-encoding"), None);
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let server = LibraryServer::start().await.unwrap();
    let get = Call::get("/status").send(&server).await;
    let head = Call::new("HEAD", "/status").send(&server).await;
    assert_eq!((head.status, head.header("content-length")), (200, get.header("content-length")));
}

#[tokio::test]
async fn another_library_path() {
    let server = LibraryServer::builder().library_path("/bi/Library/").start().await.unwrap();
    assert!(server.base_url().ends_with("/bi/Library/api/"));
    assert_eq!(Call::get("=/bi/Library/api/status").send(&server).await.status, 200);
    assert_eq!(Call::get("/status").send(&server).await.status, 404);
    assert_eq!(server.count(Method::GET, "/status"), 1);
}
