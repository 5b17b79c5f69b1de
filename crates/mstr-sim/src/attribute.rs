//! Attributes of reports and cubes, their forms and elements.

use crate::dataset::DataType;
use crate::random;
use crate::value::{Cell, Dates, date};

/// A form of an attribute: its description, its id ...
#[derive(Clone, Debug)]
pub struct Form {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) data_type: DataType,
}

impl Form {
    /// A form with an id that follows from its name. Form values are always text on the wire,
    /// whatever the type says.
    pub fn new(name: &str, data_type: DataType) -> Self {
        Self { name: name.to_owned(), id: random::id_of(&format!("form {name}")), data_type }
    }

    /// Sets the id.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self
    }
}

/// What kind of object stands in an attribute's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Attribute,
    CustomGroup,
    Consolidation,
}

/// Where an attribute stands in a report's grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axis {
    Rows,
    Columns,
    Pages,
}

/// An attribute of a report or a cube.
///
/// Its elements are numbered; `Region` with three of them has `Region 1`, `Region 2` and
/// `Region 3`, unless their values are [listed](Self::labels).
#[derive(Clone, Debug)]
pub struct Attribute {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) axis: Axis,
    pub(crate) forms: Vec<Form>,
    pub(crate) elements: u64,
    /// The form values of each element, if they are not generated.
    pub(crate) labels: Vec<Vec<String>>,
    pub(crate) ragged: bool,
    /// The group that each element belongs to, if it has groups in two levels; a group belongs to
    /// itself.
    pub(crate) parents: Vec<u64>,
    /// Every so many rows have no element of it; 0 is never.
    pub(crate) empty_every: u64,
}

/// In place of the number of an element: a row has none (index -1 in headers, recorded).
pub(crate) const ABSENT: u64 = u64::MAX;

impl Attribute {
    /// An attribute with so many elements, one at least, and one text form, `DESC`. Its id
    /// follows from its name.
    pub fn new(name: &str, elements: u64) -> Self {
        Self {
            name: name.to_owned(),
            id: random::id_of(&format!("attribute {name}")),
            kind: Kind::Attribute,
            axis: Axis::Rows,
            forms: vec![Form::new("DESC", DataType::VarChar)],
            elements: elements.max(1),
            labels: Vec::new(),
            ragged: false,
            parents: Vec::new(),
            empty_every: 0,
        }
    }

    /// An attribute with these elements: a list of form values for each. Without any it has one
    /// element without a value.
    pub fn labels<E, V>(name: &str, elements: impl IntoIterator<Item = E>) -> Self
    where
        E: IntoIterator<Item = V>,
        V: Into<String>,
    {
        let labels: Vec<Vec<String>> = elements
            .into_iter()
            .map(|values| values.into_iter().map(Into::into).collect())
            .collect();
        Self { labels: labels.clone(), ..Self::new(name, labels.len() as u64) }
    }

