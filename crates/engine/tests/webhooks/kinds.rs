//! Every event that the engine writes has a kind that endpoints can choose, and none is there that nobody writes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use domain::kinds::KINDS;
use domain::message::MessageState;

/// Texts in the sources that look like a kind and are none.
const OTHERS: &[&str] = &["contacts.csv", "sharedstrings.xml"];

fn sources(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, texts);
        } else if !path.ends_with("tests.rs") {
            texts.push(fs::read_to_string(path).unwrap());
        }
    }
}

/// `"two.words"`.
fn literals(text: &str) -> impl Iterator<Item = &str> {
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let kind = move |text: &&str| text.split_once('.').is_some_and(|(thing, what)| plain(thing) && plain(what));
    // Outside of the tests of a file, in which anything may stand.
    text.split("#[cfg(test)]").next().unwrap_or_default().split('"').skip(1).step_by(2).filter(kind)
}

#[test]
fn the_list_of_kinds_is_what_the_engine_writes() {
    let mut texts = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../src"), &mut texts);
    let mut written: BTreeSet<String> =
        texts.iter().flat_map(|text| literals(text)).filter(|kind| !OTHERS.contains(kind)).map(str::to_owned).collect();
    // What a receipt tells is put together from the state.
    let told = [MessageState::Sent, MessageState::Delivered, MessageState::Undelivered, MessageState::Failed];
    written.extend(told.map(|state| format!("message.{}", state.word())));
    let listed: BTreeSet<String> = KINDS.iter().map(|(kind, _)| (*kind).to_owned()).collect();
    assert_eq!(written.difference(&listed).collect::<Vec<_>>(), Vec::<&String>::new(), "written and not in the list");
    assert_eq!(listed.difference(&written).collect::<Vec<_>>(), Vec::<&String>::new(), "in the list and not written");
}

#[test]
fn the_page_has_every_kind_with_what_it_says() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/webhooks.md")).unwrap();
    for (kind, about) in KINDS {
        assert!(page.contains(&format!("| `{kind}` | {about} |")), "docs/webhooks.md lacks: | `{kind}` | {about} |");
    }
}
