//! Exports of documents, dashboards and visualizations: PDF, Excel, CSV, in constant memory.

use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{Stream, TryStreamExt, try_unfold};
use http::{Method, StatusCode, header};
use mstr_rest_core::{Call, Error, ErrorKind, Response, Result, StreamingResponse};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::DocumentInstance;
use super::base64_member::Base64Member;
use crate::delete_on_drop::DeleteOnDrop;
use crate::polling::{DEFAULT_TIMEOUT, Polling, Step};
use crate::{CompleteFile, ErrorExt, lenient};

/// Bytes that are written to a file at once: every writing goes to another thread.
const AT_ONCE: usize = 1 << 20;

/// How a PDF looks: the options of the vendor's documentation. What is not said is the server's.
///
/// ```
/// use mstr_rest_api::PdfOptions;
///
/// let a4 = PdfOptions::new().page_size(8.27, 11.69).orientation("AUTO").include_header(true);
/// assert!(a4.check().is_ok());
/// assert!(PdfOptions::new().page_size(0.0, 11.69).check().is_err());
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use]
pub struct PdfOptions(Map<String, Value>);

impl PdfOptions {
    /// All as the server has it.
    pub fn new() -> Self {
        Self::default()
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Width and height of a page in inches: `pageWidth`, `pageHeight`.
    pub fn page_size(self, width: f64, height: f64) -> Self {
        // what is no number becomes null, which is refused
        self.with("pageWidth", width).with("pageHeight", height)
    }

    /// `orientation`: `AUTO` swaps width and height where that fits better. No source lists the
    /// other values.
    pub fn orientation(self, orientation: impl Into<String>) -> Self {
        self.with("orientation", orientation.into())
    }

    /// Which pages, `pageOption`: `ALL`. No source lists the other values.
    pub fn page_option(self, option: impl Into<String>) -> Self {
        self.with("pageOption", option.into())
    }

    /// `filterSummary`: `ALL` shows all filters. No source lists the other values.
    pub fn filter_summary(self, summary: impl Into<String>) -> Self {
        self.with("filterSummary", summary.into())
    }

    /// Whether there is an overview of the document: `includeOverview`.
    pub fn include_overview(self, yes: bool) -> Self {
        self.with("includeOverview", yes)
    }

    /// Whether each visualization has a page of its own: `includeDetailedPages`.
    pub fn include_detailed_pages(self, yes: bool) -> Self {
        self.with("includeDetailedPages", yes)
    }

    /// Whether pages have a header: `includeHeader`.
    pub fn include_header(self, yes: bool) -> Self {
        self.with("includeHeader", yes)
    }

    /// Whether pages have a footer: `includeFooter`.
    pub fn include_footer(self, yes: bool) -> Self {
        self.with("includeFooter", yes)
    }

    /// How long the server waits before it exports, in whole seconds: `waitingTimeBeforeExport`.
    pub fn wait_before_export(self, time: Duration) -> Self {
        self.with("waitingTimeBeforeExport", time.as_secs())
    }

    /// Whether the server could take them; the export asks this first.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) for a page of no size, and for empty names.
    pub fn check(&self) -> Result<()> {
        for (name, value) in &self.0 {
            let fits = match value {
                Value::Number(number) => {
                    name == "waitingTimeBeforeExport" || number.as_f64().is_some_and(|n| n > 0.0)
                }
                Value::String(text) => !text.is_empty(),
                value => !value.is_null(),
            };
            if !fits {
                let message = format!("the option {name} of a PDF is empty or no size");
                return Err(Error::new(ErrorKind::InvalidRequest, message));
            }
        }
        Ok(())
    }
}

/// What is exported.
#[derive(Debug, Clone)]
enum What {
    Pdf,
    Excel,
    Visualization(String, &'static str),
}

/// An export of an instance that is not begun yet; awaiting one of its methods begins it. The file
/// comes in pieces and is never in memory as a whole, also where the server sends it as base64 in
/// JSON (PDF).
///
/// If the instance is gone, after a re-login say, it is executed again, once, with the answers to
/// its prompts.
///
/// ```no_run
/// use std::time::Duration;
/// use mstr_rest_api::{DashboardsExt, DocumentRequest, PdfOptions};
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let dashboard = session.in_project("MicroStrategy Tutorial").dashboards().dashboard("335F");
/// let instance = dashboard.run(DocumentRequest::new()).await?;
/// let bytes = instance.pdf(PdfOptions::new()).respond_async(true).to_file("sales.pdf").await?;
/// println!("{bytes} bytes");
/// instance.delete().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "an export does nothing until one of its methods is awaited"]
pub struct Export {
    instance: DocumentInstance,
    what: What,
    options: PdfOptions,
    is_async: bool,
    timeout: Duration,
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").field("what", &self.what).finish_non_exhaustive()
    }
}

impl Export {
    pub(super) fn pdf(instance: &DocumentInstance, options: PdfOptions) -> Self {
        Self::of(instance, What::Pdf, options)
    }

