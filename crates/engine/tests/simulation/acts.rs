//! What people do meanwhile. Each act is asked for until it is answered, by one node or another, as a person presses a button
//! again; then the model is told, and says whether the answer was right.

use domain::ids::EnrollmentId;
use domain::money::Micros;
use domain::suppression::Suppression;
use engine::Engine;
use engine::billing::Slip;
use engine::bulk::Selection;
use engine::doubts::{Doubts, Fate, MAX_LISTED};
use engine::enrolling::{EnrollError, EnrollRequest, RemoveError};
use engine::idempotency::IdempotencyKey;
use engine::manual::SendError;
use engine::numbers::{NumberChange, NumberState};
use engine::skipping::SkipError;
use engine::workflows::SaveError;

use crate::simulation::asking::surely;
use crate::simulation::model::{Both, Note, Run, Step, segments, words};
use crate::simulation::verdict;
use crate::simulation::world::{APART, World, input, kinds};

impl World {
    /// One act.
    pub(crate) async fn act(&mut self) {
        let house = self.dice.below(self.houses.len());
        match self.dice.below(100) {
            0..30 => self.start_one(house).await,
            30..38 => self.start_some(house).await,
            38..45 => self.remove(house).await,
            45..50 => {
                let flow = self.dice.below(self.houses[house].flows.len());
                self.pause(house, flow).await;
            }
            50..62 => self.contact_writes(house),
            62..66 => self.ban(house).await,
            66..69 => self.pay_in(house).await,
            69..71 => self.remind(house).await,
            71..74 => self.change_rate(house).await,
            74..79 => self.skip(house).await,
            79..86 => self.write(house).await,
            86..88 if self.dice.happens(75) => self.pause_number(house).await,
            86..88 => self.lose_number(house).await,
            88 => self.delete(house).await,
            89 => self.list_behind(house).await,
            90..93 => self.merge(house).await,
            93..95 => self.erase(house).await,
            95..97 => self.come_back(house).await,
            _ => self.change_plan(house).await,
        }
    }

    fn count(&self, what: &'static str) {
        self.street.tape().count(what);
    }

    fn place(&self) -> u64 {
        self.street.tape().place()
    }

    /// A run that has not started yet; the contact's field says its number.
    async fn prepare(&mut self, house: usize, contact: usize, flow: usize, from: usize) -> usize {
        let of = &mut self.houses[house];
        let (nth, number) = (of.books.runs.len(), house * APART + of.books.runs.len());
        let step = |(step, kind): (usize, &usize)| Step {
            text: format!("{} #{number}/{step}", words(*kind)),
            price: Both::default(),
            skipped: step < from,
            handed: Vec::new(),
            arrived: false,
            refused: false,
        };
        let steps = (1..).zip(&of.flows[flow].kinds).map(step).collect();
        let workflow = of.flows[flow].id;
        of.books.runs.push(Run {
            id: None,
            contact,
            workflow,
            steps,
            started: None,
            stopped: None,
            causes: Vec::new(),
            over: false,
        });
        let (actor, id) = (of.actor.clone(), of.books.contacts[contact].id);
        let edit = async |engine: Engine| {
            engine.edit_contact(&actor, id, vec![("Ref".to_owned(), Some(number.to_string()))]).await
        };
        surely(&self.street, edit).await.0.unwrap();
        nth
    }

    async fn start_one(&mut self, house: usize) {
        let contact = self.somebody(house);
        let flow = self.dice.below(self.houses[house].flows.len());
        let from =
            if self.dice.happens(80) { 1 } else { 1 + self.dice.below(self.houses[house].flows[flow].kinds.len()) };
        let nth = self.prepare(house, contact, flow, from).await;
        let of = &self.houses[house];
        let (actor, id, workflow) = (of.actor.clone(), of.books.contacts[contact].id, of.flows[flow].id);
        let from_step = u8::try_from(from).unwrap();
        let mut quote = None;
        if self.dice.happens(50) {
            let ask = async |engine: Engine| engine.quote(&actor, id, workflow, from_step).await;
            match surely(&self.street, ask).await.0 {
                Ok(preview) => quote = Some(preview.id),
                Err(error) => return self.refused(house, nth, error),
            }
        }
        for take in 0.. {
            let key = Some(format!("start {house} {nth} {take}"));
            let request = EnrollRequest { contact: id, workflow, from_step, quote, key };
            let start = async |engine: Engine| engine.enroll(&actor, request.clone()).await;
            match surely(&self.street, start).await.0 {
                Ok(enrolled) => {
                    let charged = Both { credits: enrolled.charged_credits, micros: enrolled.charged_micros.0 };
                    return self.started(house, nth, enrolled.enrollment, charged);
                }
                // Money has come back since the quote, so that it would be paid in another way.
                Err(EnrollError::QuoteChanged(preview)) => quote = Some(preview.id),
                Err(error) => return self.refused(house, nth, error),
            }
        }
    }

