//! What the contacts of a large file are found by is written behind them: at its end all of it is there, and where the end never comes upkeep writes it.

use std::io::Cursor;
use std::panic::AssertUnwindSafe;

use domain::access::Role;
use domain::ids::ContactId;
use engine::contacts::list::{Counted, Filter, Listed, Sort};
use engine::erasing::{EraseError, Erasure, Person};
use engine::import::{ImportOptions, ImportOutlets, ImportProgress};
use jiff::SignedDuration;
use store::search::due;
use store::{DbError, Lane, Sql, Tx};

use crate::fresh::{WORKSPACE, World, actor, agent, start, worlds};

/// What contact 5,102 might be found by.
const TOLD: Sql = Sql::Same(
    "SELECT word FROM contact_words WHERE workspace_id = $1 AND (word LIKE '%number5102%' OR word LIKE '#%5102')
    UNION ALL SELECT word FROM words_gone WHERE workspace_id = $1",
);

/// More than are found at once.
const ROWS: usize = 6_300;
/// The rows of a file whose import is broken off behind those.
const MANY: usize = 9_900;

fn file(rows: usize) -> String {
    let row = |n: usize| format!("Zoe,Number{n},212555{n:04}\n");
    std::iter::once("First Name,Last Name,Phone\n".to_owned()).chain((0..rows).map(row)).collect()
}

/// The phones of those whom a search finds.
fn found(world: &World, asked: &str) -> Vec<String> {
    let page = world.run(world.engine.contacts(&agent(), None, asked, 50)).unwrap();
    page.contacts.into_iter().map(|contact| contact.phone).collect()
}

fn page(world: &World, sort: Sort, cursor: &str) -> Listed {
    world.run(world.engine.list_contacts(&agent(), &Filter::default(), sort, cursor, 200)).unwrap()
}

/// Whether somebody may be missing in the list by name, the last on it, and how many are on it.
fn by_name(world: &World) -> (bool, String, usize) {
    let (mut cursor, mut count, mut last, mut missing) = (String::new(), 0, String::new(), false);
    loop {
        let page = page(world, Sort::Name, &cursor);
        missing |= page.arriving;
        count += page.contacts.len();
        last = page.contacts.last().map_or(last, |contact| contact.name.clone());
        match page.next {
            Some(next) => cursor = next,
            None => return (missing, last, count),
        }
    }
}

fn has_due(world: &World) -> bool {
    world.db.store.read_blocking::<_, DbError, _>(|db| due::last(db, WORKSPACE)).unwrap().is_some()
}

fn options() -> ImportOptions {
    ImportOptions { no_consent: true, ..ImportOptions::default() }
}

#[test]
fn all_of_a_large_file_are_found_when_it_is_over() {
    for world in worlds() {
        let actor = agent();
        let import = world.engine.import_contacts(&actor, Cursor::new(file(ROWS)), options(), ImportOutlets::default());
        assert_eq!(world.run(import).unwrap().counts.created, ROWS as u64);
        assert!(!has_due(&world), "{}", world.db.name);
        for n in [0, 4_999, 5_000, ROWS - 1] {
            let phone = [format!("+1212555{n:04}")];
            assert_eq!(found(&world, &format!("number{n} zoe")), phone, "{}", world.db.name);
            assert_eq!(found(&world, &format!("555{n:04}")), phone, "{}", world.db.name);
        }
        assert_eq!(by_name(&world), (false, "Zoe Number999".to_owned(), ROWS), "{}", world.db.name);
    }
}

/// Begins to import [`MANY`] rows, and dies between two chunks when somewhat more than [`ROWS`] are there.
fn break_off(world: &World) {
    let progress =
        |progress: &ImportProgress| assert!(progress.created < ROWS as u64, "the process of the import dies here");
    let (actor, outlets) = (agent(), ImportOutlets { progress: Box::new(progress), ..ImportOutlets::default() });
    let import = world.engine.import_contacts(&actor, Cursor::new(file(MANY)), options(), outlets);
    assert!(std::panic::catch_unwind(AssertUnwindSafe(|| world.run(import))).is_err());
    assert!(has_due(world), "{}", world.db.name);
}

