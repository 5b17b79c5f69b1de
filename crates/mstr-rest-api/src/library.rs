//! The Library: what is published to users.

use mstr_rest_core::{Call, Error, ErrorKind, Session};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::users::listed;
use crate::{Object, UserId, lenient, sealed};

/// The Library of the user.
pub trait LibraryExt: sealed::Sealed {
    /// The handler of the Library.
    fn library(&self) -> Library;
}

impl LibraryExt for Session {
    fn library(&self) -> Library {
        Library::new(self)
    }
}

/// The Library. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::{LibraryExt, UserId};
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// for item in session.library().list().await? {
///     println!("{}  {}", item.id, item.name);
/// }
/// let project = session.in_project("MicroStrategy Tutorial");
/// let user = UserId::new("7FC05A65473CE2FD845CE6A1D3F13233");
/// project.library().publish("8CCD8D9D4051A4C533C719A6590DEED8", [user]).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Library {
    session: Session,
}

impl Library {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    /// What is in the user's Library, of all projects: `GET /library`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`NoSession`](ErrorKind::NoSession) without a token.
    pub fn list(&self) -> Call<Vec<LibraryItem>> {
        listed(self.session.get("library").without_project().require_session())
    }

    /// Puts a document or a dashboard of the project into the Libraries of users:
    /// `POST /library`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) without any user, and nothing is sent.
    pub fn publish<I>(&self, id: impl AsRef<str>, users: I) -> Call<()>
    where
        I: IntoIterator,
        I::Item: Into<UserId>,
    {
        let users = users.into_iter().map(|user| json!({ "id": user.into().as_str() }));
        let users: Vec<Value> = users.collect();
        let call = self.session.post("library").require_session();
        let call = call.json(&json!({ "id": id.as_ref(), "recipients": users }));
        let call = if users.is_empty() {
            let message = "nobody was named to publish it to";
            call.fail_with(Error::new(ErrorKind::InvalidRequest, message))
        } else {
            call
        };
        call.decode_with(|_| Ok(()))
    }

    /// Takes something out of the Libraries of all users: `DELETE /library/{id}`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn unpublish(&self, id: impl AsRef<str>) -> Call<()> {
        let call = self.session.delete("library").segment(id).require_session();
        call.decode_with(|_| Ok(()))
    }

    /// Takes something out of the Library of one user:
    /// `DELETE /library/{id}/recipients/{user}`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn unpublish_for(&self, id: impl AsRef<str>, user: impl Into<UserId>) -> Call<()> {
        let call = self.session.delete("library").segment(id).segment("recipients");
        let call = call.segment(user.into());
        call.require_session().decode_with(|_| Ok(()))
    }
}

/// Something in the Library.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct LibraryItem {
    /// Its id.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// The id of the project.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub project_id: Option<String>,
    /// Whether it is active.
    #[serde(deserialize_with = "lenient::boolean")]
    pub active: Option<bool>,
    /// The document or the dashboard itself.
    pub target: Option<Object>,
}
