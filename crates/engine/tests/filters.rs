//! Filters among many contacts: along an index, where there is one, and the fields that contacts are kept by for it.

use std::collections::BTreeSet;

use domain::ids::{ContactId, EnrollmentId, ImportId, WorkflowId};
use domain::search::value_keys;
use engine::changes::{Change, Whom};
use engine::contacts::NewContact;
use engine::contacts::list::{Activity, Counted, Filter, History, Listed, Sort, Standing};
use engine::contacts::wish::{FieldWish, Wish};
use engine::labels::Labelling;
use engine::{Actor, Failure};
use jiff::SignedDuration;
use store::contacts::ContactRow;
use store::{Lane, Sql, Value};

use crate::world::{Plan, World, on_both};

/// More than one page looks at, twice.
const MANY: i64 = 12_000;

fn row(n: i64) -> ContactRow {
    // The rare ones are the oldest: whoever looks along the contacts comes to them last.
    let city = match n {
        1..=3 => "Boston Heights",
        4 => "",
        _ => "New York",
    };
    ContactRow {
        id: ContactId(n),
        phone: format!("+1305{:07}", 2_000_000 + n),
        phone_hash: n,
        person: None,
        name: format!("Person {n}"),
        fields: if city.is_empty() { Vec::new() } else { vec![("city".to_owned(), city.to_owned())] },
    }
}

async fn fill(world: &World) {
    let (workspace, now) = (world.workspace(), world.engine.now());
    let rows: Vec<ContactRow> = (1..=MANY).map(row).collect();
    let done = world.engine.store().write::<_, Failure, _>(Lane::Normal, move |tx| {
        for chunk in rows.chunks(1_000) {
            let import = Some(ImportId(if chunk[0].id.0 == 1 { 8 } else { 9 }));
            store::contacts::insert_imported(tx, workspace, chunk, import, store::contacts::Found::AtOnce, now)?;
        }
        Ok(())
    });
    done.await.unwrap();
}

fn city(wish: Wish) -> Filter {
    Filter { field: Some(FieldWish { key: "city".to_owned(), wish }), ..Filter::default() }
}

fn is(text: &str) -> Filter {
    city(Wish::Is(text.to_owned()))
}

fn has(text: &str) -> Filter {
    city(Wish::Has(text.to_owned()))
}

async fn page(world: &World, filter: &Filter, sort: Sort) -> Listed {
    world.engine.list_contacts(&world.actor, filter, sort, "", 50).await.unwrap()
}

fn ids(listed: &Listed) -> Vec<i64> {
    listed.contacts.iter().map(|contact| contact.id.0).collect()
}

static LABELLED: Sql = Sql::Same("SELECT COUNT(*) FROM contact_labels WHERE workspace_id = $1");

static KEPT: Sql = Sql::Same("SELECT field_key, value_key, contact_id FROM filter_values WHERE workspace_id = $1");

static FIELDS: Sql = Sql::Same("SELECT field_key, state FROM filter_fields WHERE workspace_id = $1 ORDER BY field_key");

async fn fields(world: &World) -> Vec<(String, String)> {
    let workspace = world.workspace();
    let rows = world.engine.store().read(move |db| db.query(&FIELDS, &[workspace.0.into()])).await.unwrap();
    rows.iter().map(|row| (row.text(0).unwrap().to_owned(), row.text(1).unwrap().to_owned())).collect()
}

/// Holds what is kept by the city against the contacts themselves; answers how many keys there are.
async fn kept_as_they_are(world: &World) -> usize {
    let workspace = world.workspace();
    let kept = world.engine.store().read(move |db| {
        let (mut rows, mut contacts) = (Vec::new(), Vec::new());
        db.for_each(&KEPT, &[workspace.0.into()], |row| {
            rows.push((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.int(2)?));
            Ok(())
        })?;
        let mut after = ContactId(0);
        loop {
            let page = store::contacts::page(db, workspace, after, 5_000)?;
            let Some(last) = page.last() else { break };
            after = last.id;
            contacts.extend(page);
        }
        Ok::<_, store::DbError>((rows, contacts))
    });
    let (rows, contacts) = kept.await.unwrap();
    let expected = contacts.iter().flat_map(|contact| {
        let city = contact.fields.iter().find(|(key, _)| key == "city").map_or("", |(_, value)| value);
        value_keys(city).into_iter().map(|key| ("city".to_owned(), key, contact.id.0))
    });
    let (rows, expected): (BTreeSet<_>, BTreeSet<_>) = (rows.into_iter().collect(), expected.collect());
    let wrong: Vec<_> = rows.symmetric_difference(&expected).take(9).collect();
    assert!(wrong.is_empty(), "kept otherwise than they are: {wrong:?}");
    rows.len()
}

