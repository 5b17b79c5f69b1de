//! A report by ours, in the ways that its data can go.

use std::sync::{Arc, Mutex};

use futures_util::StreamExt as _;
use mstr_rest::api::ReportsExt as _;
use mstr_rest::data::{Data, DataExt as _};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::clients;
use crate::options::Options;
use crate::usage::{Meter, Taken};

/// What is to be read, and how.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    report: String,
    /// None: as the client chooses.
    page_rows: Option<u64>,
    gzip: bool,
    /// Requests under way at once. None: as the client chooses.
    ahead: Option<usize>,
    sink: Sink,
}

/// Where the rows go.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Sink {
    /// All into memory, as a data frame is.
    Collect,
    /// Batch by batch, each dropped when the next one comes.
    Stream,
    /// Into a file.
    Parquet,
    Csv,
}

#[derive(Debug, Serialize)]
pub(crate) struct Got {
    rows: u64,
    /// Bytes of JSON, decompressed.
    bytes: u64,
    pages: u64,
    file_bytes: u64,
    #[serde(flatten)]
    taken: Taken,
}

pub(crate) async fn run(options: &Options, wanted: &Wanted) -> Result<Got> {
    let session =
        clients::builder(options).project(&options.project).gzip(wanted.gzip).connect().await?;
    // the project's name is looked up once a session; not part of what is measured
    session.load_project_index().await?;
    let mut data = session.reports().data(&wanted.report);
    if let Some(rows) = wanted.page_rows {
        data = data.page_size(rows);
    }
    if let Some(requests) = wanted.ahead {
        data = data.fetch_ahead(requests);
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("report");
    // what came, and in how many batches
    let read = Arc::new(Mutex::new((0, 0)));
    let seen = Arc::clone(&read);
    data = data.on_progress(move |progress| {
        if let Ok(mut seen) = seen.lock() {
            *seen = (progress.bytes, seen.1 + 1);
        }
    });
    let meter = Meter::start();
    let rows = match wanted.sink {
        Sink::Collect => {
            let batches = data.collect().await?;
            batches.iter().map(|batch| batch.num_rows() as u64).sum()
        }
        Sink::Stream => stream(data).await?,
        Sink::Parquet => data.to_parquet(&file).await?.rows,
        Sink::Csv => data.to_csv(&file).await?.rows,
    };
    let taken = meter.stop();
    let file_bytes = std::fs::metadata(&file).map_or(0, |file| file.len());
    let (bytes, pages) = *read.lock().map_err(|_| "a callback panicked")?;
    session.close().await?;
    Ok(Got { rows, bytes, pages, file_bytes, taken })
}

async fn stream(data: Data) -> Result<u64> {
    let mut batches = std::pin::pin!(data.open().await?.stream());
    let mut rows = 0;
    while let Some(batch) = batches.next().await {
        rows += batch?.num_rows() as u64;
    }
    Ok(rows)
}
