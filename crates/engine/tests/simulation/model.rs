//! What should be: SPEC as a few lists and sums, without database, time or concurrency.
//!
//! | it knows | from |
//! |---|---|
//! | the price of a run, or that it must be refused | the texts, the rate, what is in the purse |
//! | which texts may arrive, with which words and in which order | the run |
//! | where the price of each text belongs | whether it arrived |
//! | whom nobody may text any more, and whose word ends what runs to whom | who is one person, who opted out or was erased |
//! | which reminder stays, and whether it was told | when each is due |
//!
//! A text that arrived is paid; any other comes back once its run has ended or gone past it. What is still under way lies
//! between the two, so the purse is known as a least and a most, which meet when all has ended.

use std::collections::BTreeMap;

use domain::ids::{ContactId, EnrollmentId, MessageId, WorkflowId};
use jiff::Timestamp;

/// Credits and micro-dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Both {
    pub(crate) credits: i64,
    pub(crate) micros: i64,
}

impl std::ops::Add for Both {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { credits: self.credits + other.credits, micros: self.micros + other.micros }
    }
}

impl std::ops::Sub for Both {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { credits: self.credits - other.credits, micros: self.micros - other.micros }
    }
}

/// A place in the order of all that happens.
pub(crate) type Place = u64;

/// A text of a run.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) text: String,
    pub(crate) price: Both,
    /// It was left out, by the start or by a person.
    pub(crate) skipped: bool,
    /// When it was handed to the carrier, each time.
    pub(crate) handed: Vec<Place>,
    pub(crate) arrived: bool,
    /// The carrier refused it, before or after it had taken it: whether that is paid is not foreseen.
    pub(crate) refused: bool,
}

/// A contact on its way through a workflow.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) id: Option<EnrollmentId>,
    pub(crate) contact: usize,
    pub(crate) workflow: WorkflowId,
    pub(crate) steps: Vec<Step>,
    /// When it started; nothing if it never did.
    pub(crate) started: Option<Place>,
    /// When it was stopped early.
    pub(crate) stopped: Option<Place>,
    /// What may have stopped it: of what happened in one tick the database knows which came first.
    pub(crate) causes: Vec<&'static str>,
    /// It has come to its end by itself, as the start of another run shows.
    pub(crate) over: bool,
}

/// What a person wrote.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    pub(crate) id: MessageId,
    pub(crate) contact: usize,
    pub(crate) text: String,
    pub(crate) most: Both,
    pub(crate) queued: Place,
    pub(crate) arrived: bool,
    pub(crate) refused: bool,
}

/// Since when, and until when, a contact may not be texted.
pub(crate) type Span = (Place, Option<Place>);

/// Somebody.
#[derive(Debug, Clone)]
pub(crate) struct Contact {
    pub(crate) id: ContactId,
    pub(crate) phone: String,
    /// What its lists are kept under.
    pub(crate) hash: i64,
    /// Who it is: contacts with the same number here are one person.
    pub(crate) person: usize,
    /// By the kind of the ban.
    pub(crate) bans: BTreeMap<&'static str, Vec<Span>>,
    /// It was deleted, or erased.
    pub(crate) gone: bool,
    /// When somebody wants to hear of it, and whether they have.
    pub(crate) reminder: Option<(Timestamp, bool)>,
    /// The carrier has refused a text for good, so the contact may be on a list that is not foreseen.
    pub(crate) tainted: bool,
}

impl Contact {
    pub(crate) fn is_banned(&self) -> bool {
        self.bans.keys().any(|list| self.is_on(list))
    }

    pub(crate) fn is_on(&self, list: &str) -> bool {
        self.bans.get(list).and_then(|spans| spans.last()).is_some_and(|(_, until)| until.is_none())
    }

    pub(crate) fn ban(&mut self, kind: &'static str, at: Place) {
        let spans = self.bans.entry(kind).or_default();
        if spans.last().is_none_or(|(_, until)| until.is_some()) {
            spans.push((at, None));
        }
    }

    pub(crate) fn unban(&mut self, kind: &'static str, at: Place) {
        if let Some((_, until @ None)) = self.bans.entry(kind).or_default().last_mut() {
            *until = Some(at);
        }
    }

