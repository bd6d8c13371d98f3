//! Every statement touches one workspace: whatever table of a workspace it names is bound to one parameter by `workspace_id`.
//!
//! That is what a database that is distributed by `workspace_id` needs to send a statement to one shard, and what keeps one
//! customer's rows from another's. The texts are read as words, for both databases: each table that has the column must be bound
//!
//! - by `workspace_id = $n`, its own or that of a table that it is joined to by the column, or
//! - as the target of an `INSERT` whose first column is `workspace_id` and whose first value is bound.
//!
//! Those that are not bound are listed with their reasons.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use store::{Sql, testing};

/// Statements over all workspaces, each with why there has to be one and how often it is asked.
const EXCEPTIONS: &[(&str, &str)] = &[
    (
        "balance_notices::PAGE",
        "wallets of some thousand workspaces in turn, to tell where one is low; every 30 seconds, by their keys",
    ),
    (
        "carriers::ALL_OPEN",
        "every node holds all accounts open; read at its start and when the next one says that one changed",
    ),
    ("carriers::VERSION", "whether an account changed; every 30 seconds"),
    ("cards::LOW", "workspaces whose wallet is below the mark of their auto-recharge; every 30 seconds, one row each"),
    ("cards::RENEWING", "workspaces whose card may pay for their plan; every 30 seconds, one row each"),
    ("checks::DUE", "workspaces whose daily check is due; a probe of each workspace, every five minutes"),
    ("checks::STATE", "what the daily checks of all workspaces found; when the operator's figures are asked for"),
    (
        "contacts::values::UNFINISHED",
        "fields that lists are filtered by and that are not ready or not asked for; every 30 seconds, one row each",
    ),
    ("claims::BACKLOG", "the operator's figures of all workspaces; when they are asked for"),
    (
        "reminders::UNTOLD",
        "reminders that are due and were not told; every 30 seconds, of an index that holds no others",
    ),
    (
        "subscriptions::DUE",
        "workspaces whose plan is to be renewed, announced or ended; every 30 seconds, one row each",
    ),
    (
        "claims::DUE_WORKSPACES",
        "whom to serve next; a probe of each workspace, once for up to 256 claims or each second",
    ),
    ("claims::NEXT_DUE", "until when a clock may be pushed; demo and tests"),
    ("imports::IN_HAND", "imports whose process died; every 30 seconds, of an index of those in hand only"),
    (
        "installation::AVAILABLE",
        "what the workspaces of one page of the operator's list have; at most 50, by their keys",
    ),
    ("installation::KINDS", "the accounts of those workspaces, removed ones too: a few for each"),
    ("installation::LEGS", "what carriers carried for those of one page; by the key of the tallies"),
    ("installation::NAMES", "the names of all workspaces, a page at a time; when the operator looks at the list"),
    ("installation::SOME", "the workspaces of one page of that list"),
    ("installation::SUMS", "what those of one page sent and brought; by the key of the tallies"),
    (
        "installation::TEXTS",
        "texts of all workspaces in two days; a probe of each, when the operator looks at the list",
    ),
    ("jobs::RUNNING", "jobs whose node died; each second, of an index of running jobs only"),
    ("migrations::WORKSPACES", "a migration that fills something, workspace by workspace"),
    ("mails::DUE", "mails that are to be sent; every few seconds, of an index of those only"),
    ("numbers::FIND_ROUTE", "an inbound text names a number of ours and no workspace yet; this tells which it is"),
    ("numbers::ROUTE", "the same, when a number is added: which of all workspaces has it"),
    ("payments::BY_ID", "a call of the payment provider names a payment and no workspace; this tells whose it is"),
    ("payments::BY_INTENT", "the same, by the provider's name for it"),
    ("payments::DUE", "payments that the provider is asked about; every 30 seconds, of an index of those only"),
    ("receipts::OVERDUE", "workspaces with receipts that nobody claimed; every hour"),
    ("seals::HIGHEST", "until when anything is sealed, which a node's identifiers must be past; when it starts"),
    ("suppression_lists::REMOVING", "removals that were broken off; every 30 seconds, of an index of those only"),
    (
        "search::due::WAITING",
        "workspaces with contacts that came by the thousand and are not found yet; every 30 seconds, one row each",
    ),
    (
        "webhooks::ALL_OPEN",
        "the secrets of all endpoints are sealed anew after the operator changed the master key; by a command",
    ),
    (
        "webhooks::DUE",
        "for whom to call next; a probe of each endpoint, each second and after what was written where there is one",
    ),
    ("users::ANYBODY", "whether there is anybody at all; at the start"),
    ("users::BY_ADDRESS", "who signs in names an address and no workspace yet"),
    ("users::FIRST", "the first user of all; at the first start"),
    ("users::INSERT_SIGN_IN", "the address by which the one above finds; when a user is made"),
    ("workspaces::PAGE", "all workspaces in turn, for what is old; every hour"),
];

