//! Outgoing webhooks over a real connection: what is sent, what is read of the answer, and where nothing is sent.

use carrier::webhook::signature::{self, Signer};
use carrier::webhook::{Post, Posted, Poster, SAID};

use crate::support::desk::{Answer, Desk};

const BODY: &str = r#"{"type":"message.received","data":"é"}"#;

fn poster(allowed: &str) -> Poster {
    Poster::new(allowed.parse().unwrap()).unwrap()
}

async fn post(poster: &Poster, url: &str) -> Posted {
    let signers = [Signer::of(&signature::secret([7; signature::SECRET_BYTES])).unwrap()];
    let at = "2026-11-24T15:00:00Z".parse().unwrap();
    poster.post(Post { url, id: "evt_1", at, body: BODY, signers: &signers }).await
}

async fn answered(answer: Answer) -> (Posted, Desk) {
    let desk = Desk::open(vec![answer]).await;
    (post(&poster("127.0.0.1"), &format!("{}/hooks?a=b", desk.address)).await, desk)
}

fn said(status: u16, text: &str) -> Posted {
    Posted { status: Some(status), said: text.to_owned() }
}

#[tokio::test]
async fn a_call_has_its_body_and_the_headers_of_the_scheme() {
    let (posted, desk) = answered(Answer::Says(200, "taken".to_owned())).await;
    assert_eq!(posted, said(200, "taken"));
    let taken = desk.taken().remove(0);
    assert_eq!((taken.line.as_str(), taken.body.as_str()), ("POST /hooks?a=b", BODY));
    let header = |name| taken.header(name).unwrap_or_default();
    assert_eq!(header("content-type"), "application/json");
    assert_eq!((header("webhook-id"), header("webhook-timestamp")), ("evt_1", "1795532400"));
    assert!(header("user-agent").starts_with("dripline/"));
    let secret = signature::secret([7; signature::SECRET_BYTES]);
    let theirs = standardwebhooks::Webhook::new(secret.reveal()).unwrap();
    assert_eq!(header("webhook-signature"), theirs.sign("evt_1", 1_795_532_400, BODY.as_bytes()).unwrap());
}

#[tokio::test]
async fn of_an_answer_the_beginning_is_kept() {
    assert_eq!(answered(Answer::Says(500, "a\0b\x1b[1m".to_owned())).await.0, said(500, "a\u{fffd}b\u{fffd}[1m"));
    let long = answered(Answer::Says(200, "x".repeat(1_000_000))).await.0;
    assert_eq!((long.status, long.said.len()), (Some(200), SAID));
    // A status is an answer, whatever becomes of the rest.
    assert_eq!(answered(Answer::Breaks(204)).await.0.status, Some(204));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let target = Desk::open(vec![Answer::Says(200, String::new())]).await;
    let header: &'static str = format!("location: {}/elsewhere", target.address).leak();
    for status in [301, 302, 307, 308] {
        assert_eq!(answered(Answer::SaysWith(status, header, String::new())).await.0.status, Some(status));
    }
    assert!(target.taken().is_empty());
}

#[tokio::test]
async fn what_does_not_answer_is_told_with_its_reason() {
    let (dropped, desk) = answered(Answer::Drops).await;
    assert_eq!((dropped.status, desk.taken().len()), (None, 1), "it is not asked again: {dropped:?}");
    let closed = post(&poster("127.0.0.1"), &Desk::closed().await).await;
    assert!(closed.status.is_none() && closed.said.to_lowercase().contains("refused"), "{closed:?}");
    let unknown = post(&poster("none"), "https://nobody.invalid/").await;
    assert!(unknown.status.is_none() && unknown.said.contains("nobody.invalid"), "{unknown:?}");
}

#[tokio::test]
async fn a_name_that_leads_into_our_own_network_is_not_called() {
    let desk = Desk::open(vec![Answer::Says(200, String::new())]).await;
    let port = desk.address.rsplit(':').next().unwrap();
    // With TLS nothing but the public internet is called; the name is looked up as the connection is made.
    let secure = post(&poster("none"), &format!("https://localhost:{port}/")).await;
    assert!(secure.status.is_none() && secure.said.contains("loopback"), "{secure:?}");
    // Without TLS only what is allowed, by the address and not by the name.
    let other = post(&poster("10.0.0.0/8"), &format!("http://localhost:{port}/")).await;
    assert!(other.status.is_none() && other.said.contains("loopback"), "{other:?}");
    let literal = post(&poster("10.0.0.0/8"), &format!("http://127.0.0.1:{port}/")).await;
    assert!(literal.status.is_none() && literal.said.contains("loopback"), "{literal:?}");
    assert!(desk.taken().is_empty(), "something was sent");
    let allowed = post(&poster("127.0.0.1, ::1"), &format!("http://localhost:{port}/")).await;
    assert_eq!((allowed.status, desk.taken().len()), (Some(200), 1));
}
