//! Accounts at carriers: kept sealed, called at an address of their own, believed only what the carrier signed. On both databases.

use std::collections::BTreeMap;

use carrier::{Callback, CarrierEvent, Http, Receipt, ReceiptState};
use domain::access::Role;
use domain::ids::{CarrierId, MessageId, UserId};
use domain::message::{MessageKind, MessageState};
use domain::money::Micros;
use engine::carriers::{CarrierAccount, CarrierError, FORGET};
use engine::contacts::NewContact;
use engine::hear::HearError;
use engine::numbers::{NewNumber, NumberError};
use engine::receive::Received;
use engine::roll::Outfit;
use engine::sealed::MasterKeys;
use engine::webhooks::Poster;
use engine::workspaces::NewWorkspace;
use engine::{Actor, Carriers, Clock, Engine};
use store::messages::Message;
use store::receipts::CarrierId as CarrierIdentifier;
use store::{DbError, Store};

const OURS: &str = "+12125550100";
const PLIVO_TOKEN: &str = "the auth token";

fn outfit(keys: &[&str]) -> Outfit {
    Outfit {
        reach: "gateway.example.com".parse().unwrap(),
        keys: MasterKeys::parse(&keys.join("\n")).unwrap(),
        http: Http::new().unwrap(),
        poster: Poster::new("none".parse().unwrap()).unwrap(),
        public_url: "https://texts.example.com".to_owned(),
        bases: BTreeMap::new(),
    }
}

async fn engine(store: &Store, outfit: Option<Outfit>) -> Engine {
    let store = store.clone();
    let clock = Clock::manual("2026-11-24T15:00:00Z".parse().unwrap());
    let opened = tokio::task::spawn_blocking(move || Engine::open_with(store, clock, Carriers::new(), outfit).unwrap());
    opened.await.unwrap()
}

async fn workspace(engine: &Engine, name: &str) -> Actor {
    let (name, zone) = (name.to_owned(), "America/New_York".to_owned());
    let new = NewWorkspace { name, zone, rate: Micros(15_000), plan_credits: 100 };
    Actor::operator(engine.create_workspace(new).await.unwrap().workspace.id)
}

fn plivo(token: &str) -> Vec<(String, String)> {
    vec![("id".to_owned(), "MA1".to_owned()), ("token".to_owned(), token.to_owned())]
}

async fn account(engine: &Engine, actor: &Actor) -> CarrierAccount {
    engine.add_carrier(actor, "plivo", "Our Plivo", plivo(PLIVO_TOKEN)).await.unwrap()
}

fn number(phone: &str, carrier: CarrierId) -> NewNumber {
    NewNumber { phone: phone.to_owned(), carrier: carrier.to_string(), per_minute: 0, per_day: 0 }
}

/// Runs on both databases, each in a runtime of its own.
fn on_both<Fut: Future<Output = ()>>(story: impl Fn(Store) -> Fut) {
    for database in store::testing::databases() {
        println!("on {}", database.name);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(story(database.store.clone()));
    }
}

/// A call as Plivo makes it, signed by V2: the parameters are not covered.
async fn call(engine: &Engine, account: &CarrierAccount, nonce: &str, body: &str) -> Result<Vec<Received>, HearError> {
    let signature = sign(&format!("{}{nonce}", account.callbacks), PLIVO_TOKEN);
    signed(engine, account, nonce, &signature, body).await
}

async fn signed(
    engine: &Engine,
    account: &CarrierAccount,
    nonce: &str,
    signature: &str,
    body: &str,
) -> Result<Vec<Received>, HearError> {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = [header("x-plivo-signature-v2", signature), header("x-plivo-signature-v2-nonce", nonce)];
    let (url, at) = (&account.callbacks, engine.now());
    let callback = Callback { method: "POST", url, headers: &headers, body: body.as_bytes(), at };
    let key = account.callbacks.rsplit('/').next().unwrap();
    engine.hear(&account.id.to_string(), key, &callback).await
}

fn sign(message: &str, token: &str) -> String {
    use base64::Engine as _;
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, token.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(aws_lc_rs::hmac::sign(&key, message.as_bytes()))
}

