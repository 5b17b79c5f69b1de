//! The data of a report, a cube or an instance: as batches, as a file, as rows.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use futures_util::Stream;
use mstr_rest_api::{
    Cube, Cubes, ErrorExt as _, GridRequest, Instance, InstanceStatus, Report, Reports, Template,
    UnitKind,
};
use mstr_rest_core::{Error, ErrorKind, Result};
use serde::de::DeserializeOwned;

use crate::grid::{GridOptions, has_metrics_in_rows};
use crate::metric::MetricType;
use crate::output::{Beside, Format, Writer};
use crate::stream::{Pages, Progress, Reader};

/// Requests for pages that are under way at once.
const AHEAD: usize = 4;

/// Rows of the first page, from which the weight of a row is known.
const FIRST_PAGE: u64 = 2_000;

/// Data of reports and cubes by id.
pub trait DataExt {
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

/// Data of an instance that was executed already: one whose prompts were answered, say.
pub trait InstanceDataExt {
    /// The data of this instance, as it was asked for.
    fn data(&self) -> Data;
}

impl InstanceDataExt for Instance {
    fn data(&self) -> Data {
        Data::of(Source::Instance(self.clone()))
    }
}

#[derive(Debug, Clone)]
enum Source {
    Report(Report),
    Cube(Cube),
    Instance(Instance),
}

type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

/// What to read and how; nothing is sent before one of the methods that give data is awaited.
///
/// Without [`request`](Self::request) it is all objects of the report or cube, as a flat table.
/// Pages are fetched ahead by a few requests and decoded in order, so that memory stays flat in the
/// number of rows: only [`collect`](Self::collect) and [`rows`](Self::rows) hold them all.
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
    ahead: usize,
    page_rows: Option<usize>,
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
            ahead: AHEAD,
            page_rows: None,
            on_progress: None,
        }
    }

    /// Asks for this instead of all objects: some of them, filtered, sorted, or the grid
    /// [as it is shown](GridRequest::as_shown). Of an instance it counts that it was executed for.
    pub fn request(mut self, request: GridRequest) -> Self {
        self.request = Some(request);
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

    /// How many requests for pages are under way at once: 4 unless said otherwise, at least 1.
    pub fn fetch_ahead(mut self, requests: usize) -> Self {
        self.ahead = requests;
        self
    }

    /// Grid rows of a page. Without it the first page tells how heavy a row is, and pages are cut
    /// to about 2 MB of JSON. A page that takes the server too long
    /// (`MSI_REQUEST_TIMEOUT`, -2147206497) is halved either way.
    pub fn page_rows(mut self, rows: usize) -> Self {
        self.page_rows = Some(rows.max(1));
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
    /// As any call; [`InvalidRequest`](ErrorKind::InvalidRequest) when prompts are to be answered;
    /// [`Decode`](ErrorKind::Decode) when the grid cannot be read;
    /// [`Config`](ErrorKind::Config) outside a Tokio runtime.
    pub async fn open(self) -> Result<Table> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::new(ErrorKind::Config, "data needs a Tokio runtime"));
        }
        let mut first_rows = self.page_rows.map_or(FIRST_PAGE, |rows| rows as u64);
        let (instance, first) = loop {
            match self.first_page(first_rows).await {
                Err(error) if error.is_request_timeout() && first_rows > 1 => first_rows /= 2,
                other => break other?,
            }
        };
        let mut options = self.options;
        if has_metrics_in_rows(&first)? {
            let definition = instance.definition().await?;
            let units = definition.template.iter().flat_map(Template::units);
            for metric in units.filter(|u| u.kind == UnitKind::Metrics).flat_map(|u| &u.elements) {
                let name = metric.name.as_deref().unwrap_or_default();
                options = options.known_metric(&metric.id, name, metric.data_type.as_deref());
            }
        }
        let pages =
            Pages::new(move |offset, limit| instance.page_or_again(offset as u64, limit as u64));
        let reader = Reader::start(first, pages, options, self.ahead, self.page_rows).await?;
        Ok(Table { reader, on_progress: self.on_progress })
    }

    /// An instance and its first page.
    async fn first_page(&self, rows: u64) -> Result<(Instance, Bytes)> {
        let instance = self.execute(rows).await?;
        if instance.last_status() == InstanceStatus::Prompts {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                "the report has prompts that are not answered: run() it, answer() them, and take \
                 the data() of that instance",
            ));
        }
        let page = match instance.first_page() {
            Some(page) => page,
            None => instance.page(0, rows).await?,
        };
        Ok((instance, page))
    }

    async fn execute(&self, first_rows: u64) -> Result<Instance> {
        let request = |all: GridRequest| {
            let request = self.request.clone().unwrap_or(all);
            request.page_size(first_rows).iso_dates(true)
        };
        match &self.source {
            Source::Instance(instance) => Ok(instance.clone()),
            Source::Report(report) => {
                let all = match &self.request {
                    Some(_) => GridRequest::as_shown(),
                    None => GridRequest::from_definition(&report.definition().await?),
                };
                report.run(request(all)).await
            }
            Source::Cube(cube) => {
                let all = match &self.request {
                    Some(_) => GridRequest::as_shown(),
                    None => GridRequest::from_definition(&cube.definition().await?),
                };
                cube.run(request(all)).await
            }
        }
    }

    /// All batches, in memory. There is at least one, of no rows maybe.
    ///
    /// # Errors
    /// As [`open`](Self::open) and any call for a page; [`Decode`](ErrorKind::Decode) too when the
    /// pages do not make one table: the total changed meanwhile, rows are missing.
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
    /// complete: after an error what was there before is still there.
    ///
    /// # Errors
    /// As [`collect`](Self::collect); [`Config`](ErrorKind::Config) when it cannot be written.
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
    on_progress: Option<OnProgress>,
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

    /// Grid rows in all. Of a flat table without subtotals these are its rows.
    pub fn total_rows(&self) -> usize {
        self.reader.progress().total
    }

    /// The next batch; `None` after the last. Not to be used after an error.
    ///
    /// # Errors
    /// As [`Data::collect`].
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let batch = self.reader.next().await?;
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

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::with_source(ErrorKind::Config, "writing was stopped", error))?
}
