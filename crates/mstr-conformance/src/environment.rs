//! Providers that read the environment. Changing that of a process is `unsafe`, which this
//! workspace forbids: they run in a child process that is started with the one of the case.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use mstr_credentials::{Credential, EnvVar};
use mstr_rest_core::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::case::Env;
use crate::drive::Outcome;

/// The argument that makes this program the child.
pub(crate) const ARGUMENT: &str = "resolve";

/// Resolves a source in that environment.
pub(crate) fn resolve(
    source: &Env,
    environment: &BTreeMap<String, Option<String>>,
) -> Result<Outcome, String> {
    let failed = |error: &dyn std::fmt::Display| format!("the child process: {error}");
    let program = std::env::current_exe().map_err(|error| failed(&error))?;
    let source = serde_json::to_string(source).map_err(|error| failed(&error))?;
    let mut child = Command::new(program);
    child.args([format!("--{ARGUMENT}"), source]).stderr(Stdio::inherit());
    for (name, value) in environment {
        match value {
            Some(value) => child.env(name, value),
            None => child.env_remove(name),
        };
    }
    let output = child.output().map_err(|error| failed(&error))?;
    let said: Value = serde_json::from_slice(&output.stdout).map_err(|error| failed(&error))?;
    if let Some(value) = said.get("value") {
        return Ok(Outcome::value(value.clone()));
    }
    let message = said["error"].as_str().unwrap_or_default();
    let kind =
        if said["missing"] == true { ErrorKind::MissingCredential } else { ErrorKind::Credential };
    Ok(Error::new(kind, message).into())
}

/// What the child does: says the value of the source, or the error.
pub(crate) async fn child(source: &str) -> Result<Value, serde_json::Error> {
    let Env::Env { name, default, key } = serde_json::from_str(source)?;
    let mut variable = EnvVar::new(name);
    if let Some(default) = default {
        variable = variable.or(default);
    }
    let credential = match key {
        Some(key) => variable.field(key),
        None => Credential::from(variable),
    };
    Ok(match credential.resolve().await {
        Ok(secret) => json!({"value": secret.expose_secret()}),
        Err(error) => json!({"error": error.to_string(), "missing": error.is_missing()}),
    })
}
