//! What the wire tests share.

use mstr_rest_core::{Auth, Session, SessionBuilder};
use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, LibraryServer, Method};

pub(crate) fn auth() -> Auth {
    Auth::standard(DEFAULT_USER, DEFAULT_PASSWORD)
}

/// A session for the server, proxies of the machine left aside.
pub(crate) fn builder(server: &LibraryServer) -> SessionBuilder {
    Session::builder(server.base_url()).environment_proxies(false).auth(auth())
}

pub(crate) fn logins(server: &LibraryServer) -> usize {
    server.count(Method::POST, "/auth/login")
}

pub(crate) fn logouts(server: &LibraryServer) -> usize {
    server.count(Method::POST, "/auth/logout")
}
