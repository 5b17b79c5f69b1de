//! Users and projects: whom the server knows and what it holds.

mod account;
mod groups;

use std::collections::BTreeMap;
use std::fmt;

pub(crate) use account::Account;
pub(crate) use groups::{EVERYONE, Group, Groups};

use crate::random;

/// Standard login with user name and password (`loginMode` 1).
pub(crate) const STANDARD: i64 = 1;
/// Login without credentials (`loginMode` 8).
pub(crate) const ANONYMOUS: i64 = 8;
/// LDAP login (`loginMode` 16).
pub(crate) const LDAP: i64 = 16;
/// An API key, or the name of a trusted user, as user name (`loginMode` 4096).
pub(crate) const API_TOKEN: i64 = 4096;
/// Delegation by an identity token (`loginMode` -1).
pub(crate) const DELEGATE: i64 = -1;
/// The user of anonymous sessions.
pub(crate) const GUEST: &str = "Guest";

/// A user of the simulated server.
///
/// One user can have several ways in: builder methods of the same name add up.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) full_name: String,
    pub(crate) standard: Option<String>,
    pub(crate) ldap: Option<String>,
    pub(crate) trusted: bool,
    pub(crate) account: Account,
}

impl User {
    pub(crate) fn named(name: &str) -> Self {
        Self {
            id: random::id_of(name),
            full_name: name.to_owned(),
            standard: None,
            ldap: None,
            trusted: false,
            account: Account::default(),
        }
    }

    /// First letters of the first and the last word of the full name.
    pub(crate) fn initials(&self) -> String {
        let mut words = self.full_name.split_whitespace().filter_map(|word| word.chars().next());
        let first = words.next();
        first.into_iter().chain(words.next_back()).flat_map(char::to_uppercase).collect()
    }
}

/// All users, by name, and the API keys that stand for them.
#[derive(Clone, Default)]
pub(crate) struct Directory {
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) api_keys: BTreeMap<String, String>,
    pub(crate) no_guest: bool,
    pub(crate) groups: Groups,
}

impl Directory {
    pub(crate) fn user(&mut self, name: &str) -> &mut User {
        self.users.entry(name.to_owned()).or_insert_with(|| User::named(name))
    }

    /// The user that these credentials belong to.
    pub(crate) fn admit(&self, mode: i64, username: &str, password: &str) -> Option<String> {
        let user = self.users.get(username).filter(|user| user.account.enabled);
        let admitted = match mode {
            STANDARD => user.is_some_and(|user| user.standard.as_deref() == Some(password)),
            LDAP => user.is_some_and(|user| user.ldap.as_deref() == Some(password)),
            ANONYMOUS if !self.no_guest => return Some(GUEST.to_owned()),
            API_TOKEN => match self.api_keys.get(username) {
                Some(owner) => {
                    let disabled = self.users.get(owner).is_some_and(|user| !user.account.enabled);
                    return (!disabled).then(|| owner.clone());
                }
                None => user.is_some_and(|user| user.trusted),
            },
            _ => false,
        };
        admitted.then(|| username.to_owned())
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&User> {
        self.users.values().find(|user| user.id == id)
    }

    pub(crate) fn by_id_mut(&mut self, id: &str) -> Option<&mut User> {
        self.users.values_mut().find(|user| user.id == id)
    }

    /// The name and the subtype of a user or a group.
    pub(crate) fn trustee(&self, id: &str) -> Option<(String, u32)> {
        let user = self.by_id(id).map(|user| (user.full_name.clone(), 8704));
        user.or_else(|| self.groups.get(id).map(|group| (group.name.clone(), 8705)))
    }

    /// The name that a user logs in with.
    pub(crate) fn login_of(&self, id: &str) -> Option<String> {
        self.users.iter().find(|(_, user)| user.id == id).map(|(name, _)| name.clone())
    }

    /// Takes a user out, of the groups too.
    pub(crate) fn remove(&mut self, id: &str) -> Option<String> {
        let login = self.login_of(id)?;
        self.users.remove(&login);
        self.api_keys.retain(|_, owner| *owner != login);
        self.groups.forget(id);
        Some(login)
    }

    /// What the server shows of a user, also of one that has no entry (the guest).
    pub(crate) fn profile(&self, name: &str) -> User {
        self.users.get(name).cloned().unwrap_or_else(|| User::named(name))
    }
}

/// Names only: the rest are secrets.
impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory")
            .field("users", &self.users.keys().collect::<Vec<_>>())
            .field("api_keys", &self.api_keys.len())
            .field("no_guest", &self.no_guest)
            .finish()
    }
}

/// A project of the simulated server.
///
/// ```
/// use mstr_sim::Project;
///
/// let tutorial = Project::new("MicroStrategy Tutorial").id("B7CA92F04B9FAE8D941C3E9B7E0CD754");
/// let idle = Project::new("Archive").loaded(false); // not listed, 404 ERR004 when asked for
/// # assert_eq!(tutorial.name(), "MicroStrategy Tutorial");
/// # assert_eq!(idle.project_id().len(), 32);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) loaded: bool,
}

impl Project {
    /// A loaded project. Its id follows from its name, so that it is the same in every run.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { id: random::id_of(&name), name, description: String::new(), loaded: true }
    }

    /// Sets the id (32 upper hex digits on a real server).
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// Sets the description.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Whether the project is loaded. One that is not is missing from `GET /projects`, and
    /// `GET /projects/{id}` answers 404 `ERR004`.
    #[must_use]
    pub fn loaded(mut self, loaded: bool) -> Self {
        self.loaded = loaded;
        self
    }

    /// The project's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The project's id.
    pub fn project_id(&self) -> &str {
        &self.id
    }
}

impl From<&str> for Project {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Project {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

/// The projects of a server for which none were named.
pub(crate) fn default_projects() -> Vec<Project> {
    vec![
        Project::new("MicroStrategy Tutorial")
            .id("B7CA92F04B9FAE8D941C3E9B7E0CD754")
            .description("Sample data of a retail business"),
        Project::new("Platform Analytics")
            .id("CE52831411E696C8BD2F0080EFD5AF44")
            .description("Telemetry of the platform"),
    ]
}
