//! Asks for each page many times, of objects that differ, and prints how long the server took.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use domain::ids::EnrollmentId;
use dripline::wiring::Parts;
use tower::ServiceExt as _;

use crate::fill::Size;
use crate::house::{EMAIL, House, PASSWORD};
use crate::people::{contact, of_conversation};
use crate::runs::Run;

/// Requests of each page.
const TIMES: i64 = 200;
/// Requests before the first that counts.
const WARM: i64 = 5;
/// What a page may take: half of the requests, and all but one in a hundred.
const LIMITS: (Duration, Duration) = (Duration::from_millis(15), Duration::from_millis(60));

type Path = Box<dyn Fn(i64) -> String>;

/// Asks and prints.
pub(crate) async fn measure(parts: Parts, house: &House, size: Size) {
    let app = dripline::serve::app(parts.clone(), 1024 * 1024, "http://127.0.0.1:8080", None);
    let cookie = sign_in(&app).await;
    println!("| page | median ms | p95 ms | p99 ms | KB | |\n|---|---:|---:|---:|---:|---|");
    time(&app, &cookie, TIMES, pages(house, size)).await;
    // A field is kept by once somebody has filtered by it.
    time(&app, &cookie, TIMES / 10, filters(house, "before contacts are kept by the field")).await;
    let begun = Instant::now();
    let unfinished = |db: &store::Read<'_>| store::contacts::values::unfinished(db, jiff::Timestamp::MIN, 1);
    while !parts.engine.store().read_blocking(unfinished).unwrap().is_empty() {
        parts.engine.tend_fields().await.unwrap();
    }
    println!("contacts are kept by the fields after {} s", begun.elapsed().as_secs());
    time(&app, &cookie, TIMES, filters(house, "after it")).await;
}

async fn time(app: &Router, cookie: &str, requests: i64, pages: Vec<(String, Path)>) {
    for (name, path) in pages {
        let mut times = Vec::new();
        let mut bytes = 0;
        for nth in -WARM..requests {
            // Far apart, so that neighbours do not warm each other.
            let path = path((nth + WARM) * 7_919);
            let begun = Instant::now();
            let (status, length) = get(app, cookie, &path).await;
            let took = begun.elapsed();
            if status != 200 {
                println!("| {name} | | | | {status} at {path} |");
                break;
            }
            if nth >= 0 {
                times.push(took);
                bytes += length;
            }
        }
        if i64::try_from(times.len()).unwrap() == requests {
            print_row(&name, times, bytes);
        }
    }
}

fn print_row(name: &str, mut times: Vec<Duration>, bytes: usize) {
    times.sort_unstable();
    let [median, most, last] = [50, 95, 99].map(|percent| times[times.len() * percent / 100]);
    let verdict = if median > LIMITS.0 || last > LIMITS.1 { "**over**" } else { "" };
    let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
    let [median, most, last] = [median, most, last].map(millis);
    println!("| {name} | {median:.1} | {most:.1} | {last:.1} | {} | {verdict} |", bytes / times.len() / 1_024);
}

