//! Credential references: what parses prints as it was written, and nothing else repeats it.

use mstr_credentials::Reference;

use crate::CANARY;

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // nothing that is told holds the end of the text
    let secret = format!("{text}{CANARY}");
    let told = match Reference::parse(&secret) {
        Ok(reference) => format!("{reference:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!told.contains(CANARY), "{told}");
    let Ok(reference) = Reference::parse(text) else { return };
    assert_eq!(reference.as_str(), text);
    assert!(!reference.body().is_empty());
    // written anew from its parts it means the same
    let escape = Reference::escape;
    let anew = format!("{}:{}", reference.scheme(), escape(reference.body()));
    let again = Reference::parse(&anew).expect("an escaped body parses");
    assert_eq!((again.scheme(), again.body()), (reference.scheme(), reference.body()));
    if let Some(field) = reference.field() {
        let again = Reference::parse(&format!("{anew}#{}", escape(field))).expect("a field");
        assert_eq!((again.body(), again.field()), (reference.body(), Some(field)));
    }
}
