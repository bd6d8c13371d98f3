//! Importing contacts from CSV, on both databases.
use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::{Arc, Mutex};

use domain::access::Role;
use domain::consent::Kind;
use domain::phone::Phone;
use domain::suppression::Suppression;
use engine::contacts::{Contact, MAX_PAGE};
use engine::import::{
    Encoding, FileConsent, ImportError, ImportOptions, ImportOutlets, ImportProgress, ImportReport, OnDuplicate, Pace,
    Target,
};

use crate::fresh::{self, Kept, World, agent, worlds};

fn import_as(world: &World, file: impl Into<Vec<u8>>, options: ImportOptions) -> Result<ImportReport, ImportError> {
    let source = Cursor::new(file.into());
    world.run(world.engine.import_contacts(&agent(), source, options, ImportOutlets::default()))
}

fn import(world: &World, file: impl Into<Vec<u8>>) -> ImportReport {
    import_as(world, file, ImportOptions::default()).unwrap()
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

fn field<'c>(contact: &'c Contact, key: &str) -> Option<&'c str> {
    contact.fields.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

/// New, updated and unchanged contacts, and repeats.
fn counts(report: &ImportReport) -> (u64, u64, u64, u64) {
    let counts = &report.counts;
    (counts.created, counts.updated, counts.unchanged, counts.duplicates)
}

#[test]
fn good_rows_become_contacts_and_bad_ones_come_back_with_reasons() {
    let file = "\u{feff}First Name;Mobile;Lot Size;Notes\r\n\
        Ann;(212) 555-0134;1.5;\"two\r\nlines\"\r\n\
        ;;;\r\n\
        Bob;12;2;\r\n\
        Cleo;305-555-0177;;x;y\r\n\
        Dan;+1 305 555 0178;3;\r\n";
    for world in worlds() {
        let kept = Kept::default();
        let steps = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&steps);
        let outlets = ImportOutlets {
            rejects: Box::new(kept.clone()),
            progress: Box::new(move |progress| seen.lock().unwrap().push(*progress)),
        };
        let source = Cursor::new(file.as_bytes().to_vec());
        let agent = agent();
        let done = world.engine.import_contacts(&agent, source, ImportOptions::default(), outlets);
        let report = world.run(done).unwrap();
        assert_eq!((report.encoding, report.separator), (Encoding::Utf8, ';'), "{}", world.db.name);
        assert_eq!((report.counts.rows, report.counts.blank, report.counts.rejected), (4, 1, 2));
        assert_eq!(counts(&report), (2, 0, 0, 0));
        let pace = Pace { bytes: file.len() as u64, ..Pace::default() };
        assert_eq!(*steps.lock().unwrap(), [ImportProgress { pace, ..report.counts }]);
        let all = contacts(&world);
        assert_eq!(field(&all["+12125550134"], "notes"), Some("two\nlines"));
        assert_eq!((all["+13055550178"].name.as_str(), field(&all["+13055550178"], "lotsize")), ("Dan", Some("3")));
        assert_eq!(
            kept.text(),
            "First Name,Mobile,Lot Size,Notes,Rejected Row,Rejected Line,Rejected Because\n\
             Bob,12,2,,4,5,\"\"\"Mobile\"\": the number is too short\"\n\
             Cleo,305-555-0177,,x,5,6,the row has 5 cells and the file 4 columns; a separator inside of a value needs \
             quotes around it,y\n"
        );
        assert_eq!(world.events(), ["contacts.imported"]);
    }
}

#[test]
fn the_same_file_again_changes_nothing() {
    let mut file = "Phone,Phone 2,City\n".to_owned();
    for n in 0..1_200 {
        file.push_str(&format!("212-555-{:04},305-555-{:04},City {n}\n", n % 1_100, n % 1_150));
    }
    for world in worlds() {
        for rule in [OnDuplicate::FillEmpty, OnDuplicate::Overwrite] {
            let options = ImportOptions { on_duplicate: rule, ..ImportOptions::default() };
            let _ = import_as(&world, file.clone(), options.clone()).unwrap();
            let before = contacts(&world);
            assert_eq!(before.len(), 1_100 + 1_150);
            let again = import_as(&world, file.clone(), options).unwrap();
            assert_eq!(counts(&again), (0, 0, 2_250, 150), "{} {rule:?}", world.db.name);
            assert_eq!(contacts(&world), before);
        }
    }
}

