//! One exchange with its redirects, and which headers are sent to which origin.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use url::Url;

use crate::body::Sending;
use crate::client::Client;
use crate::defaults::Defaults;
use crate::login::{IDENTITY_TOKEN, Login, TOKEN};
use crate::projects::{PROJECT, ProjectRef};
use crate::request::{Request, UsedLogin};
use crate::transport::RawBody;
use crate::url::{is_auth_path, origin, same_origin};
use crate::{Body, Error, ErrorKind, Result, StreamingResponse};

/// The parts of a request that change with each redirect.
struct Hop<'a> {
    url: Url,
    method: Method,
    body: Option<&'a Body>,
    /// A redirect has left the base origin. From then on, only harmless headers of the caller are
    /// sent.
    left_base_origin: bool,
}

impl Client {
    /// Sends a request with the token and cookies of `login` and follows its redirects.
    pub(crate) async fn exchange(
        &self,
        request: &Request,
        url: &Url,
        login: &Login,
    ) -> Result<StreamingResponse> {
        let idle = request.timeouts.idle.or(self.timeouts.idle);
        let defaults = self.defaults.get(self.id).await?;
        if !matches!(request.login, UsedLogin::Of(_)) {
            // resolving credentials takes time: the session may have been closed meanwhile
            self.ensure_open()?;
        }
        if request.includes_auth() && same_origin(&self.base, url) {
            self.idle_clock.touch();
        }
        let body = Some(&request.body);
        let mut hop =
            Hop { url: url.clone(), method: request.method.clone(), body, left_base_origin: false };
        let mut followed = 0;
        loop {
            let is_base_origin = same_origin(&self.base, &hop.url);
            let mut headers = headers_of(request, &hop, is_base_origin, login, &defaults);
            let mut url = hop.url.clone();
            if is_base_origin {
                defaults.add_query(&mut url);
            }
            let body = hop.body.map_or(Ok(Sending::Empty), Body::take)?;
            if matches!(body, Sending::Empty) && has_length(&hop.method) {
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
            let start = std::time::Instant::now();
            let reply = self
                .transport
                .exchange(hop.method.clone(), url, headers, body, idle)
                .await
                .inspect_err(|error| {
                    tracing::debug!(
                        "{} {} failed ({:?})",
                        hop.method,
                        crate::url::redact(&hop.url),
                        error.kind()
                    );
                })
                .map_err(|error| if followed == 0 { error } else { after_redirect(error) })?;
            tracing::debug!(
                "{} {} -> {} ({} ms)",
                hop.method,
                crate::url::redact(&hop.url),
                reply.status().as_u16(),
                start.elapsed().as_millis()
            );
            let reply = mark_secrets(reply);
            if is_base_origin && request.includes_auth() {
                login.jar.store(&hop.url, reply.headers());
            }
            match self.next_hop(request, &hop, &reply, followed)? {
                Some(next) => {
                    followed += 1;
                    hop = next;
                }
                None => {
                    // the session keeps the token, and no other header of the reply
                    if is_base_origin
                        && matches!(request.login, UsedLogin::Session)
                        && reply.status().as_u16() < 400
                        && let Some(token) = reply.headers().get(&TOKEN)
                    {
                        self.logins.rotate(login, token);
                    }
                    return Ok(StreamingResponse::from_wire(reply, hop.url, idle));
                }
            }
        }
    }

    /// The next hop, if the reply is a redirect that is followed.
    fn next_hop<'a>(
        &self,
        request: &'a Request,
        hop: &Hop<'a>,
        reply: &http::Response<RawBody>,
        followed: usize,
    ) -> Result<Option<Hop<'a>>> {
        let status = reply.status();
        let Some(location) = reply.headers().get(header::LOCATION) else { return Ok(None) };
        if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
            || !(request.follow_redirects.unwrap_or(self.follow_redirects)
                || request.forbids_redirects())
        {
            return Ok(None);
        }
        let next = target(&hop.url, location);
        let to = next.as_ref().map_or_else(|| "an unusable address".to_owned(), origin);
        let fail = |why: &str| {
            let message =
                format!("{} redirects (status {status}) to {to}: {why}", origin(&hop.url));
            Err(Error::new(ErrorKind::Redirect, message).with_status(status))
        };
        if request.forbids_redirects() {
            return fail(
                "credentials are not sent there. Check the base URL: it must start with https:// \
                 if the server requires it.",
            );
        }
        let Some(url) = next else { return fail("it is not a URL") };
        if followed >= self.max_redirects {
            return fail(&format!("more than {} redirects", self.max_redirects));
        }
        let is_same_origin = same_origin(&hop.url, &url);
        if !is_same_origin && is_auth_path(hop.url.path()) {
            return fail(
                "redirects of authentication endpoints to another origin are not followed",
            );
        }
        let (method, body) = match (status, &hop.method) {
            (StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND, &Method::POST) => {
                (Method::GET, None)
            }
            (StatusCode::SEE_OTHER, method) if *method != Method::HEAD => (Method::GET, None),
            (_, method) => (method.clone(), hop.body),
        };
        if body.is_some_and(|body| !body.is_empty()) {
            if !is_same_origin {
                return fail("a body is never repeated to another origin");
            }
            if !request.body.is_repeatable() {
                return fail("this streamed body cannot be repeated: use Body::stream_fn");
            }
        }
        let left_base_origin = hop.left_base_origin || !is_same_origin;
        Ok(Some(Hop { url, method, body, left_base_origin }))
    }
}

