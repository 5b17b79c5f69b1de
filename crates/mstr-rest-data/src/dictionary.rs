//! One column of an attribute: its texts over all pages, and the keys of the present batch.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow_schema::ArrowError;

/// A dictionary that grows from page to page; a text has the same key in all of them.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    keys: HashMap<Box<str>, i32>,
    texts: StringBuilder,
    /// The texts as an array, as of the last batch.
    array: Option<Arc<StringArray>>,
}

/// More texts than a key can name.
#[derive(Debug)]
pub(crate) struct Full;

impl Dictionary {
    pub(crate) fn key(&mut self, text: &str) -> Result<i32, Full> {
        if let Some(key) = self.keys.get(text) {
            return Ok(*key);
        }
        let key = i32::try_from(self.keys.len()).map_err(|_| Full)?;
        self.keys.insert(text.into(), key);
        self.texts.append_value(text);
        Ok(key)
    }

    /// The column of these keys.
    pub(crate) fn array(&mut self, keys: Vec<Option<i32>>) -> Result<ArrayRef, ArrowError> {
        let texts = match &self.array {
            Some(array) if array.len() == self.keys.len() => Arc::clone(array),
            _ => {
                let array = Arc::new(self.texts.finish_cloned());
                self.array = Some(Arc::clone(&array));
                array
            }
        };
        let array = DictionaryArray::<Int32Type>::try_new(Int32Array::from(keys), texts)?;
        Ok(Arc::new(array))
    }
}
