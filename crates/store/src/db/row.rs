//! What a statement answers: rows of cells, read by position. A wrong type or position is an
//! error that names the column, never a panic: the database may hold what the code did not expect.

use std::sync::Arc;

use super::DbError;

/// One cell. `Foreign` is a type that the face does not offer; it fails only when it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    Foreign(String),
}

impl Cell {
    fn kind(&self) -> &str {
        match self {
            Self::Null => "null",
            Self::Int(_) => "an integer",
            Self::Text(_) => "a text",
            Self::Bytes(_) => "bytes",
            Self::Foreign(kind) => kind,
        }
    }
}

/// One row of an answer. Columns are counted from 0, in the order of the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    names: Arc<[String]>,
    cells: Vec<Cell>,
}

impl Row {
    pub(super) fn new(names: Arc<[String]>, cells: Vec<Cell>) -> Self {
        Self { names, cells }
    }

    /// Its cells, to be filled: one for each column.
    pub(super) fn cells_mut(&mut self) -> &mut [Cell] {
        self.cells.resize(self.names.len(), Cell::Null);
        &mut self.cells
    }

    /// What it holds; it is left without cells.
    pub(super) fn take(&mut self) -> Self {
        Self { names: Arc::clone(&self.names), cells: std::mem::take(&mut self.cells) }
    }

    /// The integer in column `index`; a null is an error.
    pub fn int(&self, index: usize) -> Result<i64, DbError> {
        self.opt_int(index)?.ok_or_else(|| self.mismatch(index, "an integer"))
    }

    /// The integer in column `index`, or `None` for a null.
    pub fn opt_int(&self, index: usize) -> Result<Option<i64>, DbError> {
        match self.cell(index)? {
            Cell::Null => Ok(None),
            Cell::Int(value) => Ok(Some(*value)),
            _ => Err(self.mismatch(index, "an integer")),
        }
    }

    /// The flag in column `index`: 0 or 1, anything else is an error.
    pub fn flag(&self, index: usize) -> Result<bool, DbError> {
        match self.cell(index)? {
            Cell::Int(0) => Ok(false),
            Cell::Int(1) => Ok(true),
            _ => Err(self.mismatch(index, "a flag (0 or 1)")),
        }
    }

    /// The text in column `index`; a null is an error.
    pub fn text(&self, index: usize) -> Result<&str, DbError> {
        self.opt_text(index)?.ok_or_else(|| self.mismatch(index, "a text"))
    }

    /// The text in column `index`, or `None` for a null.
    pub fn opt_text(&self, index: usize) -> Result<Option<&str>, DbError> {
        match self.cell(index)? {
            Cell::Null => Ok(None),
            Cell::Text(value) => Ok(Some(value)),
            _ => Err(self.mismatch(index, "a text")),
        }
    }

    /// The bytes in column `index`; a null is an error.
    pub fn bytes(&self, index: usize) -> Result<&[u8], DbError> {
        self.opt_bytes(index)?.ok_or_else(|| self.mismatch(index, "bytes"))
    }

    /// The bytes in column `index`, or `None` for a null.
    pub fn opt_bytes(&self, index: usize) -> Result<Option<&[u8]>, DbError> {
        match self.cell(index)? {
            Cell::Null => Ok(None),
            Cell::Bytes(value) => Ok(Some(value)),
            _ => Err(self.mismatch(index, "bytes")),
        }
    }

    fn cell(&self, index: usize) -> Result<&Cell, DbError> {
        self.cells.get(index).ok_or(DbError::NoColumn { index, columns: self.cells.len() })
    }

    fn mismatch(&self, index: usize, wanted: &'static str) -> DbError {
        let name = self.names.get(index).cloned().unwrap_or_default();
        let found = self.cells.get(index).map_or("nothing", Cell::kind).to_owned();
        DbError::Column { name, wanted, found }
    }
}
