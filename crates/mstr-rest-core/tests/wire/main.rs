//! Tests over the wire, against the simulated server.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

mod credentials;
mod errors;
mod forms;
mod guard;
mod hours;
mod in_flight;
mod keep_alive;
mod login_state;
mod logins;
mod origin;
mod proxy;
mod saved;
mod session;
mod settings;
mod streaming;
mod support;
mod tls;
