//! The Messenger: what a thread shows, what is done to a conversation, and who may.

use domain::access::Role;
use domain::ids::{ContactId, WorkflowId};
use engine::enrolling::EnrollRequest;

use crate::markup::{Page, sound};
use crate::site::{Customer, Person, Site};

async fn enroll(site: &Site, customer: &Customer, contact: ContactId) {
    let workflow: WorkflowId = site.parts.engine.workflows(&customer.operator).await.unwrap()[0].workflow.id;
    let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
    site.parts.engine.enroll(&customer.operator, request).await.unwrap();
    site.parts.engine.play(&site.parts.simulator, site.parts.engine.now()).await.unwrap();
}

async fn reply(site: &Site, person: &Person<'_>, contact: ContactId, body: &str) {
    let form = format!("body={body}&to=%2B12125550100");
    let answer = person.post(&format!("/simulator/{contact}/reply"), &form).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let _ = site;
}

fn key(page: &Page) -> String {
    page.named(&["input"]).find(|field| field.get("name") == "key").unwrap().get("value").to_owned()
}

#[tokio::test]
async fn a_thread_shows_what_was_sent_what_is_coming_and_how_a_reply_stopped_it() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let agent = site.person(&customer, Role::Agent).await;
    let contact = customer.contacts[0];
    let empty = agent.get("/messenger").await.good();
    sound(&empty);
    assert!(empty.has("No conversations yet"));
    enroll(&site, &customer, contact).await;
    let page = agent.get(&format!("/messenger/{contact}")).await.good();
    sound(&page);
    assert!(page.has("Hi Ours0") && page.has("workflow message 1"), "{}", page.text);
    assert!(
        page.has("Coming in Ours leads") && page.has("Still there?") && page.has("Goodbye, Ours0"),
        "{}",
        page.text
    );
    assert!(page.has("Fri, Nov 27, 10:00 am") && page.has("Fri, Dec 4, 10:00 am"), "{}", page.text);
    assert!(page.has("added the contact to Ours leads for 3 credits"), "{}", page.text);
    let list = agent.get("/messenger?filter=in_workflow").await.good();
    sound(&list);
    assert!(list.has("In workflow Ours leads: message 2 of 3, Fri, Nov 27, 10:00 am"), "{}", list.text);
    reply(&site, &agent, contact, "Who+is+%3Cthis%3E%3F").await;
    let list = agent.get("/messenger?filter=unread").await.good();
    assert!(list.has("Who is &#60;this&#62;?") && !list.has("In workflow Ours leads"), "{}", list.text);
    let page = agent.get(&format!("/messenger/{contact}")).await.good();
    sound(&page);
    assert!(
        page.has("Ours leads stopped: the contact replied; 2 credits came back") && !page.has("Coming in"),
        "{}",
        page.text
    );
    assert!(agent.get("/messenger?filter=unread").await.good().has("Nothing here"), "whoever opens it has read it");
}

#[tokio::test]
async fn what_is_written_is_counted_sent_once_and_stops_the_workflow_only_if_that_was_chosen() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let agent = site.person(&customer, Role::Agent).await;
    let contact = customer.contacts[0];
    enroll(&site, &customer, contact).await;
    let address = format!("/messenger/{contact}");
    let meter = agent.script("POST", &format!("{address}/count"), "body=Caf%C3%A9+%F0%9F%8E%89").await.good();
    assert!(
        meter.has("6 characters · UCS-2 · 1 segment · 1 credit") && meter.has("“🎉” makes it cost more"),
        "{}",
        meter.text
    );
    let page = agent.get(&address).await.good();
    assert!(page.has("Your text does not stop it"), "{}", page.text);
    let key = key(&sound(&page));
    let form = format!("body=Hello&key={key}&then=send");
    for _ in 0..2 {
        let answer = agent.post(&format!("{address}/send"), &form).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
    }
    let page = agent.get(&address).await.good();
    assert_eq!(page.text.matches(">Hello<").count(), 1, "the same key sends once: {}", page.text);
    assert!(page.has("Coming in Ours leads"));
    let answer = agent.script("POST", &format!("{address}/send"), "body=Bye&key=other&then=stop").await.good();
    assert!(answer.header("hx-trigger").contains("Sent; the workflow has stopped and 2 credits came back"));
    sound(&answer);
    assert!(!agent.get(&address).await.good().has("Coming in"));
    let wrong = agent.script("POST", &format!("{address}/send"), &format!("body={}&key=k", "x".repeat(400))).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.has("at most 2 are allowed") && wrong.has(&"x".repeat(400)), "what was typed stays: {}", wrong.text);
}

