//! Re-login: one for all requests that meet an expired session.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;

use crate::auth::Resolved;
use crate::login::Landing;
use crate::session::Inner;
use crate::state::{Flight, State};
use crate::{Auth, Error, Result, Session};

/// `ERR003`: the server refuses the credentials.
const REFUSED: u32 = 3;

/// A login that the server refused: the same one is not sent again, or the account is locked.
#[derive(Clone)]
pub(crate) struct Rejected {
    body: Bytes,
    error: Error,
}

enum Next {
    /// Somebody else did it meanwhile.
    Done,
    /// Somebody else tried meanwhile, and failed.
    Failed(Error),
    /// Somebody else is at it.
    Wait(Flight),
    Start,
}

impl Inner {
    /// How to log in again; `None` for a session that was adopted.
    pub(crate) fn renewal(&self) -> Option<Auth> {
        self.renewal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Logs in again after the login of `seen` expired, unless somebody else did or does so. All
    /// who wait for one login share its outcome.
    pub(crate) async fn renew(&self, session: &Session, seen: &State, auth: &Auth) -> Result<()> {
        loop {
            self.ensure_open()?;
            let (ended, flight) = Flight::new();
            let next = self.state.update(|now| {
                if let Some(running) = &now.flight {
                    return Next::Wait(running.clone());
                }
                if now.generation != seen.generation {
                    return Next::Done;
                }
                match &now.failed_renewal {
                    Some(error) if now.renewals != seen.renewals => Next::Failed(error.clone()),
                    _ => {
                        now.flight = Some(flight.clone());
                        Next::Start
                    }
                }
            });
            match next {
                Next::Done => return Ok(()),
                Next::Failed(error) => return Err(error),
                Next::Wait(running) => running.wait().await,
                Next::Start => {
                    let landing = Landing::new(Arc::clone(&session.inner), ended);
                    // closed meanwhile: whoever closed it did not see this login and would not
                    // end it
                    self.ensure_open()?;
                    // in a task of its own: whoever waits for it may be cancelled
                    let (session, auth) = (session.clone(), auth.clone());
                    tokio::spawn(async move {
                        let _landing = landing;
                        session.inner.renew_now(&session, &auth).await;
                    });
                    flight.wait().await;
                }
            }
        }
    }

    async fn renew_now(&self, session: &Session, auth: &Auth) {
        tracing::info!("Session expired; logging in again");
        auth.invalidate();
        let result = self.login_or_give_up(session, auth, true).await;
        self.state.update(|state| {
            state.renewals += 1;
            state.failed_renewal = result.err();
        });
    }

    /// Refuses to send a login that the server refused before.
    pub(crate) fn ensure_not_rejected(&self, login: &Resolved) -> Result<()> {
        let rejected = self.rejected.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*rejected, login) {
            (Some(rejected), Resolved::Post { body, .. }) if rejected.body == *body => {
                Err(rejected.error.clone())
            }
            _ => Ok(()),
        }
    }

    /// Remembers a login that was refused; one that was not makes earlier ones forgotten. What
    /// failed for another reason says nothing of the credentials.
    pub(crate) fn remember_rejection(&self, body: Bytes, error: Option<&Error>) {
        let rejected = match error {
            Some(error) if error.number() == Some(REFUSED) => {
                Some(Rejected { body, error: error.clone() })
            }
            Some(_) => return,
            None => None,
        };
        *self.rejected.lock().unwrap_or_else(PoisonError::into_inner) = rejected;
    }
}
