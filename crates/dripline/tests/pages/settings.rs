//! The settings: each page is sound, shows what its viewer may do, and keeps what was typed when it refuses it.

use domain::access::Role;
use engine::Actor;

use crate::markup::sound;
use crate::site::{Person, Site};

const PAGES: [&str; 7] = [
    "/settings/profile",
    "/settings/workspace",
    "/settings/team",
    "/settings/replies",
    "/settings/labels",
    "/settings/suppressions",
    "/settings/activity",
];

async fn done(person: &Person<'_>, path: &str, form: &str) {
    let answer = person.post(path, form).await;
    assert_eq!(answer.status, 303, "{path}: {}", answer.text);
}

/// Refused as a form: shown again, sound, and says why.
async fn refused(person: &Person<'_>, path: &str, form: &str, why: &str) -> String {
    let answer = person.post(path, form).await;
    assert_eq!(answer.status, 422, "{path}: {}", answer.text);
    sound(&answer);
    assert!(answer.has(why), "{why}: {}", answer.text);
    answer.text
}

#[tokio::test]
async fn every_page_is_sound_for_every_role_and_shows_what_they_may() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    for role in Role::ALL {
        let person = site.person(&customer, role).await;
        assert_eq!(person.get("/settings").await.header("location"), "/settings/profile");
        for path in PAGES {
            sound(&person.get(path).await.good());
        }
        let keys = person.get("/settings/keys").await;
        assert_eq!(keys.status, if role == Role::Owner { 200 } else { 403 });
        if role == Role::Owner {
            sound(&keys);
        }
        let (admin, page) = (role >= Role::Admin, person.get("/settings/team").await.good());
        assert_eq!(page.has("/settings/team/invite"), admin, "{role:?}");
        assert_eq!(page.has("href=\"/settings/keys\""), role == Role::Owner, "{role:?}");
        assert_eq!(person.get("/settings/workspace").await.good().has("Save settings"), admin, "{role:?}");
    }
}

#[tokio::test]
async fn whoever_may_not_is_refused_whatever_they_send() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let agent = site.person(&customer, Role::Agent).await;
    let reply = site.parts.engine.create_quick_reply(&customer.operator, "Hi", "Hello").await.unwrap();
    let users = site.parts.engine.users(&customer.operator).await.unwrap();
    for (path, form) in [
        ("/settings/workspace".to_owned(), "name=Mine"),
        ("/settings/team/invite".to_owned(), "email=a@example.com&name=A&role=viewer"),
        (format!("/settings/team/{}/role", users[0].id), "role=viewer"),
        (format!("/settings/team/{}/link", users[0].id), ""),
        (format!("/settings/team/{}/remove", users[0].id), ""),
        ("/settings/keys".to_owned(), "name=A&permission=read"),
        ("/settings/replies".to_owned(), "name=A&text=B"),
        (format!("/settings/replies/{}/remove", reply.id), ""),
    ] {
        assert_eq!(agent.post(&path, form).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn a_name_and_a_password_are_changed_and_never_shown_again() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let person = site.person(&customer, Role::Viewer).await;
    let long = "x".repeat(81);
    let page = refused(&person, "/settings/profile", &format!("name={long}"), "at most 80").await;
    assert!(page.contains(&format!("value=\"{long}\"")), "what was typed is kept");
    done(&person, "/settings/profile", "name=Ann+Lee").await;
    assert!(person.get("/").await.good().has("Ann Lee"));
    let path = "/settings/profile/password";
    let page = refused(&person, path, "old=wrong+horse+battery&new=another+horse", "This is not your password.").await;
    assert!(!page.contains("wrong horse battery") && !page.contains("another horse"));
    refused(&person, path, "old=correct+horse+battery&new=short", "fewer than 12").await;
    done(&person, path, "old=correct+horse+battery&new=another+horse").await;
    person.get("/").await.good();
}

#[tokio::test]
async fn a_session_elsewhere_is_ended_and_another_persons_is_not_there() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let (one, other) = (site.person(&customer, Role::Owner).await, site.person(&customer, Role::Admin).await);
    let page = one.get("/settings/profile").await.good();
    assert!(page.has("this browser") && !page.has("/sessions/ses_"), "there is no other");
    let again = site.sign_in("owner", &customer).await;
    let page = again.get("/settings/profile").await.good();
    let end = page.text.split("action=\"").find(|part| part.starts_with("/settings/profile/sessions/ses_")).unwrap();
    let end = end.split('"').next().unwrap();
    assert_eq!(other.post(end, "").await.status, 404);
    done(&again, end, "").await;
    assert_eq!(one.get("/").await.status, 303, "it has ended");
    done(&again, "/settings/profile/sessions/end-others", "").await;
    again.get("/").await.good();
}

