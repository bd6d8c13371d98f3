//! Guessing passwords is slow: whoever was wrong five times waits, twice as long after each further time, up to a quarter of an hour.
//!
//! Counted for each address (so that many computers cannot guess one password) and for each network address (so that one computer cannot
//! guess many). Kept in memory: a guess must cost no write, and a second node doubles what an attacker may try, no more.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// How many may be wrong without a wait.
const FREE: u32 = 5;
/// One network address may stand for a whole office.
const FREE_FROM: u32 = 20;
/// The longest wait, and how long a wrong guess counts.
const LONGEST: SignedDuration = SignedDuration::from_mins(15);
/// Most addresses that are kept; past it the oldest are let go.
const MOST: usize = 20_000;

/// What was wrong, by address and by network address.
#[derive(Debug, Default)]
pub(crate) struct Guesses(Mutex<HashMap<String, Wrong>>);

#[derive(Debug, Clone, Copy)]
struct Wrong {
    times: u32,
    last: Timestamp,
}

impl Wrong {
    /// Until when the next guess waits.
    fn until(self, free: u32) -> Timestamp {
        let Some(over) = self.times.checked_sub(free) else { return Timestamp::MIN };
        let seconds = 2_i64.saturating_pow(over.min(20));
        self.last.saturating_add(SignedDuration::from_secs(seconds).min(LONGEST)).unwrap_or(Timestamp::MAX)
    }

    fn is_over(self, now: Timestamp) -> bool {
        now.duration_since(self.last) > LONGEST
    }
}

fn keys(email: &str, from: &str) -> [(String, u32); 2] {
    [(format!("a {}", email.trim().to_lowercase()), FREE), (format!("n {from}"), FREE_FROM)]
}

impl Guesses {
    /// Goes on if a guess may be made now; else says how long to wait.
    pub(crate) fn check(&self, email: &str, from: &str, now: Timestamp) -> Result<(), SignedDuration> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let until = |(key, free): (String, u32)| {
            known.get(&key).filter(|wrong| !wrong.is_over(now)).map_or(Timestamp::MIN, |wrong| wrong.until(free))
        };
        let until = keys(email, from).into_iter().map(until).max().unwrap_or(Timestamp::MIN);
        if until <= now { Ok(()) } else { Err(until.duration_since(now)) }
    }

    /// A guess was wrong.
    pub(crate) fn wrong(&self, email: &str, from: &str, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, wrong| !wrong.is_over(now));
        }
        if known.len() >= MOST {
            known.clear();
        }
        for (key, _) in keys(email, from) {
            let wrong = known.entry(key).or_insert(Wrong { times: 0, last: now });
            *wrong = Wrong { times: if wrong.is_over(now) { 1 } else { wrong.times + 1 }, last: now };
        }
    }

    /// A password was right: what was wrong for its address before is forgotten.
    pub(crate) fn right(&self, email: &str) {
        let [(address, _), _] = keys(email, "");
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn the_sixth_guess_waits_and_each_further_one_twice_as_long() {
        let guesses = Guesses::default();
        for _ in 0..FREE {
            assert_eq!(guesses.check("Ann@example.com", "10.0.0.1", at(0)), Ok(()));
            guesses.wrong("ann@example.com ", "10.0.0.1", at(0));
        }
        assert_eq!(guesses.check("ann@example.com", "10.0.0.2", at(0)), Err(SignedDuration::from_secs(1)));
        assert_eq!(guesses.check("bob@example.com", "10.0.0.1", at(0)), Ok(()));
        guesses.wrong("ann@example.com", "10.0.0.2", at(1));
        assert_eq!(guesses.check("ann@example.com", "10.0.0.2", at(1)), Err(SignedDuration::from_secs(2)));
        for _ in 0..30 {
            guesses.wrong("ann@example.com", "10.0.0.2", at(2));
        }
        assert_eq!(guesses.check("ann@example.com", "10.0.0.3", at(2)), Err(LONGEST));
        assert!(guesses.check("bob@example.com", "10.0.0.2", at(2)).is_err(), "one computer, many addresses");
        assert_eq!(guesses.check("ann@example.com", "10.0.0.3", at(2 + 15 * 60)), Ok(()));
    }

    #[test]
    fn a_right_password_forgives_what_was_wrong_before() {
        let guesses = Guesses::default();
        for _ in 0..FREE {
            guesses.wrong("ann@example.com", "10.0.0.1", at(0));
        }
        guesses.right("Ann@example.com");
        assert_eq!(guesses.check("ann@example.com", "10.0.0.1", at(0)), Ok(()));
    }
}
