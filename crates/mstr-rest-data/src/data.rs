//! The data of a report, a cube, an instance or a visualization: as batches, as a file, as rows.

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use mstr_rest_api::{
    Cubes, DeleteOnDrop, ErrorExt as _, GridObject, GridRequest, Instance, Reports, Visualization,
};
use mstr_rest_core::{Error, ErrorKind, Result};
use serde::de::DeserializeOwned;

use crate::cut::MOST_ROWS;
use crate::execution::{Execution, FIRST_PAGE, Opening, begun_anew, first_rows};
use crate::options::GridOptions;
use crate::output::{self, Format, ParquetCompression};
use crate::reader::{Progress, Start};
use crate::sealed;
use crate::table::Table;
use crate::value_type::ValueType;

/// Data of reports and cubes by id.
pub trait DataExt: sealed::Sealed {
    /// The data of the report or cube with that id.
    fn data(&self, id: impl AsRef<str>) -> Data;
}

impl DataExt for Reports {
    fn data(&self, id: impl AsRef<str>) -> Data {
        Data::of(Source::Object(self.report(id).into()))
    }
}

impl DataExt for Cubes {
    fn data(&self, id: impl AsRef<str>) -> Data {
        Data::of(Source::Object(self.cube(id).into()))
    }
}

/// Data of something that was executed already: an instance whose prompts were answered, say, or a
/// visualization of a dashboard.
pub trait InstanceDataExt: sealed::Sealed {
    /// The data of this instance, as it was asked for, or of this visualization.
    fn data(&self) -> Data;
}

impl InstanceDataExt for Instance {
    fn data(&self) -> Data {
        Data::of(Source::Instance(self.clone()))
    }
}

impl InstanceDataExt for Visualization {
    fn data(&self) -> Data {
        Data::of(Source::Visualization(self.clone()))
    }
}

#[derive(Debug, Clone)]
enum Source {
    Object(GridObject),
    Instance(Instance),
    Visualization(Visualization),
}

pub(crate) type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

/// What to read and how; nothing is sent before one of the methods that give data is awaited.
///
/// Without [`request`](Self::request) it is all objects of the report or cube, as a flat table.
/// Pages are fetched ahead by a few requests and decoded in order, so that memory stays flat in the
/// number of rows: only [`collect`](Self::collect) and [`rows`](Self::rows) hold them all. What is
/// executed for them is cleared away on the server afterwards, also when they are dropped half read
/// ([`settle`](mstr_rest_core::settle) waits for that); an instance of your own is yours to delete.
///
/// ```no_run
/// use mstr_rest_api::ReportsExt;
/// use mstr_rest_data::DataExt;
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let sales = session.in_project("MicroStrategy Tutorial").reports().data("13CF...");
/// let written = sales
///     .on_progress(|so_far| eprintln!("{} of {} grid rows", so_far.grid_rows, so_far.total_grid_rows))
///     .to_parquet("sales.parquet")
///     .await?;
/// println!("{} rows", written.rows);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing is sent before its data is asked for"]
pub struct Data {
    source: Source,
    request: Option<GridRequest>,
    options: GridOptions,
    ahead: Option<usize>,
    page_size: Option<u64>,
    all_pages: Option<bool>,
    on_progress: Option<OnProgress>,
    compression: ParquetCompression,
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Data").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Data {
    fn of(source: Source) -> Self {
        Self {
            source,
            request: None,
            options: GridOptions::default(),
            ahead: None,
            page_size: None,
            all_pages: None,
            on_progress: None,
            compression: ParquetCompression::default(),
        }
    }

    /// Asks for this instead of all objects: some of them, filtered, sorted, or the report
    /// [as designed](GridRequest::designed). Objects may be given by name instead of id; the
    /// definition is asked for first, and what the server would silently not do is an error
    /// ([`GridRequest::resolve`]). Ignored for an instance: it was executed already.
    pub fn request(mut self, request: GridRequest) -> Self {
        self.request = Some(request);
        self
    }

    /// Reads all pages of a report with page-by, one after the other; otherwise only the page that
    /// is shown. Default: true, unless the request (of the instance)
    /// [chooses a page](GridRequest::page_by). An instance whose pages were all read shows the last
    /// one afterwards.
    pub fn all_pages(mut self, yes: bool) -> Self {
        self.all_pages = Some(yes);
        self
    }

