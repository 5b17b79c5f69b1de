//! The server: its version and state.

use std::time::{Duration, SystemTime};

use mstr_rest_core::{Call, Session};
use serde::{Deserialize, Deserializer};

use crate::{lenient, sealed};

/// The server behind a session.
pub trait ServerExt: sealed::Sealed {
    /// The handler of the server.
    fn server(&self) -> Server;
}

impl ServerExt for Session {
    fn server(&self) -> Server {
        Server::new(self)
    }
}

/// The server. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::ServerExt;
/// use mstr_rest_core::Session;
///
/// # async fn example() -> mstr_rest_core::Result<()> {
/// // needs no login
/// let session = Session::builder("https://host/MicroStrategyLibrary/api/").build()?;
/// let status = session.server().status().await?;
/// println!("{}", status.iserver_version.as_deref().unwrap_or("it does not say"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Server {
    session: Session,
}

impl Server {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    /// Version and state: `GET /status`. Needs no login; token and cookies are not sent.
    ///
    /// ```no_run
    /// use mstr_rest_api::ServerExt;
    ///
    /// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
    /// println!("{:?}", session.server().status().await?.iserver_version);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors). A server that is set up to protect
    /// this page answers 401.
    pub fn status(&self) -> Call<ServerStatus> {
        self.session.get("status").without_project().include_auth(false).decode()
    }
}

/// What `GET /status` says (recorded from a server).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct ServerStatus {
    /// The version of the Intelligence Server: `11.3.0000.15868`.
    #[serde(rename = "iServerVersion", deserialize_with = "lenient::optional_text")]
    pub iserver_version: Option<String>,
    /// The version of the Library server: `11.3.0000.14308J`.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub web_version: Option<String>,
    /// When the server started; it sends milliseconds since 1970.
    #[serde(deserialize_with = "since_epoch")]
    pub up_since: Option<SystemTime>,
    /// How long it has been up; it sends milliseconds.
    #[serde(deserialize_with = "millis")]
    pub up_time: Option<Duration>,
    /// How the server is deployed; newer servers say so.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub deployment_type: Option<String>,
}

fn millis<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let millis = lenient::integer(from)?.and_then(|millis| u64::try_from(millis).ok());
    Ok(millis.map(Duration::from_millis))
}

fn since_epoch<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SystemTime>, D::Error> {
    Ok(millis(from)?.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)))
}
