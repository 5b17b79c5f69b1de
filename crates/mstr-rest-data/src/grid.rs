//! From pages of a grid to record batches.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use mstr_rest_api::UnitElement;
use mstr_rest_core::{Error, ErrorKind, Result};

use crate::definition::{METRICS, Unit};
use crate::layout::{Layout, Metric};
use crate::metric::MetricType;
use crate::page::{Page, Paging, Reading};
use crate::table::{Table, grid_rows, shown};

/// How a grid is read.
#[derive(Debug, Clone)]
#[must_use]
pub struct GridOptions {
    pub(crate) flag: Option<String>,
    pub(crate) big_decimal: MetricType,
    pub(crate) chosen: Vec<(String, MetricType)>,
    pub(crate) known: Vec<Metric>,
}

impl Default for GridOptions {
    /// Subtotals are left out, `bigDecimal` metrics are text.
    fn default() -> Self {
        Self { flag: None, big_decimal: MetricType::Text, chosen: Vec::new(), known: Vec::new() }
    }
}

impl GridOptions {
    /// Keeps subtotal rows, and says which they are in a Boolean column of that name. Without it
    /// they are left out, or sums over the table would count twice.
    pub fn subtotal_flag(mut self, column: impl Into<String>) -> Self {
        self.flag = Some(column.into());
        self
    }

    /// The type of metrics that the server calls `bigDecimal`. Default: [`MetricType::Text`], which
    /// keeps every digit.
    pub fn big_decimal(mut self, kind: MetricType) -> Self {
        self.big_decimal = kind;
        self
    }

    /// The type of one metric, by name or id, whatever the server says of it.
    pub fn metric_type(mut self, name_or_id: impl Into<String>, kind: MetricType) -> Self {
        self.chosen.push((name_or_id.into(), kind));
        self
    }

    /// A metric of the grid, in the order of its template, with its `dataType`. Where metrics are in
    /// rows, a page lists only those that it shows; all the same the first one settles the columns.
    /// [`Data`](crate::Data) asks the definition for them.
    pub fn known_metric(mut self, metric: &UnitElement) -> Self {
        let name = metric.name.clone().unwrap_or_default();
        self.known.push(Metric::known(metric.id.clone(), name, metric.data_type.clone()));
        self
    }
}

/// One decoded page.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GridPage {
    /// The rows that are complete. Where metrics are in rows, the last ones may come with the next
    /// page or with [`GridReader::finish`].
    pub batch: RecordBatch,
    /// Grid rows of the whole instance.
    pub total: u64,
    /// The first grid row of this page, counted from 0.
    pub offset: u64,
    /// Grid rows of this page.
    pub rows: u64,
    /// The instance that the page belongs to, where the page says so.
    pub instance_id: Option<String>,
}

/// Reads the pages of one grid, in order, into record batches of one schema.
///
/// Whatever the shape of the grid (cross-tab, metrics in rows, page-by), the table is the flat one:
/// a column per attribute form, named `Attribute` or, where it has several, `Attribute@Form`; then
/// a column per metric. Page-by comes first, then what is in rows, then what is in columns.
/// Attributes are dictionaries of text (`Dictionary(Int32, Utf8)`) that grow from page to page: a
/// text keeps its key. The types of metrics are settled by their `dataType` and the values of the
/// first page. Ids and formats stand in the metadata of the fields (`mstr.id`, `mstr.format`, ...).
///
/// ```
/// use mstr_rest_data::{GridOptions, GridReader};
///
/// # fn main() -> mstr_rest_core::Result<()> {
/// let page = br#"{
///     "definition": {"grid": {
///         "rows": [{"name": "Year", "id": "Y", "type": "attribute", "forms": [{"name": "ID"}],
///                   "elements": [{"formValues": ["2025"]}, {"formValues": ["2026"]}]}],
///         "columns": [{"name": "Metrics", "type": "templateMetrics", "elements":
///                      [{"name": "Revenue", "id": "R", "dataType": "double"}]}]}},
///     "data": {"paging": {"total": 2, "current": 2, "offset": 0, "limit": 1000},
///              "headers": {"rows": [[0], [1]], "columns": [[0]]},
///              "metricValues": {"raw": [[1.5], [null]]}}}"#;
/// let mut reader = GridReader::new(GridOptions::default());
/// let page = reader.read(page)?;
/// assert_eq!((page.batch.num_rows(), page.total), (2, 2));
/// assert_eq!(page.batch.schema().field(1).name(), "Revenue");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct GridReader {
    options: GridOptions,
    table: Option<Table>,
}

impl GridReader {
    /// A reader for the pages of one grid.
    pub fn new(options: GridOptions) -> Self {
        Self { options, table: None }
    }

    /// The schema; `None` before the first page.
    pub fn schema(&self) -> Option<SchemaRef> {
        self.table.as_ref().map(|table| Arc::clone(&table.schema))
    }

    /// Decodes the next page: the whole body of a reply.
    ///
    /// # Errors
    /// [`NotSupported`](ErrorKind::NotSupported) for a compound grid (of a dashboard);
    /// [`Decode`](ErrorKind::Decode) for what is no page of this grid: not JSON, other attributes
    /// or metrics than on the first page, indices and counts that do not fit, a metric value that
    /// its column cannot hold. The reader must not be used after an error.
    pub fn read(&mut self, page: &[u8]) -> Result<GridPage> {
        let read = self.reading().read(page);
        self.add(read, page)
    }

