//! Merging two contacts on the pages: looked for, compared, done; what changed meanwhile; and who may not.

use domain::access::Role;
use domain::ids::ContactId;
use engine::enrolling::EnrollRequest;

use crate::contacts::world;
use crate::markup::sound;
use crate::site::{Customer, Site};

async fn fill(site: &Site, customer: &Customer, contact: ContactId, fields: &[(&str, &str)]) {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())));
    site.parts.engine.edit_contact(&customer.operator, contact, fields.collect()).await.unwrap();
}

async fn enroll(site: &Site, customer: &Customer, contact: ContactId) {
    let workflow = site.parts.engine.workflows(&customer.operator).await.unwrap()[0].workflow.id;
    let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
    site.parts.engine.enroll(&customer.operator, request).await.unwrap();
}

/// The value of the hidden field that names what the page was made from.
fn seen(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"seen\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_other_one_is_found_compared_and_taken_in() {
    let (site, customer) = world().await;
    let agent = site.person(&customer, Role::Agent).await;
    let [keep, take, _] = customer.contacts[..] else { panic!("three contacts") };
    fill(&site, &customer, keep, &[("Email", "ann@example.com"), ("City", "<Miami>"), ("Full Name", "Ann Lee")]).await;
    fill(&site, &customer, take, &[("Email", "ann@example.com"), ("City", "Naples"), ("Company", "Acme")]).await;
    assert!(agent.get(&format!("/contacts/{keep}")).await.good().has(&format!("href=\"/contacts/{keep}/merge\"")));
    let find = agent.get(&format!("/contacts/{keep}/merge")).await.good();
    sound(&find);
    assert!(find.has("Maybe the same person") && find.has(&format!("/contacts/{keep}/merge?with={take}")));
    let none = agent.get(&format!("/contacts/{keep}/merge?q=%3Cb%3E")).await.good();
    sound(&none);
    assert!(none.has("Nobody else fits"), "{}", none.text);
    let page = agent.get(&format!("/contacts/{keep}/merge?with={take}")).await.good();
    sound(&page);
    for says in ["Where they differ", "&#60;Miami&#62;", "Naples", "Company is filled: Acme", "This cannot be undone"] {
        assert!(page.has(says), "{says}: {}", page.text);
    }
    let form = |seen: &str| format!("take={take}&seen={seen}&use.city=take&use.email=keep");
    fill(&site, &customer, take, &[("Zip", "33101")]).await;
    let changed = agent.post(&format!("/contacts/{keep}/merge"), &form(&seen(&page.text))).await;
    sound(&changed);
    assert!(changed.status == 422 && changed.has("has changed since you looked") && changed.has("ZIP is filled"));
    let done = agent.post(&format!("/contacts/{keep}/merge"), &form(&seen(&changed.text))).await;
    assert_eq!((done.status, done.header("location")), (303, format!("/contacts/{keep}").as_str()), "{}", done.text);
    let contact = agent.get(&format!("/contacts/{keep}")).await.good();
    sound(&contact);
    for says in ["value=\"Naples\"", "value=\"Acme\"", "Other numbers of this person", "City: &#60;Miami&#62;"] {
        assert!(contact.has(says), "{says}: {}", contact.text);
    }
    assert!(contact.has("with another contact, whose number is one more of this person"), "{}", contact.text);
    assert!(agent.get(&format!("/contacts/{take}")).await.good().has("into another contact of the same person"));
    let again = agent.get(&format!("/contacts/{keep}/merge?with={take}")).await.good();
    sound(&again);
    assert!(again.has("They are one person already") && !again.has("Merge the two"));
}

#[tokio::test]
async fn both_in_a_workflow_and_two_of_the_list() {
    let (site, customer) = world().await;
    let agent = site.person(&customer, Role::Agent).await;
    let [keep, take, third] = customer.contacts[..] else { panic!("three contacts") };
    for contact in [keep, take] {
        enroll(&site, &customer, contact).await;
    }
    let to = agent.post("/contacts/merge", &format!("contact={keep}&contact={take}&filter=")).await;
    assert_eq!((to.status, to.header("location")), (303, format!("/contacts/{keep}/merge?with={take}").as_str()));
    for wrong in [format!("contact={keep}"), format!("contact={keep}&contact={take}&contact={third}"), String::new()] {
        let wrong = agent.post("/contacts/merge", &wrong).await;
        assert!(wrong.status == 422 && wrong.text.contains("hoose exactly two"), "{}", wrong.text);
    }
    let page = agent.get(to.header("location")).await.good();
    sound(&page);
    assert!(page.has("Both are in a workflow") && page.has("comes back"), "{}", page.text);
    let form = format!("take={take}&seen={}&goes_on=take", seen(&page.text));
    let done = agent.post(&format!("/contacts/{keep}/merge"), &form).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let told = agent.get(&format!("/contacts/{keep}")).await.good();
    assert!(told.has("removed") || told.has("Removed"), "{}", told.text);
    assert!(agent.get(&format!("/contacts/{take}")).await.good().has("comes next"));
}

#[tokio::test]
async fn a_viewer_may_not_and_another_workspace_has_no_such_contact() {
    let (site, customer) = world().await;
    let [keep, take, _] = customer.contacts[..] else { panic!("three contacts") };
    let viewer = site.person(&customer, Role::Viewer).await;
    let other = site.customer("Theirs", "+13055550100").await;
    let stranger = site.person(&other, Role::Owner).await;
    let (page, pair) = (format!("/contacts/{keep}/merge"), format!("/contacts/{keep}/merge?with={take}"));
    assert!(!viewer.get(&format!("/contacts/{keep}")).await.good().has("/merge"));
    assert!(!viewer.get("/contacts").await.good().has("/contacts/merge"));
    for path in [&page, &pair] {
        assert_eq!(viewer.get(path).await.status, 403);
        assert_eq!(stranger.get(path).await.status, 404);
    }
    assert_eq!(viewer.post(&page, &format!("take={take}")).await.status, 403);
    assert_eq!(viewer.post("/contacts/merge", &format!("contact={keep}&contact={take}")).await.status, 403);
    assert_eq!(stranger.post(&page, &format!("take={take}")).await.status, 404);
    let own = other.contacts[0];
    assert_eq!(stranger.post(&format!("/contacts/{own}/merge"), &format!("take={take}")).await.status, 404);
    assert_eq!(site.parts.engine.contact(&customer.operator, keep).await.unwrap().person, None);
}
