//! What only the crate itself may call.

use store::Lane;

use super::*;
use crate::ids::Ids;

#[test]
fn a_text_from_an_unknown_phone_makes_one_contact_named_by_its_phone() {
    let now = "2026-11-24T15:00:00Z".parse().unwrap();
    let beat = Beat { workspace: WorkspaceId(7), now, ids: Ids::new(1), actor: "contact".to_owned(), key: None };
    let phone = Phone::stored("+12125550134").unwrap();
    for db in store::testing::databases() {
        let find = || {
            let beat = beat.clone();
            db.store.write_blocking(Lane::Inbound, move |tx| find_or_create(tx, &beat, phone)).unwrap()
        };
        let first = find();
        assert_eq!((first.name.as_str(), first.phone.as_str()), ("(212) 555-0134", "+12125550134"), "{}", db.name);
        assert_eq!(first.phone_hash, phone_hash(WorkspaceId(7), phone));
        assert_eq!(find(), first);
    }
}

#[test]
fn the_hash_of_a_phone_never_changes() {
    // Suppressions are stored under it: another value would text people who opted out.
    assert_eq!(phone_hash(WorkspaceId(7), Phone::stored("+12125550134").unwrap()), 8_237_838_265_083_115_685);
}
