//! The licences of the whole dependency tree, for every platform, against the list that we may ship.
//!
//! Reads `cargo metadata` without the network: `cargo fetch --locked` (which `make test` runs) brings
//! what it needs. A new licence is a decision (`docs/decisions/0007-licence-and-dependencies.md`).

use std::process::Command;

use serde_json::Value;

use crate::files;

/// Licences that ask for no more than notices. Copyleft of any strength is not among them.
const ACCEPTED: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// A package and the licence expression that it declares.
pub(crate) struct Package {
    name: String,
    licence: Option<String>,
}

/// Every package that the lock file names.
pub(crate) fn tree() -> Vec<Package> {
    let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args(["metadata", "--offline", "--locked", "--format-version", "1"])
        .current_dir(files::root())
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "run `cargo fetch --locked` first; cargo metadata says: {said}");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("cargo answers in JSON");
    let packages: Vec<Package> = answer["packages"].as_array().into_iter().flatten().map(package).collect();
    assert!(packages.len() > 5, "cargo metadata names {} packages only", packages.len());
    packages
}

fn package(value: &Value) -> Package {
    let text = |field: &str| value[field].as_str().map(str::to_owned);
    Package { name: text("name").unwrap_or_default(), licence: text("license") }
}

/// The packages whose licence leaves no accepted choice.
pub(crate) fn refused(packages: &[Package]) -> Vec<String> {
    let bad = packages.iter().filter(|package| !package.licence.as_deref().is_some_and(is_accepted));
    bad.map(|package| format!("{}: {}", package.name, package.licence.as_deref().unwrap_or("no licence"))).collect()
}

/// Whether an SPDX expression (or its old form with slashes) can be met with accepted licences.
/// Weakest binding first, as the SPDX specification 2.3 (annex D) has it: OR, AND, parentheses, WITH.
fn is_accepted(expression: &str) -> bool {
    let expression = expression.trim();
    if let Some(parts) = cut(expression, &[" OR ", "/"]) {
        return parts.into_iter().any(is_accepted);
    }
    if let Some(parts) = cut(expression, &[" AND "]) {
        return parts.into_iter().all(is_accepted);
    }
    match expression.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) => is_accepted(inner),
        None => ACCEPTED.contains(&expression),
    }
}

/// The two sides of the first separator outside parentheses.
fn cut<'a>(expression: &'a str, separators: &[&str]) -> Option<[&'a str; 2]> {
    let mut depth = 0;
    for (place, char) in expression.char_indices() {
        match char {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 => {
                let rest = &expression[place..];
                if let Some(found) = separators.iter().find(|separator| rest.starts_with(**separator)) {
                    return Some([&expression[..place], &rest[found.len()..]]);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_as_the_specification_has_it() {
        let good = [
            "MIT",
            "MIT/Apache-2.0",
            "Apache-2.0 / MIT",
            "MIT OR GPL-3.0-only",
            "(MIT OR GPL-3.0-only) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0-only",
        ];
        for expression in good {
            assert!(is_accepted(expression), "{expression}");
        }
        let bad = [
            "",
            "GPL-3.0-only",
            "MIT AND GPL-3.0-only",
            "(MIT OR Apache-2.0) AND MPL-2.0",
            "Apache-2.0 WITH Other-exception",
            "MIT AND (GPL-2.0-only OR AGPL-3.0-only)",
        ];
        for expression in bad {
            assert!(!is_accepted(expression), "{expression}");
        }
    }

    #[test]
    fn a_package_without_a_licence_we_accept_is_refused() {
        let package = |licence: Option<&str>| Package { name: "x".to_owned(), licence: licence.map(str::to_owned) };
        assert!(refused(&[package(Some("MIT"))]).is_empty());
        assert_eq!(refused(&[package(None), package(Some("AGPL-3.0-only"))]), ["x: no licence", "x: AGPL-3.0-only"]);
    }
}
