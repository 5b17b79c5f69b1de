//! Types of objects, by the server's numbers.

use std::fmt;
use std::str::FromStr;

use mstr_rest_core::{Error, ErrorKind};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::lenient;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $number:literal $name:literal,)*) => {
        /// The type of an object (`EnumDSSXMLObjectTypes`). A number that this version does not
        /// know is kept.
        ///
        /// ```
        /// use mstr_rest_api::ObjectType;
        ///
        /// assert_eq!(ObjectType::Report.number(), 3);
        /// assert_eq!(ObjectType::from(8), ObjectType::Folder);
        /// assert_eq!("report".parse::<ObjectType>().unwrap(), ObjectType::Report);
        /// assert_eq!(ObjectType::from(1234).to_string(), "1234");
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ObjectType {
            $($(#[$doc])* $kind,)*
            /// Any other, by its number.
            Other(u32),
        }

        impl ObjectType {
            /// All types that have a name.
            pub const NAMED: &[Self] = &[$(Self::$kind,)*];

            /// The server's number.
            pub fn number(self) -> u32 {
                match self {
                    $(Self::$kind => $number,)*
                    Self::Other(number) => number,
                }
            }

            /// Its name, as [`FromStr`] takes it; `None` for a number without a name.
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$kind => Some($name),)*
                    Self::Other(_) => None,
                }
            }
        }

        impl From<u32> for ObjectType {
            fn from(number: u32) -> Self {
                match number {
                    $($number => Self::$kind,)*
                    number => Self::Other(number),
                }
            }
        }
    };
}

kinds! {
    /// A filter: 1.
    Filter = 1 "filter",
    /// A template: 2.
    Template = 2 "template",
    /// A report or a cube: 3. The subtype says which: 768 is a grid, 776 an OLAP cube, 779 a super
    /// cube.
    Report = 3 "report",
    /// A metric: 4.
    Metric = 4 "metric",
    /// A folder: 8.
    Folder = 8 "folder",
    /// A device of subscriptions: 9.
    Device = 9 "device",
    /// A prompt: 10.
    Prompt = 10 "prompt",
    /// A function: 11.
    Function = 11 "function",
    /// An attribute: 12.
    Attribute = 12 "attribute",
    /// A fact: 13.
    Fact = 13 "fact",
    /// A hierarchy: 14.
    Hierarchy = 14 "hierarchy",
    /// A logical table: 15.
    Table = 15 "table",
    /// A shortcut: 18.
    Shortcut = 18 "shortcut",
    /// A monitor: 20.
    Monitor = 20 "monitor",
    /// A form of an attribute: 21.
    AttributeForm = 21 "attribute-form",
    /// A column: 26.
    Column = 26 "column",
    /// A data source: 29.
    DataSource = 29 "datasource",
    /// A login of a data source: 30.
    DatabaseLogin = 30 "database-login",
    /// A connection of a data source: 31.
    DatabaseConnection = 31 "database-connection",
    /// A project: 32.
    Project = 32 "project",
    /// The definition of a server: 33.
    Server = 33 "server",
    /// A user (subtype 8704) or a user group (8705): 34.
    User = 34 "user",
    /// A transmitter of subscriptions: 35.
    Transmitter = 35 "transmitter",
    /// A saved search: 39.
    Search = 39 "search",
    /// A security role: 44.
    SecurityRole = 44 "security-role",
    /// A language: 45.
    Locale = 45 "locale",
    /// A consolidation: 47.
    Consolidation = 47 "consolidation",
    /// An event: 49.
    Event = 49 "event",
    /// A schedule: 51 (`ScheduleTrigger`; 50, `ScheduleObject`, is something else).
    Schedule = 51 "schedule",
    /// A physical table: 53.
    PhysicalTable = 53 "physical-table",
    /// A document or a dashboard: 55. [`Object::is_dashboard`](crate::Object::is_dashboard) tells.
    Document = 55 "document",
    /// A drill map: 56.
    DrillMap = 56 "drill-map",
    /// A database management system: 57.
    Dbms = 57 "dbms",
    /// A security filter: 58.
    SecurityFilter = 58 "security-filter",
    /// A palette: 71.
    Palette = 71 "palette",
}

/// The name, or the number of what has none.
impl fmt::Display for ObjectType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => fmt::Display::fmt(&self.number(), f),
        }
    }
}

/// A name in any letter case, or a number.
impl FromStr for ObjectType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Ok(number) = text.parse::<u32>() {
            return Ok(number.into());
        }
        let mut known = Self::NAMED.iter().copied();
        let found =
            known.find(|kind| kind.name().is_some_and(|name| name.eq_ignore_ascii_case(text)));
        found.ok_or_else(|| {
            let names: Vec<_> = Self::NAMED.iter().filter_map(|kind| kind.name()).collect();
            let message = format!(
                "there is no such type of objects: take a number, or one of {}",
                names.join(", ")
            );
            Error::new(ErrorKind::InvalidRequest, message)
        })
    }
}

impl Serialize for ObjectType {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u32(self.number())
    }
}

/// The number, also as text. The modeling service and some lists send names (`report_definition`):
/// those are no numbers, and are [`Other(0)`](ObjectType::Other).
impl<'de> Deserialize<'de> for ObjectType {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(lenient::integer(from)?
            .and_then(|number| u32::try_from(number).ok())
            .map_or(Self::default(), Self::from))
    }
}

/// No type: [`Other(0)`](ObjectType::Other).
impl Default for ObjectType {
    fn default() -> Self {
        Self::Other(0)
    }
}
