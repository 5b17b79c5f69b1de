//! Every flow with unique secrets, and a search of everything that came out.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::fmt::{Debug, Write as _};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mstr_rest_core::{
    Auth, Cookies, Credential, CredentialError, RetryPolicy, Session, SessionBuilder, settle,
    with_session,
};
use mstr_sim::{Fault, LibraryServer, Method, RecordedRequest, Reply};
use tracing_subscriber::fmt::MakeWriter;

/// Everything that was logged or printed.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Output {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Output {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    fn debug(&self, value: &impl Debug) {
        let _ = writeln!(Text(self), "{value:?}");
    }

    /// `Display`, `Debug` and the whole chain of an error.
    fn error(&self, error: &mstr_rest_core::Error) {
        self.debug(error);
        let mut cause: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = cause {
            let _ = writeln!(Text(self), "{error} {error:?}");
            cause = error.source();
        }
    }

    fn leaks(&self, secrets: &[String]) -> Vec<String> {
        let text = self.text();
        secrets.iter().filter(|secret| text.contains(secret.as_str())).cloned().collect()
    }
}

struct Text<'a>(&'a Output);

impl std::fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.0.lock().unwrap().extend_from_slice(text.as_bytes());
        Ok(())
    }
}

fn secret(name: &str) -> String {
    format!("c4n4ry{name}")
}

fn builder(server: &LibraryServer) -> SessionBuilder {
    Session::builder(server.base_url()).environment_proxies(false)
}

/// The only test of its program: the subscriber hears everything, of our dependencies too.
#[test]
fn no_secret_appears_in_any_output() {
    let output = Output::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(output.clone())
        .with_ansi(false)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    // the search finds what is there
    tracing::info!(password = secret("planted"), "a leak");
    output.debug(&Some(secret("printed")));
    let planted = [secret("planted"), secret("printed")];
    assert_eq!(output.leaks(&planted), planted);

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut secrets = runtime.block_on(flows(&output));
    runtime.block_on(settle());
    drop(runtime);
    secrets.retain(|secret| !secret.is_empty());
    assert!(secrets.len() > 20, "the flows make many secrets: {}", secrets.len());
    let text = output.text();
    assert!(text.contains("mstr_call") && text.contains("/auth/login -> 204"), "not heard: {text}");
    assert!(text.contains("WARN") && text.contains("Logout failed"), "behind an error it is told");
    // a reply that cannot be decoded is no success
    let not_decoded = |line: &str| line.contains("mstr_call") && line.contains("error.type=Decode");
    assert!(text.lines().any(not_decoded), "{text}");
    let leaks: Vec<_> = output
        .leaks(&secrets)
        .into_iter()
        .map(|leak| text.lines().find(|line| line.contains(&leak)).unwrap_or_default())
        .collect();
    assert_eq!(leaks, [""; 0], "lines that hold a secret");
}

