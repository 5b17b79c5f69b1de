//! `--columns`: names as the request wants them.

use mstr_rest::api::{Definition, GridRequest};

use crate::failure::{Failure, Result};

/// The objects that were named, in that order.
pub(super) fn request(definition: &Definition, columns: &[String]) -> Result<GridRequest> {
    let mut request = GridRequest::default();
    // forms of one attribute go together: the grid has them side by side
    let mut attributes: Vec<(&str, Vec<&str>)> = Vec::new();
    for column in columns {
        match named(definition, column)? {
            Named::Metric { id, .. } => request = request.metric(id),
            Named::Attribute { id, form } => {
                let at = attributes.iter().position(|(known, _)| *known == id);
                let at = at.unwrap_or_else(|| {
                    attributes.push((id, Vec::new()));
                    attributes.len() - 1
                });
                attributes[at].1.extend(form.map(|form| form.id));
            }
        }
    }
    for (id, forms) in attributes {
        request = if forms.is_empty() {
            request.attribute(id)
        } else {
            request.attribute_with_forms(id, forms)
        };
    }
    Ok(request)
}

/// What a name of the command line means.
#[derive(Debug)]
pub(super) enum Named<'a> {
    Attribute { id: &'a str, form: Option<FormOf<'a>> },
    Metric { id: &'a str, data_type: Option<&'a str> },
}

/// A form of an attribute.
#[derive(Debug)]
pub(super) struct FormOf<'a> {
    pub(super) id: &'a str,
    pub(super) data_type: Option<&'a str>,
}

/// Finds an attribute, a form of one (`Attribute@Form`) or a metric, by name or id. The case of
/// names does not matter.
pub(super) fn named<'a>(definition: &'a Definition, text: &str) -> Result<Named<'a>> {
    let text = text.trim();
    let is = |id: &str, name: &str, wanted: &str| {
        id.eq_ignore_ascii_case(wanted) || name.to_lowercase() == wanted.to_lowercase()
    };
    let available = &definition.available;
    let units = || {
        let others = available.custom_groups.iter().chain(&available.consolidations);
        available.attributes.iter().chain(others)
    };
    if let Some(metric) = available.metrics.iter().find(|it| is(&it.id, &it.name, text)) {
        return Ok(Named::Metric { id: &metric.id, data_type: metric.data_type.as_deref() });
    }
    if let Some(attribute) = units().find(|it| is(&it.id, &it.name, text)) {
        return Ok(Named::Attribute { id: &attribute.id, form: None });
    }
    if let Some((name, form)) = text.rsplit_once('@')
        && let Some(attribute) = units().find(|it| is(&it.id, &it.name, name))
    {
        let found = attribute.forms.iter().find(|it| is(&it.id, &it.name, form));
        let Some(found) = found else {
            let names: Vec<_> = attribute.forms.iter().map(|form| form.name.as_str()).collect();
            let message = format!("{name} has no form {form:?}");
            return Err(Failure::usage(message).hint(format!("it has {}", names.join(", "))));
        };
        let form = FormOf { id: &found.id, data_type: found.data_type.as_deref() };
        return Ok(Named::Attribute { id: &attribute.id, form: Some(form) });
    }
    let names = units().map(|it| it.name.as_str());
    let names: Vec<_> = names.chain(available.metrics.iter().map(|it| it.name.as_str())).collect();
    Err(Failure::usage(format!("{:?} has no {text:?}", definition.name))
        .hint(format!("it has {}", names.join(", "))))
}
