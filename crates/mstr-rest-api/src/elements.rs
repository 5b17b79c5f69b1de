//! Elements of attributes, as the server lists them.

use mstr_rest_core::{Call, Response, Result};
use serde::Deserialize;

use crate::lenient;

/// Some elements of an attribute, and how many there are in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Elements {
    /// How many there are, in the header `X-MSTR-Total-Count`. `None` if the server did not say.
    pub total: Option<u64>,
    /// Those that were asked for.
    pub items: Vec<Element>,
}

/// An element of an attribute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Element {
    /// Its id, `8D67..:2`: for filters and answers to prompts.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// The values of its forms. They are texts, whatever the forms' types are.
    #[serde(deserialize_with = "lenient::texts")]
    pub form_values: Vec<String>,
    /// Its name, where the server gives one.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub name: Option<String>,
}

/// Asks for some elements and the total.
pub(crate) fn list<T>(call: Call<T>, offset: u64, limit: u64) -> Call<Elements> {
    call.query("offset", offset).query("limit", limit).require_session().decode_with(decode)
}

fn decode(reply: &Response) -> Result<Elements> {
    let total = reply.headers().get("x-mstr-total-count");
    let total = total.and_then(|total| total.to_str().ok()?.trim().parse().ok());
    Ok(Elements { total, items: reply.json()? })
}