const TABLES: Sql = Sql::Same("SELECT table_name FROM information_schema.columns WHERE column_name = 'workspace_id'");

/// A table as a statement names it.
#[derive(Debug, Clone)]
struct Named<'t> {
    table: &'t str,
    alias: &'t str,
    scope: usize,
}

/// The words of a statement, each with its scope: a pair of parentheses, or a part of a `UNION` in it.
fn words(text: &str) -> Vec<(&str, usize)> {
    let (mut words, mut open, mut scopes, mut rest) = (Vec::new(), vec![0], 0, text);
    while let Some(first) = rest.chars().next() {
        let long = |part: fn(char) -> bool| rest.find(|c| !part(c)).unwrap_or(rest.len());
        let length = match first {
            '\'' => rest[1..].find('\'').unwrap() + 2,
            _ if first.is_ascii_alphanumeric() || "_$".contains(first) => {
                long(|c| c.is_ascii_alphanumeric() || "_$.".contains(c))
            }
            _ => first.len_utf8(),
        };
        let (word, after) = rest.split_at(length);
        rest = after;
        match word {
            "(" => {
                scopes += 1;
                words.push((word, *open.last().unwrap()));
                open.push(scopes);
            }
            ")" => {
                open.pop();
                words.push((word, *open.last().unwrap()));
            }
            "UNION" => {
                scopes += 1;
                *open.last_mut().unwrap() = scopes;
            }
            // What an insert does on a conflict is no condition.
            "OR" if words.last().is_some_and(|(before, _)| *before == "INSERT") => {}
            _ if !word.trim().is_empty() => words.push((word, *open.last().unwrap())),
            _ => {}
        }
    }
    words
}

/// The tables of workspaces that a statement names.
fn named<'t>(words: &[(&'t str, usize)], tables: &BTreeSet<String>) -> Vec<Named<'t>> {
    const CLAUSES: [&str; 8] = ["SELECT", "FROM", "INTO", "SET", "WHERE", "VALUES", "RETURNING", "BY"];
    let mut found = Vec::new();
    for (place, (word, scope)) in words.iter().enumerate().filter(|(_, (word, _))| tables.contains(*word)) {
        let before = place.checked_sub(1).map_or("", |place| words[place].0);
        // A comma leads to a table in a list of tables only, not among columns.
        let clause = || words[..place].iter().rev().find(|(word, of)| of == scope && CLAUSES.contains(word));
        let lists = before == "," && clause().is_some_and(|(word, _)| *word == "FROM");
        if !lists && !["FROM", "JOIN", "UPDATE", "INTO"].contains(&before) {
            continue;
        }
        found.push(Named { table: word, alias: alias_at(words, place + 1).unwrap_or(word), scope: *scope });
    }
    found
}

/// The name that what stands before this place is given: keywords are in capitals.
fn alias_at<'t>(words: &[(&'t str, usize)], place: usize) -> Option<&'t str> {
    let mut rest = words.get(place..)?.iter().map(|(word, _)| *word).skip_while(|word| *word == "AS");
    rest.next().filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
}

