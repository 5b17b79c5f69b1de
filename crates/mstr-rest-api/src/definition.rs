//! What reports and cubes are made of: templates and objects.

mod lookup;

use serde::{Deserialize, Deserializer};

use crate::lenient;

/// A report or a cube: its name, the template, and the objects that can be asked for.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Definition {
    /// Its id: 32 hexadecimal digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What stands where in the grid. The server gives it for reports; `None` for cubes.
    pub template: Option<Template>,
    /// The objects that can be asked for.
    pub available: AvailableObjects,
}

impl<'de> Deserialize<'de> for Definition {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Outer {
            #[serde(deserialize_with = "lenient::text")]
            id: String,
            #[serde(deserialize_with = "lenient::text")]
            name: String,
            #[serde(deserialize_with = "lenient::or_default")]
            definition: Inner,
        }
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Inner {
            grid: Option<Template>,
            #[serde(deserialize_with = "lenient::or_default")]
            available_objects: AvailableObjects,
        }
        let Outer { id, name, definition } = Outer::deserialize(from)?;
        let Inner { grid, available_objects } = definition;
        Ok(Self { id, name, template: grid, available: available_objects })
    }
}

/// The grid of a report: what stands on which axis (recorded from servers).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Template {
    /// What stands in rows.
    #[serde(deserialize_with = "lenient::or_default")]
    pub rows: Vec<TemplateUnit>,
    /// What stands on columns.
    #[serde(deserialize_with = "lenient::or_default")]
    pub columns: Vec<TemplateUnit>,
    /// What makes pages.
    #[serde(deserialize_with = "lenient::or_default")]
    pub page_by: Vec<TemplateUnit>,
    /// Whether attributes stand on columns.
    #[serde(deserialize_with = "lenient::boolean")]
    pub cross_tab: Option<bool>,
    /// Where the metrics stand. `None` without metrics.
    pub metrics_position: Option<MetricsPosition>,
    /// Whether there are subtotals.
    #[serde(deserialize_with = "lenient::or_default")]
    pub subtotals: Subtotals,
}

impl Template {
    /// All units: those in rows, then those on columns, then those that make pages.
    pub fn units(&self) -> impl Iterator<Item = &TemplateUnit> {
        self.rows.iter().chain(&self.columns).chain(&self.page_by)
    }
}

/// Where the metrics of a grid stand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct MetricsPosition {
    /// `rows`, `columns` or `pageBy`.
    #[serde(deserialize_with = "lenient::text")]
    pub axis: String,
    /// Their place among the units of that axis, from 0.
    #[serde(deserialize_with = "lenient::integer")]
    pub index: Option<i64>,
}

/// Subtotals of a grid.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Subtotals {
    /// The report defines some.
    #[serde(deserialize_with = "lenient::boolean")]
    pub defined: Option<bool>,
    /// They are shown.
    #[serde(deserialize_with = "lenient::boolean")]
    pub visible: Option<bool>,
}

/// What can stand on an axis of a grid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnitKind {
    /// An attribute.
    Attribute,
    /// All metrics of the template.
    Metrics,
    /// A custom group.
    CustomGroup,
    /// A consolidation.
    Consolidation,
    /// Something that this version does not know.
    #[default]
    Other,
}

impl<'de> Deserialize<'de> for UnitKind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = lenient::text(from)?;
        Ok(match text.to_ascii_lowercase().as_str() {
            "attribute" => Self::Attribute,
            "templatemetrics" | "metrics" => Self::Metrics,
            "customgroup" => Self::CustomGroup,
            "consolidation" => Self::Consolidation,
            _ => Self::Other,
        })
    }
}

/// What stands on an axis of a grid: an attribute with its forms, or the metrics.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TemplateUnit {
    /// Its id.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: UnitKind,
    /// The forms that are shown of an attribute.
    #[serde(deserialize_with = "lenient::or_default")]
    pub forms: Vec<Form>,
    /// The metrics of [`UnitKind::Metrics`]; the elements of a unit that makes pages.
    #[serde(deserialize_with = "lenient::or_default")]
    pub elements: Vec<UnitElement>,
}

/// A metric of a template, or an element of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct UnitElement {
    /// Its id: of a metric 32 hexadecimal digits, of an element `h2;8D67..`.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// The name of a metric. Elements of attributes have none.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub name: Option<String>,
    /// The values of an element's forms.
    #[serde(deserialize_with = "lenient::texts")]
    pub form_values: Vec<String>,
    /// The type of a metric's values: `double`, `bigDecimal` ..
    #[serde(deserialize_with = "lenient::optional_text")]
    pub data_type: Option<String>,
}

