//! Any table, shown in any shape of grid and cut into pages, comes back as the table it was. The
//! renderer here knows the format from its description alone.

#![allow(clippy::unwrap_used)] // a test fails by panicking

use std::collections::BTreeSet;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type};
use arrow_array::{Array, RecordBatch};
use mstr_rest_core::{Error, ErrorKind};
use mstr_rest_data::{GridOptions, GridReader};
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// Elements of each attribute; every one has so many forms.
const ELEMENTS: usize = 5;

#[derive(Debug, Clone)]
struct Table {
    /// How many forms each attribute has.
    forms: Vec<usize>,
    metrics: usize,
    rows: Vec<(Vec<usize>, Vec<Option<f64>>)>,
}

/// How a table is shown: attributes in columns, and where the metrics are.
#[derive(Debug, Clone)]
struct Shape {
    in_columns: Vec<bool>,
    metrics_in_rows: bool,
    /// Place of the metrics on their axis, cut to its length.
    place: usize,
    page: usize,
}

/// A unit of an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    Attribute(usize),
    Metrics,
}

fn text(attribute: usize, element: usize, form: usize) -> String {
    format!("a{attribute}e{element}f{form}")
}

/// The combinations of an axis, in order of appearance.
fn tuples(table: &Table, units: &[Unit]) -> Vec<Vec<usize>> {
    let mut attributes: Vec<Vec<usize>> = Vec::new();
    for (elements, _) in &table.rows {
        let tuple: Vec<_> = units
            .iter()
            .filter_map(|unit| match unit {
                Unit::Attribute(number) => Some(elements[*number]),
                Unit::Metrics => None,
            })
            .collect();
        if !attributes.contains(&tuple) {
            attributes.push(tuple);
        }
    }
    let Some(place) = units.iter().position(|unit| *unit == Unit::Metrics) else {
        return attributes;
    };
    // what is left of the metrics repeats for each metric
    let mut all = Vec::new();
    let mut outer: Vec<&[usize]> = Vec::new();
    for tuple in &attributes {
        if !outer.contains(&&tuple[..place]) {
            outer.push(&tuple[..place]);
        }
    }
    for left in outer {
        for metric in 0..table.metrics {
            for tuple in attributes.iter().filter(|tuple| tuple[..place] == *left) {
                let mut with = tuple.clone();
                with.insert(place, metric);
                all.push(with);
            }
        }
    }
    all
}

fn unit_json(table: &Table, unit: Unit, elements: &[usize]) -> Value {
    match unit {
        Unit::Metrics => {
            let metric = |number: &usize| json!({ "name": format!("m{number}"), "id": format!("M{number}"), "type": "metric", "dataType": "double" });
            json!({ "name": "Metrics", "id": "0".repeat(32), "type": "templateMetrics",
                    "elements": elements.iter().map(metric).collect::<Vec<_>>() })
        }
        Unit::Attribute(number) => {
            let form = |form: usize| json!({ "name": format!("F{form}"), "id": format!("F{form}"), "dataType": "varChar" });
            let element = |element: &usize| {
                let values: Vec<_> =
                    (0..table.forms[number]).map(|form| text(number, *element, form)).collect();
                json!({ "id": format!("h{element};A{number}"), "formValues": values })
            };
            json!({ "name": format!("A{number}"), "id": format!("A{number}"), "type": "attribute",
                    "forms": (0..table.forms[number]).map(form).collect::<Vec<_>>(),
                    "elements": elements.iter().map(element).collect::<Vec<_>>() })
        }
    }
}

/// Indices of the elements that are used, and the elements in order of appearance.
fn dictionary(used: impl Iterator<Item = usize>) -> (Vec<usize>, Vec<usize>) {
    let mut elements: Vec<usize> = Vec::new();
    let indices = used.map(|element| match elements.iter().position(|e| *e == element) {
        Some(index) => index,
        None => {
            elements.push(element);
            elements.len() - 1
        }
    });
    let indices = indices.collect();
    (indices, elements)
}

