//! SMPP 3.4: the SMSC of `carrier/tests/support`, before the same handsets. Customers bind to it; it tells over their links.
//!
//! | what happens | how |
//! |---|---|
//! | a text in parts | each part is judged; the handset gets it once all are there |
//! | too much at once | `ESME_RTHROTTLED`, `ESME_RMSGQFUL`, for any part |
//! | an answer is lost | the link breaks with all that is in its window, or the answer says nothing |
//! | a reply comes twice | its confirmation was not read before the link broke; a delivery has no identifier |
//! | who is texted writes at once | before the answer, over the same link |
//!
//! A submission names its attempt by 16 bits only, so what the customer meant is asked of the customer's database.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use carrier::{CarrierEvent, FailureClass, Link, Outcome, ReceiptState};
use domain::ids::{AttemptId, MessageId, WorkspaceId};
use engine::hear::HearError;
use engine::{Actor, Engine};
use jiff::SignedDuration;
use rusmpp::pdus::{DeliverSm, SubmitSm};
use rusmpp::tlvs::MessageDeliveryRequestTlvValue as Tlv;
use rusmpp::types::{AnyOctetString, COctetString};
use rusmpp::values::{MessagePayload, MessageState, UserMessageReference};
use rusmpp::{Command, CommandStatus, Pdu};
use store::{DbError, Sql};

use super::dialect::{Account, Call, Tale, Text, Wanted, after, bare, plus};
use super::smsc::{Handed, Judge, Order, Smsc, bytes, delivery, submitted};
use super::{Exchange, Wire, hear, seal, validity};

/// How far the network's time goes in a millisecond of ours.
const HURRY: Duration = Duration::from_millis(200);
/// Most tries to deliver one text.
const TRIES: usize = 200;
/// How long a phone's same words could be taken for a repeat, where a confirmation of them was lost.
const SAME_WORDS: SignedDuration = SignedDuration::from_mins(11);

/// What the SMSC remembers.
#[derive(Default)]
pub(super) struct Centre {
    /// Parts that wait for others: by account, handset and reference.
    parts: BTreeMap<(u8, String, u8), BTreeMap<u8, String>>,
    /// How often each part was handed in.
    tries: BTreeMap<(String, String), u32>,
    customers: BTreeMap<u8, (Engine, WorkspaceId)>,
    /// Replies that were delivered.
    told: std::collections::HashSet<String>,
    recent: BTreeMap<(String, String, String), jiff::Timestamp>,
    references: BTreeMap<String, u16>,
}

static WANTED: Sql = Sql::Same(
    "SELECT t.message_id, t.attempts FROM (
        SELECT m.message_id, m.attempts, CASE WHEN m.state = 'sending' THEN 0 ELSE 2 END AS place
        FROM messages m
        JOIN contacts c ON c.workspace_id = m.workspace_id AND c.contact_id = m.contact_id
        WHERE m.workspace_id = $1 AND c.phone = $2 AND m.body = $3 AND m.kind <> 'inbound'
        UNION ALL
        SELECT e.message_id, 1, 1
        FROM enrollments e
        JOIN contacts c ON c.workspace_id = e.workspace_id AND c.contact_id = e.contact_id
        WHERE e.workspace_id = $1 AND c.phone = $2 AND e.claimed_at IS NOT NULL) AS t
    ORDER BY t.place, t.message_id DESC LIMIT 5",
);

fn system_id(account: &Account) -> String {
    format!("acme{}", account.nth)
}

fn password(account: &Account) -> String {
    format!("word-{}", account.nth)
}

/// Accounts of an odd number are at an SMSC that means Latin-1 by data coding 0, writes identifiers in two ways, and forgets our references.
fn is_odd(account: &Account) -> bool {
    account.nth % 2 == 1
}

