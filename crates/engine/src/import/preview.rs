//! What a file would give, before anything is stored: its columns and its first rows as they would be kept.

use std::io::Read;

use domain::access::Permission;
use domain::phone::Phone;

use super::agreed::Premise;
use super::row::{self, Decided};
use super::sheet::{Quotes, Row, Sheet};
use super::{Column, Encoding, ImportError, ImportOptions, blocking};
use crate::actor::Actor;
use crate::contacts::display_name;
use crate::engine::Engine;

/// How many rows are shown.
pub const SHOWN_ROWS: usize = 10;

/// A row as it would be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewRow {
    /// Its number, as a spreadsheet counts.
    pub row: u64,
    /// The cells as they stand in the file, one for each column.
    pub cells: Vec<String>,
    /// The name that it would be listed under; empty where it would be rejected.
    pub name: String,
    /// Its phones in E.164.
    pub phones: Vec<String>,
    /// Values by key.
    pub fields: Vec<(String, String)>,
    /// What to look at.
    pub warnings: Vec<String>,
    /// Why it would be rejected.
    pub rejected: Option<String>,
}

/// The beginning of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportPreview {
    /// How it was read.
    pub encoding: Encoding,
    /// What separates its cells.
    pub separator: char,
    /// What its columns mean.
    pub columns: Vec<Column>,
    /// The first rows that are not blank.
    pub rows: Vec<PreviewRow>,
}

impl Engine {
    /// Reads the beginning of a file as the import would. Changes nothing.
    ///
    /// # Errors
    /// See [`ImportError`].
    pub async fn preview_import(
        &self,
        actor: &Actor,
        source: impl Read + Send + 'static,
        options: ImportOptions,
    ) -> Result<ImportPreview, ImportError> {
        actor.need(Permission::ContactsWrite)?;
        let workspace = actor.workspace();
        let (custom, premise) = self.premise(workspace, &options).await?;
        blocking(move || {
            let mut sheet = Sheet::open(Box::new(source), &custom, &options)?;
            let (encoding, separator, columns) = (sheet.encoding, char::from(sheet.separator), sheet.columns.clone());
            let mut rows = Vec::new();
            while rows.len() < SHOWN_ROWS {
                let Some(found) = sheet.next()? else { break };
                rows.extend(shown(found, &columns, &premise));
            }
            if rows.is_empty() {
                return Err(ImportError::NoRows);
            }
            Ok(ImportPreview { encoding, separator, columns, rows })
        })
        .await
    }

    /// The column names of a file and a few of its values, whatever they mean: also of one whose columns hold no phone.
    ///
    /// # Errors
    /// See [`ImportError`].
    pub async fn import_headers(
        &self,
        actor: &Actor,
        source: impl Read + Send + 'static,
    ) -> Result<Vec<String>, ImportError> {
        actor.need(Permission::ContactsWrite)?;
        blocking(move || Sheet::headers(Box::new(source))).await
    }
}

/// Nothing for a blank row.
fn shown(found: Row, columns: &[Column], premise: &Premise) -> Option<PreviewRow> {
    let decided = match found.quotes {
        Quotes::Open { lines } => Err(row::RowError::QuoteOpen { lines }),
        Quotes::Closed => row::decide(&found.cells, columns, premise),
    };
    let mut cells = found.cells;
    cells.resize(columns.len(), String::new());
    let row = PreviewRow {
        row: found.row,
        cells,
        name: String::new(),
        phones: Vec::new(),
        fields: Vec::new(),
        warnings: Vec::new(),
        rejected: None,
    };
    match decided {
        Ok(None) => None,
        Err(reason) => Some(PreviewRow { rejected: Some(reason.to_string()), ..row }),
        Ok(Some(Decided { phones, fields, warnings, .. })) => {
            let name = phones.first().map(|phone: &Phone| display_name(&fields, *phone)).unwrap_or_default();
            let phones = phones.iter().map(ToString::to_string).collect();
            let warnings = warnings.iter().map(ToString::to_string).collect();
            Some(PreviewRow { name, phones, fields, warnings, ..row })
        }
    }
}
