//! When a low balance is told: once for each fall below the mark, whoever looks and however often.
//!
//! | armed | the wallet | what happens |
//! |---|---|---|
//! | yes | below the mark | it is told, and disarmed |
//! | no | at the mark or above | it is armed |
//! | else | | nothing |
//!
//! Where nobody has said anything, the mark is [`BELOW`] and not armed: a workspace that never had so much has nothing to fall from.

use crate::money::Micros;

/// The mark where nobody has said anything: as much as the card page proposes for auto-recharge.
pub const BELOW: Micros = Micros(10_000_000);

/// Below which balance of the wallet a workspace is told, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// The mark; nothing while it is off.
    pub below: Option<Micros>,
    /// Whether owners and admins get an e-mail too.
    pub mails: bool,
    /// Whether the next balance below the mark is told.
    pub armed: bool,
}

impl Default for Notice {
    fn default() -> Self {
        Self { below: Some(BELOW), mails: true, armed: false }
    }
}

/// What a look at the wallet shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nothing to do.
    Still,
    /// It is below the mark for the first time: to be told.
    Fallen(Micros),
    /// It is at the mark or above again.
    Risen,
}

impl Notice {
    /// What the balance means.
    #[must_use]
    pub fn seen(&self, wallet: Micros) -> Seen {
        match self.below {
            Some(below) if self.armed && wallet < below => Seen::Fallen(below),
            Some(below) if !self.armed && wallet >= below => Seen::Risen,
            _ => Seen::Still,
        }
    }

    /// The notice after what [`Self::seen`] has shown was done.
    #[must_use]
    pub fn after(self, seen: Seen) -> Self {
        match seen {
            Seen::Still => self,
            Seen::Fallen(_) => Self { armed: false, ..self },
            Seen::Risen => Self { armed: true, ..self },
        }
    }

    /// The notice as somebody wants it from now on. Another mark is another question: a balance that is below it already is told.
    /// The same mark, saved again, tells nothing twice.
    #[must_use]
    pub fn set(before: Option<Self>, below: Option<Micros>, mails: bool) -> Self {
        let same = before.filter(|before| before.below == below);
        Self { below, mails, armed: same.map_or(below.is_some(), |before| before.armed) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MARK: Micros = Micros(10);

    fn notice(below: Option<Micros>, armed: bool) -> Notice {
        Notice { below, mails: true, armed }
    }

    #[test]
    fn a_fall_is_told_and_the_mark_itself_is_not_below() {
        let cases = [
            (Some(MARK), true, 9, Seen::Fallen(MARK)),
            (Some(MARK), true, 10, Seen::Still),
            (Some(MARK), false, 9, Seen::Still),
            (Some(MARK), false, 10, Seen::Risen),
            (None, true, 0, Seen::Still),
            (None, false, 99, Seen::Still),
        ];
        for (below, armed, wallet, seen) in cases {
            assert_eq!(notice(below, armed).seen(Micros(wallet)), seen, "{below:?} {armed} {wallet}");
        }
    }

    #[test]
    fn who_never_had_the_default_has_nothing_to_fall_from() {
        assert_eq!(Notice::default().seen(Micros::ZERO), Seen::Still);
    }

    #[test]
    fn another_mark_is_armed_and_the_same_one_stays_as_it_is() {
        let told = Some(notice(Some(MARK), false));
        assert!(!Notice::set(told, Some(MARK), false).armed);
        assert!(Notice::set(told, Some(Micros(20)), true).armed);
        assert!(Notice::set(None, Some(BELOW), true).armed, "who says it expressly wants to know it now");
        assert!(!Notice::set(told, None, true).armed);
        assert!(Notice::set(Some(notice(None, false)), Some(MARK), true).armed);
    }

    proptest! {
        /// Two tellings have a balance at or above the mark between them, whatever the wallet does.
        #[test]
        fn between_two_tellings_the_wallet_was_at_the_mark(wallets in proptest::collection::vec(0i64..20, 0..60)) {
            let (mut at, mut risen) = (notice(Some(MARK), true), true);
            for wallet in wallets {
                let seen = at.seen(Micros(wallet));
                risen |= wallet >= MARK.0;
                if let Seen::Fallen(_) = seen {
                    prop_assert!(risen && wallet < MARK.0);
                    risen = false;
                }
                at = at.after(seen);
            }
        }
    }
}
