//! The stream of what happens: for those who are signed in, of their own workspace, ended with the process.

use domain::access::Role;

use crate::site::Site;

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

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_without_a_session() {
    let site = Site::new();
    let answer = site.get("/live").await;
    assert_eq!(answer.status, 303);
    assert!(answer.header("location").starts_with("/sign-in"));
}
