//! The mail as it goes over the line: one header for each that was meant, whatever the values hold.

use proptest::prelude::*;

use super::*;

fn smtp() -> Smtp {
    let from: Sender = "Dripline <no-reply@example.com>".parse().unwrap();
    Smtp::new("smtp://127.0.0.1:1?tls=none".parse().unwrap(), from).unwrap()
}

fn letter(subject: &str, to: &str, text: &str) -> Letter {
    Letter {
        id: "evt_1.usr_2".to_owned(),
        to: to.to_owned(),
        subject: subject.to_owned(),
        text: text.to_owned(),
        at: "2026-11-24T15:00:00Z".parse().unwrap(),
    }
}

/// The names of the headers, and the text behind them.
fn read(message: &[u8]) -> (Vec<String>, String) {
    let text = String::from_utf8(message.to_vec()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let names = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
    (names.map(|line| line.split_once(':').unwrap().0.to_owned()).collect(), body.to_owned())
}

const HEADERS: [&str; 8] =
    ["Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted", "Content-Type", "Content-Transfer-Encoding"];

fn sound(subject: &str, to: &str, text: &str) -> String {
    let (_, message) = smtp().message(&letter(subject, to, text)).unwrap();
    assert!(message.is_ascii(), "nothing needs 8BITMIME: {}", String::from_utf8_lossy(&message));
    let (mut names, body) = read(&message);
    names.retain(|name| name != "MIME-Version");
    names.sort();
    let mut meant = HEADERS.map(str::to_owned);
    meant.sort();
    assert_eq!(names, meant, "{subject:?}");
    body
}

#[test]
fn a_mail_has_the_headers_that_were_meant() {
    let (_, message) = smtp().message(&letter("Acme: $4.20 left", "o@example.com", "Hello\nthere\n")).unwrap();
    let text = String::from_utf8(message).unwrap();
    for line in [
        "Date: Tue, 24 Nov 2026 15:00:00 +0000\r\n",
        "From: Dripline <no-reply@example.com>\r\n",
        "To: o@example.com\r\n",
        "Subject: Acme: $4.20 left\r\n",
        "Message-ID: <evt_1.usr_2@example.com>\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "\r\n\r\nHello\r\nthere\r\n",
    ] {
        assert!(text.contains(line), "{line:?} is not in {text:?}");
    }
}

#[test]
fn no_value_adds_a_header_or_ends_the_head() {
    let hostile = [
        "A\r\nBcc: victim@example.com",
        "A\nBcc: victim@example.com",
        "A\rBcc: victim@example.com",
        "A\r\n\r\nAnother text",
        "A\u{2028}Bcc: victim@example.com\u{2029}\u{85}\u{b}\u{c}\0",
        "Ä\r\nBcc: victim@example.com",
        "=?utf-8?q?A=0D=0ABcc:_victim@example.com?=",
        "",
        &"\u{1f3e1}".repeat(200),
        &"x".repeat(2_000),
    ];
    for subject in hostile {
        sound(subject, "o@example.com", "Hello");
    }
    let body = sound("A", "o@example.com", "Hello\r\n.\r\nMAIL FROM:<x@example.com>\r\n");
    assert!(body.contains("MAIL FROM"), "the text stays text: {body}");
}

#[test]
fn a_subject_that_looks_encoded_is_not_decoded() {
    let subject = "=?utf-8?q?A=0D=0ABcc:_victim@example.com?= ==??utf-8?b?QQ==?=";
    let (_, message) = smtp().message(&letter(subject, "o@example.com", "Hello")).unwrap();
    let text = String::from_utf8(message).unwrap();
    assert!(!text.contains("=?"), "{text}");
    assert!(text.contains("Subject: = ?utf-8?q?A=0D=0ABcc:_victim@example.com?= == ??utf-8?b?QQ== ?=\r\n"), "{text}");
}

#[test]
fn an_address_that_is_none_is_refused_for_good() {
    for to in [
        "",
        "nobody",
        "a@example.com\r\nRCPT TO:<b@example.com>",
        "a@example.com>\r\nDATA",
        "ä@example.com",
        "a b@example.com",
    ] {
        let refused = smtp().message(&letter("A", to, "Hello"));
        assert!(matches!(refused, Err(Unsent::Refused(_))), "{to:?}");
    }
}

proptest! {
    #[test]
    fn whatever_the_subject_is_the_headers_stay(subject in ".*", text in "(?s).*") {
        sound(&subject, "o@example.com", &text);
    }

    #[test]
    fn one_line_is_one_line(text in "(?s).*") {
        prop_assert!(!one_line(&text).contains(|sign: char| sign.is_control()));
    }
}