/// Selections that are named as tables are, each with the first table of a workspace in it.
fn derived<'t>(words: &[(&'t str, usize)], named: &[Named<'t>]) -> Vec<(Named<'t>, usize)> {
    let mut found = Vec::new();
    for (place, (_, scope)) in words.iter().enumerate().filter(|(_, (word, _))| *word == ")") {
        let inner = words[place - 1].1;
        let selects = words.iter().find(|(_, of)| *of == inner).is_some_and(|(word, _)| *word == "SELECT");
        let (Some(alias), true) = (alias_at(words, place + 1), selects) else { continue };
        let source = named.iter().position(|table| table.scope == inner);
        found.extend(source.map(|source| (Named { table: "a selection", alias, scope: *scope }, source)));
    }
    found
}

/// What is said of the column: pairs of an alias and what its `workspace_id` equals, which is a parameter or another alias.
fn equals<'t>(words: &[(&'t str, usize)], named: &[Named<'t>]) -> Vec<(usize, Bound<'t>)> {
    // An alias without a table of its own in this scope is one of the scopes around it, which were opened earlier.
    let find = |alias: &str, scope: usize| {
        let seen = |table: &usize| named[*table].scope <= scope && named[*table].alias == alias;
        (0..named.len()).filter(seen).max_by_key(|table| named[*table].scope)
    };
    let of = |word: &'t str, scope: usize| -> Vec<usize> {
        match word.strip_suffix("workspace_id") {
            Some("") => (0..named.len()).filter(|table| named[*table].scope == scope).collect(),
            Some(alias) => find(alias.trim_end_matches('.'), scope).into_iter().collect(),
            None => Vec::new(),
        }
    };
    let mut found = Vec::new();
    for window in words.windows(3) {
        let [(left, scope), ("=", _), (right, _)] = window else { continue };
        // Beside a bare OR it binds nothing: one in parentheses is in a scope of its own.
        if words.contains(&("OR", *scope)) {
            continue;
        }
        for (one, other) in [(left, right), (right, left)] {
            for table in of(one, *scope) {
                if other.starts_with('$') {
                    found.push((table, Bound::Parameter(other)));
                } else {
                    found.extend(of(other, *scope).into_iter().map(|other| (table, Bound::Table(other))));
                }
            }
        }
    }
    found
}

#[derive(Debug, Clone, Copy)]
enum Bound<'t> {
    Parameter(&'t str),
    Table(usize),
}

/// The targets of inserts, and what the first column of each gets, if that is the workspace.
fn inserted<'t>(words: &[(&'t str, usize)], named: &[Named<'t>]) -> Vec<(usize, Bound<'t>)> {
    let places = (0..words.len()).filter(|place| words[*place].0 == "INTO");
    places.filter_map(|place| inserted_at(place, words, named)).collect()
}

fn inserted_at<'t>(place: usize, words: &[(&'t str, usize)], named: &[Named<'t>]) -> Option<(usize, Bound<'t>)> {
    let target = named.iter().position(|table| table.table == words[place + 1].0)?;
    let columns = &words[place + 2..];
    if columns.first()?.0 != "(" || columns.get(1)?.0 != "workspace_id" {
        return None;
    }
    let values = columns.iter().position(|(word, _)| ["VALUES", "SELECT"].contains(word))?;
    let first = columns[values + 1..].iter().find(|(word, _)| !["(", "DISTINCT"].contains(word))?;
    if first.0.starts_with('$') {
        return Some((target, Bound::Parameter(first.0)));
    }
    let alias = first.0.strip_suffix("workspace_id")?.trim_end_matches('.');
    let of = |table: &Named<'_>| if alias.is_empty() { table.scope == first.1 } else { table.alias == alias };
    let source = named.iter().enumerate().position(|(nth, table)| nth != target && of(table))?;
    Some((target, Bound::Table(source)))
}

