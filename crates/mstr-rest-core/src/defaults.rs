//! Default headers, cookies and query parameters, which a gateway may require with every request.

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

/// One default header, cookie or query parameter, as set at the builder.
#[derive(Debug, Clone)]
pub(crate) enum DefaultItem {
    Header(HeaderName, Credential),
    Basic { username: Credential, password: Credential },
    Query(String, Credential),
    Cookie(String, Credential),
}

impl DefaultItem {
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

/// All default headers, cookies and query parameters, resolved.
#[derive(Default)]
pub(crate) struct Defaults {
    headers: HeaderMap,
    query: Vec<(String, SecretString)>,
    /// A `Cookie` header. It is sent together with the cookies of the login.
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

    async fn resolve(given: &[DefaultItem]) -> Result<Self> {
        let mut out = Self::default();
        for given in given {
            match given {
                DefaultItem::Header(name, value) => {
                    let value = resolve(value, name.as_str()).await?;
                    let value = secret_header(&value, name.as_str())?;
                    if *name == header::COOKIE {
                        out.add_cookies(&value);
                    } else {
                        out.headers.insert(name.clone(), value);
                    }
                }
                DefaultItem::Cookie(name, value) => {
                    let label = format!("cookie {name}");
                    let value = resolve(value, &label).await?;
                    if !crate::cookies::is_clean(value.expose_secret()) {
                        return Err(invalid_value(&label, "cookies"));
                    }
                    let pair = Zeroizing::new(format!("{name}={}", value.expose_secret()));
                    let pair = HeaderValue::from_str(&pair);
                    out.add_cookies(&pair.map_err(|_| invalid_value(&label, "cookies"))?);
                }
                DefaultItem::Basic { username, password } => {
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
                DefaultItem::Query(name, value) => {
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
    let mut value = value.map_err(|_| invalid_value(name, "headers"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn invalid_value(name: &str, place: &str) -> Error {
    let message = format!("the value of `{name}` has a character that is not allowed in {place}");
    Error::new(ErrorKind::Credential, message)
}

/// The defaults of a session. They are resolved at the first request, and again at each login.
#[derive(Default)]
pub(crate) struct DefaultsSource {
    given: Vec<DefaultItem>,
    resolved: SingleFlight<Defaults>,
    /// The defaults of a session without any, so that no request allocates them.
    none: Arc<Defaults>,
}

impl DefaultsSource {
    pub(crate) fn new(given: Vec<DefaultItem>) -> Self {
        Self { given, ..Self::default() }
    }

    /// Resolves the defaults once for all requests that wait. A credential that uses this session
    /// fails with an error: it would deadlock.
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

    /// Drops the resolved values, so that a login uses secrets that were rotated meanwhile.
    pub(crate) fn forget(&self) {
        let credentials = || self.given.iter().flat_map(DefaultItem::credentials);
        if credentials().any(|credential| credential.literal().is_none()) {
            credentials().for_each(Credential::invalidate);
            self.resolved.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn defaults_are_resolved_once_and_again_after_a_login() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let key =
            Credential::from_fn(move || Ok(format!("k{}", counter.fetch_add(1, Ordering::SeqCst))));
        let source = DefaultsSource::new(vec![
            DefaultItem::Header(HeaderName::from_static("x-key"), key),
            DefaultItem::Basic { username: "Aladdin".into(), password: "open sesame".into() },
            DefaultItem::Query("sig".to_owned(), "a&b".into()),
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

    /// A secret provider that answers late must not give a login a value from before the login.
    #[tokio::test]
    async fn a_value_fetched_before_a_login_is_fetched_again() {
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
        let source = Arc::new(DefaultsSource::new(vec![DefaultItem::Header(name, key)]));
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
    async fn a_value_with_characters_not_allowed_in_headers_is_an_error() {
        let name = HeaderName::from_static("x-key");
        let source = DefaultsSource::new(vec![DefaultItem::Header(name, "can\nary".into())]);
        let error = source.get(SessionId::new()).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Credential);
        assert!(error.to_string().contains("x-key") && !format!("{error:?}").contains("ary"));
    }
}
