//! Comparisons with constants, as filters have them.
//!
//! The names of the constants' types are documented, that they are case sensitive, that `Real` has
//! 32 bits, and that dates and times are written as the session's locale has them: here always the
//! American one. Assumed: both sides of a comparison with a `Real` are rounded to 32 bits, and a
//! value that is not of its type is refused.

use std::cmp::Ordering;

/// The documented types of constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConstantType {
    Real,
    BigDecimal,
    Int64,
    Date,
    Time,
    TimeStamp,
    Char,
}

impl ConstantType {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "Real" => Self::Real,
            "BigDecimal" => Self::BigDecimal,
            "Int64" => Self::Int64,
            "Date" => Self::Date,
            "Time" => Self::Time,
            "TimeStamp" => Self::TimeStamp,
            "Char" => Self::Char,
            _ => return None,
        })
    }

    /// Whether a metric is compared with it (documented: numbers, and dates for some metrics).
    pub(crate) fn is_for_metrics(self) -> bool {
        matches!(self, Self::Real | Self::BigDecimal | Self::Int64 | Self::Date)
    }

    /// Whether a form is compared with it (documented: all but `Int64`).
    pub(crate) fn is_for_forms(self) -> bool {
        self != Self::Int64
    }
}

/// A constant of a comparison.
#[derive(Clone, Debug)]
pub(crate) struct Constant {
    pub(crate) kind: ConstantType,
    /// Dates and times in their standard form.
    pub(crate) text: String,
}

impl Constant {
    /// A value of a type; `None` if it is none.
    pub(crate) fn read(kind: ConstantType, text: &str) -> Option<Self> {
        let text = match kind {
            ConstantType::Real | ConstantType::BigDecimal => {
                let digits = text.strip_suffix('%').unwrap_or(text);
                digits.parse::<f64>().ok().filter(|number| number.is_finite())?;
                text.to_owned()
            }
            ConstantType::Int64 => text.parse::<i64>().ok()?.to_string(),
            ConstantType::Date => standard_date(text)?,
            ConstantType::Time => standard_time(text)?,
            ConstantType::TimeStamp => {
                let (date, time) = text.split_once(' ')?;
                format!("{} {}", standard_date(date)?, standard_time(time)?)
            }
            ConstantType::Char => text.to_owned(),
        };
        Some(Self { kind, text })
    }

    /// How a value compares with it.
    #[allow(clippy::cast_possible_truncation, reason = "single precision is what is meant")]
    fn order(&self, text: &str, number: Option<f64>) -> Option<Ordering> {
        match (number, self.text.parse::<f64>()) {
            (Some(number), Ok(constant)) if self.kind == ConstantType::Real => {
                (number as f32).partial_cmp(&(constant as f32))
            }
            (Some(number), Ok(constant)) => number.partial_cmp(&constant),
            _ => Some(text.cmp(self.text.as_str())),
        }
    }
}

/// `1/31/2016` as `2016-01-31`.
fn standard_date(text: &str) -> Option<String> {
    let mut parts = text.split('/').map(|part| part.parse::<u32>().ok());
    let (month, day, year) = (parts.next()??, parts.next()??, parts.next()??);
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day) && parts.next().is_none();
    is_date.then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// `1:05:00 PM` as `13:05:00`.
fn standard_time(text: &str) -> Option<String> {
    let (clock, half) = text.split_once(' ')?;
    let mut parts = clock.split(':').map(|part| part.parse::<u32>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let noon = match half {
        "AM" => 0,
        "PM" => 12,
        _ => return None,
    };
    let is_time = (1..=12).contains(&hour) && minute < 60 && second < 60;
    is_time.then(|| format!("{:02}:{minute:02}:{second:02}", hour % 12 + noon))
}

/// A comparison with constants.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    pub(crate) operator: String,
    pub(crate) constants: Vec<Constant>,
}

