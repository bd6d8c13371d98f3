//! Whatever happens to contacts whose keys are written behind them: in the end each is found by what it would be found by otherwise.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::ScopedJoinHandle;

use domain::ids::{ContactId, WorkspaceId};
use domain::search::{contact_keys, fold, in_order};
use jiff::{SignedDuration, Timestamp};
use store::contacts::{self, ContactRow, Found, list};
use store::search::due::{self, Keys, Span};
use store::testing::TestDatabase;
use store::{DbError, Lane, Sql, Store, Tx, testing};

const WORKSPACE: WorkspaceId = WorkspaceId(7);
/// Another customer's, whose contacts are due all the while.
const OTHER: WorkspaceId = WorkspaceId(8);
const NAMES: [&str; 7] = ["Ann Lee", "Ann Mae Lee", "Bob Ortiz", "Lee Ann", "", "José Müller", LONG];
/// Longer than what decides its place by name.
const LONG: &str = "Ännchen Freifrau von und zu Hohenlohe-Waldenburg-Schillingsfürst-Löwenstein";

const WORDS: Sql = Sql::Same("SELECT word, contact_id FROM contact_words WHERE workspace_id = $1");
const NOTES: Sql = Sql::Same(
    "SELECT (SELECT COUNT(*) FROM words_due WHERE workspace_id = $1) + (SELECT COUNT(*) FROM words_gone WHERE workspace_id = $1)",
);

const WAITING: Sql = Sql::Same(
    "SELECT CAST(pid AS BIGINT) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
);

fn now() -> Timestamp {
    "2026-11-29T15:00:00Z".parse().unwrap()
}

/// Numbers that look like chance.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % sides as u64) as usize
    }
}

fn row(id: i64, name: &str) -> ContactRow {
    let phone = format!("+1212555{id:04}");
    ContactRow { id: ContactId(id), phone, phone_hash: id, person: None, name: name.to_owned(), fields: Vec::new() }
}

fn write<T: Send + 'static>(
    store: &Store,
    work: impl Fn(&mut Tx<'_>) -> Result<T, DbError> + Send + Sync + 'static,
) -> T {
    store.write_blocking(Lane::Bulk, work).unwrap()
}

fn insert(store: &Store, workspace: WorkspaceId, rows: Vec<ContactRow>, found: Found) {
    let many = rows.len() as u64;
    let new = write(store, move |tx| contacts::insert_imported(tx, workspace, &rows, None, found, now()));
    assert_eq!(new, many);
}

fn rename(store: &Store, id: i64, name: &'static str) {
    write(store, move |tx| {
        if contacts::lock(tx, WORKSPACE, &[ContactId(id)])?.is_empty() {
            return Ok(0);
        }
        contacts::update(tx, WORKSPACE, &[row(id, name)], now())
    });
}

fn delete_or_restore(store: &Store, id: i64) {
    write(store, move |tx| {
        let is_there = !contacts::lock(tx, WORKSPACE, &[ContactId(id)])?.is_empty();
        if is_there {
            contacts::delete(tx, WORKSPACE, ContactId(id), now()).map(|_| ())
        } else {
            contacts::restore(tx, WORKSPACE, &[ContactId(id)], now()).map(|_| ())
        }
    });
}

/// A writer with a batch that it has read.
struct Writer {
    holder: i64,
    keys: Keys,
    reached: usize,
    spans: Vec<Span>,
}

impl Writer {
    /// Takes the turn from whoever has it, and reads some spans.
    fn begin(store: &Store, holder: i64, spans: i64) -> Self {
        let late = now() + SignedDuration::from_hours(holder);
        let heard = late..late + SignedDuration::from_hours(1);
        assert!(write(store, move |tx| due::take(tx, WORKSPACE, holder, late, &heard)), "nobody is heard of");
        let spans = store.read_blocking(move |db| due::spans(db, WORKSPACE, spans)).unwrap();
        write(store, |tx| due::wait(tx, WORKSPACE));
        let read = spans.clone();
        let keys = store.read_blocking::<_, DbError, _>(move |db| {
            let mut keys = Keys::default();
            read.iter().try_for_each(|span| keys.add_span(db, WORKSPACE, *span))?;
            keys.sort();
            Ok(keys)
        });
        let keys = keys.unwrap();
        Self { holder, keys, reached: 0, spans }
    }

