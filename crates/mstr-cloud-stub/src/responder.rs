//! A loopback HTTP/1.1 server that says what a test tells it to.
//!
//! It runs on a thread of its own, so that it outlives the runtime of the test, and goes when it is
//! dropped.

#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "for tests: they shall fail")]

use std::{
    collections::VecDeque,
    convert::Infallible,
    fmt, future,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

/// A request that arrived.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// `GET`, `POST` ...
    pub method: String,
    /// Path and query, as they were sent.
    pub path: String,
    /// All headers.
    pub headers: http::HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Request {
    /// A header's text; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
    delay: Duration,
    never: bool,
}

impl Reply {
    /// A status, and no body.
    pub fn status(status: u16) -> Self {
        Self { status, headers: vec![], body: Bytes::new(), delay: Duration::ZERO, never: false }
    }

    /// A JSON body, or one that claims to be.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self::status(status).header("content-type", "application/json").body(body)
    }

    /// No answer: the connection stays open.
    pub fn never() -> Self {
        Self { never: true, ..Self::status(200) }
    }

    /// One header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Answers after this time.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// The server. Clones are the same server; it stops when the last one is dropped.
#[derive(Clone)]
pub struct Responder(Arc<Running>);

struct Running {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

struct Shared {
    answer: Mutex<Box<Answer>>,
    journal: Mutex<Vec<Request>>,
}

type Answer = dyn FnMut(&Request) -> Reply + Send;

impl Responder {
    /// Starts one that answers as the closure says.
    ///
    /// ```
    /// use mstr_cloud_stub::{Reply, Responder};
    ///
    /// let server = Responder::start(|request| match request.path.as_str() {
    ///     "/secret" => Reply::json(200, r#"{"value":"s3cret"}"#),
    ///     _ => Reply::status(404),
    /// });
    /// assert!(server.url().starts_with("http://127.0.0.1:"));
    /// assert_eq!(server.count(), 0);
    /// ```
    pub fn start(answer: impl FnMut(&Request) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
        listener.set_nonblocking(true).expect("a socket of ours");
        let address = listener.local_addr().expect("it is bound");
        let shared =
            Arc::new(Shared { answer: Mutex::new(Box::new(answer)), journal: Mutex::default() });
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime for the server");
        let serving = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            runtime.block_on(async move {
                tokio::select! {
                    () = serve(listener, serving) => {}
                    _ = stopped => {}
                }
            });
        });
        Self(Arc::new(Running { address, shared, stop: Some(stop), thread: Some(thread) }))
    }

    /// Starts one that gives these replies in turn, and the last one for good.
    pub fn scripted(replies: impl IntoIterator<Item = Reply>) -> Self {
        let mut replies: VecDeque<Reply> = replies.into_iter().collect();
        Self::start(move |_| {
            let next =
                if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() };
            next.unwrap_or_else(|| Reply::status(500))
        })
    }

    /// Starts one that accepts and never answers.
    pub fn black_hole() -> Self {
        Self::scripted([Reply::never()])
    }

    /// Answers differently from now on.
    pub fn answer(&self, answer: impl FnMut(&Request) -> Reply + Send + 'static) {
        *lock(&self.0.shared.answer) = Box::new(answer);
    }

    /// `http://127.0.0.1:PORT`, without a slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.0.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.0.shared.journal).clone()
    }

    /// How many requests came, those without an answer too.
    pub fn count(&self) -> usize {
        lock(&self.0.shared.journal).len()
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Responder").field(&self.0.address).finish()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // sending fails when the server has ended already, joining when it panicked: the test has
        // failed then, for want of an answer
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

/// An address where nothing listens: connecting is refused.
pub fn closed_port() -> SocketAddr {
    // not one that was free a moment ago: another test may get it
    SocketAddr::from(([127, 0, 0, 1], 1))
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("inside of a runtime");
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let answer = service_fn(move |request| {
                let shared = Arc::clone(&shared);
                async move { Ok::<_, Infallible>(respond(&shared, request).await) }
            });
            // an error is a client that went away
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

async fn respond(shared: &Shared, request: http::Request<Incoming>) -> http::Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let request = Request {
        method: parts.method.to_string(),
        path: parts.uri.to_string(),
        headers: parts.headers,
        body: body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default(),
    };
    lock(&shared.journal).push(request.clone());
    let reply = (lock(&shared.answer))(&request);
    if reply.never {
        future::pending::<()>().await;
    }
    tokio::time::sleep(reply.delay).await;
    let mut response = http::Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(reply.body)).expect("a status and headers that HTTP allows")
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
