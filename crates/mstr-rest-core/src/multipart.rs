//! Forms of several parts (`multipart/form-data`): texts and files in one body.
//!
//! This is not the form of reqwest (its feature `multipart`), because that one cannot be repeated
//! by retries and redirects, and no other maintained crate writes forms for this version of `http`.
//! Beside a [`Body`], only the headers of each part are needed.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use http::HeaderValue;

use crate::{Body, Error, ErrorKind, Result};

/// A form of several parts (`multipart/form-data`). [`Call::multipart`](crate::Call::multipart)
/// sends it.
///
/// `Content-Length` is sent if the length of every part is known; see [`Body::with_length`].
/// Redirects, retries and re-logins can repeat the form if every part is repeatable.
///
/// ```
/// use mstr_rest_core::{Multipart, Part};
///
/// let csv = Part::new("a,b\n1,2\n").file_name("rows.csv").content_type("text/csv");
/// let form = Multipart::new().text("folderId", "D3C7D461F69C4610AA6BAA5EF51F4125").part("file", csv);
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Multipart {
    parts: Vec<(String, Part)>,
}

impl Multipart {
    /// Makes a form without parts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a field: a name and its text.
    pub fn text(self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.part(name, Part::new(value.to_string()))
    }

    /// Appends a part with a name, for example a file. Parts with the same name are all sent.
    pub fn part(mut self, name: impl Into<String>, part: Part) -> Self {
        self.parts.push((name.into(), part));
        self
    }

    /// The content type (with the boundary) and the body.
    pub(crate) fn encode(self) -> Result<(HeaderValue, Body)> {
        let boundary = boundary();
        let mut bodies = Vec::with_capacity(2 * self.parts.len() + 1);
        let mut delimiter = format!("--{boundary}");
        for (name, part) in self.parts {
            bodies.push(Body::from(format!("{delimiter}\r\n{}\r\n", part.head(&name)?)));
            bodies.push(part.body);
            delimiter = format!("\r\n--{boundary}");
        }
        bodies.push(Body::from(format!("{delimiter}--\r\n")));
        let content_type = format!("multipart/form-data; boundary={boundary}");
        let content_type = HeaderValue::try_from(content_type);
        let content_type = content_type.map_err(|error| {
            Error::with_source(ErrorKind::InvalidRequest, "the form cannot be encoded", error)
        })?;
        Ok((content_type, Body::chain(bodies)))
    }
}

impl fmt::Debug for Multipart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Multipart({} parts)", self.parts.len())
    }
}

/// One part of a [`Multipart`] form: content, file name and content type.
///
/// ```
/// use mstr_rest_core::{Body, Part};
///
/// # fn example(rows: impl Fn() -> futures_util::stream::Empty<std::io::Result<bytes::Bytes>>
/// #     + Send + Sync + 'static) {
/// // a new stream for each attempt; the file is never in memory as a whole
/// let file = Part::new(Body::stream_fn(rows)).file_name("rows.csv").content_type("text/csv");
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Part {
    body: Body,
    file_name: Option<String>,
    content_type: Option<String>,
}

impl Part {
    /// Makes a part with this content: text, bytes, or a [`Body`] that is a stream.
    pub fn new(content: impl Into<Body>) -> Self {
        Self { body: content.into(), file_name: None, content_type: None }
    }

    /// Sets the file name, which makes the part a file.
    pub fn file_name(mut self, name: impl Into<String>) -> Self {
        self.file_name = Some(name.into());
        self
    }

    /// Sets the content type. Default: `application/octet-stream` for a file, none otherwise.
    ///
    /// Sending fails with [`InvalidRequest`](ErrorKind::InvalidRequest) if it is not a valid header
    /// value.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// The headers of the part, each with its line end.
    fn head(&self, name: &str) -> Result<String> {
        let (name, mut file_name, mut content_type) = (escape(name), String::new(), String::new());
        let mut default = None;
        if let Some(name) = &self.file_name {
            file_name = format!("; filename=\"{}\"", escape(name));
            default = Some("application/octet-stream");
        }
        if let Some(text) = self.content_type.as_deref().or(default) {
            if text.is_empty() || HeaderValue::from_str(text).is_err() {
                return Err(Error::new(
                    ErrorKind::InvalidRequest,
                    "the content type of a part is empty, or has a character that is not allowed \
                     in headers",
                ));
            }
            content_type = format!("Content-Type: {text}\r\n");
        }
        let disposition = format!("form-data; name=\"{name}\"{file_name}");
        Ok(format!("Content-Disposition: {disposition}\r\n{content_type}"))
    }
}

/// `Debug` shows neither names nor contents.
impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Part").field(&self.body).finish()
    }
}

/// Escapes a name or file name as browsers do: UTF-8, with these three characters percent-encoded
/// (WHATWG HTML, "Multipart form data"). Servers read backslashes and percent signs literally.
fn escape(name: &str) -> String {
    name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22")
}

/// A boundary with 128 unpredictable bits, so that no part contains it. The keys of `RandomState`
/// come from the system, and its hashes do not reveal them.
fn boundary() -> String {
    let half = |half: u8| RandomState::new().hash_one(half);
    format!("mstr-rest-{:016x}{:016x}", half(0), half(1))
}
