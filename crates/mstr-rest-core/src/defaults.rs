//! Default headers, cookies and query parameters: what a gateway wants with every request.

use std::sync::Arc;

use base64::Engine;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use mstr_credentials::{Credential, SecretString};
use url::Url;
use zeroize::Zeroizing;

use crate::nesting::{self, SessionId};
use crate::secrets::resolve;
use crate::single_flight::SingleFlight;
use crate::{Error, ErrorKind, Result};

/// One of them, as it was given to the builder.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    Header(HeaderName, Credential),
    Basic { username: Credential, password: Credential },
    Query(String, Credential),
    Cookie(String, Credential),
}

impl Given {
    fn credentials(&self) -> impl Iterator<Item = &Credential> {
        let (first, second) = match self {
            Self::Header(_, value) | Self::Query(_, value) | Self::Cookie(_, value) => {
                (value, None)
            }
            Self::Basic { username, password } => (username, Some(password)),
        };
        std::iter::once(first).chain(second)
    }
}

/// All of them, resolved.
#[derive(Default)]
pub(crate) struct Defaults {
    headers: HeaderMap,
    query: Vec<(String, SecretString)>,
    /// A `Cookie` header of its own: it goes along with the cookies of the login.
    cookies: Option<HeaderValue>,
}

impl Defaults {
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(crate) fn cookies(&self) -> Option<&HeaderValue> {
        self.cookies.as_ref()
    }

    pub(crate) fn add_query(&self, url: &mut Url) {
        if !self.query.is_empty() {
            let pairs = self.query.iter().map(|(name, value)| (name, value.expose_secret()));
            url.query_pairs_mut().extend_pairs(pairs);
        }
    }

    async fn resolve(given: &[Given]) -> Result<Self> {
        let mut out = Self::default();
        for given in given {
            match given {
                Given::Header(name, value) => {
                    let value = resolve(value, name.as_str()).await?;
                    let value = secret_header(&value, name.as_str())?;
                    if *name == header::COOKIE {
                        out.add_cookies(&value);
                    } else {
                        out.headers.insert(name.clone(), value);
                    }
                }
                Given::Cookie(name, value) => {
                    let label = format!("cookie {name}");
                    let value = resolve(value, &label).await?;
                    if !crate::cookies::is_clean(value.expose_secret()) {
                        return Err(impossible(&label, "cookies"));
                    }
                    let pair = Zeroizing::new(format!("{name}={}", value.expose_secret()));
                    let pair = HeaderValue::from_str(&pair);
                    out.add_cookies(&pair.map_err(|_| impossible(&label, "cookies"))?);
                }
                Given::Basic { username, password } => {
                    let username = resolve(username, "basic_auth user").await?;
                    let password = resolve(password, "basic_auth password").await?;
                    let pair = Zeroizing::new(format!(
                        "{}:{}",
                        username.expose_secret(),
                        password.expose_secret()
                    ));
                    let value = base64::engine::general_purpose::STANDARD.encode(pair.as_bytes());
                    let value = SecretString::from(format!("Basic {value}"));
                    out.headers.insert(header::AUTHORIZATION, secret_header(&value, "basic_auth")?);
                }
                Given::Query(name, value) => {
                    out.query.push((name.clone(), resolve(value, name).await?));
                }
            }
        }
        Ok(out)
    }

    fn add_cookies(&mut self, cookies: &HeaderValue) {
        self.cookies = crate::cookies::merged(self.cookies.take(), [Some(cookies)]);
    }
}

