//! A client that is connected and does what it is told: a line of JSON is a task, a line of JSON
//! what it took.

use std::io::{BufRead as _, Write as _};
use std::time::Duration;

use mstr_rest::blocking;
use serde::{Deserialize, Serialize};

use crate::clients::{self, Request, hyper::Hyper, raw::Raw};
use crate::drive::{drive, drive_threads};
use crate::options::Options;
use crate::{Result, data, storm};

/// What a worker can be asked for.
#[derive(Debug, Deserialize)]
#[serde(tag = "task", rename_all = "lowercase")]
enum Task {
    /// One request again and again, in so many tasks, for so long.
    Requests { request: Request, concurrency: usize, millis: u64 },
    /// Many tasks, in the middle of which all sessions expire, or not.
    Storm { tasks: usize, expire: bool },
    /// A report, from its first page to its last.
    Data(data::Wanted),
}

pub(crate) fn run(options: &Options) -> Result {
    if options.client == "ours-blocking" {
        return blocking(options);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match options.client.as_str() {
            "ours" => {
                let session = clients::builder(options).connect().await?;
                each_task(async |task| match task {
                    Task::Requests { request, concurrency, millis } => {
                        let session = mstr_rest::Session::clone(&session);
                        let call = move || {
                            let session = session.clone();
                            async move { clients::ours(&session, request).await }
                        };
                        json(&drive(concurrency, Duration::from_millis(millis), call).await?)
                    }
                    Task::Storm { tasks, expire } => {
                        json(&storm::run(options, tasks, expire).await?)
                    }
                    Task::Data(wanted) => json(&data::run(options, &wanted).await?),
                })
                .await?;
                session.close().await?;
                Ok(())
            }
            "reqwest" => {
                let raw = Raw::connect(options).await?;
                each_task(async |task| {
                    let Task::Requests { request, concurrency, millis } = task else {
                        return Err("requests only".into());
                    };
                    let raw = raw.clone();
                    let call = move || {
                        let raw = raw.clone();
                        async move { raw.send(request).await }
                    };
                    json(&drive(concurrency, Duration::from_millis(millis), call).await?)
                })
                .await
            }
            "hyper" => {
                let hyper = Hyper::connect(options).await?;
                each_task(async |task| {
                    let Task::Requests { request, concurrency, millis } = task else {
                        return Err("requests only".into());
                    };
                    let hyper = hyper.clone();
                    let call = move || {
                        let hyper = hyper.clone();
                        async move { hyper.send(request).await }
                    };
                    json(&drive(concurrency, Duration::from_millis(millis), call).await?)
                })
                .await
            }
            other => Err(format!("no client {other:?}").into()),
        }
    })
}

fn blocking(options: &Options) -> Result {
    let session = blocking::Session::connect(clients::builder(options))?;
    println!("{{}}");
    for line in std::io::stdin().lock().lines() {
        let Task::Requests { request, concurrency, millis } = serde_json::from_str(&line?)? else {
            return Err("requests only".into());
        };
        let call = || session.wait(clients::ours(&session, request));
        say(&json(&drive_threads(concurrency, Duration::from_millis(millis), call)?)?)?;
    }
    session.close()?;
    Ok(())
}

/// Says that it is ready, then does one task after the other.
#[allow(clippy::future_not_send, reason = "runs where it is made")]
async fn each_task(work: impl AsyncFn(Task) -> Result<String>) -> Result {
    say("{}")?;
    // nothing else runs while a worker waits for its next task
    for line in std::io::stdin().lock().lines() {
        say(&work(serde_json::from_str(&line?)?).await?)?;
    }
    Ok(())
}

fn json(result: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string(result)?)
}

fn say(line: &str) -> Result {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
