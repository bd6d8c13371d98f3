//! Fields of a workspace's own: added, spelled otherwise, removed unless a text names them.

use domain::access::Role;
use domain::ids::{UserId, WorkspaceId};
use engine::Actor;
use engine::contacts::MAX_CUSTOM_FIELDS;
use engine::contacts::custom::CustomFieldError;
use engine::workflows::{SaveError, StepInput, WorkflowInput};

use crate::world::{Plan, World, on_both};

fn input(name: &str, text: &str) -> WorkflowInput {
    WorkflowInput { name: name.to_owned(), steps: vec![StepInput { gap_days: 0, text: text.to_owned() }] }
}

async fn names(world: &World) -> Vec<String> {
    let known = world.engine.custom_fields(&world.actor).await.unwrap();
    known.fields.into_iter().map(|field| field.name).collect()
}

#[test]
fn a_field_is_added_counted_and_spelled_otherwise() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        assert_eq!(engine.add_custom_field(actor, "  lot   size ").await.unwrap(), "lotsize");
        for (name, told) in [
            ("Lot_Size", "already"),
            ("First Name", "every contact"),
            ("phone", "every contact"),
            ("time zone", "every contact"),
            ("a{b}", "no field can be named"),
            (" - ", "no field can be named"),
        ] {
            let refused = engine.add_custom_field(actor, name).await.unwrap_err().to_string();
            assert!(refused.contains(told), "{name}: {refused}");
        }
        world.contact(1, "+12125550111", &[("city", "Rome"), ("lotsize", "2 acres")]).await;
        world.contact(2, "+12125550112", &[("city", "Rome")]).await;
        engine
            .create_workflow(actor, input("Lots", "Your {lot_size} of {City}, {Lot Size|nice} indeed"))
            .await
            .unwrap();
        engine.rename_custom_field(actor, "lotsize", "Lot-Size").await.unwrap();
        let known = engine.custom_fields(actor).await.unwrap();
        let [field] = known.fields.as_slice() else { panic!("{known:?}") };
        assert_eq!((field.name.as_str(), field.filled, known.looked_at), ("Lot-Size", 1, 2));
        assert_eq!(field.used_by.len(), 1, "a workflow that names it twice uses it once");
        let other = engine.rename_custom_field(actor, "lotsize", "Parcel").await;
        assert!(matches!(other, Err(CustomFieldError::OtherField { .. })), "{other:?}");
        let none = engine.rename_custom_field(actor, "parcel", "Parcel").await;
        assert!(matches!(none, Err(CustomFieldError::Unknown)), "{none:?}");
        world.end().await;
    });
}

#[test]
fn a_field_that_a_text_names_stays_and_what_contacts_have_in_it_comes_back_with_it() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        engine.add_custom_field(actor, "Lot Size").await.unwrap();
        let contact = world.contact(1, "+12125550111", &[("lotsize", "2 acres")]).await;
        let made = engine.create_workflow(actor, input("Lots", "Your {Lot Size}")).await.unwrap();
        let refused = engine.remove_custom_field(actor, "lotsize").await;
        let Err(CustomFieldError::InUse { workflows, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(workflows, ["Lots"]);
        assert_eq!(names(&world).await, ["Lot Size"], "a refused removal removes nothing");
        let id = made.summary.workflow.id;
        engine.edit_workflow(actor, id, 1, input("Lots", "Hello")).await.unwrap();
        assert_eq!(engine.remove_custom_field(actor, "lotsize").await.unwrap(), "Lot Size");
        let unknown = engine.create_workflow(actor, input("More lots", "Your {Lot Size}")).await;
        assert!(matches!(unknown, Err(SaveError::Invalid(_))), "{unknown:?}");
        engine.add_custom_field(actor, "Lot Size").await.unwrap();
        let kept = engine.contact(actor, contact).await.unwrap();
        assert_eq!(kept.fields, [("lotsize".to_owned(), "2 acres".to_owned())]);
        // A deleted workflow uses nothing.
        let lots = engine.create_workflow(actor, input("More lots", "Your {Lot Size}")).await.unwrap();
        engine.delete_workflow(actor, lots.summary.workflow.id).await.unwrap();
        engine.remove_custom_field(actor, "lotsize").await.unwrap();
        world.end().await;
    });
}

#[test]
fn fields_are_changed_by_whoever_may_change_settings_and_in_their_own_workspace() {
    on_both(Plan::default, async |world| {
        let engine = &world.engine;
        engine.add_custom_field(&world.actor, "Lot Size").await.unwrap();
        let agent = Actor::user(world.workspace(), UserId(1), Role::Agent.permissions());
        let refused = engine.add_custom_field(&agent, "Other").await;
        assert!(matches!(refused, Err(CustomFieldError::Forbidden(_))), "{refused:?}");
        assert!(engine.remove_custom_field(&agent, "lotsize").await.is_err());
        assert!(engine.rename_custom_field(&agent, "lotsize", "LOT SIZE").await.is_err());
        let stranger = Actor::operator(WorkspaceId(2));
        assert!(engine.custom_fields(&stranger).await.unwrap().fields.is_empty());
        let theirs = engine.remove_custom_field(&stranger, "lotsize").await;
        assert!(matches!(theirs, Err(CustomFieldError::Unknown)), "{theirs:?}");
        assert_eq!(names(&world).await, ["Lot Size"]);
        for n in 1..MAX_CUSTOM_FIELDS {
            engine.add_custom_field(&world.actor, &format!("Field {n}")).await.unwrap();
        }
        let beyond = engine.add_custom_field(&world.actor, "One more").await;
        assert!(matches!(beyond, Err(CustomFieldError::TooMany)), "{beyond:?}");
        world.end().await;
    });
}

#[test]
fn a_text_that_is_saved_while_its_field_is_removed_wins_or_is_refused() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        for round in 0..20 {
            engine.add_custom_field(actor, "Lot Size").await.unwrap();
            let text = input(&format!("Lots {round}"), "Your {Lot Size}");
            let saving = engine.create_workflow(actor, text);
            let removing = engine.remove_custom_field(actor, "lotsize");
            let (saved, removed) = tokio::join!(saving, removing);
            match (saved, removed) {
                (Ok(made), Err(CustomFieldError::InUse { .. })) => {
                    engine.delete_workflow(actor, made.summary.workflow.id).await.unwrap();
                    engine.remove_custom_field(actor, "lotsize").await.unwrap();
                }
                (Err(SaveError::Invalid(_)), Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        world.end().await;
    });
}
