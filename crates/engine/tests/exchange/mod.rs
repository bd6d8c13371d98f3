//! A telephone exchange on loopback: the simulator's handsets behind the APIs of the five carriers, Kannel's and an SMSC, with every fault of a
//! real line.
//!
//! | file | owns |
//! |---|---|
//! | `http` | the server, which also behaves badly |
//! | `dialect` | what differs between the carriers, as a trait; `twilio`, `telnyx`, … speak it |
//! | `seal` | how carriers sign, and how they count |
//! | `tell` | the calls that it makes |
//! | `smpp` | the same over links |
//! | here | what becomes of a text, and what the exchange remembers: its word against ours |
//!
//! What a handset does comes from the simulator, whose journal holds what truly arrived. What the connection does comes from here.
//! Time is the engine's clock; the requests are real.

#![allow(clippy::unwrap_used, dead_code, reason = "shared by test binaries, each of which uses a part")]

mod bandwidth;
pub(crate) mod dialect;
mod gateway;
pub(crate) mod http;
mod plivo;
mod seal;
pub(crate) mod smpp;
#[path = "../../../carrier/tests/support/smsc.rs"]
mod smsc;
mod tell;
mod telnyx;
mod twilio;
#[path = "../../../carrier/tests/support/validity.rs"]
mod validity;
mod vonage;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use carrier::account::Kind;
use carrier::simulator::{Answer as Fate, Reaction};
use carrier::{Carrier as _, CarrierEvent, Outcome, ReceiptState, Simulator, Submission};
use domain::ids::AttemptId;
use engine::Clock;
use futures_util::FutureExt as _;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, oneshot};

pub(crate) use self::dialect::Account;
use self::dialect::{Dialect, Text, Wanted, Why};
use self::http::{Answer, Asked, Says};
pub(crate) use self::tell::hear;

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Well,
    Drips,
    ThenGone,
    Drops,
    /// Half of the answer.
    Breaks,
    /// An answer of success that is none.
    Garbles,
    /// A page of something that stands before the carrier.
    Page(u16),
    /// The answer waits until [`Exchange::release`].
    Waits,
}

/// What makes an answer worthless.
const WORTHLESS: [Wire; 6] =
    [Wire::Drops, Wire::Breaks, Wire::Garbles, Wire::Page(500), Wire::Page(502), Wire::Page(307)];

/// Calls that come before the answer to the submission; the answer waits until they were taken.
pub(crate) struct Early {
    pub(crate) events: Vec<CarrierEvent>,
    pub(crate) taken: oneshot::Sender<()>,
}

/// What chance does, in a hundred. Nothing without being told.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Habits {
    /// Texts that the carrier counts one segment less than a careful customer.
    pub(crate) fewer_segments: u64,
    /// Searches that fail.
    pub(crate) search_fails: u64,
    /// Seconds until a text can be found.
    pub(crate) search_lag_seconds: i64,
    /// Texts whose news, and half the time an answer, come before the answer to the submission.
    pub(crate) early: u64,
    /// Calls before which a stranger makes one.
    pub(crate) forged: u64,
    /// Good answers that come badly.
    pub(crate) rough: u64,
    /// Where the customer's clock is another process's: when an attempt was made. The exchange's clock follows it.
    pub(crate) made_at: Option<fn(AttemptId) -> Timestamp>,
}

/// The exchange.
#[derive(Clone)]
pub(crate) struct Exchange {
    /// `http://127.0.0.1:port`.
    pub(crate) address: String,
    pub(crate) simulator: Arc<Simulator>,
    clock: Clock,
    habits: Habits,
    book: Arc<Mutex<Book>>,
    released: Arc<Notify>,
    smsc: Option<smsc::Smsc>,
}

/// What the exchange remembers.
#[derive(Default)]
struct Book {
    accounts: Vec<Account>,
    texts: Vec<Text>,
    by_attempt: HashMap<AttemptId, usize>,
    handed: Vec<(Submission, Outcome)>,
    wires: HashMap<String, VecDeque<Wire>>,
    early: Option<mpsc::UnboundedSender<Early>>,
    always_early: bool,
    closed: Vec<u8>,
    forged: usize,
    centre: smpp::Centre,
}

impl Exchange {
    pub(crate) async fn open(simulator: Arc<Simulator>, clock: Clock, habits: Habits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::open_at(listener, simulator, clock, habits)
    }

