//! Undoing an import: what it made goes, what it changed is changed back, and what others did since stays theirs.

use std::io::Cursor;

use domain::ids::{ContactId, ImportId};
use engine::contacts::Contact;
use engine::contacts::list::{Filter, Sort};
use engine::import::{ImportError, ImportOptions, ImportOutlets, OnDuplicate};
use engine::imports::{self, Choices, Outcome};
use engine::labels::Labelling;
use jiff::SignedDuration;
use store::labels::Kind;

use crate::world::{Plan, World, on_both};

fn overwriting() -> ImportOptions {
    ImportOptions { on_duplicate: OnDuplicate::Overwrite, no_consent: true, ..ImportOptions::default() }
}

async fn import(world: &World, file: &str, options: ImportOptions) -> ImportId {
    assert!(world.engine.clock().move_to(world.engine.now() + SignedDuration::from_secs(7)));
    let source = Cursor::new(file.to_owned());
    let done = world.engine.import_file(&world.actor, source, options, ImportOutlets::default()).await;
    done.unwrap().0.id
}

async fn undo(world: &World, id: ImportId) -> Outcome {
    assert!(world.engine.clock().move_to(world.engine.now() + SignedDuration::from_secs(7)));
    world.engine.begin_undo(&world.actor, id).await.unwrap();
    imports::read(&world.engine.run_undo(&world.actor, id).await.unwrap().outcome)
}

async fn found(world: &World, id: ImportId) -> imports::Import {
    world.engine.find_import(&world.actor, id).await.unwrap()
}

async fn everybody(world: &World) -> Vec<Contact> {
    world.engine.contacts(&world.actor, None, "", 200).await.unwrap().contacts
}

async fn labelled(world: &World) -> Vec<ContactId> {
    let ids: Vec<ContactId> = everybody(world).await.iter().map(|contact| contact.id).collect();
    let workspace = world.workspace();
    let of = move |db: &store::Read<'_>| store::labels::of_contacts(db, workspace, &ids);
    let all = world.engine.store().read::<_, store::DbError, _>(of).await.unwrap();
    all.into_iter().map(|(contact, _)| contact).collect()
}

fn value<'c>(contact: &'c Contact, key: &str) -> Option<&'c str> {
    contact.fields.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
}

#[test]
fn values_persons_labels_and_times_are_again_as_they_were() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let label = engine.create_label(actor, "Hot", "red").await.unwrap().id;
        let first = "Phone,First Name,Address\n2125550101,Ann,Rome\n2125550102,Ann,\n2125550103,Cid,Oslo\n";
        let made = import(&world, first, overwriting()).await;
        let before = everybody(&world).await;
        engine.label_contacts(actor, label, vec![before[2].id], Labelling::Give).await.unwrap();
        let before = everybody(&world).await;
        // Two of one person, a change of a name, a new field, somebody new; the third only gets the label, which it has.
        let second = "Phone,Phone 2,First Name,Address,Plot\n2125550101,2125550102,Ann,Bern,7\n2125550103,,Cid,Oslo,\n\
            2125550104,,Dan,Kyiv,9\n";
        let options = ImportOptions { label: Some(label), ..overwriting() };
        let changed = import(&world, second, options).await;
        let after = everybody(&world).await;
        assert_eq!((value(&after[0], "address"), value(&after[1], "plot"), after.len()), (Some("Bern"), Some("7"), 4));
        assert!(after[0].person.is_some() && after[0].person == after[1].person);
        assert_eq!(labelled(&world).await.len(), 4);
        let outcome = undo(&world, changed).await;
        assert_eq!((outcome.undone, outcome.restored, outcome.kept, outcome.altered), (1, 2, 0, 0));
        assert_eq!(everybody(&world).await, before, "to the time of their last change");
        assert_eq!(labelled(&world).await, [before[2].id], "which had it before");
        let found = async |text: &str| engine.search(actor, text, 9).await.unwrap().len();
        assert_eq!((found("bern").await, found("rome").await), (0, 1), "and they are found by what they are");
        // So the import before it can be undone as if this one had never been; but for whom somebody labelled.
        let outcome = undo(&world, made).await;
        assert_eq!((outcome.undone, outcome.kept), (2, 1));
        world.end().await;
    });
}

