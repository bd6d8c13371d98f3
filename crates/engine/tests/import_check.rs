//! The check of a file before its import, on both databases: it says what the import then does, and changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};
use std::sync::mpsc;

use domain::access::Role;
use domain::consent::Kind;
use domain::phone::Phone;
use domain::suppression::Suppression;
use engine::contacts::{Contact, MAX_CUSTOM_FIELDS, MAX_PAGE};
use engine::import::check::{ImportCheck, MAX_SAMPLED};
use engine::import::{FileConsent, ImportError, ImportOptions, ImportOutlets, ImportReport, OnDuplicate};

use crate::fresh::{self, Kept, World, agent, worlds};

/// As a file is imported of whose people no consent is recorded.
fn plain() -> ImportOptions {
    ImportOptions { no_consent: true, ..ImportOptions::default() }
}

fn check(world: &World, file: &str, options: &ImportOptions) -> Result<(ImportCheck, Vec<u8>), ImportError> {
    let (source, rejects) = (Cursor::new(file.as_bytes().to_vec()), Kept::default());
    let outlets = ImportOutlets { rejects: Box::new(rejects.clone()), ..ImportOutlets::default() };
    let found = world.run(world.engine.check_import(&agent(), source, options.clone(), outlets))?;
    let rejected = rejects.bytes();
    Ok((found, rejected))
}

fn import(world: &World, file: &str, options: &ImportOptions) -> Result<(ImportReport, Vec<u8>), ImportError> {
    let (source, rejects) = (Cursor::new(file.as_bytes().to_vec()), Kept::default());
    let outlets = ImportOutlets { rejects: Box::new(rejects.clone()), ..ImportOutlets::default() };
    let report = world.run(world.engine.import_contacts(&agent(), source, options.clone(), outlets))?;
    let rejected = rejects.bytes();
    Ok((report, rejected))
}

