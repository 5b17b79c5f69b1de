//! View filters and metric limits: expression trees, checked and applied row by row.
//!
//! The operators are the documented ones.

use std::collections::HashSet;

use serde_json::Value as Json;

use crate::dataset::{Attribute, Dataset};
use crate::rank::Rank;
use crate::value::{Cell, Dates};

/// What is wrong with an expression; the client gets it as 400 `ERR006`.
pub(crate) type Invalid = String;

/// A condition on a row of the flat table.
#[derive(Clone, Debug)]
pub(crate) enum Filter {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    /// The attribute's element is one of these.
    Elements(usize, HashSet<u64>),
    Metric(usize, Test),
    Form(usize, usize, Test),
    Rank(usize, Rank),
}

/// A comparison with constants.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    operator: String,
    constants: Vec<String>,
}

const COMPARISONS: [&str; 10] = [
    "Equals",
    "NotEqual",
    "Greater",
    "Less",
    "GreaterEqual",
    "LessEqual",
    "Between",
    "NotBetween",
    "IsNull",
    "IsNotNull",
];
const TEXT_TESTS: [&str; 8] = [
    "Like",
    "NotLike",
    "Contains",
    "NotContains",
    "BeginsWith",
    "NotBeginsWith",
    "EndsWith",
    "NotEndsWith",
];

impl Filter {
    /// Reads a `viewFilter`.
    pub(crate) fn read(data: &Dataset, expression: &Json) -> Result<Self, Invalid> {
        let operator = expression.get("operator").and_then(Json::as_str);
        let operator = operator.ok_or("The member operator of the filter is missing")?;
        let operands = expression.get("operands").and_then(Json::as_array);
        let operands = operands.ok_or("The member operands of the filter is missing")?;
        let nested =
            || operands.iter().map(|one| Self::read(data, one)).collect::<Result<Vec<_>, _>>();
        match operator {
            "And" | "Or" if operands.is_empty() => {
                Err(format!("The operator {operator} has no operands"))
            }
            "And" => Ok(Self::And(nested()?)),
            "Or" => Ok(Self::Or(nested()?)),
            "Not" => match nested()?.pop() {
                Some(one) if operands.len() == 1 => Ok(Self::Not(Box::new(one))),
                _ => Err("The operator Not has one operand".to_owned()),
            },
            "In" => elements_of(data, operands),
            "NotIn" => Ok(Self::Not(Box::new(elements_of(data, operands)?))),
            other => comparison(data, other, operands),
        }
    }

    /// Reads `metricLimits`: a condition for each metric, whose first operand is that metric.
    pub(crate) fn limits(data: &Dataset, limits: &Json) -> Result<Vec<Self>, Invalid> {
        let limits = limits.as_object().ok_or("metricLimits is no map")?;
        limits
            .iter()
            .map(|(id, expression)| {
                let metric = data.metric(id);
                let metric = metric.ok_or_else(|| format!("There is no metric {id}"))?;
                match Self::read(data, expression)? {
                    Self::Metric(limited, test) if limited == metric => {
                        Ok(Self::Metric(limited, test))
                    }
                    Self::Rank(limited, rank) if limited == metric => {
                        if !rank.is_limit() {
                            return Err("The operator is not valid for metric limits".to_owned());
                        }
                        Ok(Self::Rank(limited, rank))
                    }
                    _ => Err(format!("The limit of the metric {id} is no condition on it")),
                }
            })
            .collect()
    }

    /// Gives its ranks the values among which they rank: those of this table.
    pub(crate) fn rank(&mut self, data: &Dataset) {
        match self {
            Self::And(all) | Self::Or(all) => all.iter_mut().for_each(|one| one.rank(data)),
            Self::Not(one) => one.rank(data),
            Self::Rank(metric, rank) => rank.among(data, *metric),
            Self::Elements(..) | Self::Metric(..) | Self::Form(..) => {}
        }
    }

    /// Whether a row of the flat table passes.
    pub(crate) fn passes(&self, data: &Dataset, row: u64) -> bool {
        let elements = data.elements(data.place(row));
        self.holds(data, row, &elements)
    }

    fn holds(&self, data: &Dataset, row: u64, elements: &[u64]) -> bool {
        match self {
            Self::And(all) => all.iter().all(|one| one.holds(data, row, elements)),
            Self::Or(all) => all.iter().any(|one| one.holds(data, row, elements)),
            Self::Not(one) => !one.holds(data, row, elements),
            Self::Elements(attribute, chosen) => {
                elements.get(*attribute).is_some_and(|element| chosen.contains(element))
            }
            Self::Metric(metric, test) => {
                let cell = data.cell(*metric, row, 0);
                let shown = (cell != Cell::Null).then(|| cell.text(true));
                test.holds(shown.as_deref(), cell.number())
            }
            Self::Rank(metric, rank) => {
                data.cell(*metric, row, 0).number().is_some_and(|value| rank.holds(value))
            }
            Self::Form(attribute, form, test) => {
                let element = elements.get(*attribute).copied().unwrap_or_default();
                let dates = Dates { iso_forms: true, iso_raw: true };
                let value = data.attributes.get(*attribute);
                let value = value.and_then(|one| one.form_value(*form, element, dates));
                let number = value.as_deref().and_then(|text| text.parse().ok());
                test.holds(value.as_deref(), number)
            }
        }
    }
}

