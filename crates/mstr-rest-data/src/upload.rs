//! Arrow batches as a table of a dataset: a new one, or one that is there.

mod cells;
mod chunk;
mod plan;
mod send;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use futures_util::stream;
use futures_util::{Stream, StreamExt as _};
use mstr_rest_api::{Datasets, UpdatePolicy};
use mstr_rest_core::{Error, ErrorKind, Result};

use crate::sealed;
use plan::Roles;
use send::{Job, Outcome};

/// JSON of a part, before it becomes a third longer as base64.
const CHUNK: u64 = 16 << 20;

/// The default of [`Upload::publish_timeout`].
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(600);

/// How often an upload that broke begins again unless it is said otherwise.
const RESTARTS: u32 = 2;

const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Uploads of Arrow batches.
pub trait UploadExt: sealed::Sealed {
    /// A new dataset with one table, which is filled.
    fn create(&self, name: impl Into<String>) -> Upload;

    /// Rows for a table of the dataset with that id, one that was uploaded before.
    fn upload(&self, id: impl AsRef<str>) -> Upload;
}

impl UploadExt for Datasets {
    fn create(&self, name: impl Into<String>) -> Upload {
        Upload::new(self.clone(), Target::New(name.into()), UpdatePolicy::Replace)
    }

    fn upload(&self, id: impl AsRef<str>) -> Upload {
        Upload::new(self.clone(), Target::Existing(id.as_ref().into()), UpdatePolicy::Add)
    }
}

#[derive(Debug, Clone)]
enum Target {
    New(String),
    Existing(Arc<str>),
}

type OnProgress = Arc<dyn Fn(UploadProgress) + Send + Sync>;

/// What to fill with rows and how; nothing is sent before one of the methods that send is awaited.
///
/// ```no_run
/// use arrow_array::RecordBatch;
/// use mstr_rest_api::{DatasetsExt, UpdatePolicy};
/// use mstr_rest_data::UploadExt;
///
/// # async fn example(
/// #     session: mstr_rest_core::Session,
/// #     january: Vec<RecordBatch>,
/// #     february: Vec<RecordBatch>,
/// # ) -> mstr_rest_core::Result<()> {
/// let datasets = session.in_project("MicroStrategy Tutorial").datasets();
/// // text, days and truth values become attributes, numbers metrics, unless it is said otherwise
/// let made = datasets.create("Orders").attribute("order").send_batches(january).await?;
///
/// let added = datasets
///     .upload(&made.dataset_id)
///     .policy(UpdatePolicy::Upsert)
///     .on_progress(|so_far| eprintln!("{} rows", so_far.rows))
///     .send_batches(february)
///     .await?;
/// println!("{} rows in {}", added.rows, made.dataset_id);
/// # Ok(())
/// # }
/// ```
///
/// # What is sent
/// | Arrow | column of the table |
/// | --- | --- |
/// | `Utf8`, `LargeUtf8`, `Utf8View` | `STRING` |
/// | `Int8`, `Int16`, `Int32`, `UInt8`, `UInt16` | `INTEGER` |
/// | `Int64`, `UInt32` | `BIGINTEGER` |
/// | `UInt64`, decimals | `BIGDECIMAL`, as text: JSON numbers lose digits in most readers |
/// | `Float16`, `Float32`, `Float64` | `DOUBLE`, to the last bit; see [`non_finite_as_null`](Self::non_finite_as_null) |
/// | `Boolean` | `BOOL` |
/// | `Date32`, `Date64` | `DATE`: `2024-01-31` |
/// | `Time32`, `Time64` | `TIME`: `23:59:59` |
/// | `Timestamp` | `DATETIME`: `2024-01-31T23:59:59.000`; with a zone it is sent as UTC |
/// | dictionaries of these | as their values |
///
/// Other types are refused before anything is sent, and so are columns without a name or with the
/// name of another. Nulls are JSON nulls; what the server shows for one in an attribute is its own.
///
/// # How
/// Rows are written as JSON straight from the arrays and cut into parts by
/// [bytes](Self::chunk_bytes): one part is in memory at a time. All parts go in order through one
/// upload session, which is then published; the upload is done when the server says that publishing
/// is. Until then readers see the rows from before. The upload session is deleted whatever happens:
/// after success and errors it is waited for (30 seconds at most), and when the future is dropped
/// it is done in the background.
///
/// # Nothing twice
/// No source says what becomes of a part that the server gets twice. So a part is not sent again
/// when the server may have it, whatever the retry policy: the upload session is thrown away with
/// all its parts, and a new one begins with the first row. That needs batches that can be had again
/// ([`send_batches`](Self::send_batches), [`send_fn`](Self::send_fn)); it happens
/// [twice](Self::restarts) at most, after errors of the network, busy gateways, and when a
/// re-login ended the upload session. Once publishing was asked for nothing is sent again.
///
/// # A new dataset that was not filled
/// stays on the server, without rows; the error names its id. It is not removed: a dataset of that
/// name in that folder may have been there before, and the vendor's client says that it is then
/// overwritten. Fill it with [`upload`](UploadExt::upload).
#[derive(Clone)]
#[must_use = "nothing is sent before one of the methods that send is awaited"]
pub struct Upload {
    datasets: Datasets,
    target: Target,
    table: Option<String>,
    policy: UpdatePolicy,
    folder: Option<String>,
    description: Option<String>,
    roles: Roles,
    chunk_bytes: u64,
    non_finite_as_null: bool,
    publish_timeout: Duration,
    restarts: u32,
    on_progress: Option<OnProgress>,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("target", &self.target)
            .field("table", &self.table)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// How far an upload has come. Given to the progress callback after every part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadProgress {
    /// Rows that the server has got.
    pub rows: u64,
    /// Bytes of JSON that they made, before base64.
    pub bytes: u64,
    /// Parts that they were cut into.
    pub parts: u64,
}

