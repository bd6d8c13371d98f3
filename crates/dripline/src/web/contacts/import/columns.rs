//! What each column of an upload shall mean, and the first rows as they will be stored.

use domain::consent::Kind;
use engine::import::preview::PreviewRow;
use engine::import::{Column, FileConsent, ImportError, Meaning, Part};
use engine::imports::{self, Choices, Import};
use serde::Deserialize;
use store::labels::Label;
use store::{DbError, contacts};

use super::files;
use crate::web::format;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// How many values of a column are shown beside its name.
const SAMPLES: usize = 3;
/// The word for consent of which nobody knows anything.
const NO_CONSENT: &str = "none";
/// The standard fields that a column may mean.
const STANDARD: [&str; 10] =
    ["First Name", "Last Name", "Full Name", "Company", "Email", "Address", "City", "State", "Zip", "Time Zone"];

/// The form: headers and what they mean, in the same order.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Posted {
    header: Vec<String>,
    target: Vec<String>,
    overwrite: String,
    label: String,
    list: String,
    consent_kind: String,
    consent_source: String,
    consent_date: String,
    consent_text: String,
    /// Nothing where the box is not ticked.
    recase: String,
}

impl Posted {
    /// Whether it says nothing, as the button does that starts an import again.
    pub(super) fn is_empty(&self) -> bool {
        self.header.is_empty() && self.consent_kind.is_empty()
    }

    pub(super) fn choices(&self) -> Choices {
        let pairs = self.header.iter().cloned().zip(self.target.iter().cloned());
        let mapping = pairs.filter(|(_, word)| Choices::target(word).is_some()).collect();
        let text = |text: &str| text.replace("\r\n", "\n").trim().to_owned();
        let consent = FileConsent {
            kind: Kind::from_word(&self.consent_kind).filter(|kind| *kind != Kind::Revoked),
            source: text(&self.consent_source),
            date: text(&self.consent_date),
            text: text(&self.consent_text),
        };
        Choices {
            overwrite: self.overwrite == "1",
            label: self.label.parse().ok(),
            list: None,
            list_name: self.list.split_whitespace().collect::<Vec<_>>().join(" "),
            mapping,
            consent,
            no_consent: self.consent_kind == NO_CONSENT,
            recase: self.recase == "1",
            gave: Vec::new(),
            in_one_go: false,
        }
    }
}

/// Something that a column may mean.
pub(super) struct Target {
    pub(super) word: String,
    pub(super) name: String,
    pub(super) chosen: bool,
}

/// A column, with what it may mean.
pub(super) struct Choice {
    pub(super) header: String,
    pub(super) samples: String,
    pub(super) targets: Vec<Target>,
}

/// A row as it will be stored.
pub(super) struct Sample {
    pub(super) row: u64,
    pub(super) name: String,
    pub(super) phones: String,
    pub(super) values: Vec<String>,
    pub(super) warnings: Vec<String>,
    pub(super) rejected: Option<String>,
}

/// All that is chosen and shown before an import starts.
pub(super) struct Choosing {
    pub(super) columns: Vec<Choice>,
    pub(super) overwrite: bool,
    /// Whether names in capitals are written as people write them.
    pub(super) recase: bool,
    /// The workspace's labels; the chosen one is marked.
    pub(super) labels: Vec<Target>,
    /// The names of its lists, and of the one that the file's contacts are put on, which may be new.
    pub(super) lists: Vec<String>,
    pub(super) list: String,
    /// Why there cannot be such a list.
    pub(super) list_fault: String,
    /// What is said of the consent of all rows.
    pub(super) consent: FileConsent,
    pub(super) kinds: Vec<Target>,
    /// Whether somebody said that none is recorded.
    pub(super) no_consent: bool,
    /// Whether a column tells of it.
    pub(super) consent_in_columns: bool,
    /// Why what is said of it makes no record; or that nothing is said.
    pub(super) consent_fault: String,
    /// Why it cannot start so.
    pub(super) wrong: String,
    pub(super) fields: Vec<String>,
    pub(super) rows: Vec<Sample>,
    pub(super) guessed: bool,
    /// Fields that the workspace does not have yet.
    pub(super) new_fields: Vec<String>,
}

/// An error as a sentence, with what it came from.
pub(super) fn told(error: &ImportError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format::sentence(&format!("{error}{cause}"))
}

