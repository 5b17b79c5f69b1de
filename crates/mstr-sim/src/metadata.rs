//! What the server's metadata holds: one tree of objects for all projects, and what belongs to the
//! whole server. Reports and cubes are objects of the tree under their own ids.

mod access;
mod entry;
mod tree;

use std::collections::HashMap;
use std::time::Duration;

pub(crate) use access::Ace;
pub(crate) use entry::Entry;
pub(crate) use tree::{ROOT, Tree};

use crate::value;

pub(crate) const FOLDER: u32 = 8;
pub(crate) const REPORT: u32 = 3;
pub(crate) const PROJECT: u32 = 32;
pub(crate) const USER: u32 = 34;

/// The owner of what nobody made (recorded).
pub(crate) const OWNER_ID: &str = "54F3D26011D2896560009A8E67019608";
/// When it was made (recorded).
pub(crate) const LONG_AGO: &str = "2015-06-30T21:55:35";

/// The result of a search. It belongs to a session.
pub(crate) struct Found {
    pub(crate) session: u64,
    pub(crate) ids: Vec<String>,
}

/// All of it.
pub(crate) struct Metadata {
    pub(crate) tree: Tree,
    pub(crate) searches: HashMap<String, Found>,
}

impl Metadata {
    pub(crate) fn new() -> Self {
        Self { tree: Tree::new(), searches: HashMap::new() }
    }
}

/// The server's clock as a date, without fractions and zone: it began with 2026.
pub(crate) fn date(now: Duration) -> String {
    // 2026-01-01 is so many days after 2015-01-01
    let seconds = now.as_secs();
    let days = 4018 + i64::try_from(seconds / 86_400).unwrap_or_default();
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}", value::date(days, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_the_clock() {
        assert_eq!(date(Duration::ZERO), "2026-01-01T00:00:00");
        assert_eq!(date(Duration::from_secs(59 * 86_400 + 3661)), "2026-03-01T01:01:01");
    }
}
