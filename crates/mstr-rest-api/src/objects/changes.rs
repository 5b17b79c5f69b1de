//! Changes to an object.

use mstr_rest_core::Result;
use serde::Serialize;

use super::nothing_to_change;

/// What to change of an object. What is not named stays.
///
/// ```
/// use mstr_rest_api::ObjectChanges;
///
/// let changes = ObjectChanges::new().name("Sales 2026").folder("D3C7D461F69C4610AA6BAA5EF51F4125");
/// # let _ = changes;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "changes do nothing until an object is updated with them"]
pub struct ObjectChanges {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    abbreviation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hidden: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comments: Vec<String>,
}

impl ObjectChanges {
    /// No changes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Its name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// What it is about; empty text takes the description away.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Its other name.
    pub fn abbreviation(mut self, abbreviation: impl Into<String>) -> Self {
        self.abbreviation = Some(abbreviation.into());
        self
    }

    /// Whether it is hidden.
    pub fn hidden(mut self, yes: bool) -> Self {
        self.hidden = Some(yes);
        self
    }

    /// Moves it into this folder.
    pub fn folder(mut self, id: impl Into<String>) -> Self {
        self.folder_id = Some(id.into());
        self
    }

    /// Whose it is: the id of a user.
    pub fn owner(mut self, id: impl Into<String>) -> Self {
        self.owner_id = Some(id.into());
        self
    }

    /// Its long description.
    pub fn comments(mut self, comments: impl Into<String>) -> Self {
        self.comments = vec![comments.into()];
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        if *self == Self::default() { Err(nothing_to_change()) } else { Ok(()) }
    }
}