    /// The model agrees that it could be started, and for this price.
    fn started(&mut self, house: usize, nth: usize, id: EnrollmentId, charged: Both) {
        let place = self.place();
        let books = &mut self.houses[house].books;
        let (least, most) = books.purse();
        let (contact, rate) = (books.runs[nth].contact, books.rate);
        assert!(!books.contacts[contact].is_banned(), "{:?} was started", books.contacts[contact]);
        assert!(!books.plan_ended, "somebody was started without a plan");
        let run = &mut books.runs[nth];
        let segments = run.segments();
        let price = run.price(charged.credits, rate);
        assert_eq!(price, charged, "{run:#?}");
        assert!(charged.credits <= most.credits && charged.micros <= most.micros, "{charged:?} of {most:?}");
        // Money is taken only where the credits end.
        assert!(charged.credits == segments || charged.credits >= least.credits, "{charged:?} though {least:?}");
        for other in books.open_of(contact) {
            books.runs[other].over = true;
            self.street.tape().count("a run ended by itself");
        }
        let run = &mut books.runs[nth];
        (run.id, run.started) = (Some(id), Some(place));
        self.count("a run was started");
    }

    /// The model agrees that it could not be started.
    fn refused(&mut self, house: usize, nth: usize, error: EnrollError) {
        let EnrollError::Refused(refusals) = error else { panic!("{error}") };
        for refusal in refusals {
            self.refused_for(house, nth, refusal.code());
        }
    }

    fn refused_for(&mut self, house: usize, nth: usize, code: &str) {
        self.take_handed();
        let books = &self.houses[house].books;
        let run = &books.runs[nth];
        let contact = &books.contacts[run.contact];
        let (right, name) = match code {
            "already_enrolled" => (!books.open_of(run.contact).is_empty(), "a start was refused: already_enrolled"),
            "insufficient_funds" => {
                let (least, _) = books.purse();
                let beyond = (run.segments() - least.credits.max(0)).max(0);
                (beyond * books.rate > least.micros, "a start was refused: insufficient_funds")
            }
            "no_messaging_plan" => (books.plan_ended, "a start was refused: no_messaging_plan"),
            "opted_out" | "do_not_contact" | "compliance_blocked" | "undeliverable" => {
                (contact.is_banned() || contact.tainted, "a start was refused: list")
            }
            "no_outbound_number" | "number_not_ready" => (true, "a start was refused: number"),
            other => panic!("nobody is refused for {other}"),
        };
        assert!(right, "refused for {code}, but {contact:?} {run:?} {:?}", books.purse());
        self.count(name);
    }

