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

/// Makes the error for an unusable snapshot or store. The text must not contain data that was read.
fn unusable(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Snapshot, what)
}

/// Seals the extension traits, so that new methods are not a breaking change.
mod sealed {
    pub trait Sealed {}

    impl Sealed for mstr_rest_core::SessionBuilder {}
    impl Sealed for mstr_rest_core::SessionSnapshot {}
}
