//! All pages of an instance as one stream of record batches: fetched ahead, decoded in order.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use bytes::Bytes;
use mstr_rest_api::DataChanged;
use mstr_rest_core::{Error, ErrorKind, Result};

use crate::cut::Cut;
use crate::fetch::{Fetch, Fetched, Page, Pages};
use crate::grid::{GridPage, GridReader, only_row};
use crate::layout::Kinds;
use crate::options::GridOptions;
use crate::page::Paging;

/// Pages that are decoded at once, if there are as many processors.
const DECODED_AT_ONCE: usize = 4;

/// How far a table has come. Given to the progress callback after every batch; of a table that was
/// written it says what was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Rows of the table so far. They differ from grid rows in cross-tabs, with metrics in rows and
    /// with subtotals.
    pub rows: u64,
    /// Grid rows so far.
    pub grid_rows: u64,
    /// Grid rows in all. With page-by, of the pages up to the one that is read now.
    pub total_grid_rows: u64,
    /// Bytes of JSON so far, decompressed.
    pub bytes: u64,
}

/// How a table is read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Start {
    pub(crate) options: GridOptions,
    /// The types of the columns, where an earlier reading found them out.
    pub(crate) kinds: Option<Kinds>,
    /// Requests under way at once; by the weight of a page unless it is said.
    pub(crate) ahead: Option<usize>,
    /// Rows of a page; by their weight unless it is said.
    pub(crate) limit: Option<u64>,
    /// The page of page-by that comes first, by the ids of its elements.
    pub(crate) shown: Vec<String>,
}

/// The rows of an instance, page by page.
#[derive(Debug)]
pub(crate) struct Reader {
    grid: Option<GridReader>,
    pages: Pages,
    /// How many requests may be under way at once, and how many rows they ask for.
    cut: Cut,
    running: VecDeque<Fetch>,
    /// What the server left out of a page, to be decoded before all else.
    rest: Option<Fetch>,
    /// Fetched and not yet decoded: the next bodies in order.
    ready: VecDeque<Fetched>,
    /// Decoded and not yet given out, with how much JSON it was.
    decoded: VecDeque<(GridPage, u64)>,
    /// What came instead of the page after those.
    failed: Option<Error>,
    /// The first grid row that nobody asked for yet.
    next: u64,
    /// The first grid row that is not decoded yet.
    at: u64,
    total: u64,
    /// While nobody said how many rows there are: the page before, which must not come again.
    endless: Option<Bytes>,
    /// The execution that is read, and what its last decoded grid row held.
    execution: Arc<str>,
    last_row: String,
    options: GridOptions,
    /// Of what was given out.
    rows: u64,
    grid_rows: u64,
    bytes: u64,
    /// Grid rows of the pages of page-by before this one.
    before: u64,
    finished: bool,
    schema: SchemaRef,
}

impl Reader {
    /// Decodes the first page, which says what the table is like.
    pub(crate) async fn start(first: Page, pages: Pages, start: Start) -> Result<Self> {
        let Start { options, kinds, ahead, limit, shown } = start;
        let mut grid = GridReader::with_kinds(options.clone(), kinds);
        grid.show(shown);
        let mut reader = Self {
            grid: Some(grid),
            pages,
            cut: Cut::new(limit, ahead),
            running: VecDeque::new(),
            rest: None,
            ready: VecDeque::new(),
            decoded: VecDeque::new(),
            failed: None,
            next: 0,
            at: 0,
            total: 0,
            endless: None,
            execution: Arc::clone(&first.execution),
            last_row: String::new(),
            options,
            rows: 0,
            grid_rows: 0,
            bytes: 0,
            before: 0,
            finished: false,
            schema: Arc::new(Schema::empty()),
        };
        let glimpse = Paging::glimpse(&first.body);
        if let Some(paging) = glimpse {
            reader.cut.begin(&first.body, paging.current);
        }
        let body = first.body.clone();
        let rows = reader.begin(first, glimpse).await?;
        reader.cut.begin(&body, rows);
        if let Some((page, _)) = reader.decoded.front() {
            reader.schema = page.batch.schema();
        }
        reader.fill();
        Ok(reader)
    }

    /// Goes on with another page of page-by, whose first rows these are: the table is the same.
    pub(crate) async fn turn(&mut self, first: Page, shown: Vec<String>) -> Result<()> {
        self.before = self.before.saturating_add(self.total);
        self.finished = false;
        self.execution = Arc::clone(&first.execution);
        if let Some(grid) = &mut self.grid {
            grid.show(shown);
        }
        let glimpse = Paging::glimpse(&first.body);
        self.begin(first, glimpse).await?;
        self.fill();
        Ok(())
    }

