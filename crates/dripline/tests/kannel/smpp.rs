//! A whole workflow over SMPP, from the database to the SMSC and back.

use std::io::BufRead as _;

use domain::enrollment::{EnrollmentState, StopReason};
use domain::message::{MessageKind, MessageState};
use engine::carriers::{Checked, Link};
use jiff::SignedDuration;
use rusmpp::CommandStatus;
use rusmpp::tlvs::MessageDeliveryRequestTlvValue;
use rusmpp::values::UserMessageReference;

use crate::boxes::free_port;
use crate::house::{House, OURS, THEIRS, door};
use crate::smsc::{self, Came, Fate, Smsc, delivery, inbound, whole};
use crate::validity;

async fn two() -> (House, Smsc) {
    let smsc = Smsc::open().await;
    let port = smsc.port.to_string();
    let settings =
        [("host", "127.0.0.1"), ("port", &port), ("system_id", smsc::SYSTEM_ID), ("password", smsc::PASSWORD)];
    let house = House::open(door().await, "smpp", &settings).await;
    assert_eq!(house.link().await, Some(Link::Apart), "a process that does not serve binds nothing");
    house.parts.engine.open_links();
    house.linked().await;
    (house, smsc)
}

impl House {
    async fn link(&self) -> Option<Link> {
        self.parts.engine.carrier_accounts(&self.actor).await.unwrap().remove(0).link
    }

