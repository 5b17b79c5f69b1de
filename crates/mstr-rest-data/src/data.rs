//! The data of a report, a cube, an instance or a visualization: as batches, as a file, as rows.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use futures_util::Stream;
use mstr_rest_api::{
    Cube, Cubes, Definition, ErrorExt as _, GridRequest, Instance, InstanceStatus, Report, Reports,
    Template, UnitKind, Visualization,
};
use mstr_rest_core::{Error, ErrorKind, Result};
use serde::de::DeserializeOwned;

use crate::fetch::Pages;
use crate::grid::{GridOptions, has_metrics_in_rows, shown_page};
use crate::metric::MetricType;
use crate::output::{Beside, Format, Writer};
use crate::page_by::PageTurner;
use crate::sealed;
use crate::stream::{MOST_ROWS, Progress, Reader};

/// Rows of the first page, from which the weight of a row is known.
const FIRST_PAGE: u64 = 2_000;

/// Data of reports and cubes by id.
pub trait DataExt: sealed::Sealed {
    /// The data of the report or cube with that id.
    fn data(&self, id: impl AsRef<str>) -> Data;
}

impl DataExt for Reports {
    fn data(&self, id: impl AsRef<str>) -> Data {
        Data::of(Source::Report(self.report(id)))
    }
}

impl DataExt for Cubes {
    fn data(&self, id: impl AsRef<str>) -> Data {
        Data::of(Source::Cube(self.cube(id)))
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
    Report(Report),
    Cube(Cube),
    Instance(Instance),
    Visualization(Visualization),
}

/// What pages are read from.
enum Opened {
    Instance(Instance, Option<Executed>),
    Visualization(Visualization),
}

/// An instance that was executed here: it is cleared away on the server when its rows are read, or
/// are not wanted any more. A session holds only so many of them.
struct Executed(Instance);

impl Drop for Executed {
    fn drop(&mut self) {
        self.0.delete().in_background();
    }
}

type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

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
///     .on_progress(|so_far| eprintln!("{} of {} rows", so_far.rows, so_far.total))
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
        }
    }

    /// Asks for this instead of all objects: some of them, filtered, sorted, or the report
    /// [as designed](GridRequest::designed). Ignored for an instance: it was executed already.
    pub fn request(mut self, request: GridRequest) -> Self {
        self.request = Some(request);
        self
    }

    /// Reads all pages of a report with page-by, one after the other; otherwise only the page that
    /// is shown. Default: true, unless the request [chooses a page](GridRequest::page_by); false
    /// for an instance. An instance whose pages were all read shows the last one afterwards.
    pub fn all_pages(mut self, yes: bool) -> Self {
        self.all_pages = Some(yes);
        self
    }

    /// How subtotals and metrics are read.
    pub fn options(mut self, options: GridOptions) -> Self {
        self.options = options;
        self
    }

    /// The type of one metric, by name or id; short for [`GridOptions::metric_type`].
    pub fn metric_type(mut self, name_or_id: impl Into<String>, kind: MetricType) -> Self {
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
    /// the size of a row on the first page tells how many rows make about 1 MB of JSON. A page that
    /// takes the server too long (`MSI_REQUEST_TIMEOUT`, -2147206497) is halved either way.
    pub fn page_size(mut self, rows: u64) -> Self {
        self.page_size = Some(rows.clamp(1, MOST_ROWS));
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
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) when prompts are to be answered;
    /// [`Decode`](ErrorKind::Decode) when the grid cannot be read,
    /// [`NotSupported`](ErrorKind::NotSupported) when it is a compound one;
    /// [`Config`](ErrorKind::Config) outside a Tokio runtime.
    pub async fn open(self) -> Result<Table> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::new(ErrorKind::Config, "data needs a Tokio runtime"));
        }
        let mut first_rows = self.page_size.unwrap_or(FIRST_PAGE);
        let (opened, mut first) = loop {
            match self.first_page(first_rows).await {
                Err(error) if error.is_request_timeout() && first_rows > 1 => first_rows /= 2,
                other => break other?,
            }
        };
        let mut options = self.options;
        let (instance, executed) = match opened {
            Opened::Instance(instance, executed) => (instance, executed),
            Opened::Visualization(shown) => {
                let pages = Pages::new(move |offset, limit| shown.page_or_reexecute(offset, limit));
                let reader = Reader::start(first, pages, options, self.ahead, self.page_size);
                let reader = reader.await?;
                let on_progress = self.on_progress;
                return Ok(Table { reader, turner: None, on_progress, _executed: None });
            }
        };
        let is_chosen = instance.request().chosen_page().is_some();
        let all_pages = self.all_pages.unwrap_or(!matches!(self.source, Source::Instance(_)));
        let shown = if all_pages && !is_chosen { shown_page(&first)? } else { Vec::new() };
        let mut turner = None;
        if !shown.is_empty() {
            let instance = instance.clone();
            let (pages, page) = PageTurner::open(instance, &shown, first, first_rows).await?;
            (turner, first) = (Some(pages), page);
        }
        if has_metrics_in_rows(&first)? {
            let definition = instance.definition().await?;
            let units = definition.template.iter().flat_map(Template::units);
            for metric in units.filter(|u| u.kind == UnitKind::Metrics).flat_map(|u| &u.elements) {
                options = options.known_metric(metric);
            }
        }
        let pages = Pages::new(move |offset, limit| instance.page_or_reexecute(offset, limit));
        let reader = Reader::start(first, pages, options, self.ahead, self.page_size).await?;
        Ok(Table { reader, turner, on_progress: self.on_progress, _executed: executed })
    }

    /// What is read, and its first page.
    async fn first_page(&self, rows: u64) -> Result<(Opened, Bytes)> {
        let instance = match &self.source {
            Source::Visualization(shown) => {
                if shown.instance().last_status() == InstanceStatus::Prompts {
                    return Err(prompted());
                }
                // one that has read nothing yet: the table begins anew, whatever was read before
                let shown = shown.instance().visualization(shown.chapter(), shown.key());
                let page = shown.page_or_reexecute(0, rows).await?;
                return Ok((Opened::Visualization(shown), page));
            }
            Source::Instance(instance) => instance.clone(),
            Source::Report(report) => {
                let all = async || report.definition().await;
                report.run(self.asked(rows, all).await?).await?
            }
            Source::Cube(cube) => {
                let all = async || cube.definition().await;
                cube.run(self.asked(rows, all).await?).await?
            }
        };
        let executed = match self.source {
            Source::Report(_) | Source::Cube(_) => Some(Executed(instance.clone())),
            _ => None,
        };
        if instance.last_status() == InstanceStatus::Prompts {
            return Err(prompted());
        }
        let page = match instance.first_page() {
            Some(page) => page,
            None => instance.page(0, rows).await?,
        };
        Ok((Opened::Instance(instance, executed), page))
    }

    /// What is asked for: all objects of the definition, unless it was said otherwise.
    async fn asked<F>(&self, rows: u64, definition: F) -> Result<GridRequest>
    where
        F: AsyncFnOnce() -> Result<Definition>,
    {
        let request = match &self.request {
            Some(request) => request.clone(),
            None => GridRequest::from_definition(&definition().await?),
        };
        Ok(request.page_size(rows).iso_dates(true))
    }

    /// All batches, in memory. There is at least one, of no rows maybe.
    ///
    /// # Errors
    /// As [`open`](Self::open), and those [common to all calls](mstr_rest_core::Call#errors) for a
    /// page; [`Decode`](ErrorKind::Decode) too when the pages do not make one table: the total
    /// changed meanwhile, rows are missing.
    pub async fn collect(self) -> Result<Vec<RecordBatch>> {
        let mut table = self.open().await?;
        let mut batches = Vec::new();
        while let Some(batch) = table.next().await? {
            batches.push(batch);
        }
        Ok(batches)
    }

    /// All rows as values of your own type, in memory: see [`rows`](crate::rows).
    ///
    /// # Errors
    /// As [`collect`](Self::collect); [`Decode`](ErrorKind::Decode) for a row that is no such
    /// value.
    pub async fn rows<T: DeserializeOwned>(self) -> Result<Vec<T>> {
        let mut table = self.open().await?;
        let mut all = Vec::new();
        while let Some(batch) = table.next().await? {
            all.extend(crate::rows(&batch)?);
        }
        Ok(all)
    }

    /// Writes a Parquet file (Snappy, row groups of 131,072 rows).
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
        let (path, beside) = (PathBuf::from(path), Beside::new(path)?);
        let table = self.open().await?;
        let (beside, progress) = table.write(format, beside).await?;
        blocking(move || beside.persist(&path)).await?;
        Ok(progress)
    }

    /// Writes CSV, with a header line, to whatever can be written to, and gives it back.
    ///
    /// # Errors
    /// As [`to_parquet`](Self::to_parquet).
    pub async fn write_csv<W: Write + Send + 'static>(self, out: W) -> Result<W> {
        Ok(self.open().await?.write(Format::Csv, out).await?.0)
    }
}

