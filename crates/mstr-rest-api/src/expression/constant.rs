//! Values to compare with, and their types.

use mstr_rest_core::Result;

use super::invalid;
use crate::DeclaredType;

/// The greatest whole number up to which 32 bits of floating point hold every one.
const REAL_INTEGERS: u64 = 1 << 24;

/// The type of a [`Constant`], as view filters take it (vendor documentation). Other names, those
/// of grids and definitions (`double`, `nVarChar`, `unknown`) among them, are not taken:
/// [`of_data_type`](Self::of_data_type) translates them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConstantType {
    /// A floating point number of 32 bits.
    Real,
    /// A number with any number of digits.
    BigDecimal,
    /// A whole number of 64 bits. For metrics; the documentation names it for no forms.
    Int64,
    /// A date, written as the locale of the session has it.
    Date,
    /// A time of day, written as the locale of the session has it. For forms.
    Time,
    /// A date with a time, written as the locale of the session has it. For forms.
    TimeStamp,
    /// A text. For forms.
    Char,
}

impl ConstantType {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Real,
        Self::BigDecimal,
        Self::Int64,
        Self::Date,
        Self::Time,
        Self::TimeStamp,
        Self::Char,
    ];

    /// As it is sent: `BigDecimal`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Real => "Real",
            Self::BigDecimal => "BigDecimal",
            Self::Int64 => "Int64",
            Self::Date => "Date",
            Self::Time => "Time",
            Self::TimeStamp => "TimeStamp",
            Self::Char => "Char",
        }
    }

    /// The type for values of a form or metric whose `dataType` in the definition is this
    /// ([`DeclaredType::of`]). `None` where that says nothing (`unknown`, `reserved`), and for types
    /// that nothing is compared with.
    ///
    /// ```
    /// use mstr_rest_api::expression::ConstantType;
    ///
    /// assert_eq!(ConstantType::of_data_type("nVarChar"), Some(ConstantType::Char));
    /// assert_eq!(ConstantType::of_data_type("timeStamp"), Some(ConstantType::TimeStamp));
    /// assert_eq!(ConstantType::of_data_type("reserved"), None);
    /// ```
    pub fn of_data_type(data_type: &str) -> Option<Self> {
        Some(match DeclaredType::of(data_type)? {
            DeclaredType::Float => Self::Real,
            DeclaredType::Decimal | DeclaredType::BigDecimal => Self::BigDecimal,
            DeclaredType::Integer => Self::Int64,
            DeclaredType::Date => Self::Date,
            DeclaredType::Time => Self::Time,
            DeclaredType::TimeStamp => Self::TimeStamp,
            DeclaredType::Text => Self::Char,
            DeclaredType::Boolean | DeclaredType::Binary => return None,
        })
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Real | Self::BigDecimal | Self::Int64)
    }
}

/// A value to compare with. Every value travels as text, with a type:
///
/// | from | type |
/// | --- | --- |
/// | whole numbers | `Int64` for metrics; for forms `Real` up to 2^24, else `BigDecimal` |
/// | `f32`, `f64` | `Real` where 32 bits keep all digits, else `BigDecimal` |
/// | texts | `Char` |
/// | [`date`](Self::date), [`time`](Self::time), [`time_stamp`](Self::time_stamp) | as they say |
///
/// [`typed`](Self::typed) says another type. [`Expression::resolve`](super::Expression::resolve)
/// takes the type that the definition declares.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Constant {
    pub(super) data_type: ConstantType,
    pub(super) value: String,
    /// The type was said, and is not to be changed.
    is_typed: bool,
}

impl Constant {
    /// A value of that type.
    ///
    /// ```
    /// use mstr_rest_api::expression::{Constant, ConstantType, metric};
    ///
    /// let limit = Constant::typed(ConstantType::BigDecimal, "12345678901234567890.5");
    /// assert!(metric("4C05").greater_than(limit).check().is_ok());
    /// ```
    pub fn typed(data_type: ConstantType, value: impl Into<String>) -> Self {
        Self { data_type, value: value.into(), is_typed: true }
    }

    /// A date. The server reads it as the locale of the session writes dates (vendor
    /// documentation): `1/31/2024` for a user with English (United States).
    pub fn date(text: impl Into<String>) -> Self {
        Self::typed(ConstantType::Date, text)
    }

    /// A time of day, as the locale of the session writes it.
    pub fn time(text: impl Into<String>) -> Self {
        Self::typed(ConstantType::Time, text)
    }

    /// A date with a time, as the locale of the session writes it.
    pub fn time_stamp(text: impl Into<String>) -> Self {
        Self::typed(ConstantType::TimeStamp, text)
    }

    /// A value whose type follows from it.
    fn of(data_type: ConstantType, value: String) -> Self {
        Self { data_type, value, is_typed: false }
    }

