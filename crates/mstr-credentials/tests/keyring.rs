//! Entries of a keyring.
#![cfg(feature = "keyring")]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    any::Any,
    collections::HashMap,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use mstr_credentials::{
    Credential, CredentialError, References, SecretKeyring,
    keyring_core::{
        CredentialPersistence, Entry, Error,
        api::{CredentialStore, CredentialStoreApi},
        mock,
    },
};

const CANARY: &str = "cAnArY-7f3a91d2";

async fn resolve(credential: impl Into<Credential>) -> Result<String, CredentialError> {
    credential.into().resolve().await.map(|secret| secret.expose_secret().to_owned())
}

/// A store, and the entry that the tests read.
fn store() -> (Arc<CredentialStore>, Entry) {
    let store: Arc<CredentialStore> = mock::Store::new().unwrap();
    let entry = store.build("mstr", "dave", None).unwrap();
    (store, entry)
}

#[tokio::test]
async fn an_entry_is_read_at_every_resolve() {
    let (store, entry) = store();
    let secret = || SecretKeyring::with("mstr", "dave", Arc::clone(&store));
    let password = Credential::from(secret());
    entry.set_password(" s3cret \r\n").unwrap();
    assert_eq!(resolve(&password).await.unwrap(), " s3cret ");
    entry.set_password(r#"{"password": "rotated"}"#).unwrap();
    assert_eq!(resolve(secret().field("password")).await.unwrap(), "rotated");
    let error = resolve(secret().field("token")).await.unwrap_err().to_string();
    assert_eq!(error, "keyring entry mstr/dave has no field \"token\"");
    assert_eq!(password.timeout(), Some(Duration::from_secs(60)));
    let shown = format!("{password:?}");
    assert_eq!(shown, r#"Credential(SecretKeyring { service: "mstr", user: "dave", .. })"#);
}

#[tokio::test]
async fn what_is_not_there_is_missing() {
    let (store, entry) = store();
    let secret = Credential::from(SecretKeyring::with("mstr", "dave", store));
    let error = resolve(&secret).await.unwrap_err();
    assert!(error.is_missing());
    let text = error.to_string();
    assert!(text.starts_with("keyring entry mstr/dave does not exist: store it with `"), "{text}");
    #[cfg(target_os = "linux")]
    assert!(text.ends_with("`keyctl padd user keyring:dave@mstr @u`"), "{text}");
    entry.set_password("").unwrap();
    assert!(resolve(&secret).await.unwrap_err().is_missing());
}

#[tokio::test]
async fn errors_say_what_to_do_and_hold_no_secret() {
    let (store, entry) = store();
    entry.set_password(CANARY).unwrap();
    let secret = Credential::from(SecretKeyring::with("mstr", "dave", store));
    let locked = || Box::new(std::io::Error::other("User interaction is not allowed"));
    for (error, says) in [
        (
            Error::NoStorageAccess(locked()),
            "the keyring gives no access (User interaction is not allowed); ",
        ),
        (Error::PlatformFailure(locked()), "is its service running?"),
        (Error::BadEncoding(CANARY.into()), "is not text: store it anew"),
        (Error::BadDataFormat(CANARY.into(), CANARY.into()), "is not text: store it anew"),
        (Error::BadStoreFormat(CANARY.into()), "cannot do that"),
        (Error::Invalid(CANARY.into(), CANARY.into()), "that this keyring does not take"),
        (Error::TooLong(CANARY.into(), 1), "that this keyring does not take"),
        (Error::Ambiguous(vec![]), "exists more than once"),
        (Error::NotSupportedByStore(CANARY.into()), "cannot do that"),
    ] {
        let mocked = entry.as_any().downcast_ref::<mock::Cred>().unwrap();
        mocked.set_error(error);
        let error = resolve(&secret).await.unwrap_err();
        assert!(!error.is_missing());
        let printed = format!("{error} {error:?}");
        assert!(printed.contains("keyring entry mstr/dave") && printed.contains(says), "{printed}");
        assert!(!printed.contains(CANARY), "{printed}");
        assert_eq!(resolve(&secret).await.unwrap(), CANARY);
    }
    entry.set_secret(&[0xff, 0xfe]).unwrap();
    let error = resolve(&secret).await.unwrap_err().to_string();
    assert_eq!(error, "keyring entry mstr/dave is not text: store it anew");
}

/// Waits for a person who does not come, until the sender is dropped.
#[derive(Debug)]
struct Locked(Mutex<mpsc::Receiver<()>>);

impl CredentialStoreApi for Locked {
    fn vendor(&self) -> String {
        String::new()
    }

    fn id(&self) -> String {
        String::new()
    }

    fn build(
        &self,
        _service: &str,
        _user: &str,
        _modifiers: Option<&HashMap<&str, &str>>,
    ) -> Result<Entry, Error> {
        let _ = self.0.lock().unwrap().recv();
        Err(Error::NoEntry)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn persistence(&self) -> CredentialPersistence {
        CredentialPersistence::ProcessOnly
    }
}

#[tokio::test]
async fn a_keyring_that_waits_for_a_person_ends_in_time() {
    let (release, waiting) = mpsc::channel();
    let store = Arc::new(Locked(Mutex::new(waiting)));
    let secret = SecretKeyring::with("mstr", "dave", store).with_timeout(Duration::from_millis(20));
    let secret = Credential::from(secret);
    // this runs on the only worker: it is not blocked
    let error = resolve(&secret).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "keyring entry mstr/dave could not be read within 20ms: does the keyring wait for someone to \
         unlock it?"
    );
    let error = resolve(&secret).await.unwrap_err().to_string();
    assert!(error.ends_with("an earlier attempt that hangs"), "{error}");
    drop(release);
}

#[tokio::test]
async fn references_name_service_and_user() {
    let references = References::default();
    for (text, entry) in [
        ("keyring:mstr/dave", r#"service: "mstr", user: "dave""#),
        ("keyring:https://h/api/dave", r#"service: "https://h/api", user: "dave""#),
    ] {
        let shown = format!("{:?}", references.credential(text).unwrap());
        assert!(shown.contains(entry), "{shown}");
    }
    references.credential("keyring:mstr/dave#password").unwrap();
    for text in ["keyring:CANARY", "keyring:CANARY/", "keyring:/CANARY", "keyring:a/b?CANARY=1"] {
        let error = references.credential(text).unwrap_err();
        assert!(!format!("{error:?}").contains("CANARY"), "{error}");
    }
    // whatever this machine has: an error, never a panic
    let absent = references.credential("keyring:mstr-credentials-test/surely-not-there").unwrap();
    let error = resolve(&absent).await.unwrap_err().to_string();
    assert!(error.starts_with("keyring entry mstr-credentials-test/surely-not-there "), "{error}");
}