fn pages(table: &Table, shape: &Shape) -> Vec<Vec<u8>> {
    let axis = |in_columns: bool| -> Vec<Unit> {
        let attributes = 0..table.forms.len();
        let attributes = attributes.filter(|n| shape.in_columns[*n] == in_columns);
        let mut units: Vec<_> = attributes.map(Unit::Attribute).collect();
        if shape.metrics_in_rows != in_columns && table.metrics > 0 {
            units.insert(shape.place.min(units.len()), Unit::Metrics);
        }
        units
    };
    let (row_units, column_units) = (axis(false), axis(true));
    let rows = if row_units.is_empty() { vec![vec![]] } else { tuples(table, &row_units) };
    let columns = if column_units.is_empty() { vec![] } else { tuples(table, &column_units) };
    let total = rows.len();
    let value = |row: &[usize], column: &[usize]| -> Option<f64> {
        let mut elements = vec![0; table.forms.len()];
        let mut metric = 0;
        let places = row_units.iter().zip(row).chain(column_units.iter().zip(column));
        for (unit, element) in places {
            match unit {
                Unit::Attribute(number) => elements[*number] = *element,
                Unit::Metrics => metric = *element,
            }
        }
        let found = table.rows.iter().find(|(key, _)| *key == elements)?;
        found.1.get(metric).copied().flatten()
    };
    let mut out = Vec::new();
    for (number, rows) in rows.chunks(shape.page).enumerate() {
        let mut header_rows = vec![Vec::new(); rows.len()];
        let mut row_json = Vec::new();
        for (place, unit) in row_units.iter().enumerate() {
            // the first page lists all metrics, later ones those that they show
            let all = 0..if *unit == Unit::Metrics && number == 0 { table.metrics } else { 0 };
            let listed = all.len();
            let used = all.chain(rows.iter().map(|row| row[place]));
            let (indices, elements) = dictionary(used);
            let indices = indices.into_iter().skip(listed);
            for (header, index) in header_rows.iter_mut().zip(indices) {
                header.push(index);
            }
            row_json.push(unit_json(table, *unit, &elements));
        }
        let mut header_columns = Vec::new();
        let mut column_json = Vec::new();
        for (place, unit) in column_units.iter().enumerate() {
            let (indices, elements) = dictionary(columns.iter().map(|column| column[place]));
            header_columns.push(indices);
            column_json.push(unit_json(table, *unit, &elements));
        }
        // metrics in rows, nothing in columns: one column of values without a header
        let nameless = [vec![]];
        let columns =
            if columns.is_empty() && shape.metrics_in_rows { &nameless[..] } else { &columns };
        let raw: Vec<Vec<_>> = rows
            .iter()
            .map(|row| columns.iter().map(|column| value(row, column)).collect())
            .collect();
        let page = json!({
            "name": "t", "id": "T", "instanceId": "I", "status": 1,
            "definition": { "grid": { "rows": row_json, "columns": column_json, "pageBy": [] } },
            "data": {
                "currentPageBy": [],
                "paging": { "total": total, "current": rows.len(), "offset": number * shape.page, "limit": shape.page },
                "headers": { "rows": header_rows, "columns": header_columns },
                "metricValues": { "raw": raw, "formatted": [], "extras": [] },
            },
        });
        out.push(serde_json::to_vec(&page).unwrap());
    }
    out
}

fn decode(pages: &[Vec<u8>]) -> Vec<RecordBatch> {
    let mut reader = GridReader::new(GridOptions::default());
    let mut batches: Vec<_> = pages.iter().map(|page| reader.read(page).unwrap().batch).collect();
    batches.extend(reader.finish().unwrap());
    let schema = reader.schema().unwrap();
    assert!(batches.iter().all(|batch| batch.schema() == schema));
    batches
}

type Row = (Vec<String>, Vec<Option<u64>>);

