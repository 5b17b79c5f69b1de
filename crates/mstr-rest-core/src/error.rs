//! `Error`: the error type, with the server's codes and a hint.

mod classify;
mod kind;

#[cfg(feature = "iserver-codes")]
mod iserver_table;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use mstr_credentials::CredentialError;

pub(crate) use classify::{from_reply, is_json, media_type};
pub use kind::ErrorKind;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// I-Server code of the session cap (`E_MSI_MAX_PROJ_LOGIN_PERUSER_EXCEEDED`).
const SESSION_CAP: i64 = -2_147_072_486;

/// An error of a call: an error of the server, a reply that is not from the Library server, a
/// network failure, a credential that cannot be resolved, or an invalid request.
///
/// It is one pointer in size and cheap to clone. Match on [`kind`](Self::kind). The other accessors
/// return everything that the server sent: the HTTP [`status`](Self::status), the REST
/// [`code`](Self::code) (`ERR004`), the [`iserver_code`](Self::iserver_code) and the
/// [`ticket_id`](Self::ticket_id) that Strategy's support asks for.
///
/// `Display` prints an error of the server as `ERR004: text.`. If the I-Server sent a code, two
/// spaces and `[I-Server error code NAME (NUMBER)]` follow. `Display` does not repeat the
/// [`source`](StdError::source): error reporters print the chain. No error contains a secret, a
/// body or a query string.
///
/// ```
/// use mstr_rest_core::{Error, ErrorKind};
///
/// fn advice(error: &Error) -> &'static str {
///     match error.kind() {
///         ErrorKind::LoginFailure => "check the password; do not try again blindly",
///         ErrorKind::SessionExpired => "log in again",
///         _ if error.is_transient() => "try again later",
///         _ => "look at the error",
///     }
/// }
/// let error = Error::new(ErrorKind::Timeout, "no data sent or received for 300 s");
/// assert_eq!(advice(&error), "try again later");
/// assert_eq!(std::mem::size_of::<Error>(), std::mem::size_of::<usize>());
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    status: Option<StatusCode>,
    code: Option<String>,
    message: String,
    /// The message is the server's text, not a text of this client.
    from_server: bool,
    iserver_code: Option<i64>,
    ticket_id: Option<String>,
    attempts: u32,
    elapsed: Option<Duration>,
    note: Option<&'static str>,
    is_final: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Makes an error of this client, without a reply of the server.
    ///
    /// It is public so that extension traits and decoders of your own can return the same type.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            status: None,
            code: None,
            message: message.into(),
            from_server: false,
            iserver_code: None,
            ticket_id: None,
            attempts: 0,
            elapsed: None,
            note: None,
            is_final: false,
            source: None,
        }))
    }

    /// Makes an error of this client with the error that caused it. The message must not repeat the
    /// text of the source.
    pub fn with_source(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::new(kind, message).change(|inner| inner.source = Some(Arc::from(source.into())))
    }

    /// Makes an [`Interrupted`](ErrorKind::Interrupted) error: the task of this work panicked or
    /// was stopped. The error of the task does not become the source: it may contain the text of a
    /// panic.
    pub fn interrupted(work: impl fmt::Display) -> Self {
        let message = format!("{work} was interrupted: its task panicked or was stopped");
        Self::new(ErrorKind::Interrupted, message)
    }

    /// Adds the HTTP status of the reply.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        self.change(|inner| inner.status = Some(status))
    }

    pub(crate) fn caused_by(self, source: Self) -> Self {
        self.change(|inner| inner.source = Some(Arc::new(source)))
    }

    pub(crate) fn with_attempts(self, attempts: u32, elapsed: Duration) -> Self {
        self.change(|inner| {
            inner.attempts = attempts;
            inner.elapsed = Some(elapsed);
        })
    }

    pub(crate) fn with_note(self, note: &'static str) -> Self {
        self.change(|inner| inner.note = Some(note))
    }

    /// Marks an error that another attempt cannot change, although its kind is usually transient: a
    /// certificate that is not trusted, a proxy that rejected the login.
    pub(crate) fn into_final(self) -> Self {
        self.change(|inner| inner.is_final = true)
    }

    pub(crate) fn is_final(&self) -> bool {
        self.0.is_final
    }

    /// Replaces `secret` with `***` in the texts of the server. Use it for endpoints of your own
    /// that send secrets. Texts of this client do not change.
    #[must_use]
    pub fn redacting(self, secret: &str) -> Self {
        let has_secret = |text: &str| !secret.is_empty() && text.contains(secret);
        let message = self.0.from_server.then_some(&self.0.message);
        let texts = [message, self.0.code.as_ref(), self.0.ticket_id.as_ref()];
        if !texts.into_iter().flatten().any(|text| has_secret(text)) {
            return self;
        }
        self.change(|inner| {
            if inner.from_server {
                inner.message = inner.message.replace(secret, "***");
            }
            for text in [&mut inner.code, &mut inner.ticket_id].into_iter().flatten() {
                *text = text.replace(secret, "***");
            }
        })
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// The kind of the error, to match on.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The REST code as the server sent it, for example `ERR004`. `None` without a reply, or when
    /// the reply has no code.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The number of the [`code`](Self::code) after `ERR`: 4 for `ERR004`, 14 for both `ERR014` and
    /// `ERR0014`. `None` for a code of another form (for example `8004cc41` of the modeling
    /// service).
    #[doc(alias = "code_number")]
    pub fn number(&self) -> Option<u32> {
        self.code().and_then(kind::number)
    }

    /// The text without the code: the message of the server or of this client. Never empty.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The HTTP status of the reply. `None` without a reply.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The error code of the I-Server, a negative 32-bit number such as -2147072486.
    pub fn iserver_code(&self) -> Option<i64> {
        self.0.iserver_code
    }

    /// The symbolic name of [`iserver_code`](Self::iserver_code), from a table of 9,441 names
    /// (feature `iserver-codes`; without it always `None`).
    pub fn iserver_name(&self) -> Option<&'static str> {
        #[cfg(feature = "iserver-codes")]
        {
            self.0.iserver_code.and_then(|code| iserver_table::name(i32::try_from(code).ok()?))
        }
        #[cfg(not(feature = "iserver-codes"))]
        {
            None
        }
    }

    /// The id that the server gave this failure (32 hexadecimal digits). Support asks for it.
    pub fn ticket_id(&self) -> Option<&str> {
        self.0.ticket_id.as_deref()
    }

    /// The number of attempts, including attempts without a connection. 0 if there was none.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The duration of all attempts and the waits between them. `None` if there was no attempt.
    pub fn elapsed(&self) -> Option<Duration> {
        self.0.elapsed
    }

    /// A hint how to fix the error, if one is known.
    pub fn hint(&self) -> Option<&'static str> {
        if self.0.note.is_some() {
            return self.0.note;
        }
        match self.0.iserver_code {
            Some(SESSION_CAP) => Some(
                "This user has the maximum number of sessions for this project: log out sessions \
                 that are not needed, or wait; an idle one is freed after about 30 minutes.",
            ),
            _ => None,
        }
    }

    /// Returns `true` if the same request may succeed later without a change: after a network
    /// failure, a timeout, an error reply with a truncated body, or a status of 429, 502, 503 or
    /// 504.
    ///
    /// A certificate that is not trusted and a proxy that rejected the login are not transient.
    /// This is for retry policies of your own. It does not tell whether the request may be
    /// repeated: a `POST` may have taken effect.
    pub fn is_transient(&self) -> bool {
        match self.kind() {
            _ if self.is_final() => false,
            ErrorKind::Connect
            | ErrorKind::Timeout
            | ErrorKind::Transport
            | ErrorKind::ServiceUnavailable => true,
            ErrorKind::LoginFailure | ErrorKind::SessionExpired => false,
            _ if self.is_cut_off() => true,
            _ => self.status().is_some_and(|s| matches!(s.as_u16(), 429 | 502 | 503 | 504)),
        }
    }

    /// Returns `true` if the body of an error reply was truncated: the server's error is not known.
    pub(crate) fn is_cut_off(&self) -> bool {
        let source = self.0.source.as_deref().and_then(|source| source.downcast_ref::<Self>());
        self.kind() == ErrorKind::Http
            && source.is_some_and(|source| {
                matches!(source.kind(), ErrorKind::Timeout | ErrorKind::Transport)
            })
    }

    /// Returns `true` if the server rejected the login ([`ErrorKind::LoginFailure`]) or a
    /// credential is missing ([`ErrorKind::MissingCredential`]).
    pub fn is_login_failure(&self) -> bool {
        matches!(self.kind(), ErrorKind::LoginFailure | ErrorKind::MissingCredential)
    }

    /// Returns `true` if the server does not know the session (`ERR009`). It sends the same error
    /// for missing, unknown and expired tokens.
    pub fn is_session_expired(&self) -> bool {
        self.kind() == ErrorKind::SessionExpired
    }

    /// Returns `true` if the resource does not exist ([`ErrorKind::ResourceNotFound`]). For an
    /// object that is not in the metadata, the server sends `ERR001` with status 500.
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::ResourceNotFound
    }

    /// Returns `true` if the user lacks a privilege or a permission
    /// ([`ErrorKind::InsufficientPrivileges`]).
    pub fn is_permission_denied(&self) -> bool {
        self.kind() == ErrorKind::InsufficientPrivileges
    }

    /// Returns `true` if the object exists already ([`ErrorKind::ObjectAlreadyExists`]).
    pub fn is_already_exists(&self) -> bool {
        self.kind() == ErrorKind::ObjectAlreadyExists
    }

    /// Returns `true` if the request is not valid ([`ErrorKind::InvalidRequest`]). The client or
    /// the server may have found this.
    pub fn is_invalid_request(&self) -> bool {
        self.kind() == ErrorKind::InvalidRequest
    }

    /// Returns `true` if a timeout passed ([`ErrorKind::Timeout`]).
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::Timeout
    }

    /// Returns `true` if no connection could be made ([`ErrorKind::Connect`]). Nothing was sent.
    pub fn is_connect(&self) -> bool {
        self.kind() == ErrorKind::Connect
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message();
        match self.code() {
            Some(code) => {
                write!(f, "{code}: {message}")?;
                if !message.ends_with('.') {
                    f.write_str(".")?;
                }
            }
            None => {
                f.write_str(message)?;
                if self.hint().is_some() && !message.ends_with(['.', '?']) {
                    f.write_str(".")?;
                }
            }
        }
        if let Some(number) = self.iserver_code().filter(|&n| n != 0) {
            match self.iserver_name() {
                Some(name) => write!(f, "  [I-Server error code {name} ({number})]")?,
                None => write!(f, "  [I-Server error code {number}]")?,
            }
        }
        match self.hint() {
            Some(hint) => write!(f, " {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.kind());
        if let Some(status) = self.status() {
            out.field("status", &status.as_u16());
        }
        if let Some(code) = self.code() {
            out.field("code", &code);
        }
        out.field("message", &self.message());
        if let Some(number) = self.iserver_code() {
            out.field("iserver_code", &number);
        }
        if let Some(name) = self.iserver_name() {
            out.field("iserver_name", &name);
        }
        if let Some(ticket) = self.ticket_id() {
            out.field("ticket_id", &ticket);
        }
        if self.attempts() > 1 {
            out.field("attempts", &self.attempts());
            out.field("elapsed", &self.elapsed());
        }
        if let Some(source) = &self.0.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<CredentialError> for Error {
    fn from(error: CredentialError) -> Self {
        let kind =
            if error.is_missing() { ErrorKind::MissingCredential } else { ErrorKind::Credential };
        Self::with_source(kind, "a credential could not be resolved", error)
    }
}
