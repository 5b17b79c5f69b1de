//! `--filter` and `--metric-limit`: conditions as expressions of the server.

use mstr_rest::api::expression::{Constant, ConstantType, Expression, Operand, Operator};
use mstr_rest::api::expression::{attribute, metric};
use mstr_rest::api::{Definition, GridRequest};

use super::names::{self, Named, Names};
use super::quoted;
use crate::failure::{Failure, Result};

/// A condition as it was written.
#[derive(Debug)]
pub(super) struct Condition(String);

/// A condition whose parts are told.
#[derive(Debug, PartialEq)]
struct Parts<'t> {
    name: String,
    operator: Operator,
    value: &'t str,
}

/// The longer ones first: `>=` is not `>`.
const OPERATORS: &[(&str, Operator)] = &[
    ("==", Operator::Equals),
    ("!=", Operator::NotEqual),
    ("<>", Operator::NotEqual),
    (">=", Operator::GreaterEqual),
    ("<=", Operator::LessEqual),
    ("^=", Operator::BeginsWith),
    ("$=", Operator::EndsWith),
    ("=", Operator::Equals),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Contains),
];

/// What operators begin with.
const SIGNS: [char; 7] = ['!', '>', '<', '^', '$', '=', '~'];

/// Takes a condition, if it has an operator at all. Which one counts, the names of the objects
/// tell: they may have signs in them.
pub(super) fn parse(text: &str) -> Result<Condition> {
    if told(text, "").is_none() {
        return Err(wrong(text));
    }
    Ok(Condition(text.to_owned()))
}

fn wrong(text: &str) -> Failure {
    Failure::usage(format!("{text:?} is not a condition")).hint(
        "it looks like 'Region = North', 'Revenue >= 1000' or 'Comment is null'; names with signs \
         in them go into quotes",
    )
}

/// The first operator with a name before it.
fn told<'t>(text: &'t str, known: &str) -> Option<Parts<'t>> {
    let name =
        |end: &str| Some(format!("{known}{end}").trim().to_owned()).filter(|it| !it.is_empty());
    if let Some((before, operator)) = null(text) {
        return Some(Parts { name: name(before)?, operator, value: "" });
    }
    text.match_indices(SIGNS).find_map(|(at, _)| {
        let (sign, operator) = sign(&text[at..])?;
        Some(Parts {
            name: name(&text[..at])?,
            operator: *operator,
            value: &text[at + sign.len()..],
        })
    })
}

fn sign(text: &str) -> Option<&'static (&'static str, Operator)> {
    OPERATORS.iter().find(|(sign, _)| text.starts_with(sign))
}

/// What stands before `is null` or `is not null` at the end.
fn null(text: &str) -> Option<(&str, Operator)> {
    let text = text.trim_end();
    let lower = text.to_ascii_lowercase();
    let endings = [(" is null", Operator::IsNull), (" is not null", Operator::IsNotNull)];
    let found = endings.into_iter().find(|(ending, _)| lower.ends_with(ending));
    found.map(|(ending, operator)| (&text[..text.len() - ending.len()], operator))
}

/// The parts of a condition: a name in quotes, or the longest one that is known, or what stands
/// before the first operator.
fn parts<'t>(names: &Names<'_>, text: &'t str) -> Option<Parts<'t>> {
    let to_operator = |text: &'t str| {
        let null = null(text).map(|(before, _)| before.len());
        null.or_else(|| text.find(SIGNS)).unwrap_or(text.len())
    };
    let behind = |name: &str, rest: &'t str| {
        let parts = told(rest, name)?;
        // nothing stands between the name and the operator
        (parts.name == name.trim()).then_some(parts)
    };
    names::quoted(text, to_operator)
        .and_then(|(name, rest)| behind(&name, rest))
        .or_else(|| names.at_start(text).find_map(|(name, rest)| behind(name, rest)))
        .or_else(|| told(text, ""))
}