/// The rows of an execution, batch by batch. [`Data::open`] makes it.
pub struct Table {
    reader: Reader,
    /// Of a report with page-by.
    turner: Option<PageTurner>,
    on_progress: Option<OnProgress>,
    /// Goes behind the requests of the reader.
    _executed: Option<Executed>,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("progress", &self.reader.progress()).finish_non_exhaustive()
    }
}

impl Table {
    /// The columns.
    pub fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }

    /// Grid rows in all. Of a flat table without subtotals these are its rows. With page-by it is
    /// the rows of the pages that were read, and of the one that is read now.
    pub fn total_rows(&self) -> u64 {
        self.reader.progress().total
    }

    /// The next batch; `None` after the last. Not to be used after an error, nor after a future of
    /// it was dropped half-way (in `select!`, say): it gives an error then, not a table with a gap.
    ///
    /// # Errors
    /// As [`Data::collect`].
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let batch = loop {
            if let Some(batch) = self.reader.next().await? {
                break Some(batch);
            }
            let Some(turner) = &mut self.turner else { break None };
            let Some(first) = turner.turn(self.reader.limit()).await? else { break None };
            self.reader.turn(first).await?;
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

    /// Off the runtime's threads: compressing and writing take their time.
    async fn write<W: Write + Send + 'static>(
        mut self,
        format: Format,
        out: W,
    ) -> Result<(W, Progress)> {
        let schema = self.schema();
        let mut writer = blocking(move || Writer::new(format, out, &schema)).await?;
        let mut next = self.next().await?;
        while let Some(batch) = next {
            let write = blocking(move || {
                writer.write(&batch)?;
                Ok(writer)
            });
            // the next page is decoded while this one is compressed
            (writer, next) = futures_util::future::try_join(write, self.next()).await?;
        }
        let out = blocking(move || writer.finish()).await?;
        Ok((out, self.reader.progress()))
    }
}

fn prompted() -> Error {
    Error::new(
        ErrorKind::InvalidRequest,
        "there are prompts that are not answered: run() it, answer() them, and take the data() of \
         that instance",
    )
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Error::interrupted("writing the table"))?
}
