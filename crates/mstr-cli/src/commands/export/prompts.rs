//! `--prompt`: answers to what a report asks before it runs.

use mstr_rest::api::{Instance, InstanceStatus, NamedAnswers, Prompt, PromptKind};
use mstr_rest::{Error, ErrorKind};

use super::quoted;
use crate::failure::{Failure, Result};

/// The answers of the command line, by prompt.
#[derive(Debug, Default)]
pub(super) struct Given(NamedAnswers);

impl Given {
    pub(super) fn parse(options: &[String]) -> Result<Self> {
        let mut given = NamedAnswers::new();
        for option in options {
            let wrong = || Failure::usage("--prompt looks like PROMPT=ANSWER");
            let (prompt, answer) = match quoted::first(option.trim_start()) {
                Some((prompt, rest)) if rest.trim_start().starts_with('=') => {
                    (prompt, &rest.trim_start()[1..])
                }
                _ => option.split_once('=').ok_or_else(wrong)?,
            };
            if prompt.trim().is_empty() {
                return Err(wrong());
            }
            given = given.text(prompt.trim(), answer);
        }
        Ok(Self(given))
    }
}

/// Answers all that the report asks, until it runs.
pub(super) async fn answer(instance: &Instance, given: &Given) -> Result {
    let Err(error) = instance.answer_named(&given.0).await else { return Ok(()) };
    let hint = hint(instance, given, &error).await;
    let failure = Failure::from(error);
    Err(match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    })
}

/// What to add to the command, if answers are missing.
async fn hint(instance: &Instance, given: &Given, error: &Error) -> Option<String> {
    let is_ours = error.kind() == ErrorKind::InvalidRequest && error.status().is_none();
    if !is_ours || instance.last_status() != InstanceStatus::Prompts {
        return None;
    }
    let open = instance.prompts().await.ok()?;
    let missing: Vec<_> = given.0.missing(&open).into_iter().map(example).collect();
    (!missing.is_empty()).then(|| format!("add {}", missing.join(" ")))
}

fn example(prompt: &Prompt) -> String {
    let answer = match prompt.kind {
        PromptKind::Elements => "an element",
        PromptKind::Objects => "an object",
        _ => "a value",
    };
    let name = [&prompt.name, &prompt.key].into_iter().find(|name| !name.is_empty());
    let name = name.map_or(prompt.id.as_str(), String::as_str);
    let quote = if name.contains('=') { "\"" } else { "" };
    format!("--prompt '{quote}{name}{quote}={answer}'")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;

    #[test]
    fn options_are_names_and_answers() {
        let parse = |options: &[&str]| {
            let options: Vec<_> = options.iter().map(|it| (*it).to_owned()).collect();
            Given::parse(&options).map(|given| given.0)
        };
        let answers = parse(&["Year=2024", "Year = 2025", "'a=b' =c=d", "Empty="]).unwrap();
        let expected = NamedAnswers::new()
            .texts("Year", ["2024", " 2025"])
            .text("a=b", "c=d")
            .text("Empty", "");
        assert_eq!(answers, expected);
        for wrong in ["Year", "=x", " = x", "'Year'"] {
            assert!(parse(&[wrong]).is_err(), "{wrong}");
        }
    }
}
