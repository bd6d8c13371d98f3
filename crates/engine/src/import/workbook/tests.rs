//! Workbooks that another library wrote, read as rows.

use std::io::{Cursor, Write as _};

use proptest::prelude::*;
use rust_xlsxwriter::{ExcelDateTime as Date, Format, Formula, Workbook};
use zip::write::SimpleFileOptions;

use super::*;

fn read(bytes: &[u8]) -> Result<Vec<Vec<String>>, ImportError> {
    let file = rows(Cursor::new(bytes))?;
    let mut reader = csv::ReaderBuilder::new();
    let reader = reader.has_headers(false).flexible(true).delimiter(SEPARATOR).from_reader(file);
    Ok(reader.into_records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect())
}

fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn cells_are_read_as_a_person_sees_them() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (column, name) in (0..).zip(["Phone", "Seen", "At", "Took", "Ok", "Sum", "Note", "Bad"]) {
        sheet.write(0, column, name).unwrap();
    }
    sheet.write(1, 0, 2_125_550_134.0).unwrap();
    let at = Date::parse_from_str("2026-11-27T14:30:05").unwrap();
    sheet
        .write_with_format(
            1,
            1,
            Date::parse_from_str("2026-11-27").unwrap(),
            &Format::new().set_num_format("yyyy-mm-dd"),
        )
        .unwrap();
    sheet.write_with_format(1, 2, &at, &Format::new().set_num_format("yyyy-mm-dd hh:mm:ss")).unwrap();
    sheet.write_number_with_format(1, 3, 1.5, &Format::new().set_num_format("[h]:mm:ss")).unwrap();
    sheet.write(1, 4, true).unwrap();
    sheet.write_formula(1, 5, Formula::new("=1+1.5").set_result("2.5")).unwrap();
    sheet.write(1, 6, "a;b,\"c\"\nd\te 🚒").unwrap();
    sheet.write_formula(1, 7, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
    let got = read(&book.save_to_buffer().unwrap()).unwrap();
    let wanted =
        ["2125550134", "2026-11-27", "2026-11-27 14:30:05", "36:00:00", "TRUE", "2.5", "a;b,\"c\"\nd\te 🚒", ""];
    assert_eq!(got[1], wanted);
}

#[test]
fn rows_keep_their_numbers_and_the_first_visible_sheet_with_any_is_taken() {
    let mut book = Workbook::new();
    book.add_worksheet().set_name("Empty").unwrap();
    book.add_worksheet().set_name("Hidden").unwrap().set_hidden(true).write(0, 0, "Secret").unwrap();
    let sheet = book.add_worksheet().set_name("Leads").unwrap();
    sheet.write(0, 0, "Phone").unwrap();
    sheet.write(3, 1, "far").unwrap();
    let got = read(&book.save_to_buffer().unwrap()).unwrap();
    assert_eq!(got, [["Phone", ""], ["", ""], ["", ""], ["", "far"]]);
    let mut low = Workbook::new();
    low.add_worksheet().write(2, 0, "Phone").unwrap().write(2, 2, "Name").unwrap().write(3, 0, "1").unwrap();
    assert_eq!(read(&low.save_to_buffer().unwrap()).unwrap(), [["Phone", "", "Name"], ["1", "", ""]], "no row above");
    let mut alone = Workbook::new();
    alone.add_worksheet().write(0, 0, "Phone").unwrap();
    assert_eq!(read(&alone.save_to_buffer().unwrap()).unwrap(), [["Phone", ""]], "a separator stands in every row");
}

#[test]
fn a_format_far_below_the_rows_makes_the_sheet_no_larger() {
    let mut book = Workbook::new();
    let bold = Format::new().set_bold();
    let sheet = book.add_worksheet();
    sheet.write(0, 0, "Phone").unwrap().write(1, 0, "1").unwrap();
    sheet.write_blank(1_048_575, 16_383, &bold).unwrap();
    assert_eq!(read(&book.save_to_buffer().unwrap()).unwrap(), [["Phone", ""], ["1", ""]]);
}