/// All contacts by phone.
fn contacts(world: &World) -> BTreeMap<String, Contact> {
    let (mut all, mut after) = (BTreeMap::new(), None);
    loop {
        let page = world.run(world.engine.contacts(&agent(), after, "", MAX_PAGE)).unwrap();
        all.extend(page.contacts.into_iter().map(|contact| (contact.phone.clone(), contact)));
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

fn fields(world: &World) -> BTreeSet<String> {
    let known = world.run(world.engine.custom_fields(&fresh::actor(Role::Owner))).unwrap();
    known.fields.into_iter().map(|field| field.name).collect()
}

fn suppress(world: &World, phone: &str) {
    let phone = Phone::stored(phone).unwrap();
    world.run(world.engine.suppress_phone(&agent(), phone, Suppression::DoNotContact)).unwrap();
}

/// A file of several chunks with whatever a file may have: phones that stand in rows of other chunks, alone and beside others, rows that
/// are rejected, values that are missing, consents of some. The same seed gives the same file.
fn file(seed: u64, rows: u64) -> String {
    let mut state = seed;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut text = "Phone,Mobile,First Name,City,Lot Size,Consent,Consent Date\n".to_owned();
    for row in 0..rows {
        let phone = |n: u64| format!("212-555-{n:04}");
        let (first, second) = (phone(draw(rows)), if draw(3) == 0 { phone(draw(rows)) } else { String::new() });
        let first = if draw(20) == 0 { "12".to_owned() } else { first };
        let of = |some: bool, text: &str| if some { text.to_owned() } else { String::new() };
        let (name, city) = (of(draw(2) == 0, &format!("P{row}")), of(draw(2) == 0, "Albany"));
        let (size, consent) = (of(draw(4) == 0, "2"), of(draw(3) == 0, "yes"));
        text.push_str(&format!("{first},{second},{name},{city},{size},{consent},2026-03-0{}\n", 1 + draw(3)));
        if draw(100) == 0 {
            text.push_str(",,,,,,\n");
        }
    }
    text
}

#[test]
fn a_check_says_what_the_import_then_does_also_of_files_whose_chunks_overlap() {
    let consent = || FileConsent { kind: Some(Kind::Express), source: "web form".to_owned(), ..FileConsent::default() };
    for world in worlds() {
        let mut stored = (0, 0);
        for (seed, rule) in [(1, OnDuplicate::FillEmpty), (2, OnDuplicate::Overwrite), (3, OnDuplicate::FillEmpty)] {
            let file = file(seed, 1_700);
            let options = ImportOptions { on_duplicate: rule, consent: consent(), ..ImportOptions::default() };
            let (before, events, known) = (contacts(&world), world.events(), fields(&world));
            let (found, rejected) = check(&world, &file, &options).unwrap();
            assert_eq!((contacts(&world), world.events(), fields(&world)), (before.clone(), events, known.clone()));
            let (report, again) = import(&world, &file, &options).unwrap();
            let name = format!("{} seed {seed}", world.db.name);
            assert_eq!(found.report, report, "{name}");
            assert_eq!(rejected, again, "{name}");
            let after = contacts(&world);
            assert_eq!(found.report.counts.created, (after.len() - before.len()) as u64, "{name}");
            let added: BTreeSet<String> = fields(&world).difference(&known).cloned().collect();
            assert_eq!(found.new_fields.into_iter().collect::<BTreeSet<_>>(), added, "{name}");
            let counts = report.counts;
            assert!(counts.duplicates > 100 && counts.rejected > 10 && counts.consents > 100, "{name} {counts:?}");
            stored = (stored.0 + counts.updated, stored.1 + counts.unchanged);
            for one in found.made.iter().chain(&found.changed) {
                let contact = &after[&one.phone];
                let holds = |field: &str, value: &str| {
                    let key = field.to_lowercase().replace(' ', "");
                    contact.fields.iter().any(|(known, current)| *known == key && current == value)
                };
                assert!(one.fields.iter().all(|diff| holds(&diff.field, &diff.after)), "{name} {one:?} {contact:?}");
            }
            assert_eq!((found.made.len(), found.changed.len() > 3 || seed == 1), (MAX_SAMPLED, true), "{name}");
            // What was imported is there: a second check finds nothing to do.
            let (second, _) = check(&world, &file, &options).unwrap();
            let counts = second.report.counts;
            assert_eq!((counts.created, counts.updated, counts.consents), (0, 0, 0), "{name}");
            assert!(second.made.is_empty() && second.changed.is_empty() && second.new_fields.is_empty(), "{name}");
        }
        assert!(stored.0 > 100 && stored.1 > 100, "{stored:?}");
    }
}

#[test]
fn a_check_shows_what_would_change_what_would_be_made_and_who_is_on_a_list() {
    let there = "Phone,First Name,City\n2125550134,Ann,Miami\n2125550135,,\n2125550136,Cleo,Rome\n2125550137,Dan,\n";
    let file = "Phone,Phone 2,First Name,City,Zip\n2125550134,,Anna,Rome,33101\n2125550135,2125550138,Bob,,\n\
        2125550136,,Cleo,,\n2125550134,,Ana,,\n2125550137,2125550139,Dan,,\n";
    for world in worlds() {
        let _ = import(&world, there, &plain()).unwrap();
        for phone in ["+12125550134", "+12125550138", "+13055550199"] {
            suppress(&world, phone);
        }
        let options = ImportOptions { on_duplicate: OnDuplicate::Overwrite, ..plain() };
        let (found, _) = check(&world, file, &options).unwrap();
        let diffs = |sampled: &[engine::import::check::Sampled]| -> Vec<String> {
            let diff = |diff: &engine::import::check::FieldDiff| {
                format!(" {}: {} > {}", diff.field, diff.before.as_deref().unwrap_or("-"), diff.after)
            };
            let one = |one: &engine::import::check::Sampled| {
                let diffs: String = one.fields.iter().map(diff).collect();
                format!("{} {} {}{diffs}{}", one.row, one.phone, one.name, if one.joined { " joined" } else { "" })
            };
            sampled.iter().map(one).collect()
        };
        let changed = [
            "2 +12125550134 Anna City: Miami > Rome First Name: Ann > Anna Zip: - > 33101",
            "3 +12125550135 Bob First Name: - > Bob joined",
            "6 +12125550137 Dan joined",
        ];
        assert_eq!(diffs(&found.changed), changed, "{}", world.db.name);
        assert_eq!(
            diffs(&found.made),
            ["3 +12125550138 Bob First Name: - > Bob", "6 +12125550139 Dan First Name: - > Dan"]
        );
        assert_eq!(found.suppressed, 2, "of the file, each once");
        assert!(found.new_fields.is_empty(), "a zip is everybody's: {:?}", found.new_fields);
        let filled = check(&world, file, &plain()).unwrap().0;
        assert_eq!(diffs(&filled.changed)[0], "2 +12125550134 Ann Zip: - > 33101");
    }
}

#[test]
fn what_cannot_be_imported_is_refused_for_the_same_reason() {
    for world in worlds() {
        let same = |file: &str| {
            let (found, done) = (check(&world, file, &plain()), import(&world, file, &plain()));
            let (found, done) = (found.unwrap_err().to_string(), done.unwrap_err().to_string());
            assert_eq!(found, done, "{}", world.db.name);
            found
        };
        assert!(same("").contains("empty"));
        assert!(same("Phone,Name\n").contains("no rows below"));
        assert!(same("Name\nAnn\n").contains("no column is a phone"));
        for n in 0..MAX_CUSTOM_FIELDS - 1 {
            world.run(world.engine.add_custom_field(&fresh::actor(Role::Owner), &format!("Own {n}"))).unwrap();
        }
        let fits = "Phone,One More,Own 3\n2125550134,x,y\n";
        assert_eq!(check(&world, fits, &plain()).unwrap().0.new_fields, ["One More"]);
        assert!(same("Phone,One More,Two More\n2125550134,x,y\n").contains("cannot become a field"));
        let viewer = fresh::actor(Role::Viewer);
        let source = Cursor::new(b"Phone\n2125550134\n".to_vec());
        let done = world.engine.check_import(&viewer, source, plain(), ImportOutlets::default());
        assert!(matches!(world.run(done), Err(ImportError::Forbidden(_))));
    }
}

/// A file without an end, which says when nobody reads it any more.
struct Endless {
    row: u64,
    gone: mpsc::Sender<()>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.row += 1;
        let line = if self.row == 1 { "Phone\n".to_owned() } else { format!("212555{:04}\n", self.row % 10_000) };
        let count = line.len().min(buffer.len());
        buffer[..count].copy_from_slice(&line.as_bytes()[..count]);
        Ok(count)
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        let _ = self.gone.send(());
    }
}

#[test]
fn a_check_that_is_dropped_reads_no_further() {
    for world in worlds() {
        let ((gone, went), (tell, mut told)) = (mpsc::channel(), tokio::sync::mpsc::unbounded_channel());
        let progress = Box::new(move |_: &engine::import::ImportProgress| {
            let _ = tell.send(());
        });
        let outlets = ImportOutlets { progress, ..ImportOutlets::default() };
        world.run(async {
            let agent = agent();
            let source = Endless { row: 0, gone };
            let work = world.engine.check_import(&agent, source, plain(), outlets);
            let work = std::pin::pin!(work);
            let begun = std::pin::pin!(told.recv());
            let ended = futures_util::future::select(work, begun).await;
            assert!(matches!(ended, futures_util::future::Either::Right(_)), "it has no end");
        });
        went.recv().unwrap();
    }
}
