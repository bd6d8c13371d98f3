//! The lists of the settings: labels, the phones that are not texted, what happened.

use domain::access::Role;
use domain::suppression::Suppression;

use crate::markup::sound;
use crate::site::{Person, Site};

async fn done(person: &Person<'_>, path: &str, form: &str) -> String {
    let answer = person.post(path, form).await;
    assert_eq!(answer.status, 303, "{path}: {}", answer.text);
    answer.header("location").to_owned()
}

#[tokio::test]
async fn labels_are_made_changed_and_deleted() {
    let site = Site::new();
    let (ours, theirs) = (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+13055550101").await);
    let agent = site.person(&ours, Role::Agent).await;
    done(&agent, "/settings/labels", "name=Hot+lead&colour=red").await;
    for (form, why) in
        [("name=hot+LEAD&colour=blue", "already"), ("name=&colour=blue", "1 to 40"), ("name=A&colour=pink", "pink")]
    {
        let answer = agent.post("/settings/labels", form).await;
        assert_eq!(answer.status, 422);
        sound(&answer);
        assert!(answer.has(why), "{why}: {}", answer.text);
    }
    let label = site.parts.engine.labels(&ours.operator).await.unwrap()[0].id;
    let path = format!("/settings/labels/{label}");
    let page = agent.get(&path).await.good();
    sound(&page);
    assert!(page.has("value=\"Hot lead\""));
    done(&agent, &path, "name=Warm+lead&colour=orange").await;
    let viewer = site.person(&ours, Role::Viewer).await;
    assert!(viewer.get("/settings/labels").await.good().has("Warm lead"));
    assert_eq!(viewer.post(&path, "name=a&colour=red").await.status, 403);
    let other = site.parts.engine.create_label(&theirs.operator, "Their label", "red").await.unwrap().id;
    for path in [format!("/settings/labels/{other}"), format!("/settings/labels/{other}/delete")] {
        assert_eq!(agent.post(&path, "name=a&colour=red").await.status, 404, "{path}");
    }
    assert!(!agent.get("/settings/labels").await.good().has("Their label"));
    done(&agent, &format!("{path}/delete"), "").await;
    assert_eq!(agent.get(&path).await.status, 404);
}

#[tokio::test]
async fn lists_are_made_renamed_and_deleted_and_the_messenger_does_not_show_them() {
    let site = Site::new();
    let ours = site.customer("Ours", "+12125550100").await;
    let agent = site.person(&ours, Role::Agent).await;
    let long = "Absentee owners of Dallas who answered the letter in March";
    done(&agent, "/settings/labels", &format!("kind=list&name={}&colour=red", long.replace(' ', "+"))).await;
    done(&agent, "/settings/labels", "kind=label&name=Hot&colour=red").await;
    let (hot, endless) = ("kind=list&name=hot".to_owned(), format!("kind=list&name={}", "a".repeat(81)));
    for (form, why) in [(hot, "already"), (endless, "1 to 80"), ("kind=list&name=".to_owned(), "of a list")] {
        let answer = agent.post("/settings/labels", &form).await;
        sound(&answer);
        assert!(
            answer.status == 422 && answer.has(why) && answer.has("value=\"list\" class=\"radio radio-sm\" checked")
        );
    }
    let known = site.parts.engine.labels(&ours.operator).await.unwrap();
    let list = known.iter().find(|label| label.is_list()).unwrap();
    let path = format!("/settings/labels/{}", list.id);
    let page = agent.get(&path).await.good();
    sound(&page);
    assert!(page.has(&format!("value=\"{long}\"")) && page.has("Change the list") && !page.has("name=\"colour\""));
    done(&agent, &path, "name=Dallas").await;
    for (place, shown) in [("/settings/labels", true), ("/contacts", true), ("/messenger", false)] {
        let page = agent.get(place).await.good();
        sound(&page);
        assert_eq!((page.has("Dallas"), page.has("Hot")), (shown, true), "{place}");
    }
    let told = agent.get("/settings/activity?about=contacts").await.good();
    assert!(told.has("made the list") && told.has("changed the list “Dallas”"), "{}", told.text);
    done(&agent, &format!("{path}/delete"), "").await;
    assert_eq!(agent.get(&path).await.status, 404);
}

#[tokio::test]
async fn a_phone_is_put_on_a_list_and_taken_off_by_whoever_may() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let agent = site.person(&customer, Role::Agent).await;
    let contact = site.parts.engine.contact(&customer.operator, customer.contacts[0]).await.unwrap();
    let phone = contact.phone.to_string().replace('+', "%2B");
    let add = format!("phone={phone}&list=do_not_contact");
    let next = done(&agent, "/settings/suppressions/add", &add).await;
    let page = agent.get(&next).await.good();
    sound(&page);
    assert!(page.has("Ours0") && page.has("Take off"), "{}", page.text);
    assert!(!agent.get("/settings/suppressions").await.good().has("Ours0"), "on that list alone");
    let page = agent.get(&format!("/settings/suppressions?q={phone}")).await.good();
    sound(&page);
    assert!(page.has("Take off Do not contact") && !page.has("Put on Do not contact"));
    done(&agent, "/settings/suppressions/lift", &add).await;
    let lists = site.parts.engine.suppressions(&customer.operator, contact.id).await.unwrap();
    assert_eq!(lists, []);
    let viewer = site.person(&customer, Role::Viewer).await;
    assert_eq!(viewer.post("/settings/suppressions/add", &add).await.status, 403);
    assert_eq!(viewer.post("/settings/suppressions/lift", &add).await.status, 403);
    let page = viewer.get(&format!("/settings/suppressions?q={phone}")).await.good();
    assert!(page.has("On no list") && !page.has("Put on"));
    let compliance = format!("phone={phone}&list=compliance_blocked");
    assert_eq!(agent.post("/settings/suppressions/add", &compliance).await.status, 403);
    let by_hand = format!("phone={phone}&list=opted_out");
    for path in ["/settings/suppressions/add", "/settings/suppressions/lift"] {
        assert_eq!(agent.post(path, &by_hand).await.status, 422, "an opt-out is the contact's own word");
    }
}