/// The parts of a workbook whose only sheet has this data.
fn bare(data: &str) -> Vec<u8> {
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    let workbook = format!(
        r#"<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="A" sheetId="1" r:id="a"/></sheets></workbook>"#
    );
    let relations = format!(
        r#"<Relationships xmlns="{package}"><Relationship Id="a" Type="{office}/worksheet" Target="worksheets/a.xml"/></Relationships>"#
    );
    let root = format!(
        r#"<Relationships xmlns="{package}"><Relationship Id="a" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>"#
    );
    let sheet = format!(r#"<worksheet xmlns="{main}"><sheetData>{data}</sheetData></worksheet>"#);
    archive(&[
        ("_rels/.rels", root.as_bytes()),
        ("xl/workbook.xml", workbook.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
        ("xl/worksheets/a.xml", sheet.as_bytes()),
    ])
}

#[test]
fn a_cell_where_no_sheet_has_one_is_refused_and_fills_no_disk() {
    let cell = |row: u32| format!(r#"<row r="{row}"><c r="A{row}"><v>1</v></c></row>"#);
    assert_eq!(read(&bare(&cell(3))).unwrap(), [["1", ""]]);
    let far = read(&bare(&format!("{}{}", cell(1), cell(1_048_577))));
    assert!(matches!(far, Err(ImportError::Workbook(_))), "{far:?}");
}

#[test]
fn what_is_no_workbook_or_a_damaged_one_says_so() {
    let mut book = Workbook::new();
    book.add_worksheet();
    let empty = book.save_to_buffer().unwrap();
    assert!(matches!(read(&empty), Err(ImportError::Workbook(WorkbookError::NoRows))));
    let other = archive(&[("a.txt", b"hello")]);
    assert!(matches!(read(&other), Err(ImportError::Binary { what: "a ZIP archive" })));
    assert!(matches!(read(b"PK\x03\x04"), Err(ImportError::Binary { .. })));
    let broken = archive(&[("xl/workbook.xml", b"<workbook><sheets><sheet")]);
    assert!(matches!(read(&broken), Err(ImportError::Workbook(_))));
}

#[test]
fn an_archive_that_unpacks_to_too_much_is_refused_before_it_is_believed() {
    let cell = format!("<sst><si><t>{}</t></si></sst>", "x".repeat(2 * 1024 * 1024));
    let bomb = archive(&[("xl/workbook.xml", b"<workbook/>"), ("xl/sharedStrings.xml", cell.as_bytes())]);
    let refused = read(&bomb);
    assert!(matches!(refused, Err(ImportError::Workbook(WorkbookError::CellTooLong { .. }))), "{refused:?}");
    let many = "<a/>".repeat(17 * 1024 * 1024);
    let bomb = archive(&[("xl/workbook.xml", many.as_bytes())]);
    assert!(bomb.len() < 400_000, "{} bytes", bomb.len());
    let refused = read(&bomb);
    assert!(matches!(refused, Err(ImportError::Workbook(WorkbookError::TooLarge { .. }))), "{refused:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn texts_come_back_as_they_were_written(rows in proptest::collection::vec(proptest::collection::vec("[a-z ;,\"\u{e9}\u{1f692}]{1,8}", 1..5), 1..8)) {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        for (row, cells) in (0..).zip(&rows) {
            for (column, cell) in (0..).zip(cells) {
                sheet.write_string(row, column, cell).unwrap();
            }
        }
        let got = read(&book.save_to_buffer().unwrap()).unwrap();
        prop_assert_eq!(got.len(), rows.len());
        for (got, cells) in got.iter().zip(&rows) {
            prop_assert_eq!(&got[..cells.len()], &cells[..]);
            prop_assert!(got[cells.len()..].iter().all(String::is_empty));
        }
    }

    #[test]
    fn no_damage_panics(place in 0usize..10_000, byte in any::<u8>()) {
        let mut book = Workbook::new();
        book.add_worksheet().write(0, 0, "Phone").unwrap().write(1, 0, 2_125_550_134.0).unwrap();
        let mut bytes = book.save_to_buffer().unwrap();
        let place = place % bytes.len();
        bytes[place] = byte;
        let _ = read(&bytes);
    }
}
