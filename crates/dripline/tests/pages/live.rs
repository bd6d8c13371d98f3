//! The stream of what happens: for those who are signed in, of their own workspace, ended with the process.

use domain::access::Role;

use crate::site::{Customer, Person, Site};

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_is_told_of_its_own_workspace_and_lets_go_when_the_process_ends() {
    let site = Site::new();
    let ours = site.customer("Acme", "+12125550100").await;
    let theirs = site.customer("Other", "+13055550101").await;
    let (viewer, stranger) = (site.person(&ours, Role::Viewer).await, site.person(&theirs, Role::Owner).await);
    let contact = ours.contacts[0];
    let act = async {
        let engine = &site.parts.engine;
        // Watched from here on: what happened before both watch is nobody's news.
        while engine.watchers(ours.workspace) < 1 || engine.watchers(theirs.workspace) < 1 {
            tokio::task::yield_now().await;
        }
        let mut third = engine.watch(&ours.operator).await.unwrap();
        engine.add_note(&ours.operator, contact, "Call her").await.unwrap();
        third.next().await.unwrap();
        engine.end_watching();
    };
    let (told, untold, ()) = tokio::join!(viewer.get("/live"), stranger.get("/live"), act);
    assert_eq!(told.header("content-type"), "text/event-stream");
    assert!(told.has("event: change") && told.has("note.added") && told.has(&contact.to_string()), "{}", told.text);
    assert!(!untold.has("change") && !untold.has(&contact.to_string()), "{}", untold.text);
}

/// What somebody is told who follows while their session is ended: one note is written before that, one after.
async fn told_around(customer: &Customer, person: &Person<'_>, end: impl AsyncFnOnce()) -> String {
    let engine = &person.site.parts.engine;
    let act = async {
        while engine.watchers(customer.workspace) < 1 {
            tokio::task::yield_now().await;
        }
        let mut second = engine.watch(&customer.operator).await.unwrap();
        engine.add_note(&customer.operator, customer.contacts[0], "Before").await.unwrap();
        second.next().await.unwrap();
        end().await;
        engine.add_note(&customer.operator, customer.contacts[1], "After").await.unwrap();
    };
    // Ends only because the stream does.
    let (told, ()) = tokio::join!(person.get("/live"), act);
    told.text
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_signed_out_elsewhere_or_removed_is_told_nothing_more() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let (contact, later) = (customer.contacts[0].to_string(), customer.contacts[1].to_string());
    let here = site.person(&customer, Role::Agent).await;
    let (other, third) = (site.sign_in("agent", &customer).await, site.sign_in("agent", &customer).await);
    let told = told_around(&customer, &other, async || {
        assert_eq!(here.post("/settings/profile/sessions/end-others", "").await.status, 303);
    });
    let told = told.await;
    assert!(told.contains(&contact) && !told.contains(&later), "{told}");
    assert_eq!(third.get("/live").await.status, 303);
    let engine = &site.parts.engine;
    let agent = engine.users(&customer.operator).await.unwrap().into_iter().find(|user| user.role == "agent").unwrap();
    let told = told_around(&customer, &here, async || {
        engine.remove_user(&customer.operator, agent.id).await.unwrap();
    });
    let told = told.await;
    assert!(told.contains(&contact) && !told.contains(&later), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_without_a_session() {
    let site = Site::new();
    let answer = site.get("/live").await;
    assert_eq!(answer.status, 303);
    assert!(answer.header("location").starts_with("/sign-in"));
}
