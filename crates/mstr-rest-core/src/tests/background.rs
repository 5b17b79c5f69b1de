//! The runtime that calls need.

use crate::{ErrorKind, Session};

#[test]
fn a_runtime_without_timers_is_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let session = Session::builder("http://h.example/api").build().unwrap();
    let error = runtime.block_on(session.get("status").send()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("enable_all"), "{error}");
}
