//! Reports with page-by: all of their pages, one after the other.

use std::collections::VecDeque;

use mstr_rest_api::{ErrorExt as _, Instance, PageBy};
use mstr_rest_core::{Error, ErrorKind, Result};

use crate::fetch::Page;

/// Combinations that are asked for at once.
const WINDOW: u64 = 200;

/// Lets an instance show one page after the other.
#[derive(Debug)]
pub(crate) struct PageTurner {
    instance: Instance,
    /// Pages that are known and not turned to yet: the ids of their elements.
    next: VecDeque<Vec<String>>,
    /// How many pages were listed so far, and how many there are.
    listed: u64,
    total: Option<u64>,
}

impl PageTurner {
    pub(crate) fn new(instance: Instance) -> Self {
        Self { instance, next: VecDeque::new(), listed: 0, total: None }
    }

    /// Gives the first page and the ids of its elements. `first` is what is shown now, if it is
    /// known which page that is; it is not asked for again if it is the first one.
    pub(crate) async fn first(
        &mut self,
        shown: Option<Vec<String>>,
        first: Page,
        rows: u64,
    ) -> Result<(Page, Vec<String>)> {
        self.list().await?;
        match self.next.front() {
            // a report without data has no page that could be turned to
            None => return Ok((first, shown.unwrap_or_default())),
            Some(page) if Some(page) == shown.as_ref() => {
                let page = self.next.pop_front().unwrap_or_default();
                return Ok((first, page));
            }
            Some(_) => {}
        }
        Ok(self.turn(rows).await?.unwrap_or((first, Vec::new())))
    }

    /// Shows the next page and gives its first rows and the ids of its elements; `None` after the
    /// last page.
    pub(crate) async fn turn(&mut self, rows: u64) -> Result<Option<(Page, Vec<String>)>> {
        if self.next.is_empty() && self.total.is_none_or(|total| self.listed < total) {
            self.list().await?;
        }
        let Some(page) = self.next.pop_front() else { return Ok(None) };
        let mut rows = rows;
        loop {
            match self.show(&page, rows).await {
                Err(error) if error.is_request_timeout() && rows > 1 => rows /= 2,
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        let body = match self.instance.first_page() {
            Some(first) => first,
            None => self.instance.page_or_reexecute(0, rows).await?,
        };
        Ok(Some((Page { body, execution: self.instance.id().into() }, page)))
    }

    async fn show(&self, page: &[String], rows: u64) -> Result<()> {
        match self.instance.show_page(page, rows).await {
            Err(error) if error.is_instance_gone() => {
                self.instance.reexecute().await?;
                self.instance.show_page(page, rows).await
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
