//! What a seed decides: how the server and the credentials behave.

use std::time::Duration;

use super::adapter::BodyEnd;
use super::config::chance;
use super::world::World;

/// How the server treats one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Answer(BodyEnd),
    /// `ERR003`, where credentials are sent.
    Refuse,
    Busy,
    CannotConnect,
    LostBefore,
    LostAfter,
    /// It is done and never answered.
    Stall,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Before the server acts, and between that and its reply.
    pub(super) before: Pause,
    pub(super) after: Pause,
    pub(super) fate: Fate,
    /// Of an ordinary request: the session has expired, or its token is rotated.
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

/// What a source of secrets does when it is asked.
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
        let fate = match rng.u32(..7) {
            _ if !wrong => Fate::Answer(BodyEnd::Complete),
            0 if credentials => Fate::Refuse,
            0 | 1 => Fate::Busy,
            2 => Fate::CannotConnect,
            3 => Fate::LostBefore,
            4 => Fate::LostAfter,
            5 => Fate::Answer(if rng.bool() { BodyEnd::Broken } else { BodyEnd::Stalls }),
            _ => Fate::Stall,
        };
        Plan {
            before,
            after,
            fate,
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
        // it never heals: whatever waits for such a login must end all the same
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
