//! Logging in, asking and logging out, over the wire.

use std::time::Duration;

use crate::support::{auth, builder, logins, logouts};
use mstr_rest_core::{Auth, Credential, ErrorKind, Session};
use mstr_sim::{Fault, LibraryServer, LogoutScope, Method, RecordedRequest, Reply};
use serde_json::{Value, json};

async fn manual(server: &LibraryServer) -> Session {
    let session = builder(server).build().unwrap();
    session.login(auth()).await.unwrap();
    session
}

#[tokio::test]
async fn logs_in_asks_and_logs_out() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).build().unwrap();
    assert!(!session.has_session());
    let reply = session.login(auth()).await.unwrap();
    assert_eq!(reply.status(), 204);
    assert!(session.has_session());
    let names: Vec<_> = session.cookies().into_iter().map(|cookie| cookie.name).collect();
    assert!(names.contains(&"JSESSIONID".to_owned()) && names.contains(&"iSession".to_owned()));
    let info: Value = session.get("sessions").decode().await.unwrap();
    assert_eq!(info["timeout"], 1800);
    session.logout().await.unwrap();
    assert!(!session.has_session() && session.cookies().is_empty());
    assert!(server.sessions().is_empty());
    let error = session.get("sessions").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::SessionExpired, Some("ERR009")));
    assert_eq!(error.ticket_id().unwrap().len(), 32);
    assert_eq!(error.attempts(), 1);
}