const SETTINGS: &str =
    "start=10:00&end=17:30&day=Mon&day=Fri&smart_encoding=on&help_text=Help&opt_out_text=Bye&opt_in_text=Hi";

#[tokio::test]
async fn the_workspace_is_set_and_what_is_wrong_stays_in_the_form() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let admin = site.person(&customer, Role::Admin).await;
    done(&admin, "/settings/workspace", &format!("name=Harbor&zone=America/Chicago&{SETTINGS}")).await;
    let view = site.parts.engine.workspace(&customer.operator).await.unwrap();
    assert_eq!((view.workspace.name.as_str(), view.workspace.zone.as_str()), ("Harbor", "America/Chicago"));
    let (hours, days) = (view.settings.hours, view.settings.hours.weekdays().count());
    assert_eq!((hours.start_minute(), hours.end_minute(), days), (600, 1050, 2));
    assert_eq!(view.settings.stop_person, engine::Switch::Off, "a box that is not ticked");
    assert_eq!(view.settings.help_text, "Help");
    let page = admin.get("/settings/workspace").await.good();
    assert!(page.has("value=\"America/Chicago\" selected") && page.has("value=\"17:30\""));
    for (form, why) in [
        (format!("name=&zone=UTC&{SETTINGS}"), "it is empty"),
        (format!("name=Harbor&zone=Mars&{SETTINGS}"), "There is no time zone named"),
        (format!("name=Harbor&zone=UTC&{}", SETTINGS.replace("17:30", "09:00")), "ends before it starts"),
        (format!("name=Harbor&zone=UTC&{}", SETTINGS.replace("10:00", "soon")), "hours and minutes"),
        (format!("name=Harbor&zone=UTC&{}", SETTINGS.replace("day=", "no=")), "no weekday"),
        (format!("name=Harbor&zone=UTC&{}", SETTINGS.replace("=Help", "=")), "Write what the contact gets"),
        (format!("name=Harbor&zone=UTC&{}", SETTINGS.replace("Bye", &"x".repeat(400))), "3 segments"),
    ] {
        let page = refused(&admin, "/settings/workspace", &form, why).await;
        assert!(page.contains(">Hi</textarea>"), "the rest is kept");
    }
    assert_eq!(site.parts.engine.workspace(&customer.operator).await.unwrap().workspace.name, "Harbor");
}

#[tokio::test]
async fn a_key_is_shown_once_and_opens_only_what_it_may_until_it_is_revoked() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    refused(&owner, "/settings/keys", "name=Sync", "Choose at least one.").await;
    let page = refused(&owner, "/settings/keys", "name=+&permission=read&permission=send", "it is empty").await;
    assert!(page.contains("value=\"send\" class=\"checkbox checkbox-sm mt-0.5\" checked"), "{page}");
    let page = owner.post("/settings/keys", "name=Sync&permission=read").await.good();
    sound(&page);
    let key = page.text.split("id=\"secret\"").nth(1).unwrap().split('>').nth(1).unwrap().split('<').next().unwrap();
    let actor = site.parts.engine.authenticate(key).await.unwrap();
    assert_eq!(actor.permissions().words(), "read");
    let page = owner.get("/settings/keys").await.good();
    assert!(!page.has(key) && page.has("Sync"));
    let keys = site.parts.engine.keys(&customer.operator).await.unwrap();
    done(&owner, &format!("/settings/keys/{}/revoke", keys[0].id), "").await;
    assert!(site.parts.engine.authenticate(key).await.is_err());
    sound(&owner.get("/settings/keys").await.good());
}

