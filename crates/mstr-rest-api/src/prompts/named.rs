//! Answers by what people read: names of prompts, elements and objects.

use mstr_rest_core::Result;

use super::answers::invalid;
use super::asking::{Asking, Rounds};
use super::{Answer, Answers, Prompt, PromptKind, offered};

/// Answers to prompts, by the names of the prompts, with texts as people read them:
/// [`Instance::answer_named`](crate::Instance::answer_named).
///
/// A prompt is named by its key, its id, its name or its title, in this order; the case of letters
/// does not matter except in keys. What a text means depends on the prompt:
///
/// | asks for | text |
/// | --- | --- |
/// | a value | the value |
/// | elements | a name, the value of a form, or an id, `h2;8D67..` or `8D67..:2` |
/// | objects | a name or an id |
/// | a condition, a level | none: give an [`Answer`] |
///
/// Names are looked up in what the prompt offers, over all pages.
///
/// ```
/// use mstr_rest_api::{Answer, Level, NamedAnswers};
///
/// let answers = NamedAnswers::new()
///     .text("Comment", "from a script")
///     .texts("Region", ["North", "South"])
///     .answer("Level", Answer::level(Level::of(["8D679D3C11D3E4981000E787EC6DE8A4"])));
/// # let _ = answers;
/// ```
///
/// # Errors
/// Giving them fails with [`InvalidRequest`](mstr_rest_core::ErrorKind::InvalidRequest), and the
/// answers of that round are not sent, when
/// - a prompt does not offer what is named, or offers several that are called so: the error lists
///   their ids;
/// - a name is that of several prompts: the error lists their keys;
/// - a required prompt has neither an answer nor a default;
/// - a text answers a prompt for a condition or a level;
/// - nothing asked for an answer. That is known only when all others are given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct NamedAnswers(Vec<(String, Given)>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Given {
    Texts(Vec<String>),
    Answer(Answer),
}

impl NamedAnswers {
    /// None yet: every prompt gets its default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Answers the prompt of that name, key or id with a text. Texts for one prompt add up.
    pub fn text(self, prompt: impl Into<String>, text: impl Into<String>) -> Self {
        self.texts(prompt, [text])
    }

    /// Answers the prompt of that name, key or id with several texts. Texts for one prompt add up.
    pub fn texts<T: Into<String>>(
        mut self,
        prompt: impl Into<String>,
        texts: impl IntoIterator<Item = T>,
    ) -> Self {
        let prompt = prompt.into();
        let texts = texts.into_iter().map(Into::into);
        match self.0.iter_mut().find(|(known, _)| *known == prompt) {
            Some((_, Given::Texts(known))) => known.extend(texts),
            Some((_, given)) => *given = Given::Texts(texts.collect()),
            None => self.0.push((prompt, Given::Texts(texts.collect()))),
        }
        self
    }

    /// Answers the prompt of that name, key or id. It replaces what was given for it.
    pub fn answer(mut self, prompt: impl Into<String>, answer: Answer) -> Self {
        let prompt = prompt.into();
        self.0.retain(|(known, _)| *known != prompt);
        self.0.push((prompt, Given::Answer(answer)));
        self
    }

