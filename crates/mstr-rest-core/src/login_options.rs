//! Options of a login besides its credentials: locale, application, limits.

/// Options of a login that are no credentials.
#[derive(Debug, Clone)]
pub(crate) struct LoginOptions {
    pub(crate) application_type: i64,
    pub(crate) application_id: Option<String>,
    pub(crate) working_set: Option<u32>,
    pub(crate) max_search: Option<u32>,
    pub(crate) locale: Locale,
}

impl Default for LoginOptions {
    fn default() -> Self {
        Self {
            // what mstr-rest-requests sends; 35 is "Web", 76 the vendor's Python client
            application_type: 8,
            application_id: None,
            working_set: None,
            max_search: None,
            locale: Locale::default(),
        }
    }
}

impl LoginOptions {
    /// Members of the login body that are text.
    pub(crate) fn texts(&self) -> [(&'static str, &Option<String>); 7] {
        [
            ("applicationId", &self.application_id),
            ("metadataLocale", &self.locale.metadata),
            ("warehouseDataLocale", &self.locale.warehouse_data),
            ("displayLocale", &self.locale.display),
            ("messagesLocale", &self.locale.messages),
            ("numberLocale", &self.locale.number),
            ("timeZone", &self.locale.time_zone),
        ]
    }

    /// Members that are optional numbers.
    pub(crate) fn numbers(&self) -> [(&'static str, Option<u32>); 2] {
        [("workingSet", self.working_set), ("maxSearch", self.max_search)]
    }
}

/// The languages and formats of a session; the server's defaults where nothing is said.
///
/// Values are what the server knows: `en_us` for a locale, `UTC` or `Europe/Berlin` for a time
/// zone.
///
/// ```
/// use mstr_rest_core::Locale;
///
/// let locale = Locale::all("de_de").time_zone("Europe/Berlin");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Locale {
    metadata: Option<String>,
    warehouse_data: Option<String>,
    display: Option<String>,
    messages: Option<String>,
    number: Option<String>,
    time_zone: Option<String>,
}

impl Locale {
    /// Nothing set: the server's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same locale for metadata, warehouse data, display, messages and numbers.
    pub fn all(locale: impl Into<String>) -> Self {
        let locale = locale.into();
        Self::new()
            .metadata(&locale)
            .warehouse_data(&locale)
            .display(&locale)
            .messages(&locale)
            .number(&locale)
    }

    /// Names and descriptions of objects (`metadataLocale`).
    pub fn metadata(mut self, locale: impl Into<String>) -> Self {
        self.metadata = Some(locale.into());
        self
    }

    /// Attribute elements (`warehouseDataLocale`).
    pub fn warehouse_data(mut self, locale: impl Into<String>) -> Self {
        self.warehouse_data = Some(locale.into());
        self
    }

    /// The user interface (`displayLocale`).
    pub fn display(mut self, locale: impl Into<String>) -> Self {
        self.display = Some(locale.into());
        self
    }

    /// Messages, those of errors among them (`messagesLocale`).
    pub fn messages(mut self, locale: impl Into<String>) -> Self {
        self.messages = Some(locale.into());
        self
    }

    /// Formatted numbers and dates (`numberLocale`).
    pub fn number(mut self, locale: impl Into<String>) -> Self {
        self.number = Some(locale.into());
        self
    }

    /// The time zone (`timeZone`).
    pub fn time_zone(mut self, zone: impl Into<String>) -> Self {
        self.time_zone = Some(zone.into());
        self
    }
}
