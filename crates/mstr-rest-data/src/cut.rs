//! How many rows a page has, and how many pages are asked for at once: by what pages weigh.

use std::ops::RangeInclusive;

/// What a page should weigh: large enough for few requests, small enough for flat memory.
pub(crate) const LIGHT: u64 = 1 << 20;
/// What a page weighs where more rows make each of them lighter: a page lists each element that it
/// shows once, however many rows show it.
const HEAVY: u64 = 2 << 20;
/// Rows of a page at most.
pub(crate) const MOST_ROWS: u64 = 100_000;

/// What is asked for at once should weigh no more, in so many requests: light pages wait longer for
/// the server than they take to decode.
const AHEAD_BYTES: u64 = 6 << 20;
const AHEAD: RangeInclusive<usize> = 2..=8;

/// What pages weighed.
#[derive(Debug, Clone, Copy)]
struct Sample {
    rows: u64,
    bytes: u64,
}

impl Sample {
    /// Rows that weigh so much, if all are like these.
    fn rows_in(self, bytes: u64) -> u64 {
        bytes.saturating_mul(self.rows) / self.bytes
    }

    /// Whether a row of these weighs at least 5 % less than one of those.
    fn is_lighter_than(self, other: Self) -> bool {
        let [own, others] = [(self, other), (other, self)]
            .map(|(of, by)| u128::from(of.bytes) * u128::from(by.rows));
        own * 20 <= others * 19
    }
}

/// How a table is cut into pages.
#[derive(Debug)]
pub(crate) struct Cut {
    /// What was said, whatever pages weigh.
    chosen_limit: Option<u64>,
    chosen_ahead: Option<usize>,
    limit: u64,
    ahead: usize,
    /// The pages of the last size that was weighed.
    last: Option<Sample>,
    /// More rows in a page do not make them lighter.
    is_settled: bool,
}

impl Cut {
    pub(crate) fn new(limit: Option<u64>, ahead: Option<usize>) -> Self {
        let (chosen_limit, chosen_ahead) = (limit, ahead);
        Self { chosen_limit, chosen_ahead, limit: 0, ahead: 1, last: None, is_settled: false }
    }

    /// Grid rows of a page.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Requests under way at once.
    pub(crate) fn ahead(&self) -> usize {
        self.ahead
    }

    /// Settles it by a first page: its body, and how many rows it has.
    pub(crate) fn begin(&mut self, body: &[u8], rows: u64) {
        let first = Sample { rows, bytes: (body.len() as u64).max(1) };
        // what is before the rows lists elements: they may be much the same on a larger page, or
        // as many more as there are rows more
        let lists = memchr::memmem::find(body, br#""headers":"#).unwrap_or_default() as u64;
        let without = Sample { bytes: (first.bytes - lists).max(1), ..first };
        let rows = without.rows_in(LIGHT).min(first.rows_in(HEAVY));
        self.last = (rows > 0).then_some(first);
        self.set(rows, first);
    }

    /// Takes into account what a further page weighs.
    pub(crate) fn weigh(&mut self, bytes: u64, rows: u64) {
        let page = Sample { rows, bytes: bytes.max(1) };
        let Some(last) = self.last.filter(|_| rows > 0) else { return };
        if page.bytes > HEAVY / 4 * 5 {
            self.set(page.rows_in(HEAVY).min(self.limit), page);
        }
        // pages that were asked for before the size changed, and the last one, say nothing new
        if self.is_settled || rows < last.rows + last.rows / 3 {
            return;
        }
        self.last = Some(page);
        if page.is_lighter_than(last) {
            self.set(page.rows_in(HEAVY).min(rows.saturating_mul(2)), page);
        } else {
            self.is_settled = true;
            self.set(page.rows_in(LIGHT).min(self.limit), page);
        }
    }

    fn set(&mut self, limit: u64, like: Sample) {
        self.limit = self.chosen_limit.unwrap_or(limit).clamp(1, MOST_ROWS);
        let page = like.bytes.saturating_mul(self.limit) / like.rows.max(1);
        let light = usize::try_from(AHEAD_BYTES / page.max(1)).unwrap_or(usize::MAX);
        let light = light.clamp(*AHEAD.start(), *AHEAD.end());
        self.ahead = self.chosen_ahead.unwrap_or(light).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table whose page of `rows` rows lists `elements` elements of 60 bytes, 40 bytes a row.
    fn sizes(elements: impl Fn(u64) -> u64) -> Vec<u64> {
        let weight = |rows: u64| 60 * elements(rows) + 40 * rows;
        let mut cut = Cut::new(None, None);
        let mut body = vec![b' '; usize::try_from(60 * elements(2_000)).unwrap()];
        body.extend_from_slice(br#""headers":"#);
        body.resize(usize::try_from(weight(2_000)).unwrap(), b' ');
        cut.begin(&body, 2_000);
        let mut sizes = vec![cut.limit()];
        for _ in 0..20 {
            let limit = cut.limit();
            assert!(weight(limit) <= HEAVY / 4 * 5, "{limit} rows weigh {}", weight(limit));
            assert!(weight(limit) * cut.ahead() as u64 <= AHEAD_BYTES / 4 * 5);
            cut.weigh(weight(limit), limit);
            sizes.push(cut.limit());
        }
        sizes.dedup();
        sizes
    }

    #[test]
    fn pages_are_large_where_that_makes_rows_lighter() {
        // 5,000 elements, most of which are on each page
        let some = sizes(|rows| (rows * 4 / 5).min(5_000));
        assert!(some.is_sorted() && *some.last().unwrap() > 35_000, "{some:?}");
        // one for each row: nothing to be had
        let unique = sizes(|rows| rows);
        let light = LIGHT / 100;
        assert!(unique.last().unwrap().abs_diff(light) < light / 50, "{unique:?}");
        // a few
        let few = sizes(|_| 8);
        assert!(few.last().unwrap().abs_diff(LIGHT / 40) < 1_000, "{few:?}");
    }

    #[test]
    fn rows_that_become_heavier_come_in_smaller_pages() {
        let mut cut = Cut::new(None, None);
        cut.begin(&vec![b' '; 20_000], 2_000);
        let rows = cut.limit();
        assert_eq!(rows, MOST_ROWS);
        cut.weigh(100_000_000, rows);
        assert_eq!((cut.limit(), cut.ahead()), (LIGHT / 1_000, 6));
        cut.weigh(2_000_000, 2_000);
        assert_eq!((cut.limit(), cut.ahead()), (LIGHT / 1_000, 6));
    }

    #[test]
    fn what_was_chosen_counts_and_an_empty_page_tells_nothing() {
        let mut cut = Cut::new(Some(3), Some(4));
        cut.begin(b"{}", 0);
        cut.weigh(1 << 30, 3);
        assert_eq!((cut.limit(), cut.ahead()), (3, 4));
        let mut cut = Cut::new(None, None);
        cut.begin(b"{}", 0);
        assert_eq!((cut.limit(), cut.ahead()), (1, 8));
    }
}
