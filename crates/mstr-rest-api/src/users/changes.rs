//! New users, and changes to users.

use mstr_rest_core::{Credential, Error, ErrorKind, Result, SecretString};
use serde_json::{Map, Value, json};

use super::secret;
use crate::objects::nothing_to_change;
use crate::patch::{Op, Operations};

/// A user to be made. `Debug` does not show the password.
///
/// ```
/// use mstr_rest_api::NewUser;
/// use mstr_rest_core::Credential;
///
/// let user = NewUser::new("psmith")
///     .full_name("Pat Smith")
///     .password(Credential::env("NEW_PASSWORD"))
///     .require_new_password(true)
///     .group("C82C6B1011D2894CC0009D9F29718E4F");
/// # let _ = user;
/// ```
#[derive(Debug, Clone)]
#[must_use = "a new user is not made until it is created"]
pub struct NewUser {
    members: Map<String, Value>,
    groups: Vec<String>,
    password: Option<Credential>,
}

impl NewUser {
    /// A user with the name to log in with, which is the full name too unless
    /// [`full_name`](Self::full_name) is set. Enabled, may change the password, logs in with user
    /// name and password.
    pub fn new(username: impl Into<String>) -> Self {
        let username = username.into();
        let mut members = Map::new();
        members.insert("fullName".to_owned(), username.clone().into());
        members.insert("username".to_owned(), username.into());
        Self { members, groups: Vec::new(), password: None }
    }

    /// The full name, and the name to log in with.
    pub(super) fn names(&self) -> (String, Option<String>) {
        let text = |name: &str| self.members.get(name).and_then(Value::as_str).map(str::to_owned);
        (text("fullName").unwrap_or_default(), text("username"))
    }

    fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The full name, which is shown. Default: the user name.
    pub fn full_name(self, name: impl Into<String>) -> Self {
        self.set("fullName", name.into())
    }

    /// The password: a literal, or where it comes from. It is asked for when the user is made.
    pub fn password(mut self, password: impl Into<Credential>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// What is to be known of the user.
    pub fn description(self, description: impl Into<String>) -> Self {
        self.set("description", description.into())
    }

    /// Whether the user can log in.
    pub fn enabled(self, yes: bool) -> Self {
        self.set("enabled", yes)
    }

    /// Whether the password is to be changed at the first login.
    pub fn require_new_password(self, yes: bool) -> Self {
        self.set("requireNewPassword", yes)
    }

    /// Whether the user may change the password.
    pub fn password_modifiable(self, yes: bool) -> Self {
        self.set("passwordModifiable", yes)
    }

    /// Whether the user logs in with user name and password.
    pub fn standard_auth(self, yes: bool) -> Self {
        self.set("standardAuth", yes)
    }

    /// The distinguished name in a directory (LDAP).
    pub fn ldap_dn(self, name: impl Into<String>) -> Self {
        self.set("ldapdn", name.into())
    }

    /// What a trusted sign-on calls the user.
    pub fn trust_id(self, id: impl Into<String>) -> Self {
        self.set("trustId", id.into())
    }

    /// Puts the user into a group, by id.
    pub fn group(mut self, id: impl Into<String>) -> Self {
        self.groups.push(id.into());
        self
    }

    pub(super) async fn body(mut self) -> Result<(Value, Option<SecretString>)> {
        for name in ["username", "fullName"] {
            if self.members.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
                let message = "a new user needs a user name and a full name";
                return Err(Error::new(ErrorKind::InvalidRequest, message));
            }
        }
        if !self.groups.is_empty() {
            self.members.insert("memberships".to_owned(), self.groups.into());
        }
        let password = secret::resolve(self.password.as_ref()).await?;
        if let Some(password) = &password {
            self.members.insert("password".to_owned(), password.expose_secret().into());
        }
        Ok((self.members.into(), password))
    }
}

/// What to change of a user, sent as a list of operations in the order of the calls. `Debug` does
/// not show the password.
///
/// ```
/// use mstr_rest_api::UserChanges;
///
/// let changes = UserChanges::new().full_name("Pat Smith").enabled(true).join("C82C6B10");
/// # let _ = changes;
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "changes do nothing until a user is updated with them"]
pub struct UserChanges {
    operations: Operations,
    password: Option<Credential>,
}

impl UserChanges {
    /// No changes yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn replace(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.operations.push(Op::Replace, name, value.into());
        self
    }

    /// The password: a literal, or where it comes from. It is asked for when the user is changed.
    pub fn password(mut self, password: impl Into<Credential>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// The name to log in with.
    pub fn username(self, name: impl Into<String>) -> Self {
        self.replace("username", name.into())
    }

    /// The full name.
    pub fn full_name(self, name: impl Into<String>) -> Self {
        self.replace("fullName", name.into())
    }

    /// What is to be known of the user.
    pub fn description(self, description: impl Into<String>) -> Self {
        self.replace("description", description.into())
    }

    /// Whether the user can log in.
    pub fn enabled(self, yes: bool) -> Self {
        self.replace("enabled", yes)
    }

    /// Whether the password is to be changed at the next login.
    pub fn require_new_password(self, yes: bool) -> Self {
        self.replace("requireNewPassword", yes)
    }

    /// Whether the user may change the password.
    pub fn password_modifiable(self, yes: bool) -> Self {
        self.replace("passwordModifiable", yes)
    }

    /// The distinguished name in a directory (LDAP).
    pub fn ldap_dn(self, name: impl Into<String>) -> Self {
        self.replace("ldapdn", name.into())
    }

    /// What a trusted sign-on calls the user.
    pub fn trust_id(self, id: impl Into<String>) -> Self {
        self.replace("trustId", id.into())
    }

    /// Puts the user into a group, by id.
    pub fn join(mut self, group: impl Into<String>) -> Self {
        self.operations.push(Op::Add, "memberships", json!([group.into()]));
        self
    }

    /// Takes the user out of a group, by id.
    pub fn leave(mut self, group: impl Into<String>) -> Self {
        self.operations.push(Op::Remove, "memberships", json!([group.into()]));
        self
    }

    /// Gives a privilege, by id.
    pub fn grant(mut self, privilege: impl Into<String>) -> Self {
        self.operations.push(Op::Add, "privileges", json!([privilege.into()]));
        self
    }

    /// Takes a privilege away that was given directly, by id.
    pub fn revoke(mut self, privilege: impl Into<String>) -> Self {
        self.operations.push(Op::Remove, "privileges", json!([privilege.into()]));
        self
    }

    /// Any other member that the server lets be changed.
    pub fn set(self, member: &str, value: impl Into<Value>) -> Self {
        self.replace(member, value)
    }

    pub(super) async fn body(mut self) -> Result<(Operations, Option<SecretString>)> {
        let password = secret::resolve(self.password.as_ref()).await?;
        if let Some(password) = &password {
            self.operations.push(Op::Replace, "password", password.expose_secret().into());
        }
        if self.operations.is_empty() {
            Err(nothing_to_change())
        } else {
            Ok((self.operations, password))
        }
    }
}
