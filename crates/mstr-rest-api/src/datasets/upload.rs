//! Upload sessions: parts of a table, put in place all at once by publishing.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use mstr_rest_core::{Call, Error, ErrorKind, Response, Result, RetryPolicy};
use serde::{Deserialize, Deserializer};
use serde_json::json;

use super::Dataset;
use crate::changes::{is_empty, located};
use crate::delete_on_drop::DeleteOnDrop;
use crate::polling::Step;
use crate::{Operation, lenient};

/// What becomes of the rows that a table has already (vendor documentation). Rows are the same
/// when their attributes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UpdatePolicy {
    /// New rows come on top; those that are there stay.
    Add,
    /// Rows that are there are changed; new ones are left out.
    Update,
    /// Rows that are there are changed, and new ones come on top.
    Upsert,
    /// All rows that are there go.
    Replace,
}

impl UpdatePolicy {
    /// Its name in requests: `add`, `update`, `upsert`, `replace`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Update => "update",
            Self::Upsert => "upsert",
            Self::Replace => "replace",
        }
    }
}

impl Dataset {
    /// Opens an upload session for one table: `POST /datasets/{id}/uploadSessions`. The columns
    /// are in the order of the rows to come. A dataset has one upload session at a time.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) without columns, and nothing is sent.
    pub fn open_upload(
        &self,
        table: &str,
        columns: &[impl AsRef<str>],
        policy: UpdatePolicy,
    ) -> Call<UploadSession> {
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Opened {
            #[serde(deserialize_with = "lenient::text")]
            upload_session_id: String,
        }
        let call = self.call(Method::POST).segment("uploadSessions");
        let columns: Vec<_> = columns.iter().map(AsRef::as_ref).collect();
        let call = if columns.is_empty() {
            call.fail_with(Error::new(ErrorKind::InvalidRequest, "a table has at least one column"))
        } else {
            call.json(&json!({ "tables": [{
                "name": table,
                "columnHeaders": columns,
                "orientation": "row",
                "updatePolicy": policy.name(),
            }] }))
        };
        let dataset = self.clone();
        call.decode_with(move |reply| {
            let opened = if is_empty(reply) { Opened::default() } else { reply.json()? };
            let id = Some(opened.upload_session_id).filter(|id| !id.is_empty());
            let Some(id) = id.or_else(|| located(reply)) else {
                let message = "the reply names no upload session (uploadSessionId)";
                return Err(Error::new(ErrorKind::Decode, message));
            };
            Ok(dataset.upload_session(id))
        })
    }

    /// The upload session with that id. Nothing is sent.
    pub fn upload_session(&self, id: impl AsRef<str>) -> UploadSession {
        UploadSession { dataset: self.clone(), id: id.as_ref().into() }
    }
}

/// An upload session: it takes parts until it is published, and lives in the session that opened
/// it. It stays on the server until [`delete`](Self::delete) or the end of that session. Owned and
/// cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::{Dataset, UpdatePolicy};
///
/// # async fn example(dataset: Dataset) -> mstr_rest_core::Result<()> {
/// let upload = dataset.open_upload("orders", &["city", "revenue"], UpdatePolicy::Add).await?;
/// upload.send_part("orders", 1, br#"[["Bern",1.5],["Chur",null]]"#).await?;
/// upload.publish().await?.wait().await?;
/// upload.delete().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct UploadSession {
    dataset: Dataset,
    id: Arc<str>,
}

impl UploadSession {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The dataset that it fills.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    fn call(&self, method: Method) -> Call<Response> {
        self.dataset.call(method).segment("uploadSessions").segment(&self.id)
    }