fn pages(house: &House, size: Size) -> Vec<(String, Path)> {
    let person = move |nth: i64| contact(size, nth % size.contacts);
    let talk = move |nth: i64| of_conversation(size, nth % size.conversations);
    let workflows = house.workflows.clone();
    let workflow = move |nth: i64| workflows[usize::try_from(nth).unwrap() % workflows.len()];
    let runs: Vec<EnrollmentId> =
        (0..500).map(|nth| EnrollmentId(Run::of(house, size, nth * 7 % size.runs()).id)).collect();
    let numbers = house.numbers.clone();
    let day = |nth: i64| jiff::civil::date(2026, 1, 5).saturating_add(jiff::Span::new().days(nth % 300));
    let page = |name: &str, path: Path| (name.to_owned(), path);
    let fixed = |path: &'static str| page(path, Box::new(move |_| path.to_owned()));
    let mut all: Vec<(String, Path)> = [
        "/",
        "/?days=90",
        "/billing",
        "/billing?before=2026-06-01",
        "/numbers",
        "/failures",
        "/doubts",
        "/workflows",
        "/messenger",
        "/messenger?filter=unread",
        "/messenger?filter=awaiting",
        "/contacts",
        "/contacts?sort=name",
        "/contacts?state=never_texted",
        "/simulator",
        "/settings/profile",
        "/settings/workspace",
        "/settings/team",
        "/settings/labels",
        "/settings/fields",
        "/settings/activity",
        "/settings/suppressions",
    ]
    .into_iter()
    .map(fixed)
    .collect();
    all.push(page("/billing/days/{date}", Box::new(move |nth| format!("/billing/days/{}", day(nth)))));
    let charge = move |nth: i64| format!("/billing/charges/{}", runs[usize::try_from(nth).unwrap() % runs.len()]);
    all.push(page("/billing/charges/{id}", Box::new(charge)));
    let number = move |nth: i64| format!("/numbers/{}", numbers[usize::try_from(nth).unwrap() % numbers.len()]);
    all.push(page("/numbers/{id}", Box::new(number)));
    let of = workflow.clone();
    all.push(page("/workflows/{id}", Box::new(move |nth| format!("/workflows/{}", of(nth)))));
    all.push(page("/workflows/{id}/edit", Box::new(move |nth| format!("/workflows/{}/edit", workflow(nth)))));
    let of = house.workflows.clone();
    let been = move |nth: i64| format!("/contacts?workflow=been-{}", of[usize::try_from(nth).unwrap() % of.len()]);
    all.push(page("/contacts?workflow=been-{id}", Box::new(been)));
    all.push(page("/contacts/{id}", Box::new(move |nth| format!("/contacts/{}", person(nth)))));
    all.push(page("/messenger/{id}", Box::new(move |nth| format!("/messenger/{}", talk(nth)))));
    all.push(page("/simulator/{id}", Box::new(move |nth| format!("/simulator/{}", talk(nth)))));
    all.push(page("/enroll?contact={id}", Box::new(move |nth| format!("/enroll?contact={}", person(nth)))));
    for (name, words) in [
        ("a name", ["ann+miller", "tara+ali", "nguyen", "sven+b"]),
        ("a phone", ["212220", "3052201", "(404)+220-1", "0142"]),
        ("a rare word", ["lot4711", "lot12", "lot50020", "lot777"]),
        ("a common word", ["tomorrow", "call", "friday", "write"]),
    ] {
        for (place, parameter) in [("/contacts", "q"), ("/messenger", "q")] {
            let asked = move |nth: i64| format!("{place}?{parameter}={}", words[usize::try_from(nth).unwrap() % 4]);
            all.push(page(&format!("{place}, search for {name}"), Box::new(asked)));
        }
    }
    all
}

/// Filters of contacts that few of many fit, and some that many do.
fn filters(house: &House, when: &str) -> Vec<(String, Path)> {
    let workflow = house.workflows[0];
    let asked = [
        ("whose field is what few have", "field=company&how=is&value=acme+50017".to_owned()),
        ("whose field has what few have", "field=company&how=has&value=acme".to_owned()),
        ("whose field is filled, by name", "field=company&how=filled&sort=name".to_owned()),
        ("whose field is what nobody has", "field=lastname&how=is&value=nobody".to_owned()),
        ("whose field is what many have", "field=firstname&how=is&value=ann".to_owned()),
        ("the same, in a workflow once", format!("field=firstname&how=is&value=ann&workflow=been-{workflow}")),
        ("the same, who never got a text", "field=firstname&how=is&value=ann&state=never_texted".to_owned()),
    ];
    let page = |(what, query): (&str, String)| {
        let path: Path = Box::new(move |_| format!("/contacts?{query}"));
        (format!("contacts {what}, {when}"), path)
    };
    asked.map(page).into()
}

async fn get(app: &Router, cookie: &str, path: &str) -> (u16, usize) {
    let request = Request::get(path).header(header::COOKIE, cookie).header(header::HOST, "127.0.0.1:8080");
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, bytes.len())
}

async fn sign_in(app: &Router) -> String {
    let form = format!("email={EMAIL}&password={}", PASSWORD.replace(' ', "+"));
    let request = Request::post("/sign-in").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let response = app.clone().oneshot(request.body(Body::from(form)).unwrap()).await.unwrap();
    let cookies = response.headers().get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap());
    let session = cookies.map(|cookie| cookie.split(';').next().unwrap()).find(|one| one.contains("session="));
    session.unwrap().to_owned()
}