#[tokio::test]
async fn quick_replies_are_written_moved_and_removed() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let admin = site.person(&customer, Role::Admin).await;
    done(&admin, "/settings/replies", "name=Price&text=It+is+%3C%245%3E").await;
    done(&admin, "/settings/replies", "name=Hours&text=9+to+5").await;
    let page = refused(&admin, "/settings/replies", "name=price&text=Something", "already").await;
    assert!(page.contains("Something"));
    let all = site.parts.engine.quick_replies(&customer.operator).await.unwrap();
    done(&admin, &format!("/settings/replies/{}/move", all[0].id), "to=down").await;
    done(&admin, &format!("/settings/replies/{}/move", all[0].id), "to=down").await;
    let names = site.parts.engine.quick_replies(&customer.operator).await.unwrap();
    assert_eq!(names.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["Hours", "Price"]);
    let edit = format!("/settings/replies/{}", all[0].id);
    let page = admin.get(&edit).await.good();
    sound(&page);
    assert!(page.has("It is &#60;$5&#62;"));
    done(&admin, &edit, "name=Price&text=Ask+me").await;
    done(&admin, &format!("{edit}/remove"), "").await;
    assert_eq!(admin.get(&edit).await.status, 404);
}

#[tokio::test]
async fn what_belongs_to_another_workspace_is_not_there() {
    let site = Site::new();
    let (ours, theirs) = (site.customer("Ours", "+12125550100").await, site.customer("Theirs", "+13055550101").await);
    let owner = site.person(&ours, Role::Owner).await;
    let _ = site.person(&theirs, Role::Agent).await;
    let engine = &site.parts.engine;
    let user = engine.users(&theirs.operator).await.unwrap()[0].id;
    let reply = engine.create_quick_reply(&theirs.operator, "Theirs", "Secret").await.unwrap().id;
    let operator = Actor::operator(theirs.workspace);
    let key = engine.create_key(&operator, "Theirs", operator.permissions()).await.unwrap().0.id;
    let invitation = engine.invite(&theirs.operator, "x@example.com", "X", Role::Viewer).await.unwrap().0.id;
    for (path, form) in [
        (format!("/settings/team/{user}/role"), "role=viewer"),
        (format!("/settings/team/{user}/link"), ""),
        (format!("/settings/team/{user}/remove"), ""),
        (format!("/settings/team/invitations/{invitation}/withdraw"), ""),
        (format!("/settings/keys/{key}/revoke"), ""),
        (format!("/settings/replies/{reply}"), "name=a&text=b"),
        (format!("/settings/replies/{reply}/move"), "to=up"),
        (format!("/settings/replies/{reply}/remove"), ""),
    ] {
        assert_eq!(owner.post(&path, form).await.status, 404, "{path}");
    }
    assert_eq!(owner.get(&format!("/settings/replies/{reply}")).await.status, 404);
    for path in PAGES {
        assert!(!owner.get(path).await.good().has("Theirs"), "{path}");
    }
}

#[tokio::test]
async fn all_data_is_handed_out_to_who_may_export_and_that_stands_in_the_activity() {
    let site = Site::new();
    let customer = site.customer("Ours & Sons", "+12125550100").await;
    let (owner, agent) = (site.person(&customer, Role::Owner).await, site.person(&customer, Role::Agent).await);
    let form = "action=\"/settings/workspace/export\"";
    assert!(owner.get("/settings/workspace").await.good().has(form));
    assert!(!agent.get("/settings/workspace").await.good().has(form));
    assert_eq!(agent.post("/settings/workspace/export", "").await.status, 403);
    assert!(!owner.get("/settings/activity").await.good().has("downloaded all data"));
    let archive = owner.post("/settings/workspace/export", "").await;
    assert_eq!((archive.status, archive.header("content-type")), (200, "application/zip"));
    let name = archive.header("content-disposition");
    assert!(name.starts_with("attachment; filename=\"ours-sons-20") && name.ends_with(".zip\""), "{name}");
    assert!(archive.text.starts_with("PK\u{3}\u{4}") && archive.has("manifest.json"));
    assert!(owner.get("/settings/activity").await.good().has("downloaded all data of the workspace"));
}
