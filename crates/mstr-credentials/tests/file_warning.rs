//! The warning about files that others can read. A program of its own: while several threads of one
//! program log, a subscriber of one thread can miss what another thread came upon first.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
};

use mstr_credentials::{Credential, SecretFile};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    fn warnings(&self) -> usize {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.matches("can be read by its group or by others").count()
    }
}

#[tokio::test]
async fn a_file_that_others_can_read_is_reported_once() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    fs::write(&path, "s3cret").unwrap();
    for (mode, reported) in [(0o600, 0), (0o400, 0), (0o700, 0), (0o611, 0), (0o640, 1)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        log.0.lock().unwrap().clear();
        let credential = Credential::file(&path);
        credential.resolve().await.unwrap();
        credential.clone().resolve().await.unwrap();
        assert_eq!(log.warnings(), reported, "{mode:o}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    log.0.lock().unwrap().clear();
    Credential::from(SecretFile::new(&path).permission_warning(false)).resolve().await.unwrap();
    assert_eq!(log.warnings(), 0);
    Credential::from(SecretFile::new(&path)).resolve().await.unwrap();
    assert_eq!(log.warnings(), 1);
}
