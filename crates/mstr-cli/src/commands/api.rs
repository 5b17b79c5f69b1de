//! `mstr api`: any request, as the session.

mod curl;
mod fields;

use std::{
    io::{self, IsTerminal as _, Read as _, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;
use mstr_rest::{Call, Response, Session};
use serde_json::{Map, Value};

use self::curl::{Body, Line};

use super::browse::is_id;
use crate::{
    context::Context,
    failure::{Failure, Result, code, printable},
    output, select,
};

/// How many items a page of `--paginate` has, unless the query says `limit`.
const PAGE: usize = 1000;

/// Send any request, as the session
///
/// Fields become the query of GET, HEAD and DELETE, and the JSON body of anything else: a[b] is a
/// member of a, a[] an item of a, and a name that comes again makes a list. A header given with -H
/// is the one that is sent. The body of an error is printed as well. The
/// project header is sent when a project is named. Replies that are not JSON (a PDF) are passed on
/// byte by byte
///
/// Examples:
///   mstr api GET status
///   mstr api GET searches/results -f name=Sales -f type=3 --project Tutorial --paginate
///   mstr api GET users --paginate --jq '.[] | select(.enabled) | .username'
///   mstr api POST v2/cubes/ID --project Tutorial
///   mstr api PATCH users/ID --input change.json
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Api {
    /// GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS
    method: String,
    /// The path behind /api/: `projects`, `v2/reports/ID`; with /api/ as well
    path: String,
    /// A text: query parameter, or member of the JSON body
    #[arg(long, short, value_name = "NAME=TEXT", value_parser = pair)]
    field: Vec<(String, String)>,
    /// The same with a JSON value: true, 5, ["a"]
    #[arg(long, short = 'F', value_name = "NAME=JSON", value_parser = pair)]
    json_field: Vec<(String, String)>,
    /// A query parameter, whatever the method
    #[arg(long, value_name = "NAME=TEXT", value_parser = pair)]
    query: Vec<(String, String)>,
    /// A header
    #[arg(long, short = 'H', value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(String, String)>,
    /// Send this file as the body; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["field", "json_field"])]
    input: Option<PathBuf>,
    /// Get all pages of a list and print them as one
    #[arg(long)]
    paginate: bool,
    /// Print what this filter selects, one result a line (the language of jq)
    #[arg(long, value_name = "FILTER")]
    jq: Option<String>,
    /// Print status and headers first; with --paginate those of each page
    #[arg(long, short)]
    include: bool,
    /// Print the request as a line of curl, with secrets left out, and send nothing, no login either
    #[arg(long, conflicts_with_all = ["paginate", "jq", "include"])]
    curl: bool,
}

type Pairs = Vec<(String, String)>;

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it looks like NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("it looks like `Name: value`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

impl Api {
    pub(crate) async fn run(self, context: &Context) -> Result {
        let method = self.method.to_ascii_uppercase();
        if self.paginate && method != "GET" {
            return Err(Failure::usage("--paginate is for GET"));
        }
        if self.curl {
            return self.print_curl(context, &method);
        }
        context
            .with_session(async |session| {
                let call = self.call(&session, &method)?;
                if self.paginate {
                    let items = self.all(call).await?;
                    return self.print_value(&Value::Array(items));
                }
                let reply = self.send(call).await?;
                if self.include {
                    print_head(&reply)?;
                }
                self.print(&reply)
            })
            .await
    }

    /// The path behind `/api/`, also of a path as documentation has it.
    fn path(&self) -> &str {
        let path = self.path.trim_start_matches('/');
        path.strip_prefix("api/").unwrap_or(path)
    }

    /// Query and body: the fields are one or the other.
    fn parts(&self, method: &str) -> Result<(Pairs, Map<String, Value>)> {
        // `all` says where a page begins
        let paged = |name: &str| self.paginate && matches!(name, "offset" | "limit");
        let mut query: Vec<_> =
            self.query.iter().filter(|(name, _)| !paged(name)).cloned().collect();
        let mut body = Map::new();
        let in_query = matches!(method, "GET" | "HEAD" | "DELETE");
        for (name, value) in self.field.iter().filter(|(name, _)| !paged(name)) {
            if in_query {
                query.push((name.clone(), value.clone()));
            } else {
                fields::insert(&mut body, name, value.as_str().into());
            }
        }
        for (name, value) in &self.json_field {
            let value: Value = serde_json::from_str(value)
                .map_err(|error| Failure::usage(format!("--json-field {name}: {error}")))?;
            if in_query {
                let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
                query.push((name.clone(), text));
            } else {
                fields::insert(&mut body, name, value);
            }
        }
        Ok((query, body))
    }

    fn call(&self, session: &Session, method: &str) -> Result<Call<Response>> {
        let (query, body) = self.parts(method)?;
        let mut call = session.request(method, self.path().to_owned());
        for (name, value) in query {
            call = call.query(name, value);
        }
        if let Some(file) = &self.input {
            call = call.header("Content-Type", "application/json").body(read(file)?);
        } else if !body.is_empty() {
            call = call.json(&body);
        }
        // those of the user win
        for (name, value) in &self.header {
            call = call.header(name, value);
        }
        Ok(call)
    }

    fn print_curl(&self, context: &Context, method: &str) -> Result {
        let (base_url, project) = context.target()?;
        let (query, body) = self.parts(method)?;
        let body = match &self.input {
            Some(file) => Body::File(file),
            None if body.is_empty() => Body::None,
            None => Body::Json(body),
        };
        let project = project.map(|project| {
            if is_id(&project) {
                return project;
            }
            eprintln!("note: `mstr projects` shows the id of the project {project}");
            format!("ID OF {project}")
        });
        let (path, headers) = (self.path(), &self.header);
        let line =
            Line { method, base_url: &base_url, path, query: &query, project, headers, body };
        output::print_line(&line.text()?)
    }

    /// The reply. The body of an error is printed, and the error returned.
    async fn send(&self, call: Call<Response>) -> Result<Response> {
        let reply = call.clone().raw().send().await?;
        let Some(error) = reply.error() else { return Ok(reply) };
        if error.is_session_expired() {
            // nothing was done for it; this logs in again, where that is possible
            return Ok(call.send().await?);
        }
        if self.include {
            print_head(&reply)?;
        }
        print_body(reply.bytes())?;
        Err(error.into())
    }

    /// The items of all pages. A list says how many there are in a header; a reply that wraps its
    /// list, in a member.
    async fn all(&self, call: Call<Response>) -> Result<Vec<Value>> {
        let given = |name: &str| {
            let fields = self.field.iter().chain(&self.query);
            fields.filter(|(field, _)| field == name).find_map(|(_, value)| value.parse().ok())
        };
        let limit = given("limit").unwrap_or(PAGE).max(1);
        let mut offset = given("offset").unwrap_or(0);
        let mut items = Vec::new();
        loop {
            let page = call.clone().query("offset", offset).query("limit", limit);
            let reply = self.send(page).await?;
            if self.include {
                print_head(&reply)?;
            }
            let header = reply.headers().get("x-mstr-total-count").cloned();
            let header = header.and_then(|total| total.to_str().ok()?.parse().ok());
            let value: Value = serde_json::from_slice(reply.bytes()).map_err(|_| no_list())?;
            let (page, wrapped) = list(value)?;
            let got = page.len();
            items.extend(page);
            offset += got;
            match header.or(wrapped) {
                // it does not say: a page that is not full is the last one
                None if got < limit => return Ok(items),
                Some(total) if offset >= total => return Ok(items),
                _ if got == 0 => return Ok(items),
                _ => {}
            }
        }
    }

    fn print(&self, reply: &Response) -> Result {
        let Some(filter) = &self.jq else { return print_body(reply.bytes()) };
        for result in select::select(filter, reply.bytes())? {
            output::print_text(&result)?;
        }
        Ok(())
    }

    fn print_value(&self, value: &Value) -> Result {
        let Some(filter) = &self.jq else { return output::print_json(value, false) };
        for result in select::select(filter, value.to_string().as_bytes())? {
            output::print_text(&result)?;
        }
        Ok(())
    }
}

fn print_head(reply: &Response) -> Result {
    let mut out = output::Stdout;
    writeln!(out, "HTTP {}", reply.status())?;
    for (name, value) in reply.headers() {
        let secret = value.is_sensitive() || SECRET.contains(&name.as_str());
        let value = if secret { "***" } else { value.to_str().unwrap_or("?") };
        writeln!(out, "{name}: {}", printable(value))?;
    }
    writeln!(out)?;
    Ok(())
}

fn print_body(body: &[u8]) -> Result {
    if io::stdout().is_terminal()
        && let Ok(value) = serde_json::from_slice::<Value>(body)
    {
        return output::print_json(&value, false);
    }
    let mut out = output::Stdout;
    out.write_all(body)?;
    // JSON is a text, and texts end their lines
    if matches!(body.first(), Some(b'{' | b'[')) && body.last() != Some(&b'\n') {
        writeln!(out)?;
    }
    Ok(())
}

/// Headers of replies that hold what logs somebody in.
const SECRET: &[&str] = &["x-mstr-authtoken", "x-mstr-identitytoken", "set-cookie"];

fn no_list() -> Failure {
    Failure::new(code::SERVER, "the reply is not a list: leave --paginate out")
}

/// A page's items, and how many there are in all where the wrapper of the list says so.
fn list(page: Value) -> Result<(Vec<Value>, Option<usize>)> {
    match page {
        Value::Array(items) => Ok((items, None)),
        Value::Object(members) => {
            let total = ["totalItems", "total"].iter().find_map(|name| members.get(*name));
            let total = total.and_then(|total| usize::try_from(total.as_u64()?).ok());
            let mut lists = members.into_iter().filter_map(|(_, value)| match value {
                Value::Array(items) => Some(items),
                _ => None,
            });
            match (lists.next(), lists.next()) {
                (Some(items), None) => Ok((items, total)),
                _ => Err(no_list()),
            }
        }
        _ => Err(no_list()),
    }
}

fn read(file: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    read.map_err(|error| Failure::file("read", file, &error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_bare_and_wrapped() {
        assert_eq!(list(json!([1, 2])).unwrap(), (vec![json!(1), json!(2)], None));
        let wrapped = json!({"totalItems": 7, "result": [1]});
        assert_eq!(list(wrapped).unwrap(), (vec![json!(1)], Some(7)));
        assert_eq!(list(json!({"projects": []})).unwrap(), (vec![], None));
        for no_list in [json!({"a": 1}), json!({"a": [], "b": []}), json!("x")] {
            assert_eq!(list(no_list).unwrap_err().code(), code::SERVER);
        }
    }
}
