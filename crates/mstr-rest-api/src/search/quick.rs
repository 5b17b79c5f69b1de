//! The quick search: the server's index, one request a page.

use mstr_rest_core::{Call, Response, Session};

use super::{Certification, SearchPattern};
use crate::{List, Object, ObjectType};

/// A quick search, not begun yet: `GET /searches/results`.
///
/// ```no_run
/// use mstr_rest_api::{ObjectType, SearchExt};
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let search = session.in_project("MicroStrategy Tutorial").quick_search();
/// let search = search.name("sales").kind(ObjectType::Report).include_ancestors(true);
/// for object in search.list().await? {
///     println!("{}", object.path());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a search is not begun until its list is awaited or streamed"]
pub struct QuickSearch {
    call: Call<Response>,
    pattern: SearchPattern,
    certification: Certification,
    ancestors: bool,
}

impl QuickSearch {
    pub(crate) fn new(session: &Session) -> Self {
        Self {
            call: session.get("searches/results"),
            pattern: SearchPattern::default(),
            certification: Certification::default(),
            ancestors: false,
        }
    }

    fn query(mut self, name: &'static str, value: impl std::fmt::Display) -> Self {
        self.call = self.call.query(name, value);
        self
    }

    /// The text that names have; how, says [`pattern`](Self::pattern).
    pub fn name(self, name: impl AsRef<str>) -> Self {
        self.query("name", name.as_ref())
    }

    /// How names are compared: they contain the text unless this says otherwise.
    pub fn pattern(mut self, pattern: SearchPattern) -> Self {
        self.pattern = pattern;
        self
    }

    /// Objects in this folder and below it.
    pub fn in_folder(self, id: impl AsRef<str>) -> Self {
        self.query("root", id.as_ref())
    }

    /// Objects of this type. Of several, any.
    pub fn kind(self, kind: ObjectType) -> Self {
        self.query("type", kind.number())
    }

    /// Objects of this subtype. Of several, and of types, any.
    pub fn subtype(self, number: u32) -> Self {
        self.query("type", number)
    }

    /// Searches certified objects, those that are not, or all. Default: all.
    pub fn certification(mut self, which: Certification) -> Self {
        self.certification = which;
        self
    }

    /// Gives the folders above each object too: [`Object::ancestors`]. Default: false.
    pub fn include_ancestors(mut self, yes: bool) -> Self {
        self.ancestors = yes;
        self
    }

    /// What it finds.
    pub fn list(self) -> List<Object> {
        let call = self.call.query("pattern", self.pattern.number());
        let call = call.query("certifiedStatus", self.certification.text());
        List::new(call.query("getAncestors", self.ancestors).one_at_a_time(super::ONE_SEARCH))
    }
}
