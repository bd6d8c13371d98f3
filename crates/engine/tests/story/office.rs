//! What people do: the customers' staff and the operator on their two visits a day, and contacts of their own accord.

use domain::ids::{EnrollmentId, WorkflowId};
use domain::money::Micros;
use domain::suppression::Suppression;
use engine::billing::Slip;
use engine::bulk::Selection;
use engine::doubts::{Doubts, Fate, MAX_LISTED};
use engine::enrolling::{EnrollError, EnrollRequest};
use engine::manual::SendError;
use engine::numbers::{NumberChange, NumberState};
use futures_util::future::join_all;

use crate::rows;
use crate::story::cast::{Person, Story};
use crate::story::log::{Ban, Run, Whose};
use crate::story::texts;

/// Every so many days a wave of contacts is started at once.
const WAVE_DAYS: i64 = 14;
/// After this day nobody new is started, so that the year is enough for all that runs.
const LAST_START: i64 = 260;
/// Newcomers of a wave, by customer: all have started once when the last wave has gone.
const NEWCOMERS: [usize; 2] = [40, 17];
/// Others that are asked in again with each wave.
const AGAIN: usize = 12;

impl Story {
    /// One visit; until the last day there is always something new.
    pub(crate) async fn visit(&mut self, day: i64, visit: i64, last_day: i64) {
        for customer in 0..self.customers.len() {
            self.open_numbers(customer).await;
            self.settle_doubts(customer).await;
            if day >= last_day {
                continue;
            }
            if visit == 0 {
                self.top_up(customer, day).await;
                if day % WAVE_DAYS == 3 && day <= LAST_START {
                    self.start_wave(customer, day).await;
                }
                self.change_workflows(customer, day).await;
                self.change_contacts(customer, day).await;
                self.change_terms(customer, day).await;
            }
            if day <= LAST_START && self.dice.happens(30) {
                self.start_one(customer).await;
            }
            if self.dice.happens(15) {
                self.remove_one(customer).await;
            }
            if self.dice.happens(40) {
                self.write_by_hand(customer, visit).await;
            }
            if self.dice.happens(25) {
                self.contact_writes(customer);
            }
        }
    }

    /// Numbers that a carrier had trouble with are set live again.
    async fn open_numbers(&mut self, customer: usize) {
        let actor = self.customers[customer].actor.clone();
        for number in self.engine.numbers(&actor).await.unwrap() {
            if number.state == "paused" {
                let live = NumberChange { state: Some(NumberState::Live), ..NumberChange::default() };
                self.engine.change_number(&actor, number.id, live).await.unwrap();
            }
        }
    }

    /// What only a person can settle: the carrier is rung up, and tells what became of it.
    pub(crate) async fn settle_doubts(&mut self, customer: usize) {
        let actor = self.customers[customer].actor.clone();
        for message in self.engine.doubts(&actor, Doubts::ForAPerson, None, MAX_LISTED).await.unwrap() {
            let attempt = store::messages::attempt(message.id, message.attempts);
            let (arrived, expired) = (self.simulator.texts_of(attempt), self.simulator.expired_of(attempt));
            let is_taken = arrived.unwrap() + expired.unwrap() > 0;
            let fate = if is_taken { Fate::Sent } else { Fate::NotSent };
            self.engine.settle_by_hand(&actor, message.id, fate).await.unwrap();
            self.log.settled += 1;
        }
    }

    /// Never enough for long: some starts must be refused.
    async fn top_up(&mut self, customer: usize, day: i64) {
        let slip = || Slip { note: "by hand".to_owned(), idempotency_key: None };
        let workspace = self.customers[customer].workspace();
        if day % WAVE_DAYS == 3 {
            let slip = Slip { idempotency_key: Some(format!("top-up {day}")), ..slip() };
            let amount = Micros(if customer == 0 { 1_200_000 } else { 500_000 });
            let first = self.engine.top_up(workspace, amount, slip.clone()).await.unwrap();
            assert_eq!(self.engine.top_up(workspace, amount, slip).await.unwrap(), first);
        }
        if day % 30 == 1 {
            self.engine.grant_credits(workspace, 60, slip()).await.unwrap();
        }
    }

    /// Gives contacts the numbers of their next runs as a field.
    async fn prepare(&mut self, customer: usize, people: &[Person], workflow: WorkflowId) {
        let of = &self.customers[customer];
        let edits = (self.log.runs.len()..).zip(people).map(|(run, person)| {
            let changes = vec![("Ref".to_owned(), Some(run.to_string()))];
            self.engine.edit_contact(&of.actor, person.contact, changes)
        });
        for edited in join_all(edits).await {
            edited.unwrap();
        }
        for person in people {
            let line = (of.workspace(), person.phone.clone());
            let place = self.log.place();
            self.log.runs.push(Run { line, contact: person.contact, workflow, place });
        }
    }

