//! Settings of a builder, and those of a call that override them.

use std::time::Duration;

use mstr_rest_core::{Auth, ErrorKind};
use mstr_sim::{Fault, LibraryServer, Method};

use crate::support::{auth, builder};

#[tokio::test]
async fn invalid_setting_is_an_error_when_the_session_is_built() {
    let server = LibraryServer::start().await.unwrap();
    for (mistake, what) in [
        (builder(&server).max_in_flight(0), "max_in_flight"),
        (builder(&server).default_header("bad name", "v"), "default header"),
    ] {
        let error = mistake.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[tokio::test]
async fn timeouts_and_redirects_of_a_call_override_those_of_the_session() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    server.inject(Fault::stall().on(Method::GET, "/x").times(2));
    let soon = Duration::from_millis(50);
    let error = session.get("x").read_timeout(soon).await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("50ms"), "{error}");
    let error = session.get("x").timeout(soon).await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("50ms"), "{error}");
    server.inject(Fault::redirect(302, "status").on(Method::GET, "/moved"));
    let reply = session.get("moved").follow_redirects(false).await.unwrap();
    assert_eq!(reply.status(), 302);
    assert_eq!(reply.headers()["location"], "status");
    assert_eq!(session.get("moved").await.unwrap().status(), 200);
    session.close().await.unwrap();
}

#[cfg(feature = "reqwest-hook")]
#[tokio::test]
async fn configure_http_cannot_change_settings_of_the_pipeline() {
    let server = LibraryServer::start().await.unwrap();
    server.inject(Fault::redirect(302, "/landed").on(Method::POST, "/auth/login").times(1));
    let session = builder(&server)
        .configure_http(|http| http.tcp_nodelay(false).user_agent("not this"))
        .build()
        .unwrap();
    let error = session.login(auth()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Redirect);
    let sent = server.journal().pop().unwrap();
    assert!(sent.header("user-agent").unwrap().starts_with("mstr-rest/"));
    session.login(Auth::anonymous()).await.unwrap();
    session.logout().await.unwrap();
}
