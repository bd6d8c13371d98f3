//! The command line through the real binary: what people read, exit codes, closed pipes, settings.

use std::io::{BufRead, BufReader, Write};

use serde_json::Value;

use crate::program::{command, run};

const OPEN: &str = "2026-11-24T15:00:00Z";

#[test]
fn a_text_is_told_with_its_parts_and_what_makes_it_dear() {
    let text = format!("It’s {}\r\n☕", "a".repeat(70));
    let done = run(&["segments", &text], "");
    assert_eq!(done.code, 0);
    for part in ["encoding  UCS-2", "units     77", "segments  2", "1     67", "☕", "U+2615  77", "’         U+2019"]
    {
        assert!(done.output.contains(part), "{part}: {}", done.output);
    }
    assert!(done.output.contains("Smart encoding (--smart) would give UCS-2, 77 units"), "{}", done.output);
    let smart = run(&["segments", "--smart"], "It’s 5 – ok\n").output;
    assert!(smart.contains("GSM-7") && smart.contains("units     11"), "{smart}");
    let json: Value = serde_json::from_str(&run(&["segments", "--json", "It’s"], "").output).unwrap();
    assert_eq!((&json["units"], &json["smart"]["encoding"]), (&4.into(), &"GSM-7".into()));
    assert_eq!(json["culprits"][0]["index"], 2);
}

#[test]
fn what_cannot_be_seen_is_told_by_its_code_and_never_sent_to_the_terminal() {
    let done = run(&["segments", "a\u{1b}[2Jb\u{200b}"], "");
    assert!(!done.output.contains('\u{1b}') && done.output.contains("\\u{001B}[2Jb\\u{200B}"), "{}", done.output);
}

#[test]
fn a_number_is_told_or_refused_with_the_reason() {
    let good = run(&["phone", "(850) 555-0134 x12"], "");
    assert_eq!(good.code, 0);
    for part in ["+18505550134", "FL", "America/Chicago, America/New_York", "12 (texts cannot reach it)"] {
        assert!(good.output.contains(part), "{part}: {}", good.output);
    }
    let bad = run(&["phone", "2.12E+09"], "");
    assert_eq!((bad.code, bad.output.as_str()), (1, ""));
    assert!(bad.errors.contains("(scientific_notation)") && bad.errors.contains("\n  because: "), "{}", bad.errors);
    let json = run(&["phone", "--json", "555"], "");
    let answer: Value = serde_json::from_str(&json.output).unwrap();
    assert_eq!((json.code, &answer["reason"], json.errors.as_str()), (1, &"too_short".into(), ""));
}

#[test]
fn a_window_is_told_with_clocks_rules_and_the_next_opening() {
    let closed = run(&["window", "+18505550134", "--at", "2026-11-24T13:30:00Z"], "").output;
    for part in [
        "not allowed: +18505550134",
        "next opening: 2026-11-24T14:00:00Z, which is Tue 2026-11-24 08:00:00 in America/Chicago",
        "America/New_York  Tue 2026-11-24 08:30:00  open    08:00-21:00  08:00-20:00",
        "area code 850",
        "Fla. Stat. 501.616",
    ] {
        assert!(closed.contains(part), "{part}: {closed}");
    }
    let open = run(&["window", "+13055550134", "--at", OPEN, "--zip", "00000"], "").output;
    assert!(open.starts_with("allowed: ") && open.contains("\"00000\" is not known"), "{open}");
    let json = run(&["window", "+13055550134", "--at", OPEN, "--json"], "").output;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["allowed"], &json["next"], &json["zone_source"]),
        (&true.into(), &Value::Null, &"area_code".into())
    );
    assert_eq!(json["zones"][0]["local"], "2026-11-24T10:00:00-05:00");
    // Without a time it is answered for now, whatever that is.
    assert_eq!(run(&["window", "+13055550134"], "").code, 0);
}

#[test]
fn the_rule_table_is_printed_with_its_date_and_sources() {
    let all = run(&["rules"], "").output;
    assert!(all.contains("as of 2026-11-24") && all.contains("https://") && all.contains("US-RI"), "{all}");
    let json: Value = serde_json::from_str(&run(&["rules", "--json"], "").output).unwrap();
    assert_eq!(json["rules"].as_array().unwrap().len(), 26);
    let florida: Value = serde_json::from_str(&run(&["rules", "florida", "--json"], "").output).unwrap();
    assert_eq!(florida["rules"][1]["windows"]["sun"][1], "20:00");
    let unknown = run(&["rules", "Bavaria"], "");
    assert!(unknown.code == 2 && unknown.errors.contains("\"Bavaria\""), "{}", unknown.errors);
}

