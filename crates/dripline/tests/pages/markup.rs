//! What every page must fulfil: HTML that a parser takes without complaint, nothing inline, everything labelled, every anchor there.

use std::collections::{BTreeMap, BTreeSet};

use html5ever::tendril::TendrilSink as _;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

use crate::site::Answer;

/// An element of a page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
    /// All text in it.
    pub(crate) text: String,
    /// The names of the elements that it is in, outermost first.
    above: Vec<String>,
    /// The names of the elements in it, each with its `alt`.
    below: Vec<(String, String)>,
}

impl Element {
    pub(crate) fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map(String::as_str).unwrap_or_default()
    }

    fn has(&self, name: &str) -> bool {
        self.attributes.contains_key(name)
    }
}

/// A page as a list of its elements, in the order of the text.
pub(crate) struct Page(Vec<Element>);

impl Page {
    fn parse(answer: &Answer) -> Self {
        // A fragment goes into a page that has a beginning already.
        let beginning = if is_whole(answer) { "" } else { "<!doctype html><title>A part</title>" };
        let text = format!("{beginning}{}", answer.text);
        let dom = parse_document(RcDom::default(), ParseOpts::default()).one(text.as_str());
        let faults = dom.errors.borrow();
        assert!(faults.is_empty(), "{}: {faults:?}", answer.path);
        let mut page = Self(Vec::new());
        page.walk(&dom.document, &[]);
        page
    }

    /// Puts what is below a node in the list; answers its text and the names of its elements.
    fn walk(&mut self, node: &Handle, above: &[String]) -> (String, Vec<(String, String)>) {
        let (mut text, mut names) = (String::new(), Vec::new());
        let mut inside = above.to_vec();
        let place = self.0.len();
        if let NodeData::Element { name, attrs, .. } = &node.data {
            let attributes = attrs.borrow();
            let attributes = attributes.iter().map(|one| (one.name.local.to_string(), one.value.to_string()));
            let name = name.local.to_string();
            inside.push(name.clone());
            self.0.push(Element {
                name,
                attributes: attributes.collect(),
                above: above.to_vec(),
                ..Element::default()
            });
        }
        if let NodeData::Text { contents } = &node.data {
            text.push_str(&contents.borrow());
        }
        let template = match &node.data {
            NodeData::Element { template_contents, .. } => template_contents.borrow().clone(),
            _ => None,
        };
        for child in node.children.borrow().iter().chain(template.iter()) {
            let (more, below) = self.walk(child, &inside);
            text.push_str(&more);
            names.extend(below);
        }
        if let NodeData::Element { .. } = &node.data {
            self.0[place].text.clone_from(&text);
            self.0[place].below.clone_from(&names);
            names.push((self.0[place].name.clone(), self.0[place].get("alt").to_owned()));
        }
        (text, names)
    }

    /// The elements with one of these names.
    pub(crate) fn named(&self, names: &[&str]) -> impl Iterator<Item = &Element> {
        self.0.iter().filter(move |element| names.contains(&element.name.as_str()))
    }

    /// The elements that have this attribute.
    pub(crate) fn with(&self, attribute: &str) -> impl Iterator<Item = &Element> {
        self.0.iter().filter(move |element| element.has(attribute))
    }
}

fn is_whole(answer: &Answer) -> bool {
    answer.text.trim_start().to_lowercase().starts_with("<!doctype html>")
}

/// The page, parsed, after it was held against the rules.
pub(crate) fn sound(answer: &Answer) -> Page {
    let path = &answer.path;
    assert!(answer.header("content-type").starts_with("text/html"), "{path}: {}", answer.header("content-type"));
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
    assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    let page = Page::parse(answer);
    nothing_inline(path, &page);
    let ids = ids(path, &page);
    if is_whole(answer) {
        frame(path, &page);
        references(path, &page, &ids);
    }
    labels(path, &page);
    page
}

fn frame(path: &str, page: &Page) {
    assert!(page.named(&["html"]).all(|html| !html.get("lang").is_empty()), "{path} names no language");
    let titles: Vec<_> = page.named(&["title"]).filter(|title| title.above.iter().any(|name| name == "head")).collect();
    assert!(titles.len() == 1 && titles[0].text.len() > "Dripline".len() + 3, "{path}: its title is {titles:?}");
    assert_eq!(page.named(&["main"]).count(), 1, "{path}: main");
    let headings = page.named(&["h1"]).filter(|h1| h1.above.iter().any(|name| name == "main")).count();
    assert_eq!(headings, 1, "{path} has no h1, or several");
}