/// What the customer types into Dripline.
pub(super) fn typed(account: &Account) -> Vec<(&'static str, String)> {
    let (alphabet, ids) = if is_odd(account) { ("latin1", "hexadecimal") } else { ("gsm", "same") };
    vec![
        ("host", "127.0.0.1".to_owned()),
        ("port", account.at.clone()),
        ("system_id", system_id(account)),
        ("password", password(account)),
        ("alphabet", alphabet.to_owned()),
        ("receipt_ids", ids.to_owned()),
    ]
}

/// The identifier of what has this hash, as answers write it; and as receipts do.
pub(super) fn id(account: &Account, hash: &str) -> String {
    let number = u64::from_str_radix(&hash[..12], 16).unwrap();
    if is_odd(account) { number.to_string() } else { format!("{number:X}") }
}

fn told_id(account: &Account, text: &Text) -> String {
    if is_odd(account) { format!("{:X}", text.id.parse::<u64>().unwrap()) } else { text.id.clone() }
}

impl Exchange {
    /// Takes links too, and makes the network's time pass quickly: its waits are real ones, which no manual clock pushes.
    pub(crate) async fn also_smpp(&mut self) {
        let smsc = Smsc::open().await;
        let desk = self.clone();
        let judge: Judge = Arc::new(move |handed| {
            let desk = desk.clone();
            Box::pin(async move { desk.judge(handed).await })
        });
        smsc.seen().accounts.clear();
        smsc.seen().judge = Some(judge);
        self.smsc = Some(smsc);
    }

    fn smsc(&self) -> &Smsc {
        self.smsc.as_ref().expect("it takes links")
    }

    /// Lets this account bind.
    pub(super) fn let_in(&self, account: &Account) {
        self.smsc().seen().accounts.push((system_id(account), password(account)));
    }

    /// Whose texts an account hands in.
    pub(crate) fn serve(&self, account: &Account, engine: &Engine, workspace: WorkspaceId) {
        self.book().centre.customers.insert(account.nth, (engine.clone(), workspace));
    }

    /// Waits until every account that may bind has its link, unless nobody is let in.
    pub(crate) async fn linked(&self) {
        let Some(smsc) = &self.smsc else { return };
        let stands = |seen: &super::smsc::Seen| {
            let bound = |name: &String| seen.links.iter().any(|link| link.system_id == *name);
            (seen.closed || seen.accounts.iter().all(|(name, _)| bound(name))).then_some(())
        };
        smsc.when(stands).await;
        // A link that has just broken may stand here a little longer than there.
        let customers: Vec<_> = self.book().centre.customers.values().cloned().collect();
        for (engine, workspace) in customers {
            while !smsc.seen().closed && is_down(&engine, workspace).await {
                tokio::task::yield_now().await;
            }
        }
    }

    /// The SMSC lets nobody in any more, or everybody again.
    pub(crate) fn shut(&self, is_shut: bool) {
        self.smsc().seen().closed = is_shut;
        if is_shut {
            self.smsc().break_links();
        }
    }

