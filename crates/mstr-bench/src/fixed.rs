//! So many calls, one after the other on one thread: for counting instructions.

use crate::Result;
use crate::clients::{self, Request, raw::Raw};
use crate::options::Options;

pub(crate) fn run(options: &Options) -> Result {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match options.client.as_str() {
            "ours" => {
                let session = clients::builder(options).connect().await?;
                for _ in 0..options.calls {
                    clients::ours(&session, Request::Projects).await?;
                }
                session.close().await?;
            }
            "reqwest" => {
                let raw = Raw::connect(options).await?;
                for _ in 0..options.calls {
                    raw.send(Request::Projects).await?;
                }
            }
            other => return Err(format!("no client {other:?}").into()),
        }
        Ok(())
    })
}
