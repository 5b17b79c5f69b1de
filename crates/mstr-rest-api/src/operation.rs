//! Waiting for a cube that is being published.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mstr_rest_core::{Error, ErrorKind, Result};
use tokio::time::Instant;

use crate::{Cube, CubeStatus};

/// The default of [`Publication::timeout`].
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A cube that is being published, from [`Cube::publish`].
///
/// ```no_run
/// use std::time::Duration;
/// use mstr_rest_api::Cube;
///
/// # async fn example(cube: Cube) -> mstr_rest_core::Result<()> {
/// cube.publish()
///     .await?
///     .timeout(Duration::from_secs(3600))
///     .on_progress(|status| println!("{status}"))
///     .wait()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "the operation continues on the server; call wait() for its result"]
pub struct Publication {
    cube: Cube,
    timeout: Duration,
    progress: Option<Arc<dyn Fn(CubeStatus) + Send + Sync>>,
}

impl Publication {
    pub(crate) fn new(cube: &Cube) -> Self {
        Self { cube: cube.clone(), timeout: DEFAULT_TIMEOUT, progress: None }
    }

    /// The longest time that [`wait`](Self::wait) waits. Default: 10 minutes.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Called with each state that the server reports while [`wait`](Self::wait) waits.
    pub fn on_progress(mut self, progress: impl Fn(CubeStatus) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }

    /// Asks for the [status](Cube::status) of the cube until it is published.
    ///
    /// The server says nothing of one publication, only of the cube: where an older one is
    /// published still, and the new one did not begin yet, that is taken for the end.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors); [`Api`](ErrorKind::Api) when it
    /// was being published and then is not, that is when publishing failed;
    /// [`Timeout`](ErrorKind::Timeout) when the [timeout](Self::timeout) is over, and the server
    /// continues to publish.
    pub async fn wait(self) -> Result<CubeStatus> {
        let end = Instant::now().checked_add(self.timeout);
        let left =
            || end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
        let (mut began, mut pause) = (false, FIRST_WAIT);
        loop {
            let status = match self.cube.status().timeout(left()).await {
                Err(error) if error.is_timeout() && left().is_zero() => return Err(self.over()),
                status => status?,
            };
            if let Some(progress) = &self.progress {
                progress(status);
            }
            match (status.is_processing(), status.is_published()) {
                (true, _) => began = true,
                (false, true) => return Ok(status),
                (false, false) if began => {
                    let message = format!("publishing the cube failed: it is {status}");
                    return Err(Error::new(ErrorKind::Api, message));
                }
                // it did not begin yet
                (false, false) => {}
            }
            if left() <= pause {
                return Err(self.over());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_WAIT);
        }
    }

    fn over(&self) -> Error {
        let message = format!("the cube was not published within {:?}", self.timeout);
        Error::new(ErrorKind::Timeout, message)
    }
}

impl fmt::Debug for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publication")
            .field("cube", &self.cube)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
