//! What every page must fulfil: HTML that a parser takes without complaint, nothing inline, everything labelled, every anchor there.

use std::collections::BTreeSet;

use scraper::{ElementRef, Html, Selector};

use crate::site::Answer;

fn all<'p>(page: &'p Html, selector: &str) -> Vec<ElementRef<'p>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

/// The page, parsed, after it was held against the rules.
pub(crate) fn sound(answer: &Answer) -> Html {
    let path = &answer.path;
    assert!(answer.header("content-type").starts_with("text/html"), "{path}: {}", answer.header("content-type"));
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
    assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    let whole = answer.text.trim_start().starts_with("<!doctype html>");
    let page = if whole { Html::parse_document(&answer.text) } else { Html::parse_fragment(&answer.text) };
    // html5ever complains of the doctype that a fragment does not have; everything else counts.
    let faults: Vec<_> = page.errors.iter().filter(|fault| whole || !fault.contains("DOCTYPE")).collect();
    assert!(faults.is_empty(), "{path}: {faults:?}");
    if whole {
        frame(path, &page);
    }
    nothing_inline(path, &page);
    let ids = ids(path, &page);
    if whole {
        references(path, &page, &ids);
    }
    labels(path, &page, &ids);
    page
}

fn frame(path: &str, page: &Html) {
    assert_eq!(all(page, "html[lang]").len(), 1, "{path} names no language");
    let title = all(page, "head > title");
    assert!(title.len() == 1 && title[0].text().collect::<String>().len() > "Dripline".len(), "{path}: title");
    assert_eq!(all(page, "main").len(), 1, "{path}: main");
    assert_eq!(all(page, "main h1").len(), 1, "{path} has no or several h1");
}

fn nothing_inline(path: &str, page: &Html) {
    for element in all(page, "*") {
        for (name, value) in element.value().attrs() {
            assert!(!name.starts_with("on") && name != "style", "{path}: {name}={value:?}");
            assert!(!name.starts_with("hx-on") && !value.starts_with("javascript:"), "{path}: {name}={value:?}");
            let loads = name == "src" || (name == "href" && element.value().name() == "link");
            assert!(!loads || (value.starts_with('/') && !value.starts_with("//")), "{path} loads {value:?}");
        }
    }
    assert!(all(page, "style").is_empty() && all(page, "script:not([src])").is_empty(), "{path} has something inline");
}

fn ids(path: &str, page: &Html) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for element in all(page, "[id]") {
        let id = element.value().attr("id").unwrap();
        assert!(!id.is_empty() && ids.insert(id.to_owned()), "{path}: the id {id:?} is there twice");
    }
    ids
}

fn references(path: &str, page: &Html, ids: &BTreeSet<String>) {
    for name in ["for", "aria-labelledby", "aria-describedby", "aria-controls", "popovertarget", "form", "list"] {
        for element in all(page, &format!("[{name}]")) {
            for id in element.value().attr(name).unwrap().split_whitespace() {
                assert!(ids.contains(id), "{path}: {name}={id:?} is not there");
            }
        }
    }
}

/// Whoever hears the page knows what each field and button is.
fn labels(path: &str, page: &Html, ids: &BTreeSet<String>) {
    let fields = "input:not([type=hidden]):not([type=submit]):not([type=button]), select, textarea";
    let labelled: BTreeSet<_> = all(page, "label[for]").iter().filter_map(|label| label.value().attr("for")).collect();
    for field in all(page, fields) {
        let element = field.value();
        let named = element.attr("aria-label").is_some_and(|text| !text.is_empty())
            || element.attr("aria-labelledby").is_some_and(|id| ids.contains(id))
            || element.attr("id").is_some_and(|id| labelled.contains(id))
            || field.ancestors().filter_map(ElementRef::wrap).any(|above| above.value().name() == "label");
        assert!(named, "{path}: a field has no label: {}", field.html());
    }
    for button in all(page, "button, a[href], summary") {
        let text: String = button.text().collect();
        let image = button.select(&Selector::parse("img[alt]").unwrap()).any(|one| one.value().attr("alt") != Some(""));
        let named = !text.trim().is_empty() || image || button.value().attr("aria-label").is_some();
        assert!(named, "{path}: it has no name: {}", button.html());
    }
    for image in all(page, "img") {
        assert!(image.value().attr("alt").is_some(), "{path}: an image has no alt");
    }
    for table in all(page, "table") {
        assert!(table.select(&Selector::parse("th").unwrap()).next().is_some(), "{path}: a table without headings");
    }
}

/// Where the page's links lead: addresses of ours, without what follows `#`.
pub(crate) fn links(page: &Html) -> BTreeSet<String> {
    let addresses = all(page, "a[href], [hx-get]");
    let address = addresses
        .iter()
        .flat_map(|element| ["href", "hx-get"].into_iter().filter_map(|name| element.value().attr(name)));
    let ours = address.filter(|address| address.starts_with('/') && !address.starts_with("//"));
    ours.map(|address| address.split('#').next().unwrap().to_owned()).collect()
}

/// Where the page's forms are sent: method and address.
pub(crate) fn forms(page: &Html) -> BTreeSet<(String, String)> {
    let mut forms = BTreeSet::new();
    for form in all(page, "form[method=post][action], form[method=POST][action]") {
        forms.insert(("POST".to_owned(), form.value().attr("action").unwrap().to_owned()));
    }
    for (name, method) in [("hx-post", "POST"), ("hx-put", "PUT"), ("hx-delete", "DELETE"), ("hx-patch", "PATCH")] {
        for element in all(page, &format!("[{name}]")) {
            forms.insert((method.to_owned(), element.value().attr(name).unwrap().to_owned()));
        }
    }
    forms.retain(|(_, address)| address.starts_with('/'));
    forms
}
