//! The first run: whoever has the code that was printed becomes the owner; after that nobody does.

use domain::access::Role;

use crate::markup::sound;
use crate::site::Site;

const FORM: &str = "workspace=Harbor&zone=America/Chicago&rate=0.0079&name=Ann+Lee&email=ann@example.com&\
                    password=correct+horse+battery";

#[tokio::test]
async fn the_first_one_with_the_code_becomes_the_owner_and_nobody_else() {
    let site = Site::fresh();
    let code = site.parts.setup_code.text();
    let page = site.get("/sign-in").await.good();
    sound(&page);
    assert!(page.has("There is no account yet") && !page.has(code));
    for path in ["/setup".to_owned(), format!("/setup?code={}", "0".repeat(32))] {
        assert_eq!(site.get(&path).await.status, 403, "{path}");
    }
    assert_eq!(site.post("/setup", &format!("code=0&{FORM}")).await.status, 403);
    sound(&site.get(&format!("/setup?code={code}")).await.good());
    let form = format!("code={code}&{FORM}");
    let answer = site.post("/setup", &form).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/"), "{}", answer.text);
    let owner = site.signed_in(&answer);
    assert!(owner.get("/").await.good().has("Ann Lee"));
    let page = owner.get("/settings/workspace").await.good();
    assert!(page.has("value=\"Harbor\"") && page.has("value=\"America/Chicago\" selected"));
    for answer in [site.post("/setup", &form).await, site.get(&format!("/setup?code={code}")).await] {
        assert_eq!((answer.status, answer.header("location")), (303, "/sign-in"));
    }
    assert!(!site.get("/sign-in").await.good().has("There is no account yet"));
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_its_field_and_the_rest_is_kept() {
    let site = Site::fresh();
    let code = site.parts.setup_code.text();
    for (from, to, why) in [
        ("workspace=Harbor", "workspace=+", "it is empty"),
        ("America/Chicago", "Mars", "There is no time zone"),
        ("0.0079", "cheap", "cheap"),
        ("0.0079", "2.00", "is not between"),
        ("ann@example.com", "ann", "name@example.com"),
        ("correct+horse+battery", "short", "fewer than 12"),
    ] {
        let answer = site.post("/setup", &format!("code={code}&{}", FORM.replace(from, to))).await;
        assert_eq!(answer.status, 422, "{to}: {}", answer.text);
        sound(&answer);
        assert!(answer.has(why) && answer.has("Ann Lee") && answer.has(code), "{why}: {}", answer.text);
        assert!(!answer.has("correct horse") && !answer.has("\"short\""), "a password is never sent back");
    }
}

#[tokio::test]
async fn a_demo_has_no_first_run() {
    let site = Site::new();
    let code = site.parts.setup_code.text();
    assert_eq!(site.get(&format!("/setup?code={code}")).await.status, 404);
    assert!(!site.get("/sign-in").await.good().has("There is no account yet"));
}

#[tokio::test]
async fn where_the_operator_made_a_user_there_is_no_first_run() {
    let site = Site::fresh();
    let customer = site.customer("Ours", "+12125550100").await;
    site.person(&customer, Role::Owner).await;
    let code = site.parts.setup_code.text();
    assert_eq!(site.post("/setup", &format!("code={code}&{FORM}")).await.header("location"), "/sign-in");
}
