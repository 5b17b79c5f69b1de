//! A file that is there when it is complete: written beside its place and moved there.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use mstr_rest_core::{Error, ErrorKind, Result};

/// Makes the names of this process's files differ.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// How often another name is tried.
const TRIES: usize = 100;

/// The file beside; gone when it is dropped before it is complete. It gets the permissions of the
/// file that it replaces.
#[derive(Debug)]
pub(crate) struct Beside {
    /// None once it is moved or to be removed.
    file: Option<File>,
    written: PathBuf,
    place: PathBuf,
}

impl Beside {
    pub(crate) async fn new(place: PathBuf) -> Result<Self> {
        blocking(move || match Self::open(&place) {
            Ok(beside) => Ok(beside),
            Err(error) => Err(unwritable(&place, error)),
        })
        .await
    }

    fn open(place: &Path) -> io::Result<Self> {
        let name = place.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
        let before = std::fs::metadata(place).ok();
        if before.as_ref().is_some_and(|before| !before.is_file()) {
            return Err(io::Error::other("what is there is no file"));
        }
        let mut error = None;
        for _ in 0..TRIES {
            let mut beside = std::ffi::OsString::from(".");
            beside.push(name);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            beside.push(format!(".{}-{number}.part", std::process::id()));
            let beside = place.with_file_name(beside);
            match OpenOptions::new().write(true).create_new(true).open(&beside) {
                Ok(file) => {
                    let place = place.to_owned();
                    let beside = Self { file: Some(file), written: beside, place };
                    // from the start: what was private is never open to others
                    if let (Some(file), Some(before)) = (&beside.file, before) {
                        file.set_permissions(before.permissions())?;
                    }
                    return Ok(beside);
                }
                Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => error = Some(taken),
                Err(other) => return Err(other),
            }
        }
        Err(error.unwrap_or_else(|| io::Error::other("no name was free")))
    }

    /// Writes a piece, off the runtime's threads.
    pub(crate) async fn write(mut self, piece: Bytes) -> Result<Self> {
        blocking(move || match self.file.as_mut().map(|file| file.write_all(&piece)) {
            Some(Err(error)) => Err(unwritable(&self.place, error)),
            _ => Ok(self),
        })
        .await
    }

    /// Moves it to its place.
    pub(crate) async fn complete(self) -> Result<()> {
        blocking(move || self.persist()).await
    }

    fn persist(mut self) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let moved = file.sync_all().and_then(|()| std::fs::rename(&self.written, &self.place));
        match moved {
            Ok(()) => {
                self.file = None;
                Ok(())
            }
            Err(error) => Err(unwritable(&self.place, error)),
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            drop(file);
            // nobody is left to tell
            let _ = std::fs::remove_file(&self.written);
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Error::interrupted("writing the file"))?
}

fn unwritable(path: &Path, error: io::Error) -> Error {
    let what = format!("{} cannot be written", path.display());
    Error::with_source(ErrorKind::Io, what, error)
}