    pub(super) fn excel(instance: &DocumentInstance) -> Self {
        Self::of(instance, What::Excel, PdfOptions::new())
    }

    pub(super) fn visualization_csv(instance: &DocumentInstance, key: &str) -> Self {
        Self::of(instance, What::Visualization(key.to_owned(), "csv"), PdfOptions::new())
    }

    pub(super) fn visualization_pdf(
        instance: &DocumentInstance,
        key: &str,
        options: PdfOptions,
    ) -> Self {
        Self::of(instance, What::Visualization(key.to_owned(), "pdf"), options)
    }

    fn of(instance: &DocumentInstance, what: What, options: PdfOptions) -> Self {
        Self {
            instance: instance.clone(),
            what,
            options,
            is_async: false,
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// Whether the server makes it in the background while the client asks how far it is: for
    /// exports that take longer than proxies in between stay silent. PDF of whole documents and
    /// dashboards only: the vendor's client lists results for no others.
    pub fn respond_async(mut self, yes: bool) -> Self {
        self.is_async = yes;
        self
    }

    /// Timeout until the first byte of the file. Default: 10 minutes. In the background it bounds
    /// the whole time until then; else the longest time without a byte on the connection.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The bytes of the file as they come.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) for options that [`PdfOptions::check`] refuses
    /// and for what cannot be [in the background](Self::respond_async), and nothing is sent;
    /// [`Timeout`](ErrorKind::Timeout) when the [timeout](Self::timeout) is over. Items of the
    /// stream fail as [`StreamingResponse::bytes_stream`] does, and with
    /// [`Decode`](ErrorKind::Decode) when the server's JSON is no export or breaks off: a stream
    /// that ends without an error was complete.
    pub async fn bytes_stream(self) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
        self.check()?;
        let (reply, result) = self.begin().await?;
        Ok(body(reply, result))
    }

    /// The whole file, in memory.
    ///
    /// # Errors
    /// As [`bytes_stream`](Self::bytes_stream).
    pub async fn bytes(self) -> Result<Bytes> {
        let mut pieces = pin!(self.bytes_stream().await?);
        let mut all = BytesMut::new();
        while let Some(piece) = pieces.try_next().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    /// Writes it to a file, and says how many bytes that are. The file is written beside its place
    /// and moved there when it is complete: after an error what was there before is still there. It
    /// keeps the permissions of a file that it replaces.
    ///
    /// # Errors
    /// As [`bytes_stream`](Self::bytes_stream); [`Io`](ErrorKind::Io) when the file cannot
    /// be written, which is found out before anything is asked for.
    pub async fn to_file(self, path: impl AsRef<Path>) -> Result<u64> {
        let path = path.as_ref().to_owned();
        let mut file = blocking(move || CompleteFile::new(path)).await?;
        let mut pieces = pin!(self.bytes_stream().await?);
        let (mut written, mut waiting) = (0, BytesMut::new());
        while let Some(piece) = pieces.try_next().await? {
            written += piece.len() as u64;
            waiting.extend_from_slice(&piece);
            if waiting.len() >= AT_ONCE {
                file = append(file, waiting.split().freeze()).await?;
            }
        }
        let file = append(file, waiting.freeze()).await?;
        blocking(move || file.complete()).await?;
        Ok(written)
    }

    /// Writes it to whatever can be written to, flushes that, and says how many bytes it were.
    /// What came before an error is written already.
    ///
    /// # Errors
    /// As [`bytes_stream`](Self::bytes_stream); [`Io`](ErrorKind::Io) when writing fails.
    pub async fn write_to<W: AsyncWrite + Unpin>(self, mut out: W) -> Result<u64> {
        let failed =
            |error| Error::with_source(ErrorKind::Io, "the export cannot be written", error);
        let mut pieces = pin!(self.bytes_stream().await?);
        let mut written = 0;
        while let Some(piece) = pieces.try_next().await? {
            written += piece.len() as u64;
            out.write_all(&piece).await.map_err(failed)?;
        }
        out.flush().await.map_err(failed)?;
        Ok(written)
    }

    fn check(&self) -> Result<()> {
        if self.is_async && !matches!(self.what, What::Pdf) {
            let message = "only PDF exports of whole documents can be made in the background";
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        self.options.check()
    }

    /// The reply whose body is the export, and what clears its result away. An instance that is
    /// gone is executed again.
    async fn begin(&self) -> Result<(StreamingResponse, Option<DeleteOnDrop>)> {
        let id = self.instance.id();
        match self.send(&id).await {
            Err(error) if error.is_instance_gone() => {
                self.instance.reexecute_gone(&id).await?;
                self.send(&self.instance.id()).await
            }
            other => other,
        }
    }

    async fn send(&self, instance: &str) -> Result<(StreamingResponse, Option<DeleteOnDrop>)> {
        let call = self.call(Method::POST, instance).read_timeout(self.timeout);
        let call = call.json(&self.options.0);
        if !self.is_async {
            return Ok((call.stream().await?, None));
        }
        let afterwards = "it was cancelled: raise the limit with `Export::timeout`";
        let polling = Polling::new(self.name(), afterwards, self.timeout);
        let reply = call.header("Prefer", "respond-async").stream().await?;
        if reply.status() != StatusCode::ACCEPTED {
            return Ok((reply, None));
        }
        let asked = reply.retry_after();
        let Begun { id, result_id } = reply.read().await?.json()?;
        let result = [id, result_id].into_iter().find(|id| !id.is_empty());
        let result = result.ok_or_else(|| {
            Error::new(ErrorKind::Decode, "the reply names no result of the export (id)")
        })?;
        let delete = self.call(Method::DELETE, instance).segment(&result);
        let cleanup = DeleteOnDrop::by(delete.decode_with(|_| Ok(())));
        let ask = async || {
            // the timeout of the export bounds the wait, not the body
            let call = self.call(Method::GET, instance).segment(&result);
            let reply = call.read_timeout(self.timeout).stream().send().await?;
            Ok(if reply.status() == StatusCode::ACCEPTED {
                Step::PENDING.after(reply.retry_after())
            } else {
                Step::Done(reply)
            })
        };
        match polling.until_done(asked, ask).await {
            Ok(reply) => Ok((reply, Some(cleanup))),
            Err(error) => {
                cleanup.now().await;
                Err(error)
            }
        }
    }

    /// Names it in errors.
    fn name(&self) -> String {
        format!("the export of {}", self.instance.source)
    }

    fn call(&self, method: Method, instance: &str) -> Call<Response> {
        let call = self.instance.source.v1(method).segment("instances").segment(instance);
        match &self.what {
            What::Pdf => call.segment("pdf"),
            What::Excel => call.segment("excel"),
            What::Visualization(key, format) => {
                call.segment("visualizations").segment(key).segment(format)
            }
        }
    }
}

/// What the server says of an export in the background. No source shows its name of the id.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Begun {
    #[serde(deserialize_with = "lenient::text")]
    id: String,
    #[serde(deserialize_with = "lenient::text")]
    result_id: String,
}

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// A body under way.
struct Body {
    pieces: Pieces,
    /// None for bytes that come as they are.
    decoder: Option<Base64Member>,
    is_empty: bool,
    /// The result on the server, as long as it is needed.
    result: Option<DeleteOnDrop>,
}

/// The bytes of the file that a reply carries.
fn body(
    reply: StreamingResponse,
    result: Option<DeleteOnDrop>,
) -> impl Stream<Item = Result<Bytes>> + Send {
    let kind = reply.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    let is_json = kind.eq_ignore_ascii_case("application/json");
    let decoder = is_json.then(Base64Member::new);
    let body = Body { pieces: Box::pin(reply.bytes_stream()), decoder, is_empty: true, result };
    try_unfold(body, async |mut body| {
        while let Some(piece) = body.pieces.try_next().await? {
            let piece = match &mut body.decoder {
                Some(decoder) => decoder.push(&piece)?.into(),
                None => piece,
            };
            if !piece.is_empty() {
                body.is_empty = false;
                return Ok(Some((piece, body)));
            }
        }
        if let Some(decoder) = &body.decoder {
            decoder.finish()?;
            if body.is_empty {
                let message = "the reply holds an export of no bytes: run it again, and look at it \
                               in the browser if that stays so";
                return Err(Error::new(ErrorKind::Decode, message));
            }
        }
        if let Some(result) = body.result.take() {
            result.now().await;
        }
        Ok(None)
    })
}

/// Writes a piece.
async fn append(mut file: CompleteFile, piece: Bytes) -> Result<CompleteFile> {
    blocking(move || match file.write_all(&piece) {
        Ok(()) => Ok(file),
        Err(error) => {
            let what = format!("{} cannot be written", file.path().display());
            Err(Error::with_source(ErrorKind::Io, what, error))
        }
    })
    .await
}

/// Off the runtime's threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Error::interrupted("writing the file"))?
}
