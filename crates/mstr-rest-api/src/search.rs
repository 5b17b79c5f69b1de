//! Searching the metadata: completely, in two steps, or quickly, in one.

mod options;
mod quick;
mod results;

use std::future::IntoFuture;
use std::pin::Pin;
use std::time::SystemTime;

use mstr_rest_core::{Call, Error, ErrorKind, Result, Session};
use serde::Deserialize;
use serde_json::json;

pub use options::{Certification, SearchDomain, SearchPattern};
pub use quick::QuickSearch;

use crate::{Items, Object, ObjectType, Pages, dates, lenient, sealed};
use results::Search as Running;

/// Searches of one session run one at a time: the vendor documents that they must not run in
/// parallel.
pub(crate) const ONE_SEARCH: &str = "search";

/// Searches of the server.
pub trait SearchExt: sealed::Sealed {
    /// A search of the metadata of a project: ask a session [`in_project`](Session::in_project),
    /// or one whose builder names a project. Exact and complete; it can ask which objects use
    /// which. The server keeps its result while the session lives.
    fn search(&self) -> Search;

    /// A quick search of a project: the server's search index. One request, fewer questions.
    fn quick_search(&self) -> QuickSearch;
}

impl SearchExt for Session {
    fn search(&self) -> Search {
        Search::new(self)
    }

    fn quick_search(&self) -> QuickSearch {
        QuickSearch::new(self)
    }
}

/// A search of the metadata, not begun yet: `POST /v2/metadataSearches/results`, and its result
/// page by page: `GET /metadataSearches/results`.
///
/// When the session expires between two pages and is logged in again, the result is gone with it:
/// the search is begun anew and read on where it was. If it then finds another number of objects,
/// that is an error, [`Api`](ErrorKind::Api).
///
/// ```no_run
/// use mstr_rest_api::{ObjectType, SearchExt};
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let project = session.in_project("MicroStrategy Tutorial");
/// let mut found = project.search().name("sales").kind(ObjectType::Report).stream();
/// while let Some(object) = found.next().await {
///     let object = object?;
///     println!("{}  {}", object.id, object.name);
/// }
/// // everything that uses a metric, directly or not
/// let users = project
///     .search()
///     .uses("4C05177011D3E877C000B3B2D86C964F", ObjectType::Metric)
///     .recursive(true)
///     .all()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a search is not begun until it is awaited or streamed"]
pub struct Search {
    session: Session,
    name: Option<String>,
    pattern: SearchPattern,
    domain: SearchDomain,
    root: Option<String>,
    kinds: Vec<u32>,
    uses: Vec<String>,
    used_by: Vec<String>,
    recursive: bool,
    one_of: bool,
    modified_from: Option<SystemTime>,
    modified_until: Option<SystemTime>,
    older: bool,
    page_size: u64,
    limit: Option<u64>,
}

impl Search {
    pub(crate) fn new(session: &Session) -> Self {
        Self {
            session: session.clone(),
            name: None,
            pattern: SearchPattern::default(),
            domain: SearchDomain::default(),
            root: None,
            kinds: Vec::new(),
            uses: Vec::new(),
            used_by: Vec::new(),
            recursive: false,
            one_of: false,
            modified_from: None,
            modified_until: None,
            older: false,
            page_size: 1000,
            limit: None,
        }
    }

    /// The text that names have; how, says [`pattern`](Self::pattern). Letter case does not matter.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How names are compared: they contain the text unless this says otherwise.
    pub fn pattern(mut self, pattern: SearchPattern) -> Self {
        self.pattern = pattern;
        self
    }

    /// Where to search: in the project unless this says otherwise.
    pub fn domain(mut self, domain: SearchDomain) -> Self {
        self.domain = domain;
        self
    }

    /// Objects in this folder and below it.
    pub fn in_folder(mut self, id: impl Into<String>) -> Self {
        self.root = Some(id.into());
        self
    }

    /// Objects of this type. Of several, any.
    pub fn kind(mut self, kind: ObjectType) -> Self {
        self.kinds.push(kind.number());
        self
    }

    /// Objects of this subtype: 776 is an OLAP cube. Of several, and of types, any.
    pub fn subtype(mut self, number: u32) -> Self {
        self.kinds.push(number);
        self
    }

    /// Objects that use this one; of several, all of them, unless [`match_any`](Self::match_any) is
    /// set. Not together with [`used_by`](Self::used_by).
    pub fn uses(mut self, id: impl AsRef<str>, kind: ObjectType) -> Self {
        self.uses.push(format!("{};{}", id.as_ref(), kind.number()));
        self
    }

