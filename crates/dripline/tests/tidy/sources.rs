//! Rules on one source file: its length, its opening, its imports, what is left over in it.

use crate::files::File;
use crate::layers;

/// The wall: a longer file has more than one noun in it.
const LINES_AT_MOST: usize = 500;

/// Marks of work left over. Taken apart, lest this file be its own first fault.
const MARKS: [&str; 4] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX"), concat!("HA", "CK")];

/// Files whose comments are searched for marks. Prose may speak of them; code may not.
const MARKED: [&str; 9] = [".rs", ".sql", ".toml", ".sh", ".ts", ".js", ".css", ".html", "Makefile"];

/// A source file over 500 lines.
pub(crate) fn length(file: &File) -> Vec<String> {
    let lines = file.text.lines().count();
    if !file.is_rust() || lines <= LINES_AT_MOST {
        return Vec::new();
    }
    vec![file.fault(LINES_AT_MOST, &format!("{lines} lines; split it by noun ({LINES_AT_MOST} is the wall)"))]
}

/// A source file that does not open with what it owns.
pub(crate) fn opening(file: &File) -> Vec<String> {
    let says = file.text.lines().next().and_then(|line| line.strip_prefix("//!"));
    if !file.is_rust() || says.is_some_and(|text| !text.trim().is_empty()) {
        return Vec::new();
    }
    vec![file.fault(0, "open with `//!`: what the file owns, and what it never does")]
}

/// A file of tests that no other file names: it would not be compiled, and nobody would miss it.
pub(crate) fn unnamed_tests(files: &[File]) -> Vec<String> {
    let tests: Vec<_> =
        files.iter().filter_map(|file| Some((file, file.path.strip_suffix(".rs")?.split_once("/tests/")?))).collect();
    // Without a `main.rs`, each file beside it is a program that cargo finds by itself.
    let is_program = |home: &str, path: &str| {
        path.ends_with("main") || !(path.contains('/') || tests.iter().any(|(_, at)| at.0 == home && at.1 == "main"))
    };
    let is_unnamed = |&&(_, (home, path)): &&(&File, (&str, &str))| {
        let module =
            path.trim_end_matches("/mod").rsplit('/').next().map(|name| format!("mod {name};")).unwrap_or_default();
        let names = |file: &File| file.text.lines().any(|line| line.trim().trim_start_matches("pub(crate) ") == module);
        !is_program(home, path) && !tests.iter().any(|(file, at)| at.0 == home && names(file))
    };
    let unnamed = tests.iter().filter(is_unnamed);
    unnamed.map(|(file, _)| file.fault(0, "no file of these tests has it as a module, so it would never run")).collect()
}

/// A glob import outside tests.
pub(crate) fn globs(file: &File) -> Vec<String> {
    if !file.is_rust() || file.is_test() {
        return Vec::new();
    }
    let code = layers::split(&file.text).code;
    let mut faults = Vec::new();
    let (mut tests, mut import) = (None, String::new());
    for (line, text) in code.lines().enumerate() {
        let indent = text.len() - text.trim_start().len();
        if text.trim() == "mod tests {" {
            tests = Some(indent);
        } else if text.trim() == "}" && tests == Some(indent) {
            tests = None;
        }
        if !import.is_empty() || names_import(text) {
            import.push_str(text.trim());
        }
        if import.ends_with(';') {
            let glob = ["::*", "{*", ",*", ", *"].iter().any(|glob| import.contains(glob));
            if glob && tests.is_none() {
                faults.push(file.fault(line, "name what you import instead of `*`"));
            }
            import.clear();
        }
    }
    faults
}

/// Whether a `use` begins on this line.
fn names_import(line: &str) -> bool {
    let line = line.trim_start();
    let after = line.strip_prefix("pub").map_or(line, |rest| rest.split_once(' ').map_or(rest, |(_, rest)| rest));
    after.starts_with("use ")
}

/// A test that is switched off.
pub(crate) fn ignored_tests(file: &File) -> Vec<String> {
    if !file.is_rust() {
        return Vec::new();
    }
    let code = layers::split(&file.text).code;
    let lines: Vec<&str> = code.lines().collect();
    let ignored = |at: usize| lines[at].contains("#[ignore") || lines[at].contains(", ignore");
    // What another test starts as its child process runs there, and there only.
    let is_child = |at: usize| lines.get(at + 1).is_some_and(|next| next.trim_start().starts_with("fn child_"));
    let faults = (0..lines.len()).filter(|at| ignored(*at) && !is_child(*at));
    faults.map(|at| file.fault(at, "a test that does not run tests nothing: mend it or delete it")).collect()
}

