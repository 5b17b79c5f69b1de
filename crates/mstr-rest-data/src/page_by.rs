//! Reports with page-by: all of their pages, one after the other.

use std::collections::VecDeque;

use bytes::Bytes;
use mstr_rest_api::{ErrorExt as _, GridRequest, Instance, PageBy};
use mstr_rest_core::{Error, ErrorKind, Result};

/// Combinations that are asked for at once.
const WINDOW: u64 = 200;

/// Lets an instance show one page after the other.
#[derive(Debug)]
pub(crate) struct PageTurner {
    instance: Instance,
    request: GridRequest,
    /// Pages that are known and not turned to yet: the ids of their elements.
    next: VecDeque<Vec<String>>,
    /// How many pages were listed so far, and how many there are.
    listed: u64,
    total: Option<u64>,
}

impl PageTurner {
    /// Knows the first pages, and gives the first one: that which is shown if it is the first.
    pub(crate) async fn open(
        instance: Instance,
        shown: &[String],
        first: Bytes,
        rows: u64,
    ) -> Result<(Self, Bytes)> {
        let request = instance.request();
        let next = VecDeque::new();
        let mut turner = Self { instance, request, next, listed: 0, total: None };
        turner.list().await?;
        match turner.next.front() {
            // a report without data has no page that could be turned to
            None => return Ok((turner, first)),
            Some(page) if page == shown => {
                turner.next.pop_front();
                return Ok((turner, first));
            }
            Some(_) => {}
        }
        let first = turner.turn(rows).await?.unwrap_or(first);
        Ok((turner, first))
    }

    /// Shows the next page and gives its first rows; `None` after the last page.
    pub(crate) async fn turn(&mut self, rows: u64) -> Result<Option<Bytes>> {
        if self.next.is_empty() && self.total.is_none_or(|total| self.listed < total) {
            self.list().await?;
        }
        let Some(page) = self.next.pop_front() else { return Ok(None) };
        let mut rows = rows;
        loop {
            let request = self.request.clone().page_by(page.iter().cloned()).page_size(rows);
            match self.show(request).await {
                Err(error) if error.is_request_timeout() && rows > 1 => rows /= 2,
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        match self.instance.first_page() {
            Some(first) => Ok(Some(first)),
            None => self.instance.page_or_reexecute(0, rows).await.map(Some),
        }
    }

    async fn show(&self, request: GridRequest) -> Result<()> {
        match self.instance.manipulate(request.clone()).await {
            Err(error) if error.is_instance_gone() => {
                self.instance.reexecute().await?;
                self.instance.manipulate(request).await
            }
            other => other,
        }
    }

    /// Asks for further pages that have data.
    async fn list(&mut self) -> Result<()> {
        let pages = match self.instance.page_by_elements(self.listed, WINDOW).await {
            Err(error) if error.is_instance_gone() => {
                self.instance.reexecute().await?;
                self.instance.page_by_elements(self.listed, WINDOW).await?
            }
            other => other?,
        };
        self.total = pages.total.or(self.total);
        if pages.combinations.is_empty() {
            return match self.total {
                Some(total) if total > self.listed => {
                    Err(broken(&format!("{} of {total} pages are listed", self.listed)))
                }
                _ => {
                    self.total = Some(self.listed);
                    Ok(())
                }
            };
        }
        self.listed += pages.combinations.len() as u64;
        self.next.extend(ids(&pages)?);
        Ok(())
    }
}

fn ids(pages: &PageBy) -> Result<Vec<Vec<String>>> {
    let ids = |page: &Vec<i64>| {
        let ids = pages.element_ids(page)?;
        Some(ids.into_iter().map(str::to_owned).collect())
    };
    let all: Option<_> = pages.combinations.iter().map(ids).collect();
    all.ok_or_else(|| broken("a page names an element that is not listed"))
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::Decode, format!("the pages of page-by cannot be read: {what}"))
}