    /// Whether it was banned all the time between these places.
    pub(crate) fn was_banned(&self, since: Place, at: Place) -> bool {
        self.bans.values().flatten().any(|(from, until)| *from < since && until.is_none_or(|until| at < until))
    }
}

/// A workspace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Books {
    pub(crate) contacts: Vec<Contact>,
    /// How many persons there were.
    pub(crate) persons: usize,
    /// How many reminders were told.
    pub(crate) told: usize,
    /// Contacts of whom nothing is left but their identifier.
    pub(crate) erased: Vec<ContactId>,
    pub(crate) runs: Vec<Run>,
    pub(crate) notes: Vec<Note>,
    pub(crate) paid_in: Both,
    pub(crate) rate: i64,
    pub(crate) plan_ended: bool,
}

/// What the words of a workflow's step are, for its template and for its text.
pub(crate) fn words(kind: usize) -> &'static str {
    match kind {
        0 | 1 => "Are you still thinking of selling?",
        2 => {
            "Good day, we buy houses as they are, with everything in them, and close on the day that suits you. No agents, no repairs, no fees. If a cash offer would help you, just answer this message."
        }
        _ => "🏡 any news?",
    }
}

/// SMS §1: 160 characters of the plain alphabet in one segment and 153 in each of several; 70 and 67 of any other.
pub(crate) fn segments(text: &str) -> i64 {
    let (units, one, each) =
        if text.is_ascii() { (text.len(), 160, 153) } else { (text.encode_utf16().count(), 70, 67) };
    i64::try_from(if units <= one { 1 } else { units.div_ceil(each) }).unwrap()
}

impl Books {
    /// What lies in the purse at least and at most.
    pub(crate) fn purse(&self) -> (Both, Both) {
        let (mut least, mut most) = (self.paid_in, self.paid_in);
        for run in self.runs.iter().filter(|run| run.started.is_some()) {
            let last = run.steps.iter().rposition(|step| step.arrived);
            for (nth, step) in run.steps.iter().enumerate() {
                let passed = last.is_some_and(|last| nth < last);
                let on_its_way = !step.handed.is_empty() || run.next_two(last).any(|next| next == nth);
                let (is_held, is_kept) = match run.stopped {
                    _ if step.arrived && !step.refused => (true, true),
                    _ if step.skipped => (false, false),
                    _ if step.refused => (true, false),
                    _ if passed => (false, false),
                    Some(_) => (on_its_way, false),
                    None => (true, false),
                };
                least = if is_held { least - step.price } else { least };
                most = if is_kept { most - step.price } else { most };
            }
        }
        for note in &self.notes {
            least = least - note.most;
        }
        (least, most)
    }

    /// The runs of a contact that have not been stopped.
    pub(crate) fn open_of(&self, contact: usize) -> Vec<usize> {
        let open = |run: &Run| run.contact == contact && run.started.is_some() && run.stopped.is_none() && !run.over;
        (0..self.runs.len()).filter(|nth| open(&self.runs[*nth])).collect()
    }

    /// Ends what runs for a contact, or in a workflow, and was started before.
    pub(crate) fn stop(&mut self, why: &'static str, whose: impl Fn(&Run) -> bool, since: Place, at: Place) {
        for run in &mut self.runs {
            let began = run.started.is_some_and(|started| started < since);
            if began && !run.over && run.stopped.is_none_or(|stopped| stopped >= since) && whose(run) {
                run.stopped.get_or_insert(at);
                run.causes.push(why);
            }
        }
    }

    /// Whether something may have ended this run that the model does not foresee: a word of the carrier, or a list that its claim found.
    pub(crate) fn may_have_fallen(&self, run: &Run) -> bool {
        let contact = &self.contacts[run.contact];
        contact.tainted
            || !contact.bans.is_empty()
            || self.everyone(run.contact).iter().any(|nth| self.contacts[*nth].tainted)
    }
}

impl Books {
    /// A number for a person that nobody has.
    pub(crate) fn new_person(&mut self) -> usize {
        self.persons += 1;
        self.persons
    }

