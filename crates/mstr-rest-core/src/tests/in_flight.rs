//! Waiting for an in-flight slot.

use std::sync::Arc;

use crate::send::SLOT_TIMEOUT;
use crate::{ErrorKind, Session};

#[tokio::test(start_paused = true)]
async fn a_call_without_a_timeout_waits_five_minutes_for_a_slot() {
    let builder = Session::builder("http://host/api").max_in_flight(1);
    let session = builder.build().unwrap();
    let in_flight = session.client.in_flight.as_ref().unwrap();
    let _held = Arc::clone(&in_flight.slots).acquire_owned().await.unwrap();
    let start = tokio::time::Instant::now();
    let error = session.get("status").await.unwrap_err();
    assert_eq!((error.kind(), start.elapsed()), (ErrorKind::Timeout, SLOT_TIMEOUT));
    assert!(error.message().contains("300s: all 1 of max_in_flight"), "{error}");
}
