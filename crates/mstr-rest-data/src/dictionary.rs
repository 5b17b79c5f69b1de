//! One column of an attribute: its texts over all pages, and the keys of the present batch.

use std::sync::Arc;

use ahash::RandomState;
use arrow_array::builder::StringBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow_schema::ArrowError;
use hashbrown::HashTable;

/// A dictionary that grows from page to page; a text has the same key in all of them.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    /// Keys by the hash of their text: the texts themselves stand in `texts` alone.
    keys: HashTable<i32>,
    /// Random for each dictionary: what is in it comes from outside.
    hasher: RandomState,
    texts: StringBuilder,
    /// The texts as an array, as of the last batch.
    array: Option<Arc<StringArray>>,
}

/// More texts than a key can name.
#[derive(Debug)]
pub(crate) struct Full;

impl Dictionary {
    pub(crate) fn key(&mut self, text: &str) -> Result<i32, Full> {
        let Self { keys, hasher, texts, .. } = self;
        let hash = hasher.hash_one(text);
        if let Some(key) = keys.find(hash, |key| text_of(texts, *key) == text.as_bytes()) {
            return Ok(*key);
        }
        let key = i32::try_from(keys.len()).map_err(|_| Full)?;
        texts.append_value(text);
        keys.insert_unique(hash, key, |key| {
            // texts are texts: what was appended as one is one
            hasher.hash_one(std::str::from_utf8(text_of(texts, *key)).unwrap_or_default())
        });
        Ok(key)
    }

    /// The text of a key.
    pub(crate) fn text(&self, key: i32) -> &str {
        std::str::from_utf8(text_of(&self.texts, key)).unwrap_or_default()
    }

    /// The column of these keys.
    pub(crate) fn array(&mut self, keys: Int32Array) -> Result<ArrayRef, ArrowError> {
        let texts = match &self.array {
            Some(array) if array.len() == self.keys.len() => Arc::clone(array),
            _ => {
                let array = Arc::new(self.texts.finish_cloned());
                self.array = Some(Arc::clone(&array));
                array
            }
        };
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, texts)?))
    }
}

fn text_of(texts: &StringBuilder, key: i32) -> &[u8] {
    let offset = |at: usize| {
        let offset = texts.offsets_slice().get(at).copied();
        offset.and_then(|offset| usize::try_from(offset).ok()).unwrap_or_default()
    };
    let at = usize::try_from(key).unwrap_or_default();
    texts.values_slice().get(offset(at)..offset(at + 1)).unwrap_or_default()
}
