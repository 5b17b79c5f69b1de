//! What the tests of the cloud credential crates share: a scripted HTTP server on loopback
//! ([`responder`]), the checks that every provider must pass ([`contract`]), and the protocols of
//! [`azure`] and [`gcp`], which have no emulator that could be installed.
//!
//! Not published, and no part of the client: it panics where a test should fail.

pub mod azure;
pub mod contract;
pub mod control;
mod form;
pub mod gcp;
pub mod leak;
pub mod responder;
pub mod tls;

pub use azure::Azure;
pub use gcp::Gcp;
pub use responder::{Reply, Request, Responder, closed_port};
