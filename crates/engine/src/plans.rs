//! Plans that the operator offers: made, offered, withdrawn. What a workspace does with one is `subscriptions`.
//!
//! Terms never change, for the reason for which a running workflow cannot be edited: what somebody agreed to must not become
//! something else. Other terms are another plan, and a plan that is withdrawn stays with those who have it.

use domain::access::Permission;
use domain::ids::{PlanId, WorkspaceId};
use domain::plan::{Terms, TermsError};
use serde_json::json;
use store::plans::{self, Plan};
use store::{DbError, Lane};

use crate::actor::{Actor, Forbidden, Operator};
use crate::acts;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::text::{TextError, line};

/// Most characters in the name of a plan.
pub const MAX_PLAN_NAME: usize = 80;
/// Most plans, withdrawn ones too: they are shown all at once.
pub const MAX_PLANS: usize = 200;
/// A plan that workspaces may choose.
pub(crate) const OFFERED: &str = "offered";
/// A plan that only those have who have it already.
const WITHDRAWN: &str = "withdrawn";

/// A plan to offer.
#[derive(Debug, Clone)]
pub struct NewPlan {
    /// Its name, unique among those that are offered.
    pub name: String,
    /// What it costs and gives.
    pub terms: Terms,
}

/// Why a plan is not made, changed or shown.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such plan.
    #[error("the plan does not exist")]
    Unknown,
    /// The name is refused.
    #[error("the plan's name is refused")]
    Name(#[source] TextError),
    /// A plan of that name is offered already.
    #[error("a plan named {name:?} is offered already")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The terms cannot be those of a plan.
    #[error(transparent)]
    Terms(#[from] TermsError),
    /// There are too many.
    #[error("there are {MAX_PLANS} plans already, withdrawn ones among them")]
    TooMany,
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for PlanError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// Offers a new plan. For the operator.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub async fn add_plan(&self, by: &Operator, new: NewPlan) -> Result<Plan, PlanError> {
        new.terms.check()?;
        let name = line(&new.name, MAX_PLAN_NAME).map_err(PlanError::Name)?;
        let beat = self.beat_as(WorkspaceId(0), by.name());
        let plan =
            Plan { id: PlanId(beat.id()), name, state: OFFERED.to_owned(), terms: new.terms, created_at: beat.now };
        self.write(Lane::Normal, move |tx| {
            let all = plans::list(tx)?;
            if all.len() >= MAX_PLANS {
                return Err(PlanError::TooMany);
            }
            free_name(&all, &plan)?;
            plans::insert(tx, &plan)?;
            acts::note(tx, &beat, "plan_added", &json!({ "name": plan.name, "price": plan.terms.price }))?;
            Ok(plan.clone())
        })
        .await
    }

    /// All plans, oldest first, withdrawn ones too. For the operator.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub async fn plans(&self) -> Result<Vec<Plan>, PlanError> {
        self.read(|db| Ok(plans::list(db)?)).await
    }

    /// The plans that a workspace may choose, oldest first.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub async fn offered_plans(&self, actor: &Actor) -> Result<Vec<Plan>, PlanError> {
        actor.need(Permission::Read)?;
        let all = self.plans().await?;
        Ok(all.into_iter().filter(|plan| plan.state == OFFERED).collect())
    }

    /// Offers a plan no more: whoever has it keeps it. For the operator.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub async fn withdraw_plan(&self, by: &Operator, id: PlanId) -> Result<Plan, PlanError> {
        self.set_plan_state(by, id, WITHDRAWN).await
    }

    /// Offers a plan again that was withdrawn. For the operator.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub async fn offer_plan(&self, by: &Operator, id: PlanId) -> Result<Plan, PlanError> {
        self.set_plan_state(by, id, OFFERED).await
    }

    async fn set_plan_state(&self, by: &Operator, id: PlanId, state: &'static str) -> Result<Plan, PlanError> {
        let beat = self.beat_as(WorkspaceId(0), by.name());
        self.write(Lane::Normal, move |tx| {
            let plan = plans::find(tx, id)?.ok_or(PlanError::Unknown)?;
            if state == OFFERED && plan.state != OFFERED {
                free_name(&plans::list(tx)?, &plan)?;
            }
            plans::set_state(tx, id, state)?;
            if plan.state != state {
                acts::note(tx, &beat, &format!("plan_{state}"), &json!({ "name": plan.name }))?;
            }
            Ok(Plan { state: state.to_owned(), ..plan })
        })
        .await
    }
}

/// Nobody could tell two plans of one name apart.
fn free_name(all: &[Plan], plan: &Plan) -> Result<(), PlanError> {
    let key = plan.name.to_lowercase();
    let taken = |other: &&Plan| other.state == OFFERED && other.id != plan.id && other.name.to_lowercase() == key;
    all.iter().find(taken).map_or(Ok(()), |other| Err(PlanError::NameTaken { name: other.name.clone() }))
}

/// What the history tells of a plan.
pub(crate) fn told(plan: &Plan) -> serde_json::Value {
    json!({ "plan": plan.id, "name": plan.name, "price": plan.terms.price, "credits": plan.terms.credits,
        "rate": plan.terms.rate })
}