/// A mark of work left over that does not read `MARK(owner): the reason, in at least three words`.
pub(crate) fn leftovers(file: &File) -> Vec<String> {
    if !MARKED.iter().any(|ending| file.path.ends_with(ending)) {
        return Vec::new();
    }
    let text = if file.is_rust() { layers::split(&file.text).comments } else { file.text.clone() };
    let unowned = |line: &str| MARKS.iter().any(|mark| layers::names(line, mark) && !is_owned(line, mark));
    let lines = text.lines().enumerate().filter(|(_, line)| unowned(line));
    lines.map(|(line, _)| file.fault(line, "work left over needs `(owner): reason` behind its mark")).collect()
}

fn is_owned(line: &str, mark: &str) -> bool {
    let after = line.split_once(mark).map_or("", |(_, after)| after);
    let parts = after.strip_prefix('(').and_then(|rest| rest.split_once("):"));
    parts.is_some_and(|(owner, reason)| !owner.trim().is_empty() && reason.split_whitespace().count() >= 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rust(text: &str) -> File {
        File::sample("crates/domain/src/x.rs", text)
    }

    #[test]
    fn a_file_of_tests_that_nobody_names_is_found() {
        let main = File::sample("crates/a/tests/main.rs", "mod plans;\n    mod inner;\npub(crate) mod world;\n");
        let rest = ["plans.rs", "plans/inner.rs", "world/mod.rs"]
            .map(|path| File::sample(&format!("crates/a/tests/{path}"), ""));
        let mut files: Vec<_> = std::iter::once(main).chain(rest).collect();
        assert_eq!(super::unnamed_tests(&files), Vec::<String>::new());
        files.push(File::sample("crates/a/tests/lost.rs", "// mod lost;"));
        files.push(File::sample("crates/b/tests/program.rs", ""));
        files.push(File::sample("crates/b/tests/world/mod.rs", ""));
        assert_eq!(super::unnamed_tests(&files).len(), 2);
    }

    #[test]
    fn a_file_of_501_lines_is_a_fault_and_one_of_500_is_not() {
        assert_eq!(length(&rust(&"x\n".repeat(500))), Vec::<String>::new());
        assert_eq!(length(&rust(&"x\n".repeat(501))).len(), 1);
        assert!(length(&File::sample("Cargo.lock", &"x\n".repeat(501))).is_empty());
    }

    #[test]
    fn a_file_without_an_opening_is_a_fault() {
        for bad in ["", "use std::fmt;\n", "// note\n", "//!\n", "\n//! late\n"] {
            assert_eq!(opening(&rust(bad)).len(), 1, "{bad:?}");
        }
        assert!(opening(&rust("//! Owns it.\n")).is_empty());
    }

    #[test]
    fn a_glob_import_is_a_fault_outside_tests_only() {
        let faults =
            ["use a::*;\n", "pub use a::*;\n", "pub(crate) use a::{b, *};\n", "    use A::{\n    b,\n    c::*,\n};\n"];
        for bad in faults {
            assert_eq!(globs(&rust(bad)).len(), 1, "{bad}");
        }
        let after = "mod tests {\n    use super::*;\n}\n\nuse a::*;\n";
        assert_eq!(globs(&rust(after)), ["crates/domain/src/x.rs:5: name what you import instead of `*`"]);
        for good in ["mod tests {\n    use super::*;\n}\n", "use a::b;\nlet c = a * b;\n", "// use a::*;\n"] {
            assert!(globs(&rust(good)).is_empty(), "{good}");
        }
    }

    #[test]
    fn an_ignored_test_is_a_fault() {
        for bad in ["#[ignore]\n", "#[ignore = \"slow\"]\n", "#[cfg_attr(miri, ignore)]\n"] {
            assert_eq!(ignored_tests(&rust(bad)).len(), 1, "{bad}");
        }
        assert!(ignored_tests(&rust("// #[ignore]\n")).is_empty());
        assert!(ignored_tests(&rust("#[ignore = \"a child\"]\nfn child_that_is_killed() {\n")).is_empty());
        assert_eq!(ignored_tests(&rust("#[ignore = \"slow\"]\nfn a_slow_one() {\n")).len(), 1);
    }

    #[test]
    fn a_mark_without_owner_or_reason_is_a_fault() {
        for mark in MARKS {
            for bad in [format!("// {mark} later\n"), format!("// {mark}: do it\n"), format!("// {mark}(ann): it\n")] {
                assert_eq!(leftovers(&rust(&bad)).len(), 1, "{bad}");
            }
            assert!(leftovers(&rust(&format!("// {mark}(ann): waits for the carrier's answer\n"))).is_empty());
            assert!(leftovers(&rust(&format!("let a = \"{mark}\";\n"))).is_empty());
            assert_eq!(leftovers(&File::sample("migrations/sqlite/1.sql", &format!("-- {mark}\n"))).len(), 1);
        }
    }
}
