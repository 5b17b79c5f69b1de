//! One page's elements of one unit, as the values of its columns.

use std::sync::Arc;

use arrow_array::{
    Array as _, ArrayRef, DictionaryArray, Int32Array, StringArray, UInt32Array, types::Int32Type,
};
use arrow_schema::ArrowError;
use arrow_select::take::take;

use crate::column::{Column, Unfit, form_value};
use crate::definition::{Element, Unit};
use crate::dictionary::{Dictionary, Full, MOST_BYTES};
use crate::page::{Cell, NO_ELEMENT};
use crate::value_type::{Kind, ValueType};

/// The elements of one header entry of a unit. An index is an element of the page, or
/// [`NO_ELEMENT`].
#[derive(Debug)]
pub(crate) struct Codes {
    pub(crate) forms: Vec<Form>,
    pub(crate) subtotal: Vec<bool>,
    pub(crate) any_subtotal: bool,
    /// Numbers of the elements that hold over all pages; only where rows are put together.
    pub(crate) identities: Vec<u32>,
}

/// The values of a form, element by element.
#[derive(Debug)]
pub(crate) enum Form {
    /// Keys of a dictionary that grows from page to page.
    Shared(Vec<Option<i32>>),
    /// Text of this page alone.
    Local(StringArray),
    /// Values of another type.
    Typed(ArrayRef),
}

impl Codes {
    pub(crate) fn identity(&self, element: u32) -> u32 {
        self.identities.get(element as usize).copied().unwrap_or(NO_ELEMENT)
    }

    pub(crate) fn is_subtotal(&self, element: u32) -> bool {
        self.subtotal.get(element as usize).copied().unwrap_or(false)
    }

    /// The keys of an element, form after form.
    pub(crate) fn keys(&self, element: u32) -> impl Iterator<Item = Option<i32>> {
        self.forms.iter().map(move |form| match form {
            Form::Shared(keys) => keys.get(element as usize).copied().flatten(),
            _ => None,
        })
    }
}

impl Form {
    /// The texts of a form, keyed in a dictionary of all pages.
    pub(crate) fn shared(
        unit: &Unit<'_>,
        form: usize,
        dictionary: &mut Dictionary,
    ) -> Result<Self, Full> {
        let key =
            |element: &Element<'_>| element.text(form).map(|text| dictionary.key(text)).transpose();
        Ok(Self::Shared(unit.elements.iter().map(key).collect::<Result<_, _>>()?))
    }

    /// The texts of a form on this page.
    pub(crate) fn local(unit: &Unit<'_>, form: usize) -> Result<Self, Full> {
        let texts = || unit.elements.iter().map(|element| element.text(form));
        let bytes: usize = texts().flatten().map(str::len).sum();
        if bytes > MOST_BYTES {
            return Err(Full);
        }
        Ok(Self::Local(texts().collect()))
    }

    /// The values of a form in a column of that kind. The names of subtotals are none.
    pub(crate) fn typed(unit: &Unit<'_>, form: usize, kind: Kind) -> Result<Self, Unfit> {
        let mut column = Column::new(kind);
        for element in &unit.elements {
            let text = element.text(form).filter(|_| !element.subtotal);
            let cell = text.map_or(Ok(Cell::Null), |text| form_value(text, kind.column))?;
            column.append(&cell)?;
        }
        column.finish().map(Self::Typed).map_err(|_| Unfit)
    }

    /// The first of that kind and wider ones that holds all values of the form.
    pub(crate) fn widened(unit: &Unit<'_>, form: usize, kind: Kind) -> Kind {
        let timestamp = kind.with(ValueType::Timestamp);
        let steps = match kind.column {
            ValueType::Date => [kind, timestamp],
            _ => [kind, kind],
        };
        let holds = |kind: &Kind| Self::typed(unit, form, *kind).is_ok();
        steps.into_iter().find(holds).unwrap_or(Kind::TEXT)
    }

    /// The column of these elements.
    pub(crate) fn column(
        &self,
        elements: &[u32],
        dictionary: &mut Dictionary,
    ) -> Result<ArrayRef, ArrowError> {
        match self {
            Self::Shared(keys) => {
                let key = |element: &u32| keys.get(*element as usize).copied().flatten();
                dictionary.array(key_column(elements, keys.contains(&None), key))
            }
            Self::Local(texts) => {
                let key = |element: &u32| {
                    let place = *element as usize;
                    (place < texts.len() && texts.is_valid(place))
                        .then(|| i32::try_from(*element).ok())
                        .flatten()
                };
                let keys = key_column(elements, texts.null_count() > 0, key);
                let texts = Arc::new(texts.clone());
                Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, texts)?))
            }
            Self::Typed(values) => {
                let place = |element: &u32| (*element != NO_ELEMENT).then_some(*element);
                let places: UInt32Array = elements.iter().map(place).collect();
                take(values, &places, None)
            }
        }
    }
}

/// A column of keys. Mostly none of them is null, which is worth knowing beforehand.
fn key_column(elements: &[u32], any_null: bool, key: impl Fn(&u32) -> Option<i32>) -> Int32Array {
    if any_null || elements.contains(&NO_ELEMENT) {
        return elements.iter().map(key).collect();
    }
    elements.iter().map(|element| key(element).unwrap_or_default()).collect::<Vec<_>>().into()
}

/// The elements of a page, header entry by header entry.
pub(crate) struct PageCodes<'p> {
    /// The element that each page-by unit shows.
    pub(crate) shown: &'p [u32],
    pub(crate) shown_codes: &'p [Codes],
    pub(crate) row_codes: &'p [Codes],
    pub(crate) column_codes: &'p [Codes],
}

/// A combination of elements of the column units, without the metrics.
pub(crate) struct Group {
    /// An element for each attribute in columns.
    pub(crate) elements: Vec<u32>,
    /// The grid column of each metric; of the one and only column where metrics are in rows.
    pub(crate) cells: Vec<Option<usize>>,
}

/// Whether one of these elements is a subtotal. Elements of metrics do not count.
pub(crate) fn any_subtotal(codes: &[Codes], elements: &[u32]) -> bool {
    codes.iter().zip(elements).any(|(codes, element)| codes.is_subtotal(*element))
}
