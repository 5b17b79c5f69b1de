//! What dashboards and documents are made of.

use serde::Deserialize;

use crate::lenient;

/// What is in a dashboard or a document. A dashboard has chapters, a document has layouts and data
/// sets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct DocumentDefinition {
    /// Its id. Definitions of some servers have none.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// The key of the chapter that is shown first.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub current_chapter: Option<String>,
    /// The chapters of a dashboard.
    #[serde(deserialize_with = "lenient::or_default")]
    pub chapters: Vec<Chapter>,
    /// The layouts of a document.
    #[serde(deserialize_with = "lenient::or_default")]
    pub layouts: Vec<Layout>,
    /// What its data come from.
    #[serde(deserialize_with = "lenient::or_default")]
    pub datasets: Vec<DatasetName>,
}

/// A chapter of a dashboard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Chapter {
    /// Its key, `K36`.
    #[serde(deserialize_with = "lenient::text")]
    pub key: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// Its pages.
    #[serde(deserialize_with = "lenient::or_default")]
    pub pages: Vec<ChapterPage>,
    /// Its filters.
    #[serde(deserialize_with = "lenient::or_default")]
    pub filters: Vec<ChapterFilter>,
}

/// A page of a chapter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct ChapterPage {
    /// Its key, `K53`.
    #[serde(deserialize_with = "lenient::text")]
    pub key: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// What it shows.
    #[serde(deserialize_with = "lenient::or_default")]
    pub visualizations: Vec<VisualizationName>,
}

/// A filter of a chapter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct ChapterFilter {
    /// Its key.
    #[serde(deserialize_with = "lenient::text")]
    pub key: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// What it lets through, in words.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub summary: Option<String>,
}

/// A layout of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Layout {
    /// Its key, `K3`.
    #[serde(deserialize_with = "lenient::text")]
    pub key: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// What it shows.
    #[serde(deserialize_with = "lenient::or_default")]
    pub visualizations: Vec<VisualizationName>,
}

/// A visualization, as definitions name it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct VisualizationName {
    /// Its key, `K52`: for [`DocumentInstance::visualization`](crate::DocumentInstance::visualization).
    #[serde(deserialize_with = "lenient::text")]
    pub key: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// Its type: `grid`, `compound_grid`, a type of chart ...
    #[serde(rename = "visualizationType", deserialize_with = "lenient::optional_text")]
    pub kind: Option<String>,
}

/// A report or a cube that a document's data come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DatasetName {
    /// Its id.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
}
