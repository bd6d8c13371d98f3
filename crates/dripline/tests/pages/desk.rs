//! Home, Billing, Numbers, and what is in doubt or has failed.

use domain::access::Role;
use engine::enrolling::EnrollRequest;

use crate::markup::sound;
use crate::site::{Customer, Site};

async fn enroll_all(site: &Site, customer: &Customer) {
    let engine = &site.parts.engine;
    let workflow = engine.workflows(&customer.operator).await.unwrap()[0].workflow.id;
    for contact in &customer.contacts {
        let request = EnrollRequest { contact: *contact, workflow, from_step: 1, quote: None, key: None };
        engine.enroll(&customer.operator, request).await.unwrap();
    }
}

fn links<'a>(text: &'a str, prefix: &str) -> Vec<&'a str> {
    let parts = text.split("href=\"").skip(1).filter_map(|part| part.split('"').next());
    parts.filter(|address| address.starts_with(prefix)).collect()
}

#[tokio::test]
async fn home_leads_a_new_workspace_and_leaves_it_alone_once_it_has_started() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let page = owner.get("/").await.good();
    sound(&page);
    assert!(page.has("Four steps") && page.has("Nothing waits for you"), "{}", page.text);
    enroll_all(&site, &customer).await;
    let page = owner.get("/").await.good();
    assert!(!page.has("Four steps") && page.has("6 messages planned"), "{}", page.text);
    assert_eq!(owner.post("/simulator/clock", "by=day").await.status, 303);
    let page = owner.get("/?days=90").await.good();
    sound(&page);
    assert!(page.has(": 3</title>"), "three texts on one day: {}", page.text);
    assert!(owner.get("/?days=nonsense").await.good().has("30 days"));
}

#[tokio::test]
async fn the_statement_opens_to_each_contact_and_each_message() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    enroll_all(&site, &customer).await;
    let owner = site.person(&customer, Role::Owner).await;
    let page = owner.get("/billing").await.good();
    sound(&page);
    assert!(
        page.has("3 contacts added, 9 segments; credits granted; top-up") && page.has("−9 credits"),
        "{}",
        page.text
    );
    let day = links(&page.text, "/billing/days/")[0].to_owned();
    let page = owner.get(&day).await.good();
    sound(&page);
    let charges: Vec<String> = links(&page.text, "/billing/charges/").iter().map(|one| (*one).to_owned()).collect();
    assert_eq!(charges.len(), 3);
    let page = owner.get(&charges[0]).await.good();
    sound(&page);
    assert!(page.has("Charged in advance") && page.has("to come"), "{}", page.text);
    let file = owner.get(&format!("{day}/lines.csv")).await.good();
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(file.text.lines().count(), 6, "a head, three contacts, credits and money: {}", file.text);
    assert_eq!(owner.get("/billing/statement.csv").await.good().text.lines().count(), 2);
    assert_eq!(owner.get("/billing/days/nonsense").await.status, 404);
    assert!(owner.get("/billing/days/2001-01-01").await.good().has("Nothing moved on this day"));
}

#[tokio::test]
async fn a_month_is_handed_out_as_pdf_and_as_csv_to_who_may_export() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    enroll_all(&site, &customer).await;
    let (owner, agent) = (site.person(&customer, Role::Owner).await, site.person(&customer, Role::Agent).await);
    let page = owner.get("/billing").await.good();
    assert!(page.has("<option value=\"2026-11\">November 2026</option>"), "{}", page.text);
    let pdf = owner.get("/billing/months?month=2026-11&as=pdf").await.good();
    assert_eq!(pdf.header("content-type"), "application/pdf");
    assert_eq!(pdf.header("content-disposition"), "attachment; filename=\"statement-2026-11.pdf\"");
    assert!(pdf.text.starts_with("%PDF-1.7"));
    let csv = owner.get("/billing/months?month=2026-11&as=csv").await.good();
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"statement-2026-11.csv\"");
    assert!(csv.has("\"contacts_added\",\"3 contacts added, 9 segments\",\"3\",\"9\",\"-9\",\"0.00\""), "{}", csv.text);
    for month in ["2026-10", "2026-12", "nonsense", ""] {
        assert_eq!(owner.get(&format!("/billing/months?month={month}&as=pdf")).await.status, 404, "{month}");
    }
    assert!(!agent.get("/billing").await.good().has("/billing/months"));
    assert_eq!(agent.get("/billing/months?month=2026-11&as=pdf").await.status, 403);
}

