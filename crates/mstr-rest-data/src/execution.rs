//! What pages are read from: an execution of a report or cube, or a visualization of a dashboard.

use bytes::Bytes;
use mstr_rest_api::{
    Definition, ErrorExt as _, Instance, InstanceStatus, Template, UnitKind, Visualization,
};
use mstr_rest_core::{Error, ErrorKind, Result};

use crate::cut::LIGHT;
use crate::fetch::{Page, Pages};
use crate::grid::{has_metrics_in_rows, shown_page};
use crate::options::GridOptions;
use crate::page_by::PageTurner;
use crate::reader::{Reader, Start};

/// Rows of the first page, from which the weight of a row is known, where nothing says how many
/// columns it has.
pub(crate) const FIRST_PAGE: u64 = 500;

/// Rows of the first page of a table with the columns of that definition: as many as weigh no more
/// than a page should.
pub(crate) fn first_rows(definition: &Definition) -> u64 {
    /// Of a metric value as text, with what is around it.
    const CELL_BYTES: usize = 16;
    let columns: usize = match &definition.template {
        Some(template) => template
            .units()
            .map(|unit| match unit.kind {
                UnitKind::Metrics => unit.elements.len(),
                _ => unit.forms.len().max(1),
            })
            .sum(),
        None => {
            let available = &definition.available;
            available.metrics.len() + available.attributes.len()
        }
    };
    (LIGHT / (columns.max(1) * CELL_BYTES) as u64).clamp(50, 2_000)
}

/// What pages are read from. Its clones are the same execution.
#[derive(Debug, Clone)]
pub(crate) enum Execution {
    Instance(Instance),
    Visualization(Visualization),
}

impl Execution {
    /// The first page: that which came with the execution, or one of so many rows, halved as often
    /// as the server takes too long for it.
    pub(crate) async fn first_page(&self, rows: Option<u64>) -> Result<Page> {
        if self.instance_status() == InstanceStatus::Prompts {
            return Err(prompted());
        }
        if let Self::Instance(instance) = self
            && let Some(body) = instance.first_page()
        {
            return Ok(Page { body, execution: instance.id().into() });
        }
        let mut rows = rows.unwrap_or(FIRST_PAGE);
        loop {
            match self.pages().one(0, rows).await {
                Err(error) if error.is_request_timeout() && rows > 1 => rows /= 2,
                other => return other,
            }
        }
    }

    fn instance_status(&self) -> InstanceStatus {
        match self {
            Self::Instance(instance) => instance.last_status(),
            Self::Visualization(shown) => shown.instance().last_status(),
        }
    }

    /// Where its pages come from.
    pub(crate) fn pages(&self) -> Pages {
        match self.clone() {
            Self::Instance(instance) => Pages::new(move |offset, limit| {
                let instance = instance.clone();
                async move {
                    let body = instance.page_or_reexecute(offset, limit).await?;
                    Ok(Page { body, execution: instance.id().into() })
                }
            }),
            Self::Visualization(shown) => Pages::new(move |offset, limit| {
                let shown = shown.clone();
                async move {
                    let body = shown.page_or_reexecute(offset, limit).await?;
                    Ok(Page { body, execution: shown.instance().id().into() })
                }
            }),
        }
    }

    /// Executes it again: its data changed while it was read.
    pub(crate) async fn renew(&self) -> Result<Self> {
        match self {
            Self::Instance(instance) => {
                instance.reexecute().await?;
                Ok(self.clone())
            }
            Self::Visualization(shown) => {
                shown.instance().reexecute().await?;
                Ok(Self::Visualization(begun_anew(shown)))
            }
        }
    }
}

/// A visualization that has read nothing yet: the table begins anew, whatever was read before.
pub(crate) fn begun_anew(shown: &Visualization) -> Visualization {
    shown.instance().visualization(shown.chapter(), shown.key())
}

/// A table that is open: how it is read, so that it can be read once more.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    pub(crate) execution: Execution,
    pub(crate) start: Start,
    /// Whether all pages of page-by are read; otherwise the one that is shown.
    pub(crate) all_pages: bool,
}

/// The reader of a table and, of a report with page-by, what turns its pages.
pub(crate) type Opened = (Reader, Option<PageTurner>);

impl Opening {
    /// Reads the first page, which was had already.
    pub(crate) async fn open(&mut self, first: Page) -> Result<Opened> {
        let rows = self.start.limit.unwrap_or(FIRST_PAGE);
        let pages = self.execution.pages();
        let Execution::Instance(instance) = &self.execution else {
            let reader = Reader::start(first, pages, self.start.clone()).await?;
            return Ok((reader, None));
        };
        if self.start.options.known.is_empty() {
            self.start.options = knowing(self.start.options.clone(), instance, &first.body).await?;
        }
        let shown = if self.all_pages { shown_page(&first.body)? } else { Some(Vec::new()) };
        if shown.as_ref().is_some_and(Vec::is_empty) {
            let reader = Reader::start(first, pages, self.start.clone()).await?;
            return Ok((reader, None));
        }
        let mut turner = PageTurner::new(instance.clone());
        let (first, shown) = turner.first(shown, first, rows).await?;
        let start = Start { shown, ..self.start.clone() };
        let reader = Reader::start(first, pages, start).await?;
        Ok((reader, Some(turner)))
    }

    /// Reads the same execution once more, from its first row.
    pub(crate) async fn reopen(&mut self) -> Result<Opened> {
        let first = self.execution.first_page(self.start.limit).await?;
        self.open(first).await
    }
}

/// The metrics of the definition, where a page lists only those that it shows.
async fn knowing(
    mut options: GridOptions,
    instance: &Instance,
    first: &Bytes,
) -> Result<GridOptions> {
    if has_metrics_in_rows(first)? {
        let definition = instance.definition().await?;
        let units = definition.template.iter().flat_map(Template::units);
        for metric in units.filter(|u| u.kind == UnitKind::Metrics).flat_map(|u| &u.elements) {
            options = options.known_metric(metric);
        }
    }
    Ok(options)
}

pub(crate) fn prompted() -> Error {
    Error::new(
        ErrorKind::InvalidRequest,
        "there are prompts that are not answered: run() it, answer() them, and take the data() of \
         that instance",
    )
}
