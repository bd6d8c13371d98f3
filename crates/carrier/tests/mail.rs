//! Mails over a real connection: what a mail server is told, and whose fault each of its answers is. A mail server of another's making
//! judges TLS and passwords (`judges/mail.mjs`).

use std::sync::{Arc, Mutex};

use carrier::mail::{Letter, Mailer as _, Smtp, Unsent};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the server answers to each command; `drop` closes the line instead.
#[derive(Debug, Clone, Copy)]
struct Script {
    greeting: &'static str,
    hello: &'static str,
    sender: &'static str,
    recipient: &'static str,
    data: &'static str,
    mail: &'static str,
}

const GOOD: Script = Script {
    greeting: "220 mail.example.com",
    hello: "250-mail.example.com\r\n250 SIZE 1000000",
    sender: "250 ok",
    recipient: "250 ok",
    data: "354 go on",
    mail: "250 taken",
};

/// A mail server on loopback, and all that it was told.
struct Post {
    address: String,
    told: Arc<Mutex<Vec<String>>>,
}

impl Post {
    async fn open(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, told) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<String>>>::default());
        let heard = Arc::clone(&told);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                drop(serve(stream, script, &heard).await);
            }
        });
        Self { address: address.to_string(), told }
    }

    async fn send(&self, query: &str, letter: &Letter) -> Result<(), Unsent> {
        let relay = format!("smtp://{}{query}", self.address).parse().unwrap();
        Smtp::new(relay, "Dripline <no-reply@example.com>".parse().unwrap()).unwrap().send(letter).await
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, script: Script, told: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read).lines();
    let mut in_mail = false;
    write.write_all(format!("{}\r\n", script.greeting).as_bytes()).await?;
    while let Some(line) = lines.next_line().await? {
        told.lock().unwrap().push(line.clone());
        let answer = match line.split([' ', ':']).next().unwrap_or_default() {
            "." if in_mail => script.mail,
            _ if in_mail => continue,
            "EHLO" => script.hello,
            "MAIL" => script.sender,
            "RCPT" => script.recipient,
            "DATA" => script.data,
            "QUIT" => "221 bye",
            _ => "502 what?",
        };
        if answer == "drop" {
            return Ok(());
        }
        in_mail = answer.starts_with("354");
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

fn letter() -> Letter {
    Letter {
        id: "evt_1.usr_2".to_owned(),
        to: "owner@example.com".to_owned(),
        subject: "Acme\r\nBcc: victim@example.com\r\n\r\n.\r\nQUIT".to_owned(),
        text: "Hello\n.\nRCPT TO:<victim@example.com>\n.\n".to_owned(),
        at: "2026-11-24T15:00:00Z".parse().unwrap(),
    }
}

#[tokio::test]
async fn one_recipient_gets_one_mail_whatever_its_values_hold() {
    let post = Post::open(GOOD).await;
    assert_eq!(post.send("?tls=none", &letter()).await, Ok(()));
    let told = post.told();
    assert_eq!(
        told[..4],
        ["EHLO example.com", "MAIL FROM:<no-reply@example.com>", "RCPT TO:<owner@example.com>", "DATA"]
    );
    let text = &told[4..];
    assert_eq!(text[text.len() - 2..], [".", "QUIT"], "the mail ends once, at its end: {text:?}");
    assert_eq!(text.iter().filter(|line| *line == ".").count(), 1, "{text:?}");
    assert!(text.contains(&"..".to_owned()), "a lonely dot is doubled: {text:?}");
    let head = &text[..text.iter().position(String::is_empty).unwrap()];
    assert!(head.contains(&"Subject: Acme Bcc: victim@example.com . QUIT".to_owned()), "{head:?}");
    assert!(!head.iter().any(|line| line.starts_with("Bcc")), "{head:?}");
}

#[tokio::test]
async fn whose_fault_it_is_follows_from_what_was_answered_to_what() {
    let refused = ["recipient 550 5.1.1 who?", "recipient 553 no", "data 554 nobody", "mail 554 5.7.1 spam"];
    let not_now = [
        "recipient 450 later",
        "recipient 421 bye",
        "mail 452 full",
        "sender 451 later",
        "recipient drop",
        "mail drop",
        "recipient ???",
    ];
    let down = [
        "greeting 554 go away",
        "greeting 421 busy",
        "hello 500 no",
        "hello drop",
        "sender 550 not you",
        "sender 530 sign in",
    ];
    let all = [(0, &refused[..]), (1, &not_now[..]), (2, &down[..])];
    for (nth, cases) in all {
        for case in cases {
            let (step, answer) = case.split_once(' ').unwrap();
            let mut script = GOOD;
            match step {
                "greeting" => script.greeting = answer,
                "hello" => script.hello = answer,
                "sender" => script.sender = answer,
                "recipient" => script.recipient = answer,
                "data" => script.data = answer,
                "mail" => script.mail = answer,
                other => panic!("{other}"),
            }
            let unsent = Post::open(script).await.send("?tls=none", &letter()).await.unwrap_err();
            let fits = [
                matches!(unsent, Unsent::Refused(_)),
                matches!(unsent, Unsent::NotNow(_)),
                matches!(unsent, Unsent::Down(_)),
            ];
            assert!(fits[nth], "{case}: {unsent:?}");
        }
    }
}

#[tokio::test]
async fn without_starttls_nothing_is_said_and_nobody_there_is_down() {
    let post = Post::open(GOOD).await;
    assert!(matches!(post.send("", &letter()).await, Err(Unsent::Down(_))));
    assert_eq!(post.told(), ["EHLO example.com"], "no sender, no recipient, no text in the open");
    let gone = { TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap() };
    let nobody = Post { address: gone.to_string(), told: Arc::default() };
    assert!(matches!(nobody.send("?tls=none", &letter()).await, Err(Unsent::Down(_))));
}

#[tokio::test]
async fn what_a_server_says_is_one_line_of_bounded_length() {
    let long = Box::leak(format!("550-one\r\n550-{}\r\n550 three", "x".repeat(400)).into_boxed_str());
    let unsent = Post::open(Script { recipient: long, ..GOOD }).await.send("?tls=none", &letter()).await.unwrap_err();
    let Unsent::Refused(said) = unsent else { panic!("{unsent:?}") };
    assert!(said.chars().count() <= 200 && !said.contains(['\r', '\n']), "{said:?}");
}
