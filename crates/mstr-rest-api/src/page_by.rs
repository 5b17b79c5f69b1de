//! Page-by: the units that make pages, and which pages have data.

use serde::{Deserialize, Deserializer};

use crate::{TemplateUnit, lenient};

/// The units that make pages of a report, and the combinations of their elements that have data.
///
/// ```no_run
/// use mstr_rest_api::{GridRequest, Instance};
///
/// # async fn example(instance: Instance) -> mstr_rest_core::Result<()> {
/// let pages = instance.page_by_elements(0, 1000).await?;
/// for page in &pages.combinations {
///     if let Some(ids) = pages.element_ids(page) {
///         instance.manipulate(GridRequest::designed().page_by(ids)).await?;
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct PageBy {
    /// The units with their elements. Empty without page-by.
    pub units: Vec<TemplateUnit>,
    /// For each page that has data: for each unit the place of its element. Negative for no
    /// element.
    pub combinations: Vec<Vec<i64>>,
    /// How many pages there are in all. `None` if the server did not say.
    pub total: Option<u64>,
}

impl PageBy {
    /// The ids of the elements that one of the [`combinations`](Self::combinations) means, for
    /// [`GridRequest::page_by`](crate::GridRequest::page_by). `None` for a combination that does
    /// not fit the units, or has no element of one of them: such a page cannot be chosen.
    pub fn element_ids(&self, combination: &[i64]) -> Option<Vec<&str>> {
        if combination.len() != self.units.len() {
            return None;
        }
        let places = self.units.iter().zip(combination);
        places.map(|(unit, at)| Some(&*unit.elements.get(usize::try_from(*at).ok()?)?.id)).collect()
    }
}

impl<'de> Deserialize<'de> for PageBy {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Wire {
            #[serde(deserialize_with = "lenient::or_default")]
            page_by: Vec<TemplateUnit>,
            #[serde(deserialize_with = "lenient::or_default")]
            valid_page_by_elements: Valid,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Valid {
            #[serde(deserialize_with = "lenient::or_default")]
            items: Vec<Vec<i64>>,
            #[serde(deserialize_with = "lenient::or_default")]
            paging: Paging,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Paging {
            #[serde(deserialize_with = "lenient::count")]
            total: Option<u64>,
        }
        let Wire { page_by, valid_page_by_elements } = Wire::deserialize(from)?;
        let Valid { items, paging } = valid_page_by_elements;
        Ok(Self { units: page_by, combinations: items, total: paging.total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_places_are_no_elements() {
        let json = r#"{"pageBy": [{"id": "A", "elements": [{"id": "h1;A"}, {"id": "h2;A"}]}],
            "validPageByElements": {"paging": {"total": -1}, "items": [[1], [-1], [2], [0, 0]]}}"#;
        let pages: PageBy = serde_json::from_str(json).unwrap();
        assert_eq!(pages.total, None);
        let ids: Vec<_> = pages.combinations.iter().map(|one| pages.element_ids(one)).collect();
        assert_eq!(ids, [Some(vec!["h2;A"]), None, None, None]);
    }
}
