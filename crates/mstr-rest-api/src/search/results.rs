//! The result of a search, page by page, also behind a re-login.

use std::pin::Pin;
use std::sync::Arc;

use mstr_rest_core::{Error, ErrorKind, Result};
use tokio::sync::Mutex;

use super::SearchResult;
use crate::paging::Pager;
use crate::{List, Object, Page, Pages};

/// A search whose result is read.
pub(super) struct Search {
    search: super::Search,
    /// The server's result, once there is one. Pages are read one by one: nobody waits here.
    result: Arc<Mutex<Option<SearchResult>>>,
}

impl Search {
    pub(super) fn new(search: super::Search) -> Self {
        Self { search, result: Arc::default() }
    }

    pub(super) fn pages(self) -> Pages<Object> {
        let mut pager = Pager::default();
        pager.page_size = self.search.page_size;
        pager.left = self.search.limit;
        Pages::new(pager, move |offset, limit| self.fetch(offset, limit))
    }

    fn fetch(
        &self,
        offset: u64,
        limit: u64,
    ) -> Pin<Box<dyn Future<Output = Result<Page<Object>>> + Send>> {
        let (search, known) = (self.search.clone(), Arc::clone(&self.result));
        Box::pin(async move {
            let mut known = known.lock().await;
            if known.is_none() {
                *known = Some(begin(&search).await?);
            }
            let Some(result) = known.as_mut() else { return Err(nameless()) };
            match page(&search, result, offset, limit).await {
                // the result went with the session: the search begins anew, which logs in again
                // where the session does so
                Err(error) if is_gone(&error) => {
                    let again = begin(&search).await?;
                    if again.total_items != result.total_items {
                        return Err(Error::new(
                            ErrorKind::Api,
                            "the session expired while the search was read, and it finds another \
                             number of objects now",
                        ));
                    }
                    *result = again;
                    page(&search, result, offset, limit).await
                }
                page => page,
            }
        })
    }
}

async fn begin(search: &super::Search) -> Result<SearchResult> {
    let result = search.begin().await?;
    if result.id.is_empty() { Err(nameless()) } else { Ok(result) }
}

fn nameless() -> Error {
    Error::new(ErrorKind::Decode, "the reply names no search (id)")
}

async fn page(
    search: &super::Search,
    result: &SearchResult,
    offset: u64,
    limit: u64,
) -> Result<Page<Object>> {
    let call = search.session.get("metadataSearches/results").query("searchId", &result.id);
    List::new(call.relogin(false)).page(offset, limit).await
}

/// The session expired, or is another one by now: then the server does not know the search. How
/// it says that is not known; asking once more does no harm.
fn is_gone(error: &Error) -> bool {
    error.is_session_expired()
        || matches!(error.kind(), ErrorKind::ResourceNotFound | ErrorKind::InvalidRequest)
}
