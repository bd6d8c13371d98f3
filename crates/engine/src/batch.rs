//! Deciding about contacts for one workflow: what a preview, an enrollment and a bulk job share.
//!
//! One contact is the N = 1 case. The batch carries what the contacts before have left of credits,
//! wallet and room at the numbers, so that a bulk preview and the bulk job come to the same end.

use std::collections::HashMap;
use std::sync::Arc;

use domain::consent::{self, Said, Standing};
use domain::enrollment::StepPrice;
use domain::ids::{ContactId, EnrollmentId, NumberId, WorkflowId};
use domain::ledger::{self, Cause, Reason};
use domain::quote::{self, ContactFacts, Facts, Plan, Quote, Running, Sender, Terms};
use domain::refusal::Refusal;
use domain::suppression::Suppression;
use domain::workflow::Step;
use domain::zones::Candidates;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use store::contacts::Contact;
use store::enrollments::{self, NewEnrollment, Start};
use store::numbers::Number;
use store::workflows::{self, Workflow};
use store::{Read, Tx, consents, events, runs, suppressions};

use crate::beat::Beat;
use crate::facts::{self, Known, Steps};
use crate::failure::Failure;
use crate::senders;
use crate::settings::Switch;

/// Which messages: those of a workflow from one of them on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Course {
    pub(crate) workflow: WorkflowId,
    /// The first of them, from 1.
    pub(crate) from_step: u8,
}

impl Course {
    /// All of a workflow.
    pub(crate) fn whole(workflow: WorkflowId) -> Self {
        Self { workflow, from_step: 1 }
    }
}

/// What is known of the workspace and the workflow.
pub(crate) struct Batch {
    pub(crate) known: Known,
    pub(crate) workflow: Option<Workflow>,
    pub(crate) terms: Terms,
    pub(crate) numbers: Vec<Number>,
    steps: Option<Arc<Vec<Step>>>,
    from_step: u8,
    now: Timestamp,
}

/// What is known of the contacts at hand.
pub(crate) struct Around {
    running: HashMap<ContactId, Running>,
    suppressed: HashMap<i64, Vec<Suppression>>,
    /// The consents on record, by phone; nothing where the workspace does not ask for any.
    said: Option<HashMap<i64, Vec<Said>>>,
}

/// What a decision about one contact has to keep to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    /// Before which its first message is not due.
    pub(crate) not_before: Timestamp,
    pub(crate) shown: Shown,
}

/// What a person was shown for a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Nothing: it starts at the price that it has.
    Nothing,
    /// A start with these texts and segments, by their [`mark`].
    Start(u32),
    /// That it is refused.
    Refusal,
}

impl Bound {
    /// By nothing.
    pub(crate) const FREE: Self = Self { not_before: Timestamp::MIN, shown: Shown::Nothing };

    /// A quote that is not the one that was shown is no longer one.
    fn hold(self, decided: Result<Quote, Vec<Refusal>>) -> Result<Quote, Vec<Refusal>> {
        let quote = decided?;
        let is_shown = match self.shown {
            Shown::Nothing => true,
            Shown::Start(shown) => shown == mark(&quote),
            Shown::Refusal => false,
        };
        if is_shown { Ok(quote) } else { Err(vec![Refusal::QuoteChanged]) }
    }
}

/// Tells texts, segments and rate of a quote from those of another: wrong once in four thousand million. How credits and money share the
/// price is not in it: that hangs on who comes before.
pub(crate) fn mark(quote: &Quote) -> u32 {
    let mut digest = Sha256::new();
    digest.update(quote.rate.0.to_le_bytes());
    for step in &quote.steps {
        digest.update([step.step]);
        digest.update(step.price.segments.to_le_bytes());
        digest.update(step.text.len().to_le_bytes());
        digest.update(step.text.as_bytes());
    }
    let [a, b, c, d, ..]: [u8; 32] = digest.finalize().into();
    u32::from_le_bytes([a, b, c, d])
}

/// What was decided about one contact.
pub(crate) struct Decision {
    pub(crate) contact: ContactId,
    pub(crate) place: Option<Candidates>,
    pub(crate) result: Result<Quote, Vec<Refusal>>,
}

impl Around {
    /// What holds of a contact's consent, where the workspace asks for one.
    fn standing(&self, contact: &Contact, now: Timestamp) -> Option<Standing> {
        let said = self.said.as_ref()?.get(&contact.phone_hash);
        Some(consent::standing(said.into_iter().flatten().copied(), now))
    }
}

fn said(db: &Read<'_>, beat: &Beat, hashes: &[i64]) -> Result<HashMap<i64, Vec<Said>>, Failure> {
    let mut all = HashMap::<i64, Vec<Said>>::new();
    for (hash, said) in consents::said(db, beat.workspace, hashes)? {
        all.entry(hash).or_default().push(said);
    }
    Ok(all)
}

