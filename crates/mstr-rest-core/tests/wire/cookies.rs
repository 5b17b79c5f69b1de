//! Cookies: of the server, of a load balancer, of a gateway, and of the caller.

use mstr_rest_core::ErrorKind;
use mstr_sim::{Fault, LibraryServer, Method};

use crate::origin::World;
use crate::support::{builder, logged_in};

#[tokio::test]
async fn load_balancer_cookie_of_the_last_reply_is_sent() {
    let server = LibraryServer::builder().nodes(2).sticky(true).start().await.unwrap();
    let session = logged_in(&server).await;
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
async fn cookies_of_the_caller_are_sent_with_those_of_the_login() {
    let world = World::new().await;
    let (url, other) = &world.elsewhere()[0];
    let session = builder(&world.server)
        .default_header("Cookie", "gateway=g; second=s")
        .cookie("CF_Authorization", "cf")
        .connect()
        .await
        .unwrap();
    let login = world.server.requests(Method::POST, "/auth/login").pop().unwrap();
    session.get("status").header("Cookie", "own=o; JSESSIONID=planted").await.unwrap();
    let sent = world.server.requests(Method::GET, "/status").pop().unwrap();
    for (name, value) in [("gateway", "g"), ("second", "s"), ("CF_Authorization", "cf")] {
        assert_eq!((login.cookie(name), sent.cookie(name)), (Some(value), Some(value)), "{name}");
    }
    assert_eq!(sent.cookie("own"), Some("o"));
    assert_eq!(sent.cookie("iSession"), sent.token(), "and those of the login");
    assert_ne!(sent.cookie("JSESSIONID"), Some("planted"));
    assert_eq!(sent.headers().get_all("cookie").iter().count(), 1);
    // not behind a redirect to another origin, nor to it by hand
    world.server.inject(Fault::redirect(302, url).on(Method::GET, "/go").times(1));
    session.get("go").header("Cookie", "own=o").await.ok();
    session.get(url.clone()).header("Cookie", "own=o").await.ok();
    assert!(!other.journal().is_empty());
    assert!(other.journal().iter().all(|request| request.header("cookie").is_none()));
    // without auth: those of the gateway alone
    session.get("status").include_auth(false).await.unwrap();
    let sent = world.server.requests(Method::GET, "/status").pop().unwrap();
    assert_eq!(sent.header("cookie"), Some("gateway=g; second=s; CF_Authorization=cf"));
    session.close().await.unwrap();
    for name in ["", "a b=", "a;b"] {
        let error = builder(&world.server).cookie(name, "x").build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
    }
    let bad = builder(&world.server).cookie("a", "can;ary").connect().await.unwrap_err();
    assert_eq!(bad.kind(), ErrorKind::Credential);
    assert!(!format!("{bad:?}").contains("ary\""));
}
