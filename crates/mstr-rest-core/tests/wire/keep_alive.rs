//! Keep-alive: an idle session is extended, and what ends that.

use std::time::Duration;

use mstr_rest_core::{Auth, Cookies, ErrorKind, Session};
use mstr_sim::{Fault, LibraryServer, Method, RecordedRequest, Reply};

use crate::support::{Gate, StoppedClock, auth, builder, count, logins};

/// By a clock that the test moves.
const INTERVAL: Duration = Duration::from_secs(1);

fn extended(journal: &[RecordedRequest]) -> usize {
    count(journal, &Method::PUT, "/sessions")
}

/// Time that passes for the client when the test says so.
struct Time<'a> {
    clock: StoppedClock,
    server: &'a LibraryServer,
    /// Another client. What was due before one of its requests has arrived when the reply is there.
    other: Session,
}

impl<'a> Time<'a> {
    fn stopped(server: &'a LibraryServer) -> Self {
        Self { clock: StoppedClock::new(), server, other: builder(server).build().unwrap() }
    }

    async fn pass_interval(&self) {
        self.clock.pass(INTERVAL).await;
        for _ in 0..2 {
            self.other.get("status").include_auth(false).await.unwrap();
        }
    }

    async fn pass_until(&self, holds: impl Fn(&[RecordedRequest]) -> bool) {
        for _ in 0..200 {
            if holds(&self.server.journal()) {
                return;
            }
            self.pass_interval().await;
        }
        panic!("it did not come in 200 intervals");
    }

    async fn until_extended(&self) {
        let before = extended(&self.server.journal());
        self.pass_until(|journal| extended(journal) > before).await;
    }

    /// Whether the session is extended while it is idle for six intervals.
    async fn extends(&self) -> bool {
        let before = extended(&self.server.journal());
        for _ in 0..6 {
            self.pass_interval().await;
        }
        extended(&self.server.journal()) > before
    }
}

#[tokio::test]
async fn idle_session_is_extended_until_it_is_closed() {
    let server = LibraryServer::start().await.unwrap();
    let error = builder(&server).keep_alive(Duration::ZERO).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let time = Time::stopped(&server);
    let session = builder(&server).keep_alive(INTERVAL).connect().await.unwrap();
    // a failed extension is no reason to stop
    server.inject(Fault::html(502).on(Method::PUT, "/sessions").times(1));
    time.pass_until(|journal| extended(journal) >= 3).await;
    time.until_extended().await;
    session.close().await.unwrap();
    assert!(!time.extends().await);
}

#[tokio::test]
async fn expired_session_is_not_extended() {
    let server = LibraryServer::start().await.unwrap();
    let time = Time::stopped(&server);
    let session = builder(&server).keep_alive(INTERVAL).connect().await.unwrap();
    server.expire_all();
    time.pass_until(|journal| extended(journal) > 0).await;
    assert!(!time.extends().await);
    assert_eq!(extended(&server.journal()), 1);
    session.close().await.unwrap();
}

#[tokio::test]
async fn keep_alive_renews_an_expired_session_with_relogin() {
    let server = LibraryServer::start().await.unwrap();
    let time = Time::stopped(&server);
    let renewing = builder(&server).keep_alive(INTERVAL).relogin(true);
    let session = renewing.connect().await.unwrap();
    server.expire_all();
    time.pass_until(|journal| count(journal, &Method::POST, "/auth/login") == 2).await;
    time.until_extended().await;
    session.close().await.unwrap();
    assert_eq!((logins(&server), server.sessions().len()), (2, 0));
}

#[tokio::test]
async fn login_made_during_a_rejected_extension_is_kept_alive() {
    let server = LibraryServer::start().await.unwrap();
    let time = Time::stopped(&server);
    let session = builder(&server).keep_alive(INTERVAL).connect().await.unwrap();
    let refusal = Gate::default();
    let refused = refusal.reply(Reply::session_expired());
    server.inject(refused.on(Method::PUT, "/sessions").times(1));
    time.pass_until(|journal| extended(journal) == 1).await;
    session.login(auth()).await.unwrap();
    refusal.open();
    time.pass_until(|journal| extended(journal) >= 3).await;
    // a logout ends it, and the next login begins it anew
    let session = session.detach();
    session.logout().await.unwrap();
    assert!(!time.extends().await);
    session.login(auth()).await.unwrap();
    time.until_extended().await;
    session.logout().await.unwrap();
}

#[tokio::test]
async fn adopted_session_that_expired_is_extended_once() {
    let server = LibraryServer::start().await.unwrap();
    let owner = builder(&server).connect().await.unwrap();
    let token = owner.snapshot().token.unwrap();
    server.expire_all();
    let time = Time::stopped(&server);
    let build = builder(&server).auth(Auth::existing(token, Cookies::default())).relogin(true);
    let session = build.keep_alive(INTERVAL).connect().await.unwrap();
    time.pass_until(|journal| extended(journal) > 0).await;
    assert!(!time.extends().await);
    assert_eq!(extended(&server.journal()), 1);
    // the task has ended: a login starts another one, which alone extends the session
    session.login(auth()).await.unwrap();
    time.pass_until(|journal| extended(journal) >= 3).await;
    let refused = |request: &&RecordedRequest| request.status().is_some_and(|s| s == 401);
    let puts = server.requests(Method::PUT, "/sessions");
    assert_eq!(puts.iter().filter(refused).count(), 1);
    session.logout().await.unwrap();
}

#[tokio::test]
async fn keep_alive_needs_no_in_flight_slot() {
    let server = LibraryServer::start().await.unwrap();
    let time = Time::stopped(&server);
    let build = builder(&server).max_in_flight(1).keep_alive(INTERVAL);
    let session = build.connect().await.unwrap();
    // a consumer that takes its time
    let held = session.get("sessions").stream().await.unwrap();
    time.pass_until(|journal| extended(journal) >= 2).await;
    drop(held);
    session.close().await.unwrap();
}
