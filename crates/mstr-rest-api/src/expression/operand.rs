//! Operands: attributes, forms, metrics, and what they are compared with.

use mstr_rest_core::Result;
use serde::{Serialize, Serializer};
use serde_json::json;

use super::constant::Constant;
use super::{Expression, Operator, Tree, invalid};

/// What an operator is applied to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operand {
    /// Another expression.
    Expression(Expression),
    /// An attribute, for a list of its elements.
    Attribute(AttributeOperand),
    /// Elements by id: `h2;8D67..` as results have it, or `8D67..:2` as lists of elements do.
    Elements(Vec<String>),
    /// A form of an attribute.
    Form(FormOperand),
    /// A metric.
    Metric(MetricOperand),
    /// A value to compare with.
    Constant(Constant),
    /// Values to compare with, all of one type.
    Constants(Vec<Constant>),
}

/// An attribute of a report or cube, by id.
pub fn attribute(id: impl Into<String>) -> AttributeOperand {
    AttributeOperand(id.into())
}

/// A metric of a report or cube, by id.
pub fn metric(id: impl Into<String>) -> MetricOperand {
    MetricOperand(id.into())
}

/// From [`attribute`]: what can be said of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct AttributeOperand(pub(super) String);

impl AttributeOperand {
    /// One of its forms, by id.
    pub fn form(self, id: impl Into<String>) -> FormOperand {
        FormOperand { attribute: self.0, form: id.into() }
    }

    /// Its element is one of these, by id. An empty list is refused.
    pub fn is_in<I: Into<String>>(self, elements: impl IntoIterator<Item = I>) -> Expression {
        self.list(Operator::In, elements)
    }

    /// Its element is none of these, by id. An empty list is refused.
    pub fn is_not_in<I: Into<String>>(self, elements: impl IntoIterator<Item = I>) -> Expression {
        self.list(Operator::NotIn, elements)
    }

    fn list<I: Into<String>>(
        self,
        operator: Operator,
        elements: impl IntoIterator<Item = I>,
    ) -> Expression {
        let elements = elements.into_iter().map(Into::into).collect();
        Expression::new(operator, [self.into(), Operand::Elements(elements)])
    }
}

/// From [`AttributeOperand::form`]: what can be said of a form of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct FormOperand {
    pub(super) attribute: String,
    pub(super) form: String,
}

/// From [`metric`]: what can be said of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct MetricOperand(pub(super) String);