/// What is wrong with a statement: tables that are bound to no workspace, or more workspaces than one.
fn fault(text: &str, tables: &BTreeSet<String>) -> Option<String> {
    let words = words(text);
    let mut named = named(&words, tables);
    let mut bounds = Vec::new();
    for (selection, source) in derived(&words, &named) {
        bounds.push((named.len(), Bound::Table(source)));
        named.push(selection);
    }
    bounds.extend(equals(&words, &named));
    bounds.extend(inserted(&words, &named));
    let mut bound = BTreeMap::<usize, &str>::new();
    loop {
        let before = bound.len();
        for (table, to) in &bounds {
            let parameter = match to {
                Bound::Parameter(parameter) => Some(*parameter),
                Bound::Table(other) => bound.get(other).copied(),
            };
            if let Some(parameter) = parameter {
                bound.entry(*table).or_insert(parameter);
            }
        }
        if bound.len() == before {
            break;
        }
    }
    let loose: Vec<&str> =
        (0..named.len()).filter(|table| !bound.contains_key(table)).map(|table| named[table].table).collect();
    if !loose.is_empty() {
        return Some(format!("{loose:?} bound to no workspace"));
    }
    let parameters: BTreeSet<&str> = bound.values().copied().collect();
    (parameters.len() > 1).then(|| format!("several workspaces: {parameters:?}"))
}

fn tables() -> BTreeSet<String> {
    let rows = testing::postgres().store.read_blocking(|read| read.query(&TABLES, &[])).unwrap();
    rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
}

/// The faults of each statement of the crate, on either database.
fn faults() -> BTreeMap<&'static str, Vec<String>> {
    let (tables, mut faults) = (tables(), BTreeMap::<_, Vec<String>>::new());
    assert!(tables.len() > 30, "only {tables:?}");
    for (name, sql) in store::statements() {
        let texts = match sql {
            Sql::Same(text) => vec![*text],
            Sql::Twin { sqlite, postgres } => vec![*sqlite, *postgres],
        };
        for text in texts {
            faults.entry(name).or_default().extend(fault(text, &tables).map(|fault| format!("{fault}:\n{text}")));
        }
    }
    faults
}

#[test]
fn a_table_that_is_not_bound_is_found() {
    let tables: BTreeSet<String> = ["contacts", "messages", "numbers"].map(str::to_owned).into();
    let cases = [
        ("SELECT name FROM contacts WHERE workspace_id = $1", true),
        ("SELECT name FROM contacts WHERE contact_id = $1", false),
        ("SELECT name FROM contacts WHERE name = 'workspace_id = $1'", false),
        ("SELECT name FROM contacts WHERE workspace_id = $1 OR name = $2", false),
        ("SELECT name FROM contacts WHERE workspace_id = $1 AND (name = $2 OR name = $3)", true),
        ("UPDATE contacts SET name = $2 WHERE workspace_id = $1", true),
        ("DELETE FROM contacts WHERE contact_id IN (SELECT value FROM json_each($1))", false),
        ("INSERT INTO contacts (workspace_id, name) VALUES ($1, $2)", true),
        ("INSERT INTO contacts (name, workspace_id) VALUES ($1, $2)", false),
        ("INSERT OR FAIL INTO contacts (workspace_id, name) SELECT $1, $2 FROM messages WHERE workspace_id = $1", true),
        ("INSERT OR FAIL INTO contacts (workspace_id, name) SELECT $1, $2 FROM messages", false),
        ("INSERT INTO contacts (workspace_id, name) SELECT m.workspace_id, m.body FROM messages m", false),
        (
            "INSERT INTO contacts (workspace_id, name) SELECT m.workspace_id, m.body FROM messages m WHERE m.workspace_id = $1",
            true,
        ),
        (
            "WITH w AS (INSERT INTO contacts (workspace_id, name) SELECT $1, n FROM given) INSERT INTO messages (workspace_id) SELECT $1",
            true,
        ),
        (
            "WITH w AS (INSERT INTO contacts (workspace_id, name) SELECT $1, n FROM given) INSERT INTO messages (body) SELECT $1",
            false,
        ),
        (
            "SELECT c.name FROM contacts c JOIN messages m ON m.contact_id = c.contact_id WHERE c.workspace_id = $1",
            false,
        ),
        (
            "SELECT c.name FROM contacts c JOIN messages m ON m.workspace_id = c.workspace_id WHERE c.workspace_id = $1",
            true,
        ),
        ("SELECT c.name FROM contacts c, messages m WHERE c.workspace_id = $1", false),
        ("SELECT c.name FROM contacts c JOIN messages m ON m.workspace_id = $2 WHERE c.workspace_id = $1", false),
        ("SELECT name FROM contacts WHERE workspace_id = $1 AND EXISTS (SELECT 1 FROM messages)", false),
        ("SELECT name FROM contacts WHERE workspace_id = $1 UNION SELECT phone FROM numbers", false),
        ("SELECT t.n FROM (SELECT m.workspace_id, m.n FROM messages m WHERE m.workspace_id = $1) t", true),
        (
            "SELECT n.n FROM (SELECT m.workspace_id FROM messages m) t JOIN numbers n ON n.workspace_id = t.workspace_id",
            false,
        ),
    ];
    for (text, is_bound) in cases {
        assert_eq!(fault(text, &tables).is_none(), is_bound, "{text}: {:?}", fault(text, &tables));
    }
}

