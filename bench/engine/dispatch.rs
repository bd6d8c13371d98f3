//! A backlog whose first texts are all due at once, until the last is at the sink and its answer is settled.

use crate::place::Place;
use crate::sink::Sink;
use crate::{customer, drain};

/// Texts a second.
pub(crate) async fn run(place: &Place, sink: &Sink, texts: usize) -> f64 {
    let engine = &place.engine;
    let actor = place.customer(texts).await;
    let workflow = customer::workflow(engine, &actor, 3).await;
    customer::enroll(engine, &actor, workflow).await;
    drain::drain(engine, sink, texts).await
}
