//! Every page that a link leads to: sound, quick to say no to strangers, and closed to another workspace.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Role;
use engine::enrolling::EnrollRequest;

use crate::markup::{forms, links, sound};
use crate::site::{Customer, Person, Site};

/// Most pages that one crawl asks for: a list of a thousand rows is not a thousand checks.
const MOST: usize = 600;
/// What the server keeps open, or gives as a file.
const NO_PAGES: &[&str] = &["/live", "/assets/"];
/// Asked for with the values of the form around it only.
const WITH_VALUES: &[&str] = &["/enroll"];

/// What a crawl has found.
struct Found {
    pages: BTreeMap<String, String>,
    forms: BTreeSet<(String, String)>,
}

/// The shape of an address: identifiers and queries are left out, so that each kind of page is asked for a few times only.
fn shape(address: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let part = |part: &str| if part.contains('_') && part.len() > 8 { "*".to_owned() } else { part.to_owned() };
    let names: Vec<_> = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default()).collect();
    format!("{}?{}", path.split('/').map(part).collect::<Vec<_>>().join("/"), names.join("&"))
}

async fn crawl(person: &Person<'_>) -> Found {
    let mut waiting = vec!["/".to_owned()];
    let mut seen: BTreeSet<String> = waiting.iter().cloned().collect();
    let mut shapes: BTreeMap<String, usize> = BTreeMap::new();
    let mut found = Found { pages: BTreeMap::new(), forms: BTreeSet::new() };
    while let Some(path) = waiting.pop() {
        assert!(found.pages.len() < MOST, "more than {MOST} pages: the last is {path}");
        let mut answer = person.get(&path).await;
        if answer.status == 303 {
            // Such as the first of several pages.
            answer = person.get(answer.header("location")).await;
        }
        assert_eq!(answer.status, 200, "a link leads to {path}, which answers {}", answer.status);
        if !answer.header("content-type").starts_with("text/html") || path == "/api" || path == "/api/start" {
            found.pages.insert(path, answer.text);
            continue;
        }
        let page = sound(&answer);
        found.forms.extend(forms(&page));
        for link in links(&page) {
            let times = shapes.entry(shape(&link)).or_default();
            if *times < 3
                && !NO_PAGES.iter().any(|no| link.starts_with(no))
                && !WITH_VALUES.contains(&link.as_str())
                && seen.insert(link.clone())
            {
                *times += 1;
                waiting.push(link);
            }
        }
        found.pages.insert(path, answer.text);
    }
    found
}

/// Something of everything: a running enrollment, an ended one, a reply, an opt-out.
async fn busy(site: &Site, customer: &Customer) {
    let engine = &site.parts.engine;
    let workflow = engine.workflows(&customer.operator).await.unwrap()[0].workflow.id;
    for contact in &customer.contacts[..2] {
        let request = EnrollRequest { contact: *contact, workflow, from_step: 1, quote: None, key: None };
        engine.enroll(&customer.operator, request).await.unwrap();
    }
    engine.add_webhook(&customer.operator, "https://example.com/hooks", "CRM", &[]).await.unwrap();
    engine.play(&site.parts.simulator, engine.now()).await.unwrap();
}

#[tokio::test]
async fn every_link_leads_to_a_sound_page_and_none_to_another_workspace() {
    let site = Site::new();
    let (ours, theirs) = (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+13055550101").await);
    busy(&site, &ours).await;
    busy(&site, &theirs).await;
    let (owner, stranger) = (site.person(&ours, Role::Owner).await, site.person(&theirs, Role::Owner).await);
    let found = crawl(&owner).await;
    assert!(found.pages.len() > 20, "the crawl found {:?}", found.pages.keys());
    let named: Vec<_> = found.pages.keys().filter(|path| shape(path).contains('*')).collect();
    assert!(named.len() > 5, "the crawl found few objects: {named:?}");
    for path in named {
        let answer = stranger.get(path).await;
        assert_eq!(answer.status, 404, "{path} shows another workspace's object");
    }
    let open = found.pages.keys().filter(|path| !["/api", "/api/start", "/sign-in"].contains(&path.as_str()));
    for path in open {
        let answer = site.get(path).await;
        assert!(
            matches!(answer.status, 303 | 307),
            "{path} answers {} to somebody who is not signed in",
            answer.status
        );
        assert!(answer.header("location").starts_with("/sign-in"), "{path}");
    }
    for (method, path) in &found.forms {
        let answer = owner.post_from_elsewhere(path, "").await;
        assert_eq!(answer.status, 403, "{method} {path} is done for another site");
        if shape(path).contains('*') {
            let answer = stranger.ask(method, path, "").await;
            assert!(
                matches!(answer.status, 404 | 422 | 400),
                "{method} {path} of another workspace: {}",
                answer.status
            );
        }
    }
}

#[tokio::test]
async fn a_viewer_is_shown_nothing_that_they_may_not_do() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    busy(&site, &customer).await;
    let viewer = site.person(&customer, Role::Viewer).await;
    let found = crawl(&viewer).await;
    let mut shown = Vec::new();
    for (method, path) in &found.forms {
        if ["/sign-out", "/theme"].contains(&path.as_str()) || path.starts_with("/settings/profile") {
            continue;
        }
        let answer = viewer.ask(method, path, "").await;
        if answer.status == 403 {
            shown.push(format!("{method} {path}"));
        }
    }
    assert!(shown.is_empty(), "this is shown to a viewer, who may not do it: {shown:#?}");
}

#[tokio::test]
async fn what_an_owner_is_shown_is_not_done_for_a_viewer_who_asks_for_it_all_the_same() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    busy(&site, &customer).await;
    let (owner, viewer) = (site.person(&customer, Role::Owner).await, site.person(&customer, Role::Viewer).await);
    let found = crawl(&owner).await;
    let mut done = Vec::new();
    for (method, path) in &found.forms {
        let own = ["/sign-out", "/theme"].contains(&path.as_str()) || path.starts_with("/settings/profile");
        // These count and look for what is typed, and change nothing.
        let looks = path.ends_with("/count") || path.starts_with("/workflows/draft");
        let status = if own || looks { 403 } else { viewer.ask(method, path, "").await.status };
        // An empty form may be refused as such before anybody asks who sent it; 405 is a form that is sent by GET.
        if !matches!(status, 400 | 403 | 404 | 405 | 422) {
            done.push(format!("{method} {path}: {status}"));
        }
    }
    assert!(found.forms.len() > 30, "few forms: {:?}", found.forms);
    assert!(done.is_empty(), "{done:#?}");
}