#[test]
fn every_statement_is_bound_to_one_workspace_or_listed_with_a_reason() {
    let mut wrong = Vec::new();
    for (name, faults) in faults() {
        if !EXCEPTIONS.iter().any(|(listed, _)| *listed == name) {
            wrong.extend(faults.into_iter().map(|fault| format!("{name}: {fault}")));
        }
    }
    assert!(wrong.is_empty(), "{} are not bound to one workspace:\n{}", wrong.len(), wrong.join("\n"));
}

/// Statements in no list, which are run as a batch or name no table.
const UNLISTED: [&str; 2] = ["migrations::LOCK", "statistics::QUICKLY"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The names of the statements that a file defines outside of its tests.
fn defined(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    code.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub ")).unwrap_or(line);
        let (name, kind) = line.strip_prefix("static ").or(line.strip_prefix("const "))?.split_once(": ")?;
        (kind.starts_with("Sql =") || kind.starts_with("Each<")).then_some(name)
    })
}

#[test]
fn no_statement_of_the_crate_is_missing_from_what_is_looked_at() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files.sort();
    let mut listed: BTreeSet<&str> = store::statements().map(|(name, _)| name).chain(UNLISTED).collect();
    let (mut seen, mut missing) = (0, Vec::new());
    for path in files {
        let file = path.strip_prefix(&root).unwrap().with_extension("");
        let modules: Vec<&str> = file.iter().map(|part| part.to_str().unwrap()).collect();
        for name in defined(&fs::read_to_string(&path).unwrap()) {
            seen += 1;
            // By its path, its file or the file above it; a name in the list stands for one statement.
            let (whole, own) = (modules.join("::"), modules[modules.len() - 1]);
            let found =
                [whole.as_str(), own, modules[0]].iter().any(|of| listed.remove(format!("{of}::{name}").as_str()));
            if !found {
                missing.push(format!("{whole}::{name}"));
            }
        }
    }
    assert!(seen > 400, "only {seen} statements were found in the sources");
    assert!(missing.is_empty(), "these are in no `ALL`, so nobody looks at them: {missing:?}");
}

#[test]
fn the_list_of_exceptions_names_only_what_is_one() {
    let faults = faults();
    for (name, why) in EXCEPTIONS {
        let found = faults.get(name).unwrap_or_else(|| panic!("{name} is gone"));
        assert!(!found.is_empty(), "{name} ({why}) is bound to one workspace");
    }
}
