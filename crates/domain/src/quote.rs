//! The exact price and timeline of an enrollment, decided before it starts.
//!
//! [`quote`] is the *decide* beat of enrolling and of its preview: the same function gives both, so
//! what the preview shows is what happens. It gets facts and the time and returns the quote, or
//! **all** refusals at once. One contact is the N = 1 case of a batch: a batch calls it with what
//! the contacts before have left of credits and wallet ([`Terms::after`]).

use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::consent::Standing;
use crate::enrollment::{self, StepPrice};
use crate::ids::NumberId;
use crate::ledger::Amounts;
use crate::money::Micros;
use crate::refusal::{Refusal, Unready};
use crate::schedule::{self, Why};
use crate::segments::{self, Encoding};
use crate::suppression::Suppression;
use crate::template::{self, MAX_SEGMENTS_PER_MESSAGE, Smart};
use crate::window::Hours;
use crate::workflow::Step;
use crate::zones::{Candidates, Zone};

/// The workspace's messaging plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Messages may be sent.
    Active,
    /// None was started, or it ended.
    Ended,
}

/// What the workspace has and pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Its plan.
    pub plan: Plan,
    /// Price of a segment that no credit covers.
    pub rate: Micros,
    /// Credits free to spend.
    pub credits: i64,
    /// Money free to spend.
    pub wallet: Micros,
}

impl Terms {
    /// What is left after an enrollment was charged.
    #[must_use]
    pub fn after(self, amounts: Amounts) -> Self {
        let wallet = Micros(self.wallet.0.saturating_sub(amounts.micros.0));
        Self { credits: self.credits.saturating_sub(amounts.credits), wallet, ..self }
    }
}

/// The number from which the contact would be texted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// A live number.
    Ready(NumberId),
    /// A number that does not text the contact now.
    NotReady {
        /// Its phone.
        phone: String,
        /// Why not.
        why: Unready,
    },
    /// No number at all.
    None,
}

/// The enrollment in which a contact is already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The workflow's name.
    pub workflow: String,
    /// The step that comes next, from 1.
    pub next_step: u8,
}

/// What is known of the contact.
pub struct ContactFacts<'a> {
    /// The value of a field, by its key.
    pub value: &'a dyn Fn(&str) -> Option<&'a str>,
    /// Where the contact may be.
    pub place: &'a Candidates,
    /// The lists on which the contact's phone is.
    pub suppressions: &'a [Suppression],
    /// What holds of the contact's consent, where the workspace asks for one.
    pub consent: Option<Standing>,
    /// The enrollment that runs.
    pub running: Option<&'a Running>,
    /// The number that would send.
    pub sender: &'a Sender,
}

/// All that a quote is decided from.
pub struct Facts<'a> {
    /// The time of the decision.
    pub now: Timestamp,
    /// Before which the first message is not due.
    pub not_before: Timestamp,
    /// What the workspace has and pays.
    pub terms: Terms,
    /// Why the operator has the workspace send nothing; nothing if it may.
    pub suspended: Option<&'a str>,
    /// The workspace's own send window.
    pub hours: &'a Hours,
    /// Whether look-alikes are replaced.
    pub smart: Smart,
    /// The workflow's steps; nothing if there is no such workflow.
    pub steps: Option<&'a [Step]>,
    /// The step to start with, from 1. Those before it are neither sent nor charged.
    pub from_step: u8,
    /// The contact; nothing if there is no such contact.
    pub contact: Option<ContactFacts<'a>>,
}

/// One message of a quote.
#[derive(Debug, Clone, PartialEq)]
pub struct QuotedStep {
    /// Which step of the workflow, from 1.
    pub step: u8,
    /// The message as the contact will read it.
    pub text: String,
    /// How it travels.
    pub encoding: Encoding,
    /// What it takes.
    pub price: StepPrice,
    /// When it is due.
    pub due: Timestamp,
    /// The same instant on the contact's clock.
    pub local: DateTime,
    /// Why it is later than gap and hour say.
    pub moved: Option<Why>,
}

