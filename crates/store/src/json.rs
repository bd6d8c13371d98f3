//! The forms in which rows cross the border: documents and batches as JSON text, time as microseconds.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{DbError, Value};

/// A document or a batch as JSON text.
pub(crate) fn text<T: Serialize + ?Sized>(document: &T) -> Result<String, DbError> {
    serde_json::to_string(document).map_err(|error| DbError::Document(error.to_string()))
}

/// Reads a document back.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Document(error.to_string()))
}

/// Documents of which many in one answer are the same: each is read once, and shared.
pub(crate) struct Shared<T> {
    known: HashMap<Arc<str>, Arc<T>>,
    /// The one that was asked for last, as neighbours are alike.
    last: Option<(Arc<str>, Arc<T>)>,
}

impl<T: DeserializeOwned> Shared<T> {
    pub(crate) fn new() -> Self {
        Self { known: HashMap::new(), last: None }
    }

    /// Reads a document back, or finds it.
    pub(crate) fn read(&mut self, text: &str) -> Result<Arc<T>, DbError> {
        if let Some((_, document)) = self.last.as_ref().filter(|(last, _)| **last == *text) {
            return Ok(Arc::clone(document));
        }
        let known = self.known.get_key_value(text).map(|(text, document)| (Arc::clone(text), Arc::clone(document)));
        let (text, document) = match known {
            Some(known) => known,
            None => {
                let (text, document) = (Arc::<str>::from(text), Arc::new(read(text)?));
                self.known.insert(Arc::clone(&text), Arc::clone(&document));
                (text, document)
            }
        };
        self.last = Some((text, Arc::clone(&document)));
        Ok(document)
    }
}

/// Microseconds since 1970 UTC.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// Reads microseconds back.
pub(crate) fn timestamp(micros: i64) -> Result<Timestamp, DbError> {
    Timestamp::from_microsecond(micros).map_err(|error| DbError::Document(error.to_string()))
}

/// Reads microseconds back where there may be none.
pub(crate) fn timestamp_or_none(micros: Option<i64>) -> Result<Option<Timestamp>, DbError> {
    micros.map(timestamp).transpose()
}

/// A list of integers as one parameter: of keys to look for, never to be stored, as PostgreSQL would write an array's own text into the column.
pub(crate) fn list(ids: impl Iterator<Item = i64>) -> Value {
    Value::Ints(ids.collect())
}

/// A list of texts as one parameter, likewise.
pub(crate) fn texts<T: AsRef<str>>(texts: &[T]) -> Value {
    Value::Texts(texts.iter().map(|text| text.as_ref().to_owned()).collect())
}

/// A small count, such as a step.
pub(crate) fn small(value: i64) -> Result<u8, DbError> {
    u8::try_from(value).map_err(|_| unreadable("a small count", &value.to_string()))
}

/// What a column holds that no version of this program wrote.
pub(crate) fn unreadable(column: &str, value: &str) -> DbError {
    DbError::Document(format!("{column} holds {value:?}"))
}
