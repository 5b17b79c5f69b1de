//! What is logged. A program of its own: a subscriber of one test alone misses what another test
//! met first.
#![cfg(all(feature = "secrets-manager", feature = "ssm"))]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

mod common;

use std::{
    io,
    sync::{Arc, Mutex},
};

use common::{Stub, sdk_config};
use mstr_cloud_stub::{contract::Mood, leak};
use mstr_credentials::Credential;
use mstr_credentials_aws::{parameter_store, secrets_manager};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_sdk_logs_no_reply() {
    const CANARY: &str = "cAnArY-7f3a91d2";
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    tracing::info!("this is logged");
    let text = async |credential: Credential| credential.resolve().await;
    let stub = Stub::holding(CANARY);
    for mood in [Mood::Answers, Mood::Garbles] {
        stub.set(mood);
        let url = stub.server.url();
        let _ = text(secrets_manager("s").sdk_config(sdk_config()).endpoint_url(&url).into()).await;
        let _ = text(parameter_store("s").sdk_config(sdk_config()).endpoint_url(&url).into()).await;
    }
    assert!(stub.server.count() >= 4);
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("this is logged"));
    assert_eq!(leak::find(CANARY, &logged), None);
    // this part of it shows requests and, where LOG_SENSITIVE_BODIES is set, whole replies
    assert!(!logged.contains("orchestrator"), "the SDK logs");
}
