//! What a statement is given: three column types, each nullable, and nothing that only one
//! database knows. Time is microseconds, money micro-dollars, a flag 0 or 1, a document JSON text.

/// One bound parameter. A null carries its type, because PostgreSQL types every parameter:
/// integers arrive there as `bigint`, text as `text`, bytes as `bytea`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A 64-bit signed integer.
    Int(i64),
    /// UTF-8 text without a NUL character (PostgreSQL cannot hold one, so neither database may).
    Text(String),
    /// A text that is written in the program: a word of those that a column may hold.
    Word(&'static str),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list of integers: on PostgreSQL an array (`= ANY ($1::BIGINT[])`), on SQLite a JSON document (`IN (SELECT value FROM json_each($1))`).
    Ints(Vec<i64>),
    /// A list of texts, likewise.
    Texts(Vec<String>),
    /// An integer that is absent.
    NullInt,
    /// A text that is absent.
    NullText,
    /// Bytes that are absent.
    NullBytes,
}

impl Value {
    /// The integer that it is.
    pub(super) fn as_int(&self) -> Option<i64> {
        if let Self::Int(value) = self { Some(*value) } else { None }
    }

    /// Whether it is no null.
    pub(super) fn is_present(&self) -> bool {
        !matches!(self, Self::NullInt | Self::NullText | Self::NullBytes)
    }

    /// Whether it is a text that neither database may hold.
    pub(super) fn has_nul(&self) -> bool {
        match self {
            Self::Text(text) => text.contains('\0'),
            Self::Word(text) => text.contains('\0'),
            Self::Texts(texts) => texts.iter().any(|text| text.contains('\0')),
            _ => false,
        }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        value.map_or(Self::NullInt, Self::Int)
    }
}

impl From<Option<u32>> for Value {
    fn from(value: Option<u32>) -> Self {
        value.map_or(Self::NullInt, Self::from)
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        value.map_or(Self::NullText, Self::from)
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        value.map_or(Self::NullText, Self::Text)
    }
}

impl From<Option<Vec<u8>>> for Value {
    fn from(value: Option<Vec<u8>>) -> Self {
        value.map_or(Self::NullBytes, Self::Bytes)
    }
}