    async fn start_wave(&mut self, customer: usize, day: i64) {
        let Some(workflow) = self.dice.pick(&self.customers[customer].workflows) else { return };
        let mut people = Vec::new();
        for _ in 0..NEWCOMERS[customer] {
            let at = self.customers[customer].fresh;
            people.extend(self.customers[customer].people.get(at).cloned());
            self.customers[customer].fresh += 1;
        }
        for _ in 0..AGAIN {
            people.extend(self.dice.pick(&self.customers[customer].people));
        }
        people.sort_by_key(|person| person.contact);
        people.dedup_by_key(|person| person.contact);
        self.prepare(customer, &people, workflow).await;
        let actor = self.customers[customer].actor.clone();
        let chosen = Selection::These(people.iter().map(|person| person.contact).collect());
        let key = Some(format!("wave {day}"));
        let job = self.engine.enroll_many(&actor, workflow, chosen.clone(), key.clone()).await.unwrap();
        assert_eq!(self.engine.enroll_many(&actor, workflow, chosen, key).await.unwrap().id, job.id);
        let done = self.engine.run_job(&actor, job.id, |_| {}).await.unwrap();
        assert_eq!(self.engine.run_job(&actor, job.id, |_| {}).await.unwrap(), done);
        for item in self.engine.job_refusals(&actor, job.id, i64::MIN, 1_000).await.unwrap() {
            let refusals: Vec<serde_json::Value> = serde_json::from_str(&item.outcome.unwrap()).unwrap();
            refusals.iter().for_each(|refusal| self.log.refuse(refusal["code"].as_str().unwrap()));
        }
    }

    async fn start_one(&mut self, customer: usize) {
        let of = &self.customers[customer];
        let (Some(person), Some(workflow)) = (self.dice.pick(&of.people), self.dice.pick(&of.workflows)) else {
            return;
        };
        let actor = of.actor.clone();
        let run = self.log.runs.len();
        self.prepare(customer, std::slice::from_ref(&person), workflow).await;
        let steps = self.engine.workflow(&actor, workflow).await.unwrap().steps.len();
        let from_step = 1 + u8::try_from(self.dice.below(steps)).unwrap();
        let quote = match self.engine.quote(&actor, person.contact, workflow, from_step).await {
            Ok(preview) => Some(preview.id),
            Err(error) => return self.refused(error),
        };
        let request =
            EnrollRequest { contact: person.contact, workflow, from_step, quote, key: Some(format!("run {run}")) };
        let started = self.engine.enroll(&actor, request.clone()).await.unwrap();
        assert_eq!(self.engine.enroll(&actor, request).await.unwrap(), started, "the same key got another answer");
    }

    fn refused(&mut self, error: EnrollError) {
        let EnrollError::Refused(refusals) = error else { panic!("{error}") };
        refusals.iter().for_each(|refusal| self.log.refuse(refusal.code()));
    }

    async fn remove_one(&mut self, customer: usize) {
        let actor = self.customers[customer].actor.clone();
        let running = rows::running(self.engine.store(), actor.workspace()).await;
        let Some((enrollment, contact)) = self.dice.pick(&running) else { return };
        self.engine.remove(&actor, EnrollmentId(enrollment)).await.unwrap();
        let phone = self.customers[customer].people.iter().find(|person| person.contact.0 == contact);
        let line = (actor.workspace(), phone.unwrap().phone.clone());
        let arrived = self.arrived();
        self.log.stop(Whose::Line(line), arrived);
    }

    /// Pauses and edits; deletes and makes anew; copies.
    async fn change_workflows(&mut self, customer: usize, day: i64) {
        let actor = self.customers[customer].actor.clone();
        let Some(workflow) = self.dice.pick(&self.customers[customer].workflows) else { return };
        if day % 25 == 11 {
            let removal = self.engine.pause_workflow(&actor, workflow).await.unwrap();
            assert_eq!(self.engine.pause_preview(&actor, workflow).await.unwrap().contacts, 0, "{removal:?}");
            let before = self.engine.workflow(&actor, workflow).await.unwrap();
            let steps = before.steps.len();
            let input = texts::workflow(&mut self.dice, before.summary.workflow.name, steps);
            self.engine.edit_workflow(&actor, workflow, before.summary.workflow.version, input).await.unwrap();
        } else if day % 30 == 14 {
            let copy = self.engine.duplicate_workflow(&actor, workflow).await.unwrap().summary.workflow.id;
            self.engine.delete_workflow(&actor, workflow).await.unwrap();
            let workflows = &mut self.customers[customer].workflows;
            workflows.retain(|other| *other != workflow);
            workflows.push(copy);
        } else {
            return;
        }
        let arrived = self.arrived();
        self.log.stop(Whose::Workflow(workflow), arrived);
    }

