//! Rules on what is not Rust: pairs of migrations, links between pages, paths of a machine.

use std::collections::BTreeSet;

use crate::files::File;

/// Folders that exist on somebody's machine and mean nothing elsewhere. Taken apart, lest this file
/// be its own first fault.
const MACHINE: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/tmp", "/w/"),
    concat!("/Us", "ers/"),
];

/// Migrations that are not pairs: each dialect has the same file names, so one number means one schema.
pub(crate) fn migrations(files: &[File]) -> Vec<String> {
    let names = |folder: &str| -> BTreeSet<String> {
        files.iter().filter_map(|file| file.path.strip_prefix(folder)).map(str::to_owned).collect()
    };
    let (sqlite, postgres) = (names("migrations/sqlite/"), names("migrations/postgres/"));
    let single = sqlite.symmetric_difference(&postgres);
    let empty = files.iter().filter(|file| file.path.starts_with("migrations/") && file.text.trim().is_empty());
    let empty = empty.map(|file| format!("{}: says nothing", file.path));
    single.map(|name| format!("migrations: {name} exists for one database only")).chain(empty).collect()
}

/// Relative links in Markdown that lead to no file or folder of the repository.
pub(crate) fn links(files: &[File]) -> Vec<String> {
    let leads = |path: &str| {
        let folder = format!("{path}/");
        files.iter().any(|file| file.path == path || file.path.starts_with(&folder))
    };
    let mut faults = Vec::new();
    for page in files.iter().filter(|file| file.path.ends_with(".md")) {
        for (line, target) in targets(&page.text) {
            let target = target.split('#').next().unwrap_or_default();
            if !target.is_empty() && !leads(&resolve(&page.path, target)) {
                faults.push(page.fault(line, &format!("the link to {target} leads nowhere")));
            }
        }
    }
    faults
}

/// The targets of the links that stay inside the repository, with their lines; code is skipped.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (line, text) in text.lines().enumerate() {
        fenced ^= text.trim_start().starts_with("```");
        if fenced {
            continue;
        }
        let prose: String = text.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for rest in prose.split("](").skip(1) {
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            if !target.contains(':') {
                found.push((line, target.to_owned()));
            }
        }
    }
    found
}

/// The path from the root for a link as written on a page.
fn resolve(page: &str, target: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// A path of the machine on which the file was written.
pub(crate) fn machine_paths(file: &File) -> Vec<String> {
    let lines = file.text.lines().enumerate();
    lines.filter(|(_, text)| names_machine(text)).map(|(line, _)| file.fault(line, "a path of one machine")).collect()
}

/// Whether an absolute path of a machine stands here; `a/home/b` and `https://x/home/` are none.
fn names_machine(line: &str) -> bool {
    let begins = |place: usize| {
        let before = line[..place].chars().next_back();
        !before.is_some_and(|char| char.is_alphanumeric() || "._-~$}".contains(char))
    };
    MACHINE.iter().any(|folder| line.match_indices(folder).any(|(place, _)| begins(place)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_without_its_twin_is_a_fault() {
        let file = |path: &str| File::sample(path, "CREATE TABLE x (a BIGINT);");
        let pair = [file("migrations/sqlite/0001_base.sql"), file("migrations/postgres/0001_base.sql")];
        assert!(migrations(&pair).is_empty());
        assert_eq!(migrations(&pair[..1]).len(), 1);
        let renamed = [file("migrations/sqlite/0001_base.sql"), file("migrations/postgres/0001_bases.sql")];
        assert_eq!(migrations(&renamed).len(), 2);
        let empty = [File::sample("migrations/sqlite/1.sql", ""), file("migrations/postgres/1.sql")];
        assert_eq!(migrations(&empty), ["migrations/sqlite/1.sql: says nothing"]);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_a_fault() {
        let page = |text: &str| {
            [File::sample("docs/a.md", text), File::sample("docs/b/c.md", "x"), File::sample("README.md", "")]
        };
        for bad in ["[x](gone.md)", "[x](../docs/gone.md#part)", "![x](c.png)", "see [a](b/c.md) and [b](/c.md)"] {
            assert_eq!(links(&page(bad)).len(), 1, "{bad}");
        }
        let good = "[x](b/c.md) [y](../README.md#two) [z](b/) [w](https://x.org/y) [v](#here) `[u](gone)`\n```\n[t](gone)\n```\n";
        assert_eq!(links(&page(good)), Vec::<String>::new());
    }

    #[test]
    fn a_path_of_a_machine_is_a_fault() {
        for folder in MACHINE {
            for bad in [format!("{folder}x"), format!("data = \"{folder}x\""), format!("(see {folder})")] {
                assert_eq!(machine_paths(&File::sample("a.toml", &bad)).len(), 1, "{bad}");
            }
            for good in [format!("https://example.org{folder}"), format!("crates{folder}x"), format!("${{X}}{folder}")]
            {
                assert!(machine_paths(&File::sample("a.toml", &good)).is_empty(), "{good}");
            }
        }
    }
}