#[tokio::test]
async fn a_search_finds_names_numbers_and_texts() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let agent = site.person(&customer, Role::Agent).await;
    enroll(&site, &customer, customer.contacts[0]).await;
    reply(&site, &agent, customer.contacts[0], "The+kitchen+was+renovated+last+spring").await;
    for (asked, found) in [("ours1", "Ours1"), ("555-0122", "Ours2"), ("renovat", "kitchen was renovated last spring")]
    {
        let page = agent.get(&format!("/messenger?q={asked}")).await.good();
        sound(&page);
        assert!(page.has(found), "{asked}: {}", page.text);
    }
    let page = agent.get("/messenger?q=nobody").await.good();
    assert!(page.has("Nothing here") && page.has("value=\"nobody\""), "{}", page.text);
}

#[tokio::test]
async fn the_next_message_can_be_left_out() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let agent = site.person(&customer, Role::Agent).await;
    let contact = customer.contacts[0];
    enroll(&site, &customer, contact).await;
    let answer =
        agent.script("POST", &format!("/messenger/{contact}/send"), "body=Hi&key=a&then=skip&step=2").await.good();
    assert!(
        answer.header("hx-trigger").contains("message 2 is left out and 1 credit came back"),
        "{:?}",
        answer.headers
    );
    let page = agent.get(&format!("/messenger/{contact}")).await.good();
    assert!(!page.has("Still there?") && page.has("Goodbye, Ours0"), "{}", page.text);
    assert!(page.has("name=\"step\" value=\"3\""), "the one that is left out next");
    // A page that shows an older state sends nothing and keeps what was typed.
    let form = "body=Me+again&key=b&then=skip&step=2";
    let old = agent.script("POST", &format!("/messenger/{contact}/send"), form).await;
    assert!(
        old.status == 422 && old.has("Message 2 of the workflow is on its way") && old.has("Me again"),
        "{}",
        old.text
    );
}

#[tokio::test]
async fn labels_notes_fields_and_assignment_are_shown_and_kept() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let agent = site.person(&customer, Role::Agent).await;
    let contact = customer.contacts[0];
    enroll(&site, &customer, contact).await;
    let label = site.parts.engine.create_label(&customer.operator, "Hot <lead>", "red").await.unwrap().id;
    let users = site.parts.engine.users(&customer.operator).await.unwrap();
    let address = format!("/messenger/{contact}");
    for (path, form) in [
        ("label", format!("label={label}")),
        ("note", "body=Call+back+%3Cb%3E".to_owned()),
        ("field", "field=Company&value=Acme+%26+Sons".to_owned()),
        ("assign", format!("user={}", users[0].id)),
    ] {
        let answer = agent.post(&format!("{address}/{path}"), &form).await;
        assert_eq!(answer.status, 303, "{path}: {}", answer.text);
    }
    let page = agent.get(&format!("{address}?pane=side")).await.good();
    sound(&page);
    for text in ["Hot &#60;lead&#62;", "Call back &#60;b&#62;", "Acme &#38; Sons", "→ Pat Doe"] {
        assert!(page.has(text), "{text}: {}", page.text);
    }
    assert!(agent.get(&format!("/messenger?label={label}")).await.good().has("Ours0"));
    // A list is told of in the panel; it marks no conversation and finds none.
    let list = site.parts.engine.create_contact_list(&customer.operator, "Dallas owners").await.unwrap().id;
    assert_eq!(agent.post(&format!("{address}/label"), &format!("label={list}")).await.status, 303);
    assert!(agent.get(&format!("{address}?pane=side")).await.good().has("Take off the list Dallas owners"));
    let rows = agent.get("/messenger").await.good();
    assert!(rows.has("Hot &#60;lead&#62;") && !rows.has("Dallas owners"), "{}", rows.text);
    assert!(agent.get(&format!("/messenger?label={list}")).await.good().has("Nothing here"));
    assert!(agent.get("/messenger?assignee=me").await.good().has("Ours0"));
    let answer = agent.post("/messenger/bulk", &format!("contact={contact}&action=unread")).await;
    assert_eq!(answer.status, 303);
    assert!(agent.get("/messenger?filter=unread").await.good().has("Ours0"));
    let answer = agent.post(&format!("{address}/unlabel"), &format!("label={label}")).await;
    assert_eq!(answer.status, 303);
    assert!(agent.get(&format!("/messenger?label={label}")).await.good().has("Nothing here"));
}

