//! The snapshot as JSON: version 1 of our own format.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use mstr_rest_core::{Error, Result, SavedCookie, SavedSession, SecretString};
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::{SessionSnapshot, unusable};

const VERSION: u64 = 1;

/// Members that this version does not know, as they were written.
pub(crate) type Unknown = Vec<(String, Box<RawValue>)>;

const MEMBERS: &[&str] = &[
    "version",
    "base_url",
    "token",
    "cookies",
    // written by earlier versions, and of no use
    "headers",
    "project",
    "user",
    "login_mode",
    "principal",
    "created_at",
    "last_used_at",
    "idle_limit",
];

const COOKIE_MEMBERS: &[&str] =
    &["name", "value", "path", "domain", "secure", "http_only", "same_site", "expires"];

/// What kind of file it is: a snapshot of whatever version, or an encrypted one.
#[derive(Deserialize)]
pub(crate) struct Kind<'a> {
    #[serde(borrow)]
    pub(crate) version: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) sealed: Option<&'a RawValue>,
}

impl Kind<'_> {
    /// Not damaged, only not for this program.
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
    idle_limit: Option<u64>,
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
                "the snapshot is of version {newer} of the format; this program reads version \
                 {VERSION}: it was written by a newer one"
            )));
        }
        Some(_) => return Err(unusable("the snapshot has an invalid `version`")),
        None => {
            return Err(unusable(
                "the snapshot has no `version`: what mstr-rest-requests saved is read by \
                 from_python_json",
            ));
        }
    }
    let form: Form<'_> = parse(json)?;
    let base_url = form.base_url.ok_or_else(|| unusable("the snapshot has no `base_url`"))?;
    let mut saved = SavedSession::new(&base_url)?;
    saved.token = form.token.map(Into::into);
    let mut unknown_of_cookies = Vec::new();
    for cookie in form.cookies.unwrap_or_default() {
        saved.cookies.push(read_cookie(cookie.get())?);
        unknown_of_cookies.push(unknown(cookie.get(), COOKIE_MEMBERS)?);
    }
    saved.project = form.project;
    saved.user = form.user;
    saved.login_mode = form.login_mode;
    saved.principal = form.principal;
    saved.created = form.created_at.map(time).transpose()?;
    saved.last_used = form.last_used_at.map(time).transpose()?;
    saved.idle_limit = form.idle_limit.map(Duration::from_secs);
    Ok(SessionSnapshot { saved, unknown: unknown(json, MEMBERS)?, unknown_of_cookies })
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

fn unknown(json: &str, known: &[&str]) -> Result<Unknown> {
    let members: BTreeMap<String, &RawValue> = parse(json)?;
    let unknown = members.into_iter().filter(|(name, _)| !known.contains(&name.as_str()));
    Ok(unknown.map(|(name, value)| (name, value.to_owned())).collect())
}

fn time(seconds: u64) -> Result<SystemTime> {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    time.ok_or_else(|| unusable("the snapshot has a time that is out of range"))
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The parser's own error may quote a token: only where it happened is told.
pub(crate) fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| not_understood(&error))
}

fn not_understood(error: &serde_json::Error) -> Error {
    let what = match error.classify() {
        serde_json::error::Category::Data => "has a member of a type that does not belong there",
        serde_json::error::Category::Eof => "is cut off",
        _ => "is not JSON",
    };
    let (line, column) = (error.line(), error.column());
    unusable(format!("the snapshot {what} (line {line}, column {column})"))
}

pub(crate) fn write(snapshot: &SessionSnapshot) -> Result<SecretString> {
    to_secret(snapshot)
}

/// The buffer is wiped, but not what it left behind when it grew.
pub(crate) fn to_secret(value: &impl Serialize) -> Result<SecretString> {
    let mut json = Zeroizing::new(Vec::with_capacity(16 * 1024));
    serde_json::to_writer(&mut *json, value)
        .map_err(|_| unusable("the snapshot cannot be written as JSON"))?;
    match std::str::from_utf8(&json) {
        Ok(text) => Ok(text.into()),
        Err(_) => Err(unusable("the snapshot cannot be written as text")),
    }
}

impl Serialize for SessionSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let saved = &self.saved;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("version", &VERSION)?;
        map.serialize_entry("base_url", self.base_url())?;
        if let Some(token) = &saved.token {
            map.serialize_entry("token", token.expose_secret())?;
        }
        let cookies = Cookies { cookies: &saved.cookies, unknown: &self.unknown_of_cookies };
        map.serialize_entry("cookies", &cookies)?;
        let texts =
            [("project", &saved.project), ("user", &saved.user), ("principal", &saved.principal)];
        for (name, value) in texts {
            if let Some(value) = value {
                map.serialize_entry(name, value)?;
            }
        }
        if let Some(mode) = saved.login_mode {
            map.serialize_entry("login_mode", &mode)?;
        }
        for (name, time) in [("created_at", saved.created), ("last_used_at", saved.last_used)] {
            if let Some(time) = time {
                map.serialize_entry(name, &seconds(time))?;
            }
        }
        if let Some(limit) = saved.idle_limit {
            map.serialize_entry("idle_limit", &limit.as_secs())?;
        }
        for (name, value) in &self.unknown {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

struct Cookies<'a> {
    cookies: &'a [SavedCookie],
    unknown: &'a [Unknown],
}

impl Serialize for Cookies<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.cookies.len()))?;
        for (at, cookie) in self.cookies.iter().enumerate() {
            let unknown = self.unknown.get(at).map(Vec::as_slice).unwrap_or_default();
            list.serialize_element(&Cookie { cookie, unknown })?;
        }
        list.end()
    }
}

struct Cookie<'a> {
    cookie: &'a SavedCookie,
    unknown: &'a [(String, Box<RawValue>)],
}

impl Serialize for Cookie<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let cookie = self.cookie;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &cookie.name)?;
        map.serialize_entry("value", cookie.value.expose_secret())?;
        map.serialize_entry("path", &cookie.path)?;
        for (name, value) in [("domain", &cookie.domain), ("same_site", &cookie.same_site)] {
            if let Some(value) = value {
                map.serialize_entry(name, value)?;
            }
        }
        map.serialize_entry("secure", &cookie.secure)?;
        map.serialize_entry("http_only", &cookie.http_only)?;
        if let Some(expires) = cookie.expires {
            map.serialize_entry("expires", &seconds(expires))?;
        }
        for (name, value) in self.unknown {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