#[test]
fn contacts_that_are_there_are_filled_and_overwritten_only_if_chosen() {
    for world in worlds() {
        let _ = import(&world, "Phone,First Name,City\n2125550134,Ann,Miami\n2125550135,,\n");
        let file = "Phone,First Name,City,Zip\n2125550134,Anna,,33101\n+12125550135,Bob,,\n2125550134,Ana,Rome,\n";
        let filled = import(&world, file);
        assert_eq!(counts(&filled), (0, 2, 0, 1), "{}", world.db.name);
        let all = contacts(&world);
        let ann = &all["+12125550134"];
        assert_eq!((field(ann, "firstname"), field(ann, "zip")), (Some("Ann"), Some("33101")));
        assert_eq!(all["+12125550135"].name, "Bob");
        let options = ImportOptions { on_duplicate: OnDuplicate::Overwrite, ..ImportOptions::default() };
        assert_eq!(counts(&import_as(&world, file, options).unwrap()), (0, 1, 1, 1));
        let ann = &contacts(&world)["+12125550134"];
        assert_eq!((ann.name.as_str(), field(ann, "city")), ("Anna", Some("Miami")));
    }
}

#[test]
fn the_phones_of_one_row_share_a_person_now_and_later() {
    for world in worlds() {
        let _ = import(&world, "Phone 1,Phone 2\n2125550134,2125550135\n2125550136,\n2125550135,2125550137\n");
        let first = contacts(&world);
        let person = first["+12125550134"].person;
        assert!(person.is_some(), "{}", world.db.name);
        assert_eq!(first["+12125550135"].person, person);
        assert_eq!(first["+12125550137"].person, person);
        assert_eq!(first["+12125550136"].person, None);
        let report = import(&world, "Phone 1,Phone 2,Phone 3\n2125550136,2125550134,bad\n");
        assert_eq!((counts(&report), report.counts.warned), ((0, 1, 1, 0), 1));
        assert_eq!(report.warnings[0].warning.to_string(), "left out \"Phone 3\": this is not a phone number");
        assert_eq!(contacts(&world)["+12125550136"].person, person);
    }
}

#[test]
fn a_phone_in_the_rows_of_many_makes_them_not_one_person() {
    for world in worlds() {
        let person = |phone: &str| contacts(&world)[phone].person;
        let office = "Name,Phone 1,Phone 2\nAnn Lee,2125550134,2125550100\nBob Roe,2125550135,2125550100\n ANN LÉE ,2125550136,2125550134\n";
        let _ = import(&world, office);
        assert_eq!(person("+12125550100"), person("+12125550134"), "{}", world.db.name);
        assert_ne!(
            person("+12125550135"),
            person("+12125550134"),
            "Bob is not Ann, whose row had the office's number first"
        );
        assert_eq!(person("+12125550136"), person("+12125550134"), "she is written otherwise");
        let again = import(&world, office);
        assert_eq!(counts(&again).1, 0, "a second run changes nothing");
        // Without names the number of numbers is all that can be known.
        let nameless = (0..60).map(|n| format!("21255502{n:02},2125550199\n")).collect::<String>();
        let _ = import(&world, &*format!("Phone 1,Phone 2\n{nameless}"));
        let all = contacts(&world);
        let of =
            |phone: &str| all.values().filter(|one| one.person.is_some() && one.person == all[phone].person).count();
        assert_eq!(of("+12125550199"), 20);
        assert!(all.keys().all(|phone| of(phone) <= 20));
    }
}