fn secret_header(value: &SecretString, name: &str) -> Result<HeaderValue> {
    let value = HeaderValue::from_str(value.expose_secret());
    let mut value = value.map_err(|_| impossible(name, "headers"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn impossible(name: &str, place: &str) -> Error {
    let message = format!("the value of `{name}` holds a character that {place} cannot hold");
    Error::new(ErrorKind::Credential, message)
}

/// The given ones, and what they resolved to: at the first request, and again at each login.
#[derive(Default)]
pub(crate) struct DefaultsSource {
    given: Vec<Given>,
    resolved: SingleFlight<Defaults>,
    /// For a session without any.
    none: Arc<Defaults>,
}

impl DefaultsSource {
    pub(crate) fn new(given: Vec<Given>) -> Self {
        Self { given, ..Self::default() }
    }

    /// All of them, resolved once for all requests that wait. A credential among them that uses this
    /// session gets an error: it would wait for itself.
    pub(crate) async fn get(&self, session: SessionId) -> Result<Arc<Defaults>> {
        if self.given.is_empty() {
            return Ok(Arc::clone(&self.none));
        }
        if let Some(defaults) = self.resolved.get() {
            return Ok(defaults);
        }
        let resolve = self.resolved.fetch(|| Defaults::resolve(&self.given));
        nesting::within(session, Box::pin(resolve)).await
    }

    /// A secret that was rotated meanwhile is used from the next login on.
    pub(crate) fn forget(&self) {
        let sources = || self.given.iter().flat_map(Given::credentials);
        if sources().any(|credential| credential.literal().is_none()) {
            sources().for_each(Credential::invalidate);
            self.resolved.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn resolved_once_and_again_after_a_login() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let key =
            Credential::from_fn(move || Ok(format!("k{}", counter.fetch_add(1, Ordering::SeqCst))));
        let source = DefaultsSource::new(vec![
            Given::Header(HeaderName::from_static("x-key"), key),
            Given::Basic { username: "Aladdin".into(), password: "open sesame".into() },
            Given::Query("sig".to_owned(), "a&b".into()),
        ]);
        let (first, second) =
            tokio::join!(source.get(SessionId::new()), source.get(SessionId::new()));
        assert_eq!(first.unwrap().headers()["x-key"], "k0");
        let defaults = second.unwrap();
        assert_eq!(defaults.headers()["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(!format!("{:?}", defaults.headers()).contains("QWxh"));
        let mut url = Url::parse("https://h/x?y=1").unwrap();
        defaults.add_query(&mut url);
        assert_eq!(url.as_str(), "https://h/x?y=1&sig=a%26b");
        source.forget();
        assert_eq!(source.get(SessionId::new()).await.unwrap().headers()["x-key"], "k1");
    }

    /// A vault that answers late must not bring a login what was true before it.
    #[tokio::test]
    async fn what_was_fetched_before_a_login_is_not_for_it() {
        let calls = Arc::new(AtomicUsize::new(0));
        let asked = Arc::new(tokio::sync::Semaphore::new(0));
        let answer = Arc::new(tokio::sync::Semaphore::new(0));
        let (counter, ask, wait) = (Arc::clone(&calls), Arc::clone(&asked), Arc::clone(&answer));
        let key = Credential::from_async_fn(move || {
            let number = counter.fetch_add(1, Ordering::SeqCst);
            ask.add_permits(1);
            let wait = Arc::clone(&wait);
            async move {
                wait.acquire_owned().await.unwrap().forget();
                Ok(format!("k{number}"))
            }
        });
        let name = HeaderName::from_static("x-key");
        let source = Arc::new(DefaultsSource::new(vec![Given::Header(name, key)]));
        let getting = Arc::clone(&source);
        let getting = tokio::spawn(async move { getting.get(SessionId::new()).await.unwrap() });
        asked.acquire().await.unwrap().forget();
        source.forget();
        answer.add_permits(2);
        assert_eq!(getting.await.unwrap().headers()["x-key"], "k1");
        assert_eq!(source.get(SessionId::new()).await.unwrap().headers()["x-key"], "k1");
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_value_that_no_header_can_hold() {
        let name = HeaderName::from_static("x-key");
        let source = DefaultsSource::new(vec![Given::Header(name, "can\nary".into())]);
        let error = source.get(SessionId::new()).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Credential);
        assert!(error.to_string().contains("x-key") && !format!("{error:?}").contains("ary"));
    }
}
