//! What the server calls the types of forms and metrics.

/// What a `dataType` of the server stands for: of a form, a metric or a prompt, in definitions and
/// in grids.
///
/// It comes as a name (recorded) or as a number of the vendor's `EnumDSSXMLDataType` (its oldest
/// samples).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeclaredType {
    /// `double`, `float`, `real`.
    Float,
    /// `decimal`, `numeric`.
    Decimal,
    /// `bigDecimal`: any number of digits.
    BigDecimal,
    /// `integer`, `unsigned`, `short`, `long`, `int64`.
    Integer,
    /// `bool`.
    Boolean,
    /// `date`.
    Date,
    /// `time`.
    Time,
    /// `timeStamp`.
    TimeStamp,
    /// `char` and everything that ends so (`nVarChar`, `utf8Char`).
    Text,
    /// `binary`, `varBin`, `longVarBin`, `guid`.
    Binary,
}

impl DeclaredType {
    /// The type of that name or number; letter case does not count. `None` for what says nothing:
    /// `unknown`, `reserved`, and what is not known here.
    ///
    /// ```
    /// use mstr_rest_api::DeclaredType;
    ///
    /// assert_eq!(DeclaredType::of("nVarChar"), Some(DeclaredType::Text));
    /// assert_eq!(DeclaredType::of("6"), Some(DeclaredType::Float));
    /// assert_eq!(DeclaredType::of("reserved"), None);
    /// ```
    pub fn of(data_type: &str) -> Option<Self> {
        Some(match data_type.trim().to_ascii_lowercase().as_str() {
            "double" | "float" | "real" | "doubledouble" | "5" | "6" | "7" | "36" => Self::Float,
            "decimal" | "numeric" | "3" | "4" => Self::Decimal,
            "bigdecimal" | "30" => Self::BigDecimal,
            "integer" | "unsigned" | "short" | "long" | "int64" | "1" | "2" | "21" | "22"
            | "34" => Self::Integer,
            "bool" | "24" => Self::Boolean,
            "date" | "14" => Self::Date,
            "time" | "15" => Self::Time,
            "timestamp" | "16" => Self::TimeStamp,
            "binary" | "varbin" | "longvarbin" | "guid" | "11" | "12" | "13" | "35" => Self::Binary,
            "8" | "9" | "10" | "17" | "18" | "19" | "23" | "33" => Self::Text,
            name if name.ends_with("char") => Self::Text,
            _ => return None,
        })
    }
}