    /// Decodes a first page and says how many rows it has. The next ones are asked for meanwhile,
    /// as far as it tells at a glance what there is; what it says when it was read counts.
    async fn begin(&mut self, first: Page, glimpse: Option<Paging>) -> Result<u64> {
        if let Some(paging) = glimpse {
            (self.total, self.next) = (paging.total, paging.current);
            self.fill();
        }
        let body = first.body.clone();
        let bytes = body.len() as u64;
        let mut pages = self.decode(vec![first.body], |_| true).await?;
        let Some(page) = pages.pop().transpose()? else {
            return Err(short("there is no first page"));
        };
        if page.offset != 0 {
            return Err(short(format!("the first page begins at row {}", page.offset)));
        }
        // without paging the rest is asked for until a page is empty
        let is_last = page.total.is_some() || page.rows == 0;
        self.endless = (!is_last).then_some(body);
        let total = page.total.unwrap_or(if is_last { 0 } else { u64::MAX });
        if glimpse.is_none_or(|seen| (seen.total, seen.current) != (total, page.rows)) {
            self.running.clear();
            self.next = page.rows;
        }
        let rows = page.rows;
        (self.total, self.at) = (total, rows);
        self.last_row.clone_from(&page.last_row);
        self.decoded.push_back((page, bytes));
        Ok(rows)
    }

