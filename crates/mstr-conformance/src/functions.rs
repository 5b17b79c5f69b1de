//! Steps about one function: the very one that the request path calls.

use mstr_rest_core::__testing as core;
use serde_json::{Value, json};

use crate::client::retry_policy;

pub(crate) fn origin(url: &str) -> Value {
    json!(core::origin(url))
}

pub(crate) fn redact_url(url: &str) -> Value {
    json!(core::redact_url(url))
}

pub(crate) fn is_auth_url(url: &str) -> Value {
    json!(core::is_auth_url(url))
}

/// Fails for a factor that no policy can hold.
pub(crate) fn retry_delay(
    attempt: u32,
    backoff_factor: f64,
    retry_after: Option<&str>,
) -> Result<Value, String> {
    let policy = retry_policy(backoff_factor)?;
    Ok(json!(core::retry_delay(&policy, attempt, retry_after).map(|wait| wait.as_secs_f64())))
}
