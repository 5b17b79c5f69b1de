//! From pages of a grid to record batches.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use mstr_rest_core::Result;

use crate::compound;
use crate::decoder::{Decoder, Outcome};
use crate::definition::{Grid, Unit, is_metrics};
use crate::error::{broken, no_grid, not_a_page};
use crate::layout::{Kinds, Layout};
use crate::options::GridOptions;
use crate::page::{Data, NO_ELEMENT, Page, Reading};
use crate::shape::{empty_repeated, grid_rows, shown, slots};

/// One decoded page.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GridPage {
    /// The rows that are complete. Where metrics are in rows, the last ones may come with the next
    /// page or with [`GridReader::finish`].
    pub batch: RecordBatch,
    /// Grid rows of the whole instance. `None` when the page does not say.
    pub total: Option<u64>,
    /// The first grid row of this page, counted from 0.
    pub offset: u64,
    /// Grid rows of this page.
    pub rows: u64,
    /// What stands in its last grid row: elements and values.
    pub(crate) last_row: String,
}

/// Reads the pages of one grid, in order, into record batches of one schema.
///
/// Whatever the shape of the grid (cross-tab, metrics in rows, page-by), the table is the flat one:
/// a column per attribute form, named `Attribute` or, where it has several, `Attribute@Form`; then
/// a column per metric. Page-by comes first, then what is in rows, then what is in columns.
/// Attribute forms that the server declares as integers, dates or timestamps have that type, all
/// others are dictionaries of text (`Dictionary(Int32, Utf8)`) that grow from page to page: a text
/// keeps its key. The types of metrics are those of their `dataType`. The first page settles all
/// types: what its values contradict is wider (integers become floats, dates timestamps, and
/// everything text). A header that names no element (index -1, or a custom group whose upper level
/// is shown) is null. Ids and formats stand in the metadata of the fields (`mstr.id`,
/// `mstr.format`, ...).
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
/// assert_eq!((page.batch.num_rows(), page.total), (2, Some(2)));
/// assert_eq!(page.batch.schema().field(1).name(), "Revenue");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct GridReader {
    options: GridOptions,
    /// The types that an earlier reading of the same grid arrived at.
    kinds: Option<Kinds>,
    /// The page of page-by that was asked for, by the ids of its elements.
    shown: Vec<String>,
    decoder: Option<Decoder>,
}

impl GridReader {
    /// A reader for the pages of one grid.
    pub fn new(options: GridOptions) -> Self {
        Self::with_kinds(options, None)
    }

    /// A reader of the same grid that knows the types of all columns.
    pub(crate) fn with_kinds(options: GridOptions, kinds: Option<Kinds>) -> Self {
        Self { options, kinds, shown: Vec::new(), decoder: None }
    }

    /// The next pages are of that page of page-by, where they do not say it themselves.
    pub(crate) fn show(&mut self, page: Vec<String>) {
        self.shown = page;
    }

    /// From now on types may become wider, and dictionaries hold the texts of one page.
    pub(crate) fn read_whole(&mut self) {
        let decoder = self.decoder.as_mut().map(|decoder| &mut decoder.options);
        for options in [&mut self.options].into_iter().chain(decoder) {
            (options.widens, options.local_dictionaries) = (true, true);
        }
    }

    /// Whether numbers are read by their digits.
    pub(crate) fn reads_digits(&self) -> bool {
        self.reading().digits
    }

    /// The types of all columns so far; `None` before the first page.
    pub(crate) fn kinds(&self) -> Option<Kinds> {
        self.decoder.as_ref().map(|decoder| decoder.kinds.clone())
    }

    /// The schema; `None` before the first page.
    pub fn schema(&self) -> Option<SchemaRef> {
        self.decoder.as_ref().map(|decoder| Arc::clone(&decoder.schema))
    }

