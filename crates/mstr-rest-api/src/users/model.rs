//! What the server says of a user.

use std::time::SystemTime;

use serde::Deserialize;

use crate::{Named, dates, lenient};

/// A user, or another member of a group: a group among them has subtype 8705.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct User {
    /// The id: 32 hexadecimal digits.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// The name that is shown: the full name of a user.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// The full name, where the server says it apart.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub full_name: Option<String>,
    /// The name that the user logs in with.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub username: Option<String>,
    /// The same, as lists have it.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub abbreviation: Option<String>,
    /// What is to be known of the user.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub description: Option<String>,
    /// 8704 is a user, 8705 a group.
    #[serde(deserialize_with = "lenient::integer")]
    pub subtype: Option<i64>,
    /// Whether the user can log in.
    #[serde(deserialize_with = "lenient::boolean")]
    pub enabled: Option<bool>,
    /// When the user was made.
    #[serde(deserialize_with = "dates::date")]
    pub date_created: Option<SystemTime>,
    /// When the user was changed last.
    #[serde(deserialize_with = "dates::date")]
    pub date_modified: Option<SystemTime>,
    /// Whether the password is to be changed at the next login.
    #[serde(deserialize_with = "lenient::boolean")]
    pub require_new_password: Option<bool>,
    /// Whether the user may change the password.
    #[serde(deserialize_with = "lenient::boolean")]
    pub password_modifiable: Option<bool>,
    /// When the password ends to be good.
    #[serde(deserialize_with = "dates::date")]
    pub password_expiration_date: Option<SystemTime>,
    /// Whether the user logs in with user name and password.
    #[serde(deserialize_with = "lenient::boolean")]
    pub standard_auth: Option<bool>,
    /// The distinguished name in a directory (LDAP).
    #[serde(rename = "ldapdn", deserialize_with = "lenient::optional_text")]
    pub ldap_dn: Option<String>,
    /// What a trusted sign-on calls the user.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub trust_id: Option<String>,
    /// The groups that the user is directly in.
    #[serde(deserialize_with = "lenient::or_default")]
    pub memberships: Vec<Named>,
    /// Whose object it is.
    pub owner: Option<Named>,
    /// The address that is used when none is named.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub default_email_address: Option<String>,
}

impl User {
    /// The name that the user logs in with, wherever the server put it.
    pub fn login(&self) -> Option<&str> {
        self.username.as_deref().or(self.abbreviation.as_deref())
    }
}

/// Something that one may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Privilege {
    /// Its id: a number.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// What it is about.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub description: Option<String>,
}

/// A privilege of a user or a group, and where it comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct UserPrivilege {
    /// What one may do.
    #[serde(deserialize_with = "lenient::or_default")]
    pub privilege: Privilege,
    /// Where it comes from.
    #[serde(deserialize_with = "lenient::or_default")]
    pub sources: Vec<PrivilegeSource>,
}

impl UserPrivilege {
    /// Whether it was given to the user or the group itself.
    pub fn is_direct(&self) -> bool {
        self.sources.iter().any(|source| source.direct == Some(true))
    }
}

/// Where a privilege comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct PrivilegeSource {
    /// Whether it was given directly.
    #[serde(deserialize_with = "lenient::boolean")]
    pub direct: Option<bool>,
    /// The group that has it.
    pub group: Option<Named>,
    /// The security role that has it.
    pub security_role: Option<Named>,
    /// The project that it is for.
    pub project: Option<Named>,
}

/// The security roles, or security filters, of a user or a group in a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct ProjectRoles {
    /// The id of the project.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// The name of the project.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// The roles.
    #[serde(deserialize_with = "lenient::or_default")]
    pub security_roles: Vec<Named>,
    /// The filters.
    #[serde(deserialize_with = "lenient::or_default")]
    pub security_filters: Vec<Named>,
}