fn text(uuid: &str, from: &str, to: &str) -> String {
    format!("MessageUUID={uuid}&From={from}&To={to}&Text=Yes&Type=sms")
}

#[test]
fn an_account_is_sealed_in_the_database_and_never_shown_again() {
    on_both(async |store| {
        let engine = engine(&store, Some(outfit(&[&MasterKeys::draw()]))).await;
        let actor = workspace(&engine, "Acme").await;
        let made = account(&engine, &actor).await;
        assert_eq!(made.shown, [("id".to_owned(), "MA1".to_owned())]);
        let workspace = actor.workspace();
        let stored = store.read::<_, DbError, _>(move |db| store::carriers::list(db, workspace)).await.unwrap();
        let sealed = String::from_utf8_lossy(&stored[0].sealed).into_owned();
        assert!(!sealed.contains("MA1") && !sealed.contains(PLIVO_TOKEN), "{sealed}");
        assert!(!format!("{made:?}").contains(PLIVO_TOKEN));
        assert_eq!(engine.carrier_accounts(&actor).await.unwrap(), [made]);
    });
}

#[test]
fn what_is_typed_wrong_is_said_and_nothing_is_kept() {
    on_both(async |store| {
        let engine = engine(&store, Some(outfit(&[&MasterKeys::draw()]))).await;
        let actor = workspace(&engine, "Acme").await;
        let said = async |kind: &str, name: &str, typed: Vec<(String, String)>| {
            engine.add_carrier(&actor, kind, name, typed).await.unwrap_err().to_string()
        };
        assert_eq!(said("plivo", "x", plivo("")).await, "Auth token is missing");
        assert!(said("acme", "x", plivo("t")).await.starts_with("there is no carrier \"acme\""));
        assert_eq!(said("plivo", " ", plivo("t")).await, "the account's name is refused");
        let path = vec![("id".to_owned(), "MA1/../..".to_owned()), ("token".to_owned(), "t".to_owned())];
        assert_eq!(said("plivo", "x", path).await, "Auth ID holds a space or a character that is not of the keyboard");
        let base = [plivo("t"), vec![("base".to_owned(), "http://10.0.0.1".to_owned())]].concat();
        assert_eq!(said("plivo", "x", base).await, "Plivo has no setting \"base\"");
        assert_eq!(engine.carrier_accounts(&actor).await.unwrap(), []);
    });
}

#[test]
fn a_signed_text_is_stored_once_and_one_that_is_not_signed_never() {
    on_both(async |store| {
        let engine = engine(&store, Some(outfit(&[&MasterKeys::draw()]))).await;
        let actor = workspace(&engine, "Acme").await;
        let account = account(&engine, &actor).await;
        engine.add_number(&actor, number(OURS, account.id)).await.unwrap();
        let body = text("m1", "13055550123", "12125550100");
        let stored = call(&engine, &account, "1", &body).await.unwrap();
        assert!(matches!(stored[..], [Received::Stored { .. }]), "{stored:?}");
        assert_eq!(call(&engine, &account, "1", &body).await.unwrap(), [Received::Repeat]);
        assert_eq!(
            call(&engine, &account, "2", &body).await.unwrap(),
            [Received::Repeat],
            "the same text, signed anew"
        );
        let forged = signed(&engine, &account, "3", "AAAA", &body).await;
        assert!(matches!(forged, Err(HearError::Unverified(_))), "{forged:?}");
        let shown = engine.carrier_accounts(&actor).await.unwrap().remove(0);
        assert_eq!((shown.refused, shown.heard_at), (1, Some(engine.now())));
    });
}

#[test]
fn a_forged_call_with_a_nonce_that_was_seen_changes_nothing_and_uses_nothing_up() {
    on_both(async |store| {
        let engine = engine(&store, Some(outfit(&[&MasterKeys::draw()]))).await;
        let actor = workspace(&engine, "Acme").await;
        let account = account(&engine, &actor).await;
        engine.add_number(&actor, number(OURS, account.id)).await.unwrap();
        call(&engine, &account, "1", &text("m1", "13055550123", "12125550100")).await.unwrap();
        // V2 does not sign the parameters, so whoever saw that call can write this one.
        let forged = text("m2", "13055550199", "12125550100");
        assert_eq!(call(&engine, &account, "1", &forged).await.unwrap(), [Received::Repeat]);
        let genuine = call(&engine, &account, "2", &forged).await.unwrap();
        assert!(matches!(genuine[..], [Received::Stored { .. }]), "{genuine:?}");
    });
}

