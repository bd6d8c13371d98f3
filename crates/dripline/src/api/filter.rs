//! Which contacts: what the list of contacts is asked in its address, and a quote of many in its body.

use domain::ids::LabelId;
use domain::template::{STANDARD_FIELDS, key};
use engine::Actor;
use engine::contacts::list::{Activity, Filter, History, Standing};
use engine::contacts::wish::{FieldWish, MAX_VALUE, Wish};
use engine::imports::ImportsError;
use engine::workflows::SaveError;
use jiff::Timestamp;
use serde::Deserialize;
use store::labels::Kind;
use store::{DbError, contacts};
use utoipa::{IntoParams, ToSchema};

use super::ids;
use super::words::{ContactStandingWord, HistoryWord, Word};
use crate::problem::{Code, Problem};
use crate::wiring::Parts;

/// The longest text that contacts are searched by, in characters; the rest is not looked at.
const MAX_SEARCH: usize = 200;

/// Which contacts. Whatever is asked has to hold.
#[derive(Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Fitting {
    /// Only contacts that this finds: words or their beginnings, of name, e-mail address, company or street; or a phone, its
    /// beginning or its last seven or four digits. At most 2,000 are found.
    search: Option<String>,
    /// What they are.
    standing: Option<ContactStandingWord>,
    /// The name of a label that they have.
    label: Option<String>,
    /// The name of a list that they are on.
    list: Option<String>,
    /// The import that made them.
    import: Option<ids::Import>,
    /// A workflow that they are or were in, or never were: `workflow_history` says which; without it, that they are or were.
    workflow: Option<ids::Workflow>,
    /// What they have had to do with the workflow.
    workflow_history: Option<HistoryWord>,
    /// Their conversations moved since then, in either direction.
    active_since: Option<Timestamp>,
    /// Their conversations have not moved since then, or never.
    quiet_since: Option<Timestamp>,
    /// The name of a field, of which one of the three below is asked.
    field: Option<String>,
    /// It holds this; case and accents do not count.
    field_is: Option<String>,
    /// It has these words in it, the last perhaps as a beginning.
    field_has: Option<String>,
    /// Whether it holds anything.
    field_filled: Option<bool>,
}

/// Why a filter is none.
pub(crate) enum Unfit {
    /// It asks what cannot be.
    Unclear(String),
    /// Something else stands in the way.
    Other(Problem),
}

impl Unfit {
    /// As a problem of where the filter stands.
    pub(crate) fn of(self, code: Code) -> Problem {
        match self {
            Self::Unclear(detail) => Problem::new(code, detail),
            Self::Other(problem) => problem,
        }
    }
}

impl<P: Into<Problem>> From<P> for Unfit {
    fn from(problem: P) -> Self {
        Self::Other(problem.into())
    }
}

fn unclear<T>(what: impl Into<String>) -> Result<T, Unfit> {
    Err(Unfit::Unclear(what.into()))
}

impl Fitting {
    /// What is asked of a field.
    fn wish(&self) -> Result<Option<FieldWish>, Unfit> {
        let text = |text: &str| text.trim().chars().take(MAX_VALUE).collect::<String>();
        let wishes = [
            self.field_is.as_deref().map(|value| Wish::Is(text(value))),
            self.field_has.as_deref().map(|value| Wish::Has(text(value))),
            self.field_filled.map(|filled| if filled { Wish::Filled } else { Wish::Empty }),
        ];
        let mut wishes = wishes.into_iter().flatten();
        let (wish, more) = (wishes.next(), wishes.next().is_some());
        match (self.field.as_deref().map(key), wish) {
            (None, None) => Ok(None),
            _ if more => unclear("of `field_is`, `field_has` and `field_filled` one can be asked at a time"),
            (Some(_), None) => unclear("`field` says nothing without `field_is`, `field_has` or `field_filled`"),
            (None, Some(_)) => unclear("`field_is`, `field_has` and `field_filled` need `field`"),
            (Some(_), Some(Wish::Is(value) | Wish::Has(value))) if value.is_empty() => {
                unclear("what the field is to hold is empty; `field_filled=false` finds those that hold nothing")
            }
            (Some(key), Some(wish)) => Ok(Some(FieldWish { key, wish })),
        }
    }

    fn history(&self) -> Result<Option<History>, Unfit> {
        let word = self.workflow_history.as_ref().map(Word::as_str);
        match (self.workflow, word) {
            (None, Some(_)) => unclear("`workflow_history` says nothing without `workflow`"),
            (None, None) => Ok(None),
            (Some(ids::Id(workflow)), Some("in")) => Ok(Some(History::Running(workflow))),
            (Some(ids::Id(workflow)), Some("never")) => Ok(Some(History::Never(workflow))),
            (Some(ids::Id(workflow)), _) => Ok(Some(History::Been(workflow))),
        }
    }

    /// The label, or the list, of this name.
    async fn named(parts: &Parts, actor: &Actor, kind: Kind, name: Option<&String>) -> Result<Option<LabelId>, Unfit> {
        let Some(name) = name else { return Ok(None) };
        let found = parts.engine.label_named(actor, kind, name).await?;
        found.map_or_else(|| unclear(format!("there is no {} {name:?}", kind.word())), |label| Ok(Some(label.id)))
    }

    /// Refuses what is not there: by a wrong name everybody would be found who has nothing to do with it.
    async fn known(&self, parts: &Parts, actor: &Actor) -> Result<(), Unfit> {
        if let Some(ids::Id(import)) = self.import {
            match parts.engine.find_import(actor, import).await {
                Ok(_) => {}
                Err(ImportsError::Unknown) => return unclear(format!("there is no import {import}")),
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(ids::Id(workflow)) = self.workflow {
            match parts.engine.workflow(actor, workflow).await {
                Ok(_) => {}
                Err(SaveError::Unknown) => return unclear(format!("there is no workflow {workflow}")),
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(name) = &self.field {
            let (wanted, workspace) = (key(name), actor.workspace());
            let own = parts.engine.read::<_, DbError, _>(move |db| contacts::custom_fields(db, workspace)).await?;
            let standard = STANDARD_FIELDS.iter().any(|field| *field != "Phone" && key(field) == wanted);
            if !standard && !own.iter().any(|(field, _)| *field == wanted) {
                return unclear(format!("there is no field {name:?}; a phone is found by `search`"));
            }
        }
        Ok(())
    }

    /// The filter that it is.
    pub(crate) async fn filter(&self, parts: &Parts, actor: &Actor) -> Result<Filter, Unfit> {
        let activity = match (self.active_since, self.quiet_since) {
            (Some(_), Some(_)) => return unclear("of `active_since` and `quiet_since` one can be asked at a time"),
            (since, quiet) => since.map(Activity::Since).or(quiet.map(Activity::NotSince)),
        };
        self.known(parts, actor).await?;
        let search = self.search.as_deref().unwrap_or_default().trim().chars().take(MAX_SEARCH).collect();
        let standing = self.standing.as_ref().and_then(|word| Standing::from_word(word.as_str()));
        let label = Self::named(parts, actor, Kind::Label, self.label.as_ref()).await?;
        let list = Self::named(parts, actor, Kind::List, self.list.as_ref()).await?;
        let (import, history, field) = (self.import.map(|ids::Id(import)| import), self.history()?, self.wish()?);
        Ok(Filter { search, standing, import, label, list, history, activity, field })
    }
}