    pub(crate) fn open_at(listener: TcpListener, simulator: Arc<Simulator>, clock: Clock, habits: Habits) -> Self {
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (book, released) = Default::default();
        let exchange = Self { address, simulator, clock, habits, book, released, smsc: None };
        let desk = exchange.clone();
        http::serve(
            listener,
            Arc::new(move |asked| {
                let desk = desk.clone();
                Box::pin(async move { desk.answer(asked).await })
            }),
        );
        exchange
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    /// A customer opens an account with these numbers.
    pub(crate) fn account(&self, kind: Kind, numbers: &[&str]) -> Account {
        let mut book = self.book();
        let nth = u8::try_from(book.accounts.len()).unwrap();
        let numbers = numbers.iter().map(|number| (*number).to_owned()).collect();
        let at = match &self.smsc {
            Some(smsc) if kind == Kind::Smpp => smsc.port.to_string(),
            _ => self.address.clone(),
        };
        let account = Account { kind, nth, at, callbacks: String::new(), numbers };
        book.accounts.push(account.clone());
        drop(book);
        if kind == Kind::Smpp {
            self.let_in(&account);
        }
        account
    }

    /// The customer copies our address into the console.
    pub(crate) fn call_at(&self, account: &Account, callbacks: &str) {
        callbacks.clone_into(&mut self.book().accounts[usize::from(account.nth)].callbacks);
    }

    /// How the next connections about this handset end.
    pub(crate) fn wires(&self, phone: &str, wires: &[Wire]) {
        self.book().wires.insert(phone.to_owned(), wires.iter().copied().collect());
    }

    /// The customer's account ends: the carrier knows nothing of it.
    pub(crate) fn close(&self, account: &Account) {
        self.book().closed.push(account.nth);
    }

    /// It is back.
    pub(crate) fn reopen(&self, account: &Account) {
        self.book().closed.retain(|nth| *nth != account.nth);
    }

    /// From now on all that is due is told before the answer.
    pub(crate) fn always_early(&self) {
        self.book().always_early = true;
    }

    /// Lets answers go that wait.
    pub(crate) fn release(&self) {
        self.released.notify_waiters();
    }

    /// Whoever takes the calls that come before their answers.
    pub(crate) fn early(&self) -> mpsc::UnboundedReceiver<Early> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.book().early = Some(sender);
        receiver
    }

    /// What was handed over and what that must mean to us, in order.
    pub(crate) fn handed(&self) -> Vec<(Submission, Outcome)> {
        self.book().handed.clone()
    }

    /// The time here.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The texts that were taken, in order: to whom, what, and of which attempt.
    pub(crate) fn texts(&self) -> Vec<(String, String, AttemptId)> {
        let book = self.book();
        let ours = book.texts.iter().filter_map(|text| text.attempt.map(|attempt| (text, attempt)));
        ours.map(|(text, attempt)| (text.to.clone(), text.body.clone(), attempt)).collect()
    }

    /// How many calls were forged.
    pub(crate) fn forged(&self) -> usize {
        self.book().forged
    }

    /// How many segments the carrier counts of the text of an attempt, where its news say so.
    pub(crate) fn counted(&self, attempt: i64) -> Option<u32> {
        let book = self.book();
        let text = &book.texts[*book.by_attempt.get(&AttemptId(attempt))?];
        let kind = book.owner(&text.from)?.kind;
        (kind != Kind::Smpp && dialect::of(kind).counts_later()).then_some(text.segments)
    }

    /// How many texts of an attempt the carrier has taken, whatever became of them.
    pub(crate) fn taken(&self, attempt: AttemptId) -> u32 {
        self.simulator.texts_of(attempt).unwrap() + self.simulator.expired_of(attempt).unwrap()
    }

    /// An even draw below a hundred that depends on these words alone.
    fn luck(&self, words: &[&str]) -> u64 {
        let digits = seal::hash(words.join("\n").as_bytes());
        u64::from_str_radix(&digits[..8], 16).unwrap() % 100
    }

