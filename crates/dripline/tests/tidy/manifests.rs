//! Rules on the Cargo files: the arrows between the crates, their lints, the reasons for what they use.

use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::files::File;
use crate::layers;

/// The crates and what each may depend on. The picture stands in `docs/decisions/0001-five-crates.md`.
const ARROWS: [(&str, &[&str]); 6] = [
    ("domain", &[]),
    ("store", &["domain"]),
    ("carrier", &["domain"]),
    ("engine", &["domain", "store", "carrier"]),
    // The tests of one of them, no crate of its own.
    ("engine-tests", &["domain", "store", "carrier", "engine"]),
    ("dripline", &["domain", "store", "carrier", "engine"]),
];

/// Where the driver crates may be asked for.
const DRIVER_OWNER: &str = "crates/store/Cargo.toml";
const DRIVERS: [&str; 2] = ["rusqlite", "tokio-postgres"];

/// The parts of `clippy.toml` and of the workspace's lints on which other rules lean.
const WALLS: [(&str, &str); 6] = [
    ("clippy.toml", "too-many-lines-threshold = 70"),
    ("clippy.toml", "std::time::SystemTime::now"),
    ("clippy.toml", "rusqlite::Connection"),
    ("Cargo.toml", "disallowed_methods = \"deny\""),
    ("Cargo.toml", "disallowed_types = \"deny\""),
    ("Cargo.toml", "unsafe_code = \"forbid\""),
];

/// The page that gives each dependency its line of reason.
const REASONS: &str = "docs/dependencies.md";

fn is_member(file: &File) -> bool {
    file.path.starts_with("crates/") && file.path.ends_with("/Cargo.toml")
}

fn parse(file: &File) -> Table {
    file.text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.path))
}

