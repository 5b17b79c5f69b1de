//! Deleting what was made on the server when the client does not need it any more.

use std::fmt;
use std::time::Duration;

use mstr_rest_core::Call;

use crate::executable::Source;
use crate::execution;

/// How long the deletion may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Deletes something on the server when it is dropped: an execution, from
/// [`Instance::delete_on_drop`](crate::Instance::delete_on_drop) or
/// [`DocumentInstance::delete_on_drop`](crate::DocumentInstance::delete_on_drop), or an upload
/// session, from [`UploadSession::delete_on_drop`](crate::UploadSession::delete_on_drop).
///
/// A drop deletes in the background: [`settle`](mstr_rest_core::settle) waits for that at the end
/// of a program. A failed deletion is not reported: the server deletes what is left when the
/// session ends.
#[must_use = "it deletes at once when it is not kept"]
pub struct DeleteOnDrop(Option<Delete>);

type Delete = Box<dyn Fn() -> Call<()> + Send + Sync>;

impl DeleteOnDrop {
    pub(crate) fn of(source: &Source, id: &str) -> Self {
        Self::by(execution::delete(source, id))
    }

    /// By this call.
    pub(crate) fn by(delete: Call<()>) -> Self {
        Self::by_current(move || delete.clone())
    }

    /// By a call that is made when it is time: an instance that is executed again has another id.
    pub(crate) fn by_current(delete: impl Fn() -> Call<()> + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(delete)))
    }

    /// Deletes now, and waits until it is done. If this future is dropped, the deletion continues
    /// in the background.
    pub async fn now(mut self) {
        if let Some(delete) = &self.0 {
            let _ = delete().timeout(TIMEOUT).await;
            self.0 = None;
        }
    }

    /// Keeps it on the server.
    pub fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for DeleteOnDrop {
    fn drop(&mut self) {
        if let Some(delete) = self.0.take() {
            delete().timeout(TIMEOUT).in_background();
        }
    }
}

impl fmt::Debug for DeleteOnDrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeleteOnDrop").field("armed", &self.0.is_some()).finish()
    }
}
