//! How Stripe signs its calls: header `Stripe-Signature: t=SECONDS,v1=HEX[,v1=HEX…][,v0=…]`, each `v1` the HMAC-SHA256 of
//! `SECONDS.BODY` under the endpoint's secret.
//!
//! Source: Stripe's documentation, *Verify webhook signatures manually*. As in Stripe's own libraries any of several `v1` will do (a
//! secret that is being renewed), other schemes are not looked at, and only a time in the past can be too far away.

use aws_lc_rs::hmac;
use jiff::Timestamp;

use crate::payments::NotSigned;
use crate::signed::Secret;

/// How long ago a call may have been signed, in seconds.
pub const TOLERANCE: i64 = 300;
/// Most signatures that are looked at: two are usual.
const MOST: usize = 16;

/// Goes on only if the call was signed with the secret, not too long ago.
///
/// # Errors
/// If it was not.
pub fn verify(header: &str, secret: &Secret, body: &[u8], now: Timestamp) -> Result<(), NotSigned> {
    let (mut at, mut signatures) = (None::<&str>, Vec::new());
    for part in header.split(',') {
        match part.split_once('=') {
            Some(("t", seconds)) => at = at.or(Some(seconds)),
            Some(("v1", hex)) if signatures.len() < MOST => signatures.push(hex),
            _ => {}
        }
    }
    let seconds = at.ok_or(NotSigned::Unreadable)?;
    let signed: i64 = seconds.parse().map_err(|_| NotSigned::Unreadable)?;
    if signatures.is_empty() {
        return Err(NotSigned::Unreadable);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
    let message = [seconds.as_bytes(), b".", body].concat();
    // `hmac::verify` takes the same time wherever two codes differ.
    let fits = |text: &&str| bytes(text).is_some_and(|code| hmac::verify(&key, &message, &code).is_ok());
    if !signatures.iter().any(fits) {
        return Err(NotSigned::Wrong);
    }
    if now.as_second().saturating_sub(signed) > TOLERANCE {
        return Err(NotSigned::Old);
    }
    Ok(())
}

/// Lower-case hexadecimal digits as bytes, as Stripe writes them.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls with the verdict of Stripe's own libraries.
    const VECTORS: &str = include_str!("../../testdata/stripe_signatures.jsonl");

    #[derive(serde::Deserialize)]
    struct Vector {
        id: i64,
        why: String,
        header: String,
        secret: String,
        tolerance: i64,
        now: i64,
        raw_body: String,
        valid: bool,
    }

    #[test]
    fn every_call_is_judged_as_stripes_libraries_judge_it() {
        let vectors: Vec<Vector> = VECTORS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(vectors.len() > 20 && vectors.iter().any(|one| one.valid) && vectors.iter().any(|one| !one.valid));
        for one in vectors {
            assert_eq!(one.tolerance, TOLERANCE);
            let now = Timestamp::from_second(one.now).unwrap();
            let verdict = verify(&one.header, &Secret::new(one.secret), one.raw_body.as_bytes(), now);
            assert_eq!(verdict.is_ok(), one.valid, "vector {} ({}): {verdict:?}", one.id, one.why);
        }
    }

    #[test]
    fn what_is_wrong_is_told_apart() {
        let now = Timestamp::from_second(1_000).unwrap();
        let verify = |header: &str| verify(header, &Secret::new("whsec_x"), b"{}", now);
        for unreadable in ["", "t=1000", "v1=00", "t=x,v1=00", "v0=00,t=1000"] {
            assert_eq!(verify(unreadable), Err(NotSigned::Unreadable), "{unreadable}");
        }
        for wrong in ["t=1000,v1=", "t=1000,v1=0", "t=1000,v1=zz", "t=1000,v1=00"] {
            assert_eq!(verify(wrong), Err(NotSigned::Wrong), "{wrong}");
        }
    }
}
