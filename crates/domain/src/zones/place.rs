//! Where a contact may be: the zones and rules of which every one must allow a send.
//!
//! | known | zones | rules |
//! |---|---|---|
//! | explicit zone | that zone | of the states known otherwise |
//! | ZIP | of the ZIP | of its state |
//! | state | of the state | of the state |
//! | area code of a place | of the area code | of its states |
//! | toll-free, unknown `+1` | everywhere in the country | federal (or Canada's) floor |
//! | other country | the workspace's | federal floor |
//!
//! The first line that is known counts. Where ZIP, state and area code name different states, the
//! zones and rules of each hold together: a person may have moved.

use serde::{Deserialize, Serialize};

use super::{UnknownZone, Zone};
use crate::areas::{self, Area};
use crate::phone::Phone;
use crate::rules::{self, RuleCode};
use crate::states::{self, State};
use crate::zip::{self, Mail};

/// What is known about where a contact is.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// A zone that was set on the contact.
    pub zone: Option<&'a str>,
    /// The state as typed; text that names no state is as good as none.
    pub state: Option<&'a str>,
    /// The ZIP or postal code as typed; text that is no known code is as good as none.
    pub zip: Option<&'a str>,
    /// The contact's number.
    pub phone: Phone,
}

/// What the zones were read from; the preview shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneSource {
    /// The contact's own zone field.
    Contact,
    /// The ZIP or postal code.
    Zip,
    /// The state field.
    State,
    /// The phone's area code.
    AreaCode,
    /// The phone may be anywhere in its country: toll-free or unknown area code.
    Country,
    /// Nothing is known: the workspace's zone.
    Workspace,
}

/// The zones and rules of which every one must allow a send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates {
    /// Never empty, each once.
    pub zones: Vec<Zone>,
    /// The likeliest zone: the one whose clock the preview shows and the enrollment's hour keeps.
    pub primary: Zone,
    /// What `primary` was read from.
    pub source: ZoneSource,
    /// Never empty, each once, sorted.
    pub rules: Vec<RuleCode>,
}

/// The zones and rules that may hold for a contact; the order of trust is the table above.
///
/// `workspace` is the zone of the workspace; where it is absent, unknown places count as anywhere
/// in the United States.
///
/// # Errors
/// The contact's explicit zone does not exist.
pub fn candidates(place: &Place<'_>, workspace: Option<&Zone>) -> Result<Candidates, UnknownZone> {
    let explicit = place.zone.map(str::trim).filter(|name| !name.is_empty()).map(Zone::named).transpose()?;
    let home = Home::of(place);
    let rules = home.rules();
    let (zones, primary, source) = match explicit {
        Some(zone) => (vec![zone.clone()], zone, ZoneSource::Contact),
        None => home.zones(workspace),
    };
    Ok(Candidates { zones, primary, source, rules })
}

/// Whether a number has an area code, and whether we know it.
#[derive(Clone, Copy)]
enum Code {
    Place(&'static Area),
    Anywhere(&'static str),
    Foreign,
}

/// What ZIP, state and area code say, each read once.
struct Home {
    mail: Option<&'static Mail>,
    state: Option<&'static State>,
    code: Code,
}

impl Home {
    fn of(place: &Place<'_>) -> Self {
        let mail = place.zip.and_then(zip::find);
        let state = place.state.and_then(states::read);
        let code = match place.phone.area_code().map(areas::find) {
            None => Code::Foreign,
            Some(None) => Code::Anywhere("US"),
            Some(Some(area)) if area.zones.is_empty() => Code::Anywhere(area.country),
            Some(Some(area)) => Code::Place(area),
        };
        Self { mail, state, code }
    }

    /// The state that was typed, where the ZIP does not say the same already.
    fn other_state(&self) -> Option<&'static State> {
        self.state.filter(|state| self.mail.is_none_or(|mail| mail.state != *state))
    }

    /// The area, where neither ZIP nor state lie in it.
    fn other_area(&self) -> Option<&'static Area> {
        let Code::Place(area) = self.code else { return None };
        let in_area = |state: &'static State| area.states.contains(&state);
        let stated = [self.mail.map(|mail| mail.state), self.state];
        (!stated.into_iter().flatten().any(in_area)).then_some(area)
    }