#[test]
fn a_file_puts_its_contacts_on_a_list_beside_a_label_and_its_undoing_takes_them_off() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let label = engine.create_label(actor, "Hot", "red").await.unwrap().id;
        let named = async |name: &str| engine.label_named(actor, Kind::List, name).await.unwrap();
        let on = async |name: &str| {
            let filter = Filter { list: Some(named(name).await.unwrap().id), ..Filter::default() };
            let all = engine.list_contacts(actor, &filter, Sort::Newest, "", 200).await.unwrap().contacts;
            all.into_iter().map(|contact| contact.phone).collect::<Vec<_>>()
        };
        import(&world, "Phone\n2125550101\n2125550102\n", overwriting()).await;
        let options = || ImportOptions { label: Some(label), list: " Dallas  owners".to_owned(), ..overwriting() };
        let first = import(&world, "Phone\n2125550102\n2125550103\n", options()).await;
        assert_eq!(on("dallas OWNERS").await, ["+12125550103", "+12125550102"]);
        // A later file puts one of them on it again: what the first one did is the later one's then.
        let second = import(&world, "Phone\n2125550102\n", ImportOptions { label: None, ..options() }).await;
        let outcome = undo(&world, first).await;
        assert_eq!((outcome.undone, outcome.kept), (1, 0));
        assert_eq!(on("dallas OWNERS").await, ["+12125550102"]);
        assert_eq!(labelled(&world).await.len(), 1, "the list alone");
        undo(&world, second).await;
        assert_eq!(on("dallas OWNERS").await, [] as [&str; 0]);
        assert_eq!(everybody(&world).await.len(), 2);
        // A contact that the list alone keeps from being untouched stays when somebody else put it there.
        let third = import(&world, "Phone\n2125550104\n", overwriting()).await;
        let made = everybody(&world).await.last().unwrap().id;
        let list = named("Dallas owners").await.unwrap().id;
        engine.label_contacts(actor, list, vec![made], Labelling::Give).await.unwrap();
        assert_eq!(undo(&world, third).await.kept, 1);
        // What is deleted is nobody's touch, though its rows are there for a while.
        let fourth = import(&world, "Phone\n2125550105\n", overwriting()).await;
        let made = everybody(&world).await.last().unwrap().id;
        engine.label_contacts(actor, label, vec![made], Labelling::Give).await.unwrap();
        engine.delete_label(actor, label).await.unwrap();
        assert_eq!(undo(&world, fourth).await.undone, 1);
        world.end().await;
    });
}

#[test]
fn a_file_that_cannot_begin_makes_no_list_and_one_that_cannot_be_refuses_the_file() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        engine.create_label(actor, "Hot", "red").await.unwrap();
        let onto = |name: &str| ImportOptions { list: name.to_owned(), ..overwriting() };
        let read = async |file: &str, options: ImportOptions| {
            let source = || Cursor::new(file.to_owned());
            let checked = engine.check_import(actor, source(), options.clone(), ImportOutlets::default()).await;
            let done = engine.import_file(actor, source(), options, ImportOutlets::default()).await;
            assert_eq!(checked.is_ok(), done.is_ok(), "the check says it before");
            done.map(|_| ())
        };
        let silent = ImportOptions { no_consent: false, ..onto("A") };
        for (file, options) in [("Name\nAnn\n", onto("A")), ("Phone\n", onto("A")), ("Phone\n2125550101\n", silent)] {
            read(file, options).await.unwrap_err();
            assert_eq!(engine.labels(actor).await.unwrap().len(), 1, "{file}");
        }
        for name in ["hot", &*"x".repeat(81)] {
            let refused = read("Phone\n2125550101\n", onto(name)).await;
            assert!(matches!(refused, Err(ImportError::List(_))), "{name}: {refused:?}");
        }
        assert_eq!(everybody(&world).await.len(), 0);
        read("Phone\n2125550101\n", onto("A")).await.unwrap();
        assert_eq!(engine.labels(actor).await.unwrap().len(), 2);
        world.end().await;
    });
}

