//! The behavior of the server and the credentials, chosen by the seed.

use std::time::Duration;

use super::adapter::BodyEnd;
use super::config::chance;
use super::world::World;

/// The behavior of the server in one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behavior {
    Answer(BodyEnd),
    /// `ERR003`, for a request with credentials.
    Reject,
    Busy,
    CannotConnect,
    LostBefore,
    LostAfter,
    /// The request is processed and never answered.
    Stall,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// The delays before the server processes the request, and before its reply.
    pub(super) before: Pause,
    pub(super) after: Pause,
    pub(super) behavior: Behavior,
    /// For requests that are not of the login: the session expires, or its token is rotated.
    pub(super) expire: bool,
    pub(super) rotate: bool,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pause {
    yields: u32,
    time: Duration,
}

impl Pause {
    pub(super) async fn wait(self) {
        for _ in 0..self.yields {
            tokio::task::yield_now().await;
        }
        if !self.time.is_zero() {
            tokio::time::sleep(self.time).await;
        }
    }
}

/// The behavior of a secret provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Value,
    Missing,
    Fails,
    Panics,
    CallsBack,
}

impl World {
    pub(super) fn pause(&mut self) -> Pause {
        let (rng, delay) = (&mut self.rng, self.config.delay);
        let time = match rng.u32(..100) {
            0..30 => 0,
            30..97 => rng.u64(..=delay),
            97..99 => rng.u64(..=delay * 10),
            _ if self.healthy => rng.u64(..=delay),
            _ => rng.u64(1000..15_000),
        };
        Pause { yields: rng.u32(..3), time: Duration::from_millis(time) }
    }

    pub(super) fn plan(&mut self, credentials: bool) -> Plan {
        let (before, after) = (self.pause(), self.pause());
        let config = self.config;
        let rng = &mut self.rng;
        let wrong = !self.healthy && chance(rng, config.faults);
        let behavior = match rng.u32(..7) {
            _ if !wrong => Behavior::Answer(BodyEnd::Complete),
            0 if credentials => Behavior::Reject,
            0 | 1 => Behavior::Busy,
            2 => Behavior::CannotConnect,
            3 => Behavior::LostBefore,
            4 => Behavior::LostAfter,
            5 => Behavior::Answer(if rng.bool() { BodyEnd::Broken } else { BodyEnd::Stalls }),
            _ => Behavior::Stall,
        };
        Plan {
            before,
            after,
            behavior,
            expire: !self.healthy && chance(rng, 2),
            rotate: chance(rng, 6),
        }
    }

    pub(super) fn source(&mut self) -> (Pause, Source) {
        let mut pause = if chance(&mut self.rng, 40) { self.pause() } else { Pause::default() };
        if !self.healthy && chance(&mut self.rng, 1) {
            pause.time = Duration::from_secs(self.rng.u64(20..90));
        }
        let faults = if self.healthy { 0 } else { self.config.faults / 2 };
        // a panicking provider never recovers: everything that waits for such a login must still
        // end
        self.panicking |= self.config.panics && !self.healthy && chance(&mut self.rng, 15);
        let source = match self.rng.u32(..100) {
            _ if self.panicking => Source::Panics,
            0..30 if self.config.calls_back => Source::CallsBack,
            n if n >= 100 - faults => {
                if self.rng.bool() {
                    Source::Missing
                } else {
                    Source::Fails
                }
            }
            _ => Source::Value,
        };
        (pause, source)
    }
}
