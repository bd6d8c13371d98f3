//! Finds what a person means by a name or an identifier: a workspace, a workflow, a contact, a key.
//!
//! Exactly one is meant or nothing is done: a name that nothing or more than one thing has is an error that
//! lists what there is. Names are compared without regard to case and outer spaces.

use std::fmt;

use domain::access::Permission;
use domain::ids::{ContactId, KeyId, PlanId, WorkflowId, WorkspaceId};
use domain::phone::Phone;
use store::DbError;
use store::workspaces::{self, Workspace};

use crate::actor::{Actor, Forbidden};
use crate::contacts::{self, Contact, ContactError, DEFAULT_REGION};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::keys::KeyError;
use crate::workflows::SaveError;
use crate::workspaces::MAX_PAGE;

/// Most things that an error lists.
const LISTED: usize = 20;
/// The longest part of a wrong name that is repeated, in characters.
const SHOWN: usize = 80;

/// Something that could be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its identifier.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.id, self.name)
    }
}

/// Why it is not known what is meant.
#[derive(Debug, thiserror::Error)]
pub enum PickError {
    /// There is none at all.
    #[error("there is no {what} yet")]
    NoneThere {
        /// Of what kind.
        what: &'static str,
    },
    /// Nothing was named, and there are several.
    #[error("which {what}? there are {}", list(there))]
    Unnamed {
        /// Of what kind.
        what: &'static str,
        /// What there is.
        there: Vec<Choice>,
    },
    /// Nothing has the name or identifier.
    #[error("there is no {what} {wanted:?}; there are {}", list(there))]
    Unknown {
        /// Of what kind.
        what: &'static str,
        /// The name or identifier.
        wanted: String,
        /// What there is.
        there: Vec<Choice>,
    },
    /// No contact has the identifier, phone or name. All that there are would be too many to list.
    #[error("there is no contact {wanted:?}; write a phone, a full name or an identifier (ctc_…)")]
    NoContact {
        /// The name, phone or identifier.
        wanted: String,
    },
    /// Several have the name.
    #[error("{} {what}s are named {wanted:?}; name one by its identifier: {}", found.len(), list(found))]
    Several {
        /// Of what kind.
        what: &'static str,
        /// The name.
        wanted: String,
        /// Those that have it.
        found: Vec<Choice>,
    },
    /// The actor may not see them.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for PickError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

fn list(choices: &[Choice]) -> String {
    let mut list = choices.iter().take(LISTED).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if choices.len() > LISTED {
        list.push_str(&format!(" and {} more", choices.len() - LISTED));
    }
    list
}

impl Engine {
    /// The workspace of a name or identifier; without one, the only workspace there is. For the operator.
    pub async fn pick_workspace(&self, wanted: Option<&str>) -> Result<Workspace, PickError> {
        let id = wanted.and_then(|wanted| wanted.trim().parse::<WorkspaceId>().ok());
        if let Some(id) = id
            && let Some(found) = self.read(move |read| workspaces::find(read, id)).await?
        {
            return Ok(found);
        }
        let all = self.all_workspaces().await?;
        let choice = |row: &Workspace| Choice { id: row.id.to_string(), name: row.name.clone() };
        pick("workspace", wanted, all, choice)
    }

    /// Every workspace, in the order of their making. For the operator.
    pub async fn all_workspaces(&self) -> Result<Vec<Workspace>, Failure> {
        self.read(move |read| {
            let mut all: Vec<Workspace> = Vec::new();
            loop {
                let after = all.last().map_or(WorkspaceId(i64::MIN), |last| last.id);
                let page = workspaces::page(read, after, MAX_PAGE)?;
                if page.is_empty() {
                    return Ok(all);
                }
                all.extend(page);
            }
        })
        .await
    }

    /// The workflow of a name or identifier.
    pub async fn pick_workflow(&self, actor: &Actor, wanted: &str) -> Result<WorkflowId, PickError> {
        let all = self.workflows(actor).await.map_err(|error| match error {
            SaveError::Forbidden(error) => PickError::Forbidden(error),
            SaveError::Failure(error) => PickError::Failure(error),
            other => Failure::Stored(other.to_string()).into(),
        })?;
        let all = all.into_iter().map(|row| row.workflow).collect();
        let picked = pick("workflow", Some(wanted), all, |row: &store::workflows::Workflow| Choice {
            id: row.id.to_string(),
            name: row.name.clone(),
        });
        Ok(picked?.id)
    }

    /// The plan of a name or identifier, withdrawn ones too. For the operator.
    pub async fn pick_plan(&self, wanted: &str) -> Result<PlanId, PickError> {
        let all = self.read(|read| Ok::<_, Failure>(store::plans::list(read)?)).await?;
        let choice = |row: &store::plans::Plan| Choice { id: row.id.to_string(), name: row.name.clone() };
        Ok(pick("plan", Some(wanted), all, choice)?.id)
    }

