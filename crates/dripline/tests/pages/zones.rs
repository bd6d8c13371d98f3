//! Times are shown in the viewer's own zone, with the contact's clock on hover; days of figures stay the workspace's.

use domain::access::Role;
use engine::enrolling::EnrollRequest;

use crate::markup::sound;
use crate::site::{Answer, Customer, Person, Site};

/// A conversation with one text sent at ten in New York and two to come.
async fn conversation(site: &Site, customer: &Customer) -> String {
    let engine = &site.parts.engine;
    let (contact, workflow) = (customer.contacts[0], engine.workflows(&customer.operator).await.unwrap());
    let workflow = workflow[0].workflow.id;
    let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
    engine.enroll(&customer.operator, request).await.unwrap();
    engine.play(&site.parts.simulator, engine.now()).await.unwrap();
    format!("/messenger/{contact}")
}

async fn choose(person: &Person<'_>, zone: &str) -> Answer {
    person.post("/settings/profile/zone", &format!("zone={}", zone.replace('/', "%2F"))).await
}

#[tokio::test]
async fn each_viewer_sees_times_in_their_own_zone_and_the_contacts_clock_on_hover() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let (owner, agent) = (site.person(&customer, Role::Owner).await, site.person(&customer, Role::Agent).await);
    let page = conversation(&site, &customer).await;
    let before = owner.get(&page).await.good();
    assert!(before.has(">10:00 am</time>") && before.has(">Fri, Nov 27, 10:00 am</time>"), "{}", before.text);
    assert!(!before.has(" there\""), "the same clock needs no second one");
    assert_eq!(choose(&owner, "Europe/Berlin").await.status, 303);
    let own = owner.get(&page).await.good();
    sound(&own);
    assert!(own.has(">4:00 pm</time>") && own.has("4:00:00 pm CET; Tue, Nov 24, 10:00 am there\""), "{}", own.text);
    assert!(own.has(">Fri, Nov 27, 4:00 pm</time>") && own.has("; Fri, Nov 27, 10:00 am there\""), "{}", own.text);
    assert!(own.has("message 2 goes out on Fri, Nov 27, 4:00 pm"), "{}", own.text);
    assert!(own.has("Tue, Nov 24, 4:00 pm"), "the clock of the demo");
    assert!(agent.get(&page).await.good().has(">10:00 am</time>"), "nobody else's zone has changed");
    // Another browser of the same person knows it too.
    assert!(site.sign_in("owner", &customer).await.get(&page).await.good().has(">4:00 pm</time>"));
    assert_eq!(choose(&owner, "").await.status, 303);
    assert!(owner.get(&page).await.good().has(">10:00 am</time>"));
}

#[tokio::test]
async fn a_zone_that_does_not_exist_is_refused_and_the_chosen_one_is_marked() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let person = site.person(&customer, Role::Viewer).await;
    let page = person.get("/settings/profile").await.good();
    sound(&page);
    assert!(page.has("As the workspace (America/New_York)") && !page.has("selected"), "{}", page.text);
    let refused = choose(&person, "Mars/Base").await;
    sound(&refused);
    assert!(refused.status == 422 && refused.has("Mars/Base"), "{}", refused.text);
    assert_eq!(choose(&person, "europe/berlin").await.status, 303);
    let page = person.get("/settings/profile").await.good();
    assert!(page.has("<option value=\"Europe/Berlin\" selected>"), "{}", page.text);
}

#[tokio::test]
async fn the_days_of_the_bill_stay_the_workspaces() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    conversation(&site, &customer).await;
    assert_eq!(choose(&owner, "Asia/Tokyo").await.status, 303);
    let day = owner.get("/billing/days/2026-11-24").await.good();
    sound(&day);
    assert!(day.has("Nov 25, 12:00 am") && day.has("The day is the workspace’s, in America/New_York"), "{}", day.text);
    let home = owner.get("/").await.good();
    assert!(home.has("<tr><td>Tue, Nov 24</td>") && !home.has("<tr><td>Wed, Nov 25</td>"), "{}", home.text);
}