/// The objects that can be asked for.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct AvailableObjects {
    /// Attributes.
    #[serde(deserialize_with = "lenient::or_default")]
    pub attributes: Vec<AttributeObject>,
    /// Metrics.
    #[serde(deserialize_with = "lenient::or_default")]
    pub metrics: Vec<MetricObject>,
    /// Custom groups. They have no forms.
    #[serde(deserialize_with = "lenient::or_default")]
    pub custom_groups: Vec<AttributeObject>,
    /// Consolidations. They have no forms.
    #[serde(deserialize_with = "lenient::or_default")]
    pub consolidations: Vec<AttributeObject>,
}

/// An attribute that can be asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AttributeObject {
    /// Its id.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// Its forms.
    #[serde(deserialize_with = "lenient::or_default")]
    pub forms: Vec<Form>,
}

/// A form of an attribute: one of the ways in which its elements are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Form {
    /// Its id.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name: `ID`, `DESC` ..
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// The type of its values: `integer`, `varChar`, `date` .. or a number, as text, where the
    /// server numbers it. In grids they are texts all the same.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub data_type: Option<String>,
    /// Its category.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub base_form_category: Option<String>,
    /// Its display type: `text`, `number` ..
    #[serde(deserialize_with = "lenient::optional_text")]
    pub base_form_type: Option<String>,
}

/// A metric that can be asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct MetricObject {
    /// Its id.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// The type of its values: `double`, `bigDecimal` ..
    #[serde(deserialize_with = "lenient::optional_text")]
    pub data_type: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_nulls_are_taken() {
        let json = r#"{"id": 5, "name": null, "definition": {
            "grid": {
                "rows": [{"id": "A", "name": null, "type": "attribute",
                    "forms": [{"id": "F", "name": null, "dataType": 33, "baseFormType": null}]}],
                "columns": [{"id": "0", "name": null, "type": "Metrics",
                    "elements": [{"id": "M", "name": null, "dataType": 6}]}],
                "pageBy": null, "crossTab": null, "metricsPosition": {"axis": null, "index": -1},
                "subtotals": null},
            "availableObjects": {
                "attributes": [{"id": "A", "name": null, "forms": null}],
                "metrics": [{"id": "M", "name": null, "dataType": 6}],
                "customGroups": null}}}"#;
        let definition: Definition = serde_json::from_str(json).unwrap();
        let grid = definition.template.unwrap();
        assert_eq!(grid.rows[0].forms[0].data_type.as_deref(), Some("33"));
        assert_eq!((grid.columns[0].kind, &*grid.columns[0].name), (UnitKind::Metrics, ""));
        assert_eq!(grid.columns[0].elements[0].data_type.as_deref(), Some("6"));
        assert_eq!(grid.metrics_position.unwrap().index, Some(-1));
        assert_eq!(definition.available.metrics[0].data_type.as_deref(), Some("6"));
    }

    #[test]
    fn objects_are_found_by_name() {
        let json = r#"{"name": "Sales", "definition": {"availableObjects": {
            "attributes": [
                {"id": "A1", "name": "Region", "forms": [{"id": "F1", "name": "ID"},
                    {"id": "F2", "name": "Desc"}]},
                {"id": "A2", "name": "region"}, {"id": "A3", "name": "Day"},
                {"id": "A4", "name": "Day"}],
            "customGroups": [{"id": "G1", "name": "Ages"}]}}}"#;
        let definition: Definition = serde_json::from_str(json).unwrap();
        for (name, id) in
            [("Region", "A1"), ("region", "A2"), ("a3", "A3"), ("AGES", "G1"), ("A1", "A1")]
        {
            assert_eq!(definition.attribute(name).unwrap().id, id, "{name}");
        }
        for (name, says) in [("Day", "A3, A4"), ("REGION", "A1, A2"), ("Store", "Region, region")] {
            let error = definition.attribute(name).unwrap_err();
            assert!(error.message().contains(says), "{error}");
        }
        assert!(definition.metric("x").unwrap_err().message().ends_with("it has none"));
        let region = definition.attribute("A1").unwrap();
        assert_eq!(region.form("desc").unwrap().id, "F2");
        assert_eq!(region.shown_form().unwrap().id, "F2");
        assert_eq!(definition.attribute("A3").unwrap().shown_form(), None);
    }
}
