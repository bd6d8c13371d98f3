//! What a node does now and then: jobs of nodes that died, and what is too old to be asked for.

use carrier::{CarrierEvent, Inbound};
use engine::bulk::Selection;
use engine::receive::Received;
use jiff::SignedDuration;
use store::receipts::{self, CarrierId};
use store::{DbError, Lane};

use crate::world::{Plan, World, on_both};

const MINUTE: SignedDuration = SignedDuration::from_secs(60);

fn text(world: &World, to: &str) -> CarrierEvent {
    CarrierEvent::Inbound(Inbound {
        event_id: "one".to_owned(),
        from: "+12125550111".to_owned(),
        to: to.to_owned(),
        body: "Hi".to_owned(),
        media: 0,
        signal: None,
        at: world.engine.now(),
    })
}

fn wait(world: &World, days: i64) {
    assert!(world.engine.clock().move_to(world.engine.now() + SignedDuration::from_hours(24 * days)));
}

#[test]
fn a_job_that_stands_still_is_taken_over_and_one_that_moves_is_not() {
    on_both(Plan::default, async |world| {
        world.contact(1, "+12125550111", &[]).await;
        let workflow = world.workflow(&[(1, "Hi")]).await;
        let job = world.engine.enroll_many(&world.actor, workflow, Selection::All, None).await.unwrap();
        assert_eq!(world.engine.resume_jobs(MINUTE).await.unwrap(), 0, "its node may be at it");
        assert!(world.engine.clock().move_to(world.engine.now() + MINUTE));
        assert_eq!(world.engine.resume_jobs(MINUTE).await.unwrap(), 1);
        let done = world.engine.job(&world.actor, job.id).await.unwrap();
        assert_eq!((done.state.as_str(), done.started), ("done", 1));
        wait(&world, 1);
        assert_eq!(world.engine.resume_jobs(MINUTE).await.unwrap(), 0, "it is done");
        world.end().await;
    });
}

#[test]
fn what_is_old_is_let_go_and_what_may_be_asked_for_is_kept() {
    on_both(Plan::default, async |world| {
        let contact = world.contact(1, "+12125550111", &[]).await;
        let workflow = world.workflow(&[(1, "Hi")]).await;
        let start = async |key: &str| {
            let selection = Selection::These(vec![contact]);
            world.engine.enroll_many(&world.actor, workflow, selection, Some(key.to_owned())).await.unwrap().id
        };
        world.engine.quote(&world.actor, contact, workflow, 1).await.unwrap();
        let first = start("spring").await;
        let (ours, nobodys) = (text(&world, &world.number), text(&world, "+19995550100"));
        assert!(matches!(world.engine.receive("simulator", ours.clone()).await.unwrap(), Received::Stored { .. }));
        assert_eq!(world.engine.receive("simulator", nobodys).await.unwrap(), Received::Stray);

        assert_eq!(world.engine.sweep_old().await.unwrap(), 0);
        wait(&world, 29);
        assert_eq!(world.engine.sweep_old().await.unwrap(), 1, "the quote");
        assert_eq!(start("spring").await, first);
        assert_eq!(world.engine.receive("simulator", ours).await.unwrap(), Received::Repeat);
        wait(&world, 2);
        assert_eq!(world.engine.sweep_old().await.unwrap(), 2, "the key and the callback");
        assert_ne!(start("spring").await, first, "a key that was let go is new");
        wait(&world, 60);
        assert_eq!(world.engine.sweep_old().await.unwrap(), 2, "the stray, and the key of a month ago");
        assert_eq!(world.engine.sweep_old().await.unwrap(), 0);
        world.end().await;
    });
}

#[test]
fn receipts_that_nobody_claims_are_given_up_some_at_a_time() {
    const PARKED: i64 = 1_234;
    on_both(Plan::default, async |world| {
        let (workspace, now) = (world.workspace(), world.engine.now());
        let park = move |tx: &mut store::Tx<'_>| {
            for n in 0..PARKED {
                let (id, key) = (format!("text-{n}"), format!("event-{n}"));
                let of = CarrierId { carrier: "simulator", id: &id };
                receipts::park(tx, workspace, of, &key, "{}", now)?;
            }
            Ok::<_, DbError>(())
        };
        world.engine.store().write(Lane::Normal, park).await.unwrap();
        wait(&world, 4);
        let before = world.engine.now();
        let some = move |tx: &mut store::Tx<'_>| receipts::expire(tx, workspace, before, 500);
        assert_eq!(world.engine.store().write::<_, DbError, _>(Lane::Bulk, some).await.unwrap(), 500);
        assert_eq!(world.engine.expire_receipts().await.unwrap(), 734);
        let strays = move |db: &store::Read<'_>| {
            let all = (0..PARKED).map(|n| store::answers::stray(db, "simulator", &format!("event-{n}")));
            all.collect::<Result<Vec<_>, DbError>>()
        };
        let strays = world.engine.store().read(strays).await.unwrap();
        assert!(strays.iter().all(Option::is_some), "one was lost");
        world.end().await;
    });
}
