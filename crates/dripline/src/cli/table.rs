//! Columns for people: aligned by spaces, without a trailing blank, the head in capitals.

use std::fmt::Write;

/// Rows of text under their heads.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these heads; without any, it has rows only.
    pub(crate) fn new<S: Into<String>>(heads: impl IntoIterator<Item = S>) -> Self {
        let heads: Vec<String> = heads.into_iter().map(Into::into).collect();
        Self { rows: if heads.is_empty() { Vec::new() } else { vec![heads] } }
    }

    pub(crate) fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The rows, each a line, two blanks between columns.
    pub(crate) fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max();
        let widths: Vec<usize> = (0..columns).filter_map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                write!(line, "{cell:width$}  ").expect("a String takes all text");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["RULE", "NAME"]);
        table.row(["US", "Québec and all"]);
        table.row(["US-FL", ""]);
        assert_eq!(table.text(), "RULE   NAME\nUS     Québec and all\nUS-FL\n");
    }
}
