//! A file that is there when it is complete: written beside its place and moved there.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use mstr_rest_core::{Error, ErrorKind, Result};

/// Makes the names of this process's files differ.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// How often another name is tried.
const TRIES: usize = 100;

/// How many links lead to a file at most.
const LINKS: usize = 40;

/// A file that appears at its place when it is complete. Until then it is written beside it, and
/// what was there before stays; it is gone when this is dropped before [`complete`](Self::complete).
///
/// - A link stays: the file that it leads to is replaced.
/// - Permissions are those of the file that is replaced, from the start, or what the umask leaves.
/// - A device or a named pipe is written straight to.
/// - A folder, or a file that is read-only, is an error before anything is written.
///
/// Its methods block; in a Tokio runtime call them in `spawn_blocking`.
///
/// ```
/// use std::io::Write;
/// use mstr_rest_api::CompleteFile;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let place = std::env::temp_dir().join(format!("complete-{}.csv", std::process::id()));
/// let mut file = CompleteFile::new(&place)?;
/// file.write_all(b"Region,Revenue\n")?;
/// assert!(!place.exists());
/// file.complete()?;
/// assert!(place.exists());
/// # std::fs::remove_file(place)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct CompleteFile {
    file: File,
    /// What was asked for.
    path: PathBuf,
    /// Where it is written and where it goes; `None` if it is written there straight, or was moved.
    move_to: Option<Move>,
}

#[derive(Debug)]
struct Move {
    written: PathBuf,
    place: PathBuf,
}

impl CompleteFile {
    /// Begins a file for that place.
    ///
    /// # Errors
    /// [`Io`](ErrorKind::Io): it cannot be written there.
    pub fn new(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::open(path, false).map_err(|error| unwritable(path, error))
    }

    /// Begins a file that only its owner can read, unless it replaces one with other permissions.
    /// Elsewhere than on Unix as [`new`](Self::new).
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn private(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::open(path, true).map_err(|error| unwritable(path, error))
    }

    fn open(path: &Path, private: bool) -> io::Result<Self> {
        let before = std::fs::metadata(path).ok();
        if before.as_ref().is_some_and(std::fs::Metadata::is_dir) {
            return Err(io::Error::other("it is a folder"));
        }
        let place = match followed(path)? {
            Some(place) if before.as_ref().is_none_or(std::fs::Metadata::is_file) => place,
            // a device, a pipe, or a file that this process has open (/dev/stdout)
            _ => {
                let file = OpenOptions::new().append(true).open(path)?;
                return Ok(Self { file, path: path.to_owned(), move_to: None });
            }
        };
        if before.as_ref().is_some_and(|before| before.permissions().readonly()) {
            return Err(io::Error::other("the file that is there is read-only"));
        }
        let (file, written) = beside(&place, private)?;
        let move_to = Some(Move { written, place });
        let complete = Self { file, path: path.to_owned(), move_to };
        if let Some(before) = before {
            // from the start: what was private is never open to others
            complete.file.set_permissions(before.permissions())?;
        }
        Ok(complete)
    }

    /// Whether the file at its place is replaced as a whole. False for devices and pipes, which are
    /// written straight to: what is written there stays written.
    pub fn is_replaced(&self) -> bool {
        self.move_to.is_some()
    }

    /// The place that was asked for.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves the file to its place, once its bytes are on the disk.
    ///
    /// # Errors
    /// [`Io`](ErrorKind::Io): that failed. What was there before is still there.
    pub fn complete(mut self) -> Result<()> {
        self.finish().map_err(|error| unwritable(&self.path, error))
    }

    fn finish(&mut self) -> io::Result<()> {
        let Some(Move { written, place }) = &self.move_to else { return self.file.flush() };
        self.file.sync_all()?;
        std::fs::rename(written, place)?;
        self.move_to = None;
        Ok(())
    }
}

/// The file that links lead to; it need not exist. `None` for what only the kernel can follow: a
/// file that the process has open.
fn followed(path: &Path) -> io::Result<Option<PathBuf>> {
    let mut place = path.to_owned();
    for _ in 0..LINKS {
        if place.starts_with("/proc") || place.starts_with("/dev/fd") {
            return Ok(None);
        }
        let Ok(target) = std::fs::read_link(&place) else { return Ok(Some(place)) };
        // a relative one counts from the folder of the link
        let folder = place.parent().map(Path::to_owned).unwrap_or_default();
        place = folder.join(target);
    }
    Err(io::Error::other("too many links"))
}