pub(crate) const COMPARISONS: [&str; 10] = [
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
pub(crate) const TEXT_TESTS: [&str; 8] = [
    "Like",
    "NotLike",
    "Contains",
    "NotContains",
    "BeginsWith",
    "NotBeginsWith",
    "EndsWith",
    "NotEndsWith",
];

impl Test {
    /// Compares as numbers if both sides are numbers, else as text. What is null passes `IsNull`
    /// and nothing else.
    pub(crate) fn holds(&self, text: Option<&str>, number: Option<f64>) -> bool {
        let Some(text) = text else { return self.operator == "IsNull" };
        let order = |at: usize| self.constants.get(at)?.order(text, number);
        let constant = self.constants.first().map(|one| one.text.as_str()).unwrap_or_default();
        let between = || {
            order(0).is_some_and(std::cmp::Ordering::is_ge)
                && order(1).is_some_and(std::cmp::Ordering::is_le)
        };
        match self.operator.as_str() {
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
            operator => order(0).is_some_and(|order| holds_in_order(operator, order)),
        }
    }
}

/// Whether one of these operators compares two values.
pub(crate) fn is_for_two(operator: &str) -> bool {
    ["Equals", "NotEqual", "Greater", "Less", "GreaterEqual", "LessEqual"].contains(&operator)
}

/// Whether a comparison of two values in this order holds.
pub(crate) fn holds_in_order(operator: &str, order: Ordering) -> bool {
    match operator {
        "Equals" => order.is_eq(),
        "NotEqual" => order.is_ne(),
        "Greater" => order.is_gt(),
        "Less" => order.is_lt(),
        "GreaterEqual" => order.is_ge(),
        "LessEqual" => order.is_le(),
        _ => false,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn real(text: &str) -> Constant {
        Constant { kind: ConstantType::Real, text: text.to_owned() }
    }

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
            let constants = vec![real("1"), real("2")];
            let test = Test { operator: (*operator).to_owned(), constants };
            assert_eq!(test.holds(None, None), *operator == "IsNull", "{operator}");
        }
    }

    #[test]
    fn numbers_compare_as_numbers_and_text_as_text() {
        let test = |operator: &str, constant: &str| Test {
            operator: operator.to_owned(),
            constants: vec![real(constant), real("100")],
        };
        assert!(test("Less", "10").holds(Some("9"), Some(9.0)));
        assert!(!test("Less", "10").holds(Some("9"), None));
        assert!(test("Between", "9").holds(Some("50"), Some(50.0)));
        assert!(test("NotBetween", "9").holds(Some("101"), Some(101.0)));
    }

    #[test]
    fn real_has_single_precision() {
        let test = |kind| Test {
            operator: "Equals".to_owned(),
            constants: vec![Constant { kind, text: "16777217".to_owned() }],
        };
        for (kind, holds) in [(ConstantType::Real, true), (ConstantType::Int64, false)] {
            assert_eq!(test(kind).holds(Some("16777216"), Some(16_777_216.0)), holds, "{kind:?}");
        }
    }

    #[test]
    fn constants_are_read_by_their_type() {
        let read = |kind: &str, text: &str| {
            ConstantType::named(kind)
                .and_then(|kind| Constant::read(kind, text))
                .map(|one| one.text)
        };
        for (kind, text, wanted) in [
            ("Real", "1.5", Some("1.5")),
            ("Real", "20%", Some("20%")),
            ("Real", "x", None),
            ("real", "1", None),
            ("Int64", "1.5", None),
            ("Char", "x", Some("x")),
            ("Date", "1/31/2016", Some("2016-01-31")),
            ("Date", "2016-01-31", None),
            ("Date", "13/1/2016", None),
            ("Time", "12:01:02 AM", Some("00:01:02")),
            ("TimeStamp", "12/9/2016 1:05:00 PM", Some("2016-12-09 13:05:00")),
            ("integer", "1", None),
        ] {
            assert_eq!(read(kind, text).as_deref(), wanted, "{kind} {text}");
        }
    }
}
