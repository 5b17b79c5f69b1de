//! Objects of a definition by the name or id that a person writes.

use mstr_rest_core::{Error, ErrorKind, Result};

use super::{AttributeObject, Definition, Form, MetricObject};

/// How many names an error lists.
const LISTED: usize = 20;

impl Definition {
    /// The attribute, custom group or consolidation with that id or name. The case of letters does
    /// not matter unless several names differ in nothing else.
    ///
    /// ```
    /// use mstr_rest_api::Definition;
    ///
    /// let json = r#"{"name": "Sales", "definition": {"availableObjects": {
    ///     "attributes": [{"id": "8D67", "name": "Region"}],
    ///     "metrics": [{"id": "4C05", "name": "Revenue"}]}}}"#;
    /// let definition: Definition = serde_json::from_str(json).unwrap();
    /// assert_eq!(definition.attribute("region").unwrap().id, "8D67");
    /// assert_eq!(definition.metric("4c05").unwrap().name, "Revenue");
    /// let error = definition.metric("Cost").unwrap_err();
    /// assert_eq!(error.message(), "\"Sales\" has no metric \"Cost\": it has Revenue");
    /// ```
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if there is none, or if several are called so;
    /// the error lists their ids.
    pub fn attribute(&self, name: &str) -> Result<&AttributeObject> {
        let all = self.attributes().map(|one| (&*one.id, &*one.name, one));
        one_of(&self.name, "attribute", name, all)
    }

    /// The metric with that id or name, as [`attribute`](Self::attribute).
    ///
    /// # Errors
    /// As [`attribute`](Self::attribute).
    pub fn metric(&self, name: &str) -> Result<&MetricObject> {
        let all = self.available.metrics.iter().map(|one| (&*one.id, &*one.name, one));
        one_of(&self.name, "metric", name, all)
    }

    /// Attributes, custom groups and consolidations.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = &AttributeObject> + Clone {
        let available = &self.available;
        let groups = available.custom_groups.iter().chain(&available.consolidations);
        available.attributes.iter().chain(groups)
    }
}

impl AttributeObject {
    /// The form with that id or name, as [`Definition::attribute`].
    ///
    /// # Errors
    /// As [`Definition::attribute`].
    pub fn form(&self, name: &str) -> Result<&Form> {
        let all = self.forms.iter().map(|one| (&*one.id, &*one.name, one));
        one_of(&self.name, "form", name, all)
    }

    /// The form that people read: the description (`DESC`), or the first one. `None` without forms.
    pub fn shown_form(&self) -> Option<&Form> {
        let description = self.forms.iter().find(|form| form.name.eq_ignore_ascii_case("DESC"));
        description.or(self.forms.first())
    }
}

/// Whether an id and a name are those that are meant.
type Fits<'f> = &'f dyn Fn(&str, &str) -> bool;

/// The object that a name or id means, of those with an id and a name.
fn one_of<'a, T>(
    owner: &str,
    what: &str,
    wanted: &str,
    all: impl Iterator<Item = (&'a str, &'a str, &'a T)> + Clone,
) -> Result<&'a T> {
    let invalid = |message: String| Err(Error::new(ErrorKind::InvalidRequest, message));
    let lower = wanted.to_lowercase();
    let tiers: [Fits<'_>; 3] =
        [&|id, _| id.eq_ignore_ascii_case(wanted), &|_, name| name == wanted, &|_, name| {
            name.to_lowercase() == lower
        }];
    for fits in tiers {
        let mut found: Vec<(&str, &T)> = Vec::new();
        for (id, name, one) in all.clone() {
            if fits(id, name) && !found.iter().any(|(known, _)| *known == id) {
                found.push((id, one));
            }
        }
        match found[..] {
            [] => {}
            [(_, one)] => return Ok(one),
            _ => {
                let ids: Vec<_> = found.iter().map(|(id, _)| *id).collect();
                let ids = ids.join(", ");
                return invalid(format!(
                    "{owner:?} has several {what}s that are called {wanted:?}, use an id: {ids}"
                ));
            }
        }
    }
    let mut names: Vec<_> = all.clone().take(LISTED).map(|(_, name, _)| name).collect();
    if all.count() > LISTED {
        names.push("...");
    }
    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    invalid(format!("{owner:?} has no {what} {wanted:?}: it has {names}"))
}
