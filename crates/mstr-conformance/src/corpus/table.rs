//! Tables as they were read, and whether one is the right one.

use std::fmt;

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, Schema};
use serde_json::{Map, Value};

use crate::corpus::case::Right;

/// A table without types is of a text format.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// A word of the corpus. `None` in a text format.
    pub(crate) kind: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Text(String),
    Number(String),
    Boolean(bool),
    /// Of CSV: whatever has this text, which is a null too if it is empty.
    Any(String),
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Number(text) | Self::Any(text) => f.write_str(text),
            Self::Boolean(value) => write!(f, "{value}"),
        }
    }
}

impl Cell {
    fn is(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Any(seen), wanted) => match wanted {
                Self::Null => seen.is_empty(),
                Self::Text(text) => seen == text,
                Self::Number(number) => number_is(seen, number),
                Self::Boolean(value) => *seen == value.to_string(),
                Self::Any(text) => seen == text || number_is(seen, text),
            },
            (Self::Null, Self::Any(text)) => text.is_empty(),
            (Self::Text(seen), Self::Any(text)) => seen == text,
            (Self::Number(seen), Self::Any(number) | Self::Number(number)) => {
                number_is(seen, number)
            }
            (Self::Boolean(seen), Self::Any(text)) => *text == seen.to_string(),
            (seen, wanted) => seen == wanted,
        }
    }
}

fn number_is(seen: &str, wanted: &str) -> bool {
    match (digits(seen), digits(wanted)) {
        (Some(seen), Some(wanted)) => seen == wanted,
        (None, None) => not_finite(seen).is_some_and(|seen| not_finite(wanted) == Some(seen)),
        _ => false,
    }
}

/// NaN and the infinities, however they are spelled.
fn not_finite(text: &str) -> Option<&'static str> {
    let value: f64 = text.parse().ok()?;
    match value {
        f64::INFINITY => Some("inf"),
        f64::NEG_INFINITY => Some("-inf"),
        _ if value.is_nan() => Some("nan"),
        _ => None,
    }
}

