//! The JSON API under `/api/v1`: its routes and its document. No rule lives here.
//!
//! Identifiers are prefixed text, money is an integer of micro-dollars, time is RFC 3339 in UTC. Another workspace's
//! object is *not found*, never *forbidden*. A handler and its place in the document are one thing: `routes` takes both
//! from the annotation, so no route can be left out of the document nor be told wrongly.

mod balance_notice;
mod cards;
pub(crate) mod consents;
pub(crate) mod contacts;
pub(crate) mod conversations;
pub(crate) mod document;
pub(crate) mod enrollments;
mod erasures;
pub(crate) mod events;
mod filter;
pub(crate) mod handsets;
pub(crate) mod ids;
pub(crate) mod imports;
pub(crate) mod jobs;
pub(crate) mod keys;
mod labels;
pub(crate) mod merges;
pub(crate) mod messages;
pub(crate) mod numbers;
mod payments;
pub(crate) mod plans;
pub(crate) mod quotes;
pub(crate) mod reference;
mod registrations;
mod reminders;
pub(crate) mod request;
pub(crate) mod simulator;
pub(crate) mod start;
pub(crate) mod statements;
pub(crate) mod suppression_lists;
pub(crate) mod suppressions;
pub(crate) mod users;
mod webhooks;
pub(crate) mod words;
pub(crate) mod workflows;
pub(crate) mod workspace;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use crate::problem::{Code, Problem};
use crate::wiring::Parts;

/// The largest JSON body, in bytes: a selection of 100,000 contacts fits. Only files for import may be larger.
const MAX_JSON_BYTES: usize = 4 * 1024 * 1024;

/// All routes, with bodies up to this many bytes.
pub(crate) fn router(max_body_bytes: usize) -> Router<Parts> {
    all(Routes::Served(Router::new()), max_body_bytes)
        .served()
        .fallback(async || Problem::not_found("this address"))
        .method_not_allowed_fallback(async || {
            Problem::new(Code::MethodNotAllowed, "this address does not take this method; see the document of the API")
        })
        .layer(DefaultBodyLimit::max(max_body_bytes.min(MAX_JSON_BYTES)))
        .layer(map_response(private))
}

/// Answers hold what people wrote: nothing between us and the client may keep them.
async fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// All routes as the document tells them.
fn described() -> OpenApi {
    all(Routes::Described(Box::new(OpenApiRouter::with_openapi(document::head()))), MAX_JSON_BYTES).described()
}

/// What becomes of the routes: who serves them needs no description, which would leave some megabytes of crumbs in memory.
enum Routes {
    Served(Router<Parts>),
    Described(Box<OpenApiRouter<Parts>>),
}

impl Routes {
    fn routes(self, (schemas, paths, methods): UtoipaMethodRouter<Parts>) -> Self {
        match self {
            Self::Served(router) => {
                let route = |router: Router<Parts>, path: &String| router.route(path, methods.clone());
                Self::Served(paths.paths.keys().fold(router, route))
            }
            Self::Described(router) => Self::Described(Box::new(router.routes((schemas, paths, methods)))),
        }
    }

    fn served(self) -> Router<Parts> {
        match self {
            Self::Served(router) => router,
            Self::Described(router) => (*router).into(),
        }
    }

    fn described(self) -> OpenApi {
        match self {
            Self::Served(_) => document::head(),
            Self::Described(router) => router.into_openapi(),
        }
    }
}

/// The routes of the workspace itself and of what it pays, beside those that are there.
fn money(routes: Routes) -> Routes {
    routes
        .routes(routes!(workspace::show, workspace::change))
        .routes(routes!(workspace::balances))
        .routes(routes!(balance_notice::show, balance_notice::change))
        .routes(routes!(workspace::prove))
        .routes(routes!(payments::list, payments::begin))
        .routes(routes!(cards::show, cards::change, cards::remove))
        .routes(routes!(plans::list))
        .routes(routes!(plans::offer))
        .routes(routes!(plans::show, plans::choose))
        .routes(routes!(plans::cancel))
        .routes(routes!(plans::resume))
        .routes(routes!(plans::periods))
        .routes(routes!(statements::show))
}

