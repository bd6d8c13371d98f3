//! The phone simulator: what was sent arrives on its screen, a reply stops the workflow, and the demo's clock plays what is due.

use domain::access::Role;
use engine::enrolling::EnrollRequest;
use jiff::SignedDuration;

use crate::markup::sound;
use crate::site::{Customer, Site};

async fn enroll(site: &Site, customer: &Customer) {
    let engine = &site.parts.engine;
    let workflow = engine.workflows(&customer.operator).await.unwrap()[0].workflow.id;
    let request = EnrollRequest { contact: customer.contacts[0], workflow, from_step: 1, quote: None, key: None };
    engine.enroll(&customer.operator, request).await.unwrap();
}

#[tokio::test]
async fn a_reply_on_the_phone_stops_the_workflow_and_is_on_its_screen() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    enroll(&site, &customer).await;
    let owner = site.person(&customer, Role::Owner).await;
    let phone = format!("/simulator/{}", customer.contacts[0]);
    let page = owner.get(&phone).await.good();
    sound(&page);
    assert!(page.has("No text has arrived yet.") && page.has("message 1 of 3"));
    let answer = owner.post("/simulator/clock", "by=next").await;
    assert_eq!(answer.status, 303);
    let page = owner.get(&phone).await.good();
    assert!(page.has("Hi Ours0") && page.has("from (212) 555-0100"), "{}", page.text);
    let answer = owner.post(&format!("{phone}/reply"), "body=Who+is+%3Cthis%3E%3F&to=%2B12125550100").await;
    assert_eq!((answer.status, answer.header("location")), (303, phone.as_str()));
    let screen = owner.get(&format!("{phone}/screen")).await.good();
    assert!(screen.has("Who is &#60;this&#62;?"));
    assert!(screen.has("Stopped by the reply. 2 messages will not be sent; 2 credits came back."), "{}", screen.text);
    let running = site.parts.engine.contact(&customer.operator, customer.contacts[0]).await.unwrap();
    assert_eq!(running.id, customer.contacts[0]);
    let balances = site.parts.engine.balances(&customer.operator).await.unwrap();
    assert_eq!(balances.credits, 99, "two of three messages came back");
    let answer = owner.post("/simulator/clock", "by=week").await;
    assert_eq!(answer.status, 303);
    let texts = site.parts.simulator.newest("+12125550120", &["+12125550100".to_owned()], 9).unwrap();
    assert_eq!(texts.len(), 1, "nothing is sent after the reply");
}

#[tokio::test]
async fn a_picture_without_a_word_stops_the_workflow_too_and_the_page_says_what_came_back() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    enroll(&site, &customer).await;
    let owner = site.person(&customer, Role::Owner).await;
    let phone = format!("/simulator/{}", customer.contacts[0]);
    let answer = owner.post(&format!("{phone}/reply"), "picture=yes&to=%2B12125550100").await;
    assert_eq!(answer.status, 303);
    let screen = owner.get(&format!("{phone}/screen")).await.good();
    assert!(screen.has("(no text)") && screen.has("3 messages will not be sent; 3 credits came back."));
    assert_eq!(site.parts.engine.balances(&customer.operator).await.unwrap().credits, 100);
}

#[tokio::test]
async fn a_phone_in_no_workflow_leads_to_one_and_the_list_finds_it_by_name() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let contact = customer.contacts[1];
    assert!(owner.get(&format!("/simulator/{contact}")).await.good().has(&format!("/enroll?contact={contact}")));
    let list = owner.get(&format!("/simulator/phones?q=ours1&here={contact}")).await.good();
    assert!(list.has("Ours1") && list.has("aria-current") && !list.has("Ours0"));
    assert!(owner.get("/simulator/phones?q=nobody").await.good().has("No phone is like this"));
    let viewer = site.person(&customer, Role::Viewer).await;
    assert!(!viewer.get(&format!("/simulator/{contact}")).await.good().has("/enroll?contact="));
}

#[tokio::test]
async fn how_the_phones_behave_is_chosen_by_whoever_may_change_settings() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let page = owner.get("/simulator/world").await.good();
    sound(&page);
    assert!(page.has("value=\"never\" checked") && page.has("value=\"none\" checked"));
    let form = "replies=all&failures=many&receipts=some";
    assert_eq!(owner.post("/simulator/world", form).await.status, 303);
    let behaviour = site.parts.simulator.behaviour();
    assert_eq!((behaviour.replies.rate, behaviour.faults.temporary, behaviour.receipts.missing), (1.0, 0.2, 0.33));
    let page = owner.get("/simulator/world").await.good();
    assert!(
        page.has("value=\"all\" checked") && page.has("value=\"many\" checked") && page.has("value=\"some\" checked")
    );
    assert_eq!(owner.post("/simulator/world", "replies=maybe&failures=none&receipts=come").await.status, 404);
    assert_eq!(owner.post_from_elsewhere("/simulator/world", form).await.status, 403);
    let agent = site.person(&customer, Role::Agent).await;
    assert_eq!(agent.get("/simulator/world").await.status, 403);
    assert_eq!(agent.post("/simulator/world", form).await.status, 403);
    assert!(!agent.get("/simulator").await.good().has("/simulator/world"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_message_is_one_message_whoever_sends_it() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    enroll(&site, &customer).await;
    let owner = site.person(&customer, Role::Owner).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let engine = site.parts.engine.clone();
    let dispatcher = tokio::spawn(async move { engine.dispatch(stopped, SignedDuration::from_secs(1)).await });
    // The dispatcher takes what is due at once; the others come by the clock.
    for texts in 2..=3 {
        while site.parts.simulator.stats().unwrap().texts + 1 < texts {
            tokio::task::yield_now().await;
        }
        assert_eq!(owner.post("/simulator/clock", "by=next").await.status, 303);
        assert_eq!(site.parts.simulator.stats().unwrap().texts, texts);
    }
    stop.send_replace(true);
    dispatcher.await.unwrap();
}

#[tokio::test]
async fn a_viewer_neither_writes_nor_pushes_the_clock() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let viewer = site.person(&customer, Role::Viewer).await;
    let phone = format!("/simulator/{}", customer.contacts[0]);
    let page = viewer.get(&phone).await.good();
    assert!(!page.has("name=\"body\"") && !page.has("name=\"by\""), "what they may not do is not shown");
    assert_eq!(viewer.post(&format!("{phone}/reply"), "body=a&to=%2B12125550100").await.status, 403);
    assert_eq!(viewer.post("/simulator/clock", "by=day").await.status, 403);
}

#[tokio::test]
async fn the_phones_of_another_workspace_are_not_there() {
    let site = Site::new();
    let (ours, theirs) = (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+13055550101").await);
    let owner = site.person(&ours, Role::Owner).await;
    let phone = format!("/simulator/{}", theirs.contacts[0]);
    let list = owner.get(&format!("/simulator/phones?here={}", theirs.contacts[0])).await.good();
    assert!(!list.has("Theirs0") && !list.has("aria-current"));
    for path in [phone.clone(), format!("{phone}/screen")] {
        assert_eq!(owner.get(&path).await.status, 404, "{path}");
    }
    assert_eq!(owner.post(&format!("{phone}/reply"), "body=a&to=%2B12125550100").await.status, 404);
    let mine = format!("/simulator/{}/reply", ours.contacts[0]);
    assert_eq!(owner.post(&mine, "body=a&to=%2B13055550101").await.status, 404, "their number");
    assert!(!owner.get("/simulator").await.good().has("Theirs0"));
}