#[tokio::test]
async fn a_phone_without_a_contact_is_kept_off_until_it_is_lifted() {
    let site = Site::new();
    let (ours, theirs) = (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+13055550101").await);
    let agent = site.person(&ours, Role::Agent).await;
    let form = "phone=%28212%29+555-0177&list=do_not_contact";
    done(&agent, "/settings/suppressions/add", form).await;
    let found = "/settings/suppressions?q=2125550177";
    assert!(agent.get(found).await.good().has("Take off Do not contact"));
    let other = site.person(&theirs, Role::Agent).await;
    assert!(other.get(found).await.good().has("On no list"), "another workspace's list");
    let fields = vec![("First Name".to_owned(), "Nina".to_owned())];
    let phone = "+12125550177".to_owned();
    let new = engine::contacts::NewContact { phone, region: None, name: None, fields, person: None };
    let contact = site.parts.engine.create_contact(&ours.operator, new).await.unwrap().id;
    let lists = site.parts.engine.suppressions(&ours.operator, contact).await.unwrap();
    assert_eq!(lists, [Suppression::DoNotContact], "a new contact of the phone has the list");
    done(&agent, "/settings/suppressions/lift", form).await;
    assert!(agent.get(found).await.good().has("On no list"));
    let page = agent.get("/settings/suppressions?q=soon").await.good();
    sound(&page);
    assert!(page.has("value=\"soon\"") && page.has("q-says"));
    let answer = agent.post("/settings/suppressions/add", "phone=soon&list=do_not_contact").await;
    assert_eq!(answer.status, 422);
    sound(&answer);
}

#[tokio::test]
async fn what_happened_is_told_by_matter_and_by_person_page_by_page() {
    let site = Site::new();
    let (ours, theirs) = (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+13055550101").await);
    site.parts.engine.create_label(&theirs.operator, "Their label", "red").await.unwrap();
    let owner = site.person(&ours, Role::Owner).await;
    for nth in 0..60 {
        done(&owner, "/settings/labels", &format!("name=Label+{nth}.&colour=red")).await;
    }
    let page = owner.get("/settings/activity").await.good();
    sound(&page);
    assert!(page.has("Pat Doe made the label “Label 59.”.") && !page.has("Label 9.") && !page.has("Their label"));
    let next = page.text.split("href=\"").find(|part| part.contains("before=")).unwrap().split('"').next().unwrap();
    let page = owner.get(&next.replace("&amp;", "&")).await.good();
    assert!(page.has("Label 9.") && !page.has("Label 59.") && page.has("Pat Doe"));
    let page = owner.get("/settings/activity?matter=people").await.good();
    assert!(page.has("signed in") && !page.has("made the label"));
    let page = owner.get("/settings/activity?who=operator&matter=contacts").await.good();
    assert!(page.has("The operator added Ours0.") && !page.has("made the label"));
    let page = owner.get("/settings/activity?who=key_nobody").await.good();
    sound(&page);
    assert!(page.has("Nothing fits"));
}
