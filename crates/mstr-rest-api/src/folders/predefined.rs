//! Folders that every project has, by the server's numbers.

macro_rules! folders {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// A folder that every project, or every server, has (`EnumDSSXMLFolderNames`).
        ///
        /// ```
        /// use mstr_rest_api::PredefinedFolder;
        ///
        /// assert_eq!(PredefinedFolder::PublicReports.number(), 7);
        /// assert_eq!(PredefinedFolder::Number(7).number(), 7);
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum PredefinedFolder {
            $($(#[$doc])* $name,)*
            /// Any other, by its number.
            Number(u32),
        }

        impl PredefinedFolder {
            /// The server's number.
            pub fn number(self) -> u32 {
                match self {
                    $(Self::$name => $number,)*
                    Self::Number(number) => number,
                }
            }
        }
    };
}

folders! {
    /// Public Objects: 1.
    PublicObjects = 1,
    /// Public Objects, Custom Groups: 3.
    PublicCustomGroups = 3,
    /// Public Objects, Filters: 4.
    PublicFilters = 4,
    /// Public Objects, Metrics: 5.
    PublicMetrics = 5,
    /// Public Objects, Prompts: 6.
    PublicPrompts = 6,
    /// Public Objects, Reports: 7.
    PublicReports = 7,
    /// Public Objects, Searches: 8.
    PublicSearches = 8,
    /// Public Objects, Templates: 9.
    PublicTemplates = 9,
    /// The user's objects: 19.
    MyObjects = 19,
    /// The user's reports: 20.
    MyReports = 20,
    /// The user's answers to prompts: 21.
    MyAnswers = 21,
    /// The user's favorites: 22.
    MyFavorites = 22,
    /// Schema Objects: 24.
    SchemaObjects = 24,
    /// Schema Objects, Attributes: 26.
    SchemaAttributes = 26,
    /// Schema Objects, Facts: 29.
    SchemaFacts = 29,
    /// Schema Objects, Hierarchies: 31.
    SchemaHierarchies = 31,
    /// Schema Objects, Tables: 35.
    SchemaTables = 35,
    /// Schema Objects, Transformations: 38.
    SchemaTransformations = 38,
    /// The root of the project, or of the server: 39.
    Root = 39,
    /// Events of the server: 72.
    Events = 72,
    /// Data sources of the server: 73.
    DataSources = 73,
    /// Languages of the server: 74.
    Languages = 74,
    /// Projects of the server: 77.
    Projects = 77,
    /// Schedules of the server: 85.
    Schedules = 85,
    /// Devices of the server: 88.
    Devices = 88,
    /// The user's dashboards: 96.
    MyDashboards = 96,
}
