//! User groups: who is in which.

use std::collections::{BTreeMap, BTreeSet};

use crate::metadata::LONG_AGO;
use crate::random;

/// The group of all users (seen in clients).
pub(crate) const EVERYONE: &str = "C82C6B1011D2894CC0009D9F29718E4F";

/// A group of users and of other groups.
#[derive(Clone)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) ldapdn: String,
    pub(crate) created: String,
    pub(crate) modified: String,
    /// Ids of users and groups. Everyone is in [`EVERYONE`] without being here.
    pub(crate) members: BTreeSet<String>,
    pub(crate) privileges: BTreeSet<String>,
}

impl Group {
    pub(crate) fn new(id: &str, name: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            description: String::new(),
            ldapdn: String::new(),
            created: LONG_AGO.to_owned(),
            modified: LONG_AGO.to_owned(),
            members: BTreeSet::new(),
            privileges: BTreeSet::new(),
        }
    }
}

/// All groups, by id.
#[derive(Clone)]
pub(crate) struct Groups(BTreeMap<String, Group>);

impl Default for Groups {
    /// Those that every server has. Of the ids, only that of Everyone is real.
    fn default() -> Self {
        let mut groups = Self(BTreeMap::new());
        groups.put(Group::new(EVERYONE, "Everyone"));
        for name in ["Public / Guest", "System Administrators", "System Monitors"] {
            groups.put(Group::new(&random::id_of(&format!("group {name}")), name));
        }
        groups
    }
}

impl Groups {
    pub(crate) fn put(&mut self, group: Group) {
        self.0.insert(group.id.clone(), group);
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Group> {
        self.0.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Group> {
        self.0.get_mut(id)
    }

    /// All groups, by name.
    pub(crate) fn all(&self) -> Vec<&Group> {
        let mut all: Vec<_> = self.0.values().collect();
        all.sort_by_key(|group| (&group.name, &group.id));
        all
    }

    /// The groups that a user or a group is directly in.
    pub(crate) fn of(&self, member: &str) -> Vec<&Group> {
        let is_group = self.0.contains_key(member);
        let holds = |group: &&Group| {
            group.members.contains(member) || (group.id == EVERYONE && !is_group)
        };
        self.all().into_iter().filter(holds).collect()
    }

    pub(crate) fn remove(&mut self, id: &str) -> bool {
        self.forget(id);
        self.0.remove(id).is_some()
    }

    /// Takes a user or a group out of all groups.
    pub(crate) fn forget(&mut self, member: &str) {
        for group in self.0.values_mut() {
            group.members.remove(member);
        }
    }
}
