//! The pages that the server makes itself: whole, closed to everything from elsewhere, true of the document.

use axum::body::Body;
use axum::http::Request;

use crate::site::{Answer, DOCUMENT, Site, operations};

async fn page(site: &Site, path: &str) -> Answer {
    let answer = site.send(Request::get(path).body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 200, "{path}");
    answer
}

#[tokio::test]
async fn a_page_loads_nothing_but_its_style_and_runs_no_script() {
    let site = Site::new();
    for path in ["/api/start", "/api"] {
        let page = page(&site, path).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self';") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.headers["x-content-type-options"], "nosniff");
        for odd in ["<script", "style=", "<style", "onclick", "src=", "http-equiv"] {
            assert!(!page.text.contains(odd), "{path} has {odd}");
        }
        assert!(page.text.contains("<link rel=\"stylesheet\" href=\"/style.css\">"));
    }
    let style = page(&site, "/style.css").await;
    assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
    assert!(!style.text.contains("url(") && !style.text.contains("@import"));
}

#[tokio::test]
async fn the_reference_shows_every_operation_with_its_parameters_and_codes() {
    let site = Site::new();
    let page = page(&site, "/api").await.text;
    for operation in operations() {
        let id = operation.id();
        let start =
            page.find(&format!("<article class=\"operation\" id=\"{id}\">")).unwrap_or_else(|| panic!("no {id}"));
        let article = &page[start..start + page[start..].find("</article>").unwrap()];
        assert!(page.contains(&format!("<a href=\"#{id}\">")), "{id} is not in the contents");
        assert!(article.contains(&format!("<code>/api/v1{}</code>", operation.path)), "{id}");
        for parameter in operation.body["parameters"].as_array().into_iter().flatten() {
            assert!(article.contains(&format!("<code>{}</code>", parameter["name"].as_str().unwrap())), "{id}");
        }
        for code in operation.body["x-problems"].as_array().into_iter().flatten() {
            assert!(article.contains(&format!("<code>{}</code>", code.as_str().unwrap())), "{id}: {code}");
        }
        assert!(article.contains("curl http://127.0.0.1:8080/api/v1"), "{id}");
    }
    for code in DOCUMENT["components"]["schemas"]["ProblemCode"]["enum"].as_array().unwrap() {
        assert!(page.contains(&format!("id=\"problem-{}\"", code.as_str().unwrap())), "{code}");
    }
}

#[tokio::test]
async fn tags_of_the_pages_are_closed_and_anchors_are_unique() {
    let site = Site::new();
    for path in ["/api/start", "/api"] {
        let page = page(&site, path).await.text;
        for tag in [
            "article", "section", "details", "ul", "li", "pre", "code", "p", "table", "tr", "td", "a", "h2", "nav",
            "main",
        ] {
            let open = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
            assert_eq!(open, page.matches(&format!("</{tag}>")).count(), "{path}: {tag}");
        }
        let mut ids: Vec<&str> = page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all, "{path}");
        for anchor in page.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(ids.binary_search(&anchor).is_ok(), "{path}: {anchor} leads nowhere");
        }
    }
}