    /// The attempt that the customer made with this text.
    async fn attempt(&self, account: &Account, to: &str, body: &str) -> Option<AttemptId> {
        let _stands = Standstill::begin();
        let (engine, workspace) = self.book().centre.customers[&account.nth].clone();
        let (to, body) = (to.to_owned(), body.to_owned());
        let read = move |db: &store::Read<'_>| -> Result<Vec<AttemptId>, DbError> {
            let rows = db.query(&WANTED, &[workspace.0.into(), to.as_str().into(), body.as_str().into()])?;
            rows.iter().map(|row| Ok(store::messages::attempt(MessageId(row.int(0)?), row.int(1)?))).collect()
        };
        let wanted = engine.store().read(read).await.unwrap();
        // Two answers to HELP have the same words.
        let book = self.book();
        let new = wanted.iter().find(|attempt| !book.by_attempt.contains_key(attempt));
        new.or(wanted.first()).copied()
    }

    /// One submission: a text, or a part of one.
    async fn judge(&self, handed: Handed) -> Order {
        let Handed { system_id: name, sequence, pdu } = handed;
        let account = self.book().accounts.iter().find(|one| system_id(one) == name).unwrap().clone();
        let (part, written) = read(&pdu, &account);
        let (from, to) = (plus(pdu.source_addr.as_str()), plus(pdu.destination_addr.as_str()));
        let is_last = part.is_none_or(|(_, count, number)| number == count);
        assert_eq!(u8::from(pdu.registered_delivery) & 1 == 1, is_last, "the receipt is asked for with the last part");
        let say = |status, id: &str| Order::Say(submitted(sequence, status, id));
        if !account.numbers.contains(&from) {
            return say(CommandStatus::EsmeRinvsrcadr, "");
        }
        let (mut body, mut count) = (written.clone(), 1);
        if let Some((reference, parts, number)) = part {
            let key = (account.nth, to.clone(), reference);
            if let Some(order) = self.part_fails(&to, &written, number, parts) {
                return order.map_or(Order::Break, |status| say(status, ""));
            }
            let mut book = self.book();
            let waiting = book.centre.parts.entry(key).or_default();
            waiting.insert(number, written.clone());
            if !is_last {
                let id = id(&account, &seal::hash(format!("{to} {written} {number}").as_bytes()));
                return say(CommandStatus::EsmeRok, &id);
            }
            assert_eq!(waiting.len(), usize::from(parts), "the parts come in their order, each after the one before");
            body = waiting.values().map(String::as_str).collect();
            count = u32::from(parts);
        }
        assert_eq!(count, seal::segments(&body), "it was cut otherwise than it was priced");
        let attempt = self.attempt(&account, &to, &body).await;
        let attempt = attempt.unwrap_or_else(|| panic!("nobody wanted this sent to {to}: {body}"));
        self.remember_reference(&pdu, attempt);
        let seconds = validity::seconds(&pdu).expect("every text says how long it may be tried");
        let deliver_by = after(self.clock.now(), seconds);
        let wanted = Wanted { from, to, body, echo: attempt.to_string(), news: String::new(), deliver_by };
        let (outcome, text, wire) = self.hand_over(wanted, &account, &|hash| id(&account, hash), count > 1).await;
        if let Some((reference, ..)) = part
            && !matches!(outcome, Outcome::Temporary { .. })
        {
            self.book().centre.parts.remove(&(account.nth, text.to.clone(), reference));
        }
        self.bring_over(sequence, &outcome, &text, wire).await
    }

    /// What happens to a part before the last: now and then it is too much, or the link breaks.
    fn part_fails(&self, to: &str, text: &str, number: u8, parts: u8) -> Option<Option<CommandStatus>> {
        if number == parts || self.habits.rough == 0 {
            return None;
        }
        let tries = {
            let mut book = self.book();
            let tries = book.centre.tries.entry((to.to_owned(), text.to_owned())).or_default();
            *tries += 1;
            *tries
        };
        match self.luck(&[to, text, &number.to_string(), &tries.to_string()]) {
            0..3 => Some(Some(CommandStatus::EsmeRthrottled)),
            3..5 => Some(None),
            _ => None,
        }
    }

    fn remember_reference(&self, pdu: &SubmitSm, attempt: AttemptId) {
        let reference = pdu.tlvs().iter().find_map(|tlv| match tlv.value() {
            Some(rusmpp::tlvs::TlvValue::UserMessageReference(reference)) => Some(reference.value),
            _ => None,
        });
        self.book().centre.references.insert(attempt.to_string(), reference.expect("every text bears one"));
    }

    /// The answer, as the line brings it.
    async fn bring_over(&self, sequence: u32, outcome: &Outcome, text: &Text, wire: Wire) -> Order {
        let luck = self.luck(&[&text.id, "code"]);
        let status = status(outcome, usize::try_from(luck).unwrap());
        let said = submitted(sequence, status, if status == CommandStatus::EsmeRok { &text.id } else { "" });
        match wire {
            Wire::Well => Order::Say(said),
            // Every link that ends takes the others of its window with it.
            Wire::ThenGone if luck < 15 || self.habits.rough == 0 => Order::Last(said),
            Wire::Drips | Wire::ThenGone => Order::Drip(said),
            Wire::Drops => Order::Break,
            Wire::Breaks => Order::Last(said[..said.len() / 2].to_vec()),
            Wire::Garbles => Order::Say(vec![0xFF; 16]),
            // An answer to something else under its number.
            Wire::Page(307) => Order::Say(bytes(&Command::new(CommandStatus::EsmeRok, sequence, Pdu::EnquireLinkResp))),
            Wire::Page(_) => Order::Say(submitted(sequence, CommandStatus::EsmeRsyserr, "")),
            Wire::Waits => {
                self.released.notified().await;
                Order::Say(said)
            }
        }
    }

    /// Tells an event over the account's link, again and again until it is confirmed.
    pub(super) async fn deliver(
        &self,
        engine: &Engine,
        (account, text, tale): (Account, Text, Tale),
        event: &CarrierEvent,
    ) {
        let name = system_id(&account);
        if self.luck(&[&text.id, event.event_id(), "forged"]) < self.habits.forged {
            self.forge(engine, &account, &text).await;
        }
        let mut pdus = match tale {
            Tale::Inbound => {
                // The carrier's own repeats are those of lost confirmations.
                if !self.book().centre.told.insert(text.id.clone()) {
                    return;
                }
                self.replies(&account, &text)
            }
            Tale::News { state, failure } => vec![self.receipt(&account, &text, state, failure)],
        };
        let is_inbound = matches!(tale, Tale::Inbound);
        let mut is_unread = is_inbound && self.luck(&[&text.id, "unread"]) < self.habits.rough;
        for _ in 0..TRIES {
            self.smsc().when(|seen| seen.links.iter().any(|link| link.system_id == name).then_some(())).await;
            let said = self.smsc().hand_over(&name, &pdus, is_unread).await;
            is_unread = false;
            let mut said = said.into_iter();
            pdus.retain(|_| said.next() != Some(Some(CommandStatus::EsmeRok)));
            if pdus.is_empty() {
                return;
            }
        }
        panic!("it is never confirmed: {event:?}");
    }

    /// A stranger who has the account's address calls it, which nobody at an SMSC would.
    async fn forge(&self, engine: &Engine, account: &Account, text: &Text) {
        let pairs = [("from", text.to.clone()), ("to", text.from.clone()), ("text", "STOP".to_owned())];
        let heard = hear(engine, &Call::form(&account.callbacks, &pairs)).await;
        assert!(matches!(heard, Err(HearError::Unverified(_))), "a forged call was taken: {heard:?}");
        self.book().forged += 1;
    }

    /// A reply in as many deliveries as it takes, in any order.
    fn replies(&self, account: &Account, text: &Text) -> Vec<DeliverSm> {
        let (from, to) = (bare(&text.from), bare(&text.to));
        let (coding, body) = match (text.media > 0, seal::is_wide(&text.body), is_odd(account)) {
            (true, ..) => (4, vec![0xCA, 0xFE]),
            (_, true, _) => (8, text.body.encode_utf16().flat_map(u16::to_be_bytes).collect()),
            (.., false) => (0, seal::septets(&text.body)),
            (.., true) => (0, text.body.chars().map(|one| u8::try_from(u32::from(one)).unwrap()).collect()),
        };
        let mut all = if text.segments > 1 {
            self.in_parts(text, (&from, &to), coding, &body)
        } else {
            vec![delivery(&from, &to, 0, coding, &body)]
        };
        // The same words within minutes of each other need something that tells them apart, if a confirmation was lost between them.
        let words = (from, to, text.body.clone());
        let before = self.book().centre.recent.insert(words, text.at);
        if before.is_some_and(|before| text.at.duration_since(before) < SAME_WORDS) {
            let value = AnyOctetString::from_slice(text.id.as_bytes());
            all.iter_mut().for_each(|pdu| pdu.push_tlv(Tlv::Other { tag: 0x1400.into(), value: value.clone() }));
        }
        all
    }

    /// A long text, in one of the four ways in which SMSCs deliver it.
    fn in_parts(&self, text: &Text, (from, to): (&str, &str), coding: u8, body: &[u8]) -> Vec<DeliverSm> {
        let way = self.luck(&[&text.id, "way"]);
        let reference = u8::try_from(self.luck(&[&text.id, "reference"])).unwrap();
        if way < 25 {
            let mut pdu = delivery(from, to, 0, coding, b"");
            pdu.push_tlv(Tlv::MessagePayload(MessagePayload::new(AnyOctetString::from_slice(body))));
            return vec![pdu];
        }
        let pieces: Vec<&[u8]> = body.chunks(134).collect();
        let count = u8::try_from(pieces.len()).unwrap();
        let part = |(number, piece): (u8, &&[u8])| match way {
            25..50 => delivery(from, to, 0x40, coding, &[&[5, 0, 3, reference, count, number], *piece].concat()),
            50..75 => delivery(from, to, 0x40, coding, &[&[6, 8, 4, 1, reference, count, number], *piece].concat()),
            _ => {
                let mut pdu = delivery(from, to, 0, coding, piece);
                pdu.push_tlv(Tlv::SarMsgRefNum(reference.into()));
                pdu.push_tlv(Tlv::SarTotalSegments(count));
                pdu.push_tlv(Tlv::SarSegmentSeqnum(number));
                pdu
            }
        };
        let mut all: Vec<DeliverSm> = (1..).zip(&pieces).map(part).collect();
        if way.is_multiple_of(2) {
            all.reverse();
        }
        all
    }

    fn receipt(&self, account: &Account, text: &Text, state: ReceiptState, failure: Option<FailureClass>) -> DeliverSm {
        let (word, number) = word(state, failure);
        let id = told_id(account, text);
        let by_parameters = self.luck(&[&text.id, word]) < 30;
        let err = if word == "UNDELIV" { "001" } else { "000" };
        let said = format!(
            "id:{id} sub:001 dlvrd:001 submit date:2611241500 done date:2611241501 stat:{word} err:{err} text:{}",
            &text.body.chars().filter(char::is_ascii).take(20).collect::<String>()
        );
        let said = if by_parameters { "" } else { &said };
        let class = if word == "ENROUTE" { 0x20 } else { 0x04 };
        let mut pdu = delivery(&bare(&text.to), &bare(&text.from), class, 0, said.as_bytes());
        if by_parameters {
            pdu.push_tlv(Tlv::ReceiptedMessageId(id.parse::<COctetString<1, 65>>().unwrap()));
            pdu.push_tlv(Tlv::MessageState(number));
        }
        if !is_odd(account)
            && let Some(reference) = self.book().centre.references.get(&text.echo)
        {
            pdu.push_tlv(Tlv::UserMessageReference(UserMessageReference::new(*reference)));
        }
        pdu
    }
}

