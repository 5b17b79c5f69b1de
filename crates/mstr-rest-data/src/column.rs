//! The values of one column, on their way into an array.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
    PrimitiveBuilder, StringBuilder, TimestampMillisecondBuilder,
};
use arrow_array::types::{Date32Type, Decimal128Type, TimestampMillisecondType};
use arrow_array::{ArrayRef, ArrowPrimitiveType};
use arrow_cast::parse::{Parser, parse_decimal};
use arrow_schema::ArrowError;

use crate::page::Cell;
use crate::value_type::{Exactness, Kind, ValueType};

/// A column that values are appended to.
#[derive(Debug)]
pub(crate) enum Column {
    Float(Float64Builder, Exactness),
    Integer(Int64Builder),
    Decimal(Decimal128Builder, u8, i8),
    Boolean(BooleanBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMillisecondBuilder),
    Text(StringBuilder),
}

/// A value that the column's type does not hold.
#[derive(Debug)]
pub(crate) struct Unfit;

impl Column {
    pub(crate) fn new(kind: Kind) -> Self {
        let Kind { column: kind, exactness, .. } = kind;
        match kind {
            ValueType::Float => Self::Float(Float64Builder::new(), exactness),
            ValueType::Integer => Self::Integer(Int64Builder::new()),
            ValueType::Decimal { precision, scale } => {
                let builder = Decimal128Builder::new().with_data_type(kind.arrow());
                Self::Decimal(builder, precision, scale)
            }
            ValueType::Boolean => Self::Boolean(BooleanBuilder::new()),
            ValueType::Date => Self::Date(Date32Builder::new()),
            ValueType::Timestamp => Self::Timestamp(TimestampMillisecondBuilder::new()),
            ValueType::Text => Self::Text(StringBuilder::new()),
        }
    }

    /// Appends all of them, in a loop for the one type.
    pub(crate) fn extend<'c>(
        &mut self,
        cells: impl Iterator<Item = &'c Cell<'c>>,
    ) -> Result<(), Unfit> {
        match self {
            Self::Float(builder, exactness) => {
                let exactness = *exactness;
                return append(builder, cells.map(|cell| float(cell, exactness)));
            }
            Self::Integer(builder) => return append(builder, cells.map(integer)),
            _ => {}
        }
        for cell in cells {
            self.append(cell)?;
        }
        Ok(())
    }

    pub(crate) fn append(&mut self, cell: &Cell<'_>) -> Result<(), Unfit> {
        match self {
            Self::Float(builder, exactness) => builder.append_option(float(cell, *exactness)?),
            Self::Integer(builder) => builder.append_option(integer(cell)?),
            Self::Decimal(builder, precision, scale) => builder.append_option(match cell {
                Cell::Null => None,
                Cell::Digits(text) | Cell::Text(text) => Some(decimal(text, *precision, *scale)?),
                Cell::Int(value) => Some(decimal(&value.to_string(), *precision, *scale)?),
                Cell::Float(_) | Cell::Bool(_) => return Err(Unfit),
            }),
            Self::Boolean(builder) => builder.append_option(match cell {
                Cell::Null => None,
                Cell::Bool(value) => Some(*value),
                Cell::Int(0) => Some(false),
                Cell::Int(1) => Some(true),
                Cell::Digits(text) if text == "0" => Some(false),
                Cell::Digits(text) if text == "1" => Some(true),
                _ => return Err(Unfit),
            }),
            Self::Date(builder) => builder.append_option(match cell {
                Cell::Null => None,
                Cell::Text(text) => Some(date(text).ok_or(Unfit)?),
                _ => return Err(Unfit),
            }),
            Self::Timestamp(builder) => builder.append_option(match cell {
                Cell::Null => None,
                Cell::Text(text) => Some(TimestampMillisecondType::parse(text).ok_or(Unfit)?),
                _ => return Err(Unfit),
            }),
            Self::Text(builder) => match cell {
                Cell::Null => builder.append_null(),
                Cell::Bool(value) => builder.append_value(value.to_string()),
                Cell::Int(value) => builder.append_value(value.to_string()),
                Cell::Float(value) => builder.append_value(value.to_string()),
                Cell::Text(text) | Cell::Digits(text) => builder.append_value(text),
            },
        }
        Ok(())
    }

    /// The array of what was appended; the column is empty afterwards.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Float(builder, _) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Decimal(builder, precision, scale) => {
                Arc::new(builder.finish().with_precision_and_scale(*precision, *scale)?)
            }
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::Timestamp(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
        })
    }
}

/// Appends all of them: the values in one piece, and which are null only if there are any.
fn append<T: ArrowPrimitiveType>(
    builder: &mut PrimitiveBuilder<T>,
    read: impl Iterator<Item = Result<Option<T::Native>, Unfit>>,
) -> Result<(), Unfit> {
    let (mut values, mut valid) = (Vec::new(), Vec::new());
    values.reserve(read.size_hint().0);
    valid.reserve(read.size_hint().0);
    for value in read {
        let value = value?;
        valid.push(value.is_some());
        values.push(value.unwrap_or_default());
    }
    if valid.contains(&false) {
        builder.append_values(&values, &valid);
    } else {
        builder.append_slice(&values);
    }
    Ok(())
}

