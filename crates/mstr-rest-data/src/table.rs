//! An open table: its rows batch by batch, or all of them in a file.

use std::fmt;
use std::io::{BufWriter, Seek as _, Write};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use futures_util::Stream;
use mstr_rest_api::{CompleteFile, DeleteOnDrop, ErrorExt as _};
use mstr_rest_core::{Error, ErrorKind, Result};

use crate::data::OnProgress;
use crate::execution::Opening;
use crate::output::{self, Format, ParquetCompression, Writer, unwritable};
use crate::page_by::PageTurner;
use crate::reader::{Progress, Reader};
use crate::whole::Whole;

/// How often a table is read from its start: the type of a column turned out to be wider, or the
/// data changed while it was read.
const ATTEMPTS: usize = 4;

/// The rows of an execution, batch by batch. [`Data::open`](crate::Data::open) makes it.
pub struct Table {
    opening: Opening,
    reader: Reader,
    /// Of a report with page-by.
    turner: Option<PageTurner>,
    on_progress: Option<OnProgress>,
    compression: ParquetCompression,
    /// Goes behind the requests of the reader.
    executed: Option<DeleteOnDrop>,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("progress", &self.progress()).finish_non_exhaustive()
    }
}

impl Table {
    pub(crate) fn new(
        opening: Opening,
        reader: Reader,
        turner: Option<PageTurner>,
        on_progress: Option<OnProgress>,
        executed: Option<DeleteOnDrop>,
    ) -> Self {
        let compression = ParquetCompression::default();
        Self { opening, reader, turner, on_progress, compression, executed }
    }

    /// How a Parquet file of it is compressed; what
    /// [`Data::parquet_compression`](crate::Data::parquet_compression) said unless this does.
    #[must_use]
    pub fn parquet_compression(mut self, compression: ParquetCompression) -> Self {
        self.compression = compression;
        self
    }

