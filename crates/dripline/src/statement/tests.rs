//! The statement on paper: all of it is there, in its place, on as many sheets as it takes.

use domain::ids::WorkspaceId;
use domain::ledger::Amounts;
use domain::money::Micros;
use engine::statement::{LineKind, MonthLine, MonthStatement};
use jiff::civil::{Date, date};

use super::paper::{Faces, HEIGHT, Mark, Sheet, WIDTH};
use super::{csv, pdf, signed_credits};

fn amounts(credits: i64, micros: i64) -> Amounts {
    Amounts { credits, micros: Micros(micros) }
}

/// A statement whose lines follow from these changes.
pub(super) fn statement(workspace: &str, changes: &[(Date, LineKind, i64, Amounts)]) -> MonthStatement {
    let (opening, mut after) = (amounts(1_000, 25_000_000), amounts(1_000, 25_000_000));
    let line = |(date, kind, count, change): &(Date, LineKind, i64, Amounts)| {
        after = after.plus(*change);
        let segments = (*kind == LineKind::Added).then_some(*count * 7);
        MonthLine { date: *date, kind: *kind, count: (*count > 0).then_some(*count), segments, change: *change, after }
    };
    let lines = changes.iter().map(line).collect();
    MonthStatement {
        id: WorkspaceId(1),
        workspace: workspace.to_owned(),
        zone: "America/New_York".to_owned(),
        month: "2026-10".parse().unwrap(),
        until: None,
        opening,
        lines,
        closing: after,
        held: amounts(12, 180_000),
        made_at: "2026-11-02T14:15:00Z".parse().unwrap(),
    }
}

/// Every kind on every day of a month of 31 days.
pub(super) fn full(workspace: &str) -> MonthStatement {
    let mut changes = Vec::new();
    for day in 1..=31 {
        let on = date(2026, 10, day);
        changes.extend([
            (on, LineKind::Credits, 0, amounts(100_000, 0)),
            (on, LineKind::TopUp, 0, amounts(0, 1_234_567_890_000)),
            (on, LineKind::Added, 123_456, amounts(-98_765, -1_851_840_000)),
            (on, LineKind::ByHand, i64::from(day) % 3, amounts(-1, -15_000)),
            (on, LineKind::Refund, 12, amounts(20, 123_450)),
            (on, LineKind::Withdrawal, 0, amounts(0, -1_000_000_000_000)),
            (on, LineKind::Disputed, 0, amounts(0, -25_000_000)),
            (on, LineKind::DisputeReturned, 0, amounts(0, 25_000_000)),
            (on, LineKind::CreditsEnded, 0, amounts(-7, 0)),
            (on, LineKind::Plan, 0, amounts(0, -29_000_000)),
            (on, LineKind::PlanCredits, 0, amounts(1_000, 0)),
        ]);
    }
    statement(workspace, &changes)
}

/// The texts of a sheet with their places: left, right, baseline.
fn texts(faces: &Faces, sheet: &Sheet) -> Vec<(f32, f32, f32, String)> {
    let text = |mark: &Mark| match mark {
        Mark::Text { x, y, style, text } => Some((*x, *x + faces.width(text, *style), *y, text.clone())),
        Mark::Band { .. } => None,
    };
    sheet.iter().filter_map(text).collect()
}

#[test]
fn nothing_leaves_the_sheet_and_no_text_lies_over_another() {
    let faces = Faces::new().unwrap();
    let long = "A workspace whose name is as long as a name may be, and then some more of it ".repeat(3);
    for statement in [full("Acme Homes"), full(&long), statement("", &[])] {
        let sheets = super::pdf::sheets(&faces, &statement);
        for sheet in &sheets {
            let texts = texts(&faces, sheet);
            for (at, (left, right, y, text)) in texts.iter().enumerate() {
                assert!(*left >= 36.0 && *right <= WIDTH - 36.0 && *y > 36.0 && *y < HEIGHT - 30.0, "{text}");
                for (other_left, other_right, other_y, other) in &texts[at + 1..] {
                    let apart = (y - other_y).abs() >= 8.0 || right <= other_left || other_right <= left;
                    assert!(apart, "{text:?} lies over {other:?}");
                }
            }
        }
    }
}

#[test]
fn every_line_is_on_a_sheet_under_the_heads_and_every_sheet_has_its_number() {
    let faces = Faces::new().unwrap();
    let whole = full("Acme Homes");
    let sheets = super::pdf::sheets(&faces, &whole);
    assert!(sheets.len() >= 4, "{}", sheets.len());
    let mut added = 0;
    for (number, sheet) in (1..).zip(&sheets) {
        let texts: Vec<String> = texts(&faces, sheet).into_iter().map(|text| text.3).collect();
        let has = |wanted: &str| texts.iter().filter(|text| *text == wanted).count();
        assert_eq!(has("Wallet after"), 1, "sheet {number}");
        assert_eq!(has(&format!("Page {number} of {}", sheets.len())), 1);
        added += texts.iter().filter(|text| text.starts_with("123,456 contacts added")).count();
        // Whoever sees a sheet alone knows of which day its first row is.
        let day = texts.iter().skip_while(|text| *text != "Wallet after").nth(1).unwrap();
        assert!(day.contains(", Oct "), "sheet {number}: {day}");
    }
    assert_eq!(added, 31);
    let last: Vec<String> = texts(&faces, sheets.last().unwrap()).into_iter().map(|text| text.3).collect();
    let place = last.iter().position(|text| text == "All of the month").unwrap();
    assert!(
        last[..place].iter().any(|text| text == "Credits ended with their period"),
        "it never stands alone: {last:?}"
    );
}

