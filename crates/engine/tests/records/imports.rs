//! Imports in steps: uploaded, started, interrupted, gone on with, undone.

use std::io::{Cursor, Read, sink};

use domain::ids::{ImportId, WorkspaceId};
use engine::Actor;
use engine::contacts::list::{Counted, Filter};
use engine::import::ImportProgress;
use engine::imports::{self, Choices, Import, ImportsError, Outcome};
use jiff::SignedDuration;
use store::Sql;
use store::labels::Kind;

use crate::world::{Plan, World, on_both};

fn file(rows: usize) -> String {
    let row = |n| format!("(212) 555-{n:04},P{n}\n");
    format!("Phone,First Name\n{}", (0..rows).map(row).collect::<String>())
}

async fn upload(world: &World) -> Import {
    world.engine.begin_upload(&world.actor, "leads.csv", 1_000).await.unwrap()
}

async fn run(world: &World, import: Import, source: impl Read + Send + 'static) -> Import {
    world.engine.run_import(&world.actor, import, source, Box::new(sink())).await.unwrap()
}

async fn undo(world: &World, id: ImportId) -> Result<Import, ImportsError> {
    world.engine.begin_undo(&world.actor, id).await?;
    world.engine.run_undo(&world.actor, id).await
}

async fn count(world: &World) -> u64 {
    match world.engine.count_contacts(&world.actor, &Filter::default()).await.unwrap() {
        Counted::Exactly(count) | Counted::MoreThan(count) => count,
    }
}

fn counts(import: &Import) -> ImportProgress {
    imports::read(&import.counts)
}

#[test]
fn an_import_whose_process_died_is_gone_on_with_and_counts_what_it_made_before() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let id = upload(&world).await.id;
        let choices = Choices::default();
        let started = engine.start_import(actor, id, &choices).await.unwrap();
        // The half of the file is in when the process dies: what it wrote last of itself says that it runs.
        let half = run(&world, started.clone(), Cursor::new(file(1_000))).await;
        let (workspace, now) = (world.workspace(), engine.now());
        let dead = Import { state: "running".to_owned(), updated_at: now, ..half };
        let write = move |tx: &mut store::Tx<'_>| store::imports::save(tx, workspace, &dead);
        engine.store().write::<_, store::DbError, _>(store::Lane::Normal, write).await.unwrap();
        let early = engine.start_import(actor, id, &choices).await;
        assert!(matches!(early, Err(ImportsError::NotNow { .. })), "its process may be at it: {early:?}");
        assert!(!imports::stands_still(&engine.find_import(actor, id).await.unwrap(), engine.now()));
        assert!(engine.clock().move_to(engine.now() + SignedDuration::from_mins(2)));
        assert!(imports::stands_still(&engine.find_import(actor, id).await.unwrap(), engine.now()));
        let again = engine.start_import(actor, id, &choices).await.unwrap();
        let done = run(&world, again, Cursor::new(file(2_000))).await;
        let counted = counts(&done);
        assert_eq!((done.state.as_str(), counted.rows, counted.created, counted.unchanged), ("done", 2_000, 2_000, 0));
        assert_eq!(count(&world).await, 2_000);
        let undone = undo(&world, id).await.unwrap();
        let outcome: Outcome = imports::read(&undone.outcome);
        assert_eq!((outcome.undone, outcome.kept), (2_000, 0), "both runs are one import");
        world.end().await;
    });
}

/// A file that is read as slowly as the test wants: after its beginning one piece for each word from the test. The beginning has more
/// than what an import looks at before it saves anything.
struct Slow {
    pieces: std::vec::IntoIter<String>,
    rest: Cursor<Vec<u8>>,
    go: std::sync::mpsc::Receiver<()>,
    begun: bool,
}

impl Read for Slow {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        loop {
            match self.rest.read(into)? {
                0 => {}
                some => return Ok(some),
            }
            if self.begun {
                let _ = self.go.recv();
            }
            match self.pieces.next() {
                Some(piece) => self.rest = Cursor::new(piece.into_bytes()),
                None => return Ok(0),
            }
            self.begun = true;
        }
    }
}