    /// Decodes the next page: the whole body of a reply.
    ///
    /// # Errors
    /// [`NotSupported`](mstr_rest_core::ErrorKind::NotSupported) for a compound grid whose column
    /// sets have attributes ([`GridOptions::column_set`] reads one);
    /// [`InvalidRequest`](mstr_rest_core::ErrorKind::InvalidRequest) when the options name a column
    /// or a set that the grid does not have;
    /// [`Decode`](mstr_rest_core::ErrorKind::Decode) for what is no page of this grid: not JSON,
    /// other attributes or metrics than on the first page, indices and counts that do not fit, a
    /// value that its column cannot hold. The reader must not be used after an error.
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
        self.decoder.as_ref().map_or(Reading::default(), |decoder| decoder.reading)
    }

    /// Takes over what was read of a page.
    fn add(
        &mut self,
        read: std::result::Result<Page<'_>, serde_json::Error>,
        page: &[u8],
    ) -> Result<GridPage> {
        let mut read = self.prepared(read.map_err(not_a_page)?)?;
        let layout = Layout::of(grid_of(&read)?.0)?;
        match &self.decoder {
            Some(decoder) if decoder.layout.is_continued_by(&layout) => {}
            Some(_) => return Err(broken("the attributes or metrics are not those of page one")),
            None => {
                let mut decoder = self.begin(&read)?;
                if decoder.reading != read.reading {
                    // types are settled by the digits of the numbers
                    read = self.prepared(decoder.reading.read(page).map_err(not_a_page)?)?;
                    decoder = self.begin(&read)?;
                    decoder.reading = read.reading;
                }
                self.decoder = Some(decoder);
            }
        }
        loop {
            let (grid, data) = grid_of(&read)?;
            let shown = shown(grid, data, &self.shown)?;
            let Some(decoder) = &mut self.decoder else { return Err(broken("it is not begun")) };
            if decoder.reading == read.reading
                && let Outcome::Batch(batch) = decoder.batch(grid, data, &shown)?
            {
                return decoded(batch, &read);
            }
            let reading = decoder.reading;
            read = self.prepared(reading.read(page).map_err(not_a_page)?)?;
        }
    }

    /// What the first page settles.
    fn begin(&self, page: &Page<'_>) -> Result<Decoder> {
        let (grid, data) = grid_of(page)?;
        let mut layout = Layout::of(grid)?;
        layout.know(&self.options.known);
        Decoder::new(&self.options, self.kinds.as_ref(), layout, grid, data)
    }

    /// Brings a page into the form that is decoded.
    fn prepared<'p>(&self, mut page: Page<'p>) -> Result<Page<'p>> {
        if let (Some(definition), Some(data)) = (&mut page.definition, &mut page.data) {
            let grid = &mut definition.grid;
            compound::flatten(grid, data, self.options.column_set.as_deref())?;
            empty_repeated(grid, data);
        }
        Ok(page)
    }

    /// The rows that waited for a next page, after the last one: none unless metrics are in rows.
    ///
    /// # Errors
    /// [`Decode`](mstr_rest_core::ErrorKind::Decode) when a metric value does not fit its column.
    pub fn finish(&mut self) -> Result<Option<RecordBatch>> {
        let Some(decoder) = &mut self.decoder else { return Ok(None) };
        let rows = decoder.pivot.take_all();
        if rows.is_empty() { Ok(None) } else { decoder.pivoted(&rows).map(Some) }
    }
}

fn grid_of<'p, 'a>(page: &'p Page<'a>) -> Result<(&'p Grid<'a>, &'p Data<'a>)> {
    match (&page.definition, &page.data) {
        (Some(definition), Some(data)) => Ok((&definition.grid, data)),
        _ => Err(no_grid(page.status)),
    }
}

fn decoded(batch: RecordBatch, page: &Page<'_>) -> Result<GridPage> {
    let (grid, data) = grid_of(page)?;
    let rows = grid_rows(grid, data) as u64;
    let last_row = last_row(page);
    let Some(paging) = data.paging else {
        return Ok(GridPage { batch, total: None, offset: 0, rows, last_row });
    };
    if paging.current != rows && paging.current != paging.offset.saturating_add(rows) {
        return Err(broken(format!("the page says {} rows and holds {rows}", paging.current)));
    }
    Ok(GridPage { batch, total: Some(paging.total), offset: paging.offset, rows, last_row })
}

/// What stands in the last grid row of a page, to compare with the same row of another execution.
/// Indices count for a page alone, so it is the elements themselves.
fn last_row(page: &Page<'_>) -> String {
    let Ok((grid, data)) = grid_of(page) else { return String::new() };
    let Some(last) = grid_rows(grid, data).checked_sub(1) else { return String::new() };
    let headers = slots(&grid.rows).zip(data.rows.list(last));
    let elements = headers.map(|(unit, index)| {
        let element = unit.elements.get(*index as usize).filter(|_| *index != NO_ELEMENT);
        element
            .map(|element| (element.id.as_deref(), &element.form_values, element.name.as_deref()))
    });
    format!("{:?} {:?}", elements.collect::<Vec<_>>(), data.cells.row(last))
}

/// Reads a page of one row: what stands in it.
pub(crate) fn only_row(page: &[u8], options: &GridOptions, digits: bool) -> Result<String> {
    let read = Reading { digits }.read(page).map_err(not_a_page)?;
    let reader = GridReader::new(options.clone());
    Ok(last_row(&reader.prepared(read)?))
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
        kind: serde_json::Value,
    }
    let page: Page = serde_json::from_slice(page).map_err(not_a_page)?;
    let rows = page.definition.and_then(|definition| definition.grid.rows).unwrap_or_default();
    Ok(rows.iter().any(|unit| unit.kind.as_str().is_some_and(is_metrics)))
}

/// Which page of page-by is shown, by the ids of its elements: empty without page-by, `None` where
/// the page does not say it.
pub(crate) fn shown_page(page: &[u8]) -> Result<Option<Vec<String>>> {
    let read = Reading::default().read(page).map_err(not_a_page)?;
    let Ok((grid, data)) = grid_of(&read) else { return Ok(Some(Vec::new())) };
    let Ok(shown) = shown(grid, data, &[]) else { return Ok(None) };
    let id = |(unit, place): (&Unit<'_>, u32)| {
        unit.elements.get(place as usize)?.id.as_deref().map(str::to_owned)
    };
    Ok(grid.page_by.iter().zip(shown).map(id).collect())
}
