//! What a request needs to know about the login, as one immutable snapshot.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::watch;

use crate::Error;
use crate::cookies::Jar;

pub(crate) static TOKEN: HeaderName = HeaderName::from_static("x-mstr-authtoken");
pub(crate) static PROJECT: HeaderName = HeaderName::from_static("x-mstr-projectid");
pub(crate) static IDENTITY_TOKEN: HeaderName = HeaderName::from_static("x-mstr-identitytoken");

/// `X-MSTR*` headers that say something about one reply, not about the session.
const REPLY_ONLY: [&str; 4] =
    ["x-mstr-identitytoken", "x-mstr-total-count", "x-mstr-projectid", "x-mstr-cubestatus"];

/// One login: what belongs together is replaced together.
#[derive(Clone, Default)]
pub(crate) struct State {
    /// Counts the tokens. A reply to a request of an earlier generation changes nothing here.
    pub(crate) generation: u64,
    pub(crate) token: Option<HeaderValue>,
    pub(crate) jar: Arc<Jar>,
    /// `X-MSTR*` headers of replies, to be sent again.
    pub(crate) captured: Arc<HeaderMap>,
    /// Whether a logout would end a session that something else owns or uses.
    pub(crate) foreign: bool,
    /// What a saved session says of its login.
    pub(crate) facts: Arc<Facts>,
    /// A login of ours that an adopted session took the place of: still ours to log out.
    pub(crate) owed: Option<Arc<Self>>,
    /// A login is running: requests that carry auth wait for it.
    pub(crate) flight: Option<Flight>,
    /// How many re-logins ended, and how the last one failed: for requests whose reply comes
    /// after it ended.
    pub(crate) renewals: u64,
    pub(crate) failed_renewal: Option<Error>,
}

/// What is known of a login besides its secrets.
#[derive(Clone, Default)]
pub(crate) struct Facts {
    pub(crate) user: Option<String>,
    pub(crate) login_mode: Option<i64>,
    pub(crate) created: Option<SystemTime>,
    pub(crate) idle_limit: Option<Duration>,
}

impl State {
    /// The login that is ours to end, if there is one.
    pub(crate) fn to_end(self: &Arc<Self>) -> Option<Arc<Self>> {
        let ours = self.token.is_some() && !self.foreign;
        if ours { Some(Arc::clone(self)) } else { self.owed.clone() }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("generation", &self.generation)
            .field("logged_in", &self.token.is_some())
            .field("cookies", &self.jar)
            .finish_non_exhaustive()
    }
}

/// A running login, to wait for. It is over when its sender is gone, however that came about: a
/// runtime that ends takes its tasks along, and nobody must wait for them.
#[derive(Clone, Debug)]
pub(crate) struct Flight(watch::Receiver<()>);

impl Flight {
    pub(crate) fn new() -> (watch::Sender<()>, Self) {
        let (sender, receiver) = watch::channel(());
        (sender, Self(receiver))
    }

    /// Waits for the end of the login, whether it succeeded or not.
    pub(crate) async fn wait(mut self) {
        while self.0.changed().await.is_ok() {}
    }
}

/// The current state. Read with every request: a read lock held for one `Arc` clone.
#[derive(Debug, Default)]
pub(crate) struct StateCell(RwLock<Arc<State>>);

impl StateCell {
    pub(crate) fn get(&self) -> Arc<State> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes a copy of the state and puts that in place.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = State::clone(&current);
        let out = change(&mut next);
        *current = Arc::new(next);
        out
    }

    /// Takes over the `X-MSTR*` headers of a reply of the base origin to a request that was sent
    /// with `sent`. A reply of an earlier login changes nothing.
    pub(crate) fn capture(&self, sent: &State, headers: &HeaderMap) {
        // the usual reply brings nothing new: no lock then
        if !headers.iter().any(|(name, value)| is_news(sent, name, value)) {
            return;
        }
        self.update(|now| {
            if now.generation != sent.generation {
                return;
            }
            let captured = Arc::make_mut(&mut now.captured);
            for (name, value) in headers {
                let mut value = value.clone();
                value.set_sensitive(true);
                if *name == TOKEN {
                    if now.token.as_ref() != Some(&value) {
                        now.token = Some(value);
                        now.generation += 1;
                    }
                } else if is_kept(name) {
                    captured.insert(name.clone(), value);
                }
            }
        });
    }
}

pub(crate) fn is_kept(name: &HeaderName) -> bool {
    name.as_str().starts_with("x-mstr") && !REPLY_ONLY.contains(&name.as_str())
}

fn is_news(sent: &State, name: &HeaderName, value: &HeaderValue) -> bool {
    if !is_kept(name) {
        return false;
    }
    let known = if *name == TOKEN { sent.token.as_ref() } else { sent.captured.get(name) };
    known != Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn captures_what_describes_the_session() {
        let cell = StateCell::default();
        cell.capture(
            &cell.get(),
            &headers(&[
                ("x-mstr-something", "1"),
                ("x-mstr-total-count", "9"),
                ("x-mstr-projectid", "P"),
                ("x-mstr-identitytoken", "i"),
                ("x-mstr-cubestatus", "67"),
                ("other", "2"),
                ("x-mstr-authtoken", "t"),
            ]),
        );
        let state = cell.get();
        assert_eq!(state.captured.len(), 1);
        assert_eq!(state.captured["x-mstr-something"], "1");
        assert_eq!(state.token.as_ref().unwrap(), "t");
        assert_eq!(state.generation, 1, "a new token is a new generation");
        assert!(!format!("{:?}", state.captured).contains('1'), "sensitive");
    }

    #[test]
    fn nothing_new_takes_no_lock_and_changes_nothing() {
        let cell = StateCell::default();
        let reply = headers(&[("x-mstr-a", "1"), ("x-mstr-authtoken", "t")]);
        cell.capture(&cell.get(), &reply);
        let before = cell.get();
        cell.capture(&before, &reply);
        assert!(Arc::ptr_eq(&before, &cell.get()));
    }

    #[test]
    fn a_late_reply_changes_nothing() {
        let cell = StateCell::default();
        let old = cell.get();
        cell.update(|state| {
            state.generation += 1;
            state.token = Some(HeaderValue::from_static("new"));
        });
        cell.capture(&old, &headers(&[("x-mstr-authtoken", "old"), ("x-mstr-a", "1")]));
        let state = cell.get();
        assert_eq!(state.token.as_ref().unwrap(), "new");
        assert!(state.captured.is_empty());
    }

    #[tokio::test]
    async fn a_flight_ends_with_its_sender() {
        let (sender, flight) = Flight::new();
        let waiter = tokio::spawn(flight.clone().wait());
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        drop(sender);
        waiter.await.unwrap();
        flight.wait().await;
    }
}