    /// Goes one step on: a few keys, or the first spans; false once it is over.
    fn step(&mut self, store: &Store, keys: usize) -> bool {
        let at = now() + SignedDuration::from_hours(self.holder);
        let (holder, end) = (self.holder, self.keys.len().min(self.reached + keys));
        if self.reached < end {
            let some = self.keys.rows(self.reached..end);
            let reached = write(store, move |tx| due::write(tx, WORKSPACE, holder, (&some, 0), at));
            let Some(written) = reached else { return false };
            self.reached += written;
            return true;
        }
        let Some(first) = self.spans.pop() else { return false };
        write(store, move |tx| due::finish(tx, WORKSPACE, holder, &[first], at)).is_some()
    }

    fn run(mut self, store: &Store, keys: usize) {
        while self.step(store, keys) {}
    }
}

/// Every contact is found by its own keys, every other by none, and nothing is noted any more.
fn as_if_at_once(db: &TestDatabase, told: &str) {
    let found = db.store.read_blocking::<_, DbError, _>(|read| {
        let kept = read.query(&WORDS, &[WORKSPACE.0.into()])?;
        let kept = kept.iter().map(|row| Ok((row.text(0)?.to_owned(), row.int(1)?)));
        let notes = read.query_one(&NOTES, &[WORKSPACE.0.into()])?.int(0)?;
        let there = contacts::page(read, WORKSPACE, ContactId(i64::MIN), 10_000)?;
        Ok((kept.collect::<Result<BTreeSet<_>, DbError>>()?, there, notes))
    });
    let (kept, there, notes) = found.unwrap();
    let of = |contact: &contacts::Contact| {
        let id = contact.id.0;
        contact_keys(&contact.name, &contact.phone, |_| None).into_iter().map(move |key| (key, id))
    };
    let wanted: BTreeSet<(String, i64)> = there.iter().flat_map(of).collect();
    let differ: Vec<_> = kept.symmetric_difference(&wanted).collect();
    assert!(differ.is_empty(), "{} {told}: {differ:?}", db.name);
    assert_eq!(notes, 0, "{} {told}", db.name);
}

/// Meanwhile the list by name has nobody twice, nobody who is gone, and nobody where another name belongs; who is not due is in it.
fn in_order_meanwhile(db: &TestDatabase, seed: u64) {
    let found = db.store.read_blocking::<_, DbError, _>(|read| {
        let there = contacts::page(read, WORKSPACE, ContactId(i64::MIN), 10_000)?;
        let (mut listed, mut after) = (Vec::new(), (String::new(), ContactId(i64::MIN)));
        loop {
            // Pages of three: a page may end between contacts of one name.
            let page = list::by_name(read, WORKSPACE, (&after.0, after.1), 3)?;
            let Some((id, name)) = page.last().cloned() else { break };
            listed.extend(page.into_iter().map(|(id, name)| (name, id)));
            after = (name, id);
        }
        let settled = |contact: &contacts::Contact| Ok(!due::is_due(read, WORKSPACE, &[contact.id])?);
        let settled = there.iter().map(settled).collect::<Result<Vec<_>, DbError>>()?;
        Ok((there, listed, settled))
    });
    let (there, listed, settled) = found.unwrap();
    assert!(listed.is_sorted_by(|one, other| one < other), "{} {seed}: {listed:?}", db.name);
    let place = |contact: &contacts::Contact| (in_order(&fold(&contact.name)).to_owned(), contact.id);
    let places: BTreeSet<_> = there.iter().map(place).collect();
    assert!(listed.iter().all(|place| places.contains(place)), "{} {seed}: {listed:?} of {places:?}", db.name);
    let listed: BTreeSet<_> = listed.into_iter().collect();
    for (contact, settled) in there.iter().zip(settled) {
        assert!(!settled || listed.contains(&place(contact)), "{} {seed}: {contact:?} is missing", db.name);
    }
}