/// By column name: a shape may change the order of attributes.
fn rows(table: &Table, batches: &[RecordBatch]) -> Vec<Row> {
    let mut all = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let mut texts = Vec::new();
            for (number, forms) in table.forms.iter().enumerate() {
                for form in 0..*forms {
                    let name = match forms {
                        1 => format!("A{number}"),
                        _ => format!("A{number}@F{form}"),
                    };
                    let column = batch.column_by_name(&name).unwrap().as_dictionary::<Int32Type>();
                    let key = usize::try_from(column.keys().value(row)).unwrap();
                    texts.push(column.values().as_string::<i32>().value(key).to_owned());
                }
            }
            let metric = |number: usize| {
                let column = batch.column_by_name(&format!("m{number}")).unwrap();
                let column = column.as_primitive::<Float64Type>();
                column.is_valid(row).then(|| column.value(row).to_bits())
            };
            all.push((texts, (0..table.metrics).map(metric).collect()));
        }
    }
    all
}

fn expected(table: &Table) -> Vec<Row> {
    let row = |(elements, values): &(Vec<usize>, Vec<Option<f64>>)| {
        let texts = elements.iter().enumerate().flat_map(|(attribute, element)| {
            (0..table.forms[attribute]).map(move |form| text(attribute, *element, form))
        });
        (texts.collect(), values.iter().map(|value| value.map(f64::to_bits)).collect())
    };
    table.rows.iter().map(row).collect()
}

/// A value with the texts of the elements that it belongs to, those of the row axis first, and the
/// number of its metric.
type Cell = (Vec<Option<String>>, usize, u64);

/// The names of the columns, attributes first, and all values that are not null.
#[derive(Debug, PartialEq)]
struct Meaning {
    names: Vec<String>,
    cells: BTreeSet<Cell>,
}

/// All rows of a table that has one page.
fn read(page: &[u8]) -> Result<Vec<RecordBatch>, Error> {
    let mut reader = GridReader::new(GridOptions::default());
    let mut batches = vec![reader.read(page)?.batch];
    batches.extend(reader.finish()?);
    Ok(batches)
}

/// What a page means by the description of the format; `None` where it is not as described. Nothing
/// here is shared with the decoder.
fn meaning_of_page(page: &Value) -> Option<Meaning> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let name = |named: &Value| named["name"].as_str().unwrap_or_default().to_owned();
    let grid = &page["definition"]["grid"];
    let units: Vec<Value> = [list(&grid["rows"]), list(&grid["columns"])].concat();
    let headers = &page["data"]["headers"];
    let rows: Vec<Vec<Value>> = headers["rows"].as_array()?.iter().map(list).collect();
    // by unit; turned into one list of indices for each column
    let of_units: Vec<Vec<Value>> = headers["columns"].as_array()?.iter().map(list).collect();
    let width = of_units.first().map_or(1, Vec::len);
    of_units.iter().all(|indices| indices.len() == width).then_some(())?;
    let column = |number: usize| of_units.iter().map(|unit| unit[number].clone()).collect();
    let columns: Vec<Vec<Value>> = (0..width).map(column).collect();

    let (mut names, mut metrics) = (Vec::new(), Vec::new());
    for unit in &units {
        let forms = list(&unit["forms"]);
        match unit["type"].as_str() {
            Some("templateMetrics") => metrics.extend(list(&unit["elements"]).iter().map(name)),
            _ if forms.len() < 2 => names.push(name(unit)),
            _ => names.extend(forms.iter().map(|form| format!("{}@{}", name(unit), name(form)))),
        }
    }
    names.extend(metrics);

    let raw = page["data"]["metricValues"]["raw"].as_array()?;
    (raw.len() == rows.len()).then_some(())?;
    let mut cells = BTreeSet::new();
    for (row, values) in rows.iter().zip(raw) {
        (list(values).len() == columns.len()).then_some(())?;
        for (column, value) in columns.iter().zip(list(values)) {
            let (mut texts, mut metric) = (Vec::new(), None);
            (row.len() + column.len() == units.len()).then_some(())?;
            for (unit, index) in units.iter().zip(row.iter().chain(column)) {
                let index = usize::try_from(index.as_u64()?).ok()?;
                let element = unit["elements"].get(index)?;
                if unit["type"] == "templateMetrics" {
                    metric = Some(index);
                    continue;
                }
                // elements of other kinds than attributes may have a name alone, or nothing
                let width = list(&unit["forms"]).len().max(1);
                let mut values = list(&element["formValues"]);
                if values.is_empty() {
                    values.push(element["name"].clone());
                }
                (values.len() <= width).then_some(())?;
                values.resize(width, Value::Null);
                texts.extend(values.iter().map(|text| text.as_str().map(str::to_owned)));
            }
            if !value.is_null() {
                cells.insert((texts, metric?, value.as_f64()?.to_bits()));
            }
        }
    }
    Some(Meaning { names, cells })
}

