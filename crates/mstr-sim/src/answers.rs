//! Answers to prompts: what was given so far, and what is accepted.

use serde_json::{Value as Json, json};

use crate::dataset::Dataset;
use crate::grid;
use crate::prompts::{Asks, Prompt, element_name, is_type};

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
    pub(crate) fn list(
        &self,
        prompts: &[Prompt],
        data: &Dataset,
        closed: Option<bool>,
    ) -> Vec<Json> {
        let round = self.round(prompts).unwrap_or(usize::MAX);
        let given = |at: usize| self.given.get(at).and_then(Option::as_ref);
        prompts
            .iter()
            .enumerate()
            .filter(|(_, prompt)| prompt.round <= round)
            .filter(|(at, _)| closed.is_none_or(|closed| closed == self.is_closed(*at)))
            .map(|(at, prompt)| prompt.describe(at, given(at), data))
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
            let at = find(prompts, answer)?;
            let prompt = prompts.get(at).ok_or("There is no such prompt in the execution")?;
            if round.is_none_or(|round| prompt.round > round) {
                return Err(format!("The prompt {} is not asked now", prompt.name));
            }
            let accepted = Accepting { prompt, at, data }.accept(answer)?;
            if let Some(place) = given.get_mut(at) {
                *place = Some(accepted);
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

/// By key, else by id, else by name (documented order and texts).
fn find(prompts: &[Prompt], answer: &Json) -> Result<usize, String> {
    let member = |name: &str| answer.get(name).and_then(Json::as_str);
    let by = |fits: &dyn Fn(usize, &Prompt) -> bool| {
        prompts.iter().enumerate().position(|(at, prompt)| fits(at, prompt))
    };
    let (found, named) = if let Some(key) = member("key") {
        (by(&|at, prompt| prompt.key(at) == key), format!("key: {key}"))
    } else if let Some(id) = member("id") {
        (by(&|_, prompt| prompt.has_the_id(id)), format!("id: {id}"))
    } else if let Some(name) = member("name") {
        (by(&|_, prompt| prompt.name == name), format!("name: {name}"))
    } else {
        return Err("An answer names no prompt".to_owned());
    };
    found.ok_or_else(|| {
        format!(
            "Failed to locate the prompt by either {named}, please verify this information is \
             correct."
        )
    })
}

/// A prompt that is being answered.
struct Accepting<'a> {
    prompt: &'a Prompt,
    at: usize,
    data: &'a Dataset,
}

impl Accepting<'_> {
    /// The answers as a list, if they are valid.
    fn accept(&self, answer: &Json) -> Result<Json, String> {
        let (prompt, key) = (self.prompt, self.prompt.key(self.at));
        let wanted = prompt.asks.wire();
        match answer.get("type").and_then(Json::as_str) {
            Some(sent) if sent == wanted => {}
            Some(sent) => {
                return Err(format!(
                    "The supplied prompt type {sent} for prompt {key} does not match, this prompt \
                     is of type {wanted} please verify this information."
                ));
            }
            // `type` is required (documented); the text is assumed
            None => return Err(format!("The type of the answer to the prompt {key} is missing.")),
        }
        if answer.get("useDefault").and_then(Json::as_bool) == Some(true) {
            // the vendor's sample of this error shows the text of another one
            let default = prompt.default_list(self.data);
            return default.ok_or_else(|| format!("The prompt {key} has no default answer."));
        }
        // Clients send a single value without a list, too.
        let list = match answer.get("answers") {
            Some(Json::Array(list)) => list.clone(),
            None | Some(Json::Null) => Vec::new(),
            Some(one) => vec![one.clone()],
        };
        if list.is_empty() && prompt.required {
            return Err("Prompt validation failed. This is a required prompt.".to_owned());
        }
        if prompt.asks == Asks::Elements {
            let elements = list.iter().map(|one| self.element(one));
            return Ok(Json::Array(elements.collect::<Result<_, _>>()?));
        }
        match list.iter().find(|one| !self.fits(one)) {
            Some(_) => Err(format!("The answer to the prompt {key} is not valid")),
            None => Ok(json!(list)),
        }
    }

    /// An element by its id, in any of its forms, or by its name (documented).
    fn element(&self, answer: &Json) -> Result<Json, String> {
        let (prompt, data) = (self.prompt, self.data);
        let attribute = prompt.asked_attribute(data).and_then(|at| data.attributes.get(at));
        let name = answer.get("name").and_then(Json::as_str);
        let found = match (attribute, id(answer)) {
            (Some(_), Some(id)) => crate::filter::element_of(attribute, &id)
                // documented text, for an unknown id
                .ok_or("Prompt validation failed. This is a required prompt.")?,
            (Some(attribute), None) => {
                let named =
                    |element: &u64| Some(element_name(attribute, *element).as_str()) == name;
                (0..attribute.elements).find(named).ok_or_else(|| {
                    format!(
                        "Unable to find elements that match {} for prompt name: {} key: {}.",
                        name.unwrap_or_default(),
                        prompt.name,
                        prompt.key(self.at)
                    )
                })?
            }
            (None, _) => return Err("The prompt does not ask for elements".to_owned()),
        };
        let shown = attribute.map(|one| (grid::element_id(one, found), element_name(one, found)));
        let (id, name) = shown.unwrap_or_default();
        Ok(json!({ "id": id, "name": name }))
    }

    fn fits(&self, one: &Json) -> bool {
        let prompt = self.prompt;
        match prompt.asks {
            Asks::Value => !one.is_object() && !one.is_array(),
            Asks::Expression => match one.get("expression") {
                Some(expression) => crate::expression::answered(self.data, expression).is_ok(),
                None => one.get("content").is_some(),
            },
            Asks::Level => {
                let units = one.get("units").and_then(Json::as_array);
                let offered = |id: String| prompt.objects.iter().any(|(unit, _)| *unit == id);
                units.is_some_and(|units| {
                    !units.is_empty() && units.iter().all(|unit| id(unit).is_some_and(offered))
                })
            }
            // its id and its type (documented)
            Asks::Objects => id(one).is_some_and(|id| {
                let mut offered = prompt.objects.iter();
                offered.any(|(known, kind)| *known == id && is_type(*kind, one.get("type")))
            }),
            Asks::Elements => false,
        }
    }
}
