//! The directory of a file store: locks, and atomic replacement of files. All functions block.
//!
//! If the process is killed between any two steps, or the disk is full, the profile has either the
//! old or the new snapshot, never a part of one.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind as IoKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use fs4::TryLockError;
use mstr_rest_core::{Error, ErrorKind, Result};
use zeroize::Zeroizing;

use crate::unusable;

/// The largest file that is read. A snapshot has a few kilobytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// The timeout for the write lock. Writing takes milliseconds, so a longer lock means that its
/// holder hangs.
const WRITE_LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// The directory of a file store.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    pub(crate) path: PathBuf,
    /// Other users may have access to the directory and its files.
    pub(crate) allow_others: bool,
}

impl Directory {
    fn snapshot(&self, profile: &str) -> PathBuf {
        self.path.join(format!("{profile}.json"))
    }

    fn hidden(&self, profile: &str, kind: &str) -> PathBuf {
        self.path.join(format!(".{profile}.{kind}"))
    }

    /// Makes the directory if it does not exist, with mode 0700 from the start.
    fn prepare(&self) -> Result<()> {
        if !self.path.is_dir() {
            let mut builder = DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(&self.path).map_err(|e| failed("cannot be created", &self.path, e))?;
        }
        let metadata = fs::metadata(&self.path);
        let metadata = metadata.map_err(|e| failed("cannot be read", &self.path, e))?;
        self.check_access(&metadata, &self.path)
    }

    #[cfg(unix)]
    fn check_access(&self, metadata: &fs::Metadata, path: &Path) -> Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let mode = metadata.permissions().mode() & 0o777;
        let others = mode & 0o077;
        if self.allow_others || others == 0 {
            return Ok(());
        }
        let required = if metadata.is_dir() { "0700" } else { "0600" };
        Err(unusable(format!(
            "other users have access to {} (mode {mode:04o}) and may have read it: change its mode \
             to {required}, or call FileStore::allow_open_permissions",
            path.display()
        )))
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the signature of unix")]
    fn check_access(&self, _metadata: &fs::Metadata, _path: &Path) -> Result<()> {
        Ok(())
    }

    /// Reads the file of the profile. `None` if it does not exist.
    pub(crate) fn read(&self, profile: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let path = self.snapshot(profile);
        let cannot = |error| failed("cannot be read", &path, error);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == IoKind::NotFound => return Ok(None),
            Err(error) => return Err(cannot(error)),
        };
        // check the opened file: its path may be replaced meanwhile
        let metadata = file.metadata().map_err(cannot)?;
        self.check_access(&metadata, &path)?;
        if let Ok(folder) = fs::metadata(&self.path) {
            self.check_access(&folder, &self.path)?;
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 * 1024));
        (&file).take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(cannot)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(unusable(format!("{} is too large for a snapshot", path.display())));
        }
        Ok(Some(bytes))
    }

    /// Replaces the content of the file: writes and syncs a temporary file, then renames it.
    pub(crate) fn replace(&self, profile: &str, content: &[u8]) -> Result<()> {
        self.prepare()?;
        let _lock = self.write_lock(profile)?;
        step("begun");
        let temporary = self.hidden(profile, "tmp");
        let written = Self::write(&temporary, content);
        if let Err(error) = written {
            // remove it: it may contain a part of a token
            let _ = fs::remove_file(&temporary);
            return Err(failed("cannot be written", &temporary, error));
        }
        let path = self.snapshot(profile);
        fs::rename(&temporary, &path).map_err(|e| {
            let _ = fs::remove_file(&temporary);
            failed("cannot be replaced", &path, e)
        })?;
        step("renamed");
        self.sync()?;
        step("done");
        Ok(())
    }

    fn write(temporary: &Path, content: &[u8]) -> std::io::Result<()> {
        // a killed process may have left it; this process holds the write lock
        match fs::remove_file(temporary) {
            Err(error) if error.kind() != IoKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(temporary)?;
        step("created");
        let (first, second) = content.split_at(content.len() / 2);
        file.write_all(first)?;
        step("half written");
        file.write_all(second)?;
        step("written");
        file.sync_all()?;
        step("synced");
        Ok(())
    }

    /// Syncs the directory: a rename is on the disk only after that.
    fn sync(&self) -> Result<()> {
        if cfg!(unix) {
            let synced = File::open(&self.path).and_then(|folder| folder.sync_all());
            synced.map_err(|error| failed("cannot be synced", &self.path, error))?;
        }
        Ok(())
    }

    /// Removes the file, and a temporary file of a killed writer.
    pub(crate) fn remove(&self, profile: &str) -> Result<()> {
        if !self.path.is_dir() {
            return Ok(());
        }
        let _lock = self.write_lock(profile)?;
        for path in [self.snapshot(profile), self.hidden(profile, "tmp")] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != IoKind::NotFound => {
                    return Err(failed("cannot be removed", &path, error));
                }
                _ => {}
            }
        }
        self.sync()
    }

    /// Moves aside the file with the content `damaged`, unless it was replaced meanwhile. Returns
    /// its new path.
    pub(crate) fn set_aside(&self, profile: &str, damaged: &[u8]) -> Result<Option<PathBuf>> {
        let _lock = self.write_lock(profile)?;
        if self.read(profile)?.is_none_or(|now| *now != damaged) {
            return Ok(None);
        }
        let path = self.snapshot(profile);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let names = (0..100)
            .map(|number| self.path.join(format!("{profile}.damaged-{}-{number}", now.as_secs())));
        let Some(aside) = names.into_iter().find(|name| !name.exists()) else {
            return Ok(None);
        };
        fs::rename(&path, &aside).map_err(|error| failed("cannot be moved", &path, error))?;
        self.sync()?;
        Ok(Some(aside))
    }

    /// Tries to take the lock of the profile for a login. `None` if another process or task holds
    /// it. The lock ends when the file is closed or the process ends.
    pub(crate) fn try_lock(&self, profile: &str) -> Result<Option<File>> {
        self.prepare()?;
        try_lock(&self.hidden(profile, "lock"))
    }

    /// Waits for the lock that one writer of a profile holds at a time.
    fn write_lock(&self, profile: &str) -> Result<File> {
        let path = self.hidden(profile, "write");
        let start = Instant::now();
        loop {
            if let Some(file) = try_lock(&path)? {
                return Ok(file);
            }
            if start.elapsed() > WRITE_LOCK_TIMEOUT {
                return Err(unusable(format!("another process has locked {}", path.display())));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Lock files are never removed: if one is removed while another process opens it, both processes
/// get the lock.
fn try_lock(path: &Path) -> Result<Option<File>> {
    let mut options = OpenOptions::new();
    let file = private(options.write(true).create(true).truncate(false)).open(path);
    let file = file.map_err(|error| failed("cannot be opened", path, error))?;
    // not as a method: since Rust 1.89, `File` of the standard library has a method `try_lock`
    match fs4::FileExt::try_lock(&file) {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed("cannot be locked", path, error)),
    }
}

/// Sets mode 0600 for a new file, from the start.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn failed(what: &str, path: &Path, error: std::io::Error) -> Error {
    Error::with_source(ErrorKind::Io, format!("{} {what}", path.display()), error)
}

/// Does nothing. The tests replace it to kill the process at a step.
#[cfg(not(all(test, unix)))]
fn step(_name: &str) {}

#[cfg(all(test, unix))]
use tests::step;

#[cfg(all(test, unix))]
#[path = "directory_tests.rs"]
mod tests;
