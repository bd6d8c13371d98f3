//! Workflow files: what is read, what is refused and where, and the way back.

use domain::template::Fields;
use domain::workflow;
use engine::workflow_file::{MAX_FILE_BYTES, read, read_bytes, write};
use engine::workflows::{StepInput, WorkflowInput};
use proptest::prelude::*;

use crate::admin::office::input;

fn places(source: &str) -> Vec<(usize, usize, String)> {
    read(source).unwrap_err().into_iter().map(|error| (error.line, error.column, error.message)).collect()
}

#[test]
fn a_file_is_read_as_it_is_documented() {
    let source = "name = \"Spring leads\"\n\n[[steps]]\nafter_days = 0\ntext = \"Hi {First Name|there}\"\n\n\
                  [[steps]]\nafter_days = 3\ntext = \"\"\"\nStill\nlooking?\"\"\"\n";
    let (read, _) = read(source).unwrap();
    assert_eq!(read, input("Spring leads", &[(0, "Hi {First Name|there}"), (3, "Still\nlooking?")]));
    assert_eq!(write(&read), source);
}

#[test]
fn every_fault_is_told_with_its_place() {
    let source = "nam = 1\n[[steps]]\nafter_days = \"x\"\n  text = 5\ndelay = 1\n[[steps]]\n";
    let found = places(source);
    let at: Vec<_> = found.iter().map(|(line, column, _)| (*line, *column)).collect();
    assert_eq!(at, [(1, 1), (1, 1), (3, 14), (4, 10), (5, 1), (6, 1), (6, 1)], "{found:#?}");
}

#[test]
fn faults_of_the_workflow_are_told_at_its_parts() {
    let source = "name = \" \"\n[[steps]]\nafter_days = 366\ntext = \"Hi\"\n[[steps]]\nafter_days = 1\ntext = \"\"\n";
    let at: Vec<_> = places(source).iter().map(|(line, column, _)| (*line, *column)).collect();
    assert_eq!(at, [(1, 8), (3, 14), (7, 8)]);
    let own = "name = \"A\"\n[[steps]]\nafter_days = 0\ntext = \"Hi {Favourite Boat}\"\n";
    let (input, places) = read(own).expect("a workspace may have such a field");
    let steps: Vec<_> = input.steps.iter().map(|step| (step.gap_days, step.text.clone())).collect();
    let fault = workflow::draft(&input.name, &steps, &Fields::standard()).unwrap_err().remove(0);
    let error = places.locate(&fault).to_string();
    assert!(error.starts_with("line 4, column 8: step 1: there is no field \"Favourite Boat\""), "{error}");
}

#[test]
fn broken_huge_and_binary_files_are_refused_in_words() {
    let broken = places("name = \"A\nname = \"B\"\n[[steps]\n");
    assert!(broken.len() >= 2 && broken.iter().all(|(line, ..)| *line <= 3), "{broken:#?}");
    assert_eq!(places(&"x".repeat(MAX_FILE_BYTES + 1))[0].0, 1);
    let binary = read_bytes(b"name = \"A\"\n\xff\xfe").unwrap_err();
    assert_eq!(binary[0].to_string(), "line 2, column 1: the file is no UTF-8 text");
    let nul = places("name = \"A\"\n[[steps]]\nafter_days = 0\ntext = \"a\\u0000b\"\n");
    assert_eq!((nul[0].0, nul[0].2.as_str()), (4, "the text has a NUL character"));
    let deep = format!("name = {}", "[".repeat(100_000));
    assert!(read(&deep).is_err());
    assert_eq!(places("")[0].2, "the key name is missing");
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -~]{0,8}",
        Just("\n".to_owned()),
        Just("\"".to_owned()),
        Just("\"\"\"".to_owned()),
        Just("\\".to_owned()),
        "\\PC{0,4}",
        "[\u{1}-\u{1f}]{1}"
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| format!("x{}", pieces.concat()))
}

proptest! {
    #[test]
    fn what_was_written_reads_back(
        name in "[a-zA-Z\"\\\\ü]{1,20}", texts in proptest::collection::vec((1i64..=365, text()), 0..=9)
    ) {
        let steps = texts.into_iter().map(|(gap_days, text)| StepInput { gap_days, text });
        let input = WorkflowInput { name, steps: steps.collect() };
        let written = write(&input);
        match read(&written) {
            Ok((back, _)) => prop_assert_eq!(back, input),
            // Only what the rules of templates refuse may be refused, never the form.
            Err(errors) => prop_assert!(errors.iter().all(|error| error.message.starts_with("step ")), "{:?} {}", errors, written),
        }
    }

    #[test]
    fn no_text_panics(source in "\\PC*") {
        let _ = read(&source);
    }
}
