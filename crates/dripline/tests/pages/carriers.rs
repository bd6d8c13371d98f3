//! Accounts at carriers: the page that keeps them, and the address at which carriers call.

use axum::body::Body;
use axum::http::Request;
use domain::access::Role;
use domain::enrollment::{EnrollmentState, StopReason};
use engine::Clock;
use engine::carriers::Kind;
use engine::enrolling::EnrollRequest;
use engine::numbers::NewNumber;
use serde_json::json;
use store::numbers::Number;

use crate::counter::Answer::Says;
use crate::counter::Desk;
use crate::markup::sound;
use crate::registered::register;
use crate::site::{Answer, Customer, Person, Site};

const BANDWIDTH: &str = "name=Our+Bandwidth&account=500&user=api&password=the+password&application=app-1\
    &callback_user=hooks&callback_password=secret&callback_password_before=";
/// base64 of `hooks:secret`.
const SIGNED: &str = "Basic aG9va3M6c2VjcmV0";

/// The path of the only account's address.
async fn callbacks(site: &Site, customer: &Customer) -> String {
    let account = site.parts.engine.carrier_accounts(&customer.operator).await.unwrap().remove(0);
    account.callbacks.strip_prefix("https://texts.example.com").unwrap().to_owned()
}

async fn call(site: &Site, path: &str, authorization: &str, body: String) -> Answer {
    let request = Request::post(path).header("authorization", authorization).header("content-type", "application/json");
    site.send(request.body(Body::from(body)).unwrap()).await
}

fn text(from: &str, to: &str) -> String {
    json!([{ "type": "message-received", "time": "2026-11-24T14:59:00.000Z", "to": to, "message": { "id": "m1", "owner": to,
        "from": from, "to": [to], "text": "Yes please" } }])
    .to_string()
}

/// A number that an account at Bandwidth sends for.
pub(crate) async fn number_at_bandwidth(site: &Site, customer: &Customer, admin: &Person<'_>) -> Number {
    admin.post("/settings/carriers/new/bandwidth", BANDWIDTH).await;
    let engine = &site.parts.engine;
    let carrier = engine.carrier_accounts(&customer.operator).await.unwrap().remove(0).id.to_string();
    let number = NewNumber { phone: "+13055550177".to_owned(), carrier, per_minute: 60, per_day: 0 };
    engine.add_number(&customer.operator, number).await.unwrap()
}

#[tokio::test]
async fn an_account_is_added_shown_changed_and_removed_and_its_secrets_stay_hidden() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let admin = site.person(&customer, Role::Admin).await;
    let empty = admin.get("/settings/carriers").await.good();
    sound(&empty);
    assert!(empty.has("No account yet"));
    for kind in ["bandwidth", "plivo", "telnyx", "twilio", "vonage", "gateway", "smpp"] {
        sound(&admin.get(&format!("/settings/carriers/new/{kind}")).await.good());
    }
    assert_eq!(admin.get("/settings/carriers/new/acme").await.status, 404);
    let wrong = BANDWIDTH.replace("the+password", "");
    let refused = admin.post("/settings/carriers/new/bandwidth", &wrong).await;
    assert_eq!(refused.status, 422);
    sound(&refused);
    assert!(refused.has("API password is missing.") && refused.has("app-1"), "{}", refused.text);
    assert!(!refused.has("secret\""), "a secret came back");
    assert_eq!(admin.post("/settings/carriers/new/bandwidth", BANDWIDTH).await.status, 303);
    let list = admin.get("/settings/carriers").await.good();
    sound(&list);
    assert!(list.has("Our Bandwidth") && list.has("https://texts.example.com/hooks/car_"), "{}", list.text);
    let account = site.parts.engine.carrier_accounts(&customer.operator).await.unwrap().remove(0);
    let place = format!("/settings/carriers/{}", account.id);
    let form = admin.get(&place).await.good();
    sound(&form);
    assert!(form.has("value=\"app-1\"") && !form.has("the password") && !form.has("value=\"secret\""));
    let changed =
        "name=Renamed&account=501&user=api&password=&application=app-1&callback_user=hooks&callback_password=";
    assert_eq!(admin.post(&place, changed).await.status, 303);
    assert!(admin.get("/numbers").await.good().has("Renamed"));
    let path = callbacks(&site, &customer).await;
    assert_eq!(call(&site, &path, SIGNED, "[]".to_owned()).await.status, 204, "the password was kept");
    assert_eq!(admin.post(&format!("{place}/remove"), "").await.status, 303);
    assert_eq!(call(&site, &path, SIGNED, "[]".to_owned()).await.status, 404);
}