/// A new file beside that one.
fn beside(place: &Path, private: bool) -> io::Result<(File, PathBuf)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if private { 0o600 } else { 0o666 });
    #[cfg(not(unix))]
    let _ = private;
    let name = place.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
    let mut error = None;
    for _ in 0..TRIES {
        let mut beside = std::ffi::OsString::from(".");
        beside.push(name);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        beside.push(format!(".{}-{number}.part", std::process::id()));
        let beside = place.with_file_name(beside);
        match options.open(&beside) {
            Ok(file) => return Ok((file, beside)),
            Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => error = Some(taken),
            Err(other) => return Err(other),
        }
    }
    Err(error.unwrap_or_else(|| io::Error::other("no name was free")))
}

impl Write for CompleteFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for CompleteFile {
    fn drop(&mut self) {
        if let Some(Move { written, .. }) = self.move_to.take() {
            // nobody is left to tell
            let _ = std::fs::remove_file(written);
        }
    }
}

fn unwritable(path: &Path, error: io::Error) -> Error {
    let what = format!("{} cannot be written", path.display());
    Error::with_source(ErrorKind::Io, what, error)
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)] // a test fails by panicking
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn write(path: &Path, text: &str) {
        let mut file = CompleteFile::new(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.complete().unwrap();
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn permissions_are_as_of_other_files_or_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("usual"), "").unwrap();
        write(&at("new"), "one");
        assert_eq!(mode(&at("new")), mode(&at("usual")));
        fs::set_permissions(at("new"), Permissions::from_mode(0o640)).unwrap();
        let file = CompleteFile::new(at("new")).unwrap();
        assert_eq!(mode(&file.move_to.as_ref().unwrap().written), 0o640, "while it is written too");
        drop(file);
        CompleteFile::private(at("private")).unwrap().complete().unwrap();
        assert_eq!(mode(&at("private")), 0o600);
        fs::remove_file(at("private")).unwrap();
        assert_eq!(fs::read_to_string(at("new")).unwrap(), "one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left behind");
    }

    #[test]
    fn links_stay_and_lead_to_the_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("inner")).unwrap();
        fs::write(at("inner/real"), "old").unwrap();
        symlink("inner/real", at("middle")).unwrap();
        symlink(at("middle"), at("link")).unwrap();
        write(&at("link"), "new");
        assert_eq!(fs::read_to_string(at("inner/real")).unwrap(), "new");
        assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
        // one that leads nowhere yet
        symlink("inner/later", at("dangling")).unwrap();
        write(&at("dangling"), "there");
        assert_eq!(fs::read_to_string(at("inner/later")).unwrap(), "there");
        symlink("circle", at("circle")).unwrap();
        assert_eq!(CompleteFile::new(at("circle")).unwrap_err().kind(), ErrorKind::Io);
    }

    #[test]
    fn a_file_that_the_process_has_open_is_appended_to() {
        use std::os::fd::AsRawFd;

        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("open");
        let open = File::options().create(true).append(true).open(&place).unwrap();
        (&open).write_all(b"first ").unwrap();
        let own = PathBuf::from(format!("/dev/fd/{}", open.as_raw_fd()));
        if own.exists() {
            write(&own, "second");
            assert_eq!(fs::read_to_string(&place).unwrap(), "first second");
        }
    }

    #[test]
    fn devices_are_written_to_and_folders_refused() {
        write(Path::new("/dev/null"), "gone");
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(CompleteFile::new(folder.path()).unwrap_err().kind(), ErrorKind::Io);
        assert!(CompleteFile::new(folder.path().join("none/file")).is_err());
        let fixed = folder.path().join("fixed");
        fs::write(&fixed, "old").unwrap();
        fs::set_permissions(&fixed, Permissions::from_mode(0o444)).unwrap();
        assert!(CompleteFile::new(&fixed).is_err(), "it is read-only");
    }
}