#[test]
fn what_somebody_changed_since_stays_and_the_rest_goes_back() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let first = "Phone,City,State\n2125550101,Rome,NY\n2125550102,Oslo,NY\n2125550103,Lima,NY\n";
        import(&world, first, overwriting()).await;
        let ids: Vec<ContactId> = everybody(&world).await.iter().map(|contact| contact.id).collect();
        let second = "Phone,City,State\n2125550101,Bern,FL\n2125550102,Kyiv,FL\n2125550103,Bonn,FL\n";
        let changed = import(&world, second, overwriting()).await;
        engine.edit_contact(actor, ids[0], vec![("City".to_owned(), Some("Paris".to_owned()))]).await.unwrap();
        engine.delete_contact(actor, ids[2]).await.unwrap();
        let outcome = undo(&world, changed).await;
        assert_eq!((outcome.undone, outcome.restored, outcome.altered), (0, 1, 1));
        let after = everybody(&world).await;
        let values =
            |contact| (value(contact, "city").unwrap().to_owned(), value(contact, "state").unwrap().to_owned());
        let values: Vec<_> = after.iter().map(values).collect();
        let wanted = [("Paris", "NY"), ("Oslo", "NY")].map(|(city, state)| (city.to_owned(), state.to_owned()));
        assert_eq!(values, wanted);
        assert!(
            !engine.knows_changes(actor, &found(&world, changed).await).await.unwrap(),
            "nothing is left to change back"
        );
        world.end().await;
    });
}

#[test]
fn a_contact_that_only_its_own_file_touched_twice_is_deleted_and_one_with_a_note_stays() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let upload = engine.begin_upload(actor, "leads.csv", 100).await.unwrap();
        let choices = Choices { no_consent: true, ..Choices::default() };
        // The row that fills what the first of the same phone left empty comes seconds later.
        for file in ["Phone,City\n2125550101,\n", "Phone,City\n2125550101,\n2125550101,Rome\n2125550102,\n"] {
            assert!(engine.clock().move_to(engine.now() + SignedDuration::from_secs(7)));
            let import = engine.start_import(actor, upload.id, &choices).await.unwrap();
            let done = engine.run_import(actor, import, Cursor::new(file), Box::new(std::io::sink())).await.unwrap();
            let (workspace, dead) = (world.workspace(), imports::Import { state: "failed".to_owned(), ..done });
            let write = move |tx: &mut store::Tx<'_>| store::imports::save(tx, workspace, &dead);
            engine.store().write::<_, store::DbError, _>(store::Lane::Normal, write).await.unwrap();
        }
        let both = everybody(&world).await;
        assert_eq!(value(&both[0], "city"), Some("Rome"));
        assert!(both[0].updated_at > both[0].created_at);
        engine.add_note(actor, both[1].id, "Call in May").await.unwrap();
        let outcome = undo(&world, upload.id).await;
        assert_eq!((outcome.undone, outcome.kept, outcome.restored), (1, 1, 0));
        assert_eq!(everybody(&world).await.iter().map(|contact| contact.id).collect::<Vec<_>>(), [both[1].id]);
        world.end().await;
    });
}

