//! Who may text US numbers: 10DLC brands and campaigns, and what they may send. A number that sends for an account at a carrier
//! texts +1 numbers only once its brand and its campaign are approved and it is assigned there; a toll-free number once it is verified.
//! The simulator reaches no network and needs nothing.
//!
//! What the carriers allow (SMS §2.7; AT&T per campaign and minute, T-Mobile per brand and Pacific day, in segments) depends on the
//! score that a brand was given. The tables are what is suggested; what is in force is what the workspace has noted.

use std::fmt;

use crate::phone::Phone;

/// How far a brand, a campaign or a number is with its registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Registration {
    /// Not handed in.
    Draft,
    /// Handed in, and not decided.
    Submitted,
    /// Approved.
    Approved,
    /// Refused, or it ran out.
    Rejected,
}

impl Registration {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Draft, Self::Submitted, Self::Approved, Self::Rejected];

    /// The word in database and API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }
}

/// What is known of a sending number and where it is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The number.
    pub number: Phone,
    /// Whether it sends for an account at a carrier; the simulator's do not.
    pub is_real: bool,
    /// How far the number itself is: assigned to its campaign, or verified.
    pub own: Registration,
    /// How far its campaign is, if it has one.
    pub campaign: Option<Registration>,
    /// How far that campaign's brand is.
    pub brand: Option<Registration>,
}

/// What a number lacks to text a +1 number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lack {
    /// It is in no campaign.
    Campaign,
    /// Its campaign is not approved.
    CampaignApproval,
    /// Its campaign's brand is not approved.
    BrandApproval,
    /// The carriers have not taken it into its campaign.
    Assignment,
    /// It is toll-free and not verified.
    Verification,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Campaign => "is in no registered campaign",
            Self::CampaignApproval => "is in a campaign that is not approved",
            Self::BrandApproval => "is of a brand that is not approved",
            Self::Assignment => "is not yet assigned to its campaign",
            Self::Verification => "is toll-free and not verified",
        })
    }
}

impl Standing {
    /// What it lacks to text this phone; nothing if it may.
    #[must_use]
    pub fn lack(&self, to: Phone) -> Option<Lack> {
        if is_plus_one(to) { self.lack_for_us() } else { None }
    }

    /// What it lacks to text +1 numbers; nothing if it may.
    #[must_use]
    pub fn lack_for_us(&self) -> Option<Lack> {
        if !self.is_real {
            return None;
        }
        if is_toll_free(self.number) {
            return (self.own != Registration::Approved).then_some(Lack::Verification);
        }
        match (self.campaign, self.brand) {
            (None, _) => Some(Lack::Campaign),
            (_, brand) if brand != Some(Registration::Approved) => Some(Lack::BrandApproval),
            (campaign, _) if campaign != Some(Registration::Approved) => Some(Lack::CampaignApproval),
            _ if self.own != Registration::Approved => Some(Lack::Assignment),
            _ => None,
        }
    }
}

fn is_plus_one(phone: Phone) -> bool {
    phone.area_code().is_some()
}

/// Whether a number is toll-free (NANP codes 800, 833, 844, 855, 866, 877 and 888).
#[must_use]
pub fn is_toll_free(phone: Phone) -> bool {
    phone.area_code().is_some_and(|area| [800, 833, 844, 855, 866, 877, 888].contains(&area))
}

/// What a class of brands may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// Which brands, in words.
    pub who: &'static str,
    /// Segments in a Pacific day to T-Mobile's customers, over all campaigns and senders of the brand.
    pub per_day: i64,
    /// Segments in a minute to AT&T's customers, for each campaign.
    pub per_minute: i64,
}

/// What the carriers allow by a brand's score, as published (T-Mobile's days by Twilio, support article 1260804800549; AT&T's minutes by
/// Telnyx, 10DLC rate limits, 2026; of sole proprietors only the day is published, and that was not seen there). Other pages differ at the
/// edges: what a brand was told counts.
pub const TIERS: &[Tier] = &[
    Tier { who: "score 75 to 100", per_day: 200_000, per_minute: 4_500 },
    Tier { who: "score 50 to 74", per_day: 40_000, per_minute: 2_400 },
    Tier { who: "score 25 to 49", per_day: 10_000, per_minute: 240 },
    Tier { who: "score 1 to 24", per_day: 2_000, per_minute: 240 },
    Tier { who: "low volume", per_day: 2_000, per_minute: 75 },
    Tier { who: "sole proprietor", per_day: 1_000, per_minute: 75 },
];

/// The share of T-Mobile's customers among contacts whose carrier is not known, in percent: what part of all that goes counts against its day.
pub const USUAL_SHARE: i64 = 40;

/// How many segments may go to all carriers in a day, so that about `per_day` of them are T-Mobile's; 0 for no limit.
#[must_use]
pub fn over_all(per_day: i64, share: i64) -> i64 {
    per_day.saturating_mul(100) / share.clamp(1, 100)
}

#[cfg(test)]
mod tests {
    use super::Registration::{Approved, Draft, Rejected, Submitted};
    use super::*;

    fn phone(text: &str) -> Phone {
        Phone::stored(text).unwrap()
    }

    fn standing(number: &str) -> Standing {
        Standing {
            number: phone(number),
            is_real: true,
            own: Approved,
            campaign: Some(Approved),
            brand: Some(Approved),
        }
    }

    #[test]
    fn a_local_number_needs_brand_campaign_and_its_own_place_in_it() {
        let (good, us) = (standing("+12125550100"), phone("+13055550101"));
        assert_eq!(good.lack(us), None);
        for state in [Draft, Submitted, Rejected] {
            assert_eq!(Standing { brand: Some(state), ..good }.lack(us), Some(Lack::BrandApproval));
            assert_eq!(Standing { campaign: Some(state), ..good }.lack(us), Some(Lack::CampaignApproval));
            assert_eq!(Standing { own: state, ..good }.lack(us), Some(Lack::Assignment));
        }
        assert_eq!(Standing { campaign: None, brand: None, ..good }.lack(us), Some(Lack::Campaign));
        let british = Standing { campaign: None, brand: None, ..standing("+447400123456") };
        assert_eq!(british.lack(us), Some(Lack::Campaign), "whoever texts +1 is registered");
        assert_eq!(british.lack(phone("+447400123457")), None);
    }

    #[test]
    fn toll_free_needs_its_verification_and_the_simulator_nothing() {
        let us = phone("+13055550101");
        let free = Standing { campaign: None, brand: None, ..standing("+18335550100") };
        assert_eq!(free.lack(us), None);
        assert_eq!(Standing { own: Submitted, ..free }.lack(us), Some(Lack::Verification));
        let nothing = Standing { is_real: false, own: Draft, campaign: None, brand: None, ..standing("+12125550100") };
        assert_eq!(nothing.lack(us), None);
    }

    #[test]
    fn a_share_of_the_day_is_a_multiple_over_all() {
        assert_eq!(
            [over_all(2_000, 40), over_all(2_000, 100), over_all(0, 40), over_all(1_000, 0)],
            [5_000, 2_000, 0, 100_000]
        );
    }
}
