//! A whole workflow through Kannel, over HTTP: what leaves, what comes back, what is refused.

use domain::enrollment::{EnrollmentState, StopReason};
use domain::message::MessageState;
use engine::carriers::Checked;
use jiff::SignedDuration;
use rusmpp::CommandStatus;

use crate::boxes::{Kannel, free_port};
use crate::house::{CALLBACK_SECRET, GATEWAY_PASSWORD, House, OURS, THEIRS, door};
use crate::smsc::{Fate, Smsc, inbound, whole};

/// A server with an account at a Kannel that has a link to an SMSC.
async fn three() -> (House, Kannel, Smsc) {
    let smsc = Smsc::open().await;
    let door = door().await;
    // The account has to be there before Kannel, whose lines it gives; so Kannel's port is changed into it afterwards.
    let house =
        House::open(door, "gateway", &settings(&format!("http://127.0.0.1:{}/cgi-bin/sendsms", free_port()))).await;
    let lines = house.account.lines.clone().unwrap().replace("CALLBACK-SECRET", CALLBACK_SECRET);
    let kannel = Kannel::start(smsc.port, &lines).await;
    smsc.bound().await;
    let url = format!("http://127.0.0.1:{}/cgi-bin/sendsms", kannel.sendsms);
    let typed = vec![("url".to_owned(), url)];
    house.parts.engine.change_carrier(&house.actor, house.account.id, "Kannel", typed).await.unwrap();
    (house, kannel, smsc)
}

fn settings(url: &str) -> [(&'static str, &str); 4] {
    [("url", url), ("user", "dripline"), ("password", GATEWAY_PASSWORD), ("callback_secret", CALLBACK_SECRET)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workflow_goes_through_kannel_and_ends_with_the_reply() {
    let (house, _kannel, smsc) = three().await;
    let engine = &house.parts.engine;
    assert_eq!(engine.check_carrier(&house.actor, house.account.id).await.unwrap(), Checked::Works);
    // The euro sign stands where a careless cut would part it from its escape.
    let long = format!("Hi {{First Name}} {}€ & 50% off + more?{}", "a".repeat(145), " ok".repeat(20));
    let wide = format!("Grüße aus Łódź {}", "ł".repeat(70));
    let enrollment = house.enroll(&[&long, &wide, "Goodbye"]).await;
    let balance = engine.balances(&house.actor).await.unwrap();
    engine.round().await.unwrap();
    let came = smsc.texts(2).await;
    let sent = long.replace("{First Name}", "Ann");
    assert_eq!(whole(&came), [(came[0].to().to_owned(), sent.clone())]);
    assert_eq!((came[0].from(), came[0].to()), (&OURS[1..], &THEIRS[1..]));
    // Kannel hands the time on as an instant of its own clock.
    let told = |part: &crate::smsc::Came| part.pdu.validity_period.as_str().to_owned();
    assert!(came.iter().all(|part| told(part).len() == 16 && told(part).ends_with('+')), "{}", told(&came[0]));
    // Kannel asks for a receipt with the first part alone.
    smsc.receipt(&came[0], "DELIVRD").await;
    let thread = house.until("delivered", |thread| thread[0].state == MessageState::Delivered).await;
    assert_eq!(thread[0].body, sent);
    assert_eq!(thread[0].segments, 2);

    house.later(SignedDuration::from_hours(3 * 24));
    engine.round().await.unwrap();
    let came = smsc.texts(4).await;
    assert_eq!(whole(&came)[1].1, wide);
    smsc.receipt(&came[2], "UNDELIV").await;
    let thread = house.until("undelivered", |thread| thread[1].state == MessageState::Undelivered).await;
    assert_eq!(thread[1].code.as_deref(), Some("UNDELIV"));
    assert_eq!(house.state(enrollment).await, EnrollmentState::Active);

    let said = "Yes please 😀 + 50% &c. é €";
    assert_eq!(smsc.deliver(inbound(&THEIRS[1..], &OURS[1..], said)).await, CommandStatus::EsmeRok);
    let thread = house.until("a reply", |thread| thread.len() == 3).await;
    assert_eq!((thread[2].body.as_str(), thread[2].state), (said, MessageState::Received));
    assert_eq!(house.state(enrollment).await, EnrollmentState::Stopped(StopReason::Replied));
    let after = engine.balances(&house.actor).await.unwrap();
    assert_eq!(after.wallet.0 - balance.wallet.0, 15_000, "the third text comes back");
    engine.round().await.unwrap();
    assert_eq!(smsc.seen().came.len(), 4, "nothing is sent after the reply");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_in_short_and_wide_arrives_as_it_was_written() {
    let (house, _kannel, smsc) = three().await;
    for (nth, said) in ["STOP it, {now}", "ñandú Ñ", "Привет 👍🏽", "a\nb", "1+1=2%20"].into_iter().enumerate()
    {
        smsc.deliver(inbound(&THEIRS[1..], &OURS[1..], said)).await;
        let received = |thread: &[store::messages::Message]| {
            thread
                .iter()
                .filter(|one| one.state == MessageState::Received)
                .map(|one| one.body.clone())
                .collect::<Vec<_>>()
        };
        let thread = house.until("a text", |thread| received(thread).len() == nth + 1).await;
        assert_eq!(received(&thread).last().map(String::as_str), Some(said));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_that_the_smsc_refuses_is_not_taken_for_sent() {
    let (house, _kannel, smsc) = three().await;
    smsc.fates(&[Fate::Refused(CommandStatus::EsmeRinvdstadr)]);
    house.enroll(&["Hi"]).await;
    house.parts.engine.round().await.unwrap();
    let thread = house.until("undelivered", |thread| thread[0].state == MessageState::Undelivered).await;
    assert_eq!(thread[0].code.as_deref(), Some("0x0000000B"));
    let contact = house.parts.engine.contact(&house.actor, house.contact).await.unwrap();
    assert!(contact.phone.ends_with("0123"), "still there, and on the list of the undeliverable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_pauses_the_number_and_says_so() {
    let (house, _kannel, smsc) = three().await;
    let engine = &house.parts.engine;
    let typed = vec![("password".to_owned(), "wrong".to_owned())];
    engine.change_carrier(&house.actor, house.account.id, "Kannel", typed).await.unwrap();
    let checked = engine.check_carrier(&house.actor, house.account.id).await.unwrap();
    assert!(matches!(checked, Checked::Refused { .. }), "{checked:?}");
    house.enroll(&["Hi"]).await;
    engine.round().await.unwrap();
    let thread = house.thread().await;
    assert_eq!(thread[0].state, MessageState::Queued);
    assert_eq!(thread[0].detail.as_deref(), Some("the gateway does not take our user name and password"));
    assert_eq!(smsc.seen().came.len(), 0);
}
