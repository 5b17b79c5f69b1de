//! The HTTP client: one exchange and its errors. This is the only file that uses reqwest.

mod connect;
mod options;
#[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
mod tls;

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, Method, StatusCode};
use http_body::{Frame, SizeHint};
use url::Url;

use self::connect::{Proxies, Proxy};
pub(crate) use self::options::{TransportOptions, TransportSecrets};
use self::tls::PlatformRoots;
use crate::body::{BoxError, ByteStream, PIECE, Sending};
use crate::error::is_json;
use crate::timeouts::Progress;
use crate::{Error, ErrorKind, Result};

/// The body of a reply, not read yet.
pub(crate) type RawBody = reqwest::Body;

/// An idle connection is not reused after this time. Servers close idle connections after 20 s
/// (Tomcat) to 75 s (nginx), and a request that is sent at that moment is lost.
const POOL_IDLE: Duration = Duration::from_secs(15);

/// The builder of the HTTP client.
pub(crate) type HttpClientBuilder = reqwest::ClientBuilder;

/// Settings that are not options: the hook of the user, and the in-process server of a test.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) configure: Option<Arc<dyn Fn(HttpClientBuilder) -> HttpClientBuilder + Send + Sync>>,
    /// Replies to every request instead of the network.
    #[cfg(test)]
    pub(crate) in_process: Option<Arc<dyn InProcess>>,
}

/// A server inside the test process.
#[cfg(test)]
pub(crate) trait InProcess: Send + Sync {
    /// Called when the exchange is polled for the first time. Dropping the future closes the
    /// connection.
    fn answer(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> futures_util::future::BoxFuture<'static, Result<http::Response<RawBody>>>;
}

#[cfg(test)]
impl<F> InProcess for F
where
    F: Fn(&Method, &Url) -> http::response::Builder + Send + Sync,
{
    /// A reply without a body.
    fn answer(
        &self,
        method: Method,
        url: Url,
        _headers: HeaderMap,
        _body: Bytes,
    ) -> futures_util::future::BoxFuture<'static, Result<http::Response<RawBody>>> {
        let reply = self(&method, &url).body(RawBody::from(""));
        Box::pin(async { reply.map_err(|e| Error::with_source(ErrorKind::Transport, "lost", e)) })
    }
}

/// The HTTP client of a session: a pool of connections.
#[derive(Clone)]
pub(crate) struct Transport {
    client: reqwest::Client,
    platform_roots: PlatformRoots,
    proxies: Arc<Proxies>,
    /// Replies instead of a server.
    #[cfg(test)]
    in_process: Option<Arc<dyn InProcess>>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // the `Debug` of reqwest's client prints headers and proxies
        f.write_str("Transport")
    }
}

impl Transport {
    pub(crate) fn new(
        base: &Url,
        options: &TransportOptions,
        secrets: &TransportSecrets,
        hooks: &Hooks,
    ) -> Result<Self> {
        check_tls(base, options, secrets)?;
        // the hook may set another proxy, which this program cannot know
        let known_proxies = if hooks.configure.is_some() {
            Proxies::explicit(options, secrets)
        } else {
            Proxies::new(options, secrets)
        };
        let mut builder = reqwest::Client::builder();
        // run the hook first, so that it cannot change settings that the pipeline relies on
        if let Some(configure) = &hooks.configure {
            builder = configure(builder);
        }
        builder = builder
            .redirect(reqwest::redirect::Policy::none())
            .retry(unprocessed(base))
            .referer(false)
            .gzip(options.gzip)
            .pool_idle_timeout(POOL_IDLE)
            .user_agent(&options.user_agent);
        if let Some(timeout) = options.connect_timeout {
            builder = builder.connect_timeout(timeout);
        }
        if options.http1_only {
            builder = builder.http1_only();
        }
        if options.http2_prior_knowledge {
            builder = builder.http2_prior_knowledge();
        }
        builder = proxies(builder, options, secrets)?;
        #[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
        {
            builder = builder.tls_backend_preconfigured(tls::config(options, secrets)?);
        }
        let client = builder.build().map_err(|error| {
            let what = "the HTTP client cannot be built";
            Error::with_source(ErrorKind::Config, what, error.without_url())
        })?;
        Ok(Self {
            client,
            platform_roots: PlatformRoots::of(options),
            proxies: Arc::new(known_proxies),
            #[cfg(test)]
            in_process: hooks.in_process.clone(),
        })
    }

