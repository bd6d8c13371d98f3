//! Which of our numbers texts a contact, and where the contact may be.
//!
//! Assignment is sticky: the number that the contact knows, as long as it is not lost. A new contact
//! gets the number with the same area code, else of the same state, else the one with the fewest
//! contacts.

use domain::ids::{CarrierId, NumberId};
use domain::phone::Phone;
use domain::quote::Sender;
use domain::refusal::Unready;
use domain::registration::{Registration, Standing};
use domain::zones::{self, Candidates, Place, Zone};
use domain::{areas, states};
use store::Tx;
use store::contacts::{self, Contact};
use store::numbers::{self, Number};

use crate::beat::Beat;
use crate::failure::Failure;

/// Where a contact may be, by its fields `zone`, `state` and `zip`, its phone, or the workspace's zone.
pub(crate) fn place(contact: &Contact, workspace_zone: &str) -> Result<Candidates, Failure> {
    let field = |key: &str| contact.fields.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    let phone = Phone::stored(&contact.phone);
    let phone = phone.ok_or_else(|| Failure::Stored(format!("{} has the phone {:?}", contact.id, contact.phone)))?;
    let workspace = Zone::named(workspace_zone).map_err(|error| Failure::Stored(error.to_string()))?;
    // A zone that does not exist is refused where contacts are written; an old one falls back to the rest.
    let zone = field("timezone").filter(|name| Zone::named(name).is_ok());
    let place = Place { zone, state: field("state"), zip: field("zip"), phone };
    zones::candidates(&place, Some(&workspace)).map_err(|error| Failure::Stored(error.to_string()))
}

/// The state or province of a phone's area code, as numbers keep it; empty if unknown.
pub(crate) fn region_of(phone: Phone) -> String {
    let area = phone.area_code().and_then(areas::find);
    area.and_then(|area| area.states.first()).map_or_else(String::new, |state| state.code.to_owned())
}

/// Chooses a number for a contact among those of the workspace; counts it as one more of its contacts.
pub(crate) fn choose(contact: &Contact, all: &mut [Number]) -> Result<Sender, Failure> {
    if let Some(own) = contact.number.and_then(|id| all.iter().find(|number| number.id == id))
        && own.state != "lost"
    {
        return ready(own, &contact.phone);
    }
    Ok(match best(contact, all)? {
        None => Sender::None,
        Some(place) => {
            all[place].contacts += 1;
            ready(&all[place], &contact.phone)?
        }
    })
}

/// The number that takes a contact over from a lost one: a paused one where none is live, but none that waits for its
/// registration, as that may never come. Counts it as one more of its contacts.
pub(crate) fn inherit(contact: &Contact, all: &mut [Number]) -> Result<Option<NumberId>, Failure> {
    let Some(place) = best(contact, all)? else { return Ok(None) };
    if standing(&all[place])?.lack(to_phone(&contact.phone)?).is_some() {
        return Ok(None);
    }
    all[place].contacts += 1;
    Ok(Some(all[place].id))
}

/// The place of the number that suits a contact best: registered ones before others, of those live ones before paused ones.
fn best(contact: &Contact, all: &[Number]) -> Result<Option<usize>, Failure> {
    let phone = to_phone(&contact.phone)?;
    let area = phone.area_code().map(i64::from);
    let field = contact.fields.iter().find(|(key, _)| key == "state").and_then(|(_, value)| states::read(value));
    let region = field.map_or_else(|| region_of(phone), |state| state.code.to_owned());
    let mut best = None;
    for (place, number) in all.iter().enumerate().filter(|(_, number)| number.state != "lost") {
        let same_area = number.area.is_some() && number.area == area;
        let same_region = !region.is_empty() && number.region == region;
        let lacks = standing(number)?.lack(phone).is_some();
        let rank = (lacks, number.state != "live", !same_area, !same_region, number.contacts, number.id);
        if best.is_none_or(|(other, _)| rank < other) {
            best = Some((rank, place));
        }
    }
    Ok(best.map(|(_, place)| place))
}

fn ready(number: &Number, to: &str) -> Result<Sender, Failure> {
    Ok(match unready(number, to)? {
        None => Sender::Ready(number.id),
        Some(why) => Sender::NotReady { phone: number.phone.clone(), why },
    })
}

/// Why a number does not text this phone now; nothing if it does.
pub(crate) fn unready(number: &Number, to: &str) -> Result<Option<Unready>, Failure> {
    if number.state != "live" {
        return Ok(Some(Unready::State(number.state.clone())));
    }
    Ok(standing(number)?.lack(to_phone(to)?).map(Unready::Unregistered))
}

fn to_phone(stored: &str) -> Result<Phone, Failure> {
    Phone::stored(stored).ok_or_else(|| Failure::Stored(format!("{stored:?} is no phone")))
}

/// Where a number stands with the carriers. What is no account's name is built in, and reaches no network.
pub(crate) fn standing(number: &Number) -> Result<Standing, Failure> {
    let unreadable = || Failure::Stored(format!("the number {} is registered in no way that is known", number.id));
    let word = |word: &str| Registration::from_word(word).ok_or_else(unreadable);
    Ok(Standing {
        number: Phone::stored(&number.phone).ok_or_else(unreadable)?,
        is_real: number.carrier.parse::<CarrierId>().is_ok(),
        own: word(&number.registration)?,
        campaign: number.campaign_state.as_deref().map(word).transpose()?,
        brand: number.brand_state.as_deref().map(word).transpose()?,
    })
}

/// Chooses and saves the number of one contact.
pub(crate) fn assign_one(tx: &mut Tx<'_>, beat: &Beat, contact: &Contact) -> Result<Sender, Failure> {
    let mut all = numbers::lock(tx, beat.workspace)?;
    let sender = choose(contact, &mut all)?;
    if let Sender::Ready(number) = sender {
        save(tx, beat, &[(contact, number)])?;
    }
    Ok(sender)
}

/// Saves new assignments, and counts them at their numbers; the numbers before have one contact fewer.
pub(crate) fn save(tx: &mut Tx<'_>, beat: &Beat, chosen: &[(&Contact, NumberId)]) -> Result<(), Failure> {
    let new: Vec<_> = chosen.iter().filter(|(contact, number)| contact.number != Some(*number)).collect();
    let rows: Vec<_> = new.iter().map(|(contact, number)| (contact.id, *number)).collect();
    contacts::assign(tx, beat.workspace, &rows)?;
    let mut loads = std::collections::BTreeMap::<NumberId, i64>::new();
    for (contact, number) in new {
        *loads.entry(*number).or_default() += 1;
        if let Some(before) = contact.number {
            *loads.entry(before).or_default() -= 1;
        }
    }
    for (number, count) in loads {
        numbers::load(tx, beat.workspace, number, count)?;
    }
    Ok(())
}