/// The value of a condition. One that looks like a second operator is refused: `=>` is none.
fn value<'t>(text: &str, parts: &Parts<'t>) -> Result<&'t str> {
    let value = parts.value.trim();
    let inner = quoted::without(value);
    if inner.len() != value.len() {
        return Ok(inner);
    }
    if value.starts_with(['=', '<', '>', '!', '~', '^']) {
        return Err(Failure::usage(format!("{text:?} has no such operator")).hint(
            "operators: = != > >= < <= ~ ^= $=; a value that begins with one goes into quotes",
        ));
    }
    let lower = value.to_ascii_lowercase();
    let joined =
        [" and ", " or "].into_iter().filter_map(|word| Some(lower.find(word)? + word.len()));
    if joined.into_iter().any(|at| told(&value[at..], "").is_some()) {
        return Err(Failure::usage(format!("{text:?} is more than one condition")).hint(
            "repeat the option: all of them must hold; a value with `and` goes into quotes",
        ));
    }
    Ok(value)
}

/// All conditions as one expression; `None` without any.
pub(super) fn expression(
    definition: &Definition,
    conditions: &[Condition],
) -> Result<Option<Expression>> {
    let names = Names::of(definition);
    let all = conditions.iter().map(|condition| condition.expression(definition, &names));
    let all = all.map(|one| one.map(|(_, expression)| expression)).collect::<Result<Vec<_>>>()?;
    Ok((!all.is_empty()).then(|| Expression::all(all)))
}

/// The metric and the condition of `--metric-limit 'METRIC > 10'`, for
/// [`GridRequest::metric_limit`].
pub(super) fn metric_limit(text: &str, definition: &Definition) -> Result<(String, Expression)> {
    let (named, limit) = parse(text)?.expression(definition, &Names::of(definition))?;
    let Named::Metric { id } = named else {
        return Err(Failure::usage(format!("{text:?} is about no metric"))
            .hint("conditions on attributes are --filter"));
    };
    limit.check_limit(id)?;
    Ok((id.to_owned(), limit))
}

/// Whether the report does what is asked: a filter is not applied to every layout.
pub(super) fn check(request: &GridRequest, definition: &Definition, as_designed: bool) -> Result {
    request.check_against(definition).map_err(|error| {
        let failure = Failure::from(error);
        if as_designed {
            failure.hint("leave --as-designed out: the flat table is filtered")
        } else {
            failure
        }
    })
}

impl Condition {
    fn expression<'a>(
        &self,
        definition: &Definition,
        names: &Names<'a>,
    ) -> Result<(Named<'a>, Expression)> {
        let parts = parts(names, &self.0).ok_or_else(|| wrong(&self.0))?;
        let means = names.find(&parts.name)?;
        let (operand, declared): (Operand, _) = match means {
            Named::Metric { id } => (metric(id).into(), Some(ConstantType::Real)),
            Named::Attribute { id, form } => {
                let found = definition.attribute(id)?;
                let form = match form {
                    Some(form) => found.form(form)?,
                    None => found.shown_form().ok_or_else(|| {
                        let name = &parts.name;
                        Failure::usage(format!("{name:?} cannot be filtered: it has no forms"))
                    })?,
                };
                let declared = form.data_type.as_deref().and_then(ConstantType::of_data_type);
                (attribute(id).form(&form.id).into(), declared)
            }
        };
        let mut operands = vec![operand];
        if !matches!(parts.operator, Operator::IsNull | Operator::IsNotNull) {
            operands.push(constant(value(&self.0, &parts)?, declared, parts.operator).into());
        }
        let expression = Expression::new(parts.operator, operands).resolve(definition)?;
        Ok((means, expression))
    }
}

/// The value with the type that follows from it, where the definition declares none.
fn constant(value: &str, declared: Option<ConstantType>, operator: Operator) -> Constant {
    let is_text =
        matches!(operator, Operator::Contains | Operator::BeginsWith | Operator::EndsWith);
    let number = value.parse::<f64>().ok().filter(|number| number.is_finite());
    match number {
        Some(_) if declared.is_none() && !is_text => {
            Constant::typed(ConstantType::BigDecimal, value)
        }
        _ => value.into(),
    }
}

#[cfg(test)]
mod tests;