#[test]
fn edits_that_race_with_an_undoing_are_never_lost() {
    on_both(Plan::default, async |world| {
        let rows = |city: &str| (0..150).map(|n| format!("(212) 557-{n:04},{city}\n")).collect::<String>();
        import(&world, &format!("Phone,City\n{}", rows("Rome")), overwriting()).await;
        let changed = import(&world, &format!("Phone,City\n{}", rows("Bern")), overwriting()).await;
        let ids: Vec<ContactId> = everybody(&world).await.iter().map(|contact| contact.id).collect();
        assert_eq!(ids.len(), 150);
        world.engine.begin_undo(&world.actor, changed).await.unwrap();
        let mut tasks = Vec::new();
        for part in ids.iter().rev().copied().collect::<Vec<_>>().chunks(30) {
            let (engine, actor, part) = (world.engine.clone(), world.actor.clone(), part.to_vec());
            tasks.push(tokio::spawn(async move {
                for id in part {
                    let city = vec![("City".to_owned(), Some("Paris".to_owned()))];
                    engine.edit_contact(&actor, id, city).await.unwrap();
                }
            }));
        }
        let undone = world.engine.run_undo(&world.actor, changed).await.unwrap();
        for task in tasks {
            task.await.unwrap();
        }
        let outcome: Outcome = imports::read(&undone.outcome);
        assert_eq!((outcome.undone, outcome.restored + outcome.altered), (0, 150));
        let cities = everybody(&world).await;
        assert!(cities.iter().all(|contact| value(contact, "city") == Some("Paris")), "an edit was lost");
        world.end().await;
    });
}

#[test]
fn a_second_run_of_one_import_is_undone_with_the_first() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        import(&world, "Phone,City\n2125550101,Rome\n2125550102,Oslo\n", overwriting()).await;
        let before = everybody(&world).await;
        let upload = engine.begin_upload(actor, "leads.csv", 100).await.unwrap();
        let choices = Choices { overwrite: true, ..Choices::default() };
        let run = async |file: &str| {
            assert!(engine.clock().move_to(engine.now() + SignedDuration::from_secs(7)));
            let import = engine.start_import(actor, upload.id, &choices).await.unwrap();
            let source = Cursor::new(file.to_owned());
            let done = engine.run_import(actor, import, source, Box::new(std::io::sink())).await.unwrap();
            // As if its process had died before it could say that it was done.
            let (workspace, dead) = (world.workspace(), imports::Import { state: "failed".to_owned(), ..done });
            let write = move |tx: &mut store::Tx<'_>| store::imports::save(tx, workspace, &dead);
            engine.store().write::<_, store::DbError, _>(store::Lane::Normal, write).await.unwrap();
        };
        run("Phone,City\n2125550101,Bern\n").await;
        run("Phone,City,State\n2125550101,Kyiv,NY\n2125550102,Lima,FL\n2125550103,Bonn,FL\n").await;
        let outcome = undo(&world, upload.id).await;
        assert_eq!((outcome.undone, outcome.restored, outcome.altered), (1, 2, 0));
        assert_eq!(everybody(&world).await, before);
        world.end().await;
    });
}

#[test]
fn a_file_in_one_go_is_listed_and_says_how_its_people_agreed() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let try_it = async |file: &str, options: ImportOptions| {
            engine.import_file(actor, Cursor::new(file.to_owned()), options, ImportOutlets::default()).await
        };
        let untold = try_it("Phone\n2125550101\n", ImportOptions::default()).await;
        assert!(matches!(untold, Err(ImportError::Untold)), "{untold:?}");
        let checked = engine
            .check_import(actor, Cursor::new("Phone\n2125550101\n"), ImportOptions::default(), ImportOutlets::default())
            .await;
        assert!(matches!(checked, Err(ImportError::Untold)), "{checked:?}");
        let none = try_it("Name\nAnn\n", overwriting()).await;
        assert!(matches!(none, Err(ImportError::NoPhoneColumn { .. })), "{none:?}");
        let list = async || engine.imports(actor, ImportId(i64::MAX), 50).await.unwrap();
        assert!(list().await.is_empty(), "a file that cannot begin is not in the list");
        // A column says it as well.
        let (named, _) = try_it("Phone,Consent\n2125550101,yes\n", ImportOptions::default()).await.unwrap();
        let options = ImportOptions { file: Some("crm.csv".to_owned()), bytes: Some(17), ..overwriting() };
        let (import, report) = try_it("Phone,Q\n2125550102,1\nx,2\n", options).await.unwrap();
        assert_eq!((report.counts.created, report.counts.rejected), (1, 1));
        let all = list().await;
        assert_eq!(all.iter().map(|one| one.id).collect::<Vec<_>>(), [import.id, named.id]);
        let said = (all[0].file_name.as_str(), all[0].file_bytes, all[0].state.as_str(), all[1].file_name.as_str());
        assert_eq!(said, ("crm.csv", 17, "done", "contacts.csv"));
        assert_eq!(imports::read::<Outcome>(&all[0].outcome).rejects.len(), 1);
        assert_eq!(engine.imports(actor, import.id, 50).await.unwrap().len(), 1);
        world.end().await;
    });
}