/// What a submission holds: the header of a part, and the text as a handset reads it.
fn read(pdu: &SubmitSm, account: &Account) -> (Option<(u8, u8, u8)>, String) {
    let all = pdu.short_message().as_ref();
    let (part, rest) = match all {
        [5, 0, 3, reference, count, number, rest @ ..] if u8::from(pdu.esm_class) & 0x40 != 0 => {
            (Some((*reference, *count, *number)), rest)
        }
        whole => (None, whole),
    };
    let text = match (u8::from(pdu.data_coding), is_odd(account)) {
        (8, _) => {
            let units = rest.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            String::from_utf16(&units.collect::<Vec<_>>()).unwrap()
        }
        (0, false) => seal::of_septets(rest),
        (0, true) => rest.iter().copied().map(char::from).collect(),
        (other, _) => panic!("nobody here reads data coding {other}"),
    };
    (part, text)
}

fn status(outcome: &Outcome, luck: usize) -> CommandStatus {
    use CommandStatus as Status;
    let pick = |all: &[CommandStatus]| all[luck % all.len()];
    match outcome {
        Outcome::Accepted { .. } | Outcome::InDoubt { .. } => Status::EsmeRok,
        Outcome::Temporary { retry_after: Some(_), .. } => pick(&[Status::EsmeRthrottled, Status::EsmeRmsgqful]),
        Outcome::Temporary { .. } => Status::EsmeRxTAppn,
        Outcome::Permanent { .. } => Status::EsmeRinvdstadr,
        Outcome::SenderProblem { .. } => pick(&[Status::EsmeRinvsrcadr, Status::EsmeRinvsysid]),
        Outcome::Rejected { .. } => pick(&[Status::EsmeRxRAppn, Status::EsmeRsubmitfail, Status::EsmeRxPAppn]),
        Outcome::OptedOut { .. } => panic!("SMPP has no word for it"),
    }
}