#[test]
fn an_account_cannot_tell_news_of_another_workspaces_numbers() {
    on_both(async |store| {
        let engine = engine(&store, Some(outfit(&[&MasterKeys::draw()]))).await;
        let (ours, theirs) = (workspace(&engine, "Acme").await, workspace(&engine, "Eve").await);
        let (our_account, their_account) = (account(&engine, &ours).await, account(&engine, &theirs).await);
        engine.add_number(&ours, number(OURS, our_account.id)).await.unwrap();
        let body = text("m1", "13055550123", "12125550100");
        assert_eq!(call(&engine, &their_account, "1", &body).await.unwrap(), [Received::Stray]);
        let theft = engine.add_number(&theirs, number("+12125550101", our_account.id)).await;
        assert!(matches!(theft, Err(NumberError::Carrier { .. })), "{theft:?}");
        let change = engine.change_carrier(&theirs, our_account.id, "Mine", Vec::new()).await;
        assert!(matches!(change, Err(CarrierError::Unknown)), "{change:?}");
        assert!(matches!(engine.remove_carrier(&theirs, our_account.id).await, Err(CarrierError::Unknown)));
    });
}

#[test]
fn what_is_not_understood_is_kept() {
    on_both(async |store| {
        let engine = engine(&store, Some(outfit(&[&MasterKeys::draw()]))).await;
        let actor = workspace(&engine, "Acme").await;
        let account = account(&engine, &actor).await;
        engine.add_number(&actor, number(OURS, account.id)).await.unwrap();
        let strange = call(&engine, &account, "1", "MessageUUID=m1&Status=yodelled&From=12125550100").await.unwrap();
        assert_eq!(strange, [Received::Stray]);
    });
}

#[test]
fn only_the_right_address_reaches_an_account() {
    on_both(async |store| {
        let engine = engine(&store, Some(outfit(&[&MasterKeys::draw()]))).await;
        let actor = workspace(&engine, "Acme").await;
        let made = account(&engine, &actor).await;
        let wrong = CarrierAccount { callbacks: format!("{}0", made.callbacks), ..made.clone() };
        assert!(matches!(call(&engine, &wrong, "1", "x=1").await, Err(HearError::Unknown)));
        let gone = CarrierAccount { id: CarrierId(7), ..made };
        assert!(matches!(call(&engine, &gone, "1", "x=1").await, Err(HearError::Unknown)));
    });
}

#[test]
fn an_account_that_one_node_adds_or_changes_is_known_to_the_other() {
    on_both(async |store| {
        let key = MasterKeys::draw();
        let (one, other) = (engine(&store, Some(outfit(&[&key]))).await, engine(&store, Some(outfit(&[&key]))).await);
        let actor = workspace(&one, "Acme").await;
        let made = account(&one, &actor).await;
        one.add_number(&actor, number(OURS, made.id)).await.unwrap();
        let heard = call(&other, &made, "1", &text("m1", "13055550123", "12125550100")).await.unwrap();
        assert!(matches!(heard[..], [Received::Stored { .. }]), "{heard:?}");
        // Another token, at the same instant of a clock that stands still.
        one.change_carrier(&actor, made.id, "Renamed", plivo("another token")).await.unwrap();
        other.refresh_carriers().await.unwrap();
        let old = call(&other, &made, "2", &text("m2", "13055550123", "12125550100")).await;
        assert!(matches!(old, Err(HearError::Unverified(_))), "{old:?}");
    });
}

#[test]
fn a_secret_that_is_left_empty_stays_as_it_is() {
    on_both(async |store| {
        let engine = engine(&store, Some(outfit(&[&MasterKeys::draw()]))).await;
        let actor = workspace(&engine, "Acme").await;
        let made = account(&engine, &actor).await;
        engine.add_number(&actor, number(OURS, made.id)).await.unwrap();
        let typed = vec![("id".to_owned(), "MA2".to_owned()), ("token".to_owned(), String::new())];
        engine.change_carrier(&actor, made.id, "Ours", typed).await.unwrap();
        let shown = engine.carrier_accounts(&actor).await.unwrap().remove(0);
        assert_eq!((shown.name.as_str(), &shown.shown[..]), ("Ours", &[("id".to_owned(), "MA2".to_owned())][..]));
        assert!(call(&engine, &made, "1", &text("m1", "13055550123", "12125550100")).await.is_ok());
    });
}

