//! The grids of visualizations of executed dashboards.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::Method;
use mstr_rest_core::{Call, Error, ErrorKind, Result};

use super::DocumentInstance;
use crate::errors;
use crate::executable::Kind;
use crate::execution;
use crate::{ChapterKey, ErrorExt, GridRequest};

/// A visualization of a dashboard that was run: its grid is one as reports have them.
///
/// ```no_run
/// use mstr_rest_api::{DashboardsExt, DocumentRequest};
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let instance = session.dashboards().dashboard("335F").run(DocumentRequest::new()).await?;
/// for chapter in instance.definition().await?.chapters {
///     for shown in chapter.pages.iter().flat_map(|page| &page.visualizations) {
///         let page = instance.visualization(&chapter, &shown.key).page(0, 1000).await?;
///         println!("{}: {} bytes", shown.name, page.len());
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Visualization {
    instance: DocumentInstance,
    chapter: ChapterKey,
    key: Arc<str>,
    /// How it was when it was read last.
    seen: Arc<Mutex<Option<Seen>>>,
}

/// An execution, and how many lines the grid had in it.
type Seen = (Arc<str>, u64);

impl Visualization {
    pub(super) fn new(instance: &DocumentInstance, chapter: ChapterKey, key: String) -> Self {
        Self { instance: instance.clone(), chapter, key: key.into(), seen: Arc::default() }
    }

    /// Its key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The key of its chapter.
    pub fn chapter(&self) -> &ChapterKey {
        &self.chapter
    }

    /// The instance that it belongs to.
    pub fn instance(&self) -> &DocumentInstance {
        &self.instance
    }

    /// Lines `offset` to `offset + limit` as the bytes of the server's JSON:
    /// `GET /v2/dossiers/{id}/instances/{mid}/chapters/{chapter}/visualizations/{key}`. Dates come
    /// as `2024-01-31`; formatted values are left out.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) while it runs or prompts are open;
    /// [`NotSupported`](ErrorKind::NotSupported) for a document;
    /// [`is_instance_gone`](ErrorExt::is_instance_gone).
    pub fn page(&self, offset: u64, limit: u64) -> Call<Bytes> {
        self.page_of(&self.instance.execution_id(), offset, limit)
    }

    fn page_of(&self, id: &str, offset: u64, limit: u64) -> Call<Bytes> {
        let source = &self.instance.source;
        let call = source.v2(Method::GET).segment("instances").segment(id);
        let call = call.segment("chapters").segment(&self.chapter);
        let call = call.segment("visualizations").segment(&self.key);
        let call = GridRequest::designed().window(call, offset, limit);
        let last = self.instance.last_status();
        let call = call.decode_with(move |reply| execution::page(reply, last));
        if source.kind == Kind::Dashboard {
            return call;
        }
        let message = "grids are those of dashboards; of a document's visualization there are \
                       exports";
        call.fail_with(Error::new(ErrorKind::NotSupported, message))
    }

    /// A page, as [`page`](Self::page) gives it. If the instance is gone, it is re-executed, once
    /// for all waiting requests, with the same answers to its prompts; if the grid then has as many
    /// lines as before, reading continues at the same line.
    ///
    /// # Errors
    /// As [`page`](Self::page) and [`DocumentInstance::reexecute`]; [`Api`](ErrorKind::Api)
    /// when the total is another one: what was read before does not fit, and has to be read anew,
    /// by a [`visualization`](DocumentInstance::visualization) that has read nothing yet.
    pub fn page_or_reexecute(
        &self,
        offset: u64,
        limit: u64,
    ) -> impl Future<Output = Result<Bytes>> + Send + use<> {
        let this = self.clone();
        async move {
            let mut id = this.instance.execution_id();
            let mut page = this.page_of(&id, offset, limit).await;
            if page.as_ref().is_err_and(ErrorExt::is_instance_gone) {
                this.instance.reexecute_gone(&id).await?;
                id = this.instance.execution_id();
                page = this.page_of(&id, offset, limit).await;
            }
            let page = page?;
            this.same(&id, &page)?;
            Ok(page)
        }
    }

    /// Whether a page of another execution fits those before.
    fn same(&self, id: &Arc<str>, page: &[u8]) -> Result<()> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.as_ref().is_some_and(|(known, _)| known == id) {
            return Ok(());
        }
        let total = execution::total(page);
        match (seen.as_ref(), total) {
            (Some((_, before)), total) if total != Some(*before) => {
                Err(errors::total_changed(Some(*before), total, None))
            }
            (_, total) => {
                *seen = total.map(|total| (Arc::clone(id), total));
                Ok(())
            }
        }
    }
}

impl fmt::Debug for Visualization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visualization")
            .field("chapter", &self.chapter)
            .field("key", &self.key)
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}