fn integer(cell: &Cell<'_>) -> Result<Option<i64>, Unfit> {
    Ok(match cell {
        Cell::Null => None,
        Cell::Int(value) => Some(*value),
        Cell::Digits(text) => Some(text.parse().map_err(|_| Unfit)?),
        Cell::Float(value) => Some(whole(*value)?),
        Cell::Bool(_) | Cell::Text(_) => return Err(Unfit),
    })
}

/// The number as a float: the nearest one, or one that is as exact as asked for.
#[allow(clippy::cast_precision_loss, reason = "checked where it matters")]
fn float(cell: &Cell<'_>, exactness: Exactness) -> Result<Option<f64>, Unfit> {
    let nearest = exactness == Exactness::Nearest;
    Ok(Some(match cell {
        Cell::Null => return Ok(None),
        // one of these may have been a whole number: its digits tell, once they are read
        Cell::Float(value) if !nearest && is_beyond_integers(*value) => return Err(Unfit),
        Cell::Float(value) => *value,
        Cell::Int(value) if !nearest && value.unsigned_abs() > 1 << 53 => return Err(Unfit),
        Cell::Int(value) => *value as f64,
        Cell::Digits(text) => {
            let value: f64 = text.parse().map_err(|_| Unfit)?;
            let is_exact = match exactness {
                Exactness::Nearest => true,
                Exactness::WholeNumbers => text.contains(['.', 'e', 'E']) || value.abs() <= EXACT,
                Exactness::Digits => significant_digits(text) <= 15,
            };
            if is_exact { value } else { return Err(Unfit) }
        }
        Cell::Text(text) => special(text).ok_or(Unfit)?,
        Cell::Bool(_) => return Err(Unfit),
    }))
}

/// Up to here every whole number is a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Whether this float may have been written as a whole number that no `i64` holds.
pub(crate) fn is_beyond_integers(value: f64) -> bool {
    value.is_finite() && value.abs() >= 9_223_372_036_854_775_807.0
}

/// The floats that JSON has no number for.
pub(crate) fn special(text: &str) -> Option<f64> {
    let (sign, name) = match text.strip_prefix('-') {
        Some(name) => (-1.0, name),
        None => (1.0, text),
    };
    if name.eq_ignore_ascii_case("infinity") || name.eq_ignore_ascii_case("inf") {
        return Some(sign * f64::INFINITY);
    }
    text.eq_ignore_ascii_case("nan").then_some(f64::NAN)
}

/// Digits of a number as it is written, without zeros in front, and without the exponent.
fn significant_digits(text: &str) -> usize {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits = mantissa.bytes().filter(u8::is_ascii_digit);
    digits.skip_while(|digit| *digit == b'0').count()
}

/// `5.0` is a whole number; what lies beyond 2^53 may not be the one that was meant.
#[allow(clippy::cast_possible_truncation, reason = "checked")]
fn whole(value: f64) -> Result<i64, Unfit> {
    if value.fract() == 0.0 && value.abs() <= EXACT { Ok(value as i64) } else { Err(Unfit) }
}

fn decimal(text: &str, precision: u8, scale: i8) -> Result<i128, Unfit> {
    parse_decimal::<Decimal128Type>(text, precision, scale).map_err(|_| Unfit)
}

/// A value of an attribute, whose forms are always sent as text, for a column of that type: text
/// that the type does not give back as it was (`007` of an integer) does not fit. An empty text
/// of a column that holds no text is null.
pub(crate) fn form_value(text: &str, kind: ValueType) -> Result<Cell<'_>, Unfit> {
    Ok(match kind {
        ValueType::Text => Cell::Text(text.into()),
        _ if text.is_empty() => Cell::Null,
        ValueType::Integer => {
            let value: i64 = text.parse().map_err(|_| Unfit)?;
            // a sign or zeros in front would be lost
            let is_whole = text.trim_start_matches('-').len() == 1
                || !text.trim_start_matches('-').starts_with('0');
            if text.starts_with('+') || !is_whole {
                return Err(Unfit);
            }
            Cell::Int(value)
        }
        ValueType::Float => Cell::Float(text.parse().map_err(|_| Unfit)?),
        ValueType::Boolean => match text {
            "0" => Cell::Bool(false),
            "1" => Cell::Bool(true),
            _ => Cell::Bool(text.to_ascii_lowercase().parse().map_err(|_| Unfit)?),
        },
        ValueType::Decimal { .. } | ValueType::Date | ValueType::Timestamp => {
            Cell::Text(text.into())
        }
    })
}

/// A date, with or without midnight behind it.
fn date(text: &str) -> Option<i32> {
    let day = match text.split_once(['T', ' ']) {
        Some((day, time)) if time.trim_end_matches('Z').chars().all(|c| "0:.".contains(c)) => day,
        Some(_) => return None,
        None => text,
    };
    Date32Type::parse(day)
}
