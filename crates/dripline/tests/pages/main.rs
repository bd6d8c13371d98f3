//! The pages, asked for without a network: what they say, who may see them, that their HTML is sound.
//!
//! A module for each section. `site` makes the world, `markup` holds what every page must fulfil, `crawl` follows every link.
#![allow(clippy::unwrap_used, reason = "tests")]

mod crawl;
mod markup;
mod site;
