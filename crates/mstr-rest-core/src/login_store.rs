//! `LoginStore`: a store that shares the login of a session with other processes.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;

use crate::{Result, SessionSnapshot};

/// The future that the methods of [`LoginStore`] return. It is `Send`.
pub type LoginStoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// A store for the login of a session, so that several processes share one login. Set it with
/// [`SessionBuilder::login_store`](crate::SessionBuilder::login_store). `mstr-rest-persist` sets
/// one for each of its stores (`ConnectExt::connect_or_restore`).
///
/// Before a re-login, the session takes the lock and loads the stored session. If another process
/// has saved a login meanwhile, the session restores it instead of logging in. The login must be of
/// the same user, and the server must still know it. The session saves each login that it makes, as
/// soon as it uses the token. During a re-login it holds the lock until then.
///
/// Every step has a timeout: 60 s for the lock, 30 s for the others. A failed step is logged as a
/// warning and does not make the login fail.
pub trait LoginStore: Send + Sync + 'static {
    /// Waits for the lock and takes it. Dropping the value releases it.
    fn lock(&self) -> LoginStoreFuture<'_, Box<dyn Any + Send>>;

    /// Loads the stored session. `None` if the store is empty.
    fn load(&self) -> LoginStoreFuture<'_, Option<SessionSnapshot>>;

    /// Stores a session and replaces the one before.
    fn save(&self, session: SessionSnapshot) -> LoginStoreFuture<'_, ()>;
}
