//! The configuration of a run, and the rules that it checks.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;

/// A rule of the design that a run checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Rule {
    /// Sessions issued = ended + held + given up.
    NoSessionIsLeft,
    NoLoginAfterLogout,
    OneLoginPerExpiry,
    /// A 401 that arrives after a failed re-login shares its failure.
    FailedReloginIsShared,
    /// After the server rejected credentials, only `login()` or other credentials send a login.
    RejectedLoginIsNotRepeated,
    NothingIsSentWithAnEndedLogin,
    NothingIsSentAfterClose,
    NothingWaitsForEver,
    NoLivelock,
    LateReplyChangesNothing,
    /// A login that runs while the session is restored, or its token destroyed, is logged out and
    /// not installed.
    LocalChangeWins,
    TokenAndCookiesBelongTogether,
    /// Cancelling the caller of a login does not stop it.
    LoginIsNotDropped,
    /// A credential that uses the session that logs in would deadlock.
    CallInsideALoginFailsAtOnce,
}

impl Rule {
    pub(super) const ALL: [Self; 14] = [
        Self::NoSessionIsLeft,
        Self::NoLoginAfterLogout,
        Self::OneLoginPerExpiry,
        Self::FailedReloginIsShared,
        Self::RejectedLoginIsNotRepeated,
        Self::NothingIsSentWithAnEndedLogin,
        Self::NothingIsSentAfterClose,
        Self::NothingWaitsForEver,
        Self::NoLivelock,
        Self::LateReplyChangesNothing,
        Self::LocalChangeWins,
        Self::TokenAndCookiesBelongTogether,
        Self::LoginIsNotDropped,
        Self::CallInsideALoginFailsAtOnce,
    ];
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The kind of handle that holds the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// A session from `build()`.
    Manual,
    /// A guard from `connect()`.
    Guard,
    /// `with_session`.
    Scope,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Config {
    pub(super) holder: Holder,
    pub(super) relogin: bool,
    pub(super) retry: bool,
    pub(super) keep_alive: Option<Duration>,
    pub(super) max_in_flight: Option<usize>,
    /// Credentials have another value each time.
    pub(super) rotating: bool,
    /// Credentials may panic.
    pub(super) panics: bool,
    /// Credentials make a call of the session they are resolved for.
    pub(super) calls_back: bool,
    /// Requests have a default header with a slow credential.
    pub(super) default_header: bool,
    /// The percentage of exchanges with a fault.
    pub(super) faults: u32,
    /// The longest normal delay, in milliseconds.
    pub(super) delay: u64,
    pub(super) actions: usize,
    /// The only rule to check. `None`: all rules.
    pub(super) only: Option<Rule>,
}

impl Config {
    pub(super) fn new(rng: &mut Rng, only: Option<Rule>) -> Self {
        Self {
            holder: match rng.u32(..100) {
                0..45 => Holder::Manual,
                45..85 => Holder::Guard,
                _ => Holder::Scope,
            },
            relogin: chance(rng, 90),
            retry: chance(rng, 30),
            keep_alive: chance(rng, 40).then(|| Duration::from_millis(rng.u64(20..3000))),
            max_in_flight: chance(rng, 25).then(|| rng.usize(1..4)),
            rotating: chance(rng, 50),
            panics: chance(rng, 15),
            calls_back: chance(rng, 5),
            default_header: chance(rng, 15),
            faults: [0, 0, 10, 20, 40][rng.usize(..5)],
            delay: [3, 30, 200][rng.usize(..3)],
            actions: rng.usize(6..45),
            only,
        }
    }
}

pub(super) fn chance(rng: &mut Rng, percent: u32) -> bool {
    rng.u32(..100) < percent
}
