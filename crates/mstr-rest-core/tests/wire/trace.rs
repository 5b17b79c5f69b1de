//! Spans: one client span per attempt, with the names of OpenTelemetry's HTTP conventions.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mstr_rest_core::{ErrorKind, RetryPolicy, Session};
use mstr_sim::{Fault, LibraryServer, Method};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Subscriber, subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

use crate::support::builder;

/// Name and fields of a span that ended.
#[derive(Debug, Clone, Default)]
struct Ended {
    name: &'static str,
    parent: Option<&'static str>,
    fields: BTreeMap<&'static str, String>,
}

impl Ended {
    fn get(&self, field: &str) -> Option<&str> {
        self.fields.get(field).map(String::as_str)
    }
}

impl Visit for Ended {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}

/// Collects the spans of this crate in the order in which they end.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<Ended>>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let mut ended = Ended {
            name: span.name(),
            parent: span.parent().map(|parent| parent.name()),
            ..Ended::default()
        };
        attributes.record(&mut ended);
        span.extensions_mut().insert(ended);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        values.record(span.extensions_mut().get_mut::<Ended>().unwrap());
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        if span.name().starts_with("mstr_") {
            let ended = span.extensions().get::<Ended>().unwrap().clone();
            self.0.lock().unwrap().push(ended);
        }
    }
}

impl Spans {
    fn collect() -> (Self, DefaultGuard) {
        let spans = Self::default();
        let guard = subscriber::set_default(Registry::default().with(spans.clone()));
        (spans, guard)
    }

    /// The spans of one call: its attempts, and then the call itself.
    fn take(&self) -> (Vec<Ended>, Ended) {
        let mut spans = std::mem::take(&mut *self.0.lock().unwrap());
        let call = spans.pop().unwrap();
        assert_eq!(call.name, "mstr_call");
        assert!(spans.iter().all(|span| span.name == "mstr_attempt"), "{spans:?}");
        (spans, call)
    }
}

/// A session that is logged in, and the spans from then on.
async fn session(server: &LibraryServer) -> (Session, Spans, DefaultGuard) {
    let policy = RetryPolicy::default().base_delay(Duration::from_millis(1));
    let session = builder(server).retry(policy).connect().await.unwrap().detach();
    let (spans, guard) = Spans::collect();
    (session, spans, guard)
}

#[tokio::test]
async fn an_attempt_is_a_client_span_with_the_names_of_the_conventions() {
    let server = LibraryServer::start().await.unwrap();
    let (session, spans, _guard) = session(&server).await;
    session.get("projects").query("canary", "canary").await.unwrap();
    let (attempts, call) = spans.take();
    let [attempt] = &attempts[..] else { panic!("{attempts:?}") };
    let url = session.base_url();
    for (field, value) in [
        ("otel.kind", "client"),
        ("otel.name", "GET"),
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("server.address", url.host_str().unwrap()),
        ("server.port", &url.port().unwrap().to_string()),
        ("url.full", url.join("projects").unwrap().as_str()),
    ] {
        assert_eq!(attempt.get(field), Some(value), "{field}");
    }
    for field in ["error.type", "http.request.resend_count", "otel.status_code", "mstr.code"] {
        assert_eq!(attempt.get(field), None, "{field}");
    }
    assert_eq!(attempt.parent, Some("mstr_call"));
    assert_eq!(call.get("otel.name"), Some("GET projects"));
    assert_eq!(call.get("http.response.status_code"), Some("200"));
    assert_eq!((call.get("error.type"), call.get("otel.kind")), (None, None));
}

