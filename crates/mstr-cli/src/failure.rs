//! Why a command failed: the exit code for scripts, the text and a way out for people.

use std::{
    fmt,
    fmt::Write as _,
    io::{self, Write as _},
};

use mstr_rest::{Error, ErrorKind};

use crate::{hints, requests};

/// Exit codes; `mstr --help` documents them.
pub(crate) mod code {
    pub(crate) const OTHER: u8 = 1;
    pub(crate) const USAGE: u8 = 2;
    pub(crate) const AUTH: u8 = 3;
    pub(crate) const NOT_FOUND: u8 = 4;
    pub(crate) const DENIED: u8 = 5;
    pub(crate) const SERVER: u8 = 6;
    pub(crate) const NETWORK: u8 = 7;
    /// As shells have it for a program whose terminal was closed.
    pub(crate) const HUNG_UP: u8 = 129;
    /// As shells have it for a program that ctrl-c ended.
    pub(crate) const INTERRUPTED: u8 = 130;
    /// The same for one that was asked to end, by a scheduler or a container.
    pub(crate) const TERMINATED: u8 = 143;
}

pub(crate) type Result<T = (), E = Failure> = std::result::Result<T, E>;

#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(code::USAGE, message)
    }

    /// A file that cannot be read or written: what was to be done with it, and where.
    pub(crate) fn file(what: &str, path: &std::path::Path, error: &impl fmt::Display) -> Self {
        Self::new(code::OTHER, format!("cannot {what} {}: {error}", path.display()))
    }

    /// What to do about it, on a line of its own.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn is_of_a_signal(&self) -> bool {
        matches!(self.code, code::HUNG_UP | code::INTERRUPTED | code::TERMINATED)
    }

    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    /// Says it as something that does not end the command.
    pub(crate) fn warn(&self, what: &str) {
        let _ = writeln!(io::stderr(), "mstr: warning: {what}: {}", printable(&self.message));
    }

    pub(crate) fn report(&self) {
        // a message of several lines is one line
        let line = |text: &str| printable(&text.split_whitespace().collect::<Vec<_>>().join(" "));
        // the terminal may be gone
        let mut out = io::stderr();
        let _ = writeln!(out, "mstr: {}", line(&self.message));
        if let Some(hint) = &self.hint {
            let _ = writeln!(out, "hint: {}", line(hint));
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match error.kind() {
            ErrorKind::LoginFailure
            | ErrorKind::MissingCredential
            | ErrorKind::Credential
            | ErrorKind::SessionExpired
            | ErrorKind::NoSession => code::AUTH,
            ErrorKind::ResourceNotFound => code::NOT_FOUND,
            ErrorKind::InsufficientPrivileges => code::DENIED,
            ErrorKind::Timeout | ErrorKind::Connect | ErrorKind::Transport => code::NETWORK,
            // said by us, before anything was sent
            ErrorKind::InvalidRequest | ErrorKind::Config if error.status().is_none() => {
                code::USAGE
            }
            ErrorKind::Snapshot | ErrorKind::Io | ErrorKind::Interrupted => code::OTHER,
            _ => code::SERVER,
        };
        let hint = hints::hint(&error);
        Self { code, message: explained(&error), hint }
    }
}

/// The error and what caused it, each said once. The hint has a line of its own.
fn explained(error: &Error) -> String {
    let mut text = error.to_string();
    if let Some(hint) = error.hint()
        && let Some(short) = text.strip_suffix(hint)
    {
        text.truncate(short.trim_end().len());
    }
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = cause.source();
    }
    let mut text = hints::in_words(&text);
    let sent = error.status().is_some() || error.attempts() > 0;
    let request = requests::last_failed().filter(|_| sent);
    // what the server's own logs and the vendor's support are asked with
    let ticket = error.ticket_id().map(|ticket| format!("ticket {ticket}"));
    let about: Vec<String> = request.into_iter().chain(ticket).collect();
    if !about.is_empty() {
        let _ = write!(text, " [{}]", about.join(", "));
    }
    text
}

/// Of standard output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(code::OTHER, format!("cannot write: {error}"))
    }
}

/// A text of the server as one line, with control characters and changes of the direction of
/// writing shown as escapes: what a name says to a terminal is its name, and nothing else.
pub(crate) fn printable(text: &str) -> String {
    escaped(text, |_| false, |c| c.escape_default().to_string())
}

/// The text with `escape` of the characters that steer a terminal, but for those to keep.
pub(crate) fn escaped(
    text: &str,
    keep: impl Fn(char) -> bool,
    escape: impl Fn(char) -> String,
) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) && !keep(c) {
            out.push_str(&escape(c));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_steer_a_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\tc\nd\u{9b}e"), r"a\u{1b}[31mb\tc\nd\u{9b}e");
        assert_eq!(printable("a\u{202e}b"), r"a\u{202e}b");
        assert_eq!(printable("Größe 東京"), "Größe 東京");
    }
}
