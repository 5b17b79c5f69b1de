//! How and where to search, by the server's numbers.

/// How names are compared with the text of a search (`EnumDSSXMLSearchTypes`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SearchPattern {
    /// They contain one of its words: 0.
    ContainsAnyWord,
    /// They, or one of their words, begin with it: 1.
    BeginsWith,
    /// They are it: 2.
    Exactly,
    /// They begin with all of it: 3.
    BeginsWithPhrase,
    /// They contain it: 4.
    #[default]
    Contains,
    /// They end with it: 5.
    EndsWith,
}

impl SearchPattern {
    /// The server's number.
    pub fn number(self) -> u32 {
        match self {
            Self::ContainsAnyWord => 0,
            Self::BeginsWith => 1,
            Self::Exactly => 2,
            Self::BeginsWithPhrase => 3,
            Self::Contains => 4,
            Self::EndsWith => 5,
        }
    }
}

/// Where to search (`EnumDSSXMLSearchDomain`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SearchDomain {
    /// What belongs to the project alone: 1.
    Local,
    /// The project, with what of the server's is used in it: 2.
    #[default]
    Project,
    /// All projects: 3.
    Repository,
    /// What belongs to the whole server: 4.
    Configuration,
}

impl SearchDomain {
    /// The server's number.
    pub fn number(self) -> u32 {
        match self {
            Self::Local => 1,
            Self::Project => 2,
            Self::Repository => 3,
            Self::Configuration => 4,
        }
    }
}

/// Whether certified objects are looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Certification {
    /// Certified or not.
    #[default]
    All,
    /// Certified ones.
    CertifiedOnly,
    /// Those that are not certified.
    NotCertifiedOnly,
}

impl Certification {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::All => "ALL",
            Self::CertifiedOnly => "CERTIFIED_ONLY",
            Self::NotCertifiedOnly => "NOT_CERTIFIED_ONLY",
        }
    }
}
