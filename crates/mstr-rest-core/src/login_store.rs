//! `LoginStore`: where a session shares its login with other processes.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;

use crate::{Result, SessionSnapshot};

/// What a [`LoginStore`] gives back: a future that may be sent between threads.
pub type LoginStoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Where a session keeps its login, so that several processes share one. Set with
/// [`SessionBuilder::login_store`](crate::SessionBuilder::login_store); `mstr-rest-persist` has one
/// for each of its stores (`ConnectExt::connect_or_restore`).
///
/// Before a re-login the session takes the lock and loads what is kept. A login that another
/// process has saved meanwhile, of the same user and still known to the server, is taken up; no
/// login is sent then. Each login that the session makes is saved once its token is in use; after a
/// re-login the lock is held until then.
///
/// Every step is bounded (60 s for the lock, 30 s for the others). A step that fails is traced as a
/// warning and does not fail the login.
pub trait LoginStore: Send + Sync + 'static {
    /// Waits until no other process holds the lock, and holds it until the value is dropped.
    fn lock(&self) -> LoginStoreFuture<'_, Box<dyn Any + Send>>;

    /// The session that is kept, if there is one.
    fn load(&self) -> LoginStoreFuture<'_, Option<SessionSnapshot>>;

    /// Keeps a session in the place of the one before.
    fn save(&self, session: SessionSnapshot) -> LoginStoreFuture<'_, ()>;
}
