//! A session from login to logout, its requests, and sessions that somebody else owns.

use mstr_rest_core::{Auth, Cookies, ErrorKind};
use mstr_sim::{LibraryServer, LogoutScope, Method, Reply};
use serde_json::Value;

use crate::support::{Gate, auth, builder, logged_in, logins, logouts, received};

#[tokio::test]
async fn session_logs_in_sends_requests_and_logs_out() {
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
async fn delegated_session_is_not_logged_out() {
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
async fn adopted_session_is_logged_out_on_request_only() {
    let server = LibraryServer::builder().sticky(true).nodes(2).start().await.unwrap();
    let owner = logged_in(&server).await;
    let request = {
        owner.get("sessions").await.unwrap();
        server.requests(Method::GET, "/sessions").pop().unwrap()
    };
    let cookies: Cookies = request.header("cookie").unwrap().parse().unwrap();
    let token = request.token().unwrap().to_owned();

    let adopted = builder(&server)
        .auth(Auth::existing(token.as_str(), cookies.clone()))
        .connect()
        .await
        .unwrap();
    assert_eq!(logins(&server), 1, "adopting sends nothing");
    assert!(adopted.get("sessions").await.is_ok());
    adopted.close().await.unwrap();
    assert_eq!(logouts(&server), 0);

    let browser =
        builder(&server).auth(Auth::browser_cookies(cookies.clone())).connect().await.unwrap();
    assert_eq!(server.count(Method::GET, "/auth/token"), 1);
    assert!(browser.get("sessions").await.is_ok());
    drop(browser);
    mstr_rest_core::settle().await;
    assert_eq!(logouts(&server), 0);
    // asked for, it is done
    let asked = builder(&server).build().unwrap();
    asked.login(Auth::existing(token.as_str(), cookies.clone())).await.unwrap();
    asked.logout().await.unwrap();
    assert!(server.sessions().is_empty());

    // in the place of a login of ours: that one is still ours to end, the other is not
    let (ours, theirs) = (builder(&server).connect().await.unwrap(), logged_in(&server).await);
    theirs.get("sessions").await.unwrap();
    let request = server.requests(Method::GET, "/sessions").pop().unwrap();
    let cookies: Cookies = request.header("cookie").unwrap().parse().unwrap();
    ours.login(Auth::existing(request.token().unwrap(), cookies)).await.unwrap();
    assert_eq!(server.sessions().len(), 2, "nothing is ended by adopting");
    assert!(ours.get("sessions").await.is_ok());
    ours.close().await.unwrap();
    let left: Vec<_> = server.sessions().iter().map(|live| live.token().to_owned()).collect();
    assert_eq!(left, [request.token().unwrap()]);
    theirs.logout().await.unwrap();
}

/// The server answers a late request of an ended session with cookies that delete themselves.
#[tokio::test]
async fn late_reply_of_an_earlier_login_changes_nothing() {
    let server = LibraryServer::start().await.unwrap();
    let session = logged_in(&server).await;
    let late = Reply::session_expired()
        .header("Set-Cookie", "iSession=; Max-Age=0; Path=/MicroStrategyLibrary")
        .header("X-MSTR-AuthToken", "late");
    let replies = Gate::default();
    server.inject(replies.reply(late).on(Method::GET, "/late"));
    let ok = Reply::new(200)
        .header("Set-Cookie", "JSESSIONID=late; Path=/MicroStrategyLibrary")
        .header("X-MSTR-AuthToken", "late")
        .header("X-MSTR-Something", "late");
    server.inject(replies.reply(ok).on(Method::GET, "/later"));
    let calls =
        [tokio::spawn(session.get("late").send()), tokio::spawn(session.get("later").send())];
    received(&server, Method::GET, "/late", 1).await;
    received(&server, Method::GET, "/later", 1).await;
    session.login(auth()).await.unwrap();
    replies.open();
    let [first, second] = calls;
    assert!(first.await.unwrap().unwrap_err().is_session_expired());
    assert_eq!(second.await.unwrap().unwrap().status(), 200);
    session.get("sessions").await.unwrap();
    let sent = server.requests(Method::GET, "/sessions").pop().unwrap();
    assert_eq!(sent.cookie("iSession"), sent.token());
    assert_ne!(sent.cookie("JSESSIONID"), Some("late"));
    session.logout().await.unwrap();
}
