//! Requests for pages that are under way.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use mstr_rest_api::ErrorExt as _;
use mstr_rest_core::{Error, Result};
use tokio::task::JoinHandle;

type Fetching = Pin<Box<dyn Future<Output = Result<Page>> + Send>>;

/// The body of a reply, and the id of the execution that it is of: an instance that was gone is
/// executed again.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) body: Bytes,
    pub(crate) execution: Arc<str>,
}

/// Where pages come from: the body of the reply for `(offset, limit)` in grid rows.
#[derive(Clone)]
pub(crate) struct Pages(Arc<dyn Fn(u64, u64) -> Fetching + Send + Sync>);

impl Pages {
    pub(crate) fn new<F, Fut>(fetch: F) -> Self
    where
        F: Fn(u64, u64) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Page>> + Send + 'static,
    {
        Self(Arc::new(move |offset, limit| Box::pin(fetch(offset, limit))))
    }

    /// One page, as it comes.
    pub(crate) fn one(&self, offset: u64, limit: u64) -> Fetching {
        (self.0)(offset, limit)
    }

    /// The rows from `offset` on, in one body or, where the server takes too long for that, in
    /// several.
    fn fetch(
        self,
        offset: u64,
        limit: u64,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<Page>>> + Send>> {
        Box::pin(async move {
            match (self.0)(offset, limit).await {
                Ok(page) => Ok(vec![page]),
                Err(error) if error.is_request_timeout() && limit > 1 => {
                    let half = limit / 2;
                    let mut pages = self.clone().fetch(offset, half).await?;
                    pages.extend(self.fetch(offset + half, limit - half).await?);
                    Ok(pages)
                }
                Err(error) => Err(error),
            }
        })
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pages")
    }
}

/// A request under way, which ends with whoever waits for it.
#[derive(Debug)]
pub(crate) struct Fetch {
    offset: u64,
    limit: u64,
    task: JoinHandle<Result<Vec<Page>>>,
}

impl Fetch {
    pub(crate) fn start(pages: &Pages, offset: u64, limit: u64) -> Self {
        Self { offset, limit, task: tokio::spawn(pages.clone().fetch(offset, limit)) }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.task.is_finished()
    }

    /// What came, once it is there.
    pub(crate) async fn bodies(mut self, total: u64) -> Result<Vec<Fetched>> {
        let bodies =
            (&mut self.task).await.map_err(|_| Error::interrupted("fetching a page"))??;
        let end = self.offset.saturating_add(self.limit).min(total);
        let last = bodies.len();
        let fetched = bodies.into_iter().zip(1..);
        Ok(fetched.map(|(page, n)| Fetched { page, end: (n == last).then_some(end) }).collect())
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A body that was fetched.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) page: Page,
    /// Of the last body of a fetch: the grid row up to which it was asked for.
    pub(crate) end: Option<u64>,
}