    /// How subtotals and metrics are read.
    pub fn options(mut self, options: GridOptions) -> Self {
        self.options = options;
        self
    }

    /// Keeps subtotals, marked in a Boolean column of that name; short for
    /// [`GridOptions::subtotal_flag`].
    pub fn subtotal_flag(mut self, column: impl Into<String>) -> Self {
        self.options = self.options.subtotal_flag(column);
        self
    }

    /// The type of one attribute form; short for [`GridOptions::attribute_type`].
    pub fn attribute_type(mut self, attribute: impl Into<String>, kind: ValueType) -> Self {
        self.options = self.options.attribute_type(attribute, kind);
        self
    }

    /// The type of one metric, by name or id; short for [`GridOptions::metric_type`].
    pub fn metric_type(mut self, name_or_id: impl Into<String>, kind: ValueType) -> Self {
        self.options = self.options.metric_type(name_or_id, kind);
        self
    }

    /// How many requests for pages are under way at once, at least 1. Without it there are 2 to 8,
    /// as many as bring about 6 MB of JSON: light pages wait for the server most of the time.
    pub fn fetch_ahead(mut self, requests: usize) -> Self {
        self.ahead = Some(requests);
        self
    }

    /// Grid rows of a page, 1 to 100,000; a number beyond counts as the nearest of these. Default:
    /// as many as make about 1 MB of JSON, and up to 2 MB where that makes rows lighter, for every
    /// page lists its elements anew. A page that takes the server too long (`MSI_REQUEST_TIMEOUT`,
    /// -2147206497) is halved either way.
    pub fn page_size(mut self, rows: u64) -> Self {
        self.page_size = Some(rows.clamp(1, MOST_ROWS));
        self
    }

    /// How a Parquet file is compressed. Default: [`ParquetCompression::Snappy`].
    pub fn parquet_compression(mut self, compression: ParquetCompression) -> Self {
        self.compression = compression;
        self
    }

    /// Is called after every batch: how far it is.
    pub fn on_progress(mut self, call: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.on_progress = Some(Arc::new(call));
        self
    }

    /// Executes, fetches the first page, and knows the schema.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) when prompts are to be
    /// answered, or a type is chosen for a column that the table does not have;
    /// [`Decode`](ErrorKind::Decode) when the grid cannot be read,
    /// [`NotSupported`](ErrorKind::NotSupported) when it is a compound one whose
    /// column sets have attributes; [`Config`](ErrorKind::Config) outside a Tokio
    /// runtime.
    pub async fn open(self) -> Result<Table> {
        self.open_for(false).await
    }

