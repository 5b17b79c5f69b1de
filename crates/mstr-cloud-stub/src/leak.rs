//! Finding a secret in text that should not hold it.

use std::{
    error::Error,
    fmt::Write as _,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tracing_subscriber::filter::LevelFilter;

/// The form in which `text` holds `canary`, if it does: as it is, in another case, half of it,
/// in base64 (wherever in the encoded bytes it starts), or as a list of bytes.
///
/// ```
/// use mstr_cloud_stub::leak;
///
/// assert_eq!(leak::find("cAnArY-7f3a91d2", "all is well"), None);
/// assert!(leak::find("cAnArY-7f3a91d2", "password=canary-7F3A91D2").is_some());
/// ```
pub fn find(canary: &str, text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let (head, tail) = canary.split_at(canary.len() / 2);
    let bytes = canary.as_bytes();
    let list = |one: fn(&u8) -> String, by: &str| {
        bytes.iter().map(one).collect::<Vec<_>>().join(by).to_lowercase()
    };
    let forms = [
        // a half of it counts
        head.to_lowercase(),
        tail.to_lowercase(),
        list(u8::to_string, ", "),
        list(u8::to_string, ",\n    "),
        list(|byte| format!("{byte:02x}"), ""),
        list(|byte| format!("{byte:02x}"), ", "),
    ];
    let in_base64 = (0..3).map(|shift| {
        let encoded = STANDARD.encode([&vec![0; shift][..], bytes].concat());
        // the first and the last characters depend on the neighbours
        let start = if shift == 0 { 0 } else { 4 };
        encoded[start..encoded.len() - 4].to_owned()
    });
    let plain = forms.into_iter().find(|form| lower.contains(form.as_str()));
    plain.or_else(|| in_base64.into_iter().find(|form| text.contains(form.as_str())))
}

/// Everything that an error prints: text and `Debug`, plain and pretty, of it and of its sources.
pub fn printed(error: &dyn Error) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        // writing to a string does not fail
        let _ = writeln!(text, "{error}\n{error:#}\n{error:?}\n{error:#?}");
        next = error.source();
    }
    text
}

/// Everything that this process logs, at level `TRACE`.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    const FIRST: &str = "this is logged";

    /// Collects what is logged from here on. A program calls it once, before anything else: a
    /// subscriber that is set later misses what was disabled before.
    ///
    /// # Panics
    /// If the process has a subscriber already.
    pub fn start() -> Self {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        let set = tracing::subscriber::set_global_default(subscriber);
        assert!(set.is_ok(), "this process has a subscriber already");
        tracing::info!("{}", Self::FIRST);
        log
    }

    /// What was logged so far.
    ///
    /// # Panics
    /// If nothing arrived, because a search would then find nothing.
    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(text.contains(Self::FIRST), "nothing was logged");
        text
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "cAnArY-7f3a91d2";

    #[test]
    fn finds_what_is_planted() {
        for shift in ["", "{", "{\"", "{\"a", "{\"ab"] {
            let encoded = STANDARD.encode(format!("{shift}{CANARY}\"}}"));
            assert!(find(CANARY, &encoded).is_some(), "{shift:?}");
        }
        for text in [
            format!("x{CANARY}y"),
            CANARY.to_uppercase(),
            CANARY[..10].to_owned(),
            CANARY[7..].to_owned(),
            format!("{:?}", CANARY.as_bytes()),
            format!("{:#?}", CANARY.as_bytes()),
            format!("{:x?}", CANARY.as_bytes()),
        ] {
            assert!(find(CANARY, &text).is_some(), "{text}");
        }
        assert_eq!(find(CANARY, "secret prod/mstr is not valid UTF-8"), None);
    }

    #[test]
    fn prints_sources() {
        let inner = std::io::Error::other("inner words");
        let outer = mstr_credentials::CredentialError::with_source("outer words", inner);
        let text = printed(&outer);
        assert!(text.contains("outer words") && text.contains("inner words"));
    }
}