/// One history from one number: contacts come, change, go and come back while writers begin, go on, die and are only slow.
fn history(db: &TestDatabase, seed: u64, last: &mut i64, holder: &mut i64) {
    let (store, mut dice) = (&db.store, Dice(seed));
    let first = *last + 1;
    let mut writers: Vec<Writer> = Vec::new();
    for _ in 0..30 {
        match dice.roll(8) {
            0 | 1 => {
                // Two chunks whose identifiers lie between each other's.
                let mut rows = |from: i64| [0, 2, 4].map(|n| row(*last + from + n, NAMES[dice.roll(7)])).to_vec();
                let (one, other) = (rows(1), rows(2));
                insert(store, WORKSPACE, one, Found::Later);
                insert(store, WORKSPACE, other, if dice.roll(2) == 0 { Found::Later } else { Found::AtOnce });
                *last += 6;
            }
            2 | 3 if *last >= first => {
                rename(store, first + dice.roll((*last - first + 1) as usize) as i64, NAMES[dice.roll(7)])
            }
            4 if *last >= first => delete_or_restore(store, first + dice.roll((*last - first + 1) as usize) as i64),
            5 => {
                *holder += 2;
                writers.push(Writer::begin(store, *holder, 1 + dice.roll(4) as i64));
            }
            // Any of them: those who have lost their turn do nothing.
            _ if !writers.is_empty() => {
                let one = dice.roll(writers.len());
                writers[one].step(store, 1 + dice.roll(5));
            }
            _ => {}
        }
        if seed.is_multiple_of(10) {
            in_order_meanwhile(db, seed);
        }
    }
    loop {
        *holder += 2;
        let writer = Writer::begin(store, *holder, 100);
        if writer.spans.is_empty() {
            break;
        }
        writer.run(store, 50);
    }
    for mut slow in writers {
        slow.step(store, 100);
    }
    as_if_at_once(db, &format!("after the history of {seed}"));
    in_order_meanwhile(db, seed);
}

#[test]
fn in_the_end_a_contact_is_found_by_what_it_would_be_found_by_otherwise() {
    for db in testing::databases() {
        insert(&db.store, OTHER, vec![row(1, "Ann Lee")], Found::Later);
        let (mut last, mut holder) = (0, 0);
        for seed in 0..60 {
            history(&db, seed, &mut last, &mut holder);
        }
        let minute = SignedDuration::from_mins(1);
        let waiting = |but| db.store.read_blocking(move |read| due::waiting(read, WORKSPACE, &but)).unwrap();
        assert_eq!(waiting(now() - minute..now() + minute), None, "{}: its writer may be at it", db.name);
        assert_eq!(
            waiting(now() - minute - minute..now() - minute),
            Some(OTHER),
            "{}: by a clock that is ahead",
            db.name
        );
        let waiting = waiting(now() + minute..now() + minute + minute);
        assert_eq!(waiting, Some(OTHER), "{}: nobody wrote another customer's", db.name);
    }
}

#[test]
fn a_key_that_is_its_contacts_no_more_gives_it_no_place() {
    for db in testing::databases() {
        let store = &db.store;
        insert(store, WORKSPACE, vec![row(1, "Ann Lee"), row(2, "Bob Ortiz"), row(3, "Cleo")], Found::Later);
        let mut writer = Writer::begin(store, 1, 100);
        rename(store, 1, "Zoe");
        rename(store, 2, "");
        delete_or_restore(store, 3);
        while writer.reached < writer.keys.len() {
            writer.step(store, 100);
        }
        in_order_meanwhile(&db, 0);
        let all = |read: &store::Read<'_>| list::by_name(read, WORKSPACE, ("", ContactId(i64::MIN)), 50);
        let places = vec![(ContactId(2), String::new()), (ContactId(1), "zoe".to_owned())];
        assert_eq!(store.read_blocking(all).unwrap(), places, "{}", db.name);
        // Of its keys this page sees those alone that are nobody's any more.
        let one = |read: &store::Read<'_>| list::by_name(read, WORKSPACE, ("a", ContactId(i64::MIN)), 1);
        assert_eq!(store.read_blocking(one).unwrap(), places[1..], "{}", db.name);
        writer.run(store, 100);
        as_if_at_once(&db, "after names that were changed meanwhile");
    }
}

