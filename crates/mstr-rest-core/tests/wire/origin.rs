//! Token, cookies, login body and project header never reach another origin.

use crate::support::builder;
use mstr_rest_core::{Body, Call, ErrorKind, Response, Session};
use mstr_sim::{Fault, LibraryServer, Method, RecordedRequest, Reply};

/// The server, and three places that are not it: another port, another host name, another scheme.
struct World {
    server: LibraryServer,
    port: LibraryServer,
    tls: LibraryServer,
}

impl World {
    async fn new() -> Self {
        let start = async |builder: mstr_sim::LibraryServerBuilder| {
            builder
                .route(Method::GET, "/landed", |_| {
                    Reply::new(200)
                        .header("X-MSTR-AuthToken", "planted")
                        .header("Set-Cookie", "planted=1; Path=/")
                })
                .route(Method::POST, "/landed", |request| {
                    Reply::new(200).with_body("text/plain", request.body().to_vec())
                })
                .start()
                .await
                .unwrap()
        };
        Self {
            server: start(LibraryServer::builder()).await,
            port: start(LibraryServer::builder()).await,
            tls: start(LibraryServer::builder().tls()).await,
        }
    }

    async fn session(&self) -> Session {
        builder(&self.server)
            .root_certificates_pem(self.tls.ca_pem().unwrap())
            .default_header("X-Gateway", "gate-key")
            .basic_auth("proxy", "gate-pw")
            .connect()
            .await
            .unwrap()
            .detach()
    }

    /// `/landed` on other origins, and who gets it there.
    fn elsewhere(&self) -> Vec<(String, &LibraryServer)> {
        vec![
            (format!("{}landed", self.port.base_url()), &self.port),
            (format!("{}landed", self.tls.base_url()), &self.tls),
            (
                format!("{}landed", self.server.base_url().replace("127.0.0.1", "localhost")),
                &self.server,
            ),
        ]
    }
}

fn assert_bare(request: &RecordedRequest) {
    for name in request.headers().keys() {
        let name = name.as_str();
        assert!(
            !name.starts_with("x-mstr")
                && !matches!(name, "cookie" | "authorization" | "x-gateway" | "x-secret"),
            "{name} went to another origin"
        );
    }
}

#[tokio::test]
async fn absolute_urls_elsewhere_get_nothing() {
    let world = World::new().await;
    let session = world.session().await;
    for (url, other) in world.elsewhere() {
        let reply = session.get(url).project_id("P").header("X-MSTR-Mine", "m").await.unwrap();
        assert_eq!(reply.status(), 200);
        assert_bare(&other.requests(Method::GET, "/landed").pop().unwrap());
    }
    unplanted(&session).await;
}

async fn unplanted(session: &Session) {
    assert!(session.cookies().iter().all(|cookie| cookie.name != "planted"));
    let reply = session.get("sessions").await.unwrap();
    assert_eq!(reply.status(), 200, "the token is still the one of the login");
}

#[tokio::test]
async fn redirects_elsewhere_get_nothing() {
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
async fn a_login_is_never_redirected() {
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
async fn redirects_at_home_keep_what_belongs_to_the_session() {
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
async fn redirect_limits_and_odd_targets() {
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
async fn without_auth_nothing_is_sent_and_nothing_kept() {
    let server = LibraryServer::builder()
        .route(Method::GET, "/plant", |_| {
            Reply::new(200)
                .header("X-MSTR-AuthToken", "planted")
                .header("X-MSTR-Something", "planted")
                .header("Set-Cookie", "JSESSIONID=planted; Path=/MicroStrategyLibrary")
        })
        .start()
        .await
        .unwrap();
    let session = builder(&server).connect().await.unwrap();
    let call = session.get("plant").include_auth(false).header("X-MSTR-AuthToken", "mine");
    call.await.unwrap();
    let sent = server.requests(Method::GET, "/plant").pop().unwrap();
    assert_eq!((sent.token(), sent.header("cookie")), (None, None));
    assert!(session.get("sessions").await.is_ok());
    // headers of the caller: exactly one value of each goes out
    let token = server.sessions()[0].token().to_owned();
    let call = session.get("status").header("x-mstr-authtoken", "mine");
    call.header("X-MSTR-ProjectID", "A").project_id("B").await.unwrap();
    let sent = server.requests(Method::GET, "/status").pop().unwrap();
    let values = |name: &str| sent.headers().get_all(name).iter().count();
    assert_eq!((values("x-mstr-authtoken"), values("x-mstr-projectid")), (1, 1));
    assert_eq!((sent.token(), sent.project_id()), (Some(token.as_str()), Some("B")));
    session.close().await.unwrap();
}

/// `X-MSTR-MS-Instance` of one report, sent with a request for another, gives that report's data.
#[tokio::test]
async fn of_the_headers_of_a_reply_only_the_token_is_kept() {
    let server = LibraryServer::builder()
        .route(Method::POST, "/instances", |_| {
            Reply::new(200)
                .header("X-MSTR-MS-Instance", "instance-of-A")
                .header("x-mstr-Something", "1")
                .header("X-MSTR-ProjectID", "P")
        })
        .start()
        .await
        .unwrap();
    let session = builder(&server).connect().await.unwrap();
    let instance = session.post("instances").await.unwrap();
    assert_eq!(instance.headers()["x-mstr-ms-instance"], "instance-of-A", "it is the caller's");
    session.get("status").await.unwrap();
    let sent = server.requests(Method::GET, "/status").pop().unwrap();
    let names = sent.headers().keys().map(http::HeaderName::as_str);
    let ours: Vec<_> = names.filter(|name| name.starts_with("x-mstr")).collect();
    assert_eq!(ours, ["x-mstr-authtoken"]);
    session.close().await.unwrap();
}

#[tokio::test]
async fn cookies_of_the_caller_go_along_with_those_of_the_login() {
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
