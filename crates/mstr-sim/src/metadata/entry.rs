//! One object of the metadata.

use serde_json::Value as Json;

use super::{Ace, FOLDER, LONG_AGO, OWNER_ID};

/// An object, whatever its type.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: u32,
    pub(crate) subtype: u32,
    pub(crate) description: String,
    pub(crate) abbreviation: String,
    pub(crate) comments: Vec<String>,
    pub(crate) hidden: bool,
    /// The folder that it is in; the root is in none.
    pub(crate) parent: Option<String>,
    pub(crate) owner: String,
    pub(crate) created: String,
    pub(crate) modified: String,
    pub(crate) acl: Vec<Ace>,
    /// Ids of the objects that it is made of.
    pub(crate) uses: Vec<String>,
}

impl Entry {
    /// An object that was there from the beginning.
    pub(crate) fn new(id: &str, name: &str, kind: u32, parent: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            kind,
            // the first subtype of a type
            subtype: kind * 256,
            description: String::new(),
            abbreviation: String::new(),
            comments: Vec::new(),
            hidden: false,
            parent: Some(parent.to_owned()),
            owner: OWNER_ID.to_owned(),
            created: LONG_AGO.to_owned(),
            modified: LONG_AGO.to_owned(),
            acl: Ace::usual(),
            uses: Vec::new(),
        }
    }

    pub(crate) fn is_folder(&self) -> bool {
        self.kind == FOLDER
    }

    /// Applies what the body of a `PUT` says of it itself; `folderId` and `acl` are the tree's.
    pub(crate) fn change(&mut self, body: &Json) {
        let text = |name: &str| body.get(name).and_then(Json::as_str).map(str::to_owned);
        let set = |member: &mut String, name: &str| {
            if let Some(text) = text(name) {
                *member = text;
            }
        };
        set(&mut self.name, "name");
        set(&mut self.description, "description");
        set(&mut self.abbreviation, "abbreviation");
        set(&mut self.owner, "ownerId");
        if let Some(hidden) = body.get("hidden").and_then(Json::as_bool) {
            self.hidden = hidden;
        }
        match body.get("comments") {
            Some(Json::String(text)) => self.comments = vec![text.clone()],
            Some(Json::Array(list)) => {
                let texts = list.iter().filter_map(Json::as_str);
                self.comments = texts.map(str::to_owned).collect();
            }
            _ => {}
        }
    }

    /// Whether a search for these numbers means it: types are below 256, subtypes above.
    pub(crate) fn is_one_of(&self, kinds: &[u32]) -> bool {
        kinds.is_empty() || kinds.iter().any(|kind| *kind == self.kind || *kind == self.subtype)
    }
}