#[tokio::test]
async fn money_is_added_in_the_demo_by_who_may_pay() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let (owner, agent) = (site.person(&customer, Role::Owner).await, site.person(&customer, Role::Agent).await);
    assert!(!agent.get("/billing").await.good().has("/billing/top-up"));
    assert_eq!(agent.post("/billing/top-up", "").await.status, 403);
    assert_eq!(agent.get("/billing/statement.csv").await.status, 403);
    assert_eq!(owner.post("/billing/top-up", "").await.status, 303);
    assert!(owner.get("/billing").await.good().has("$50.00"));
}

#[tokio::test]
async fn a_number_is_added_limited_and_paused_and_what_is_wrong_is_said_beside_it() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let form = "phone=212+555+014&carrier=simulator&per_minute=60&per_day=0";
    let refused = owner.post("/numbers", form).await;
    assert_eq!(refused.status, 422);
    sound(&refused);
    assert!(refused.has("value=\"212 555 014\"") && refused.has("aria-invalid"), "{}", refused.text);
    let refused = owner.post("/numbers", "phone=2125550142&carrier=simulator&per_minute=many&per_day=0").await;
    assert!(refused.has("A pace is a whole number") && refused.has("value=\"many\""), "{}", refused.text);
    let added = owner.post("/numbers", "phone=(212)+555-0142&carrier=simulator&per_minute=30&per_day=100").await;
    assert_eq!(added.status, 303);
    let page = owner.get("/numbers").await.good();
    sound(&page);
    assert!(page.has("(212) 555-0142") && page.has("0 of 100"), "{}", page.text);
    let number = (*links(&page.text, "/numbers/").last().unwrap()).to_owned();
    sound(&owner.get(&number).await.good());
    assert_eq!(owner.post(&number, "per_minute=a&per_day=0").await.status, 422);
    assert_eq!(owner.post(&number, "per_minute=5&per_day=50").await.status, 303);
    assert_eq!(owner.post(&format!("{number}/state"), "state=paused").await.status, 303);
    let page = owner.get("/numbers").await.good();
    assert!(page.has("0 of 50") && page.has("paused"), "{}", page.text);
    assert!(owner.get("/").await.good().has("1 number does not send"));
    assert_eq!(owner.post(&format!("{number}/state"), "state=nonsense").await.status, 404);
    let viewer = site.person(&customer, Role::Viewer).await;
    assert!(!viewer.get("/numbers").await.good().has("Add a number"));
    assert_eq!(viewer.post(&format!("{number}/state"), "state=live").await.status, 403);
}

#[tokio::test]
async fn what_is_in_doubt_or_has_failed_is_listed_and_nothing_is_there_at_first() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    for (path, text) in [("/doubts", "Nothing is in doubt"), ("/failures", "Everything arrived")] {
        let page = owner.get(path).await.good();
        sound(&page);
        assert!(page.has(text), "{}", page.text);
    }
    assert_eq!(owner.post("/doubts/msg_0000000000020", "fate=sent").await.status, 404);
    assert_eq!(owner.post("/doubts/msg_0000000000020", "fate=maybe").await.status, 404);
}

#[tokio::test]
async fn the_books_and_numbers_of_another_workspace_are_not_there() {
    let site = Site::new();
    let (ours, theirs) = (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+13055550101").await);
    enroll_all(&site, &theirs).await;
    let (owner, stranger) = (site.person(&ours, Role::Owner).await, site.person(&theirs, Role::Owner).await);
    let page = stranger.get("/billing").await.good();
    let day = links(&page.text, "/billing/days/")[0].to_owned();
    let page = stranger.get(&day).await.good();
    let charge = links(&page.text, "/billing/charges/")[0].to_owned();
    let page = stranger.get("/numbers").await.good();
    let number = links(&page.text, "/numbers/")[0].to_owned();
    for path in [charge, number.clone()] {
        assert_eq!(owner.get(&path).await.status, 404, "{path}");
    }
    assert!(!owner.get(&day).await.good().has("Theirs"));
    assert_eq!(owner.post(&format!("{number}/state"), "state=lost").await.status, 404);
    assert_eq!(owner.post(&number, "per_minute=1&per_day=1").await.status, 404);
}