#[test]
fn old_encodings_are_read_and_told() {
    for world in worlds() {
        let latin = import(&world, &b"Phone\tName\n2125550134\tJos\xe9\n2125550135\tAnn\n"[..]);
        assert_eq!((latin.separator, latin.counts.warned, latin.warnings[0].line), ('\t', 1, 2));
        let text = "Phone|Name\r\n2125550136|Zoë 🚒\r\n";
        let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(import(&world, utf16).encoding, Encoding::Utf16Le);
        let nul = import(&world, format!("Phone,Name\n{}2125550137,a\0b\u{1}c\n", "2125550138,x\n".repeat(6_000)));
        assert_eq!(nul.counts.rejected, 0);
        let all = contacts(&world);
        let names = ["+12125550134", "+12125550136", "+12125550137"].map(|phone| all[phone].name.as_str());
        assert_eq!(names, ["José", "Zoë 🚒", "abc"], "{}", world.db.name);
    }
}

/// A workbook of phones that are numbers, with a row without any and one that is no phone.
fn workbook() -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (row, (phone, name)) in (0..).zip([("Phone", "Name"), ("2125550134", "José"), ("", ""), ("nonsense", "Bob")]) {
        match phone.parse::<f64>() {
            Ok(number) => sheet.write(row, 0, number).unwrap(),
            Err(_) => sheet.write(row, 0, phone).unwrap(),
        };
        sheet.write(row, 1, name).unwrap();
    }
    sheet.write(4, 0, "(212) 555-0135").unwrap().write(4, 1, "Ann; the \"first\"").unwrap();
    book.save_to_buffer().unwrap()
}

#[test]
fn an_excel_workbook_is_read_as_its_rows_which_keep_their_numbers() {
    for world in worlds() {
        let kept = Kept::default();
        let outlets = ImportOutlets { rejects: Box::new(kept.clone()), ..ImportOutlets::default() };
        let (engine, agent, source) = (&world.engine, agent(), Cursor::new(workbook()));
        let report = world.run(engine.import_contacts(&agent, source, ImportOptions::default(), outlets)).unwrap();
        assert_eq!((report.encoding, report.counts.created, report.counts.blank), (Encoding::Workbook, 2, 1));
        assert_eq!((report.rejects.len(), report.rejects[0].row), (1, 4));
        assert!(kept.text().contains("nonsense,Bob,"), "{}", kept.text());
        let all = contacts(&world);
        let names = ["+12125550134", "+12125550135"].map(|phone| all[phone].name.as_str());
        assert_eq!(names, ["José", "Ann; the \"first\""], "{}", world.db.name);
        // What is unpacked once is read like the workbook itself, and changes nothing twice.
        let mut rows = engine::import::unpacked(Cursor::new(workbook())).unwrap().unwrap();
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut rows, &mut text).unwrap();
        let again = import(&world, text);
        assert_eq!((again.encoding, again.counts.created, again.counts.unchanged), (Encoding::Workbook, 0, 2));
        assert!(engine::import::unpacked(Cursor::new(b"Phone\n")).unwrap().is_none());
    }
}

#[test]
fn what_is_read_of_how_much_is_told_of_texts_and_of_workbooks() {
    let text = (0..9_900).fold("Phone,City\n".to_owned(), |text, n| format!("{text}212-555-{n:04},Albany {n}\n"));
    for world in worlds() {
        let paces = |file: Vec<u8>, bytes: Option<u64>| {
            let steps = Arc::new(Mutex::new(Vec::new()));
            let seen = Arc::clone(&steps);
            let progress = Box::new(move |counts: &ImportProgress| seen.lock().unwrap().push(counts.pace));
            let outlets = ImportOutlets { progress, ..ImportOutlets::default() };
            let (options, agent) = (ImportOptions { bytes, ..ImportOptions::default() }, agent());
            let report = world.run(world.engine.import_contacts(&agent, Cursor::new(file), options, outlets)).unwrap();
            assert!(report.counts.pace.is_unknown(), "what is over has no pace");
            let steps = steps.lock().unwrap();
            assert!(steps.is_sorted_by_key(|pace: &Pace| pace.bytes));
            steps.clone()
        };
        let all = Some(text.len() as u64);
        let told = paces(text.clone().into_bytes(), all);
        let (first, last) = (told[0], told[told.len() - 1]);
        assert!(told.len() > 4 && first.bytes < text.len() as u64, "{} {told:?}", world.db.name);
        assert_eq!((Some(last.bytes), last.of_bytes, last.percent()), (all, all, Some(99)));
        assert_eq!((first.rows_per_second, first.seconds_left), (None, None), "the clock stands still");
        // Of a workbook the rows count, not what it is packed into.
        let mut rows = engine::import::unpacked(Cursor::new(workbook())).unwrap().unwrap();
        let rows = std::io::copy(&mut rows, &mut std::io::sink()).unwrap();
        let told = paces(workbook(), Some(workbook().len() as u64));
        assert_eq!((told[0].bytes, told[0].of_bytes), (rows, Some(rows)));
        // A file that grew since it was measured has no share.
        assert_eq!(paces(text.clone().into_bytes(), Some(1_000))[0].of_bytes, None);
        assert_eq!(paces(text.clone().into_bytes(), None)[0].of_bytes, None);
    }
}

