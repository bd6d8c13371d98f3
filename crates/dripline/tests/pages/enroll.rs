//! Adding to a workflow: the preview is what is charged, the start fires once, everything that stands against it has its fix.

use domain::access::Role;
use domain::ids::ContactId;
use domain::money::Micros;
use engine::billing::Slip;
use engine::contacts::NewContact;
use engine::workflows::{StepInput, WorkflowInput};

use crate::markup::{Page, sound};
use crate::site::{Answer, Customer, Person, Site};

/// The value of a hidden field.
fn hidden(page: &Page, name: &str) -> String {
    let mut fields = page.named(&["input"]).filter(|field| field.get("name") == name && field.get("type") == "hidden");
    fields.next().unwrap_or_else(|| panic!("there is no field {name}")).get("value").to_owned()
}

async fn workflow(site: &Site, customer: &Customer) -> String {
    site.parts.engine.workflows(&customer.operator).await.unwrap()[0].workflow.id.to_string()
}

async fn preview(person: &Person<'_>, contact: ContactId, workflow: &str) -> (Answer, String) {
    let page = person.get(&format!("/enroll?contact={contact}&workflow={workflow}")).await.good();
    let fields = sound(&page);
    let form = ["contact", "workflow", "quote", "key"].map(|name| format!("{name}={}", hidden(&fields, name)));
    (page, form.join("&"))
}

#[tokio::test]
async fn what_the_preview_shows_is_what_is_charged_and_it_starts_once() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let agent = site.person(&customer, Role::Agent).await;
    let (contact, workflow) = (customer.contacts[0], workflow(&site, &customer).await);
    let pick = agent.get(&format!("/enroll?contact={contact}")).await.good();
    sound(&pick);
    assert!(pick.has("Ours leads") && pick.has("3 messages over 10 days"), "{}", pick.text);
    let (page, form) = preview(&agent, contact, &workflow).await;
    assert!(page.has("Hi Ours0") && page.has("Start for 3 credits") && page.has("100 → 97"), "{}", page.text);
    let (first, second) = tokio::join!(agent.post("/enroll", &form), agent.post("/enroll", &form));
    for answer in [first, second] {
        assert_eq!((answer.status, answer.header("location")), (303, format!("/messenger/{contact}").as_str()));
    }
    let balances = site.parts.engine.balances(&customer.operator).await.unwrap();
    assert_eq!((balances.credits, balances.wallet), (97, Micros(25_000_000)));
    let again = agent.get(&format!("/enroll?contact={contact}&workflow={workflow}")).await.good();
    sound(&again);
    assert!(again.has("The contact is already in the workflow") && again.has("/enrollments/of/"), "{}", again.text);
}

#[tokio::test]
async fn a_price_that_changed_meanwhile_is_shown_anew_and_nothing_is_started() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let agent = site.person(&customer, Role::Agent).await;
    let (contact, workflow) = (customer.contacts[0], workflow(&site, &customer).await);
    let (_, form) = preview(&agent, contact, &workflow).await;
    let change = vec![("First Name".to_owned(), Some("Zoë".to_owned()))];
    site.parts.engine.edit_contact(&customer.operator, contact, change).await.unwrap();
    let answer = agent.post("/enroll", &form).await;
    assert_eq!(answer.status, 422);
    assert!(answer.has("Something has changed since you looked") && answer.has("Hi Zo"), "{}", answer.text);
    assert_eq!(site.parts.engine.balances(&customer.operator).await.unwrap().credits, 100);
    let fields = sound(&answer);
    let form = ["contact", "workflow", "quote", "key"].map(|name| format!("{name}={}", hidden(&fields, name)));
    assert_eq!(agent.post("/enroll", &form.join("&")).await.status, 303, "the new one starts");
}