/// Stays open for so many statements.
fn linger(tx: &mut Tx<'_>, statements: usize) -> Result<(), DbError> {
    (0..statements).try_for_each(|_| contacts::count(tx, OTHER).map(drop))
}

/// Sets it when it is dropped, so that whoever waits for it ends even if the test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Renames, deletes or restores one of the newest contacts, again and again; a transaction may stay open for a while.
fn change(store: &Store, dice: &mut Dice, newest: &AtomicI64) {
    let id = newest.load(Ordering::Relaxed) - dice.roll(40) as i64;
    let (what, name, open) = (dice.roll(3), NAMES[dice.roll(7)], dice.roll(30));
    write(store, move |tx| {
        let is_there = !contacts::lock(tx, WORKSPACE, &[ContactId(id)])?.is_empty();
        match (what, is_there) {
            (0, true) => contacts::delete(tx, WORKSPACE, ContactId(id), now()).map(drop),
            (0, false) => contacts::restore(tx, WORKSPACE, &[ContactId(id)], now()).map(drop),
            (_, true) => contacts::update(tx, WORKSPACE, &[row(id, name)], now()).map(drop),
            (_, false) => Ok(()),
        }?;
        linger(tx, open)
    });
}

/// Forty contacts, every second of which is put off, by a transaction that stays open while the others come and change; then all that is due is
/// written in small steps.
fn come_and_be_written(store: &Store, newest: &AtomicI64, holder: i64) {
    let from = newest.load(Ordering::Relaxed) + 1;
    let rows = |first: i64| (first..from + 40).step_by(2).zip(NAMES.iter().cycle()).map(|(id, name)| row(id, name));
    let (put_off, at_once): (Vec<_>, Vec<_>) = (rows(from).collect(), rows(from + 1).collect());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            write(store, move |tx| {
                contacts::insert_imported(tx, WORKSPACE, &put_off, None, Found::Later, now())?;
                linger(tx, 50)
            });
        });
        insert(store, WORKSPACE, at_once, Found::AtOnce);
        newest.store(from + 39, Ordering::Relaxed);
    });
    Writer::begin(store, holder, 100).run(store, 20);
}

#[test]
fn changes_that_race_a_writer_leave_nothing_behind_and_lose_nothing() {
    for db in testing::databases() {
        let (newest, over) = (AtomicI64::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let (newest, over, store) = (&newest, &over, &db.store);
                scope.spawn(move || {
                    let mut dice = Dice(thread);
                    while !over.load(Ordering::Relaxed) {
                        change(store, &mut dice, newest);
                    }
                });
            }
            let _ends = Ends(&over);
            for nth in 0..60 {
                come_and_be_written(&db.store, &newest, 2 * nth + 1);
            }
        });
        as_if_at_once(&db, "after the race");
    }
}

/// Returns once somebody waits for a lock, or a thread is over that should.
fn waits_or_ends<T>(store: &Store, thread: &ScopedJoinHandle<'_, T>) {
    while !thread.is_finished() && store.read_blocking(|db| db.query(&WAITING, &[])).unwrap().is_empty() {
        std::thread::yield_now();
    }
}

/// Renames a contact, and stays open from the first meeting to the second.
fn rename_between(store: &Store, id: i64, name: &'static str, met: &Arc<Barrier>) {
    let met = Arc::clone(met);
    write(store, move |tx| {
        contacts::lock(tx, WORKSPACE, &[ContactId(id)])?;
        contacts::update(tx, WORKSPACE, &[row(id, name)], now())?;
        met.wait();
        met.wait();
        Ok(())
    });
}

