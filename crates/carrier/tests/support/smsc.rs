//! A small SMSC on loopback. It reads and writes PDUs with `rusmpp`, which is somebody else's reading of the standard, and does as it is told:
//! takes a text, refuses it, keeps silent, breaks the link. One that `rusmpp` cannot read ends the link, so a wrong byte of ours shows.

use std::collections::{BTreeMap, VecDeque};
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
use tokio::sync::{mpsc, watch};
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Decoder as _, Encoder as _};

pub(crate) const SYSTEM_ID: &str = "dripline";
pub(crate) const PASSWORD: &str = "pass";

/// Longest wait for anything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What happens to a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "shared between test binaries")]
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

#[allow(dead_code, reason = "shared between test binaries")]
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

#[derive(Default)]
pub(crate) struct Seen {
    /// Every text, in order.
    pub(crate) came: Vec<Came>,
    /// What happens to the next ones; the rest is taken.
    pub(crate) fates: VecDeque<Fate>,
    /// The binds that were let in.
    pub(crate) binds: Vec<BindTransceiver>,
    /// Binds that were refused.
    pub(crate) refused: usize,
    /// Links that are bound now.
    pub(crate) links: Vec<mpsc::UnboundedSender<Order>>,
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
}

pub(crate) enum Order {
    Say(Vec<u8>),
    Break,
}

/// The SMSC.
#[derive(Clone)]
pub(crate) struct Smsc {
    pub(crate) port: u16,
    seen: Arc<Mutex<Seen>>,
    news: Arc<watch::Sender<()>>,
}

#[allow(dead_code, reason = "shared between test binaries")]
impl Smsc {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let smsc = Self { port, seen: Arc::default(), news: Arc::new(watch::channel(()).0) };
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

    /// Waits until this holds.
    pub(crate) async fn until<T>(&self, what: &str, mut found: impl FnMut(&Seen) -> Option<T>) -> T {
        let mut news = self.news.subscribe();
        let wait = async {
            loop {
                news.mark_unchanged();
                if let Some(found) = found(&self.seen()) {
                    return found;
                }
                news.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("the SMSC never saw {what}"))
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
            let _ = link.send(Order::Break);
        }
    }

    /// Bytes as they are, over the newest link.
    pub(crate) fn say(&self, bytes: Vec<u8>) {
        self.seen().links.last().unwrap().send(Order::Say(bytes)).ok().unwrap();
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

    /// A receipt for a text that came.
    pub(crate) async fn receipt(&self, of: &Came, stat: &str) -> CommandStatus {
        self.deliver(receipt(&of.id, of.to(), of.from(), stat)).await
    }

    async fn serve(&self, mut stream: TcpStream) {
        let (mut codec, mut inbox) = (CommandCodec::new(), BytesMut::new());
        let (orders, mut todo) = mpsc::unbounded_channel();
        loop {
            tokio::select! {
                read = stream.read_buf(&mut inbox) => if !matches!(read, Ok(1..)) { break },
                order = todo.recv() => match order {
                    Some(Order::Say(bytes)) => if stream.write_all(&bytes).await.is_err() { break },
                    _ => break,
                },
            }
            let mut open = true;
            while let Some(command) = codec.decode(&mut inbox).unwrap() {
                match self.take(&command, &orders) {
                    Ok(Some(answer)) => open &= stream.write_all(&bytes(&answer)).await.is_ok(),
                    Ok(None) => {}
                    Err(Broken) => open = false,
                }
            }
            self.news.send_replace(());
            if !open {
                break;
            }
        }
        self.seen().links.retain(|link| !link.same_channel(&orders));
        self.news.send_replace(());
    }

    /// What is answered to a request.
    fn take(&self, command: &Command, orders: &mpsc::UnboundedSender<Order>) -> Result<Option<Command>, Broken> {
        let mut seen = self.seen();
        let sequence = command.sequence_number();
        let answer = |status, pdu: Pdu| Ok(Some(Command::new(status, sequence, pdu)));
        match command.pdu() {
            Some(Pdu::BindTransceiver(bind)) => {
                let ours = bind.system_id.as_str() == SYSTEM_ID && bind.password.as_str() == PASSWORD;
                if !ours || seen.closed {
                    seen.refused += 1;
                    let status = if ours { CommandStatus::EsmeRbindfail } else { CommandStatus::EsmeRinvpaswd };
                    return answer(status, BindTransceiverResp::default().into());
                }
                seen.binds.push(bind.clone());
                seen.links.push(orders.clone());
                answer(CommandStatus::EsmeRok, BindTransceiverResp::builder().system_id(text("test")).build().into())
            }
            // Who only wants to know whether it works: nothing is kept of it.
            Some(Pdu::BindTransmitter(bind)) => {
                let ours = bind.system_id.as_str() == SYSTEM_ID && bind.password.as_str() == PASSWORD;
                let status = if ours { CommandStatus::EsmeRok } else { CommandStatus::EsmeRinvpaswd };
                answer(status, BindTransmitterResp::default().into())
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
            Some(Pdu::DeliverSmResp(_)) => {
                seen.answers.push((sequence, command.status()));
                Ok(None)
            }
            _ if command.id() == rusmpp::CommandId::DeliverSmResp => {
                seen.answers.push((sequence, command.status()));
                Ok(None)
            }
            _ => Ok(None),
        }
    }
}

struct Broken;

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
#[allow(dead_code, reason = "shared between test binaries")]
pub(crate) fn receipt_by_parameters(id: &str, from: &str, to: &str, state: u8) -> DeliverSm {
    let mut pdu = delivery(from, to, 0x04, 0, b"");
    pdu.push_tlv(MessageDeliveryRequestTlvValue::ReceiptedMessageId(text(id)));
    pdu.push_tlv(MessageDeliveryRequestTlvValue::MessageState(state.into()));
    pdu
}
