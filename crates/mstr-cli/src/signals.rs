//! The signals that end a command, and how it ends by them.

use std::{
    io::{self, Write as _},
    sync::OnceLock,
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use crate::failure::{Failure, Result, code};

/// How long a command that was told to end waits for the server.
const LIMIT: Duration = Duration::from_secs(3);
/// A wait of this length is explained.
const SHORT: Duration = Duration::from_millis(500);

/// What told the command to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Ctrl-c.
    Interrupt,
    /// Of schedulers and containers.
    Terminate,
    /// The terminal is gone.
    HangUp,
}

impl Signal {
    /// As `kill` names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "INT",
            Self::Terminate => "TERM",
            Self::HangUp => "HUP",
        }
    }

    fn failure(self) -> Failure {
        match self {
            Self::Interrupt => Failure::new(code::INTERRUPTED, "interrupted"),
            Self::Terminate => Failure::new(code::TERMINATED, "terminated"),
            Self::HangUp => Failure::new(code::HUNG_UP, "the terminal was closed"),
        }
    }
}

/// The signals so far, with their times.
type Received = Vec<(Signal, Instant)>;

static RECEIVED: OnceLock<watch::Sender<Received>> = OnceLock::new();

/// From the first call on, signals no longer end the process: [`stopped`] and [`nth`] report them. Needs a
/// Tokio runtime.
pub(crate) fn listen() -> watch::Receiver<Received> {
    RECEIVED
        .get_or_init(|| {
            let sender = watch::channel(Vec::new()).0;
            platform::listen(&sender);
            sender
        })
        .subscribe()
}

/// The first signal, if there was one.
pub(crate) fn received() -> Option<Signal> {
    Some(RECEIVED.get()?.borrow().first()?.0)
}

/// Waits for the first signal.
pub(crate) async fn stopped() -> Failure {
    nth(1).await.failure()
}

/// Waits until there are so many signals, and returns the last of them.
pub(crate) async fn nth(count: usize) -> Signal {
    let mut signals = listen();
    let last = signals.wait_for(|signals| signals.len() >= count).await;
    let last = last.ok().and_then(|signals| Some(signals.get(count - 1)?.0));
    match last {
        Some(signal) => signal,
        // the sender is never dropped
        None => std::future::pending().await,
    }
}

/// Runs the work unless a signal comes, which drops it.
pub(crate) async fn unless_stopped<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        result = work => result,
        failure = stopped() => Err(failure),
    }
}

/// What is left to do at the end of a command, which waits for the server. From the first signal
/// on it has three seconds, and another ctrl-c ends the process at once.
pub(crate) async fn wind_down(work: impl Future<Output = Result>) -> Result {
    let given_up = async {
        let failure = stopped().await;
        let first = listen().borrow().first().map_or_else(Instant::now, |(_, at)| *at);
        tokio::select! {
            () = tokio::time::sleep_until(first + LIMIT) => {}
            () = explained() => {}
            () = second_ctrl_c() => {}
        }
        Err(failure)
    };
    tokio::select! {
        biased;
        result = work => result,
        result = given_up => result,
    }
}

async fn explained() {
    tokio::time::sleep(SHORT).await;
    let _ = writeln!(
        io::stderr(),
        "mstr: waiting up to {} s for the server to end what was begun there; ctrl-c again ends \
         this at once",
        LIMIT.as_secs()
    );
    std::future::pending::<()>().await;
}

async fn second_ctrl_c() {
    let mut count = 2;
    while nth(count).await != Signal::Interrupt {
        count += 1;
    }
    end_by(Signal::Interrupt);
}

/// Ends the process by the signal, as if nobody had handled it: shells and schedulers see that. It
/// returns where that is not possible.
pub(crate) fn end_by(signal: Signal) {
    let _ = io::stdout().flush();
    platform::end_by(signal);
}

/// Sends the signal to a process that was started here.
pub(crate) async fn pass_on(signal: Signal, process: u32) {
    let kill = format!("kill -s {} {process}", signal.name());
    let _ = tokio::process::Command::new("sh").args(["-c", &kill]).status().await;
}

#[cfg(unix)]
mod platform {
    use std::{os::unix::process::CommandExt as _, process::Command};

    use tokio::signal::unix::{SignalKind, signal};

    use super::{Instant, Received, Signal, watch};

    pub(super) fn listen(sender: &watch::Sender<Received>) {
        for (kind, what) in [
            (SignalKind::interrupt(), Signal::Interrupt),
            (SignalKind::terminate(), Signal::Terminate),
            (SignalKind::hangup(), Signal::HangUp),
        ] {
            // `nohup` and background jobs of scripts ignore it, and that stays so
            if ignored(kind.as_raw_value()) {
                continue;
            }
            let Ok(mut stream) = signal(kind) else { continue };
            let sender = sender.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    sender.send_modify(|received| received.push((what, Instant::now())));
                }
            });
        }
    }

    /// Whether the process was started with the signal ignored. Known on Linux only.
    fn ignored(number: i32) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
        mask & (1 << (number - 1)) != 0
    }

    /// A handler cannot be taken away again without unsafe code; another program in this process
    /// begins without one.
    pub(super) fn end_by(signal: Signal) {
        let kill = format!("kill -s {} $$", signal.name());
        let _ = Command::new("/bin/sh").args(["-c", &kill]).exec();
    }
}

#[cfg(not(unix))]
mod platform {
    use super::{Instant, Received, Signal, watch};

    pub(super) fn listen(sender: &watch::Sender<Received>) {
        let sender = sender.clone();
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                sender.send_modify(|received| received.push((Signal::Interrupt, Instant::now())));
            }
        });
    }

    pub(super) fn end_by(_signal: Signal) {}
}
