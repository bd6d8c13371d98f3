//! The SMPP adapter against an SMSC that speaks with another's codec: what goes out, what comes back, and what every end of a link means.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use carrier::account::{self, Kind, Place};
use carrier::smpp::alphabet::Alphabet;
use carrier::smpp::heard::{self, Ids, Said};
use carrier::smpp::pdu::{Delivery, Frame};
use carrier::{
    Carrier, CarrierEvent, Checked, Ear, FailureClass, Heard, Http, Inbound, Link, NotTaken, Outcome, Receipt,
    ReceiptState, Submission,
};
use domain::ids::AttemptId;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rusmpp::{Command, CommandStatus};
use serde_json::json;
use tokio::sync::watch;

use crate::support::smsc::{self, Fate, Smsc, bytes, delivery, inbound, receipt_by_parameters, whole};
use crate::support::validity;

const OURS: &str = "12125550100";
const THEIRS: &str = "13055550123";

fn now() -> Timestamp {
    "2026-11-24T15:00:00Z".parse().unwrap()
}

/// An ear that remembers what it hears.
struct Records {
    heard: Mutex<Vec<Heard>>,
    fails: AtomicBool,
    news: watch::Sender<()>,
}

impl Records {
    fn new() -> Arc<Self> {
        Arc::new(Self { heard: Mutex::default(), fails: AtomicBool::new(false), news: watch::channel(()).0 })
    }

    fn inbound(&self) -> Vec<Inbound> {
        let heard = self.heard.lock().unwrap();
        let events = heard.iter().flat_map(|heard| heard.events.iter());
        events
            .filter_map(|event| if let CarrierEvent::Inbound(one) = event { Some(one.clone()) } else { None })
            .collect()
    }

    fn receipts(&self) -> Vec<Receipt> {
        let heard = self.heard.lock().unwrap();
        let events = heard.iter().flat_map(|heard| heard.events.iter());
        events
            .filter_map(|event| if let CarrierEvent::Receipt(one) = event { Some(one.clone()) } else { None })
            .collect()
    }

    fn strange(&self) -> usize {
        self.heard.lock().unwrap().iter().map(|heard| heard.strange.len()).sum()
    }
}

impl Ear for Records {
    fn take<'a>(&'a self, _carrier: &'a str, heard: Heard) -> BoxFuture<'a, Result<(), NotTaken>> {
        Box::pin(async move {
            self.heard.lock().unwrap().push(heard);
            self.news.send_replace(());
            if self.fails.load(Ordering::Relaxed) { Err(NotTaken("the disk is full".to_owned())) } else { Ok(()) }
        })
    }

    fn now(&self) -> Timestamp {
        now()
    }
}

fn settings(port: u16, more: &[(&str, &str)]) -> serde_json::Value {
    let mut settings = json!({ "host": "127.0.0.1", "port": port.to_string(), "system_id": smsc::SYSTEM_ID, "password": smsc::PASSWORD });
    for (key, value) in more {
        settings[*key] = (*value).into();
    }
    settings
}

fn account(port: u16, more: &[(&str, &str)]) -> Arc<dyn Carrier> {
    let place = Place { base: String::new(), callbacks: String::new() };
    account::open(Kind::Smpp, settings(port, more), "car_1".to_owned(), place, Http::new().unwrap()).unwrap()
}

/// An account that is linked to an SMSC.
async fn linked(more: &[(&str, &str)]) -> (Smsc, Arc<dyn Carrier>, Arc<Records>) {
    let smsc = Smsc::open().await;
    let (carrier, ear) = (account(smsc.port, more), Records::new());
    carrier.attach(ear.clone());
    link_of(&carrier, "a link", |link| matches!(link, Link::Linked { .. })).await;
    (smsc, carrier, ear)
}