#[tokio::test]
async fn every_mode_on_the_wire() {
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
async fn a_delegated_session_is_never_logged_out_by_us() {
    let server = LibraryServer::builder().logout_scope(LogoutScope::User).start().await.unwrap();
    let owner = builder(&server).connect().await.unwrap();
    let reply = owner.post("auth/identityToken").await.unwrap();
    let token = reply.headers()["x-mstr-identitytoken"].to_str().unwrap().to_owned();
    let guest = builder(&server).auth(Auth::identity_token(token)).connect().await.unwrap();
    assert_eq!(server.sessions().len(), 2);
    assert!(guest.get("sessions").await.is_ok());
    guest.close().await.unwrap();
    assert_eq!(logouts(&server), 0);
    assert_eq!(guest.get("sessions").await.unwrap_err().kind(), ErrorKind::NoSession);
    assert!(owner.get("sessions").await.is_ok(), "the owner goes on");
    owner.close().await.unwrap();
}

#[tokio::test]
async fn an_adopted_session_belongs_to_somebody_else() {
    let server = LibraryServer::builder().sticky(true).nodes(2).start().await.unwrap();
    let owner = manual(&server).await;
    let request = {
        owner.get("sessions").await.unwrap();
        server.requests(Method::GET, "/sessions").pop().unwrap()
    };
    let cookies = request.header("cookie").unwrap().to_owned();
    let token = request.token().unwrap().to_owned();

    let adopted = builder(&server)
        .auth(Auth::existing(token.as_str(), cookies.as_str()))
        .connect()
        .await
        .unwrap();
    assert_eq!(logins(&server), 1, "adopting sends nothing");
    assert!(adopted.get("sessions").await.is_ok());
    adopted.close().await.unwrap();
    assert_eq!(logouts(&server), 0);

    let browser =
        builder(&server).auth(Auth::browser_cookies(cookies.as_str())).connect().await.unwrap();
    assert_eq!(server.count(Method::GET, "/auth/token"), 1);
    assert!(browser.get("sessions").await.is_ok());
    drop(browser);
    mstr_rest_core::settle().await;
    assert_eq!(logouts(&server), 0);
    // asked for, it is done
    let asked = builder(&server).build().unwrap();
    asked.login(Auth::existing(token.as_str(), cookies.as_str())).await.unwrap();
    asked.logout().await.unwrap();
    assert!(server.sessions().is_empty());

    // in the place of a login of ours: that one is still ours to end, the other is not
    let (ours, theirs) = (builder(&server).connect().await.unwrap(), manual(&server).await);
    theirs.get("sessions").await.unwrap();
    let request = server.requests(Method::GET, "/sessions").pop().unwrap();
    let (token, cookies) = (request.token().unwrap(), request.header("cookie").unwrap());
    ours.login(Auth::existing(token, cookies)).await.unwrap();
    assert_eq!(server.sessions().len(), 2, "nothing is ended by adopting");
    assert!(ours.get("sessions").await.is_ok());
    ours.close().await.unwrap();
    let left: Vec<_> = server.sessions().iter().map(|live| live.token().to_owned()).collect();
    assert_eq!(left, [token]);
    theirs.logout().await.unwrap();
}

#[tokio::test]
async fn sticky_cookies_find_the_node_again() {
    let server = LibraryServer::builder().nodes(2).sticky(true).start().await.unwrap();
    let session = manual(&server).await;
    let before = server.requests(Method::POST, "/auth/login")[0].node();
    for _ in 0..8 {
        session.get("sessions").await.unwrap();
    }
    let asked = server.requests(Method::GET, "/sessions");
    assert!(asked.iter().all(|request| request.node() == before));
    let mut balancer: Vec<_> =
        asked.iter().map(|request| request.cookie("AWSALB").unwrap()).collect();
    balancer.dedup();
    assert_eq!(balancer.len(), 8, "the cookie of the last reply is the one that is sent");
}

#[tokio::test]
async fn a_login_while_logged_in_ends_the_old_session_first() {
    let server = LibraryServer::builder().logout_scope(LogoutScope::User).start().await.unwrap();
    let session = manual(&server).await;
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
async fn a_failed_logout_does_not_stop_the_next_login() {
    let server = LibraryServer::start().await.unwrap();
    let session = manual(&server).await;
    server.inject(Fault::status(500).on(Method::POST, "/auth/logout").times(1));
    session.login(auth()).await.unwrap();
    assert!(session.get("sessions").await.is_ok());
}

#[tokio::test]
async fn logout_rules() {
    let server = LibraryServer::start().await.unwrap();
    // without a token it is sent all the same, and the server's answer counts as logged out
    let session = builder(&server).build().unwrap();
    session.logout().await.unwrap();
    assert_eq!(logouts(&server), 1);
    // an expired session counts as logged out
    session.login(auth()).await.unwrap();
    server.expire_all();
    session.logout().await.unwrap();
    assert!(!session.has_session());
    // any other failure keeps the token
    session.login(auth()).await.unwrap();
    server.inject(Fault::status(500).on(Method::POST, "/auth/logout").times(1));
    let error = session.logout().await.unwrap_err();
    assert_eq!(error.status().unwrap(), 500);
    assert!(session.has_session());
    // any 2xx will do
    server.inject(Fault::reply(Reply::new(200)).on(Method::POST, "/auth/logout").times(1));
    session.logout().await.unwrap();
    assert!(!session.has_session());
    // forgetting sends nothing
    session.login(auth()).await.unwrap();
    let sent = server.journal().len();
    session.destroy_auth_token();
    session.destroy_auth_token();
    assert!(!session.has_session());
    assert_eq!(server.journal().len(), sent);
}

#[tokio::test]
async fn refused_logins() {
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
async fn credentials_are_resolved_when_they_are_needed() {
    let server = LibraryServer::start().await.unwrap();
    let base = server.base_url();
    let from_secret = Credential::from_async_fn(move || {
        let base = base.clone();
        async move { Ok(base) }
    });
    let builder = Session::builder(from_secret).environment_proxies(false).auth(auth());
    assert_eq!(builder.clone().build().unwrap_err().kind(), ErrorKind::Config);
    let session = builder.connect().await.unwrap();
    assert_eq!(session.base_url().as_str(), server.base_url());
    session.close().await.unwrap();

    let missing = Credential::env("MSTR_TEST_VARIABLE_THAT_IS_NOT_SET");
    let error = crate::support::builder(&server)
        .auth(Auth::standard("u", missing))
        .connect()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingCredential);
    assert!(error.is_login_failure());
    assert_eq!(logins(&server), 1, "nothing was sent");
    let error = Session::builder(server.base_url()).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_tasks_share_one_session() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    let tasks: Vec<_> = (0..64)
        .map(|number| {
            let session = session.in_project(format!("{number:032X}"));
            tokio::spawn(async move {
                for _ in 0..10 {
                    let user: Value = session.get("sessions/userInfo").decode().await.unwrap();
                    assert!(user["id"].is_string());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(server.count(Method::GET, "/sessions/userInfo"), 640);
    assert_eq!((logins(&server), server.sessions().len()), (1, 1));
    session.close().await.unwrap();
}

#[tokio::test]
async fn project_names_are_loaded_once_for_all() {
    let server = LibraryServer::builder().latency(Duration::from_millis(20)).start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    let calls: Vec<_> = (0..5)
        .map(|_| tokio::spawn(session.get("sessions").project("MicroStrategy Tutorial").send()))
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(server.count(Method::GET, "/projects"), 1);
    assert!(server.requests(Method::GET, "/projects")[0].project_id().is_none());
    let id = "B7CA92F04B9FAE8D941C3E9B7E0CD754";
    let sent = server.requests(Method::GET, "/sessions");
    assert!(sent.iter().all(|request| request.project_id() == Some(id)));
    // an unknown name is asked for anew, and the call itself is not sent
    let error = session.get("sessions").project("Nope").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceNotFound);
    assert!(error.to_string().contains("'Nope'"));
    assert_eq!(server.count(Method::GET, "/projects"), 2);
    assert_eq!(server.count(Method::GET, "/sessions"), 5);
    // a default project, by name, by id, and none
    let tutorial = session.in_project("MicroStrategy Tutorial");
    tutorial.get("status").await.unwrap();
    tutorial.get("status").project_id("P9").await.unwrap();
    tutorial.get("status").without_project().await.unwrap();
    let sent: Vec<_> = server
        .requests(Method::GET, "/status")
        .iter()
        .map(|request| request.project_id().map(str::to_owned))
        .collect();
    assert_eq!(sent, [Some(id.to_owned()), Some("P9".to_owned()), None]);
    // both is a mistake of the caller
    let error = session.get("status").project("a").project_id("b").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    session.close().await.unwrap();
}

#[tokio::test]
async fn project_names_need_a_session_and_failures_are_shared() {
    let server = LibraryServer::builder().latency(Duration::from_millis(20)).start().await.unwrap();
    let session = builder(&server).build().unwrap();
    let call = session.get("status").project("MicroStrategy Tutorial").include_auth(false);
    assert_eq!(call.await.unwrap_err().kind(), ErrorKind::NoSession);
    assert!(server.journal().is_empty());
    session.login(auth()).await.unwrap();
    server.inject(Fault::html(502).on(Method::GET, "/projects").times(1));
    let calls: Vec<_> = (0..5)
        .map(|_| tokio::spawn(session.get("sessions").project("MicroStrategy Tutorial").send()))
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::Http);
    }
    assert_eq!(server.count(Method::GET, "/projects"), 1);
    assert!(session.get("sessions").project("MicroStrategy Tutorial").await.is_ok());
}

#[tokio::test]
async fn defaults_stay_on_the_base_origin() {
    let elsewhere = LibraryServer::start().await.unwrap();
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server)
        .default_header("X-Gateway", Credential::from("gate-key"))
        .basic_auth("proxy", "gate-pw")
        .default_query("subscription", "sub-key")
        .user_agent("nightly/1")
        .connect()
        .await
        .unwrap();
    session.get("sessions").query("a", 1).await.unwrap();
    let sent = server.requests(Method::GET, "/sessions").pop().unwrap();
    assert_eq!(sent.header("x-gateway"), Some("gate-key"));
    assert_eq!(sent.header("authorization"), Some("Basic cHJveHk6Z2F0ZS1wdw=="));
    assert_eq!(sent.query(), Some("a=1&subscription=sub-key"));
    assert_eq!(sent.header("user-agent"), Some("nightly/1"));
    assert_eq!(
        server.requests(Method::POST, "/auth/login")[0].query(),
        Some("subscription=sub-key")
    );
    session.get(format!("{}status", elsewhere.base_url())).await.unwrap();
    let strayed = elsewhere.journal().pop().unwrap();
    assert_eq!((strayed.header("x-gateway"), strayed.header("authorization")), (None, None));
    assert_eq!(strayed.query(), None);
    // what the caller says wins
    session.get("status").header("X-Gateway", "mine").await.unwrap();
    assert_eq!(server.journal().pop().unwrap().header("x-gateway"), Some("mine"));
    session.close().await.unwrap();
}

#[tokio::test]
async fn secrets_of_replies_are_marked() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).build().unwrap();
    let reply = session.login(auth()).await.unwrap();
    let token = reply.headers()["x-mstr-authtoken"].to_str().unwrap().to_owned();
    assert!(!format!("{:?} {reply:?}", reply.headers()).contains(&token));
    let identity = session.post("auth/identityToken").decode_with(|reply| {
        let token = reply.headers()["x-mstr-identitytoken"].to_str().unwrap();
        Ok(mstr_rest_core::SecretString::from(token))
    });
    let identity = identity.await.unwrap();
    assert!(!identity.expose_secret().is_empty());
}

/// The server answers a late request of an ended session with cookies that delete themselves.
#[tokio::test]
async fn a_late_reply_of_an_earlier_login_changes_nothing() {
    let server = LibraryServer::start().await.unwrap();
    let session = manual(&server).await;
    let late = Reply::session_expired()
        .header("Set-Cookie", "iSession=; Max-Age=0; Path=/MicroStrategyLibrary")
        .header("X-MSTR-AuthToken", "late")
        .delayed(Duration::from_millis(300));
    server.inject(Fault::reply(late).on(Method::GET, "/late"));
    let ok = Reply::new(200)
        .header("Set-Cookie", "JSESSIONID=late; Path=/MicroStrategyLibrary")
        .header("X-MSTR-AuthToken", "late")
        .header("X-MSTR-Something", "late")
        .delayed(Duration::from_millis(300));
    server.inject(Fault::reply(ok).on(Method::GET, "/later"));
    let calls =
        [tokio::spawn(session.get("late").send()), tokio::spawn(session.get("later").send())];
    let both = |journal: &[RecordedRequest]| {
        journal.iter().filter(|request| request.endpoint().starts_with("/late")).count() == 2
    };
    assert!(server.wait_for(both).await);
    session.login(auth()).await.unwrap();
    assert!(calls.iter().all(|call| !call.is_finished()), "they are late");
    let [first, second] = calls;
    assert!(first.await.unwrap().unwrap_err().is_session_expired());
    assert_eq!(second.await.unwrap().unwrap().status(), 200);
    session.get("sessions").await.unwrap();
    let sent = server.requests(Method::GET, "/sessions").pop().unwrap();
    assert_eq!(sent.cookie("iSession"), sent.token());
    assert_ne!(sent.cookie("JSESSIONID"), Some("late"));
    session.logout().await.unwrap();
}
