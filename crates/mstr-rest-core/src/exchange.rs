//! One exchange: our own redirect loop, and what of the session goes to which origin.

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

/// One request on its way: what changes from hop to hop.
struct Hop<'a> {
    url: Url,
    method: Method,
    body: Option<&'a Body>,
    /// A redirect led to another origin: from then on only harmless headers of the caller.
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
            // a slow credential: the session may have been closed meanwhile
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
                .map_err(|error| if followed == 0 { error } else { behind_redirect(error) })?;
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
                    // of the headers only the token is kept: any other belongs to its reply
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

    /// Where a redirect leads, if the reply is one that is followed.
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
        let refuse = |why: &str| {
            let message =
                format!("{} redirects (status {status}) to {to}: {why}", origin(&hop.url));
            Err(Error::new(ErrorKind::Redirect, message).with_status(status))
        };
        if request.forbids_redirects() {
            return refuse(
                "credentials are not sent there. Is this the right base URL, and does it start \
                 with https:// if the server wants that?",
            );
        }
        let Some(url) = next else { return refuse("it is not a URL") };
        if followed >= self.max_redirects {
            return refuse(&format!("more than {} redirects", self.max_redirects));
        }
        let stays = same_origin(&hop.url, &url);
        if !stays && is_auth_path(hop.url.path()) {
            return refuse("authentication endpoints are not followed to another origin");
        }
        let (method, body) = match (status, &hop.method) {
            (StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND, &Method::POST) => {
                (Method::GET, None)
            }
            (StatusCode::SEE_OTHER, method) if *method != Method::HEAD => (Method::GET, None),
            (_, method) => (method.clone(), hop.body),
        };
        if body.is_some_and(|body| !body.is_empty()) {
            if !stays {
                return refuse("a body is never repeated to another origin");
            }
            if !request.body.is_repeatable() {
                return refuse("this streamed body cannot be repeated: use Body::stream_fn");
            }
        }
        let left_base_origin = hop.left_base_origin || !stays;
        Ok(Some(Hop { url, method, body, left_base_origin }))
    }
}

/// The headers of one hop. What belongs to the session stays on the base origin.
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

/// "Nothing was sent" does not hold behind a redirect: the request that was redirected was.
fn behind_redirect(error: Error) -> Error {
    if !error.is_connect() {
        return error;
    }
    let (message, is_final) = (format!("behind a redirect: {}", error.message()), error.is_final());
    let error = Error::with_source(ErrorKind::Transport, message, error);
    if is_final { error.into_final() } else { error }
}

fn target(from: &Url, location: &HeaderValue) -> Option<Url> {
    let mut url = from.join(std::str::from_utf8(location.as_bytes()).ok()?).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    // a fragment is never sent, user info would be sent and logged
    url.set_fragment(None);
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(url)
}

fn retain(headers: &mut HeaderMap, keep: impl Fn(&http::HeaderName) -> bool) {
    let gone: Vec<_> = headers.keys().filter(|name| !keep(name)).cloned().collect();
    for name in gone {
        headers.remove(name);
    }
}

/// Methods whose requests must say that they have no body: some gateways answer 411 otherwise.
fn has_length(method: &Method) -> bool {
    [Method::POST, Method::PUT, Method::PATCH].contains(method)
}

/// So that nobody's `{:?}` of the headers prints a token or a cookie.
fn mark_secrets(mut reply: http::Response<RawBody>) -> http::Response<RawBody> {
    for (name, value) in reply.headers_mut() {
        if *name == header::SET_COOKIE || *name == TOKEN || *name == IDENTITY_TOKEN {
            value.set_sensitive(true);
        }
    }
    reply
}
