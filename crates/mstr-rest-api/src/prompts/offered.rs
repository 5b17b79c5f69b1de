//! Finds what a prompt offers by the text that a person writes: a name, a value of a form, an id.
//!
//! What is offered is looked at first, and only then whether the text looks like an id: names with
//! `;` and `:` exist. Elements are searched for by the server's `searchPattern`, since an attribute
//! may have very many; how it matches is not documented, so all elements are read, once, when the
//! search gives nothing that fits or gives what has nothing to do with the text.

use mstr_rest_core::{Error, ErrorKind, Result};

use super::answers::invalid;
use super::asking::Asking;
use super::{Prompt, PromptObject};
use crate::{Element, List};

/// How many things an error lists.
const LISTED: usize = 10;

/// What a prompt offers.
trait Offer {
    fn id(&self) -> &str;
    fn label(&self) -> String;
    /// Names of it that are complete.
    fn names(&self) -> Vec<String>;
    /// Parts of its name.
    fn parts(&self) -> &[String];
}

impl Offer for Element {
    fn id(&self) -> &str {
        &self.id
    }

    fn label(&self) -> String {
        Self::label(self)
    }

    fn names(&self) -> Vec<String> {
        let forms = &self.form_values;
        let mut names: Vec<_> = self.name.iter().cloned().collect();
        // as the server joins forms, and as people do
        names.extend([forms.join(":"), forms.join(" ")].into_iter().filter(|it| !it.is_empty()));
        names
    }

    fn parts(&self) -> &[String] {
        &self.form_values
    }
}

impl Offer for PromptObject {
    fn id(&self) -> &str {
        &self.id
    }

    fn label(&self) -> String {
        self.name.clone()
    }

    fn names(&self) -> Vec<String> {
        vec![self.name.clone()]
    }

    fn parts(&self) -> &[String] {
        &[]
    }
}

/// The one that the text means; `None` if there is none.
fn find<'a, T: Offer>(prompt: &Prompt, offered: &'a [T], text: &str) -> Result<Option<&'a T>> {
    let lower = text.to_lowercase();
    let tiers: [&dyn Fn(&T) -> bool; 5] = [
        &|one| one.id() == text,
        &|one| one.names().iter().any(|name| name == text),
        &|one| one.parts().iter().any(|part| part == text),
        &|one| one.names().iter().any(|name| name.to_lowercase() == lower),
        &|one| one.parts().iter().any(|part| part.to_lowercase() == lower),
    ];
    for fits in tiers {
        let mut found: Vec<&T> = Vec::new();
        for one in offered.iter().filter(|one| fits(one)) {
            if !found.iter().any(|known| known.id() == one.id()) {
                found.push(one);
            }
        }
        match found[..] {
            [] => {}
            [one] => return Ok(Some(one)),
            _ => {
                let listed = found.iter().take(LISTED);
                let ids: Vec<_> =
                    listed.map(|one| format!("{} ({})", one.id(), one.label())).collect();
                return Err(invalid(format!(
                    "the prompt {} offers {} that are called {text:?}, use an id: {}",
                    prompt.label(),
                    found.len(),
                    ids.join(", "),
                )));
            }
        }
    }
    Ok(None)
}

fn not_offered<T: Offer>(prompt: &Prompt, offered: &[T], text: &str) -> Error {
    let mut labels: Vec<_> = offered.iter().take(LISTED).map(Offer::label).collect();
    if offered.len() > LISTED {
        labels.push(format!("... ({} in all)", offered.len()));
    }
    let offers = if labels.is_empty() { "nothing".to_owned() } else { labels.join(", ") };
    let label = prompt.label();
    invalid(format!("the prompt {label} does not offer {text:?}: it offers {offers}"))
}

/// The objects that texts mean.
pub(super) async fn objects<I: Asking>(
    instance: &I,
    prompt: &Prompt,
    texts: &[String],
) -> Result<Vec<PromptObject>> {
    // there are few: no search is needed
    let offered = instance.objects(prompt, None).all().await?;
    let one = |text: &String| {
        let found = find(prompt, &offered, text)?;
        found.cloned().ok_or_else(|| not_offered(prompt, &offered, text))
    };
    texts.iter().map(one).collect()
}

