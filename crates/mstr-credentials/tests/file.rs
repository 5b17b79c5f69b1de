//! Files as sources.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{fs, path::Path, time::Duration};

use mstr_credentials::{Credential, CredentialError, MAX_SECRET_BYTES, SecretFile};
use tempfile::TempDir;

async fn text(credential: &Credential) -> Result<String, CredentialError> {
    credential.resolve().await.map(|secret| secret.expose_secret().to_owned())
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Errors name the path.
fn names(error: &CredentialError, path: &Path) -> bool {
    error.to_string().starts_with(&format!("secret file {} ", path.display()))
}

#[tokio::test]
async fn line_ends_at_the_end_are_stripped() {
    let dir = folder();
    let path = dir.path().join("secret");
    let credential = Credential::file(&path);
    for (contents, expected) in [
        ("s3cret", "s3cret"),
        ("s3cret\n", "s3cret"),
        ("s3cret\r\n", "s3cret"),
        ("s3cret\n\r\n\n", "s3cret"),
        (" s3 cret \n", " s3 cret "),
        ("two\nlines\n", "two\nlines"),
        ("s3cret\r", "s3cret\r"),
        (" ", " "),
        ("Größe\n", "Größe"),
    ] {
        // the same credential: it is read at every resolve
        fs::write(&path, contents).unwrap();
        assert_eq!(text(&credential).await.unwrap(), expected, "{contents:?}");
    }
}

#[tokio::test]
async fn nothing_there_is_missing() {
    let dir = folder();
    let path = dir.path().join("secret");
    let credential = Credential::file(&path);
    let error = text(&credential).await.unwrap_err();
    assert!(error.is_missing() && names(&error, &path), "{error}");
    for contents in ["", "\n", "\r\n\n"] {
        fs::write(&path, contents).unwrap();
        let error = text(&credential).await.unwrap_err();
        assert!(error.is_missing() && names(&error, &path), "{contents:?}: {error}");
    }
}

#[tokio::test]
async fn the_size_is_bounded() {
    let dir = folder();
    let path = dir.path().join("secret");
    let credential = Credential::file(&path);
    fs::write(&path, vec![b'x'; MAX_SECRET_BYTES]).unwrap();
    assert_eq!(text(&credential).await.unwrap().len(), MAX_SECRET_BYTES);
    fs::write(&path, vec![b'x'; MAX_SECRET_BYTES + 1]).unwrap();
    let error = text(&credential).await.unwrap_err();
    assert!(!error.is_missing() && names(&error, &path), "{error}");
    assert!(error.to_string().ends_with("is larger than 65536 bytes"), "{error}");
}

#[tokio::test]
async fn directories_and_other_bytes_are_errors() {
    let dir = folder();
    let error = text(&Credential::file(dir.path())).await.unwrap_err();
    assert!(!error.is_missing() && names(&error, dir.path()), "{error}");

    let path = dir.path().join("secret");
    fs::write(&path, b"s3cret\xff\xfe").unwrap();
    let error = text(&Credential::file(&path)).await.unwrap_err();
    assert!(!error.is_missing() && names(&error, &path), "{error}");
    assert!(error.to_string().ends_with("is not valid UTF-8"), "{error}");
    // a path that no system accepts
    let error = text(&Credential::file("a\0b")).await.unwrap_err();
    assert!(!error.is_missing(), "{error}");
}

#[tokio::test]
async fn fields() {
    let dir = folder();
    let path = dir.path().join("secret.json");
    fs::write(&path, "{\"username\": \"dave\",\n \"password\": \"s3cret\\n\"}\n").unwrap();
    let field = |name: &str| SecretFile::new(&path).field(name);
    assert_eq!(text(&field("username")).await.unwrap(), "dave");
    assert_eq!(text(&field("password")).await.unwrap(), "s3cret\n");
    let error = text(&field("token")).await.unwrap_err();
    assert!(names(&error, &path) && error.to_string().contains("\"token\""), "{error}");
}

#[test]
fn works_outside_a_runtime() {
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Poll, Waker},
    };

    let dir = folder();
    let path = dir.path().join("secret");
    fs::write(&path, "s3cret\n").unwrap();
    let credential = Credential::file(&path);
    let future = pin!(credential.resolve());
    let Poll::Ready(secret) = future.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("it blocks instead");
    };
    assert_eq!(secret.unwrap().expose_secret(), "s3cret");
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_does_not_run_ahead_of_a_read() {
    let dir = folder();
    let path = dir.path().join("secret");
    fs::write(&path, "s3cret\n").unwrap();
    let credential = Credential::file(&path);
    let read = tokio::time::timeout(Duration::from_millis(1), credential.resolve());
    assert_eq!(read.await.unwrap().unwrap().expose_secret(), "s3cret");
}

#[cfg(unix)]
mod unix {
    use std::{
        os::unix::fs::{PermissionsExt, symlink},
        path::PathBuf,
        process::Command,
    };

    use super::*;

    fn fifo(dir: &TempDir) -> PathBuf {
        let path = dir.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }

    #[tokio::test]
    async fn a_fifo_that_nobody_writes_to_ends() {
        let dir = folder();
        let path = fifo(&dir);
        let file = SecretFile::new(&path).with_timeout(Duration::from_millis(20));
        let credential = Credential::from(file);
        let error = text(&credential).await.unwrap_err();
        assert!(names(&error, &path), "{error}");
        assert!(error.to_string().ends_with("could not be read within 20ms"), "{error}");
        let error = text(&credential).await.unwrap_err();
        assert!(error.to_string().contains("earlier attempt that hangs"), "{error}");
        // a writer lets the thread go
        drop(fs::OpenOptions::new().write(true).open(&path).unwrap());
    }

    #[tokio::test]
    async fn a_fifo_that_is_written_to_is_read() {
        let dir = folder();
        let path = fifo(&dir);
        let writer = {
            let path = path.clone();
            std::thread::spawn(move || fs::write(path, "s3cret\n").unwrap())
        };
        assert_eq!(text(&Credential::file(&path)).await.unwrap(), "s3cret");
        writer.join().unwrap();
    }

    #[tokio::test]
    async fn symbolic_links_are_followed() {
        let dir = folder();
        fs::create_dir(dir.path().join("..data")).unwrap();
        fs::write(dir.path().join("..data/password"), "s3cret").unwrap();
        symlink("..data/password", dir.path().join("password")).unwrap();
        let credential = Credential::file(dir.path().join("password"));
        assert_eq!(text(&credential).await.unwrap(), "s3cret");
    }

    #[tokio::test]
    async fn unreadable_is_an_error() {
        let dir = folder();
        let path = dir.path().join("secret");
        fs::write(&path, "s3cret").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        // root may read it all the same
        if let Err(error) = text(&Credential::file(&path)).await {
            assert!(!error.is_missing() && names(&error, &path), "{error}");
        }
        let below_a_file = path.join("x");
        let error = text(&Credential::file(&below_a_file)).await.unwrap_err();
        assert!(!error.is_missing() && names(&error, &below_a_file), "{error}");
    }
}
