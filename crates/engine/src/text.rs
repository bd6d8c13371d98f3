//! Short texts that people give: names, notes, addresses. One line, within a limit, storable.

/// Why a short text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but spaces.
    #[error("it is empty")]
    Empty,
    /// Too long.
    #[error("it has {count} characters; at most {most} are allowed")]
    TooLong {
        /// How many it has.
        count: usize,
        /// How many it may have.
        most: usize,
    },
    /// A tab, a line break or another control character.
    #[error("it has a control character such as a tab or a line break")]
    Control,
}

/// One line without outer spaces, of 1 to `most` characters.
pub(crate) fn line(text: &str, most: usize) -> Result<String, TextError> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(TextError::Empty),
        count if count > most => Err(TextError::TooLong { count, most }),
        _ if text.chars().any(char::is_control) => Err(TextError::Control),
        _ => Ok(text.to_owned()),
    }
}

/// As [`line()`], and may be empty.
pub(crate) fn line_or_nothing(text: &str, most: usize) -> Result<String, TextError> {
    match line(text, most) {
        Err(TextError::Empty) => Ok(String::new()),
        read => read,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_trimmed_and_keeps_its_limit() {
        assert_eq!(line("  Ünï  ", 3), Ok("Ünï".to_owned()));
        assert_eq!(line("abcd", 3), Err(TextError::TooLong { count: 4, most: 3 }));
        assert_eq!(line(" \n ", 3), Err(TextError::Empty));
        assert_eq!(line("a\0b", 9), Err(TextError::Control));
        assert_eq!(line_or_nothing("  ", 3), Ok(String::new()));
    }
}
