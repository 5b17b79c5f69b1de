//! Tests over the wire, against the simulated server.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

mod auto_traits;
mod background;
mod call;
mod cookies;
mod credentials;
mod default_headers;
mod errors;
mod forms;
mod guard;
mod http2;
mod in_flight;
mod keep_alive;
mod login;
mod login_state;
mod logout;
mod origin;
mod projects;
mod proxy;
mod redaction;
mod redirects;
mod relogin;
mod retry;
mod runtime;
mod session;
mod settings;
mod snapshot;
mod streaming;
mod support;
mod timeouts;
mod tls;
mod trace;
