//! View filters and metric limits, read from the expression trees that clients send.
//!
//! Operators, types of operands and the texts of errors are documented. Of an id that is not valid
//! the vendor documents that the server may refuse it, ignore the condition, or take it as never
//! satisfied. This server does, unless it is told to be strict (which of these is assumed; that an
//! unknown form matches nothing is documented):
//!
//! * an unknown attribute or metric: the condition is ignored;
//! * an unknown element or form: nothing fits it.

use serde_json::Value as Json;

use crate::comparison::{self, COMPARISONS, Constant, ConstantType, TEXT_TESTS, Test};
use crate::dataset::Dataset;
use crate::filter::{self, Filter, Invalid};
use crate::rank::Rank;

const OPERAND_TYPES: [&str; 6] =
    ["attribute", "constant", "constants", "elements", "form", "metric"];

/// Reads expressions about the objects of a report or a cube.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) data: &'a Dataset,
    /// Refuses ids that are not valid.
    pub(crate) is_strict: bool,
}

/// A condition, or nothing where it is ignored.
type Read = Result<Option<Filter>, Invalid>;

/// Reads an expression that answers a prompt: strictly.
pub(crate) fn answered(data: &Dataset, expression: &Json) -> Result<Filter, Invalid> {
    let read = Reader { data, is_strict: true }.filter(expression)?;
    read.ok_or_else(|| "The expression says nothing".to_owned())
}

fn id_of(operand: &Json) -> &str {
    operand.get("id").and_then(Json::as_str).unwrap_or_default()
}

fn kind(operand: Option<&Json>) -> &str {
    operand.and_then(|operand| operand.get("type")).and_then(Json::as_str).unwrap_or_default()
}

fn unsupported(operator: &str, operands: &[Json]) -> Invalid {
    let kinds: Vec<_> = operands.iter().map(|one| kind(Some(one))).collect();
    let kinds = kinds.join(", ");
    format!("The operands type combination of {kinds} is not supported for operator - {operator}")
}

fn wrong_count(operator: &str, wanted: usize) -> Invalid {
    format!("There should be {wanted} operands for operator - {operator}")
}

