//! One request after the other, in so many tasks, for so long.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::Result;
use crate::usage::{Meter, Taken};

/// What a client did in its time.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Driven {
    pub(crate) count: u64,
    #[serde(flatten)]
    pub(crate) taken: Taken,
}

/// Warms up for a fifth of the time, then counts.
pub(crate) async fn drive<F, Fut>(tasks: usize, time: Duration, call: F) -> Result<Driven>
where
    F: Fn() -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result> + Send + 'static,
{
    run(tasks, time / 5, call.clone()).await?;
    let meter = Meter::start();
    let count = run(tasks, time, call).await?;
    Ok(Driven { count, taken: meter.stop() })
}

async fn run<F, Fut>(tasks: usize, time: Duration, call: F) -> Result<u64>
where
    F: Fn() -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result> + Send + 'static,
{
    let end = Instant::now() + time;
    let tasks: Vec<_> = (0..tasks)
        .map(|_| {
            let call = call.clone();
            tokio::spawn(async move {
                let mut count = 0;
                while Instant::now() < end {
                    call().await?;
                    count += 1;
                }
                Ok::<u64, Box<dyn std::error::Error + Send + Sync>>(count)
            })
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task.await??;
    }
    Ok(count)
}

/// The same with threads, for clients that block.
pub(crate) fn drive_threads(
    threads: usize,
    time: Duration,
    call: impl Fn() -> Result + Sync,
) -> Result<Driven> {
    run_threads(threads, time / 5, &call)?;
    let meter = Meter::start();
    let count = run_threads(threads, time, &call)?;
    Ok(Driven { count, taken: meter.stop() })
}

fn run_threads(threads: usize, time: Duration, call: &(impl Fn() -> Result + Sync)) -> Result<u64> {
    let end = Instant::now() + time;
    std::thread::scope(|scope| {
        let work = || {
            let mut count = 0;
            while Instant::now() < end {
                call()?;
                count += 1;
            }
            Ok(count)
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_fold(0, |all, thread| {
            let count: Result<u64> = thread.join().map_err(|_| "a thread panicked")?;
            Ok(all + count?)
        })
    })
}
