//! View filters and metric limits as expression trees.
//!
//! An expression starts from what it is about: [`attribute`], its [`form`](AttributeOperand::form)
//! or [`metric`]; conditions are joined by [`Expression::all`], [`Expression::any`] and
//! [`Expression::negate`]. [`Expression::check`] knows the server's rules, and nothing is sent that
//! breaks them.
//!
//! ```
//! use mstr_rest_api::expression::{Expression, attribute, metric};
//!
//! let filter = Expression::all([
//!     attribute("8D679D3711D3E4981000E787EC6DE8A4")
//!         .is_in(["8D679D3711D3E4981000E787EC6DE8A4:2"]),
//!     attribute("8D679D4211D3E4981000E787EC6DE8A4")
//!         .form("CCFBE2A5EADB4F50941FB879CCF1721C")
//!         .begins_with("The"),
//!     metric("7FD5B69611D5AC76C000D98A4CC5F24F").between(200_000, 400_000),
//! ]);
//! assert!(filter.check().is_ok());
//! assert_eq!(serde_json::to_value(&filter).unwrap()["operator"], "And");
//!
//! // texts are not looked for in metrics, and a list without elements chooses nothing
//! assert!(metric("7FD5B69611D5AC76C000D98A4CC5F24F").equals("much").check().is_err());
//! assert!(attribute("8D679D3711D3E4981000E787EC6DE8A4").is_in::<&str>([]).check().is_err());
//! ```
//!
//! Operands are ids. [`Expression::resolve`] takes names and a definition, and
//! [`Expression::check_against`] checks ids: the server may ignore a condition with an id that
//! does not exist.
//!
//! Operators, kinds of operands and their numbers are those of the vendor's documentation of view
//! filters and metric limits; the server answers 400 to others. Ranks and percentages count from
//! the greatest value.

mod constant;
pub(crate) mod names;
mod operand;
mod operator;

use mstr_rest_core::{Error, ErrorKind, Result};
use serde::ser::{Error as _, SerializeStruct};
use serde::{Serialize, Serializer};

pub use constant::{Constant, ConstantType};
pub use operand::{AttributeOperand, FormOperand, MetricOperand, Operand, attribute, metric};
pub use operator::Operator;

/// A condition: an operator and what it is applied to.
///
/// It is sent as `{"operator": .., "operands": [..]}`. Serialising one that
/// [`check`](Self::check) refuses fails.
///
/// ```
/// use mstr_rest_api::expression::{Expression, attribute, metric};
///
/// let condition = Expression::all([
///     attribute("8D679D4B").is_in(["8D679D4B:1", "8D679D4B:6"]),
///     metric("4C051770").greater_than(500_000),
/// ]);
/// assert!(condition.check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Expression {
    operator: Operator,
    operands: Vec<Operand>,
}

impl Expression {
    /// Any operator with any operands. Nothing is checked yet: [`check`](Self::check) does, and
    /// so does everything that sends it.
    ///
    /// ```
    /// use mstr_rest_api::expression::{Constant, ConstantType, Expression, Operator, metric};
    ///
    /// let limit = Constant::typed(ConstantType::BigDecimal, "12345678901234567890.5");
    /// let operands = [metric("4C05").into(), limit.into()];
    /// assert!(Expression::new(Operator::Greater, operands.clone()).check().is_ok());
    /// assert!(Expression::new(Operator::Between, operands).check().is_err()); // wants two
    /// ```
    pub fn new(operator: Operator, operands: impl IntoIterator<Item = Operand>) -> Self {
        Self { operator, operands: operands.into_iter().collect() }
    }

    /// All of them hold. One alone stays as it is; none at all is refused.
    pub fn all(conditions: impl IntoIterator<Item = Self>) -> Self {
        Self::join(Operator::And, conditions)
    }

    /// At least one of them holds. One alone stays as it is; none at all is refused.
    pub fn any(conditions: impl IntoIterator<Item = Self>) -> Self {
        Self::join(Operator::Or, conditions)
    }

    fn join(operator: Operator, conditions: impl IntoIterator<Item = Self>) -> Self {
        let mut conditions = conditions.into_iter();
        match (conditions.next(), conditions.next()) {
            (None, _) => Self::new(operator, []),
            (Some(one), None) => one,
            (Some(one), Some(other)) => {
                let all = [one, other].into_iter().chain(conditions);
                Self::new(operator, all.map(Operand::from))
            }
        }
    }

    /// It does not hold.
    pub fn negate(self) -> Self {
        Self::new(Operator::Not, [self.into()])
    }

    /// The operator.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// What it is applied to.
    pub fn operands(&self) -> &[Operand] {
        &self.operands
    }

    /// Whether the server could take it as a view filter: the operator fits the kinds and the
    /// number of operands, lists and ids are not empty, numbers are numbers. Whether the objects
    /// exist, [`check_against`](Self::check_against) a definition tells.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest), naming the operator.
    pub fn check(&self) -> Result<()> {
        for operand in &self.operands {
            match operand {
                Operand::Expression(nested) => nested.check()?,
                other => other.check()?,
            }
        }
        if self.operator.takes(&self.operands) {
            return Ok(());
        }
        let found: Vec<_> = self.operands.iter().map(Operand::kind).collect();
        let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
        let (operator, wanted) = (self.operator.name(), self.operator.wants());
        Err(invalid(format!("the operator {operator} wants as operands {wanted}; given: {found}")))
    }

    /// Whether the server could take it as the limit of that metric: a comparison, `Rank.Top`,
    /// `Rank.Bottom`, `Percent.Top` or `Percent.Bottom` whose first operand is the metric.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest), naming the operator or the metric.
    pub fn check_limit(&self, metric: &str) -> Result<()> {
        self.check()?;
        if !self.operator.can_limit_metrics() {
            let operator = self.operator.name();
            return Err(invalid(format!("the operator {operator} is none of metric limits")));
        }
        match self.operands.first() {
            Some(Operand::Metric(limited)) if limited.id() == metric => Ok(()),
            Some(Operand::Metric(limited)) => Err(invalid(format!(
                "the limit of the metric {metric} is about another one: {}",
                limited.id()
            ))),
            _ => Err(invalid(format!("the limit of the metric {metric} is about no metric"))),
        }
    }
}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        // operands of a tree were checked with it
        self.check().map_err(S::Error::custom)?;
        Tree(self).serialize(to)
    }
}

/// An expression that was checked.
struct Tree<'a>(&'a Expression);

impl Serialize for Tree<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut object = to.serialize_struct("Expression", 2)?;
        object.serialize_field("operator", self.0.operator.name())?;
        object.serialize_field("operands", &self.0.operands)?;
        object.end()
    }
}

fn invalid(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, what)
}

#[cfg(test)]
mod tests;