    pub(super) fn percent(percent: f64) -> Self {
        Self::typed(ConstantType::Real, format!("{percent}%"))
    }

    /// For a form: no source says that forms take `Int64`.
    pub(super) fn for_form(self) -> Self {
        if self.is_typed || self.data_type != ConstantType::Int64 {
            return self;
        }
        let is_small =
            self.value.parse().is_ok_and(|number: i64| number.unsigned_abs() <= REAL_INTEGERS);
        let data_type = if is_small { ConstantType::Real } else { ConstantType::BigDecimal };
        Self { data_type, ..self }
    }

    /// With the type that a definition declares; `None` if the value is none of that type.
    pub(super) fn declared(self, data_type: Option<ConstantType>, is_form: bool) -> Option<Self> {
        let Some(wanted) = data_type.filter(|_| !self.is_typed) else { return Some(self) };
        if !wanted.is_number() {
            return Some(Self { data_type: wanted, ..self });
        }
        let number = if self.data_type.is_number() { self } else { Self::number(&self.value)? };
        Some(match wanted {
            ConstantType::BigDecimal => Self { data_type: wanted, ..number },
            ConstantType::Int64 if !is_form => number,
            _ => number.for_form(),
        })
    }

    /// Numbers of one list, which must be of one type: of that which keeps all digits.
    pub(super) fn align(all: &mut [Self]) {
        let is_free = |one: &Self| one.data_type.is_number() && !one.is_typed;
        let is_mixed = all.windows(2).any(|two| two[0].data_type != two[1].data_type);
        if is_mixed && all.iter().all(is_free) {
            for one in all {
                one.data_type = ConstantType::BigDecimal;
            }
        }
    }

    /// A number as it was written, with the type that keeps its digits.
    pub(super) fn number(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.parse::<i64>().is_ok() {
            return Some(Self::of(ConstantType::Int64, text.to_owned()));
        }
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite())?;
        let data_type = match Self::from(number) {
            // its digits are all there are
            real if real.data_type == ConstantType::Real && real.value == text => real.data_type,
            _ => ConstantType::BigDecimal,
        };
        Some(Self::of(data_type, text.to_owned()))
    }

    /// The type.
    pub fn data_type(&self) -> ConstantType {
        self.data_type
    }

    /// The value, as it is sent.
    pub fn value(&self) -> &str {
        &self.value
    }

    pub(super) fn is_text(&self) -> bool {
        self.data_type == ConstantType::Char
    }

    /// Whether metrics are compared with it: numbers and dates.
    pub(super) fn fits_metrics(&self) -> bool {
        self.data_type.is_number() || self.data_type == ConstantType::Date
    }

    /// A number, or a percentage.
    pub(super) fn is_number(&self) -> bool {
        let digits = self.value.strip_suffix('%').unwrap_or(&self.value);
        self.data_type.is_number() && digits.parse::<f64>().is_ok_and(f64::is_finite)
    }

    pub(super) fn check(&self) -> Result<()> {
        let (value, name) = (&self.value, self.data_type.name());
        match self.data_type {
            ConstantType::Int64 if value.parse::<i64>().is_err() => {
                Err(invalid("a constant of an expression is no whole number of 64 bits (Int64)"))
            }
            kind if kind.is_number() && !self.is_number() => {
                Err(invalid(format!("a constant of an expression is no finite number ({name})")))
            }
            ConstantType::Date | ConstantType::Time | ConstantType::TimeStamp
                if value.trim().is_empty() =>
            {
                Err(invalid(format!("a constant of an expression is empty ({name})")))
            }
            _ => Ok(()),
        }
    }
}

macro_rules! integers {
    ($($number:ty),*) => {$(
        impl From<$number> for Constant {
            fn from(number: $number) -> Self {
                let fits = i64::try_from(number).is_ok();
                let data_type = if fits { ConstantType::Int64 } else { ConstantType::BigDecimal };
                Self::of(data_type, number.to_string())
            }
        }
    )*};
}
integers!(i32, u32, i64, u64);

impl From<f32> for Constant {
    fn from(number: f32) -> Self {
        Self::of(ConstantType::Real, number.to_string())
    }
}

impl From<f64> for Constant {
    fn from(number: f64) -> Self {
        let value = number.to_string();
        #[allow(
            clippy::cast_possible_truncation,
            reason = "whether it loses digits is the question"
        )]
        let is_short = (number as f32).to_string() == value;
        let data_type = if is_short { ConstantType::Real } else { ConstantType::BigDecimal };
        Self::of(data_type, value)
    }
}

impl From<&str> for Constant {
    fn from(text: &str) -> Self {
        Self::of(ConstantType::Char, text.to_owned())
    }
}

impl From<String> for Constant {
    fn from(text: String) -> Self {
        Self::of(ConstantType::Char, text)
    }
}