impl Reader<'_> {
    /// Reads a `viewFilter`.
    pub(crate) fn filter(&self, expression: &Json) -> Read {
        let operator = expression.get("operator").and_then(Json::as_str);
        let operator = operator.ok_or("The member operator of the filter is missing")?;
        let operands = expression.get("operands").and_then(Json::as_array);
        let operands = operands.ok_or("The member operands of the filter is missing")?;
        let nested = || -> Result<Vec<Filter>, Invalid> {
            let read =
                operands.iter().map(|one| self.filter(one)).collect::<Result<Vec<_>, _>>()?;
            // what is ignored is as if it was not there
            Ok(read.into_iter().flatten().collect())
        };
        let some = |all: Vec<Filter>| (!all.is_empty()).then_some(all);
        match operator {
            "And" | "Or" if operands.is_empty() => Err(wrong_count(operator, 2)),
            "And" => Ok(some(nested()?).map(Filter::And)),
            "Or" => Ok(some(nested()?).map(Filter::Or)),
            "Not" if operands.len() != 1 => Err(wrong_count(operator, 1)),
            "Not" => Ok(nested()?.pop().map(|one| Filter::Not(Box::new(one)))),
            "In" => self.elements(operator, operands),
            "NotIn" => {
                let read = self.elements(operator, operands)?;
                Ok(read.map(|one| Filter::Not(Box::new(one))))
            }
            other => self.comparison(other, operands),
        }
    }

    /// Reads `metricLimits`: a condition for each metric, whose first operand is that metric.
    /// Their ids must be valid.
    pub(crate) fn limits(&self, limits: &Json) -> Result<Vec<Filter>, Invalid> {
        let strict = Self { is_strict: true, ..*self };
        let limits = limits.as_object().ok_or("metricLimits is no map")?;
        limits.iter().map(|(id, expression)| strict.limit(id, expression)).collect()
    }

    fn limit(&self, id: &str, expression: &Json) -> Result<Filter, Invalid> {
        let missing = || format!("Failed to find the metric {id} in the report or cube.");
        let metric = self.data.metric(id).ok_or_else(missing)?;
        let limited = match self.filter(expression)? {
            Some(Filter::Metric(limited, test)) => (limited, Filter::Metric(limited, test)),
            Some(Filter::Metrics(limited, operator, other)) => {
                (limited, Filter::Metrics(limited, operator, other))
            }
            Some(Filter::Rank(limited, rank)) if rank.is_limit() => {
                (limited, Filter::Rank(limited, rank))
            }
            Some(Filter::Rank(..)) => return Err("Invalid operator for a metric limit".to_owned()),
            _ => {
                return Err(format!(
                    "In metric limits, target object must be metric, please check object in all \
                     first operand is metric in the limit expression with corresponding key {id}"
                ));
            }
        };
        match limited {
            (limited, filter) if limited == metric => Ok(filter),
            (limited, _) => Err(format!(
                "In metric limits, the metric id {} is in a first operand and should be same with \
                 corresponding key {id}",
                self.data.metrics.get(limited).map(|one| one.id.as_str()).unwrap_or_default()
            )),
        }
    }

    /// What an id that is not valid gives.
    fn unknown(&self, what: Option<Filter>, text: String) -> Read {
        if self.is_strict { Err(text) } else { Ok(what) }
    }

    fn no_attribute(&self, id: &str) -> Read {
        self.unknown(None, format!("Failed to find the attribute {id} in the report or cube."))
    }

    fn elements(&self, operator: &str, operands: &[Json]) -> Read {
        let [attribute, elements] = operands else { return Err(wrong_count(operator, 2)) };
        if kind(Some(attribute)) == "form" {
            // a list of values: equal to one of them
            let constants = constants_of(elements)?;
            let one = |constant| self.form("Equals", attribute, vec![constant]);
            let all = constants.into_iter().map(one).collect::<Result<Vec<_>, _>>()?;
            let all: Vec<_> = all.into_iter().flatten().collect();
            return Ok((!all.is_empty()).then_some(Filter::Or(all)));
        }
        if kind(Some(attribute)) != "attribute" || kind(Some(elements)) != "elements" {
            return Err(unsupported(operator, operands));
        }
        let listed = elements.get("elements").and_then(Json::as_array);
        let listed = listed.filter(|listed| !listed.is_empty()).ok_or("There are no elements")?;
        let Some(at) = self.data.attribute(id_of(attribute)) else {
            return self.no_attribute(id_of(attribute));
        };
        let mut chosen = std::collections::HashSet::new();
        for one in listed {
            match filter::element(self.data, at, id_of(one)) {
                Some(element) => {
                    chosen.insert(element);
                }
                None if self.is_strict => {
                    return Err(format!("Invalid element id - {}", id_of(one)));
                }
                None => {}
            }
        }
        Ok(Some(Filter::Elements(at, chosen)))
    }

    fn comparison(&self, operator: &str, operands: &[Json]) -> Read {
        let wanted = match operator {
            "IsNull" | "IsNotNull" => 0,
            "Between" | "NotBetween" | "Rank.Between" | "Rank.NotBetween" | "Percent.Between"
            | "Percent.NotBetween" => 2,
            _ => 1,
        };
        let is_rank = operator.starts_with("Rank.") || operator.starts_with("Percent.");
        let is_text_test = TEXT_TESTS.contains(&operator);
        if !is_text_test && !is_rank && !COMPARISONS.contains(&operator) {
            return Err(format!("Invalid operator - {operator}"));
        }
        if let Some(wrong) = operands.iter().find(|one| !OPERAND_TYPES.contains(&kind(Some(one)))) {
            return Err(format!(
                "Could not resolve type id '{}': known type ids = [{}]",
                kind(Some(wrong)),
                OPERAND_TYPES.join(", ")
            ));
        }
        let [first, constants @ ..] = operands else {
            return Err(wrong_count(operator, wanted + 1));
        };
        let is_metric = kind(Some(first)) == "metric";
        if !is_metric && (is_rank || kind(Some(first)) != "form") || (is_metric && is_text_test) {
            return Err(unsupported(operator, operands));
        }
        if let (true, [other]) = (is_metric && comparison::is_for_two(operator), constants)
            && kind(Some(other)) == "metric"
        {
            return self.metrics(operator, first, other);
        }
        if constants.iter().any(|one| !["constant", "constants"].contains(&kind(Some(one)))) {
            return Err(unsupported(operator, operands));
        }
        let constants = constants.iter().map(constants_of).collect::<Result<Vec<_>, _>>()?;
        let constants: Vec<_> = constants.into_iter().flatten().collect();
        if constants.len() != wanted {
            return Err(wrong_count(operator, wanted + 1));
        }
        if is_metric {
            self.metric(operator, is_rank, first, constants)
        } else {
            self.form(operator, first, constants)
        }
    }

    /// A metric compared with another one (documented).
    fn metrics(&self, operator: &str, one: &Json, other: &Json) -> Read {
        let (one, other) = (id_of(one), id_of(other));
        match (self.data.metric(one), self.data.metric(other)) {
            (Some(one), Some(other)) => Ok(Some(Filter::Metrics(one, operator.to_owned(), other))),
            (known, _) => {
                let id = if known.is_some() { other } else { one };
                let text = format!("Failed to find the metric {id} in the report or cube.");
                self.unknown(None, text)
            }
        }
    }

    fn metric(&self, operator: &str, is_rank: bool, operand: &Json, constants: Vec<Typed>) -> Read {
        let constants = typed(constants, ConstantType::is_for_metrics, "metric")?;
        let id = id_of(operand);
        let Some(metric) = self.data.metric(id) else {
            let text = format!("Failed to find the metric {id} in the report or cube.");
            return self.unknown(None, text);
        };
        if is_rank {
            let numbers: Vec<_> = constants.into_iter().map(|one| one.text).collect();
            return Ok(Some(Filter::Rank(metric, Rank::read(operator, &numbers)?)));
        }
        Ok(Some(Filter::Metric(metric, Test { operator: operator.to_owned(), constants })))
    }

    fn form(&self, operator: &str, operand: &Json, constants: Vec<Typed>) -> Read {
        let constants = typed(constants, ConstantType::is_for_forms, "attribute form")?;
        let attribute = operand.get("attribute").ok_or("A form operand names its attribute")?;
        let Some(at) = self.data.attribute(id_of(attribute)) else {
            return self.no_attribute(id_of(attribute));
        };
        let id = operand.get("form").map(id_of).unwrap_or_default();
        let forms = self.data.attributes.get(at).map(|found| found.forms.as_slice());
        let Some(form) = forms.unwrap_or_default().iter().position(|form| form.id == id) else {
            return self.unknown(Some(Filter::Never), format!("Invalid attribute form id - {id}"));
        };
        Ok(Some(Filter::Form(at, form, Test { operator: operator.to_owned(), constants })))
    }
}