#[tokio::test]
async fn whoever_may_not_set_up_the_workspace_sees_no_account() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let agent = site.person(&customer, Role::Agent).await;
    for path in ["/settings/carriers", "/settings/carriers/new/twilio"] {
        assert_eq!(agent.get(path).await.status, 403, "{path}");
    }
    assert_eq!(agent.post("/settings/carriers/new/bandwidth", BANDWIDTH).await.status, 403);
}

#[tokio::test]
async fn a_signed_reply_stops_the_workflow_and_anything_else_does_nothing() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let admin = site.person(&customer, Role::Admin).await;
    let engine = &site.parts.engine;
    let number = number_at_bandwidth(&site, &customer, &admin).await;
    register(engine, &customer.operator, number.id).await;
    let workflow = engine.workflows(&customer.operator).await.unwrap()[0].workflow.id;
    let contact = customer.contacts[0];
    let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
    let enrolled = engine.enroll(&customer.operator, request).await.unwrap().enrollment;
    let state = async || engine.enrollment(&customer.operator, enrolled).await.unwrap().state;
    let phone = engine.contact(&customer.operator, contact).await.unwrap().phone;
    let path = callbacks(&site, &customer).await;
    let reply = || text(&phone, "+13055550177");
    assert_eq!(call(&site, &path, "Basic aG9va3M6d3Jvbmc=", reply()).await.status, 403);
    assert_eq!(call(&site, &format!("{path}0"), SIGNED, reply()).await.status, 404);
    assert_eq!(call(&site, "/hooks/car_0000000000001/secret", SIGNED, reply()).await.status, 404);
    // A signed call, but about a number that another carrier sends for.
    assert_eq!(call(&site, &path, SIGNED, text(&phone, "+12125550100")).await.status, 204);
    assert_eq!(state().await, EnrollmentState::Active);
    for _ in 0..2 {
        assert_eq!(call(&site, &path, SIGNED, reply()).await.status, 204);
        assert_eq!(state().await, EnrollmentState::Stopped(StopReason::Replied));
    }
    let page = admin.get("/settings/carriers").await.good();
    assert!(page.has("1 refused") && page.has("last call"), "{}", page.text);
}

#[tokio::test]
async fn a_gateway_is_named_only_where_the_operator_allows_it_and_its_lines_are_shown() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let admin = site.person(&customer, Role::Admin).await;
    let form = |url: &str| {
        format!(
            "name=Our+Kannel&url={url}&user=u&password=p&smsc=&callback_secret=0123456789abcdef&callback_secret_before="
        )
    };
    let place = "/settings/carriers/new/gateway";
    let refused = admin.post(place, &form("http%3A%2F%2F169.254.169.254%2Flatest")).await;
    assert_eq!(refused.status, 422);
    sound(&refused);
    assert!(refused.has("its operator has to add it to carrier_gateways"), "{}", refused.text);
    assert!(refused.has("http://169.254.169.254/latest"), "what was typed is kept");
    assert_eq!(admin.post(place, &form("http%3A%2F%2F127.0.0.1%3A13013%2Fcgi-bin%2Fsendsms")).await.status, 303);
    let list = admin.get("/settings/carriers").await.good();
    sound(&list);
    assert!(list.has("catch-all = yes") && list.has("secret=CALLBACK-SECRET"), "{}", list.text);
    assert!(!list.has("0123456789abcdef"));
    let path = callbacks(&site, &customer).await;
    let call = async |secret: &str| {
        let asked = format!("{path}?secret={secret}&id=u1&from=%2B13055550123&to=12125550100&text=Hi");
        site.send(Request::get(asked).body(Body::empty()).unwrap()).await.status
    };
    // Kannel takes "no content" for a failure and comes again.
    assert_eq!((call("0123456789abcdef").await, call("wrong").await), (200, 403));
}

#[tokio::test]
async fn a_call_that_is_too_large_is_refused_before_it_is_read() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    site.person(&customer, Role::Admin).await.post("/settings/carriers/new/bandwidth", BANDWIDTH).await;
    let path = callbacks(&site, &customer).await;
    assert_eq!(call(&site, &path, SIGNED, "x".repeat(1024 * 1024 + 1)).await.status, 413);
}

