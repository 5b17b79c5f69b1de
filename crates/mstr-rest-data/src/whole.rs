//! All batches of a table, in memory: a text has the same key in all of them, and is kept once.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int32Type;
use arrow_array::{Array as _, ArrayRef, DictionaryArray, Int32Array, RecordBatch};
use arrow_array::{RecordBatchOptions, StringArray};
use arrow_schema::{ArrowError, SchemaRef};
use mstr_rest_core::{Error, ErrorKind, Result};

use crate::dictionary::{Dictionary, Full};

/// A batch without its dictionaries: of their columns only the keys.
#[derive(Debug)]
struct Keyed {
    rows: usize,
    schema: SchemaRef,
    columns: Vec<ArrayRef>,
}

/// The batches so far. Their dictionaries may be those of a page.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    batches: Vec<Keyed>,
    /// One for each column, whether or not it needs one.
    dictionaries: Vec<Dictionary>,
}

impl Whole {
    /// Adds a batch; all of them have one schema.
    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        self.dictionaries.resize_with(batch.num_columns(), Dictionary::default);
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (number, column) in batch.columns().iter().enumerate() {
            columns.push(match column.as_dictionary_opt::<Int32Type>() {
                Some(own) => {
                    let keys = rekeyed(own, &mut self.dictionaries[number]);
                    Arc::new(keys.map_err(|_| full(batch.schema_ref().field(number).name()))?)
                }
                None => Arc::clone(column),
            });
        }
        self.batches.push(Keyed { rows: batch.num_rows(), schema: batch.schema(), columns });
        Ok(())
    }

    /// The batches, which share their dictionaries.
    pub(crate) fn finish(self) -> Result<Vec<RecordBatch>> {
        let texts: Vec<_> = self.dictionaries.into_iter().map(Dictionary::into_texts).collect();
        self.batches.into_iter().map(|batch| batch.with(&texts).map_err(arrow)).collect()
    }
}

impl Keyed {
    fn with(self, texts: &[Arc<StringArray>]) -> Result<RecordBatch, ArrowError> {
        let fields = self.schema.fields().iter();
        let columns =
            self.columns.into_iter().zip(fields).zip(texts).map(|((column, field), texts)| {
                if column.data_type() == field.data_type() {
                    return Ok(column);
                }
                let keys = column.as_primitive::<Int32Type>().clone();
                let texts: ArrayRef = Arc::<StringArray>::clone(texts);
                let column = DictionaryArray::<Int32Type>::try_new(keys, texts)?;
                Ok::<ArrayRef, ArrowError>(Arc::new(column))
            });
        let columns = columns.collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        RecordBatch::try_new_with_options(self.schema, columns, &options)
    }
}

/// The keys of a column in a dictionary of all batches.
fn rekeyed(
    own: &DictionaryArray<Int32Type>,
    dictionary: &mut Dictionary,
) -> Result<Int32Array, Full> {
    let Some(texts) = own.values().as_string_opt::<i32>() else { return Err(Full) };
    let key = |text: Option<&str>| text.map(|text| dictionary.key(text)).transpose();
    let keys = texts.iter().map(key).collect::<Result<Vec<_>, _>>()?;
    let of_row = |place: Option<i32>| {
        let place = usize::try_from(place?).ok()?;
        keys.get(place).copied().flatten()
    };
    Ok(own.keys().iter().map(of_row).collect())
}

fn full(column: &str) -> Error {
    let message = format!(
        "the texts of {column} are more than one dictionary can hold (2 GB, 2^31 texts): write a file \
         (to_parquet, to_csv), whose dictionaries are those of a page, or read fewer rows"
    );
    Error::new(ErrorKind::Decode, message)
}

fn arrow(error: ArrowError) -> Error {
    Error::with_source(ErrorKind::Decode, "the batches do not fit together", error)
}

#[cfg(test)]
mod tests {
    use arrow_array::Float64Array;

    use super::*;

    fn batch(texts: &[Option<&str>]) -> RecordBatch {
        let column: DictionaryArray<Int32Type> = texts.iter().copied().collect();
        let numbers = Float64Array::from_iter_values(texts.iter().map(|_| 1.5));
        let columns: [(&str, ArrayRef); 2] =
            [("text", Arc::new(column)), ("number", Arc::new(numbers))];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
            .unwrap()
    }

    #[test]
    fn a_text_has_one_key_in_all_batches() {
        let mut whole = Whole::default();
        for texts in [[Some("b"), None, Some("a")], [Some("a"), Some("c"), None], [None; 3]] {
            whole.add(&batch(&texts)).unwrap();
        }
        let batches = whole.finish().unwrap();
        let column = |number: usize| batches[number].column(0).as_dictionary::<Int32Type>();
        assert_eq!(column(0).keys(), &Int32Array::from(vec![Some(0), None, Some(1)]));
        assert_eq!(column(1).keys(), &Int32Array::from(vec![Some(1), Some(2), None]));
        for (number, batch) in batches.iter().enumerate() {
            let texts = column(number).values();
            assert_eq!(texts.as_string::<i32>(), &StringArray::from(vec!["b", "a", "c"]));
            assert!(Arc::ptr_eq(texts, column(0).values()));
            assert_eq!(batch.num_rows(), 3);
        }
        assert_eq!(Whole::default().finish().unwrap(), []);
    }
}