#[tokio::test]
async fn a_missing_value_is_filled_in_where_it_is_missed() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let agent = site.person(&customer, Role::Agent).await;
    let step = StepInput { gap_days: 0, text: "About {Address}".to_owned() };
    let input = WorkflowInput { name: "Address".to_owned(), steps: vec![step] };
    let made = site.parts.engine.create_workflow(&customer.operator, input).await.unwrap().summary.workflow.id;
    let contact = customer.contacts[0];
    let page = agent.get(&format!("/enroll?contact={contact}&workflow={made}")).await.good();
    sound(&page);
    assert!(
        page.has("the contact has no value for {Address}") && page.has("action=\"/enroll/field\""),
        "{}",
        page.text
    );
    let form = format!("contact={contact}&workflow={made}&field=Address&value=12+%3Cb%3EOak%3C%2Fb%3E");
    let page = agent.script("POST", "/enroll/field", &form).await.good();
    assert!(page.has("About 12 &#60;b&#62;Oak&#60;/b&#62;") && page.has("Start for 1 credit"), "{}", page.text);
}

#[tokio::test]
async fn too_little_money_names_what_is_missing_and_leads_to_billing() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let agent = site.person(&customer, Role::Agent).await;
    // 250 characters are two segments, nine of them eighteen: a hundred credits last for five contacts.
    let step = |gap_days| StepInput { gap_days, text: "x".repeat(250) };
    let steps: Vec<_> = (0..9).map(step).map(|step| StepInput { gap_days: step.gap_days.min(1), ..step }).collect();
    let input = WorkflowInput { name: "Long".to_owned(), steps };
    let made = site.parts.engine.create_workflow(&customer.operator, input).await.unwrap().summary.workflow.id;
    let mut phones = (0..99).map(|nth| format!("+12125550{nth:03}")).filter(|phone| !phone.ends_with("0100"));
    let mut last = None;
    for _ in 0..99 {
        let new = NewContact {
            phone: phones.next().unwrap_or_default(),
            region: None,
            name: None,
            fields: Vec::new(),
            person: None,
        };
        let Ok(contact) = site.parts.engine.create_contact(&customer.operator, new).await else { continue };
        let request = engine::enrolling::EnrollRequest {
            contact: contact.id,
            workflow: made,
            from_step: 1,
            quote: None,
            key: None,
        };
        last = Some(contact.id);
        if site.parts.engine.enroll(&customer.operator, request).await.is_err() {
            break;
        }
    }
    let page = agent.get(&format!("/enroll?contact={}&workflow={made}", last.unwrap())).await.good();
    sound(&page);
    assert!(page.has("are missing") && page.has("href=\"/billing\""), "{}", page.text);
    site.parts.engine.top_up(customer.workspace, Micros(100_000_000), Slip::default()).await.unwrap();
    let page = agent.get(&format!("/enroll?contact={}&workflow={made}", last.unwrap())).await.good();
    assert!(page.has("Start for"), "{}", page.text);
}

#[tokio::test]
async fn a_contact_is_taken_out_after_the_refund_was_named() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let agent = site.person(&customer, Role::Agent).await;
    let (contact, workflow) = (customer.contacts[0], workflow(&site, &customer).await);
    let (_, form) = preview(&agent, contact, &workflow).await;
    agent.post("/enroll", &form).await;
    site.parts.engine.play(&site.parts.simulator, site.parts.engine.now()).await.unwrap();
    let answer = agent.get(&format!("/enrollments/of/{contact}/remove")).await;
    assert_eq!(answer.status, 303);
    let page = agent.get(answer.header("location")).await.good();
    sound(&page);
    assert!(
        page.has("2 unsent messages are canceled")
            && page.has("<strong class=\"figures\" data-refund>2 credits</strong>"),
        "{}",
        page.text
    );
    let viewer = site.person(&customer, Role::Viewer).await;
    assert_eq!(viewer.post(answer.header("location"), "").await.status, 403);
    assert_eq!(agent.post(answer.header("location"), "").await.status, 303);
    assert_eq!(site.parts.engine.balances(&customer.operator).await.unwrap().credits, 99);
    assert_eq!(agent.post(answer.header("location"), "").await.status, 409, "it has ended already");
}

