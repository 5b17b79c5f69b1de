//! The JSON form of the Python packages: `{base_url, cookies, headers}`. It did not change from
//! mstr-rest-requests 1.0.0 to 2.3.1 (both versions were tested against each other).

use std::collections::BTreeMap;

use mstr_rest_core::{Result, SavedCookie, SecretString, SessionSnapshot};
use serde::{Deserialize, Serialize};

use crate::form::{parse, to_secret};
use crate::unusable;

const TOKEN: &str = "X-MSTR-AuthToken";

#[derive(Deserialize)]
struct Read {
    base_url: Option<String>,
    /// In the requests flavour, a cookie may have no value.
    cookies: Option<BTreeMap<String, Option<String>>>,
    headers: Option<BTreeMap<String, Option<String>>>,
}

#[derive(Serialize)]
struct Written<'a> {
    base_url: &'a str,
    cookies: BTreeMap<&'a str, &'a str>,
    headers: BTreeMap<&'a str, &'a str>,
}

pub(crate) fn read(json: &str) -> Result<SessionSnapshot> {
    if !json.trim_start().starts_with('{') {
        return Err(unusable(
            "a snapshot of mstr-rest-requests is a JSON object with `base_url`, `cookies` and \
             `headers`",
        ));
    }
    let form: Read = parse(json)?;
    let missing = |name: &str| unusable(format!("the snapshot has no `{name}`"));
    // the requests flavour saves null for a session without a base URL
    let base_url = form.base_url.ok_or_else(|| missing("base_url"))?;
    let cookies = form.cookies.ok_or_else(|| missing("cookies"))?;
    let headers = form.headers.ok_or_else(|| missing("headers"))?;
    let mut snapshot = SessionSnapshot::new(&base_url)?;
    for (name, value) in cookies {
        snapshot.cookies.extend(value.map(|value| SavedCookie::new(name, value)));
    }
    // the httpx flavours write names in lower case, the requests flavour does not change them
    for (name, value) in headers {
        let Some(value) = value else { continue };
        if name.eq_ignore_ascii_case(TOKEN) {
            if snapshot.token.as_ref().is_some_and(|token| token.expose_secret() != value) {
                return Err(unusable("the snapshot has two different tokens"));
            }
            snapshot.token = Some(value.into());
        }
        // other headers are of a reply, or of the HTTP library of the program that saved them
    }
    Ok(snapshot)
}

pub(crate) fn write(snapshot: &SessionSnapshot) -> Result<SecretString> {
    let mut cookies: Vec<_> = snapshot
        .cookies
        .iter()
        .filter(|cookie| covers(&cookie.path, snapshot.base_url().path()))
        .collect();
    // if several cookies have the same name, the map below keeps the last one
    cookies.sort_by_key(|cookie| cookie.path.len());
    let token = snapshot.token.as_ref().map(|token| (TOKEN, token.expose_secret()));
    to_secret(&Written {
        base_url: snapshot.base_url().as_str(),
        cookies: cookies
            .into_iter()
            .map(|cookie| (cookie.name.as_str(), cookie.value.expose_secret()))
            .collect(),
        headers: token.into_iter().collect(),
    })
}

/// Returns `true` if a cookie with that path is sent to all URLs below `base`.
fn covers(path: &str, base: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    base.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn cookie_paths_cover_base_paths_below_them() {
        for (path, yes) in [
            ("/", true),
            ("", true),
            ("/Lib", true),
            ("/Lib/api", true),
            ("/Lib/api/", true),
            ("/Li", false),
            ("/Lib/api/auth", false),
            ("/other", false),
        ] {
            assert_eq!(covers(path, "/Lib/api/"), yes, "{path}");
        }
    }
}
