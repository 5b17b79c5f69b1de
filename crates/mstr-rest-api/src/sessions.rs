//! The session itself: how long it lives, whose it is, and keeping it alive.

use std::time::Duration;

use mstr_rest_core::{Call, Session};
use serde::{Deserialize, Deserializer};

use crate::{lenient, sealed};

/// The session of a [`Session`]. Each call fails with
/// [`NoSession`](mstr_rest_core::ErrorKind::NoSession) before anything is sent when no token is
/// held.
pub trait SessionsExt: sealed::Sealed {
    /// Tells the server that the session is in use: `PUT /sessions` resets its idle clocks.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`SessionExpired`](mstr_rest_core::ErrorKind::SessionExpired) when it is gone.
    fn extend_session(&self) -> Call<()>;

    /// The session's limits: `GET /sessions`.
    ///
    /// ```no_run
    /// # use mstr_rest_api::SessionsExt;
    /// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
    /// let info = session.session_info().await?;
    /// println!("expires after {:?} without a request", info.timeout);
    /// # Ok(())
    /// # }
    /// ```
    fn session_info(&self) -> Call<SessionInfo>;

    /// Who is logged in: `GET /sessions/userInfo`.
    fn user_info(&self) -> Call<UserInfo>;
}

impl SessionsExt for Session {
    fn extend_session(&self) -> Call<()> {
        self.put("sessions").require_session().decode_with(|_| Ok(()))
    }

    fn session_info(&self) -> Call<SessionInfo> {
        self.get("sessions").require_session().decode()
    }

    fn user_info(&self) -> Call<UserInfo> {
        self.get("sessions/userInfo").require_session().decode()
    }
}

/// What `GET /sessions` says.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct SessionInfo {
    /// How long the session may be idle; the server sends seconds.
    #[serde(deserialize_with = "seconds")]
    pub timeout: Option<Duration>,
    /// How many messages (open reports) it may hold.
    #[serde(deserialize_with = "lenient::integer")]
    pub working_set: Option<i64>,
    /// How many searches it may hold.
    #[serde(deserialize_with = "lenient::integer")]
    pub max_search: Option<i64>,
}

fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let seconds = lenient::integer(from)?.and_then(|seconds| u64::try_from(seconds).ok());
    Ok(seconds.map(Duration::from_secs))
}

/// What `GET /sessions/userInfo` says (recorded from a server).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct UserInfo {
    /// The user's id: 32 hexadecimal digits.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// The user's full name.
    #[serde(deserialize_with = "lenient::text")]
    pub full_name: String,
    /// The initials that user interfaces show.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub initials: Option<String>,
    /// Whether the user is in the metadata, not only in a directory.
    #[serde(deserialize_with = "lenient::boolean")]
    pub metadata_user: Option<bool>,
    /// The colour behind the initials, `#F48852` for instance.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub profile_color: Option<String>,
}
