//! Tables as files: Parquet, Arrow IPC, CSV, JSON lines. A file is there when it is complete.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use mstr_rest_api::CompleteFile;
use mstr_rest_core::{Error, ErrorKind, Result};
use parquet::errors::ParquetError;

pub use crate::parquet_file::ParquetCompression;
use crate::parquet_file::ParquetFile;

/// A format that tables are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Parquet: row groups of 131,072 rows, compressed as [`ParquetCompression`] says, and with
    /// dictionaries for the columns whose first page shows that they have few different values.
    Parquet,
    /// The Arrow IPC file format (Feather).
    Ipc,
    /// CSV with a header line; a null is empty.
    Csv,
    /// A JSON object on each line; nulls are left out.
    JsonLines,
}

impl Format {
    /// Whether it is text, which has no types of columns that could change.
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Csv | Self::JsonLines)
    }
}

/// Writes batches of one schema.
pub(crate) enum Writer<W: Write + Send> {
    Parquet(ParquetFile<W>),
    Ipc(Box<arrow_ipc::writer::FileWriter<W>>),
    Csv(Box<arrow_csv::Writer<W>>),
    JsonLines(Box<arrow_json::LineDelimitedWriter<W>>),
}

impl<W: Write + Send> Writer<W> {
    pub(crate) fn new(
        format: Format,
        out: W,
        schema: &SchemaRef,
        compression: ParquetCompression,
    ) -> Result<Self> {
        Ok(match format {
            Format::Parquet => {
                Self::Parquet(ParquetFile::new(out, Arc::new(plain_schema(schema)), compression))
            }
            Format::Ipc => {
                let writer = arrow_ipc::writer::FileWriter::try_new(out, &plain_schema(schema));
                Self::Ipc(Box::new(writer.map_err(arrow_error)?))
            }
            Format::Csv => Self::Csv(Box::new(arrow_csv::Writer::new(out))),
            Format::JsonLines => {
                Self::JsonLines(Box::new(arrow_json::LineDelimitedWriter::new(out)))
            }
        })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match self {
            Self::Parquet(writer) => writer.write(batch).map_err(parquet_error),
            Self::Ipc(writer) => {
                let batch = plain(batch).map_err(arrow_error)?;
                writer.write(&batch).map_err(arrow_error)
            }
            Self::Csv(writer) => writer.write(batch).map_err(arrow_error),
            Self::JsonLines(writer) => writer.write(batch).map_err(arrow_error),
        }
    }

    /// Writes what is still to come behind the last batch, and gives back what it wrote to.
    pub(crate) fn finish(self) -> Result<W> {
        match self {
            Self::Parquet(writer) => writer.finish().map_err(parquet_error),
            Self::Ipc(mut writer) => {
                writer.finish().map_err(arrow_error)?;
                writer.into_inner().map_err(arrow_error)
            }
            Self::Csv(writer) => Ok(writer.into_inner()),
            Self::JsonLines(mut writer) => {
                writer.finish().map_err(arrow_error)?;
                Ok(writer.into_inner())
            }
        }
    }
}

/// A file that is there when it is complete, written in large pieces.
pub(crate) fn file(path: &Path) -> Result<BufWriter<CompleteFile>> {
    Ok(BufWriter::with_capacity(1 << 20, CompleteFile::new(path)?))
}

/// Moves it to its place.
pub(crate) fn complete(file: BufWriter<CompleteFile>) -> Result<()> {
    file.into_inner().map_err(|error| unwritable(error.into_error()))?.complete()
}

pub(crate) fn unwritable(error: std::io::Error) -> Error {
    Error::with_source(ErrorKind::Io, "the table cannot be written", error)
}

/// Texts instead of dictionaries, so that all formats have one schema: a dictionary that changes
/// from batch to batch is beyond most readers of IPC files, and Parquet has dictionaries of its own.
fn plain_schema(schema: &SchemaRef) -> Schema {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Dictionary(_, values) => {
            Field::clone(field).with_data_type(DataType::clone(values))
        }
        _ => Field::clone(field),
    });
    Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone())
}

fn plain(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = Arc::new(plain_schema(&batch.schema()));
    let arrays: Result<Vec<ArrayRef>, _> = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(array, field)| cast(array, field.data_type()))
        .collect();
    RecordBatch::try_new(schema, arrays?)
}

fn arrow_error(error: ArrowError) -> Error {
    Error::with_source(ErrorKind::Io, "the table cannot be written", error)
}

fn parquet_error(error: ParquetError) -> Error {
    Error::with_source(ErrorKind::Io, "the table cannot be written", error)
}
