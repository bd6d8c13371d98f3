//! The most that a template can cost over many contacts, from the longest value of each field.
//!
//! Looking at every contact for every key that is pressed would be dear with a million of them. The longest values are
//! kept once, and a template is filled with them: an upper bound, since no contact need have the longest of everything.
//! A text is UCS-2 as soon as one value is, so each field keeps its longest value of either kind.

use std::collections::BTreeMap;

use super::{Piece, Smart, Template, sendable};
use crate::gsm;
use crate::segments::{self, Counted};

/// The longest values of the fields of some contacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Longest {
    smart: Smart,
    contacts: usize,
    fields: BTreeMap<String, Values>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Values {
    /// How many contacts have one.
    given: usize,
    /// The one of most septets among those that GSM 03.38 holds.
    gsm: Option<(usize, String)>,
    /// The one of most UTF-16 units.
    any: Option<(usize, String)>,
    /// The one of most UTF-16 units among those that force UCS-2.
    foreign: Option<(usize, String)>,
}

/// What a message costs at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The text that costs most.
    pub text: String,
    /// Its count.
    pub counted: Counted,
    /// Fields that are needed, with how many of the contacts lack a value.
    pub missing: Vec<(String, usize)>,
}

/// Which of a field's values fills it.
#[derive(Clone, Copy)]
enum Fill<'k> {
    Gsm,
    Any,
    /// The one that forces UCS-2 for this field, the longest for the others.
    Foreign(&'k str),
}

impl Longest {
    /// Nobody's values yet; look-alikes are replaced or not, as they will be when it is sent.
    #[must_use]
    pub fn new(smart: Smart) -> Self {
        Self { smart, contacts: 0, fields: BTreeMap::new() }
    }

    /// Whether look-alikes were replaced before the values were measured.
    #[must_use]
    pub fn smart(&self) -> Smart {
        self.smart
    }

    /// How many contacts were added.
    #[must_use]
    pub fn contacts(&self) -> usize {
        self.contacts
    }

    /// Adds a contact by the keys and values of its fields. A blank value is none.
    pub fn add<'v>(&mut self, values: impl IntoIterator<Item = (&'v str, &'v str)>) {
        self.contacts += 1;
        for (key, value) in values {
            if value.trim().is_empty() {
                continue;
            }
            if !self.fields.contains_key(key) {
                self.fields.insert(key.to_owned(), Values::default());
            }
            if let Some(kept) = self.fields.get_mut(key) {
                kept.add(&sendable(value, self.smart));
            }
        }
    }

    fn given(&self, key: &str) -> usize {
        self.fields.get(key).map_or(0, |values| values.given)
    }
}

impl Values {
    fn add(&mut self, value: &str) {
        self.given += 1;
        let units = value.encode_utf16().count();
        longer(&mut self.any, units, value);
        match septets(value) {
            Some(septets) => longer(&mut self.gsm, septets, value),
            None => longer(&mut self.foreign, units, value),
        }
    }
}

fn septets(text: &str) -> Option<usize> {
    text.chars().map(gsm::units).sum()
}

fn longer(kept: &mut Option<(usize, String)>, units: usize, value: &str) {
    if kept.as_ref().is_none_or(|(most, _)| *most < units) {
        *kept = Some((units, value.to_owned()));
    }
}

impl Template {
    /// What this costs at most for the contacts whose values were kept; nothing if there were none.
    #[must_use]
    pub fn bound(&self, longest: &Longest) -> Option<Bound> {
        if longest.contacts == 0 {
            return None;
        }
        let variables = self.variables();
        let foreign = variables.iter().map(|one| Fill::Foreign(&one.key));
        let fills = [Fill::Gsm, Fill::Any].into_iter().chain(foreign);
        let most = fills
            .map(|fill| {
                let filled: String = self.pieces.iter().map(|piece| longest.filled(piece, fill)).collect();
                let text = sendable(&filled, longest.smart);
                let counted = segments::count(&text);
                (text, counted)
            })
            .max_by_key(|(_, counted)| (counted.segments, counted.units))?;
        let lacking = |one: &super::Variable| longest.contacts - longest.given(&one.key).min(longest.contacts);
        let needed = variables.iter().filter(|one| one.need == super::Need::Value && lacking(one) > 0);
        let missing = needed.map(|one| (one.field.clone(), lacking(one))).collect();
        Some(Bound { text: most.0, counted: most.1, missing })
    }
}

