//! Invitations: a link that is shown once lets one person in, or gives them a new password.

use domain::access::Role;

use crate::markup::sound;
use crate::site::{Answer, Site};

/// The path of the link that a page shows.
fn link(page: &Answer) -> String {
    let link = page.text.split("id=\"link\"").nth(1).unwrap().split('>').nth(1).unwrap().split('<').next().unwrap();
    assert!(link.starts_with("http://127.0.0.1:8080/invite/"), "{link}");
    link.trim_start_matches("http://127.0.0.1:8080").to_owned()
}

#[tokio::test]
async fn a_link_is_shown_once_and_lets_its_person_in() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let admin = site.person(&customer, Role::Admin).await;
    let path = "/settings/team/invite";
    for (form, why) in [
        ("email=bob&name=Bob&role=agent", "name@example.com"),
        ("email=bob@example.com&name=+&role=agent", "it is empty"),
    ] {
        let answer = admin.post(path, form).await;
        assert_eq!(answer.status, 422);
        sound(&answer);
        assert!(answer.has(why) && answer.has("value=\"agent\" selected"), "{}", answer.text);
    }
    assert_eq!(admin.post(path, "email=bob@example.com&name=Bob&role=owner").await.status, 422, "beyond their own");
    let page = admin.post(path, "email=bob@example.com&name=Bob&role=agent").await.good();
    sound(&page);
    let link = link(&page);
    let page = admin.get("/settings/team").await.good();
    sound(&page);
    assert!(page.has("bob@example.com") && !page.has(&link));
    let page = site.get(&link).await.good();
    sound(&page);
    assert!(page.has("Join Ours") && page.has("value=\"Bob\""));
    let answer = site.post(&link, "name=Bob+Ray&password=short").await;
    assert_eq!(answer.status, 422);
    sound(&answer);
    assert!(answer.has("fewer than 12") && answer.has("Bob Ray") && !answer.has("short"));
    let answer = site.post(&link, "name=Bob+Ray&password=correct+horse+battery").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/"), "{}", answer.text);
    let bob = site.signed_in(&answer);
    assert!(bob.get("/settings/profile").await.good().has("bob@example.com · agent of Ours"));
    assert_eq!(site.get(&link).await.status, 404, "it was used");
    assert_eq!(site.get("/invite/nonsense").await.status, 404);
}

#[tokio::test]
async fn a_password_link_lets_a_person_in_again() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let (admin, agent) = (site.person(&customer, Role::Admin).await, site.person(&customer, Role::Agent).await);
    let users = site.parts.engine.users(&customer.operator).await.unwrap();
    let id = users.iter().find(|user| user.role == "agent").unwrap().id;
    let link = link(&admin.post(&format!("/settings/team/{id}/link"), "").await.good());
    let page = site.get(&link).await.good();
    sound(&page);
    assert!(page.has("Choose a new password") && !page.has("name=\"name\""));
    let answer = site.post(&link, "password=another+horse+battery").await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    site.signed_in(&answer).get("/").await.good();
    assert_eq!(agent.get("/").await.status, 303, "the old session has ended");
}
