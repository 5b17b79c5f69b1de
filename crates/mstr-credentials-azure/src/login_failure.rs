//! Why a credential gave no token. Bodies of replies and the output of programs are not repeated:
//! where they hold a code that is known, that is told.

use azure_core::{Error as SdkError, error::ErrorKind};
use mstr_credentials::{VaultError, VaultErrorKind as Kind};

use crate::failure::{UNREADABLE, network_text, sdk_errors};

/// A credential that failed.
#[derive(Debug)]
pub(crate) struct LoginFailure {
    pub(crate) why: VaultError,
    /// Of the reply, if there was one.
    pub(crate) status: Option<u16>,
}

/// The programs that log in: credential of the SDK, program, how to log in, how to see more.
const TOOLS: [(&str, &str, &str, &str); 2] = [
    ("AzureCliCredential", "az", "az login", "az account get-access-token"),
    ("AzureDeveloperCliCredential", "azd", "azd auth login", "azd auth token"),
];

/// The frequent ones of Entra's codes.
const CODES: [(&str, &str); 8] = [
    ("50034", "the user does not exist in the tenant"),
    ("50076", "multi-factor authentication is required"),
    ("700016", "the client is not known in the tenant"),
    ("70021", "no federated identity credential matches"),
    ("700213", "no federated identity credential matches"),
    ("7000215", "the client secret is wrong"),
    ("7000222", "the client secret has expired"),
    ("90002", "the tenant is not known"),
];

/// Whether it is a credential that failed, and why. `last` is the status of the last reply: where
/// the SDK cannot read the body, its error has lost the status.
pub(crate) fn of(error: &SdkError, last: Option<u16>) -> Option<LoginFailure> {
    // one of ours
    if let Some(why) = VaultError::sources(error).find_map(|error| error.downcast_ref()) {
        return Some(LoginFailure { why: VaultError::clone(why), status: None });
    }
    let errors: Vec<&SdkError> = sdk_errors(error).collect();
    let failed = errors.iter().rfind(|error| *error.kind() == ErrorKind::Credential)?;
    let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let name = said.iter().find_map(|text| credential_name(text));
    let unreadable = errors.iter().any(|error| *error.kind() == ErrorKind::DataConversion);
    if let Some(tool) = TOOLS.iter().find(|(credential, ..)| Some(*credential) == name) {
        let text = if unreadable {
            "its output cannot be read".to_owned()
        } else {
            tool_text(tool, &said)
        };
        return Some(LoginFailure {
            why: VaultError::new(Kind::NoCredentials, text),
            status: None,
        });
    }
    let of_reply = errors.iter().find_map(|error| match error.kind() {
        ErrorKind::HttpResponse { status, .. } => Some(u16::from(*status)),
        _ => None,
    });
    let status = of_reply.or_else(|| last.filter(|status| unreadable && *status >= 400));
    let network = errors.iter().any(|error| is_network(error));
    let kind = match status {
        Some(429) => Kind::Throttled,
        Some(408 | 500..=599) => Kind::Unreachable,
        None if network => Kind::Unreachable,
        _ => Kind::NoCredentials,
    };
    let text = if let Some(code) = entra_code(&errors, &said) {
        code
    } else if let Some(status) = status {
        match (name, status) {
            (Some("ManagedIdentityCredential"), 400) => {
                "the identity has not been assigned to this resource".to_owned()
            }
            _ => format!("a reply with status {status}"),
        }
    } else if unreadable {
        UNREADABLE.to_owned()
    } else if network || name.is_some() {
        network_text(error)
    } else {
        // not one of the SDK's own
        failed.to_string()
    };
    Some(LoginFailure { why: VaultError::new(kind, text), status })
}

/// `NAME authentication failed. ..` is how all of the SDK's own begin.
fn credential_name(text: &str) -> Option<&str> {
    let (name, _) = text.split_once(" authentication failed.")?;
    name.ends_with("Credential").then_some(name)
}

pub(crate) fn is_network(error: &SdkError) -> bool {
    matches!(error.kind(), ErrorKind::Connection | ErrorKind::Io)
}

/// What a tool that failed means: its own words may be anything.
fn tool_text((_, tool, login, more): &(&str, &str, &str, &str), said: &[String]) -> String {
    let says = |what: &str| said.iter().any(|text| text.contains(what));
    if says(&format!("{tool} not found on PATH")) {
        return format!("{tool} not found on PATH");
    }
    let code = said.iter().find_map(|text| code_in(text)).map(|code| format!("{code}: "));
    if code.is_some() || says(login) {
        return format!("{}run `{login}`", code.unwrap_or_default());
    }
    format!("{tool} failed: `{more}` tells more")
}

/// Entra's code, and what it means where that is known.
fn entra_code(errors: &[&SdkError], said: &[String]) -> Option<String> {
    let of_reply = errors.iter().find_map(|error| match error.kind() {
        ErrorKind::HttpResponse { error_code: Some(code), .. } => {
            code.split(',').next().filter(|code| is_code(code)).map(|code| format!("AADSTS{code}"))
        }
        _ => None,
    });
    // errors with an escape come as the text of a parser
    let code = of_reply.or_else(|| said.iter().find_map(|text| code_in(text)))?;
    let meaning = CODES.iter().find(|(known, _)| code.strip_prefix("AADSTS") == Some(known));
    Some(meaning.map_or_else(|| code.clone(), |(_, meaning)| format!("{code}: {meaning}")))
}

fn code_in(text: &str) -> Option<String> {
    let digits = &text[text.find("AADSTS")? + 6..];
    let end = digits.bytes().take_while(u8::is_ascii_digit).count();
    is_code(&digits[..end]).then(|| format!("AADSTS{}", &digits[..end]))
}

fn is_code(text: &str) -> bool {
    (4..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::explain;

    #[test]
    fn parsers_of_token_replies_are_not_quoted() {
        let quoting = |text: &str| {
            let parser = SdkError::with_message(ErrorKind::DataConversion, text.to_owned());
            let text = format!("ClientSecretCredential authentication failed. {parser}");
            let failed = SdkError::with_error(ErrorKind::Credential, parser, text);
            SdkError::with_error(ErrorKind::Credential, failed, "not retried")
        };
        let error = explain(quoting("invalid type: string \"eyJ0eXAi\", expected i64"));
        assert_eq!((error.kind(), error.message()), (Kind::NoCredentials, UNREADABLE));
        let escaped = "invalid type: string \"AADSTS7000215: Invalid client secret";
        let error = explain(quoting(escaped));
        assert_eq!(error.message(), "AADSTS7000215: the client secret is wrong");
        // a page of HTML
        let failure = of(&quoting("expected value at line 1"), Some(503)).unwrap();
        assert_eq!(failure.why.kind(), Kind::Unreachable);
        assert_eq!(failure.why.message(), "a reply with status 503");
    }

    #[test]
    fn programs_are_not_quoted() {
        let az = TOOLS[0];
        for (said, text) in [
            (
                "AzureCliCredential authentication failed. az not found on PATH",
                "az not found on PATH",
            ),
            ("ERROR: Please run 'az login' to set up hunter2", "run `az login`"),
            ("ERROR: AADSTS700082: hunter2", "AADSTS700082: run `az login`"),
            ("hunter2", "az failed: `az account get-access-token` tells more"),
        ] {
            assert_eq!(tool_text(&az, &[said.to_owned()]), text);
        }
    }
}
