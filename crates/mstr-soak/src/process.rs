//! Programs that run beside this one, and end with it.

use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use crate::Result;

/// All programs that were started, for [`end_all`].
static ALL: Mutex<Vec<Arc<Mutex<Child>>>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running program. It is told to end (`SIGTERM`) when this value is dropped.
pub(crate) struct Process(Arc<Mutex<Child>>);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().map_err(|error| format!("cannot start {name}: {error}"))?;
        let child = Arc::new(Mutex::new(child));
        lock(&ALL).push(Arc::clone(&child));
        Ok(Self(child))
    }

    /// Ends it at once with `SIGKILL`: it cannot finish anything.
    pub(crate) fn kill(&self) -> Result {
        let mut child = lock(&self.0);
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        lock(&self.0).try_wait().ok().flatten()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        terminate(&mut lock(&self.0));
        lock(&ALL).retain(|other| !Arc::ptr_eq(other, &self.0));
    }
}

/// Ends all programs: of a run that is stopped from outside, nothing stays behind.
pub(crate) fn end_all() {
    for child in lock(&ALL).iter() {
        terminate(&mut lock(child));
    }
}

/// `SIGTERM` first: a server that is killed leaves its workers behind.
fn terminate(child: &mut Child) {
    for _ in 0..100 {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        sleep(Duration::from_millis(50));
    }
    let _ = child.kill();
    let _ = child.wait();
}
