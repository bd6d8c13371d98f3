//! What ten million enrollments that wait cost: `bench/pending` runs it, in a release build, on SQLite.
//!
//! | figure | file | what is measured |
//! |---|---|---|
//! | import | `program` | `dripline contacts import` of a file, phones in order and in no order, on a fresh database each time |
//! | disk | `program` | what `dripline enroll --all` adds for these contacts, by table and index, as SQLite counts its pages |
//! | start, idle | `program` | `dripline serve` until `/readyz` answers, and its memory then and some seconds later |
//! | search, dispatch, memory | `rounds` | a backlog that is due, in the workspace and from the number of those that wait |
//!
//! Those that wait are copies of one enrollment that the engine made (`fill`). The two sizes have a process each, and every round
//! measures both, so that whatever else the machine does meets both alike.
//!
//! `DRIPLINE_PENDING` (`10000,10000000`), `DRIPLINE_PENDING_TEXTS` (50,000 a round), `DRIPLINE_PENDING_ROUNDS` (5),
//! `DRIPLINE_PENDING_ROWS` (1,000,000 of the imported file), `DRIPLINE_PENDING_FIGURES` (`import,start,dispatch`).
//! `DRIPLINE_PENDING_FOLDER` keeps the filled databases, and takes them again if they are there.

#![expect(clippy::unwrap_used, reason = "a benchmark ends at the first thing that is wrong")]
#![expect(clippy::disallowed_methods, reason = "it measures, and decides nothing by it")]

#[path = "../common/customer.rs"]
mod customer;
#[path = "../engine/drain.rs"]
mod drain;
mod fill;
#[path = "../scale/indexes.rs"]
mod indexes;
mod memory;
#[path = "../engine/place.rs"]
mod place;
mod program;
mod rounds;
#[path = "../engine/sink.rs"]
mod sink;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::rounds::Worker;

/// The name of the database in a size's folder.
const FILE: &str = "pending.db";

fn setting(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [sink::WORD, ..] => sink::serve(),
        ["fill", folder, count] => runtime().block_on(fill::fill(Path::new(folder), count.parse().unwrap())),
        ["rounds", folder] => runtime().block_on(rounds::serve(Path::new(folder))),
        _ => measure(),
    }
}

/// Runs this program with other words, and waits.
fn run(words: &[&str]) {
    let status = Command::new(std::env::current_exe().unwrap()).args(words).status().unwrap();
    assert!(status.success(), "{words:?}: {status}");
}

fn measure() {
    let figures = std::env::var("DRIPLINE_PENDING_FIGURES").unwrap_or_else(|_| "import,start,dispatch".to_owned());
    let wanted = |figure: &str| figures.split(',').any(|one| one == figure);
    let sizes = std::env::var("DRIPLINE_PENDING").unwrap_or_else(|_| "10000,10000000".to_owned());
    let count = setting("DRIPLINE_PENDING_ROUNDS", 5);
    let mut table = Table::default();
    if wanted("import") {
        program::import(setting("DRIPLINE_PENDING_ROWS", 1_000_000), count, &mut table);
    }
    let (folder, kept) = (tempfile::tempdir().unwrap(), std::env::var_os("DRIPLINE_PENDING_FOLDER").map(PathBuf::from));
    let folder = kept.as_deref().unwrap_or(folder.path());
    if wanted("start") {
        let fresh = tempfile::tempdir().unwrap();
        program::start(fresh.path(), "fresh", count, &mut table);
    }
    let mut workers = Vec::new();
    for size in sizes.split(',') {
        let own = folder.join(size);
        std::fs::create_dir_all(&own).unwrap();
        let path = own.to_str().unwrap();
        if !own.join(FILE).exists() {
            run(&["fill", path, size]);
        }
        let bytes = std::fs::metadata(own.join(FILE)).unwrap().len();
        table.note(&format!("the database, {size} waiting"), "MB", bytes as f64 / 1e6);
        if wanted("start") {
            program::start(&own, &format!("{size} waiting"), count, &mut table);
        }
        if wanted("dispatch") {
            workers.push(Worker::start(path, size));
        }
    }
    for _ in 0..count {
        for worker in &mut workers {
            for (figure, unit, value) in worker.round() {
                table.note(&format!("{figure}, {} waiting", worker.size), unit, value);
            }
        }
    }
    drop(workers);
    table.print();
}

/// The figures in the order in which they came: median and spread.
#[derive(Default)]
struct Table {
    order: Vec<(String, &'static str)>,
    values: BTreeMap<String, Vec<f64>>,
}

impl Table {
    fn note(&mut self, figure: &str, unit: &'static str, value: f64) {
        eprintln!("{figure}: {} {unit}", told(value));
        if !self.values.contains_key(figure) {
            self.order.push((figure.to_owned(), unit));
        }
        self.values.entry(figure.to_owned()).or_default().push(value);
    }

    /// As a table in Markdown, and below it the ratio of the sizes, round by round.
    fn print(&self) {
        println!("| figure | median | least to most |\n|---|---:|---:|");
        let mut ratios: Vec<(&str, Vec<&Vec<f64>>)> = Vec::new();
        for (figure, unit) in &self.order {
            let (least, middle, most) = spread(&self.values[figure]);
            println!("| {figure} | {} {unit} | {} to {} |", told(middle), told(least), told(most));
            let Some((what, _)) = figure.rsplit_once(", ").filter(|(_, size)| size.ends_with(" waiting")) else {
                continue;
            };
            match ratios.iter_mut().find(|(known, _)| *known == what) {
                None => ratios.push((what, vec![&self.values[figure]])),
                Some((_, all)) => all.push(&self.values[figure]),
            }
        }
        println!("\n| last size to first | median of rounds | least to most |\n|---|---:|---:|");
        for (what, all) in ratios.iter().filter(|(_, all)| all.len() > 1) {
            let shares: Vec<f64> = all[all.len() - 1].iter().zip(all[0]).map(|(last, first)| last / first).collect();
            let (least, middle, most) = spread(&shares);
            println!("| {what} | {middle:.2} | {least:.2} to {most:.2} |");
        }
    }
}

fn spread(values: &[f64]) -> (f64, f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[0], sorted[sorted.len() / 2], sorted[sorted.len() - 1])
}

fn told(value: f64) -> String {
    if value < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}