impl Test {
    /// Compares as numbers if both sides are numbers, else as text. What is null passes `IsNull`
    /// and nothing else.
    fn holds(&self, text: Option<&str>, number: Option<f64>) -> bool {
        let Some(text) = text else { return self.operator == "IsNull" };
        let order = |constant: &String| match (number, constant.parse::<f64>()) {
            (Some(number), Ok(constant)) => number.partial_cmp(&constant),
            _ => Some(text.cmp(constant.as_str())),
        };
        let order = |at: usize| self.constants.get(at).and_then(order);
        let constant = self.constants.first().map(String::as_str).unwrap_or_default();
        let between = || {
            order(0).is_some_and(std::cmp::Ordering::is_ge)
                && order(1).is_some_and(std::cmp::Ordering::is_le)
        };
        match self.operator.as_str() {
            "Equals" => order(0).is_some_and(std::cmp::Ordering::is_eq),
            "NotEqual" => order(0).is_some_and(std::cmp::Ordering::is_ne),
            "Greater" => order(0).is_some_and(std::cmp::Ordering::is_gt),
            "Less" => order(0).is_some_and(std::cmp::Ordering::is_lt),
            "GreaterEqual" => order(0).is_some_and(std::cmp::Ordering::is_ge),
            "LessEqual" => order(0).is_some_and(std::cmp::Ordering::is_le),
            "Between" => between(),
            "NotBetween" => !between(),
            "IsNotNull" => true,
            "Like" => like(constant, text),
            "NotLike" => !like(constant, text),
            "Contains" => text.contains(constant),
            "NotContains" => !text.contains(constant),
            "BeginsWith" => text.starts_with(constant),
            "NotBeginsWith" => !text.starts_with(constant),
            "EndsWith" => text.ends_with(constant),
            "NotEndsWith" => !text.ends_with(constant),
            _ => false,
        }
    }
}

/// SQL's `LIKE`: `%` is any text, `_` is any character.
fn like(pattern: &str, text: &str) -> bool {
    let Some(first) = pattern.chars().next() else { return text.is_empty() };
    let rest = pattern.get(first.len_utf8()..).unwrap_or_default();
    match first {
        '%' => {
            let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.any(|at| like(rest, text.get(at..).unwrap_or_default()))
        }
        _ => text
            .chars()
            .next()
            .filter(|found| first == '_' || first == *found)
            .is_some_and(|found| like(rest, text.get(found.len_utf8()..).unwrap_or_default())),
    }
}

/// The element that an id means: `h5;<attribute>` as results have it, or `<attribute>:5` as lists
/// of elements do.
pub(crate) fn element(data: &Dataset, attribute: usize, id: &str) -> Option<u64> {
    element_of(data.attributes.get(attribute), id)
}

/// The same, of an attribute that may not be there.
pub(crate) fn element_of(attribute: Option<&Attribute>, id: &str) -> Option<u64> {
    let attribute = attribute?;
    let number = match id.split_once(';') {
        Some((number, rest)) => {
            let owner = rest.split(';').next()?;
            (owner == attribute.id).then(|| number.strip_prefix('h'))??
        }
        None => id.strip_prefix(attribute.id.as_str())?.strip_prefix(':')?,
    };
    let element = number.parse::<u64>().ok()?.checked_sub(1)?;
    (element < attribute.elements).then_some(element)
}

fn id_of(operand: &Json) -> Option<&str> {
    operand.get("id").and_then(Json::as_str)
}

fn kind(operand: Option<&Json>) -> &str {
    operand.and_then(|operand| operand.get("type")).and_then(Json::as_str).unwrap_or_default()
}

fn attribute_of(data: &Dataset, operand: &Json) -> Result<usize, Invalid> {
    let id = id_of(operand).unwrap_or_default();
    data.attribute(id).ok_or_else(|| format!("There is no attribute {id}"))
}