/// As the next one: on PostgreSQL alone.
#[test]
fn who_brings_back_what_was_noted_as_gone_is_waited_for() {
    let db = testing::postgres();
    let (store, changes) = (&db.store, Arc::new(Barrier::new(2)));
    insert(store, WORKSPACE, vec![row(1, "Ann Lee")], Found::Later);
    let mut writer = Writer::begin(store, 1, 100);
    rename(store, 1, "");
    while writer.reached < writer.keys.len() {
        writer.step(store, 100);
    }
    std::thread::scope(|scope| {
        let met = Arc::clone(&changes);
        scope.spawn(move || rename_between(store, 1, "Ann Lee", &met));
        changes.wait();
        let finishes = scope.spawn(move || writer.run(store, 100));
        waits_or_ends(store, &finishes);
        changes.wait();
        finishes.join().unwrap();
    });
    as_if_at_once(&db, "after a name that went and came back");
}

/// On SQLite one transaction follows the other, so nobody can be in this place.
#[test]
fn who_changes_a_contact_and_does_not_know_that_it_lies_in_a_span_is_waited_for() {
    let db = testing::postgres();
    let (store, comes, changes) = (&db.store, Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    std::thread::scope(|scope| {
        let (met, committed) = (Arc::clone(&comes), Arc::clone(&comes));
        scope.spawn(move || {
            write(store, move |tx| {
                let rows = [row(1, "Ann Lee"), row(3, "Ann Lee")];
                contacts::insert_imported(tx, WORKSPACE, &rows, None, Found::Later, now())?;
                met.wait();
                met.wait();
                Ok(())
            });
            committed.wait();
        });
        comes.wait();
        // Its identifier lies between those two; it is there, is found, and is being renamed while nobody knows of their span.
        insert(store, WORKSPACE, vec![row(2, "Ann Mae Lee")], Found::AtOnce);
        let met = Arc::clone(&changes);
        scope.spawn(move || rename_between(store, 2, "Bob Ortiz", &met));
        changes.wait();
        comes.wait();
        comes.wait();
        let writer = scope.spawn(|| Writer::begin(store, 1, 100));
        // It would read the contact as it was, were it not for the one who changes it.
        waits_or_ends(store, &writer);
        changes.wait();
        writer.join().unwrap().run(store, 100);
    });
    as_if_at_once(&db, "after a change that knew nothing");
}

#[test]
fn a_turn_is_one_writers_until_nothing_was_heard_of_it_or_it_is_given_back() {
    for db in testing::databases() {
        let take = |holder: i64, at: i64| {
            let (at, minute) = (now() + SignedDuration::from_secs(at), SignedDuration::from_mins(1));
            write(&db.store, move |tx| due::take(tx, WORKSPACE, holder, at, &(at - minute..at + minute)))
        };
        assert!(take(1, 0));
        assert!(!take(2, 59), "{}: the first was heard of within the minute", db.name);
        assert!(take(2, 61), "{}", db.name);
        let of_first = Arc::new(Keys::default().rows(0..0));
        assert_eq!(
            write(&db.store, move |tx| due::write(tx, WORKSPACE, 1, (&of_first, 0), now())),
            None,
            "{}",
            db.name
        );
        assert_eq!(write(&db.store, move |tx| due::finish(tx, WORKSPACE, 1, &[], now())), None, "{}", db.name);
        write(&db.store, |tx| due::give_back(tx, WORKSPACE, 1));
        assert!(!take(3, 62), "{}: the first has nothing to give back", db.name);
        write(&db.store, |tx| due::give_back(tx, WORKSPACE, 2));
        assert!(take(3, 62), "{}", db.name);
        // A clock that was far ahead when the turn was taken.
        assert!(take(4, -3_600), "{}", db.name);
    }
}
