//! What carriers charge: noted at the text, whenever they tell it. On both databases.

use carrier::{CarrierEvent, Cost, Receipt, ReceiptState};
use domain::ids::MessageId;
use store::messages;

use crate::world::{Plan, World, on_both};

async fn noted(world: &World, id: MessageId) -> Option<(i64, String)> {
    let workspace = world.workspace();
    let read = move |db: &store::Read<'_>| store::receipts::cost(db, workspace, id);
    world.engine.store().read::<_, store::DbError, _>(read).await.unwrap()
}

/// Tells of one try of a message, with a price.
async fn tell(world: &World, id: MessageId, tried: i64, state: ReceiptState, micros: i64) {
    let receipt = Receipt {
        event_id: format!("{id}-{tried}-{state:?}-{micros}"),
        carrier_id: "carrier-1".to_owned(),
        from: world.number.clone(),
        attempt: Some(messages::attempt(id, tried)),
        state,
        code: None,
        failure: None,
        segments: None,
        cost: Some(Cost { micros, currency: "USD".to_owned() }),
        at: world.engine.now(),
    };
    world.engine.receive("simulator", CarrierEvent::Receipt(receipt)).await.unwrap();
}

#[test]
fn what_the_carrier_charges_is_noted_at_the_text_whenever_it_is_told() {
    on_both(Plan::default, async |world| {
        let contact = world.contact(1, "+12125550111", &[]).await;
        let message = world.engine.send_message(&world.actor, contact, "Hello").await.unwrap().id;
        world.engine.round().await.unwrap();
        assert_eq!(noted(&world, message).await, None);
        tell(&world, message, 1, ReceiptState::Delivered, 7_900).await;
        assert_eq!(noted(&world, message).await, Some((7_900, "USD".to_owned())));
        // News that moves nothing may still bring a price; news of a try that never was brings none.
        tell(&world, message, 1, ReceiptState::Sent, 8_100).await;
        tell(&world, message, 9, ReceiptState::Sent, 1).await;
        assert_eq!(noted(&world, message).await, Some((8_100, "USD".to_owned())));
        world.end().await;
    });
}
