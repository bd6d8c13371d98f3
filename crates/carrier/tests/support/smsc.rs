//! A small SMSC on loopback. It reads and writes PDUs with `rusmpp`, which is somebody else's reading of the standard, and does as it is told:
//! takes a text, refuses it, keeps silent, breaks the link. One that `rusmpp` cannot read ends the link, so a wrong byte of ours shows.
//! What happens to texts is written down beforehand ([`Fate`]), or somebody judges each ([`Judge`]), as the exchange of the year's story does.

#![allow(dead_code, reason = "shared by test binaries, each of which uses a part")]

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rusmpp::pdus::{BindTransceiver, BindTransceiverResp, BindTransmitterResp, DeliverSm, SubmitSm, SubmitSmResp};
use rusmpp::tlvs::MessageDeliveryRequestTlvValue;
use rusmpp::tokio_codec::CommandCodec;
use rusmpp::types::{COctetString, OctetString};
use rusmpp::values::{DataCoding, EsmClass, RegisteredDelivery};
use rusmpp::{Command, CommandStatus, Pdu};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Decoder as _, Encoder as _};

pub(crate) const SYSTEM_ID: &str = "dripline";
pub(crate) const PASSWORD: &str = "pass";

/// Longest wait for anything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What happens to a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is taken.
    Taken,
    /// It is refused.
    Refused(CommandStatus),
    /// It is taken, and nothing is answered.
    Silence,
    /// It is taken, and the link breaks before the answer.
    Break,
}

/// A text that came.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) pdu: SubmitSm,
    /// The identifier that it was given; empty if it was refused.
    pub(crate) id: String,
}

impl Came {
    pub(crate) fn from(&self) -> &str {
        self.pdu.source_addr.as_str()
    }

    pub(crate) fn to(&self) -> &str {
        self.pdu.destination_addr.as_str()
    }

    pub(crate) fn wants_receipt(&self) -> bool {
        u8::from(self.pdu.registered_delivery) & 1 == 1
    }

    /// The header of a part: reference, parts, number.
    pub(crate) fn part(&self) -> Option<(u8, u8, u8)> {
        let bytes = self.pdu.short_message().as_ref();
        match bytes {
            [5, 0, 3, reference, parts, number, ..] if u8::from(self.pdu.esm_class) & 0x40 != 0 => {
                Some((*reference, *parts, *number))
            }
            _ => None,
        }
    }

    /// The text of this part, as a handset reads it.
    pub(crate) fn text(&self) -> String {
        let bytes = self.pdu.short_message().as_ref();
        let body = if self.part().is_some() { &bytes[6..] } else { bytes };
        let coding = u8::from(self.pdu.data_coding);
        carrier::smpp::alphabet::read(body, coding, carrier::smpp::alphabet::Alphabet::Gsm).unwrap()
    }

    /// The units that a network bills by: septets, or bytes of UTF-16 by two.
    pub(crate) fn octets(&self) -> usize {
        self.pdu.short_message().as_ref().len()
    }
}

/// The handsets' view: texts put together from their parts, in the order in which they became whole.
pub(crate) fn whole(came: &[Came]) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    let mut waiting = BTreeMap::<(String, u8, u8), BTreeMap<u8, String>>::new();
    for one in came.iter().filter(|one| !one.id.is_empty()) {
        let Some((reference, count, number)) = one.part() else {
            texts.push((one.to().to_owned(), one.text()));
            continue;
        };
        let parts = waiting.entry((one.to().to_owned(), reference, count)).or_default();
        parts.insert(number, one.text());
        if parts.len() == usize::from(count) {
            texts.push((one.to().to_owned(), std::mem::take(parts).into_values().collect()));
        }
    }
    texts
}

/// A text that somebody judges.
pub(crate) struct Handed {
    /// The account that handed it in.
    pub(crate) system_id: String,
    pub(crate) sequence: u32,
    pub(crate) pdu: SubmitSm,
}

/// Says what happens on the link after a text.
pub(crate) type Judge = Arc<dyn Fn(Handed) -> Pin<Box<dyn Future<Output = Order> + Send>> + Send + Sync>;

/// A link that is bound.
pub(crate) struct Link {
    pub(crate) system_id: String,
    pub(crate) orders: mpsc::UnboundedSender<Order>,
}

/// A delivery that is not confirmed, and its link.
type Waiting = (mpsc::UnboundedSender<Order>, oneshot::Sender<CommandStatus>);