impl Choosing {
    pub(super) async fn load(
        parts: &Parts,
        viewer: &Viewer,
        import: &Import,
        chosen: Option<Choices>,
    ) -> Result<Self, Wrong> {
        let (engine, actor, workspace) = (&parts.engine, &viewer.actor, viewer.actor.workspace());
        let headers = engine.import_headers(actor, files::open(&parts.uploads, import.id)?).await?;
        let own = engine.read::<_, DbError, _>(move |db| contacts::custom_fields(db, workspace)).await?;
        let own: Vec<String> = own.into_iter().map(|(_, name)| name).collect();
        let guessed = chosen.is_none();
        let choices = match chosen {
            Some(choices) => choices,
            None => Choices { mapping: engine.last_mapping(actor, &headers).await?, ..imports::read(&import.choices) },
        };
        let source = files::open(&parts.uploads, import.id)?;
        let preview = engine.preview_import(actor, source, choices.options(None)).await;
        let (meanings, rows, wrong) = match preview {
            Ok(preview) => (preview.columns, preview.rows, String::new()),
            Err(ImportError::Failure(failure)) => return Err(failure.into()),
            Err(ImportError::Forbidden(forbidden)) => return Err(forbidden.into()),
            Err(error) => (Vec::new(), Vec::new(), told(&error)),
        };
        let consent_in_columns = meanings.iter().any(|column| matches!(column.meaning, Meaning::Consent(_)));
        let consent_fault = match engine.consent_fault(actor, &choices.options(None), &meanings).await {
            Ok(fault) => fault.map(|fault| format::sentence(&fault.to_string())).unwrap_or_default(),
            Err(ImportError::Failure(failure)) => return Err(failure.into()),
            Err(error) => told(&error),
        };
        let columns = headers.iter().enumerate().map(|(place, header)| {
            let word = match meanings.get(place) {
                Some(column) => word(column),
                None => choices
                    .mapping
                    .iter()
                    .find(|(known, _)| known == header)
                    .map_or("ignore", |(_, word)| word)
                    .to_owned(),
            };
            let values = rows.iter().filter_map(|row| row.cells.get(place)).map(|cell| cell.trim());
            let samples: Vec<&str> = values.filter(|cell| !cell.is_empty()).take(SAMPLES).collect();
            let samples = samples.join(" · ").chars().take(80).collect();
            Choice { header: header.clone(), samples, targets: targets(header, &word, &own) }
        });
        let fields: Vec<(String, String)> = meanings.iter().filter_map(field).collect();
        let (lists, labels): (Vec<Label>, Vec<Label>) =
            engine.labels(actor).await?.into_iter().partition(Label::is_list);
        let labels = labels.into_iter().map(|label| Target {
            chosen: choices.label == Some(label.id),
            word: label.id.to_string(),
            name: label.name,
        });
        let is_new = |name: &&String| !STANDARD.contains(&name.as_str()) && !own.contains(name);
        Ok(Self {
            columns: columns.collect(),
            overwrite: choices.overwrite,
            recase: choices.recase,
            kinds: kinds(choices.consent.kind),
            no_consent: choices.no_consent,
            consent_in_columns,
            consent_fault,
            consent: choices.consent,
            labels: labels.collect(),
            lists: lists.into_iter().map(|list| list.name).collect(),
            list: choices.list_name,
            list_fault: String::new(),
            wrong,
            new_fields: fields.iter().map(|(_, name)| name).filter(is_new).cloned().collect(),
            rows: rows.into_iter().map(|row| sample(row, &fields)).collect(),
            fields: fields.into_iter().map(|(_, name)| name).collect(),
            guessed,
        })
    }
}

impl Choosing {
    /// Why the consent of these people is not told of; nothing where it is.
    pub(super) fn untold(&self) -> bool {
        self.consent == FileConsent::default() && !self.no_consent && !self.consent_in_columns
    }
}

/// The kinds of consent that a file may tell of.
fn kinds(chosen: Option<Kind>) -> Vec<Target> {
    let given = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Revoked);
    let target = |kind: Kind| Target {
        word: kind.word().to_owned(),
        name: kind.label().to_owned(),
        chosen: chosen == Some(kind),
    };
    given.map(target).collect()
}

fn field(column: &Column) -> Option<(String, String)> {
    match &column.meaning {
        Meaning::Field { key, name } => Some((key.clone(), name.clone())),
        Meaning::Phone | Meaning::Consent(_) | Meaning::Ignored => None,
    }
}

fn word(column: &Column) -> String {
    match &column.meaning {
        Meaning::Phone => "phone".to_owned(),
        Meaning::Ignored => "ignore".to_owned(),
        Meaning::Consent(part) => format!("consent:{}", part.name()),
        Meaning::Field { name, .. } => format!("field:{name}"),
    }
}

/// What a column may mean; a field of its own name is offered last, as a new one.
fn targets(header: &str, chosen: &str, own: &[String]) -> Vec<Target> {
    let target = |word: String, name: &str| Target { chosen: word == chosen, word, name: name.to_owned() };
    let mut all = vec![target("phone".to_owned(), "Phone")];
    let known = STANDARD.into_iter().chain(own.iter().map(String::as_str));
    all.extend(known.map(|name| target(format!("field:{name}"), name)));
    if let Some(name) = chosen.strip_prefix("field:")
        && all.iter().all(|one| !one.chosen)
    {
        all.push(target(chosen.to_owned(), &format!("New field “{name}”")));
    } else if !header.is_empty() && all.iter().all(|one| one.name != header) {
        all.push(target(format!("field:{header}"), &format!("New field “{header}”")));
    }
    all.extend(Part::all().map(|part| target(format!("consent:{}", part.name()), part.name())));
    all.push(target("ignore".to_owned(), "Leave out"));
    all
}

fn sample(row: PreviewRow, fields: &[(String, String)]) -> Sample {
    let of = |key: &str| row.fields.iter().find(|(known, _)| known == key).map_or("", |(_, value)| value);
    let phones: Vec<String> = row.phones.iter().map(|phone| format::phone(phone)).collect();
    Sample {
        row: row.row,
        phones: phones.join(", "),
        values: fields.iter().map(|(key, _)| of(key).chars().take(60).collect()).collect(),
        warnings: row.warnings.iter().map(|text| format::sentence(text)).collect(),
        rejected: row.rejected.as_deref().map(format::sentence),
        name: row.name,
    }
}
