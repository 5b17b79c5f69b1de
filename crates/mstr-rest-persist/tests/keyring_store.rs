//! The keyring store, with the mock of `keyring-core`, and with this machine's if there is one.
#![cfg(feature = "keyring")]
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

mod support;

use keyring_core::api::{CredentialStore, CredentialStoreApi};
use keyring_core::{Error as KeyringError, mock};
use mstr_rest_core::ErrorKind;
use mstr_rest_persist::{ConnectExt, KeyringStore, SnapshotStore};
use mstr_sim::LibraryServer;
use std::sync::Arc;
use support::{builder, logins, snapshot, token};

fn mocked() -> (Arc<mock::Store>, KeyringStore) {
    let keyring = mock::Store::new().unwrap();
    let store = KeyringStore::with("mstr-test", Arc::clone(&keyring) as Arc<CredentialStore>);
    (keyring, store)
}

#[tokio::test]
async fn snapshots_are_saved_loaded_and_deleted() {
    let (_, store) = mocked();
    assert!(store.load("p").await.unwrap().is_none());
    store.delete("p").await.unwrap();
    store.save("p", &snapshot("1")).await.unwrap();
    store.save("q", &snapshot("2")).await.unwrap();
    store.save("p", &snapshot("3")).await.unwrap();
    assert_eq!(token(&store.load("p").await.unwrap().unwrap()), "3");
    store.delete("p").await.unwrap();
    assert!(store.load("p").await.unwrap().is_none());
    assert_eq!(token(&store.load("q").await.unwrap().unwrap()), "2");
    assert_eq!(store.load("../p").await.unwrap_err().kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn errors_contain_nothing_of_the_entry() {
    let (keyring, store) = mocked();
    store.save("p", &snapshot("1")).await.unwrap();
    let entry = keyring.build("mstr-test", "p", None).unwrap();
    let cred: &mock::Cred = entry.as_any().downcast_ref().unwrap();
    let canary = || b"canary".to_vec();
    for error in [
        KeyringError::BadEncoding(canary()),
        KeyringError::BadDataFormat(canary(), "canary".into()),
        KeyringError::PlatformFailure("canary".into()),
        KeyringError::NoStorageAccess("canary".into()),
        KeyringError::TooLong("canary".into(), 10),
    ] {
        cred.set_error(error);
        let error = store.load("p").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Snapshot);
        assert!(!format!("{error:?}{error}").contains("canary"), "{error:?}");
    }
    for broken in [&b"\xffcanary"[..], b"canary", b"{}"] {
        entry.set_secret(broken).unwrap();
        let error = store.load("p").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Snapshot);
        assert!(!format!("{error:?}{error}").contains("canary"), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_logs_in_for_all() {
    let server = LibraryServer::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let locks = directory.path().join("locks");
    for (expected, store) in [(1, mocked().1), (2, mocked().1.lock_in(&locks))] {
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (builder, store) = (builder(&server), store.clone());
                tokio::spawn(async move { builder.connect_or_restore(&store, "p").await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(logins(&server), expected);
    }
    assert!(locks.join(".p.lock").exists());
}

/// Kernels of containers may have no keyring: then the error says so.
#[tokio::test]
async fn the_keyring_of_this_machine_stores_snapshots() {
    let store = KeyringStore::new("mstr-rest-persist-test").unwrap();
    let profile = format!("p{}", std::process::id());
    match store.save(&profile, &snapshot("canary")).await {
        Ok(()) => {
            assert_eq!(token(&store.load(&profile).await.unwrap().unwrap()), "canary");
            store.delete(&profile).await.unwrap();
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Snapshot);
            assert!(error.message().starts_with("the keyring "), "{error}");
            assert!(!format!("{error:?}").contains("canary"));
        }
    }
}
