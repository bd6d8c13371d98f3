//! The ratchet: what the compiler and clippy cannot forbid, forbidden as a test.
//!
//! Each rule is a pure function from files to faults, so beside every rule stands a test with a
//! bad sample: a rule that cannot fail is worth nothing. The length of functions is left to clippy
//! (`too_many_lines`, 70 in `clippy.toml`); here we only make sure that nobody switches it off.
//! Raise the bar when the code is better than it; never lower it in the commit that breaks it.

mod borders;
mod documents;
mod files;
mod layers;
mod licences;
mod manifests;
mod rules;
mod sources;

use files::File;

/// Fails with every fault on a line of its own.
fn demand(faults: &[String]) {
    assert!(faults.is_empty(), "{} fault(s):\n{}\n", faults.len(), faults.join("\n"));
}

/// Applies a rule on one file to every tracked file.
fn each(rule: fn(&File) -> Vec<String>) -> Vec<String> {
    files::tracked().iter().flat_map(rule).collect()
}

#[test]
fn no_source_file_is_over_500_lines() {
    demand(&each(sources::length));
}

#[test]
fn every_source_file_says_what_it_owns() {
    demand(&each(sources::opening));
}

#[test]
fn globs_are_imported_only_by_tests() {
    demand(&each(sources::globs));
}

#[test]
fn no_test_is_ignored() {
    demand(&each(sources::ignored_tests));
}

#[test]
fn every_file_of_tests_is_compiled() {
    demand(&sources::unnamed_tests(&files::tracked()));
}

#[test]
fn work_left_over_names_its_owner_and_reason() {
    demand(&each(sources::leftovers));
}

#[test]
fn lints_are_lifted_only_where_the_house_says_so() {
    demand(&each(borders::lifted_lints));
}

#[test]
fn only_the_face_of_the_database_names_a_driver() {
    demand(&each(borders::drivers));
}

#[test]
fn only_the_clock_reads_time() {
    demand(&each(borders::time));
}

#[test]
fn only_the_id_maker_and_the_simulator_draw_chance() {
    demand(&each(borders::chance));
}

#[test]
fn only_the_wiring_holds_a_store_or_a_carrier() {
    demand(&each(borders::wiring));
}

#[test]
fn migrations_are_pairs() {
    demand(&documents::migrations(&files::tracked()));
}

#[test]
fn links_between_documents_lead_somewhere() {
    demand(&documents::links(&files::tracked()));
}

#[test]
fn every_rule_names_tests_that_exist() {
    demand(&rules::proofs(&files::tracked()));
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    demand(&each(documents::machine_paths));
}

#[test]
fn crates_depend_only_along_the_arrows() {
    demand(&each(manifests::arrows));
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    demand(&each(manifests::lints));
}

#[test]
fn the_walls_that_clippy_guards_are_still_up() {
    demand(&manifests::walls(&files::tracked()));
}

#[test]
fn every_dependency_has_its_line_of_reason() {
    demand(&manifests::reasons(&files::tracked()));
}

#[test]
fn every_licence_in_the_tree_is_one_we_may_ship() {
    demand(&licences::refused(&licences::tree()));
}