    /// The area, where it lies in the state of the ZIP or the stated one: it tells El Paso from Dallas.
    fn area_at_home(&self) -> Option<&'static Area> {
        let Code::Place(area) = self.code else { return None };
        self.other_area().is_none().then_some(area)
    }

    fn zones(&self, workspace: Option<&Zone>) -> (Vec<Zone>, Zone, ZoneSource) {
        let mail = self.mail.map(|mail| (mail.zones.as_slice(), ZoneSource::Zip));
        let state = self.other_state().map(|state| (state.zones.as_slice(), ZoneSource::State));
        let area = self.other_area();
        let area_zones = area.map(|area| (area.zones.as_slice(), ZoneSource::AreaCode));
        let mut zones: Vec<Zone> = Vec::new();
        let mut first = None;
        for (more, source) in [mail, state, area_zones].into_iter().flatten() {
            first = first.or(Some(source));
            zones.extend(more.iter().filter(|zone| !zones.contains(zone)).cloned().collect::<Vec<_>>());
        }
        match first {
            Some(ZoneSource::AreaCode) => {
                let primary = area.and_then(|area| area.primary.clone()).unwrap_or_else(|| zones[0].clone());
                (zones, primary, ZoneSource::AreaCode)
            }
            Some(source) => {
                let primary = self.area_at_home().and_then(|area| area.primary.as_ref());
                let primary = primary.filter(|zone| zones.contains(zone)).unwrap_or(&zones[0]).clone();
                (zones, primary, source)
            }
            None => self.nowhere(workspace),
        }
    }

    /// Zones where nothing names a place.
    fn nowhere(&self, workspace: Option<&Zone>) -> (Vec<Zone>, Zone, ZoneSource) {
        let anywhere = |country| {
            let zones = areas::anywhere(country).to_vec();
            let primary = workspace.unwrap_or(&zones[0]).clone();
            (zones, primary, ZoneSource::Country)
        };
        match (self.code, workspace) {
            (Code::Foreign, Some(zone)) => (vec![zone.clone()], zone.clone(), ZoneSource::Workspace),
            (Code::Anywhere(country), _) => anywhere(country),
            (Code::Foreign | Code::Place(_), _) => anywhere("US"),
        }
    }

    fn rules(&self) -> Vec<RuleCode> {
        let stated = self.mail.map(|mail| mail.state).into_iter().chain(self.state);
        let area = self.other_area();
        let area_states = area.into_iter().flat_map(|area| area.states.iter().copied());
        let mut codes: Vec<RuleCode> = stated.chain(area_states).flat_map(rules::of_state).collect();
        let abroad = area.is_some_and(|area| area.states.is_empty());
        if abroad {
            codes.push(rules::federal());
        }
        if codes.is_empty() {
            codes.push(self.floor());
        }
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    fn floor(&self) -> RuleCode {
        let canada = rules::find("CA").map(|rule| rule.code).filter(|_| matches!(self.code, Code::Anywhere("CA")));
        canada.unwrap_or_else(rules::federal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(phone: &str, zip: Option<&str>, state: Option<&str>) -> (Vec<&'static str>, Vec<&'static str>, ZoneSource) {
        let place = Place { zone: None, state, zip, phone: Phone::stored(phone).unwrap() };
        let found = candidates(&place, None).unwrap();
        assert!(found.zones.contains(&found.primary));
        (
            found.zones.iter().map(Zone::name).collect(),
            found.rules.iter().map(|code| code.as_str()).collect(),
            found.source,
        )
    }

    const NY: &str = "America/New_York";
    const CHICAGO: &str = "America/Chicago";

    #[test]
    fn the_nearest_knowledge_counts() {
        use ZoneSource::{AreaCode, State, Zip};
        assert_eq!(of("+13055550134", None, None), (vec![NY], vec!["US", "US-FL"], AreaCode));
        assert_eq!(of("+18505550134", None, None), (vec![CHICAGO, NY], vec!["US", "US-FL"], AreaCode));
        assert_eq!(of("+18505550134", None, Some("florida")), (vec![NY, CHICAGO], vec!["US", "US-FL"], State));
        assert_eq!(of("+18505550134", Some("32501"), Some("FL")), (vec![CHICAGO], vec!["US", "US-FL"], Zip));
        assert_eq!(of("+14165550134", None, None), (vec!["America/Toronto"], vec!["CA"], AreaCode));
        assert_eq!(of("+17875550134", None, None), (vec!["America/Puerto_Rico"], vec!["US"], AreaCode));
        assert_eq!(of("+18762101234", None, None), (vec!["America/Jamaica"], vec!["US"], AreaCode));
    }

    #[test]
    fn the_area_code_chooses_the_likeliest_zone_of_its_own_state_only() {
        let primary = |phone, state| {
            let place = Place { zone: None, state: Some(state), zip: None, phone: Phone::stored(phone).unwrap() };
            candidates(&place, None).unwrap().primary.name()
        };
        assert_eq!(primary("+19155550134", "TX"), "America/Denver");
        assert_eq!(primary("+12145550134", "TX"), CHICAGO);
        assert_eq!(primary("+13035550134", "TX"), CHICAGO);
    }

    #[test]
    fn a_state_other_than_the_area_codes_requires_both() {
        let (zones, rules, source) = of("+12125550134", None, Some("TX"));
        assert_eq!(
            (zones, rules, source),
            (vec![CHICAGO, "America/Denver", NY], vec!["US", "US-TX"], ZoneSource::State)
        );
        let (zones, rules, _) = of("+13055550134", Some("02901"), None);
        assert_eq!((zones, rules), (vec![NY], vec!["US", "US-FL", "US-RI"]));
        let (zones, rules, _) = of("+13055550134", Some("75001"), Some("Rhode Island"));
        assert_eq!((zones, rules), (vec![CHICAGO, NY], vec!["US", "US-FL", "US-TX", "US-RI"]));
        let (zones, rules, _) = of("+14165550134", None, Some("FL"));
        assert_eq!((zones, rules), (vec![NY, CHICAGO, "America/Toronto"], vec!["US", "US-FL", "CA"]));
        let (_, rules, _) = of("+18762101234", None, Some("Ontario"));
        assert_eq!(rules, ["US", "CA"]);
    }

    #[test]
    fn a_number_of_no_place_may_be_anywhere_unless_the_contact_says_where() {
        let (zones, rules, source) = of("+18005550134", None, None);
        assert_eq!((zones.len(), rules, source), (6, vec!["US"], ZoneSource::Country));
        assert_eq!(zones[4..], ["America/Anchorage", "Pacific/Honolulu"]);
        assert_eq!(of("+14575550134", None, None).0, zones, "an area code newer than the table");
        assert_eq!(of("+18005550134", None, Some("GA")), (vec![NY], vec!["US"], ZoneSource::State));
        assert_eq!(of("+16005550134", None, None).1, ["CA"]);
        assert_eq!(of("+18005550134", Some("09009"), Some("Bavaria")).2, ZoneSource::Country);
    }

    #[test]
    fn an_explicit_zone_counts_alone_and_must_exist() {
        let phone = Phone::stored("+13055550134").unwrap();
        let place = |zone| Place { zone: Some(zone), state: Some("TX"), zip: None, phone };
        let found = candidates(&place("america/denver"), None).unwrap();
        assert_eq!((found.zones.len(), found.primary.name(), found.source), (1, "America/Denver", ZoneSource::Contact));
        assert_eq!(found.rules.len(), 3);
        assert!(candidates(&place("America/Springfield"), None).is_err());
        assert_eq!(candidates(&place(" "), None).unwrap().source, ZoneSource::State);
    }

    #[test]
    fn the_workspaces_zone_counts_where_nothing_is_known() {
        let workspace = Zone::named("America/Denver").unwrap();
        let place = |phone| Place { zone: None, state: None, zip: None, phone: Phone::stored(phone).unwrap() };
        let foreign = candidates(&place("+447400123456"), Some(&workspace)).unwrap();
        assert_eq!((foreign.zones, foreign.source), (vec![workspace.clone()], ZoneSource::Workspace));
        let toll_free = candidates(&place("+18005550134"), Some(&workspace)).unwrap();
        assert_eq!((toll_free.zones.len(), toll_free.primary), (6, workspace));
    }
}
