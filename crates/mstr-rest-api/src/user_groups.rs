//! User groups: listed, made, changed, deleted, and who is in them.

use std::future::Future;

use http::Method;
use mstr_rest_core::{Call, Error, ErrorKind, Response, Result, Session};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::changes::{changed_or_read, made};
use crate::objects::nothing_to_change;
use crate::patch::{Op, Operations};
use crate::users::listed;
use crate::{List, Named, Object, ObjectType, ProjectRoles, User, UserPrivilege, sealed};

/// User groups of the server.
pub trait UserGroupsExt: sealed::Sealed {
    /// The handler of user groups. They belong to the whole server: no call carries a project.
    fn user_groups(&self) -> UserGroups;
}

impl UserGroupsExt for Session {
    fn user_groups(&self) -> UserGroups {
        UserGroups::new(self)
    }
}

/// User groups. Owned and cheap to clone. A group is an object: type 34 like users, subtype 8705.
///
/// ```no_run
/// use mstr_rest_api::{GroupChanges, NewGroup, UserGroupsExt};
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let groups = session.user_groups();
/// let analysts = groups.create(&NewGroup::new("Analysts").member("7FC05A65473CE2FD")).await?;
/// groups.update(&analysts.id, &GroupChanges::new().add_member("54F3D26011D28965")).await?;
/// for member in groups.members(&analysts.id).all().await? {
///     println!("{}", member.name);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct UserGroups {
    session: Session,
}

impl UserGroups {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    fn one(&self, method: Method, id: impl AsRef<str>) -> Call<Response> {
        self.session.call(method, "usergroups").segment(id).without_project().require_session()
    }

    /// All groups: `GET /usergroups`.
    pub fn list(&self) -> List<Object> {
        List::new(self.session.get("usergroups").without_project())
    }

    /// The groups whose names begin with this text: `GET /usergroups?nameBegins=`.
    pub fn list_name_begins_with(&self, begins: impl AsRef<str>) -> List<Object> {
        let call = self.session.get("usergroups").without_project();
        List::new(call.query("nameBegins", begins.as_ref()))
    }

    /// One group: `GET /usergroups/{id}`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`ResourceNotFound`](ErrorKind::ResourceNotFound) when there is no such group.
    pub fn get(&self, id: impl AsRef<str>) -> Call<Object> {
        self.one(Method::GET, id).decode()
    }

    /// Makes a group, and gives it: `POST /usergroups`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) without a name, and nothing is sent;
    /// [`ObjectAlreadyExists`](ErrorKind::ObjectAlreadyExists).
    pub fn create(&self, group: &NewGroup) -> Call<Object> {
        let call = self.session.post("usergroups").without_project().require_session().json(group);
        let call = if group.name.is_empty() {
            let message = "a new group needs a name";
            call.fail_with(Error::new(ErrorKind::InvalidRequest, message))
        } else {
            call
        };
        let name = group.name.clone();
        let kind = ObjectType::User;
        made(call, move |id| Object { id, name: name.clone(), kind, ..Object::default() })
    }

    /// Changes a group, and gives it as it is then: `PATCH /usergroups/{id}` with a list of
    /// operations.
    ///
    /// # Errors
    /// As [`get`](Self::get); [`InvalidRequest`](ErrorKind::InvalidRequest) without any change,
    /// and nothing is sent.
    pub fn update(
        &self,
        id: &str,
        changes: &GroupChanges,
    ) -> impl Future<Output = Result<Object>> + Send + use<> {
        let get = self.get(id);
        let call = self.one(Method::PATCH, id).json(&changes.0);
        let is_empty = changes.0.is_empty();
        let call = if is_empty { call.fail_with(nothing_to_change()) } else { call };
        changed_or_read(call, get)
    }

