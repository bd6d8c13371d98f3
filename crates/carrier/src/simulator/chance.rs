//! Chance without state: every draw is a hash of the seed, a key and the name of the question.
//!
//! So no draw depends on which other draws were made before it, or on which thread came first.
//! The mixing is SplitMix64 over words of eight bytes: stable over releases, not fit for secrets.

/// A 64-bit digest of the parts; `["ab", "c"]` and `["a", "bc"]` differ.
pub(super) fn digest(seed: u64, parts: &[&[u8]]) -> u64 {
    let mut hash = mix(seed);
    for part in parts {
        hash = mix(hash ^ part.len() as u64);
        for chunk in part.chunks(8) {
            let mut word = [0u8; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            hash = mix(hash ^ u64::from_le_bytes(word));
        }
    }
    hash
}

/// The finaliser of SplitMix64.
fn mix(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// All the luck of one submission.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chance(u64);

impl Chance {
    /// The luck of the `nth` submission (from 0) of the text with this digest.
    pub(super) fn of(text: u64, nth: u32) -> Self {
        Self(digest(text, &[&nth.to_le_bytes()]))
    }

    /// 64 even bits for the question; `nth` tells several of the same kind apart.
    pub(super) fn bits(self, question: &str, nth: u64) -> u64 {
        digest(self.0, &[question.as_bytes(), &nth.to_le_bytes()])
    }

    /// An even draw from 0 (included) to 1 (excluded).
    pub(super) fn unit(self, question: &str, nth: u64) -> f64 {
        (self.bits(question, nth) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Whether something of this rate (0 to 1) happens.
    pub(super) fn happens(self, question: &str, nth: u64, rate: f64) -> bool {
        rate > 0.0 && self.unit(question, nth) < rate
    }

    /// A whole number from `min` to `max`, both included.
    pub(super) fn between(self, question: &str, nth: u64, min: u64, max: u64) -> u64 {
        if max <= min {
            return min;
        }
        let width = max.saturating_sub(min).saturating_add(1);
        min + self.bits(question, nth) % width
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_kept_over_many_draws() {
        let hits = (0..10_000u32).filter(|nth| Chance::of(7, *nth).happens("reply", 0, 0.3)).count();
        assert!((2_800..3_200).contains(&hits), "{hits}");
        assert!(!(0..1_000).any(|nth| Chance::of(7, nth).happens("reply", 0, 0.0)));
        assert!((0..1_000).all(|nth| Chance::of(7, nth).happens("reply", 0, 1.0)));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(digest(1, &[b"ab", b"c"]), digest(1, &[b"a", b"bc"]));
        assert_ne!(digest(1, &[b"ab"]), digest(2, &[b"ab"]));
    }
}