#[derive(Default)]
pub(crate) struct Seen {
    /// Who may bind: names and passwords.
    pub(crate) accounts: Vec<(String, String)>,
    /// Whoever judges texts, if they have no fates.
    pub(crate) judge: Option<Judge>,
    /// Every text, in order.
    pub(crate) came: Vec<Came>,
    /// What happens to the next ones; the rest is taken.
    pub(crate) fates: VecDeque<Fate>,
    /// The binds that were let in.
    pub(crate) binds: Vec<BindTransceiver>,
    /// Binds that were refused.
    pub(crate) refused: usize,
    /// Links that are bound now.
    pub(crate) links: Vec<Link>,
    /// Links that said farewell.
    pub(crate) unbinds: usize,
    /// Answers to what was delivered, by sequence number.
    pub(crate) answers: Vec<(u32, CommandStatus)>,
    /// Enquiries after the link.
    pub(crate) enquiries: usize,
    /// Whether binds are refused.
    pub(crate) closed: bool,
    sequence: u32,
    last_id: u64,
    waiting: HashMap<u32, Waiting>,
    /// Deliveries whose confirmation gets lost with its link.
    unread: BTreeSet<u32>,
    /// Whether whoever judges texts panicked, which ends that task alone.
    has_panicked: bool,
}

/// What happens on a link.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Say(Vec<u8>),
    /// Byte by byte, as a slow line brings it.
    Drip(Vec<u8>),
    /// The last that is said: the link ends.
    Last(Vec<u8>),
    Break,
}

/// The SMSC.
#[derive(Clone)]
pub(crate) struct Smsc {
    pub(crate) port: u16,
    seen: Arc<Mutex<Seen>>,
    news: Arc<watch::Sender<()>>,
}

