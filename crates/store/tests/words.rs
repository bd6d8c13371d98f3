//! What contacts are found by is kept for those that were made, and for no other.

use domain::ids::{ContactId, WorkspaceId};
use domain::search::Asked;
use store::contacts::ContactRow;
use store::{Lane, Store, contacts, search, testing};

const WORKSPACE: WorkspaceId = WorkspaceId(7);

fn row(id: i64, phone: &str, name: &str) -> ContactRow {
    let (id, phone, name) = (ContactId(id), phone.to_owned(), name.to_owned());
    ContactRow { id, phone, phone_hash: id.0, person: None, name, fields: Vec::new() }
}

fn insert(store: &Store, rows: Vec<ContactRow>) -> u64 {
    let now = "2026-11-25T00:30:00Z".parse().unwrap();
    store.write_blocking(Lane::Normal, move |tx| contacts::insert(tx, WORKSPACE, &rows, now)).unwrap()
}

fn found(store: &Store, asked: &'static str) -> Vec<i64> {
    some_found(store, asked, 10)
}

fn some_found(store: &Store, asked: &'static str, most: i64) -> Vec<i64> {
    let found = store.read_blocking(move |db| search::contacts(db, WORKSPACE, &Asked::read(asked), most));
    found.unwrap().into_iter().map(|id| id.0).collect()
}

#[test]
fn a_contact_that_was_passed_over_is_found_by_nothing() {
    for db in testing::databases() {
        let store = &db.store;
        assert_eq!(insert(store, vec![row(1, "+12125550101", "Ann Miller")]), 1);
        let again = vec![row(2, "+12125550101", "Bob Miller"), row(3, "+12125550102", "Cleo Miller")];
        assert_eq!(insert(store, again), 1);
        assert_eq!(found(store, "miller"), [3, 1], "{}", db.name);
        assert_eq!(found(store, "bob"), Vec::<i64>::new(), "{}", db.name);
        assert_eq!(found(store, "cleo"), [3], "{}", db.name);
        assert_eq!(found(store, "5550101"), [1], "{}", db.name);
    }
}

#[test]
fn whoever_has_many_keys_that_begin_alike_is_found_once_and_hides_nobody() {
    for db in testing::databases() {
        let name = |letter: char| [1, 2, 3, 4].map(|n| format!("Za{letter}{n}")).join(" ");
        let rows = ['a', 'b', 'c', 'd'].into_iter().zip(1..);
        let rows = rows.map(|(letter, id)| row(id, &format!("+1212555010{id}"), &name(letter)));
        assert_eq!(insert(&db.store, rows.collect()), 4);
        assert_eq!(found(&db.store, "za"), [4, 3, 2, 1], "{}", db.name);
        let three = some_found(&db.store, "za", 3);
        assert_eq!(three.len(), 3, "{}: the first two have as many keys as are looked at first", db.name);
    }
}

#[test]
fn a_name_is_found_from_each_of_its_words_and_by_words_that_begin_alike() {
    for db in testing::databases() {
        let long = "Xaver Freiherr von und zu Hohenlohe-Waldenburg-Schillingsfürst Löwenstein";
        let rows = vec![
            row(1, "+12125550101", "Ann Lee"),
            row(2, "+12125550102", "Bob"),
            row(3, "+12125550103", "Ann Ann"),
            row(4, "+12125550104", long),
            row(5, "+12125550105", ""),
        ];
        assert_eq!(insert(&db.store, rows), 5);
        let none: &[i64] = &[];
        for (asked, expected) in [
            ("ann", &[3, 1][..]),
            ("an ann", &[3, 1]),
            ("lee an", &[1]),
            ("ann lee", &[1]),
            ("ann ann", &[3, 1]),
            ("bob b", &[2]),
            ("bob c", none),
            ("xaver zu freiherr", &[4]),
            ("xaver waldenburg", &[4]),
            ("^", none),
        ] {
            assert_eq!(found(&db.store, asked), expected, "{}: {asked}", db.name);
        }
    }
}

#[test]
fn whom_two_questions_find_takes_nobodys_room() {
    for db in testing::databases() {
        // Found by the name and by the company; the fourth by the name alone.
        let company = |row: ContactRow| ContactRow { fields: vec![("company".to_owned(), "Acme".to_owned())], ..row };
        let mut rows: Vec<_> = (2..5).map(|id| company(row(id, &format!("+1212555010{id}"), "Acme Inc"))).collect();
        rows.push(row(1, "+12125550101", "Acme Ltd"));
        assert_eq!(insert(&db.store, rows), 4);
        assert_eq!(some_found(&db.store, "acme", 4), [4, 3, 2, 1], "{}", db.name);
        assert_eq!(some_found(&db.store, "acme", 3).len(), 3, "{}", db.name);
        // Whose phone begins so comes before whose phone ends so, though that contact is newer.
        let phones = vec![row(8, "+13055550101", ""), row(9, "+14045553055", "")];
        assert_eq!(insert(&db.store, phones), 2);
        assert_eq!(some_found(&db.store, "305", 1), [8], "{}", db.name);
        assert_eq!(some_found(&db.store, "305", 9), [9, 8], "{}", db.name);
    }
}
