//! Lists that come in pages: one page as a call, all pages or all items as a stream.

mod page;
mod pager;

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use mstr_rest_core::{Call, Error, ErrorKind, Response, Result};
use serde::de::DeserializeOwned;

pub use page::Page;
pub(crate) use page::Wrapped;
pub(crate) use pager::Pager;

type BoxStream<T> = Pin<Box<dyn Stream<Item = Result<T>> + Send>>;

/// A list of the server, not asked for yet. What a page holds, in what order, is the server's.
///
/// Every page is a [`Call`] of its own: sent again by the session's retry policy, after a re-login
/// if the session expired in the middle, in the session's project. Pages are asked for one by one
/// as the stream is read; a stream that is dropped asks for no more.
///
/// ```no_run
/// use mstr_rest_api::UsersExt;
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// // one by one, however many there are
/// let mut users = session.users().list().name_begins_with("Sm").stream();
/// while let Some(user) = users.next().await {
///     println!("{}", user?.name);
/// }
/// // the first hundred, in memory
/// let some = session.users().list().limit(100).all().await?;
/// // one page, and how many there are in all
/// let page = session.users().list().page(0, 10).await?;
/// println!("{} of {:?}", page.items.len(), page.total);
/// # Ok(())
/// # }
/// ```
///
/// # What ends it
/// The total that the server says (`x-mstr-total-count`, or `totalItems` in the body). Without one,
/// an empty page. A server may give fewer items than were asked for; the next page begins behind
/// those that came. It is an error, [`Api`](ErrorKind::Api), and no short list, when the total
/// changes while the list is read, when a page is empty before the total is reached, when a page
/// comes twice, and behind 100,000 pages. [`allow_changes`](Self::allow_changes) takes what comes.
#[must_use = "a list is not asked for until it is awaited or streamed"]
pub struct List<T> {
    call: Call<Page<T>>,
    pager: Pager,
    /// The most that the server gives at once.
    most: u64,
}

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        Self { call: self.call.clone(), pager: self.pager.clone(), most: self.most }
    }
}

impl<T: DeserializeOwned + Send + 'static> List<T> {
    /// The list that this call gives, without its `offset` and `limit`.
    pub(crate) fn new(call: Call<Response>) -> Self {
        let call = call.require_session().decode_with(Page::decode);
        Self { call, pager: Pager::default(), most: u64::MAX }
    }
}

impl<T: Send + 'static> List<T> {
    /// For lists that change all the time by themselves.
    pub(crate) fn changing(self) -> Self {
        self.allow_changes(true)
    }

    /// For lists whose total is known to be wrong.
    pub(crate) fn without_total(mut self) -> Self {
        self.pager.trust_total = false;
        self
    }

    /// For lists of which the server gives only so many items at once, and fails when it is asked
    /// for more.
    pub(crate) fn at_most(mut self, items: u64) -> Self {
        self.most = items;
        self.page_size(items)
    }

    /// How many items to ask for at once: 1000 unless this says otherwise. The server may give
    /// fewer. Where it has a maximum (200 for what a prompt offers), that is the default and the
    /// most that is asked for.
    pub fn page_size(mut self, items: u64) -> Self {
        self.pager.page_size = items.min(self.most);
        self
    }

    /// How many items there shall be at most, over all pages.
    pub fn limit(mut self, items: u64) -> Self {
        self.pager.left = Some(items);
        self
    }

    /// How many items of the list are left out at its beginning.
    pub fn offset(mut self, items: u64) -> Self {
        self.pager.next = items;
        self
    }

    /// Whether the list may change while it is read. If it may, items can be missing or come
    /// twice. Lists of jobs and caches may, for they change by themselves; all others may not
    /// unless this says so.
    pub fn allow_changes(mut self, yes: bool) -> Self {
        self.pager.may_change = yes;
        self
    }

    /// Changes the call of every page: further query parameters that a server knows, a timeout,
    /// another retry policy.
    ///
    /// ```no_run
    /// # use mstr_rest_api::UsersExt;
    /// # fn example(session: mstr_rest_core::Session) {
    /// let list = session.users().list().with(|call| call.query("fields", "id,name"));
    /// # let _ = list;
    /// # }
    /// ```
    pub fn with(mut self, change: impl FnOnce(Call<Page<T>>) -> Call<Page<T>>) -> Self {
        self.call = change(self.call);
        self
    }

    /// One page: at most `limit` items from `offset` on. Neither [`offset`](Self::offset) nor
    /// [`limit`](Self::limit) of the list count here.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) for a limit of 0, and
    /// [`NoSession`](ErrorKind::NoSession) without a token: nothing is sent then.
    pub fn page(&self, offset: u64, limit: u64) -> Call<Page<T>> {
        if limit == 0 {
            let message = "a page has at least one item";
            return self.call.clone().fail_with(Error::new(ErrorKind::InvalidRequest, message));
        }
        self.call.clone().query("offset", offset).query("limit", limit.min(self.most))
    }

    /// All pages, in order.
    pub fn pages(self) -> Pages<T> {
        let pager = self.pager.clone();
        Pages::new(pager, move |offset, limit| Box::pin(self.page(offset, limit).send()))
    }

    /// All items, in order.
    pub fn stream(self) -> Items<T> {
        self.pages().items()
    }

    /// All items, in memory. Awaiting the list is the same.
    ///
    /// # Errors
    /// As [`stream`](Self::stream): the first error of any page.
    pub async fn all(self) -> Result<Vec<T>> {
        self.stream().inner.try_collect().await
    }
}

