//! Objects of a report or cube by the names that people write: `Revenue`, `Day@ID`, `'Cost, net'`.

use mstr_rest::api::Definition;

use super::quoted;
use crate::failure::{Failure, Result};

/// How many names a hint lists.
const LISTED: usize = 20;

/// What a name of the command line means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named<'a> {
    Attribute { id: &'a str, form: Option<&'a str> },
    Metric { id: &'a str },
}

/// All names and ids of the objects of a report or cube.
pub(super) struct Names<'a> {
    owner: &'a Definition,
    known: Vec<Known<'a>>,
}

struct Known<'a> {
    text: String,
    is_id: bool,
    means: Named<'a>,
}

impl<'a> Names<'a> {
    pub(super) fn of(owner: &'a Definition) -> Self {
        let available = &owner.available;
        let mut known = Vec::new();
        let mut add = |text: String, is_id, means| {
            if !text.is_empty() {
                known.push(Known { text, is_id, means });
            }
        };
        for metric in &available.metrics {
            let means = Named::Metric { id: &metric.id };
            add(metric.name.clone(), false, means);
            add(metric.id.clone(), true, means);
        }
        let groups = available.custom_groups.iter().chain(&available.consolidations);
        for unit in available.attributes.iter().chain(groups) {
            let id = unit.id.as_str();
            add(unit.name.clone(), false, Named::Attribute { id, form: None });
            add(unit.id.clone(), true, Named::Attribute { id, form: None });
            for form in &unit.forms {
                let means = Named::Attribute { id, form: Some(&form.id) };
                add(format!("{}@{}", unit.name, form.name), false, means);
                add(format!("{}@{}", unit.name, form.id), false, means);
                add(format!("{}@{}", unit.id, form.name), true, means);
                add(format!("{}@{}", unit.id, form.id), true, means);
            }
        }
        // the longest first: `Cost, net` is not `Cost`
        known.sort_by_key(|known| std::cmp::Reverse(known.text.chars().count()));
        Self { owner, known }
    }

    /// Finds an attribute, a form of one or a metric, by name or id. The case of letters does not
    /// matter unless several names differ in nothing else.
    pub(super) fn find(&self, text: &str) -> Result<Named<'a>> {
        let text = text.trim();
        match self.found(text)? {
            Some(found) => Ok(found),
            None => Err(self.unknown(text)),
        }
    }

    fn found(&self, text: &str) -> Result<Option<Named<'a>>> {
        let lower = text.to_lowercase();
        let tiers: [&dyn Fn(&Known<'_>) -> bool; 3] = [
            &|known| known.is_id && known.text.eq_ignore_ascii_case(text),
            &|known| known.text == text,
            &|known| known.text.to_lowercase() == lower,
        ];
        for fits in tiers {
            let mut means: Vec<Named<'_>> = Vec::new();
            for known in self.known.iter().filter(|known| fits(known)) {
                if !means.contains(&known.means) {
                    means.push(known.means);
                }
            }
            match means[..] {
                [] => {}
                [one] => return Ok(Some(one)),
                _ => {
                    let ids: Vec<_> = means.iter().map(Named::id).collect();
                    let owner = &self.owner.name;
                    let message = format!("{owner:?} has several that are called {text:?}");
                    let hint = format!("use an id: {}", ids.join(", "));
                    return Err(Failure::usage(message).hint(hint));
                }
            }
        }
        Ok(None)
    }

    /// Whether a text is a name or an id.
    pub(super) fn has(&self, text: &str) -> bool {
        let lower = text.trim().to_lowercase();
        self.known.iter().any(|known| known.text.to_lowercase() == lower)
    }

    /// The names that a text begins with, each with the rest behind it; the longest first.
    pub(super) fn at_start<'t>(&self, text: &'t str) -> impl Iterator<Item = (&str, &'t str)> {
        let text = text.trim_start();
        self.known.iter().filter_map(move |known| Some((&*known.text, behind(text, &known.text)?)))
    }

    fn unknown(&self, text: &str) -> Failure {
        let available = &self.owner.available;
        let groups = available.custom_groups.iter().chain(&available.consolidations);
        let units = || available.attributes.iter().chain(groups.clone());
        if let Some((name, form)) = text.rsplit_once('@') {
            let is = |one: &str| one.to_lowercase() == name.to_lowercase();
            if let Some(unit) = units().find(|unit| is(&unit.id) || is(&unit.name)) {
                let forms: Vec<_> = unit.forms.iter().map(|form| form.name.as_str()).collect();
                let message = format!("{name} has no form {form:?}");
                return Failure::usage(message).hint(format!("it has {}", forms.join(", ")));
            }
        }
        let metrics = available.metrics.iter().map(|it| it.name.as_str());
        let names = units().map(|it| it.name.as_str()).chain(metrics);
        let mut names: Vec<_> = names
            .map(|name| if name.contains(',') { format!("'{name}'") } else { name.to_owned() })
            .collect();
        if names.len() > LISTED {
            names.truncate(LISTED);
            names.push("...".to_owned());
        }
        Failure::usage(format!("{:?} has no {text:?}", self.owner.name))
            .hint(format!("it has {}", names.join(", ")))
    }
}

impl Named<'_> {
    fn id(&self) -> String {
        match self {
            Self::Attribute { id, form: Some(form) } => format!("{id}@{form}"),
            Self::Attribute { id, form: None } | Self::Metric { id } => (*id).to_owned(),
        }
    }
}

/// What is behind a name at the beginning of a text, whatever the case of its letters.
fn behind<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut rest = text.chars();
    for wanted in name.chars() {
        let found = rest.next()?;
        if found != wanted && !found.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
    }
    Some(rest.as_str())
}

/// A name in quotes at the beginning of a text, with its form, quoted or not, which ends where the
/// closure says; and the rest.
pub(super) fn quoted<'t>(
    text: &'t str,
    form_ends: impl Fn(&'t str) -> usize,
) -> Option<(String, &'t str)> {
    let (name, rest) = quoted::first(text.trim_start())?;
    let Some(form) = rest.strip_prefix('@') else { return Some((name.to_owned(), rest)) };
    let (form, rest) = quoted::first(form).unwrap_or_else(|| form.split_at(form_ends(form)));
    Some((format!("{name}@{}", form.trim()), rest))
}
