//! What a call is made of, before it is sent.

use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::time::Limits;
use crate::url::Target;
use crate::{Body, Error, Result, RetryPolicy, Session};

#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) session: Session,
    pub(crate) method: Method,
    pub(crate) path: Cow<'static, str>,
    pub(crate) query: Vec<(Cow<'static, str>, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    pub(crate) project: ProjectChoice,
    pub(crate) include_auth: bool,
    pub(crate) needs_session: bool,
    /// Whether an expired session may be logged in again for it.
    pub(crate) may_renew: bool,
    /// Limits of this call; where it has none, the session's count.
    pub(crate) limits: Limits,
    /// Whether it may be repeated; its method decides where this is `None`.
    pub(crate) idempotent: Option<bool>,
    /// When it is sent again; the session's policy counts where this is `None`.
    pub(crate) retry: Option<RetryPolicy>,
    /// Error replies are handed back.
    pub(crate) raw: bool,
    /// A redirect is an error: its target must see neither credentials nor a token.
    pub(crate) stay: bool,
    /// The first mistake in building it.
    pub(crate) mistake: Option<Error>,
}

/// The project that a request is for.
#[derive(Debug, Clone)]
pub(crate) enum ProjectChoice {
    /// The session's default.
    Default,
    None,
    Name(Arc<str>),
    Id(HeaderValue),
}

impl Request {
    pub(crate) fn new(session: &Session, method: Method, path: Cow<'static, str>) -> Self {
        Self {
            session: session.clone(),
            method,
            path,
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Body::default(),
            project: ProjectChoice::Default,
            include_auth: true,
            needs_session: false,
            may_renew: true,
            limits: Limits { idle: None, total: None },
            idempotent: None,
            retry: None,
            raw: false,
            stay: false,
            mistake: None,
        }
    }

    pub(crate) fn fail(&mut self, error: Error) {
        self.mistake.get_or_insert(error);
    }

    /// Appends an escaped segment to the path, before a query that the path may hold.
    pub(crate) fn push_segment(&mut self, segment: &str) {
        let mut path = std::mem::take(&mut self.path).into_owned();
        let end = path.find(['?', '#']).unwrap_or(path.len());
        let slash = if path[..end].is_empty() || path[..end].ends_with('/') { "" } else { "/" };
        path.insert_str(end, &format!("{slash}{segment}"));
        self.path = path.into();
    }

    /// Where it goes, with its own query.
    pub(crate) fn target(&self) -> Result<Target> {
        let mut target = crate::url::join(self.session.base_url(), &self.path)?;
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

    pub(crate) fn curl(&self) -> String {
        let mut line = format!("curl -X {} {}", self.method, quote(&self.curl_url()));
        if self.include_auth {
            line.push_str(" -H 'X-MSTR-AuthToken: ***' -b '***'");
        }
        match &self.project {
            ProjectChoice::Id(id) => {
                let id = id.to_str().unwrap_or("***");
                push_header(&mut line, "X-MSTR-ProjectID", id);
            }
            ProjectChoice::Name(_) => push_header(&mut line, "X-MSTR-ProjectID", "***"),
            ProjectChoice::Default | ProjectChoice::None => {}
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

    fn curl_url(&self) -> String {
        let Ok(Target { mut url, .. }) = self.target() else { return "***".to_owned() };
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
    *name == crate::state::PROJECT || is_harmless(name)
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
