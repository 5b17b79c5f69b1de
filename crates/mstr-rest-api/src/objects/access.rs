//! Access lists: who may do what with an object.

use std::fmt;
use std::ops::BitOr;

use mstr_rest_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ObjectType, nothing_to_change};
use crate::lenient;

/// What one may do with an object: a bit vector (`EnumDSSXMLAccessRightFlags`). Bits that this
/// version does not know are kept.
///
/// ```
/// use mstr_rest_api::Rights;
///
/// let rights = Rights::READ | Rights::EXECUTE;
/// assert!(rights.contains(Rights::READ) && !rights.contains(Rights::WRITE));
/// assert_eq!(rights.bits(), 132);
/// assert_eq!(rights.to_string(), "read, execute");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Rights(u32);

const NAMES: [(Rights, &str); 8] = [
    (Rights::BROWSE, "browse"),
    (Rights(2), "use-execute"),
    (Rights::READ, "read"),
    (Rights::WRITE, "write"),
    (Rights::DELETE, "delete"),
    (Rights::CONTROL, "control"),
    (Rights::USE, "use"),
    (Rights::EXECUTE, "execute"),
];

impl Rights {
    /// See that it is there.
    pub const BROWSE: Self = Self(1);
    /// Look into it.
    pub const READ: Self = Self(4);
    /// Change it.
    pub const WRITE: Self = Self(8);
    /// Delete it.
    pub const DELETE: Self = Self(16);
    /// Change its access list.
    pub const CONTROL: Self = Self(32);
    /// Use it in other objects.
    pub const USE: Self = Self(64);
    /// Run it.
    pub const EXECUTE: Self = Self(128);
    /// What user interfaces call "View": browse, read, use and execute.
    pub const VIEW: Self = Self(0b1100_0101);
    /// What user interfaces call "Modify": view, write and delete.
    pub const MODIFY: Self = Self(0b1101_1101);
    /// What user interfaces call "Full Control".
    pub const ALL: Self = Self(0b1111_1111);

    /// From the server's number.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The server's number.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Whether all of these are among them.
    pub fn contains(self, rights: Self) -> bool {
        self.0 & rights.0 == rights.0
    }
}

impl BitOr for Rights {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The names of the bits; the number of those without a name.
impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut names = Vec::new();
        for (right, name) in NAMES {
            if rest & right.0 != 0 {
                rest &= !right.0;
                names.push(name.to_owned());
            }
        }
        if rest != 0 || self.0 == 0 {
            names.push(if rest == 0 { "none".to_owned() } else { rest.to_string() });
        }
        f.write_str(&names.join(", "))
    }
}

impl<'de> Deserialize<'de> for Rights {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let bits = lenient::integer(from)?.and_then(|bits| u32::try_from(bits).ok());
        Ok(Self(bits.unwrap_or_default()))
    }
}

impl Serialize for Rights {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u32(self.0)
    }
}

/// An entry of an access list: what one user or group may do, or may not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct AccessEntry {
    /// Whether it forbids.
    #[serde(deserialize_with = "lenient::boolean")]
    pub deny: Option<bool>,
    /// What it allows or forbids.
    pub rights: Rights,
    /// The type of the entry: 1 is access to the object.
    #[serde(rename = "type", deserialize_with = "lenient::integer")]
    pub kind: Option<i64>,
    /// Whom it is about: the id of a user or a group.
    #[serde(deserialize_with = "lenient::text")]
    pub trustee_id: String,
    /// The name of the user or the group.
    #[serde(deserialize_with = "lenient::text")]
    pub trustee_name: String,
    /// The type of the trustee: 34.
    pub trustee_type: ObjectType,
    /// 8704 is a user, 8705 a group.
    #[serde(deserialize_with = "lenient::integer")]
    pub trustee_subtype: Option<i64>,
    /// Whether what comes into the folder inherits it.
    #[serde(deserialize_with = "lenient::boolean")]
    pub inheritable: Option<bool>,
}

/// What becomes of the access lists of what is in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Propagation {
    /// They become that of the folder: what is in it.
    OverwriteChildren,
    /// They become that of the folder: what is in it and in all folders below.
    OverwriteRecursive,
    /// The folder's entries are added: what is in it.
    AppendChildren,
    /// The folder's entries are added: what is in it and in all folders below.
    AppendRecursive,
    /// The same change is made: what is in it.
    PreciseChildren,
    /// The same change is made: what is in it and in all folders below.
    PreciseRecursive,
}

/// Changes of an access list: entries to add, to replace and to remove.
///
/// ```
/// use mstr_rest_api::{AccessChanges, Propagation, Rights};
///
/// let change = AccessChanges::new()
///     .grant("7FC05A65", Rights::VIEW)
///     .deny("54F3D260", Rights::DELETE)
///     .propagate(Propagation::PreciseRecursive); // of a folder: all that is below it
/// # let _ = change;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "changes do nothing until Objects::update_access sends them"]
pub struct AccessChanges {
    acl: Vec<Entry>,
    #[serde(rename = "propagateACLToChildren", skip_serializing_if = "Option::is_none")]
    propagate: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    propagation_behavior: Option<Propagation>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Entry {
    op: &'static str,
    trustee: String,
    rights: Rights,
    denied: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    inheritable: Option<bool>,
}

impl AccessChanges {
    /// No change yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn entry(mut self, op: &'static str, trustee: String, rights: Rights, denied: bool) -> Self {
        self.acl.push(Entry { op, trustee, rights, denied, inheritable: None });
        self
    }

    /// Allows a user or a group to do this, besides what is allowed already.
    pub fn grant(self, trustee: impl Into<String>, rights: Rights) -> Self {
        self.entry("ADD", trustee.into(), rights, false)
    }

    /// Forbids a user or a group to do this, besides what is forbidden already.
    pub fn deny(self, trustee: impl Into<String>, rights: Rights) -> Self {
        self.entry("ADD", trustee.into(), rights, true)
    }

    /// What a user or a group is allowed becomes this.
    pub fn replace(self, trustee: impl Into<String>, rights: Rights) -> Self {
        self.entry("REPLACE", trustee.into(), rights, false)
    }

    /// Removes rights from what a user or a group is allowed.
    pub fn revoke(self, trustee: impl Into<String>, rights: Rights) -> Self {
        self.entry("REMOVE", trustee.into(), rights, false)
    }

    /// Removes rights from what a user or a group is denied.
    pub fn clear_denied(self, trustee: impl Into<String>, rights: Rights) -> Self {
        self.entry("REMOVE", trustee.into(), rights, true)
    }

    /// Whether what comes into the folder later inherits the entries of this change.
    pub fn inheritable(mut self, yes: bool) -> Self {
        for entry in &mut self.acl {
            entry.inheritable = Some(yes);
        }
        self
    }

    /// Changes the access lists of what is in the folder too.
    pub fn propagate(mut self, how: Propagation) -> Self {
        self.propagate = Some(true);
        self.propagation_behavior = Some(how);
        self
    }

    pub(super) fn check(&self, kind: ObjectType) -> Result<()> {
        if self.acl.is_empty() {
            return Err(nothing_to_change());
        }
        if self.propagate.is_some() && kind != ObjectType::Folder {
            let message = "only folders have children to propagate a change of access to";
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        Ok(())
    }
}
