//! `dripline audit verify`: the proof that the history is as it was sealed, or each edit by name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use domain::seal::Hash;
use engine::seals::HistoryReport;
use serde_json::{Value, json};
use store::workspaces::Workspace;

use super::desk::{Desk, Purpose};
use super::run::{self, FileFault};
use super::table::Table;
use super::{Answer, Format, Stop};
use crate::config::Base;

const EXAMPLES: &str = "\
Examples:
  dripline audit verify
  dripline audit verify --workspace \"Acme Homes\" --json
  dripline audit verify --expect-file kept.txt

Whatever happens is an event, and a server seals the events of each workspace about once an hour: each
seal holds their digest and the hash of the seal before it. Exit code 1 if anything is not as it was sealed.";

const VERIFY: &str = "\
Examples:
  dripline audit verify
  dripline audit verify --workspace \"Acme Homes\" --expect 66942f3dc29a0e1167693c9ab1b3406e8b471d7547b43a62e2020415ac4e0cbd
  dripline audit verify >> kept.txt
  dripline audit verify --expect-file kept.txt

Keep what it prints where nobody who can write the database can write: events and seals that were all made
anew agree with each other, and only a hash that was kept elsewhere tells. It may run beside the server.";

/// Prove that nobody edited what happened
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compare the events of one workspace, or of all, with their seals
    #[command(after_help = VERIFY)]
    Verify(Verify),
}

#[derive(Debug, clap::Args)]
struct Verify {
    /// The workspace: its name or identifier [default: all of them]
    #[arg(long, value_name = "NAME|ID")]
    workspace: Option<String>,
    /// A hash that was kept: a seal must still have it. May be given several times
    #[arg(long, value_name = "HASH")]
    expect: Vec<Hash>,
    /// A file of hashes that were kept, such as earlier answers of this command
    #[arg(long, value_name = "FILE")]
    expect_file: Option<PathBuf>,
    #[command(flatten)]
    base: Base,
}

/// A file of kept hashes that cannot be one.
#[derive(Debug, thiserror::Error)]
enum KeptFault {
    #[error("{} line {line}: {word:?} is no whole hash, which has 64 hexadecimal digits", path.display())]
    Cut { path: PathBuf, line: usize, word: String },
    #[error("{} holds no hash", path.display())]
    Empty { path: PathBuf },
}

/// The hashes in a text: every word of 64 hexadecimal digits. A word that begins like one is a hash that was cut.
fn kept(path: &Path, text: &str) -> Result<BTreeSet<Hash>, KeptFault> {
    const LIKE_ONE: usize = 32;
    let mut hashes = BTreeSet::new();
    for (line, words) in (1..).zip(text.lines()) {
        for word in words.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            match word.parse() {
                Ok(hash) => drop(hashes.insert(hash)),
                Err(_) if word.len() >= LIKE_ONE && word.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
                    return Err(KeptFault::Cut { path: path.to_owned(), line, word: word.to_owned() });
                }
                Err(_) => {}
            }
        }
    }
    if hashes.is_empty() { Err(KeptFault::Empty { path: path.to_owned() }) } else { Ok(hashes) }
}

type Audited = Vec<(Workspace, HistoryReport)>;

impl Audit {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        match self.command {
            Command::Verify(command) => command.run(answer),
        }
    }
}

impl Verify {
    fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let mut expected: BTreeSet<Hash> = self.expect.into_iter().collect();
        if let Some(path) = &self.expect_file {
            let text = std::fs::read_to_string(path).map_err(|error| FileFault::stop(path, error))?;
            expected.extend(kept(path, &text).map_err(Stop::usage)?);
        }
        let desk = Desk::open(self.base, Purpose::Read)?;
        let workspaces = match &self.workspace {
            None => desk.run(desk.engine().all_workspaces())?,
            Some(wanted) => vec![desk.pick(desk.engine().pick_workspace(Some(wanted)))?],
        };
        let parts = u64::try_from(workspaces.len()).unwrap_or(u64::MAX);
        let bar = run::bar(parts, "{bar:30} {pos} of {len} workspaces");
        let mut audited = Audited::new();
        for workspace in workspaces {
            let report = desk.run(desk.engine().verify_history(workspace.id, &expected))?;
            audited.push((workspace, report));
            bar.inc(1);
        }
        bar.finish_and_clear();
        let found: BTreeSet<Hash> = audited.iter().flat_map(|(_, report)| report.kept.iter().copied()).collect();
        let lost: Vec<Hash> = expected.difference(&found).copied().collect();
        match answer.format() {
            Format::Json => answer.document(&document(&audited, &found, &lost))?,
            Format::Text => answer.text(&words(&audited, &found, &lost))?,
        }
        if is_clean(&audited, &lost) { Ok(()) } else { Err(Stop::Told) }
    }
}