    /// Opens it; for a file, whose dictionaries are those of a page, and whose types may change.
    async fn open_for(self, file: bool) -> Result<Table> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::new(ErrorKind::Config, "data needs a Tokio runtime"));
        }
        let (execution, executed) = Box::pin(self.execution()).await?;
        let all_pages = match &execution {
            Execution::Instance(instance) => {
                let is_chosen = instance.request().chosen_page().is_some();
                self.all_pages.unwrap_or(true) && !is_chosen
            }
            Execution::Visualization(_) => false,
        };
        let mut options = self.options;
        options.local_dictionaries = file;
        options.widens = file;
        let start = Start { options, ahead: self.ahead, limit: self.page_size, ..Start::default() };
        let mut opening = Opening { execution, start, all_pages };
        let first = opening.execution.first_page(self.page_size).await?;
        let (reader, turner) = opening.open(first).await?;
        let table = Table::new(opening, reader, turner, self.on_progress, executed);
        Ok(table.parquet_compression(self.compression))
    }

    /// What is read; with what ends it, if it was executed here.
    async fn execution(&self) -> Result<(Execution, Option<DeleteOnDrop>)> {
        let object = match &self.source {
            Source::Visualization(shown) => {
                return Ok((Execution::Visualization(begun_anew(shown)), None));
            }
            Source::Instance(instance) => {
                return Ok((Execution::Instance(instance.clone()), None));
            }
            Source::Object(object) => object,
        };
        let instance = self.run(object).await?;
        let executed = instance.delete_on_drop();
        Ok((Execution::Instance(instance), Some(executed)))
    }

    /// Executes it, with all objects of the definition unless something else is asked for. A first
    /// page that takes the server too long is halved.
    async fn run(&self, object: &GridObject) -> Result<Instance> {
        let (request, first) = match &self.request {
            Some(request) if request.names_objects() => {
                let definition = object.definition().await?;
                (request.clone().resolve(&definition)?, first_rows(&definition))
            }
            Some(request) => (request.clone(), FIRST_PAGE),
            None => {
                let definition = object.definition().await?;
                (GridRequest::from_definition(&definition), first_rows(&definition))
            }
        };
        let mut rows = self.page_size.unwrap_or(first);
        loop {
            match object.run(request.clone().page_size(rows)).await {
                Err(error) if error.is_request_timeout() && rows > 1 => rows /= 2,
                other => return other,
            }
        }
    }

    /// All batches, in memory. There is at least one, of no rows maybe.
    ///
    /// # Errors
    /// As [`open`](Self::open), and those [common to all calls](mstr_rest_core::Call#errors) for a
    /// page; [`Decode`](ErrorKind::Decode) too when the pages do not make one table: the total
    /// changed meanwhile, rows are missing.
    pub async fn collect(self) -> Result<Vec<RecordBatch>> {
        self.open_for(false).await?.collect().await
    }

    /// All rows as values of your own type, in memory: see [`rows`](crate::rows).
    ///
    /// # Errors
    /// As [`collect`](Self::collect); [`Decode`](ErrorKind::Decode) for a row that is no such
    /// value.
    pub async fn rows<T: DeserializeOwned>(self) -> Result<Vec<T>> {
        let batches = self.collect().await?;
        let mut all = Vec::new();
        for batch in &batches {
            all.extend(crate::rows(batch)?);
        }
        Ok(all)
    }

    /// Writes a Parquet file ([`Format::Parquet`]), compressed as
    /// [`parquet_compression`](Self::parquet_compression) says.
    ///
    /// As with the other formats, the file is written beside its place and moved there when it is
    /// complete: after an error what was there before is still there. Its permissions are those of
    /// the file that it replaces, or what the umask leaves of a new one.
    ///
    /// # Errors
    /// As [`collect`](Self::collect); [`Io`](ErrorKind::Io) when it cannot be written.
    pub async fn to_parquet(self, path: impl AsRef<Path>) -> Result<Progress> {
        self.file(Format::Parquet, path.as_ref()).await
    }

    /// Writes an Arrow IPC file (Feather). Attributes are plain text in it: dictionaries that grow
    /// from batch to batch are beyond most readers.
    ///
    /// # Errors
    /// As [`to_parquet`](Self::to_parquet).
    pub async fn to_ipc(self, path: impl AsRef<Path>) -> Result<Progress> {
        self.file(Format::Ipc, path.as_ref()).await
    }

    /// Writes a CSV file with a header line; a null is empty.
    ///
    /// # Errors
    /// As [`to_parquet`](Self::to_parquet).
    pub async fn to_csv(self, path: impl AsRef<Path>) -> Result<Progress> {
        self.file(Format::Csv, path.as_ref()).await
    }

    /// Writes a file with a JSON object on each line; nulls are left out.
    ///
    /// # Errors
    /// As [`to_parquet`](Self::to_parquet).
    pub async fn to_json_lines(self, path: impl AsRef<Path>) -> Result<Progress> {
        self.file(Format::JsonLines, path.as_ref()).await
    }

    async fn file(self, format: Format, path: &Path) -> Result<Progress> {
        // before anything is asked for: a place that cannot be written to costs no report
        let file = output::file(path)?;
        self.open_for(true).await?.into_file(format, file).await
    }

    /// Writes CSV, with a header line, to whatever can be written to, and gives it back.
    ///
    /// # Errors
    /// As [`to_parquet`](Self::to_parquet).
    pub async fn write_csv<W: Write + Send + 'static>(self, out: W) -> Result<W> {
        Ok(self.write(Format::Csv, out).await?.0)
    }

    /// Writes any format to whatever can be written to, standard output say, and gives it back with
    /// what was written. CSV and JSON lines are written as they come; Parquet and Arrow IPC wait in
    /// a temporary file until they are complete.
    ///
    /// # Errors
    /// As [`to_parquet`](Self::to_parquet).
    pub async fn write<W: Write + Send + 'static>(
        self,
        format: Format,
        out: W,
    ) -> Result<(W, Progress)> {
        self.open_for(true).await?.write(format, out).await
    }
}
