//! The folders, and what is in them.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{Ace, DASHBOARD_VIEW, DOCUMENT, DOCUMENT_SUBTYPE, Entry, FOLDER, REPORT, access};
use crate::instances::Store;
use crate::random;

/// The root folder of every project (seen in clients).
pub(crate) const ROOT: &str = "D43364C684E34A5F9B2F9AD7108F7828";

const METRIC: u32 = 4;
const ATTRIBUTE: u32 = 12;

/// Folders that every project has, by the server's numbers: the number, the name, the folder
/// above. Their ids follow from their names.
const KNOWN: [(u32, &str, u32); 18] = [
    (39, "", 0),
    (1, "Public Objects", 39),
    (24, "Schema Objects", 39),
    (3, "Custom Groups", 1),
    (4, "Filters", 1),
    (5, "Metrics", 1),
    (6, "Prompts", 1),
    (7, "Reports", 1),
    (8, "Searches", 1),
    (9, "Templates", 1),
    (26, "Attributes", 24),
    (29, "Facts", 24),
    (31, "Hierarchies", 24),
    (35, "Tables", 24),
    (38, "Transformations", 24),
    (19, "My Objects", 39),
    (20, "My Reports", 19),
    (22, "My Favorites", 19),
];

/// All objects of a project, by id.
pub(crate) struct Tree {
    entries: BTreeMap<String, Entry>,
}

impl Tree {
    pub(crate) fn new() -> Self {
        let mut tree = Self { entries: BTreeMap::new() };
        for (number, name, above) in KNOWN {
            let id = Self::known(number).unwrap_or_default();
            let mut folder = Entry::new(&id, name, FOLDER, "");
            folder.parent = Self::known(above);
            tree.entries.insert(id, folder);
        }
        tree
    }

    /// The id of a folder that every project has.
    pub(crate) fn known(number: u32) -> Option<String> {
        let (_, name, _) = KNOWN.iter().find(|(known, ..)| *known == number)?;
        Some(if name.is_empty() {
            ROOT.to_owned()
        } else {
            random::id_of(&format!("folder {name}"))
        })
    }

