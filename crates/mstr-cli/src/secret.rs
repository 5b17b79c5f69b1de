//! Where the secret of a login comes from: a reference, standard input, or a prompt without echo.
//! Never an argument: other users of a machine can see those.

use std::io::{self, IsTerminal as _, Read as _};

use mstr_rest::Credential;

use crate::failure::{Failure, Result, code};

/// A secret is a line, not a file.
const LIMIT: u64 = 64 * 1024;

/// What a reference names. Its text is never repeated in an error: it may be a password after all.
pub(crate) fn from_reference(reference: &str) -> Result<Credential> {
    if !mstr_rest::references().is_reference(reference) {
        return Err(Failure::usage("this is not a credential reference").hint(
            "a reference begins with the name of a source: env:MSTR_PASSWORD, \
             file:/run/secrets/mstr, cmd:pass mstr, aws-sm:prod/mstr#password",
        ));
    }
    if let Some((scheme, feature)) = missing(reference) {
        return Err(Failure::usage(format!("this mstr was built without {scheme} references"))
            .hint(format!(
                "install one with them: `cargo install mstr-cli --features {feature}`; or let a \
                 program fetch the secret: cmd:PROGRAM ARGUMENTS"
            )));
    }
    mstr_rest::credential(reference).map_err(|error| Failure::usage(error.to_string()))
}

/// The features of this program, by the schemes that they bring.
const FEATURES: &[(&str, &str)] = &[
    ("aws-sm", "aws"),
    ("aws-ssm", "aws"),
    ("azure-kv", "azure"),
    ("gcp-sm", "gcp"),
    ("keyring", "keyring"),
    ("vault", "vault"),
];

/// Scheme and feature of a reference that this program was built without.
fn missing(reference: &str) -> Option<(&'static str, &'static str)> {
    mstr_rest::references().missing_feature(reference)?;
    let (scheme, _) = reference.split_once(':')?;
    FEATURES.iter().find(|(known, _)| *known == scheme).copied()
}

/// The first line of standard input.
pub(crate) fn from_stdin() -> Result<Credential> {
    let mut text = String::new();
    io::stdin()
        .take(LIMIT)
        .read_to_string(&mut text)
        .map_err(|error| Failure::new(code::OTHER, format!("cannot read the secret: {error}")))?;
    line(&text)
}

/// Asks on the terminal, without echo.
pub(crate) fn from_prompt(what: &str) -> Result<Credential> {
    if !io::stdin().is_terminal() {
        return Err(Failure::new(
            code::AUTH,
            format!("there is no terminal to ask for the {what}"),
        )
        .hint("use --secret-stdin, or --secret-from with a reference such as env:NAME"));
    }
    let text = rpassword::prompt_password(format!("{what}: "))
        .map_err(|error| Failure::new(code::AUTH, format!("no {what}: {error}")))?;
    line(&text)
}

fn line(text: &str) -> Result<Credential> {
    let first = text.lines().next().unwrap_or_default();
    if first.is_empty() {
        return Err(Failure::new(code::AUTH, "the secret is empty"));
    }
    Ok(first.into())
}

/// Asks on the terminal for something that is no secret.
pub(crate) fn ask(what: &str, option: &str) -> Result<String> {
    let missing = || Failure::usage(format!("{option} is missing"));
    if !io::stdin().is_terminal() {
        return Err(missing());
    }
    eprint!("{what}: ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|_| missing())?;
    Some(answer.trim().to_owned()).filter(|answer| !answer.is_empty()).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_that_is_not_built_in_has_a_feature_of_this_program() {
        let manifest = include_str!("../Cargo.toml");
        for scheme in mstr_rest::references().schemes() {
            let reference = format!("{scheme}:x");
            if mstr_rest::references().missing_feature(&reference).is_some() {
                let (_, feature) = missing(&reference).unwrap_or_else(|| panic!("{scheme}"));
                assert!(manifest.contains(&format!("\n{feature} = [\"mstr-rest/")), "{feature}");
            }
        }
        assert_eq!(missing("env:X"), None);
        assert_eq!(missing("no reference"), None);
    }

    #[cfg(not(feature = "aws"))]
    #[test]
    fn a_scheme_that_is_not_built_in_says_how_to_get_it() {
        let failure = from_reference("aws-sm:hunter2").unwrap_err();
        let text = format!("{failure:?}");
        assert!(text.contains("this mstr was built without aws-sm references"), "{text}");
        assert!(text.contains("cargo install mstr-cli --features aws`"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}