#[test]
fn what_an_import_changed_is_let_go_of_after_a_month() {
    on_both(Plan::default, async |world| {
        import(&world, "Phone,City\n2125550101,Rome\n", overwriting()).await;
        let changed = import(&world, "Phone,City\n2125550101,Bern\n", overwriting()).await;
        world.engine.sweep_old().await.unwrap();
        assert!(world.engine.knows_changes(&world.actor, &found(&world, changed).await).await.unwrap());
        assert!(world.engine.clock().move_to(world.engine.now() + SignedDuration::from_hours(30 * 24 + 1)));
        assert_eq!(world.engine.sweep_old().await.unwrap(), 1);
        assert!(!world.engine.knows_changes(&world.actor, &found(&world, changed).await).await.unwrap());
        assert_eq!(undo(&world, changed).await.restored, 0);
        assert_eq!(value(&everybody(&world).await[0], "city"), Some("Bern"));
        world.end().await;
    });
}

#[test]
fn whom_a_second_import_met_or_somebody_labelled_is_not_deleted_with_the_first() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let (hot, cold) =
            (engine.create_label(actor, "Hot", "red").await.unwrap(), engine.create_label(actor, "Cold", "blue").await);
        let own = ImportOptions { label: Some(hot.id), ..overwriting() };
        let first = import(&world, "Phone\n2125550101\n2125550102\n2125550103\n", own).await;
        let ids: Vec<ContactId> = everybody(&world).await.iter().map(|contact| contact.id).collect();
        let second = import(&world, "Phone\n2125550101\n", overwriting()).await;
        engine.label_contacts(actor, cold.unwrap().id, vec![ids[1]], Labelling::Give).await.unwrap();
        assert!(!engine.knows_changes(actor, &found(&world, second).await).await.unwrap(), "it changed nobody");
        let outcome = undo(&world, first).await;
        assert_eq!((outcome.undone, outcome.kept), (1, 2), "the third had its own label only");
        assert_eq!(everybody(&world).await.iter().map(|contact| contact.id).collect::<Vec<_>>(), ids[..2]);
        let outcome = undo(&world, second).await;
        assert_eq!((outcome.undone, outcome.restored, outcome.kept, outcome.altered), (0, 0, 0, 0));
        world.end().await;
    });
}

#[test]
fn a_person_whom_somebody_has_joined_since_stays_one() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        import(&world, "Phone,First Name\n2125550101,Ann\n2125550103,Ann\n", overwriting()).await;
        let before = everybody(&world).await;
        let joined = import(&world, "Phone,Phone 2,First Name\n2125550101,2125550102,Ann\n", overwriting()).await;
        let merge = engine::merging::Merge {
            keep: before[0].id,
            take: before[1].id,
            theirs: Vec::new(),
            goes_on: engine::merging::Side::Keep,
            seen: None,
        };
        engine.merge_contacts(actor, merge).await.unwrap();
        let outcome = undo(&world, joined).await;
        assert_eq!((outcome.undone, outcome.restored, outcome.altered), (1, 0, 1));
        let after = everybody(&world).await;
        assert!(after[0].person.is_some() && after[0].person == after[1].person, "{after:?}");
        world.end().await;
    });
}