    /// Puts in what can be executed and is not there yet, with the attributes and metrics that it
    /// is made of, and takes out what cannot be executed any more.
    pub(crate) fn sync(&mut self, store: &Store) {
        let gone = |entry: &Entry| match entry.kind {
            REPORT => store.source(&entry.id).is_none(),
            DOCUMENT => store.papers.get(&entry.id).is_none(),
            _ => false,
        };
        self.entries.retain(|_, entry| !gone(entry));
        let folder = |number| Self::known(number).unwrap_or_default();
        let (reports, metrics, attributes) = (folder(7), folder(5), folder(26));
        for source in store.sources() {
            let data = &source.data;
            if self.entries.contains_key(&data.id) {
                continue;
            }
            let mut entry = Entry::new(&data.id, &data.name, REPORT, &reports);
            entry.subtype = source.kind.subtype();
            let parts = data.attributes.iter().map(|one| (&one.id, &one.name, ATTRIBUTE));
            let parts = parts.chain(data.metrics.iter().map(|one| (&one.id, &one.name, METRIC)));
            for (id, name, kind) in parts {
                entry.uses.push(id.clone());
                let parent = if kind == METRIC { &metrics } else { &attributes };
                let part = || Entry::new(id, name, kind, parent);
                self.entries.entry(id.clone()).or_insert_with(part);
            }
            self.entries.insert(data.id.clone(), entry);
        }
        for paper in store.papers.all() {
            if !self.entries.contains_key(&paper.id) {
                let mut entry = Entry::new(&paper.id, &paper.name, DOCUMENT, &reports);
                entry.subtype = DOCUMENT_SUBTYPE;
                entry.view_media = if paper.is_dashboard { DASHBOARD_VIEW } else { 0 };
                self.entries.insert(paper.id.clone(), entry);
            }
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// An object by id and type.
    pub(crate) fn find(&self, id: &str, kind: u32) -> Option<&Entry> {
        self.get(id).filter(|entry| entry.kind == kind)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Entry> {
        // the root is nobody's find
        self.entries.values().filter(|entry| entry.parent.is_some())
    }

    /// What is in a folder: folders first, then by name.
    pub(crate) fn contents(&self, folder: &str) -> Vec<&Entry> {
        let inside = |entry: &&Entry| entry.parent.as_deref() == Some(folder);
        let mut contents: Vec<_> = self.entries.values().filter(inside).collect();
        contents.sort_by_key(|entry| (!entry.is_folder(), &entry.name, &entry.id));
        contents
    }

    /// The folders above an object, the root first.
    pub(crate) fn ancestors(&self, id: &str) -> Vec<&Entry> {
        let above = |entry: &&Entry| entry.parent.as_ref().and_then(|id| self.entries.get(id));
        let mut found: Vec<_> = std::iter::successors(self.get(id), above).skip(1).collect();
        found.reverse();
        found
    }

    /// Whether a folder is this one or above it.
    pub(crate) fn is_within(&self, id: &str, folder: &str) -> bool {
        self.ancestors(id).iter().any(|above| above.id == folder)
    }

    /// Whether a folder has something of that name and type.
    pub(crate) fn is_taken(&self, folder: &str, name: &str, kind: u32) -> bool {
        self.contents(folder).iter().any(|entry| entry.name == name && entry.kind == kind)
    }

    pub(crate) fn insert(&mut self, entry: Entry) {
        self.entries.insert(entry.id.clone(), entry);
    }

    /// Takes an object out, a folder with all that is in it, and says the ids of what is gone.
    pub(crate) fn remove(&mut self, id: &str) -> Vec<String> {
        let inside = |entry: &&Entry| entry.id == id || self.is_within(&entry.id, id);
        let gone: Vec<_> = self.entries.values().filter(inside).map(|e| e.id.clone()).collect();
        self.entries.retain(|id, _| !gone.contains(id));
        gone
    }

    /// Applies the body of a `PUT`, and says what is wrong with it.
    pub(crate) fn change(&mut self, id: &str, body: &Json, now: &str) -> Result<(), String> {
        if let Some(folder) = body.get("folderId").and_then(Json::as_str) {
            if self.find(folder, FOLDER).is_none() || folder == id || self.is_within(folder, id) {
                return Err("folderId is no folder that it can be in".to_owned());
            }
            if let Some(entry) = self.entries.get_mut(id) {
                entry.parent = Some(folder.to_owned());
            }
        }
        if let Some(changes) = body.get("acl") {
            self.change_access(id, changes, body)?;
        }
        if let Some(entry) = self.entries.get_mut(id) {
            entry.change(body);
            now.clone_into(&mut entry.modified);
        }
        Ok(())
    }

    /// What propagation does is inferred from the names: `precise` makes the same changes,
    /// `append` adds the folder's entries, `overwrite` takes the folder's list.
    fn change_access(&mut self, id: &str, changes: &Json, body: &Json) -> Result<(), String> {
        let mut own = self.get(id).map(|entry| entry.acl.clone()).unwrap_or_default();
        access::change(&mut own, changes)?;
        let wanted = body.get("propagateACLToChildren").and_then(Json::as_bool) == Some(true);
        let how = body.get("propagationBehavior").and_then(Json::as_str);
        let how = how.filter(|_| wanted).unwrap_or_default().to_lowercase();
        let below: Vec<String> = if how.ends_with("recursive") {
            self.all().filter(|one| self.is_within(&one.id, id)).map(|e| e.id.clone()).collect()
        } else if how.is_empty() {
            Vec::new()
        } else {
            self.contents(id).iter().map(|entry| entry.id.clone()).collect()
        };
        for child in below {
            let Some(child) = self.entries.get_mut(&child) else { continue };
            if how.starts_with("overwrite") {
                child.acl.clone_from(&own);
            } else if how.starts_with("append") {
                append(&mut child.acl, &own);
            } else {
                access::change(&mut child.acl, changes)?;
            }
        }
        if let Some(entry) = self.entries.get_mut(id) {
            entry.acl = own;
        }
        Ok(())
    }
}

fn append(acl: &mut Vec<Ace>, more: &[Ace]) {
    for ace in more {
        match acl.iter_mut().find(|own| own.trustee == ace.trustee && own.deny == ace.deny) {
            Some(own) => own.rights |= ace.rights,
            None => acl.push(ace.clone()),
        }
    }
}
