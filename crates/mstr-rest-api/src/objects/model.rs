//! What the server says of an object.

use std::time::SystemTime;

use serde::{Deserialize, Deserializer};

use super::{AccessEntry, ObjectType};
use crate::{dates, lenient};

/// The root folder has this id in every project (seen in clients).
const ROOT: &str = "D43364C684E34A5F9B2F9AD7108F7828";

/// The id and the name of something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Named {
    /// Its id: 32 hexadecimal digits.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
}

/// A folder on the way from the root to an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Ancestor {
    /// Its id.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// How far it is from the object: 1 is the folder that the object is in.
    #[serde(deserialize_with = "lenient::integer")]
    pub level: Option<i64>,
}

/// An object as objects, folders and searches describe it (recorded from servers). Lists say less
/// of each than [`Objects::get`](super::Objects::get): then members are `None` or empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Object {
    /// Its id: 32 hexadecimal digits.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ObjectType,
    /// Its subtype (`EnumDSSXMLObjectSubTypes`): 768 is a grid report, 776 an OLAP cube.
    #[serde(deserialize_with = "lenient::integer")]
    pub subtype: Option<i64>,
    /// What it is about.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub description: Option<String>,
    /// Another name; the login name of users.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub abbreviation: Option<String>,
    /// When it was made.
    #[serde(deserialize_with = "dates::date")]
    pub date_created: Option<SystemTime>,
    /// When it was changed last.
    #[serde(deserialize_with = "dates::date")]
    pub date_modified: Option<SystemTime>,
    /// The id of its version.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub version: Option<String>,
    /// What the user may do with it: a bit vector of [`Rights`](super::Rights).
    #[serde(deserialize_with = "lenient::integer")]
    pub acg: Option<i64>,
    /// Whose it is.
    pub owner: Option<Named>,
    /// Who may do what with it.
    #[serde(deserialize_with = "lenient::or_default")]
    pub acl: Vec<AccessEntry>,
    /// Its extended type.
    #[serde(deserialize_with = "lenient::integer")]
    pub ext_type: Option<i64>,
    /// How it is shown: a bit vector.
    #[serde(deserialize_with = "lenient::integer")]
    pub view_media: Option<i64>,
    /// The folders above it, the root first. Searches say them when they are asked to.
    #[serde(deserialize_with = "lenient::or_default")]
    pub ancestors: Vec<Ancestor>,
    /// Whether it is certified.
    #[serde(rename = "certifiedInfo", deserialize_with = "certified")]
    pub certified: Option<bool>,
    /// Whether it is hidden.
    #[serde(deserialize_with = "lenient::boolean")]
    pub hidden: Option<bool>,
    /// The project it is in, where searches say it.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub project_id: Option<String>,
}

/// The bits of `viewMedia` that tell dashboards from documents, and their values of dashboards
/// (seen in clients).
const VIEW_BITS: i64 = 0xF800_0000;
const DASHBOARD_VIEWS: [i64; 2] = [0x7000_0000, 0x6000_0000];

impl Object {
    /// The subtypes of cubes, for [`Search::subtype`](crate::Search::subtype): 776 of OLAP cubes,
    /// 779 of super cubes (seen in clients). Cubes have the type of reports.
    pub const CUBE_SUBTYPES: [u32; 2] = [776, 779];

    /// Whether it is a cube, by its type and [subtype](Self::subtype).
    pub fn is_cube(&self) -> bool {
        self.kind == ObjectType::Report
            && Self::CUBE_SUBTYPES.map(i64::from).iter().any(|cube| self.subtype == Some(*cube))
    }

    /// Whether it is a dashboard, by its type and [`view_media`](Self::view_media): type and
    /// subtype of documents and dashboards are the same. `false` if the server did not say
    /// `viewMedia`.
    pub fn is_dashboard(&self) -> bool {
        self.kind == ObjectType::Document
            && self.view_media.is_some_and(|bits| DASHBOARD_VIEWS.contains(&(bits & VIEW_BITS)))
    }

    /// Its place, `/Public Objects/Reports/Sales`, from its [`ancestors`](Self::ancestors) and its
    /// name. The root folder, which bears the project's name, is left out, as
    /// [`Folders::find`](crate::Folders::find) wants it.
    pub fn path(&self) -> String {
        let below = self.ancestors.iter().filter(|folder| folder.id != ROOT);
        let names = below.map(|folder| folder.name.as_str());
        names.chain([self.name.as_str()]).flat_map(|name| ["/", name]).collect()
    }
}

fn certified<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Info {
        #[serde(deserialize_with = "lenient::boolean")]
        certified: Option<bool>,
    }
    Ok(Option::<Info>::deserialize(from)?.and_then(|info| info.certified))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cubes_and_dashboards_are_told_from_reports_and_documents() {
        let of = |kind, subtype, view_media| Object {
            kind,
            subtype: Some(subtype),
            view_media,
            ..Object::default()
        };
        let report = |subtype| of(ObjectType::Report, subtype, None);
        assert!(report(776).is_cube() && report(779).is_cube());
        assert!(!report(768).is_cube() && !of(ObjectType::Metric, 776, None).is_cube());
        let document = |view_media| of(ObjectType::Document, 14_081, view_media);
        for view in [1_879_048_192, 0x6000_0000, 0x7000_0001] {
            assert!(document(Some(view)).is_dashboard(), "{view}");
        }
        for view in [None, Some(0), Some(0x1000_0000), Some(0x7800_0000), Some(-1)] {
            assert!(!document(view).is_dashboard(), "{view:?}");
        }
        assert!(!of(ObjectType::Report, 768, Some(0x7000_0000)).is_dashboard());
    }
}