    async fn start_some(&mut self, house: usize) {
        let flow = self.dice.below(self.houses[house].flows.len());
        let mut runs = Vec::new();
        for contact in 0..self.houses[house].books.contacts.len() {
            if self.dice.happens(50) && !self.houses[house].books.contacts[contact].gone {
                runs.push(self.prepare(house, contact, flow, 1).await);
            }
        }
        let of = &self.houses[house];
        let (actor, workflow) = (of.actor.clone(), of.flows[flow].id);
        let whose = |nth: &usize| of.books.contacts[of.books.runs[*nth].contact].id;
        // The job takes them in this order, which is another where somebody was erased and came back.
        runs.sort_by_key(whose);
        let chosen = runs.iter().map(whose).collect();
        let (chosen, key) = (Selection::These(chosen), Some(format!("some {house} {}", of.books.runs.len())));
        if runs.is_empty() {
            return;
        }
        let begin = async |engine: Engine| engine.enroll_many(&actor, workflow, chosen.clone(), key.clone()).await;
        let job = surely(&self.street, begin).await.0.unwrap();
        let paused = self.dice.happens(15);
        if paused {
            self.pause(house, flow).await;
            self.count("a job lost its workflow");
        }
        if self.dice.happens(20) {
            self.take_over(&actor, job.id).await;
        } else {
            surely(&self.street, async |engine: Engine| engine.run_job(&actor, job.id, |_| {}).await).await.0.unwrap();
        }
        let begun = verdict::begun(self.street.store(), actor.workspace()).await;
        let list = async |engine: Engine| engine.job_refusals(&actor, job.id, i64::MIN, 100).await;
        let refused = surely(&self.street, list).await.0.unwrap();
        for nth in runs.iter().copied() {
            assert!(!paused || !begun.contains_key(&(house * APART + nth)), "a job went on in a paused workflow");
            if let Some((id, charged)) = begun.get(&(house * APART + nth)) {
                self.count("a job started some");
                self.started(house, nth, *id, *charged);
            }
        }
        // Whoever was not started was refused, for a reason; or never reached, where the workflow was paused before.
        for nth in runs {
            if paused || begun.contains_key(&(house * APART + nth)) {
                continue;
            }
            let books = &self.houses[house].books;
            let contact = books.contacts[books.runs[nth].contact].id.0;
            let item = refused.iter().find(|item| item.contact == Some(contact)).expect("a job forgot somebody");
            let reasons: Vec<serde_json::Value> = serde_json::from_str(item.outcome.as_deref().unwrap()).unwrap();
            assert!(!reasons.is_empty(), "{item:?}");
            self.count("a job refused some");
            for reason in reasons {
                self.refused_for(house, nth, reason["code"].as_str().unwrap());
            }
        }
    }

    /// A run that is open as far as the model knows.
    pub(crate) fn open_run(&mut self, house: usize) -> Option<usize> {
        let books = &self.houses[house].books;
        let open: Vec<usize> = (0..books.contacts.len()).flat_map(|contact| books.open_of(contact)).collect();
        self.dice.pick(&open)
    }

    async fn remove(&mut self, house: usize) {
        let Some(nth) = self.open_run(house) else { return };
        let actor = self.houses[house].actor.clone();
        let id = self.houses[house].books.runs[nth].id.unwrap();
        let (answer, again) = surely(&self.street, async |engine: Engine| engine.remove(&actor, id).await).await;
        let place = self.place();
        let run = &mut self.houses[house].books.runs[nth];
        match answer {
            Ok(ended) => {
                let back = Both { credits: ended.refunded.credits, micros: ended.refunded.micros.0 };
                assert!(run.gives_back(back), "{back:?} came back of {run:#?}");
                run.stopped = Some(place);
                run.causes.push("removed");
                self.count("a run was removed");
            }
            // The first time it was removed, and nobody heard of it; or it had ended before.
            Err(RemoveError::Ended) if again => {
                run.stopped = Some(place);
                run.causes.push("removed");
            }
            Err(RemoveError::Ended) => run.over = true,
            Err(error) => panic!("{error}"),
        }
    }

    async fn pause(&mut self, house: usize, flow: usize) {
        let (actor, id) = (self.houses[house].actor.clone(), self.houses[house].flows[flow].id);
        surely(&self.street, async |engine: Engine| engine.pause_workflow(&actor, id).await).await.0.unwrap();
        let place = self.place();
        self.houses[house].books.stop("workflow_paused", |run| run.workflow == id, place, place);
        self.count("a workflow was paused");
        if self.dice.happens(60) {
            let kinds = kinds(&mut self.dice);
            let view = surely(&self.street, async |engine: Engine| engine.workflow(&actor, id).await).await.0.unwrap();
            let version = view.summary.workflow.version;
            let input = input(&self.houses[house].flows[flow].name, &kinds);
            let edit = async |engine: Engine| engine.edit_workflow(&actor, id, version, input.clone()).await;
            let (edited, again) = surely(&self.street, edit).await;
            assert!(edited.is_ok() || (again && matches!(edited, Err(SaveError::Change(_)))), "{edited:?}");
            self.houses[house].flows[flow].kinds = kinds;
            self.count("a workflow was edited");
        }
    }

