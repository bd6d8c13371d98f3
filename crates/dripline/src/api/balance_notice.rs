//! Below which balance a workspace is told.

use axum::Json;
use axum::extract::State;
use domain::balance::Notice;
use domain::money::Micros;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::request::{Body, Caller};
use crate::problem::Problem;
use crate::wiring::Parts;

/// Below which balance of the wallet the workspace is told.
#[derive(Serialize, ToSchema)]
pub(crate) struct BalanceNotice {
    /// The mark, in micro-dollars; nothing while it is off. The event `balance.low` comes within a minute after the wallet has fallen below it: once, until
    /// it was at the mark or above again.
    #[schema(example = 10_000_000)]
    below_micros: Option<i64>,
    /// Whether owners and admins get an e-mail too.
    email: bool,
    /// Whether this installation sends e-mails at all: who runs it has set up a mail server.
    email_is_set_up: bool,
}

impl BalanceNotice {
    fn of(notice: Notice, parts: &Parts) -> Self {
        Self {
            below_micros: notice.below.map(|below| below.0),
            email: notice.mails,
            email_is_set_up: parts.engine.sends_mails(),
        }
    }
}

/// Show below which balance the workspace is told
#[utoipa::path(get, path = "/balance-notice", operation_id = "getBalanceNotice", tag = "Plan",
    responses((status = 200, description = "The notice.", body = BalanceNotice)),
    extensions(("x-permission" = json!("read"))))]
pub(crate) async fn show(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<BalanceNotice>, Problem> {
    Ok(Json(BalanceNotice::of(parts.engine.balance_notice(&actor).await?, &parts)))
}

/// Below which balance the workspace is to be told.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BalanceNoticeWish {
    /// The mark, in micro-dollars: more than nothing, at most $10,000.00. Nothing, or left out: off.
    #[serde(default)]
    #[schema(example = 10_000_000)]
    below_micros: Option<i64>,
    /// Whether owners and admins get an e-mail too.
    #[serde(default)]
    #[schema(example = true)]
    email: bool,
}

/// Say below which balance the workspace is told
///
/// All of it is set anew: what is left out is off. A balance that is below another mark than before already is told within a minute.
#[utoipa::path(put, path = "/balance-notice", operation_id = "setBalanceNotice", tag = "Plan", request_body = BalanceNoticeWish,
    responses((status = 200, description = "The notice.", body = BalanceNotice)),
    extensions(("x-permission" = json!("billing:write")), ("x-problems" = json!(["settings_invalid"]))))]
pub(crate) async fn change(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(wish): Body<BalanceNoticeWish>,
) -> Result<Json<BalanceNotice>, Problem> {
    let notice = parts.engine.set_balance_notice(&actor, wish.below_micros.map(Micros), wish.email).await?;
    Ok(Json(BalanceNotice::of(notice, &parts)))
}