#[tokio::test]
async fn the_numbers_that_an_account_has_are_taken_over_by_a_press() {
    let held = |phones: &[&str]| {
        let numbers = phones.iter().map(|phone| json!({ "phone_number": phone, "features": { "sms": {} } }));
        json!({ "data": numbers.collect::<Vec<_>>(), "meta": { "page_number": 1, "total_pages": 1 } }).to_string()
    };
    let first = held(&["+13055550177", "+13055550178", "+12125550100", "+12125550105"]);
    let desk = Desk::open(vec![Says(200, first), Says(500, String::new()), Says(200, held(&["+13055550177"]))]).await;
    let clock = Clock::manual("2026-11-24T15:00:00Z".parse().unwrap());
    let site = Site::over(Kind::Telnyx, &desk.address, clock);
    let (ours, theirs) = (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+12125550105").await);
    let admin = site.person(&ours, Role::Admin).await;
    let typed = [("key", "KEY1"), ("public_key", "x")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    let engine = &site.parts.engine;
    let account = engine.add_carrier(&ours.operator, "telnyx", "Our Telnyx", typed.to_vec()).await.unwrap().id;
    let place = format!("/settings/carriers/{account}/numbers");
    let listed = admin.post(&place, "").await;
    assert_eq!(listed.status, 200, "{}", listed.text);
    sound(&listed);
    assert!(listed.has("(305) 555-0177") && !listed.has("(212) 555-0100"), "what is ours already is left out");
    let added = admin.post(&format!("{place}/add"), "phone=%2B13055550177&phone=%2B12125550105").await;
    assert_eq!(added.status, 303);
    let phones: Vec<_> = engine.numbers(&ours.operator).await.unwrap().into_iter().map(|number| number.phone).collect();
    assert_eq!(phones, ["+12125550100", "+13055550177"], "another workspace's number is not ours to add");
    assert_eq!(admin.post(&place, "").await.status, 303, "the carrier was out of order");
    assert!(admin.post(&place, "").await.has("No other number"));
    let agent = site.person(&ours, Role::Agent).await;
    let stranger = site.person(&theirs, Role::Owner).await;
    for path in [place.clone(), format!("{place}/add")] {
        assert_eq!(agent.post(&path, "").await.status, 403, "{path}");
        assert_eq!(stranger.post(&path, "").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_new_address_lives_beside_the_old_one_until_that_is_forgotten() {
    let site = Site::new();
    let (customer, theirs) =
        (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+13055550101").await);
    let (admin, agent) = (site.person(&customer, Role::Admin).await, site.person(&customer, Role::Agent).await);
    number_at_bandwidth(&site, &customer, &admin).await;
    let old = callbacks(&site, &customer).await;
    let id = site.parts.engine.carrier_accounts(&customer.operator).await.unwrap()[0].id;
    let (renew, forget) =
        (format!("/settings/carriers/{id}/address"), format!("/settings/carriers/{id}/address/forget"));
    let stranger = site.person(&theirs, Role::Owner).await;
    assert_eq!(stranger.post(&renew, "").await.status, 404);
    assert_eq!(agent.post(&renew, "").await.status, 403);
    assert_eq!(admin.post(&renew, "").await.status, 303);
    let shown = admin.get("/settings/carriers").await.good();
    sound(&shown);
    let new = callbacks(&site, &customer).await;
    assert!(
        shown.has(&new) && shown.has(&old) && shown.has("No call came to it") && !shown.has("New address"),
        "{}",
        shown.text
    );
    for path in [&new, &old] {
        assert_eq!(call(&site, path, SIGNED, text("+12125550134", "+13055550177")).await.status, 204);
    }
    assert!(admin.get("/settings/carriers").await.good().has("The last call to it came"));
    assert_eq!(admin.post(&forget, "").await.status, 303);
    assert_eq!(call(&site, &old, SIGNED, text("+12125550134", "+13055550177")).await.status, 404);
    assert_eq!(call(&site, &new, SIGNED, text("+12125550134", "+13055550177")).await.status, 204);
    let shown = admin.get("/settings/carriers").await.good();
    assert!(shown.has("New address") && !shown.has(&old));
}

#[tokio::test]
async fn a_flood_of_strangers_is_refused_before_its_bodies_are_read() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let admin = site.person(&customer, Role::Admin).await;
    number_at_bandwidth(&site, &customer, &admin).await;
    let real = callbacks(&site, &customer).await;
    let (place, _) = real.rsplit_once('/').unwrap();
    let large = "x".repeat(2 * 1024 * 1024);
    let strangers = (0..200).map(|n| {
        let (site, large) = (&site, large.clone());
        let path = match n % 4 {
            0 => format!("/hooks/twilio/{n}"),
            1 => format!("{place}/{n:064x}"),
            2 => format!("/hooks/{}/{n:064x}", domain::ids::CarrierId(n)),
            _ => format!("{place}/{}", "z".repeat(4_000)),
        };
        async move { call(site, &path, SIGNED, large).await.status }
    });
    let answers = futures_util::future::join_all(strangers).await;
    assert!(answers.iter().all(|status| *status == 404), "{answers:?}");
    assert_eq!(call(&site, &real, SIGNED, large).await.status, 413);
    assert_eq!(call(&site, &real, SIGNED, text("+12125550134", "+13055550177")).await.status, 204);
}
