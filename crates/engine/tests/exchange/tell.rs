//! What the exchange tells: the calls with which a carrier says what happened, and those of strangers.

use carrier::account::Kind;
use carrier::{Callback, CarrierEvent};
use engine::Engine;
use engine::hear::HearError;
use engine::receive::Received;

use super::dialect::{self, Account, Call, Tale, Text};
use super::{Exchange, seal};

impl Exchange {
    /// The call with which the carrier tells of an event, and the account that it is about.
    pub(crate) fn call(&self, event: &CarrierEvent) -> (Account, Call) {
        let (account, text, tale) = self.tale(event);
        let call = dialect::of(account.kind).call(&account, &text, tale, self.clock.now());
        (account, call)
    }

    /// The same, as somebody else would make it.
    pub(crate) fn call_of(&self, account: &Account, event: &CarrierEvent) -> Call {
        let (_, text, tale) = self.tale(event);
        dialect::of(account.kind).call(account, &text, tale, self.clock.now())
    }

    fn tale(&self, event: &CarrierEvent) -> (Account, Text, Tale) {
        let mut book = self.book();
        match event {
            CarrierEvent::Receipt(receipt) => {
                let attempt = receipt.attempt.expect("the simulator echoes");
                let text = book.texts[book.by_attempt[&attempt]].clone();
                let account = book.owner(&text.from).expect("it sent").clone();
                (account, text, Tale::News { state: receipt.state, failure: receipt.failure })
            }
            CarrierEvent::Inbound(inbound) => {
                let account = book.owner(&inbound.to).expect("a number of a customer").clone();
                let text = Text {
                    id: dialect::id(&account, &seal::hash(inbound.event_id.as_bytes())),
                    attempt: None,
                    from: inbound.from.clone(),
                    to: inbound.to.clone(),
                    body: inbound.body.clone(),
                    media: inbound.media,
                    segments: seal::segments(&inbound.body),
                    echo: String::new(),
                    news: String::new(),
                    at: inbound.at,
                };
                if !book.texts.iter().rev().take(500).any(|known| known.id == text.id) {
                    book.texts.push(text.clone());
                }
                (account, text, Tale::Inbound)
            }
        }
    }

    /// Tells an event to the engine, as a call that came to its address; now and then a stranger tries first.
    pub(crate) async fn tell(&self, engine: &Engine, event: &CarrierEvent) -> Vec<Received> {
        let (account, text, tale) = self.tale(event);
        if account.kind == Kind::Smpp {
            self.deliver(engine, (account, text, tale), event).await;
            return Vec::new();
        }
        let (speaks, now) = (dialect::of(account.kind), self.clock.now());
        if self.luck(&[&text.id, event.event_id(), "forged"]) < self.habits.forged {
            let stop = Text {
                attempt: None,
                body: "STOP".to_owned(),
                from: text.to.clone(),
                to: text.from.clone(),
                ..text.clone()
            };
            let stop = if text.attempt.is_some() { stop } else { text.clone() };
            let mut forged = speaks.call(&account.stranger(), &stop, Tale::Inbound, now);
            if self.luck(&[&text.id, "bare"]) < 30 {
                forged = forged.bare();
            }
            let heard = hear(engine, &forged).await;
            assert!(matches!(heard, Err(HearError::Unverified(_))), "a forged call was taken: {heard:?}");
            self.book().forged += 1;
        }
        let call = speaks.call(&account, &text, tale, now);
        let received = hear(engine, &call).await.unwrap_or_else(|error| panic!("{error}: {call:?}"));
        assert!(!received.contains(&Received::Stray), "it was not understood: {call:?}");
        received
    }
}

/// Hands a call over as the server does.
pub(crate) async fn hear(engine: &Engine, call: &Call) -> Result<Vec<Received>, HearError> {
    let address = call.url.split('?').next().unwrap();
    let mut parts = address.rsplit('/');
    let (key, name) = (parts.next().unwrap(), parts.next().unwrap());
    let (url, headers, body) = (&call.url, &call.headers, call.body.as_bytes());
    let callback = Callback { method: call.method, url, headers, body, at: engine.now() };
    engine.hear(name, key, &callback).await
}
