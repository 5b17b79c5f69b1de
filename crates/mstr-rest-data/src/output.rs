//! Tables as files: Parquet, Arrow IPC, CSV, JSON lines. A file is there when it is complete.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use mstr_rest_core::{Error, ErrorKind, Result};
use parquet::errors::ParquetError;
use tempfile::NamedTempFile;

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

/// A file beside its place, moved there when it is complete; gone when it is not. It gets the
/// permissions of the file that it replaces.
pub(crate) struct Beside {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl Beside {
    pub(crate) fn new(path: &Path) -> Result<Self> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let file = open(path, folder).map_err(|error| unwritable(path, error))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::with_capacity(1 << 20, file) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn persist(self) -> Result<()> {
        let path = &self.path;
        let file = self.file.into_inner().map_err(|error| unwritable(path, error.into_error()))?;
        file.as_file().sync_all().map_err(|error| unwritable(path, error))?;
        file.persist(path).map_err(|error| unwritable(path, error.error))?;
        Ok(())
    }
}

/// A file that others may read if the umask lets them, as programs make them (a temporary one is for
/// its owner alone), or else as the one that it will replace: from the start, so that what was private
/// is never open to others.
fn open(path: &Path, folder: &Path) -> std::io::Result<NamedTempFile> {
    let before = std::fs::metadata(path).ok();
    if before.as_ref().is_some_and(|before| !before.is_file()) {
        return Err(std::io::Error::other("what is there is no file"));
    }
    #[allow(unused_mut)] // elsewhere than on Unix
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(folder)?;
    if let Some(before) = before {
        file.as_file().set_permissions(before.permissions())?;
    }
    Ok(file)
}

impl Write for Beside {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
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

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    let what = format!("{} cannot be written", path.display());
    Error::with_source(ErrorKind::Io, what, error)
}

fn arrow_error(error: ArrowError) -> Error {
    Error::with_source(ErrorKind::Io, "the table cannot be written", error)
}

fn parquet_error(error: ParquetError) -> Error {
    Error::with_source(ErrorKind::Io, "the table cannot be written", error)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn permissions_are_as_of_other_files_or_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mode = |name: &str| fs::metadata(at(name)).unwrap().permissions().mode();
        fs::write(at("usual"), "").unwrap();
        Beside::new(&at("new")).unwrap().persist().unwrap();
        assert_eq!(mode("new"), mode("usual"));
        fs::set_permissions(at("new"), Permissions::from_mode(0o640)).unwrap();
        let beside = Beside::new(&at("new")).unwrap();
        let written = beside.file.get_ref().as_file().metadata().unwrap();
        assert_eq!(written.permissions().mode() & 0o777, 0o640, "while it is written too");
        beside.persist().unwrap();
        assert_eq!(mode("new") & 0o777, 0o640);
        // a folder, a device: found out before anything is asked for
        let Err(error) = Beside::new(folder.path()) else { panic!("it is a folder") };
        assert_eq!(error.kind(), ErrorKind::Io);
    }
}