/// An exact price and timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Quote {
    /// The messages in order of sending.
    pub steps: Vec<QuotedStep>,
    /// The sending number.
    pub number: NumberId,
    /// What the whole takes.
    pub amounts: Amounts,
    /// The price of a segment that no credit covers.
    pub rate: Micros,
}

impl Quote {
    /// All segments.
    #[must_use]
    pub fn segments(&self) -> i64 {
        self.steps.iter().map(|step| i64::from(step.price.segments)).sum()
    }

    /// Segments that no credit covers.
    #[must_use]
    pub fn charged_segments(&self) -> i64 {
        self.segments() - self.amounts.credits
    }

    /// The step with which it starts, from 1.
    #[must_use]
    pub fn from_step(&self) -> u8 {
        self.steps.first().map_or(1, |first| first.step)
    }

    /// The price of each step of the workflow, as the enrollment keeps it.
    #[must_use]
    pub fn prices(&self) -> Vec<StepPrice> {
        let before = (1..self.from_step()).map(|_| StepPrice::LEFT_OUT);
        before.chain(self.steps.iter().map(|step| step.price)).collect()
    }

    /// Whether text and price are those of the other quote; dates may differ, since time passes.
    #[must_use]
    pub fn same_terms(&self, other: &Self) -> bool {
        let same = |(a, b): (&QuotedStep, &QuotedStep)| a.step == b.step && a.text == b.text && a.price == b.price;
        self.rate == other.rate
            && self.steps.len() == other.steps.len()
            && self.steps.iter().zip(&other.steps).all(same)
    }
}

/// Decides: the quote, or all that stands against it.
pub fn quote(facts: &Facts<'_>) -> Result<Quote, Vec<Refusal>> {
    let mut refusals = Vec::new();
    refusals.extend(facts.suspended.map(|reason| Refusal::WorkspaceSuspended { reason: reason.to_owned() }));
    if facts.terms.plan == Plan::Ended {
        refusals.push(Refusal::NoMessagingPlan);
    }
    let steps = asked(facts, &mut refusals);
    let Some(contact) = &facts.contact else {
        refusals.push(Refusal::ContactUnknown);
        return Err(refusals);
    };
    let number = sender(contact, &mut refusals);
    refusals.extend(contact.suppressions.iter().copied().map(Refusal::Suppressed));
    refusals.extend(contact.consent.filter(|standing| !standing.is_valid()).map(Refusal::NoConsent));
    if let Some(running) = contact.running {
        refusals.push(Refusal::AlreadyEnrolled { workflow: running.workflow.clone(), step: running.next_step });
    }
    let texts = texts(&steps, facts.smart, contact, &mut refusals);
    let planned = timeline(facts, &steps, contact, &mut refusals);
    let prices = prices(&texts, facts.terms, &mut refusals);
    match (number, planned, prices) {
        (Some(number), Some(planned), Some(prices)) if refusals.is_empty() => {
            let amounts = enrollment::total(&prices);
            let rows = texts.into_iter().zip(prices).zip(planned);
            let steps = rows.map(|((text, price), planned)| QuotedStep {
                step: text.step,
                text: text.text,
                encoding: text.encoding,
                price,
                due: planned.due,
                local: planned.local,
                moved: planned.moved,
            });
            Ok(Quote { steps: steps.collect(), number, amounts, rate: facts.terms.rate })
        }
        _ => Err(refusals),
    }
}

/// A step that is to be sent, and its number.
type Numbered<'a> = (u8, &'a Step);

/// The steps that are asked for, with their numbers in the workflow.
fn asked<'a>(facts: &Facts<'a>, refusals: &mut Vec<Refusal>) -> Vec<Numbered<'a>> {
    let steps = facts.steps.unwrap_or_default();
    let asked: Vec<Numbered<'_>> = (1u8..).zip(steps).filter(|(number, _)| *number >= facts.from_step).collect();
    match facts.steps {
        None => refusals.push(Refusal::WorkflowUnknown),
        Some([]) => refusals.push(Refusal::WorkflowEmpty),
        Some(_) if asked.is_empty() || facts.from_step == 0 => {
            refusals.push(Refusal::StepUnknown { step: facts.from_step, steps: steps.len() });
        }
        Some(_) => {}
    }
    asked
}

