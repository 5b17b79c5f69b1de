//! Prompts of reports and documents: questions that must be answered before there are data.

use serde_json::{Value as Json, json};

use crate::attribute::Attribute;
use crate::dataset::Dataset;
use crate::random;
use crate::value::Dates;

/// What a prompt asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    Value,
    Elements,
    Objects,
    Expression,
    Level,
}

impl Asks {
    pub(crate) fn wire(self) -> &'static str {
        match self {
            Self::Value => "VALUE",
            Self::Elements => "ELEMENTS",
            Self::Objects => "OBJECTS",
            Self::Expression => "EXPRESSION",
            Self::Level => "LEVEL",
        }
    }
}

/// A prompt of a [`Report`](crate::Report) or a [`Document`](crate::Document).
///
/// Answers to prompts for elements and expressions filter the report; other answers change nothing.
///
/// Documented by the vendor: the members of its definition, that an answer needs its `type`, what
/// an answer without a default gets, which windows `/elements` and `/objects` have, and that only
/// the key of a prompt is unique. Assumed: `objects` of prompts for objects come in an object with
/// a member `objects`, as those of other prompts do, and a search pattern finds what contains it,
/// whatever the case.
#[derive(Clone, Debug)]
pub struct Prompt {
    pub(crate) name: String,
    pub(crate) id: String,
    has_id: bool,
    pub(crate) asks: Asks,
    attribute: String,
    pub(crate) objects: Vec<(String, u32)>,
    pub(crate) required: bool,
    default: Option<String>,
    data_type: Json,
    pub(crate) round: usize,
}

impl Prompt {
    fn new(name: &str, asks: Asks) -> Self {
        Self {
            name: name.to_owned(),
            id: random::id_of(&format!("prompt {name}")),
            has_id: true,
            asks,
            attribute: String::new(),
            objects: Vec::new(),
            required: true,
            default: None,
            data_type: json!("TEXT"),
            round: 0,
        }
    }

    /// Asks for a text. Required unless it is made [`optional`](Self::optional).
    pub fn value(name: &str) -> Self {
        Self::new(name, Asks::Value)
    }

    /// Asks for elements of an attribute of the report, by the attribute's id. Without a
    /// [`default_answer`](Self::default_answer) its definition has `"defaultAnswer": []`, as in the
    /// vendor's sample.
    pub fn elements(name: &str, attribute: &str) -> Self {
        Self { attribute: attribute.to_owned(), ..Self::new(name, Asks::Elements) }
    }