#[tokio::test]
async fn many_are_priced_together_and_started_by_one_job() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let agent = site.person(&customer, Role::Agent).await;
    let workflow = workflow(&site, &customer).await;
    let (_, form) = preview(&agent, customer.contacts[2], &workflow).await;
    agent.post("/enroll", &form).await;
    let chosen = customer.contacts.iter().map(|id| format!("contact={id}")).collect::<Vec<_>>().join("&");
    let page = agent.post("/enroll/many", &chosen).await.good();
    sound(&page);
    assert!(page.has("3 contacts"));
    let page = agent.post("/enroll/many", &format!("{chosen}&workflow={workflow}")).await.good();
    let fields = sound(&page);
    assert!(page.has("Start 2 contacts for 6 credits") && page.has("already in the workflow"), "{}", page.text);
    let of = format!("quoted={}&workflow={workflow}", hidden(&fields, "quote"));
    let file = agent.post("/enroll/many/refused.csv", &of).await.good();
    assert!(file.header("content-disposition").contains("refused.csv") && file.has("Ours2"), "{}", file.text);
    let form = ["quote", "workflow"].map(|name| format!("{name}={}", hidden(&fields, name)));
    let answer = agent.post("/enroll/many/start", &form.join("&")).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let job = answer.header("location").to_owned();
    assert_eq!(
        agent.post("/enroll/many/start", &form.join("&")).await.header("location"),
        job,
        "the same quote, the same job"
    );
    let page = done(&agent, &job).await;
    sound(&page);
    assert!(
        page.has("<strong data-started>2</strong>") && page.has("<strong data-refused>1</strong>"),
        "{}",
        page.text
    );
    assert_eq!(site.parts.engine.balances(&customer.operator).await.unwrap().credits, 91);
    let nobody = agent.post("/enroll/many", "").await;
    assert!(nobody.status == 422 && nobody.has("Nobody is selected"), "{}", nobody.text);
}

#[tokio::test]
async fn a_start_of_many_shows_the_new_price_where_it_changed_and_is_taken_back() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let agent = site.person(&customer, Role::Agent).await;
    let workflow = workflow(&site, &customer).await;
    let chosen = customer.contacts.iter().map(|id| format!("contact={id}")).collect::<Vec<_>>().join("&");
    let wrong = agent.post("/enroll/many", &format!("{chosen}&workflow={workflow}&per_day=some")).await.good();
    sound(&wrong);
    assert!(wrong.has("Give a whole number from 1 on") && !wrong.has("data-cost"), "{}", wrong.text);
    let page = agent.post("/enroll/many", &format!("{chosen}&workflow={workflow}&per_day=2")).await.good();
    let fields = sound(&page);
    assert!(page.has("Day by day") && page.has("Start 3 contacts"), "{}", page.text);
    let form =
        |fields: &_| ["quote", "workflow", "per_day"].map(|name| format!("{name}={}", hidden(fields, name))).join("&");
    let engine = &site.parts.engine;
    engine.change_rate(customer.operator.workspace(), Micros(77_000)).await.unwrap();
    let changed = agent.post("/enroll/many/start", &form(&fields)).await;
    assert_eq!(changed.status, 422);
    assert!(changed.has("Something changed since you looked") && changed.has("3 contacts"), "{}", changed.text);
    let answer = agent.post("/enroll/many/start", &form(&sound(&changed))).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let job = answer.header("location").to_owned();
    let viewer = site.person(&customer, Role::Viewer).await;
    assert_eq!(viewer.post(&format!("{job}/withdraw"), "whom=everybody").await.status, 403);
    assert!(!viewer.get(&job).await.good().has("Take everybody out"));
    done(&agent, &job).await;
    assert!(agent.get(&job).await.good().has("Take everybody out"));
    let flow = agent.get(&format!("/workflows/{workflow}")).await.good();
    assert!(flow.has("3 of 3 started") && flow.has(&format!("href=\"{job}\"")), "{}", flow.text);
    let answer = agent.post(&format!("{job}/withdraw"), "whom=unbegun").await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let page = done(&agent, answer.header("location")).await;
    let fields = sound(&page);
    assert!(page.has("<strong data-started>3</strong>") && page.has("3 contacts got no text yet"), "{}", page.text);
    assert_eq!(engine.balances(&customer.operator).await.unwrap().credits, 100);
    let again = format!("rest_of={}&workflow={}", hidden(&fields, "rest_of"), hidden(&fields, "workflow"));
    assert!(agent.post("/enroll/many", &again).await.good().has("Start 3 contacts"));
}

/// The page of a job when it is done.
async fn done(agent: &Person<'_>, job: &str) -> Answer {
    for _ in 0..1_000 {
        let page = agent.get(job).await.good();
        if page.has("Done") {
            return page;
        }
        tokio::task::yield_now().await;
    }
    panic!("{job} is not done");
}