#[tokio::test]
async fn whoever_opted_out_cannot_be_written_to_and_the_page_says_why() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let agent = site.person(&customer, Role::Agent).await;
    let contact = customer.contacts[0];
    enroll(&site, &customer, contact).await;
    reply(&site, &agent, contact, "STOP").await;
    let page = agent.get(&format!("/messenger/{contact}")).await.good();
    sound(&page);
    assert!(
        page.has("opted out. Only they can undo this, by texting START")
            && !page.has("name=\"body\" rows=\"2\" class=\"textarea field"),
        "{}",
        page.text
    );
    let answer = agent.script("POST", &format!("/messenger/{contact}/send"), "body=Hi&key=a").await;
    assert_eq!(answer.status, 422);
    assert!(agent.get("/messenger?filter=opted_out").await.good().has("Ours0"));
}

#[tokio::test]
async fn a_viewer_reads_and_changes_nothing() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let viewer = site.person(&customer, Role::Viewer).await;
    let agent = site.person(&customer, Role::Agent).await;
    let contact = customer.contacts[0];
    enroll(&site, &customer, contact).await;
    reply(&site, &agent, contact, "Hi").await;
    let page = viewer.get(&format!("/messenger/{contact}")).await.good();
    sound(&page);
    assert!(page.has("Your role may read, but not write") && !page.has("Add note") && !page.has("Add to workflow"));
    assert!(viewer.get("/messenger?filter=unread").await.good().has("Ours0"), "a viewer's look marks nothing as read");
    for (path, form) in [
        ("send", "body=Hi&key=a"),
        ("read", ""),
        ("unread", ""),
        ("assign", "user="),
        ("note", "body=a"),
        ("field", "field=City&value=a"),
    ] {
        assert_eq!(viewer.post(&format!("/messenger/{contact}/{path}"), form).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn conversations_of_another_workspace_are_not_there() {
    let site = Site::new();
    let (ours, theirs) = (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+13055550101").await);
    let owner = site.person(&ours, Role::Owner).await;
    enroll(&site, &theirs, theirs.contacts[0]).await;
    let label = site.parts.engine.create_label(&theirs.operator, "Theirs", "red").await.unwrap().id;
    let address = format!("/messenger/{}", theirs.contacts[0]);
    for path in ["", "/thread", "/side", "/older?before=msg_7zzzzzzzzzzzz"] {
        assert_eq!(owner.get(&format!("{address}{path}")).await.status, 404, "{path}");
    }
    let posts = [
        ("send", "body=Hi&key=a"),
        ("count", "body=a"),
        ("read", ""),
        ("unread", ""),
        ("assign", "user="),
        ("note", "body=a"),
        ("field", "field=City&value=a"),
    ];
    for (path, form) in posts {
        let status = owner.post(&format!("{address}/{path}"), form).await.status;
        assert_eq!(status, 404, "{path}");
    }
    let mine = format!("/messenger/{}/label", ours.contacts[0]);
    assert_eq!(owner.post(&mine, &format!("label={label}")).await.status, 404);
    let bulk = format!("contact={}&contact={}&action=read", ours.contacts[0], theirs.contacts[0]);
    assert_eq!(owner.post("/messenger/bulk", &bulk).await.status, 404);
    assert!(!owner.get("/messenger").await.good().has("Theirs0"));
    assert!(!owner.get("/messenger?q=Theirs").await.good().has("Theirs0"));
}

#[tokio::test]
async fn a_view_is_kept_under_its_name_for_its_maker_or_for_everybody() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let other = site.customer("Theirs", "+13055550101").await;
    let (agent, viewer) = (site.person(&customer, Role::Agent).await, site.person(&customer, Role::Viewer).await);
    let stranger = site.person(&other, Role::Owner).await;
    let saved = agent.post("/messenger/views", "name=Hot&filter=unread&q=%3Cb%3E&shared=").await;
    assert_eq!((saved.status, saved.header("location")), (303, "/messenger?filter=unread&q=%3Cb%3E"));
    agent.post("/messenger/views", "name=All+%3Ci%3Eunread&filter=unread&shared=yes").await;
    let page = agent.get("/messenger?filter=unread").await.good();
    sound(&page);
    assert!(page.has("Hot") && page.has("All &#60;i&#62;unread") && page.has("Delete All"), "{}", page.text);
    let page = viewer.get("/messenger?filter=unread").await.good();
    assert!(!page.has("Hot") && page.has("All &#60;i&#62;unread") && !page.has("Delete All"), "{}", page.text);
    assert_eq!(viewer.post("/messenger/views", "name=Mine&filter=unread&shared=yes").await.status, 403);
    let view = site.parts.engine.views(&customer.operator, engine::views::Place::Messenger).await.unwrap()[0].id;
    assert_eq!(stranger.post(&format!("/messenger/views/{view}/delete"), "").await.status, 404);
    assert_eq!(agent.post_from_elsewhere(&format!("/messenger/views/{view}/delete"), "").await.status, 403);
    assert_eq!(agent.post(&format!("/messenger/views/{view}/delete"), "").await.status, 303);
    assert!(site.parts.engine.views(&customer.operator, engine::views::Place::Messenger).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_warning_goes_when_a_reply_stops_the_workflow_and_hostile_text_stays_text() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let agent = site.person(&customer, Role::Agent).await;
    let contact = customer.contacts[0];
    enroll(&site, &customer, contact).await;
    let part = format!("/messenger/{contact}/running");
    let running = agent.script("GET", &part, "").await.good();
    sound(&running);
    let list = agent.script("GET", "/messenger/list?filter=in_workflow", "").await.good();
    sound(&list);
    assert!(list.has("hx-swap-oob") && list.has("Ours leads 2/3 · Fri, Nov 27, 10:00 am"), "{}", list.text);
    site.parts.engine.create_quick_reply(&customer.operator, "Thanks", "Thank you & \"bye\"").await.unwrap();
    let page = agent.get(&format!("/messenger/{contact}")).await.good();
    sound(&page);
    assert!(page.has("Quick replies") && page.has("Thank you &#38; &#34;bye&#34;"), "{}", page.text);
    assert!(running.has("Send and stop") && running.has("Send and skip next"), "{}", running.text);
    let long = "%E2%80%AE%F0%9F%8E%89%3Cscript%3Ealert(1)%3C%2Fscript%3E".to_owned() + &"x".repeat(1_600);
    reply(&site, &agent, contact, &long).await;
    let running = agent.script("GET", &part, "").await.good();
    assert!(!running.has("Send and stop"), "{}", running.text);
    let page = agent.get(&format!("/messenger/{contact}")).await.good();
    sound(&page);
    assert!(!page.has("<script>alert") && page.has("&#60;script&#62;alert(1)") && page.has("🎉"), "{}", page.text);
    reply(&site, &agent, contact, "STOP").await;
    assert!(agent.script("GET", &part, "").await.good().has("opted out"));
}

#[tokio::test]
async fn a_time_says_on_hover_what_the_contacts_clock_shows() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let agent = site.person(&customer, Role::Agent).await;
    let contact = customer.contacts[0];
    let zone = vec![("Time Zone".to_owned(), Some("America/Los_Angeles".to_owned()))];
    site.parts.engine.edit_contact(&customer.operator, contact, zone).await.unwrap();
    enroll(&site, &customer, contact).await;
    let page = agent.get(&format!("/messenger/{contact}")).await.good();
    sound(&page);
    assert!(page.has("10:00:00 am EST; Tue, Nov 24, 7:00 am there\""), "{}", page.text);
    // What is to come is told on the viewer's clock too: nine in the morning in Los Angeles.
    assert!(page.has(">Tue, Nov 24, 12:00 pm</time>") && page.has("Tue, Nov 24, 9:00 am there\""), "{}", page.text);
    assert!(page.has("message 1 goes out on Tue, Nov 24, 12:00 pm"), "{}", page.text);
}
