//! One search at a time in a session, for a server that was told so.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use http::Method;

use crate::{RecordedRequest, Reply, lock, sim::Sim};

/// The sessions that search right now, by their generation.
pub(crate) type Sessions = Arc<Mutex<BTreeSet<u64>>>;

/// A search that runs: from its request until its reply.
pub(crate) struct Searching {
    sessions: Sessions,
    session: u64,
}

impl Searching {
    /// Begins a search; nothing for other requests. The reply to a second one is assumed.
    pub(crate) fn begin(sim: &Sim, request: &RecordedRequest) -> Result<Option<Self>, Reply> {
        let Some(session) = request.session().filter(|_| sim.config.data.one_search) else {
            return Ok(None);
        };
        let is_search = match request.endpoint() {
            "/metadataSearches/results" | "/v2/metadataSearches/results" => {
                *request.method() == Method::POST
            }
            "/searches/results" => *request.method() == Method::GET,
            _ => false,
        };
        if !is_search {
            return Ok(None);
        }
        if lock(&sim.searching).insert(session) {
            return Ok(Some(Self { sessions: Arc::clone(&sim.searching), session }));
        }
        Err(Reply::error(500, "ERR001", "(Another search of this session is running.)"))
    }
}

impl Drop for Searching {
    fn drop(&mut self) {
        lock(&self.sessions).remove(&self.session);
    }
}