#[tokio::test]
async fn nothing_of_another_workspace_is_enrolled_or_shown() {
    let site = Site::new();
    let (ours, theirs) = (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+13055550101").await);
    let agent = site.person(&ours, Role::Owner).await;
    let (contact, mine) = (theirs.contacts[0], ours.contacts[0]);
    let (theirs_workflow, workflow) = (workflow(&site, &theirs).await, workflow(&site, &ours).await);
    for path in [
        format!("/enroll?contact={contact}"),
        format!("/enroll?contact={contact}&workflow={workflow}"),
        format!("/enroll?contact={mine}&workflow={theirs_workflow}"),
        format!("/enrollments/of/{contact}/remove"),
    ] {
        assert_eq!(agent.get(&path).await.status, 404, "{path}");
    }
    let form = format!("contact={contact}&workflow={workflow}&field=Address&value=a");
    assert_eq!(agent.post("/enroll/field", &form).await.status, 404);
    let viewer = site.person(&ours, Role::Viewer).await;
    let page = viewer.get(&format!("/enroll?contact={mine}&workflow={workflow}")).await.good();
    assert!(page.has("Your role may look") && !page.has("name=\"key\""), "{}", page.text);
    let form = format!("contact={mine}&workflow={workflow}&quote=quo_0000000000000&key=k");
    assert_eq!(viewer.post("/enroll", &form).await.status, 403);
}

#[tokio::test]
async fn an_ended_run_starts_again_from_the_message_that_was_not_sent_or_from_another() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let agent = site.person(&customer, Role::Agent).await;
    let (contact, workflow) = (customer.contacts[0], workflow(&site, &customer).await);
    let (_, form) = preview(&agent, contact, &workflow).await;
    agent.post("/enroll", &form).await;
    site.parts.engine.play(&site.parts.simulator, site.parts.engine.now()).await.unwrap();
    let running = agent.get(&format!("/messenger/{contact}")).await.good();
    assert!(!running.has("Start again from"), "{}", running.text);
    let answer = agent.get(&format!("/enrollments/of/{contact}/remove")).await;
    let page = answer.header("location").to_owned();
    agent.post(&page, "").await;
    let id = page.trim_start_matches("/enrollments/").trim_end_matches("/remove");
    let address = format!("/enroll?contact={contact}&#38;workflow={workflow}&#38;from_step=2");
    for page in [format!("/messenger/{contact}"), format!("/contacts/{contact}"), format!("/billing/charges/{id}")] {
        let page = agent.get(&page).await.good();
        sound(&page);
        assert!(page.has("Start again from message 2") && page.has(&address), "{}", page.text);
    }
    let shown = agent.get(&address.replace("&#38;", "&")).await.good();
    let fields = sound(&shown);
    assert!(shown.has("Start for 2 credits") && !shown.has("Hi Ours0"), "{}", shown.text);
    assert!(shown.has("<option value=\"2\" selected>message 2</option>"), "{}", shown.text);
    let form =
        ["contact", "workflow", "from_step", "quote", "key"].map(|name| format!("{name}={}", hidden(&fields, name)));
    // Another message than the one that was shown is another price.
    let other = form.join("&").replace("from_step=2", "from_step=3");
    let changed = agent.post("/enroll", &other).await;
    assert!(changed.status == 422 && changed.has("Start for 1 credit"), "{}", changed.text);
    assert_eq!(agent.post("/enroll", &form.join("&")).await.status, 303);
    assert_eq!(site.parts.engine.balances(&customer.operator).await.unwrap().credits, 97, "one was sent, two are held");
    let thread = agent.get(&format!("/messenger/{contact}")).await.good();
    assert!(thread.has("from message 2 on for 2 credits") && thread.has("0 of 2 sent"), "{}", thread.text);
    let unknown =
        agent.get(&format!("/enroll?contact={}&workflow={workflow}&from_step=9", customer.contacts[1])).await.good();
    assert!(unknown.has("The workflow has no message 9 to start from"), "{}", unknown.text);
    let viewer = site.person(&customer, Role::Viewer).await;
    assert!(!viewer.get(&format!("/contacts/{}", customer.contacts[1])).await.has("Start again"));
}