#[test]
fn an_account_with_numbers_stays_and_one_without_is_forgotten() {
    on_both(async |store| {
        let engine = engine(&store, Some(outfit(&[&MasterKeys::draw()]))).await;
        let actor = workspace(&engine, "Acme").await;
        let (used, idle) = (account(&engine, &actor).await, account(&engine, &actor).await);
        engine.add_number(&actor, number(OURS, used.id)).await.unwrap();
        assert!(matches!(engine.remove_carrier(&actor, used.id).await, Err(CarrierError::InUse { count: 1 })));
        engine.remove_carrier(&actor, idle.id).await.unwrap();
        assert!(matches!(call(&engine, &idle, "1", "x=1").await, Err(HearError::Unknown)));
        assert!(matches!(engine.remove_carrier(&actor, idle.id).await, Err(CarrierError::Unknown)));
    });
}

#[test]
fn a_new_master_key_seals_everything_anew_and_a_lost_one_is_said() {
    on_both(async |store| {
        let (old, new) = (MasterKeys::draw(), MasterKeys::draw());
        let first = engine(&store, Some(outfit(&[&old]))).await;
        let actor = workspace(&first, "Acme").await;
        let made = account(&first, &actor).await;
        first.add_number(&actor, number(OURS, made.id)).await.unwrap();
        let without = engine(&store, Some(outfit(&[&new]))).await;
        let shown = without.carrier_accounts(&actor).await.unwrap().remove(0);
        assert_eq!(shown.trouble.unwrap(), "it was sealed with a master key that this server does not have");
        let closed = call(&without, &made, "1", &text("m1", "13055550123", "12125550100")).await;
        assert!(matches!(closed, Err(HearError::Closed(_))), "{closed:?}");
        let both = engine(&store, Some(outfit(&[&new, &old]))).await;
        assert_eq!(both.reseal_carriers().await.unwrap(), 1);
        assert_eq!(both.reseal_carriers().await.unwrap(), 0);
        without.refresh_carriers().await.unwrap();
        let heard = call(&without, &made, "1", &text("m1", "13055550123", "12125550100")).await.unwrap();
        assert!(matches!(heard[..], [Received::Stored { .. }]), "{heard:?}");
    });
}

#[test]
fn whoever_may_not_set_up_the_workspace_sees_and_changes_no_account() {
    on_both(async |store| {
        let engine = engine(&store, Some(outfit(&[&MasterKeys::draw()]))).await;
        let operator = workspace(&engine, "Acme").await;
        let made = account(&engine, &operator).await;
        let agent = Actor::user(operator.workspace(), UserId(1), Role::Agent.permissions());
        assert!(matches!(engine.carrier_accounts(&agent).await, Err(CarrierError::Forbidden(_))));
        assert!(matches!(engine.remove_carrier(&agent, made.id).await, Err(CarrierError::Forbidden(_))));
        assert!(engine.add_carrier(&agent, "plivo", "x", plivo("t")).await.is_err());
    });
}

#[test]
fn without_a_master_key_no_credentials_are_kept() {
    on_both(async |store| {
        let none = engine(&store, None).await;
        let operator = workspace(&none, "Acme").await;
        assert!(matches!(none.add_carrier(&operator, "plivo", "x", plivo("t")).await, Err(CarrierError::NoMasterKey)));
    });
}