    /// Rows that are asked for at once.
    pub(crate) fn limit(&self) -> u64 {
        self.cut.limit()
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    pub(crate) fn progress(&self) -> Progress {
        Progress {
            rows: self.rows,
            grid_rows: self.grid_rows,
            total_grid_rows: match self.endless {
                Some(_) => self.before.saturating_add(self.at),
                None => self.before.saturating_add(self.total),
            },
            bytes: self.bytes,
        }
    }

    /// The next rows; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some((page, bytes)) = self.decoded.pop_front() {
                self.rows += page.batch.num_rows() as u64;
                self.grid_rows += page.rows;
                self.bytes += bytes;
                return Ok(Some(page.batch));
            }
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            self.gather().await?;
            if self.ready.is_empty() {
                return self.finish();
            }
            self.decode_ready().await?;
        }
    }

    /// Waits for the next body, and takes those after it that are there already.
    async fn gather(&mut self) -> Result<()> {
        self.fill();
        if let Some(rest) = self.rest.take() {
            for body in rest.bodies(self.total).await?.into_iter().rev() {
                self.ready.push_front(body);
            }
        }
        if self.ready.is_empty()
            && let Some(fetch) = self.running.pop_front()
        {
            self.ready.extend(fetch.bodies(self.total).await?);
        }
        while self.ready.len() < at_once()
            && self.running.front().is_some_and(Fetch::is_over)
            && let Some(fetch) = self.running.pop_front()
        {
            match fetch.bodies(self.total).await {
                Ok(bodies) => self.ready.extend(bodies),
                // the rows before it come first
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        self.fill();
        Ok(())
    }

    /// Decodes what is ready, up to the first page that lacks rows or is of another execution.
    async fn decode_ready(&mut self) -> Result<()> {
        self.check_execution().await?;
        let same = |body: &&Fetched| body.page.execution == self.execution;
        let most = if self.endless.is_some() { 1 } else { at_once() };
        let count = self.ready.iter().take(most).take_while(same).count();
        let next = self.ready.front().map(|body| body.page.body.clone());
        if self.endless.is_some() && self.endless == next {
            return Err(short(
                "no page says how many rows there are (paging), and the same page came twice",
            ));
        }
        let bodies = self.ready.iter().take(count).map(|body| body.page.body.clone()).collect();
        let ends: Vec<_> = self.ready.iter().take(count).map(|body| body.end).collect();
        let mut wanted = ends.clone().into_iter();
        let fits = move |page: &GridPage| {
            let end = wanted.next().flatten();
            end.is_none_or(|end| page.offset.saturating_add(page.rows) >= end)
        };
        let was_endless = self.endless.is_some();
        let pages = self.decode(bodies, fits).await?;
        for (page, end) in pages.into_iter().zip(ends) {
            let weight = self.ready.pop_front().map_or(0, |body| body.page.body.len() as u64);
            match page.and_then(|page| self.continued_by(page)) {
                Ok(page) => {
                    self.at += page.rows;
                    self.cut.weigh(weight, page.rows);
                    self.last_row.clone_from(&page.last_row);
                    self.decoded.push_back((page, weight));
                }
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
            if self.endless.is_some() {
                self.endless.clone_from(&next);
            }
            if let Some(end) = end.filter(|end| self.at < (*end).min(self.total)) {
                // the server sent fewer rows than it was asked for
                self.rest = Some(self.fetch(self.at, end - self.at));
            }
        }
        if was_endless && self.endless.is_none() {
            // what was asked for meanwhile lies behind the end
            self.running.clear();
            self.ready.clear();
            self.next = self.at;
        }
        Ok(())
    }

    /// If what is ready comes from another execution than the rows before it: whether that one has
    /// the same row where they end. Otherwise its rows are others, and reading on would repeat some
    /// and leave out others.
    async fn check_execution(&mut self) -> Result<()> {
        loop {
            let Some(next) = self.ready.front() else { return Ok(()) };
            if next.page.execution == self.execution {
                return Ok(());
            }
            let execution = Arc::clone(&next.page.execution);
            if let Some(last) = self.at.checked_sub(1) {
                let page = self.pages.one(last, 1).await?;
                let digits = self.grid.as_ref().is_some_and(GridReader::reads_digits);
                if only_row(&page.body, &self.options, digits)? != self.last_row {
                    return Err(moved(self.at));
                }
            }
            self.execution = execution;
        }
    }

    /// From now on a value that does not fit its column widens the column, and dictionaries are
    /// those of a page.
    pub(crate) fn read_whole(&mut self) {
        if let Some(grid) = &mut self.grid {
            grid.read_whole();
        }
    }

    /// The types of the columns that are known by now.
    pub(crate) fn kinds(&self) -> Option<Kinds> {
        self.grid.as_ref().and_then(GridReader::kinds)
    }

    fn finish(&mut self) -> Result<Option<RecordBatch>> {
        if std::mem::replace(&mut self.finished, true) {
            return Ok(None);
        }
        if self.at != self.total {
            return Err(short(format!("{} of {} rows came", self.at, self.total)));
        }
        let rest = match &mut self.grid {
            Some(grid) => grid.finish()?,
            None => None,
        };
        self.rows += rest.as_ref().map_or(0, |batch| batch.num_rows() as u64);
        Ok(rest)
    }

    /// Keeps as many requests under way as there may be.
    fn fill(&mut self) {
        let ahead = if self.endless.is_some() { 1 } else { self.cut.ahead() };
        while self.running.len() < ahead && self.next < self.total {
            let limit = self.cut.limit().min(self.total - self.next);
            let fetch = self.fetch(self.next, limit);
            self.running.push_back(fetch);
            self.next += limit;
        }
    }

    fn fetch(&self, offset: u64, limit: u64) -> Fetch {
        Fetch::start(&self.pages, offset, limit)
    }

    /// The page, if it is the next one of this table.
    fn continued_by(&mut self, page: GridPage) -> Result<GridPage> {
        if self.endless.is_some() && (page.total.is_some() || page.rows == 0) {
            self.endless = None;
            self.total = page.total.unwrap_or(self.at);
            if page.total.is_none() {
                return Ok(GridPage { offset: self.at, ..page });
            }
        }
        if page.total.is_some_and(|total| total != self.total) {
            return Err(short(format!(
                "the instance had {} rows and has {} now",
                self.total,
                page.total.unwrap_or_default()
            )));
        }
        let page = GridPage { offset: page.total.map_or(self.at, |_| page.offset), ..page };
        if page.offset != self.at || page.rows == 0 {
            return Err(short(format!(
                "after row {} came {} rows from {} on",
                self.at, page.rows, page.offset
            )));
        }
        Ok(page)
    }

    /// Off the runtime's threads: a page takes some milliseconds. Ends behind the first page that
    /// cannot be read, or that is not `complete`.
    async fn decode(
        &mut self,
        bodies: Vec<Bytes>,
        mut complete: impl FnMut(&GridPage) -> bool + Send + 'static,
    ) -> Result<Vec<Result<GridPage>>> {
        let Some(mut grid) = self.grid.take() else {
            return Err(short("an earlier page could not be read"));
        };
        let decoding = tokio::task::spawn_blocking(move || {
            let mut pages = Vec::with_capacity(bodies.len());
            let mut is_broken = false;
            let bodies: Vec<&[u8]> = bodies.iter().map(AsRef::as_ref).collect();
            grid.read_many(&bodies, |page| {
                let goes_on = page.as_ref().is_ok_and(&mut complete);
                is_broken = page.is_err();
                pages.push(page);
                if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            ((!is_broken).then_some(grid), pages)
        });
        let (grid, pages) = decoding.await.map_err(|_| Error::interrupted("decoding a page"))?;
        self.grid = grid;
        Ok(pages)
    }
}

/// Bodies that are decoded at once.
fn at_once() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| {
        std::thread::available_parallelism().map_or(1, |count| count.get().min(DECODED_AT_ONCE))
    })
}

/// The pages do not make one table.
fn short(what: impl Into<String>) -> Error {
    let what = what.into();
    Error::new(ErrorKind::Decode, format!("the pages do not fit together: {what}"))
}

/// Another execution has other rows.
fn moved(at: u64) -> Error {
    let message = format!(
        "the instance was gone, and executed again it has other data before row {at}: read it from \
         the start"
    );
    Error::with_source(ErrorKind::Api, message, DataChanged::default())
}

#[cfg(test)]
mod tests;
