//! Elements of attributes, as the server lists them.

use serde::Deserialize;

use crate::lenient;

/// An element of an attribute.
///
/// Lists of elements of an attribute give the values of its forms (recorded from servers), those
/// of a prompt its name (vendor documentation). [`label`](Self::label) is what a person reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Element {
    /// Its id, `8D67..:2` or `h2;8D67..`: for filters and answers to prompts.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// The values of its forms. They are texts, whatever the forms' types are.
    #[serde(deserialize_with = "lenient::texts")]
    pub form_values: Vec<String>,
    /// Its name, where the server gives one.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub name: Option<String>,
}

impl Element {
    /// Its name, or the values of its forms with spaces between them; its id without both.
    ///
    /// ```
    /// use mstr_rest_api::Element;
    ///
    /// let json = r#"{"id": "8D67:2", "formValues": ["7", "North"]}"#;
    /// let element: Element = serde_json::from_str(json).unwrap();
    /// assert_eq!(element.label(), "7 North");
    /// ```
    pub fn label(&self) -> String {
        match &self.name {
            Some(name) if !name.is_empty() => name.clone(),
            _ if self.form_values.is_empty() => self.id.clone(),
            _ => self.form_values.join(" "),
        }
    }
}
