//! Parquet files: compression, and dictionaries for the columns that gain by them.

use std::collections::HashSet;
use std::hash::Hash;
use std::io::Write;

use ahash::RandomState;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type,
    TimestampMillisecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

/// Rows that Parquet keeps together: what waits for its row group is memory.
const ROW_GROUP: usize = 128 * 1024;

/// A first batch of fewer rows tells nothing about the values of a column.
const TELLING_ROWS: u64 = 200;

/// Different values of a column, up to which a dictionary makes the file smaller.
const MOST_VALUES: u64 = 20_000;

/// How the pages of a Parquet file are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParquetCompression {
    /// Snappy: fast, and read by everything. The default.
    #[default]
    Snappy,
    /// Zstandard, level 1: smaller files, slower to write.
    Zstd,
    /// Not compressed: fastest to write and to read.
    None,
}

/// A file that is being written. What its columns are like is known with the first batch.
pub(crate) enum ParquetFile<W: Write + Send> {
    /// Nothing was written yet. `None` while it is being opened.
    New(Option<W>, SchemaRef, ParquetCompression),
    Open(Box<ArrowWriter<W>>),
}

impl<W: Write + Send> ParquetFile<W> {
    /// A file of that schema.
    pub(crate) fn new(out: W, schema: SchemaRef, compression: ParquetCompression) -> Self {
        Self::New(Some(out), schema, compression)
    }

    /// Writes a batch, in which texts may be dictionaries where the schema says text.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        self.open(Some(batch))?.write(batch)
    }

    pub(crate) fn finish(mut self) -> Result<W, ParquetError> {
        self.open(None)?;
        match self {
            Self::Open(writer) => writer.into_inner(),
            Self::New(..) => Err(ParquetError::General("the file is not open".to_owned())),
        }
    }

    fn open(&mut self, first: Option<&RecordBatch>) -> Result<&mut ArrowWriter<W>, ParquetError> {
        if let Self::New(out, schema, compression) = self {
            let Some(out) = out.take() else {
                return Err(ParquetError::General("the file could not be opened".to_owned()));
            };
            let properties = properties(*compression, first);
            let writer = ArrowWriter::try_new(out, SchemaRef::clone(schema), Some(properties))?;
            *self = Self::Open(Box::new(writer));
        }
        match self {
            Self::Open(writer) => Ok(writer),
            Self::New(..) => Err(ParquetError::General("the file is not open".to_owned())),
        }
    }
}

fn properties(compression: ParquetCompression, first: Option<&RecordBatch>) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(match compression {
            ParquetCompression::Snappy => Compression::SNAPPY,
            ParquetCompression::Zstd => Compression::ZSTD(ZstdLevel::default()),
            ParquetCompression::None => Compression::UNCOMPRESSED,
        })
        .set_max_row_group_row_count(Some(ROW_GROUP));
    if let Some(first) = first {
        for (field, column) in first.schema().fields().iter().zip(first.columns()) {
            if !gains_by_dictionary(column) {
                let path = ColumnPath::new(vec![field.name().clone()]);
                properties = properties.set_column_dictionary_enabled(path, false);
            }
        }
    }
    properties.build()
}

/// Whether a column that begins so has few enough different values. They are estimated by how many
/// rows of the first batch repeat a value: of n rows with values out of d, about n² / 2d do.
fn gains_by_dictionary(column: &dyn Array) -> bool {
    let rows = (column.len() - column.null_count()) as u64;
    if rows < TELLING_ROWS {
        return true;
    }
    let Some(different) = different(column) else { return true };
    let repeated = rows.saturating_sub(different);
    // where most rows repeat one, there are fewer values than rows, and the estimate does not hold
    different <= rows / 2 || repeated * 2 * MOST_VALUES >= rows * rows
}

/// How many different values a column has; `None` for types that are not counted.
fn different(column: &dyn Array) -> Option<u64> {
    Some(match column.data_type() {
        DataType::Dictionary(..) => {
            let keys = column.as_dictionary_opt::<Int32Type>()?.keys();
            count(keys.iter().flatten())
        }
        DataType::Utf8 => count(column.as_string_opt::<i32>()?.iter().flatten()),
        DataType::Float64 => {
            count(column.as_primitive_opt::<Float64Type>()?.iter().flatten().map(f64::to_bits))
        }
        DataType::Int64 => values::<Int64Type>(column)?,
        DataType::Date32 => values::<Date32Type>(column)?,
        DataType::Decimal128(..) => values::<Decimal128Type>(column)?,
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            values::<TimestampMillisecondType>(column)?
        }
        _ => return None,
    })
}