    /// Objects that this one uses; of several, those that all use, unless
    /// [`match_any`](Self::match_any) is set. Not together with [`uses`](Self::uses).
    pub fn used_by(mut self, id: impl AsRef<str>, kind: ObjectType) -> Self {
        self.used_by.push(format!("{};{}", id.as_ref(), kind.number()));
        self
    }

    /// Whether use through other objects counts too.
    pub fn recursive(mut self, yes: bool) -> Self {
        self.recursive = yes;
        self
    }

    /// Of several objects given to [`uses`](Self::uses) or [`used_by`](Self::used_by), one is
    /// enough. Default: false.
    pub fn match_any(mut self, yes: bool) -> Self {
        self.one_of = yes;
        self
    }

    /// Objects that were changed at this time or later. Seconds count.
    pub fn modified_from(mut self, time: SystemTime) -> Self {
        self.modified_from = Some(time);
        self
    }

    /// Objects that were changed at this time or before. Seconds count.
    pub fn modified_until(mut self, time: SystemTime) -> Self {
        self.modified_until = Some(time);
        self
    }

    /// Uses the older endpoint, `POST /metadataSearches/results`, for servers without the newer
    /// one. Default: false.
    pub fn legacy_endpoint(mut self, yes: bool) -> Self {
        self.older = yes;
        self
    }

    /// How many objects to ask for at once: 1000 unless this says otherwise.
    pub fn page_size(mut self, objects: u64) -> Self {
        self.page_size = objects;
        self
    }

    /// How many objects there shall be at most.
    pub fn limit(mut self, objects: u64) -> Self {
        self.limit = Some(objects);
        self
    }

    /// Begins it, and says how many objects there are. The result is kept by the server for the
    /// session: [`stream`](Self::stream) does this by itself.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) when both [`uses`](Self::uses) and
    /// [`used_by`](Self::used_by) are asked for, or for a time that no calendar has, and nothing is
    /// sent.
    ///
    /// Searches of one session run one after the other: the vendor documents that they must not run
    /// in parallel.
    pub fn begin(&self) -> Call<SearchResult> {
        let path = if self.older { "" } else { "v2/" };
        let call = self.session.post(format!("{path}metadataSearches/results"));
        // it changes nothing: it may be sent again
        let mut call = call.require_session().idempotent(true).one_at_a_time(ONE_SEARCH);
        if let Some(name) = &self.name {
            call = call.query("name", name);
        }
        call = call.query("pattern", self.pattern.number()).query("domain", self.domain.number());
        if let Some(root) = &self.root {
            call = call.query("root", root);
        }
        for kind in &self.kinds {
            call = call.query("type", kind);
        }
        if !self.uses.is_empty() {
            call = call.query("usesObject", self.uses.join(","));
            call = call.query("usesRecursive", self.recursive).query("usesOneOf", self.one_of);
        }
        if !self.used_by.is_empty() {
            call = call.query("usedByObject", self.used_by.join(","));
            call = call.query("usedByRecursive", self.recursive).query("usedByOneOf", self.one_of);
        }
        let times = [
            ("beginModificationTime", self.modified_from),
            ("endModificationTime", self.modified_until),
        ];
        for (name, time) in times {
            match time.map(dates::print) {
                None => {}
                Some(Some(time)) => call = call.query(name, time),
                Some(None) => call = call.fail_with(invalid("the time is beyond the calendar")),
            }
        }
        if !self.uses.is_empty() && !self.used_by.is_empty() {
            call =
                call.fail_with(invalid("a search asks either what uses or what is used, not both"));
        }
        if !self.older {
            call = call.json(&json!({}));
        }
        call.decode()
    }

    /// The pages of what it finds.
    pub fn pages(self) -> Pages<Object> {
        Running::new(self).pages()
    }

    /// What it finds.
    pub fn stream(self) -> Items<Object> {
        self.pages().items()
    }

    /// What it finds, in memory. Awaiting the search is the same.
    ///
    /// # Errors
    /// As [`begin`](Self::begin), and those of reading a [list](crate::List#what-ends-it).
    pub async fn all(self) -> Result<Vec<Object>> {
        let mut items = self.stream();
        let mut all = Vec::new();
        while let Some(object) = items.next().await {
            all.push(object?);
        }
        Ok(all)
    }
}

impl IntoFuture for Search {
    type Output = Result<Vec<Object>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.all())
    }
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

/// A search that the server did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct SearchResult {
    /// Its id, good while the session lives.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// How many objects it found.
    #[serde(deserialize_with = "lenient::count")]
    pub total_items: Option<u64>,
}
