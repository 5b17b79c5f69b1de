//! Values of a table's cells: what a test compares, and what a reply says.

use std::fmt::Write as _;

use serde::Serialize;

use crate::dataset::DataType;
use crate::random;

/// A value of a [`Table`](crate::Table).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Value {
    /// No value: a metric without one, or a form that an element does not have.
    Null,
    /// A whole number.
    Integer(i64),
    /// A floating-point number.
    Double(f64),
    /// Text: attribute forms of all types, and metrics whose values travel as text (text, dates,
    /// big decimals).
    Text(String),
}

/// How dates are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Dates {
    /// In attribute forms (`standardDateFormat`).
    pub(crate) iso_forms: bool,
    /// In raw metric values (`standardRawDateFormat`).
    pub(crate) iso_raw: bool,
}

/// What is behind a metric's value, before it is written in one way or another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Integer(i64),
    /// Hundredths.
    Double(i64),
    /// Ten-thousandths.
    Decimal(i128),
    Text(u64),
    Date(i64),
    Time(i64),
    Stamp(i64),
    /// What someone uploaded.
    Stored(Value),
}

/// Text that decoders trip over: quotes, control characters, several scripts, nothing at all.
const WORDS: [&str; 8] = [
    "plain",
    "a \"quoted\" word",
    "back\\slash",
    "tab\tand\nnew line",
    "Zürich",
    "東京",
    "🦀 crab",
    "",
];

impl Cell {
    /// A generated value from 64 random bits.
    pub(crate) fn generate(data_type: DataType, null_ratio: f64, bits: u64) -> Self {
        // The upper bits decide about null, the lower ones about the value.
        let chance = f64::from(u32::try_from(bits >> 32).unwrap_or_default()) / 4_294_967_296.0;
        if chance < null_ratio {
            return Self::Null;
        }
        let bits = random::mix(bits);
        let below = |limit: u64| i64::try_from(bits % limit).unwrap_or_default();
        match data_type {
            DataType::Integer => Self::Integer(below(2_000_001) - 1_000_000),
            DataType::Double | DataType::Reserved => Self::Double(below(20_000_001) - 5_000_000),
            DataType::BigDecimal => Self::Decimal(i128::from(below(1_000_000_000_000_000_000)) + 1),
            DataType::VarChar => Self::Text(bits % 1000),
            DataType::Date => Self::Date(below(3650)),
            DataType::Time => Self::Time(below(86_400)),
            DataType::TimeStamp => Self::Stamp(below(3650 * 86_400)),
        }
    }

    /// A whole number, or one with a fraction.
    pub(crate) fn whole_or_not(is_whole: bool, bits: u64) -> Self {
        let number = i64::try_from(random::mix(bits) % 10_000).unwrap_or_default();
        if is_whole { Self::Integer(number) } else { Self::Double(number * 100 + 25) }
    }

    /// As a plain value, for the expected table.
    pub(crate) fn value(&self, dates: Dates) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Integer(number) => Value::Integer(*number),
            #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
            Self::Double(hundredths) => Value::Double(*hundredths as f64 / 100.0),
            Self::Stored(value) => value.clone(),
            other => Value::Text(other.text(dates.iso_raw)),
        }
    }

    /// As a number, for comparisons and for the smallest and the largest value of a page.
    pub(crate) fn number(&self) -> Option<f64> {
        #[allow(clippy::cast_precision_loss, reason = "comparisons of a test server")]
        match self {
            Self::Integer(number) | Self::Stored(Value::Integer(number)) => Some(*number as f64),
            Self::Double(hundredths) => Some(*hundredths as f64 / 100.0),
            Self::Decimal(parts) => Some(*parts as f64 / 10_000.0),
            Self::Stored(Value::Double(number)) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null | Self::Stored(Value::Null))
    }

    /// The sum of two values; of what cannot be added the greater one.
    pub(crate) fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Integer(one), Self::Integer(two)) => Self::Integer(one.saturating_add(two)),
            (Self::Double(one), Self::Double(two)) => Self::Double(one.saturating_add(two)),
            (Self::Decimal(one), Self::Decimal(two)) => Self::Decimal(one.saturating_add(two)),
            (Self::Stored(Value::Integer(one)), Self::Stored(Value::Integer(two))) => {
                Self::Stored(Value::Integer(one.saturating_add(two)))
            }
            (one, two) => match (one.number(), two.number()) {
                (Some(number), Some(more)) => Self::Stored(Value::Double(number + more)),
                _ if two.is_above(&one) => two,
                _ => one,
            },
        }
    }

    /// Whether it is greater: as a number if both are numbers, else as text, in which dates and
    /// times have their order.
    pub(crate) fn is_above(&self, other: &Self) -> bool {
        match (self.number(), other.number()) {
            (Some(one), Some(two)) => one > two,
            _ => self.text(true) > other.text(true),
        }
    }

    /// As text, as it stands in a reply.
    pub(crate) fn text(&self, iso: bool) -> String {
        match self {
            Self::Null | Self::Stored(Value::Null) => String::new(),
            Self::Integer(number) | Self::Stored(Value::Integer(number)) => number.to_string(),
            Self::Double(hundredths) => {
                let mut text = Vec::new();
                write_hundredths(&mut text, *hundredths);
                String::from_utf8(text).unwrap_or_default()
            }
            Self::Decimal(parts) => format!("{}.{:04}", parts / 10_000, parts % 10_000),
            Self::Text(bits) => {
                let word = usize::try_from(*bits).unwrap_or_default() % WORDS.len();
                let word = WORDS.get(word).copied().unwrap_or_default();
                if word.is_empty() { String::new() } else { format!("{word} {bits}") }
            }
            Self::Date(days) => date(*days, iso),
            Self::Time(seconds) => time(*seconds, iso),
            Self::Stamp(seconds) => {
                let (days, seconds) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
                format!("{} {}", date(days, iso), time(seconds, iso))
            }
            Self::Stored(Value::Double(number)) => number.to_string(),
            Self::Stored(Value::Text(text)) => text.clone(),
        }
    }

    /// As JSON: numbers as numbers, the rest as text.
    pub(crate) fn write(&self, out: &mut Vec<u8>, dates: Dates) {
        match self {
            Self::Null | Self::Stored(Value::Null) => out.extend_from_slice(b"null"),
            Self::Integer(number) | Self::Stored(Value::Integer(number)) => {
                write_integer(out, *number);
            }
            Self::Double(hundredths) => write_hundredths(out, *hundredths),
            Self::Stored(Value::Double(number)) => json(out, number),
            Self::Stored(Value::Text(text)) => json(out, text),
            other => json(out, &other.text(dates.iso_raw)),
        }
    }

    /// As JSON text for people: `"1,234.50"`.
    pub(crate) fn write_formatted(&self, out: &mut Vec<u8>, dates: Dates) {
        let text = self.text(dates.iso_raw);
        if self.number().is_none() {
            return json(out, &text);
        }
        let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
        let (whole, fraction) = digits
            .split_once('.')
            .map_or((digits, ""), |(whole, _)| (whole, &digits[whole.len()..]));
        let mut grouped = sign.to_owned();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        grouped.push_str(fraction);
        json(out, &grouped);
    }
}

