//! What happens now and then: somebody is deleted or gets onto a list behind everybody's back, a number is lost, a job loses its
//! process or its workflow, the machine's clock is set back.

use domain::ids::JobId;
use domain::suppression::Suppression;
use engine::contacts::ContactError;
use engine::numbers::{NumberChange, NumberState};
use engine::{Actor, Clock, Engine};
use jiff::SignedDuration;
use store::{DbError, Lane, Tx, contacts, suppressions};

use crate::simulation::asking::surely;
use crate::simulation::street::ENOUGH;
use crate::simulation::world::World;

/// A job that has not moved for so long has lost its node.
const STILL: SignedDuration = SignedDuration::from_secs(3);

impl World {
    /// Somebody who was not deleted.
    pub(crate) fn somebody(&mut self, house: usize) -> usize {
        let contacts = &self.houses[house].books.contacts;
        let there: Vec<usize> = (0..contacts.len()).filter(|nth| !contacts[*nth].gone).collect();
        self.dice.pick(&there).unwrap()
    }

    /// Somebody is deleted; two stay.
    pub(crate) async fn delete(&mut self, house: usize) {
        if self.houses[house].books.contacts.iter().filter(|contact| !contact.gone).count() < 3 {
            return;
        }
        let nth = self.somebody(house);
        let (actor, id) = (self.houses[house].actor.clone(), self.houses[house].books.contacts[nth].id);
        let delete = async |engine: Engine| engine.delete_contact(&actor, id).await;
        let (deleted, again) = surely(&self.street, delete).await;
        assert!(deleted.is_ok() || (again && matches!(deleted, Err(ContactError::Unknown))), "{deleted:?}");
        let place = self.street.tape().place();
        let books = &mut self.houses[house].books;
        books.stop("contact_deleted", |run| run.contact == nth, place, place);
        books.contacts[nth].gone = true;
        self.street.tape().count("a contact was deleted");
    }

    /// Somebody gets onto a list and nobody ends what runs to them: the claim has to see it.
    pub(crate) async fn list_behind(&mut self, house: usize) {
        let nth = self.somebody(house);
        let (workspace, id) = (self.houses[house].actor.workspace(), self.houses[house].books.contacts[nth].id);
        let now = self.street.clock.now();
        let add = move |tx: &mut Tx<'_>| {
            let hash = contacts::find(tx, workspace, id)?.unwrap().phone_hash;
            suppressions::add(tx, workspace, (hash, Some(id)), Suppression::ComplianceBlocked, "by hand", now).map(drop)
        };
        self.street.store().write::<_, DbError, _>(Lane::Normal, add).await.unwrap();
        let place = self.street.tape().place();
        self.houses[house].books.contacts[nth].ban("compliance_blocked", place);
        self.street.tape().count("somebody was listed behind everybody's back");
    }

    /// A workspace with two numbers loses one; what runs goes over to the other.
    pub(crate) async fn lose_number(&mut self, house: usize) {
        let of = &self.houses[house];
        if of.numbers.len() < 2 || of.lost.is_some() {
            return;
        }
        let (actor, (id, _)) = (of.actor.clone(), self.dice.pick(&of.numbers).unwrap());
        let change = NumberChange { state: Some(NumberState::Lost), ..NumberChange::default() };
        surely(&self.street, async |engine: Engine| engine.change_number(&actor, id, change).await).await.0.unwrap();
        self.houses[house].lost = Some(id);
        self.street.tape().count("a number was lost");
    }

    /// The process that began a job is gone; another takes it over.
    pub(crate) async fn take_over(&mut self, actor: &Actor, job: JobId) {
        self.street.tape().count("a job was taken over");
        for _ in 0..ENOUGH {
            self.street.clock.move_to(self.street.clock.now() + STILL);
            // What fails is told in a server's log.
            let engine = self.street.node().engine;
            let _ = (engine.resume_jobs(STILL).await, engine.resume_erasures(STILL).await);
            let ask = async |engine: Engine| engine.job(actor, job).await;
            if surely(&self.street, ask).await.0.unwrap().state == "done" {
                return;
            }
        }
        panic!("nobody takes over the job");
    }

    /// Somebody sets the machines' clock right, which was ahead.
    pub(crate) fn set_clock_back(&mut self) {
        let Clock::Manual(time) = &self.street.clock else { return };
        let by = SignedDuration::from_secs(i64::try_from(1 + self.dice.below(600)).unwrap());
        time.send_modify(|now| *now -= by);
        self.street.tape().count("a clock was set back");
    }
}