#[tokio::test]
async fn each_retry_is_a_span_with_its_number() {
    let server = LibraryServer::start().await.unwrap();
    let (session, spans, _guard) = session(&server).await;
    server.inject(Fault::html(503).on(Method::GET, "/projects").times(2));
    session.get("projects").await.unwrap();
    let (attempts, call) = spans.take();
    let seen: Vec<_> = attempts
        .iter()
        .map(|span| {
            ["http.request.resend_count", "http.response.status_code", "error.type"]
                .map(|field| span.get(field))
        })
        .collect();
    assert_eq!(
        seen,
        [
            [None, Some("503"), Some("503")],
            [Some("1"), Some("503"), Some("503")],
            [Some("2"), Some("200"), None],
        ]
    );
    assert_eq!((call.get("error.type"), call.get("otel.status_code")), (None, None));
}

#[tokio::test]
async fn spans_have_the_codes_of_the_server_and_the_error_kind() {
    let server = LibraryServer::start().await.unwrap();
    let (session, spans, _guard) = session(&server).await;
    session.get("reports/none").await.unwrap_err();
    let (attempts, call) = spans.take();
    for span in [&attempts[0], &call] {
        assert_eq!(span.get("otel.status_code"), Some("ERROR"));
        assert!(span.get("mstr.code").unwrap().starts_with("ERR"), "{span:?}");
        assert!(span.get("mstr.ticket").is_some(), "{span:?}");
    }
    assert_eq!(attempts[0].get("error.type"), attempts[0].get("http.response.status_code"));
    assert_eq!(call.get("error.type"), Some("NotSupported"));
}

#[tokio::test]
async fn span_of_an_attempt_without_a_reply_has_the_error_kind() {
    let server = LibraryServer::start().await.unwrap();
    let (session, spans, _guard) = session(&server).await;
    server.inject(Fault::reset().on(Method::POST, "/objects"));
    let error = session.post("objects").await.unwrap_err();
    let (attempts, call) = spans.take();
    let kind = format!("{:?}", error.kind());
    for span in [&attempts[0], &call] {
        assert_eq!(span.get("error.type"), Some(kind.as_str()), "{span:?}");
        assert_eq!(span.get("http.response.status_code"), None);
    }
    // a reply that is not what the call expects is an error of the call, not of the exchange
    let error = session.get("projects").decode::<u32>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    let (attempts, call) = spans.take();
    assert_eq!(attempts[0].get("error.type"), None);
    assert_eq!(call.get("error.type"), Some("Decode"));
}

#[tokio::test]
async fn an_operation_is_named_without_ids_and_values() {
    let server = LibraryServer::start().await.unwrap();
    let (session, spans, _guard) = session(&server).await;
    let id = "0123456789ABCDEF0123456789ABCDEF";
    for call in [
        session.get("reports").segment(id),
        session.get("reports").segment("canary name"),
        session.get(format!("reports/{id}?limit=1")),
    ] {
        let _ = call.await;
        assert_eq!(spans.take().1.get("otel.name"), Some("GET reports/{}"));
    }
    let _ = session.get("https://other.invalid/canary").timeout(Duration::from_secs(9)).await;
    assert_eq!(spans.take().1.get("otel.name"), Some("GET (absolute URL)"));
}

#[tokio::test]
async fn a_relogin_belongs_to_the_call_that_started_it() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).relogin(true).connect().await.unwrap().detach();
    let (spans, _guard) = Spans::collect();
    server.expire_all();
    session.get("projects").await.unwrap();
    let names = |name: &'static str| {
        let spans = spans.0.lock().unwrap();
        let found = spans.iter().filter(move |span| span.get("otel.name") == Some(name));
        found.map(|span| span.parent).collect::<Vec<_>>()
    };
    assert_eq!(names("POST auth/login"), [Some("mstr_call")]);
    assert_eq!(names("GET projects"), [None]);
}

#[tokio::test]
async fn unknown_method_is_other_in_spans() {
    let server = LibraryServer::start().await.unwrap();
    let (session, spans, _guard) = session(&server).await;
    let _ = session.request("PURGE", "projects").await;
    let (attempts, _) = spans.take();
    assert_eq!(attempts[0].get("http.request.method"), Some("_OTHER"));
}
