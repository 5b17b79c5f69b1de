//! Logging in: modes, options, refused logins, and logins that follow one another.

use std::time::Duration;

use mstr_rest_core::{Auth, ErrorKind, Locale};
use mstr_sim::{Fault, LibraryServer, LogoutScope, Method, Reply};
use serde_json::{Value, json};

use crate::support::{Gate, auth, builder, logged_in, logins, received, round_trip};

#[tokio::test]
async fn every_login_mode_sends_its_body() {
    let server = LibraryServer::builder()
        .user("administrator", "mstr")
        .ldap_user("ldap", "pw")
        .trusted_user("trusted")
        .api_key("key", "administrator")
        .start()
        .await
        .unwrap();
    for (auth, user, mode) in [
        (crate::support::auth(), "administrator", 1),
        (Auth::ldap("ldap", "pw"), "ldap", 16),
        (Auth::trusted("trusted"), "trusted", 4096),
        (Auth::api_key("key"), "administrator", 4096),
        (Auth::custom(16, [("username", "ldap"), ("password", "pw")]), "ldap", 16),
    ] {
        let session = builder(&server).auth(auth).connect().await.unwrap();
        let live = server.sessions();
        assert_eq!((live[0].user(), live[0].login_mode()), (user, mode));
        session.close().await.unwrap();
    }
    let guest = builder(&server).auth(Auth::anonymous()).connect().await.unwrap();
    let body = &server.requests(Method::POST, "/auth/login")[5];
    assert_eq!(body.json::<Value>().unwrap(), json!({"loginMode": 8, "applicationType": 8}));
    assert_eq!(body.header("content-type"), Some("application/json"));
    guest.close().await.unwrap();
    assert!(server.sessions().is_empty());
}

#[tokio::test]
async fn login_options_are_members_of_the_login_body() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server)
        .application_type(76)
        .application_id("C2B2023642F6753A2EF159A75E0CFF29")
        .working_set(4)
        .max_search(3)
        .locale(Locale::all("de_de").display("en_us").time_zone("Europe/Berlin"))
        .user_agent("nightly/1")
        .connect()
        .await
        .unwrap();
    let login = server.requests(Method::POST, "/auth/login").pop().unwrap();
    let mut body: Value = login.json().unwrap();
    let members = body.as_object_mut().unwrap();
    assert!(members.remove("username").is_some() && members.remove("password").is_some());
    let expected = json!({
        "loginMode": 1,
        "applicationType": 76,
        "applicationId": "C2B2023642F6753A2EF159A75E0CFF29",
        "workingSet": 4,
        "maxSearch": 3,
        "metadataLocale": "de_de",
        "warehouseDataLocale": "de_de",
        "displayLocale": "en_us",
        "messagesLocale": "de_de",
        "numberLocale": "de_de",
        "timeZone": "Europe/Berlin",
    });
    assert_eq!(body, expected);
    assert_eq!(login.header("user-agent"), Some("nightly/1"));
    session.close().await.unwrap();
}

#[tokio::test]
async fn application_type_of_a_login_applies_to_its_relogins() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).application_type(76).relogin(true).build().unwrap();
    let sent = || {
        let login = server.requests(Method::POST, "/auth/login").pop().unwrap();
        login.json::<Value>().unwrap()["applicationType"].clone()
    };
    session.login(auth().application_type(35)).await.unwrap();
    assert_eq!(sent(), 35);
    server.expire_all();
    session.get("sessions").await.unwrap();
    assert_eq!((logins(&server), sent()), (2, json!(35)));
    session.login(auth()).await.unwrap();
    assert_eq!(sent(), 76);
    session.logout().await.unwrap();
}

