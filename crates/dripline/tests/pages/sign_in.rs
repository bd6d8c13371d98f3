//! Signing in and out, and what is closed to whoever is not.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
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

/// A wrong password, as it comes over this connection with these headers; whether it had to wait.
async fn waits(site: &Site, connection: &str, forwarded: &[&str]) -> bool {
    let connection: SocketAddr = format!("{connection}:4711").parse().unwrap();
    let mut request = Request::post("/sign-in").header("sec-fetch-site", "same-origin");
    request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    for line in forwarded {
        request = request.header("x-forwarded-for", *line);
    }
    let request = request.extension(ConnectInfo(connection));
    let form = Body::from("email=ann@example.com&password=wrong+horse+battery");
    let answer = site.send(request.body(form).unwrap()).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    answer.has("Too many attempts")
}

#[tokio::test]
async fn behind_a_proxy_each_client_waits_for_its_own_guesses_and_cannot_forge_another() {
    let site = Site::behind("10.0.0.0/8");
    for nth in 0..5 {
        // What the client wrote itself changes with every guess; the proxy adds who spoke to it.
        let forged = format!("198.51.100.{nth}, 203.0.113.5");
        assert!(!waits(&site, "10.0.0.1", &[&forged]).await, "{nth}");
    }
    for forged in ["198.51.100.99, 203.0.113.5", "10.0.0.1, 203.0.113.5", "203.0.113.5"] {
        assert!(waits(&site, "10.0.0.1", &[forged]).await, "{forged}");
    }
    assert!(waits(&site, "10.0.0.2", &["198.51.100.98", "203.0.113.5, 10.0.0.1"]).await, "over two proxies");
    assert!(!waits(&site, "10.0.0.1", &["203.0.113.6"]).await, "somebody else behind the same proxy");
}

#[tokio::test]
async fn nobody_but_a_trusted_proxy_says_who_asks() {
    for site in [Site::behind("10.0.0.0/8"), Site::new()] {
        for nth in 0..5 {
            assert!(!waits(&site, "192.0.2.1", &[&format!("198.51.100.{nth}")]).await, "{nth}");
        }
        assert!(waits(&site, "192.0.2.1", &["198.51.100.99"]).await);
    }
}
