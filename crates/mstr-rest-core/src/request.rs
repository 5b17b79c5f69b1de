//! A request before it is sent: method, path, headers, body, options.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, Method, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::login::{IDENTITY_TOKEN, Login};
use crate::projects::{PROJECT, ProjectRef};
use crate::timeouts::Timeouts;
use crate::url::Target;
use crate::{Body, Error, Result, RetryPolicy};

#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: Cow<'static, str>,
    /// The positions in `path` of the segments that were appended as values.
    segments: Vec<Range<usize>>,
    pub(crate) query: Vec<(Cow<'static, str>, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    pub(crate) project: Option<ProjectRef>,
    pub(crate) login: UsedLogin,
    pub(crate) needs_session: bool,
    /// An expired session may be renewed for it.
    pub(crate) may_relogin: bool,
    /// It needs an in-flight slot of the session.
    pub(crate) takes_slot: bool,
    /// Calls with this name run one at a time in a session.
    pub(crate) turn: Option<&'static str>,
    /// The timeouts of this call. `None`: those of the session.
    pub(crate) timeouts: Timeouts,
    /// It may be repeated. `None`: if its method is idempotent.
    pub(crate) idempotent: Option<bool>,
    /// The retry policy. `None`: that of the session.
    pub(crate) retry: Option<RetryPolicy>,
    /// Redirects are followed. `None`: the setting of the session.
    pub(crate) follow_redirects: Option<bool>,
    /// Error replies are returned as replies.
    pub(crate) raw: bool,
    pub(crate) reading: Reading,
    /// The caller receives the reply undecoded. If the session returns HTTP errors, error replies
    /// without JSON are returned as replies.
    pub(crate) untyped: bool,
    /// The first error of building the request.
    pub(crate) error: Option<Error>,
}

/// The login whose token and cookies are sent with a request.
#[derive(Clone)]
pub(crate) enum UsedLogin {
    /// The login of the session, once no transition runs. The session keeps token and cookies of
    /// the reply.
    Session,
    /// No login. Nothing of the reply is kept.
    Without,
    /// This login. It is for requests of the login machine: they wait for no transition and no
    /// slot, are never redirected, have no project, do not rotate the token, and are sent even if
    /// the session is closed.
    Of(Arc<Login>),
}

/// How the body of the reply is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Into memory, up to this many bytes. A longer body is an error.
    Whole { limit: Option<usize> },
    /// By the caller.
    Stream,
    /// Only the head is needed. A body that does not arrive soon is left out.
    Head,
}

