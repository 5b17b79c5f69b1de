//! Blocking work with a timeout, on threads of its own.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use tokio::runtime::Handle;

/// Runs the blocking work of one source.
///
/// Work that exceeds its timeout is left behind on its thread. As long as that has not come back,
/// further work fails at once and starts no more threads. Clones are the same source.
#[derive(Clone, Default)]
pub(crate) struct Blocking {
    /// Alive as long as work that exceeded its timeout has not come back.
    stuck: Arc<Mutex<Weak<()>>>,
}

/// Why work gave nothing.
#[derive(Debug)]
pub(crate) enum Unfinished {
    /// There is no thread for it.
    Thread(io::Error),
    Timeout,
    /// Earlier work still hangs.
    Stuck,
    /// It panicked, or the runtime is shutting down.
    GivenUp,
}

impl Blocking {
    /// Off the runtime's workers. Outside a tokio runtime the polling thread waits.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        thread: &'static str,
        timeout: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unfinished> {
        let blocking = self.clone();
        let bounded = move || blocking.in_time(thread, timeout, work);
        match Handle::try_current() {
            // ends within the timeout, so that it cannot hold up a shutdown; and unlike a bare
            // thread it stops tokio's paused clock from running ahead
            Ok(runtime) => {
                runtime.spawn_blocking(bounded).await.unwrap_or(Err(Unfinished::GivenUp))
            }
            Err(_) => bounded(),
        }
    }

    fn in_time<T: Send + 'static>(
        &self,
        thread: &str,
        timeout: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unfinished> {
        let stuck = || self.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        if stuck().strong_count() > 0 {
            return Err(Unfinished::Stuck);
        }
        let running = Arc::new(());
        let watch = Arc::downgrade(&running);
        let (sender, receiver) = mpsc::sync_channel(1);
        let builder = thread::Builder::new().name(thread.to_owned());
        let spawned = builder.spawn(move || {
            let outcome = work();
            drop(running);
            // after a timeout there is no receiver: the outcome is dropped (and wiped)
            let _ = sender.send(outcome);
        });
        spawned.map_err(Unfinished::Thread)?;
        receiver.recv_timeout(timeout).map_err(|error| match error {
            RecvTimeoutError::Timeout => {
                *stuck() = watch;
                Unfinished::Timeout
            }
            RecvTimeoutError::Disconnected => Unfinished::GivenUp,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENT: Duration = Duration::from_secs(60);

    #[test]
    fn stuck_work_ends_and_starts_no_second_thread() {
        let blocking = Blocking::default();
        let (release, blocked) = mpsc::channel::<()>();
        let (done, finished) = mpsc::channel::<()>();
        let outcome = blocking.in_time("test", Duration::from_millis(1), move || {
            let _ = blocked.recv();
            drop(done);
        });
        assert!(matches!(outcome, Err(Unfinished::Timeout)));
        let outcome = blocking.in_time("test", Duration::MAX, || unreachable!());
        assert!(matches!(outcome, Err::<(), _>(Unfinished::Stuck)));

        // once it has come back, the next one runs
        drop(release);
        assert!(finished.recv().is_err());
        while blocking.stuck.lock().unwrap().strong_count() > 0 {
            thread::yield_now();
        }
        assert!(matches!(blocking.in_time("test", PATIENT, || 7), Ok(7)));
    }

    #[test]
    fn panicking_work_is_an_error() {
        let outcome = Blocking::default()
            .in_time("test", PATIENT, || std::panic::resume_unwind(Box::new("quiet")));
        assert!(matches!(outcome, Err::<(), _>(Unfinished::GivenUp)));
    }
}
