#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod connect;
mod directory;
mod file;
mod form;
mod memory;
mod python;
mod snapshot;
mod store;

#[cfg(feature = "keyring")]
mod keyring;
#[cfg(feature = "encryption")]
mod seal;

pub use connect::ConnectExt;
pub use file::FileStore;
#[cfg(feature = "keyring")]
#[cfg_attr(docsrs, doc(cfg(feature = "keyring")))]
pub use keyring::KeyringStore;
pub use memory::MemoryStore;
#[doc(no_inline)]
pub use mstr_rest_core::SessionSnapshot;
pub use snapshot::SnapshotExt;
pub use store::{SnapshotStore, StoreFuture, StoreLock};

use mstr_rest_core::{Error, ErrorKind};

/// A snapshot or a store that cannot be used. The text must not hold what was read.
fn unusable(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Snapshot, what)
}

/// Keeps the traits ours, so that they may grow without a break.
mod sealed {
    pub trait Sealed {}

    impl Sealed for mstr_rest_core::SessionBuilder {}
    impl Sealed for mstr_rest_core::SessionSnapshot {}
}
