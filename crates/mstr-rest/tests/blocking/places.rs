//! Kinds of places in which code of a program can run.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use mstr_sim::LibraryServer;
use tokio::runtime::{self, Runtime};
use tokio::task::{LocalSet, spawn_blocking};

/// Where code of a program can run, as far as waiting is concerned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Place {
    PlainThread,
    /// `spawn_blocking` of a multi-thread runtime.
    BlockingThread,
    BlockingThreadOfCurrentThread,
    /// A task of a multi-thread runtime with one worker.
    Worker,
    /// `block_in_place` on a worker.
    BlockingRegion,
    /// The future of `block_on`.
    MultiThreadMain,
    LocalSetInMultiThreadMain,
    CurrentThreadMain,
    CurrentThreadTask,
    LocalSetInCurrentThread,
}

impl Place {
    pub(crate) const ALL: [Self; 10] = [
        Self::PlainThread,
        Self::BlockingThread,
        Self::BlockingThreadOfCurrentThread,
        Self::Worker,
        Self::BlockingRegion,
        Self::MultiThreadMain,
        Self::LocalSetInMultiThreadMain,
        Self::CurrentThreadMain,
        Self::CurrentThreadTask,
        Self::LocalSetInCurrentThread,
    ];

    /// Whether the thread runs the tasks of a runtime, so that dropping a session must not wait.
    pub(crate) fn runs_tasks(self) -> bool {
        matches!(
            self,
            Self::Worker
                | Self::CurrentThreadMain
                | Self::CurrentThreadTask
                | Self::LocalSetInCurrentThread
        )
    }

    /// The runtime is gone when this returns.
    pub(crate) fn run(self, work: impl FnOnce() + Send + 'static) {
        match self {
            Self::PlainThread => work(),
            Self::BlockingThread => {
                multi_thread().block_on(async { spawn_blocking(work).await.unwrap() });
            }
            Self::BlockingThreadOfCurrentThread => {
                current_thread().block_on(async { spawn_blocking(work).await.unwrap() });
            }
            Self::Worker => in_task(&multi_thread(), async { work() }),
            Self::BlockingRegion => {
                in_task(&multi_thread(), async { tokio::task::block_in_place(work) });
            }
            Self::MultiThreadMain => multi_thread().block_on(async { work() }),
            Self::LocalSetInMultiThreadMain => {
                LocalSet::new().block_on(&multi_thread(), async { work() });
            }
            Self::CurrentThreadMain => current_thread().block_on(async { work() }),
            Self::CurrentThreadTask => in_task(&current_thread(), async { work() }),
            Self::LocalSetInCurrentThread => {
                let task = async { tokio::task::spawn_local(async { work() }).await.unwrap() };
                LocalSet::new().block_on(&current_thread(), task);
            }
        }
    }
}

pub(crate) fn in_task(runtime: &Runtime, task: impl Future<Output = ()> + Send + 'static) {
    runtime.block_on(async { tokio::spawn(task).await.unwrap() });
}

pub(crate) fn multi_thread() -> Runtime {
    runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

pub(crate) fn current_thread() -> Runtime {
    runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Fails if the work does not end: a wake-up was lost.
pub(crate) fn bounded<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (done, ended) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let _ = done.send(work());
    });
    match ended.recv_timeout(Duration::from_secs(60)) {
        Ok(value) => {
            thread.join().unwrap();
            value
        }
        Err(RecvTimeoutError::Timeout) => panic!("{what}: still waiting after 60 s"),
        Err(RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("it sends before it ends"),
        },
    }
}

/// Runs the work in each place, with a server that runs on threads of its own.
pub(crate) fn everywhere(work: impl Fn(&LibraryServer) + Send + Sync + 'static) {
    let work = Arc::new(work);
    for place in Place::ALL {
        let server = Arc::new(LibraryServer::builder().start_blocking().unwrap());
        let (work, server) = (Arc::clone(&work), server);
        bounded(&format!("{place:?}"), move || {
            place.run(move || work(&server));
        });
    }
}