/// The routes of contacts, of what forbids to text them and what allows it, beside those that are there.
fn people(routes: Routes) -> Routes {
    routes
        .routes(routes!(contacts::list, contacts::create))
        .routes(routes!(contacts::show, contacts::edit, contacts::remove))
        .routes(routes!(erasures::by_contact))
        .routes(routes!(erasures::by_phone))
        .routes(routes!(merges::preview))
        .routes(routes!(merges::merge))
        .routes(routes!(imports::list))
        .routes(routes!(imports::show))
        .routes(routes!(imports::undo))
        .routes(routes!(labels::list, labels::create))
        .routes(routes!(labels::change, labels::remove))
        .routes(routes!(labels::give))
        .routes(routes!(labels::take))
        .routes(routes!(labels::of_contact))
        .routes(routes!(reminders::list))
        .routes(routes!(reminders::set, reminders::end))
        .routes(routes!(consents::list, consents::record))
        .routes(routes!(consents::export))
        .routes(routes!(suppressions::list))
        .routes(routes!(suppressions::add, suppressions::lift))
        .routes(routes!(suppression_lists::list, suppression_lists::create))
        .routes(routes!(suppression_lists::add))
        .routes(routes!(suppression_lists::drop_phone))
        .routes(routes!(suppression_lists::remove))
}

/// All routes, beside those that are there; files for import may be so large.
fn all(routes: Routes, max_body_bytes: usize) -> Routes {
    let (schemas, paths, import) = routes!(imports::import);
    let import = import.layer(DefaultBodyLimit::max(max_body_bytes));
    let (checked, places, check) = routes!(imports::check);
    let check = check.layer(DefaultBodyLimit::max(max_body_bytes));
    people(money(routes.routes(routes!(document::show))))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::change, users::remove))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::revoke))
        .routes(routes!(numbers::list, numbers::add))
        .routes(routes!(numbers::change))
        .routes(routes!(registrations::list))
        .routes(routes!(registrations::add_brand))
        .routes(routes!(registrations::change_brand, registrations::remove_brand))
        .routes(routes!(registrations::add_campaign))
        .routes(routes!(registrations::change_campaign, registrations::remove_campaign))
        .routes(routes!(registrations::register))
        .routes((schemas, paths, import))
        .routes((checked, places, check))
        .routes(routes!(workflows::list, workflows::create))
        .routes(routes!(workflows::order))
        .routes(routes!(workflows::show, workflows::edit, workflows::remove))
        .routes(routes!(workflows::duplicate))
        .routes(routes!(workflows::pause_preview, workflows::pause))
        .routes(routes!(quotes::create))
        .routes(routes!(quotes::create_many))
        .routes(routes!(enrollments::list, enrollments::start))
        .routes(routes!(enrollments::start_many))
        .routes(routes!(enrollments::start_quoted))
        .routes(routes!(enrollments::show, enrollments::remove))
        .routes(routes!(enrollments::of_contact))
        .routes(routes!(enrollments::of_workflow))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::show))
        .routes(routes!(jobs::refusals))
        .routes(routes!(jobs::withdraw))
        .routes(routes!(quotes::create_rest))
        .routes(routes!(conversations::list))
        .routes(routes!(conversations::mark_read))
        .routes(routes!(messages::thread, messages::send))
        .routes(routes!(messages::in_doubt))
        .routes(routes!(messages::settle))
        .routes(routes!(messages::show))
        .routes(routes!(events::list))
        .routes(routes!(events::of_contact))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::show, webhooks::change, webhooks::remove))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(webhooks::test))
        .routes(routes!(webhooks::deliveries))
        .routes(routes!(webhooks::replay_one))
        .routes(routes!(webhooks::replay))
        .routes(routes!(simulator::clock, simulator::push))
        .routes(routes!(simulator::behaviour, simulator::change_behaviour))
        .routes(routes!(simulator::stats))
        .routes(routes!(handsets::inbox))
        .routes(routes!(handsets::script))
        .routes(routes!(handsets::reply))
}