#[test]
fn a_canceled_import_saves_no_more_rows_and_can_be_undone_or_gone_on_with() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let id = upload(&world).await.id;
        let not_yet = engine.cancel_import(actor, id).await;
        assert!(matches!(not_yet, Err(ImportsError::NotRunning { .. })), "{not_yet:?}");
        let started = engine.start_import(actor, id, &Choices::default()).await.unwrap();
        let lines: Vec<String> = file(9_900).split_inclusive('\n').map(str::to_owned).collect();
        let pieces: Vec<String> = lines.chunks(4_900).map(<[String]>::concat).collect();
        let (word, go) = std::sync::mpsc::channel();
        let slow = Slow { pieces: pieces.into_iter(), rest: Cursor::default(), go, begun: false };
        let told = async {
            while counts(&engine.find_import(actor, id).await.unwrap()).created < 1_000 {
                tokio::task::yield_now().await;
            }
            assert_eq!(engine.cancel_import(actor, id).await.unwrap().state, "canceling");
            let undone = undo(&world, id).await;
            assert!(
                matches!(undone, Err(ImportsError::NotUndone { .. })),
                "rows may still be on their way: {undone:?}"
            );
            // One that has heard of it already reads no further.
            let _ = word.send(());
            drop(word);
        };
        let (ended, ()) = futures_util::future::join(run(&world, started, slow), told).await;
        let made = counts(&ended).created;
        assert_eq!(ended.state, "canceled");
        assert!((1_000..9_900).contains(&made), "{made}");
        assert_eq!(count(&world).await, made);
        assert_eq!(engine.find_import(actor, id).await.unwrap(), ended);
        let again = engine.start_import(actor, id, &Choices::default()).await.unwrap();
        let done = run(&world, again, Cursor::new(file(9_900))).await;
        assert_eq!((done.state.as_str(), counts(&done).created, count(&world).await), ("done", 9_900, 9_900));
        let late = engine.cancel_import(actor, id).await;
        assert!(matches!(late, Err(ImportsError::NotRunning { .. })), "{late:?}");
        undo(&world, id).await.unwrap();
        assert_eq!(count(&world).await, 0);
        world.end().await;
    });
}

#[test]
fn a_run_by_other_choices_counts_what_the_one_before_made() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let started = engine.start_import(actor, upload(&world).await.id, &Choices::default()).await.unwrap();
        let id = started.id;
        let failed = run(&world, started, Broken(Cursor::new(file(4_900).into_bytes()))).await;
        let made = counts(&failed).created;
        assert!(failed.state == "failed" && (1..4_900).contains(&made), "{made} {}", failed.outcome);
        let other = Choices { overwrite: true, ..Choices::default() };
        let again = engine.start_import(actor, id, &other).await.unwrap();
        let anew = counts(&engine.find_import(actor, id).await.unwrap());
        assert_eq!(anew, ImportProgress::default(), "it begins anew, also if this run dies before its first rows");
        // Canceled before its first rows it still has what the first had made: it can be undone.
        engine.cancel_import(actor, id).await.unwrap();
        let canceled = run(&world, again, Cursor::new(file(4_900))).await;
        assert_eq!((canceled.state.as_str(), counts(&canceled).created), ("canceled", made));
        let third = Choices { overwrite: true, recase: true, ..Choices::default() };
        let again = engine.start_import(actor, id, &third).await.unwrap();
        let counted = counts(&run(&world, again, Cursor::new(file(4_900))).await);
        assert_eq!((counted.created, counted.unchanged), (4_900, 0));
        world.end().await;
    });
}

/// How many contacts an import says that it made, and how many there are, in one look.
async fn told_and_there(world: &World, id: ImportId) -> (u64, u64) {
    let workspace = world.workspace();
    let look = move |db: &store::Read<'_>| {
        let import = store::imports::find(db, workspace, id)?.unwrap();
        Ok((counts(&import).created, store::imports::left(db, workspace, id)?.try_into().unwrap()))
    };
    world.engine.store().read::<_, store::DbError, _>(look).await.unwrap()
}

