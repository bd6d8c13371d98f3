//! Tables as CSV files: every text quoted, and none that a spreadsheet would run as a formula.

use std::fmt::Write as _;

use axum::http::{HeaderName, header};
use axum::response::{IntoResponse as _, Response};

/// A CSV file that grows by rows; without a head until one is written.
#[derive(Default)]
pub(crate) struct Csv(String);

impl Csv {
    /// A file with these column names.
    pub(crate) fn new(columns: &[&str]) -> Self {
        let mut file = Self(String::new());
        file.row(columns);
        file
    }

    /// Adds a row. A figure is given as its text; what begins like a formula and is no figure is made harmless.
    pub(crate) fn row<T: AsRef<str>>(&mut self, cells: &[T]) {
        for (place, cell) in cells.iter().enumerate() {
            let cell = cell.as_ref();
            let comma = if place > 0 { "," } else { "" };
            let guard = if is_formula(cell) { "'" } else { "" };
            let cell = cell.replace('"', "\"\"");
            write!(self.0, "{comma}\"{guard}{cell}\"").expect("writing to a string");
        }
        self.0.push_str("\r\n");
    }

    /// What was written since the last time, for a file that is sent while it grows.
    pub(crate) fn take(&mut self) -> String {
        std::mem::take(&mut self.0)
    }

    /// The whole file. A spreadsheet knows by the mark at its beginning that it is UTF-8.
    pub(crate) fn file(self) -> String {
        format!("\u{feff}{}", self.0)
    }

    /// The file as a download of this name, which is plain ASCII.
    pub(crate) fn download(self, name: &str) -> Response {
        (download_of(name), self.file()).into_response()
    }
}

/// The headers of a CSV file that is a download of this name, which is plain ASCII.
pub(crate) fn download_of(name: &str) -> [(HeaderName, String); 2] {
    let disposition = format!("attachment; filename=\"{name}\"");
    [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, disposition)]
}

/// Whether a spreadsheet would take a text as a formula (OWASP, "CSV injection"). A plain number is none.
fn is_formula(cell: &str) -> bool {
    let first = cell.trim_start().chars().next();
    matches!(first, Some('=' | '+' | '-' | '@' | '\t' | '\r')) && cell.parse::<f64>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_text_and_a_negative_amount_a_number() {
        let mut file = Csv::new(&["name", "amount"]);
        file.row(&["=HYPERLINK(\"x\")", "-1.26"]);
        file.row(&["Ann, \"the\" one\nand two", "+12125550123"]);
        assert_eq!(
            file.0,
            "\"name\",\"amount\"\r\n\"'=HYPERLINK(\"\"x\"\")\",\"-1.26\"\r\n\"Ann, \"\"the\"\" one\nand two\",\"+12125550123\"\r\n"
        );
    }
}
