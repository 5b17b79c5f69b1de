//! Where users can be reached.

use serde::{Deserialize, Serialize};

use crate::lenient;

/// An address of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Address {
    /// Its id.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// The address itself: `psmith@example.com`.
    #[serde(deserialize_with = "lenient::text")]
    pub physical_address: String,
    /// How things get there: `email`, `file`, `printer` ...
    #[serde(deserialize_with = "lenient::optional_text")]
    pub delivery_type: Option<String>,
    /// The id of the device that sends.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub device_id: Option<String>,
    /// Whether it is the one that is used when none is named.
    #[serde(deserialize_with = "lenient::boolean")]
    pub is_default: Option<bool>,
}

/// An address to be added to a user.
///
/// ```
/// use mstr_rest_api::NewAddress;
///
/// let device = "1D2E6D168A7711D4BE8100B0D04B6F0B";
/// let address = NewAddress::email("Work", "psmith@example.com", device).default(true);
/// # let _ = address;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "an address is not there until it is added"]
pub struct NewAddress {
    name: String,
    physical_address: String,
    delivery_type: String,
    device_id: String,
    is_default: bool,
}

impl NewAddress {
    /// An address of any kind, with the id of the device that sends.
    pub fn new(
        name: impl Into<String>,
        address: impl Into<String>,
        delivery_type: impl Into<String>,
        device: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            physical_address: address.into(),
            delivery_type: delivery_type.into(),
            device_id: device.into(),
            is_default: false,
        }
    }

    /// An email address, with the id of the device that sends.
    pub fn email(
        name: impl Into<String>,
        address: impl Into<String>,
        device: impl Into<String>,
    ) -> Self {
        Self::new(name, address, "email", device)
    }

    /// Whether it is the one that is used when none is named.
    pub fn default(mut self, yes: bool) -> Self {
        self.is_default = yes;
        self
    }
}