    async fn answer(&self, asked: Asked) -> Answer {
        let Some(kind) = dialect::spoken_at(&asked.path) else { return Answer::Whole(Says::page(404)) };
        let speaks = dialect::of(kind);
        let account =
            self.book().accounts.iter().find(|one| one.kind == kind && speaks.is_asked_by(&asked, one)).cloned();
        let Some(account) = account else { return Answer::Whole(speaks.refused(Why::Credentials, 0).unwrap()) };
        if self.book().closed.contains(&account.nth) {
            return Answer::Whole(speaks.refused(Why::NoAccount, 0).unwrap());
        }
        let is_its_own = asked.path == speaks.place(&account);
        match asked.method.as_str() {
            _ if speaks.submits(&asked) && is_its_own => match self.wanted(&asked, speaks) {
                Ok(wanted) => self.take(wanted, &account, speaks).await,
                Err(says) => Answer::Whole(says),
            },
            "GET" => self.search(&asked, &account, speaks),
            _ => Answer::Whole(speaks.refused(Why::NoAccount, 0).unwrap()),
        }
    }

    fn wanted(&self, asked: &Asked, speaks: &dyn Dialect) -> Result<Wanted, Says> {
        let wanted = speaks.wanted(asked, self.clock.now())?;
        let Some(made_at) = self.habits.made_at else { return Ok(wanted) };
        self.clock.move_to(made_at(wanted.echo.parse().expect("the customer has every text echoed")));
        speaks.wanted(asked, self.clock.now())
    }

    fn search(&self, asked: &Asked, account: &Account, speaks: &dyn Dialect) -> Answer {
        let now = self.clock.now();
        let fails = self.luck(&[&now.to_string(), &format!("{:?}", asked.query)]);
        if fails < self.habits.search_fails {
            return if fails.is_multiple_of(2) { Answer::Drops } else { Answer::Whole(Says::page(503)) };
        }
        let book = self.book();
        let lag = jiff::SignedDuration::from_secs(self.habits.search_lag_seconds);
        let theirs = |text: &&Text| {
            let ours = if text.attempt.is_some() { &text.from } else { &text.to };
            account.numbers.contains(ours) && text.at + lag <= now
        };
        let newest: Vec<&Text> = book.texts.iter().rev().filter(theirs).collect();
        // What is no search is a question whether the account is there.
        let says = speaks.listed(asked, &newest, account);
        Answer::Whole(says.unwrap_or_else(|| Says::json(200, &serde_json::json!({}))))
    }

    async fn take(&self, wanted: Wanted, account: &Account, speaks: &dyn Dialect) -> Answer {
        if !account.numbers.contains(&wanted.from) {
            return Answer::Whole(speaks.refused(Why::Sender, 0).unwrap());
        }
        let (outcome, text, wire) = self.hand_over(wanted, account, &|hash| speaks.id(hash), false).await;
        let says = self.says(&outcome, &text, account, speaks);
        self.bring(wire, says).await
    }

    /// What becomes of a text, and how that is told. Whoever has taken its first parts cannot refuse the rest: that leaves it in doubt.
    async fn hand_over(
        &self,
        wanted: Wanted,
        account: &Account,
        id: &(dyn Fn(&str) -> String + Sync),
        has_begun: bool,
    ) -> (Outcome, Text, Wire) {
        let now = self.clock.now();
        let attempt = wanted.echo.parse().unwrap_or_else(|_| AttemptId(i64::try_from(self.handed().len()).unwrap()));
        let word = attempt.to_string();
        let Wanted { from, to, body, echo, news, deliver_by } = wanted;
        let segments = seal::segments(&body);
        let submission = Submission { attempt, from, to, body, segments, deliver_by };
        let early = self.luck(&[&word, "early"]) < self.habits.early;
        if early {
            self.script_early(&submission, &word);
        }
        let before = self.taken(attempt);
        let mut outcome = self.simulator.submit(&submission, now).now_or_never().unwrap();
        let is_taken = self.taken(attempt) > before;
        let fewer = self.luck(&[&submission.body, "fewer"]) < self.habits.fewer_segments;
        let text = Text {
            id: id(&seal::hash(format!("{word} {before}").as_bytes())),
            attempt: Some(attempt),
            from: submission.from.clone(),
            to: submission.to.clone(),
            body: submission.body.clone(),
            media: 0,
            segments: if fewer { (segments - 1).max(1) } else { segments },
            echo,
            news: if news.is_empty() { account.callbacks.clone() } else { news },
            at: now,
        };
        if let Outcome::Accepted { segments, .. } = &mut outcome {
            let counts = account.kind == Kind::Smpp || dialect::of(account.kind).counts_at_once(account);
            *segments = counts.then_some(text.segments);
        }
        let wire = {
            let mut book = self.book();
            let meant = if has_begun { begun(&outcome) } else { outcome.clone() };
            book.handed.push((submission.clone(), meant));
            if is_taken {
                let place = book.texts.len();
                book.by_attempt.insert(attempt, place);
                book.texts.push(text.clone());
            }
            book.wires.get_mut(&submission.to).and_then(VecDeque::pop_front)
        };
        if (early || self.book().always_early) && is_taken {
            self.tell_early().await;
        }
        let wire = wire.unwrap_or_else(|| self.wire(&word, &outcome));
        (outcome, text, wire)
    }