    /// Decodes further pages, each in a thread of its own as far as no page needs another, until
    /// `each` has enough of them.
    pub(crate) fn read_many(
        &mut self,
        pages: &[&[u8]],
        mut each: impl FnMut(Result<GridPage>) -> ControlFlow<()>,
    ) {
        let reading = self.reading();
        std::thread::scope(|scope| {
            // this thread reads the first one; where no thread can be had, the others as well
            let others: Vec<_> = pages
                .iter()
                .skip(1)
                .map(|page| {
                    std::thread::Builder::new().spawn_scoped(scope, move || reading.read(page)).ok()
                })
                .collect();
            let mut others = others.into_iter();
            for (number, page) in pages.iter().enumerate() {
                let other = if number == 0 { None } else { others.next().flatten() };
                let read = match other.map(std::thread::ScopedJoinHandle::join) {
                    Some(Ok(read)) => read,
                    _ => reading.read(page),
                };
                if each(self.add(read, page)).is_break() {
                    break;
                }
            }
        });
    }

    fn reading(&self) -> Reading {
        self.table.as_ref().map_or(Reading::default(), |table| table.reading)
    }

    /// Takes over what was read of a page.
    fn add(
        &mut self,
        read: std::result::Result<Page<'_>, serde_json::Error>,
        page: &[u8],
    ) -> Result<GridPage> {
        let mut read = read.map_err(not_a_page)?;
        let (Some(definition), Some(data)) = (&read.definition, &read.data) else {
            return Err(no_grid(read.status));
        };
        let mut layout = Layout::of(&definition.grid)?;
        if self.table.is_none() {
            layout.know(&self.options.known);
            let table = Table::new(&self.options, layout, &definition.grid, data)?;
            let again = table.reading.digits;
            let reading = table.reading;
            self.table = Some(table);
            if again {
                read = reading.read(page).map_err(not_a_page)?;
            }
        } else if self.table.as_ref().is_some_and(|table| !table.layout.is_continued_by(&layout)) {
            return Err(broken("the attributes or metrics are others than on the first page"));
        }
        let (Some(definition), Some(data), Some(table)) =
            (&read.definition, &read.data, &mut self.table)
        else {
            return Err(no_grid(read.status));
        };
        let batch = table.batch(&definition.grid, data)?;
        let rows = grid_rows(&definition.grid, data) as u64;
        let paging = data.paging.unwrap_or(Paging { total: rows, current: rows, offset: 0 });
        if paging.current != rows && paging.current != paging.offset.saturating_add(rows) {
            return Err(broken(format!("the page says {} rows and holds {rows}", paging.current)));
        }
        Ok(GridPage {
            batch,
            total: paging.total,
            offset: paging.offset,
            rows,
            instance_id: read.instance_id,
        })
    }

    /// The rows that waited for a next page, after the last one: none unless metrics are in rows.
    ///
    /// # Errors
    /// [`Decode`](ErrorKind::Decode) when a metric value does not fit its column.
    pub fn finish(&mut self) -> Result<Option<RecordBatch>> {
        let Some(table) = &mut self.table else { return Ok(None) };
        let rows = table.pivot.take_all();
        if rows.is_empty() { Ok(None) } else { table.pivoted(&rows).map(Some) }
    }
}

/// Whether the page shows metrics in rows, so that it may not list all of them. All else is skipped.
pub(crate) fn has_metrics_in_rows(page: &[u8]) -> Result<bool> {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Page {
        definition: Option<Definition>,
    }
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Definition {
        grid: Grid,
    }
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Grid {
        rows: Option<Vec<Unit>>,
    }
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Unit {
        #[serde(rename = "type")]
        kind: String,
    }
    let page: Page = serde_json::from_slice(page).map_err(not_a_page)?;
    let rows = page.definition.and_then(|definition| definition.grid.rows).unwrap_or_default();
    Ok(rows.iter().any(|unit| unit.kind == METRICS))
}

/// Which page of page-by is shown, by the ids of its elements: empty without page-by.
pub(crate) fn shown_page(page: &[u8]) -> Result<Vec<String>> {
    let read = Reading::default().read(page).map_err(not_a_page)?;
    let (Some(definition), Some(data)) = (&read.definition, &read.data) else {
        return Ok(Vec::new());
    };
    let grid = &definition.grid;
    let shown = shown(grid, data)?;
    let id = |(unit, place): (&Unit<'_>, u32)| {
        unit.elements.get(place as usize)?.id.as_deref().map(str::to_owned)
    };
    let ids: Option<_> = grid.page_by.iter().zip(shown).map(id).collect();
    ids.ok_or_else(|| broken("an element of page-by has no id"))
}

/// An error of decoding: the page is not what it should be.
pub(crate) fn broken(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Decode, format!("this page of the grid cannot be read: {}", what.into()))
}

/// The parser's own words hold no value: line, column and what was expected.
#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn not_a_page(error: serde_json::Error) -> Error {
    broken(error.to_string())
}

fn no_grid(status: Option<i64>) -> Error {
    match status {
        Some(2) => Error::new(
            ErrorKind::Decode,
            "there is no data yet: the instance waits for answers to its prompts",
        ),
        _ => broken("it has no definition or no data"),
    }
}