#[test]
fn what_is_gone_on_with_leaves_what_others_did_to_the_rows_that_were_done() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let rows: String = (0..700).map(|n| format!("(212) 558-{n:04},Oslo\n")).collect();
        let upload = engine.begin_upload(actor, "leads.csv", 100).await.unwrap();
        let choices = Choices { overwrite: true, no_consent: true, ..Choices::default() };
        let begun = engine.start_import(actor, upload.id, &choices).await.unwrap();
        // The first chunk is done and told of when the process dies.
        let part: String = rows.lines().take(500).map(|line| format!("{line}\n")).collect();
        let half =
            engine.run_import(actor, begun, Cursor::new(format!("Phone,City\n{part}")), Box::new(std::io::sink()));
        let half = half.await.unwrap();
        let (workspace, dead) = (world.workspace(), imports::Import { state: "running".to_owned(), ..half });
        let write = move |tx: &mut store::Tx<'_>| store::imports::save(tx, workspace, &dead);
        engine.store().write::<_, store::DbError, _>(store::Lane::Normal, write).await.unwrap();
        let contacts = everybody(&world).await;
        engine.edit_contact(actor, contacts[0].id, vec![("City".to_owned(), Some("Kyiv".to_owned()))]).await.unwrap();
        engine.delete_contact(actor, contacts[1].id).await.unwrap();
        assert!(engine.clock().move_to(engine.now() + SignedDuration::from_mins(2)));
        let (again, import) = engine.still_imports().await.unwrap().remove(0);
        assert_eq!((again.name(), import.id), (actor.name(), upload.id), "under the name of who began it");
        let begun = engine.start_import(&again, import.id, &choices).await.unwrap();
        let source = Cursor::new(format!("Phone,City\n{rows}"));
        let done = engine.run_import(&again, begun, source, Box::new(std::io::sink())).await.unwrap();
        let counts: engine::import::ImportProgress = imports::read(&done.counts);
        assert_eq!((counts.rows, counts.created, counts.updated, counts.unchanged), (700, 700, 0, 0));
        let after = engine.contact(actor, contacts[0].id).await.unwrap();
        assert_eq!(value(&after, "city"), Some("Kyiv"), "an edit was lost");
        let gone = engine.search(actor, &contacts[1].phone, 9).await.unwrap();
        assert!(gone.is_empty(), "who was deleted came back");
        let done = engine.start_import(actor, upload.id, &choices).await;
        assert!(
            matches!(done, Err(imports::ImportsError::NotNow { .. })),
            "what is done does not start again: {done:?}"
        );
        world.end().await;
    });
}

#[test]
fn imports_undone_in_any_order_leave_what_was_before_all_of_them() {
    // What each import writes over the one before; every order in which the three may be undone.
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for order in orders {
        on_both(Plan::default, async |world| {
            let (engine, actor) = (&world.engine, &world.actor);
            let hot = engine.create_label(actor, "Hot", "red").await.unwrap();
            let own = import(&world, "Phone,City,State\n2125550101,Rome,\n2125550102,Oslo,NY\n", overwriting()).await;
            let before = everybody(&world).await;
            let hotly = ImportOptions { label: Some(hot.id), ..overwriting() };
            let all = [
                import(&world, "Phone,City,State\n2125550101,Bern,FL\n2125550102,Bern,\n", hotly.clone()).await,
                import(&world, "Phone,City,Zip\n2125550101,Kyiv,10001\n2125550102,Oslo,10002\n", hotly).await,
                import(&world, "Phone,City\n2125550101,Lima\n2125550102,Lima\n", overwriting()).await,
            ];
            for place in order {
                undo(&world, all[place]).await;
                let label_stays = labelled(&world).await.len();
                let givers_left = order.iter().skip_while(|one| **one != place).skip(1).any(|one| *one < 2);
                assert_eq!(label_stays, if givers_left { 2 } else { 0 }, "{order:?} after {place}");
            }
            assert_eq!(everybody(&world).await, before, "{order:?}");
            assert_eq!(undo(&world, own).await.undone, 2, "{order:?}: nobody has touched them");
            world.end().await;
        });
    }
}

