//! Resolves credential references and says what came, as JSON: one line for each.
//!
//! `cargo xtask interop` runs it with secrets of emulators. **It prints what it resolves**: give it no
//! secret that is one. Each line of its input is a command and references, with tabs between:
//!
//! ```text
//! resolve    aws-sm:prod/mstr#username    aws-sm:prod/mstr#password
//! again      aws-sm:prod/mstr#password
//! together   aws-sm:prod/mstr#password
//! ```
//!
//! `resolve` resolves each in turn, `again` does so after it invalidated them, as a session does that
//! logs in again, and `together` resolves each in a hundred tasks at once. What was resolved is kept as a
//! session would keep it.
#![allow(clippy::print_stdout)]

use std::{collections::BTreeMap, error::Error, fmt::Write as _, io};

use mstr_rest::{CredentialError, prelude::*};

const TASKS: usize = 100;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut held: BTreeMap<String, Credential> = BTreeMap::new();
    for line in io::stdin().lines() {
        let line = line?;
        let mut words = line.split('\t');
        let command = words.next().unwrap_or_default();
        for reference in words {
            let credential = match held.get(reference) {
                Some(credential) => credential.clone(),
                None => match mstr_rest::credential(reference) {
                    Ok(credential) => credential,
                    Err(error) => {
                        println!("{}", failure(&error));
                        continue;
                    }
                },
            };
            held.insert(reference.to_owned(), credential.clone());
            match command {
                "resolve" => println!("{}", resolved(&credential).await),
                "again" => {
                    credential.invalidate();
                    println!("{}", resolved(&credential).await);
                }
                "together" => println!("{}", together(&credential).await?),
                _ => return Err(format!("unknown command: {command}").into()),
            }
        }
    }
    Ok(())
}

/// What all tasks had, if they had the same.
async fn together(credential: &Credential) -> Result<String, Box<dyn Error>> {
    let task = |_| {
        let credential = credential.clone();
        tokio::spawn(async move { resolved(&credential).await })
    };
    let tasks: Vec<_> = (0..TASKS).map(task).collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await?);
    }
    outcomes.dedup();
    Ok(outcomes.join(" and "))
}

async fn resolved(credential: &Credential) -> String {
    match credential.resolve().await {
        Ok(secret) => format!(r#"{{"value": {}}}"#, quoted(secret.expose_secret())),
        Err(error) => failure(&error),
    }
}

/// The kind of failure: that of the vault, or of reading what it gave.
fn failure(error: &CredentialError) -> String {
    let vault = error.vault_error();
    let kind = match vault {
        Some(vault) => vault.kind().to_string(),
        None if error.is_missing() => "missing".to_owned(),
        None => "unreadable".to_owned(),
    };
    let why = vault.map(|vault| format!(": {vault}")).unwrap_or_default();
    let says = quoted(&format!("{error}{why}"));
    format!(r#"{{"failure": {}, "says": {says}}}"#, quoted(&kind))
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut json = String::from('"');
    for character in text.chars() {
        if character.is_control() || matches!(character, '"' | '\\') {
            // writing to a text cannot fail
            let _ = write!(json, "\\u{:04x}", u32::from(character));
        } else {
            json.push(character);
        }
    }
    json.push('"');
    json
}
