//! The pages of outgoing webhooks: endpoints, a secret that is shown once, the log, the notice on the first page.

use domain::access::Role;
use domain::ids::WebhookId;
use engine::webhooks::{Wanted, WebhookChange};

use crate::counter::Answer::Says;
use crate::counter::Desk;
use crate::markup::sound;
use crate::site::{Customer, Site};

/// The identifier of the only endpoint.
async fn only(site: &Site, customer: &Customer) -> WebhookId {
    site.parts.engine.webhooks(&customer.operator).await.unwrap().remove(0).id
}

fn form(url: &str, rest: &str) -> String {
    format!("url={}&description=Our+CRM{rest}", url.replace(':', "%3A").replace('/', "%2F"))
}

#[tokio::test]
async fn an_endpoint_is_added_with_a_secret_that_is_shown_once_and_changed_and_removed() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let admin = site.person(&customer, Role::Admin).await;
    let empty = admin.get("/settings/webhooks").await.good();
    sound(&empty);
    assert!(empty.has("No endpoint yet"));
    let refused = admin.post("/settings/webhooks", &form("https://10.0.0.1/x", "&kind=message.received")).await;
    assert_eq!(refused.status, 422);
    sound(&refused);
    assert!(
        refused.has("10.0.0.1 is a private address") && refused.has("value=\"https://10.0.0.1/x\""),
        "{}",
        refused.text
    );
    let added = admin.post("/settings/webhooks", &form("https://example.com/a", "&kind=message.received")).await.good();
    sound(&added);
    assert!(added.has("whsec_") && added.has("Our CRM"), "{}", added.text);
    assert!(!admin.get("/settings/webhooks").await.good().has("whsec_"), "it is shown once");
    let place = format!("/settings/webhooks/{}", only(&site, &customer).await);
    let page = admin.get(&place).await.good();
    sound(&page);
    assert!(
        page.has("1 kind of event")
            && page.has("value=\"message.received\" class=\"checkbox checkbox-sm mt-0.5\" checked")
    );
    assert_eq!(admin.post(&place, &form("https://example.com/b", "")).await.status, 303);
    assert!(admin.get(&place).await.good().has("https://example.com/b</span> · all events"));
    let refused = admin.post(&place, &form("ftp://example.com", "")).await;
    assert_eq!(refused.status, 422);
    sound(&refused);
    let rotated = admin.post(&format!("{place}/secret"), "").await.good();
    sound(&rotated);
    assert!(rotated.has("whsec_") && rotated.has("The secret before signs too until"));
    assert_eq!(admin.post(&format!("{place}/remove"), "").await.status, 303);
    assert_eq!(admin.get(&place).await.status, 404);
    assert!(admin.get("/settings/activity").await.good().has("Pat Doe removed the webhook “Our CRM”."));
}

#[tokio::test]
async fn the_log_shows_what_was_answered_and_delivers_again() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let admin = site.person(&customer, Role::Admin).await;
    let desk = Desk::open(vec![Says(500, "<b>broken</b>".to_owned()), Says(200, "fine".to_owned())]).await;
    admin.post("/settings/webhooks", &form(&desk.address, "&kind=message.received")).await.good();
    let place = format!("/settings/webhooks/{}", only(&site, &customer).await);
    assert_eq!(admin.post(&format!("{place}/test"), "").await.status, 303);
    site.parts.engine.post_due_webhooks().await.unwrap();
    let page = admin.get(&place).await.good();
    sound(&page);
    assert!(
        page.has("webhook.tested") && page.has("1 try · 500 after") && page.has("&#60;b&#62;broken"),
        "{}",
        page.text
    );
    assert!(page.has("failing") && page.has("Try now"));
    let event = page.text.split("name=\"event\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(admin.post(&format!("{place}/again"), &format!("event={event}")).await.status, 303);
    site.parts.engine.post_due_webhooks().await.unwrap();
    let page = admin.get(&format!("{place}?state=delivered")).await.good();
    sound(&page);
    assert!(page.has("2 tries · 200 after") && page.has("Replay"), "{}", page.text);
    assert!(admin.get(&format!("{place}?state=failed")).await.good().has("Nothing here"));
    assert_eq!(admin.post(&format!("{place}/replay"), "hours=1&which=everything").await.status, 303);
    site.parts.engine.post_due_webhooks().await.unwrap();
    assert_eq!(desk.taken().len(), 2, "nothing of what it wants happened");
    assert_eq!(admin.post(&format!("{place}/again"), &format!("event={event}")).await.status, 303);
    site.parts.engine.post_due_webhooks().await.unwrap();
    assert_eq!(desk.taken().len(), 3);
    assert_eq!(desk.taken()[2].header("webhook-id"), Some(event.as_str()));
}

#[tokio::test]
async fn a_disabled_endpoint_is_told_on_the_first_page_to_whoever_can_mend_it() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let (admin, agent) = (site.person(&customer, Role::Admin).await, site.person(&customer, Role::Agent).await);
    let desk = Desk::open(vec![Says(410, String::new())]).await;
    admin.post("/settings/webhooks", &form(&desk.address, "")).await.good();
    site.parts.engine.post_due_webhooks().await.unwrap();
    let home = admin.get("/").await.good();
    sound(&home);
    assert!(home.has("1 webhook was disabled"), "{}", home.text);
    assert!(!agent.get("/").await.good().has("webhook was disabled"));
    let place = format!("/settings/webhooks/{}", only(&site, &customer).await);
    let page = admin.get(&place).await.good();
    sound(&page);
    assert!(page.has("It answered 410 Gone") && page.has("Switch on again") && !page.has("Send a test"));
    assert!(admin.get("/settings/activity").await.good().has("was disabled, as it answered that it is gone"));
    assert_eq!(admin.post(&format!("{place}/switch"), "to=on").await.status, 303);
    assert!(!admin.get("/").await.good().has("webhook was disabled"));
    assert_eq!(agent.get("/settings/webhooks").await.status, 403);
    assert!(!agent.get("/settings/profile").await.good().has("href=\"/settings/webhooks\""));
}

#[tokio::test]
async fn another_workspaces_endpoint_is_not_found() {
    let site = Site::new();
    let (ours, theirs) = (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+13055550101").await);
    let stranger = site.person(&theirs, Role::Owner).await;
    let (webhook, _) =
        site.parts.engine.add_webhook(&ours.operator, "https://example.com/secret-path", "", &[]).await.unwrap();
    let place = format!("/settings/webhooks/{}", webhook.id);
    assert_eq!(stranger.get(&place).await.status, 404);
    for (path, form) in [
        ("", "url=https%3A%2F%2Fexample.com&description="),
        ("/switch", "to=off"),
        ("/secret", ""),
        ("/test", ""),
        ("/again", "event=evt_0000000000001"),
        ("/replay", "hours=1"),
        ("/remove", ""),
    ] {
        let answer = stranger.post(&format!("{place}{path}"), form).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
        assert!(!answer.has("secret-path"));
    }
    let change = WebhookChange { on: Some(Wanted::Off), ..WebhookChange::default() };
    let row = site.parts.engine.change_webhook(&ours.operator, webhook.id, change).await.unwrap();
    assert_eq!(row.url, "https://example.com/secret-path");
}