    /// Sends one request and waits for the head of its reply. This is not an `async fn`, because
    /// its future would also store the parameters.
    pub(crate) fn exchange(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Sending,
        idle: Option<Duration>,
    ) -> impl Future<Output = Result<http::Response<RawBody>>> + use<> {
        let progress = idle.map(Progress::new);
        let is_https = url.scheme() == "https";
        let mut request = reqwest::Request::new(method, url);
        *request.headers_mut() = headers;
        *request.body_mut() = match body {
            Sending::Empty => None,
            Sending::Bytes(bytes) if bytes.len() <= PIECE => Some(bytes.into()),
            Sending::Bytes(bytes) => Some(Upload::wrap(Source::Bytes(bytes), progress.clone())),
            Sending::Stream(length, stream) => {
                Some(Upload::wrap(Source::Stream(length, stream), progress.clone()))
            }
        };
        let proxy = if is_https { None } else { self.proxies.of(request.url()) };
        let needs_tls = is_https || proxy.as_ref().is_some_and(Proxy::is_https);
        let platform_roots = self.platform_roots;
        // the exchange starts when this is polled
        let mut reply = self.execute(request);
        async move {
            if needs_tls {
                platform_roots.load().await?;
            }
            let reply = match &progress {
                Some(progress) => progress.guard(&mut reply).await??,
                None => reply.await?,
            };
            match proxy {
                // 407 comes from a proxy, but some servers misuse it: those send JSON
                Some(proxy)
                    if reply.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED
                        && !is_json(reply.headers()) =>
                {
                    Err(proxy.rejected_login())
                }
                _ => Ok(reply),
            }
        }
    }

    fn execute(
        &self,
        request: reqwest::Request,
    ) -> impl Future<Output = Result<http::Response<RawBody>>> + Unpin + use<> {
        #[cfg(test)]
        if let Some(server) = &self.in_process {
            return in_process(server, request).right_future();
        }
        let proxies = Arc::clone(&self.proxies);
        let reply = self.client.execute(request).map(move |reply| {
            reply
                .map(http::Response::from)
                .map_err(|error| exchange_error_via(error, None, &proxies))
        });
        #[cfg(test)]
        let reply = reply.left_future();
        reply
    }
}

/// Reads the complete request body, then calls the server.
#[cfg(test)]
fn in_process(
    server: &Arc<dyn InProcess>,
    mut request: reqwest::Request,
) -> futures_util::future::BoxFuture<'static, Result<http::Response<RawBody>>> {
    let server = Arc::clone(server);
    Box::pin(async move {
        let body = request.body_mut().take().unwrap_or_default();
        let body = http_body_util::BodyExt::collect(body).await;
        let body = body.map_err(|error| exchange_error(error, None))?.to_bytes();
        let (method, url) = (request.method().clone(), request.url().clone());
        server.answer(method, url, std::mem::take(request.headers_mut()), body).await
    })
}

/// Makes the body of a reply of an in-process server.
#[cfg(test)]
pub(crate) fn reply_body(stream: ByteStream) -> RawBody {
    Upload::wrap(Source::Stream(None, stream), None)
}

fn check_tls(base: &Url, options: &TransportOptions, secrets: &TransportSecrets) -> Result<()> {
    let needs_tls = base.scheme() == "https"
        || !options.roots.is_empty()
        || options.accept_invalid_certs
        || secrets.identity.is_some();
    if tls::AVAILABLE || !needs_tls {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Config,
        "TLS is needed, but this program was built without it: turn on the feature `rustls` (or \
         `rustls-no-provider`) of mstr-rest",
    ))
}

fn proxies(
    builder: reqwest::ClientBuilder,
    options: &TransportOptions,
    secrets: &TransportSecrets,
) -> Result<reqwest::ClientBuilder> {
    let Some(url) = &secrets.proxy else {
        return Ok(if options.environment_proxies { builder } else { builder.no_proxy() });
    };
    // no source: its text may contain the URL with a password
    let proxy = reqwest::Proxy::all(url.expose_secret()).map_err(|_| {
        Error::new(
            ErrorKind::Config,
            "the proxy is not a URL; it should look like http://proxy.example:3128",
        )
    })?;
    let except = options.no_proxy.as_deref().and_then(reqwest::NoProxy::from_string);
    Ok(builder.proxy(proxy.no_proxy(except)))
}

/// The same items without TLS.
#[cfg(not(any(feature = "rustls", feature = "rustls-no-provider")))]
mod tls {
    use std::error::Error as StdError;

