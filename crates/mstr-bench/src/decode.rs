//! Pages into columns without a network: ours and the typed pass over the same bytes, in turn.

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use mstr_rest::Session;
use mstr_rest::api::{GridRequest, ReportsExt as _};
use mstr_rest::data::{GridOptions, GridReader};
use serde_json::json;

use crate::options::Options;
use crate::typed::Page;
use crate::{Result, clients};

pub(crate) fn run(options: &Options) -> Result {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let pages = runtime.block_on(async {
        let session = clients::builder(options).project(&options.project).connect().await?;
        let pages = fetch(&session, options).await;
        session.close().await?;
        pages
    })?;
    let bytes: usize = pages.iter().map(Bytes::len).sum();
    // the first round only warms up
    let (mut ours, mut typed) = (Vec::new(), Vec::new());
    for round in 0..=options.rounds {
        let order: [bool; 2] = if round % 2 == 0 { [true, false] } else { [false, true] };
        for is_ours in order {
            let start = Instant::now();
            if is_ours {
                decode(&pages)?;
            } else {
                parse(&pages)?;
            }
            let taken = u64::try_from(start.elapsed().as_nanos())?;
            if round > 0 {
                (if is_ours { &mut ours } else { &mut typed }).push(taken);
            }
        }
    }
    let result = json!({
        "pages": pages.len(), "bytes": bytes, "ours_ns": ours, "typed_ns": typed,
    });
    println!("{result}");
    Ok(())
}

async fn fetch(session: &Session, options: &Options) -> Result<Vec<Bytes>> {
    let report = session.reports().report(&options.report);
    let all = GridRequest::from_definition(&report.definition().await?).iso_dates(true);
    let rows = options.rows as u64;
    let instance = report.run(all.page_size(rows)).await?;
    let mut pages = vec![instance.first_page().ok_or("no first page")?];
    let total = GridReader::new(GridOptions::default()).read(&pages[0])?.total.unwrap_or_default();
    for offset in (rows..total).step_by(options.rows) {
        pages.push(instance.page(offset, rows).await?);
    }
    Ok(pages)
}

fn decode(pages: &[Bytes]) -> Result {
    let mut reader = GridReader::new(GridOptions::default());
    for page in pages {
        black_box(reader.read(page)?.batch);
    }
    Ok(())
}

fn parse(pages: &[Bytes]) -> Result {
    for page in pages {
        black_box(serde_json::from_slice::<Page<'_>>(page)?.size());
    }
    Ok(())
}