    /// A contact of whom something runs.
    async fn somebody_running(&mut self, customer: usize) -> Option<Person> {
        let running = rows::running(self.engine.store(), self.customers[customer].workspace()).await;
        let (_, contact) = self.dice.pick(&running)?;
        self.customers[customer].people.iter().find(|person| person.contact.0 == contact).cloned()
    }

    /// Deletes one, bans one, lets one in again, renames one: what runs is frozen.
    async fn change_contacts(&mut self, customer: usize, day: i64) {
        let actor = self.customers[customer].actor.clone();
        let Some(person) = self.somebody_running(customer).await else { return };
        let line = (actor.workspace(), person.phone.clone());
        let arrived = self.arrived();
        if day % 15 == 7 {
            self.engine.delete_contact(&actor, person.contact).await.unwrap();
            let customer = &mut self.customers[customer];
            let at = customer.people.iter().position(|other| other.contact == person.contact).unwrap();
            customer.people.remove(at);
            customer.fresh -= usize::from(at < customer.fresh);
            self.log.stop(Whose::Line(line), arrived);
        } else if day % 10 == 4 {
            self.engine.suppress(&actor, person.contact, Suppression::DoNotContact).await.unwrap();
            self.log.stop(Whose::Line(line.clone()), arrived);
            self.log.ban(&line, Ban::DoNotContact, arrived);
        } else if day % 10 == 9 {
            let banned =
                |person: &&Person| self.log.is_banned(&(actor.workspace(), person.phone.clone()), Ban::DoNotContact);
            let Some(banned) = self.customers[customer].people.iter().find(banned).cloned() else { return };
            self.engine.unsuppress(&actor, banned.contact, Suppression::DoNotContact).await.unwrap();
            self.log.unban(&(actor.workspace(), banned.phone), Ban::DoNotContact, arrived);
        } else {
            let changes = vec![("First Name".to_owned(), Some(format!("Kim {day}")))];
            self.engine.edit_contact(&actor, person.contact, changes).await.unwrap();
        }
    }

    /// A new rate; once the end of a plan and its new start; a number that is slow for a month.
    async fn change_terms(&mut self, customer: usize, day: i64) {
        let (workspace, actor) = (self.customers[customer].workspace(), self.customers[customer].actor.clone());
        if day % 40 == 20 {
            let rate = Micros(10_000 + 1_500 * (day / 40));
            self.engine.change_rate(workspace, rate).await.unwrap();
        }
        if day == 110 || day == 140 {
            let slow = NumberChange { per_minute: Some(if day == 110 { 2 } else { 600 }), ..NumberChange::default() };
            let number = self.engine.numbers(&actor).await.unwrap()[0].id;
            self.engine.change_number(&actor, number, slow).await.unwrap();
        }
        if customer == 1 && day == 145 {
            self.engine.end_plan(workspace).await.unwrap();
            let arrived = self.arrived();
            self.log.stop(Whose::Workspace(workspace), arrived);
        }
        if customer == 1 && day == 147 {
            self.engine.start_plan(workspace).await.unwrap();
        }
    }

    /// In the evening a text often waits for the morning, and some leave before it goes.
    async fn write_by_hand(&mut self, customer: usize, visit: i64) {
        let actor = self.customers[customer].actor.clone();
        let Some(person) = self.dice.pick(&self.customers[customer].people) else { return };
        let body = texts::by_hand(self.log.manual.len());
        match self.engine.send_message(&actor, person.contact, &body).await {
            Ok(message) => {
                self.log.manual.push(message.id);
                if visit == 1 && self.dice.happens(20) {
                    let number = &self.customers[customer].numbers[0];
                    self.simulator.reply(&person.phone, number, "STOP", self.engine.now()).unwrap();
                }
            }
            Err(SendError::Suppressed(_)) => self.log.refuse("by hand: suppressed"),
            Err(SendError::InsufficientFunds) => self.log.refuse("by hand: funds"),
            Err(SendError::NoMessagingPlan) => self.log.refuse("by hand: plan"),
            Err(error) => panic!("{error}"),
        }
    }

    /// Somebody writes without having been texted, to any number of the customer; those who left may come back.
    fn contact_writes(&mut self, customer: usize) {
        let of = &self.customers[customer];
        let Some(number) = self.dice.pick(&of.numbers) else { return };
        let left = |person: &&Person| self.log.is_banned(&(of.workspace(), person.phone.clone()), Ban::OptedOut);
        let left: Vec<Person> = of.people.iter().filter(left).cloned().collect();
        let back = self.dice.happens(70);
        let (person, body) = match self.dice.pick(&left) {
            Some(person) if back => (person, "START"),
            _ => {
                let (body, _, _) = self.dice.pick(&texts::SAYINGS).unwrap();
                (self.dice.pick(&of.people).unwrap(), body)
            }
        };
        self.simulator.reply(&person.phone, &number, body, self.engine.now()).unwrap();
    }
}
