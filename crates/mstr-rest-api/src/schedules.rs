//! Schedules, and the events that can trigger them.

use std::time::SystemTime;

use mstr_rest_core::{Call, Session};
use serde::Deserialize;

use crate::users::listed;
use crate::{dates, lenient, sealed};

/// Schedules and events of the server.
pub trait SchedulesExt: sealed::Sealed {
    /// The handler of schedules.
    fn schedules(&self) -> Schedules;

    /// The handler of events.
    fn events(&self) -> Events;
}

impl SchedulesExt for Session {
    fn schedules(&self) -> Schedules {
        Schedules::new(self)
    }

    fn events(&self) -> Events {
        Events::new(self)
    }
}

/// Schedules. Owned and cheap to clone. They belong to the whole server.
///
/// ```no_run
/// use mstr_rest_api::SchedulesExt;
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// for schedule in session.schedules().list().await? {
///     println!("{}  {}  {:?}", schedule.id, schedule.name, schedule.next_delivery);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Schedules {
    session: Session,
}

impl Schedules {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    /// All schedules: `GET /schedules`. The server has no pages of them.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`NoSession`](mstr_rest_core::ErrorKind::NoSession) without a token.
    pub fn list(&self) -> Call<Vec<Schedule>> {
        listed(self.session.get("schedules").without_project().require_session())
    }

    /// One schedule: `GET /schedules/{id}`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`ResourceNotFound`](mstr_rest_core::ErrorKind::ResourceNotFound) when it is not there.
    pub fn get(&self, id: impl AsRef<str>) -> Call<Schedule> {
        let call = self.session.get("schedules").segment(id).without_project();
        call.require_session().decode()
    }

    /// Deletes a schedule: `DELETE /schedules/{id}`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn delete(&self, id: impl AsRef<str>) -> Call<()> {
        let call = self.session.delete("schedules").segment(id).without_project();
        call.require_session().decode_with(|_| Ok(()))
    }
}

/// A schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Schedule {
    /// Its id.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// What it is for.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub description: Option<String>,
    /// `time_based` or `event_based`.
    #[serde(rename = "scheduleType", deserialize_with = "lenient::optional_text")]
    pub kind: Option<String>,
    /// When it is due next.
    #[serde(rename = "scheduleNextDelivery", deserialize_with = "dates::date")]
    pub next_delivery: Option<SystemTime>,
    /// Whether it is over.
    #[serde(deserialize_with = "lenient::boolean")]
    pub expired: Option<bool>,
    /// The event that triggers it.
    pub event: Option<Event>,
}

/// Events. Owned and cheap to clone. They belong to the whole server.
///
/// ```no_run
/// use mstr_rest_api::SchedulesExt;
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let events = session.events();
/// let loaded = events.list().await?.into_iter().find(|event| event.name == "Database Load");
/// if let Some(event) = loaded {
///     events.trigger(&event.id).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Events {
    session: Session,
}

impl Events {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    /// All events: `GET /events`. The server has no pages of them.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`NoSession`](mstr_rest_core::ErrorKind::NoSession) without a token.
    pub fn list(&self) -> Call<Vec<Event>> {
        listed(self.session.get("events").without_project().require_session())
    }

    /// One event: `GET /events/{id}`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`ResourceNotFound`](mstr_rest_core::ErrorKind::ResourceNotFound) when it is not there.
    pub fn get(&self, id: impl AsRef<str>) -> Call<Event> {
        self.session.get("events").segment(id).without_project().require_session().decode()
    }

    /// Says that it happened: `POST /events/{id}/trigger`. What is scheduled for it begins.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn trigger(&self, id: impl AsRef<str>) -> Call<()> {
        let call = self.session.post("events").segment(id).segment("trigger").without_project();
        call.require_session().decode_with(|_| Ok(()))
    }
}

/// An event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "AnyEvent")]
#[non_exhaustive]
pub struct Event {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What happened then.
    pub description: Option<String>,
}

/// Schedules call the id of an event `eventId`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AnyEvent {
    #[serde(deserialize_with = "lenient::optional_text")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient::optional_text")]
    event_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    name: String,
    #[serde(deserialize_with = "lenient::optional_text")]
    description: Option<String>,
}

impl From<AnyEvent> for Event {
    fn from(event: AnyEvent) -> Self {
        Self {
            id: event.id.or(event.event_id).unwrap_or_default(),
            name: event.name,
            description: event.description,
        }
    }
}
