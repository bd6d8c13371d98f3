//! The text of a receipt: `id:… sub:… dlvrd:… submit date:… done date:… stat:… err:… text:…`.
//!
//! Source: SMPP 3.4, appendix B, which leaves it to the vendor. So the fields are taken in any order and case, some may be missing,
//! and nothing behind `text:`, which is the contact's or ours, is taken for one.

use crate::wire::ReceiptState;

/// What the text tells; nothing of what it does not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// The SMSC's identifier of the text.
    pub id: Option<String>,
    /// The state in capitals: `DELIVRD`, `UNDELIV`, …
    pub stat: Option<String>,
    /// The network's own code of the failure; nothing for `000`.
    pub err: Option<String>,
}

impl Told {
    /// Reads it; any text is read.
    #[must_use]
    pub fn read(text: &str) -> Self {
        // Some count the end of a C string in, and no database keeps a NUL.
        let text = &text.replace('\0', " ");
        // Same length, so that places in the one are places in the other.
        let lower = text.to_ascii_lowercase();
        let end = place(&lower, "text:").unwrap_or(lower.len());
        let value = |name: &str| {
            let from = place(&lower[..end], name)? + name.len();
            let value = text[from..end].split_ascii_whitespace().next()?;
            // `id: sub:001` has no id.
            (!value.contains(':')).then(|| value.chars().take(65).collect::<String>())
        };
        let err = value("err:").filter(|err| !err.bytes().all(|byte| byte == b'0'));
        Self { id: value("id:"), stat: value("stat:").map(|stat| stat.to_ascii_uppercase()), err }
    }

    /// The state that the word stands for.
    #[must_use]
    pub fn state(&self) -> Option<ReceiptState> {
        Some(match self.stat.as_deref()? {
            "ENROUTE" => ReceiptState::Sending,
            // Read by somebody on the subscriber's behalf: the network has it, the handset may not.
            "ACCEPTD" | "UNKNOWN" => ReceiptState::Sent,
            "DELIVRD" => ReceiptState::Delivered,
            "EXPIRED" | "UNDELIV" | "DELETED" => ReceiptState::Undelivered,
            "REJECTD" => ReceiptState::Failed,
            _ => return None,
        })
    }

    /// The state's word, with the network's code where there is one.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        let stat = self.stat.as_deref()?;
        Some(self.err.as_deref().map_or_else(|| stat.to_owned(), |err| format!("{stat} {err}")))
    }
}

/// Where a field's name begins, at the beginning of a word.
fn place(text: &str, name: &str) -> Option<usize> {
    let begins = |place: usize| text[..place].chars().next_back().is_none_or(char::is_whitespace);
    text.match_indices(name).map(|(place, _)| place).find(|place| begins(*place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const USUAL: &str = "id:0123456789 sub:001 dlvrd:001 submit date:2611241500 done date:2611241501 stat:DELIVRD err:000 text:Hi id:7 stat:X";

    #[test]
    fn the_usual_form_is_read_and_so_are_its_cousins() {
        let told = Told::read(USUAL);
        assert_eq!(told, Told { id: Some("0123456789".to_owned()), stat: Some("DELIVRD".to_owned()), err: None });
        assert_eq!(told.state(), Some(ReceiptState::Delivered));
        let told = Told::read("Stat:undeliv ERR:011 ID:a-b Text:");
        assert_eq!((told.id.as_deref(), told.code().as_deref()), (Some("a-b"), Some("UNDELIV 011")));
        assert_eq!(Told::read("id: sub:001 stat:EXPIRED").id, None);
        assert_eq!(Told::read("id:1 stat:YODELLED").state(), None);
        assert_eq!(Told::read("your bid:5 is text: id:3"), Told::default());
        assert_eq!(Told::read(""), Told::default());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            let _ = Told::read(&text).state();
        }

        #[test]
        fn a_text_that_is_nearly_right_ends_nothing(place in 0..USUAL.len(), byte: u8, cut in 0..USUAL.len()) {
            let mut bytes = USUAL.as_bytes().to_vec();
            bytes[place] = byte;
            bytes.truncate(cut + 1);
            let told = Told::read(&String::from_utf8_lossy(&bytes));
            prop_assert!(told.id.is_none_or(|id| id.chars().count() <= 65));
        }
    }
}
