//! What becomes of two contacts that are merged: decided from what is known of them, for the preview and for the merge alike. Pure.

use std::collections::BTreeSet;

use domain::enrollment::StopReason;
use domain::suppression::Suppression;
use store::contacts::Contact;
use store::labels::Label;
use store::reminders::Reminder;

use super::facts::{Facts, Known, Number, Run};
use crate::contacts::get;
use crate::settings::Switch;

/// One of the two contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// The one that takes the other in.
    #[default]
    Keep,
    /// The one that is taken in.
    Take,
}

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Keep, Self::Take];

    /// The word of the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Take => "take",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|side| side.word() == word)
    }
}

/// A field that either has, and what both have in it afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its key.
    pub key: String,
    /// What the kept contact has in it.
    pub ours: Option<String>,
    /// What the contact has in it that is taken in.
    pub theirs: Option<String>,
    /// Whose value stays.
    pub from: Side,
}

impl Field {
    /// The value that stays.
    #[must_use]
    pub fn value(&self) -> &str {
        let value = if self.from == Side::Keep { &self.ours } else { &self.theirs };
        value.as_deref().unwrap_or_default()
    }

    /// The value that does not stay, where there are two.
    #[must_use]
    pub fn dropped(&self) -> Option<&str> {
        let other = if self.from == Side::Keep { &self.theirs } else { &self.ours };
        other.as_deref().filter(|_| self.differs())
    }

    /// Whether both have a value, and not the same.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.ours.is_some() && self.theirs.is_some() && self.ours != self.theirs
    }

    /// Whether the kept contact gets a value where it had none.
    #[must_use]
    pub fn fills(&self) -> bool {
        self.ours.is_none()
    }
}

/// A running enrollment that ends by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// To which number it runs.
    pub number: Number,
    /// Which it is, and what comes back.
    pub run: Run,
    /// Why it ends.
    pub reason: StopReason,
}

/// All that a merge does.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The contact that stays the person's record, as it is before.
    pub keep: Contact,
    /// The contact that is taken in, as it is before.
    pub take: Contact,
    /// All fields that either has, by key.
    pub fields: Vec<Field>,
    /// The labels that the kept contact gets; the other one has none afterwards.
    pub labels: Vec<Label>,
    /// Whether the contact that is taken in has labels.
    pub unlabels: bool,
    /// How many notes move.
    pub notes: i64,
    /// The reminder that stays, and whose it was: the earlier one.
    pub reminder: Option<(Reminder, Side)>,
    /// The reminder that goes.
    pub dropped_reminder: Option<Reminder>,
    /// What goes on, with the number that it runs to.
    pub going_on: Vec<(Number, Run)>,
    /// What ends, with its refund.
    pub ends: Vec<End>,
    /// Whether both are in a workflow, so that it may be chosen which one goes on.
    pub may_choose_run: bool,
    /// The numbers that come onto the do-not-contact list, as the person has opted out on another.
    pub listed: Vec<Number>,
    /// All numbers of the person, the kept contact's own first.
    pub numbers: Vec<Number>,
    /// Whether a reply from any of them ends what runs to the others.
    pub stop_person: Switch,
    /// Whether both are one person already.
    pub is_one_person: bool,
    /// Names what all of this was decided from.
    pub seen: String,
}

