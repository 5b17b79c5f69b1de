//! Pages that were rendered once, for those who measure clients and not this server.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;

use crate::grid::Show;
use crate::instances::Instance;
use crate::{encode, lock};

/// Rendered pages, plain and compressed.
#[derive(Default)]
pub(crate) struct Kept(Mutex<HashMap<Key, Bytes>>);

#[derive(Clone, PartialEq, Eq, Hash)]
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
        let plain = Key {
            instance: instance.id.clone(),
            manipulation: instance.manipulation(),
            show: Show { gzip: false, ..*show },
        };
        let wanted = Key { show: *show, ..plain.clone() };
        if let Some(page) = self.get(&wanted) {
            return (page, show.gzip);
        }
        let page = self.get(&plain).unwrap_or_else(|| render().into());
        lock(&self.0).insert(plain, page.clone());
        if !show.gzip {
            return (page, false);
        }
        // Writing to memory cannot fail; should it, the page goes out as it is.
        let Ok(compressed) = encode::gzip(&page) else { return (page, false) };
        lock(&self.0).insert(wanted, compressed.clone());
        (compressed, true)
    }

    fn get(&self, key: &Key) -> Option<Bytes> {
        lock(&self.0).get(key).cloned()
    }
}