fn elements_of(data: &Dataset, operands: &[Json]) -> Result<Filter, Invalid> {
    let [attribute, elements] = operands else {
        return Err("In and NotIn have two operands".to_owned());
    };
    if kind(Some(attribute)) == "form" {
        // a list of values: equal to one of them
        let one = |value: String| {
            let constant = serde_json::json!({ "type": "constant", "value": value });
            comparison(data, "Equals", &[attribute.clone(), constant])
        };
        let values = constants_of(elements)?.into_iter().map(one);
        return Ok(Filter::Or(values.collect::<Result<_, _>>()?));
    }
    if kind(Some(attribute)) != "attribute" || kind(Some(elements)) != "elements" {
        return Err("In and NotIn compare an attribute with elements".to_owned());
    }
    let attribute = attribute_of(data, attribute)?;
    let listed = elements.get("elements").and_then(Json::as_array);
    let listed = listed.filter(|listed| !listed.is_empty()).ok_or("There are no elements")?;
    let chosen = listed.iter().map(|listed| {
        let id = id_of(listed).unwrap_or_default();
        element(data, attribute, id).ok_or_else(|| format!("There is no element {id}"))
    });
    Ok(Filter::Elements(attribute, chosen.collect::<Result<_, _>>()?))
}

fn comparison(data: &Dataset, operator: &str, operands: &[Json]) -> Result<Filter, Invalid> {
    let constants = operands.get(1..).unwrap_or_default().iter().map(constants_of);
    let constants: Vec<String> =
        constants.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let wanted = match operator {
        "IsNull" | "IsNotNull" => 0,
        "Between" | "NotBetween" | "Rank.Between" | "Rank.NotBetween" | "Percent.Between"
        | "Percent.NotBetween" => 2,
        _ => 1,
    };
    let is_rank = operator.starts_with("Rank.") || operator.starts_with("Percent.");
    let is_text_test = TEXT_TESTS.contains(&operator);
    if !is_text_test && !is_rank && !COMPARISONS.contains(&operator) {
        return Err(format!("The operator {operator} is not valid"));
    }
    if constants.len() != wanted {
        return Err(format!("The operator {operator} wants {wanted} constants"));
    }
    let first =
        operands.first().ok_or_else(|| format!("The operator {operator} has no operands"))?;
    if is_rank {
        if kind(Some(first)) != "metric" {
            return Err(format!("The operator {operator} is for metrics"));
        }
        let id = id_of(first).unwrap_or_default();
        let metric = data.metric(id).ok_or_else(|| format!("There is no metric {id}"))?;
        return Ok(Filter::Rank(metric, Rank::read(operator, &constants)?));
    }
    let test = Test { operator: operator.to_owned(), constants };
    match kind(Some(first)) {
        "metric" if is_text_test => Err(format!("The operator {operator} is not for metrics")),
        "metric" => {
            let id = id_of(first).unwrap_or_default();
            let metric = data.metric(id).ok_or_else(|| format!("There is no metric {id}"))?;
            Ok(Filter::Metric(metric, test))
        }
        "form" => {
            let attribute = first.get("attribute").ok_or("A form operand names its attribute")?;
            let attribute = attribute_of(data, attribute)?;
            let id = first.get("form").and_then(id_of).unwrap_or_default();
            let forms = data.attributes.get(attribute).map(|found| found.forms.as_slice());
            let form = forms.unwrap_or_default().iter().position(|form| form.id == id);
            let form = form.ok_or_else(|| format!("There is no form {id}"))?;
            Ok(Filter::Form(attribute, form, test))
        }
        other => Err(format!("The operand type {other} is not valid for {operator}")),
    }
}

/// The values of a `constant` or a `constants` operand. They are text.
fn constants_of(operand: &Json) -> Result<Vec<String>, Invalid> {
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
    values.ok_or_else(|| "A constant has no value".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_is_as_in_sql() {
        assert!(like("a%c", "abbc"));
        assert!(like("%", ""));
        assert!(like("_ü_", "aüb"));
        assert!(!like("a_", "a"));
        assert!(!like("b%", "abc"));
    }

    #[test]
    fn null_passes_is_null_only() {
        for operator in COMPARISONS.iter().chain(&TEXT_TESTS) {
            let constants = vec!["1".to_owned(), "2".to_owned()];
            let test = Test { operator: (*operator).to_owned(), constants };
            assert_eq!(test.holds(None, None), *operator == "IsNull", "{operator}");
        }
    }

    #[test]
    fn numbers_compare_as_numbers_and_text_as_text() {
        let test = |operator: &str, constant: &str| Test {
            operator: operator.to_owned(),
            constants: vec![constant.to_owned(), "100".to_owned()],
        };
        assert!(test("Less", "10").holds(Some("9"), Some(9.0)));
        assert!(!test("Less", "10").holds(Some("9"), None));
        assert!(test("Between", "9").holds(Some("50"), Some(50.0)));
        assert!(test("NotBetween", "9").holds(Some("101"), Some(101.0)));
    }
}