macro_rules! comparisons {
    ($($(#[$doc:meta])* $method:ident: $operator:ident;)*) => {
        $($(#[$doc])*
        pub fn $method(self, value: impl Into<Constant>) -> Expression {
            let value = Self::fitting(value.into());
            Expression::new(Operator::$operator, [self.into(), value.into()])
        })*

        /// Between two values.
        pub fn between(self, low: impl Into<Constant>, high: impl Into<Constant>) -> Expression {
            let constants = [low.into(), high.into()].map(|one| Self::fitting(one).into());
            Expression::new(Operator::Between, [self.into()].into_iter().chain(constants))
        }

        /// Not between two values.
        pub fn not_between(
            self,
            low: impl Into<Constant>,
            high: impl Into<Constant>,
        ) -> Expression {
            let constants = [low.into(), high.into()].map(|one| Self::fitting(one).into());
            Expression::new(Operator::NotBetween, [self.into()].into_iter().chain(constants))
        }

        /// Has no value.
        pub fn is_null(self) -> Expression {
            Expression::new(Operator::IsNull, [self.into()])
        }

        /// Has a value.
        pub fn is_not_null(self) -> Expression {
            Expression::new(Operator::IsNotNull, [self.into()])
        }
    };
}

impl FormOperand {
    comparisons! {
        /// Exactly this.
        equals: Equals;
        /// Different from this.
        not_equals: NotEqual;
        /// Greater than this.
        greater_than: Greater;
        /// Less than this.
        less_than: Less;
        /// Greater than this or equal to it.
        greater_or_equal: GreaterEqual;
        /// Less than this or equal to it.
        less_or_equal: LessEqual;
        /// A text form matches this pattern.
        like: Like;
        /// A text form does not match this pattern.
        not_like: NotLike;
        /// A text form contains this.
        contains: Contains;
        /// A text form does not contain this.
        not_contains: NotContains;
        /// A text form begins with this.
        begins_with: BeginsWith;
        /// A text form does not begin with this.
        not_begins_with: NotBeginsWith;
        /// A text form ends with this.
        ends_with: EndsWith;
        /// A text form does not end with this.
        not_ends_with: NotEndsWith;
    }

    fn fitting(constant: Constant) -> Constant {
        constant.for_form()
    }

    /// One of these values, all of one type. An empty list is refused.
    pub fn is_in<C: Into<Constant>>(self, values: impl IntoIterator<Item = C>) -> Expression {
        let values = values.into_iter().map(|one| Self::fitting(one.into())).collect();
        Expression::new(Operator::In, [self.into(), Operand::Constants(values)])
    }

    /// None of these values, all of one type. An empty list is refused.
    pub fn is_not_in<C: Into<Constant>>(self, values: impl IntoIterator<Item = C>) -> Expression {
        let values = values.into_iter().map(|one| Self::fitting(one.into())).collect();
        Expression::new(Operator::NotIn, [self.into(), Operand::Constants(values)])
    }
}

impl MetricOperand {
    comparisons! {
        /// Exactly this.
        equals: Equals;
        /// Different from this.
        not_equals: NotEqual;
        /// Greater than this.
        greater_than: Greater;
        /// Less than this.
        less_than: Less;
        /// Greater than this or equal to it.
        greater_or_equal: GreaterEqual;
        /// Less than this or equal to it.
        less_or_equal: LessEqual;
    }

    fn fitting(constant: Constant) -> Constant {
        constant
    }

    /// Compared with another metric, by one of the six comparisons `Equals` to `LessEqual`.
    pub fn compared(self, operator: Operator, other: Self) -> Expression {
        Expression::new(operator, [self.into(), other.into()])
    }

    /// Among so many of the greatest values.
    pub fn top(self, number: u64) -> Expression {
        self.ranked(Operator::RankTop, number)
    }

    /// Among so many of the smallest values.
    pub fn bottom(self, number: u64) -> Expression {
        self.ranked(Operator::RankBottom, number)
    }

    /// Among the greatest values, so many percent of all: sent as `20%`.
    pub fn top_percent(self, percent: f64) -> Expression {
        self.ranked(Operator::PercentTop, Constant::percent(percent))
    }

    /// Among the smallest values, so many percent of all: sent as `20%`.
    pub fn bottom_percent(self, percent: f64) -> Expression {
        self.ranked(Operator::PercentBottom, Constant::percent(percent))
    }

    /// Any operator of rank or percentage rank that takes one number.
    pub fn ranked(self, operator: Operator, number: impl Into<Constant>) -> Expression {
        Expression::new(operator, [self.into(), number.into().into()])
    }

    pub(super) fn id(&self) -> &str {
        &self.0
    }
}

impl From<Expression> for Operand {
    fn from(expression: Expression) -> Self {
        Self::Expression(expression)
    }
}

impl From<AttributeOperand> for Operand {
    fn from(attribute: AttributeOperand) -> Self {
        Self::Attribute(attribute)
    }
}

impl From<FormOperand> for Operand {
    fn from(form: FormOperand) -> Self {
        Self::Form(form)
    }
}

impl From<MetricOperand> for Operand {
    fn from(metric: MetricOperand) -> Self {
        Self::Metric(metric)
    }
}

impl From<Constant> for Operand {
    fn from(constant: Constant) -> Self {
        Self::Constant(constant)
    }
}

impl Operand {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Expression(_) => "expression",
            Self::Attribute(_) => "attribute",
            Self::Elements(_) => "elements",
            Self::Form(_) => "form",
            Self::Metric(_) => "metric",
            Self::Constant(constant) if constant.is_text() => "constant (a text)",
            Self::Constant(_) => "constant",
            Self::Constants(_) => "constants",
        }
    }

    /// The operand itself; expressions check themselves.
    pub(super) fn check(&self) -> Result<()> {
        let named = |what: &str, id: &str| match id {
            "" => Err(invalid(format!("the id of {what} of an expression is empty"))),
            _ => Ok(()),
        };
        match self {
            Self::Expression(_) => Ok(()),
            Self::Attribute(attribute) => named("an attribute", &attribute.0),
            Self::Form(form) => {
                named("an attribute", &form.attribute)?;
                named("a form", &form.form)
            }
            Self::Metric(metric) => named("a metric", &metric.0),
            Self::Elements(ids) if ids.is_empty() => {
                Err(invalid("a list of elements in an expression is empty"))
            }
            Self::Elements(ids) => ids.iter().try_for_each(|id| named("an element", id)),
            Self::Constant(constant) => constant.check(),
            Self::Constants(constants) => {
                let Some(first) = constants.first() else {
                    return Err(invalid("a list of constants in an expression is empty"));
                };
                if constants.iter().any(|one| one.data_type != first.data_type) {
                    return Err(invalid("the constants of a list have different data types"));
                }
                constants.iter().try_for_each(Constant::check)
            }
        }
    }
}

impl Serialize for Operand {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Expression(nested) => return Tree(nested).serialize(to),
            Self::Attribute(attribute) => json!({ "type": "attribute", "id": attribute.0 }),
            Self::Elements(ids) => {
                let elements: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
                json!({ "type": "elements", "elements": elements })
            }
            Self::Form(form) => json!({
                "type": "form",
                "attribute": { "id": form.attribute },
                "form": { "id": form.form },
            }),
            Self::Metric(metric) => json!({ "type": "metric", "id": metric.0 }),
            Self::Constant(constant) => json!({
                "type": "constant",
                "dataType": constant.data_type.name(),
                "value": constant.value,
            }),
            Self::Constants(constants) => {
                let data_type = constants.first().map(|first| first.data_type.name());
                let values: Vec<_> = constants.iter().map(|one| &one.value).collect();
                json!({ "type": "constants", "dataType": data_type, "values": values })
            }
        }
        .serialize(to)
    }
}
