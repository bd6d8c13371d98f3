//! An import while it runs, as its page tells it.

use domain::access::Role;
use engine::import::{ImportProgress, Pace};
use engine::imports::{Choices, Import};
use jiff::SignedDuration;
use store::{DbError, Lane};

use crate::contacts::upload;
use crate::markup::sound;
use crate::site::Site;

#[tokio::test]
async fn a_running_import_tells_its_share_its_rate_and_the_time_that_is_left_while_it_knows_them() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let page = upload(&owner, "a.csv", b"Phone,Name\n7865550110,Ann\n").await.header("location").to_owned();
    let (engine, id) = (&site.parts.engine, page.rsplit('/').next().unwrap().parse().unwrap());
    let begun = engine.start_import(&customer.operator, id, &Choices::default()).await.unwrap();
    let fresh = owner.get(&page).await.good();
    sound(&fresh);
    assert!(fresh.has("<progress") && !fresh.has("value=\"0\" max=\"100\"") && !fresh.has(" left</p>"), "{}", fresh.text);
    let pace = Pace { bytes: 41_900, of_bytes: Some(100_000), rows_per_second: Some(10_400), seconds_left: Some(150) };
    let counts = serde_json::to_string(&ImportProgress { rows: 1_000, pace, ..ImportProgress::default() }).unwrap();
    let (workspace, now) = (customer.operator.workspace(), engine.now());
    let moved = Import { counts, updated_at: now, ..begun };
    let save = move |tx: &mut store::Tx<'_>| store::imports::save(tx, workspace, &moved);
    engine.store().write::<_, DbError, _>(Lane::Normal, save).await.unwrap();
    let running = owner.get(&page).await.good();
    sound(&running);
    assert!(running.has("41 % · 10,400 rows a second · about 3 minutes left"), "{}", running.text);
    assert!(running.has("value=\"41\" max=\"100\""));
    // What was noted a while ago says nothing of now.
    assert!(engine.clock().move_to(now + SignedDuration::from_secs(30)));
    let silent = owner.get(&page).await.good();
    assert!(silent.has("value=\"41\"") && !silent.has("rows a second"), "{}", silent.text);
}
