//! All pages of an instance as one stream of record batches: fetched ahead, decoded in order.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use bytes::Bytes;
use mstr_rest_api::ErrorExt as _;
use mstr_rest_core::{Error, ErrorKind, Result};
use tokio::task::JoinHandle;

use crate::grid::{GridOptions, GridPage, GridReader};
use crate::page::Paging;

/// What a page should weigh: large enough for few requests, small enough for flat memory.
const PAGE_BYTES: usize = 2 << 20;
const MOST_ROWS: usize = 100_000;

type Fetching = Pin<Box<dyn Future<Output = Result<Bytes>> + Send>>;

/// Where pages come from: the body of the reply for `(offset, limit)` in grid rows.
#[derive(Clone)]
pub(crate) struct Pages(Arc<dyn Fn(usize, usize) -> Fetching + Send + Sync>);

impl Pages {
    pub(crate) fn new<F, Fut>(fetch: F) -> Self
    where
        F: Fn(usize, usize) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Bytes>> + Send + 'static,
    {
        Self(Arc::new(move |offset, limit| Box::pin(fetch(offset, limit))))
    }

    /// The rows from `offset` on, in one body or, where the server takes too long for that, in
    /// several.
    fn fetch(
        self,
        offset: usize,
        limit: usize,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<Bytes>>> + Send>> {
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
struct Fetch {
    offset: usize,
    limit: usize,
    task: JoinHandle<Result<Vec<Bytes>>>,
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How far a table has come. Given to the progress callback after every batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Grid rows so far.
    pub rows: usize,
    /// Grid rows in all. With page-by, of the pages up to the one that is read now.
    pub total: usize,
    /// Bytes of JSON so far, decompressed.
    pub bytes: usize,
}

/// The rows of an instance, page by page.
#[derive(Debug)]
pub(crate) struct Reader {
    grid: Option<GridReader>,
    pages: Pages,
    ahead: usize,
    /// Fetched and not yet decoded: the next bodies in order.
    ready: VecDeque<Bytes>,
    running: VecDeque<Fetch>,
    /// The first grid row that nobody asked for yet.
    next: usize,
    /// The first grid row that is not decoded yet.
    at: usize,
    /// Up to which grid row the bodies that are ready were asked for.
    end: usize,
    limit: usize,
    total: usize,
    bytes: usize,
    /// Grid rows of the pages of page-by before this one.
    before: usize,
    finished: bool,
    schema: SchemaRef,
    /// The batch of the first page.
    first: Option<RecordBatch>,
}

impl Reader {
    /// Decodes the first page, which says what the table is like.
    pub(crate) async fn start(
        first: Bytes,
        pages: Pages,
        options: GridOptions,
        ahead: usize,
        limit: Option<usize>,
    ) -> Result<Self> {
        let mut reader = Self {
            grid: Some(GridReader::new(options)),
            pages,
            ahead: ahead.max(1),
            ready: VecDeque::new(),
            running: VecDeque::new(),
            next: 0,
            at: 0,
            end: 0,
            limit: 0,
            total: 0,
            bytes: 0,
            before: 0,
            finished: false,
            schema: Arc::new(Schema::empty()),
            first: None,
        };
        let weight = first.len();
        let cut = |rows| {
            let fitting = PAGE_BYTES.saturating_mul(rows) / weight.max(1);
            limit.unwrap_or(fitting).clamp(1, MOST_ROWS)
        };
        let glimpse = Paging::glimpse(&first);
        if let Some(paging) = glimpse {
            reader.limit = cut(paging.current);
        }
        let page = reader.begin(first, glimpse).await?;
        reader.limit = cut(page.rows);
        reader.schema = page.batch.schema();
        reader.fill();
        Ok(reader)
    }

    /// Goes on with another page of page-by, whose first rows these are: the table is the same.
    pub(crate) async fn turn(&mut self, first: Bytes) -> Result<()> {
        self.before += self.total;
        (self.end, self.finished) = (0, false);
        let glimpse = Paging::glimpse(&first);
        self.begin(first, glimpse).await?;
        self.fill();
        Ok(())
    }

    /// The next pages are asked for while the first one is decoded, as far as it tells at a
    /// glance what there is. What it says when it was read counts.
    async fn begin(&mut self, first: Bytes, glimpse: Option<Paging>) -> Result<GridPage> {
        if let Some(paging) = glimpse {
            (self.total, self.next) = (paging.total, paging.current);
            self.fill();
        }
        let page = self.decode(first).await?;
        if page.offset != 0 {
            return Err(short(format!("the first page begins at row {}", page.offset)));
        }
        if glimpse.is_none_or(|seen| (seen.total, seen.current) != (page.total, page.rows)) {
            self.running.clear();
            self.next = page.rows;
        }
        self.total = page.total;
        self.at = page.rows;
        self.first = Some(page.batch.clone());
        Ok(page)
    }

    /// Rows that are asked for at once.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    pub(crate) fn progress(&self) -> Progress {
        let (rows, total) = (self.before + self.at, self.before + self.total);
        Progress { rows, total, bytes: self.bytes }
    }

    /// The next rows; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        loop {
            if let Some(body) = self.ready.pop_front() {
                let batch = self.add(body).await?;
                if self.ready.is_empty() && self.at < self.end {
                    // the server sent fewer rows than it was asked for
                    let rest = self.fetch(self.at, self.end - self.at);
                    self.running.push_front(rest);
                }
                return Ok(Some(batch));
            }
            self.fill();
            let Some(mut fetch) = self.running.pop_front() else { return self.finish() };
            let bodies = (&mut fetch.task).await.map_err(|error| {
                Error::with_source(ErrorKind::Config, "fetching a page was stopped", error)
            })??;
            self.ready.extend(bodies);
            self.end = (fetch.offset + fetch.limit).min(self.total);
            self.fill();
        }
    }

