//! Signing in and out, and what is closed to whoever is not.

use domain::access::Role;

use crate::markup::sound;
use crate::site::Site;

#[tokio::test]
async fn whoever_is_not_signed_in_is_led_to_the_sign_in_page_and_back() {
    let site = Site::new();
    let answer = site.get("/?a=b").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/sign-in?next=/%3Fa%3Db"));
    let answer = site.get("/").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/sign-in"));
    let page = site.get("/sign-in?next=/contacts").await.good();
    sound(&page);
    assert!(page.has("name=\"next\" value=\"/contacts\""));
    assert!(!site.get("/sign-in?next=//there").await.good().has("there"));
}

#[tokio::test]
async fn a_session_opens_the_pages_until_it_is_signed_out() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let person = site.person(&customer, Role::Viewer).await;
    sound(&person.get("/").await.good());
    assert_eq!(person.post_from_elsewhere("/sign-out", "").await.status, 403);
    person.get("/").await.good();
    let answer = person.post("/sign-out", "").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/sign-in"));
    assert_eq!(person.get("/").await.status, 303);
}

#[tokio::test]
async fn a_script_of_a_page_is_told_to_load_the_sign_in_page() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let person = site.person(&customer, Role::Viewer).await;
    person.post("/sign-out", "").await;
    let answer = person.script("GET", "/", "").await;
    assert_eq!((answer.status, answer.header("hx-redirect")), (401, "/sign-in"));
}
