//! `dripline openapi`: the document of the JSON API.

use super::{Answer, Stop};
use crate::api::document;

const EXAMPLES: &str = "\
Examples:
  dripline openapi                    the document on the screen
  dripline openapi > openapi.json     into a file, for a generator of clients

A running server has the same document at /api/v1/openapi.json, and a page for people at /api.";

/// Show the document of the JSON API (OpenAPI 3.1)
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Openapi {}

impl Openapi {
    /// The document is JSON in either format.
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        answer.text(&document::text())
    }
}
