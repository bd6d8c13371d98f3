//! Erasing a person on the page: found, shown, asked about, done; and who may not.

use domain::access::Role;

use crate::contacts::world;
use crate::markup::sound;

#[tokio::test]
async fn a_person_is_found_by_a_phone_shown_and_erased() {
    let (site, customer) = world().await;
    let admin = site.person(&customer, Role::Admin).await;
    let asked = admin.get("/contacts/erase").await.good();
    sound(&asked);
    assert!(asked.has("Erase a person") && asked.has("Look for it"));
    for (phone, says) in [("12", "too short"), ("2125550999", "no such contact")] {
        let wrong = admin.get(&format!("/contacts/erase?phone={phone}")).await;
        assert!(wrong.status == 422 && wrong.has(says) && wrong.has(&format!("value=\"{phone}\"")), "{}", wrong.text);
    }
    let id = customer.contacts[0];
    let contact = site.parts.engine.contact(&customer.operator, id).await.unwrap();
    let link = admin.get(&format!("/contacts/{id}")).await.good();
    assert!(link.has(&format!("/contacts/erase?contact={id}")));
    let phone = contact.phone.replace('+', "%2B");
    for query in [format!("contact={id}"), format!("phone={phone}")] {
        let shown = admin.get(&format!("/contacts/erase?{query}")).await.good();
        sound(&shown);
        assert!(shown.has(&contact.name) && shown.has("1 contact of this person") && shown.has("Erase for good"));
    }
    let done = admin.post("/contacts/erase", &format!("contact={id}&forbid=1")).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let job = done.header("location").to_owned();
    let mut page = admin.get(&job).await.good();
    while page.has("Under way") {
        tokio::task::yield_now().await;
        page = admin.get(&job).await.good();
    }
    sound(&page);
    assert!(page.has("Erasing a person") && page.has("1 of 1"), "{}", page.text);
    assert!(!admin.get("/contacts").await.good().has(&contact.name));
    assert_eq!(admin.get(&format!("/contacts/{id}")).await.status, 404);
    // The history says so and names nobody.
    let activity = admin.get("/settings/activity").await.good();
    assert!(activity.has("erased a person, for good") && !activity.has(&contact.name), "{}", activity.text);
    // Somebody comes back with the phone, and is not texted.
    let again = admin.post("/contacts", &format!("phone={phone}")).await;
    assert!(admin.get(again.header("location")).await.good().has("Nothing is sent to this phone"));
}

#[tokio::test]
async fn an_agent_is_not_offered_it_and_may_not() {
    let (site, customer) = world().await;
    let agent = site.person(&customer, Role::Agent).await;
    let id = customer.contacts[0];
    for page in ["/contacts".to_owned(), format!("/contacts/{id}")] {
        assert!(!agent.get(&page).await.good().has("/contacts/erase"), "{page}");
    }
    assert_eq!(agent.get("/contacts/erase").await.status, 403);
    assert_eq!(agent.get(&format!("/contacts/erase?contact={id}")).await.status, 403);
    assert_eq!(agent.post("/contacts/erase", &format!("contact={id}")).await.status, 403);
    let other = site.customer("Theirs", "+13055550100").await;
    let admin = site.person(&other, Role::Admin).await;
    assert_eq!(admin.get(&format!("/contacts/erase?contact={id}")).await.status, 404);
    assert_eq!(admin.post("/contacts/erase", &format!("contact={id}")).await.status, 404);
    assert!(site.parts.engine.contact(&customer.operator, id).await.is_ok());
}