    /// Sends a part of a table: `PUT /datasets/{id}/uploadSessions/{sid}`. `rows` is a JSON list
    /// of lists of values in the order of the columns, as `[["Bern",1.5],["Chur",null]]`; dates
    /// and times are ISO 8601. It travels as base64. The index counts the parts of the table from
    /// 1 on, as the vendor's client has it.
    ///
    /// No source says what becomes of a part that comes twice under one index. So a retry policy
    /// does not send it again once the server may have got it.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn send_part(&self, table: &str, index: u64, rows: &[u8]) -> Call<()> {
        // by hand: a value of JSON would be another copy of a long text
        let head = format!(r#"{{"tableName":{},"index":{index},"data":""#, json!(table));
        let length = head.len() + rows.len().div_ceil(3) * 4 + 2;
        let mut body = String::with_capacity(length);
        body.push_str(&head);
        STANDARD.encode_string(rows, &mut body);
        body.push_str("\"}");
        let call = self.call(Method::PUT).header("Content-Type", "application/json");
        call.body(body).idempotent(false).decode_with(|_| Ok(()))
    }

    /// Begins to put the parts in place: `POST /datasets/{id}/uploadSessions/{sid}/publish`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn publish(&self) -> Call<Operation<PublishStatus>> {
        let upload = self.clone();
        let call = self.call(Method::POST).segment("publish");
        call.decode_with(move |_| Ok(upload.publication()))
    }

    /// The publishing of this upload session, to be waited for, for example when the reply to
    /// [`publish`](Self::publish) was lost. Nothing is sent.
    ///
    /// [`wait`](Operation::wait) asks for the [status](Self::status), and fails with
    /// [`Api`](ErrorKind::Api) when publishing failed. [`cancel`](Operation::cancel) is
    /// [`delete`](Self::delete).
    pub fn publication(&self) -> Operation<PublishStatus> {
        let judge = |status: PublishStatus| {
            if status.is_failed() {
                let message = format!("publishing the upload failed: {status}");
                return Err(Error::new(ErrorKind::Api, message));
            }
            Ok(if status.is_done() { Step::Done(status) } else { Step::seen(status) })
        };
        let name = format!("publishing the upload to the dataset {}", self.dataset.id());
        let operation = Operation::new(name, self.ask_status(), Response::json, judge);
        operation.cancelled_by(self.delete())
    }

    /// How far publishing is: `GET /datasets/{id}/uploadSessions/{sid}/publishStatus`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn status(&self) -> Call<PublishStatus> {
        self.ask_status().decode()
    }

    fn ask_status(&self) -> Call<Response> {
        self.call(Method::GET).segment("publishStatus")
    }

    /// Deletes it on the server when the guard is dropped, or when
    /// [`DeleteOnDrop::now`] is awaited. A deletion that fails because of a transient error is
    /// repeated, also where the session repeats nothing.
    pub fn delete_on_drop(&self) -> DeleteOnDrop {
        DeleteOnDrop::by(self.delete().retry(RetryPolicy::default()))
    }

    /// Ends it: `DELETE /datasets/{id}/uploadSessions/{sid}`. Publishing that is not done is
    /// cancelled; what was published stays.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn delete(&self) -> Call<()> {
        self.call(Method::DELETE).decode_with(|_| Ok(()))
    }
}

/// How far the publishing of an upload is. The number is kept: 1 is done and 6 runs (vendor
/// documentation), 3 is the I-Server's number for an error; others are taken for running.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishStatus {
    /// The server's number, which some versions send as text. `None` if it sent none.
    pub number: Option<i64>,
    /// What the server says, as `result ready`.
    pub message: String,
}

const DONE: i64 = 1;
const FAILED: i64 = 3;

impl PublishStatus {
    /// The rows are in place.
    pub fn is_done(&self) -> bool {
        self.number == Some(DONE)
    }

    /// They are not, and will not be.
    pub fn is_failed(&self) -> bool {
        self.number == Some(FAILED)
    }

    /// Neither yet.
    pub fn is_running(&self) -> bool {
        !self.is_done() && !self.is_failed()
    }
}

impl fmt::Display for PublishStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) if self.message.is_empty() => write!(f, "status {number}"),
            Some(number) => write!(f, "{} (status {number})", self.message),
            None => f.write_str("no status"),
        }
    }
}

impl<'de> Deserialize<'de> for PublishStatus {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Reply {
            #[serde(deserialize_with = "lenient::integer")]
            status: Option<i64>,
            #[serde(deserialize_with = "lenient::text")]
            message: String,
        }
        let Reply { status, message } = Reply::deserialize(from)?;
        Ok(Self { number: status, message })
    }
}