/// A receipt's state as a word and as a number.
fn word(state: ReceiptState, failure: Option<FailureClass>) -> (&'static str, MessageState) {
    match (state, failure) {
        (ReceiptState::Undelivered | ReceiptState::Failed, Some(FailureClass::Expired)) => {
            ("EXPIRED", MessageState::Expired)
        }
        (ReceiptState::Undelivered, _) => ("UNDELIV", MessageState::Undeliverable),
        (ReceiptState::Failed, _) => ("REJECTD", MessageState::Rejected),
        (ReceiptState::Delivered, _) => ("DELIVRD", MessageState::Delivered),
        (ReceiptState::Sent, _) => ("ACCEPTD", MessageState::Accepted),
        _ => ("ENROUTE", MessageState::Enroute),
    }
}

/// Whether a customer's own end says that its link does not stand.
async fn is_down(engine: &Engine, workspace: WorkspaceId) -> bool {
    let accounts = engine.carrier_accounts(&Actor::operator(workspace)).await.unwrap();
    accounts.iter().any(|account| matches!(account.link, Some(Link::Down { .. })))
}

/// Keeps the network's time in a hurry for as long as it lives.
pub(crate) struct Hurry(#[expect(dead_code, reason = "its end is told by its drop")] std::sync::mpsc::Sender<()>);

/// From now on the network's time does not pass by itself but quickly, a step for each millisecond: how long a link waits before it is made
/// anew, how long a throttled one holds back.
pub(crate) fn hurry() -> Hurry {
    tokio::time::pause();
    let (stop, stopped) = std::sync::mpsc::channel();
    let (tick, mut ticks) = tokio::sync::mpsc::channel(1);
    // As long as it runs, the paused clock does not jump to the next wait.
    tokio::task::spawn_blocking(move || {
        while stopped.recv_timeout(Duration::from_millis(1)) == Err(RecvTimeoutError::Timeout) {
            let _ = tick.try_send(());
        }
    });
    tokio::spawn(async move {
        while ticks.recv().await.is_some() {
            if STANDING.load(Ordering::SeqCst) == 0 {
                tokio::time::advance(HURRY).await;
            }
        }
    });
    Hurry(stop)
}

/// How many have something in hand that takes no time of the network.
static STANDING: AtomicUsize = AtomicUsize::new(0);

/// While the SMSC asks a database the network's time stands still: on a busy machine its answer would else come too late.
struct Standstill;

impl Standstill {
    fn begin() -> Self {
        STANDING.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Standstill {
    fn drop(&mut self) {
        STANDING.fetch_sub(1, Ordering::SeqCst);
    }
}