impl Batch {
    /// Loads the workspace, its balances and the workflow. `numbers` comes from the caller, who knows
    /// whether they must be locked.
    pub(crate) fn load(
        db: &Read<'_>,
        beat: &Beat,
        steps: &Steps,
        course: Course,
        available: (i64, i64),
        numbers: Vec<Number>,
    ) -> Result<Self, Failure> {
        let known = facts::workspace_of(db, beat.workspace)?;
        let found = workflows::find(db, beat.workspace, course.workflow)?;
        let found = found.filter(|workflow| workflow.archived_at.is_none());
        let version = found.as_ref().map(|workflow| steps.of(db, beat.workspace, workflow.id, workflow.version));
        let terms = Terms {
            plan: if known.row.plan == "active" { Plan::Active } else { Plan::Ended },
            rate: known.row.rate,
            credits: available.0,
            wallet: domain::money::Micros(available.1),
        };
        Ok(Self {
            known,
            workflow: found,
            terms,
            numbers,
            steps: version.transpose()?,
            from_step: course.from_step,
            now: beat.now,
        })
    }

    /// Loads what stands around these contacts.
    pub(crate) fn around(&self, db: &Read<'_>, beat: &Beat, contacts: &[Contact]) -> Result<Around, Failure> {
        let ids: Vec<ContactId> = contacts.iter().map(|contact| contact.id).collect();
        let hashes: Vec<i64> = contacts.iter().map(|contact| contact.phone_hash).collect();
        let running = runs::of(db, beat.workspace, &ids)?;
        let running = running.into_iter().map(|row| {
            let running = Running { workflow: row.workflow, next_step: row.next_step };
            (row.contact, running)
        });
        let mut suppressed = HashMap::<i64, Vec<Suppression>>::new();
        for (hash, kind) in suppressions::of(db, beat.workspace, &hashes)? {
            suppressed.entry(hash).or_default().push(kind);
        }
        let said = match self.known.settings.require_consent {
            Switch::On => Some(said(db, beat, &hashes)?),
            Switch::Off => None,
        };
        Ok(Around { running: running.collect(), suppressed, said })
    }

    /// The days before each message of the workflow.
    pub(crate) fn gaps(&self) -> Vec<u16> {
        self.steps.iter().flat_map(|steps| steps.iter()).map(|step| step.gap_days).collect()
    }

    /// Why the operator has the workspace send nothing.
    fn suspended(&self) -> Option<&str> {
        self.known.row.suspended.as_ref().map(|suspended| suspended.reason.as_str())
    }

    /// Decides about one contact. A quote takes its price from what is left for the next one.
    pub(crate) fn decide(&mut self, around: &Around, contact: &Contact, bound: Bound) -> Result<Decision, Failure> {
        let place = senders::place(contact, &self.known.row.zone)?;
        let sender = senders::choose(contact, &mut self.numbers)?;
        let none = Vec::new();
        let facts = Facts {
            now: self.now,
            not_before: bound.not_before,
            terms: self.terms,
            suspended: self.suspended(),
            hours: &self.known.settings.hours,
            smart: self.known.settings.smart(),
            steps: self.steps.as_ref().map(|steps| steps.as_slice()),
            from_step: self.from_step,
            contact: Some(ContactFacts {
                value: &|key| value_of(contact, key),
                place: &place,
                suppressions: around.suppressed.get(&contact.phone_hash).unwrap_or(&none),
                consent: around.standing(contact, self.now),
                running: around.running.get(&contact.id),
                sender: &sender,
            }),
        };
        let result = bound.hold(quote::quote(&facts));
        match &result {
            Ok(quote) => self.terms = self.terms.after(quote.amounts),
            Err(_) => self.take_back(contact, &sender),
        }
        Ok(Decision { contact: contact.id, place: Some(place), result })
    }

    /// Decides about one of those who were asked for: there, or not.
    pub(crate) fn decide_asked(
        &mut self,
        around: &Around,
        found: &HashMap<ContactId, &Contact>,
        id: ContactId,
        bound: Bound,
    ) -> Result<Decision, Failure> {
        match found.get(&id) {
            Some(row) => self.decide(around, row, bound),
            None => Ok(self.decide_unknown(id)),
        }
    }

    /// A refused contact does not count at the number that was chosen for it.
    fn take_back(&mut self, contact: &Contact, sender: &Sender) {
        if let Sender::Ready(id) = sender
            && contact.number != Some(*id)
            && let Some(number) = self.numbers.iter_mut().find(|number| number.id == *id)
        {
            number.contacts -= 1;
        }
    }

    /// Decides about a contact that does not exist.
    pub(crate) fn decide_unknown(&self, contact: ContactId) -> Decision {
        let facts = Facts {
            now: self.now,
            not_before: self.now,
            terms: self.terms,
            suspended: self.suspended(),
            hours: &self.known.settings.hours,
            smart: self.known.settings.smart(),
            steps: self.steps.as_ref().map(|steps| steps.as_slice()),
            from_step: self.from_step,
            contact: None,
        };
        Decision { contact, place: None, result: quote::quote(&facts) }
    }

