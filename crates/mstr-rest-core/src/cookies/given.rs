//! `Cookies`: names and values of cookies to adopt.

use std::fmt;
use std::str::FromStr;

use mstr_credentials::{Credential, SecretString};

use super::jar::is_name;
use crate::{Error, ErrorKind, Result};

/// Names and values of cookies to adopt. Their order has no meaning.
///
/// Convert it from pairs, or parse the text of a `Cookie` header. `Cookies::default()` has no
/// cookies.
///
/// ```
/// use mstr_rest_core::{Cookies, Credential};
///
/// let pairs = Cookies::from([("JSESSIONID", "0A"), ("iSession", "1B")]);
/// let header: Cookies = "JSESSIONID=0A; iSession=1B".parse()?;
/// let stored = Cookies::from([("JSESSIONID", Credential::env("MSTR_JSESSIONID"))]);
/// assert_eq!(format!("{pairs:?}"), r#"["JSESSIONID", "iSession"]"#);
/// # let _ = (header, stored);
/// # Ok::<(), mstr_rest_core::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Cookies(Vec<(String, Credential)>);

impl Cookies {
    pub(crate) async fn resolve(&self) -> Result<Vec<(String, SecretString)>> {
        let mut out = Vec::with_capacity(self.0.len());
        for (name, value) in &self.0 {
            let value = crate::secrets::resolve(value, &format!("cookie {name}")).await?;
            out.push((name.clone(), value));
        }
        Ok(out)
    }
}

impl<N: Into<String>, C: Into<Credential>> FromIterator<(N, C)> for Cookies {
    fn from_iter<I: IntoIterator<Item = (N, C)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl<N: Into<String>, C: Into<Credential>, const LEN: usize> From<[(N, C); LEN]> for Cookies {
    fn from(pairs: [(N, C); LEN]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<N: Into<String>, C: Into<Credential>> From<Vec<(N, C)>> for Cookies {
    fn from(pairs: Vec<(N, C)>) -> Self {
        pairs.into_iter().collect()
    }
}

impl FromStr for Cookies {
    type Err = Error;

    /// Parses the text of a `Cookie` header: `a=1; b=2`.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) for a pair without `=` or without a name. The
    /// text is never repeated.
    fn from_str(header: &str) -> Result<Self> {
        let pairs = header.split(';').map(str::trim).filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) if is_name(name.trim()) => {
                    Ok((name.trim().to_owned(), Credential::from(value.trim())))
                }
                _ => Err(Error::new(
                    ErrorKind::InvalidRequest,
                    "not the text of a Cookie header: write `name=value` pairs with `;` between them",
                )),
            })
            .collect::<Result<Vec<_>>>()
            .map(Self)
    }
}

impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pairs_and_header_texts_give_the_same_cookies() {
        let pairs = [("a", "1"), ("b", "2=3")];
        let forms = [pairs.into(), pairs.to_vec().into(), " a=1; b=2=3;".parse().unwrap()];
        for cookies in forms {
            let cookies: Cookies = cookies;
            let resolved = cookies.resolve().await.unwrap();
            let shown: Vec<_> =
                resolved.iter().map(|(name, value)| (&**name, value.expose_secret())).collect();
            assert_eq!(shown, pairs);
        }
        for none in [Cookies::default(), "; ".parse().unwrap()] {
            assert!(none.resolve().await.unwrap().is_empty());
        }
    }

    #[test]
    fn a_text_that_is_not_a_cookie_header_is_an_error() {
        for text in ["JSESSIONID", "=canary", "a=1; canary", "a=1; ca\nary=2"] {
            let error = text.parse::<Cookies>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{text}");
            assert!(!error.to_string().contains("ary"), "{error}");
        }
    }
}
