//! The JSON API as programs meet it: each request goes through the whole router, and each answer is held against the
//! document of the API, which must tell its status, its code and its form.

#![allow(clippy::unwrap_used, reason = "tests")]

mod access;
mod crawl;
mod document;
mod exchange;
mod filters;
mod forms;
mod imports;
mod input;
mod lists;
mod metrics;
mod pages;
mod repeats;
mod site;
mod statements;
mod story;
#[path = "../../../engine/tests/payments/stripe.rs"]
#[allow(dead_code, reason = "the engine's tests use the rest")]
mod stripe;
mod team;
mod webhooks;