    /// Charges and starts all that were decided for.
    pub(crate) fn start(
        &self,
        tx: &mut Tx<'_>,
        beat: &Beat,
        contacts: &[Contact],
        decisions: &[Decision],
    ) -> Result<Vec<(ContactId, EnrollmentId)>, Failure> {
        let Some(terms) = self.start_terms(beat) else { return Ok(Vec::new()) };
        let found = contacts.iter().map(|contact| (contact.id, contact)).collect();
        let starts = self.starts(beat, &found, decisions);
        starts.insert(tx, beat, &terms)?;
        store::ledger::post(tx, beat.workspace, &starts.transfers, beat.now)?;
        Ok(starts.begun().collect())
    }

    /// What all starts of the batch share; nothing if there is no such workflow.
    pub(crate) fn start_terms(&self, beat: &Beat) -> Option<Start> {
        self.workflow.as_ref().map(|workflow| Start {
            workflow: workflow.id,
            version: workflow.version,
            from_step: self.from_step,
            rate: self.terms.rate,
            by: beat.actor.clone(),
            at: beat.now,
        })
    }

    /// What is to be written of all that were decided for.
    pub(crate) fn starts<'c>(
        &self,
        beat: &Beat,
        found: &HashMap<ContactId, &'c Contact>,
        decisions: &[Decision],
    ) -> Starts<'c> {
        let mut starts = Starts::default();
        let Some(workflow) = &self.workflow else { return starts };
        for decision in decisions {
            let (Ok(quote), Some(place)) = (&decision.result, &decision.place) else { continue };
            starts.add(self, beat, workflow, found[&decision.contact], quote, place);
        }
        starts
    }

    /// The values that the workflow's variables have for a contact: what is frozen.
    fn values(&self, contact: &Contact) -> Vec<(String, String)> {
        let steps = self.steps.as_ref().map(|steps| steps.as_slice()).unwrap_or_default();
        let sent = steps.iter().skip(usize::from(self.from_step.saturating_sub(1)));
        let mut keys: Vec<String> =
            sent.flat_map(|step| step.template.variables()).map(|variable| variable.key).collect();
        keys.sort_unstable();
        keys.dedup();
        let value = |key: String| value_of(contact, &key).map(str::to_owned).map(|value| (key, value));
        keys.into_iter().filter_map(value).collect()
    }
}

/// Starts that were decided: enrollments, transfers, assignments and events.
#[derive(Default)]
pub(crate) struct Starts<'a> {
    rows: Vec<NewEnrollment>,
    pub(crate) transfers: Vec<ledger::Transfer>,
    assigned: Vec<(&'a Contact, NumberId)>,
    events: Vec<events::Event>,
}

impl<'a> Starts<'a> {
    /// Starts them. Their transfers are the caller's to post: accounts are locked after everything else.
    pub(crate) fn insert(&self, tx: &mut Tx<'_>, beat: &Beat, terms: &Start) -> Result<(), Failure> {
        senders::save(tx, beat, &self.assigned)?;
        enrollments::insert(tx, beat.workspace, terms, &self.rows)?;
        Ok(events::insert(tx, beat.workspace, &self.events)?)
    }

    /// Which, and whose.
    pub(crate) fn begun(&self) -> impl Iterator<Item = (ContactId, EnrollmentId)> {
        self.rows.iter().map(|row| (row.contact, row.id))
    }

    fn add(
        &mut self,
        batch: &Batch,
        beat: &Beat,
        workflow: &Workflow,
        contact: &'a Contact,
        quote: &Quote,
        place: &Candidates,
    ) {
        let id = EnrollmentId(beat.id());
        let first = quote.steps.first().map_or(beat.now, |step| step.due);
        let prices: Vec<StepPrice> = quote.prices();
        self.transfers.extend(ledger::transfers(Cause::enrollment(id), Reason::Charge, quote.amounts));
        self.assigned.push((contact, quote.number));
        self.events.push(beat.event("enrollment.started", Some(contact.id), &note(id, workflow, quote)));
        self.rows.push(NewEnrollment {
            id,
            contact: contact.id,
            number: quote.number,
            place: facts::frozen(place, batch.known.settings.smart()),
            values: batch.values(contact),
            prices,
            due_at: first,
        });
    }
}

fn note(id: EnrollmentId, workflow: &Workflow, quote: &Quote) -> serde_json::Value {
    let charged = quote.amounts;
    serde_json::json!({
        "enrollment": id,
        "workflow": workflow.id,
        "name": workflow.name,
        "from_step": quote.from_step(),
        "charged_credits": charged.credits,
        "charged_micros": charged.micros.0,
    })
}

/// The value of a field by its key; `phone` is the contact's phone itself.
pub(crate) fn value_of<'c>(contact: &'c Contact, key: &str) -> Option<&'c str> {
    if key == "phone" {
        return Some(&contact.phone);
    }
    contact.fields.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}