impl Longest {
    /// What fills a piece. The fallback stands for whoever lacks a value, and may cost more than every value.
    fn filled<'t>(&'t self, piece: &'t Piece, fill: Fill<'_>) -> &'t str {
        let (key, fallback) = match piece {
            Piece::Text(text) => return text,
            Piece::Variable { key, fallback, .. } => (key, fallback.as_deref()),
        };
        let fallback = fallback.filter(|_| self.given(key) < self.contacts);
        let kept = |of: fn(&Values) -> &Option<(usize, String)>| {
            self.fields.get(key).and_then(|values| of(values).as_ref()).map(|(_, value)| value.as_str())
        };
        let units = |text: &&str| text.encode_utf16().count();
        let any = || [kept(|values| &values.any), fallback].into_iter().flatten().max_by_key(units);
        let chosen = match fill {
            Fill::Gsm => {
                let plain = [kept(|values| &values.gsm), fallback].into_iter().flatten();
                plain.filter(|text| septets(&sendable(text, self.smart)).is_some()).max_by_key(|text| septets(text))
            }
            Fill::Foreign(field) if field == key => {
                let forces = |text: &&str| septets(&sendable(text, self.smart)).is_none();
                let foreign = [kept(|values| &values.foreign), fallback].into_iter().flatten().filter(forces);
                foreign.max_by_key(units).or_else(any)
            }
            Fill::Any | Fill::Foreign(_) => any(),
        };
        chosen.unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Fields;
    use super::*;

    fn template(text: &str) -> Template {
        Template::parse(text, &Fields::standard()).unwrap()
    }

    fn longest(contacts: &[&[(&'static str, &str)]]) -> Longest {
        let mut longest = Longest::new(Smart::On);
        for contact in contacts {
            longest.add(contact.iter().copied());
        }
        longest
    }

    #[test]
    fn a_short_name_that_forces_another_encoding_may_cost_more_than_a_long_one() {
        let text = "x".repeat(80);
        let contacts = longest(&[&[("firstname", "Bartholomew Alexander")], &[("firstname", "Łuk")]]);
        let bound = template(&format!("{{First Name}} {text}")).bound(&contacts).unwrap();
        assert!(bound.text.starts_with("Łuk"), "{}", bound.text);
        assert_eq!(bound.counted.segments, 2);
    }

    #[test]
    fn who_lacks_a_value_is_counted_unless_there_is_a_fallback() {
        let contacts = longest(&[&[("firstname", "Ann")], &[("firstname", "  ")], &[]]);
        let bound = template("{First Name}").bound(&contacts).unwrap();
        assert_eq!(bound.missing, [("First Name".to_owned(), 2)]);
        let bound = template("{First Name|dear customer}").bound(&contacts).unwrap();
        assert_eq!((bound.missing, bound.text.as_str()), (Vec::new(), "dear customer"));
        assert_eq!(template("a").bound(&longest(&[])), None);
    }

    proptest! {
        #[test]
        fn no_contact_costs_more_than_the_bound(
            people in prop::collection::vec(("[a-z€Ł“]{0,60}", "[a-z^ж]{0,90}"), 1..8),
            around in "[a-z]{1,120}",
        ) {
            let template = template(&format!("{around} {{First Name|friend}} {{City|ł}}"));
            let mut longest = Longest::new(Smart::On);
            let mut exact = template.worst_case(Smart::On);
            for (name, city) in &people {
                longest.add([("firstname", name.as_str()), ("city", city.as_str())]);
                exact.add(&|key: &str| match key { "firstname" => Some(name.as_str()), "city" => Some(city.as_str()), _ => None });
            }
            let bound = template.bound(&longest).unwrap();
            let worst = exact.worst().unwrap();
            prop_assert!(bound.counted.segments >= worst.counted.segments, "{bound:?} {worst:?}");
        }
    }
}