impl Request {
    pub(crate) fn new(method: Method, path: Cow<'static, str>) -> Self {
        Self {
            method,
            path,
            segments: Vec::new(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Body::default(),
            project: None,
            login: UsedLogin::Session,
            needs_session: false,
            may_relogin: true,
            takes_slot: true,
            turn: None,
            timeouts: Timeouts { idle: None, total: None },
            idempotent: None,
            retry: None,
            follow_redirects: None,
            raw: false,
            reading: Reading::Whole { limit: None },
            untyped: false,
            error: None,
        }
    }

    /// Makes a request of the login machine, with token and cookies of that login.
    pub(crate) fn of_login(method: Method, path: &'static str, login: &Arc<Login>) -> Self {
        Self {
            login: UsedLogin::Of(Arc::clone(login)),
            may_relogin: false,
            takes_slot: false,
            reading: Reading::Head,
            ..Self::new(method, path.into())
        }
    }

    /// Returns `true` if a redirect is an error: its target must receive neither credentials nor a
    /// token.
    pub(crate) fn forbids_redirects(&self) -> bool {
        matches!(self.login, UsedLogin::Of(_))
    }

    /// Returns `true` if a token and cookies are sent with it.
    pub(crate) fn includes_auth(&self) -> bool {
        !matches!(self.login, UsedLogin::Without)
    }

    /// Returns `true` if a 401 may have another cause than an expired session: the reply to `HEAD`
    /// has no body that tells the cause, and an identity token that is sent with it may be invalid.
    pub(crate) fn has_ambiguous_401(&self) -> bool {
        self.method == Method::HEAD || self.headers.contains_key(&IDENTITY_TOKEN)
    }

    pub(crate) fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    /// Appends an escaped segment to the path, before a query in the path.
    pub(crate) fn push_segment(&mut self, segment: &str) {
        let mut path = std::mem::take(&mut self.path).into_owned();
        let end = path.find(['?', '#']).unwrap_or(path.len());
        let slash = if path[..end].is_empty() || path[..end].ends_with('/') { "" } else { "/" };
        path.insert_str(end, &format!("{slash}{segment}"));
        let start = end + slash.len();
        self.segments.push(start..start + segment.len());
        self.path = path.into();
    }

    /// The URL of the request, with its query.
    pub(crate) fn target(&self, base: &Url) -> Result<Target> {
        let mut target = crate::url::join(base, &self.path)?;
        if !self.query.is_empty() {
            target.url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(target)
    }

    /// The path for logs and `Debug`, without the query. An absolute URL is not shown.
    pub(crate) fn route(&self) -> &str {
        let path = self.path.split(['?', '#']).next().unwrap_or_default();
        if path.contains("://") { "(absolute URL)" } else { path }
    }

    /// The name of the operation: the route with `{}` for ids and other values.
    pub(crate) fn template(&self) -> String {
        let route = self.route();
        let is_id = |segment: &str| {
            segment.len() == 32 && segment.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        let mut start = 0;
        let segments = route.split('/').map(|segment| {
            let range = start..start + segment.len();
            start = range.end + 1;
            if is_id(segment) || self.segments.contains(&range) { "{}" } else { segment }
        });
        segments.collect::<Vec<_>>().join("/")
    }

    pub(crate) fn curl(&self, base: &Url) -> String {
        let mut line = format!("curl -X {} {}", self.method, quote(&self.curl_url(base)));
        if self.includes_auth() {
            line.push_str(" -H 'X-MSTR-AuthToken: ***' -b '***'");
        }
        match &self.project {
            Some(ProjectRef::Id(id)) => {
                let id = id.to_str().unwrap_or("***");
                push_header(&mut line, "X-MSTR-ProjectID", id);
            }
            Some(ProjectRef::Name(_)) => push_header(&mut line, "X-MSTR-ProjectID", "***"),
            None => {}
        }
        for (name, value) in &self.headers {
            let value = if value.is_sensitive() { None } else { value.to_str().ok() };
            push_header(&mut line, name.as_str(), value.unwrap_or("***"));
        }
        if !self.body.is_empty() {
            line.push_str(" --data-binary @body");
        }
        line
    }

    fn curl_url(&self, base: &Url) -> String {
        let Ok(Target { mut url, .. }) = self.target(base) else { return "***".to_owned() };
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        url.set_query(None);
        let mut text = String::from(url);
        for (index, (name, value)) in pairs.iter().enumerate() {
            let sign = if index == 0 { '?' } else { '&' };
            // a parameter without a value: the name may be a secret
            let pair = if value.is_empty() {
                "***".to_owned()
            } else if PUBLIC_QUERY.contains(&name.as_str()) {
                format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))
            } else {
                format!("{}=***", utf8_percent_encode(name, NON_ALPHANUMERIC))
            };
            text.push(sign);
            text.push_str(&pair);
        }
        text
    }
}

fn push_header(line: &mut String, name: &str, value: &str) {
    line.push_str(" -H ");
    line.push_str(&quote(&format!("{name}: {value}")));
}

/// Quotes a text for a POSIX shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Query parameters whose values are not secret. All other values are shown as `***`.
const PUBLIC_QUERY: [&str; 5] = ["offset", "limit", "fields", "type", "pattern"];

/// Headers whose values are not secret. All other headers are marked sensitive.
pub(crate) fn is_public(name: &HeaderName) -> bool {
    *name == PROJECT || is_harmless(name)
}

/// Headers of the caller that may be sent to another origin after a redirect.
pub(crate) fn is_harmless(name: &HeaderName) -> bool {
    [
        header::ACCEPT,
        header::ACCEPT_ENCODING,
        header::ACCEPT_LANGUAGE,
        header::CACHE_CONTROL,
        header::CONTENT_ENCODING,
        header::CONTENT_LANGUAGE,
        header::CONTENT_TYPE,
        header::IF_MATCH,
        header::IF_MODIFIED_SINCE,
        header::IF_NONE_MATCH,
        header::RANGE,
        header::USER_AGENT,
    ]
    .contains(name)
        || name == "prefer"
}