    /// All contacts of somebody's person, deleted ones too.
    pub(crate) fn everyone(&self, contact: usize) -> Vec<usize> {
        (0..self.contacts.len()).filter(|nth| self.contacts[*nth].person == self.contacts[contact].person).collect()
    }

    /// Those of them who hear what one says. Who was deleted and writes is somebody new.
    pub(crate) fn kin(&self, contact: usize) -> Vec<usize> {
        let mut kin = self.everyone(contact);
        kin.retain(|nth| *nth == contact || !(self.contacts[*nth].gone || self.contacts[contact].gone));
        kin
    }

    /// Whom a merge of two forbids to text: of two persons of whom one has opted out, the other. Nothing if that is not foreseen,
    /// as the carrier may have put one of them on a list.
    pub(crate) fn forbidden_by(&self, keep: usize, take: usize) -> Option<Vec<usize>> {
        let (ours, theirs) = (self.kin(keep), self.kin(take));
        let any = |side: &[usize], is: fn(&Contact) -> bool| side.iter().any(|nth| is(&self.contacts[*nth]));
        let opted = |side: &[usize]| any(side, |contact| contact.is_on("opted_out"));
        let mut forbidden = match (opted(&ours), opted(&theirs)) {
            _ if self.contacts[keep].person == self.contacts[take].person => return Some(Vec::new()),
            _ if any(&ours, |one| one.tainted) || any(&theirs, |one| one.tainted) => return None,
            (true, false) => theirs,
            (false, true) => ours,
            _ => return Some(Vec::new()),
        };
        forbidden.retain(|nth| !self.contacts[*nth].is_on("do_not_contact"));
        Some(forbidden)
    }

    /// Makes two contacts, and all others of their persons, one person.
    pub(crate) fn merge(&mut self, keep: usize, take: usize, forbidden: Option<Vec<usize>>, at: Place) {
        let (ours, theirs) = (self.contacts[keep].person, self.everyone(take));
        let is_foreseen = forbidden.is_some();
        for nth in forbidden.into_iter().flatten() {
            self.contacts[nth].ban("do_not_contact", at);
            self.stop("do_not_contact", |run| run.contact == nth, at, at);
        }
        theirs.into_iter().for_each(|nth| self.contacts[nth].person = ours);
        let (own, other) = (self.contacts[keep].reminder, self.contacts[take].reminder.take());
        self.contacts[keep].reminder = match (own, other) {
            (Some(own), Some(other)) if other.0 < own.0 => Some(other),
            (own, other) => own.or(other),
        };
        for nth in self.everyone(keep) {
            self.contacts[nth].tainted |= !is_foreseen;
        }
    }
}

impl Run {
    /// Whether so much may come back when it ends: the price of what was not sent, from one text on.
    pub(crate) fn gives_back(&self, back: Both) -> bool {
        let last = self.steps.iter().rposition(|step| step.arrived && !step.refused).map_or(0, |last| last + 1);
        let unsent = |from: usize| {
            let left = self.steps[from..].iter().filter(|step| !step.skipped);
            left.fold(Both::default(), |sum, step| sum + step.price)
        };
        (last..=self.steps.len()).any(|from| unsent(from) == back)
    }

    /// Which texts may be on their way unseen: the next one, and the one after it if the next was lost with a process.
    fn next_two(&self, last: Option<usize>) -> impl Iterator<Item = usize> {
        let after = last.map_or(0, |last| last + 1);
        (after..self.steps.len()).filter(|nth| !self.steps[*nth].skipped).take(2)
    }

    /// Prices its steps, credits first, with what is charged in credits for all of it.
    pub(crate) fn price(&mut self, mut credits: i64, rate: i64) -> Both {
        let mut all = Both::default();
        for step in self.steps.iter_mut().filter(|step| !step.skipped) {
            let segments = segments(&step.text);
            let from_credits = segments.min(credits);
            credits -= from_credits;
            step.price = Both { credits: from_credits, micros: (segments - from_credits) * rate };
            all = all + step.price;
        }
        all
    }

    pub(crate) fn segments(&self) -> i64 {
        self.steps.iter().filter(|step| !step.skipped).map(|step| segments(&step.text)).sum()
    }
}
