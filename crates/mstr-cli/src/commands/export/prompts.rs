//! `--prompt`: answers to what a report asks before it runs.

use std::collections::HashMap;

use mstr_rest::api::{Answer, Answers, Instance, InstanceStatus, Prompt, PromptKind};

use crate::failure::{Failure, Result};

/// Answers bring further prompts up, but not for ever.
const ROUNDS: usize = 50;

/// Elements of a prompt that are looked through for a name.
const ELEMENTS: u64 = 1000;

/// The answers of the command line, by prompt.
#[derive(Debug, Default)]
pub(super) struct Given(HashMap<String, Vec<String>>);

impl Given {
    pub(super) fn parse(options: &[String]) -> Result<Self> {
        let mut given = Self::default();
        for option in options {
            let (prompt, answer) = option
                .split_once('=')
                .ok_or_else(|| Failure::usage("--prompt looks like PROMPT=ANSWER"))?;
            given.0.entry(prompt.trim().to_lowercase()).or_default().push(answer.to_owned());
        }
        Ok(given)
    }

    fn of(&self, prompt: &Prompt) -> Option<&[String]> {
        [Some(&prompt.key), Some(&prompt.id), Some(&prompt.name), prompt.title.as_ref()]
            .into_iter()
            .flatten()
            .find_map(|name| self.0.get(&name.to_lowercase()))
            .map(Vec::as_slice)
    }
}

/// Answers all that the report asks, until it runs.
pub(super) async fn answer(instance: &Instance, given: &Given) -> Result {
    let mut unused: Vec<&str> = given.0.keys().map(String::as_str).collect();
    for _ in 0..ROUNDS {
        if instance.last_status() != InstanceStatus::Prompts {
            return match unused.first() {
                None => Ok(()),
                Some(name) => Err(Failure::usage(format!("nothing is asked by {name:?}"))),
            };
        }
        let prompts = instance.prompts().await?;
        let mut answers = Answers::new();
        for prompt in &prompts {
            let answer = match given.of(prompt) {
                Some(texts) => of_texts(instance, prompt, texts).await?,
                None if prompt.default_answer.is_some() => Answer::use_default(),
                None if prompt.required == Some(true) => return Err(unanswered(&prompts, given)),
                None => Answer::nothing(),
            };
            answers = answers.by_key(&prompt.key, answer);
            let names = [&prompt.key, &prompt.id, &prompt.name].map(|name| name.to_lowercase());
            let title = prompt.title.as_ref().map(|title| title.to_lowercase());
            unused.retain(|name| {
                !names.iter().any(|known| known == name) && title.as_deref() != Some(*name)
            });
        }
        instance.answer(answers).await?;
    }
    Err(Failure::usage(format!("the report still asks after {ROUNDS} rounds of answers")))
}

async fn of_texts(instance: &Instance, prompt: &Prompt, texts: &[String]) -> Result<Answer> {
    let unknown = |text: &str, known: Vec<String>| {
        let hint = if known.is_empty() {
            "it offers nothing".to_owned()
        } else {
            format!("it offers {}", known.join(", "))
        };
        Failure::usage(format!("the prompt {:?} does not offer {text:?}", prompt.name)).hint(hint)
    };
    Ok(match prompt.kind {
        PromptKind::Elements => {
            let mut ids = Vec::new();
            for text in texts {
                // an id as the server writes it: h4;8D67...;40K-50K
                if text.contains(';') {
                    ids.push(text.clone());
                    continue;
                }
                let offered = instance.prompt_elements(prompt, None, 0, ELEMENTS).await?.items;
                let named = |values: &[String]| values.iter().any(|value| value == text);
                match offered.iter().find(|element| named(&element.form_values)) {
                    Some(element) => ids.push(element.id.clone()),
                    None => {
                        let few = offered.iter().take(10);
                        return Err(unknown(
                            text,
                            few.map(|it| it.form_values.join(" ")).collect(),
                        ));
                    }
                }
            }
            Answer::elements(ids)
        }
        PromptKind::Objects => {
            let offered = instance.prompt_objects(prompt).await?;
            let mut objects = Vec::new();
            for text in texts {
                let found = offered.iter().find(|it| it.id == *text || it.name == *text);
                let Some(found) = found else {
                    let few = offered.iter().take(10);
                    return Err(unknown(text, few.map(|it| it.name.clone()).collect()));
                };
                objects.push((found.id.clone(), found.kind.unwrap_or_default()));
            }
            Answer::objects(objects)
        }
        // a kind that takes no text is refused where the answer is checked
        _ => Answer::values(texts.iter().cloned()),
    })
}

/// What a report asks that nobody has answered.
fn unanswered(prompts: &[Prompt], given: &Given) -> Failure {
    let open = prompts.iter().filter(|prompt| {
        prompt.required == Some(true)
            && prompt.default_answer.is_none()
            && given.of(prompt).is_none()
    });
    let asked: Vec<_> =
        open.map(|prompt| format!("--prompt '{}={}'", prompt.name, example(prompt.kind))).collect();
    Failure::usage("the report asks before it runs").hint(format!("add {}", asked.join(" ")))
}

fn example(kind: PromptKind) -> &'static str {
    match kind {
        PromptKind::Elements => "an element",
        PromptKind::Objects => "an object",
        _ => "a value",
    }
}
