//! Metric values: which Arrow type a metric has, and its column.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
    PrimitiveBuilder, StringBuilder, TimestampMillisecondBuilder,
};
use arrow_array::types::{Date32Type, Decimal128Type, TimestampMillisecondType};
use arrow_array::{ArrayRef, ArrowPrimitiveType};
use arrow_cast::parse::{Parser, parse_decimal};
use arrow_schema::{ArrowError, DataType, TimeUnit};

use crate::page::Cell;

/// The type of a metric's column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricType {
    /// `Float64`: what the server sends for most metrics.
    Float,
    /// `Int64`.
    Integer,
    /// `Decimal128`: exact, with so many digits in all (38 at most) and so many behind the point.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits behind the point.
        scale: i8,
    },
    /// `Boolean`.
    Boolean,
    /// `Date32`, from ISO dates.
    Date,
    /// `Timestamp(Millisecond)` without a zone, from ISO dates with a time.
    Timestamp,
    /// `Utf8`: numbers as the server wrote them, digit by digit.
    Text,
}

impl MetricType {
    /// What the server's `dataType` says. `None` where it says nothing: the values decide.
    pub(crate) fn of(data_type: Option<&str>, big_decimal: Self) -> Option<Self> {
        let is = |names: &[&str]| {
            data_type.is_some_and(|name| names.iter().any(|n| name.eq_ignore_ascii_case(n)))
        };
        if is(&["double", "float", "real", "numeric", "decimal"]) {
            Some(Self::Float)
        } else if is(&["integer", "short", "long", "unsigned", "int64"]) {
            Some(Self::Integer)
        } else if is(&["bigDecimal"]) {
            Some(big_decimal)
        } else if is(&["bool"]) {
            Some(Self::Boolean)
        } else if is(&["date"]) {
            Some(Self::Date)
        } else if is(&["timeStamp"]) {
            Some(Self::Timestamp)
        } else if data_type.is_some_and(|name| name.to_ascii_lowercase().ends_with("char"))
            || is(&["time", "guid", "binary", "varBin", "longVarBin"])
        {
            Some(Self::Text)
        } else {
            None
        }
    }

    /// The first of the declared type and wider ones that holds all these values.
    pub(crate) fn widened(declared: Option<Self>, cells: &[&Cell<'_>]) -> Self {
        let first = match declared {
            Some(declared) => declared,
            None => match cells.iter().find(|cell| ***cell != Cell::Null) {
                None | Some(Cell::Null | Cell::Float(_)) => Self::Float,
                Some(Cell::Int(_) | Cell::Digits(_)) => Self::Integer,
                Some(Cell::Bool(_)) => Self::Boolean,
                Some(Cell::Text(_)) => Self::Text,
            },
        };
        let steps: &[Self] = match first {
            Self::Integer => &[Self::Integer, Self::Float],
            _ => &[first],
        };
        let holds_all = |kind: &&Self| {
            if **kind == Self::Float {
                // the usual type: no need to build the column
                return cells.iter().all(|cell| float(cell).is_ok());
            }
            let mut column = MetricColumn::new(**kind);
            cells.iter().all(|cell| column.append(cell).is_ok())
        };
        steps.iter().find(holds_all).copied().unwrap_or(Self::Text)
    }

    /// Whether numbers must keep their digits.
    pub(crate) fn is_exact(self) -> bool {
        matches!(self, Self::Decimal { .. } | Self::Text)
    }

    pub(crate) fn arrow(self) -> DataType {
        match self {
            Self::Float => DataType::Float64,
            Self::Integer => DataType::Int64,
            Self::Decimal { precision, scale } => DataType::Decimal128(precision, scale),
            Self::Boolean => DataType::Boolean,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Millisecond, None),
            Self::Text => DataType::Utf8,
        }
    }
}

/// The values of a metric, on their way into an array.
#[derive(Debug)]
pub(crate) enum MetricColumn {
    Float(Float64Builder),
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

impl MetricColumn {
    pub(crate) fn new(kind: MetricType) -> Self {
        match kind {
            MetricType::Float => Self::Float(Float64Builder::new()),
            MetricType::Integer => Self::Integer(Int64Builder::new()),
            MetricType::Decimal { precision, scale } => {
                let builder = Decimal128Builder::new().with_data_type(kind.arrow());
                Self::Decimal(builder, precision, scale)
            }
            MetricType::Boolean => Self::Boolean(BooleanBuilder::new()),
            MetricType::Date => Self::Date(Date32Builder::new()),
            MetricType::Timestamp => Self::Timestamp(TimestampMillisecondBuilder::new()),
            MetricType::Text => Self::Text(StringBuilder::new()),
        }
    }

    /// Appends all of them, in a loop for the one type.
    pub(crate) fn extend<'c>(
        &mut self,
        cells: impl Iterator<Item = &'c Cell<'c>>,
    ) -> Result<(), Unfit> {
        match self {
            Self::Float(builder) => return append(builder, cells.map(float)),
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
            Self::Float(builder) => builder.append_option(float(cell)?),
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
            Self::Float(builder) => Arc::new(builder.finish()),
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

#[allow(clippy::cast_precision_loss, reason = "a metric that is a float in this grid")]
fn float(cell: &Cell<'_>) -> Result<Option<f64>, Unfit> {
    match cell {
        Cell::Null => Ok(None),
        Cell::Float(value) => Ok(Some(*value)),
        Cell::Int(value) => Ok(Some(*value as f64)),
        Cell::Digits(text) => text.parse().map(Some).map_err(|_| Unfit),
        Cell::Bool(_) | Cell::Text(_) => Err(Unfit),
    }
}

/// `5.0` is a whole number; what lies beyond 2^53 may not be the one that was meant.
#[allow(clippy::cast_possible_truncation, reason = "checked")]
fn whole(value: f64) -> Result<i64, Unfit> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT { Ok(value as i64) } else { Err(Unfit) }
}

fn decimal(text: &str, precision: u8, scale: i8) -> Result<i128, Unfit> {
    parse_decimal::<Decimal128Type>(text, precision, scale).map_err(|_| Unfit)
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