fn values<T: ArrowPrimitiveType>(column: &dyn Array) -> Option<u64>
where
    T::Native: Hash + Eq,
{
    Some(count(column.as_primitive_opt::<T>()?.iter().flatten()))
}

fn count<T: Hash + Eq>(values: impl Iterator<Item = T>) -> u64 {
    values.collect::<HashSet<T, RandomState>>().len() as u64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, DictionaryArray, Float64Array, Int64Array, StringArray};
    use arrow_schema::{Field, Schema};
    use bytes::Bytes;
    use parquet::basic::Encoding;
    use parquet::file::reader::{FileReader as _, SerializedFileReader};

    use super::*;

    fn batch(rows: u32) -> RecordBatch {
        let floats = |most: u32| (0..rows).map(move |row| f64::from(row % most) + 0.5);
        let integers = (0..i64::from(rows)).map(|row| row * 7);
        let texts = (0..rows).map(|row| format!("order {row}"));
        let keys = (0..rows).map(|row| format!("region {}", row % 8)).collect::<Vec<_>>();
        let arrays: [(&str, ArrayRef); 5] = [
            (
                "region",
                Arc::new(
                    keys.iter().map(|key| Some(&**key)).collect::<DictionaryArray<Int32Type>>(),
                ),
            ),
            ("order", Arc::new(StringArray::from_iter_values(texts))),
            ("few", Arc::new(Float64Array::from_iter_values(floats(100)))),
            ("many", Arc::new(Float64Array::from_iter_values(floats(u32::MAX)))),
            ("whole", Arc::new(Int64Array::from_iter_values(integers))),
        ];
        RecordBatch::try_from_iter(arrays).unwrap()
    }

    fn plain_schema(batch: &RecordBatch) -> SchemaRef {
        let fields = batch
            .schema()
            .fields()
            .iter()
            .map(|field| match field.data_type() {
                DataType::Dictionary(..) => Field::clone(field).with_data_type(DataType::Utf8),
                _ => Field::clone(field),
            })
            .collect::<Vec<_>>();
        Arc::new(Schema::new(fields))
    }

    fn written(
        batches: &[RecordBatch],
        compression: ParquetCompression,
    ) -> Vec<(String, bool, Compression)> {
        let schema = plain_schema(&batch(1));
        let mut file = ParquetFile::new(Vec::new(), schema, compression);
        for batch in batches {
            file.write(batch).unwrap();
        }
        let bytes = Bytes::from(file.finish().unwrap());
        let reader = SerializedFileReader::new(bytes).unwrap();
        let rows = reader.metadata().file_metadata().num_rows();
        let written: usize = batches.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(usize::try_from(rows).unwrap(), written);
        let Some(group) = reader.metadata().row_groups().first() else { return Vec::new() };
        let columns = group.columns().iter().map(|column| {
            let is_keyed = column.encodings().any(|encoding| encoding == Encoding::RLE_DICTIONARY);
            (column.column_path().string(), is_keyed, column.compression())
        });
        columns.collect()
    }

    fn keyed(batches: &[RecordBatch]) -> Vec<String> {
        let columns = written(batches, ParquetCompression::Snappy).into_iter();
        columns.filter(|(_, is_keyed, _)| *is_keyed).map(|(name, ..)| name).collect()
    }

    #[test]
    fn columns_of_many_values_have_no_dictionary() {
        assert_eq!(keyed(&[batch(2_000)]), ["region", "few"]);
        assert_eq!(keyed(&[batch(50_000)]), ["region", "few"]);
        // the first batch decides
        assert_eq!(keyed(&[batch(300), batch(2_000)]), ["region", "few"]);
        // too few rows to tell
        assert_eq!(keyed(&[batch(50), batch(2_000)]), ["region", "order", "few", "many", "whole"]);
    }

    #[test]
    fn compression_is_as_it_was_chosen() {
        for (chosen, expected) in [
            (ParquetCompression::Snappy, Compression::SNAPPY),
            (ParquetCompression::Zstd, Compression::ZSTD(ZstdLevel::default())),
            (ParquetCompression::None, Compression::UNCOMPRESSED),
        ] {
            let columns = written(&[batch(300)], chosen);
            assert_eq!(columns.len(), 5);
            for (name, _, compression) in columns {
                let same =
                    std::mem::discriminant(&compression) == std::mem::discriminant(&expected);
                assert!(same, "{name}: {compression:?}");
            }
        }
    }

    #[test]
    fn a_table_without_batches_is_a_file_too() {
        assert_eq!(written(&[], ParquetCompression::Snappy), []);
        assert_eq!(keyed(&[batch(0)]), Vec::<String>::new());
    }
}