#[test]
fn paper_and_file_say_the_same_of_every_kind() {
    let on = date(2026, 10, 3);
    let changes: Vec<_> =
        LineKind::ALL.iter().zip(1..).map(|(kind, n)| (on, *kind, 3, amounts(n, n * 1_000_000))).collect();
    let statement = statement("Acme", &changes);
    let sheets = super::pdf::sheets(&Faces::new().unwrap(), &statement);
    let paper: Vec<String> =
        sheets.iter().flat_map(|sheet| texts(&Faces::new().unwrap(), sheet)).map(|text| text.3).collect();
    let file = csv(&statement).file();
    let rows: Vec<&str> = file.lines().filter(|row| row.starts_with("\"2026-10-03\"")).collect();
    assert_eq!(rows.len(), LineKind::ALL.len());
    let mut from = paper.iter().position(|text| text == "Wallet after").unwrap();
    for (line, row) in statement.lines.iter().zip(rows) {
        let (what, dollars) = (super::words(line), line.change.micros.0 / 1_000_000);
        let ends = [format!("\"{what}\""), format!("\"{}\",\"{dollars}.00\"", line.change.credits)];
        assert!(ends.iter().all(|part| row.contains(part)), "{row}");
        let row = [what, format!("+{}", line.change.credits), format!("+${dollars}.00")];
        from += 1 + paper[from + 1..].windows(3).position(|texts| texts == row).expect("it is on paper, in its order");
    }
}

#[test]
fn names_in_any_letters_make_a_file() {
    for name in ["Ångström & Søn", "Ελληνικά Σπίτια", "Дома Київ", "\u{5b57}\u{1f3e0}\u{202e}\u{0}\u{7}\n", "e\u{301}"]
    {
        let made = pdf(&statement(name, &[(date(2026, 10, 3), LineKind::TopUp, 0, amounts(0, 1))])).unwrap();
        assert!(made.starts_with(b"%PDF-1.7") && made.len() < 60_000, "{name:?}: {} bytes", made.len());
    }
    let again = || pdf(&full("Acme Homes")).unwrap();
    assert!(again() == again(), "the same statement is the same file");
}

#[test]
fn the_csv_has_a_row_for_each_line_between_the_balances() {
    let on = date(2026, 10, 3);
    let changes = [
        (on, LineKind::Added, 12, amounts(-4, -1_260_000)),
        (on, LineKind::Refund, 3, amounts(0, 310_000)),
        (on, LineKind::ByHand, 0, amounts(-1, 0)),
    ];
    let file = csv(&statement("Acme", &changes)).file();
    let rows: Vec<&str> = file.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!(
        rows,
        [
            "\"date\",\"kind\",\"what\",\"count\",\"segments\",\"credits\",\"usd\"",
            "\"2026-10-01\",\"opening_balance\",\"Opening balance\",\"\",\"\",\"1000\",\"25.00\"",
            "\"2026-10-03\",\"contacts_added\",\"12 contacts added, 84 segments\",\"12\",\"84\",\"-4\",\"-1.26\"",
            "\"2026-10-03\",\"refunds\",\"3 refunds\",\"3\",\"\",\"0\",\"0.31\"",
            "\"2026-10-03\",\"messages_by_hand\",\"Messages by hand\",\"\",\"\",\"-1\",\"0.00\"",
            "\"2026-10-31\",\"closing_balance\",\"Closing balance\",\"\",\"\",\"995\",\"24.05\"",
            "\"2026-10-31\",\"held\",\"Held for messages not sent yet\",\"\",\"\",\"12\",\"0.18\"",
        ]
    );
    assert_eq!([signed_credits(0), signed_credits(1_000), signed_credits(-84)], ["", "+1,000", "−84"]);
}

#[test]
fn the_sums_lead_from_the_opening_to_the_closing_balance_whatever_moved() {
    let on = date(2026, 10, 3);
    let moves: Vec<_> =
        LineKind::ALL.iter().zip(1..).map(|(kind, n)| (on, *kind, 1, amounts(n, n * 1_000_000))).collect();
    let statement = statement("Acme", &moves);
    let sums = super::pdf::summed(&statement.lines);
    let whole = sums.iter().fold(statement.opening, |sum, (_, amounts)| sum.plus(*amounts));
    assert_eq!(whole, statement.closing);
    let headings: std::collections::BTreeSet<_> = sums.iter().map(|(what, _)| *what).collect();
    assert_eq!(headings.len(), sums.len());
}