fn is_clean(audited: &Audited, lost: &[Hash]) -> bool {
    lost.is_empty() && audited.iter().all(|(_, report)| report.is_clean())
}

fn document(audited: &Audited, found: &BTreeSet<Hash>, lost: &[Hash]) -> Value {
    let one = |(workspace, report): &(Workspace, HistoryReport)| {
        let last =
            report.last.map(|last| json!({ "seal": last.number, "until": last.until, "hash": last.hash.to_string() }));
        json!({
            "workspace": workspace.id, "name": workspace.name, "clean": report.is_clean(), "seals": report.seals,
            "sealed": report.sealed, "open": report.open, "open_since": report.open_since, "last": last,
            "faults": report.faults.iter().map(ToString::to_string).collect::<Vec<_>>(), "unlisted": report.unlisted,
        })
    };
    let texts = |hashes: &mut dyn Iterator<Item = &Hash>| hashes.map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "clean": is_clean(audited, lost), "data": audited.iter().map(one).collect::<Vec<_>>(),
        "kept": texts(&mut found.iter()), "lost": texts(&mut lost.iter()),
    })
}

fn words(audited: &Audited, found: &BTreeSet<Hash>, lost: &[Hash]) -> String {
    let mut table = Table::new(["WORKSPACE", "NAME", "SEALS", "SEALED", "OPEN", "SEALED UNTIL", "VERDICT"]);
    let (mut faults, mut hashes) = (String::new(), String::new());
    for (workspace, report) in audited {
        let verdict = match report.faults.len() + report.unlisted {
            0 if report.seals == 0 => "nothing is sealed".to_owned(),
            0 => "as sealed".to_owned(),
            1 => "1 FAULT".to_owned(),
            count => format!("{count} FAULTS"),
        };
        let until = report.last.map_or_else(|| "-".to_owned(), |last| last.until.to_string());
        let (seals, sealed, open) = (report.seals.to_string(), report.sealed.to_string(), report.open.to_string());
        table.row([workspace.id.to_string(), workspace.name.clone(), seals, sealed, open, until, verdict]);
        faults.extend(report.faults.iter().map(|fault| format!("  {}: {fault}\n", workspace.id)));
        if report.unlisted > 0 {
            faults.push_str(&format!("  {}: {} more faults\n", workspace.id, report.unlisted));
        }
        if let Some(last) = report.last {
            hashes.push_str(&format!("  {} seal {} {}\n", workspace.id, last.number, last.hash));
        }
    }
    faults.extend(lost.iter().map(|hash| format!("  no seal has the hash {hash} that was kept\n")));
    let mut text = table.text();
    if !hashes.is_empty() {
        text.push_str(&format!("\nThe last seals, to be kept elsewhere:\n{hashes}"));
    }
    if !found.is_empty() {
        text.push_str(&format!("\nHashes that were kept and are there: {}\n", found.len()));
    }
    if !faults.is_empty() {
        text.push_str(&format!("\nThe history is not as it was sealed:\n{faults}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_answer_is_a_file_of_hashes_and_one_that_was_cut_is_told() {
        let path = Path::new("kept.txt");
        let hash = Hash([0xab; 32]);
        let answer =
            format!("WORKSPACE\nwsp_0000000000001  Acme\n\n  wsp_0000000000001 seal 3 {hash}\n\"hash\": \"{hash}\"\n");
        assert_eq!(kept(path, &answer).unwrap(), BTreeSet::from([hash]));
        let cut = kept(path, &format!("one\nseal 3 {}", &hash.to_string()[..63])).unwrap_err().to_string();
        assert!(cut.starts_with("kept.txt line 2: \"abab"), "{cut}");
        assert_eq!(kept(path, "seal 3 nothing").unwrap_err().to_string(), "kept.txt holds no hash");
    }
}