    /// Deletes a group, not its members: `DELETE /usergroups/{id}`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn delete(&self, id: impl AsRef<str>) -> Call<()> {
        self.one(Method::DELETE, id).decode_with(|_| Ok(()))
    }

    /// Who is directly in a group, users and groups: `GET /usergroups/{id}/members`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn members(&self, id: impl AsRef<str>) -> List<User> {
        List::new(self.one(Method::GET, id).segment("members"))
    }

    /// The groups that a group is directly in: `GET /usergroups/{id}/memberships`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn memberships(&self, id: impl AsRef<str>) -> Call<Vec<Named>> {
        listed(self.one(Method::GET, id).segment("memberships"))
    }

    /// What the members of a group may do: `GET /usergroups/{id}/privileges`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn privileges(&self, id: impl AsRef<str>) -> Call<Vec<UserPrivilege>> {
        listed(self.one(Method::GET, id).segment("privileges"))
    }

    /// The security roles of a group, project by project: `GET /usergroups/{id}/securityRoles`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn security_roles(&self, id: impl AsRef<str>) -> Call<Vec<ProjectRoles>> {
        listed(self.one(Method::GET, id).segment("securityRoles"))
    }

    /// The settings of a group, as the server has them: `GET /usergroups/{id}/settings`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn settings(&self, id: impl AsRef<str>) -> Call<Map<String, Value>> {
        self.one(Method::GET, id).segment("settings").decode()
    }
}

/// A group to be made.
///
/// ```
/// use mstr_rest_api::NewGroup;
///
/// let new = NewGroup::new("Analysts").description("Those who ask").member("7FC05A65");
/// # let _ = new;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[must_use = "a new group is not made until it is created"]
pub struct NewGroup {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    memberships: Vec<String>,
    members: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "ldapdn")]
    ldap_dn: Option<String>,
}

impl NewGroup {
    /// A group without members.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: None,
            memberships: Vec::new(),
            members: Vec::new(),
            ldap_dn: None,
        }
    }

    /// What the group is for.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Puts a user or a group into it, by id.
    pub fn member(mut self, id: impl Into<String>) -> Self {
        self.members.push(id.into());
        self
    }

    /// Puts it into another group, by id.
    pub fn group(mut self, id: impl Into<String>) -> Self {
        self.memberships.push(id.into());
        self
    }

    /// The distinguished name in a directory (LDAP).
    pub fn ldap_dn(mut self, name: impl Into<String>) -> Self {
        self.ldap_dn = Some(name.into());
        self
    }
}

/// What to change of a group, sent as a list of operations in the order of the calls.
///
/// ```
/// use mstr_rest_api::GroupChanges;
///
/// let changes = GroupChanges::new().name("Analysts").add_member("7FC05A65").remove_member("54F3D260");
/// # let _ = changes;
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use = "changes do nothing until a group is updated with them"]
pub struct GroupChanges(Operations);

impl GroupChanges {
    /// No changes yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn push(mut self, op: Op, member: &str, value: Value) -> Self {
        self.0.push(op, member, value);
        self
    }

    /// Its name.
    pub fn name(self, name: impl Into<String>) -> Self {
        self.push(Op::Replace, "name", name.into().into())
    }

    /// What it is for.
    pub fn description(self, description: impl Into<String>) -> Self {
        self.push(Op::Replace, "description", description.into().into())
    }

    /// Puts a user or a group into it, by id.
    pub fn add_member(self, id: impl Into<String>) -> Self {
        self.push(Op::Add, "members", json!([id.into()]))
    }

    /// Takes a user or a group out of it, by id.
    pub fn remove_member(self, id: impl Into<String>) -> Self {
        self.push(Op::Remove, "members", json!([id.into()]))
    }

    /// Puts it into another group, by id.
    pub fn join(self, group: impl Into<String>) -> Self {
        self.push(Op::Add, "memberships", json!([group.into()]))
    }

    /// Takes it out of another group, by id.
    pub fn leave(self, group: impl Into<String>) -> Self {
        self.push(Op::Remove, "memberships", json!([group.into()]))
    }

    /// Gives its members a privilege, by id.
    pub fn grant(self, privilege: impl Into<String>) -> Self {
        self.push(Op::Add, "privileges", json!([privilege.into()]))
    }

    /// Takes a privilege from its members, by id.
    pub fn revoke(self, privilege: impl Into<String>) -> Self {
        self.push(Op::Remove, "privileges", json!([privilege.into()]))
    }
}