#[test]
fn an_import_says_at_every_instant_exactly_what_is_there_and_goes_on_right_behind_it() {
    on_both(Plan::default, async |world| {
        // More than two runs come to until they are broken off.
        const ROWS: usize = 9_900;
        let (engine, actor) = (world.engine.clone(), world.actor.clone());
        let (id, choices) = (upload(&world).await.id, Choices { overwrite: true, ..Choices::default() });
        let (mut broken_off, mut edited) = (0, Vec::new());
        let done = loop {
            let begun = engine.start_import(&actor, id, &choices).await.unwrap();
            let from = counts(&begun).created;
            let (engine_of_run, actor_of_run) = (engine.clone(), actor.clone());
            let mut running = tokio::spawn(async move {
                let source = Cursor::new(file(ROWS));
                engine_of_run.run_import(&actor_of_run, begun, source, Box::new(sink())).await.unwrap()
            });
            let done = loop {
                let (told, there) = told_and_there(&world, id).await;
                assert_eq!(told, there, "what it says is not what is there");
                if broken_off < 2 && told >= from + 700 {
                    running.abort();
                    let done = running.await.ok();
                    broken_off += usize::from(done.is_none());
                    break done;
                }
                if running.is_finished() {
                    break Some((&mut running).await.unwrap());
                }
            };
            if let Some(done) = done {
                break done;
            }
            // Somebody writes another name where it was; a run that met the row again would write over it.
            let last = told_and_there(&world, id).await.0 - 1;
            let last = engine.search(&actor, &format!("+1212555{last:04}"), 1).await.unwrap()[0].contact.id;
            engine.edit_contact(&actor, last, vec![("First Name".to_owned(), Some("Zoe".to_owned()))]).await.unwrap();
            edited.push(last);
            assert!(engine.clock().move_to(engine.now() + SignedDuration::from_mins(2)));
        };
        assert!(broken_off > 1, "it was never broken off in the middle");
        let counted = counts(&done);
        assert_eq!((counted.created, counted.updated, counted.unchanged), (ROWS as u64, 0, 0));
        assert_eq!(count(&world).await, ROWS as u64);
        for id in edited {
            assert_eq!(engine.contact(&actor, id).await.unwrap().name, "Zoe", "a row was done twice");
        }
        world.end().await;
    });
}

static STANDS: Sql = Sql::Same("UPDATE imports SET state = 'canceled', choices = $2 WHERE workspace_id = $1");

/// Has the import stand there as one that was canceled, with these choices.
async fn cancel(world: &World, choices: String) {
    let workspace = world.workspace();
    let write = move |tx: &mut store::Tx<'_>| tx.execute(&STANDS, &[workspace.0.into(), choices.as_str().into()]);
    assert_eq!(world.engine.store().write::<_, store::DbError, _>(store::Lane::Normal, write).await.unwrap(), 1);
}

#[test]
fn what_an_older_version_wrote_is_gone_on_with_and_other_lists_are_the_imports_own() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let id = upload(&world).await.id;
        let choices = Choices { no_consent: true, ..Choices::default() };
        let started = engine.start_import(actor, id, &choices).await.unwrap();
        let half = run(&world, started, Cursor::new(file(700))).await;
        // What this version knows beside is not in what another one wrote: it is no other choice for that.
        let mut older: serde_json::Value = serde_json::from_str(&half.choices).unwrap();
        for key in ["list", "list_name", "gave"] {
            older.as_object_mut().unwrap().remove(key).unwrap();
        }
        cancel(&world, older.to_string()).await;
        let again = engine.start_import(actor, id, &choices).await.unwrap();
        assert_eq!(counts(&again).rows, 700, "behind the rows that are done");
        let done = run(&world, again, Cursor::new(file(800))).await;
        assert_eq!((counts(&done).rows, counts(&done).created, counts(&done).without_consent), (800, 800, Some(800)));
        // Onto one list, then onto another: it begins anew, and whoever is on either is the import's own.
        for (name, on) in [("One", [800, 0]), ("Two", [800, 800])] {
            cancel(&world, read_choices(&world, id).await).await;
            let choices = Choices { list_name: name.to_owned(), ..choices.clone() };
            let started = engine.start_import(actor, id, &choices).await.unwrap();
            assert_eq!(counts(&started).rows, 0);
            run(&world, started, Cursor::new(file(800))).await;
            let mut there = Vec::new();
            for name in ["One", "Two"] {
                let Some(list) = engine.label_named(actor, Kind::List, name).await.unwrap() else { continue };
                let filter = Filter { list: Some(list.id), ..Filter::default() };
                there.push(engine.count_contacts(actor, &filter).await.unwrap());
            }
            let wanted = on.map(Counted::Exactly);
            assert_eq!(there, wanted[..there.len()], "{name}");
        }
        let outcome: Outcome = imports::read(&undo(&world, id).await.unwrap().outcome);
        assert_eq!((outcome.undone, outcome.kept), (800, 0));
        world.end().await;
    });
}

