//! A case through the library.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use mstr_rest_api::{
    ChapterKey, CubesExt, DashboardsExt, GridRequest, Instance, Prompt, ReportsExt, Template,
};
use mstr_rest_core::{Auth, Error, RetryPolicy, Session, try_with_session};
use mstr_rest_data::{Data, DataExt, GridOptions, InstanceDataExt, ValueType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::corpus::case::{Export, Form, Library};
use crate::corpus::grid::{CHAPTER, DASHBOARD, Grid, KEY, Kind};
use crate::corpus::table::Table;

/// What a run gave.
pub(crate) enum Outcome {
    Table(Table),
    Value(Value),
    Failed(Error),
}

/// Where files are written, and the names of the columns of the right table: JSON lines have no
/// order of columns.
#[derive(Clone, Copy)]
pub(crate) struct Place<'p> {
    pub(crate) folder: &'p Path,
    pub(crate) columns: &'p [String],
}

/// `Err` is what the runner cannot do. The options of an export that have no counterpart here give
/// `None`: the command alone has them.
pub(crate) async fn export(
    base_url: &str,
    grid: &Grid,
    export: &Export,
    form: Form,
    place: Place<'_>,
) -> Result<Option<Outcome>, String> {
    if !is_for_library(export) {
        return Ok(None);
    }
    let file = place.folder.join(format!("{form:?}"));
    let read = try_with_session(builder(base_url), async |session| {
        let data = tuned(data(&session, grid).await?, export);
        match form {
            Form::Batches => {
                let mut table = data.open().await?;
                let schema = table.schema();
                let mut batches = Vec::new();
                while let Some(batch) = table.next().await? {
                    batches.push(batch);
                }
                return Ok(Table::of_batches(&schema, &batches));
            }
            Form::Csv => data.to_csv(&file).await?,
            Form::JsonLines => data.to_json_lines(&file).await?,
            Form::Parquet => data.to_parquet(&file).await?,
        };
        Ok::<_, Error>(match form {
            Form::Parquet => parquet(&file),
            Form::JsonLines => text(&file).and_then(|it| Table::of_json_lines(&it, place.columns)),
            _ => text(&file).and_then(|it| Table::of_csv(&it)),
        })
    })
    .await;
    Ok(Some(match read {
        Ok(table) => Outcome::Table(table?),
        Err(error) => Outcome::Failed(error),
    }))
}

fn is_for_library(export: &Export) -> bool {
    let Export { name, types, attribute_type, columns, filter, prompt, execution_timeout, .. } =
        export;
    name.is_none()
        && types.is_none()
        && attribute_type.is_empty()
        && columns.is_empty()
        && filter.is_empty()
        && prompt.is_empty()
        && execution_timeout.is_none()
}

async fn data(session: &Session, grid: &Grid) -> Result<Data, Error> {
    Ok(match grid.kind {
        Kind::Report => session.reports().data(&grid.id),
        Kind::Cube => session.cubes().data(&grid.id),
        Kind::Visualization => {
            let dashboard = session.dashboards().dashboard(DASHBOARD);
            let instance = dashboard.run(mstr_rest_api::DocumentRequest::new()).await?;
            instance.visualization(ChapterKey::new(CHAPTER), KEY).data()
        }
    })
}

fn tuned(mut data: Data, export: &Export) -> Data {
    if export.as_designed {
        data = data.request(GridRequest::designed());
    }
    if let Some(rows) = export.page_size {
        data = data.page_size(rows);
    }
    if export.subtotals {
        data = data.options(GridOptions::default().subtotal_flag("Subtotal"));
    }
    for (name, kind) in &export.metric_type {
        if let Some(kind) = metric_type(kind) {
            data = data.metric_type(name, kind);
        }
    }
    data
}

fn metric_type(name: &str) -> Option<ValueType> {
    Some(match name {
        "text" => ValueType::Text,
        "integer" => ValueType::Integer,
        "float" => ValueType::Float,
        "date" => ValueType::Date,
        "timestamp" => ValueType::Timestamp,
        "boolean" => ValueType::Boolean,
        _ => return None,
    })
}

fn builder(base_url: &str) -> mstr_rest_core::SessionBuilder {
    Session::builder(base_url)
        .environment_proxies(false)
        .auth(Auth::standard("ann", "secret"))
        .relogin(true)
        .retry(RetryPolicy::default())
        .project("Tutorial")
}

fn text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

fn parquet(path: &Path) -> Result<Table, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| error.to_string())?;
    let schema = Arc::clone(builder.schema());
    let reader = builder.build().map_err(|error| error.to_string())?;
    let batches: Result<Vec<_>, _> = reader.collect();
    Table::of_batches(&schema, &batches.map_err(|error| error.to_string())?)
}

/// A call that is no export.
pub(crate) async fn call(base_url: &str, grid: &Grid, library: &Library) -> Outcome {
    let value =
        try_with_session(builder(base_url), async |session| value(&session, grid, library).await);
    match value.await {
        Ok(value) => Outcome::Value(value),
        Err(error) => Outcome::Failed(error),
    }
}

async fn value(session: &Session, grid: &Grid, library: &Library) -> Result<Value, Error> {
    let report = session.reports().report(&grid.id);
    let run = || report.run(GridRequest::designed());
    Ok(match library {
        Library::AttributeElements(attribute) => {
            let elements = match grid.kind {
                Kind::Cube => session.cubes().cube(&grid.id).attribute_elements(attribute).await?,
                _ => report.attribute_elements(attribute).await?,
            };
            elements.iter().map(|it| json!({"id": it.id, "values": it.form_values})).collect()
        }
        Library::PromptElements(name) => {
            let (instance, prompt) = prompted(run().await?, name).await?;
            let elements = instance.prompt_elements(&prompt, None).await?;
            elements.iter().map(|it| json!({"id": it.id, "name": it.name})).collect()
        }
        Library::PromptObjects(name) => {
            let (instance, prompt) = prompted(run().await?, name).await?;
            let objects = instance.prompt_objects(&prompt, None).await?;
            objects.iter().map(|it| json!({"id": it.id, "name": it.name})).collect()
        }
        Library::PageBy(_) => {
            let pages = run().await?.page_by_elements(0, 200).await?;
            pages.combinations.iter().map(|page| json!(pages.element_ids(page))).collect()
        }
        Library::Definition(_) => {
            let definition = report.definition().await?;
            let available = &definition.available;
            let units = definition.template.iter().flat_map(Template::units);
            json!({
                "attributes": available.attributes.iter().map(|it| &it.name).collect::<Vec<_>>(),
                "metrics": available.metrics.iter().map(|it| &it.name).collect::<Vec<_>>(),
                "units": units.map(|it| it.name.clone()).collect::<Vec<_>>(),
            })
        }
    })
}

async fn prompted(instance: Instance, name: &str) -> Result<(Instance, Prompt), Error> {
    let prompts = instance.prompts().await?;
    let found = prompts.into_iter().find(|prompt| prompt.name == name || prompt.key == name);
    let missing =
        || Error::new(mstr_rest_core::ErrorKind::InvalidRequest, format!("no prompt named {name}"));
    Ok((instance, found.ok_or_else(missing)?))
}