#[test]
fn a_list_of_many_is_gone_at_once_and_its_rows_go_some_at_a_time() {
    on_both(Plan::default, async |world| {
        fill(&world).await;
        let (engine, actor) = (&world.engine, &world.actor);
        let mut lists = Vec::new();
        for (name, most) in [("Most", 2_500), ("Some", 700), ("Kept", 500)] {
            let list = engine.create_contact_list(actor, name).await.unwrap().id;
            let all: Vec<ContactId> = (1..=most).map(ContactId).collect();
            for some in all.chunks(500) {
                engine.label_contacts(actor, list, some.to_vec(), Labelling::Give).await.unwrap();
            }
            lists.push(list);
        }
        let on = |list| Filter { list: Some(list), ..Filter::default() };
        assert_eq!(engine.count_contacts(actor, &on(lists[0])).await.unwrap(), Counted::Exactly(2_500));
        let both = Filter { label: Some(lists[1]), ..on(lists[0]) };
        assert_eq!(engine.count_contacts(actor, &both).await.unwrap(), Counted::Exactly(700), "along the shorter one");
        for list in &lists[..2] {
            engine.delete_label(actor, *list).await.unwrap();
            assert_eq!(page(&world, &on(*list), Sort::Newest).await, Listed::default());
        }
        assert_eq!(engine.sweep_old().await.unwrap(), 0, "a transaction may still be under way that gives one");
        assert!(engine.clock().move_to(engine.now() + SignedDuration::from_hours(2)));
        // Two nodes sweep at the same time, as those do that were started together.
        let (one, other) = tokio::join!(engine.sweep_old(), engine.sweep_old());
        let rest = engine.sweep_old().await.unwrap();
        assert_eq!(one.unwrap() + other.unwrap() + rest, 2_500 + 700 + 2);
        let workspace = world.workspace();
        let left = engine.store().read(move |db| db.query_one(&LABELLED, &[workspace.0.into()])?.int(0)).await.unwrap();
        assert_eq!(left, 500, "no row is left behind that belongs to nothing");
        assert_eq!(engine.count_contacts(actor, &on(lists[2])).await.unwrap(), Counted::Exactly(500));
        world.end().await;
    });
}

#[test]
fn contacts_are_kept_by_a_field_once_its_filter_found_few_of_many() {
    on_both(Plan::default, async |world| {
        fill(&world).await;
        // Where a page is full at once nothing is kept, nor by a field that nobody has.
        assert_eq!(ids(&page(&world, &is("new york"), Sort::Newest).await).len(), 50);
        page(
            &world,
            &Filter { field: Some(FieldWish { key: "shoes".to_owned(), wish: Wish::Filled }), ..Filter::default() },
            Sort::Newest,
        )
        .await;
        assert_eq!(fields(&world).await, []);
        let short = page(&world, &is("boston heights"), Sort::Newest).await;
        assert_eq!((ids(&short), short.next.is_some()), (vec![], true), "they are the last to be looked at");
        assert_eq!(fields(&world).await, [("city".to_owned(), "building".to_owned())]);
        // What is changed meanwhile is kept as well, and whoever is not yet kept is found in the old way.
        let edit = vec![("City".to_owned(), Some("Boston Heights".to_owned()))];
        world.engine.edit_contact(&world.actor, ContactId(11_000), edit).await.unwrap();
        assert_eq!(ids(&page(&world, &is("boston heights"), Sort::Newest).await), [11_000]);
        assert_eq!(world.engine.tend_fields().await.unwrap(), 1);
        assert_eq!(fields(&world).await, [("city".to_owned(), "ready".to_owned())]);
        kept_as_they_are(&world).await;
        for (filter, fits) in [
            (is("BOSTON heights"), &[11_000, 3, 2, 1][..]),
            (has("heig"), &[11_000, 3, 2, 1]),
            (has("boston"), &[11_000, 3, 2, 1]),
            (is("boston"), &[]),
            (has("eights"), &[]),
            (city(Wish::Empty), &[4]),
            (Filter { import: Some(ImportId(8)), ..has("boston") }, &[3, 2, 1]),
            (
                Filter { standing: Some(Standing::NeverTexted), import: Some(ImportId(9)), ..is("boston heights") },
                &[11_000],
            ),
        ] {
            for sort in [Sort::Newest, Sort::Activity, Sort::Name] {
                let found = page(&world, &filter, sort).await;
                let mut listed = ids(&found);
                listed.sort_by_key(|id| std::cmp::Reverse(*id));
                assert_eq!((listed, found.next), (fits.to_vec(), None), "{filter:?} {sort:?}");
            }
            let counted = world.engine.count_contacts(&world.actor, &filter).await.unwrap();
            assert_eq!(counted, Counted::Exactly(fits.len() as u64), "{filter:?}");
        }
        let york = world.engine.count_contacts(&world.actor, &has("york")).await.unwrap();
        assert_eq!(york, Counted::Exactly(11_995));
        world.end().await;
    });
}