fn contact(world: &World, nth: u32) -> ContactId {
    let page = world.run(world.engine.contacts(&agent(), None, &format!("+1212555{nth}"), 2)).unwrap();
    page.contacts[0].id
}

#[test]
fn what_a_broken_import_leaves_is_found_by_upkeep_as_it_is_by_then() {
    for world in worlds() {
        let name = world.db.name;
        break_off(&world);
        for not_yet in ["number5100", "5555100", "5100"] {
            assert_eq!(found(&world, not_yet), Vec::<String>::new(), "{name}: {not_yet}");
        }
        assert_eq!(found(&world, "+12125555100"), ["+12125555100"], "{name}: by its beginning");
        assert_eq!(by_name(&world), (true, "Zoe Number999".to_owned(), 5_000), "{name}: who is missing is told of");
        assert!(!page(&world, Sort::Newest, "").arriving, "{name}: nobody is missing there");
        let changes = vec![("firstname".to_owned(), Some("Yan".to_owned()))];
        world.run(world.engine.edit_contact(&agent(), contact(&world, 5_100), changes)).unwrap();
        world.run(world.engine.delete_contact(&agent(), contact(&world, 5_101))).unwrap();

        assert_eq!(world.run(world.engine.write_words_left()).unwrap(), 0, "{name}: its import may be at it");
        world.engine.clock().move_to(start() + SignedDuration::from_secs(61));
        assert_eq!(world.run(world.engine.write_words_left()).unwrap(), 1, "{name}");
        assert!(!has_due(&world), "{name}");
        assert_eq!(world.run(world.engine.write_words_left()).unwrap(), 0, "{name}");
        assert_eq!(found(&world, "yan number5100"), ["+12125555100"], "{name}");
        assert_eq!(found(&world, "zoe number5100"), Vec::<String>::new(), "{name}");
        assert_eq!(found(&world, "number5101"), Vec::<String>::new(), "{name}");
        assert_eq!(found(&world, "number5102"), ["+12125555102"], "{name}");
        let (missing, last, count) = by_name(&world);
        assert_eq!((missing, last.as_str()), (false, "Zoe Number999"), "{name}");
        let all = world.run(world.engine.count_contacts(&agent(), &Filter::default())).unwrap();
        assert_eq!(all, Counted::Exactly(count as u64), "{name}");
    }
}

#[test]
fn who_came_just_now_is_erased_whole_or_not_yet() {
    for world in worlds() {
        let name = world.db.name;
        break_off(&world);
        let owner = actor(Role::Owner);
        let erasure = |nth| Erasure { person: Person::Contact(contact(&world, nth)), do_not_contact: false };
        if world.db.store.address().is_server() {
            let minute = SignedDuration::from_mins(1);
            let take =
                move |tx: &mut Tx<'_>| due::take(tx, WORKSPACE, 1, start(), &(start() - minute..start() + minute));
            assert!(world.db.store.write_blocking::<_, DbError, _>(Lane::Bulk, take).unwrap(), "another node is at it");
            let refused = world.run(world.engine.erase(&owner, erasure(5_102), None));
            assert!(matches!(refused, Err(EraseError::Arriving)), "{name}: {refused:?}");
            world.engine.clock().move_to(start() + SignedDuration::from_secs(61));
        }
        world.run(world.engine.erase(&owner, erasure(5_102), None)).unwrap();
        let told = world.db.store.read_blocking::<_, DbError, _>(|db| {
            let told = db.query(&TOLD, &[WORKSPACE.0.into()])?;
            told.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<Vec<_>, _>>()
        });
        assert_eq!(told.unwrap(), Vec::<String>::new(), "{name}");
        assert_eq!(found(&world, "number5103"), ["+12125555103"], "{name}");
    }
}