    fn finish(&mut self) -> Result<Option<RecordBatch>> {
        if std::mem::replace(&mut self.finished, true) {
            return Ok(None);
        }
        if self.at != self.total {
            return Err(short(format!("{} of {} rows came", self.at, self.total)));
        }
        match &mut self.grid {
            Some(grid) => grid.finish(),
            None => Ok(None),
        }
    }

    /// Keeps as many requests under way as there may be.
    fn fill(&mut self) {
        while self.running.len() < self.ahead && self.next < self.total {
            let limit = self.limit.min(self.total - self.next);
            let fetch = self.fetch(self.next, limit);
            self.running.push_back(fetch);
            self.next += limit;
        }
    }

    fn fetch(&self, offset: usize, limit: usize) -> Fetch {
        Fetch { offset, limit, task: tokio::spawn(self.pages.clone().fetch(offset, limit)) }
    }

    async fn add(&mut self, body: Bytes) -> Result<RecordBatch> {
        let page = self.decode(body).await?;
        if page.total != self.total {
            return Err(short(format!(
                "the instance had {} rows and has {} now",
                self.total, page.total
            )));
        }
        if page.offset != self.at || page.rows == 0 {
            return Err(short(format!(
                "after row {} came {} rows from {} on",
                self.at, page.rows, page.offset
            )));
        }
        self.at += page.rows;
        Ok(page.batch)
    }

    /// Off the runtime's threads: a page takes some milliseconds.
    async fn decode(&mut self, body: Bytes) -> Result<GridPage> {
        self.bytes += body.len();
        let Some(mut grid) = self.grid.take() else {
            return Err(short("an earlier page could not be read"));
        };
        let decoding = tokio::task::spawn_blocking(move || {
            let page = grid.read(&body);
            (grid, page)
        });
        let (grid, page) = decoding.await.map_err(|error| {
            Error::with_source(ErrorKind::Config, "decoding a page was stopped", error)
        })?;
        let page = page?;
        self.grid = Some(grid);
        Ok(page)
    }
}

/// The pages do not make one table.
fn short(what: impl Into<String>) -> Error {
    let what = what.into();
    Error::new(ErrorKind::Decode, format!("the pages do not fit together: {what}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const TOTAL: usize = 10;

    fn page(before: &str, offset: usize, limit: usize, total: usize) -> Bytes {
        let rows = limit.min(total - offset);
        let headers: Vec<_> = (0..rows).map(|row| format!("[{row}]")).collect();
        let elements: Vec<_> =
            (0..rows).map(|row| format!(r#"{{"formValues":["{}"]}}"#, offset + row)).collect();
        let values = vec!["[1.5]"; rows];
        format!(
            r#"{{{before}"definition":{{"grid":{{
                "rows":[{{"name":"Row","id":"A","type":"attribute","forms":[{{"name":"ID"}}],
                          "elements":[{}]}}],
                "columns":[{{"name":"Metrics","type":"templateMetrics","elements":
                            [{{"name":"Revenue","id":"R","dataType":"double"}}]}}]}}}},
              "data":{{"paging":{{"total":{total},"current":{rows},"offset":{offset}}},
                       "headers":{{"rows":[{}],"columns":[[0]]}},
                       "metricValues":{{"raw":[{}]}}}}}}"#,
            elements.join(","),
            headers.join(","),
            values.join(","),
        )
        .into()
    }

    /// All rows, and what was asked for while the first page was not decoded yet.
    async fn read(before: &'static str) -> (usize, Vec<(usize, usize)>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let pages = {
            let asked = Arc::clone(&asked);
            Pages::new(move |offset, limit| {
                asked.lock().unwrap().push((offset, limit));
                // what was asked for in vain need not exist
                async move { Ok(page("", offset.min(TOTAL), limit, TOTAL)) }
            })
        };
        let first = page(before, 0, 4, TOTAL);
        let mut reader =
            Reader::start(first, pages, GridOptions::default(), 2, Some(3)).await.unwrap();
        let early = asked.lock().unwrap().clone();
        let mut rows = 0;
        while let Some(batch) = reader.next().await.unwrap() {
            rows += batch.num_rows();
        }
        (rows, early)
    }

    #[tokio::test]
    async fn pages_are_asked_for_while_the_first_one_is_decoded() {
        assert_eq!(read("").await, (TOTAL, vec![(4, 3), (7, 3)]));
    }

    #[tokio::test]
    async fn a_first_page_that_misleads_at_a_glance_is_read_all_the_same() {
        for before in [
            r#""paging":{"total":90,"current":40,"offset":0},"#,
            r#""paging":{"total":9,"current":1,"offset":0},"#,
            r#""paging":{"total":4,"current":4,"offset":0},"#,
            r#""paging":[],"#,
            r#""note":"\"paging\":{}","#,
        ] {
            assert_eq!(read(before).await.0, TOTAL, "{before}");
        }
    }
}
