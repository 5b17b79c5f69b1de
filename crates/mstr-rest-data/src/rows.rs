//! Rows as values of the caller's own type, for those who want no Arrow.

use std::fmt;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use mstr_rest_core::{Error, ErrorKind, Result};
use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

/// The rows of a batch, each as a value of your own: a struct whose members are named like the
/// columns (`#[serde(rename = "Customer@DESC")]`), a map, or a `serde_json::Value`.
///
/// Texts are texts, numbers numbers; decimals, dates and times come as text (`2026-01-31`,
/// `2026-01-31T10:15:00`); a null wants an `Option`.
///
/// # Errors
/// [`Decode`](ErrorKind::Decode) when a row is no such value; it names the row.
///
/// ```
/// use mstr_rest_data::{GridOptions, GridReader, rows};
///
/// #[derive(Debug, PartialEq, serde::Deserialize)]
/// struct Sale {
///     #[serde(rename = "Year")]
///     year: String,
///     #[serde(rename = "Revenue")]
///     revenue: Option<f64>,
/// }
///
/// # fn main() -> mstr_rest_core::Result<()> {
/// # let page = br#"{
/// #     "definition": {"grid": {
/// #         "rows": [{"name": "Year", "id": "Y", "type": "attribute", "forms": [{"name": "ID"}],
/// #                   "elements": [{"formValues": ["2025"]}, {"formValues": ["2026"]}]}],
/// #         "columns": [{"name": "Metrics", "type": "templateMetrics", "elements":
/// #                      [{"name": "Revenue", "id": "R", "dataType": "double"}]}]}},
/// #     "data": {"paging": {"total": 2, "current": 2, "offset": 0},
/// #              "headers": {"rows": [[0], [1]], "columns": [[0]]},
/// #              "metricValues": {"raw": [[1.5], [null]]}}}"#;
/// # let batch = GridReader::new(GridOptions::default()).read(page)?.batch;
/// let sales: Vec<Sale> = rows(&batch)?;
/// assert_eq!(sales[0], Sale { year: "2025".into(), revenue: Some(1.5) });
/// assert_eq!(sales[1].revenue, None);
/// # Ok(())
/// # }
/// ```
pub fn rows<T: DeserializeOwned>(batch: &RecordBatch) -> Result<Vec<T>> {
    let options = FormatOptions::default();
    let schema = batch.schema();
    let columns: Result<Vec<_>> = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(array, field)| Ok((field.name().as_str(), Column::of(array, &options)?)))
        .collect();
    let columns = columns?;
    (0..batch.num_rows())
        .map(|row| {
            let members = columns.iter().map(|(name, column)| (*name, column.value(row)));
            T::deserialize(MapDeserializer::<_, serde::de::value::Error>::new(members)).map_err(
                |error| {
                    let what = format!("row {row} of the table is not what was asked for");
                    Error::with_source(ErrorKind::Decode, what, error)
                },
            )
        })
        .collect()
}

/// A column, ready to be read cell by cell.
enum Column<'a> {
    Dictionary(&'a arrow_array::Int32Array, &'a arrow_array::StringArray),
    Text(&'a arrow_array::StringArray),
    Float(&'a arrow_array::Float64Array),
    Integer(&'a arrow_array::Int64Array),
    Boolean(&'a arrow_array::BooleanArray),
    Other(&'a dyn Array, ArrayFormatter<'a>),
}

impl<'a> Column<'a> {
    fn of(array: &'a dyn Array, options: &FormatOptions<'a>) -> Result<Self> {
        Ok(match array.data_type() {
            DataType::Dictionary(_, _) => {
                let array = array.as_dictionary::<Int32Type>();
                Self::Dictionary(array.keys(), array.values().as_string())
            }
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::Float64 => Self::Float(array.as_primitive::<Float64Type>()),
            DataType::Int64 => Self::Integer(array.as_primitive::<Int64Type>()),
            DataType::Boolean => Self::Boolean(array.as_boolean()),
            _ => {
                let formatter = ArrayFormatter::try_new(array, options);
                Self::Other(
                    array,
                    formatter.map_err(|error| {
                        Error::with_source(ErrorKind::Decode, "a column cannot be read", error)
                    })?,
                )
            }
        })
    }

    fn value(&self, row: usize) -> Cell<'_> {
        let is_null = match self {
            Self::Dictionary(array, _) => array.is_null(row),
            Self::Text(array) => array.is_null(row),
            Self::Float(array) => array.is_null(row),
            Self::Integer(array) => array.is_null(row),
            Self::Boolean(array) => array.is_null(row),
            Self::Other(array, _) => array.is_null(row),
        };
        if is_null {
            return Cell::Null;
        }
        match self {
            Self::Dictionary(keys, texts) => usize::try_from(keys.value(row))
                .map_or(Cell::Null, |key| Cell::Text(texts.value(key))),
            Self::Text(array) => Cell::Text(array.value(row)),
            Self::Float(array) => Cell::Float(array.value(row)),
            Self::Integer(array) => Cell::Integer(array.value(row)),
            Self::Boolean(array) => Cell::Boolean(array.value(row)),
            Self::Other(_, formatter) => Cell::Written(formatter.value(row).to_string()),
        }
    }
}

enum Cell<'a> {
    Null,
    Text(&'a str),
    Written(String),
    Float(f64),
    Integer(i64),
    Boolean(bool),
}

impl<E: serde::de::Error> IntoDeserializer<'_, E> for Cell<'_> {
    type Deserializer = CellDeserializer<Self, E>;

    fn into_deserializer(self) -> Self::Deserializer {
        CellDeserializer(self, std::marker::PhantomData)
    }
}

struct CellDeserializer<C, E>(C, std::marker::PhantomData<E>);

impl<C, E> fmt::Debug for CellDeserializer<C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CellDeserializer")
    }
}

impl<'de, E: serde::de::Error> Deserializer<'de> for CellDeserializer<Cell<'_>, E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.0 {
            Cell::Null => visitor.visit_unit(),
            Cell::Text(text) => visitor.visit_str(text),
            Cell::Written(text) => visitor.visit_string(text),
            Cell::Float(value) => visitor.visit_f64(value),
            Cell::Integer(value) => visitor.visit_i64(value),
            Cell::Boolean(value) => visitor.visit_bool(value),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.0 {
            Cell::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
