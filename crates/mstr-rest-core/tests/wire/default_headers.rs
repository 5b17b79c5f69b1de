//! Headers and query members that every request carries: gateway keys, basic authorization, user agent.

use mstr_rest_core::Credential;
use mstr_sim::{LibraryServer, Method};

use crate::support::builder;

#[tokio::test]
async fn default_headers_and_query_are_sent_to_the_base_origin_only() {
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
    let elsewhere_sent = elsewhere.journal().pop().unwrap();
    assert_eq!(
        (elsewhere_sent.header("x-gateway"), elsewhere_sent.header("authorization")),
        (None, None)
    );
    assert_eq!(elsewhere_sent.query(), None);
    // what the caller says wins
    session.get("status").header("X-Gateway", "mine").await.unwrap();
    assert_eq!(server.journal().pop().unwrap().header("x-gateway"), Some("mine"));
    session.close().await.unwrap();
}
