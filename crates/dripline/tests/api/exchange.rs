//! The hand-written end of HTTP that plays Stripe's role.

#[path = "../../../engine/tests/exchange/http.rs"]
#[allow(dead_code, reason = "the engine's tests use the rest")]
pub(crate) mod http;
