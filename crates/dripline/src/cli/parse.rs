//! What several commands read from an argument or a line: regions, states, instants.

use domain::phone::Region;
use domain::states::{self, State};
use jiff::Timestamp;

/// Text that does not mean what its place asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseError {
    #[error("there is no region {0:?}; write two letters such as US, CA or GB")]
    Region(String),
    #[error("there is no state or province {0:?}; write its code or name, such as FL or Florida")]
    State(String),
    #[error("{0:?} is no time; write it with its offset, such as 2026-11-24T08:00:00-05:00 or 2026-11-24T13:00:00Z")]
    Time(String),
}

/// The longest part of a wrong text that is repeated to the person who wrote it.
const SHOWN: usize = 40;

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// A region's two letters (ISO 3166), in any case.
pub(crate) fn region(text: &str) -> Result<Region, ParseError> {
    Region::from_code(&text.trim().to_ascii_uppercase()).map_err(|_| ParseError::Region(shown(text)))
}

/// A state by code, name or usual abbreviation; none for blank text.
pub(crate) fn state(text: &str) -> Result<Option<&'static State>, ParseError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    states::read(text).map(Some).ok_or_else(|| ParseError::State(shown(text)))
}

/// An instant in RFC 3339.
pub(crate) fn time(text: &str) -> Result<Timestamp, ParseError> {
    text.trim().parse().map_err(|_| ParseError::Time(shown(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_read_or_named() {
        assert_eq!(region(" us "), Ok(Region::US));
        assert_eq!(region("USA"), Err(ParseError::Region("USA".into())));
        assert_eq!(state("florida").map(|state| state.map(|state| state.code)), Ok(Some("FL")));
        assert_eq!(state("  "), Ok(None));
        assert!(matches!(state("Bavaria"), Err(ParseError::State(_))));
        assert_eq!(time("2026-11-24T08:00:00-05:00"), time("2026-11-24T13:00:00Z"));
        for bad in ["", "now", "2026-11-24", "2026-11-24T08:00:00", "2026-13-01T00:00:00Z", "1790000000"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