#[test]
fn two_imports_of_one_file_at_once_make_each_contact_once() {
    let mut file = "Phone,City\n".to_owned();
    (0..3_000).for_each(|n| file.push_str(&format!("212-{:03}-{:04},x\n", 555 + n / 10_000, n)));
    for world in worlds() {
        let one = |file: &str| {
            let (engine, source) = (world.engine.clone(), Cursor::new(file.as_bytes().to_vec()));
            async move { engine.import_contacts(&agent(), source, ImportOptions::default(), ImportOutlets::default()).await }
        };
        let (a, b) = world.run(async { tokio::join!(tokio::spawn(one(&file)), tokio::spawn(one(&file))) });
        let (a, b) = (a.unwrap().unwrap(), b.unwrap().unwrap());
        assert_eq!(a.counts.created + b.counts.created, 3_000, "{}", world.db.name);
        assert_eq!(a.counts.unchanged + b.counts.unchanged, 3_000);
    }
}

#[test]
fn files_that_cannot_be_imported_say_why_and_change_nothing() {
    for world in worlds() {
        let fails = |file: &[u8]| import_as(&world, file, ImportOptions::default()).unwrap_err();
        assert!(matches!(fails(b""), ImportError::Empty));
        assert!(matches!(fails(b"Phone,Lot Size\n,\n"), ImportError::NoRows));
        assert!(matches!(fails(b"PK\x03\x04"), ImportError::Binary { .. }));
        assert!(matches!(fails(b"Name\nAnn\n"), ImportError::NoPhoneColumn { .. }));
        assert!(matches!(fails(b"Phone,A,a\n2125550134,,\n"), ImportError::ColumnTwice { first: 2, second: 3, .. }));
        let viewer = fresh::actor(Role::Viewer);
        let source = Cursor::new(b"Phone\n2125550134\n".to_vec());
        let done = world.engine.import_contacts(&viewer, source, ImportOptions::default(), ImportOutlets::default());
        assert!(matches!(world.run(done), Err(ImportError::Forbidden(_))));
        assert!(contacts(&world).is_empty() && world.events().is_empty(), "{}", world.db.name);
    }
}

