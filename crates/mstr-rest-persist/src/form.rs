//! Version 1 of the JSON format of a snapshot.

use std::time::{Duration, SystemTime};

use mstr_rest_core::{Error, Result, SavedCookie, SecretString, SessionSnapshot};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::unusable;

const VERSION: u64 = 1;

/// The members that tell the kind of a file: `version` of a snapshot, `sealed` of an encrypted one.
#[derive(Deserialize)]
pub(crate) struct Kind<'a> {
    #[serde(borrow)]
    pub(crate) version: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) sealed: Option<&'a RawValue>,
}

impl Kind<'_> {
    /// Returns `true` for a newer version of the format: the file is not damaged.
    pub(crate) fn is_newer(&self) -> bool {
        let version = self.version.and_then(|text| serde_json::from_str::<u64>(text.get()).ok());
        version.is_some_and(|version| version > VERSION)
    }
}

#[derive(Deserialize)]
struct Form<'a> {
    base_url: Option<String>,
    token: Option<String>,
    #[serde(borrow)]
    cookies: Option<Vec<&'a RawValue>>,
    project: Option<String>,
    user: Option<String>,
    login_mode: Option<i64>,
    principal: Option<String>,
    created_at: Option<u64>,
    last_used_at: Option<u64>,
    // the name in earlier versions
    #[serde(alias = "idle_limit")]
    idle_timeout: Option<u64>,
}

#[derive(Deserialize)]
struct CookieForm {
    name: Option<String>,
    value: Option<String>,
    path: Option<String>,
    domain: Option<String>,
    #[serde(default)]
    secure: bool,
    #[serde(default)]
    http_only: bool,
    same_site: Option<String>,
    expires: Option<u64>,
}

pub(crate) fn read(json: &str) -> Result<SessionSnapshot> {
    let Kind { version, .. } = parse(json)?;
    match version.map(|version| serde_json::from_str::<u64>(version.get())) {
        Some(Ok(VERSION)) => {}
        Some(Ok(newer)) if newer > VERSION => {
            return Err(unusable(format!(
                "the snapshot has version {newer} of the format, but this program reads only \
                 version {VERSION}: use a newer version of mstr-rest"
            )));
        }
        Some(_) => return Err(unusable("the snapshot has an invalid `version`")),
        None => {
            return Err(unusable(
                "the snapshot has no `version`: read snapshots of mstr-rest-requests with \
                 from_python_json",
            ));
        }
    }
    let form: Form<'_> = parse(json)?;
    let base_url = form.base_url.ok_or_else(|| unusable("the snapshot has no `base_url`"))?;
    let mut snapshot = SessionSnapshot::new(&base_url)?;
    snapshot.token = form.token.map(Into::into);
    for cookie in form.cookies.unwrap_or_default() {
        snapshot.cookies.push(read_cookie(cookie.get())?);
    }
    snapshot.project = form.project;
    snapshot.user = form.user;
    snapshot.login_mode = form.login_mode;
    snapshot.principal = form.principal;
    snapshot.created_at = form.created_at.map(time).transpose()?;
    snapshot.last_used_at = form.last_used_at.map(time).transpose()?;
    snapshot.idle_timeout = form.idle_timeout.map(Duration::from_secs);
    Ok(snapshot)
}

fn read_cookie(json: &str) -> Result<SavedCookie> {
    let form: CookieForm = parse(json)?;
    let (Some(name), Some(value)) = (form.name, form.value) else {
        return Err(unusable("the snapshot has a cookie without `name` or `value`"));
    };
    let mut cookie = SavedCookie::new(name, value);
    cookie.path = form.path.unwrap_or(cookie.path);
    cookie.domain = form.domain;
    cookie.secure = form.secure;
    cookie.http_only = form.http_only;
    cookie.same_site = form.same_site;
    cookie.expires = form.expires.map(time).transpose()?;
    Ok(cookie)
}

fn time(seconds: u64) -> Result<SystemTime> {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    time.ok_or_else(|| unusable("the snapshot has a time that is out of range"))
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Parses JSON. The text of a `serde_json` error may quote a token, so the error has only its
/// position.
pub(crate) fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| parse_error(&error))
}

fn parse_error(error: &serde_json::Error) -> Error {
    let what = match error.classify() {
        serde_json::error::Category::Data => "has a member of the wrong type",
        serde_json::error::Category::Eof => "is truncated",
        _ => "is not JSON",
    };
    let (line, column) = (error.line(), error.column());
    unusable(format!("the snapshot {what} (line {line}, column {column})"))
}

/// Serializes into a secret. The buffer is wiped; if it grows, the smaller buffers before are not.
pub(crate) fn to_secret(value: &impl Serialize) -> Result<SecretString> {
    let mut json = Zeroizing::new(Vec::with_capacity(16 * 1024));
    serde_json::to_writer(&mut *json, value)
        .map_err(|_| unusable("the snapshot cannot be encoded as JSON"))?;
    match std::str::from_utf8(&json) {
        Ok(text) => Ok(text.into()),
        Err(_) => Err(unusable("the snapshot cannot be encoded as text")),
    }
}

/// The written form. The snapshot itself is not `Serialize`, so that a type of the user that
/// contains a snapshot cannot be serialized by accident.
#[derive(Serialize)]
struct Written<'a> {
    version: u64,
    base_url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    cookies: Vec<WrittenCookie<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    login_mode: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_timeout: Option<u64>,
}

#[derive(Serialize)]
struct WrittenCookie<'a> {
    name: &'a str,
    value: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    same_site: Option<&'a str>,
    secure: bool,
    http_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
}

pub(crate) fn write(snapshot: &SessionSnapshot) -> Result<SecretString> {
    fn written(cookie: &SavedCookie) -> WrittenCookie<'_> {
        WrittenCookie {
            name: &cookie.name,
            value: cookie.value.expose_secret(),
            path: &cookie.path,
            domain: cookie.domain.as_deref(),
            same_site: cookie.same_site.as_deref(),
            secure: cookie.secure,
            http_only: cookie.http_only,
            expires: cookie.expires.map(seconds),
        }
    }
    to_secret(&Written {
        version: VERSION,
        base_url: snapshot.base_url().as_str(),
        token: snapshot.token.as_ref().map(SecretString::expose_secret),
        cookies: snapshot.cookies.iter().map(written).collect(),
        project: snapshot.project.as_deref(),
        user: snapshot.user.as_deref(),
        login_mode: snapshot.login_mode,
        principal: snapshot.principal.as_deref(),
        created_at: snapshot.created_at.map(seconds),
        last_used_at: snapshot.last_used_at.map(seconds),
        idle_timeout: snapshot.idle_timeout.map(|timeout| timeout.as_secs()),
    })
}