fn nothing_inline(path: &str, page: &Page) {
    for element in &page.0 {
        for (name, value) in &element.attributes {
            assert!(!name.starts_with("on") && name != "style", "{path}: {name}={value:?}");
            assert!(!name.starts_with("hx-on") && !value.starts_with("javascript:"), "{path}: {name}={value:?}");
            let loads = name == "src" || (name == "href" && element.name == "link");
            assert!(!loads || (value.starts_with('/') && !value.starts_with("//")), "{path} loads {value:?}");
        }
        assert!(element.name != "style" && (element.name != "script" || element.has("src")), "{path}: {element:?}");
    }
}

fn ids(path: &str, page: &Page) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for element in page.with("id") {
        let id = element.get("id");
        assert!(!id.is_empty() && ids.insert(id.to_owned()), "{path}: the id {id:?} is there twice");
    }
    ids
}

fn references(path: &str, page: &Page, ids: &BTreeSet<String>) {
    for name in ["for", "aria-labelledby", "aria-describedby", "aria-controls", "popovertarget", "form", "list"] {
        for element in page.with(name) {
            for id in element.get(name).split_whitespace() {
                assert!(ids.contains(id), "{path}: {name}={id:?} is not there");
            }
        }
    }
}

/// Whoever hears the page knows what each field and button is.
fn labels(path: &str, page: &Page) {
    let labelled: BTreeSet<_> = page.named(&["label"]).map(|label| label.get("for")).collect();
    let named = |element: &Element| !element.get("aria-label").is_empty() || !element.get("aria-labelledby").is_empty();
    for field in page.named(&["input", "select", "textarea"]) {
        if ["hidden", "submit", "button"].contains(&field.get("type")) {
            continue;
        }
        let tied = labelled.contains(field.get("id")) && field.has("id");
        let inside = field.above.iter().any(|name| name == "label");
        assert!(named(field) || tied || inside, "{path}: a field has no label: {field:?}");
    }
    for button in page.named(&["button", "a", "summary"]) {
        let image = button.below.iter().any(|(name, alt)| name == "img" && !alt.is_empty());
        assert!(named(button) || image || !button.text.trim().is_empty(), "{path}: it has no name: {button:?}");
    }
    assert!(page.named(&["img"]).all(|image| image.has("alt")), "{path}: an image has no alt");
    for table in page.named(&["table"]) {
        assert!(table.below.iter().any(|(name, _)| name == "th"), "{path}: a table without headings");
    }
}

/// Where the page's links lead: addresses of ours, without what follows `#`.
pub(crate) fn links(page: &Page) -> BTreeSet<String> {
    let mut links = BTreeSet::new();
    for name in ["href", "hx-get"] {
        for element in page.with(name).filter(|element| !["link", "use"].contains(&element.name.as_str())) {
            links.insert(element.get(name).split('#').next().unwrap().to_owned());
        }
    }
    links.retain(|address| address.starts_with('/') && !address.starts_with("//"));
    links
}

/// Where the page's forms are sent that can be sent, since they have a button: method and address.
pub(crate) fn forms(page: &Page) -> BTreeSet<(String, String)> {
    let mut forms = BTreeSet::new();
    let sent = |form: &&Element| form.below.iter().any(|(name, _)| name == "button");
    for form in page.named(&["form"]).filter(|form| form.get("method").eq_ignore_ascii_case("post")).filter(sent) {
        forms.insert(("POST".to_owned(), form.get("action").to_owned()));
    }
    for (name, method) in [("hx-post", "POST"), ("hx-put", "PUT"), ("hx-delete", "DELETE"), ("hx-patch", "PATCH")] {
        for element in page.with(name) {
            forms.insert((method.to_owned(), element.get(name).to_owned()));
        }
    }
    for element in page.with("formaction") {
        forms.insert(("POST".to_owned(), element.get("formaction").to_owned()));
    }
    forms.retain(|(_, address)| address.starts_with('/'));
    forms
}
