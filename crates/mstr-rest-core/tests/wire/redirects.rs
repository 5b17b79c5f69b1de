//! Redirects: what is followed, how far, and what is sent along.

use mstr_rest_core::{Body, Call, ErrorKind, Response};
use mstr_sim::{Fault, LibraryServer, Method, Reply};

use crate::origin::{World, assert_bare, unplanted};
use crate::support::builder;

#[tokio::test]
async fn redirect_to_another_origin_is_sent_without_credentials() {
    let world = World::new().await;
    let session = world.session().await;
    for (url, other) in world.elsewhere() {
        for status in [301, 302, 303, 307, 308] {
            world.server.inject(Fault::redirect(status, &url).on(Method::GET, "/go").times(1));
            let call = session.get("go").project_id("P").header("X-Secret", "s");
            let reply = call.header("Authorization", "mine").await.unwrap();
            assert_eq!(reply.url().as_str(), url);
            let sent = other.requests(Method::GET, "/landed").pop().unwrap();
            assert_bare(&sent);
        }
        for status in [301, 302, 303] {
            world.server.inject(Fault::redirect(status, &url).on(Method::POST, "/go").times(1));
            session.post("go").body("body-canary").header("X-Secret", "s").await.unwrap();
            let sent = other.requests(Method::GET, "/landed").pop().unwrap();
            assert!(sent.body().is_empty());
            assert_bare(&sent);
        }
        for status in [307, 308] {
            world.server.inject(Fault::redirect(status, &url).on(Method::POST, "/go").times(1));
            let error = session.post("go").body("body-canary").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Redirect);
            assert_eq!(other.count(Method::POST, "/landed"), 0);
        }
    }
    unplanted(&session).await;
}

#[tokio::test]
async fn login_is_never_redirected() {
    let world = World::new().await;
    let urls = world.elsewhere().into_iter().map(|(url, _)| url);
    let home = format!("{}landed", world.server.base_url());
    for url in urls.chain([home]) {
        for status in [301, 302, 303, 307, 308] {
            world
                .server
                .inject(Fault::redirect(status, &url).on(Method::POST, "/auth/login").times(1));
            let error = builder(&world.server).connect().await.unwrap_err();
            assert_eq!(
                (error.kind(), error.status().unwrap().as_u16()),
                (ErrorKind::Redirect, status)
            );
        }
    }
    for server in [&world.server, &world.port, &world.tls] {
        assert_eq!(server.count(Method::POST, "/landed") + server.count(Method::GET, "/landed"), 0);
    }
    // not by hand either
    let (url, other) = &world.elsewhere()[0];
    let session = world.session().await;
    world.server.inject(Fault::redirect(302, url).on(Method::GET, "/auth/token").times(1));
    assert_eq!(session.get("auth/token").await.unwrap_err().kind(), ErrorKind::Redirect);
    assert!(other.journal().is_empty());
}

#[tokio::test]
async fn redirect_within_the_base_origin_keeps_token_headers_and_body() {
    let world = World::new().await;
    let session = world.session().await;
    let text = async |call: Call<Response>| call.await.unwrap().text().into_owned();
    world.server.inject(Fault::redirect(302, "landed").on(Method::GET, "/go").times(1));
    let token = world.server.sessions()[0].token().to_owned();
    session.get("go").project_id("P").header("X-Secret", "s").await.unwrap();
    let sent = world.server.requests(Method::GET, "/landed").pop().unwrap();
    assert_eq!((sent.token(), sent.project_id()), (Some(token.as_str()), Some("P")));
    assert_eq!((sent.header("x-gateway"), sent.header("x-secret")), (Some("gate-key"), Some("s")));
    assert!(sent.cookie("JSESSIONID").is_some());

    let session = builder(&world.server).connect().await.unwrap();
    for status in [307, 308] {
        world.server.inject(Fault::redirect(status, "landed").on(Method::POST, "/go").times(1));
        assert_eq!(text(session.post("go").body("abc")).await, "abc");
        let chunks = || futures_util::stream::iter([Ok::<_, std::io::Error>("abc".into())]);
        world.server.inject(Fault::redirect(status, "landed").on(Method::POST, "/go").times(1));
        assert_eq!(text(session.post("go").body(Body::stream_fn(chunks))).await, "abc");
        world.server.inject(Fault::redirect(status, "landed").on(Method::POST, "/go").times(1));
        let error = session.post("go").stream_body(chunks()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Redirect, "a one-shot body is not repeated");
    }
    assert_eq!(world.server.count(Method::POST, "/landed"), 4);
    // a body that is left out takes its headers along, and no others
    world.server.inject(Fault::redirect(302, "landed").on(Method::POST, "/go").times(1));
    let call = session.post("go").header("X-Mine", "m").header("Content-Type", "text/plain");
    call.body("abc").await.unwrap();
    let sent = world.server.requests(Method::GET, "/landed").pop().unwrap();
    assert_eq!((sent.header("x-mine"), sent.header("content-type")), (Some("m"), None));
    assert!(sent.body().is_empty());
    // a 303 is fetched by GET, but for HEAD
    for (method, lands) in [(Method::HEAD, Method::HEAD), (Method::DELETE, Method::GET)] {
        world.server.inject(Fault::redirect(303, "status").on(method.clone(), "/go").times(1));
        session.request(method.as_str(), "go").await.unwrap();
        assert_eq!(world.server.journal().pop().unwrap().method(), lands);
    }
    session.close().await.unwrap();
}

#[tokio::test]
async fn too_many_redirects_and_unusable_targets_are_errors() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    server.inject(Fault::redirect(302, "loop").on(Method::GET, "/loop"));
    let error = session.get("loop").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Redirect);
    assert!(error.to_string().contains("more than 20"), "{error}");
    assert_eq!(server.count(Method::GET, "/loop"), 21);
    for location in ["javascript:alert(1)", "file:///etc/passwd", "http://"] {
        server.inject(Fault::redirect(302, location).on(Method::GET, "/odd").times(1));
        assert_eq!(session.get("odd").await.unwrap_err().kind(), ErrorKind::Redirect, "{location}");
    }
    session.close().await.unwrap();
    // not followed: a reply like any other
    let session = builder(&server).follow_redirects(false).connect().await.unwrap();
    let moved = Reply::new(302).header("Location", "/x");
    server.inject(Fault::reply(moved).on(Method::GET, "/moved").times(1));
    assert_eq!(session.get("moved").await.unwrap().status(), 302);
    // and the other way round for one call
    server.inject(Fault::redirect(302, "status").on(Method::GET, "/moved").times(1));
    assert_eq!(session.get("moved").follow_redirects(true).await.unwrap().status(), 200);
    session.close().await.unwrap();
}

#[tokio::test]
async fn max_redirects_limits_the_number_of_redirects() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).max_redirects(2).connect().await.unwrap();
    server.inject(Fault::redirect(302, "loop").on(Method::GET, "/loop"));
    let error = session.get("loop").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Redirect);
    assert_eq!(server.count(Method::GET, "/loop"), 3);
    session.close().await.unwrap();
}