/// What was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Uploaded {
    /// The id of the dataset, which is the id of its cube.
    pub dataset_id: String,
    /// Rows.
    pub rows: u64,
    /// Bytes of JSON that they made, before base64.
    pub bytes: u64,
    /// Parts that they were cut into.
    pub parts: u64,
    /// How many times it began again.
    pub restarts: u32,
}

/// What is uploaded.
impl Upload {
    fn new(datasets: Datasets, target: Target, policy: UpdatePolicy) -> Self {
        Self {
            datasets,
            target,
            table: None,
            policy,
            folder: None,
            description: None,
            roles: Roles::default(),
            chunk_bytes: CHUNK,
            non_finite_as_null: false,
            publish_timeout: PUBLISH_TIMEOUT,
            restarts: RESTARTS,
            on_progress: None,
        }
    }

    /// The name of the table. Without it a new dataset's table has the name of the dataset, and of
    /// one that is there it is its only table.
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.table = Some(name.into());
        self
    }

    /// What becomes of rows that are there: [`Add`](UpdatePolicy::Add) unless this says otherwise,
    /// of a new dataset [`Replace`](UpdatePolicy::Replace).
    pub fn policy(mut self, policy: UpdatePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The id of the folder that a new dataset is made in: the user's `My Reports` unless this says
    /// otherwise.
    pub fn folder(mut self, id: impl Into<String>) -> Self {
        self.folder = Some(id.into());
        self
    }

    /// Describes a new dataset.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Makes an attribute of a column of numbers, of a new dataset.
    pub fn attribute(mut self, column: impl Into<String>) -> Self {
        self.roles.attributes.push(column.into());
        self
    }

    /// Makes one attribute of several columns, of a new dataset: pairs of a form's category (`ID`,
    /// `DESC` ..) and its column.
    ///
    /// ```
    /// # use mstr_rest_data::Upload;
    /// # fn example(orders: Upload) -> Upload {
    /// orders.attribute_forms("City", [("ID", "city_id"), ("DESC", "city")])
    /// # }
    /// ```
    pub fn attribute_forms<F: Into<String>, C: Into<String>>(
        mut self,
        name: impl Into<String>,
        forms: impl IntoIterator<Item = (F, C)>,
    ) -> Self {
        let forms = forms.into_iter().map(|(form, column)| (form.into(), column.into()));
        self.roles.forms.push((name.into(), forms.collect()));
        self
    }

    /// Makes a metric of a column that would be an attribute, of a new dataset.
    pub fn metric(mut self, column: impl Into<String>) -> Self {
        self.roles.metrics.push(column.into());
        self
    }
}

/// How it is uploaded.
impl Upload {
    /// How much JSON a part has at most: 16 MiB unless this says otherwise. A row that is longer
    /// goes alone. On the wire it is a third more; about three times as much is held in memory. The
    /// vendor advises parts of 50 MB and more for large uploads; gateways may allow less.
    pub fn chunk_bytes(mut self, bytes: u64) -> Self {
        self.chunk_bytes = bytes;
        self
    }

