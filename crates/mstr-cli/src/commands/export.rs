//! `mstr export`: the rows of a report or cube as a file.

mod columns;
mod filter;
mod names;
mod prompts;
mod quoted;
mod source;
mod types;

pub(super) use source::find;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use mstr_rest::api::{GridRequest, Instance};
use mstr_rest::data::{Data, Format, GridOptions, InstanceDataExt as _, Progress, ValueType};

use crate::{
    context::Context,
    duration,
    failure::{Failure, Result},
    output::Stdout,
    progress,
};

/// Write the rows of a report or cube to a file
///
/// The ending of the file says the format: .parquet, .csv, .arrow (also .feather, .ipc) or .jsonl.
/// The file appears when it is complete; a command that is interrupted or fails leaves nothing
/// behind, on this machine or the server, and can be run again
///
/// Filters: NAME OPERATOR VALUE with = != > >= < <= ~ (contains) ^= (begins with) $= (ends with),
/// or NAME is null. Several must all hold. A metric by its name, an attribute by its name or one
/// of its forms as Name@Form
///
/// Examples:
///   mstr export "Sample Report" -o sales.parquet --project Tutorial
///   mstr export ID -o - --format csv --columns Region,Revenue | head
///   mstr export ID -o north.csv --filter 'Region = North' --filter 'Revenue >= 1000'
///   mstr export ID -o y.parquet --prompt Year=2024 --prompt 'Comment=from a script'
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Export {
    /// Id or name of the report or cube
    #[arg(value_name = "REPORT_OR_CUBE")]
    what: String,
    /// The file; `-` is standard output (CSV unless --format says otherwise)
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// The format, where the ending of the file does not say it
    #[arg(long, value_enum)]
    format: Option<FileFormat>,
    /// The columns: names or ids of attributes, `Attribute@Form`, and metrics  [default: all]
    #[arg(long, value_delimiter = ',', value_name = "NAME,..")]
    columns: Vec<String>,
    /// Only rows for which this holds; repeatable
    #[arg(long, value_name = "CONDITION")]
    filter: Vec<String>,
    /// Only rows whose metric holds this, after aggregation, as 'METRIC > 10'; repeatable for
    /// several metrics. --filter on a metric counts before
    #[arg(long, value_name = "CONDITION")]
    metric_limit: Vec<String>,
    /// The answer to a prompt, by its name, id or key; repeat it for several values. Without one
    /// the prompt's default is taken
    #[arg(long, value_name = "PROMPT=ANSWER")]
    prompt: Vec<String>,
    /// The report's own layout, with its view filter, as a table; without it all objects of the
    /// report as a flat table
    #[arg(long, alias = "as-shown", conflicts_with = "columns")]
    as_designed: bool,
    /// Keep subtotals and totals; a column of this name says which rows they are
    #[arg(
        long, alias = "totals", value_name = "COLUMN", num_args = 0..=1,
        default_missing_value = "Subtotal", require_equals = true
    )]
    subtotals: Option<String>,
    /// `off`: attribute forms are text, whatever type the server declares
    #[arg(long, value_enum, default_value_t = Types::On, value_name = "ON_OR_OFF")]
    types: Types,
    /// The type of a metric: float, integer, decimal(PRECISION,SCALE), boolean, date, timestamp,
    /// text; repeatable
    #[arg(long, value_name = "METRIC=TYPE", value_parser = types::parse)]
    metric_type: Vec<(String, ValueType)>,
    /// The type of an attribute, or of one form as Attribute@Form; repeatable
    #[arg(long, value_name = "ATTRIBUTE=TYPE", value_parser = types::parse)]
    attribute_type: Vec<(String, ValueType)>,
    /// One column set of a compound grid, by name
    #[arg(long, value_name = "NAME")]
    column_set: Option<String>,
    /// How long the report or cube may take on the server: 90s, 10m, 2h
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration::parse)]
    execution_timeout: Duration,
    /// Rows of a page  [default: by their size]
    #[arg(long, alias = "page-rows", value_name = "ROWS")]
    page_size: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Types {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FileFormat {
    Parquet,
    Csv,
    Arrow,
    Jsonl,
}

impl FileFormat {
    fn of_table(self) -> Format {
        match self {
            Self::Parquet => Format::Parquet,
            Self::Csv => Format::Csv,
            Self::Arrow => Format::Ipc,
            Self::Jsonl => Format::JsonLines,
        }
    }
}

impl Export {
    pub(crate) async fn run(self, context: &Context) -> Result {
        let format = self.format()?;
        // what is wrong with them is said before anything is sent
        let answers = prompts::Given::parse(&self.prompt)?;
        let conditions: Vec<_> =
            self.filter.iter().map(|text| filter::parse(text)).collect::<Result<_>>()?;
        let quiet = context.global.quiet;
        context
            .with_session(async |session| {
                let object = source::find(&session, &self.what).await?;
                let definition = object.definition().await?;
                let mut request = if self.as_designed {
                    GridRequest::designed()
                } else if self.columns.is_empty() {
                    GridRequest::from_definition(&definition)
                } else {
                    columns::request(&definition, &self.columns)?
                };
                if let Some(filter) = filter::expression(&definition, &conditions)? {
                    request = request.view_filter(filter);
                }
                for limit in &self.metric_limit {
                    let (metric, limit) = filter::metric_limit(limit, &definition)?;
                    request = request.metric_limit(metric, limit);
                }
                filter::check(&request, &definition, self.as_designed)?;
                if let Some(rows) = self.page_size {
                    request = request.page_size(rows);
                }
                let is_report = object.as_report().is_some();
                let request =
                    request.respond_async(is_report).execution_timeout(self.execution_timeout);
                let instance = object.run(request).await?;
                let _deleted_with_us = instance.delete_on_drop();
                prompts::answer(&instance, &answers).await?;
                let bar = progress::Bar::new(quiet);
                let written = self.write(bar.watch(self.data(&instance)), format).await;
                bar.finish();
                let written = written?;
                if !quiet && self.output != Path::new("-") {
                    eprintln!("{} rows in {}", written.rows, self.output.display());
                }
                Ok(())
            })
            .await
    }

    /// How the rows are read.
    fn data(&self, instance: &Instance) -> Data {
        let mut options = GridOptions::default().attribute_types(self.types == Types::On);
        if let Some(column) = &self.subtotals {
            options = options.subtotal_flag(column);
        }
        for (metric, kind) in &self.metric_type {
            options = options.metric_type(metric, *kind);
        }
        for (attribute, kind) in &self.attribute_type {
            options = options.attribute_type(attribute, *kind);
        }
        if let Some(set) = &self.column_set {
            options = options.column_set(set);
        }
        let data = instance.data().options(options);
        match self.page_size {
            Some(rows) => data.page_size(rows),
            None => data,
        }
    }

    /// Says what was written.
    async fn write(&self, data: Data, format: FileFormat) -> Result<Progress> {
        let path = &self.output;
        if path == Path::new("-") {
            return Ok(data.write(format.of_table(), Stdout).await?.1);
        }
        Ok(match format {
            FileFormat::Parquet => data.to_parquet(path).await?,
            FileFormat::Csv => data.to_csv(path).await?,
            FileFormat::Arrow => data.to_ipc(path).await?,
            FileFormat::Jsonl => data.to_json_lines(path).await?,
        })
    }

    fn format(&self) -> Result<FileFormat> {
        let standard_output = self.output == Path::new("-");
        let ending = self.output.extension().and_then(|ending| ending.to_str()).unwrap_or("");
        let format = self.format.or(match ending.to_ascii_lowercase().as_str() {
            "parquet" | "pq" => Some(FileFormat::Parquet),
            "csv" => Some(FileFormat::Csv),
            "arrow" | "feather" | "ipc" => Some(FileFormat::Arrow),
            "jsonl" | "ndjson" => Some(FileFormat::Jsonl),
            _ if standard_output => Some(FileFormat::Csv),
            _ => None,
        });
        match format {
            None => Err(Failure::usage("the ending of the file does not say the format")
                .hint("--format parquet, csv, arrow or jsonl")),
            Some(format) => Ok(format),
        }
    }
}
