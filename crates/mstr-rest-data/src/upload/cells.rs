//! Values of Arrow arrays as the server takes them: JSON, with ISO 8601 dates and times.

use std::io::Write as _;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float16Type, Float32Type, Float64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{Array, ArrayRef};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType, TimeUnit};
use mstr_rest_api::ColumnType;

/// The type that a column is sent as; `None` for what cannot be sent.
pub(super) fn column_type(kind: &DataType) -> Option<ColumnType> {
    Some(match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ColumnType::String,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => {
            ColumnType::Integer
        }
        DataType::Int64 | DataType::UInt32 => ColumnType::BigInteger,
        // UInt64 goes beyond 64 bits with a sign
        DataType::UInt64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => ColumnType::BigDecimal,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => ColumnType::Double,
        DataType::Boolean => ColumnType::Bool,
        DataType::Date32 | DataType::Date64 => ColumnType::Date,
        DataType::Time32(_) | DataType::Time64(_) => ColumnType::Time,
        DataType::Timestamp(..) => ColumnType::DateTime,
        DataType::Dictionary(_, values) if !matches!(**values, DataType::Dictionary(..)) => {
            return column_type(values);
        }
        _ => return None,
    })
}

/// A column of a batch: values, and for a dictionary which of them each row has.
#[derive(Debug)]
pub(super) struct Column {
    rows: ArrayRef,
    keys: Option<Vec<usize>>,
    values: ArrayRef,
}

impl Column {
    pub(super) fn new(rows: &ArrayRef) -> Self {
        let Some(dictionary) = rows.as_any_dictionary_opt() else {
            return Self { rows: Arc::clone(rows), keys: None, values: without_zone(rows) };
        };
        let values = dictionary.values();
        // without values all rows are null, and the keys are not looked at
        let keys =
            if values.is_empty() { vec![0; rows.len()] } else { dictionary.normalized_keys() };
        Self { rows: Arc::clone(rows), keys: Some(keys), values: without_zone(values) }
    }

    pub(super) fn cells(&self) -> Result<Cells<'_>, ArrowError> {
        Ok(Cells { column: self, values: Values::of(&self.values)? })
    }

    /// Where the value of a row is; `None` for null.
    fn place(&self, row: usize) -> Option<usize> {
        if self.rows.is_null(row) {
            return None;
        }
        let place = match &self.keys {
            Some(keys) => *keys.get(row)?,
            None => row,
        };
        self.values.is_valid(place).then_some(place)
    }
}

/// The server knows no zones: UTC.
fn without_zone(array: &ArrayRef) -> ArrayRef {
    let DataType::Timestamp(unit, Some(_)) = array.data_type() else { return Arc::clone(array) };
    macro_rules! plain {
        ($kind:ty) => {
            Arc::new(array.as_primitive::<$kind>().clone().with_timezone_opt(None::<Arc<str>>))
        };
    }
    match unit {
        TimeUnit::Second => plain!(TimestampSecondType),
        TimeUnit::Millisecond => plain!(TimestampMillisecondType),
        TimeUnit::Microsecond => plain!(TimestampMicrosecondType),
        TimeUnit::Nanosecond => plain!(TimestampNanosecondType),
    }
}