#[test]
fn rows_that_do_not_fit_are_rejected_one_by_one_and_the_others_taken() {
    let wide = "x,".repeat(200);
    let huge = "y".repeat(1_000_000);
    let file = format!(
        "Phone,Name,Note\n2125550134,Ann,ok\n2125550135,{wide}\n2125550136\n2125550137,Bob,{huge}\n2125550138,Cleo,ok\n\
         2125550139,Dan,\"never closed\n2125550140,Eve,ok\n2125550141,Fay,ok\n"
    );
    for world in worlds() {
        let kept = Kept::default();
        let outlets = ImportOutlets { rejects: Box::new(kept.clone()), ..ImportOutlets::default() };
        let source = Cursor::new(file.clone().into_bytes());
        let (engine, agent) = (&world.engine, agent());
        let report = world.run(engine.import_contacts(&agent, source, ImportOptions::default(), outlets)).unwrap();
        let reasons: Vec<_> = report.rejects.iter().map(|reject| (reject.line, reject.reason.to_string())).collect();
        let told = [
            (3, "the row has 202 cells and the file 3 columns; a separator inside of a value needs quotes around it"),
            (4, "the row has 1 cell only and the file 3 columns"),
            (5, "\"Note\": \"Note\" has 1000000 characters; 2000 is the most"),
            (
                7,
                "a quotation mark is never closed: the 3 lines from here to the end of the file were read as one value",
            ),
        ];
        let told: Vec<_> = told.iter().map(|(line, reason)| (*line, (*reason).to_owned())).collect();
        assert_eq!(reasons, told, "{}", world.db.name);
        assert_eq!(contacts(&world).len(), 2, "{}", world.db.name);
        // What was swallowed is in the file of rejected rows, to be mended and imported again.
        assert!(kept.text().contains("2125550140,Eve,ok") && kept.text().contains(&huge), "{}", world.db.name);
    }
}

#[test]
fn a_mapping_decides_what_the_guess_cannot() {
    for world in worlds() {
        let mapping = vec![("A".to_owned(), Target::Phone), ("B".to_owned(), Target::Field("City".to_owned()))];
        let options = ImportOptions { mapping, region: domain::phone::Region::GB, ..ImportOptions::default() };
        let report = import_as(&world, "A,B\n07400 123456,London\n", options).unwrap();
        assert_eq!(counts(&report), (1, 0, 0, 0), "{}", world.db.name);
        assert_eq!(field(&contacts(&world)["+447400123456"], "city"), Some("London"));
    }
}

#[test]
fn the_consent_of_a_file_is_recorded_for_each_phone_once_and_lifts_nothing() {
    let file = "Phone,Mobile,First Name,Consent,Opt-In Date\n\
        2125550134,3055550177,Ann,,\n\
        2125550135,,Bob,yes,2026-03-04\n\
        2125550136,,Cat,no,\n\
        2125550137,,Dan,yes,someday\n\
        2125550138,,Eve,opted out,\n";
    let consent = || FileConsent {
        kind: Some(Kind::Written),
        source: "web form".to_owned(),
        date: "2026-03-03".to_owned(),
        text: "I agree to texts.".to_owned(),
    };
    for world in worlds() {
        let stop = world.run(world.engine.suppress_phone(
            &agent(),
            Phone::stored("+12125550134").unwrap(),
            Suppression::DoNotContact,
        ));
        stop.unwrap();
        let options =
            || ImportOptions { consent: consent(), file: Some("leads.csv".to_owned()), ..ImportOptions::default() };
        let report = import_as(&world, file, options()).unwrap();
        assert_eq!((report.counts.created, report.counts.rejected, report.counts.consents), (5, 1, 3));
        assert!(report.rejects[0].reason.to_string().contains("taken back"), "{report:?}");
        assert!(report.warnings[0].warning.to_string().contains("\"someday\" is no date"), "{report:?}");
        let history = |phone: &str| {
            let id = contacts(&world)[phone].id;
            world.run(world.engine.consents(&agent(), id, None, 10)).unwrap()
        };
        let ann = history("+12125550134");
        assert!(ann.standing.is_valid());
        let record = &ann.records[0];
        assert_eq!((record.kind, record.text.as_deref()), (Kind::Written, Some("I agree to texts.")));
        assert_eq!(record.evidence.file.as_deref(), Some("leads.csv"));
        assert_eq!(history("+13055550177").records.len(), 1, "each phone of the row has its own");
        assert_eq!(history("+12125550135").records[0].kind, Kind::Express, "a row goes before the file");
        assert!(history("+12125550136").records.is_empty() && history("+12125550137").records.is_empty());
        let id = contacts(&world)["+12125550134"].id;
        assert_eq!(world.run(world.engine.suppressions(&agent(), id)).unwrap(), [Suppression::DoNotContact]);
        // The same file again adds nothing.
        assert_eq!(import_as(&world, file, options()).unwrap().counts.consents, 0);
        assert_eq!(history("+12125550134").records.len(), 1);
    }
}
