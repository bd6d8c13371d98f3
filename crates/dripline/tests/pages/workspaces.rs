//! Going over to another workspace of the same person: only where the password fitted, and never with somebody else's session.

use axum::body::Body;
use axum::http::{Request, header};
use domain::access::Role;

use crate::markup::sound;
use crate::site::{Customer, Person, Site};

const PASSWORD: &str = "correct+horse+battery";

async fn ann(site: &Site, customer: &Customer, password: &str) {
    let password = password.replace('+', " ");
    let made = site.parts.engine.create_user(&customer.operator, "ann@example.com", "Ann", Role::Agent, &password);
    made.await.unwrap();
}

async fn sign_in<'s>(site: &'s Site, email: &str, password: &str) -> Person<'s> {
    let answer = site.post("/sign-in", &format!("email={email}&password={password}")).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    site.signed_in(&answer)
}

#[tokio::test]
async fn one_goes_over_and_back_to_where_the_password_fitted_and_nowhere_else() {
    let site = Site::new();
    let (first, second) = (site.customer("First", "+12125550100").await, site.customer("Second", "+13055550101").await);
    let closed = site.customer("Closed", "+12125550102").await;
    for customer in [&first, &second] {
        ann(&site, customer, PASSWORD).await;
    }
    ann(&site, &closed, "another+horse+battery").await;
    let here = sign_in(&site, "ann@example.com", PASSWORD).await;
    let page = here.get("/workspaces").await.good();
    sound(&page);
    assert!(page.has("You are in Second, as agent") && page.has("First") && !page.has("Closed"), "{}", page.text);
    assert!(here.get("/").await.good().has("href=\"/workspaces\""));
    let form = |customer: &Customer| format!("workspace={}", customer.workspace);
    for nowhere in [&closed, &second] {
        assert_eq!(here.post("/workspaces", &form(nowhere)).await.status, 404);
    }
    assert_eq!(here.post_from_elsewhere("/workspaces", &form(&first)).await.status, 403);
    let over = here.post("/workspaces", &form(&first)).await;
    assert_eq!((over.status, over.header("location")), (303, "/"));
    let there = site.signed_in(&over);
    assert!(there.get("/contacts").await.good().has("First0"));
    assert_eq!(there.get(&format!("/contacts/{}", second.contacts[0])).await.status, 404);
    let back = site.signed_in(&there.post("/workspaces", &form(&second)).await);
    assert!(back.get("/contacts").await.good().has("Second0"));
    // Signing out ends both, wherever the tokens lie.
    assert_eq!(back.post("/sign-out", "").await.status, 303);
    for person in [&here, &there, &back] {
        assert_eq!(person.get("/").await.status, 303);
    }
}

#[tokio::test]
async fn another_password_there_closes_the_way() {
    let site = Site::new();
    let (first, second) = (site.customer("First", "+12125550100").await, site.customer("Second", "+13055550101").await);
    for customer in [&first, &second] {
        ann(&site, customer, PASSWORD).await;
    }
    let here = sign_in(&site, "ann@example.com", PASSWORD).await;
    let elsewhere = sign_in(&site, "ann@example.com", PASSWORD).await;
    let form = format!("workspace={}", first.workspace);
    let there = site.signed_in(&elsewhere.post("/workspaces", &form).await);
    let change = format!("old={PASSWORD}&new=a+third+horse+battery");
    assert_eq!(there.post("/settings/profile/password", &change).await.status, 303);
    assert_eq!(here.post("/workspaces", &form).await.status, 404);
    let page = here.get("/workspaces").await.good();
    assert!(page.has("You are signed in to no other workspace"), "{}", page.text);
}

#[tokio::test]
async fn whoever_signs_in_in_the_same_browser_does_not_get_the_others_of_the_one_before() {
    let site = Site::new();
    let (first, second) = (site.customer("First", "+12125550100").await, site.customer("Second", "+13055550101").await);
    for customer in [&first, &second] {
        ann(&site, customer, PASSWORD).await;
    }
    let bob = site.person(&second, Role::Viewer).await;
    let before = sign_in(&site, "ann@example.com", PASSWORD).await;
    let email = format!("viewer.{}@example.com", second.workspace.0);
    let request =
        Request::post("/sign-in").header("sec-fetch-site", "same-origin").header(header::COOKIE, before.cookie());
    let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = site.send(request.body(Body::from(format!("email={email}&password={PASSWORD}"))).unwrap()).await;
    let cookies: Vec<_> = answer.headers.get_all(header::SET_COOKIE).iter().map(|one| one.to_str().unwrap()).collect();
    assert!(cookies.iter().any(|one| one.starts_with("dripline_others=;") && one.contains("Max-Age=0")), "{cookies:?}");
    // A cookie that was put there by hand does not help either: it is another person's.
    let others = before.cookie().split("; ").find(|one| one.starts_with("dripline_others=")).unwrap();
    let mixed = bob.with_cookie(others);
    assert_eq!(mixed.post("/workspaces", &format!("workspace={}", first.workspace)).await.status, 404);
    assert!(!mixed.get("/workspaces").await.good().has("First"));
}

#[tokio::test]
async fn a_page_of_the_workspace_before_does_nothing_in_the_one_that_is_open_now() {
    let site = Site::new();
    let (first, second) = (site.customer("First", "+12125550100").await, site.customer("Second", "+13055550101").await);
    for customer in [&first, &second] {
        ann(&site, customer, PASSWORD).await;
    }
    let there = sign_in(&site, "ann@example.com", PASSWORD).await;
    let page = there.get("/contacts").await.good();
    assert!(page.has(&format!("data-workspace=\"{}\"", second.workspace)), "{}", page.text);
    let form = "phone=%28786%29+555-0177&first=Late";
    let late = there.post(&format!("/contacts?in={}", first.workspace), form).await;
    assert_eq!(late.status, 409, "{}", late.text);
    assert!(late.has("another workspace") && late.has("Second"), "{}", late.text);
    assert!(!there.get("/contacts").await.good().has("Late"));
    let script = there.script("POST", &format!("/contacts?in={}", first.workspace), form).await;
    assert_eq!(script.status, 409, "{}", script.text);
    let now = there.post(&format!("/contacts?in={}", second.workspace), form).await;
    assert!(now.status < 400, "{}", now.text);
    assert!(there.get("/contacts").await.good().has("Late"));
    assert_eq!(there.post(&format!("/sign-out?in={}", first.workspace), "").await.status, 303);
}
