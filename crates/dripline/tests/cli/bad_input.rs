//! Bad input through the real binary: each file, path and setting that is wrong has a clear error or a
//! defined result, and nothing is lost.

use std::fs;

use serde_json::json;
use store::{Address, Lane, Sql, Store};

use crate::house::{House, SmallDisk};
use crate::program;

fn utf16(text: &str) -> Vec<u8> {
    [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

#[test]
fn a_file_that_is_no_list_of_contacts_is_refused_with_what_to_do() {
    let house = House::sqlite();
    house.furnish();
    let endless = [b"Phone,Note\n2125550134,\"".to_vec(), vec![b'x'; 1_500_000]].concat();
    let random: Vec<u8> = (0..50_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let cases: [(&[u8], &str); 11] = [
        (b"", "the file is empty, or its first row has no column names"),
        (b"\xef\xbb\xbf\r\n", "the file is empty, or its first row has no column names"),
        (b"Phone,Name\r\n", "the file has column names and no rows below them"),
        (b"Phone;Name\n;\n", "the file has column names and no rows below them"),
        (b"Name,City\nAnn,Rome\n", "no column is a phone; the first row has \"Name\", \"City\"; name the column"),
        (b"Phone,City,city\n2125550134,,\n", "the column \"city\" is there twice, as column 2 and as column 3"),
        (b"PK\x03\x04 and so on", "the file is a damaged Excel workbook or ZIP archive; save it as CSV"),
        (b"%PDF-1.7", "the file is a PDF"),
        (&random, "the file is no text; save it as CSV (UTF-8) and import that"),
        (b"P\0h\0o\0n\0e\0", "the file is no text"),
        (&endless, "the row on line 2 is longer than 1048576 bytes; a quotation mark is probably never closed"),
    ];
    for (file, expected) in cases {
        house.write("bad.csv", file);
        let error = house.error(&["contacts", "import", "bad.csv", "--no-consent", "--rejected", "rejected.csv"]);
        assert!(
            error.starts_with("1 error: bad.csv is not imported\n  because: ") && error.contains(expected),
            "{error}"
        );
        assert!(!house.path("rejected.csv").exists(), "{expected}");
    }
    let none = ["enroll", "--workflow", "spring leads", "--all", "--yes"];
    let error = house.run(&none).errors;
    assert!(error.contains("the workspace has no contact: import some"), "{error}");
}

#[test]
fn a_file_in_any_usual_form_is_imported() {
    let house = House::sqlite();
    house.furnish();
    let cases: [(Vec<u8>, &str, &str, &str); 6] = [
        (b"Phone,Name\r\n2125550130,Zo\xc3\xab\r\n".to_vec(), "UTF-8", ",", "0"),
        (b"\xef\xbb\xbfPhone;Name\n2125550131;Ann\n".to_vec(), "UTF-8", ";", "0"),
        (b"Name\tPhone\nAnn\t2125550132\n".to_vec(), "UTF-8", "\t", "0"),
        (b"Phone|Name\n2125550133|Jos\xe9".to_vec(), "UTF-8", "|", "1"),
        (utf16("Phone,Name\r\n2125550134,Zo\u{eb}\r\n"), "UTF-16LE", ",", "0"),
        (b"sep=;\r\nPhone;Name\r\n2125550135;Ann\r\n".to_vec(), "UTF-8", ";", "0"),
    ];
    for (file, encoding, separator, warned) in cases {
        house.write("good.csv", file);
        let done = house.json(&["contacts", "import", "good.csv", "--no-consent"]);
        let counts = &done["counts"];
        assert_eq!((&counts["created"], counts["warned"].to_string().as_str()), (&json!(1), warned), "{done}");
        assert_eq!((&done["encoding"], &done["separator"]), (&json!(encoding), &json!(separator)), "{done}");
    }
    // Onto a list; one that cannot be leaves nothing behind that is in the way of the next try.
    let long = "x".repeat(81);
    for _ in 0..2 {
        let onto = ["contacts", "import", "good.csv", "--no-consent", "--rejected", "rejected.csv", "--list", &long];
        let refused = house.run(&onto);
        assert!(refused.code != 0 && refused.errors.contains("1 to 80 characters"), "{}", refused.errors);
    }
    let onto = house.json(&["contacts", "import", "good.csv", "--no-consent", "--list", "Dallas owners"]);
    assert_eq!((&onto["counts"]["unchanged"], &onto["counts"]["without_consent"]), (&json!(1), &json!(1)), "{onto}");
    let piped = house.run_with(
        &["contacts", "import", "-", "--no-consent", "--map", "Tel 1=Phone", "--map", "x="],
        "Tel 1,x\n2125550136,1\n",
    );
    assert!(piped.code == 0 && piped.output.contains("x      (left out)"), "{} {}", piped.output, piped.errors);
}

#[test]
fn rows_that_do_not_fit_come_back_in_a_file_and_the_others_are_taken() {
    let house = House::sqlite();
    house.furnish();
    let (wide, huge) = ("x,".repeat(200), "y".repeat(1_000_000));
    let file = format!(
        "Phone,Name,Note\n2125550130,Ann,\n2125550131,{wide}\n2125550132\n2125550133,Bob,{huge}\n2125550134,Cy,\"open\n2125550135,Di,\n"
    );
    house.write("mixed.csv", &file);
    let told = house.text(&["contacts", "import", "mixed.csv", "--no-consent", "--rejected", "rejected.csv"]);
    for part in [
        "line 3: the row has 202 cells and the file 3 columns",
        "line 4: the row has 1 cell only and the file 3 columns",
        "line 5: \"Note\": \"Note\" has 1000000 characters; 2000 is the most",
        "line 6: a quotation mark is never closed: the 2 lines from here to the end of the file were read as one value",
        "new contacts                  1",
        "all of them are in rejected.csv",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let rejected = fs::read_to_string(house.path("rejected.csv")).unwrap();
    assert!(rejected.contains(&huge) && rejected.contains("2125550135,Di"));
    // Neither the rejected rows of the time before nor the file itself is overwritten.
    for there in ["rejected.csv", "mixed.csv"] {
        let error = house.error(&["contacts", "import", "mixed.csv", "--no-consent", "--rejected", there]);
        assert!(error.contains("exists already: name a new file"), "{error}");
    }
    assert_eq!(fs::read_to_string(house.path("mixed.csv")).unwrap(), file);
    assert_eq!(fs::read_to_string(house.path("rejected.csv")).unwrap(), rejected);
}

#[test]
fn a_workflow_file_is_refused_with_every_fault_at_its_place() {
    let house = House::sqlite();
    house.furnish();
    let step = |text: &str| format!("name = \"A\"\n[[steps]]\nafter_days = 0\ntext = \"{text}\"\n");
    let ten: String = (0..10).map(|n| format!("[[steps]]\nafter_days = {}\ntext = \"Hi {n}\"\n", n.min(1))).collect();
    let cases = [
        (String::new(), "line 1, column 1: the key name is missing"),
        (format!("name = \"A\"\n{ten}"), "line 29, column 1: the workflow has 10 steps; at most 9 are allowed"),
        (step("x").replace('0', "366"), "line 3, column 14: step 1: the gap is 366 days; it must be 0 to 365"),
        (
            step(&"word ".repeat(80)),
            "line 4, column 8: step 1: the text has 3 segments without its variables; at most 2",
        ),
        (step("Hi {Favourite Boat}"), "line 4, column 8: step 1: there is no field \"Favourite Boat\""),
        (
            step("x") + "delay = 1\n",
            "line 5, column 1: there is no key \"delay\" here; the keys are after_days and text",
        ),
        (step("x").replace('0', "\"soon\""), "line 3, column 14: this must be a whole number of days"),
        (step("x").replace("\"x\"", "5"), "line 4, column 8: this must be a text in quotes"),
        (step("x").replace("name", "name = \"B\"\nname"), "line 2, column 1: duplicate key"),
        (step("x").replace("[[steps]]", "[[steps]"), "line 2, column 9: unclosed array table"),
        (step("x").replace("\"A\"", "\" SPRING leads\""), "there is a workflow named \"SPRING leads\" already"),
        ("\0".repeat(300_000), "line 1, column 1: the file has 262145 bytes; at most 262144 are allowed"),
    ];
    for (file, expected) in cases {
        house.write("bad.toml", &file);
        let error = house.error(&["workflow", "import", "bad.toml"]);
        assert!(error.starts_with(&format!("1 error: bad.toml: {expected}")), "{expected}: {error}");
    }
    house.write("latin.toml", b"name = \"Fr\xfchling\"\n");
    let error = house.error(&["workflow", "import", "latin.toml"]);
    assert!(error.contains("latin.toml: line 1, column 11: the file is no UTF-8 text"), "{error}");
    assert_eq!(house.json(&["workflow", "list"])["data"].as_array().unwrap().len(), 1);
    // A brace that opens nothing is text, as it says in the rules of templates.
    house.write("brace.toml", step("Hi {First Name"));
    assert_eq!(house.json(&["workflow", "import", "brace.toml"])["steps"][0]["text"], "Hi {First Name");
}

#[test]
fn a_setting_that_is_wrong_is_named_with_its_place() {
    let house = House::sqlite();
    for (file, expected) in [
        (&b"listn = \"x\"\n"[..], "bad.toml, line 1, column 1: there is no setting \"listn\""),
        (b"demo = true\nlisten = 3\n", "bad.toml, line 2, column 10: listen takes a text in quotes"),
        (b"listen = \n", "bad.toml, line 1, column 10: "),
        (b"data = \"a\"\ndata = \"b\"\n", "bad.toml, line 2, column 1: duplicate key"),
        (b"database = \"mysql://root:hunter2@h/x\"\n", "database (from bad.toml, line 1) must be sqlite:PATH or"),
        (b"\xff\xfe", "the configuration file bad.toml cannot be read"),
    ] {
        house.write("bad.toml", file);
        let mut command = program::command(&["workspace", "list", "--config", "bad.toml"]);
        let done = command.current_dir(house.folder.path()).output().unwrap();
        let errors = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(2), "{errors}");
        assert!(errors.starts_with(&format!("error: {expected}")) && !errors.contains("hunter2"), "{errors}");
    }
    let error = house.error(&["migrate", "--database", "mysql://x"]);
    assert!(error.starts_with("2 error: database (from --database) must be sqlite:PATH or postgres://"), "{error}");
}

#[test]
fn a_database_that_cannot_be_used_says_why_and_stays_as_it_is() {
    const NEWER: Sql = Sql::Same("INSERT INTO schema_migrations (number, name, checksum) VALUES (9999, 'future', '')");
    let house = House::sqlite();
    fs::create_dir(house.path("folder")).unwrap();
    let letter = "Dear reader, this is not a database. ".repeat(200);
    house.write("letter.txt", &letter);
    house.write("file", "");
    let newer = Store::open(&Address::file(house.path("newer.db"))).unwrap();
    newer.write_blocking(Lane::Normal, |tx| tx.execute(&NEWER, &[])).unwrap();
    drop(newer);
    let damaged = "the database is damaged or is not a database: restore the last backup, or name another file";
    for (arguments, expected) in [
        (["migrate", "--database", "sqlite:folder"], "folder is a folder: name a file in it"),
        (["ledger verify", "--database", "sqlite:folder"], "folder is a folder: name a file in it"),
        (["migrate", "--database", "sqlite:none/x.db"], "the folder none does not exist: make it first"),
        (["ledger verify", "--database", "sqlite:none.db"], "there is no database none.db: check its name, or make it"),
        (["migrate", "--database", "sqlite:letter.txt"], damaged),
        (["ledger verify", "--database", "sqlite:letter.txt"], damaged),
        (["migrate", "--database", "sqlite:newer.db"], "the database has schema 9999, newer than "),
        (["ledger verify", "--database", "sqlite:newer.db"], "the database has schema 9999, newer than "),
        (["serve", "--database", "sqlite:newer.db"], "the database has schema 9999, newer than "),
        (
            ["migrate", "--data", "file"],
            "the data folder file cannot be used: let this program's user write it, or name",
        ),
        (["migrate", "--data", "file/x"], "the data folder file/x cannot be used"),
    ] {
        let arguments: Vec<&str> = arguments.iter().flat_map(|word| word.split(' ')).collect();
        let error = house.error(&arguments);
        assert!(error.starts_with("1 error: the data") && error.contains(expected), "{arguments:?}: {error}");
        assert!(error.contains("sqlite:") || arguments.contains(&"--data"), "the address is missing: {error}");
    }
    assert_eq!(fs::read_to_string(house.path("letter.txt")).unwrap(), letter);
    assert!(!house.path("none.db").exists() && !house.path("none").exists());
}

#[test]
fn a_server_whose_port_is_taken_says_so() {
    let house = House::sqlite();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = house.error(&["serve", "--listen", &address]);
    let expected = format!("error: cannot listen at {address}: is another program there? choose another with --listen");
    assert!(error.contains(&expected), "{error}");
}

/// Where the test may not mount a disk, `store/tests/crash.rs` has to do.
#[test]
fn a_disk_that_is_full_or_read_only_is_told_and_an_import_goes_on_when_there_is_room() {
    let house = House::sqlite();
    let Some(disk) = SmallDisk::mount(&house.path("data")) else { return };
    house.furnish();
    house.write("data/ballast", vec![7; 21 * 1024 * 1024]);
    let rows: String = (0..10_000).map(|n| format!("212555{n:04},{}\n", "n".repeat(300))).collect();
    house.write("big.csv", format!("Phone,Note\n{rows}"));
    let error = house.error(&["contacts", "import", "big.csv", "--no-consent"]);
    let (_, error) = error.split_once("error: ").unwrap();
    assert!(error.starts_with("big.csv is not imported to its end: ") && error.contains("import it again"), "{error}");
    assert!(error.contains("the disk of the database is full: free some space"), "{error}");
    assert_eq!(house.json(&["ledger", "verify"])["clean"], true);

    fs::remove_file(house.path("data/ballast")).unwrap();
    let again = house.json(&["contacts", "import", "big.csv", "--no-consent"]);
    let counts = &again["counts"];
    let count = |what: &str| counts[what].as_u64().unwrap();
    assert_eq!((count("rows"), count("created") + count("unchanged")), (10_000, 10_000), "{counts}");
    assert!(count("created") > 0 && count("unchanged") > 0, "{counts}");

    disk.forbid_writing();
    // What only reads may do so where the last program has left its log: without one SQLite would have to make it.
    for arguments in [&["credit", "--usd", "1", "--note", "x"][..], &["ledger", "verify"], &["backup", "copy.db"]] {
        let done = house.run(arguments);
        let is_told = done.errors.contains("the database is read-only: let this program's user write the file");
        assert!(is_told && done.output.is_empty() || arguments[0] != "credit" && done.code == 0, "{}", done.errors);
    }
}
