//! Which login a session has while several things change it at once, and random interleavings of
//! logins, logouts, expiries and cancelled calls over real connections. The model inside the crate
//! checks more, without a network.

use std::time::Duration;

use mstr_rest_core::{Auth, AuthenticatedSession, Cookies, ErrorKind, Session, settle};
use mstr_sim::{Fault, LibraryServer, LogoutScope, Method};

use crate::support::{Gate, auth, builder, logins, received};

/// Three of them, the second restored, the third by re-login: all that are ours are ended.
#[tokio::test]
async fn login_replaced_by_a_restored_session_is_logged_out_too() {
    let server = LibraryServer::start().await.unwrap();
    for end in ["close", "logout", "login"] {
        let other = builder(&server).connect().await.unwrap().detach().snapshot();
        let guard = builder(&server).relogin(true).connect().await.unwrap();
        guard.restore(&other).unwrap();
        assert_eq!(server.sessions().len(), 2);
        server.expire(other.token.as_ref().unwrap().expose_secret());
        guard.get("sessions").await.unwrap();
        assert_eq!(server.sessions().len(), 2, "ours of before, and the re-login's");
        match end {
            "close" => guard.close().await.unwrap(),
            "logout" => guard.logout().await.unwrap(),
            _ => {
                guard.login(auth()).await.unwrap();
                assert_eq!(server.sessions().len(), 1);
                guard.close().await.unwrap();
            }
        }
        assert!(server.sessions().is_empty(), "{end}");
    }
}

/// The vendor documents that a logout ends all sessions of its user: adopting sends none.
#[tokio::test]
async fn adopting_a_session_sends_nothing_and_takes_effect_at_once() {
    let server = LibraryServer::builder().logout_scope(LogoutScope::User).start().await.unwrap();
    let other = builder(&server).connect().await.unwrap().detach();
    let token = other.snapshot().token.unwrap();
    let cookies = other.snapshot().cookies;
    let cookies: Cookies =
        cookies.iter().map(|c| (c.name.as_str(), c.value.expose_secret())).collect();
    let guard = builder(&server).connect().await.unwrap();
    let sent = server.journal().len();
    // a login that hangs does not hold it up, and is logged out when it comes
    let reply = Gate::default();
    server.inject(reply.hold().on(Method::POST, "/auth/login").times(1));
    let slow = tokio::spawn(guard.login(auth()));
    received(&server, Method::POST, "/auth/login", 3).await;
    guard.login(Auth::existing(token, cookies)).await.unwrap();
    assert_eq!(server.journal().len(), sent + 2, "a logout and a login, both of the slow one");
    reply.open();
    assert_eq!(slow.await.unwrap().unwrap_err().kind(), ErrorKind::Interrupted);
}

/// Numbers from a seed. The scheduler of the operating system has its say too: a failure names the
/// seed, which likely, not surely, fails again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 31)) % limit
    }
}

async fn call_for_a_while(session: Session) {
    for _ in 0..30 {
        // whether it finds a session is not the question here
        let _ = session.get("sessions").await;
    }
}

/// What was asked of the session, and how many sessions the server ended by itself.
#[derive(Debug, Default)]
struct Asked {
    logins: usize,
    expiries: usize,
}

async fn interleave(
    server: &LibraryServer,
    guard: &AuthenticatedSession,
    random: &mut Random,
) -> Asked {
    let session: &Session = guard;
    let mut asked = Asked { logins: 1, expiries: 0 };
    let mut tasks: Vec<_> =
        (0..4).map(|_| tokio::spawn(call_for_a_while(session.clone()))).collect();
    let mut logouts = Vec::new();
    for _ in 0..12 {
        match random.below(8) {
            0 | 1 => asked.expiries += server.expire_all(),
            2 => {
                asked.logins += 1;
                let login = session.login(auth());
                tasks.push(tokio::spawn(async move {
                    let _ = login.await;
                }));
            }
            3 => {
                // never cancelled: the server may have done it, and the session would not know
                let logout = session.logout();
                logouts.push(tokio::spawn(async move {
                    let _ = logout.await;
                }));
            }
            4 => {
                let cancelled = random.below(tasks.len() as u64);
                tasks[usize::try_from(cancelled).unwrap()].abort();
            }
            _ => tasks.push(tokio::spawn(call_for_a_while(session.clone()))),
        }
        tokio::time::sleep(Duration::from_millis(random.below(12))).await;
    }
    if random.below(2) == 0 {
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
    for task in tasks.into_iter().chain(logouts) {
        let _ = task.await;
    }
    asked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_interleavings_leave_no_session_and_no_login_without_a_reason() {
    for seed in 0..15 {
        let mut random = Random(seed);
        let server = LibraryServer::start().await.unwrap();
        for path in ["/auth/login", "/auth/logout"] {
            let delay = Duration::from_millis(random.below(10));
            server.inject(Fault::delay(delay).on(Method::POST, path));
        }
        let guard = builder(&server).relogin(true).connect().await.unwrap();
        let asked = interleave(&server, &guard, &mut random).await;
        if random.below(2) == 0 {
            guard.close().await.unwrap();
        }
        drop(guard);
        settle().await;
        let left = server.sessions().len();
        assert_eq!(left, 0, "seed {seed}: sessions are left");
        let sent = logins(&server);
        let most = asked.logins + asked.expiries;
        assert!(sent <= most, "seed {seed}: {sent} logins, {asked:?}");
    }
}
