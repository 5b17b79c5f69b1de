//! `mstr api --curl`: the request as a line of curl. Nothing is sent for it.

use std::path::Path;

use serde_json::{Map, Value};
use url::Url;

use crate::failure::{Failure, Result};

/// What the line is made of.
pub(super) struct Line<'a> {
    pub(super) method: &'a str,
    pub(super) base_url: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a [(String, String)],
    /// The id of the project, or what stands for it.
    pub(super) project: Option<String>,
    pub(super) headers: &'a [(String, String)],
    pub(super) body: Body<'a>,
}

/// The body of a request.
pub(super) enum Body<'a> {
    None,
    Json(Map<String, Value>),
    File(&'a Path),
}

impl Line<'_> {
    /// The line, quoted for a POSIX shell, with `***` for secrets.
    pub(super) fn text(mut self) -> Result<String> {
        let text = format!("{}{}", self.base_url, self.path);
        let mut url =
            Url::parse(&text).map_err(|_| Failure::usage("base URL and path do not make a URL"))?;
        for (name, value) in self.query {
            let value = if is_secret(name) { "***" } else { value };
            url.query_pairs_mut().append_pair(name, value);
        }
        let mut line = format!("curl -X {} {}", self.method, quoted(url.as_str()));
        line.push_str(" -H 'X-MSTR-AuthToken: ***' -b '***'");
        if let Some(project) = &self.project {
            push_header(&mut line, "X-MSTR-ProjectID", project);
        }
        let typed = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if !matches!(self.body, Body::None) && !typed {
            push_header(&mut line, "Content-Type", "application/json");
        }
        for (name, value) in self.headers {
            push_header(&mut line, name, if is_secret(name) { "***" } else { value });
        }
        let data = match &mut self.body {
            Body::None => return Ok(line),
            Body::Json(members) => {
                members.iter_mut().for_each(|(name, value)| mask(name, value));
                Value::Object(std::mem::take(members)).to_string()
            }
            Body::File(path) => format!("@{}", path.display()),
        };
        line.push_str(" --data-binary ");
        line.push_str(&quoted(&data));
        Ok(line)
    }
}

fn mask(name: &str, value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.iter_mut().for_each(|(name, value)| mask(name, value));
        }
        value if is_secret(name) => *value = "***".into(),
        Value::Array(items) => items.iter_mut().for_each(|item| mask(name, item)),
        _ => {}
    }
}

/// Whether what has that name logs somebody in.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let parts = ["password", "passwd", "pwd", "secret", "token", "apikey", "api-key", "cookie"];
    name == "authorization" || parts.iter().any(|part| name.contains(part))
}

fn push_header(line: &mut String, name: &str, value: &str) {
    line.push_str(" -H ");
    line.push_str(&quoted(&format!("{name}: {value}")));
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
