//! What may go from a number now, in segments: by its own pace, its campaign's minute and its brand's day.
//!
//! A claim loads the meters, asks before each message, counts each that goes, and saves what was used. Claims of a workspace
//! are one at a time, so nothing is counted twice. A number that its campaign or brand holds back is put off until they have room again: what is
//! due is looked for by the numbers' own pace.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::forecast::{Meter, Unit};
use domain::ids::{BrandId, CampaignId, NumberId};
use domain::pace::{Day, Pace};
use domain::registration;
use jiff::{SignedDuration, Timestamp};
use store::numbers::Number;
use store::registrations::{self, Limits};
use store::workspaces::Workspace;
use store::{Read, Tx};

use crate::beat::Beat;
use crate::claim::{earlier, later};
use crate::failure::Failure;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The meters of a workspace in one claim.
pub(crate) struct Meters {
    now: Timestamp,
    campaigns: BTreeMap<CampaignId, (BrandId, Pace)>,
    brands: BTreeMap<BrandId, Pace>,
    used: BTreeSet<CampaignId>,
}

impl Meters {
    /// Loads what the campaigns of these numbers have left.
    pub(crate) fn load(tx: &Tx<'_>, beat: &Beat, numbers: &[Number]) -> Result<Self, Failure> {
        let any = numbers.iter().any(|number| number.campaign.is_some());
        let limits = if any { registrations::limits(tx, beat.workspace)? } else { Vec::new() };
        let campaign = |row: &Limits| (row.campaign, (row.brand, minute_of(row)));
        let brand = |row: &Limits| (row.brand, day_of(row));
        Ok(Self {
            now: beat.now,
            campaigns: limits.iter().map(campaign).collect(),
            brands: limits.iter().map(brand).collect(),
            used: BTreeSet::new(),
        })
    }

    /// The most segments that may go from a number now, as far as can be said before their messages are known.
    pub(crate) fn room(&self, number: &Number) -> i64 {
        self.of(number).map(|pace| pace.allowed(self.now)).min().unwrap_or(i64::MAX)
    }

    /// When a message of so many segments may go from a number; nothing if it may go now.
    pub(crate) fn wait(&self, number: &Number, segments: i64) -> Option<Timestamp> {
        let free = self.of(number).filter(|pace| !pace.has_room(segments, self.now));
        // Never the present: whoever asks again must not find the same answer.
        free.map(|pace| pace.free_at(segments, self.now).max(later(self.now, SignedDuration::from_micros(1)))).max()
    }

    /// Counts a message that goes from a number.
    pub(crate) fn take(&mut self, number: &mut Number, segments: i64) {
        let own = pace_of(number).after(segments, self.now);
        (number.paced_until, number.day_start, number.day_count) =
            (own.paced_until, earlier(own.day_until, DAY), own.day_count);
        number.used_at = Some(self.now);
        let Some(campaign) = number.campaign else { return };
        let Some((brand, minute)) = self.campaigns.get_mut(&campaign) else { return };
        *minute = minute.after(segments, self.now);
        if let Some(day) = self.brands.get_mut(brand) {
            *day = day.after(segments, self.now);
        }
        self.used.insert(campaign);
    }

    /// Saves what was used of campaigns and brands.
    pub(crate) fn save(&self, tx: &mut Tx<'_>, beat: &Beat) -> Result<(), Failure> {
        let mut brands = BTreeSet::new();
        for campaign in &self.used {
            let (brand, minute) = self.campaigns[campaign];
            registrations::use_campaign(tx, beat.workspace, *campaign, minute.paced_until)?;
            brands.insert(brand);
        }
        for brand in brands {
            let day = self.brands[&brand];
            registrations::use_brand(tx, beat.workspace, brand, day.day_until, day.day_count)?;
        }
        Ok(())
    }

    /// The paces that a message of a number has to keep.
    fn of(&self, number: &Number) -> impl Iterator<Item = Pace> {
        let campaign = number.campaign.and_then(|id| self.campaigns.get(&id));
        let brand = campaign.and_then(|(brand, _)| self.brands.get(brand));
        [Some(pace_of(number)), campaign.map(|(_, minute)| *minute), brand.copied()].into_iter().flatten()
    }
}

/// The meters that the texts of each number pass, by their places in the list of them.
pub(crate) type Passed = HashMap<NumberId, Vec<usize>>;

/// All meters of a workspace, and which of them the texts of each number pass: for a forecast.
pub(crate) fn all(
    db: &Read<'_>,
    beat: &Beat,
    workspace: &Workspace,
    numbers: &[Number],
) -> Result<(Vec<Meter>, Passed), Failure> {
    let mut all = vec![Meter { pace: own_pace(workspace, beat.now), unit: Unit::Messages }];
    let mut put = |pace: Pace| {
        all.push(Meter { pace, unit: Unit::Segments });
        all.len() - 1
    };
    let (mut minutes, mut days) = (BTreeMap::new(), BTreeMap::new());
    for row in registrations::limits(db, beat.workspace)? {
        let day = *days.entry(row.brand).or_insert_with(|| put(day_of(&row)));
        minutes.insert(row.campaign, [put(minute_of(&row)), day]);
    }
    let of = numbers.iter().map(|number| {
        let shared = number.campaign.and_then(|campaign| minutes.get(&campaign));
        (number.id, [0, put(pace_of(number))].into_iter().chain(shared.into_iter().flatten().copied()).collect())
    });
    let of = of.collect();
    Ok((all, of))
}

/// The pace of a workspace, in messages.
pub(crate) fn own_pace(workspace: &Workspace, now: Timestamp) -> Pace {
    Pace {
        per_minute: workspace.messages_per_minute,
        per_day: 0,
        day: Day::Rolling,
        paced_until: workspace.paced_until,
        day_until: now,
        day_count: 0,
    }
}

fn pace_of(number: &Number) -> Pace {
    Pace {
        per_minute: number.messages_per_minute,
        per_day: number.messages_per_day,
        day: Day::Rolling,
        paced_until: number.paced_until,
        day_until: later(number.day_start, DAY),
        day_count: number.day_count,
    }
}

fn minute_of(row: &Limits) -> Pace {
    Pace {
        per_minute: row.segments_per_minute,
        per_day: 0,
        day: Day::Rolling,
        paced_until: row.paced_until,
        day_until: Timestamp::UNIX_EPOCH,
        day_count: 0,
    }
}

/// Nobody tells before a text whose customer the contact is: the brand's day is kept over all carriers, by T-Mobile's share of them.
fn day_of(row: &Limits) -> Pace {
    Pace {
        per_minute: 0,
        per_day: registration::over_all(row.day_segments, row.share),
        day: Day::Pacific,
        // The end of a full day is in the count.
        paced_until: Timestamp::UNIX_EPOCH,
        day_until: row.day_until,
        day_count: row.day_count,
    }
}
