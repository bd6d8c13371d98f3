//! Guessing passwords is slow: whoever was wrong some times waits, twice as long after each further time, up to a quarter of an hour.
//!
//! | counted for | free | because |
//! |---|---|---|
//! | an address from one network | 5 | one computer cannot guess one password; the owner elsewhere still gets in |
//! | an address | 30 | many computers cannot either |
//! | a network | 50 | one computer cannot try one password at many addresses; an office is one network |
//!
//! An attempt counts as wrong from its beginning, and is forgiven when it was right: else a thousand at one time would all be free.
//! Kept in memory: a guess must cost no write, and a second node doubles what an attacker may try, no more.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// How many may be wrong for an address from one network without a wait.
const FREE: u32 = 5;
/// For an address, wherever they come from.
const FREE_ADDRESS: u32 = 30;
/// From one network, for whatever addresses.
const FREE_NETWORK: u32 = 50;
/// The longest wait, and how long a wrong guess counts.
const LONGEST: SignedDuration = SignedDuration::from_mins(15);
/// Most counts that are kept; past it the older half is let go.
const MOST: usize = 30_000;

/// What was wrong, by whom it is counted for.
#[derive(Debug, Default)]
pub(crate) struct Guesses(Mutex<HashMap<Who, Wrong>>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    Pair(String, String),
    Address(String),
    Network(String),
}

impl Who {
    fn free(&self) -> u32 {
        match self {
            Self::Pair(..) => FREE,
            Self::Address(_) => FREE_ADDRESS,
            Self::Network(_) => FREE_NETWORK,
        }
    }
}

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

/// The part of a network address that one household or office cannot change at will.
fn network(from: &str) -> String {
    match from.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => {
            let prefix = address.to_bits() & !u128::from(u64::MAX);
            format!("{}/64", Ipv6Addr::from_bits(prefix))
        }
        _ => from.to_owned(),
    }
}

/// Nothing is counted for a network that is not known: it would be one for all.
fn all(email: &str, from: &str) -> Vec<Who> {
    let (email, network) = (email.trim().to_lowercase(), network(from));
    let mut all = vec![Who::Address(email.clone()), Who::Pair(email, network.clone())];
    if !network.is_empty() {
        all.push(Who::Network(network));
    }
    all
}

impl Guesses {
    /// Begins an attempt, which counts as wrong until [`Self::right`] forgives it; else says how long to wait.
    pub(crate) fn begin(&self, email: &str, from: &str, now: Timestamp) -> Result<(), SignedDuration> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = all(email, from);
        let until = |who: &Who| {
            known.get(who).filter(|wrong| !wrong.is_over(now)).map_or(Timestamp::MIN, |wrong| wrong.until(who.free()))
        };
        let until = all.iter().map(until).max().unwrap_or(Timestamp::MIN);
        if until > now {
            return Err(until.duration_since(now));
        }
        make_room(&mut known);
        for who in all {
            let wrong = known.entry(who).or_insert(Wrong { times: 0, last: now });
            *wrong = Wrong { times: if wrong.is_over(now) { 1 } else { wrong.times + 1 }, last: now };
        }
        Ok(())
    }

    /// The password was right: what was wrong for its address from there before is forgotten. What others tried stays.
    pub(crate) fn right(&self, email: &str, from: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for who in all(email, from) {
            if let Who::Pair(..) = who {
                known.remove(&who);
            } else if let Some(wrong) = known.get_mut(&who) {
                wrong.times = wrong.times.saturating_sub(1);
            }
        }
    }
}

/// Lets go of the older half when there are too many.
fn make_room(known: &mut HashMap<Who, Wrong>) {
    if known.len() < MOST {
        return;
    }
    let mut times: Vec<Timestamp> = known.values().map(|wrong| wrong.last).collect();
    let middle = times.len() / 2;
    let middle = *times.select_nth_unstable(middle).1;
    known.retain(|_, wrong| wrong.last > middle);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: &str = "ann@example.com";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn the_sixth_guess_waits_and_each_further_one_twice_as_long() {
        let guesses = Guesses::default();
        for _ in 0..FREE {
            assert_eq!(guesses.begin("Ann@example.com ", "10.0.0.1", at(0)), Ok(()));
        }
        let wait = |seconds| Err(SignedDuration::from_secs(seconds));
        assert_eq!(guesses.begin(ANN, "10.0.0.1", at(0)), wait(1));
        assert_eq!(guesses.begin(ANN, "10.0.0.2", at(0)), Ok(()), "the owner elsewhere is not locked out");
        assert_eq!(guesses.begin("bob@example.com", "10.0.0.1", at(0)), Ok(()));
        assert_eq!(guesses.begin(ANN, "10.0.0.1", at(1)), Ok(()));
        assert_eq!(guesses.begin(ANN, "10.0.0.1", at(1)), wait(2));
        assert_eq!(guesses.begin(ANN, "10.0.0.1", at(1 + 15 * 60)), Ok(()));
    }

    #[test]
    fn many_computers_wait_for_one_address_and_one_computer_for_many() {
        let guesses = Guesses::default();
        for nth in 0..FREE_ADDRESS {
            assert_eq!(guesses.begin(ANN, &format!("10.0.1.{nth}"), at(0)), Ok(()));
        }
        assert!(guesses.begin(ANN, "10.0.2.1", at(0)).is_err());
        for nth in 0..FREE_NETWORK {
            assert_eq!(guesses.begin(&format!("{nth}@example.com"), "2001:db8::1", at(0)), Ok(()));
        }
        assert!(guesses.begin("a@example.com", "2001:db8::2", at(0)).is_err(), "the same household");
        assert_eq!(guesses.begin("a@example.com", "2001:db8:0:1::2", at(0)), Ok(()));
    }

    #[test]
    fn a_right_password_forgives_what_was_wrong_before_from_there() {
        let guesses = Guesses::default();
        for _ in 0..FREE {
            guesses.begin(ANN, "10.0.0.1", at(0)).unwrap();
            guesses.begin(ANN, "10.0.0.9", at(0)).unwrap();
        }
        guesses.right("Ann@example.com", "10.0.0.1");
        assert_eq!(guesses.begin(ANN, "10.0.0.1", at(0)), Ok(()));
        assert!(guesses.begin(ANN, "10.0.0.9", at(0)).is_err());
    }

    #[test]
    fn whoever_floods_it_makes_it_forget_the_older_half_only() {
        let guesses = Guesses::default();
        for nth in 0..20_000 {
            guesses.begin(&format!("{nth}@example.com"), &format!("2001:db8:0:{nth:x}::1"), at(nth / 1_000)).unwrap();
        }
        for _ in 0..FREE {
            guesses.begin(ANN, "10.0.0.1", at(21)).unwrap();
        }
        for nth in 0..2_000 {
            guesses.begin(&format!("{nth}@example.org"), &format!("2001:db8:1:{nth:x}::1"), at(22)).unwrap();
        }
        assert!(guesses.begin(ANN, "10.0.0.1", at(21)).is_err());
        assert!(guesses.0.lock().unwrap().len() <= MOST + 2);
    }
}
