//! Security: roles, filters, and the privileges that there are.

use http::Method;
use mstr_rest_core::{Call, Error, ErrorKind, Response, Session};
use serde::Deserialize;
use serde_json::json;

use crate::patch::{Op, Operations};
use crate::users::listed;
use crate::{List, Object, Privilege, User, lenient, sealed};

/// Security of the server.
pub trait SecurityExt: sealed::Sealed {
    /// The handler of security roles. They belong to the whole server.
    fn security_roles(&self) -> SecurityRoles;

    /// The handler of security filters. They live in projects: ask a session
    /// [`in_project`](Session::in_project), or one whose builder names a project.
    fn security_filters(&self) -> SecurityFilters;

    /// All privileges that the server knows: `GET /iserver/privileges`.
    fn privileges(&self) -> Call<Vec<Privilege>>;
}

impl SecurityExt for Session {
    fn security_roles(&self) -> SecurityRoles {
        SecurityRoles::new(self)
    }

    fn security_filters(&self) -> SecurityFilters {
        SecurityFilters::new(self)
    }

    fn privileges(&self) -> Call<Vec<Privilege>> {
        listed(self.get("iserver/privileges").without_project().require_session())
    }
}

/// Security roles: named sets of privileges, given to users and groups project by project. Owned
/// and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::SecurityExt;
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// for role in session.security_roles().list().await? {
///     println!("{}  {}", role.id, role.name);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SecurityRoles {
    session: Session,
}

impl SecurityRoles {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    fn roles(&self, method: Method) -> Call<Response> {
        self.session.call(method, "securityRoles").without_project().require_session()
    }

    /// All roles: `GET /securityRoles`. The server has no pages of them.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`NoSession`](ErrorKind::NoSession) without a token.
    pub fn list(&self) -> Call<Vec<SecurityRole>> {
        listed(self.roles(Method::GET))
    }

    /// One role: `GET /securityRoles/{id}`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`ResourceNotFound`](ErrorKind::ResourceNotFound) when it is not there.
    pub fn get(&self, id: impl AsRef<str>) -> Call<SecurityRole> {
        self.roles(Method::GET).segment(id).decode()
    }

    /// Deletes a role: `DELETE /securityRoles/{id}`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn delete(&self, id: impl AsRef<str>) -> Call<()> {
        self.roles(Method::DELETE).segment(id).decode_with(|_| Ok(()))
    }
}

/// A security role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct SecurityRole {
    /// Its id.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// What it is for.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub description: Option<String>,
    /// What those who have it may do; lists may leave it out.
    #[serde(deserialize_with = "lenient::or_default")]
    pub privileges: Vec<Privilege>,
}

/// Security filters of a project: which data users and groups see. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::SecurityExt;
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let filters = session.in_project("MicroStrategy Tutorial").security_filters();
/// for filter in filters.list().all().await? {
///     filters.apply(&filter.id, ["7FC05A65473CE2FD845CE6A1D3F13233"]).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SecurityFilters {
    session: Session,
}

impl SecurityFilters {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    /// All filters of the project: `GET /securityFilters`.
    pub fn list(&self) -> List<Object> {
        List::new(self.session.get("securityFilters"))
    }

    fn members_of(&self, method: Method, id: impl AsRef<str>) -> Call<Response> {
        let call = self.session.call(method, "securityFilters").segment(id).segment("members");
        call.require_session()
    }

    /// The users and groups that a filter is applied to: `GET /securityFilters/{id}/members`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`ResourceNotFound`](ErrorKind::ResourceNotFound) when it is not there.
    pub fn members(&self, id: impl AsRef<str>) -> Call<Vec<User>> {
        listed(self.members_of(Method::GET, id))
    }

    /// Applies a filter to users and groups, by id: `PATCH /securityFilters/{id}/members`.
    ///
    /// # Errors
    /// As [`members`](Self::members); [`InvalidRequest`](ErrorKind::InvalidRequest) without any,
    /// and nothing is sent.
    pub fn apply<I>(&self, id: impl AsRef<str>, members: I) -> Call<()>
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.change(
            Op::AddElements,
            id.as_ref(),
            &members.into_iter().map(Into::into).collect::<Vec<_>>(),
        )
    }

    /// Takes a filter from users and groups, by id.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn revoke<I>(&self, id: impl AsRef<str>, members: I) -> Call<()>
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.change(
            Op::RemoveElements,
            id.as_ref(),
            &members.into_iter().map(Into::into).collect::<Vec<_>>(),
        )
    }

    fn change(&self, op: Op, id: &str, members: &[String]) -> Call<()> {
        let mut body = Operations::default();
        body.push(op, "members", json!(members));
        let call = self.members_of(Method::PATCH, id).json(&body);
        let call = if members.is_empty() {
            let message = "neither a user nor a group was named";
            call.fail_with(Error::new(ErrorKind::InvalidRequest, message))
        } else {
            call
        };
        call.decode_with(|_| Ok(()))
    }
}
