//! `/settings`: one page for each matter, with a list of them beside it.

mod activity;
mod carriers;
mod fields;
mod keys;
mod labels;
mod lists;
mod profile;
mod registration;
mod replies;
mod suppressions;
mod team;
mod webhooks;
mod workspace;

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;

use super::frame::{Frame, Section};
use super::viewer::Viewer;
use crate::wiring::Parts;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/settings", get(async |_: Viewer| Redirect::to("/settings/profile")))
        .merge(profile::routes())
        .merge(workspace::routes())
        .merge(team::routes())
        .merge(keys::routes())
        .merge(webhooks::routes())
        .merge(replies::routes())
        .merge(labels::routes())
        .merge(carriers::routes())
        .merge(registration::routes())
        .merge(fields::routes())
        .merge(suppressions::routes())
        .merge(lists::routes())
        .merge(activity::routes())
}

/// One page of the settings.
struct Place {
    name: &'static str,
    address: &'static str,
    /// What one must be allowed to see it.
    needs: &'static str,
}

const PLACES: [Place; 12] = [
    Place { name: "Your profile", address: "/settings/profile", needs: "read" },
    Place { name: "Workspace", address: "/settings/workspace", needs: "read" },
    Place { name: "Team", address: "/settings/team", needs: "read" },
    Place { name: "Carriers", address: "/settings/carriers", needs: "settings:write" },
    Place { name: "Registration", address: "/settings/registration", needs: "read" },
    Place { name: "API keys", address: "/settings/keys", needs: "keys:write" },
    Place { name: "Webhooks", address: "/settings/webhooks", needs: "settings:write" },
    Place { name: "Quick replies", address: "/settings/replies", needs: "read" },
    Place { name: "Labels and lists", address: "/settings/labels", needs: "read" },
    Place { name: "Fields", address: "/settings/fields", needs: "read" },
    Place { name: "Do not text", address: "/settings/suppressions", needs: "read" },
    Place { name: "Activity", address: "/settings/activity", needs: "read" },
];

/// The list beside a page of the settings.
struct Side {
    places: Vec<&'static Place>,
    here: &'static Place,
}

/// The frame of the page with this address, and the list beside it.
fn frame<'v>(viewer: &'v Viewer, address: &'static str) -> (Frame<'v>, Side) {
    let places: Vec<_> = PLACES.iter().filter(|place| viewer.may(place.needs)).collect();
    let here = PLACES.iter().find(|place| place.address == address).expect("every page is in the list");
    (Frame::new(here.name, Section::Settings, viewer), Side { places, here })
}
