//! The options of a case as options of the client, and nothing that comes from elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mstr_credentials::{Credential, CredentialError};
use mstr_rest_core::{Auth, Error, RetryPolicy, Session, SessionBuilder};

use crate::case::{Case, Kind, Login, Options, Provider, Step, Text, TransportError};
use crate::clouds::Clouds;
use crate::script::base_url;
use crate::tls;

/// The client's limits when a case wants one to be over.
const SHORT: Duration = Duration::from_millis(500);

/// How often each provider of a case was asked, by the name of its option.
pub(crate) type Calls = BTreeMap<&'static str, Arc<AtomicUsize>>;

/// What the sessions of a case are made from.
pub(crate) struct Client {
    builder: SessionBuilder,
    auth: Result<Auth, Error>,
    pub(crate) kind: Kind,
    pub(crate) calls: Calls,
}

impl Client {
    /// Fails for an option that this client does not have.
    pub(crate) fn new(case: &Case, proxy: &str, clouds: &Clouds) -> Result<Self, String> {
        let options = &case.given.session;
        let mut calls = Calls::new();
        let mut option = |name, text: &Option<Text>| {
            text.as_ref().map(|text| match text {
                Text::Vault(field) => clouds.field(field),
                text => credential(text, name, &mut calls),
            })
        };
        let default = || Credential::from(base_url(&case.given));
        let base = option("base_url", &options.base_url).unwrap_or_else(default);
        let auth = Auth::from_parts(
            option("username", &options.username),
            option("password", &options.password),
            option("api_key", &options.api_key),
            option("identity_token", &options.identity_token),
        );
        let builder = Session::builder(base)
            .proxy(proxy)
            .root_certificates_pem(tls::authority_pem()?)
            .only_these_roots(true);
        let mut builder = configured(builder, options)?;
        if let Some(number) = application_type(case)? {
            builder = builder.application_type(number);
        }
        for error in case.given.replies.iter().filter_map(|rule| rule.reply.transport_error) {
            builder = match error {
                TransportError::ReadTimeout => builder.read_timeout(SHORT),
                TransportError::ConnectTimeout => builder.connect_timeout(SHORT),
                TransportError::Connect | TransportError::Read => builder,
            };
        }
        Ok(Self { builder, auth, kind: options.kind, calls })
    }

    /// A session that is not logged in.
    pub(crate) fn session(&self) -> Result<Session, Error> {
        self.builder.clone().build()
    }

    /// The same options with another base URL. There is no way to put a new one into a builder.
    pub(crate) fn elsewhere(
        options: &Options,
        proxy: &str,
        base: &str,
    ) -> Result<SessionBuilder, String> {
        let builder = Session::builder(base)
            .proxy(proxy)
            .root_certificates_pem(tls::authority_pem()?)
            .only_these_roots(true);
        configured(builder, options)
    }

    /// What logs in.
    pub(crate) fn connecting(&self) -> Result<SessionBuilder, Error> {
        Ok(self.builder.clone().auth(self.auth.clone()?))
    }
}

fn configured(builder: SessionBuilder, options: &Options) -> Result<SessionBuilder, String> {
    if options.supplied_client {
        return Err("no HTTP client can be handed in".into());
    }
    let mut builder = builder
        .return_http_errors(!options.raise_on_http_error)
        .follow_redirects(options.follow_redirects.unwrap_or(true))
        .relogin(options.relogin);
    if let Some(seconds) = options.keepalive_interval {
        builder = builder.keep_alive(duration(seconds)?);
    }
    if let Some(retries) = options.retries {
        let policy = retry_policy(options.backoff_factor.unwrap_or(0.5))?;
        builder = builder.retry(policy.max_retries(retries));
    }
    Ok(builder)
}

/// As `conventions` want it: no jitter.
pub(crate) fn retry_policy(backoff_factor: f64) -> Result<RetryPolicy, String> {
    Ok(RetryPolicy::default().base_delay(duration(backoff_factor)?).jitter(false))
}

pub(crate) fn duration(seconds: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(seconds).map_err(|error| format!("{seconds} s: {error}"))
}

/// The application type is an option of the session: all logins of a case must agree on it.
fn application_type(case: &Case) -> Result<Option<i64>, String> {
    let of_step = |step: &Step| match step {
        Step::Login(login) => login.application_type,
        _ => None,
    };
    let mut types: Vec<_> = case.when.iter().filter_map(of_step).collect();
    types.extend(case.given.session.application_type);
    types.dedup();
    match types[..] {
        [] => Ok(None),
        [number] => Ok(Some(number)),
        _ => Err("one session logs in with one application type".into()),
    }
}

/// The credentials of a `login` step.
pub(crate) fn auth_of(login: &Login) -> Result<Auth, Error> {
    let mut calls = Calls::new();
    let mut part =
        |name, text: &Option<Text>| text.as_ref().map(|text| credential(text, name, &mut calls));
    Auth::from_parts(
        part("username", &login.username),
        part("password", &login.password),
        part("api_key", &login.api_key),
        part("identity_token", &login.identity_token),
    )
}

pub(crate) fn credential(text: &Text, name: &'static str, calls: &mut Calls) -> Credential {
    let Provider { provider } = match text {
        Text::Literal(text) => return text.into(),
        Text::Provider(provider) => provider.clone(),
        Text::Vault(_) => {
            let error = CredentialError::new("a vault is an option of a session, not of a login");
            return Credential::from_fn(move || Err::<String, _>(error.clone()));
        }
    };
    let asked = Arc::clone(calls.entry(name).or_default());
    Credential::from_fn(move || {
        let call = asked.fetch_add(1, Ordering::Relaxed).min(provider.len().saturating_sub(1));
        Ok(provider.get(call).cloned().flatten())
    })
}
