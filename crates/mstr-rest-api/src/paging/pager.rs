//! What to ask for next, and when a list is over. Knows no network.

use bytes::Bytes;
use mstr_rest_core::{Error, ErrorKind, Result};

use super::Page;

const PAGE_SIZE: u64 = 1000;

/// No list is that long: behind so many pages the server repeats itself.
const MOST_PAGES: u32 = 100_000;

/// How far a list was read.
#[derive(Debug, Clone)]
pub(crate) struct Pager {
    pub(crate) page_size: u64,
    /// Where the next page begins.
    pub(crate) next: u64,
    /// How many items may still come; `None` for all.
    pub(crate) left: Option<u64>,
    pub(crate) may_change: bool,
    pub(crate) trust_total: bool,
    total: Option<u64>,
    pages: u32,
    /// The page before, to notice a server that does not know `offset`.
    before: Bytes,
    done: bool,
}

impl Default for Pager {
    fn default() -> Self {
        Self {
            page_size: PAGE_SIZE,
            next: 0,
            left: None,
            may_change: false,
            trust_total: true,
            total: None,
            pages: 0,
            before: Bytes::new(),
            done: false,
        }
    }
}

impl Pager {
    /// Offset and limit of the next page; `None` when there is none.
    pub(crate) fn ask(&self) -> Result<Option<(u64, u64)>> {
        if self.page_size == 0 {
            let message = "a page has at least one item: the page size is 0";
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        if self.done || self.left == Some(0) {
            return Ok(None);
        }
        if self.pages == MOST_PAGES {
            return Err(failed(format!(
                "the list does not end: it has more than {MOST_PAGES} pages"
            )));
        }
        Ok(Some((self.next, self.left.map_or(self.page_size, |left| left.min(self.page_size)))))
    }

    /// Takes note of a page, and takes from it what is not wanted.
    pub(crate) fn take<T>(&mut self, page: &mut Page<T>) -> Result<()> {
        self.pages += 1;
        let total = page.total.filter(|_| self.trust_total);
        if let (Some(before), Some(now), false) = (self.total, total, self.may_change)
            && before != now
        {
            return Err(failed(format!(
                "the list changed while it was read: it had {before} items, and then {now}. Read it \
                 again, or take what comes: allow_changes(true)"
            )));
        }
        self.total = total.or(self.total);
        let got = page.items.len() as u64;
        if got == 0 {
            self.done = true;
            return self.check_end(page);
        }
        if page.body == self.before {
            if self.total.is_some_and(|total| total > self.next) {
                return Err(failed(format!(
                    "the server sent the same page twice, before item {}",
                    self.next
                )));
            }
            // it does not know pages: the first one was all
            page.items.clear();
            self.done = true;
            return Ok(());
        }
        self.before = page.body.clone();
        self.next = self.next.saturating_add(got);
        if let Some(left) = &mut self.left {
            page.items.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left = left.saturating_sub(got);
        }
        self.done = self.total.is_some_and(|total| self.next >= total);
        Ok(())
    }

    /// Whether an empty page may be the end.
    fn check_end<T>(&self, page: &Page<T>) -> Result<()> {
        // the last page begins there, says the server: so it holds something
        let least = page.last_begins.filter(|_| self.trust_total).filter(|&last| last > 0);
        let least = least.map_or(0, |last| last.saturating_add(1)).max(self.total.unwrap_or(0));
        if self.may_change || self.next >= least {
            return Ok(());
        }
        Err(failed(format!(
            "the server gave {} items of a list of {least}, and then an empty page",
            self.next
        )))
    }
}

fn failed(message: String) -> Error {
    Error::new(ErrorKind::Api, message)
}