/// The headers of one hop. Token, cookies, `X-MSTR*` headers and default headers are sent to the
/// base origin only.
fn headers_of(
    request: &Request,
    hop: &Hop<'_>,
    is_base_origin: bool,
    login: &Login,
    defaults: &Defaults,
) -> HeaderMap {
    let mut headers = request.headers.clone();
    if hop.left_base_origin {
        retain(&mut headers, crate::request::is_harmless);
    }
    if hop.body.is_none() {
        retain(&mut headers, |name| {
            !matches!(
                *name,
                header::CONTENT_TYPE
                    | header::CONTENT_LENGTH
                    | header::CONTENT_ENCODING
                    | header::CONTENT_LANGUAGE
            )
        });
    }
    if !is_base_origin {
        retain(&mut headers, |name| !name.as_str().starts_with("x-mstr"));
        headers.remove(header::COOKIE);
        return headers;
    }
    if !request.includes_auth() {
        headers.remove(&TOKEN);
        headers.remove(header::COOKIE);
    }
    for (name, value) in defaults.headers() {
        if !headers.contains_key(name) {
            headers.insert(name.clone(), value.clone());
        }
    }
    if let Some(ProjectRef::Id(id)) = &request.project {
        headers.insert(PROJECT.clone(), id.clone());
    }
    let mut jar = None;
    if request.includes_auth() {
        if let Some(token) = &login.token {
            headers.insert(TOKEN.clone(), token.clone());
        }
        jar = login.jar.header(&hop.url);
    }
    let own = headers.get(header::COOKIE);
    if let Some(cookies) = crate::cookies::merged(jar, [own, defaults.cookies()]) {
        headers.insert(header::COOKIE, cookies);
    }
    headers
}

/// Converts a connect error after a redirect. `Connect` means that nothing was sent, but the
/// redirected request was.
fn after_redirect(error: Error) -> Error {
    if !error.is_connect() {
        return error;
    }
    let (message, is_final) = (format!("after a redirect: {}", error.message()), error.is_final());
    let error = Error::with_source(ErrorKind::Transport, message, error);
    if is_final { error.into_final() } else { error }
}

fn target(from: &Url, location: &HeaderValue) -> Option<Url> {
    let mut url = from.join(std::str::from_utf8(location.as_bytes()).ok()?).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    // fragments are not sent; user info would be sent and logged
    url.set_fragment(None);
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(url)
}

fn retain(headers: &mut HeaderMap, keep: impl Fn(&http::HeaderName) -> bool) {
    let removed: Vec<_> = headers.keys().filter(|name| !keep(name)).cloned().collect();
    for name in removed {
        headers.remove(name);
    }
}

/// Methods that need `Content-Length: 0` without a body: some gateways answer 411 otherwise.
fn has_length(method: &Method) -> bool {
    [Method::POST, Method::PUT, Method::PATCH].contains(method)
}

/// Marks tokens and cookies as sensitive, so that `Debug` of the headers does not print them.
fn mark_secrets(mut reply: http::Response<RawBody>) -> http::Response<RawBody> {
    for (name, value) in reply.headers_mut() {
        if *name == header::SET_COOKIE || *name == TOKEN || *name == IDENTITY_TOKEN {
            value.set_sensitive(true);
        }
    }
    reply
}
