//! `mstr export`: the rows of a report or cube as a file.

mod columns;
mod filter;
mod names;
mod prompts;
mod quoted;
mod source;

pub(super) use source::{Source, find};

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use mstr_rest::api::GridRequest;
use mstr_rest::data::{Data, InstanceDataExt as _, Progress};

use crate::{
    context::Context,
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
    /// The file; `-` is standard output (CSV)
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
    /// The answer to a prompt, by its name, id or key; repeat it for several values. Without one
    /// the prompt's default is taken
    #[arg(long, value_name = "PROMPT=ANSWER")]
    prompt: Vec<String>,
    /// The grid as it is designed, with its filters and totals, instead of the flat table
    #[arg(long, alias = "as-shown", conflicts_with = "columns")]
    as_designed: bool,
    /// Rows of a page  [default: by their size]
    #[arg(long, alias = "page-rows", value_name = "ROWS")]
    page_size: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FileFormat {
    Parquet,
    Csv,
    Arrow,
    Jsonl,
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
                let source = source::find(&session, &self.what).await?;
                let definition = source.definition().await?;
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
                filter::check(&request, &definition, self.as_designed)?;
                if let Some(rows) = self.page_size {
                    request = request.page_size(rows);
                }
                let instance = source.run(request.respond_async(source.is_report())).await?;
                let _ended_with_us = source::Cleanup::of(&instance);
                prompts::answer(&instance, &answers).await?;
                let mut data = instance.data();
                if let Some(rows) = self.page_size {
                    data = data.page_size(rows);
                }
                let bar = progress::Bar::new(quiet);
                let written = self.write(bar.watch(data), format).await;
                bar.finish();
                let written = written?;
                if !quiet && let Some(written) = written {
                    eprintln!("{} rows in {}", written.rows, self.output.display());
                }
                Ok(())
            })
            .await
    }

    /// How many rows were written; `None` for standard output.
    async fn write(&self, data: Data, format: FileFormat) -> Result<Option<Progress>> {
        let path = &self.output;
        if path == Path::new("-") {
            data.write_csv(Stdout).await?;
            return Ok(None);
        }
        Ok(Some(match format {
            FileFormat::Parquet => data.to_parquet(path).await?,
            FileFormat::Csv => data.to_csv(path).await?,
            FileFormat::Arrow => data.to_ipc(path).await?,
            FileFormat::Jsonl => data.to_json_lines(path).await?,
        }))
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
            Some(format) if standard_output && format != FileFormat::Csv => {
                Err(Failure::usage("only CSV goes to standard output"))
            }
            Some(format) => Ok(format),
        }
    }
}
