//! A workspace taken away: every row once whatever the size of a page, and none of anybody else's.

use std::collections::BTreeMap;

use domain::access::Role;
use domain::ids::{UserId, WorkspaceId};
use domain::money::Micros;
use engine::Actor;
use engine::enrolling::EnrollRequest;
use engine::export::TakeError;
use engine::workspaces::NewWorkspace;
use serde_json::Value;
use store::export::PARTS;

use crate::world::{Plan, World, on_both};

/// Every row of a workspace, read so many at a time.
async fn all(world: &World, workspace: WorkspaceId, at_a_time: usize) -> BTreeMap<&'static str, Vec<Vec<Value>>> {
    let read = world.engine.read::<_, store::DbError, _>(move |db| {
        let mut parts = BTreeMap::new();
        for part in PARTS {
            let (mut rows, mut next) = (Vec::new(), Some(part.start()));
            while let Some(place) = next {
                let page = part.page(db, workspace, &place, at_a_time)?;
                assert!(page.rows.len() <= at_a_time);
                rows.extend(page.rows);
                next = page.next;
            }
            parts.insert(part.name, rows);
        }
        Ok(parts)
    });
    read.await.unwrap()
}

#[test]
fn every_row_of_a_workspace_is_taken_once_and_nobody_elses() {
    on_both(Plan::default, |world| async move {
        let workflow = world.workflow(&[(0, "Hi {First Name}"), (2, "Still there?")]).await;
        for n in 0..3 {
            let phone = format!("+1305555000{n}");
            let contact = world.contact(n, &phone, &[("firstname", "Ann")]).await;
            let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
            world.engine.enroll(&world.actor, request).await.unwrap();
            world.engine.add_note(&world.actor, contact, "likes mornings").await.unwrap();
        }
        world.play_days(1).await;
        world.reply("+13055550001", "STOP").await;
        let (name, zone) = ("Theirs".to_owned(), "America/New_York".to_owned());
        let new = NewWorkspace { name, zone, rate: Micros(15_000), plan_credits: 0 };
        let theirs = world.engine.create_workspace(new).await.unwrap().workspace.id;

        let whole = all(&world, world.workspace(), 1_000).await;
        assert_eq!(all(&world, world.workspace(), 1).await, whole);
        assert_eq!(all(&world, world.workspace(), 2).await, whole);
        for (part, least) in [("contacts", 3), ("notes", 3), ("enrollments", 3), ("messages", 4), ("suppressions", 1)] {
            assert!(whole[part].len() >= least, "{part}: {:?}", whole[part]);
        }
        assert!(whole["transfers"].len() > 6 && whole["events"].len() > 6);
        for (part, rows) in all(&world, theirs, 1_000).await {
            assert!(matches!(part, "workspaces" | "accounts" | "events") || rows.is_empty(), "{part}: {rows:?}");
        }

        let agent = Actor::user(world.workspace(), UserId(9), Role::Agent.permissions());
        let refused = world.engine.export_page(&agent, &PARTS[0], PARTS[0].start()).await.unwrap_err();
        assert!(matches!(refused, TakeError::Forbidden(_)), "{refused}");
        assert!(world.engine.note_export(&agent).await.is_err());
        world.end().await;
    });
}