    /// Somebody writes by themselves.
    fn contact_writes(&mut self, house: usize) {
        let nth = self.somebody(house);
        let of = &self.houses[house];
        let phone = of.books.contacts[nth].phone.clone();
        let there: Vec<_> = of.numbers.iter().filter(|(id, _)| of.lost != Some(*id)).cloned().collect();
        let (_, number) = self.dice.pick(&there).unwrap();
        let body = self.dice.pick(&["hello?", "who is this", "STOP", "START", "START"]).unwrap();
        self.street.simulator.reply(&phone, &number, body, self.street.clock.now()).unwrap();
        self.count("a contact wrote");
    }

    async fn ban(&mut self, house: usize) {
        let nth = self.somebody(house);
        let (actor, id) = (self.houses[house].actor.clone(), self.houses[house].books.contacts[nth].id);
        let banned = self.houses[house].books.contacts[nth].is_banned();
        let began = self.place();
        if banned {
            let lift = async |engine: Engine| engine.unsuppress(&actor, id, Suppression::DoNotContact).await;
            surely(&self.street, lift).await.0.unwrap();
            self.houses[house].books.contacts[nth].unban("do_not_contact", began);
            return self.count("somebody was let in again");
        }
        let put = async |engine: Engine| engine.suppress(&actor, id, Suppression::DoNotContact).await;
        surely(&self.street, put).await.0.unwrap();
        let place = self.place();
        let books = &mut self.houses[house].books;
        books.stop("do_not_contact", |run| run.contact == nth, place, place);
        books.contacts[nth].ban("do_not_contact", place);
        self.count("somebody was banned");
    }

    async fn pay_in(&mut self, house: usize) {
        let (workspace, place) = (self.houses[house].actor.workspace(), self.place());
        let slip = Slip { note: "by hand".to_owned(), idempotency_key: Some(format!("paid in {place}")) };
        let paid =
            if self.dice.happens(50) { Both { credits: 7, micros: 0 } } else { Both { credits: 0, micros: 90_000 } };
        let pay = async |engine: Engine| match paid.credits {
            0 => engine.top_up(workspace, Micros(paid.micros), slip.clone()).await,
            credits => engine.grant_credits(workspace, credits, slip.clone()).await,
        };
        surely(&self.street, pay).await.0.unwrap();
        let books = &mut self.houses[house].books;
        books.paid_in = books.paid_in + paid;
    }

    async fn change_rate(&mut self, house: usize) {
        let workspace = self.houses[house].actor.workspace();
        let rate = self.dice.pick(&[10_000, 15_000, 20_000]).unwrap();
        surely(&self.street, async |engine: Engine| engine.change_rate(workspace, Micros(rate)).await).await.0.unwrap();
        self.houses[house].books.rate = rate;
        self.count("a rate changed");
    }

    async fn skip(&mut self, house: usize) {
        let Some(nth) = self.open_run(house) else { return };
        let (actor, run) = (self.houses[house].actor.clone(), &self.houses[house].books.runs[nth]);
        let Some(at) = run.steps.iter().position(|step| !step.skipped && !step.arrived) else { return };
        let (id, step) = (run.id.unwrap(), u8::try_from(at + 1).unwrap());
        let leave_out = async |engine: Engine| engine.skip_step(&actor, id, step).await;
        let (answer, again) = surely(&self.street, leave_out).await;
        let done = match answer {
            Ok(skipped) => {
                let back = Both { credits: skipped.refunded.credits, micros: skipped.refunded.micros.0 };
                assert_eq!(back, run.steps[at].price, "{run:#?}");
                true
            }
            Err(_) if again => verdict::was_skipped(self.street.store(), actor.workspace(), id, step).await,
            Err(SkipError::Ended | SkipError::TooLate(_)) => false,
            Err(error) => panic!("{error}"),
        };
        if done {
            self.houses[house].books.runs[nth].steps[at].skipped = true;
            self.count("a step was left out");
        }
    }

