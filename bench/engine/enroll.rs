//! Everybody starts a workflow of three messages: the price of each is worked out, charged, and the first message scheduled.

use std::time::Instant;

use crate::customer;
use crate::place::Place;

/// Contacts a second.
pub(crate) async fn run(place: &Place, contacts: usize) -> f64 {
    let actor = place.customer(contacts).await;
    let workflow = customer::workflow(&place.engine, &actor, 3).await;
    let begun = Instant::now();
    customer::enroll(&place.engine, &actor, workflow).await;
    contacts as f64 / begun.elapsed().as_secs_f64()
}