/// Runs all of them and gives the secrets that took part.
async fn flows(output: &Output) -> Vec<String> {
    let [password, key, trusted, query, gateway, proxy, header, body, wrong] =
        ["pw", "key", "trusted", "query", "gateway", "proxy", "header", "body", "wrong"]
            .map(secret);
    let server = LibraryServer::builder()
        .user("administrator", password.as_str())
        .api_key(key.as_str(), "administrator")
        .trusted_user(trusted.as_str())
        .tls()
        .start()
        .await
        .unwrap();
    let base = builder(&server)
        .root_certificates_pem(server.ca_pem().unwrap())
        .default_header("X-Gateway", gateway.as_str())
        .default_query("sig", query.as_str())
        .basic_auth("gate", gateway.as_str())
        .auth(Auth::standard("administrator", password.as_str()));
    output.debug(&base);

    // sessions in every mode, plain and over HTTP/2
    for auth in [
        Auth::standard("administrator", password.as_str()),
        Auth::api_key(key.as_str()),
        Auth::trusted(trusted.as_str()),
        Auth::custom(1, [("username", "administrator"), ("password", password.as_str())]),
    ] {
        output.debug(&auth);
        for base in [base.clone(), base.clone().http1_only(true)] {
            let session = base.auth(auth.clone()).connect().await.unwrap();
            output.debug(&session);
            output.debug(&session.cookies());
            use_session(output, &session, [&query, &header, &body]).await;
            session.close().await.unwrap();
        }
    }
    // refused, and a server that repeats what it was sent
    let echo = |text: &str| Fault::reply(Reply::error(401, "ERR003", &format!("bad {text}")));
    server.inject(echo(&wrong).on(Method::POST, "/auth/login").times(1));
    for auth in [Auth::standard("u", wrong.as_str()), Auth::standard("u", wrong.as_str())] {
        output.error(&base.clone().auth(auth).connect().await.unwrap_err());
    }
    server.inject(Fault::html(502).on(Method::POST, "/auth/login").times(1));
    output.error(&base.clone().connect().await.unwrap_err());
    // handing over
    let owner = base.clone().connect().await.unwrap();
    let reply = owner.post("auth/identityToken").await.unwrap();
    output.debug(&reply);
    output.debug(&reply.headers());
    let identity = reply.headers()["x-mstr-identitytoken"].to_str().unwrap().to_owned();
    let auth = Auth::identity_token(identity.as_str());
    output.debug(&auth);
    base.clone().auth(auth).connect().await.unwrap().close().await.unwrap();
    let live = server.sessions()[0].token().to_owned();
    let cookies = Cookies::from([("iSession", live.as_str())]);
    let auth = Auth::existing(live.as_str(), cookies);
    output.debug(&auth);
    base.clone().auth(auth).connect().await.unwrap().close().await.unwrap();
    // an error that repeats the token
    let echo = Fault::reply(Reply::error(400, "ERR006", &format!("bad token {live}")));
    server.inject(echo.on(Method::GET, "/echo"));
    output.error(&owner.get("echo").await.unwrap_err());
    owner.close().await.unwrap();
    // expiry, panics, cancellation
    let error = with_session(base.clone(), async |session| {
        server.expire_all();
        session.get("sessions").await.map(drop)
    });
    output.error(&error.await.unwrap_err());
    server.inject(Fault::status(500).on(Method::POST, "/auth/logout").times(1));
    let error = with_session(base.clone(), async |session| session.get("nope").await.map(drop));
    output.error(&error.await.unwrap_err());
    drop(base.clone().connect().await.unwrap());
    settle().await;
    hours(output, &server, &base, [&password, &query]).await;
    // what cannot be set up, with a secret in the wrong place
    let misplaced = [
        Session::builder(format!("https://u:{wrong}@h/api")).build(),
        Session::builder(wrong.as_str()).build(),
        Session::builder(format!("https://h/api?{wrong}")).build(),
        base.clone().proxy(format!("http://u:{proxy}@[bad")).build(),
        base.clone().client_identity_pem(wrong.as_str()).build(),
        base.clone().default_header("X", format!("a\n{wrong}")).build(),
    ];
    for result in misplaced {
        match result {
            Ok(session) => output.error(&session.get("x").await.unwrap_err()),
            Err(error) => output.error(&error),
        }
    }
    let failing = Credential::from_fn(|| -> Result<String, CredentialError> {
        Err(CredentialError::new("the vault is closed"))
    });
    output.error(&base.auth(Auth::api_key(failing)).connect().await.unwrap_err());
    server.requests(Method::POST, "/auth/login").iter().for_each(|request| output.debug(request));

    // tokens and cookies that the server made
    let mut secrets = vec![password, key, query, gateway, proxy, header, body, wrong, identity];
    for request in server.journal() {
        secrets.extend(request.token().map(str::to_owned));
        for name in ["JSESSIONID", "iSession"] {
            secrets.extend(request.cookie(name).map(str::to_owned));
        }
    }
    secrets.push("Z2F0ZTpj".to_owned()); // how the basic authorization of the gateway begins
    secrets.sort();
    secrets.dedup();
    secrets
}

/// Re-login, refused and not, retries, keep-alive.
async fn hours(
    output: &Output,
    server: &LibraryServer,
    base: &SessionBuilder,
    [password, query]: [&String; 2],
) {
    let retry = RetryPolicy::default().base_delay(Duration::from_millis(1));
    let hours = base.clone().relogin(true).retry(retry).keep_alive(Duration::from_millis(5));
    let session = hours.connect().await.unwrap();
    server.expire_all();
    session.get("sessions").query("sig", query).await.unwrap();
    server.inject(Fault::status(503).on(Method::GET, "/busy"));
    output.error(&session.get("busy").query("sig", query).await.unwrap_err());
    server.inject(Fault::html(502).on(Method::PUT, "/sessions").times(2));
    let extended = |journal: &[RecordedRequest]| {
        journal.iter().filter(|request| request.method() == Method::PUT).count() > 20
    };
    assert!(server.wait_for(extended).await);
    server.set_password("administrator", "changed");
    server.expire_all();
    output.error(&session.get("sessions").await.unwrap_err());
    server.set_password("administrator", password);
    session.close().await.unwrap();
}

/// Calls with secrets in all places of a request, and with all outcomes.
async fn use_session(output: &Output, session: &Session, [query, header, body]: [&String; 3]) {
    // a reply of another type than expected
    output.error(&session.get("status").decode::<Vec<u8>>().await.unwrap_err());
    let calls = [
        session.get("sessions"),
        session.get(format!("nothing?sig={query}")),
        session.get("a//b").query("sig", query),
        session.post("nothing").header("X-Secret", header).json(&[body]),
        session.put("sessions").body(body.clone()),
        session.get("status").include_auth(false).query("sig", query),
        session.get("x").header("bad name", header),
        session.get(format!("//h.example/x?sig={query}")),
        session.get(format!("https://u:{query}@h/x")),
        session.get(format!("http://127.0.0.1:9/?{query}")),
    ];
    for call in calls {
        output.debug(&call);
        output.debug(&call.curl());
        output.debug(&call.headers());
        match call.await {
            Ok(reply) => {
                output.debug(&reply);
                output.debug(&reply.headers());
            }
            Err(error) => output.error(&error),
        }
    }
}
