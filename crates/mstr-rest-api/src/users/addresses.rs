//! Where users can be reached.

use serde::{Deserialize, Serialize};

use crate::{DeviceId, lenient};

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
/// use mstr_rest_api::{DeviceId, NewAddress};
///
/// let device = DeviceId::new("1D2E6D168A7711D4BE8100B0D04B6F0B");
/// let address = NewAddress::new("psmith@example.com", device).name("Work").default(true);
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
    /// An email address, and the device that transmits. Its name is the address itself unless
    /// [`name`](Self::name) is set.
    pub fn new(address: impl Into<String>, device: impl Into<DeviceId>) -> Self {
        let address = address.into();
        Self {
            name: address.clone(),
            physical_address: address,
            delivery_type: "email".to_owned(),
            device_id: device.into().as_str().to_owned(),
            is_default: false,
        }
    }

    /// The name that is shown. Default: the address.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How things get there: `email`, `file`, `printer` ... Default: `email`.
    pub fn delivery_type(mut self, kind: impl Into<String>) -> Self {
        self.delivery_type = kind.into();
        self
    }

    /// Makes it the address that is used when none is named. Default: false.
    pub fn default(mut self, yes: bool) -> Self {
        self.is_default = yes;
        self
    }
}