/// Pages that are broken and that the decoder takes all the same, without some of their values. To
/// be empty once the decoder refuses them.
fn is_accepted_without_values(page: &Value) -> bool {
    let (grid, data) = (&page["definition"]["grid"], &page["data"]);
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let has_metrics =
        |axis: &str| list(&grid[axis]).iter().any(|unit| unit["type"] == "templateMetrics");
    let (in_rows, in_columns) = (has_metrics("rows"), has_metrics("columns"));
    let no_unit_of_metrics = !in_rows && !in_columns;
    let no_values_at_all = in_rows
        && list(&grid["columns"]).is_empty()
        && data["metricValues"]["raw"].as_array().is_none();
    // two values of one metric for the same elements: the later one is taken
    let repeats =
        |headers: Vec<String>| headers.iter().collect::<BTreeSet<_>>().len() < headers.len();
    let id = |unit: &Value, index: &Value| {
        let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
        index.map(|index| unit["elements"][index]["id"].clone())
    };
    let units = list(&grid["rows"]);
    let ids =
        |row: &Value| units.iter().zip(list(row)).map(|(unit, index)| id(unit, &index)).collect();
    let rows: Vec<Vec<_>> = list(&data["headers"]["rows"]).iter().map(ids).collect();
    let rows = rows.iter().map(|ids| format!("{ids:?}")).collect();
    let of_units: Vec<_> = list(&data["headers"]["columns"]).iter().map(list).collect();
    let width = of_units.iter().map(Vec::len).min().unwrap_or(0);
    let column = |number: usize| {
        let indices: Vec<_> = of_units.iter().map(|unit| &unit[number]).collect();
        format!("{indices:?}")
    };
    let columns = (0..width).map(column).collect();
    no_unit_of_metrics || no_values_at_all || repeats(columns) || in_rows && repeats(rows)
}

/// The same of a table; `None` where a column has another type than such a page gives it.
fn meaning_of_table(batches: &[RecordBatch]) -> Option<Meaning> {
    let schema = batches[0].schema();
    let names = schema.fields().iter().map(|field| field.name().clone()).collect();
    let mut cells = BTreeSet::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let (mut texts, mut metrics) = (Vec::new(), 0);
            for column in batch.columns() {
                if let Some(column) = column.as_dictionary_opt::<Int32Type>() {
                    let all = column.values().as_string_opt::<i32>()?;
                    texts.push(column.key(row).map(|key| all.value(key).to_owned()));
                    continue;
                }
                if column.is_valid(row) {
                    let value = column.as_primitive_opt::<Float64Type>()?.value(row);
                    cells.insert((texts.clone(), metrics, value.to_bits()));
                }
                metrics += 1;
            }
        }
    }
    Some(Meaning { names, cells })
}

