#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod clock;
mod control;
mod directory;
mod encode;
mod error;
mod fault;
mod journal;
mod listen;
mod pattern;
mod pipeline;
mod random;
mod reply;
mod routes;
mod server;
mod sessions;
mod sim;
#[cfg(feature = "tls")]
mod tls;

pub use http::{HeaderMap, Method, StatusCode, Version};

pub use crate::builder::{DEFAULT_PASSWORD, DEFAULT_USER, LibraryServerBuilder, LogoutScope};
pub use crate::directory::Project;
pub use crate::error::Error;
pub use crate::fault::{Fault, FaultHandle};
pub use crate::journal::RecordedRequest;
pub use crate::reply::Reply;
pub use crate::server::LibraryServer;
pub use crate::sessions::LiveSession;

/// A lock that a panicking thread held is taken all the same: no state here spans two steps.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