/// Waits for the link to be so.
async fn link_of(carrier: &Arc<dyn Carrier>, what: &str, holds: impl Fn(&Link) -> bool) -> Link {
    let look = async {
        loop {
            let link = carrier.link().unwrap();
            if holds(&link) {
                return link;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), look).await.unwrap_or_else(|_| panic!("{what}: {:?}", carrier.link()))
}

fn text(attempt: i64, body: &str) -> Submission {
    Submission {
        attempt: AttemptId(attempt),
        from: format!("+{OURS}"),
        to: format!("+{THEIRS}"),
        body: body.to_owned(),
        segments: 1,
        deliver_by: now() + SignedDuration::from_mins(90),
    }
}

async fn submit(carrier: &Arc<dyn Carrier>, attempt: i64, body: &str) -> Outcome {
    carrier.submit(&text(attempt, body), now()).await
}

/// The reference that a text bears.
fn reference(came: &smsc::Came) -> u16 {
    let shown = format!("{:?}", came.pdu.tlvs()[0].value().unwrap());
    let digits = shown.strip_prefix("UserMessageReference(UserMessageReference { value: ").unwrap();
    digits.trim_end_matches(" })").parse().unwrap()
}

#[tokio::test]
async fn a_text_goes_out_as_the_standard_has_it_and_has_the_smscs_identifier() {
    let (smsc, carrier, _) = linked(&[("system_type", "VMA"), ("source_ton", "5"), ("source_npi", "0")]).await;
    let outcome = submit(&carrier, 0x1_2345_6789, "Hi {Ann} €5 @ home").await;
    let came = smsc.texts(1).await.remove(0);
    assert_eq!(outcome, Outcome::Accepted { carrier_id: came.id.clone(), segments: Some(1) });
    assert_eq!((came.from(), came.to(), came.text().as_str()), (OURS, THEIRS, "Hi {Ann} €5 @ home"));
    assert_eq!((u8::from(came.pdu.source_addr_ton), u8::from(came.pdu.source_addr_npi)), (5, 0));
    assert_eq!((u8::from(came.pdu.dest_addr_ton), u8::from(came.pdu.dest_addr_npi)), (1, 1));
    assert_eq!((u8::from(came.pdu.data_coding), u8::from(came.pdu.esm_class)), (0, 0));
    assert!(came.wants_receipt());
    assert_eq!(came.pdu.validity_period.as_str(), "000000013000000R", "an hour and a half from now");
    assert_eq!(validity::seconds(&came.pdu), Some(5_400));
    // Two texts of one instant differ in few bits, and in their references.
    submit(&carrier, 0x1_2345_6789 + 32, "Hi").await;
    let other = smsc.texts(2).await.remove(1);
    assert!(reference(&came) != reference(&other), "{}", reference(&came));
    let bind = smsc.seen().binds[0].clone();
    assert_eq!((bind.system_type.as_str(), u8::from(bind.interface_version)), ("VMA", 0x34));
}

#[tokio::test]
async fn a_long_text_arrives_whole_and_asks_for_one_receipt() {
    let (smsc, carrier, _) = linked(&[]).await;
    let texts = ["a".repeat(152) + "€" + &"b".repeat(200), "ł".repeat(66) + "😀" + &"ż".repeat(70), "👨‍👩‍👧‍👦".repeat(20)];
    for (nth, body) in (1..).zip(&texts) {
        let counted = domain::segments::count(body).segments;
        let before = smsc.seen().came.len();
        let outcome = submit(&carrier, nth, body).await;
        let came = smsc.seen().came[before..].to_vec();
        let last = came.last().unwrap();
        let segments = Some(u32::try_from(counted).unwrap());
        assert_eq!(outcome, Outcome::Accepted { carrier_id: last.id.clone(), segments });
        assert_eq!(came.len(), counted);
        assert_eq!(whole(&came), [(THEIRS.to_owned(), body.clone())]);
        assert!(came.iter().all(|part| part.octets() <= 160 && part.part().is_some()));
        assert_eq!(came.iter().filter(|part| part.wants_receipt()).count(), 1);
        assert!(came.iter().all(|part| validity::seconds(&part.pdu) == Some(5_400)));
        assert!(last.wants_receipt());
    }
}

#[tokio::test]
async fn a_text_whose_time_is_over_is_not_written() {
    let (smsc, carrier, _) = linked(&[]).await;
    for left in [4, 0, -60] {
        let late = Submission { deliver_by: now() + SignedDuration::from_secs(left), ..text(7, "Hi") };
        let outcome = carrier.submit(&late, now()).await;
        assert!(matches!(&outcome, Outcome::Temporary { code, .. } if code == "too_late"), "{left}: {outcome:?}");
    }
    assert!(matches!(submit(&carrier, 8, "Hi").await, Outcome::Accepted { .. }));
    assert_eq!(smsc.texts(1).await.len(), 1);
}

#[tokio::test]
async fn a_link_that_breaks_in_mid_window_leaves_the_written_in_doubt_and_sends_nothing_twice() {
    let (smsc, carrier, _) = linked(&[("window", "2")]).await;
    smsc.fates(&[Fate::Silence, Fate::Silence]);
    let handed: Vec<_> = (1..=4)
        .map(|nth| {
            let carrier = Arc::clone(&carrier);
            tokio::spawn(async move { submit(&carrier, nth, &format!("text {nth}")).await })
        })
        .collect();
    smsc.texts(2).await;
    smsc.break_links();
    let mut outcomes = Vec::new();
    for one in handed {
        outcomes.push(one.await.unwrap());
    }
    let (doubts, rest): (Vec<_>, Vec<_>) = outcomes.iter().partition(|one| matches!(one, Outcome::InDoubt { .. }));
    assert_eq!((doubts.len(), rest.len()), (2, 2), "{outcomes:?}");
    assert!(rest.iter().all(|one| matches!(one, Outcome::Temporary { code, .. } if code == "not_linked")), "{rest:?}");
    smsc.until("a new link", |seen| (seen.binds.len() == 2).then_some(())).await;
    link_of(&carrier, "a new link", |link| matches!(link, Link::Linked { .. })).await;
    assert!(matches!(submit(&carrier, 5, "text 5").await, Outcome::Accepted { .. }));
    let mut came: Vec<_> = smsc.seen().came.iter().map(smsc::Came::text).collect();
    came.sort();
    came.dedup();
    assert_eq!(came.len(), 3, "what was written and what came after, each once: {came:?}");
    assert_eq!(smsc.seen().came.len(), 3);
}

#[tokio::test]
async fn an_answer_that_is_lost_with_the_link_leaves_the_text_in_doubt() {
    let (smsc, carrier, _) = linked(&[]).await;
    smsc.fates(&[Fate::Break]);
    let outcome = submit(&carrier, 1, "Hi").await;
    assert!(
        matches!(&outcome, Outcome::InDoubt { reason } if reason.contains("before the SMSC answered")),
        "{outcome:?}"
    );
    smsc.fates(&[Fate::Taken, Fate::Break]);
    smsc.until("a new link", |seen| (seen.binds.len() == 2).then_some(())).await;
    link_of(&carrier, "a new link", |link| matches!(link, Link::Linked { .. })).await;
    let outcome = submit(&carrier, 2, &"a".repeat(400)).await;
    assert!(
        matches!(&outcome, Outcome::InDoubt { reason } if reason.starts_with("the SMSC took 1 of 3 parts")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_receipt_that_brings_our_reference_back_proves_a_text_in_doubt() {
    let (smsc, carrier, ear) = linked(&[]).await;
    smsc.fates(&[Fate::Break]);
    submit(&carrier, 0xABCD, "Hi").await;
    smsc.until("a new link", |seen| (seen.binds.len() == 2).then_some(())).await;
    let mut pdu = smsc::receipt("77", THEIRS, OURS, "DELIVRD");
    pdu.push_tlv(rusmpp::tlvs::MessageDeliveryRequestTlvValue::UserMessageReference(
        rusmpp::values::UserMessageReference::new(reference(&smsc.seen().came[0])),
    ));
    assert_eq!(smsc.deliver(pdu).await, CommandStatus::EsmeRok);
    let receipt = ear.receipts().remove(0);
    assert_eq!((receipt.attempt, receipt.state), (Some(AttemptId(0xABCD)), ReceiptState::Delivered));
}

#[tokio::test]
async fn too_much_at_once_is_tried_again_and_slows_the_link() {
    let (smsc, carrier, _) = linked(&[]).await;
    for status in [CommandStatus::EsmeRthrottled, CommandStatus::EsmeRmsgqful] {
        smsc.fates(&[Fate::Refused(status)]);
        let outcome = submit(&carrier, 1, "Hi").await;
        let wait = SignedDuration::from_secs(10);
        assert!(matches!(outcome, Outcome::Temporary { retry_after: Some(after), .. } if after == wait), "{outcome:?}");
    }
    // In mid-text only that part goes again, and the text arrives whole.
    smsc.fates(&[Fate::Taken, Fate::Refused(CommandStatus::EsmeRthrottled)]);
    let body = "b".repeat(400);
    assert!(matches!(submit(&carrier, 2, &body).await, Outcome::Accepted { segments: Some(3), .. }));
    assert_eq!(whole(&smsc.seen().came), [(THEIRS.to_owned(), body)]);
}

#[tokio::test]
async fn a_refusal_is_read_by_its_status() {
    let (smsc, carrier, _) = linked(&[]).await;
    type Expected = fn(&Outcome) -> bool;
    let cases: [(CommandStatus, Expected); 7] = [
        (CommandStatus::EsmeRinvdstadr, |o| matches!(o, Outcome::Permanent { code, .. } if code == "0x0000000B")),
        (CommandStatus::EsmeRinvsrcadr, |o| matches!(o, Outcome::SenderProblem { .. })),
        (CommandStatus::EsmeRinvdstton, |o| matches!(o, Outcome::SenderProblem { .. })),
        (CommandStatus::EsmeRsyserr, |o| matches!(o, Outcome::InDoubt { .. })),
        (CommandStatus::EsmeRsubmitfail, |o| matches!(o, Outcome::Rejected { .. })),
        (CommandStatus::EsmeRxRAppn, |o| matches!(o, Outcome::Rejected { .. })),
        (CommandStatus::Other(0x0000_0412), |o| matches!(o, Outcome::Rejected { code, .. } if code == "0x00000412")),
    ];
    for (status, expected) in cases {
        smsc.fates(&[Fate::Refused(status)]);
        let outcome = submit(&carrier, 1, "Hi").await;
        assert!(expected(&outcome), "{status:?}: {outcome:?}");
    }
    smsc.fates(&[Fate::Taken, Fate::Refused(CommandStatus::EsmeRinvdstadr)]);
    let outcome = submit(&carrier, 2, &"a".repeat(200)).await;
    let says = "the SMSC took 1 of 2 parts; then the SMSC says that the number is not a phone number";
    assert_eq!(outcome, Outcome::InDoubt { reason: says.to_owned() });
}

#[tokio::test]
async fn receipts_are_read_by_their_text_and_by_their_parameters() {
    let (smsc, carrier, ear) = linked(&[("receipt_ids", "decimal")]).await;
    let Outcome::Accepted { carrier_id, .. } = submit(&carrier, 1, "Hi").await else { panic!() };
    let came = smsc.texts(1).await.remove(0);
    assert_eq!(carrier_id, u64::from_str_radix(&came.id, 16).unwrap().to_string());
    let in_decimal = u64::from_str_radix(&came.id, 16).unwrap();
    smsc.deliver(smsc::receipt(&format!("{in_decimal:012}"), THEIRS, OURS, "EXPIRED")).await;
    smsc.deliver(receipt_by_parameters(&in_decimal.to_string(), THEIRS, OURS, 2)).await;
    let told = ear.receipts();
    assert!(
        told.iter().all(|receipt| receipt.carrier_id == carrier_id && receipt.from == format!("+{OURS}")),
        "{told:?}"
    );
    assert_eq!((told[0].state, told[0].failure), (ReceiptState::Undelivered, Some(FailureClass::Expired)));
    assert_eq!((told[1].state, told[1].code.clone()), (ReceiptState::Delivered, None));
    assert_ne!(told[0].event_id, told[1].event_id);
}

#[tokio::test]
async fn a_delivery_is_confirmed_only_once_it_is_stored_and_its_repeat_is_the_same_event() {
    let (smsc, _carrier, ear) = linked(&[]).await;
    ear.fails.store(true, Ordering::Relaxed);
    assert_eq!(smsc.deliver(inbound(THEIRS, OURS, "Yes €")).await, CommandStatus::EsmeRxTAppn);
    ear.fails.store(false, Ordering::Relaxed);
    assert_eq!(smsc.deliver(inbound(THEIRS, OURS, "Yes €")).await, CommandStatus::EsmeRok);
    let told = ear.inbound();
    assert_eq!((told[0].body.as_str(), told[0].from.as_str()), ("Yes €", "+13055550123"));
    assert_eq!(told[0].event_id, told[1].event_id);
}

#[tokio::test]
async fn a_text_that_comes_again_over_a_new_link_is_one_event_and_one_written_twice_is_two() {
    let (smsc, carrier, ear) = linked(&[]).await;
    smsc.deliver(inbound(THEIRS, OURS, "STOP")).await;
    smsc.break_links();
    smsc.until("a new link", |seen| (seen.binds.len() == 2).then_some(())).await;
    assert_eq!(smsc.deliver(inbound(THEIRS, OURS, "STOP")).await, CommandStatus::EsmeRok);
    assert_eq!(ear.inbound().len(), 1, "it was stored, and is confirmed without being told again");
    // The answer to a request of ours proves that the confirmation before it arrived.
    link_of(&carrier, "a new link", |link| matches!(link, Link::Linked { .. })).await;
    submit(&carrier, 1, "Hi").await;
    smsc.deliver(inbound(THEIRS, OURS, "STOP")).await;
    let told = ear.inbound();
    assert_eq!(told.len(), 2, "the contact wrote it again");
    assert_ne!(told[0].event_id, told[1].event_id);
}

#[tokio::test]
async fn parts_become_one_text_whatever_their_order_and_alphabet() {
    let (smsc, _carrier, ear) = linked(&[]).await;
    let part = |reference: u8, count: u8, number: u8, coding: u8, body: &[u8]| {
        delivery(THEIRS, OURS, 0x40, coding, &[&[5, 0, 3, reference, count, number], body].concat())
    };
    smsc.deliver(part(9, 3, 3, 0, b"three")).await;
    smsc.deliver(part(9, 3, 1, 0, b"one ")).await;
    smsc.deliver(part(9, 3, 1, 0, b"one ")).await;
    assert_eq!(ear.inbound(), []);
    smsc.deliver(part(9, 3, 2, 0, b"two ")).await;
    assert_eq!(ear.inbound().last().unwrap().body, "one two three");
    assert_eq!(smsc.deliver(part(9, 3, 2, 0, b"two ")).await, CommandStatus::EsmeRok);
    assert_eq!(ear.inbound().len(), 1, "a part that comes again after the text is whole is no new text");
    // 😀 cut between its halves, with a reference of 16 bits.
    let wide = |number: u8, body: &[u8]| delivery(THEIRS, OURS, 0x40, 8, &[&[6, 8, 4, 1, 2, 2, number], body].concat());
    smsc.deliver(wide(1, &[0, 0x41, 0xD8, 0x3D])).await;
    smsc.deliver(wide(2, &[0xDE, 0x00])).await;
    assert_eq!(ear.inbound().last().unwrap().body, "A😀");
    smsc.deliver(delivery(THEIRS, OURS, 0, 4, &[1, 2, 3])).await;
    let data = ear.inbound().pop().unwrap();
    assert_eq!((data.body.as_str(), data.media), ("", 1));
}

#[tokio::test]
async fn a_text_whose_rest_never_comes_is_told_as_it_is_when_its_link_ends() {
    let (smsc, _carrier, ear) = linked(&[]).await;
    smsc.deliver(delivery(THEIRS, OURS, 0x40, 0, &[5, 0, 3, 1, 2, 1, b'S', b'T', b'O', b'P'])).await;
    let mut news = ear.news.subscribe();
    smsc.break_links();
    news.changed().await.unwrap();
    assert_eq!(ear.inbound()[0].body, "STOP");
}

#[tokio::test]
async fn what_cannot_be_understood_is_kept_and_ends_nothing() {
    let (smsc, carrier, ear) = linked(&[]).await;
    assert_eq!(smsc.deliver(inbound("VODAFONE", OURS, "Win!")).await, CommandStatus::EsmeRok);
    assert_eq!(smsc.deliver(smsc::receipt("1", THEIRS, OURS, "YODELLED")).await, CommandStatus::EsmeRok);
    // A body that is cut off, and a command that nobody knows.
    let sequence = smsc.next();
    let cut = Frame { command: 5, status: 0, sequence, body: b"\0\x01\x011305".to_vec() };
    smsc.say(cut.bytes());
    assert_eq!(smsc.answer(sequence).await, CommandStatus::EsmeRok);
    assert_eq!(ear.strange(), 3);
    smsc.say(Frame { command: 0x0000_0777, status: 0, sequence: 1, body: vec![1, 2, 3] }.bytes());
    assert!(matches!(submit(&carrier, 1, "Hi").await, Outcome::Accepted { .. }), "the link stands");
}

#[tokio::test]
async fn a_length_that_cannot_be_ends_the_link_and_a_new_one_is_made() {
    let (smsc, _carrier, _) = linked(&[]).await;
    smsc.say(vec![0xFF; 16]);
    smsc.until("a new link", |seen| (seen.binds.len() == 2).then_some(())).await;
}

#[tokio::test]
async fn the_end_is_said_and_nothing_is_sent_without_a_link() {
    let (smsc, carrier, _) = linked(&[]).await;
    carrier.detach().await;
    assert_eq!((smsc.seen().unbinds, carrier.link()), (1, Some(Link::Apart)));
    let outcome = submit(&carrier, 1, "Hi").await;
    assert!(matches!(&outcome, Outcome::Temporary { code, .. } if code == "not_linked"), "{outcome:?}");
    assert_eq!(smsc.seen().came.len(), 0);
    let (smsc, carrier, _) = linked(&[]).await;
    drop(carrier);
    smsc.until("farewell", |seen| (seen.unbinds == 1).then_some(())).await;
}

#[tokio::test]
async fn a_check_says_whether_a_bind_works_and_leaves_nothing_behind() {
    let smsc = Smsc::open().await;
    let right = account(smsc.port, &[]);
    assert_eq!(right.check().await, Checked::Works);
    assert_eq!((right.link(), smsc.seen().binds.len()), (Some(Link::Apart), 0));
    assert_eq!(smsc.seen().unbinds, 1);
    let wrong = account(smsc.port, &[("password", "wrong")]);
    let Checked::Refused { reason } = wrong.check().await else { panic!("a wrong password is taken") };
    assert_eq!(reason, "the SMSC does not take the password (0x0000000E)");
    wrong.attach(Records::new());
    let down = link_of(&wrong, "down", |link| matches!(link, Link::Down { .. })).await;
    assert_eq!(down, Link::Down { since: now(), why: reason });
    let nobody = account(1, &[]);
    assert!(matches!(nobody.check().await, Checked::Unavailable { .. }));
    let encrypted = account(smsc.port, &[("tls", "yes")]);
    assert!(matches!(encrypted.check().await, Checked::Unavailable { .. }), "it speaks no TLS");
}

/// A delivery with everything in it.
fn usual() -> Vec<u8> {
    let mut pdu =
        delivery(THEIRS, OURS, 0x44, 0, &[&[5, 0, 3, 1, 2, 1][..], b"id:12 stat:DELIVRD err:000 text:x"].concat());
    pdu.push_tlv(rusmpp::tlvs::MessageDeliveryRequestTlvValue::ReceiptedMessageId(smsc::text("12")));
    bytes(&Command::new(CommandStatus::EsmeRok, 7, pdu))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn no_delivery_ends_the_reader(changes in proptest::collection::vec((0_usize..200, any::<u8>()), 0..6), cut in 0_usize..200) {
        let mut bytes = usual();
        for (place, byte) in changes {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        bytes.truncate(cut.max(16));
        let body = bytes.get(16..).unwrap_or_default();
        let delivery = Delivery::read(body);
        for ids in [Ids::Same, Ids::Decimal, Ids::Hexadecimal] {
            if let Said::Text(text) = heard::read(&delivery, Alphabet::Gsm, ids, now()) {
                prop_assert!(text.part.is_none_or(|place| place.number >= 1 && place.number <= place.count));
            }
        }
    }

    #[test]
    fn frames_are_found_in_any_bytes_however_they_are_cut(bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..5), step in 1_usize..50) {
        let frames: Vec<_> = bodies.into_iter().map(|body| Frame { command: 5, status: 0, sequence: 1, body }).collect();
        let line: Vec<u8> = frames.iter().flat_map(Frame::bytes).collect();
        let (mut inbox, mut found) = (Vec::new(), Vec::new());
        for some in line.chunks(step) {
            inbox.extend(some);
            while let Some(frame) = Frame::take(&mut inbox).unwrap() {
                found.push(frame);
            }
        }
        prop_assert_eq!(found, frames);
    }

    #[test]
    fn any_bytes_are_a_frame_or_a_fault_or_wait_for_more(mut bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        while let Ok(Some(_)) = Frame::take(&mut bytes) {}
    }
}
