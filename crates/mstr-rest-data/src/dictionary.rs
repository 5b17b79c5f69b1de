//! One column of an attribute: its texts over all pages, and the keys of the present batch.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use arrow_array::builder::StringBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow_schema::ArrowError;
use hashbrown::HashTable;

/// A dictionary that grows from page to page; a text has the same key in all of them.
#[derive(Debug)]
pub(crate) struct Dictionary {
    /// Keys by the hash of their text: the texts themselves stand in `texts` alone.
    keys: HashTable<i32>,
    /// Random for each dictionary: what is in it comes from outside.
    hasher: RandomState,
    texts: StringBuilder,
    /// The texts as an array, as of the last batch.
    array: Option<Arc<StringArray>>,
    most_bytes: usize,
}

impl Default for Dictionary {
    fn default() -> Self {
        Self {
            keys: HashTable::new(),
            hasher: RandomState::new(),
            texts: StringBuilder::new(),
            array: None,
            most_bytes: MOST_BYTES,
        }
    }
}

/// Bytes of text that the offsets of a dictionary reach.
pub(crate) const MOST_BYTES: usize = 0x7fff_ffff;

/// More texts than a key can name, or more bytes of them than an offset reaches.
#[derive(Debug)]
pub(crate) struct Full;

impl Dictionary {
    pub(crate) fn key(&mut self, text: &str) -> Result<i32, Full> {
        let Self { keys, hasher, texts, most_bytes, .. } = self;
        let hash = hasher.hash_one(text);
        if let Some(key) = keys.find(hash, |key| text_of(texts, *key) == text.as_bytes()) {
            return Ok(*key);
        }
        let key = i32::try_from(keys.len()).map_err(|_| Full)?;
        if texts.values_slice().len().saturating_add(text.len()) > *most_bytes {
            return Err(Full);
        }
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

    /// All texts, in the order of their keys.
    pub(crate) fn into_texts(mut self) -> Arc<StringArray> {
        Arc::new(self.texts.finish())
    }

    /// The column of these keys, with a dictionary of its own that holds their texts alone.
    pub(crate) fn local_array(&self, keys: &Int32Array) -> Result<ArrayRef, ArrowError> {
        let mut places: HashMap<i32, i32, RandomState> = HashMap::default();
        let mut texts = StringBuilder::new();
        let mut bytes = 0_usize;
        let mut own = Vec::with_capacity(keys.len());
        for key in keys {
            let Some(key) = key else {
                own.push(None);
                continue;
            };
            let next = i32::try_from(places.len()).unwrap_or(i32::MAX);
            let place = *places.entry(key).or_insert(next);
            if place == next {
                let text = self.text(key);
                bytes = bytes.saturating_add(text.len());
                if bytes > MOST_BYTES {
                    return Err(ArrowError::OffsetOverflowError(bytes));
                }
                texts.append_value(text);
            }
            own.push(Some(place));
        }
        let texts = Arc::new(texts.finish());
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(own.into(), texts)?))
    }

    /// The column of these keys, with all texts.
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

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray as _;

    use super::*;

    #[test]
    fn a_dictionary_that_is_full_says_so() {
        let mut dictionary = Dictionary { most_bytes: 5, ..Dictionary::default() };
        assert_eq!(dictionary.key("abc").unwrap(), 0);
        assert!(dictionary.key("def").is_err());
        assert_eq!(dictionary.key("de").unwrap(), 1);
        assert_eq!(dictionary.key("abc").unwrap(), 0, "it is there already");
        assert_eq!(dictionary.text(1), "de");
    }

    #[test]
    fn a_column_of_its_own_holds_its_texts_alone() {
        let mut dictionary = Dictionary::default();
        for text in ["a", "b", "c", "d"] {
            dictionary.key(text).unwrap();
        }
        let keys = Int32Array::from(vec![Some(3), None, Some(1), Some(3)]);
        let column = dictionary.local_array(&keys).unwrap();
        let column = column.as_dictionary::<Int32Type>();
        assert_eq!(column.values().as_string::<i32>(), &StringArray::from(vec!["d", "b"]));
        assert_eq!(column.keys(), &Int32Array::from(vec![Some(0), None, Some(1), Some(0)]));
    }
}
