//! The expiry storm: thousands of tasks share a session that expires in their midst.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;

use crate::Result;
use crate::clients::{self, Request, raw::Raw};
use crate::options::Options;
use crate::usage::{Meter, Taken};

/// Requests that are under way at once.
const IN_FLIGHT: usize = 64;

#[derive(Debug, Serialize)]
pub(crate) struct Weathered {
    count: usize,
    failed: usize,
    #[serde(flatten)]
    taken: Taken,
}

/// Every task makes one request; half way through, the server forgets all sessions, if so wanted.
pub(crate) async fn run(options: &Options, tasks: usize, expire: bool) -> Result<Weathered> {
    let raw = Raw::connect(options).await?;
    let session =
        clients::builder(options).relogin(true).max_in_flight(IN_FLIGHT).connect().await?;
    let done = Arc::new(AtomicUsize::new(0));
    let meter = Meter::start();
    let running: Vec<_> = (0..tasks)
        .map(|_| {
            let (session, done) = (mstr_rest::Session::clone(&session), Arc::clone(&done));
            let (raw, base_url) = (raw.clone(), options.base_url.clone());
            tokio::spawn(async move {
                let result = clients::ours(&session, Request::Kilobyte).await;
                if done.fetch_add(1, Ordering::Relaxed) == tasks / 2 && expire {
                    raw.expire_all(&base_url).await?;
                }
                result
            })
        })
        .collect();
    let mut failed = 0;
    for task in running {
        failed += usize::from(task.await?.is_err());
    }
    let taken = meter.stop();
    session.close().await?;
    Ok(Weathered { count: tasks - failed, failed, taken })
}