    /// Waits until the account has its link.
    async fn linked(&self) {
        let linked = async {
            while !matches!(self.link().await, Some(Link::Linked { .. })) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), linked).await.unwrap();
    }

    async fn change(&self, key: &str, value: &str) {
        let typed = vec![(key.to_owned(), value.to_owned())];
        self.parts.engine.change_carrier(&self.actor, self.account.id, "SMSC", typed).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workflow_goes_over_smpp_and_ends_with_the_reply() {
    let (house, smsc) = two().await;
    let engine = &house.parts.engine;
    assert_eq!(engine.check_carrier(&house.actor, house.account.id).await.unwrap(), Checked::Works);
    let long = format!("Hi {{First Name}} {}€ & more{}", "a".repeat(145), " ok".repeat(20));
    let wide = format!("Grüße aus Łódź {}", "😀".repeat(40));
    let enrollment = house.enroll(&[&long, &wide, "Goodbye"]).await;
    let balance = engine.balances(&house.actor).await.unwrap();
    engine.round().await.unwrap();
    let came = smsc.texts(2).await;
    assert_eq!(whole(&came), [(THEIRS[1..].to_owned(), long.replace("{First Name}", "Ann"))]);
    let thread = house.thread().await;
    assert_eq!((thread[0].state, thread[0].carrier_id.clone()), (MessageState::Sent, Some(came[1].id.clone())));
    assert_eq!(smsc.receipt(&came[1], "DELIVRD").await, CommandStatus::EsmeRok);
    assert_eq!(house.thread().await[0].state, MessageState::Delivered, "confirmed means stored");

    house.later(SignedDuration::from_hours(3 * 24));
    engine.round().await.unwrap();
    let came = smsc.texts(4).await;
    assert_eq!(whole(&came)[1].1, wide);
    // Four hours, as it is morning: the SMSC kept it for longer, and the handset has nothing.
    assert!(came.iter().all(|part| validity::seconds(&part.pdu) == Some(4 * 3_600)), "{:?}", came[3].pdu);
    smsc.receipt(&came[3], "EXPIRED").await;
    let late = house.thread().await.remove(1);
    assert_eq!((late.state, late.code.as_deref()), (MessageState::Undelivered, Some("EXPIRED")));
    assert_eq!(late.detail.as_deref(), Some("the carrier did not deliver it in time"));
    assert_eq!(house.state(enrollment).await, EnrollmentState::Active, "it goes on, and the text is not sent again");
    let said = format!("Yes please {}", "é".repeat(200));
    let half = said.char_indices().nth(100).unwrap().0;
    for (number, piece) in (1..).zip([&said[..half], &said[half..]]) {
        let (_, bytes) = carrier::smpp::alphabet::write(piece, carrier::smpp::alphabet::Alphabet::Gsm);
        let part = delivery(&THEIRS[1..], &OURS[1..], 0x40, 0, &[&[5, 0, 3, 9, 2, number], &bytes[..]].concat());
        assert_eq!(smsc.deliver(part).await, CommandStatus::EsmeRok);
    }
    let thread = house.thread().await;
    assert_eq!((thread.len(), thread[2].body.as_str()), (3, said.as_str()));
    assert_eq!(house.state(enrollment).await, EnrollmentState::Stopped(StopReason::Replied));
    let after = engine.balances(&house.actor).await.unwrap();
    assert_eq!(after.wallet.0 - balance.wallet.0, 15_000, "the third text comes back");
    house.later(SignedDuration::from_hours(4 * 24));
    engine.round().await.unwrap();
    assert_eq!(smsc.seen().came.len(), 4, "nothing is sent after the reply");
    engine.close_links().await;
    assert_eq!(smsc.seen().unbinds, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_whose_answer_is_lost_is_never_sent_again_and_its_receipt_proves_it() {
    let (house, smsc) = two().await;
    let engine = &house.parts.engine;
    smsc.fates(&[Fate::Break]);
    house.enroll(&["Hi", "Still there?"]).await;
    engine.round().await.unwrap();
    assert_eq!(house.thread().await[0].state, MessageState::InDoubt);
    smsc.until("a new link", |seen| (seen.binds.len() == 2).then_some(())).await;
    house.linked().await;
    for _ in 0..30 {
        house.later(SignedDuration::from_mins(10));
        engine.round().await.unwrap();
    }
    assert_eq!(smsc.seen().came.len(), 1, "in doubt is never sent again");
    assert_eq!(house.thread().await[0].state, MessageState::InDoubt);
    let came: Came = smsc.seen().came[0].clone();
    let mut proof = smsc::receipt("4711", came.to(), came.from(), "DELIVRD");
    let reference = came.pdu.tlvs()[0].value().unwrap().clone();
    let rusmpp::tlvs::TlvValue::UserMessageReference(reference) = reference else { panic!("{reference:?}") };
    proof.push_tlv(MessageDeliveryRequestTlvValue::UserMessageReference(UserMessageReference::new(reference.value)));
    smsc.deliver(proof).await;
    assert_eq!(house.thread().await[0].state, MessageState::Delivered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_never_written_goes_once_there_is_a_link_again() {
    let (house, smsc) = two().await;
    let engine = &house.parts.engine;
    house.change("port", &free_port().to_string()).await;
    smsc.until("farewell", |seen| (seen.unbinds == 1).then_some(())).await;
    house.enroll(&["Hi"]).await;
    engine.round().await.unwrap();
    let thread = house.thread().await;
    assert_eq!((thread[0].state, thread[0].code.as_deref()), (MessageState::Queued, Some("not_linked")));
    house.change("port", &smsc.port.to_string()).await;
    house.linked().await;
    house.later(SignedDuration::from_hours(1));
    engine.round().await.unwrap();
    assert_eq!(house.thread().await[0].state, MessageState::Sent);
    assert_eq!(smsc.seen().came.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_text_goes_later_and_a_refused_one_ends_the_enrollment() {
    let (house, smsc) = two().await;
    let engine = &house.parts.engine;
    smsc.fates(&[Fate::Refused(CommandStatus::EsmeRthrottled), Fate::Refused(CommandStatus::EsmeRinvdstadr)]);
    let enrollment = house.enroll(&["Hi", "Still there?"]).await;
    engine.round().await.unwrap();
    assert_eq!(house.thread().await[0].state, MessageState::Queued);
    house.later(SignedDuration::from_mins(10));
    engine.round().await.unwrap();
    let thread = house.thread().await;
    assert_eq!((thread[0].state, thread[0].code.as_deref()), (MessageState::Failed, Some("0x0000000B")));
    assert_eq!(house.state(enrollment).await, EnrollmentState::Stopped(StopReason::Undeliverable));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_that_comes_twice_over_two_links_is_one_text_and_is_confirmed_once() {
    let (house, smsc) = two().await;
    let engine = &house.parts.engine;
    let stop = || inbound(&THEIRS[1..], &OURS[1..], "STOP");
    smsc.deliver(stop()).await;
    smsc.break_links();
    smsc.until("a new link", |seen| (seen.binds.len() == 2).then_some(())).await;
    assert_eq!(smsc.deliver(stop()).await, CommandStatus::EsmeRok);
    house.linked().await;
    engine.round().await.unwrap();
    let thread = house.thread().await;
    let kinds: Vec<_> = thread.iter().map(|message| message.kind).collect();
    assert_eq!(kinds, [MessageKind::Inbound, MessageKind::System]);
    assert_eq!(smsc.seen().came.len(), 1, "one confirmation, by us");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_makes_the_link_and_says_farewell_when_it_ends() {
    let smsc = Smsc::open().await;
    let data = tempfile::tempdir().unwrap();
    let key = engine::sealed::MasterKeys::draw();
    std::fs::write(data.path().join("master.key"), &key).unwrap();
    let port = smsc.port.to_string();
    let settings =
        [("host", "127.0.0.1"), ("port", &port), ("system_id", smsc::SYSTEM_ID), ("password", smsc::PASSWORD)];
    let house = House::kept_in(door().await, "smpp", &settings, data.path(), &key).await;
    house.parts.engine.leave_node().await.unwrap();
    house.shut().await;
    let program = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_dripline"));
        command.args(arguments).arg("--data").arg(data.path()).env("DRIPLINE_CARRIER_GATEWAYS", "127.0.0.1");
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command
    };
    let checked = tokio::task::spawn_blocking({
        let mut command = program(&["carrier", "check", "Ours"]);
        move || command.output().unwrap()
    });
    let checked = checked.await.unwrap();
    let says = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(says.starts_with("SMPP 3.4 knows the account"), "{says}{}", String::from_utf8_lossy(&checked.stderr));
    assert_eq!(smsc.seen().binds.len(), 0, "a command takes no deliveries away");
    let listen = format!("127.0.0.1:{}", free_port());
    let mut server = Killed(program(&["serve", "--listen", &listen]).spawn().unwrap());
    smsc.bound().await;
    // It says where it listens once it can be told to stop.
    let said = std::io::BufReader::new(server.0.stdout.take().unwrap());
    let said =
        tokio::task::spawn_blocking(move || said.lines().map_while(Result::ok).find(|line| line.contains("http://")));
    assert!(said.await.unwrap().is_some());
    let server = &mut server.0;
    let pid = server.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    smsc.until("farewell", |seen| (seen.unbinds == 2).then_some(())).await;
    assert!(tokio::task::block_in_place(|| server.wait().unwrap()).success());
}

/// A process that does not outlive its test.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