/// How values are written.
enum Values<'a> {
    Text(Box<dyn Fn(usize) -> &'a str + 'a>),
    Double(Box<dyn Fn(usize) -> f64 + 'a>),
    /// The digits of 32 bits: 0.1 stays 0.1.
    Single(Box<dyn Fn(usize) -> f32 + 'a>),
    /// As arrow prints them: whole numbers, truth values.
    Plain(ArrayFormatter<'a>),
    /// The same as text: decimals keep their digits.
    Quoted(ArrayFormatter<'a>),
    /// The same, of years with four digits.
    Day(ArrayFormatter<'a>),
    /// The same, with nine digits of a second.
    Stamp(ArrayFormatter<'a>),
}

impl<'a> Values<'a> {
    fn of(array: &'a ArrayRef) -> Result<Self, ArrowError> {
        let print = |day: &'a str| {
            let options = FormatOptions::new()
                .with_display_error(false)
                .with_date_format(Some("%Y-%m-%d"))
                .with_datetime_format(Some(day))
                .with_timestamp_format(Some(day))
                .with_time_format(Some("%H:%M:%S%.f"));
            ArrayFormatter::try_new(array, &options)
        };
        Ok(match array.data_type() {
            DataType::Utf8 => {
                let texts = array.as_string::<i32>();
                Self::Text(Box::new(|at| texts.value(at)))
            }
            DataType::LargeUtf8 => {
                let texts = array.as_string::<i64>();
                Self::Text(Box::new(|at| texts.value(at)))
            }
            DataType::Utf8View => {
                let texts = array.as_string_view();
                Self::Text(Box::new(|at| texts.value(at)))
            }
            DataType::Float16 => {
                let numbers = array.as_primitive::<Float16Type>();
                Self::Double(Box::new(|at| numbers.value(at).to_f64()))
            }
            DataType::Float32 => {
                let numbers = array.as_primitive::<Float32Type>();
                Self::Single(Box::new(|at| numbers.value(at)))
            }
            DataType::Float64 => {
                let numbers = array.as_primitive::<Float64Type>();
                Self::Double(Box::new(|at| numbers.value(at)))
            }
            DataType::Date32 | DataType::Date64 => Self::Day(print("%Y-%m-%d")?),
            DataType::Timestamp(..) => Self::Stamp(print("%Y-%m-%dT%H:%M:%S%.9f")?),
            kind => match column_type(kind) {
                Some(ColumnType::Time | ColumnType::BigDecimal) => Self::Quoted(print("")?),
                _ => Self::Plain(print("")?),
            },
        })
    }
}

/// Writes the values of a column.
pub(super) struct Cells<'a> {
    column: &'a Column,
    values: Values<'a>,
}

/// Why a value cannot be sent.
pub(super) type Unfit = &'static str;

const NOT_FINITE: Unfit = "is not finite, which JSON cannot hold: non_finite_as_null() sends null";
const FAR_DATE: Unfit = "is a day of a year without four digits";
const UNPRINTED: Unfit = "is beyond what can be written";

impl Cells<'_> {
    /// Appends the value of a row as JSON.
    pub(super) fn write(
        &self,
        row: usize,
        non_finite_as_null: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Unfit> {
        let Some(at) = self.column.place(row) else {
            out.extend_from_slice(b"null");
            return Ok(());
        };
        let before = out.len();
        match &self.values {
            Values::Text(text) => {
                serde_json::to_writer(&mut *out, text(at)).map_err(|_| UNPRINTED)?;
            }
            Values::Double(number) => {
                let number = number(at);
                if !number.is_finite() && !non_finite_as_null {
                    return Err(NOT_FINITE);
                }
                // what is not finite becomes null
                serde_json::to_writer(&mut *out, &number).map_err(|_| UNPRINTED)?;
            }
            Values::Single(number) => {
                let number = number(at);
                if !number.is_finite() && !non_finite_as_null {
                    return Err(NOT_FINITE);
                }
                serde_json::to_writer(&mut *out, &number).map_err(|_| UNPRINTED)?;
            }
            Values::Plain(print) => {
                write!(out, "{}", print.value(at)).map_err(|_| UNPRINTED)?;
            }
            Values::Quoted(print) => {
                write!(out, "\"{}\"", print.value(at)).map_err(|_| UNPRINTED)?;
            }
            Values::Day(print) | Values::Stamp(print) => {
                write!(out, "\"{}", print.value(at)).map_err(|_| UNPRINTED)?;
                if matches!(out.get(before + 1), Some(b'+' | b'-')) {
                    return Err(FAR_DATE);
                }
                if matches!(self.values, Values::Stamp(_)) {
                    // as the vendor's client writes them, and none lost
                    for _ in 0..2 {
                        out.truncate(out.strip_suffix(b"000").unwrap_or(out).len());
                    }
                }
                out.push(b'"');
            }
        }
        Ok(())
    }
}
