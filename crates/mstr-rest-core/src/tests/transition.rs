//! The turn of transitions: slow logins, and logins whose runtime is not driven.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;
use url::Url;

use crate::login::{Login, TOKEN};
use crate::{Auth, ErrorKind, Session};

/// A session with a server that accepts every login and counts its requests.
fn session() -> (Session, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    let server = move |_: &Method, _: &Url| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        http::Response::builder().status(204).header(&TOKEN, format!("token-{number}"))
    };
    let mut builder = Session::builder("http://library.test/api");
    builder.hooks_mut().in_process = Some(Arc::new(server));
    (builder.build().unwrap(), requests)
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// A login has the turn, and the runtime of its task is not driven.
#[test]
fn a_login_on_a_runtime_that_is_not_driven_loses_its_turn() {
    let (session, requests) = session();
    let (idle, driven) = (runtime(), runtime());
    let slow = mstr_credentials::Credential::from_async_fn(|| async {
        sleep(Duration::from_secs(50)).await;
        Ok("password")
    });
    let late = idle.spawn(session.login(Auth::standard("dave", slow)));
    idle.block_on(async {
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
    });
    driven.block_on(session.login(Auth::anonymous())).unwrap();
    assert_eq!(requests.load(Ordering::SeqCst), 1);
    // the late login does not replace the current one
    let error = idle.block_on(late).unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    let token = session.client.logins.current().token.clone().unwrap();
    assert_eq!(token, "token-0");
}

/// The session is restored after the re-login took the turn and before its task is polled.
#[test]
fn a_session_restored_at_the_start_of_a_relogin_is_not_replaced() {
    let (session, requests) = session();
    let client = Arc::clone(&session.client);
    let held =
        |token| Login { token: Some(http::HeaderValue::from_static(token)), ..Login::default() };
    runtime().block_on(async {
        client.logins.replace_current(held("expired"));
        let expired = client.logins.current();
        let auth = Auth::anonymous();
        let mut relogin = pin!(client.log_in_again(&expired, &auth));
        // this takes the turn and spawns the task
        assert!(futures_util::FutureExt::now_or_never(relogin.as_mut()).is_none());
        client.logins.replace_current(held("restored"));
        assert!(matches!(relogin.await, Ok(crate::relogin::Renewed::Yes)));
    });
    assert_eq!(session.client.logins.current().token.as_ref().unwrap(), "restored");
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

/// A slow credential must not look like a runtime that is not driven.
#[test]
fn a_slow_login_keeps_its_turn() {
    let (session, requests) = session();
    let slow = mstr_credentials::Credential::from_async_fn(|| async {
        sleep(Duration::from_secs(55)).await;
        Ok("password")
    });
    let user = slow.clone();
    runtime().block_on(async {
        let first = tokio::spawn(session.login(Auth::standard(user, slow)));
        tokio::task::yield_now().await;
        session.login(Auth::anonymous()).await.unwrap();
        first.await.unwrap().unwrap();
    });
    // the login, its logout, and the second login
    assert_eq!(requests.load(Ordering::SeqCst), 3);
}