/// Every dependency of a crate, of any kind and for any platform.
fn dependencies(manifest: &Table) -> Vec<(String, Value)> {
    const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let of = |table: &Table| -> Vec<(String, Value)> {
        let tables = KINDS.iter().filter_map(|kind| table.get(*kind)?.as_table());
        tables.flatten().map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let platforms = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    let platforms = platforms.filter_map(|(_, table)| table.as_table()).flat_map(of);
    of(manifest).into_iter().chain(platforms).collect()
}

/// A crate that is not one of the five, an arrow that is not drawn, a driver asked for elsewhere, a
/// version that is not the workspace's.
pub(crate) fn arrows(file: &File) -> Vec<String> {
    if !is_member(file) {
        return Vec::new();
    }
    let manifest = parse(file);
    let name = manifest.get("package").and_then(|package| package.get("name")?.as_str()).unwrap_or_default();
    let Some((_, allowed)) = ARROWS.iter().find(|(member, _)| *member == name) else {
        return vec![
            file.fault(0, &format!("`{name}` is not one of the five crates; a sixth needs a decision record")),
        ];
    };
    let mut faults = Vec::new();
    for (dependency, value) in dependencies(&manifest) {
        let dependency = dependency.as_str();
        if ARROWS.iter().any(|(member, _)| *member == dependency) && !allowed.contains(&dependency) {
            faults.push(file.fault(0, &format!("no arrow leads from `{name}` to `{dependency}`")));
        }
        if DRIVERS.contains(&dependency) && file.path != DRIVER_OWNER {
            faults.push(file.fault(0, &format!("only store asks for the driver `{dependency}`")));
        }
        if value.get("workspace").and_then(Value::as_bool) != Some(true) {
            faults.push(
                file.fault(0, &format!("take `{dependency}` from the workspace, with its one version and reason")),
            );
        }
    }
    faults
}

/// A crate that does not take the workspace's lints.
pub(crate) fn lints(file: &File) -> Vec<String> {
    let takes = |manifest: &Table| manifest.get("lints").and_then(|lints| lints.get("workspace")?.as_bool());
    if !is_member(file) || takes(&parse(file)) == Some(true) {
        return Vec::new();
    }
    vec![file.fault(0, "add `[lints] workspace = true`")]
}

/// A wall taken down: without these lines clippy would let through what we believe it stops.
pub(crate) fn walls(files: &[File]) -> Vec<String> {
    let stands = |path: &str, line: &str| {
        let file = files.iter().find(|file| file.path == path);
        file.is_some_and(|file| {
            file.text.lines().any(|text| !text.trim_start().starts_with('#') && layers::names(text, line))
        })
    };
    let fallen = WALLS.iter().filter(|(path, line)| !stands(path, line));
    fallen.map(|(path, line)| format!("{path}: `{line}` is gone")).collect()
}

/// A dependency without its line of reason, or a reason whose dependency is gone.
pub(crate) fn reasons(files: &[File]) -> Vec<String> {
    let text = |path: &str| files.iter().find(|file| file.path == path);
    let (Some(manifest), Some(page)) = (text("Cargo.toml"), text(REASONS)) else {
        return vec![format!("{REASONS} is missing")];
    };
    let workspace = parse(manifest);
    let table = workspace.get("workspace").and_then(|workspace| workspace.get("dependencies")?.as_table());
    let foreign = table.into_iter().flatten().filter(|(_, value)| value.get("path").is_none());
    let used: BTreeSet<String> = foreign.map(|(name, _)| name.clone()).collect();
    let rows = page.text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let given: BTreeSet<String> = rows.map(|(name, _)| name.to_owned()).collect();
    let missing = used.difference(&given).map(|name| format!("{REASONS}: no row begins with | `{name}`"));
    let stale = given.difference(&used).map(|name| format!("{REASONS}: `{name}` is not in Cargo.toml any more"));
    missing.chain(stale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, rest: &str) -> File {
        let text = format!("[package]\nname = \"{name}\"\n{rest}");
        File::sample(&format!("crates/{name}/Cargo.toml"), &text)
    }

    #[test]
    fn an_arrow_that_is_not_drawn_is_a_fault() {
        let cases = [
            ("domain", "[dependencies]\nstore.workspace = true\n"),
            ("store", "[dependencies]\ncarrier.workspace = true\n"),
            ("carrier", "[dev-dependencies]\nstore.workspace = true\n"),
            ("engine", "[target.'cfg(unix)'.dependencies]\ndripline.workspace = true\n"),
            ("engine", "[dependencies]\nrusqlite.workspace = true\n"),
            ("engine", "[dependencies]\nserde = \"1\"\n"),
            ("sixth", "[dependencies]\n"),
        ];
        for (name, rest) in cases {
            assert_eq!(arrows(&member(name, rest)).len(), 1, "{name}: {rest}");
        }
        let good = "[dependencies]\ndomain.workspace = true\nstore.workspace = true\ncarrier.workspace = true\n";
        assert!(arrows(&member("engine", good)).is_empty());
        assert!(arrows(&member("store", "[dependencies]\nrusqlite.workspace = true\n")).is_empty());
    }

    #[test]
    fn a_crate_without_the_lints_is_a_fault() {
        assert_eq!(lints(&member("domain", "")).len(), 1);
        assert_eq!(lints(&member("domain", "[lints.clippy]\nall = \"allow\"\n")).len(), 1);
        assert!(lints(&member("domain", "[lints]\nworkspace = true\n")).is_empty());
    }

    #[test]
    fn a_fallen_wall_is_a_fault() {
        let file = |path: &str| {
            let lines = WALLS.iter().filter(|(place, _)| *place == path).map(|(_, line)| format!("{line}\n"));
            File::sample(path, &lines.collect::<String>())
        };
        let mut files = [file("clippy.toml"), file("Cargo.toml")];
        assert!(walls(&files).is_empty());
        files[0].text = files[0].text.replace("= 70", "= 700");
        files[1].text = files[1].text.replace("unsafe_code", "# unsafe_code");
        assert_eq!(walls(&files).len(), 2);
        assert_eq!(walls(&[]).len(), WALLS.len());
    }

    #[test]
    fn a_dependency_without_a_reason_is_a_fault_and_so_is_a_stale_reason() {
        let cargo = "[workspace.dependencies]\ndomain = { path = \"crates/domain\" }\naxum = \"1\"\nflume = \"1\"\n";
        let page = "| crate | why |\n|---|---|\n| `axum` | routes |\n| `gone` | was used |\n";
        let files = [File::sample("Cargo.toml", cargo), File::sample(REASONS, page)];
        assert_eq!(reasons(&files).len(), 2);
        assert_eq!(reasons(&files[..1]).len(), 1);
        let page = "| `axum` | routes |\n| `flume` | queues |\n";
        assert!(reasons(&[File::sample("Cargo.toml", cargo), File::sample(REASONS, page)]).is_empty());
    }
}
