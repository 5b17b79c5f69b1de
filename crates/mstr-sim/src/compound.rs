//! Compound grids: common rows, and several sets of columns (recorded shape).
//!
//! Other than in plain grids, the header of a set has a list for each column, with an index for
//! each unit; a set without columns has an empty one, and a set without metrics has no values.

use serde_json::{Value as Json, json};

/// Makes a compound grid of the pages of plain ones, whose rows are the same.
pub(crate) fn grid(pages: &[Vec<u8>]) -> Json {
    let pages: Vec<Json> =
        pages.iter().map(|page| serde_json::from_slice(page).unwrap_or_default()).collect();
    let Some(mut compound) = pages.first().cloned() else { return json!({}) };
    let (mut sets, mut headers, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (at, page) in pages.iter().enumerate() {
        let grid = &page["definition"]["grid"];
        let metrics = &page["data"]["metricValues"];
        sets.push(json!({
            "key": format!("W{}", at + 1),
            "name": format!("Column Set{}", at + 1),
            "metricsPosition": grid["metricsPosition"],
            "columns": grid["columns"],
            "sorting": { "rows": [], "columns": grid["sorting"]["columns"] },
            "thresholds": grid["thresholds"],
        }));
        headers.push(by_column(&page["data"]["headers"]["columns"]));
        let is_empty = grid["metricsPosition"].is_null();
        values.push(metrics.as_object().into_iter().flatten().fold(json!({}), |mut all, one| {
            all[one.0] = if is_empty { json!([]) } else { one.1.clone() };
            all
        }));
    }
    let is_cross_tab = pages.iter().any(|page| page["definition"]["grid"]["crossTab"] == true);
    let rows = compound["definition"]["grid"]["rows"].take();
    compound["definition"]["grid"] =
        json!({ "crossTab": is_cross_tab, "rows": rows, "columnSets": sets });
    let rows = compound["data"]["headers"]["rows"].take();
    compound["data"] = json!({
        "paging": compound["data"]["paging"],
        "headers": { "rows": rows, "columnSets": headers },
        "metricValues": { "columnSets": values },
    });
    compound
}

/// A list of indices for each unit as a list for each column.
fn by_column(header: &Json) -> Json {
    let units = header.as_array().map(Vec::as_slice).unwrap_or_default();
    let columns = units.first().and_then(Json::as_array).map_or(0, Vec::len);
    let column = |at: usize| units.iter().map(|unit| unit[at].clone()).collect::<Vec<_>>();
    (0..columns).map(column).collect()
}