impl<T: Send + 'static> IntoFuture for List<T> {
    type Output = Result<Vec<T>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.all())
    }
}

impl<T> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List")
            .field("call", &self.call)
            .field("pager", &self.pager)
            .finish_non_exhaustive()
    }
}

type Fetching<T> = Pin<Box<dyn Future<Output = Result<Page<T>>> + Send>>;

/// The pages of a list, as a [`Stream`]; also with [`next`](Self::next) alone. It ends behind the
/// first error.
///
/// ```no_run
/// # use mstr_rest_api::UsersExt;
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let mut pages = session.users().list().page_size(500).pages();
/// while let Some(page) = pages.next().await {
///     println!("{} users more", page?.items.len());
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "streams do nothing until they are read"]
pub struct Pages<T> {
    inner: BoxStream<Page<T>>,
}

impl<T: Send + 'static> Pages<T> {
    /// Pages from whatever fetches them.
    pub(crate) fn new<F>(pager: Pager, fetch: F) -> Self
    where
        F: FnMut(u64, u64) -> Fetching<T> + Send + 'static,
    {
        let inner = stream::try_unfold((pager, fetch), |(mut pager, mut fetch)| async move {
            let Some((offset, limit)) = pager.ask()? else { return Ok(None) };
            let mut page = fetch(offset, limit).await?;
            page.offset = offset;
            pager.take(&mut page)?;
            // what is empty ends the list, and is no page of it
            Ok((!page.items.is_empty()).then_some((page, (pager, fetch))))
        });
        Self { inner: Box::pin(inner) }
    }

    /// The items of the pages.
    pub fn items(self) -> Items<T> {
        let items = self.inner.map_ok(|page| stream::iter(page.items).map(Ok)).try_flatten();
        Items { inner: Box::pin(items) }
    }

    /// The next page; `None` behind the last one.
    pub async fn next(&mut self) -> Option<Result<Page<T>>> {
        self.inner.next().await
    }
}

impl<T> Stream for Pages<T> {
    type Item = Result<Page<T>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inner.as_mut().poll_next(cx)
    }
}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pages")
    }
}

/// The items of a list, as a [`Stream`]; also with [`next`](Self::next) alone. It ends behind the
/// first error.
///
/// ```no_run
/// # use mstr_rest_api::UsersExt;
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let mut users = session.users().list().stream();
/// while let Some(user) = users.next().await {
///     println!("{}", user?.name);
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "streams do nothing until they are read"]
pub struct Items<T> {
    inner: BoxStream<T>,
}

impl<T> Items<T> {
    /// The next item; `None` behind the last one.
    pub async fn next(&mut self) -> Option<Result<T>> {
        self.inner.next().await
    }
}

impl<T> Stream for Items<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inner.as_mut().poll_next(cx)
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Items")
    }
}