fn sender(contact: &ContactFacts<'_>, refusals: &mut Vec<Refusal>) -> Option<NumberId> {
    match contact.sender {
        Sender::Ready(number) => return Some(*number),
        Sender::NotReady { phone, why } => {
            refusals.push(Refusal::NumberNotReady { phone: phone.clone(), why: why.clone() });
        }
        Sender::None => refusals.push(Refusal::NoOutboundNumber),
    }
    None
}

struct Text {
    step: u8,
    text: String,
    encoding: Encoding,
    segments: u32,
}

/// Renders every step; a step that cannot be rendered leaves its refusals and no text.
fn texts(steps: &[Numbered<'_>], smart: Smart, contact: &ContactFacts<'_>, refusals: &mut Vec<Refusal>) -> Vec<Text> {
    let mut texts = Vec::with_capacity(steps.len());
    for &(number, step) in steps {
        match step.template.render(contact.value) {
            Ok(rendered) => texts.extend(text(number, &rendered, smart, refusals)),
            Err(missing) => {
                let refused =
                    missing.into_iter().map(|field| Refusal::MissingField { step: number, field: field.field });
                refusals.extend(refused);
            }
        }
    }
    texts
}

fn text(step: u8, rendered: &str, smart: Smart, refusals: &mut Vec<Refusal>) -> Option<Text> {
    let text = template::sendable(rendered, smart);
    if text.trim().is_empty() {
        refusals.push(Refusal::MessageEmpty { step });
        return None;
    }
    let counted = segments::count(&text);
    if counted.segments > MAX_SEGMENTS_PER_MESSAGE {
        refusals.push(Refusal::MessageTooLong { step, segments: counted.segments, text });
        return None;
    }
    let segments = u32::try_from(counted.segments).expect("at most two");
    Some(Text { step, text, encoding: counted.encoding, segments })
}

fn timeline(
    facts: &Facts<'_>,
    steps: &[Numbered<'_>],
    contact: &ContactFacts<'_>,
    refusals: &mut Vec<Refusal>,
) -> Option<Vec<schedule::Planned>> {
    let mut gaps: Vec<u16> = steps.iter().map(|(_, step)| step.gap_days).collect();
    // The gap of a later step counts from the message before it, which is not sent: it goes as soon as it may.
    if let (Some(first), 2..) = (gaps.first_mut(), facts.from_step) {
        *first = 0;
    }
    let planned = schedule::plan(facts.now.max(facts.not_before), contact.place, Some(facts.hours), &gaps);
    planned
        .map_err(|_| {
            let rules = contact.place.rules.iter().map(|rule| rule.as_str()).collect::<Vec<_>>().join(", ");
            let zones = contact.place.zones.iter().map(Zone::name).collect::<Vec<_>>().join(", ");
            refusals.push(Refusal::NeverOpen { rules, zones });
        })
        .ok()
}

/// Prices the texts; where some are missing, what is there is still held against the funds.
fn prices(texts: &[Text], terms: Terms, refusals: &mut Vec<Refusal>) -> Option<Vec<StepPrice>> {
    let segments: Vec<u32> = texts.iter().map(|text| text.segments).collect();
    let prices = enrollment::price(&segments, terms.credits, terms.rate);
    let cost = prices.as_ref().map_or(Micros(i64::MAX), |prices| enrollment::total(prices).micros);
    if cost > terms.wallet {
        let missing = Micros(cost.0.saturating_sub(terms.wallet.0));
        refusals.push(Refusal::InsufficientFunds { cost, wallet: terms.wallet, missing });
    }
    prices
}
