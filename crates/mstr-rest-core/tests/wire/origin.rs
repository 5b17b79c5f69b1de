//! Token, cookies, login body and project header never reach another origin.

use mstr_rest_core::Session;
use mstr_sim::{LibraryServer, Method, RecordedRequest, Reply};

use crate::support::builder;

/// The server, and three places that are not it: another port, another host name, another scheme.
pub(crate) struct World {
    pub(crate) server: LibraryServer,
    pub(crate) port: LibraryServer,
    pub(crate) tls: LibraryServer,
}

impl World {
    pub(crate) async fn new() -> Self {
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

    pub(crate) async fn session(&self) -> Session {
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
    pub(crate) fn elsewhere(&self) -> Vec<(String, &LibraryServer)> {
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

pub(crate) fn assert_bare(request: &RecordedRequest) {
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
async fn absolute_url_of_another_origin_is_sent_without_credentials() {
    let world = World::new().await;
    let session = world.session().await;
    for (url, other) in world.elsewhere() {
        let reply = session.get(url).project_id("P").header("X-MSTR-Mine", "m").await.unwrap();
        assert_eq!(reply.status(), 200);
        assert_bare(&other.requests(Method::GET, "/landed").pop().unwrap());
    }
    unplanted(&session).await;
}

pub(crate) async fn unplanted(session: &Session) {
    assert!(session.cookies().iter().all(|cookie| cookie.name != "planted"));
    let reply = session.get("sessions").await.unwrap();
    assert_eq!(reply.status(), 200, "the token is still the one of the login");
}

#[tokio::test]
async fn request_without_auth_is_sent_without_a_token_and_stores_nothing() {
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
async fn session_keeps_only_the_token_of_the_headers_of_a_reply() {
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