/// A constant as it was sent: the name of its type, and its value.
type Typed = (String, String);

/// The values of a `constant` or a `constants` operand. They are text.
fn constants_of(operand: &Json) -> Result<Vec<Typed>, Invalid> {
    let text = |value: &Json| match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let values = match kind(Some(operand)) {
        "constant" => operand.get("value").and_then(text).map(|value| vec![value]),
        "constants" => operand
            .get("values")
            .and_then(Json::as_array)
            .and_then(|values| values.iter().map(text).collect()),
        _ => None,
    };
    let values: Vec<String> = values.ok_or("A constant has no value")?;
    let data_type = operand.get("dataType").and_then(Json::as_str).unwrap_or_default();
    Ok(values.into_iter().map(|value| (data_type.to_owned(), value)).collect())
}

/// Checks the types of constants and reads their values.
fn typed(
    constants: Vec<Typed>,
    fits: impl Fn(ConstantType) -> bool,
    what: &str,
) -> Result<Vec<Constant>, Invalid> {
    let read = |(name, value): Typed| {
        let kind = ConstantType::named(&name).filter(|kind| fits(*kind)).ok_or_else(|| {
            format!("Invalid constant data type for {what} qualification - {name}")
        })?;
        Constant::read(kind, &value)
            .ok_or_else(|| format!("Invalid constant of the data type {name} - {value}"))
    };
    constants.into_iter().map(read).collect()
}
