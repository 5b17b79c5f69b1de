//! So many calls, one after the other on one thread: for counting instructions.

use crate::clients::{self, Request, raw::Raw};
use crate::options::Options;
use crate::{Result, usage::Meter};

pub(crate) fn run(options: &Options) -> Result {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let taken = match options.client.as_str() {
            "ours" => {
                let session = clients::builder(options).connect().await?;
                let meter = Meter::start();
                for _ in 0..options.calls {
                    clients::ours(&session, Request::Projects).await?;
                }
                let taken = meter.stop();
                session.close().await?;
                taken
            }
            "reqwest" => {
                let raw = Raw::connect(options).await?;
                let meter = Meter::start();
                for _ in 0..options.calls {
                    raw.send(Request::Projects).await?;
                }
                meter.stop()
            }
            other => return Err(format!("no client {other:?}").into()),
        };
        println!("{}", serde_json::to_string(&taken)?);
        Ok(())
    })
}