    /// What the carrier says in its own words.
    fn says(&self, outcome: &Outcome, text: &Text, account: &Account, speaks: &dyn Dialect) -> Says {
        let luck = usize::try_from(self.luck(&[&text.id, "code"])).unwrap();
        let refused = |why| speaks.refused(why, luck).expect("the behaviour leaves out what this carrier never says");
        match outcome {
            Outcome::Accepted { .. } | Outcome::InDoubt { .. } => speaks.taken(text, account),
            Outcome::Temporary { retry_after: Some(wait), .. } => {
                let says = speaks.refused(Why::Busy, 1).unwrap();
                says.with("retry-after", wait.as_secs().to_string())
            }
            Outcome::Temporary { .. } => refused(Why::Busy),
            Outcome::Permanent { .. } => refused(Why::BadNumber),
            Outcome::OptedOut { .. } => refused(Why::OptedOut),
            Outcome::SenderProblem { .. } => refused(Why::Sender),
            Outcome::Rejected { .. } => refused(Why::Filtered),
        }
    }

    fn wire(&self, word: &str, outcome: &Outcome) -> Wire {
        let luck = self.luck(&[word, "wire"]);
        if matches!(outcome, Outcome::InDoubt { .. }) {
            return WORTHLESS[usize::try_from(luck).unwrap() % WORTHLESS.len()];
        }
        match luck {
            rough if rough >= self.habits.rough => Wire::Well,
            rough if rough % 2 == 0 => Wire::Drips,
            _ => Wire::ThenGone,
        }
    }

    async fn bring(&self, wire: Wire, says: Says) -> Answer {
        match wire {
            Wire::Well => Answer::Whole(says),
            Wire::Drips => Answer::Drips(says),
            Wire::ThenGone => Answer::ThenGone(says),
            Wire::Drops => Answer::Drops,
            Wire::Breaks => Answer::Breaks(says),
            Wire::Garbles => Answer::Whole(Says { body: "{\"id\": 7, \"ok\":".to_owned(), ..says }),
            Wire::Page(status) => Answer::Whole(Says::page(status).with("location", "https://example.com/".to_owned())),
            Wire::Waits => {
                self.released.notified().await;
                Answer::Whole(says)
            }
        }
    }

    /// Everything about this text happens in the same instant; for some the answer to the submission gets lost besides.
    fn script_early(&self, submission: &Submission, word: &str) {
        let fate = if self.luck(&[word, "lost"]) < 30 { Fate::LostAfter } else { Fate::Accept };
        let reaction = Reaction::answering(fate).receipt(ReceiptState::Sent, 0).receipt(ReceiptState::Delivered, 0);
        let answers = self.luck(&[word, "answers"]) < 50;
        let reaction = if answers { reaction.reply("Yes, tell me more", 0) } else { reaction };
        self.simulator.script(&submission.to, vec![reaction]);
    }

    async fn tell_early(&self) {
        let Some(sender) = self.book().early.clone() else { return };
        let events = self.simulator.due_events(self.clock.now());
        let (taken, when_taken) = oneshot::channel();
        sender.send(Early { events, taken }).ok().unwrap();
        when_taken.await.unwrap();
    }
}

/// What the refusal of a later part means: only one that says to come again is clear.
fn begun(outcome: &Outcome) -> Outcome {
    match outcome {
        Outcome::Accepted { .. } | Outcome::InDoubt { .. } | Outcome::Temporary { retry_after: Some(_), .. } => {
            outcome.clone()
        }
        _ => Outcome::InDoubt { reason: "a later part was refused".to_owned() },
    }
}

impl Book {
    fn owner(&self, number: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.numbers.iter().any(|own| own == number))
    }
}
