//! A workflow while it is being written: how it reads, what it costs, what is wrong; nothing is stored.

use domain::ids::{ContactId, WorkspaceId};
use engine::Actor;
use engine::workflows::{StepInput, WorkflowInput};

use crate::world::{Plan, on_both};

fn draft(steps: &[(i64, &str)]) -> WorkflowInput {
    let step = |(gap_days, text): &(i64, &str)| StepInput { gap_days: *gap_days, text: (*text).to_owned() };
    WorkflowInput { name: "Draft".to_owned(), steps: steps.iter().map(step).collect() }
}

#[test]
fn a_draft_reads_as_the_contact_would_get_it_or_names_what_the_contact_lacks() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        engine.add_custom_field(actor, "Lot Size").await.unwrap();
        let contact = world.contact(1, "+12125550111", &[("firstname", "Zoë")]).await;
        let input = draft(&[(0, "Hi {first_name|there}, it’s us"), (2, "{Lot Size} acres"), (5, "Bye {Nobody}")]);
        let view = engine.draft(actor, input.clone(), Some(contact)).await.unwrap();
        let first = view.steps[0].reading.as_ref().unwrap().as_ref().unwrap();
        assert_eq!(
            first.text, "Hi Zoë, it's us",
            "ë is no GSM character, and the sign before s is replaced all the same"
        );
        assert_eq!(first.replaced.iter().map(|one| one.from).collect::<Vec<_>>(), ['’']);
        let missing = view.steps[1].reading.as_ref().unwrap().as_ref().unwrap_err();
        assert_eq!(missing[0].field, "Lot Size");
        assert!(view.steps[2].reading.is_none(), "an unknown variable is a fault, and nothing can be shown");
        assert_eq!(view.faults.len(), 1, "{:?}", view.faults);
        assert_eq!(view.steps.iter().map(|step| step.day).collect::<Vec<_>>(), [Some(0), Some(2), Some(7)]);
        assert!(view.fields.iter().any(|name| name == "Lot Size"));
        // Nobody chosen, or nobody of this workspace: a made-up contact, whose own fields have their names as values.
        for nobody in [None, Some(ContactId(404))] {
            let view = engine.draft(actor, input.clone(), nobody).await.unwrap();
            let texts =
                view.steps[..2].iter().map(|step| step.reading.as_ref().unwrap().as_ref().unwrap().text.clone());
            assert_eq!(texts.collect::<Vec<_>>(), ["Hi Maria, it's us", "Lot Size acres"]);
            assert!(view.contact.is_none());
        }
        let stranger = Actor::operator(WorkspaceId(2));
        assert!(engine.draft(&stranger, input, Some(contact)).await.is_err(), "there is no such workspace");
        assert!(engine.workflows(actor).await.unwrap().is_empty(), "nothing is stored");
        world.end().await;
    });
}

#[test]
fn the_worst_case_comes_from_the_contacts_and_a_wrong_gap_ends_the_days() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let input = draft(&[(0, "Hi {First Name}"), (0, "Again"), (3, "Bye")]);
        let nobody = engine.draft(actor, input.clone(), None).await.unwrap();
        assert_eq!(nobody.contacts, 0);
        assert!(nobody.steps[0].bound.is_none(), "nobody is known yet");
        let days: Vec<_> = nobody.steps.iter().map(|step| step.day).collect();
        assert_eq!(days, [Some(0), None, None], "the gap of the second message is at least a day");
        assert_eq!(nobody.faults.len(), 1);
        world.end().await;
    });
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let long = "x".repeat(170);
        world.contact(1, "+12125550111", &[("firstname", "Al")]).await;
        world.contact(2, "+12125550112", &[("firstname", &long)]).await;
        let view = engine.draft(actor, draft(&[(0, "Hi {First Name}"), (1, "Bye")]), None).await.unwrap();
        assert_eq!(view.contacts, 2);
        let segments = |step: usize| view.steps[step].bound.as_ref().map(|bound| bound.counted.segments);
        assert_eq!((segments(0), segments(1)), (Some(2), Some(1)));
        world.end().await;
    });
}
