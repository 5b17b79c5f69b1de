//! `ProjectIndex`: projects by name and id, loaded once for each session.

use std::collections::{HashMap, hash_map};
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use serde::Deserialize;

use crate::single_flight::SingleFlight;
use crate::{Error, ErrorKind, Result};

/// The header with the project id of a request.
pub(crate) static PROJECT: HeaderName = HeaderName::from_static("x-mstr-projectid");

/// A project, given by name or by id.
#[derive(Debug, Clone)]
pub(crate) enum ProjectRef {
    Name(Arc<str>),
    Id(HeaderValue),
}

impl ProjectRef {
    /// A text of 32 hexadecimal digits is an id. Any other text is a name.
    pub(crate) fn parse(text: &str) -> Self {
        let is_id = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        match HeaderValue::from_str(text) {
            Ok(id) if is_id => Self::Id(id),
            _ => Self::Name(text.into()),
        }
    }

    /// The name or the id.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Id(id) => id.to_str().ok(),
        }
    }
}

/// The projects that a user sees: maps names to ids and ids to names. Names are case-sensitive, and
/// several projects may have the same name. Every parameter for a name also accepts an id (32
/// hexadecimal digits).
///
/// ```no_run
/// use mstr_rest_core::Session;
///
/// # async fn example(session: Session) -> mstr_rest_core::Result<()> {
/// let projects = session.load_project_index().await?;
/// println!("{:?}", projects.id_of("MicroStrategy Tutorial")?);
/// for (id, name) in projects.iter() {
///     println!("{id} {name}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectIndex {
    by_name: HashMap<String, Vec<String>>,
    by_id: HashMap<String, String>,
}

impl ProjectIndex {
    pub(crate) fn new(projects: Vec<Listed>) -> Self {
        let mut index = Self::default();
        for Listed { id, name } in projects {
            index.by_name.entry(name.clone()).or_default().push(id.clone());
            index.by_id.insert(id, name);
        }
        index
    }

    /// The id of the project with that name or id. `None` if there is no such project.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if several projects have the name; the error
    /// lists their ids.
    pub fn id_of(&self, name_or_id: &str) -> Result<Option<&str>> {
        let name = match ProjectRef::parse(name_or_id) {
            ProjectRef::Id(_) => return Ok(self.listed(name_or_id).map(|(id, _)| id)),
            ProjectRef::Name(_) => name_or_id,
        };
        match self.by_name.get(name).map(Vec::as_slice) {
            None | Some([]) => Ok(None),
            Some([id]) => Ok(Some(id)),
            Some(ids) => Err(Error::new(
                ErrorKind::InvalidRequest,
                format!(
                    "{} projects are named '{name}': use one of the ids ({})",
                    ids.len(),
                    ids.join(", ")
                ),
            )),
        }
    }

    /// The name of the project with that id.
    pub fn name_of(&self, id: &str) -> Option<&str> {
        self.listed(id).map(|(_, name)| name)
    }

    /// Id and name of the project with that id, in upper or lower case.
    fn listed(&self, id: &str) -> Option<(&str, &str)> {
        let listed = self.by_id.get_key_value(id);
        let listed = listed.or_else(|| self.by_id.get_key_value(&id.to_ascii_uppercase()));
        listed.map(|(id, name)| (id.as_str(), name.as_str()))
    }

    /// Ids and names of all projects, in no particular order.
    #[doc(alias = "projects_by_id")]
    #[doc(alias = "projects_by_name")]
    pub fn iter(&self) -> ProjectIndexIter<'_> {
        ProjectIndexIter(self.by_id.iter())
    }

    /// The number of projects.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Returns `true` if there are no projects.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

impl<'a> IntoIterator for &'a ProjectIndex {
    type Item = (&'a str, &'a str);
    type IntoIter = ProjectIndexIter<'a>;

    fn into_iter(self) -> ProjectIndexIter<'a> {
        self.iter()
    }
}

/// An iterator over ids and names of projects. [`ProjectIndex::iter`] returns it.
#[derive(Debug, Clone)]
pub struct ProjectIndexIter<'a>(hash_map::Iter<'a, String, String>);

impl<'a> Iterator for ProjectIndexIter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        self.0.next().map(|(id, name)| (id.as_str(), name.as_str()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for ProjectIndexIter<'_> {}

/// The members of a project in `GET /projects` that the index needs.
#[derive(Deserialize)]
pub(crate) struct Listed {
    id: String,
    name: String,
}

/// The project index of a session. It is loaded once for all calls that wait for it.
pub(crate) type ProjectCache = SingleFlight<ProjectIndex>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_several_projects_is_an_error() {
        let listed = |id: &str, name: &str| Listed { id: id.to_owned(), name: name.to_owned() };
        let index = ProjectIndex::new(vec![
            listed("P1", "Dup"),
            listed("P2", "Dup"),
            listed("P3", "Sales"),
        ]);
        assert_eq!(index.id_of("Sales").unwrap(), Some("P3"));
        assert_eq!(index.id_of("sales").unwrap(), None);
        assert_eq!((index.name_of("P2"), index.name_of("P4")), (Some("Dup"), None));
        assert_eq!((index.len(), index.is_empty()), (3, false));
        assert!(ProjectIndex::default().is_empty());
        let mut listed: Vec<_> = (&index).into_iter().collect();
        listed.sort_unstable();
        assert_eq!(listed, [("P1", "Dup"), ("P2", "Dup"), ("P3", "Sales")]);
        let error = index.id_of("Dup").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains("'Dup'") && error.to_string().contains("P1, P2"));
    }

    #[test]
    fn ids_are_accepted_instead_of_names() {
        const ID: &str = "B7CA92F04B9FAE8D941C3E9B7E0CD754";
        let listed = Listed { id: ID.to_owned(), name: "Sales".to_owned() };
        let index = ProjectIndex::new(vec![listed]);
        let lower = ID.to_ascii_lowercase();
        for id in [ID, &lower] {
            assert_eq!(index.id_of(id).unwrap(), Some(ID));
            assert_eq!(index.name_of(id), Some("Sales"));
        }
        assert_eq!(index.id_of(&ID.replace('B', "A")).unwrap(), None);
    }
}