async fn read_choices(world: &World, id: ImportId) -> String {
    world.engine.find_import(&world.actor, id).await.unwrap().choices
}

#[test]
fn a_slow_run_that_somebody_else_has_gone_on_with_saves_nothing_more() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let (id, choices) = (upload(&world).await.id, Choices { overwrite: true, ..Choices::default() });
        let started = engine.start_import(actor, id, &choices).await.unwrap();
        let lines: Vec<String> = file(9_900).split_inclusive('\n').map(str::to_owned).collect();
        let pieces: Vec<String> = lines.chunks(4_900).map(<[String]>::concat).collect();
        let (word, go) = std::sync::mpsc::channel();
        let slow = Slow { pieces: pieces.into_iter(), rest: Cursor::default(), go, begun: false };
        let successor = async {
            // All of the first piece that makes whole chunks: now it waits for the second.
            while counts(&engine.find_import(actor, id).await.unwrap()).created < 4_500 {
                tokio::task::yield_now().await;
            }
            assert!(engine.clock().move_to(engine.now() + SignedDuration::from_mins(2)));
            assert!(engine.still_imports().await.unwrap().is_empty(), "it has not lost its process");
            let again = engine.start_import(actor, id, &choices).await.unwrap();
            let done = run(&world, again, Cursor::new(file(9_900))).await;
            // The slow one goes on when all is done: it may do nothing, and say nothing of it.
            drop(word);
            done
        };
        let (overtaken, done) = futures_util::future::join(run(&world, started, slow), successor).await;
        assert_eq!((done.state.as_str(), counts(&done).created, counts(&done).unchanged), ("done", 9_900, 0));
        assert_eq!((overtaken.state, overtaken.counts), (done.state, done.counts));
        assert_eq!(count(&world).await, 9_900);
        world.end().await;
    });
}

#[test]
fn an_undo_that_lost_its_process_is_gone_on_with() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let started = engine.start_import(actor, upload(&world).await.id, &Choices::default()).await.unwrap();
        let id = run(&world, started, Cursor::new(file(40))).await.id;
        assert_eq!(engine.begin_undo(actor, id).await.unwrap().state, "undoing");
        let refused = |tried: Result<Import, ImportsError>| match tried {
            Err(ImportsError::NotNow { state } | ImportsError::NotUndone { state }) => assert_eq!(state, "undoing"),
            other => panic!("{other:?}"),
        };
        refused(engine.begin_undo(actor, id).await);
        refused(engine.start_import(actor, id, &Choices::default()).await);
        assert!(engine.clock().move_to(engine.now() + SignedDuration::from_mins(2)));
        assert!(imports::stands_still(&engine.find_import(actor, id).await.unwrap(), engine.now()));
        refused(engine.start_import(actor, id, &Choices::default()).await);
        let undone = undo(&world, id).await.unwrap();
        let outcome: Outcome = imports::read(&undone.outcome);
        assert_eq!((undone.state.as_str(), outcome.undone, count(&world).await), ("undone", 40, 0));
        world.end().await;
    });
}

