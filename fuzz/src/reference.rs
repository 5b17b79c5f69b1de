//! Credential references: what parses prints as it was written, and nothing else repeats it.

use mstr_credentials::Reference;

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let reference = match Reference::parse(text) {
        Ok(reference) => reference,
        Err(error) => {
            let said = format!("{error} {error:?}");
            assert!(text.len() < 16 || !said.contains(text), "the error repeats the text");
            return;
        }
    };
    assert_eq!(reference.as_str(), text);
    assert!(!reference.body().is_empty());
    let debug = format!("{reference:?}");
    assert!(text.len() < 16 || !debug.contains(text), "Debug repeats the text");
    // written anew from its parts it means the same
    let escape = Reference::escape;
    let anew = format!("{}:{}", reference.scheme(), escape(reference.body()));
    let again = Reference::parse(&anew).expect("an escaped body parses");
    assert_eq!((again.scheme(), again.body()), (reference.scheme(), reference.body()));
    if let Some(member) = reference.member() {
        let again = Reference::parse(&format!("{anew}#{}", escape(member))).expect("a member");
        assert_eq!((again.body(), again.member()), (reference.body(), Some(member)));
    }
}