    /// The API key of a name or identifier, revoked ones too.
    pub async fn pick_key(&self, actor: &Actor, wanted: &str) -> Result<KeyId, PickError> {
        let all = self.keys(actor).await.map_err(|error| match error {
            KeyError::Forbidden(error) => PickError::Forbidden(error),
            KeyError::Failure(error) => PickError::Failure(error),
            other => Failure::Stored(other.to_string()).into(),
        })?;
        let picked = pick("key", Some(wanted), all, |row: &store::users::ApiKey| Choice {
            id: row.id.to_string(),
            name: row.name.clone(),
        });
        Ok(picked?.id)
    }

    /// The contact of a phone, an identifier or a full name.
    pub async fn pick_contact(&self, actor: &Actor, wanted: &str) -> Result<ContactId, PickError> {
        actor.need(Permission::Read)?;
        let wanted = wanted.trim();
        if let Ok(id) = wanted.parse::<ContactId>() {
            return match self.contact(actor, id).await {
                Ok(contact) => Ok(contact.id),
                Err(ContactError::Unknown) => Err(PickError::NoContact { wanted: shown(wanted) }),
                Err(ContactError::Failure(error)) => Err(error.into()),
                Err(other) => Err(Failure::Stored(other.to_string()).into()),
            };
        }
        let phone = Phone::parse(wanted, DEFAULT_REGION).ok().map(|phone| phone.to_string());
        let holds = phone.clone().unwrap_or_else(|| wanted.to_owned());
        let fits = |contact: &Contact| match &phone {
            Some(phone) => contact.phone == *phone,
            None => key(&contact.name) == key(wanted),
        };
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.contacts(actor, after, &holds, contacts::MAX_PAGE).await;
            let page = page.map_err(|error| Failure::Stored(error.to_string()))?;
            found.extend(page.contacts.into_iter().filter(fits));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        match found.as_slice() {
            [one] => Ok(one.id),
            [] => Err(PickError::NoContact { wanted: shown(wanted) }),
            several => {
                let choice = |row: &Contact| Choice { id: row.id.to_string(), name: row.phone.clone() };
                let found = several.iter().map(choice).collect();
                Err(PickError::Several { what: "contact", wanted: shown(wanted), found })
            }
        }
    }
}

fn key(name: &str) -> String {
    name.trim().to_lowercase()
}

fn shown(wanted: &str) -> String {
    wanted.chars().take(SHOWN).collect()
}

/// The one that is meant; where nothing is named, the only one.
fn pick<T>(
    what: &'static str,
    wanted: Option<&str>,
    mut all: Vec<T>,
    choice: impl Fn(&T) -> Choice,
) -> Result<T, PickError> {
    let there: Vec<Choice> = all.iter().map(&choice).collect();
    if there.is_empty() {
        return Err(PickError::NoneThere { what });
    }
    let Some(wanted) = wanted else {
        return if all.len() == 1 { Ok(all.remove(0)) } else { Err(PickError::Unnamed { what, there }) };
    };
    if let Some(at) = there.iter().position(|choice| choice.id.eq_ignore_ascii_case(wanted.trim())) {
        return Ok(all.swap_remove(at));
    }
    let named: Vec<usize> = (0..there.len()).filter(|at| key(&there[*at].name) == key(wanted)).collect();
    match named.as_slice() {
        [one] => Ok(all.swap_remove(*one)),
        [] => Err(PickError::Unknown { what, wanted: shown(wanted), there }),
        several => {
            let found = several.iter().map(|at| there[*at].clone()).collect();
            Err(PickError::Several { what, wanted: shown(wanted), found })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(wanted: Option<&str>, names: &[&str]) -> Result<String, String> {
        let all = names.iter().zip(1..).map(|(name, id)| Choice { id: format!("x_{id}"), name: (*name).to_owned() });
        pick("thing", wanted, all.collect(), Clone::clone).map(|choice| choice.id).map_err(|error| error.to_string())
    }

    #[test]
    fn exactly_one_is_meant_or_the_error_lists_what_there_is() {
        assert_eq!(picked(None, &["One"]), Ok("x_1".to_owned()));
        assert_eq!(picked(Some(" ONE "), &["Two", "one"]), Ok("x_2".to_owned()));
        assert_eq!(picked(Some("X_1"), &["x_2", "one"]), Ok("x_1".to_owned()));
        assert_eq!(picked(None, &["A", "B"]), Err("which thing? there are x_1 \"A\", x_2 \"B\"".to_owned()));
        assert_eq!(picked(Some("C"), &["A"]), Err("there is no thing \"C\"; there are x_1 \"A\"".to_owned()));
        assert_eq!(picked(Some("C"), &[]), Err("there is no thing yet".to_owned()));
        let twice = "2 things are named \"a\"; name one by its identifier: x_1 \"A\", x_3 \"a\"";
        assert_eq!(picked(Some("a"), &["A", "B", "a"]), Err(twice.to_owned()));
        assert!(picked(None, &["A"; 30]).unwrap_err().ends_with("x_20 \"A\" and 10 more"));
    }
}