impl Smsc {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Seen { accounts: vec![(SYSTEM_ID.to_owned(), PASSWORD.to_owned())], ..Seen::default() };
        let smsc = Self { port, seen: Arc::new(Mutex::new(seen)), news: Arc::new(watch::channel(()).0) };
        let desk = smsc.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let desk = desk.clone();
                tokio::spawn(async move { desk.serve(stream).await });
            }
        });
        smsc
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    pub(crate) fn fates(&self, fates: &[Fate]) {
        self.seen().fates.extend(fates);
    }

    /// Waits until this holds, however long.
    pub(crate) async fn when<T>(&self, mut found: impl FnMut(&Seen) -> Option<T>) -> T {
        let mut news = self.news.subscribe();
        loop {
            news.mark_unchanged();
            let (found, has_panicked) = {
                let seen = self.seen();
                (found(&seen), seen.has_panicked)
            };
            assert!(!has_panicked, "whoever judges the texts panicked");
            if let Some(found) = found {
                return found;
            }
            news.changed().await.unwrap();
        }
    }

    /// Waits until this holds.
    pub(crate) async fn until<T>(&self, what: &str, found: impl FnMut(&Seen) -> Option<T>) -> T {
        let wait = tokio::time::timeout(PATIENCE, self.when(found));
        wait.await.unwrap_or_else(|_| panic!("the SMSC never saw {what}"))
    }

    pub(crate) async fn bound(&self) {
        self.until("a link", |seen| (!seen.links.is_empty()).then_some(())).await;
    }

    /// Waits for as many texts as that, and answers them.
    pub(crate) async fn texts(&self, count: usize) -> Vec<Came> {
        self.until("so many texts", |seen| (seen.came.len() >= count).then(|| seen.came.clone())).await
    }

    /// Breaks every link.
    pub(crate) fn break_links(&self) {
        for link in &self.seen().links {
            let _ = link.orders.send(Order::Break);
        }
    }

    /// Bytes as they are, over the newest link.
    pub(crate) fn say(&self, bytes: Vec<u8>) {
        self.seen().links.last().unwrap().orders.send(Order::Say(bytes)).ok().unwrap();
    }

    /// The sequence number of the next delivery.
    pub(crate) fn next(&self) -> u32 {
        let mut seen = self.seen();
        seen.sequence += 1;
        seen.sequence
    }

    /// Delivers to the newest link; answers how it was answered.
    pub(crate) async fn deliver(&self, pdu: DeliverSm) -> CommandStatus {
        let sequence = self.next();
        self.say(bytes(&Command::new(CommandStatus::EsmeRok, sequence, pdu)));
        self.answer(sequence).await
    }

    /// The answer to a delivery.
    pub(crate) async fn answer(&self, sequence: u32) -> CommandStatus {
        let answered = |seen: &Seen| seen.answers.iter().find(|(of, _)| *of == sequence).map(|(_, status)| *status);
        self.until("an answer to a delivery", answered).await
    }

    /// Delivers in one go, over the newest link of an account: how each was answered, or nothing where its link ended before. The last
    /// confirmation may get lost: it comes, and the link ends before the SMSC has read it.
    pub(crate) async fn hand_over(
        &self,
        system_id: &str,
        pdus: &[DeliverSm],
        is_unread: bool,
    ) -> Vec<Option<CommandStatus>> {
        let (mut said, mut answers) = (Vec::new(), Vec::new());
        {
            let mut seen = self.seen();
            let link = seen.links.iter().rev().find(|link| link.system_id == system_id);
            let Some(orders) = link.map(|link| link.orders.clone()) else { return vec![None; pdus.len()] };
            for (nth, pdu) in (1..).zip(pdus) {
                seen.sequence += 1;
                let sequence = seen.sequence;
                said.extend(bytes(&Command::new(CommandStatus::EsmeRok, sequence, pdu.clone())));
                let (answer, answered) = oneshot::channel();
                seen.waiting.insert(sequence, (orders.clone(), answer));
                answers.push(answered);
                if is_unread && nth == pdus.len() {
                    seen.unread.insert(sequence);
                }
            }
            let _ = orders.send(Order::Say(said));
        }
        let mut statuses = Vec::new();
        for answer in answers {
            statuses.push(answer.await.ok());
        }
        statuses
    }

    /// A receipt for a text that came.
    pub(crate) async fn receipt(&self, of: &Came, stat: &str) -> CommandStatus {
        self.deliver(receipt(&of.id, of.to(), of.from(), stat)).await
    }

    async fn serve(&self, mut stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let (mut codec, mut inbox) = (CommandCodec::new(), BytesMut::new());
        let (orders, mut todo) = mpsc::unbounded_channel();
        loop {
            tokio::select! {
                read = stream.read_buf(&mut inbox) => if !matches!(read, Ok(1..)) { break },
                order = todo.recv() => if obey(&mut stream, order).await.is_err() { break },
            }
            let mut open = true;
            while let Some(command) = codec.decode(&mut inbox).unwrap() {
                match self.take(&command, &orders) {
                    Ok(Some(answer)) => open &= stream.write_all(&bytes(&answer)).await.is_ok(),
                    Ok(None) => {}
                    // What came behind it is not read.
                    Err(Broken) => {
                        open = false;
                        break;
                    }
                }
            }
            self.news.send_replace(());
            if !open {
                break;
            }
        }
        {
            let mut seen = self.seen();
            seen.links.retain(|link| !link.orders.same_channel(&orders));
            seen.waiting.retain(|_, (link, _)| !link.same_channel(&orders));
        }
        self.news.send_replace(());
    }

    /// What is answered to a request.
    fn take(&self, command: &Command, orders: &mpsc::UnboundedSender<Order>) -> Result<Option<Command>, Broken> {
        let mut seen = self.seen();
        let sequence = command.sequence_number();
        let answer = |status, pdu: Pdu| Ok(Some(Command::new(status, sequence, pdu)));
        match command.pdu() {
            Some(Pdu::BindTransceiver(bind)) => {
                let ours = seen.lets_in(bind.system_id.as_str(), bind.password.as_str());
                if !ours || seen.closed {
                    seen.refused += 1;
                    let status = if ours { CommandStatus::EsmeRbindfail } else { CommandStatus::EsmeRinvpaswd };
                    return answer(status, BindTransceiverResp::default().into());
                }
                seen.binds.push(bind.clone());
                seen.links.push(Link { system_id: bind.system_id.as_str().to_owned(), orders: orders.clone() });
                answer(CommandStatus::EsmeRok, BindTransceiverResp::builder().system_id(text("test")).build().into())
            }
            // Who only wants to know whether it works: nothing is kept of it.
            Some(Pdu::BindTransmitter(bind)) => {
                let ours = seen.lets_in(bind.system_id.as_str(), bind.password.as_str());
                let status = if ours { CommandStatus::EsmeRok } else { CommandStatus::EsmeRinvpaswd };
                answer(status, BindTransmitterResp::default().into())
            }
            Some(Pdu::SubmitSm(pdu)) if seen.judge.is_some() => {
                let link = seen.links.iter().find(|link| link.orders.same_channel(orders));
                let (Some(judge), Some(link)) = (&seen.judge, link) else { return Err(Broken) };
                let judged = judge(Handed { system_id: link.system_id.clone(), sequence, pdu: pdu.clone() });
                let orders = orders.clone();
                let watch = Watch(self.clone());
                tokio::spawn(async move {
                    let _ = orders.send(judged.await);
                    drop(watch);
                });
                Ok(None)
            }
            Some(Pdu::SubmitSm(pdu)) => {
                let fate = seen.fates.pop_front().unwrap_or(Fate::Taken);
                if let Fate::Refused(status) = fate {
                    seen.came.push(Came { pdu: pdu.clone(), id: String::new() });
                    return answer(status, SubmitSmResp::default().into());
                }
                seen.last_id += 1;
                let id = format!("{:08X}", 0xA000 + seen.last_id);
                seen.came.push(Came { pdu: pdu.clone(), id: id.clone() });
                match fate {
                    Fate::Silence => Ok(None),
                    Fate::Break => Err(Broken),
                    _ => answer(CommandStatus::EsmeRok, SubmitSmResp::builder().message_id(text(&id)).build().into()),
                }
            }
            Some(Pdu::EnquireLink) => {
                seen.enquiries += 1;
                answer(CommandStatus::EsmeRok, Pdu::EnquireLinkResp)
            }
            Some(Pdu::Unbind) => {
                seen.unbinds += 1;
                answer(CommandStatus::EsmeRok, Pdu::UnbindResp)
            }
            _ if command.id() == rusmpp::CommandId::DeliverSmResp => seen.confirmed(sequence, command.status()),
            _ => Ok(None),
        }
    }
}