fn table() -> impl Strategy<Value = Table> {
    (prop::collection::vec(1..3usize, 0..4), 0..4usize).prop_flat_map(|(forms, metrics)| {
        let value = prop::option::weighted(0.8, prop::num::f64::NORMAL | prop::num::f64::ZERO);
        let row = (
            prop::collection::vec(0..ELEMENTS, forms.len()),
            prop::collection::vec(value, metrics),
        );
        (Just((forms, metrics)), prop::collection::vec(row, 0..40)).prop_map(
            |((forms, metrics), mut rows)| {
                rows.sort_by(|a, b| a.0.cmp(&b.0));
                rows.dedup_by(|a, b| a.0 == b.0);
                Table { forms, metrics, rows }
            },
        )
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    (prop::collection::vec(any::<bool>(), 4), any::<bool>(), 0..4usize, 1..30usize).prop_map(
        |(in_columns, metrics_in_rows, place, page)| Shape {
            in_columns,
            metrics_in_rows,
            place,
            page,
        },
    )
}

proptest! {
    #[test]
    fn table_in_rows_comes_back_in_order(table in table(), page in 1..30usize) {
        let shape = Shape { in_columns: vec![false; 4], metrics_in_rows: false, place: 0, page };
        prop_assume!(!table.rows.is_empty() && !table.forms.is_empty());
        prop_assert_eq!(rows(&table, &decode(&pages(&table, &shape))), expected(&table));
    }

    #[test]
    fn table_in_any_shape_comes_back(mut table in table(), shape in shape()) {
        // an empty cell of a cross-tab does not say whether there is a row
        table.rows.retain(|(_, values)| values.iter().any(Option::is_some));
        prop_assume!(!table.rows.is_empty());
        let decoded = rows(&table, &decode(&pages(&table, &shape)));
        let shown: Vec<Row> =
            decoded.into_iter().filter(|(_, values)| values.iter().any(Option::is_some)).collect();
        let set: BTreeSet<Row> = shown.iter().cloned().collect();
        prop_assert_eq!(set.len(), shown.len(), "a row twice");
        prop_assert_eq!(set, expected(&table).into_iter().collect::<BTreeSet<_>>());
    }

    /// One byte of a page is another one. The judge of what is JSON is `serde_json`, the judge of what
    /// it means is [`meaning_of_page`].
    #[test]
    fn damaged_page_is_an_error_or_the_table_that_it_describes(
        mut table in table(),
        shape in shape(),
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![any::<u8>(), prop::sample::select(&b"0123456789,.:-e[]{} \""[..])],
    ) {
        table.rows.retain(|(_, values)| values.iter().any(Option::is_some));
        prop_assume!(!table.rows.is_empty());
        let whole = pages(&table, &Shape { page: 1000, ..shape }).swap_remove(0);
        let before = meaning_of_page(&serde_json::from_slice(&whole).unwrap());
        prop_assert!(before.is_some(), "the judge knows the format");
        prop_assert_eq!(&meaning_of_table(&read(&whole).unwrap()), &before);

        let mut page = whole;
        let at = at.index(page.len());
        page[at] = byte;
        let shown = String::from_utf8_lossy(&page).into_owned();
        let table = match read(&page) {
            Ok(table) => table,
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::Decode);
                return Ok(());
            }
        };
        let grammar = serde_json::from_slice::<IgnoredAny>(&page);
        prop_assert!(grammar.is_ok(), "accepted, but {}: {}", grammar.unwrap_err(), shown);
        // a text that is not UTF-8 and a number that is too large must have been of no use
        let json: Value = serde_json::from_slice(&page).unwrap_or_default();
        if is_accepted_without_values(&json) && !json.is_null() {
            return Ok(());
        }
        // and so must be what is not as described
        let mut meant = meaning_of_page(&json).or(before).unwrap();
        let read = meaning_of_table(&table);
        prop_assert!(read.is_some(), "another type of column: {}", shown);
        let read = read.unwrap();
        // of several columns of one name the later ones get a number
        if meant.names.iter().collect::<BTreeSet<_>>().len() < meant.names.len() {
            meant.names.clone_from(&read.names);
        }
        prop_assert_eq!(read, meant, "{}", shown);
    }
}
