//! The low-balance notice on screen: the default, a mark that is refused, what is saved, and what is said where no e-mail is sent.

use std::sync::Arc;

use domain::access::Role;
use engine::mails::{Postbox, Smtp};

use crate::markup::sound;
use crate::site::Site;

#[tokio::test]
async fn it_is_on_by_default_and_whoever_may_pay_says_otherwise() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let (owner, agent) = (site.person(&customer, Role::Owner).await, site.person(&customer, Role::Agent).await);
    let page = owner.get("/billing").await.good();
    sound(&page);
    assert!(page.has("Low-balance notice") && page.has("falls below $10.00"), "{}", page.text);
    let page = owner.get("/billing/notice").await.good();
    sound(&page);
    assert!(page.has("has set up no mail server") && page.text.contains("value=\"10.00\""), "{}", page.text);
    let page = agent.get("/billing/notice").await.good();
    sound(&page);
    assert!(page.has("falls below $10.00") && !page.has("When it is told"), "{}", page.text);
    assert_eq!(agent.post("/billing/notice", "").await.status, 403);
    for bad in ["0", "much", "-1", "10000.01"] {
        let again = owner.post("/billing/notice", &format!("told=yes&below={bad}&mails=yes")).await;
        assert_eq!(again.status, 422, "{bad}");
        sound(&again);
        assert!(again.text.contains("id=\"below-says\" class=\"text-error\""), "{bad}: {}", again.text);
        assert!(again.text.contains(&format!("value=\"{bad}\"")), "{bad}: {}", again.text);
    }
    assert_eq!(owner.post("/billing/notice", "told=yes&below=2.50").await.status, 303);
    let page = owner.get("/billing").await.good();
    assert!(page.has("falls below $2.50") && page.has("nobody an e-mail"), "{}", page.text);
    assert_eq!(owner.post("/billing/notice", "below=2.50&mails=yes").await.status, 303);
    assert!(owner.get("/billing").await.good().has("A low balance is told to nobody"));
    let page = owner.get("/settings/activity").await.good();
    assert!(
        page.has("a balance below $2.50 is told, not by e-mail") && page.has("a low balance is not told"),
        "{}",
        page.text
    );
}

#[tokio::test]
async fn with_a_mail_server_it_says_who_gets_mail_and_the_history_what_was_told() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let (relay, from) = ("smtp://127.0.0.1:1?tls=none".parse().unwrap(), "d@example.com".parse().unwrap());
    let mailer = Arc::new(Smtp::new(relay, from).unwrap());
    site.parts.engine.send_mails_by(Postbox { mailer, public_url: None });
    assert_eq!(owner.post("/billing/notice", "told=yes&below=9000&mails=yes").await.status, 303);
    let page = owner.get("/billing/notice").await.good();
    sound(&page);
    assert!(page.has("owners and admins get an e-mail") && !page.has("no mail server"), "{}", page.text);
    let look = site.parts.engine.tell_low_balances(domain::ids::WorkspaceId(i64::MIN)).await.unwrap();
    assert_eq!(look.told, 1);
    let page = owner.get("/settings/activity").await.good();
    sound(&page);
    assert!(page.has("The wallet fell below $9,000.00"), "{}", page.text);
}
