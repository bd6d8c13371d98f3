//! A clock that jumps: nothing ran for days, then everything is late at once.

use domain::ids::EnrollmentId;
use engine::enrolling::EnrollRequest;
use jiff::{SignedDuration, Timestamp};

use crate::world::{Plan, World, on_both};

const CONTACTS: i64 = 6;

fn phone(n: i64) -> String {
    format!("+121255501{n:02}")
}

/// One contact after the other, a minute apart, and nothing is sent.
async fn start_all(world: &World) -> Vec<EnrollmentId> {
    let workflow = world.workflow(&[(0, "Hi"), (3, "Any news?")]).await;
    let mut enrollments = Vec::new();
    // The last made is the first started: the order is that of the due times, not that of the keys.
    for n in (0..CONTACTS).rev() {
        let contact = world.contact(n, &phone(n), &[]).await;
        let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
        enrollments.push(world.engine.enroll(&world.actor, request).await.unwrap().enrollment);
        assert!(world.engine.clock().move_to(world.engine.now() + SignedDuration::from_mins(1)));
    }
    enrollments
}

fn arrivals(world: &World, n: i64) -> Vec<Timestamp> {
    world.simulator.inbox(&phone(n), 0, 10).unwrap().into_iter().map(|text| text.at).collect()
}

#[test]
fn after_an_outage_late_messages_go_paced_oldest_first_and_the_gaps_are_kept() {
    on_both(
        || Plan { per_minute: 1, ..Plan::default() },
        async |world| {
            let enrollments = start_all(&world).await;
            let back = world.engine.now() + SignedDuration::from_hours(24 * 10);
            assert!(world.engine.clock().move_to(back));
            world.engine.play(&world.simulator, back + SignedDuration::from_hours(1)).await.unwrap();
            let first: Vec<Timestamp> = (0..CONTACTS).rev().map(|n| arrivals(&world, n)[0]).collect();
            assert!(first.iter().all(|at| *at >= back), "sent while nothing ran");
            let waits: Vec<i64> = first.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_secs()).collect();
            assert!(waits.iter().all(|seconds| *seconds >= 60), "the oldest first, one a minute: {waits:?}");
            for (enrollment, sent_at) in enrollments.iter().zip(&first) {
                let row = world.engine.enrollment(&world.actor, *enrollment).await.unwrap();
                let gap = row.due_at.unwrap().duration_since(*sent_at);
                assert!((gap - SignedDuration::from_hours(72)).abs() < SignedDuration::from_mins(1), "{gap:?}");
            }
            world.play_days(4).await;
            assert!((0..CONTACTS).all(|n| arrivals(&world, n).len() == 2), "a late message was dropped");
            assert_eq!(world.balance("prepaid").await, (0, 0));
            world.end().await;
        },
    );
}