#[test]
fn whatever_writes_contacts_writes_what_they_are_kept_by() {
    on_both(Plan::default, async |world| {
        fill(&world).await;
        page(&world, &is("nowhere"), Sort::Newest).await;
        world.engine.tend_fields().await.unwrap();
        let before = kept_as_they_are(&world).await;
        let new = |city: &str| NewContact {
            phone: "+13055550177".to_owned(),
            fields: vec![("City".to_owned(), city.to_owned())],
            ..NewContact::default()
        };
        let made = world.engine.create_contact(&world.actor, new("Lakeside")).await.unwrap().id;
        assert_eq!(ids(&page(&world, &has("lake"), Sort::Newest).await), [made.0]);
        assert_eq!(kept_as_they_are(&world).await, before + 3);
        world.engine.edit_contact(&world.actor, made, vec![("City".to_owned(), None)]).await.unwrap();
        assert_eq!(ids(&page(&world, &has("lake"), Sort::Newest).await), [0; 0]);
        assert_eq!(ids(&page(&world, &city(Wish::Empty), Sort::Newest).await), [made.0, 4]);
        // Deleted with others by a job, and back again by its undo.
        let deletion = world.engine.change_many(&world.actor, Change::Delete, Whom::Matching(is("boston heights")));
        let job = deletion.await.unwrap();
        world.engine.run_changes(&world.actor, job.id).await.unwrap();
        assert_eq!(ids(&page(&world, &has("boston"), Sort::Newest).await), [0; 0]);
        kept_as_they_are(&world).await;
        let undo = world.engine.undo_changes(&world.actor, job.id).await.unwrap();
        world.engine.run_changes(&world.actor, undo.id).await.unwrap();
        assert_eq!(ids(&page(&world, &has("boston"), Sort::Newest).await), [3, 2, 1]);
        kept_as_they_are(&world).await;
        world.end().await;
    });
}

/// Nobody who is written while a field becomes one that contacts are kept by is missed.
#[test]
fn no_change_misses_that_a_field_is_kept_from_now_on() {
    on_both(Plan::default, async |world| {
        fill(&world).await;
        let writers = (0..4_i64).map(|writer| {
            let (engine, actor) = (world.engine.clone(), world.actor.clone());
            tokio::spawn(async move {
                for n in 0..60_i64 {
                    let to = vec![("City".to_owned(), Some(format!("Town {writer} {n}")))];
                    engine.edit_contact(&actor, ContactId(1 + (n * 4 + writer) * 49), to.clone()).await.unwrap();
                    let phone = format!("+1212555{:04}", writer * 1_000 + n);
                    let fields = to.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
                    let made = engine.create_contact(&actor, NewContact { phone, fields, ..NewContact::default() });
                    let made = made.await.unwrap().id;
                    if n % 3 == 0 {
                        engine.delete_contact(&actor, made).await.unwrap();
                    }
                }
            })
        });
        let writers: Vec<_> = writers.collect();
        // It is added only at an instant when nobody writes.
        while fields(&world).await.is_empty() {
            page(&world, &is("nowhere"), Sort::Newest).await;
        }
        let (one, other) = tokio::join!(world.engine.tend_fields(), world.engine.tend_fields());
        assert!(one.unwrap() + other.unwrap() > 0, "one of the two made it ready");
        for writer in writers {
            writer.await.unwrap();
        }
        world.engine.tend_fields().await.unwrap();
        assert_eq!(fields(&world).await, [("city".to_owned(), "ready".to_owned())]);
        kept_as_they_are(&world).await;
        world.end().await;
    });
}

/// SQLite has one writer: nobody can ask for a field while another writes.
#[test]
fn a_field_is_not_added_while_somebody_writes_contacts() {
    on_both(Plan::default, async |world| {
        if !world.engine.store().address().is_server() {
            return world.end().await;
        }
        fill(&world).await;
        let (wrote, mut written) = tokio::sync::mpsc::unbounded_channel();
        let (end, ended) = std::sync::mpsc::channel();
        let (workspace, now) = (world.workspace(), world.engine.now());
        let writing = world.engine.store().write::<_, Failure, _>(Lane::Normal, move |tx| {
            store::contacts::insert_imported(
                tx,
                workspace,
                &[row(MANY + 1)],
                Some(ImportId(9)),
                store::contacts::Found::AtOnce,
                now,
            )?;
            wrote.send(()).unwrap();
            ended.recv().unwrap();
            Ok(())
        });
        written.recv().await.unwrap();
        page(&world, &is("nowhere"), Sort::Newest).await;
        assert_eq!(fields(&world).await, [], "the contact that is being written would be missed");
        end.send(()).unwrap();
        writing.await.unwrap();
        page(&world, &is("nowhere"), Sort::Newest).await;
        world.engine.tend_fields().await.unwrap();
        assert_eq!(fields(&world).await, [("city".to_owned(), "ready".to_owned())]);
        kept_as_they_are(&world).await;
        world.end().await;
    });
}