    use super::options::TransportOptions;
    use crate::{Error, Result};

    pub(super) const AVAILABLE: bool = false;

    #[derive(Clone, Copy)]
    pub(super) struct PlatformRoots;

    impl PlatformRoots {
        pub(super) fn of(_: &TransportOptions) -> Self {
            Self
        }

        #[allow(clippy::unused_async)] // the same signature as in `transport/tls.rs`
        pub(super) async fn load(self) -> Result<()> {
            Ok(())
        }
    }

    #[allow(dead_code)]
    pub(super) enum Rejected {
        NoRoots(Error),
        Because { why: &'static str, hint: Option<&'static str> },
    }

    pub(super) fn rejected(_: &(dyn StdError + 'static)) -> Option<Rejected> {
        None
    }
}

/// The retries of reqwest itself, for all methods: a request on a connection that the server was
/// closing in an orderly way (`GOAWAY` with `NO_ERROR`), because it was not processed. The default
/// of reqwest also retries after `REFUSED_STREAM`. Load balancers send that for requests that their
/// node has processed, so a `POST` would be executed several times.
fn unprocessed(base: &Url) -> reqwest::retry::Builder {
    reqwest::retry::for_host(base.host_str().unwrap_or_default().to_owned())
        .no_budget()
        .max_retries_per_request(2)
        .classify_fn(|attempt| match attempt.error() {
            Some(error) if is_orderly_goaway(error) => attempt.retryable(),
            _ => attempt.success(),
        })
}

fn is_orderly_goaway(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            let orderly = error.reason() == Some(h2::Reason::NO_ERROR);
            return error.is_go_away() && error.is_remote() && orderly;
        }
        cause = error.source();
    }
    false
}

/// Makes the error of an exchange without a complete reply. `url` is the URL of the request, for
/// errors of reqwest that do not have it.
pub(crate) fn exchange_error(error: reqwest::Error, url: Option<&Url>) -> Error {
    exchange_error_via(error, url, &Proxies::none())
}

fn exchange_error_via(error: reqwest::Error, url: Option<&Url>, proxies: &Proxies) -> Error {
    let url = url.or_else(|| error.url()).cloned();
    let origin = url.as_ref().map(crate::url::origin);
    let origin = origin.as_deref().unwrap_or("the server");
    // errors of reqwest contain the complete URL with the query
    let error = error.without_url();
    let (kind, message) = if error.is_connect() {
        let failed = connect::Failed {
            is_dns: error.is_dns(),
            is_timeout: error.is_timeout(),
            is_https: url.as_ref().is_some_and(|url| url.scheme() == "https"),
        };
        let proxy = url.as_ref().and_then(|url| proxies.of(url));
        return connect::connect_error(error, &failed, origin, proxy.as_ref());
    } else if error.is_timeout() {
        (ErrorKind::Timeout, format!("{origin} did not answer in time"))
    } else if error.is_builder() {
        (ErrorKind::InvalidRequest, "the request cannot be sent".to_owned())
    } else {
        (ErrorKind::Transport, format!("the exchange with {origin} failed"))
    };
    Error::with_source(kind, message, error)
}

/// A request body that records its progress. reqwest requires `Sync` bodies, so the source is in a
/// mutex. The mutex is never contended.
struct Upload {
    source: Mutex<Source>,
    progress: Option<Progress>,
}

enum Source {
    Bytes(Bytes),
    /// The number of bytes that are left, if known, and the stream.
    Stream(Option<u64>, ByteStream),
}

impl Upload {
    fn wrap(source: Source, progress: Option<Progress>) -> reqwest::Body {
        reqwest::Body::wrap(Self { source: Mutex::new(source), progress })
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let next = match this.source.get_mut().unwrap_or_else(PoisonError::into_inner) {
            Source::Bytes(bytes) if bytes.is_empty() => None,
            Source::Bytes(bytes) => Some(Ok(bytes.split_to(bytes.len().min(PIECE)))),
            Source::Stream(left, stream) => {
                let next = ready!(stream.as_mut().poll_next(cx));
                if let (Some(left), Some(Ok(piece))) = (left, &next) {
                    *left = left.saturating_sub(piece.len() as u64);
                }
                next
            }
        };
        // only a piece is progress: a stream may be polled without end and have none
        if let Some(progress) = &this.progress {
            progress.touch();
        }
        Poll::Ready(next.map(|piece| piece.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        match &*self.source.lock().unwrap_or_else(PoisonError::into_inner) {
            Source::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Stream(left, _) => left.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}