/// Any value as JSON. Writing to memory cannot fail.
pub(crate) fn json(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    let _ = serde_json::to_writer(out, value);
}

pub(crate) fn write_integer(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        if let Some(digit) = digits.get_mut(at) {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        }
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

/// `72959.0`, `60255.73`: as recorded, always with a point and without idle noughts.
fn write_hundredths(out: &mut Vec<u8>, hundredths: i64) {
    if hundredths < 0 {
        out.push(b'-');
    }
    let (whole, part) = (hundredths.unsigned_abs() / 100, hundredths.unsigned_abs() % 100);
    write_integer(out, i64::try_from(whole).unwrap_or_default());
    let (tenths, rest) = (part / 10, part % 10);
    out.extend_from_slice(&[b'.', b'0' + u8::try_from(tenths).unwrap_or_default()]);
    if rest != 0 {
        out.push(b'0' + u8::try_from(rest).unwrap_or_default());
    }
}

/// The days after 2015-01-01 as a date: `2016-01-31`, or `1/31/2016` as an American server has it.
pub(crate) fn date(days: i64, iso: bool) -> String {
    // 2015-01-01 is day 735904 of a count that starts at 0000-03-01 (proleptic Gregorian).
    let days = days + 735_904;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    if iso { format!("{year:04}-{month:02}-{day:02}") } else { format!("{month}/{day}/{year}") }
}

fn time(seconds: i64, iso: bool) -> String {
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = String::new();
    let _ = if iso {
        write!(text, "{hour:02}:{minute:02}:{second:02}")
    } else {
        let half = if hour < 12 { "AM" } else { "PM" };
        write!(text, "{}:{minute:02}:{second:02} {half}", (hour + 11) % 12 + 1)
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_calendar() {
        assert_eq!(date(0, true), "2015-01-01");
        assert_eq!(date(58, true), "2015-02-28");
        assert_eq!(date(59, true), "2015-03-01");
        assert_eq!(date(365 + 59, true), "2016-02-29");
        assert_eq!(date(365 + 366, false), "1/1/2017");
        assert_eq!(date(3652, true), "2024-12-31");
    }

    #[test]
    fn times_in_both_styles() {
        assert_eq!(time(0, false), "12:00:00 AM");
        assert_eq!(time(12 * 3600 + 61, false), "12:01:01 PM");
        assert_eq!(time(23 * 3600 + 59 * 60 + 59, true), "23:59:59");
    }

    #[test]
    fn numbers_as_recorded() {
        let text = |cell: Cell| cell.text(false);
        assert_eq!(text(Cell::Double(7_295_900)), "72959.0");
        assert_eq!(text(Cell::Double(6_025_573)), "60255.73");
        assert_eq!(text(Cell::Double(-5)), "-0.05");
        assert_eq!(text(Cell::Double(-1050)), "-10.5");
        assert_eq!(text(Cell::Decimal(12_345)), "1.2345");
        let mut formatted = Vec::new();
        Cell::Double(-123_456_789).write_formatted(&mut formatted, Dates::default());
        assert_eq!(formatted, br#""-1,234,567.89""#);
    }

    #[test]
    fn what_is_written_is_what_is_expected() {
        for data_type in DataType::ALL {
            for bits in 0..2000_u64 {
                let cell = Cell::generate(data_type, 0.1, random::mix(bits));
                let mut written = Vec::new();
                cell.write(&mut written, Dates::default());
                let read: serde_json::Value = serde_json::from_slice(&written).unwrap();
                let expected = serde_json::to_value(cell.value(Dates::default())).unwrap();
                assert_eq!(read, expected, "{data_type:?}");
            }
        }
    }
}
