//! The page that says which tests prove which rule: `docs/rules.md`.
//!
//! The page carries the list itself; here it is held to be whole and true.

use crate::files::File;
use crate::layers;

/// Where the rules stand.
const PAGE: &str = "docs/rules.md";
/// How many rules there are. Raise it with a new rule.
const RULES: usize = 15;

/// A test named on the page, with its line there and the path that its link leads to.
struct Named<'a> {
    line: usize,
    test: &'a str,
    path: String,
}

/// Rules without a row, a row without a test, and tests that are not where the page says.
pub(crate) fn proofs(files: &[File]) -> Vec<String> {
    let Some(page) = files.iter().find(|file| file.path == PAGE) else {
        return vec![format!("{PAGE}: the page is missing")];
    };
    let mut faults: Vec<String> = (1..=RULES).filter_map(|rule| unproven(page, rule)).collect();
    for named in named(&page.text) {
        let found = files.iter().find(|file| file.path == named.path);
        if !found.is_some_and(|file| has_test(&file.text, named.test)) {
            faults.push(page.fault(named.line, &format!("{} has no test {}", named.path, named.test)));
        }
    }
    faults
}

/// A fault if the rule has not exactly one row, or no test in it.
fn unproven(page: &File, rule: usize) -> Option<String> {
    let begin = format!("| R{rule} |");
    let rows: Vec<&str> = page.text.lines().filter(|line| line.starts_with(&begin)).collect();
    match rows.as_slice() {
        [row] if named(row).next().is_some() => None,
        [_] => Some(format!("{PAGE}: R{rule} names no test")),
        rows => Some(format!("{PAGE}: R{rule} has {} rows; it needs one", rows.len())),
    }
}

/// Every link of the form ``[`test`](../path)``.
fn named(text: &str) -> impl Iterator<Item = Named<'_>> {
    text.lines().enumerate().flat_map(|(line, text)| {
        text.split("[`").skip(1).filter_map(move |rest| {
            let (test, rest) = rest.split_once("`](")?;
            let path = rest.split(')').next()?.trim_start_matches("../").to_owned();
            Some(Named { line, test, path })
        })
    })
}

/// Whether the source has a function of this name under an attribute that makes it a test.
fn has_test(source: &str, name: &str) -> bool {
    let code = layers::split(source).code;
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    let begin = format!("fn {name}(");
    let is_begin = |line: &str| line.trim_start_matches("async ").starts_with(&begin);
    let is_test = |line: &&str| *line == "#[test]" || line.starts_with("#[tokio::test");
    let at = lines.iter().position(|line| is_begin(line));
    at.is_some_and(|at| lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).any(is_test))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "#[test]\nfn it_holds() {}\n#[tokio::test]\nasync fn it_lasts() {}\nfn a_tool() {}\n";

    fn page(rows: &str) -> [File; 2] {
        [File::sample(PAGE, rows), File::sample("crates/engine/tests/rules.rs", SOURCE)]
    }

    fn rows(test: &str) -> String {
        let row = |rule| format!("| R{rule} | a rule | [`{test}`](../crates/engine/tests/rules.rs) |\n");
        (1..=RULES).map(row).collect()
    }

    #[test]
    fn a_rule_without_a_row_or_a_test_is_a_fault() {
        assert_eq!(proofs(&[]), [format!("{PAGE}: the page is missing")]);
        assert_eq!(proofs(&page("")).len(), RULES);
        let whole = rows("it_holds");
        assert!(proofs(&page(&whole)).is_empty());
        assert_eq!(proofs(&page(&whole.replacen("| R3 |", "| R4 |", 1))).len(), 2);
        let bare = whole.replacen("[`it_holds`](../crates/engine/tests/rules.rs)", "it_holds", 1);
        assert_eq!(proofs(&page(&bare)), [format!("{PAGE}: R1 names no test")]);
    }

    #[test]
    fn a_test_that_is_not_there_is_a_fault() {
        assert!(proofs(&page(&rows("it_lasts"))).is_empty());
        for wrong in ["it_hold", "it_holds_not", "a_tool"] {
            assert_eq!(proofs(&page(&rows(wrong))).len(), RULES, "{wrong}");
        }
        let elsewhere = rows("it_holds").replace("tests/rules.rs", "tests/others.rs");
        assert_eq!(proofs(&page(&elsewhere)).len(), RULES);
    }
}
