//! `--filter`: conditions as expressions of the server.

use mstr_rest::api::expression::{
    Constant, ConstantType, Expression, Operand, Operator, attribute, metric,
};
use mstr_rest::api::{Definition, Form};

use super::columns::{Named, named};
use crate::failure::{Failure, Result};

/// A condition as it was written.
#[derive(Debug, PartialEq)]
pub(super) struct Condition {
    name: String,
    operator: Compared,
    value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compared {
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Contains,
    Begins,
    Ends,
    Null,
    NotNull,
}

/// The longer ones first: `>=` is not `>`.
const OPERATORS: &[(&str, Compared)] = &[
    ("!=", Compared::NotEqual),
    (">=", Compared::GreaterEqual),
    ("<=", Compared::LessEqual),
    ("^=", Compared::Begins),
    ("$=", Compared::Ends),
    ("=", Compared::Equal),
    (">", Compared::Greater),
    ("<", Compared::Less),
    ("~", Compared::Contains),
];

/// Reads a condition: the first operator in it counts.
pub(super) fn parse(text: &str) -> Result<Condition> {
    let wrong = || {
        Failure::usage(format!("--filter {text:?} is not a condition"))
            .hint("it looks like 'Region = North', 'Revenue >= 1000' or 'Comment is null'")
    };
    let condition = |name: &str, operator, value: &str| {
        let name = name.trim();
        if name.is_empty() {
            return Err(wrong());
        }
        Ok(Condition { name: name.into(), operator, value: unquoted(value.trim()).into() })
    };
    let lower = text.to_ascii_lowercase();
    for (ending, operator) in [(" is null", Compared::Null), (" is not null", Compared::NotNull)] {
        if lower.trim_end().ends_with(ending) {
            return condition(&text[..text.trim_end().len() - ending.len()], operator, "");
        }
    }
    let at = text.find(['!', '>', '<', '^', '$', '=', '~']).ok_or_else(wrong)?;
    let (name, rest) = text.split_at(at);
    let (sign, operator) =
        OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign)).ok_or_else(wrong)?;
    condition(name, *operator, &rest[sign.len()..])
}

fn unquoted(text: &str) -> &str {
    for quote in ['"', '\''] {
        let inner = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
        if let Some(inner) = inner {
            return inner;
        }
    }
    text
}

/// All conditions as one expression; `None` without any.
pub(super) fn expression(
    definition: &Definition,
    conditions: &[Condition],
) -> Result<Option<Expression>> {
    let all = conditions.iter().map(|condition| condition.expression(definition));
    let mut all = all.collect::<Result<Vec<_>>>()?;
    Ok(match all.len() {
        0 => None,
        1 => all.pop(),
        _ => Some(Expression::all(all)),
    })
}

impl Condition {
    fn expression(&self, definition: &Definition) -> Result<Expression> {
        let (operand, data_type) = match named(definition, &self.name)? {
            Named::Metric { id, data_type } => (metric(id).into(), data_type),
            Named::Attribute { id, form: Some(of) } => {
                (attribute(id).form(of.id).into(), of.data_type)
            }
            Named::Attribute { id, form: None } => {
                let shown = shown_form(definition, id).ok_or_else(|| {
                    Failure::usage(format!("{:?} cannot be filtered: it has no forms", self.name))
                })?;
                (attribute(id).form(shown.id.as_str()).into(), shown.data_type.as_deref())
            }
        };
        let operator = match self.operator {
            Compared::Equal => Operator::Equals,
            Compared::NotEqual => Operator::NotEqual,
            Compared::Greater => Operator::Greater,
            Compared::GreaterEqual => Operator::GreaterEqual,
            Compared::Less => Operator::Less,
            Compared::LessEqual => Operator::LessEqual,
            Compared::Contains => Operator::Contains,
            Compared::Begins => Operator::BeginsWith,
            Compared::Ends => Operator::EndsWith,
            Compared::Null => Operator::IsNull,
            Compared::NotNull => Operator::IsNotNull,
        };
        let mut operands: Vec<Operand> = vec![operand];
        if !matches!(self.operator, Compared::Null | Compared::NotNull) {
            operands.push(constant(data_type, &self.value).into());
        }
        let expression = Expression::new(operator, operands);
        expression.check()?;
        Ok(expression)
    }
}

/// The form that people see: the description, or the first one.
fn shown_form<'a>(definition: &'a Definition, attribute: &str) -> Option<&'a Form> {
    let found = definition.available.attributes.iter().find(|it| it.id == attribute)?;
    let description = found.forms.iter().find(|form| form.name.eq_ignore_ascii_case("DESC"));
    description.or(found.forms.first())
}

fn constant(data_type: Option<&str>, value: &str) -> Constant {
    match data_type {
        Some(data_type) => match ConstantType::of_data_type(data_type) {
            Some(kind) => Constant::typed(kind, value),
            None => value.into(),
        },
        None => match value.parse::<f64>() {
            Ok(number) if number.is_finite() => Constant::typed(ConstantType::Real, value),
            _ => value.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;

    #[test]
    fn conditions() {
        for (text, name, operator, value) in [
            ("Region = North", "Region", Compared::Equal, "North"),
            ("Region=North", "Region", Compared::Equal, "North"),
            ("Unit Price >= 10", "Unit Price", Compared::GreaterEqual, "10"),
            ("Day@ID<2024-01-01", "Day@ID", Compared::Less, "2024-01-01"),
            ("Name ~ 'a = b'", "Name", Compared::Contains, "a = b"),
            ("Name ^= \"St. \"", "Name", Compared::Begins, "St. "),
            ("Name $= x", "Name", Compared::Ends, "x"),
            ("Name != ", "Name", Compared::NotEqual, ""),
            ("Comment is null", "Comment", Compared::Null, ""),
            ("Comment IS NOT NULL ", "Comment", Compared::NotNull, ""),
            ("Größe < 5", "Größe", Compared::Less, "5"),
        ] {
            let expected = Condition { name: name.into(), operator, value: value.into() };
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
        for text in ["", "Region", "= North", "a ! b", " is null", "a ^ b"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn any_text_is_read_or_refused() {
        for text in ["İ is null", "ß IS NULL", "\u{212A} is not null", "é=", "~é"] {
            let _ = parse(text);
        }
    }
}
