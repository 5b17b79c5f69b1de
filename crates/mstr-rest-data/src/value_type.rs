//! Arrow types of columns: what the server declares, what values need, and what is wider.

use arrow_schema::{DataType, TimeUnit};
use mstr_rest_api::DeclaredType;

use crate::column::Column;
use crate::page::Cell;

/// The type of a column: of a metric, or of a form of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueType {
    /// `Float64`: what the server sends for most metrics. The texts `NaN`, `Infinity` and
    /// `-Infinity` are such numbers.
    Float,
    /// `Int64`.
    Integer,
    /// `Decimal128`: exact, with so many digits in all (38 at most) and so many behind the point.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits behind the point.
        scale: i8,
    },
    /// `Boolean`.
    Boolean,
    /// `Date32`, from ISO dates.
    Date,
    /// `Timestamp(Millisecond)` without a zone, from ISO dates with a time.
    Timestamp,
    /// Text: numbers as the server wrote them, digit by digit. `Utf8` for metrics,
    /// `Dictionary(Int32, Utf8)` for attributes.
    Text,
}

impl ValueType {
    pub(crate) fn arrow(self) -> DataType {
        match self {
            Self::Float => DataType::Float64,
            Self::Integer => DataType::Int64,
            Self::Decimal { precision, scale } => DataType::Decimal128(precision, scale),
            Self::Boolean => DataType::Boolean,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Millisecond, None),
            Self::Text => DataType::Utf8,
        }
    }

    /// The type that the command and error messages name it by.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Integer => "integer",
            Self::Decimal { .. } => "decimal",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Text => "text",
        }
    }
}

/// How exactly a float column must keep numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exactness {
    /// The server, or the caller, calls it a float: the nearest one will do.
    Nearest,
    /// It looked like a float: whole numbers beyond 2^53 are not rounded.
    WholeNumbers,
    /// A declared decimal: what has more than 15 significant digits is not rounded.
    Digits,
}

/// The type of a column while pages are read, and what may become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) column: ValueType,
    pub(crate) exactness: Exactness,
    /// The caller chose it: never widened.
    is_chosen: bool,
}

impl Kind {
    pub(crate) const TEXT: Self = Self::new(ValueType::Text, Exactness::Nearest);

    const fn new(column: ValueType, exactness: Exactness) -> Self {
        Self { column, exactness, is_chosen: false }
    }

    pub(crate) const fn chosen(column: ValueType) -> Self {
        Self { is_chosen: true, ..Self::new(column, Exactness::Nearest) }
    }

    /// This, of another type.
    pub(crate) const fn with(self, column: ValueType) -> Self {
        Self { column, ..self }
    }

    /// Whether numbers may be rounded to the nearest float.
    pub(crate) fn is_nearest(self) -> bool {
        self.exactness == Exactness::Nearest
    }

    pub(crate) const fn is_chosen(self) -> bool {
        self.is_chosen
    }

    /// Whether numbers must be read with their digits.
    pub(crate) fn needs_digits(self) -> bool {
        matches!(self.column, ValueType::Decimal { .. } | ValueType::Text)
            || self.exactness == Exactness::Digits
    }

    /// What the server's `dataType` says of a metric. `None` where it says nothing: the values
    /// decide.
    pub(crate) fn of_metric(data_type: Option<&str>, big_decimal: ValueType) -> Option<Self> {
        let (column, exactness) = match DeclaredType::of(data_type?)? {
            DeclaredType::Float => (ValueType::Float, Exactness::Nearest),
            DeclaredType::Decimal => (ValueType::Float, Exactness::Digits),
            DeclaredType::BigDecimal => (big_decimal, Exactness::Nearest),
            DeclaredType::Integer => (ValueType::Integer, Exactness::Nearest),
            DeclaredType::Boolean => (ValueType::Boolean, Exactness::Nearest),
            DeclaredType::Date => (ValueType::Date, Exactness::Nearest),
            DeclaredType::TimeStamp => (ValueType::Timestamp, Exactness::Nearest),
            // a time of day, text, bytes, and what later versions may know
            _ => (ValueType::Text, Exactness::Nearest),
        };
        Some(Self::new(column, exactness))
    }

    /// What the server's `dataType` says of a form: integers, dates and timestamps get their
    /// type, all else is text.
    pub(crate) fn of_form(data_type: Option<&str>) -> Self {
        let column = match data_type.and_then(DeclaredType::of) {
            Some(DeclaredType::Integer) => ValueType::Integer,
            Some(DeclaredType::Date) => ValueType::Date,
            Some(DeclaredType::TimeStamp) => ValueType::Timestamp,
            _ => return Self::TEXT,
        };
        Self::new(column, Exactness::Nearest)
    }

    /// What these values look like: the type of the first that is not null.
    pub(crate) fn guessed(cells: &[&Cell<'_>]) -> Self {
        let is_value = |cell: &&&Cell<'_>| ***cell != Cell::Null;
        let column = match cells.iter().find(is_value) {
            None | Some(Cell::Null | Cell::Float(_)) => ValueType::Float,
            Some(Cell::Digits(text)) if text.contains(['.', 'e', 'E']) => ValueType::Float,
            Some(Cell::Int(_) | Cell::Digits(_)) => ValueType::Integer,
            Some(Cell::Bool(_)) => ValueType::Boolean,
            Some(Cell::Text(text)) if crate::column::special(text).is_some() => ValueType::Float,
            Some(Cell::Text(_)) => ValueType::Text,
        };
        Self::new(column, Exactness::WholeNumbers)
    }

    /// The first of this type and wider ones that holds all these values: of integers floats, of
    /// dates timestamps, of everything text. A declared decimal becomes what `big_decimal` says
    /// before it becomes text.
    pub(crate) fn widened(self, cells: &[&Cell<'_>], big_decimal: ValueType) -> Self {
        if self.is_chosen {
            return self;
        }
        let float = Self::new(ValueType::Float, Exactness::WholeNumbers);
        let exact = Self::new(big_decimal, Exactness::Nearest);
        let timestamp = Self::new(ValueType::Timestamp, Exactness::Nearest);
        let steps = match (self.column, self.exactness) {
            (ValueType::Integer, _) => [self, float],
            (ValueType::Date, _) => [self, timestamp],
            (ValueType::Float, Exactness::Digits) => [self, exact],
            _ => [self, self],
        };
        steps.into_iter().find(|kind| kind.holds(cells)).unwrap_or(Self::TEXT)
    }

    /// Whether these values fit.
    pub(crate) fn holds(self, cells: &[&Cell<'_>]) -> bool {
        let mut column = Column::new(self);
        column.extend(cells.iter().copied()).is_ok()
    }
}
