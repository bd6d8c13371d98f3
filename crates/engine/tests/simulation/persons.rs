//! What becomes of persons: two contacts turn out to be one, somebody is to be thought of later, somebody is erased, and may be
//! written down again.

use engine::Engine;
use engine::contacts::{ContactError, NewContact};
use engine::erasing::{EraseError, Erasure, Person};
use engine::idempotency::IdempotencyKey;
use engine::merging::{Merge, MergeError, Merged, Side};
use engine::reminders::{NewReminder, When};
use jiff::SignedDuration;

use crate::rows;
use crate::simulation::asking::surely;
use crate::simulation::model::Both;
use crate::simulation::world::World;

/// The list of those who were erased, in the model alone: to them nothing goes.
const ERASED: &str = "erased";

impl World {
    /// Somebody, and more often one to whom something runs.
    fn somebody_busy(&mut self, house: usize) -> usize {
        let run = if self.dice.happens(60) { self.open_run(house) } else { None };
        match run {
            Some(nth) => self.houses[house].books.runs[nth].contact,
            None => self.somebody(house),
        }
    }

    /// Two contacts are merged, half of the time by what a preview has shown.
    pub(crate) async fn merge(&mut self, house: usize) {
        let (keep, take) = (self.somebody_busy(house), self.somebody_busy(house));
        if keep == take {
            return;
        }
        let of = &self.houses[house];
        let (actor, place) = (of.actor.clone(), self.street.tape().place());
        let [ours, theirs] = [keep, take].map(|nth| of.books.contacts[nth].id);
        let goes_on = self.dice.pick(&Side::ALL).unwrap();
        let mut asked = Merge { keep: ours, take: theirs, theirs: Vec::new(), goes_on, seen: None };
        if self.dice.happens(50) {
            let look = async |engine: Engine| engine.merge_preview(&actor, asked.clone()).await;
            asked.seen = Some(surely(&self.street, look).await.0.unwrap().seen);
        }
        for round in 0.. {
            let key = IdempotencyKey::parse(&format!("merge {house} {place} {round}")).unwrap();
            let actor = actor.clone().with_key(Some(key));
            let merge = async |engine: Engine| engine.merge_contacts(&actor, asked.clone()).await;
            match surely(&self.street, merge).await.0 {
                Ok(merged) => {
                    let falls = if goes_on == Side::Keep { take } else { keep };
                    return self.merged(house, (keep, take), falls, &merged).await;
                }
                // Something was sent since the preview.
                Err(MergeError::Changed(plan)) => asked.seen = Some(plan.seen),
                Err(MergeError::Nothing) => {
                    let contacts = &self.houses[house].books.contacts;
                    assert_eq!(contacts[keep].person, contacts[take].person, "two are not one");
                    return assert_eq!(contacts[take].reminder, None, "something is left to take over");
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The model agrees with what a merge has ended, and nothing runs that must not; `falls` is whose run ends where both have one.
    async fn merged(&mut self, house: usize, (keep, take): (usize, usize), falls: usize, merged: &Merged) {
        self.take_handed();
        let (workspace, place) = (self.houses[house].actor.workspace(), self.street.tape().place());
        let running = rows::running(self.street.store(), workspace).await;
        let runs = |id| running.iter().any(|(_, whose)| *whose == id);
        let books = &mut self.houses[house].books;
        let forbidden = books.forbidden_by(keep, take);
        assert!(!runs(books.contacts[keep].id.0) || !runs(books.contacts[take].id.0), "both go on");
        for ended in &merged.ended {
            let nth = books.runs.iter().position(|run| run.id == Some(ended.enrollment)).expect("a run is not known");
            let (run, both) = (&books.runs[nth], [keep, take].map(|who| !books.open_of(who).is_empty()));
            let back = Both { credits: ended.refunded.credits, micros: ended.refunded.micros.0 };
            assert!(run.stopped.is_none() && run.gives_back(back), "{back:?} came back of {run:#?}");
            let right = match &forbidden {
                Some(forbidden) if !forbidden.is_empty() => forbidden.contains(&run.contact),
                Some(_) => run.contact == falls && both == [true, true],
                None => true,
            };
            assert!(right, "{run:#?} ended by a merge of {keep} and {take}");
            books.runs[nth].stopped = Some(place);
            let forbids = forbidden.as_ref().is_none_or(|forbidden| forbidden.contains(&books.runs[nth].contact));
            books.runs[nth].causes.push(if forbids { "do_not_contact" } else { "removed" });
            self.street.tape().count("a merge ended a run");
        }
        for nth in forbidden.iter().flatten() {
            assert!(!runs(books.contacts[*nth].id.0), "{:?} may not be texted", books.contacts[*nth]);
            self.street.tape().count("a merge forbade a number");
        }
        books.merge(keep, take, forbidden, place);
        self.street.tape().count("two were merged");
    }

    /// Somebody is erased, with all contacts of the person; two others stay.
    pub(crate) async fn erase(&mut self, house: usize) {
        let nth = self.somebody_busy(house);
        let books = &self.houses[house].books;
        let all = books.everyone(nth);
        let others = (0..books.contacts.len()).filter(|other| !books.contacts[*other].gone && !all.contains(other));
        if others.count() < 2 {
            return;
        }
        let contact = &books.contacts[nth];
        let person =
            if self.dice.happens(50) { Person::Contact(contact.id) } else { Person::Phone(contact.phone.clone()) };
        let (do_not_contact, place) = (self.dice.happens(30), self.street.tape().place());
        let (erasure, key) = (Erasure { person, do_not_contact }, format!("erase {house} {place}"));
        let actor = self.houses[house].actor.clone();
        let erase = async |engine: Engine| engine.erase(&actor, erasure.clone(), Some(&key)).await;
        let job = match surely(&self.street, erase).await.0 {
            Err(EraseError::OnTheWay { .. }) => return self.street.tape().count("an erasure waited for a text"),
            job => job.unwrap(),
        };
        let place = self.street.tape().place();
        let books = &mut self.houses[house].books;
        books.stop("contact_deleted", |run| all.contains(&run.contact), place, place);
        for nth in &all {
            let contact = &mut books.contacts[*nth];
            contact.gone = true;
            contact.ban(ERASED, place);
            if do_not_contact {
                contact.ban("do_not_contact", place);
            }
            books.erased.push(contact.id);
        }
        if self.dice.happens(70) {
            let run = async |engine: Engine| engine.run_erasure(&actor, job.id).await;
            surely(&self.street, run).await.0.unwrap();
        } else {
            self.take_over(&actor, job.id).await;
        }
        self.street.tape().count(if all.len() > 1 { "a person of several was erased" } else { "somebody was erased" });
    }

    /// Somebody who was erased is written down again: a person of their own, of whom what was forbidden is forbidden still.
    pub(crate) async fn come_back(&mut self, house: usize) {
        let contacts = &self.houses[house].books.contacts;
        let erased: Vec<usize> = (0..contacts.len()).filter(|nth| contacts[*nth].is_on(ERASED)).collect();
        let Some(nth) = self.dice.pick(&erased) else { return };
        let (actor, phone) = (self.houses[house].actor.clone(), contacts[nth].phone.clone());
        let place = self.street.tape().place();
        let fields = vec![("Ref".to_owned(), "0".to_owned())];
        let new = NewContact { phone, region: None, name: None, fields, person: None };
        let create = async |engine: Engine| engine.create_contact(&actor, new.clone()).await;
        let id = match surely(&self.street, create).await.0 {
            Ok(contact) => contact.id,
            // They wrote meanwhile, or the answer was lost.
            Err(ContactError::PhoneTaken { contact }) => contact,
            Err(error) => panic!("{error}"),
        };
        let books = &mut self.houses[house].books;
        assert!(!books.erased.contains(&id), "an erased contact has its phone still");
        let person = books.new_person();
        let contact = &mut books.contacts[nth];
        (contact.id, contact.person, contact.gone, contact.reminder) = (id, person, false, None);
        contact.unban(ERASED, place);
        self.street.tape().count("somebody who was erased came back");
    }
    /// Somebody is to be thought of later, or no more.
    pub(crate) async fn remind(&mut self, house: usize) {
        let nth = self.somebody(house);
        let (actor, id) = (self.houses[house].actor.clone(), self.houses[house].books.contacts[nth].id);
        let before = self.houses[house].books.contacts[nth].reminder;
        let reminder = if before.is_some() && self.dice.happens(40) {
            let end = async |engine: Engine| engine.end_reminder(&actor, id).await;
            let (had, again) = surely(&self.street, end).await;
            assert!(had.unwrap() || again, "the reminder of {id} is lost");
            None
        } else {
            let hours = i64::try_from(1 + self.dice.below(100)).unwrap();
            let due = self.street.clock.now() + SignedDuration::from_hours(hours);
            let new = NewReminder { when: When::At(due), note: String::new(), workflow: None };
            let set = async |engine: Engine| engine.remind(&actor, id, new.clone()).await;
            surely(&self.street, set).await.0.unwrap();
            self.street.tape().count("a reminder was set");
            Some((due, false))
        };
        self.houses[house].books.contacts[nth].reminder = reminder;
    }

    /// What is due is told, once.
    pub(crate) async fn tell_reminders(&mut self, percent: usize) {
        if !self.dice.happens(percent) {
            return;
        }
        let mut now = self.street.clock.now();
        loop {
            surely(&self.street, async |engine: Engine| engine.tell_reminders().await).await.0.unwrap();
            if self.street.clock.now() == now {
                break;
            }
            now = self.street.clock.now();
        }
        for house in &mut self.houses {
            for contact in house.books.contacts.iter_mut().filter(|contact| !contact.gone) {
                if let Some((due, told @ false)) = &mut contact.reminder
                    && *due <= now
                {
                    *told = true;
                    house.books.told += 1;
                    self.street.tape().count("a reminder was told");
                }
            }
        }
    }
}
