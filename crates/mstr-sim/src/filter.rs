//! View filters and metric limits, applied row by row.

use std::collections::HashSet;

use crate::attribute::Attribute;
use crate::comparison::{self, Test};
use crate::dataset::Dataset;
use crate::rank::Rank;
use crate::value::Dates;

/// What is wrong with an expression; the client gets it as 400 `ERR006`.
pub(crate) type Invalid = String;

/// A condition on a row of the flat table.
#[derive(Clone, Debug)]
pub(crate) enum Filter {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    /// The attribute's element is one of these.
    Elements(usize, HashSet<u64>),
    Metric(usize, Test),
    Form(usize, usize, Test),
    Rank(usize, Rank),
    /// A metric compared with another one.
    Metrics(usize, String, usize),
    /// About what is not there: never satisfied (documented as one of the possible outcomes).
    Never,
}

impl Filter {
    /// Gives its ranks the values among which they rank: those of this table.
    pub(crate) fn rank(&mut self, data: &Dataset) {
        match self {
            Self::And(all) | Self::Or(all) => all.iter_mut().for_each(|one| one.rank(data)),
            Self::Not(one) => one.rank(data),
            Self::Rank(metric, rank) => rank.among(data, *metric),
            Self::Elements(..)
            | Self::Metric(..)
            | Self::Metrics(..)
            | Self::Form(..)
            | Self::Never => {}
        }
    }

    /// Whether a row of the flat table passes.
    pub(crate) fn passes(&self, data: &Dataset, row: u64) -> bool {
        let elements = data.elements(data.place(row));
        self.holds(data, row, &elements)
    }

    fn holds(&self, data: &Dataset, row: u64, elements: &[u64]) -> bool {
        match self {
            Self::And(all) => all.iter().all(|one| one.holds(data, row, elements)),
            Self::Or(all) => all.iter().any(|one| one.holds(data, row, elements)),
            Self::Not(one) => !one.holds(data, row, elements),
            Self::Never => false,
            Self::Elements(attribute, chosen) => {
                elements.get(*attribute).is_some_and(|element| chosen.contains(element))
            }
            Self::Metric(metric, test) => {
                let cell = data.cell(*metric, row, 0);
                let shown = (!cell.is_null()).then(|| cell.text(true));
                test.holds(shown.as_deref(), cell.number())
            }
            Self::Metrics(metric, operator, other) => {
                let number = |metric: usize| data.cell(metric, row, 0).number();
                let order = number(*metric).zip(number(*other));
                order
                    .and_then(|(one, two)| one.partial_cmp(&two))
                    .is_some_and(|order| comparison::holds_in_order(operator, order))
            }
            Self::Rank(metric, rank) => {
                data.cell(*metric, row, 0).number().is_some_and(|value| rank.holds(value))
            }
            Self::Form(attribute, form, test) => {
                let element = elements.get(*attribute).copied().unwrap_or_default();
                let dates = Dates { iso_forms: true, iso_raw: true };
                let value = data.attributes.get(*attribute);
                let value = value.and_then(|one| one.form_value(*form, element, dates));
                let number = value.as_deref().and_then(|text| text.parse().ok());
                test.holds(value.as_deref(), number)
            }
        }
    }
}

/// The element that an id means: `h5;<attribute>` as results have it, or `<attribute>:5` as lists
/// of elements do.
pub(crate) fn element(data: &Dataset, attribute: usize, id: &str) -> Option<u64> {
    element_of(data.attributes.get(attribute), id)
}

/// The same, of an attribute that may not be there.
pub(crate) fn element_of(attribute: Option<&Attribute>, id: &str) -> Option<u64> {
    let attribute = attribute?;
    let number = match id.split_once(';') {
        Some((number, rest)) => {
            let owner = rest.split(';').next()?;
            (owner == attribute.id).then(|| number.strip_prefix('h'))??
        }
        None => id.strip_prefix(attribute.id.as_str())?.strip_prefix(':')?,
    };
    let element = number.parse::<u64>().ok()?.checked_sub(1)?;
    (element < attribute.elements).then_some(element)
}
