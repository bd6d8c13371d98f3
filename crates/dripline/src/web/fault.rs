//! What is wrong with a form that was sent: the field, and a sentence to show beside it.

use std::error::Error;

use super::format;

/// What is wrong; by default nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fault {
    field: &'static str,
    text: String,
}

impl Fault {
    /// An error with its causes, as a sentence beside this field.
    pub(crate) fn at(field: &'static str, error: &dyn Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        Self { field, text: format::sentence(&text) }
    }

    /// A sentence of the page's own.
    pub(crate) fn says(field: &'static str, sentence: &str) -> Self {
        Self { field, text: sentence.to_owned() }
    }

    /// What is wrong with this field; empty if nothing is.
    pub(crate) fn of(&self, field: &str) -> &str {
        if self.field == field { &self.text } else { "" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_field_that_is_wrong_says_so() {
        let error = std::io::Error::other("the name is refused");
        let fault = Fault::at("name", &error);
        assert_eq!((fault.of("name"), fault.of("email")), ("The name is refused.", ""));
        assert_eq!(Fault::default().of("name"), "");
    }
}
