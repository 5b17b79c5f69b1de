//! Subscriptions: what is delivered to whom, when.

mod model;
mod new;

use http::Method;
use mstr_rest_core::{Call, Error, ErrorKind, Response, Session};

pub use model::{Content, Recipient, Subscription};
pub use new::{Delivery, NewSubscription};

use crate::changes::made;
use crate::{List, sealed};

/// Subscriptions of a project.
pub trait SubscriptionsExt: sealed::Sealed {
    /// The handler of subscriptions. They live in projects: ask a session
    /// [`in_project`](Session::in_project), or one whose builder names a project.
    fn subscriptions(&self) -> Subscriptions;
}

impl SubscriptionsExt for Session {
    fn subscriptions(&self) -> Subscriptions {
        Subscriptions::new(self)
    }
}

/// Subscriptions. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::{Delivery, NewSubscription, SubscriptionsExt};
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let subscriptions = session.in_project("MicroStrategy Tutorial").subscriptions();
/// let new = NewSubscription::new("Sales, every morning", Delivery::email("Sales"))
///     .schedule("FF7BB3C811D501F0C00051916B98494F")
///     .report("13CFD83A458A68655A13CBA8D7C62CD5")
///     .to("7FC05A65473CE2FD845CE6A1D3F13233");
/// let made = subscriptions.create(&new).await?;
/// subscriptions.send(&made.id).await?;
/// for one in subscriptions.list().all().await? {
///     println!("{}  {}", one.id, one.name);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Subscriptions {
    session: Session,
}

impl Subscriptions {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    fn one(&self, method: Method, id: impl AsRef<str>) -> Call<Response> {
        self.session.call(method, "subscriptions").segment(id).require_session()
    }

    /// All subscriptions of the project: `GET /subscriptions`. The total that servers say is known
    /// to be wrong at times: it is not believed, and the list is read to its end.
    pub fn list(&self) -> List<Subscription> {
        List::new(self.session.get("subscriptions")).without_total()
    }

    /// One subscription: `GET /subscriptions/{id}`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`ResourceNotFound`](ErrorKind::ResourceNotFound) when it is not there.
    pub fn get(&self, id: impl AsRef<str>) -> Call<Subscription> {
        self.one(Method::GET, id).decode()
    }

    /// Makes a subscription, and gives it: `POST /subscriptions`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) without a name, something to deliver, somebody
    /// to deliver it to, or a schedule, and nothing is sent.
    pub fn create(&self, subscription: &NewSubscription) -> Call<Subscription> {
        let call = self.session.post("subscriptions").require_session().json(subscription);
        let call = match subscription.missing() {
            None => call,
            Some(what) => {
                let message = format!("a new subscription needs {what}");
                call.fail_with(Error::new(ErrorKind::InvalidRequest, message))
            }
        };
        let name = subscription.name().to_owned();
        made(call, move |id| Subscription { id, name: name.clone(), ..Subscription::default() })
    }

    /// Delivers it now, whatever its schedule: `POST /subscriptions/{id}/send`. The server does it
    /// in the background.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn send(&self, id: impl AsRef<str>) -> Call<()> {
        self.one(Method::POST, id).segment("send").decode_with(|_| Ok(()))
    }

    /// Deletes it: `DELETE /subscriptions/{id}`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn delete(&self, id: impl AsRef<str>) -> Call<()> {
        self.one(Method::DELETE, id).decode_with(|_| Ok(()))
    }
}