#[test]
fn a_token_before_can_be_forgotten_and_then_signs_nothing() {
    on_both(async |store| {
        let engine = engine(&store, Some(outfit(&[&MasterKeys::draw()]))).await;
        let actor = workspace(&engine, "Acme").await;
        let made = account(&engine, &actor).await;
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let turned = vec![pair("id", "MA1"), pair("token", "a new one"), pair("token_before", PLIVO_TOKEN)];
        engine.change_carrier(&actor, made.id, "Ours", turned).await.unwrap();
        assert!(call(&engine, &made, "1", "x=1").await.is_ok());
        let forget = vec![pair("id", "MA1"), pair("token_before", ""), pair(FORGET, "token_before")];
        engine.change_carrier(&actor, made.id, "Ours", forget).await.unwrap();
        assert!(matches!(call(&engine, &made, "2", "x=1").await, Err(HearError::Unverified(_))));
        let needed = engine.change_carrier(&actor, made.id, "Ours", vec![pair(FORGET, "token")]).await;
        assert!(matches!(needed, Err(CarrierError::Settings(_))), "{needed:?}");
    });
}

#[test]
fn a_number_is_added_to_the_accounts_that_there_are_and_not_to_those_that_a_node_remembers() {
    on_both(async |store| {
        let key = MasterKeys::draw();
        let (one, other) = (engine(&store, Some(outfit(&[&key]))).await, engine(&store, Some(outfit(&[&key]))).await);
        let actor = workspace(&one, "Acme").await;
        let made = account(&one, &actor).await;
        other.add_number(&actor, number(OURS, made.id)).await.unwrap();
        let gone = account(&other, &actor).await;
        one.refresh_carriers().await.unwrap();
        other.remove_carrier(&actor, gone.id).await.unwrap();
        let late = one.add_number(&actor, number("+12125550101", gone.id)).await;
        assert!(matches!(late, Err(NumberError::Carrier { .. })), "{late:?}");
    });
}

/// A call to an address of the account.
async fn call_at(
    engine: &Engine,
    account: &CarrierAccount,
    address: &str,
    id: &str,
) -> Result<Vec<Received>, HearError> {
    let at = CarrierAccount { callbacks: address.to_owned(), ..account.clone() };
    call(engine, &at, id, &text(id, "12125550111", "12125550100")).await
}

#[test]
fn an_account_gets_a_new_address_and_the_old_one_is_taken_until_it_is_forgotten() {
    on_both(async |store| {
        let keys = MasterKeys::draw();
        let (engine, other) =
            (engine(&store, Some(outfit(&[&keys]))).await, engine(&store, Some(outfit(&[&keys]))).await);
        let actor = workspace(&engine, "Acme").await;
        let made = account(&engine, &actor).await;
        engine.add_number(&actor, number(OURS, made.id)).await.unwrap();
        let account = async || engine.carrier_accounts(&actor).await.unwrap().remove(0);
        other.refresh_carriers().await.unwrap();

        engine.renew_address(&actor, made.id).await.unwrap();
        let renewed = account().await;
        assert_ne!(renewed.callbacks, made.callbacks);
        assert_eq!(renewed.before, Some((made.callbacks.clone(), None)));
        // Also on a node that has not looked since.
        for (node, address, id) in
            [(&other, &renewed.callbacks, "a"), (&engine, &renewed.callbacks, "b"), (&engine, &made.callbacks, "c")]
        {
            let taken = call_at(node, &made, address, id).await.unwrap();
            assert!(matches!(taken[..], [Received::Stored { .. }]), "{taken:?}");
        }
        assert_eq!(account().await.before, Some((made.callbacks.clone(), Some(engine.now()))));
        // Whoever renews again would cut off the carrier, which may still have the first.
        let again = engine.renew_address(&actor, made.id).await;
        assert!(matches!(again, Err(CarrierError::TwoAddresses)), "{again:?}");
        // A change of the settings keeps both.
        engine.change_carrier(&actor, made.id, "Renamed", Vec::new()).await.unwrap();
        assert_eq!(account().await.callbacks, renewed.callbacks);
        assert!(call_at(&engine, &made, &made.callbacks, "d").await.is_ok());

        engine.forget_address(&actor, made.id).await.unwrap();
        assert_eq!(account().await.before, None);
        other.refresh_carriers().await.unwrap();
        for node in [&engine, &other] {
            assert!(matches!(call_at(node, &made, &made.callbacks, "e").await, Err(HearError::Unknown)));
        }
        assert!(call_at(&other, &made, &renewed.callbacks, "f").await.is_ok());
        let stranger = workspace(&engine, "Other").await;
        assert!(matches!(engine.renew_address(&stranger, made.id).await, Err(CarrierError::Unknown)));
        let agent = Actor::user(actor.workspace(), UserId(9), Role::Agent.permissions());
        assert!(matches!(engine.forget_address(&agent, made.id).await, Err(CarrierError::Forbidden(_))));
    });
}