    /// The columns.
    pub fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }

    /// Grid rows in all. Of a flat table without subtotals these are its rows. With page-by it is
    /// the rows of the pages that were read, and of the one that is read now.
    pub fn total_rows(&self) -> u64 {
        self.progress().total_grid_rows
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.reader.progress()
    }

    /// The next batch; `None` after the last. Not to be used after an error, nor after a future of
    /// it was dropped half-way (in `select!`, say): it gives an error then, not a table with a gap.
    ///
    /// All batches have one schema: a value on a later page that does not fit the type that its
    /// column got from the first one is an error, which names the option that settles it. Files,
    /// [`collect`](Self::collect) and [`Data::rows`](crate::Data::rows) widen the type instead.
    ///
    /// # Errors
    /// As [`Data::collect`](crate::Data::collect);
    /// [`is_data_changed`](mstr_rest_api::ErrorExt::is_data_changed) when the instance was gone and
    /// another execution of it has other rows.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let batch = loop {
            if let Some(batch) = self.reader.next().await? {
                break Some(batch);
            }
            let Some(turner) = &mut self.turner else { break None };
            let Some((first, shown)) = turner.turn(self.reader.limit()).await? else { break None };
            self.reader.turn(first, shown).await?;
        };
        if let (Some(call), Some(_)) = (&self.on_progress, &batch) {
            call(self.reader.progress());
        }
        Ok(batch)
    }

    /// The batches as a stream.
    pub fn stream(self) -> impl Stream<Item = Result<RecordBatch>> + Send {
        futures_util::stream::try_unfold(self, async |mut table| {
            Ok(table.next().await?.map(|batch| (batch, table)))
        })
    }

    /// All batches of the table, in memory. There is at least one, of no rows maybe.
    ///
    /// # Errors
    /// As [`Data::collect`](crate::Data::collect).
    pub async fn collect(mut self) -> Result<Vec<RecordBatch>> {
        self.begin_whole().await?;
        for _ in 0..ATTEMPTS {
            let gathered = self.gather().await;
            match gathered {
                Ok(Some(batches)) => {
                    self.end().await;
                    return Ok(batches);
                }
                Ok(None) => self.reopen().await?,
                Err(error) => self.renew(error).await?,
            }
        }
        Err(unsettled())
    }

    /// Writes a Parquet file, as [`Data::to_parquet`](crate::Data::to_parquet).
    ///
    /// # Errors
    /// As [`Data::to_parquet`](crate::Data::to_parquet).
    pub async fn to_parquet(self, path: impl AsRef<Path>) -> Result<Progress> {
        self.into_file(Format::Parquet, output::file(path.as_ref())?).await
    }

    /// Writes an Arrow IPC file, as [`Data::to_ipc`](crate::Data::to_ipc).
    ///
    /// # Errors
    /// As [`Data::to_parquet`](crate::Data::to_parquet).
    pub async fn to_ipc(self, path: impl AsRef<Path>) -> Result<Progress> {
        self.into_file(Format::Ipc, output::file(path.as_ref())?).await
    }

    /// Writes a CSV file, as [`Data::to_csv`](crate::Data::to_csv).
    ///
    /// # Errors
    /// As [`Data::to_parquet`](crate::Data::to_parquet).
    pub async fn to_csv(self, path: impl AsRef<Path>) -> Result<Progress> {
        self.into_file(Format::Csv, output::file(path.as_ref())?).await
    }

    /// Writes JSON lines, as [`Data::to_json_lines`](crate::Data::to_json_lines).
    ///
    /// # Errors
    /// As [`Data::to_parquet`](crate::Data::to_parquet).
    pub async fn to_json_lines(self, path: impl AsRef<Path>) -> Result<Progress> {
        self.into_file(Format::JsonLines, output::file(path.as_ref())?).await
    }

    /// Writes the table in any format, as [`Data::write`](crate::Data::write).
    ///
    /// # Errors
    /// As [`Data::to_parquet`](crate::Data::to_parquet).
    pub async fn write<W: Write + Send + 'static>(
        mut self,
        format: Format,
        out: W,
    ) -> Result<(W, Progress)> {
        if format.is_text() {
            self.begin_whole().await?;
            let out = Box::pin(self.once(format, out)).await?.ok_or_else(unsettled)?;
            self.end().await;
            return Ok((out, self.progress()));
        }
        let temporary = || tempfile::tempfile().map_err(unwritable);
        let file = self.all_into(format, temporary()?, temporary).await?;
        let copied = blocking(move || copy(file, out).map_err(unwritable));
        let (out, ()) = futures_util::future::join(copied, self.end()).await;
        Ok((out?, self.progress()))
    }

    /// Writes the whole table to a file, and moves that to its place.
    pub(crate) async fn into_file(
        mut self,
        format: Format,
        file: BufWriter<CompleteFile>,
    ) -> Result<Progress> {
        if !file.get_ref().is_replaced() {
            // a device or a pipe: what was written there cannot be written anew
            let (file, progress) = Box::pin(self.write(format, file)).await?;
            blocking(move || output::complete(file)).await?;
            return Ok(progress);
        }
        let path = file.get_ref().path().to_owned();
        let file = self.all_into(format, file, move || output::file(&path)).await?;
        let kept = blocking(move || output::complete(file));
        let (kept, ()) = futures_util::future::join(kept, self.end()).await;
        kept?;
        Ok(self.progress())
    }

    /// Writes the whole table. When the type of a column changes on the way it is read once more,
    /// and written to something that `anew` makes: text needs no types.
    async fn all_into<W: Write + Send + 'static>(
        &mut self,
        format: Format,
        out: W,
        anew: impl Fn() -> Result<W>,
    ) -> Result<W> {
        self.begin_whole().await?;
        let mut out = Some(out);
        for _ in 0..ATTEMPTS {
            let target = match out.take() {
                Some(out) => out,
                None => anew()?,
            };
            // boxed here and below: the future of a caller stays small
            match Box::pin(self.once(format, target)).await {
                Ok(Some(out)) => return Ok(out),
                Ok(None) => self.reopen().await?,
                Err(error) => self.renew(error).await?,
            }
        }
        Err(unsettled())
    }

    /// Writes what is still to be read. `None` when a type changed, so that what was written is of
    /// no use; then all types are known.
    async fn once<W: Write + Send + 'static>(
        &mut self,
        format: Format,
        out: W,
    ) -> Result<Option<W>> {
        let schema = self.schema();
        let compression = self.compression;
        let begin = move || Writer::new(format, out, &schema, compression);
        // off the runtime's threads: compressing and writing take their time
        let mut writer = Some(blocking(begin).await?);
        let schema = self.schema();
        let mut next = self.next().await?;
        while let Some(batch) = next {
            if !format.is_text() && batch.schema() != schema {
                writer = None;
            }
            let Some(mut open) = writer.take() else {
                next = self.next().await?;
                continue;
            };
            let write = blocking(move || {
                open.write(&batch)?;
                Ok(open)
            });
            // the next page is decoded while this one is compressed
            let (open, following) = futures_util::future::try_join(write, self.next()).await?;
            (writer, next) = (Some(open), following);
        }
        match writer {
            Some(writer) => blocking(move || writer.finish()).await.map(Some),
            None => Ok(None),
        }
    }

    /// All batches; `None` when a type changed on the way.
    async fn gather(&mut self) -> Result<Option<Vec<RecordBatch>>> {
        let schema = self.schema();
        let mut whole = Some(Whole::default());
        while let Some(batch) = self.next().await? {
            if batch.schema() != schema {
                whole = None;
            }
            whole.as_mut().map_or(Ok(()), |whole| whole.add(&batch))?;
        }
        whole.map(Whole::finish).transpose()
    }

    /// All rows were read: what was executed for them is deleted on the server.
    async fn end(&mut self) {
        if let Some(executed) = self.executed.take() {
            executed.now().await;
        }
    }

    /// From its first row, with types that may become wider.
    async fn begin_whole(&mut self) -> Result<()> {
        self.opening.start.options.widens = true;
        self.opening.start.options.local_dictionaries = true;
        if self.progress().bytes > 0 {
            return self.reopen().await;
        }
        self.reader.read_whole();
        Ok(())
    }

    /// Reads the same execution from its start, with the types that are known by now.
    async fn reopen(&mut self) -> Result<()> {
        self.opening.start.kinds = self.reader.kinds();
        (self.reader, self.turner) = self.opening.reopen().await?;
        Ok(())
    }

    /// Executes again and reads from the start, if that is what the error asks for.
    async fn renew(&mut self, error: Error) -> Result<()> {
        if !error.is_data_changed() {
            return Err(error);
        }
        self.opening.execution = self.opening.execution.renew().await?;
        self.reopen().await
    }
}

/// Copies a temporary file from its start.
fn copy<W: Write>(mut file: std::fs::File, mut out: W) -> std::io::Result<W> {
    file.rewind()?;
    std::io::copy(&mut file, &mut out)?;
    out.flush()?;
    Ok(out)
}

fn unsettled() -> Error {
    let message = "the data changed each time that they were read: try again when the report or \
                   cube is not being refreshed";
    Error::new(ErrorKind::Api, message)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Error::interrupted("writing the table"))?
}
