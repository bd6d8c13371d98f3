//! Mails and low-balance notices as rows: who takes a mail has it alone, and a look reads wallets with what was said about them.

use domain::balance::{BELOW, Notice};
use domain::ids::{EventId, UserId, WorkspaceId};
use domain::ledger::{Amounts, Cause, Reason};
use domain::mail::MailState;
use domain::money::Micros;
use jiff::{SignedDuration, Timestamp};
use store::balance_notices::{self, Standing};
use store::mails::{self, Key};
use store::workspaces::{self, Workspace};
use store::{DbError, Lane, Store, Tx, testing};

const OURS: WorkspaceId = WorkspaceId(1);
const THEIRS: WorkspaceId = WorkspaceId(2);

fn at(minutes: i64) -> Timestamp {
    "2026-11-24T15:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

fn write<T: Send + 'static>(
    store: &Store,
    work: impl Fn(&mut Tx<'_>) -> Result<T, DbError> + Send + Sync + 'static,
) -> T {
    store.write_blocking(Lane::Normal, work).unwrap()
}

fn key(workspace: WorkspaceId, event: i64, user: i64) -> Key {
    Key { workspace, event: EventId(event), user: UserId(user) }
}

fn queue(store: &Store, key: Key, minutes: i64) {
    write(store, move |tx| mails::insert(tx, key, "Subject", "Body\n", at(minutes)));
}

fn take(store: &Store, key: Key, minutes: i64) -> Option<i64> {
    write(store, move |tx| mails::take(tx, key, at(minutes), at(minutes + 2))).map(|taken| taken.tries)
}

fn settle(store: &Store, key: Key, tries: i64, state: MailState, due: Option<i64>) -> bool {
    write(store, move |tx| mails::settle(tx, key, tries, state, due.map(at), Some("said")))
}

fn due(store: &Store, minutes: i64) -> Vec<Key> {
    store.read_blocking(move |db| mails::due(db, at(minutes), 100)).unwrap()
}

#[test]
fn a_mail_is_taken_once_and_settled_by_that_try_only() {
    for db in testing::databases() {
        let (store, mail) = (&db.store, key(OURS, 10, 7));
        queue(store, mail, 0);
        assert_eq!(due(store, -1), []);
        assert_eq!(due(store, 0), [mail]);
        assert_eq!((take(store, mail, 0), take(store, mail, 0), take(store, mail, 1)), (Some(1), None, None));
        assert_eq!(take(store, key(THEIRS, 10, 7), 0), None, "{}: another workspace's is not there", db.name);
        // Its node died: it is due again, and what the first try tells comes too late.
        assert_eq!(due(store, 2), [mail]);
        assert_eq!(take(store, mail, 2), Some(2));
        assert!(!settle(store, mail, 1, MailState::Sent, None), "{}", db.name);
        assert!(settle(store, mail, 2, MailState::Pending, Some(9)), "{}", db.name);
        assert!(!settle(store, mail, 2, MailState::Sent, None), "{}: it is under way no more", db.name);
        assert_eq!((due(store, 8), due(store, 9)), (vec![], vec![mail]));
        assert_eq!(take(store, mail, 9), Some(3));
        assert!(settle(store, mail, 3, MailState::Sent, None));
        assert_eq!((due(store, 99_999), take(store, mail, 99_999)), (vec![], None));
        let all = store.read_blocking(|db| mails::of(db, OURS, EventId(0), 100)).unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].state, all[0].tries, all[0].said.as_deref()), (MailState::Sent, 3, Some("said")));
    }
}

#[test]
fn what_is_due_is_found_in_all_workspaces_and_counted_and_forgotten_in_each() {
    for db in testing::databases() {
        let store = &db.store;
        for (mail, minutes) in
            [(key(OURS, 10, 7), 5), (key(OURS, 10, 8), 3), (key(OURS, 20, 7), 9), (key(THEIRS, 15, 7), 4)]
        {
            queue(store, mail, minutes);
        }
        assert_eq!(due(store, 5), [key(OURS, 10, 8), key(THEIRS, 15, 7), key(OURS, 10, 7)], "{}", db.name);
        let told = |after: i64| store.read_blocking(move |db| mails::told_since(db, OURS, EventId(after))).unwrap();
        assert_eq!((told(9), told(10), told(20)), (2, 1, 0), "{}: events, not mails", db.name);
        let forget = |limit| write(store, move |tx| mails::forget(tx, OURS, EventId(20), limit));
        assert_eq!((forget(1), forget(100), forget(100)), (1, 1, 0), "{}", db.name);
        assert_eq!(due(store, 9), [key(THEIRS, 15, 7), key(OURS, 20, 7)], "{}", db.name);
    }
}

fn open(store: &Store, id: WorkspaceId, wallet: i64) {
    write(store, move |tx| {
        let workspace = Workspace {
            id,
            name: "Acme".to_owned(),
            zone: "America/New_York".to_owned(),
            plan: "active".to_owned(),
            rate: Micros(15_000),
            settings: "{}".to_owned(),
            messages_per_minute: 0,
            paced_until: Timestamp::UNIX_EPOCH,
            created_at: at(0),
            suspended: None,
        };
        workspaces::insert(tx, &workspace)?;
        store::ledger::open_accounts(tx, id)?;
        let amounts = Amounts { credits: 3, micros: Micros(wallet) };
        let transfers = domain::ledger::transfers(Cause { subject: 9, step: 0 }, Reason::TopUp, amounts);
        store::ledger::post(tx, id, &transfers, at(0)).expect("a top-up is posted");
        Ok(())
    });
}

#[test]
fn a_look_reads_wallets_in_turn_with_what_was_said_or_the_default() {
    for db in testing::databases() {
        let store = &db.store;
        for (id, wallet) in [(1, 5), (2, 0), (3, 7)] {
            open(store, WorkspaceId(id), wallet);
        }
        let off = Notice { below: None, mails: false, armed: false };
        let said = Notice { below: Some(Micros(6)), mails: false, armed: true };
        write(store, move |tx| {
            balance_notices::save(tx, WorkspaceId(2), said)?;
            balance_notices::save(tx, WorkspaceId(2), off)?;
            balance_notices::save(tx, WorkspaceId(3), said)
        });
        let page =
            |after, limit| store.read_blocking(move |db| balance_notices::page(db, WorkspaceId(after), limit)).unwrap();
        let standing = |id, notice, wallet| Standing { workspace: WorkspaceId(id), notice, wallet: Micros(wallet) };
        let all = [standing(1, Notice::default(), 5), standing(2, off, 0), standing(3, said, 7)];
        assert_eq!(page(i64::MIN, 100), all, "{}", db.name);
        assert_eq!((page(i64::MIN, 1), page(1, 1)), (all[..1].to_vec(), all[1..2].to_vec()), "{}", db.name);
        assert_eq!(page(3, 100), [], "{}", db.name);
        let found = |id| store.read_blocking(move |db| balance_notices::find(db, WorkspaceId(id))).unwrap();
        assert_eq!((found(1), found(2), found(3)), (None, Some(off), Some(said)), "{}", db.name);
        assert_eq!(Notice::default().below, Some(BELOW));
    }
}