    /// Whether `NaN` and infinities are sent as null. Without it they are an error, for JSON has
    /// no such numbers.
    pub fn non_finite_as_null(mut self, yes: bool) -> Self {
        self.non_finite_as_null = yes;
        self
    }

    /// Timeout of publishing. Default: 10 minutes. Publishing that takes longer is cancelled.
    pub fn publish_timeout(mut self, timeout: Duration) -> Self {
        self.publish_timeout = timeout;
        self
    }

    /// How many times an upload that broke begins again: 2 unless this says otherwise.
    pub fn restarts(mut self, number: u32) -> Self {
        self.restarts = number;
        self
    }

    /// Is called after every part: how far it is. An upload that begins again counts anew.
    pub fn on_progress(mut self, call: impl Fn(UploadProgress) + Send + Sync + 'static) -> Self {
        self.on_progress = Some(Arc::new(call));
        self
    }
}

/// Sending it.
impl Upload {
    /// Uploads batches that are in memory, checks that all of them have the same columns before
    /// anything is sent, and begins again when the upload breaks.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest), and nothing was sent: no batches, columns
    /// that cannot be sent or are not those of the table, options of new datasets for one that is
    /// there. The same for a value that cannot be sent, and nothing was published. Those
    /// [common to all calls](mstr_rest_core::Call#errors); [`Api`](ErrorKind::Api) when publishing
    /// failed; [`Timeout`](ErrorKind::Timeout) when it took too long; [`Config`](ErrorKind::Config)
    /// outside a Tokio runtime.
    pub async fn send_batches(
        self,
        batches: impl IntoIterator<Item = RecordBatch>,
    ) -> Result<Uploaded> {
        let batches: Vec<_> = batches.into_iter().collect();
        if let Some((first, rest)) = batches.split_first() {
            let schema = first.schema();
            rest.iter().try_for_each(|batch| plan::same_columns(&schema, batch))?;
        }
        self.send_fn(move || stream::iter(batches.clone()).map(Ok::<_, Error>)).await
    }

    /// Uploads a stream of batches, which is made anew when the upload breaks and begins again.
    /// It has to give the same rows each time.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_fn<F, S, E>(self, mut make: F) -> Result<Uploaded>
    where
        F: FnMut() -> S + Send,
        S: Stream<Item = Result<RecordBatch, E>> + Send,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        Box::pin(self.run(move || Some(make()))).await
    }

    /// Uploads a stream of batches that is there once: when the upload breaks, that is an error.
    ///
    /// ```no_run
    /// # use mstr_rest_api::{DatasetsExt, ReportsExt};
    /// # use mstr_rest_data::{DataExt, UploadExt};
    /// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
    /// // a report as a dataset
    /// let rows = session.reports().data("13CF...").open().await?.stream();
    /// let made = session.datasets().create("A copy").send(rows).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send_batches`](Self::send_batches); the error of the stream, and
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) when the columns of a batch are not those of
    /// the first: nothing was published.
    pub async fn send<S, E>(self, batches: S) -> Result<Uploaded>
    where
        S: Stream<Item = Result<RecordBatch, E>> + Send,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut batches = Some(batches);
        Box::pin(self.run(move || batches.take())).await
    }

    async fn run<M, S, E>(self, mut make: M) -> Result<Uploaded>
    where
        M: FnMut() -> Option<S> + Send,
        S: Stream<Item = Result<RecordBatch, E>> + Send,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::new(ErrorKind::Config, "an upload needs a Tokio runtime"));
        }
        let mut batches = send::begin(make()).await?;
        let job = Job::prepare(&self, &batches.schema).await?;
        let mut restarts = 0;
        loop {
            let error = match job.fill(batches).await {
                Outcome::Done(sent) => return Ok(job.uploaded(sent, restarts)),
                Outcome::Failed(error) => return Err(job.told(error)),
                Outcome::Broken(error) => error,
            };
            let again = if restarts < self.restarts { make() } else { None };
            let Some(again) = again else { return Err(job.told(error)) };
            tokio::time::sleep(FIRST_PAUSE * 2u32.saturating_pow(restarts.min(6))).await;
            restarts += 1;
            batches = send::begin(Some(again)).await.map_err(|error| job.told(error))?;
            plan::same_schema(&job.schema, &batches.schema).map_err(|error| job.told(error))?;
        }
    }
}
