//! Everything that a cell logged or would print, and the search for secrets in it.

use std::error::Error as StdError;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

#[derive(Clone, Default)]
pub(crate) struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    /// Hears everything, of the HTTP stack too.
    pub(crate) fn subscriber(&self) -> impl Subscriber + Send + Sync + use<> {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_writer(self.clone())
            .with_ansi(false)
            .finish()
    }

    pub(crate) fn debug(&self, value: &impl std::fmt::Debug) {
        let _ = writeln!(self.clone(), "{value:?}");
    }

    /// `Display`, `Debug` and the whole chain.
    pub(crate) fn error(&self, error: &mstr_rest_core::Error) {
        let mut cause: Option<&dyn StdError> = Some(error);
        while let Some(error) = cause {
            let _ = writeln!(self.clone(), "{error} {error:?} {error:#?}");
            cause = error.source();
        }
    }

    /// The lines that hold one of the secrets.
    pub(crate) fn leaks(&self, secrets: &[String]) -> Vec<String> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&bytes);
        let leaked = secrets.iter().filter(|secret| text.contains(secret.as_str()));
        leaked
            .filter_map(|secret| text.lines().find(|line| line.contains(secret.as_str())))
            .map(|line| format!("a secret came out: {line}"))
            .collect()
    }

    pub(crate) fn holds(&self, text: &str) -> bool {
        self.leaks(&[text.to_owned()]).len() == 1
    }
}

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Output {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
