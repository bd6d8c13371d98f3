//! Pages that say what is wrong: in the frame of whoever is signed in, and bare for a stranger.

use domain::access::Role;

use crate::markup::sound;
use crate::site::{Answer, Site};

fn is_framed(answer: &Answer) -> bool {
    answer.has("<nav aria-label=\"Main\"")
}

#[tokio::test]
async fn whoever_is_signed_in_can_go_on_from_a_page_that_says_what_is_wrong() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let viewer = site.person(&customer, Role::Viewer).await;
    for (path, status, title) in [
        ("/nowhere", 404, "Not found"),
        ("/contacts/ctc_0000000000001", 404, "Not found"),
        ("/contacts/nonsense", 404, "Not found"),
        ("/settings/carriers", 403, "Not allowed"),
    ] {
        let answer = viewer.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        sound(&answer);
        assert!(is_framed(&answer) && answer.has(title), "{path}: {}", answer.text);
    }
    let posted = viewer.post(&format!("/contacts/{}/delete", customer.contacts[0]), "").await;
    assert!(posted.status == 403 && is_framed(&posted), "{}", posted.text);
    let unknown = viewer.get("/contacts/ctc_0000000000001").await;
    assert!(unknown.text.contains("aria-current=\"page\""), "where one is, is marked: {}", unknown.text);
    // A page's script is told by a toast, as before.
    let script = viewer.script("GET", "/nowhere", "").await;
    assert!(script.text.is_empty() && script.header("hx-trigger").contains("toast"));
}

#[tokio::test]
async fn a_stranger_sees_no_frame_and_neither_does_another_site() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let answer = site.get("/nowhere").await;
    assert!(answer.status == 404 && !is_framed(&answer) && answer.has("Not found"), "{}", answer.text);
    sound(&answer);
    let admin = site.person(&customer, Role::Admin).await;
    let elsewhere = admin.post_from_elsewhere("/sign-out", "").await;
    assert!(elsewhere.status == 403 && !is_framed(&elsewhere), "{}", elsewhere.text);
    assert!(elsewhere.has("came from another site"), "it says why: {}", elsewhere.text);
    sound(&elsewhere);
}
