//! `--columns`: names as the request wants them.

use mstr_rest::api::{Definition, GridRequest};

use super::names::{self, Named, Names};
use crate::failure::{Failure, Result};

/// The objects that were named, in that order.
pub(super) fn request(definition: &Definition, columns: &[String]) -> Result<GridRequest> {
    let names = Names::of(definition);
    let mut request = GridRequest::default();
    // forms of one attribute go together: the grid has them side by side
    let mut attributes: Vec<(&str, Vec<&str>)> = Vec::new();
    // names may have commas in them: all of it is looked at
    let columns = split(&names, &columns.join(","));
    if columns.is_empty() {
        return Err(Failure::usage("--columns names nothing").hint("it looks like Region,Revenue"));
    }
    for column in columns {
        match names.find(&column)? {
            Named::Metric { id } => request = request.metric(id),
            Named::Attribute { id, form } => {
                let at = attributes.iter().position(|(known, _)| *known == id);
                let at = at.unwrap_or_else(|| {
                    attributes.push((id, Vec::new()));
                    attributes.len() - 1
                });
                attributes[at].1.extend(form);
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

/// The names between the commas. A comma that belongs to a name divides nothing: in quotes, or
/// where the longer text is known.
fn split(names: &Names<'_>, text: &str) -> Vec<String> {
    let mut columns = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|sign: char| sign == ',' || sign.is_whitespace());
        if rest.is_empty() {
            return columns;
        }
        let to_comma = |text: &str| text.find(',').unwrap_or(text.len());
        let in_quotes = names::quoted(rest, to_comma).filter(|(_, more)| is_end(more));
        if let Some((name, more)) = in_quotes {
            columns.push(name);
            rest = more;
            continue;
        }
        let commas = rest.match_indices(',').map(|(at, _)| at).chain([rest.len()]);
        let longest = commas.rev().find(|at| names.has(&rest[..*at]));
        let (name, more) = rest.split_at(longest.unwrap_or_else(|| to_comma(rest)));
        columns.push(name.trim().to_owned());
        rest = more;
    }
}

fn is_end(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.is_empty() || rest.starts_with(',')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;

    #[test]
    fn names_with_commas() {
        let json = r#"{"name": "Sales", "definition": {"availableObjects": {
            "attributes": [
                {"id": "A1", "name": "Region", "forms": [{"id": "F1", "name": "ID, long"}]},
                {"id": "A2", "name": "Day"}, {"id": "A3", "name": "Day"}],
            "metrics": [{"id": "M1", "name": "Cost, net"}, {"id": "M2", "name": "Cost"},
                {"id": "M3", "name": "Revenue ($)"}]}}}"#;
        let definition: Definition = serde_json::from_str(json).unwrap();
        let asked = |columns: &[&str]| {
            let columns: Vec<_> = columns.iter().map(|it| (*it).to_owned()).collect();
            request(&definition, &columns)
        };
        let empty = GridRequest::default;
        for (columns, expected) in [
            (&["\"Cost, net\""][..], empty().metric("M1")),
            (&["'Cost, net'", "Revenue ($)"], empty().metric("M1").metric("M3")),
            // as clap divides it
            (&["[Cost", " net]", "Cost"], empty().metric("M1").metric("M2")),
            (&["cost, net,Cost"], empty().metric("M1").metric("M2")),
            (&["Cost, Revenue ($)"], empty().metric("M2").metric("M3")),
            (&["Region@ID, long,M3"], empty().metric("M3").attribute_with_forms("A1", ["F1"])),
            (
                &["'Region'@'ID, long'", "Cost"],
                empty().metric("M2").attribute_with_forms("A1", ["F1"]),
            ),
            (&["Region", "a2"], empty().attribute("A1").attribute("A2")),
        ] {
            assert_eq!(asked(columns).unwrap(), expected, "{columns:?}");
        }
        for wrong in ["", ",", "Day", "Profit", "Region@LAST", "'Cost, net", "Cost net"] {
            assert!(asked(&[wrong]).is_err(), "{wrong}");
        }
    }
}
