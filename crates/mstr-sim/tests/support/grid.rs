//! A client of reports and cubes, and a decoder of grids that is slow and obvious.

use mstr_sim::{LibraryServer, Table, Value};
use serde_json::Value as Json;

use super::{Answer, Call, log_in};

pub(crate) const PROJECT: &str = "B7CA92F04B9FAE8D941C3E9B7E0CD754";
/// Leaves out what only people look at.
pub(crate) const NAKED: &str = "fields=-data.metricValues.formatted,-data.metricValues.extras";

/// A session that names a project on every request.
pub(crate) struct Client<'a> {
    pub(crate) server: &'a LibraryServer,
    pub(crate) token: String,
}

impl<'a> Client<'a> {
    pub(crate) async fn new(server: &'a LibraryServer) -> Self {
        Self { server, token: log_in(server).await.token() }
    }

    pub(crate) async fn send(&self, call: Call) -> Answer {
        call.token(&self.token).header("X-MSTR-ProjectID", PROJECT).send(self.server).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Call::get(path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Json) -> Answer {
        self.send(Call::post(path).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Json) -> Answer {
        self.send(Call::put(path).json(body)).await
    }

    /// Executes and gives the path of the instance and the first page.
    pub(crate) async fn execute(&self, source: &str, limit: i64, body: &Json) -> (String, Json) {
        let answer = self.post(&format!("{source}/instances?limit={limit}&{NAKED}"), body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = answer.json();
        let id = page["instanceId"].as_str().unwrap().to_owned();
        (format!("{source}/instances/{id}"), page)
    }

    /// All rows, page by page.
    pub(crate) async fn rows(&self, source: &str, limit: i64, body: &Json) -> Vec<Vec<Value>> {
        let (instance, mut page) = self.execute(source, limit, body).await;
        let mut rows = decode(&page);
        let mut lines = page["data"]["paging"]["current"].as_u64().unwrap();
        let total = page["data"]["paging"]["total"].as_u64().unwrap();
        while lines < total {
            let path = format!("{instance}?offset={lines}&limit={limit}&{NAKED}");
            page = self.get(&path).await.json();
            assert_eq!(page["data"]["paging"]["offset"], lines);
            let current = page["data"]["paging"]["current"].as_u64().unwrap();
            assert!(current > 0, "an empty page before the end");
            lines += current;
            rows.extend(decode(&page));
        }
        assert_eq!(lines, total);
        rows
    }
}

pub(crate) fn list(value: &Json) -> &[Json] {
    value.as_array().unwrap()
}

pub(crate) fn index(value: &Json) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

fn plain(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::String(text) => Value::Text(text.clone()),
        number => {
            number.as_i64().map_or_else(|| Value::Double(number.as_f64().unwrap()), Value::Integer)
        }
    }
}

/// The values that an element shows, one for each form.
fn shown(unit: &Json, element: usize) -> Vec<Value> {
    let element = &unit["elements"][element];
    let Some(forms) = unit["forms"].as_array() else { return vec![plain(&element["name"])] };
    let values = list(&element["formValues"]);
    let value = |form: usize| match values.get(form) {
        Some(value) => plain(value),
        None if element["subtotal"] == true => plain(&values[0]),
        None => Value::Null,
    };
    (0..forms.len()).map(value).collect()
}

/// A page of any shape as flat rows: attributes of the pages, rows and columns in that order,
/// then metrics. Lines of metrics that stand in rows are put together by their attributes.
pub(crate) fn decode(page: &Json) -> Vec<Vec<Value>> {
    let (grid, data) = (&page["definition"]["grid"], &page["data"]);
    let (rows, columns) = (list(&grid["rows"]), list(&grid["columns"]));
    let is_metrics = |unit: &Json| unit["type"] == "templateMetrics";
    let pages = list(&grid["pageBy"]).iter().zip(list(&data["currentPageBy"]));
    let of_page: Vec<Value> =
        pages.flat_map(|(unit, element)| shown(unit, index(element))).collect();
    let headers = &data["headers"];
    let width = list(&headers["columns"]).first().map_or(1, |unit| list(unit).len());
    let lines = list(&headers["rows"]);
    let raw = list(&data["metricValues"]["raw"]);
    assert_eq!(lines.len(), raw.len());
    assert_eq!(lines.len(), index(&data["paging"]["current"]));
    let unit = rows.iter().chain(columns).find(|unit| is_metrics(unit));
    let metrics = unit.map_or(0, |unit| list(&unit["elements"]).len());

    let mut flat: Vec<(Vec<Value>, Vec<Value>)> = Vec::new();
    for (line, values) in lines.iter().zip(raw) {
        let units = rows.iter().zip(list(line)).filter(|(unit, _)| !is_metrics(unit));
        let of_row: Vec<Value> =
            units.flat_map(|(unit, element)| shown(unit, index(element))).collect();
        for column in 0..width {
            let mut key = of_page.clone();
            key.extend(of_row.clone());
            for (unit, tuple) in columns.iter().zip(list(&headers["columns"])) {
                if !is_metrics(unit) {
                    key.extend(shown(unit, index(&tuple[column])));
                }
            }
            let value = (metrics > 0).then(|| plain(&values[column]));
            match flat.iter_mut().rfind(|(known, _)| *known == key) {
                Some((_, known)) if known.len() < metrics => known.extend(value),
                _ => flat.push((key, value.into_iter().collect())),
            }
        }
    }
    flat.into_iter().map(|(key, metrics)| [key, metrics].concat()).collect()
}

pub(crate) fn rows(table: &Table) -> Vec<Vec<Value>> {
    table.rows().collect()
}

/// Says which row differs.
pub(crate) fn assert_same(got: &[Vec<Value>], wanted: &[Vec<Value>], what: &str) {
    assert_eq!(got.len(), wanted.len(), "{what}: number of rows");
    for (at, (got, wanted)) in got.iter().zip(wanted).enumerate() {
        assert_eq!(got, wanted, "{what}: row {at}");
    }
}