    /// The prompts among these that are required, have no default, and are not answered by this.
    pub fn missing<'a>(&self, prompts: &'a [Prompt]) -> Vec<&'a Prompt> {
        let open = prompts.iter().filter(|prompt| prompt.closed != Some(true));
        open.filter(|prompt| {
            prompt.required == Some(true)
                && prompt.default_answer.is_none()
                && !self.0.iter().any(|(name, _)| rank(name, prompt).is_some())
        })
        .collect()
    }

    /// Gives them, round after round.
    pub(super) async fn give<I: Asking>(&self, instance: &I) -> Result<()> {
        let mut used = vec![false; self.0.len()];
        let mut asked = Vec::new();
        let mut rounds = Rounds::default();
        while let Some(prompts) = rounds.next(instance).await? {
            let chosen = self.chosen(&prompts)?;
            self.check_missing(&prompts)?;
            let mut answers = Answers::new();
            for (prompt, chosen) in prompts.iter().zip(chosen) {
                let answer = match chosen {
                    Some(at) => {
                        used[at] = true;
                        Some(self.0[at].1.of(instance, prompt).await?)
                    }
                    None => None,
                };
                answers = answers.for_prompt(prompt, answer)?;
            }
            asked.extend(prompts.iter().map(Prompt::label));
            instance.take(answers).await?;
        }
        match self.0.iter().zip(used).find(|(_, used)| !used) {
            None => Ok(()),
            Some(((name, _), _)) => {
                let asked = if asked.is_empty() { "nothing".into() } else { asked.join(", ") };
                Err(invalid(format!("nothing is asked by {name:?}: the prompts were {asked}")))
            }
        }
    }

    /// For each prompt the place of its answer.
    fn chosen(&self, prompts: &[Prompt]) -> Result<Vec<Option<usize>>> {
        let mut chosen: Vec<Option<(u8, usize)>> = vec![None; prompts.len()];
        for (at, (name, _)) in self.0.iter().enumerate() {
            let ranks: Vec<_> = prompts.iter().map(|prompt| rank(name, prompt)).collect();
            let Some(best) = ranks.iter().flatten().min().copied() else { continue };
            let named = || {
                let named = prompts.iter().zip(&ranks).enumerate();
                named.filter(|(_, (_, rank))| **rank == Some(best)).map(|(at, (one, _))| (at, one))
            };
            // the same prompt may be there several times, and then it has one answer
            let first = named().next().map(|(_, prompt)| prompt.id.as_str()).unwrap_or_default();
            if named().count() > 1 && named().any(|(_, one)| one.id.is_empty() || one.id != first) {
                let keys: Vec<_> = named().map(|(_, prompt)| prompt.key.as_str()).collect();
                return Err(invalid(format!(
                    "several prompts are called {name:?}, use a key: {}",
                    keys.join(", ")
                )));
            }
            for (prompt, _) in named() {
                if chosen[prompt].is_none_or(|(known, _)| best < known) {
                    chosen[prompt] = Some((best, at));
                }
            }
        }
        Ok(chosen.into_iter().map(|chosen| chosen.map(|(_, at)| at)).collect())
    }

    fn check_missing(&self, prompts: &[Prompt]) -> Result<()> {
        let missing = self.missing(prompts);
        if missing.is_empty() {
            return Ok(());
        }
        let wants = missing.iter().map(|one| format!("{}: {}", one.label(), one.kind.wants()));
        let wants: Vec<_> = wants.collect();
        Err(invalid(format!(
            "prompts are required, and have neither an answer nor a default: {}",
            wants.join("; ")
        )))
    }
}

impl Given {
    async fn of<I: Asking>(&self, instance: &I, prompt: &Prompt) -> Result<Answer> {
        let texts = match self {
            Self::Answer(answer) => return Ok(answer.clone()),
            Self::Texts(texts) => texts,
        };
        Ok(match prompt.kind {
            PromptKind::Value => Answer::values(texts),
            PromptKind::Elements => {
                Answer::elements(offered::elements(instance, prompt, texts).await?)
            }
            PromptKind::Objects => {
                Answer::objects(offered::objects(instance, prompt, texts).await?)
            }
            PromptKind::Expression | PromptKind::Level | PromptKind::Unsupported => {
                return Err(invalid(format!(
                    "the prompt {} asks for {}, and a text cannot answer it: give no text for it, \
                     and its default is taken",
                    prompt.label(),
                    prompt.kind.wants(),
                )));
            }
        })
    }
}

/// How well a name fits a prompt; smaller is better.
fn rank(name: &str, prompt: &Prompt) -> Option<u8> {
    let lower = name.to_lowercase();
    let title = prompt.title.as_deref().unwrap_or_default();
    let fits = [
        prompt.key == name,
        prompt.id.eq_ignore_ascii_case(name),
        prompt.name == name,
        prompt.name.to_lowercase() == lower,
        title == name,
        title.to_lowercase() == lower,
    ];
    let best = fits.iter().position(|fits| *fits).filter(|_| !name.is_empty())?;
    u8::try_from(best).ok()
}