#[test]
fn an_address_of_no_account_is_unknown_whatever_its_form() {
    on_both(async |store| {
        let engine = engine(&store, Some(outfit(&[&MasterKeys::draw()]))).await;
        let actor = workspace(&engine, "Acme").await;
        let made = account(&engine, &actor).await;
        let (name, secret) = (made.id.to_string(), "0123456789abcdef".repeat(4));
        let nobody = CarrierId(made.id.0 + 1).to_string();
        for (name, key) in [
            (name.as_str(), secret.as_str()),
            (&nobody, &secret),
            (&name, ""),
            (&name, &secret.to_uppercase()),
            (&name, &"a".repeat(1 << 20)),
            ("twilio", &secret),
            ("", &secret),
            (&"car_".repeat(100_000), &secret),
        ] {
            let refused = engine.knows_address(name, key).await;
            assert!(matches!(refused, Err(HearError::Unknown)), "{refused:?}");
        }
        let key = made.callbacks.rsplit('/').next().unwrap();
        assert!(engine.knows_address(&name, key).await.is_ok());
    });
}

/// News of a text with the two numbers as they were in the text, as some SMSCs have it.
fn not_turned(id: &str, handset: &str, at: jiff::Timestamp) -> CarrierEvent {
    CarrierEvent::Receipt(Receipt {
        event_id: format!("{id}:DELIVRD"),
        carrier_id: id.to_owned(),
        from: handset.to_owned(),
        attempt: None,
        state: ReceiptState::Delivered,
        code: None,
        failure: None,
        segments: None,
        cost: None,
        at,
    })
}

#[test]
fn a_receipt_whose_numbers_are_not_turned_round_finds_its_text_by_the_accounts_identifier() {
    on_both(async |store| {
        let engine = engine(&store, Some(outfit(&[&MasterKeys::draw()]))).await;
        let (actor, theirs) = (workspace(&engine, "Acme").await, workspace(&engine, "Other").await);
        let (ours, other) = (account(&engine, &actor).await, account(&engine, &theirs).await);
        let sender = engine.add_number(&actor, number(OURS, ours.id)).await.unwrap();
        let new = NewContact { phone: "+12125550111".to_owned(), ..NewContact::default() };
        let contact = engine.create_contact(&actor, new).await.unwrap();
        let (workspace, now, carrier) = (actor.workspace(), engine.now(), ours.id.to_string());
        let text = Message {
            state: MessageState::Sent,
            sent_at: Some(now),
            attempts: 1,
            ..Message::new(MessageId(64), contact.id, MessageKind::Manual, sender.id, "Hi".to_owned(), 1, now)
        };
        let name = carrier.clone();
        let sent = move |tx: &mut store::Tx<'_>| {
            store::messages::insert(tx, workspace, std::slice::from_ref(&text), now)?;
            store::receipts::link(tx, workspace, CarrierIdentifier { carrier: &name, id: "known" }, text.id).map(drop)
        };
        store.write::<_, DbError, _>(store::Lane::Normal, sent).await.unwrap();

        let tell = async |account: &str, id: &str, handset: &str| {
            engine.receive(account, not_turned(id, handset, now)).await.unwrap()
        };
        // Of another account, or of a phone and an identifier that nobody knows, it is nobody's.
        assert_eq!(tell(&other.id.to_string(), "known", "+12125550111").await, Received::Stray);
        assert_eq!(tell(&carrier, "unknown", "+12125550199").await, Received::Stray);
        assert_eq!(tell("simulator", "known", "+12125550111").await, Received::Stray);
        // Before the answer that names it, to a contact of ours: it waits for the answer.
        assert_eq!(tell(&carrier, "to come", "+12125550111").await, Received::Parked);
        let moved = tell(&carrier, "known", "+12125550111").await;
        assert_eq!(moved, Received::Moved(MessageId(64), MessageState::Delivered));
        assert_eq!(tell(&carrier, "known", "+12125550111").await, Received::Repeat);
    });
}
