//! Operators, and which operands each of them takes.

use super::Operand;

macro_rules! operators {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $takes:ident, $limits:literal;)*) => {
        /// An operator of view filters and metric limits (vendor documentation).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Operator { $($(#[$doc])* $variant,)* }

        impl Operator {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// As it is sent: `GreaterEqual`, `Rank.Top`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            fn class(self) -> Class {
                match self { $(Self::$variant => Class::$takes,)* }
            }

            /// Whether it can stand in a metric limit.
            pub fn can_limit_metrics(self) -> bool {
                match self { $(Self::$variant => $limits,)* }
            }
        }
    };
}

operators! {
    /// All operands hold.
    And = "And", Logic, false;
    /// At least one operand holds.
    Or = "Or", Logic, false;
    /// The operand does not hold.
    Not = "Not", Negation, false;
    /// In a list.
    In = "In", List, false;
    /// Not in a list.
    NotIn = "NotIn", List, false;
    /// Exactly.
    Equals = "Equals", Comparison, true;
    /// Different from.
    NotEqual = "NotEqual", Comparison, true;
    /// Greater than.
    Greater = "Greater", Comparison, true;
    /// Less than.
    Less = "Less", Comparison, true;
    /// Greater than or equal to.
    GreaterEqual = "GreaterEqual", Comparison, true;
    /// Less than or equal to.
    LessEqual = "LessEqual", Comparison, true;
    /// Between two constants.
    Between = "Between", Range, true;
    /// Not between two constants.
    NotBetween = "NotBetween", Range, true;
    /// Has no value.
    IsNull = "IsNull", Existence, true;
    /// Has a value.
    IsNotNull = "IsNotNull", Existence, true;
    /// Matches a pattern.
    Like = "Like", Text, false;
    /// Does not match a pattern.
    NotLike = "NotLike", Text, false;
    /// Contains a text.
    Contains = "Contains", Text, false;
    /// Does not contain a text.
    NotContains = "NotContains", Text, false;
    /// Begins with a text.
    BeginsWith = "BeginsWith", Text, false;
    /// Does not begin with a text.
    NotBeginsWith = "NotBeginsWith", Text, false;
    /// Ends with a text.
    EndsWith = "EndsWith", Text, false;
    /// Does not end with a text.
    NotEndsWith = "NotEndsWith", Text, false;
    /// The rank, counted from the greatest value, is this.
    RankEquals = "Rank.Equals", Rank, false;
    /// The rank is another.
    RankDifferentFrom = "Rank.DifferentFrom", Rank, false;
    /// The rank is between two constants.
    RankBetween = "Rank.Between", RankRange, false;
    /// The rank is not between two constants.
    RankNotBetween = "Rank.NotBetween", RankRange, false;
    /// Among the greatest.
    RankTop = "Rank.Top", Rank, true;
    /// Among the smallest.
    RankBottom = "Rank.Bottom", Rank, true;
    /// Not among the greatest.
    RankExcludeTop = "Rank.ExcludeTop", Rank, false;
    /// Not among the smallest.
    RankExcludeBottom = "Rank.ExcludeBottom", Rank, false;
    /// The percentage rank, counted from the greatest value, is this.
    PercentEquals = "Percent.Equals", Rank, false;
    /// The percentage rank is another.
    PercentDifferentFrom = "Percent.DifferentFrom", Rank, false;
    /// The percentage rank is between two constants.
    PercentBetween = "Percent.Between", RankRange, false;
    /// The percentage rank is not between two constants.
    PercentNotBetween = "Percent.NotBetween", RankRange, false;
    /// Among the greatest, in percent.
    PercentTop = "Percent.Top", Rank, true;
    /// Among the smallest, in percent.
    PercentBottom = "Percent.Bottom", Rank, true;
    /// Not among the greatest, in percent.
    PercentExcludeTop = "Percent.ExcludeTop", Rank, false;
    /// Not among the smallest, in percent.
    PercentExcludeBottom = "Percent.ExcludeBottom", Rank, false;
}

/// Operators that take the same operands.
#[derive(Clone, Copy)]
enum Class {
    Logic,
    Negation,
    List,
    Comparison,
    Range,
    Existence,
    Text,
    Rank,
    RankRange,
}

impl Operator {
    /// Whether it can be applied to operands of these kinds.
    pub(super) fn takes(self, operands: &[Operand]) -> bool {
        use Operand::{Attribute, Constant, Constants, Elements, Expression, Form, Metric};
        match (self.class(), operands) {
            (Class::Logic, [_, ..]) => operands.iter().all(|one| matches!(one, Expression(_))),
            (Class::Negation, [Expression(_)])
            | (Class::List, [Attribute(_), Elements(_)] | [Form(_), Constants(_)])
            | (Class::Comparison, [Form(_), Constant(_)] | [Metric(_), Metric(_)])
            | (Class::Range, [Form(_), Constant(_), Constant(_)])
            | (Class::Existence, [Form(_) | Metric(_)]) => true,
            (Class::Comparison, [Metric(_), Constant(one)]) => one.fits_metrics(),
            (Class::Range, [Metric(_), Constant(low), Constant(high)]) => {
                low.fits_metrics() && high.fits_metrics()
            }
            (Class::Text, [Form(_), Constant(one)]) => one.is_text(),
            (Class::Rank, [Metric(_), Constant(one)]) => one.is_number(),
            (Class::RankRange, [Metric(_), Constant(low), Constant(high)]) => {
                low.is_number() && high.is_number()
            }
            _ => false,
        }
    }

    /// Whether its constants are values of what it is applied to: ranks and percentages, and parts
    /// of texts, are none.
    pub(super) fn compares_values(self) -> bool {
        matches!(self.class(), Class::List | Class::Comparison | Class::Range)
    }

    /// The same in words.
    pub(super) fn wants(self) -> &'static str {
        match self.class() {
            Class::Logic => "one or more expressions",
            Class::Negation => "one expression",
            Class::List => "an attribute and elements, or a form and constants",
            Class::Comparison => {
                "a form and a constant, a metric and a number or a date, or two metrics"
            }
            Class::Range => "a form and two constants, or a metric and two numbers or dates",
            Class::Existence => "a form or a metric",
            Class::Text => "a form and a constant that is a text",
            Class::Rank => "a metric and a number",
            Class::RankRange => "a metric and two numbers",
        }
    }
}