impl Plan {
    /// What becomes of them, with the values of these fields from the contact that is taken in.
    pub(super) fn of(facts: &Facts, theirs: &BTreeSet<String>, goes_on: Side) -> Self {
        let (keep, take) = (&facts.keep, &facts.take);
        let listed = listed(facts);
        let may_choose_run = keep.run().is_some() && take.run().is_some() && listed.is_empty();
        let ends = ends(facts, &listed, may_choose_run.then_some(goes_on));
        let numbers: Vec<Number> = keep.numbers.iter().chain(&take.numbers).cloned().collect();
        let going_on = numbers.iter().filter_map(|number| Some((number.clone(), number.run.clone()?)));
        let going_on = going_on.filter(|(_, run)| ends.iter().all(|end| end.run.enrollment != run.enrollment));
        let (reminder, dropped_reminder) = reminders(keep, take);
        Self {
            fields: fields(&keep.contact, &take.contact, theirs),
            labels: take.labels.iter().filter(|label| !keep.labels.contains(label)).cloned().collect(),
            unlabels: !take.labels.is_empty(),
            notes: take.notes,
            reminder,
            dropped_reminder,
            going_on: going_on.collect(),
            ends,
            may_choose_run,
            listed,
            numbers,
            stop_person: facts.stop_person,
            is_one_person: facts.is_one_person(),
            seen: facts.seen(),
            keep: keep.contact.clone(),
            take: take.contact.clone(),
        }
    }

    /// Whether there is nothing to do: the two are one already.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        let same = self.fields.iter().all(|field| field.ours == field.theirs);
        let moves = self.unlabels || self.notes > 0 || self.reminder.as_ref().is_some_and(|(_, of)| *of == Side::Take);
        self.is_one_person && same && !moves && self.dropped_reminder.is_none() && self.ends.is_empty()
    }

    /// Whether something is not kept, and so written into a note.
    #[must_use]
    pub fn drops(&self) -> bool {
        self.dropped_reminder.is_some() || self.fields.iter().any(Field::differs)
    }
}

fn fields(keep: &Contact, take: &Contact, theirs: &BTreeSet<String>) -> Vec<Field> {
    let keys: BTreeSet<&String> = keep.fields.iter().chain(&take.fields).map(|(key, _)| key).collect();
    let field = |key: &String| {
        let of = |contact: &Contact| get(&contact.fields, key).map(str::to_owned);
        let (ours, other) = (of(keep), of(take));
        let from = match (&ours, &other) {
            (None, _) => Side::Take,
            (Some(_), Some(_)) if theirs.contains(key) => Side::Take,
            _ => Side::Keep,
        };
        Field { key: key.clone(), ours, theirs: other, from }
    };
    keys.into_iter().map(field).collect()
}

/// The numbers that must not be texted any more: of two who were taken for two persons, one has opted out.
fn listed(facts: &Facts) -> Vec<Number> {
    let other = match (facts.keep.has_opted_out(), facts.take.has_opted_out()) {
        _ if facts.is_one_person() => return Vec::new(),
        (true, false) => &facts.take,
        (false, true) => &facts.keep,
        _ => return Vec::new(),
    };
    let is_free = |number: &&Number| !number.lists.contains(&Suppression::DoNotContact);
    other.numbers.iter().filter(is_free).cloned().collect()
}

fn ends(facts: &Facts, listed: &[Number], goes_on: Option<Side>) -> Vec<End> {
    let end = |number: &Number, reason| Some(End { run: number.run.clone()?, number: number.clone(), reason });
    let forbidden = listed.iter().filter_map(|number| end(number, StopReason::DoNotContact));
    let second = goes_on.and_then(|side| match side {
        Side::Keep => facts.take.numbers.first(),
        Side::Take => facts.keep.numbers.first(),
    });
    forbidden.chain(second.and_then(|number| end(number, StopReason::Removed))).collect()
}

fn reminders(keep: &Known, take: &Known) -> (Option<(Reminder, Side)>, Option<Reminder>) {
    let of = |side| move |reminder: &Reminder| (reminder.clone(), side);
    match (&keep.reminder, &take.reminder) {
        (Some(ours), Some(theirs)) if theirs.due_at < ours.due_at => (Some(of(Side::Take)(theirs)), Some(ours.clone())),
        (Some(ours), theirs) => (Some(of(Side::Keep)(ours)), theirs.clone()),
        (None, theirs) => (theirs.as_ref().map(of(Side::Take)), None),
    }
}