/// Sign, digits without zeros around them, and the power of ten of the last one: two texts have the
/// same ones if they are the same number. `None` for what is no number.
fn digits(text: &str) -> Option<(bool, String, i64)> {
    let negative = text.starts_with('-');
    let text = text.strip_prefix('-').unwrap_or(text);
    let (text, exponent) = match text.split_once(['e', 'E']) {
        Some((text, exponent)) => (text, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = all.trim_start_matches('0');
    let short = significant.trim_end_matches('0');
    if short.is_empty() {
        return Some((false, String::new(), 0));
    }
    let dropped = i64::try_from(significant.len() - short.len()).ok()?;
    let behind = i64::try_from(fraction.len()).ok()?;
    Some((negative, short.to_owned(), exponent - behind + dropped))
}

impl Table {
    /// Of batches of one schema.
    pub(crate) fn of_batches(schema: &Schema, batches: &[RecordBatch]) -> Result<Self, String> {
        let columns = schema
            .fields()
            .iter()
            .map(|field| Column { name: field.name().clone(), kind: Some(kind(field.data_type())) })
            .collect();
        let options = FormatOptions::default();
        let mut rows = Vec::new();
        for batch in batches {
            let arrays: Result<Vec<_>, _> =
                batch.columns().iter().map(|a| ArrayFormatter::try_new(a, &options)).collect();
            let arrays = arrays.map_err(|error| error.to_string())?;
            for row in 0..batch.num_rows() {
                let cells = batch.columns().iter().zip(&arrays).map(|(array, column)| {
                    let text = column.value(row).to_string();
                    // a null of a dictionary is one of its keys or its values
                    if array.logical_nulls().is_some_and(|nulls| nulls.is_null(row)) {
                        return Cell::Null;
                    }
                    match kind(array.data_type()) {
                        "integer" | "float" | "decimal" => Cell::Number(text),
                        "boolean" => Cell::Boolean(text == "true"),
                        _ => Cell::Text(text),
                    }
                });
                rows.push(cells.collect());
            }
        }
        Ok(Self { columns, rows })
    }

    pub(crate) fn of_csv(text: &str) -> Result<Self, String> {
        let mut lines = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes())
            .into_records();
        let header = lines.next().transpose().map_err(|error| error.to_string())?;
        let columns = header.unwrap_or_default();
        let columns =
            columns.iter().map(|name| Column { name: name.to_owned(), kind: None }).collect();
        let mut rows = Vec::new();
        for line in lines {
            let line = line.map_err(|error| error.to_string())?;
            rows.push(line.iter().map(|cell| Cell::Any(cell.to_owned())).collect());
        }
        Ok(Self { columns, rows })
    }

    /// An object on each line; nulls are left out. The columns are those of the right table and
    /// whatever else is there.
    pub(crate) fn of_json_lines(text: &str, names: &[String]) -> Result<Self, String> {
        let mut names = names.to_vec();
        let mut objects = Vec::new();
        for line in text.lines() {
            let object: Map<String, Value> =
                serde_json::from_str(line).map_err(|error| error.to_string())?;
            let more: Vec<_> = object.keys().filter(|key| !names.contains(key)).cloned().collect();
            names.extend(more);
            objects.push(object);
        }
        let row = |object: &Map<String, Value>| {
            names.iter().map(|name| cell(object.get(name).unwrap_or(&Value::Null))).collect()
        };
        let rows = objects.iter().map(row).collect();
        let columns = names.iter().map(|name| Column { name: name.clone(), kind: None }).collect();
        Ok(Self { columns, rows })
    }

    /// The table of a case.
    pub(crate) fn of_right(right: &Right) -> Result<Option<Self>, String> {
        if let Some(lines) = &right.csv {
            return Self::of_csv(&lines.join("\n")).map(Some);
        }
        let (Some(columns), Some(rows)) = (&right.columns, &right.rows) else { return Ok(None) };
        let columns = columns.iter().map(|name| Column { name: name.clone(), kind: None });
        let rows = rows.iter().map(|row| row.iter().map(cell).collect());
        Ok(Some(Self { columns: columns.collect(), rows: rows.collect() }))
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// How it differs from the right one.
    pub(crate) fn differs(&self, right: &Self) -> Option<String> {
        let (seen, wanted) = (self.names(), right.names());
        if seen != wanted {
            return Some(format!("the columns are {seen:?}, not {wanted:?}"));
        }
        for (number, (row, wanted)) in self.rows.iter().zip(&right.rows).enumerate() {
            if row.len() != wanted.len() {
                return Some(format!("row {} has {} cells", number + 1, row.len()));
            }
            for (column, (cell, wanted)) in row.iter().zip(wanted).enumerate() {
                if !cell.is(wanted) {
                    let name = &self.columns[column].name;
                    return Some(format!("row {}, {name}: {cell}, not {wanted}", number + 1));
                }
            }
        }
        let (rows, wanted) = (self.rows.len(), right.rows.len());
        (rows != wanted).then(|| format!("{rows} rows, not {wanted}"))
    }
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(value) => Cell::Boolean(*value),
        Value::Number(number) => Cell::Number(number.to_string()),
        Value::String(text) => Cell::Text(text.clone()),
        other => Cell::Text(other.to_string()),
    }
}

/// The word of the corpus for a type.
fn kind(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Dictionary(_, values) => kind(values),
        DataType::Boolean => "boolean",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Timestamp(..) => "timestamp",
        DataType::Decimal128(..) | DataType::Decimal256(..) => "decimal",
        other if other.is_integer() => "integer",
        other if other.is_floating() => "float",
        _ => "text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_by_value_to_the_last_digit() {
        for (one, other) in [
            ("1250.0", "1250"),
            ("1e3", "1000"),
            ("-0.0", "0"),
            ("0.50", ".5"),
            ("inf", "Infinity"),
        ] {
            assert!(number_is(one, other), "{one} {other}");
        }
        for (one, other) in [("9007199254740993", "9007199254740992"), ("1", "10"), ("a", "a")] {
            assert!(!number_is(one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_wrong_cell_is_found() {
        let right = Table::of_csv("A,B\nx,1\ny,").ok();
        for (text, same) in
            [("A,B\nx,1.0\ny,\n", true), ("A,B\nx,1\ny,0\n", false), ("A,B\nx,1\n", false)]
        {
            let differs = Table::of_csv(text).ok().zip(right.clone()).map(|(a, b)| a.differs(&b));
            assert_eq!(differs.is_some_and(|it| it.is_none()), same, "{text}");
        }
    }
}
