//! Pages that were rendered once, for those who measure clients and not this server.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;

use crate::grid::Show;
use crate::instances::Instance;
use crate::{encode, lock};

/// Rendered pages, plain or compressed, as they were asked for.
#[derive(Default)]
pub(crate) struct Kept(Mutex<HashMap<Key, Bytes>>);

#[derive(PartialEq, Eq, Hash)]
struct Key {
    instance: String,
    manipulation: String,
    show: Show,
}

impl Kept {
    /// The page as it goes out, and whether it is compressed. Two who ask for it at once may both
    /// render it.
    pub(crate) fn page(
        &self,
        instance: &Instance,
        show: &Show,
        render: impl FnOnce() -> Vec<u8>,
    ) -> (Bytes, bool) {
        let key = Key {
            instance: instance.id.clone(),
            manipulation: instance.manipulation(),
            show: *show,
        };
        if let Some(page) = lock(&self.0).get(&key) {
            return (page.clone(), show.gzip);
        }
        let plain = Bytes::from(render());
        // Writing to memory cannot fail; should it, the page goes out as it is.
        let compressed = if show.gzip { encode::gzip(&plain).ok() } else { None };
        let (page, is_compressed) = match compressed {
            Some(compressed) => (compressed, true),
            None => (plain, false),
        };
        if is_compressed == show.gzip {
            lock(&self.0).insert(key, page.clone());
        }
        (page, is_compressed)
    }
}