#[test]
fn what_somebody_wrote_between_two_imports_stays_theirs_whichever_is_undone_first() {
    // The second import brings a value of its own, or the very one that the first had brought.
    for (order, second) in [([0, 1], "Lima"), ([1, 0], "Lima"), ([0, 1], "Bern"), ([1, 0], "Bern")] {
        on_both(Plan::default, async |world| {
            let (engine, actor) = (&world.engine, &world.actor);
            import(&world, "Phone,City\n2125550101,Rome\n", overwriting()).await;
            let id = everybody(&world).await[0].id;
            let first = import(&world, "Phone,City\n2125550101,Bern\n", overwriting()).await;
            engine.edit_contact(actor, id, vec![("City".to_owned(), Some("Kyiv".to_owned()))]).await.unwrap();
            let second = import(&world, &format!("Phone,City\n2125550101,{second}\n"), overwriting()).await;
            for place in order {
                undo(&world, [first, second][place]).await;
            }
            assert_eq!(value(&everybody(&world).await[0], "city"), Some("Kyiv"), "{order:?}");
            world.end().await;
        });
    }
}

#[test]
fn a_value_that_comes_back_is_the_last_ones_and_a_label_taken_by_hand_stays_off() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let hot = engine.create_label(actor, "Hot", "red").await.unwrap().id;
        import(&world, "Phone,City\n2125550101,new\n", overwriting()).await;
        let before = everybody(&world).await;
        let mut all = Vec::new();
        for (place, state) in ["open", "closed", "open"].into_iter().enumerate() {
            // The first and the last give a label, which somebody takes off between them.
            let label = (place != 1).then_some(hot);
            let file = format!("Phone,City\n2125550101,{state}\n");
            all.push(import(&world, &file, ImportOptions { label, ..overwriting() }).await);
            if place == 0 {
                engine.label_contacts(actor, hot, vec![before[0].id], Labelling::Take).await.unwrap();
            }
        }
        undo(&world, all[0]).await;
        assert_eq!(value(&everybody(&world).await[0], "city"), Some("open"), "the last one's");
        assert_eq!(labelled(&world).await.len(), 1, "the last one's");
        undo(&world, all[2]).await;
        assert_eq!(value(&everybody(&world).await[0], "city"), Some("closed"));
        assert_eq!(labelled(&world).await.len(), 0);
        undo(&world, all[1]).await;
        assert_eq!(everybody(&world).await, before);
        world.end().await;
    });
}

#[test]
fn who_stayed_since_another_import_had_met_them_goes_with_that_one() {
    on_both(Plan::default, async |world| {
        let made = import(&world, "Phone,City\n2125550101,Rome\n2125550102,\n2125550103,\n", overwriting()).await;
        let ids: Vec<ContactId> = everybody(&world).await.iter().map(|contact| contact.id).collect();
        let first = import(&world, "Phone,City\n2125550101,Bern\n2125550102,\n2125550103,Oslo\n", overwriting()).await;
        let second = import(&world, "Phone,City\n2125550101,Rome\n", overwriting()).await;
        world.engine.add_note(&world.actor, ids[2], "Call in May").await.unwrap();
        let outcome = undo(&world, made).await;
        assert_eq!((outcome.undone, outcome.kept), (0, 3));
        undo(&world, first).await;
        let there = async || everybody(&world).await.iter().map(|contact| contact.id).collect::<Vec<_>>();
        assert_eq!(there().await, [ids[0], ids[2]], "one was met by the second too, one has a note");
        undo(&world, second).await;
        assert_eq!(there().await, [ids[2]]);
        let outcome: Outcome = imports::read(&found(&world, made).await.outcome);
        assert_eq!((outcome.undone, outcome.kept), (2, 1));
        world.end().await;
    });
}
