//! Consent on screen: what holds beside the conversation and on the contact's page, recording more, all of it as a file;
//! and the lists of phones that came as files.

use domain::access::Role;
use domain::ids::ListId;
use domain::suppression::Suppression;
use engine::contacts::Contact;
use jiff::SignedDuration;

use axum::body::Body;
use axum::http::{Request, header};

use crate::markup::sound;
use crate::site::{Answer, Person, Site};

#[tokio::test]
async fn consent_is_recorded_and_shown_wherever_the_contact_is() {
    let site = Site::new();
    let (ours, theirs) = (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+13055550101").await);
    let (agent, viewer) = (site.person(&ours, Role::Agent).await, site.person(&ours, Role::Viewer).await);
    let contact = ours.contacts[0];
    let path = format!("/contacts/{contact}/consent");
    let page = agent.get(&path).await.good();
    sound(&page);
    assert!(page.has("No consent on record") && page.has("Nothing yet"));
    for (form, why) in [
        ("kind=written&source=web+form&text=", "word for word"),
        ("kind=written&source=&text=I+agree", "how the consent came about"),
        ("kind=written&source=form&text=I+agree&given=yesterday", "yesterday"),
        ("kind=written&source=form&text=I+agree&until=2001-01-01", "before it was given"),
        ("kind=revoked&source=phone+call", "what the person said"),
    ] {
        let answer = agent.post(&path, form).await;
        assert_eq!(answer.status, 422, "{form}");
        sound(&answer);
        assert!(answer.has(why), "{why}: {}", answer.text);
    }
    let typed = agent.post(&path, "kind=written&source=&text=I+agree+to+texts").await;
    assert!(typed.has("I agree to texts"), "what was typed stays");
    let form = "kind=written&source=web+form&text=I+agree+to+texts+%3Cb%3E&url=https%3A%2F%2Facme.example&given=2025-03-03T16:30";
    assert_eq!(agent.post(&path, form).await.status, 303);
    let page = agent.get(&path).await.good();
    sound(&page);
    assert!(
        page.has("Express written consent since Mar 3, 2025") && page.has("I agree to texts &#60;b&#62;"),
        "{}",
        page.text
    );
    for place in [format!("/contacts/{contact}"), format!("/messenger/{contact}")] {
        assert!(viewer.get(&place).await.good().has("Express written consent since Mar 3, 2025"), "{place}");
    }
    assert!(!viewer.get(&path).await.good().has("name=\"source\""));
    assert_eq!(viewer.post(&path, form).await.status, 403);
    let stranger = site.person(&theirs, Role::Owner).await;
    assert_eq!(stranger.get(&path).await.status, 404);
    assert_eq!(stranger.post(&path, form).await.status, 404);
    assert_eq!(agent.get("/contacts/consents.csv").await.status, 403);
    let owner = site.person(&ours, Role::Owner).await;
    let file = owner.get("/contacts/consents.csv").await.good();
    assert!(file.text.starts_with('\u{feff}') && file.text.contains("I agree to texts <b>"), "{}", file.text);
    assert!(!stranger.get("/contacts/consents.csv").await.good().text.contains("I agree"));
}

#[tokio::test]
async fn an_opt_out_is_lifted_by_new_consent_from_who_may() {
    let site = Site::new();
    let ours = site.customer("Ours", "+12125550100").await;
    let (agent, admin) = (site.person(&ours, Role::Agent).await, site.person(&ours, Role::Admin).await);
    let contact = ours.contacts[0];
    let path = format!("/contacts/{contact}/consent");
    let form = "kind=revoked&source=phone+call&words=leave+me+alone";
    assert_eq!(agent.post(&path, form).await.status, 303);
    let lists = async || site.parts.engine.suppressions(&ours.operator, contact).await.unwrap();
    assert_eq!(lists().await, [Suppression::OptedOut]);
    let page = agent.get(&path).await.good();
    sound(&page);
    assert!(page.has("Consent revoked on") && page.has("leave me alone") && !page.has("name=\"lift\""));
    let lift = "kind=express&source=phone+call&text=Yes&lift=1";
    assert_eq!(agent.post(&path, lift).await.status, 403);
    assert!(admin.get(&path).await.good().has("name=\"lift\""));
    let before = admin.post(&path, &format!("{lift}&given=2001-01-01T10:00")).await;
    assert_eq!(before.status, 422);
    assert!(before.has("it lifts nothing"), "{}", before.text);
    // The clock of the house is moved by hand: the next second is after the opt-out.
    let clock = site.parts.engine.clock();
    assert!(clock.move_to(clock.now() + SignedDuration::from_secs(1)));
    assert_eq!(admin.post(&path, lift).await.status, 303);
    assert_eq!(lists().await, []);
}

/// Uploads a list as a browser does.
async fn upload(person: &Person<'_>, fields: &[(&str, &str)], file: &str) -> Answer {
    let part = |(name, value): &(&str, &str)| {
        format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let mut body: String = fields.iter().map(part).collect();
    body.push_str("--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"l.csv\"\r\n\r\n");
    body.push_str(&format!("{file}\r\n--cut--\r\n"));
    let request = Request::post("/settings/suppressions/lists").header(header::COOKIE, person.cookie());
    let request = request.header("sec-fetch-site", "same-origin").header(header::HOST, "127.0.0.1:8080");
    let request = request.header(header::CONTENT_TYPE, "multipart/form-data; boundary=cut");
    person.site.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn a_list_from_a_file_is_uploaded_shown_and_removed() {
    let site = Site::new();
    let (ours, theirs) = (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+13055550101").await);
    let (admin, viewer) = (site.person(&ours, Role::Admin).await, site.person(&ours, Role::Viewer).await);
    let contact = site.parts.engine.contact(&ours.operator, ours.contacts[0]).await.unwrap();
    let page = "/settings/suppressions/lists";
    let empty = admin.get(page).await.good();
    sound(&empty);
    assert!(empty.has("No lists yet"));
    let fields = |name| [("name", name), ("source", "Vendor"), ("dated", "2026-11-01"), ("kind", "compliance_blocked")];
    for (name, file, why) in [("", "2125550134", "a name and a source"), ("A", "", "not empty")] {
        let answer = upload(&admin, &fields(name), file).await;
        assert_eq!(answer.status, 422);
        sound(&answer);
        assert!(answer.has(why) && answer.has("value=\"Vendor\""), "what was typed stays: {}", answer.text);
    }
    assert_eq!(upload(&viewer, &fields("A"), "2125550134").await.status, 403);
    let file = format!("Phone\n{}\n2125550139\nnobody\n", contact.phone);
    assert_eq!(upload(&admin, &fields("Litigators <b>"), &file).await.status, 303);
    let mut shown = admin.get(page).await.good();
    while shown.has("being read") {
        tokio::task::yield_now().await;
        shown = admin.get(page).await.good();
    }
    sound(&shown);
    assert!(
        shown.has("Litigators &#60;b&#62;") && shown.has("2 phones") && shown.has("1 cell that is no phone"),
        "{}",
        shown.text
    );
    let blocked = site.parts.engine.suppressions(&ours.operator, contact.id).await.unwrap();
    assert_eq!(blocked, [Suppression::ComplianceBlocked]);
    let found = viewer.get("/settings/suppressions?q=2125550139").await.good();
    assert!(found.has("Litigators &#60;b&#62;</strong> of 2026-11-01"), "{}", found.text);
    assert!(!found.has("/drop\"><button") && !found.has("Take off this list"), "a viewer takes nothing off");
    let id = site.parts.engine.suppression_lists(&ours.operator).await.unwrap()[0].id;
    let stranger = site.person(&theirs, Role::Owner).await;
    dropped([&admin, &viewer, &stranger], &contact, id).await;
    let remove = format!("{page}/{id}/remove");
    assert_eq!(stranger.post(&remove, "").await.status, 404);
    assert!(!stranger.get(page).await.good().has("Litigators"));
    assert_eq!(viewer.post(&remove, "").await.status, 403);
    assert_eq!(admin.post(&remove, "").await.status, 303);
    assert!(admin.get(page).await.good().has("1 phone is free again"));
    assert_eq!(site.parts.engine.suppressions(&ours.operator, contact.id).await.unwrap(), []);
}

/// A phone that a file holds is not taken off by hand: the pages name the list, which lets go of the phone.
async fn dropped([admin, viewer, stranger]: [&Person<'_>; 3], contact: &Contact, id: ListId) {
    let page = format!("/contacts/{}", contact.id);
    let shown = admin.get(&page).await.good();
    sound(&shown);
    assert!(
        shown.has("a list from a file") && shown.has("holds it") && !shown.has("Take off the list"),
        "{}",
        shown.text
    );
    let refused = admin.post(&format!("{page}/list"), "list=compliance_blocked&off=1").await;
    assert!(refused.status == 409 && refused.has("of 2026-11-01 holds the phone"), "{}", refused.text);
    let lookup = format!("/settings/suppressions?q={}", contact.phone.replace('+', "%2B"));
    let found = admin.get(&lookup).await.good();
    sound(&found);
    assert!(found.has("Take off this list") && !found.has("Take off Compliance"), "{}", found.text);
    let (drop, phone) =
        (format!("/settings/suppressions/lists/{id}/drop"), format!("phone={}", contact.phone.replace('+', "%2B")));
    assert_eq!(viewer.post(&drop, &phone).await.status, 403);
    assert_eq!(stranger.post(&drop, &phone).await.status, 404);
    assert_eq!(admin.post(&drop, &phone).await.status, 303);
    let free = admin.get(&lookup).await.good();
    assert!(free.has("On no list: it can be texted"), "{}", free.text);
    assert_eq!(admin.post(&drop, &phone).await.status, 303, "a repeat does nothing");
}