#[test]
fn a_field_that_nobody_asks_for_is_let_go() {
    on_both(Plan::default, async |world| {
        fill(&world).await;
        page(&world, &is("nowhere"), Sort::Newest).await;
        world.engine.tend_fields().await.unwrap();
        let later = |days: i64| {
            assert!(world.engine.clock().move_to(world.engine.now() + SignedDuration::from_hours(24 * days)))
        };
        later(89);
        page(&world, &is("nowhere"), Sort::Newest).await;
        later(89);
        assert_eq!(world.engine.tend_fields().await.unwrap(), 0, "it was asked for 89 days ago");
        later(2);
        assert_eq!(world.engine.tend_fields().await.unwrap(), 1);
        assert_eq!(fields(&world).await, []);
        let workspace = world.workspace();
        let left = world.engine.store().read(move |db| db.query(&KEPT, &[workspace.0.into()])).await.unwrap();
        assert!(left.is_empty());
        assert!(page(&world, &is("boston heights"), Sort::Newest).await.next.is_some(), "it is looked for as at first");
        world.end().await;
    });
}

static RUNS: Sql = Sql::Same(
    "INSERT INTO runs (workspace_id, enrollment_id, contact_id, workflow_id)
    SELECT workspace_id, enrollment_id, contact_id, workflow_id FROM enrollments WHERE workspace_id = $1 AND state = 'active'",
);

static ENDED: Sql = Sql::Same(
    "INSERT INTO enrollments (workspace_id, enrollment_id, contact_id, workflow_id, version, state, reason, number_id, place,
        field_values, prices, rate_micros, next_step, started_by, started_at, ended_at)
    VALUES ($1, $2, $3, $4, 1, $5, 'reply', 1, '{}', '[]', '[]', 0, 1, 'test', 0, 0)",
);

#[test]
fn few_of_many_who_were_in_a_workflow_or_moved_are_found_at_once() {
    on_both(Plan::default, async |world| {
        fill(&world).await;
        let (workspace, workflow) = (world.workspace(), WorkflowId(5));
        let runs = [(1, 1, "stopped"), (2, 1, "stopped"), (3, 2, "active"), (4, 3, "completed")];
        let insert = world.engine.store().write::<_, Failure, _>(Lane::Normal, move |tx| {
            for (run, contact, state) in runs {
                let ids = [workspace.0, EnrollmentId(run).0, contact, workflow.0].map(Value::from);
                tx.execute(&ENDED, &[ids.as_slice(), &[state.into()]].concat())?;
            }
            tx.execute(&RUNS, &[workspace.0.into()])?;
            Ok(())
        });
        insert.await.unwrap();
        world.reply("+13052000007", "Who is this?").await;
        let of = |history| Filter { history: Some(history), ..Filter::default() };
        let since = world.engine.now() - SignedDuration::from_hours(1);
        let moved = Filter { activity: Some(Activity::Since(since)), ..Filter::default() };
        for (filter, fits) in [
            (of(History::Been(workflow)), &[3, 2, 1][..]),
            (of(History::Running(workflow)), &[2]),
            (Filter { standing: Some(Standing::InWorkflow), ..of(History::Been(workflow)) }, &[2]),
            (moved.clone(), &[7]),
            (Filter { import: Some(ImportId(9)), ..moved }, &[]),
        ] {
            let found = page(&world, &filter, Sort::Newest).await;
            assert_eq!((ids(&found), found.next), (fits.to_vec(), None), "{filter:?}");
        }
        world.end().await;
    });
}

#[test]
fn another_workspace_keeps_its_own_fields() {
    on_both(Plan::default, async |world| {
        fill(&world).await;
        page(&world, &is("nowhere"), Sort::Newest).await;
        let other = Actor::operator(domain::ids::WorkspaceId(4_711));
        let found = world.engine.list_contacts(&other, &is("new york"), Sort::Newest, "", 50).await.unwrap();
        assert_eq!((ids(&found), found.next), (vec![], None));
        world.engine.tend_fields().await.unwrap();
        let found = world.engine.list_contacts(&other, &is("new york"), Sort::Newest, "", 50).await.unwrap();
        assert_eq!(ids(&found), [0; 0]);
        world.end().await;
    });
}