    /// Sets the id.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self
    }

    /// Sets the forms, in the order in which they are shown.
    #[must_use]
    pub fn forms(mut self, forms: impl IntoIterator<Item = Form>) -> Self {
        self.forms = forms.into_iter().collect();
        self
    }

    /// Leaves out the forms after the first one for every third element.
    #[must_use]
    pub fn ragged(mut self) -> Self {
        self.ragged = true;
        self
    }

    /// Puts it on the columns of a report's grid: a cross-tab.
    #[must_use]
    pub fn on_columns(mut self) -> Self {
        self.axis = Axis::Columns;
        self
    }

    /// Puts it on the page-by axis of a report's grid.
    #[must_use]
    pub fn on_pages(mut self) -> Self {
        self.axis = Axis::Pages;
        self
    }

    /// Makes it a custom group: its elements have a name and no forms.
    #[must_use]
    pub fn custom_group(mut self) -> Self {
        self.kind = Kind::CustomGroup;
        self.forms.clear();
        self
    }

    /// A custom group of groups: its header has two columns (`headerCount` 2, as a vendor's client
    /// reads it). Each group is an element with a line of its own, before those of its parts; in
    /// that line the second column repeats the first one, which stands for nothing. The table has
    /// two columns for it, `NAME` and `NAME 2`.
    pub fn custom_group_levels<G, P>(
        name: &str,
        groups: impl IntoIterator<Item = (G, impl IntoIterator<Item = P>)>,
    ) -> Self
    where
        G: Into<String>,
        P: Into<String>,
    {
        let (mut labels, mut parents): (Vec<[String; 1]>, Vec<u64>) = (Vec::new(), Vec::new());
        for (group, parts) in groups {
            let parent = labels.len() as u64;
            labels.push([group.into()]);
            labels.extend(parts.into_iter().map(|part| [part.into()]));
            parents.resize(labels.len(), parent);
        }
        Self { parents, ..Self::labels(name, labels).custom_group() }
    }

    /// Lets every so many rows have no element of it: their cells are empty, with the index -1 in
    /// the headers (recorded). 0 is never, the default.
    #[must_use]
    pub fn empty_every(mut self, rows: u64) -> Self {
        self.empty_every = rows;
        self
    }

    /// Makes it a consolidation: its elements have a name and no forms.
    #[must_use]
    pub fn consolidation(mut self) -> Self {
        self.kind = Kind::Consolidation;
        self.forms.clear();
        self
    }

    /// The value of a form; `None` where a ragged element has none. What has no forms has its
    /// name as form 0.
    pub(crate) fn form_value(&self, form: usize, element: u64, dates: Dates) -> Option<String> {
        if element == ABSENT || (self.ragged && form > 0 && element % 3 == 2) {
            return None;
        }
        if let Some(parent) = usize::try_from(element).ok().and_then(|at| self.parents.get(at)) {
            let shown =
                if form == 0 { Some(*parent) } else { (*parent != element).then_some(element) };
            return self.label(shown?);
        }
        if !self.labels.is_empty() {
            let values = self.labels.get(usize::try_from(element).ok()?)?;
            return values.get(form).cloned();
        }
        let number = element + 1;
        let day = i64::try_from(element).unwrap_or_default();
        Some(match self.forms.get(form).map(|form| (form.data_type, form.name.as_str())) {
            None => format!("{} {number}", self.name),
            Some((DataType::VarChar, _)) if form == 0 => format!("{} {number}", self.name),
            Some((DataType::VarChar, form)) => format!("{} {form} {number}", self.name),
            Some((DataType::Integer | DataType::BigDecimal, _)) => number.to_string(),
            Some((DataType::Double | DataType::Reserved, _)) => format!("{number}.5"),
            Some((DataType::Date, _)) => date(day, dates.iso_forms),
            Some((DataType::Time, _)) => Cell::Time(day % 86_400).text(dates.iso_forms),
            Some((DataType::TimeStamp, _)) => Cell::Stamp(day * 3600).text(dates.iso_forms),
        })
    }

    /// The name of a listed element.
    pub(crate) fn label(&self, element: u64) -> Option<String> {
        self.labels.get(usize::try_from(element).ok()?)?.first().cloned()
    }

    /// The numbers that stand for an element in the header of a line: its own, or those of its
    /// group and its own.
    pub(crate) fn header(&self, element: u64) -> impl Iterator<Item = u64> + use<> {
        let parent = usize::try_from(element).ok().and_then(|at| self.parents.get(at));
        parent.copied().into_iter().chain([element])
    }

    /// The names of its columns in a table: its name, or one `Name@Form` for each of several
    /// forms.
    pub(crate) fn columns(&self, forms: &[usize]) -> Vec<String> {
        if forms.len() < 2 {
            return vec![self.name.clone()];
        }
        if !self.parents.is_empty() {
            return vec![self.name.clone(), format!("{} 2", self.name)];
        }
        let forms = forms.iter().filter_map(|form| self.forms.get(*form));
        forms.map(|form| format!("{}@{}", self.name, form.name)).collect()
    }

    /// How many values an element shows: what has no forms shows its name.
    pub(crate) fn all_forms(&self) -> Vec<usize> {
        let least = if self.parents.is_empty() { 1 } else { 2 };
        (0..self.forms.len().max(least)).collect()
    }
}