    /// Asks for objects: ids and object types. Those that are attributes or metrics of the report
    /// have their names; others have their id as name.
    pub fn objects<'a>(name: &str, objects: impl IntoIterator<Item = (&'a str, u32)>) -> Self {
        let objects = objects.into_iter().map(|(id, kind)| (id.to_owned(), kind)).collect();
        Self { objects, ..Self::new(name, Asks::Objects) }
    }

    /// Asks for a condition, as view filters have them.
    pub fn expression(name: &str) -> Self {
        Self::new(name, Asks::Expression)
    }

    /// Asks for a level of aggregation: some of these units, by id.
    pub fn level<'a>(name: &str, units: impl IntoIterator<Item = &'a str>) -> Self {
        let objects = units.into_iter().map(|id| (id.to_owned(), 12)).collect();
        Self { objects, ..Self::new(name, Asks::Level) }
    }

    /// Sets the id.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self
    }

    /// Leaves the id out of its definition, as in some of the vendor's samples: only its key names
    /// it, and its name in answers.
    #[must_use]
    pub fn without_id(mut self) -> Self {
        self.has_id = false;
        self
    }

    /// Lets it be closed with an empty answer.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// Gives it a default answer, which `useDefault` takes: a text, or the id of an element.
    #[must_use]
    pub fn default_answer(mut self, answer: &str) -> Self {
        self.default = Some(answer.to_owned());
        self
    }

    /// Sets the `dataType` of a prompt for a value. Default: `TEXT`.
    #[must_use]
    pub fn data_type(mut self, name: &str) -> Self {
        self.data_type = json!(name);
        self
    }

    /// Sets the `dataType` of a prompt for a value to a number, as in one of the vendor's samples:
    /// 8 is a text there.
    #[must_use]
    pub fn data_type_number(mut self, number: i64) -> Self {
        self.data_type = json!(number);
        self
    }

    /// Asks only when all prompts of earlier rounds are closed: a nested prompt. The first
    /// round is 0, which is the default.
    #[must_use]
    pub fn in_round(mut self, round: usize) -> Self {
        self.round = round;
        self
    }

    /// The key of a prompt in an execution: id, kind and place.
    pub(crate) fn key(&self, at: usize) -> String {
        format!("{}@0@{}", self.id, 10 * (at + 1))
    }

    pub(crate) fn has_the_id(&self, id: &str) -> bool {
        self.has_id && self.id == id
    }

    /// The attribute whose elements it asks for.
    pub(crate) fn asked_attribute(&self, data: &Dataset) -> Option<usize> {
        (self.asks == Asks::Elements).then(|| data.attribute(&self.attribute))?
    }

    /// What can be chosen from; `None` for a prompt that offers no objects.
    pub(crate) fn object_list(&self, data: &Dataset) -> Option<Vec<Json>> {
        match self.asks {
            Asks::Level => {
                let units = self.objects.iter().map(|(id, _)| {
                    json!({ "id": id, "name": object_name(data, id), "type": "ATTRIBUTE" })
                });
                Some(units.collect())
            }
            Asks::Expression => {
                let attributes = data.attributes.iter().map(|one| described(data, &one.id, 12));
                let metrics = data.metrics.iter().map(|one| described(data, &one.id, 4));
                Some(attributes.chain(metrics).collect())
            }
            Asks::Objects => {
                Some(self.objects.iter().map(|(id, kind)| described(data, id, *kind)).collect())
            }
            Asks::Value | Asks::Elements => None,
        }
    }

    /// The default answer as a list of answers; `None` where there is none.
    pub(crate) fn default_list(&self, data: &Dataset) -> Option<Json> {
        let answer = self.default.as_deref()?;
        Some(match self.asks {
            Asks::Value => json!([answer]),
            Asks::Level => json!([{ "units": [{ "id": answer }] }]),
            Asks::Expression => json!([{ "content": answer }]),
            Asks::Objects => {
                let kind = self.objects.iter().find(|(id, _)| id == answer).map(|(_, kind)| *kind);
                json!([described(data, answer, kind.unwrap_or(12))])
            }
            Asks::Elements => {
                let attribute = self.asked_attribute(data).and_then(|at| data.attributes.get(at));
                let element = crate::filter::element_of(attribute, answer);
                let name = attribute.zip(element).map(|(one, element)| element_name(one, element));
                json!([{ "id": answer, "name": name }])
            }
        })
    }

    /// A list of answers as definitions show it: a value and a condition come without a list
    /// (vendor's samples).
    fn shown(&self, list: &Json) -> Json {
        let only = list.as_array().filter(|list| list.len() == 1).and_then(|list| list.first());
        match (self.asks, only) {
            (Asks::Value | Asks::Expression | Asks::Level, Some(only)) => only.clone(),
            _ => list.clone(),
        }
    }

    /// Its definition.
    pub(crate) fn describe(&self, at: usize, given: Option<&Json>, data: &Dataset) -> Json {
        let mut described = json!({
            "key": self.key(at),
            "name": self.name,
            "title": self.name,
            "type": self.asks.wire(),
            "required": self.required,
            "closed": given.is_some(),
            // Read by clients.
            "answers": given.map_or_else(|| json!([]), |given| self.shown(given)),
        });
        let Some(members) = described.as_object_mut() else { return described };
        if self.has_id {
            members.insert("id".to_owned(), json!(self.id));
        }
        match self.default_list(data) {
            Some(default) => {
                members.insert("defaultAnswer".to_owned(), self.shown(&default));
            }
            None if self.asks == Asks::Elements => {
                members.insert("defaultAnswer".to_owned(), json!([]));
            }
            None => {}
        }
        if self.asks == Asks::Value {
            members.insert("dataType".to_owned(), self.data_type.clone());
        }
        if self.asks == Asks::Elements {
            let name = object_name(data, &self.attribute);
            let source = json!({ "id": self.attribute, "name": name, "type": 12 });
            members.insert("source".to_owned(), source);
        }
        described
    }
}

/// The prompt that a path names, by its key or by its id (documented).
pub(crate) fn named<'a>(prompts: &'a [Prompt], key_or_id: &str) -> Option<&'a Prompt> {
    let mut all = prompts.iter().enumerate();
    let by_key = all.find(|(at, one)| one.key(*at) == key_or_id).map(|(_, one)| one);
    by_key.or_else(|| prompts.iter().find(|one| one.has_the_id(key_or_id)))
}

/// The name of an element where it is listed by name: its forms with colons between them, as in
/// the vendor's sample.
pub(crate) fn element_name(attribute: &Attribute, element: u64) -> String {
    let forms = attribute.all_forms().into_iter();
    let values = forms.filter_map(|form| attribute.form_value(form, element, Dates::default()));
    values.collect::<Vec<_>>().join(":")
}

fn object_name(data: &Dataset, id: &str) -> String {
    let attributes = data.attributes.iter().map(|one| (&one.id, &one.name));
    let mut all = attributes.chain(data.metrics.iter().map(|one| (&one.id, &one.name)));
    all.find(|(known, _)| *known == id).map_or_else(|| id.to_owned(), |(_, name)| name.clone())
}

fn described(data: &Dataset, id: &str, kind: u32) -> Json {
    json!({ "id": id, "name": object_name(data, id), "type": type_name(kind) })
}

/// The name of an object type. Documented are those of attributes and metrics; others are assumed.
fn type_name(kind: u32) -> Json {
    match kind {
        1 => json!("filter"),
        2 => json!("template"),
        3 => json!("report"),
        4 => json!("metric"),
        12 => json!("attribute"),
        14 => json!("hierarchy"),
        other => json!(other),
    }
}

/// Whether the type of an answer, a name or a number, is this one.
pub(crate) fn is_type(kind: u32, sent: Option<&Json>) -> bool {
    sent.is_some_and(|sent| *sent == json!(kind) || *sent == type_name(kind))
}
