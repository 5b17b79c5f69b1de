//! Prompts of reports: questions that must be answered before there are data.

use serde_json::{Value as Json, json};

use crate::dataset::Dataset;
use crate::random;

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
    fn wire(self) -> &'static str {
        match self {
            Self::Value => "VALUE",
            Self::Elements => "ELEMENTS",
            Self::Objects => "OBJECTS",
            Self::Expression => "EXPRESSION",
            Self::Level => "LEVEL",
        }
    }
}

/// A prompt of a [`Report`](crate::Report).
///
/// Answers to prompts for elements and expressions filter the report; other answers change nothing.
#[derive(Clone, Debug)]
pub struct Prompt {
    pub(crate) name: String,
    pub(crate) id: String,
    asks: Asks,
    attribute: String,
    objects: Vec<(String, u32)>,
    required: bool,
    default: Option<Json>,
    pub(crate) round: usize,
}

impl Prompt {
    fn new(name: &str, asks: Asks) -> Self {
        Self {
            name: name.to_owned(),
            id: random::id_of(&format!("prompt {name}")),
            asks,
            attribute: String::new(),
            objects: Vec::new(),
            required: true,
            default: None,
            round: 0,
        }
    }

    /// Asks for a text. Required unless it is made [`optional`](Self::optional).
    pub fn value(name: &str) -> Self {
        Self::new(name, Asks::Value)
    }

    /// Asks for elements of an attribute of the report, by the attribute's id.
    pub fn elements(name: &str, attribute: &str) -> Self {
        Self { attribute: attribute.to_owned(), ..Self::new(name, Asks::Elements) }
    }

    /// Asks for objects: ids and object types.
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

    /// Lets it be closed with an empty answer.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// Gives it a default answer, which `useDefault` takes: a text, or the id of an element.
    #[must_use]
    pub fn default_answer(mut self, answer: &str) -> Self {
        self.default = Some(match self.asks {
            Asks::Value => json!([answer]),
            Asks::Level => json!([{ "units": [{ "id": answer }] }]),
            Asks::Expression => json!([{ "content": answer }]),
            Asks::Elements | Asks::Objects => json!([{ "id": answer }]),
        });
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
    fn key(&self, at: usize) -> String {
        format!("{}@0@{}", self.id, 10 * (at + 1))
    }

    /// Whether this id or key names it.
    pub(crate) fn is(&self, named: &str) -> bool {
        named.split('@').next() == Some(self.id.as_str())
    }

    /// The attribute whose elements it asks for.
    pub(crate) fn asked_attribute(&self, data: &Dataset) -> Option<usize> {
        (self.asks == Asks::Elements).then(|| data.attribute(&self.attribute))?
    }

    /// What can be chosen from. Numbered types come in a list, named ones in an object
    /// (documented).
    pub(crate) fn object_list(&self, data: &Dataset) -> Option<Json> {
        let objects = self.objects.iter();
        let named = |id: &str, kind: &str| json!({ "id": id, "name": id, "type": kind });
        if self.asks == Asks::Level {
            let units: Vec<_> = objects.map(|(id, _)| named(id, "ATTRIBUTE")).collect();
            return Some(json!({ "objects": units }));
        }
        if self.asks == Asks::Expression {
            let attributes = data.attributes.iter().map(|one| named(&one.id, "attribute"));
            let metrics = data.metrics.iter().map(|one| named(&one.id, "metric"));
            return Some(json!({ "objects": attributes.chain(metrics).collect::<Vec<_>>() }));
        }
        let list: Vec<_> =
            objects.map(|(id, kind)| json!({ "id": id, "name": id, "type": kind })).collect();
        (self.asks == Asks::Objects).then(|| json!(list))
    }

    fn describe(&self, at: usize, given: Option<&Json>) -> Json {
        let mut described = json!({
            "id": self.id,
            "key": self.key(at),
            "name": self.name,
            "title": self.name,
            "type": self.asks.wire(),
            "required": self.required,
            "closed": given.is_some(),
            // Read by clients.
            "answers": given.cloned().unwrap_or_else(|| json!([])),
        });
        if let (Some(members), Some(default)) = (described.as_object_mut(), &self.default) {
            members.insert("defaultAnswer".to_owned(), default.clone());
        }
        if let (Some(members), Asks::Elements) = (described.as_object_mut(), self.asks) {
            let attribute = json!({ "id": self.attribute, "type": 12 });
            members.insert("source".to_owned(), attribute);
        }
        described
    }
}

/// How far the prompts of one execution are answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers {
    /// Answers by the place of their prompt.
    given: Vec<Option<Json>>,
}

impl Answers {
    pub(crate) fn new(prompts: &[Prompt]) -> Self {
        Self { given: vec![None; prompts.len()] }
    }

    fn is_closed(&self, at: usize) -> bool {
        self.given.get(at).is_some_and(Option::is_some)
    }

    /// The round whose prompts are asked now; `None` when all are closed.
    pub(crate) fn round(&self, prompts: &[Prompt]) -> Option<usize> {
        let open = prompts.iter().enumerate().filter(|(at, _)| !self.is_closed(*at));
        open.map(|(_, prompt)| prompt.round).min()
    }

