//! The client of the SDK, and the runtime that it lives with.

use std::{fmt, time::Duration};

use google_cloud_auth::credentials::Credentials;
use google_cloud_gax::{
    error::Error as SdkError,
    retry_policy::{Aip194Strict, RetryPolicy, RetryPolicyExt as _},
    retry_result::RetryResult,
    retry_state::RetryState,
};
use google_cloud_secretmanager_v1::client::SecretManagerService;
use mstr_credentials::VaultError;
use tokio::{runtime, sync::Mutex};

use crate::{
    failure::explain_build,
    login::{Login, login},
    options::Options,
};

/// Timeout of one attempt: three of them fit into the timeout of a fetch, unless that is short.
const ATTEMPT: Duration = Duration::from_secs(10);

/// Makes a client when there is none, when the one that there is belongs to another runtime, and
/// after it was forgotten.
#[derive(Default)]
pub(crate) struct Connection(Mutex<Option<(runtime::Id, Made)>>);

/// A client and its login.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) client: SecretManagerService,
    /// None for a client that was handed in.
    pub(crate) credentials: Option<Credentials>,
    /// How errors call what gives tokens.
    pub(crate) login: String,
}

impl Connection {
    pub(crate) async fn made(&self, options: &Options) -> Result<Made, VaultError> {
        if let Some(client) = &options.client {
            let login = "the client that was handed in".to_owned();
            return Ok(Made { client: client.clone(), credentials: None, login });
        }
        // held while it is made: others wait for that
        let mut made = self.0.lock().await;
        let here = runtime::Handle::current().id();
        if let Some((runtime, made)) = &*made
            && *runtime == here
        {
            return Ok(made.clone());
        }
        let new = build(options).await?;
        *made = Some((here, new.clone()));
        Ok(new)
    }

    /// Credentials that failed keep their failure, for ten seconds or for good: the next client gets
    /// new ones.
    pub(crate) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

async fn build(options: &Options) -> Result<Made, VaultError> {
    let Login { credentials, name } = login(options)?;
    let mut builder = SecretManagerService::builder()
        .with_credentials(credentials.clone())
        .with_attempt_timeout(ATTEMPT.max(options.timeout / 3))
        .with_retry_policy(Rules(Aip194Strict).with_attempt_limit(3));
    if let Some(endpoint) = options.endpoint() {
        builder = builder.with_endpoint(endpoint);
    }
    let client = builder.build().await.map_err(|error| explain_build(&error))?;
    Ok(Made { client, credentials: Some(credentials), login: name })
}

/// The SDK's rules for requests, with two differences.
#[derive(Debug)]
struct Rules(Aip194Strict);

impl RetryPolicy for Rules {
    fn on_error(&self, state: &RetryState, error: SdkError) -> RetryResult {
        if error.is_authentication() {
            // a further attempt would meet the same failure: see `Connection::forget`
            RetryResult::Permanent(error)
        } else if error.is_timeout() {
            // to fetch a secret twice does no harm
            RetryResult::Continue(error)
        } else {
            self.0.on_error(state, error)
        }
    }
}

#[cfg(test)]
mod tests {
    use google_cloud_gax::error::CredentialsError;

    use super::*;

    #[test]
    fn attempts_that_time_out_are_repeated_and_failed_logins_are_not() {
        let rules = Rules(Aip194Strict);
        let state = RetryState::new(true);
        let late = rules.on_error(&state, SdkError::timeout("10 s"));
        assert!(matches!(late, RetryResult::Continue(_)), "{late:?}");
        let login = CredentialsError::from_msg(true, "no token");
        let login = rules.on_error(&state, SdkError::authentication(login));
        assert!(matches!(login, RetryResult::Permanent(_)), "{login:?}");
    }
}
