//! The text of a secret that finds its row: `<workspace>_<row>_<secret>`, the two identifiers without their prefixes and 256 bits
//! in hexadecimal. Only the SHA-256 of the secret is stored; with that many bits a slow hash would add nothing.

use std::hint::black_box;

use domain::ids::WorkspaceId;
use sha2::{Digest as _, Sha256};

/// Hexadecimal digits of a secret.
const SECRET_DIGITS: usize = 64;

/// The token of a row.
pub(crate) fn text(workspace: WorkspaceId, row: i64, secret: &str) -> String {
    // Identifiers differ in their prefix alone.
    let digits = |id: i64| WorkspaceId(id).to_string()[WorkspaceId::PREFIX.len() + 1..].to_owned();
    format!("{}_{}_{secret}", digits(workspace.0), digits(row))
}

/// Reads a token: the workspace, the row, the secret.
pub(crate) fn parse(token: &str) -> Option<(WorkspaceId, i64, &str)> {
    let mut parts = token.split('_');
    let (workspace, row, secret) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !is_secret(secret) {
        return None;
    }
    let id = |digits: &str| format!("{}_{digits}", WorkspaceId::PREFIX).parse::<WorkspaceId>().ok();
    Some((id(workspace)?, id(row)?.0, secret))
}

/// Whether a text has the form of a secret.
pub(crate) fn is_secret(text: &str) -> bool {
    text.len() == SECRET_DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The hash of a secret, as it is stored.
pub(crate) fn hash(secret: &str) -> String {
    let digest = Sha256::digest(secret.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares in a time that depends on the lengths alone.
pub(crate) fn same(a: &str, b: &str) -> bool {
    let differences = a.bytes().zip(b.bytes()).fold(0u8, |sum, (a, b)| black_box(sum | (a ^ b)));
    a.len() == b.len() && black_box(differences) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_anything_else_does_not() {
        let secret = "0123456789abcdef".repeat(4);
        let whole = text(WorkspaceId(42), 7, &secret);
        assert_eq!(whole, format!("000000000001a_0000000000007_{secret}"));
        assert_eq!(parse(&whole), Some((WorkspaceId(42), 7, secret.as_str())));
        let upper = whole.replace("abcdef", "ABCDEF");
        for bad in [
            "",
            "_",
            "__",
            &whole[1..],
            &whole[..whole.len() - 1],
            &format!("{whole}_"),
            &upper,
            "\u{e9}_\u{e9}_\u{e9}",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn hashes_are_the_same_only_if_every_digit_is() {
        assert!(same("abc", "abc"));
        for (a, b) in [("abc", "abd"), ("abc", "bbc"), ("abc", "ab"), ("", "a")] {
            assert!(!same(a, b));
        }
        assert_eq!(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
