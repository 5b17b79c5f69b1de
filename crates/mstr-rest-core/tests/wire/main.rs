//! Tests over the wire, against the simulated server.

mod origin;
mod session;
mod support;