/// The ids of the elements that texts mean.
pub(super) async fn elements<I: Asking>(
    instance: &I,
    prompt: &Prompt,
    texts: &[String],
) -> Result<Vec<String>> {
    let mut search = Search { instance, prompt, all: None, by_pattern: true };
    let mut ids = Vec::with_capacity(texts.len());
    for text in texts {
        ids.push(search.id_of(text).await?);
    }
    Ok(ids)
}

/// A search for elements.
struct Search<'a, I> {
    instance: &'a I,
    prompt: &'a Prompt,
    /// All of them, once they were read.
    all: Option<Vec<Element>>,
    /// Whether the server understands patterns, as far as is known.
    by_pattern: bool,
}

impl<I: Asking> Search<'_, I> {
    async fn id_of(&mut self, text: &str) -> Result<String> {
        let is_id = is_element_id(self.prompt, text);
        if self.by_pattern && self.all.is_none() && !text.is_empty() {
            match related(self.instance.elements(self.prompt, Some(text)), text).await? {
                Some(some) => {
                    if let Some(found) = find(self.prompt, &some, text)? {
                        return Ok(found.id.clone());
                    }
                    if is_id {
                        return Ok(text.to_owned());
                    }
                }
                None => self.by_pattern = false,
            }
        }
        let all = match self.all.take() {
            Some(all) => all,
            None => self.instance.elements(self.prompt, None).all().await?,
        };
        let all = self.all.insert(all);
        match find(self.prompt, all, text)? {
            Some(found) => Ok(found.id.clone()),
            None if is_id => Ok(text.to_owned()),
            None => Err(not_offered(self.prompt, all, text)),
        }
    }
}

/// What a search gives; `None` if the server does not search as it is meant.
async fn related(found: List<Element>, text: &str) -> Result<Option<Vec<Element>>> {
    let lower = text.to_lowercase();
    let has = |part: &String| part.to_lowercase().contains(&lower);
    let mut all = Vec::new();
    let mut found = found.stream();
    while let Some(one) = found.next().await {
        match one {
            Ok(one) if one.names().iter().any(has) || has(&one.id) => all.push(one),
            Ok(_) => return Ok(None),
            Err(error) if is_refused(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(all))
}

fn is_refused(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidRequest | ErrorKind::NotSupported)
        && error.status().is_some()
}

/// Whether a text looks like the id of an element: `h2;8D67..`, `8D67..:2`, `h2014;;2014`.
fn is_element_id(prompt: &Prompt, text: &str) -> bool {
    let attribute = prompt.source.as_ref().map(|source| source.id.as_str());
    let parts: Vec<&str> = text.split([';', ':']).collect();
    let is_attribute = |part: &&str| {
        let is_guid = part.len() == 32 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_guid || attribute.is_some_and(|id| !id.is_empty() && id.eq_ignore_ascii_case(part))
    };
    let says_none = text.starts_with(['h', 'H']) && text.contains(";;");
    parts.len() > 1 && (parts.iter().any(is_attribute) || says_none)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_elements_are_told_from_names() {
        let json = r#"{"name": "Shop", "key": "K", "source": {"id": "R1", "name": "Shop"}}"#;
        let prompt: Prompt = serde_json::from_str(json).unwrap();
        let guid = "8D679D4111D3E4981000E787EC6DE8A4";
        for id in [
            format!("h4;{guid};40K-50K"),
            format!("h1874;{guid}:3771"),
            format!("{guid}:2"),
            "h2014;;2014".into(),
            "R1:1".into(),
            "h1;r1".into(),
        ] {
            assert!(is_element_id(&prompt, &id), "{id}");
        }
        for name in ["Shop", "a;b", "10:30", "Aaby:Alen", guid, "", ";", "hat;"] {
            assert!(!is_element_id(&prompt, name), "{name}");
        }
    }
}