#[test]
fn an_undo_keeps_whoever_was_touched_since_and_comes_once() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        world.contact(1, "+12125550000", &[]).await;
        let started = engine.start_import(actor, upload(&world).await.id, &Choices::default()).await.unwrap();
        let done = run(&world, started, Cursor::new(file(4))).await;
        assert_eq!((counts(&done).created, counts(&done).updated), (3, 1));
        assert!(engine.clock().move_to(engine.now() + SignedDuration::from_mins(1)));
        world.reply("+12125550001", "Who is this?").await;
        let found = engine.search(actor, "5550002", 1).await.unwrap()[0].contact.id;
        engine.edit_contact(actor, found, vec![("City".to_owned(), Some("Rome".to_owned()))]).await.unwrap();
        let undone = undo(&world, done.id).await.unwrap();
        let outcome: Outcome = imports::read(&undone.outcome);
        assert_eq!((outcome.undone, outcome.kept), (1, 2));
        assert_eq!(count(&world).await, 3, "and the one that was there before");
        let twice = undo(&world, done.id).await;
        assert!(matches!(twice, Err(ImportsError::NotUndone { .. })), "{twice:?}");
        let start = engine.start_import(actor, done.id, &Choices::default()).await;
        assert!(matches!(start, Err(ImportsError::NotNow { .. })), "{start:?}");
        world.end().await;
    });
}

/// A file that breaks off.
struct Broken(Cursor<Vec<u8>>);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(std::io::Error::other("the disk is gone")),
            count => Ok(count),
        }
    }
}

#[test]
fn a_file_that_breaks_off_fails_with_its_reason_and_may_start_again() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let started = engine.start_import(actor, upload(&world).await.id, &Choices::default()).await.unwrap();
        let failed = run(&world, started, Broken(Cursor::new(file(3_000).into_bytes()))).await;
        let outcome: Outcome = imports::read(&failed.outcome);
        assert_eq!(failed.state, "failed");
        assert!(outcome.error.as_deref().is_some_and(|why| why.contains("the disk is gone")), "{outcome:?}");
        let again = engine.start_import(actor, failed.id, &Choices::default()).await.unwrap();
        let done = run(&world, again, Cursor::new(file(3_000))).await;
        assert_eq!((done.state.as_str(), counts(&done).created), ("done", 3_000));
        assert_eq!(count(&world).await, 3_000);
        world.end().await;
    });
}

#[test]
fn the_last_mapping_is_offered_for_the_same_columns_and_rejected_rows_are_told() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let mapping = [("Handy", "phone"), ("Wer", "field:First Name")];
        let mapping = mapping.map(|(header, word)| (header.to_owned(), word.to_owned())).to_vec();
        let choices = Choices { mapping: mapping.clone(), ..Choices::default() };
        let started = engine.start_import(actor, upload(&world).await.id, &choices).await.unwrap();
        let done = run(&world, started, Cursor::new("Wer,Handy\nAnn,2125550111\nBob,12\n\nCid,2125550111\n")).await;
        let (counted, outcome) = (counts(&done), imports::read::<Outcome>(&done.outcome));
        assert_eq!((counted.created, counted.rejected, counted.duplicates), (1, 1, 1));
        assert_eq!(outcome.rejects.iter().map(|told| told.row).collect::<Vec<_>>(), [3]);
        let headers = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let known = engine.last_mapping(actor, &headers(&["Handy", "Wer", "More"])).await.unwrap();
        assert_eq!(known, mapping);
        assert!(engine.last_mapping(actor, &headers(&["Handy"])).await.unwrap().is_empty());
        let stranger = Actor::operator(WorkspaceId(2));
        assert!(engine.last_mapping(&stranger, &headers(&["Handy", "Wer"])).await.unwrap().is_empty());
        let theirs = engine.start_import(&stranger, done.id, &choices).await;
        assert!(matches!(theirs, Err(ImportsError::Unknown)), "{theirs:?}");
        world.end().await;
    });
}
