#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod aggregate;
mod answers;
mod attribute;
mod builder;
mod builder_data;
mod clock;
mod comparison;
mod compound;
mod control;
mod dataset;
mod directory;
mod documents;
mod encode;
mod error;
mod exports;
mod expression;
mod fault;
mod filter;
mod grid;
mod instances;
mod journal;
mod kept;
mod listen;
mod manipulation;
mod metadata;
mod pattern;
mod pipeline;
mod plan;
mod prompts;
mod random;
mod rank;
mod reply;
mod report;
mod routes;
mod searching;
mod server;
mod sessions;
mod sim;
mod sorting;
mod table;
#[cfg(feature = "tls")]
mod tls;
mod uploaded;
mod uploads;
mod value;

pub use http::{HeaderMap, Method, StatusCode, Version};

pub use crate::aggregate::Aggregation;
pub use crate::attribute::{Attribute, Form};
pub use crate::builder::{DEFAULT_PASSWORD, DEFAULT_USER, LibraryServerBuilder, LogoutScope};
pub use crate::dataset::{DataType, Metric};
pub use crate::directory::Project;
pub use crate::documents::{Dashboard, Document};
pub use crate::error::Error;
pub use crate::fault::{Fault, FaultHandle};
pub use crate::journal::RecordedRequest;
pub use crate::prompts::Prompt;
pub use crate::reply::Reply;
pub use crate::report::{Cube, Report};
pub use crate::server::LibraryServer;
pub use crate::sessions::LiveSession;
pub use crate::table::Table;
pub use crate::uploads::UploadedTable;
pub use crate::value::Value;

/// A lock that a panicking thread held is taken all the same: no state here spans two steps.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
