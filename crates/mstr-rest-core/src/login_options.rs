//! Options of a login that are not credentials: locale, application, limits.

/// Options of a login that are not credentials.
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
            // mstr-rest-requests sends 8; 35 is "Web", 76 the vendor's Python client
            application_type: 8,
            application_id: None,
            working_set: None,
            max_search: None,
            locale: Locale::default(),
        }
    }
}

impl LoginOptions {
    /// Optional texts of the login body.
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

    /// Optional numbers of the login body.
    pub(crate) fn numbers(&self) -> [(&'static str, Option<u32>); 2] {
        [("workingSet", self.working_set), ("maxSearch", self.max_search)]
    }
}

/// The languages and formats of a session. Default of each: the server's.
///
/// The values are those of the server: for example `en_us` for a locale, `UTC` or `Europe/Berlin`
/// for a time zone.
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
    /// Makes a locale without values: the server uses its defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a locale with the same value for metadata, warehouse data, display, messages and
    /// numbers.
    pub fn all(locale: impl Into<String>) -> Self {
        let locale = locale.into();
        Self::new()
            .metadata(&locale)
            .warehouse_data(&locale)
            .display(&locale)
            .messages(&locale)
            .number(&locale)
    }

    /// Sets the locale of names and descriptions of objects (`metadataLocale`).
    pub fn metadata(mut self, locale: impl Into<String>) -> Self {
        self.metadata = Some(locale.into());
        self
    }

    /// Sets the locale of attribute elements (`warehouseDataLocale`).
    pub fn warehouse_data(mut self, locale: impl Into<String>) -> Self {
        self.warehouse_data = Some(locale.into());
        self
    }

    /// Sets the locale of the user interface (`displayLocale`).
    pub fn display(mut self, locale: impl Into<String>) -> Self {
        self.display = Some(locale.into());
        self
    }

    /// Sets the locale of messages, including error messages (`messagesLocale`).
    pub fn messages(mut self, locale: impl Into<String>) -> Self {
        self.messages = Some(locale.into());
        self
    }

    /// Sets the locale of formatted numbers and dates (`numberLocale`).
    pub fn number(mut self, locale: impl Into<String>) -> Self {
        self.number = Some(locale.into());
        self
    }

    /// Sets the time zone (`timeZone`).
    pub fn time_zone(mut self, zone: impl Into<String>) -> Self {
        self.time_zone = Some(zone.into());
        self
    }
}