    async fn write(&mut self, house: usize) {
        let contact = self.somebody(house);
        let of = &self.houses[house];
        let nth = of.books.notes.len();
        let text = format!("Hi, this is Sam himself. #m{}", house * APART + nth);
        let key = IdempotencyKey::parse(&format!("note {house} {nth} {}", self.place())).unwrap();
        let (actor, id) = (of.actor.clone().with_key(Some(key)), of.books.contacts[contact].id);
        let send = async |engine: Engine| engine.send_message(&actor, id, &text).await;
        match surely(&self.street, send).await.0 {
            Ok(message) => {
                let segments = segments(&text);
                let most = Both { credits: segments, micros: segments * 20_000 };
                let (id, queued) = (message.id, self.place());
                self.houses[house].books.notes.push(Note {
                    id,
                    contact,
                    text,
                    most,
                    queued,
                    arrived: false,
                    refused: false,
                });
                self.count("a person wrote");
            }
            Err(SendError::Suppressed(_)) => {
                self.take_handed();
                let contact = &self.houses[house].books.contacts[contact];
                assert!(contact.is_banned() || contact.tainted, "{contact:?}");
            }
            Err(SendError::NoMessagingPlan) => assert!(of.books.plan_ended, "there is a plan"),
            Err(SendError::InsufficientFunds | SendError::NoOutboundNumber | SendError::NumberNotReady { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }

    async fn pause_number(&mut self, house: usize) {
        let actor = self.houses[house].actor.clone();
        let (id, _) = self.dice.pick(&self.houses[house].numbers).unwrap();
        if self.houses[house].lost == Some(id) {
            return;
        }
        let change = NumberChange { state: Some(NumberState::Paused), ..NumberChange::default() };
        surely(&self.street, async |engine: Engine| engine.change_number(&actor, id, change).await).await.0.unwrap();
        self.count("a number was paused");
    }

    async fn change_plan(&mut self, house: usize) {
        let workspace = self.houses[house].actor.workspace();
        if self.houses[house].books.plan_ended {
            surely(&self.street, async |engine: Engine| engine.start_plan(workspace).await).await.0.unwrap();
            self.houses[house].books.plan_ended = false;
        } else if self.dice.happens(30) {
            surely(&self.street, async |engine: Engine| engine.end_plan(workspace).await).await.0.unwrap();
            let place = self.place();
            self.houses[house].books.stop("plan_ended", |_| true, place, place);
            self.houses[house].books.plan_ended = true;
            self.count("a plan ended");
        }
    }

    /// Now and then somebody looks after the numbers and the doubts.
    pub(crate) async fn look_after(&mut self) {
        self.open_numbers(20).await;
        self.settle_doubts(20).await;
        self.tell_reminders(20).await;
    }

    pub(crate) async fn open_numbers(&mut self, percent: usize) {
        for house in 0..self.houses.len() {
            if !self.dice.happens(percent) {
                continue;
            }
            let actor = self.houses[house].actor.clone();
            let list = async |engine: Engine| engine.numbers(&actor).await;
            for number in surely(&self.street, list).await.0.unwrap() {
                if number.state == "paused" {
                    let live = NumberChange { state: Some(NumberState::Live), ..NumberChange::default() };
                    let open = async |engine: Engine| engine.change_number(&actor, number.id, live).await;
                    surely(&self.street, open).await.0.unwrap();
                }
            }
        }
    }

    /// What only a person can settle: the carrier is rung up, and tells what became of it.
    pub(crate) async fn settle_doubts(&mut self, percent: usize) {
        for house in 0..self.houses.len() {
            if !self.dice.happens(percent) {
                continue;
            }
            let actor = self.houses[house].actor.clone();
            let list = async |engine: Engine| engine.doubts(&actor, Doubts::ForAPerson, None, MAX_LISTED).await;
            for message in surely(&self.street, list).await.0.unwrap() {
                let attempt = store::messages::attempt(message.id, message.attempts);
                let fate =
                    if self.street.simulator.texts_of(attempt).unwrap() > 0 { Fate::Sent } else { Fate::NotSent };
                let settle = async |engine: Engine| engine.settle_by_hand(&actor, message.id, fate).await;
                let (settled, again) = surely(&self.street, settle).await;
                assert!(settled.is_ok() || again, "{settled:?}");
                self.count("a message was settled by a person");
            }
        }
    }
}