    /// The prompts that were asked so far, or only those that are (not) closed.
    pub(crate) fn list(&self, prompts: &[Prompt], closed: Option<bool>) -> Vec<Json> {
        let round = self.round(prompts).unwrap_or(usize::MAX);
        prompts
            .iter()
            .enumerate()
            .filter(|(_, prompt)| prompt.round <= round)
            .filter(|(at, _)| closed.is_none_or(|closed| closed == self.is_closed(*at)))
            .map(|(at, prompt)| prompt.describe(at, self.given.get(at).and_then(Option::as_ref)))
            .collect()
    }

    /// Takes the answers of a request's body, all or none of them; the error says what is wrong
    /// with them.
    pub(crate) fn take(
        &mut self,
        prompts: &[Prompt],
        data: &Dataset,
        body: &Json,
    ) -> Result<(), String> {
        let answers = body.get("prompts").and_then(Json::as_array);
        let answers = answers.ok_or("The member prompts is missing")?;
        let round = self.round(prompts);
        let mut given = self.given.clone();
        for answer in answers {
            let at = find(prompts, answer).ok_or("There is no such prompt in the execution")?;
            let prompt = prompts.get(at).ok_or("There is no such prompt in the execution")?;
            if round.is_none_or(|round| prompt.round > round) {
                return Err(format!("The prompt {} is not asked now", prompt.name));
            }
            if let Some(place) = given.get_mut(at) {
                *place = Some(accepted(prompt, data, answer)?);
            }
        }
        self.given = given;
        Ok(())
    }

    /// The conditions that were given.
    pub(crate) fn expressions(&self, prompts: &[Prompt]) -> Vec<Json> {
        let answered = prompts.iter().zip(&self.given);
        let answered = answered.filter(|(prompt, _)| prompt.asks == Asks::Expression);
        let given = answered.filter_map(|(_, given)| given.as_ref()?.as_array());
        given.flatten().filter_map(|one| one.get("expression").cloned()).collect()
    }

    /// The elements that were chosen: attribute and element ids.
    pub(crate) fn elements(&self, prompts: &[Prompt], data: &Dataset) -> Vec<(usize, Vec<String>)> {
        let answered = prompts.iter().zip(&self.given);
        answered
            .filter_map(|(prompt, given)| {
                let attribute = prompt.asked_attribute(data)?;
                let chosen: Vec<_> = given.as_ref()?.as_array()?.iter().filter_map(id).collect();
                (!chosen.is_empty()).then_some((attribute, chosen))
            })
            .collect()
    }
}

fn id(answer: &Json) -> Option<String> {
    Some(answer.get("id")?.as_str()?.to_owned())
}

/// By key, else by id, else by name (documented order).
fn find(prompts: &[Prompt], answer: &Json) -> Option<usize> {
    let member = |name: &str| answer.get(name).and_then(Json::as_str);
    let by = |fits: &dyn Fn(usize, &Prompt) -> bool| {
        prompts.iter().enumerate().position(|(at, prompt)| fits(at, prompt))
    };
    if let Some(key) = member("key") {
        return by(&|at, prompt| prompt.key(at) == key);
    }
    if let Some(id) = member("id") {
        return by(&|_, prompt| prompt.id == id);
    }
    let name = member("name")?;
    by(&|_, prompt| prompt.name == name)
}

fn accepted(prompt: &Prompt, data: &Dataset, answer: &Json) -> Result<Json, String> {
    let name = &prompt.name;
    if answer.get("type").and_then(Json::as_str).is_some_and(|sent| sent != prompt.asks.wire()) {
        return Err(format!("The type of the answer to the prompt {name} is wrong"));
    }
    if answer.get("useDefault").and_then(Json::as_bool) == Some(true) {
        let default = prompt.default.clone();
        return default.ok_or_else(|| format!("The prompt {name} has no default answer"));
    }
    let empty = json!([]);
    let answers = answer.get("answers").unwrap_or(&empty);
    // Clients send a single value without a list, too.
    let list = match answers {
        Json::Array(list) => list.clone(),
        Json::Null => Vec::new(),
        one => vec![one.clone()],
    };
    if list.is_empty() && prompt.required {
        return Err(format!("The prompt {name} is required and has no answer"));
    }
    for one in &list {
        let fits = match prompt.asks {
            Asks::Value => !one.is_object() && !one.is_array(),
            Asks::Expression => match one.get("expression") {
                Some(expression) => crate::filter::Filter::read(data, expression).is_ok(),
                None => one.get("content").is_some(),
            },
            Asks::Level => {
                let units = one.get("units").and_then(Json::as_array);
                let offered = |id: String| prompt.objects.iter().any(|(unit, _)| *unit == id);
                units.is_some_and(|units| {
                    !units.is_empty() && units.iter().all(|unit| id(unit).is_some_and(offered))
                })
            }
            Asks::Objects => {
                id(one).is_some_and(|id| prompt.objects.iter().any(|(offered, _)| *offered == id))
            }
            Asks::Elements => id(one).is_some_and(|id| {
                let attribute = prompt.asked_attribute(data);
                attribute.is_some_and(|at| crate::filter::element(data, at, &id).is_some())
            }),
        };
        if !fits {
            return Err(format!("The answer to the prompt {name} is not valid"));
        }
    }
    Ok(json!(list))
}
