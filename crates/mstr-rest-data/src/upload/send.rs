//! An upload on its way: one upload session, its parts in order, publishing, cleaning up.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use futures_util::{Stream, StreamExt as _};
use mstr_rest_api::{Dataset, DeleteOnDrop, ErrorExt as _, UpdatePolicy, UploadSession};
use mstr_rest_core::{Call, Error, ErrorKind, Result};

use super::chunk::{Chunk, Rows};
use super::{OnProgress, Target, Upload, UploadProgress, Uploaded, plan};

/// Batches, the first of which was looked at.
pub(super) struct Batches<S> {
    first: Option<RecordBatch>,
    rest: Pin<Box<S>>,
    pub(super) schema: SchemaRef,
}

/// Takes the first batch, which says what the columns are.
pub(super) async fn begin<S, E>(batches: Option<S>) -> Result<Batches<S>>
where
    S: Stream<Item = Result<RecordBatch, E>> + Send,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let none = || Error::new(ErrorKind::InvalidRequest, "there are no batches to upload");
    let mut rest = Box::pin(batches.ok_or_else(none)?);
    let first = rest.next().await.ok_or_else(none)?.map_err(of_source)?;
    let schema = first.schema();
    Ok(Batches { first: Some(first), rest, schema })
}

impl<S, E> Batches<S>
where
    S: Stream<Item = Result<RecordBatch, E>> + Send,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let Some(batch) = self.rest.next().await else { return Ok(None) };
        let batch = batch.map_err(of_source)?;
        plan::same_columns(&self.schema, &batch)?;
        Ok(Some(batch))
    }
}

/// An error of the batches. One of ours stays as it is: a report may be read for an upload.
fn of_source(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    match error.into().downcast::<Error>() {
        Ok(ours) => *ours,
        Err(other) => {
            Error::with_source(ErrorKind::InvalidRequest, "the batches to upload broke off", other)
        }
    }
}

/// How an upload session ended.
pub(super) enum Outcome {
    Done(UploadProgress),
    /// Nothing was published, and another time it may work.
    Broken(Error),
    Failed(Error),
}

/// Why a step of it did not work.
enum Stop {
    Broken(Error),
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Before publishing was asked for: the parts go with their upload session.
fn before_publishing(error: Error) -> Stop {
    if is_gone(&error) {
        let message = "the upload session ended before its rows were published (a new login ends \
                       it): nothing of it was";
        return Stop::Broken(Error::with_source(error.kind(), message, error));
    }
    if error.is_transient() { Stop::Broken(error) } else { Stop::Failed(error) }
}

fn is_gone(error: &Error) -> bool {
    error.is_instance_gone() || error.is_not_found()
}

/// An upload that was checked.
pub(super) struct Job {
    dataset: Dataset,
    is_new: bool,
    table: String,
    columns: Vec<String>,
    pub(super) schema: SchemaRef,
    policy: UpdatePolicy,
    chunk_bytes: usize,
    non_finite_as_null: bool,
    publish_timeout: Duration,
    on_progress: Option<OnProgress>,
}

impl Job {
    /// Checks the columns, and makes the dataset if it is a new one.
    pub(super) async fn prepare(upload: &Upload, schema: &SchemaRef) -> Result<Self> {
        let columns = plan::columns(schema)?;
        let (dataset, table) = match &upload.target {
            Target::New(name) => {
                let table = upload.table.as_ref().unwrap_or(name);
                let mut model = upload.roles.model(name, table, &columns)?;
                if let Some(folder) = &upload.folder {
                    model = model.folder(folder);
                }
                if let Some(description) = &upload.description {
                    model = model.description(description);
                }
                (upload.datasets.create_model(&model).await?, table.clone())
            }
            Target::Existing(id) => {
                let of_new = !upload.roles.is_empty()
                    || upload.folder.is_some()
                    || upload.description.is_some();
                if of_new {
                    let message = "folder, description, attributes and metrics are said of new \
                                   datasets; this one is there";
                    return Err(Error::new(ErrorKind::InvalidRequest, message));
                }
                let dataset = upload.datasets.dataset(id);
                let definition = dataset.definition().await?;
                let table = plan::table_of(&definition, upload.table.as_deref(), &columns)?;
                (dataset, table)
            }
        };
        Ok(Self {
            dataset,
            is_new: matches!(upload.target, Target::New(_)),
            table,
            columns: columns.into_iter().map(|(name, _)| name).collect(),
            schema: SchemaRef::clone(schema),
            policy: upload.policy,
            chunk_bytes: usize::try_from(upload.chunk_bytes).unwrap_or(usize::MAX),
            non_finite_as_null: upload.non_finite_as_null,
            publish_timeout: upload.publish_timeout,
            on_progress: upload.on_progress.clone(),
        })
    }

