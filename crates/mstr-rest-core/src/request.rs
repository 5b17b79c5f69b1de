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
    /// Where the segments stand in `path` that were appended as values.
    segments: Vec<Range<usize>>,
    pub(crate) query: Vec<(Cow<'static, str>, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    pub(crate) project: Option<ProjectRef>,
    pub(crate) login: UsedLogin,
    pub(crate) needs_session: bool,
    /// Whether an expired session may be logged in again for it.
    pub(crate) may_relogin: bool,
    /// Whether it takes one of the session's in-flight slots.
    pub(crate) takes_slot: bool,
    /// Timeouts of this call; where it has none, the session's count.
    pub(crate) timeouts: Timeouts,
    /// Whether it may be repeated; its method decides where this is `None`.
    pub(crate) idempotent: Option<bool>,
    /// When it is sent again; the session's policy counts where this is `None`.
    pub(crate) retry: Option<RetryPolicy>,
    /// Whether redirects are followed; the session's setting counts where this is `None`.
    pub(crate) follow_redirects: Option<bool>,
    /// Error replies are handed back.
    pub(crate) raw: bool,
    pub(crate) reading: Reading,
    /// Its reply goes to the caller as it is: error statuses without JSON may be handed back.
    pub(crate) untyped: bool,
    /// The first error in building it.
    pub(crate) error: Option<Error>,
}

/// Whose token and cookies go along.
#[derive(Clone)]
pub(crate) enum UsedLogin {
    /// Those of the session, once no transition runs. What the reply sets is kept.
    Session,
    /// None, and nothing of the reply is kept.
    Without,
    /// Those of this login. For requests of the login machine itself: they wait for no transition
    /// and no slot, are never redirected, carry no project, keep no token of the reply, and go out
    /// although the session is closed.
    Of(Arc<Login>),
}

/// How the body of the reply is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Up to this many bytes; a longer one is an error.
    Whole { limit: Option<usize> },
    /// By the caller.
    Stream,
    /// The head is what counts: a body that does not come soon is left out.
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

    /// A request of the login machine, with token and cookies of that login.
    pub(crate) fn of_login(method: Method, path: &'static str, login: &Arc<Login>) -> Self {
        Self {
            login: UsedLogin::Of(Arc::clone(login)),
            may_relogin: false,
            takes_slot: false,
            reading: Reading::Head,
            ..Self::new(method, path.into())
        }
    }

    /// Whether a redirect is an error: its target must see neither credentials nor a token.
    pub(crate) fn forbids_redirects(&self) -> bool {
        matches!(self.login, UsedLogin::Of(_))
    }

    /// Whether a token and cookies go along.
    pub(crate) fn includes_auth(&self) -> bool {
        !matches!(self.login, UsedLogin::Without)
    }

    /// Whether a 401 may be about something else than the session: one without a body does not say
    /// what it is about, and another token goes along.
    pub(crate) fn has_ambiguous_401(&self) -> bool {
        self.method == Method::HEAD || self.headers.contains_key(&IDENTITY_TOKEN)
    }

    pub(crate) fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    /// Appends an escaped segment to the path, before a query that the path may hold.
    pub(crate) fn push_segment(&mut self, segment: &str) {
        let mut path = std::mem::take(&mut self.path).into_owned();
        let end = path.find(['?', '#']).unwrap_or(path.len());
        let slash = if path[..end].is_empty() || path[..end].ends_with('/') { "" } else { "/" };
        path.insert_str(end, &format!("{slash}{segment}"));
        let start = end + slash.len();
        self.segments.push(start..start + segment.len());
        self.path = path.into();
    }

    /// Where it goes, with its own query.
    pub(crate) fn target(&self, base: &Url) -> Result<Target> {
        let mut target = crate::url::join(base, &self.path)?;
        if !self.query.is_empty() {
            target.url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(target)
    }

    /// What logs and `Debug` show of the path: no query, and of another origin no more than that.
    pub(crate) fn route(&self) -> &str {
        let path = self.path.split(['?', '#']).next().unwrap_or_default();
        if path.contains("://") { "(absolute URL)" } else { path }
    }

    /// The route with `{}` in place of ids and of other values: the name of the operation.
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
            // without a value, the name itself may be the secret
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

/// For a POSIX shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Query parameters whose values are no secrets: everything else is shown as `***`.
const PUBLIC_QUERY: [&str; 5] = ["offset", "limit", "fields", "type", "pattern"];

/// Headers whose values are no secrets: everything else is marked sensitive.
pub(crate) fn is_public(name: &HeaderName) -> bool {
    *name == PROJECT || is_harmless(name)
}

/// Headers of the caller that may follow a redirect to another origin.
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