#[tokio::test]
async fn rejected_login_is_an_error_that_shows_no_password() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).build().unwrap();
    let error = session.login(Auth::standard("administrator", "canary-pw")).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::LoginFailure, Some("ERR003")));
    assert!(error.is_login_failure() && !error.is_transient());
    assert_eq!(server.failed_logins("administrator"), 1, "it is sent once");
    for (fault, kind, says) in [
        (Fault::drop_headers(&["x-mstr-authtoken"]), ErrorKind::LoginFailure, "no session token"),
        (
            Fault::reply(Reply::html(200, "<html>sign in</html>")),
            ErrorKind::LoginFailure,
            "sign-on page",
        ),
        (Fault::html(502), ErrorKind::Http, "502"),
        (Fault::status(503), ErrorKind::Http, "503"),
        (
            Fault::redirect(302, "https://sso.example/x?y=canary"),
            ErrorKind::Redirect,
            "sso.example",
        ),
        (
            Fault::reply(Reply::error(401, "ERR003", "no user for canary-pw")),
            ErrorKind::LoginFailure,
            "***",
        ),
    ] {
        server.inject(fault.on(Method::POST, "/auth/login").times(1));
        server.set_password("administrator", "canary-pw");
        let error = session.login(Auth::standard("administrator", "canary-pw")).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        assert!(!session.has_session());
    }
}

#[tokio::test]
async fn login_of_a_logged_in_session_logs_out_first() {
    let server = LibraryServer::builder().logout_scope(LogoutScope::User).start().await.unwrap();
    let session = logged_in(&server).await;
    let old = server.sessions()[0].token().to_owned();
    session.login(auth()).await.unwrap();
    let journal: Vec<_> = server
        .journal()
        .iter()
        .map(|request| (request.endpoint().to_owned(), request.token().map(str::to_owned)))
        .collect();
    assert_eq!(
        journal,
        [
            ("/auth/login".to_owned(), None),
            ("/auth/logout".to_owned(), Some(old)),
            ("/auth/login".to_owned(), None),
        ]
    );
    assert_eq!(server.sessions().len(), 1, "in the vendor's scope too the new one lives");
    assert!(server.requests(Method::POST, "/auth/login")[1].header("cookie").is_none());
    assert!(session.get("sessions").await.is_ok());
}

#[tokio::test]
async fn failed_logout_does_not_prevent_the_next_login() {
    let server = LibraryServer::start().await.unwrap();
    let session = logged_in(&server).await;
    server.inject(Fault::status(500).on(Method::POST, "/auth/logout").times(1));
    session.login(auth()).await.unwrap();
    assert!(session.get("sessions").await.is_ok());
}

#[tokio::test]
async fn request_that_starts_during_a_login_uses_its_token() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).build().unwrap();
    let reply = Gate::default();
    server.inject(reply.hold().on(Method::POST, "/auth/login").times(1));
    let login = tokio::spawn(session.login(auth()));
    received(&server, Method::POST, "/auth/login", 1).await;
    let waiting = tokio::spawn(session.get("sessions").send());
    // a request without auth does not wait
    session.get("status").include_auth(false).await.unwrap();
    round_trip(&server).await;
    assert_eq!(server.count(Method::GET, "/sessions"), 0);
    reply.open();
    assert_eq!(waiting.await.unwrap().unwrap().status(), 200);
    login.await.unwrap().unwrap();
    // two logins at once take turns, and leave one session
    let (one, two) =
        tokio::join!(session.login(crate::support::auth()), session.login(crate::support::auth()));
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(server.sessions().len(), 1);
    session.logout().await.unwrap();
}

#[tokio::test]
async fn login_whose_body_stalls_is_valid_once_its_token_has_arrived() {
    let server = LibraryServer::start().await.unwrap();
    server.inject(
        Fault::alter(|_, reply| {
            let body = Reply::json(200, &serde_json::json!({ "a": "long body" }));
            let names = ["x-mstr-authtoken", "set-cookie"];
            let headers = reply.headers().clone();
            names
                .iter()
                .flat_map(|name| headers.get_all(*name).iter().map(move |value| (*name, value)))
                .fold(body, |body, (name, value)| body.header(name, value.to_str().unwrap()))
                .stall_at(3)
        })
        .on(Method::POST, "/auth/login")
        .times(1),
    );
    // an idle timeout of hours does not count for a body that is not needed
    let build = builder(&server).read_timeout(Duration::from_secs(7200));
    let session = build.connect().await.unwrap();
    session.get("sessions").await.unwrap();
    session.close().await.unwrap();
}