    pub(super) fn uploaded(&self, sent: UploadProgress, restarts: u32) -> Uploaded {
        let UploadProgress { rows, bytes, parts } = sent;
        Uploaded { dataset_id: self.dataset.id().to_owned(), rows, bytes, parts, restarts }
    }

    /// An error behind the making of a new dataset names it.
    pub(super) fn told(&self, error: Error) -> Error {
        if !self.is_new {
            return error;
        }
        let message =
            format!("the dataset {} was made, and then could not be filled", self.dataset.id());
        let status = error.status();
        let told = Error::with_source(error.kind(), message, error);
        status.into_iter().fold(told, Error::with_status)
    }

    /// All batches through one upload session, which is deleted whatever happens.
    pub(super) async fn fill<S, E>(&self, batches: Batches<S>) -> Outcome
    where
        S: Stream<Item = Result<RecordBatch, E>> + Send,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let open = self.dataset.open_upload(&self.table, &self.columns, self.policy);
        let result = match self::open(open).await {
            Ok((session, guard)) => {
                let result = self.fill_opened(&session, batches).await;
                guard.now().await;
                result
            }
            Err(error) if error.is_transient() => Err(Stop::Broken(error)),
            Err(error) => Err(Stop::Failed(error)),
        };
        match result {
            Ok(sent) => Outcome::Done(sent),
            Err(Stop::Broken(error)) => Outcome::Broken(error),
            Err(Stop::Failed(error)) => Outcome::Failed(error),
        }
    }

    async fn fill_opened<S, E>(
        &self,
        session: &UploadSession,
        batches: Batches<S>,
    ) -> Result<UploadProgress, Stop>
    where
        S: Stream<Item = Result<RecordBatch, E>> + Send,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let sent = self.send(session, batches).await?;
        match session.publish().await {
            Ok(_) => {}
            // nothing was sent, or nothing is there
            Err(error) if error.is_connect() || is_gone(&error) => {
                return Err(before_publishing(error));
            }
            // it may have begun all the same: the status tells
            Err(error) if error.is_transient() => {
                if session.status().await.is_err() {
                    return Err(Stop::Failed(error));
                }
            }
            Err(error) => return Err(Stop::Failed(error)),
        }
        let publication = session.publication().timeout(self.publish_timeout).cancel_on_timeout();
        publication.timeout_option("Upload::publish_timeout").wait().await?;
        Ok(sent)
    }

    /// The parts, in order.
    async fn send<S, E>(
        &self,
        session: &UploadSession,
        mut batches: Batches<S>,
    ) -> Result<UploadProgress, Stop>
    where
        S: Stream<Item = Result<RecordBatch, E>> + Send,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut sent = UploadProgress::default();
        let mut chunk = Chunk::new(self.chunk_bytes, self.non_finite_as_null);
        while let Some(batch) = batches.next().await? {
            let mut rows = Rows::new(&batch);
            drop(batch);
            while !rows.is_over() {
                (chunk, rows) = blocking(move || {
                    chunk.fill(&mut rows)?;
                    Ok((chunk, rows))
                })
                .await?;
                if chunk.is_full() {
                    chunk = self.send_part(session, chunk, &mut sent).await?;
                }
            }
        }
        if chunk.rows() > 0 {
            self.send_part(session, chunk, &mut sent).await?;
        }
        Ok(sent)
    }

    /// Sends what the chunk holds, and gives it back empty.
    async fn send_part(
        &self,
        session: &UploadSession,
        mut chunk: Chunk,
        sent: &mut UploadProgress,
    ) -> Result<Chunk, Stop> {
        let (upload, table, index) = (session.clone(), self.table.clone(), sent.parts + 1);
        let (chunk, part, rows, bytes) = blocking(move || {
            let json = chunk.close();
            let bytes = json.len() as u64;
            let part = upload.send_part(&table, index, json);
            let rows = chunk.rows();
            chunk.clear();
            Ok((chunk, part, rows, bytes))
        })
        .await?;
        part.await.map_err(before_publishing)?;
        sent.rows += rows;
        sent.bytes += bytes;
        sent.parts = index;
        if let Some(call) = &self.on_progress {
            call(*sent);
        }
        Ok(chunk)
    }
}

/// Off the runtime's threads: a part takes its time.
fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> impl Future<Output = Result<T>> {
    let work = tokio::task::spawn_blocking(work);
    async { work.await.map_err(|_| Error::interrupted("writing a part"))? }
}

/// Opens an upload session, and gives it with what deletes it.
///
/// In a task of its own: a future that is dropped meanwhile leaves no upload session behind, for
/// what the task gives is then dropped too.
async fn open(call: Call<UploadSession>) -> Result<(UploadSession, DeleteOnDrop)> {
    let task = tokio::spawn(async {
        let session = call.await?;
        let guard = session.delete_on_drop();
        Ok((session, guard))
    });
    task.await.map_err(|_| Error::interrupted("opening the upload session"))?
}