impl Seen {
    fn lets_in(&self, name: &str, word: &str) -> bool {
        self.accounts.iter().any(|(system_id, password)| system_id == name && password == word)
    }

    fn confirmed(&mut self, sequence: u32, status: CommandStatus) -> Result<Option<Command>, Broken> {
        if self.unread.remove(&sequence) {
            return Err(Broken);
        }
        self.answers.push((sequence, status));
        if let Some((_, answer)) = self.waiting.remove(&sequence) {
            let _ = answer.send(status);
        }
        Ok(None)
    }
}

struct Broken;

/// Tells a panic to whoever waits for the SMSC.
struct Watch(Smsc);

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.seen().has_panicked = true;
            self.0.news.send_replace(());
        }
    }
}

/// Does what a link is told to; an error ends it.
async fn obey(stream: &mut TcpStream, order: Option<Order>) -> Result<(), Broken> {
    let (bytes, at_once, is_last) = match order {
        Some(Order::Say(bytes)) => (bytes, usize::MAX, false),
        Some(Order::Drip(bytes)) => (bytes, 1, false),
        Some(Order::Last(bytes)) => (bytes, usize::MAX, true),
        Some(Order::Break) | None => return Err(Broken),
    };
    for piece in bytes.chunks(at_once) {
        stream.write_all(piece).await.map_err(|_| Broken)?;
        tokio::task::yield_now().await;
    }
    if is_last { Err(Broken) } else { Ok(()) }
}

/// The answer to a submission.
pub(crate) fn submitted(sequence: u32, status: CommandStatus, id: &str) -> Vec<u8> {
    bytes(&Command::new(status, sequence, SubmitSmResp::builder().message_id(text(id)).build()))
}

pub(crate) fn bytes(command: &Command) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    CommandCodec::new().encode(command, &mut bytes).unwrap();
    bytes.to_vec()
}

/// A string with its end.
pub(crate) fn text<const MIN: usize, const MAX: usize>(text: &str) -> COctetString<MIN, MAX> {
    text.parse().unwrap()
}

/// A text from a handset.
pub(crate) fn inbound(from: &str, to: &str, body: &str) -> DeliverSm {
    let (coding, bytes) = carrier::smpp::alphabet::write(body, carrier::smpp::alphabet::Alphabet::Gsm);
    delivery(from, to, 0, coding, &bytes)
}

/// A delivery as it is on the line.
pub(crate) fn delivery(from: &str, to: &str, esm_class: u8, coding: u8, bytes: &[u8]) -> DeliverSm {
    DeliverSm::builder()
        .source_addr(text(from))
        .destination_addr(text(to))
        .esm_class(EsmClass::from(esm_class))
        .data_coding(DataCoding::from(coding))
        .registered_delivery(RegisteredDelivery::from(0))
        .short_message(OctetString::from_slice(bytes).unwrap())
        .build()
}

/// A receipt, with the text that SMSCs write.
pub(crate) fn receipt(id: &str, from: &str, to: &str, stat: &str) -> DeliverSm {
    let text =
        format!("id:{id} sub:001 dlvrd:001 submit date:2611241500 done date:2611241501 stat:{stat} err:000 text:");
    delivery(from, to, 0x04, 0, text.as_bytes())
}

/// The same with the optional parameters alone.
pub(crate) fn receipt_by_parameters(id: &str, from: &str, to: &str, state: u8) -> DeliverSm {
    let mut pdu = delivery(from, to, 0x04, 0, b"");
    pdu.push_tlv(MessageDeliveryRequestTlvValue::ReceiptedMessageId(text(id)));
    pdu.push_tlv(MessageDeliveryRequestTlvValue::MessageState(state.into()));
    pdu
}