#[test]
fn wrong_arguments_leave_with_two_and_say_what_is_wrong() {
    for (arguments, expected) in [
        (vec![], "Usage: dripline"),
        (vec!["sgements"], "segments"),
        (vec!["phone"], "<RAW>"),
        (vec!["phone", "1", "--region", "USA"], "there is no region \"USA\""),
        (vec!["window", "+13055550134", "--at", "noon"], "\"noon\" is no time"),
        (vec!["window", "+13055550134", "--state", "Bavaria"], "no state or province \"Bavaria\""),
        (vec!["segments", "x", "--jsonl"], "cannot be used with"),
        (vec!["window", "--jsonl", "--state", "FL"], "cannot be used with"),
        (vec!["segments", "--json", "--jsonl"], "cannot be used with"),
        (vec!["config", "--config", "no/such.toml"], "no/such.toml cannot be read\n  because: "),
        (vec!["config", "--listen", "nowhere"], "listen (from --listen) must be an IP address"),
    ] {
        let done = run(&arguments, "");
        assert!(done.code == 2 && done.errors.contains(expected), "{arguments:?}: {} {}", done.code, done.errors);
        assert_eq!(done.output, "", "{arguments:?}");
    }
    assert_eq!(run(&["--help"], "").code, 0);
}

#[test]
fn a_reader_that_goes_away_ends_the_work_without_a_word() {
    let mut child = command(&["segments", "--jsonl"]).spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    // The child closes its end as soon as it learns that nobody reads.
    let lines = "{\"text\":\"a\"}\n".repeat(200_000);
    let _ = stdin.write_all(lines.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn a_program_may_ask_line_by_line_and_wait_for_each_answer() {
    let mut child = command(&["segments", "--jsonl"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for units in 1..4 {
        writeln!(stdin, "{{\"text\":\"{}\"}}", "a".repeat(units)).unwrap();
        let mut answer = String::new();
        stdout.read_line(&mut answer).unwrap();
        assert_eq!(answer, format!("{{\"encoding\":\"GSM-7\",\"units\":{units},\"segments\":1}}\n"));
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command(&["version"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.starts_with("error: the answer cannot be written to standard output\n  because: "), "{errors}");
}

#[test]
fn settings_in_force_are_shown_with_their_place_and_without_passwords() {
    let output = command(&["config", "--demo", "--listen", "127.0.0.1:9"])
        .env("DRIPLINE_DATABASE", "postgres://u:hunter2@h/x")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("postgres://h/x") && text.contains("DRIPLINE_DATABASE") && !text.contains("hunter2"),
        "{text}"
    );
    assert!(text.contains("--demo") && text.contains("http://127.0.0.1:9"), "{text}");
}

#[test]
fn a_recorded_call_of_a_carrier_is_judged_with_the_reason() {
    let calls = include_str!("../../../carrier/testdata/twilio_signatures.jsonl");
    let done = run(&["carrier", "verify", "twilio", "--jsonl"], calls);
    assert_eq!(done.code, 0, "{}", done.errors);
    let verdicts = done.output.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let rows = calls.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut judged = 0;
    for (verdict, row) in verdicts.zip(rows) {
        assert_eq!(verdict["valid"], row["valid"], "{row}");
        assert_eq!(verdict["reason"].is_string(), row["valid"] == false, "{verdict}");
        judged += 1;
    }
    assert_eq!(judged, calls.lines().count());
    let good = calls.lines().next().unwrap();
    let one = run(&["carrier", "verify", "twilio"], good);
    assert_eq!((one.code, one.output.as_str()), (0, "The carrier made this call.\n"));
    let bad = run(&["carrier", "verify", "twilio"], good.replace("app.example.com", "app.example.org"));
    assert_eq!((bad.code, bad.output.as_str()), (1, ""));
    assert!(bad.errors.contains("https://app.example.org/hooks/twilio/sms"), "{}", bad.errors);
    let unknown = run(&["carrier", "verify", "acme"], good);
    assert!(
        unknown.code == 2 && unknown.errors.contains("twilio, telnyx, plivo, vonage, bandwidth, gateway"),
        "{}",
        unknown.errors
    );
    let line = run(&["carrier", "verify", "plivo", "--jsonl"], "{}\n");
    assert!(
        line.code == 1 && line.output.contains("line 1: the field \\\"auth_token\\\" is missing"),
        "{}",
        line.output
    );
}
