//! The clients that are measured, each doing the same work: the token and cookies of a login sent,
//! a whole body read, the list of projects parsed into structs.

pub(crate) mod hyper;
pub(crate) mod raw;

use mstr_rest::api::ProjectsExt as _;
use mstr_rest::{Auth, Session, SessionBuilder};
use serde::Deserialize;

use crate::Result;
use crate::options::Options;

/// The path of a reply of 1 KB.
pub(crate) const KILOBYTE: &str = "bench/kilobyte";

/// A project as ours parses it: the same members for everybody.
pub(crate) type Project = mstr_rest::api::Project;

/// What a client can be asked to do again and again.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Request {
    Projects,
    Kilobyte,
}

/// Ours, as a user would set it up; HTTP/1.1 as everybody here.
pub(crate) fn builder(options: &Options) -> SessionBuilder {
    let builder = Session::builder(&options.base_url)
        .auth(Auth::standard(options.user.as_str(), options.password.as_str()))
        .environment_proxies(false)
        .http1_only(true);
    match &options.ca {
        Some(pem) => builder.root_certificates_pem(pem).only_these_roots(true),
        None => builder,
    }
}

/// One request by ours.
pub(crate) async fn ours(session: &Session, request: Request) -> Result {
    match request {
        Request::Projects => check(session.projects().list().await?.len()),
        Request::Kilobyte => check(session.get(KILOBYTE).await?.bytes().len()),
    }
}

/// An empty answer would make any client look fast.
pub(crate) fn check(length: usize) -> Result {
    if length == 0 { Err("an empty answer".into()) } else { Ok(()) }
}
