//! The statement of a month as people get it: the same lines on the page, in the file and on paper, and all of them the ledger's.
//!
//! `DRIPLINE_STORY_CONTACTS=20000` tells it with as many charges. What stands on paper is read back by `pdftotext`, where it is installed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Cursor, ErrorKind};
use std::process::Command;

use domain::access::Role;
use domain::money::Micros;
use domain::plan::Terms;
use engine::Operator;
use engine::billing::Slip;
use engine::bulk::Selection;
use engine::import::{ImportOptions, ImportOutlets};
use engine::plans::NewPlan;
use engine::statement::Month;
use jiff::SignedDuration;

use crate::markup::sound;
use crate::payments::with_cards;
use crate::site::{Customer, Person, Site};
use crate::stripe::Imitation;
use crate::summed;

/// Credits and micro-dollars.
type Pair = (i64, i64);
/// What a line is about, and by how much it changed.
type Line = (String, Pair);

/// A statement, however it was handed out.
#[derive(Debug, PartialEq)]
struct Told {
    lines: Vec<Line>,
    opening: Pair,
    closing: Pair,
    held: Pair,
}

fn size() -> usize {
    std::env::var("DRIPLINE_STORY_CONTACTS").ok().and_then(|text| text.parse().ok()).unwrap_or(300)
}

fn phone(n: usize) -> String {
    format!("+1646{:03}{:04}", 200 + n / 10_000, n % 10_000)
}

/// A figure as it is written: `1,234`, `−84`, `+$1.26`; dollars in millionths.
fn figure(text: &str) -> Option<i64> {
    let is_negative = text.starts_with(['-', '−']);
    let plain: String = text.trim_start_matches(['-', '−', '+']).replace(',', "");
    let number = match plain.strip_prefix('$') {
        None => plain.parse::<i64>().ok()?,
        Some(dollars) => {
            let (whole, decimals) = dollars.split_once('.')?;
            format!("{whole}{decimals:0<6}").parse().ok()?
        }
    };
    Some(if is_negative { -number } else { number })
}

/// The last words of a row as far as they are figures, credits before money, and the words before them.
fn row(text: &str) -> (String, Vec<&str>) {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let from = words.iter().rposition(|word| figure(word).is_none()).map_or(0, |last| last + 1);
    let figures = words.split_off(from);
    (words.join(" "), figures)
}

fn pair(figures: &[&str]) -> Pair {
    let sum = |is_money: bool| {
        let of = figures.iter().filter(|one| one.contains('$') == is_money);
        of.filter_map(|one| figure(one)).sum()
    };
    (sum(false), sum(true))
}

/// What a reader finds on paper; nothing where nobody can read it.
fn paper(pdf: &[u8]) -> Option<Told> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("statement.pdf");
    std::fs::write(&path, pdf).unwrap();
    let read = match Command::new("pdftotext").arg("-layout").arg(&path).arg("-").output() {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        read => read.unwrap(),
    };
    assert!(read.status.success(), "{read:?}");
    let text = String::from_utf8(read.stdout).unwrap();
    let (mut balances, mut lines, mut inside) = (BTreeMap::new(), Vec::new(), false);
    for text in text.lines().filter(|text| !text.trim().is_empty()) {
        let (mut what, figures) = row(text);
        if what.starts_with("Day What") {
            inside = true;
        } else if what.starts_with("All of the month") || what.contains(" · ") {
            inside = false;
        } else if inside {
            // The day stands on its first row only: `Tue, Nov 24`.
            if what.split(' ').next().is_some_and(|word| word.len() == 4 && word.ends_with(',')) {
                what = what.splitn(4, ' ').nth(3).unwrap().to_owned();
            }
            let change = &figures[..figures.len() - 2];
            lines.push((what, pair(change)));
        } else if let Some(name) = ["Opening", "Closing", "Held"].into_iter().find(|name| what.starts_with(name)) {
            balances.insert(name, pair(&figures[figures.len() - 2..]));
        }
    }
    Some(Told { lines, opening: balances["Opening"], closing: balances["Closing"], held: balances["Held"] })
}

/// The rows of the file with their kinds.
fn file(csv: &str) -> (Told, Vec<(String, Pair)>) {
    let (mut ends, mut lines, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
    for row in csv.lines().skip(1) {
        let cells: Vec<&str> = row.trim_matches('"').split("\",\"").collect();
        let [_, kind, what, _, _, credits, usd] = cells[..] else { panic!("{row}") };
        let change = (credits.parse().unwrap(), micros(usd));
        if ["opening_balance", "closing_balance", "held"].contains(&kind) {
            ends.push(change);
        } else {
            lines.push((what.to_owned(), change));
            kinds.push((kind.to_owned(), change));
        }
    }
    let [opening, closing, held] = ends[..] else { panic!("{csv}") };
    (Told { lines, opening, closing, held }, kinds)
}

/// Dollars of a file, in millionths.
fn micros(usd: &str) -> i64 {
    let dollars = usd.trim_start_matches('-');
    figure(&format!("{}${dollars}", if dollars == usd { "" } else { "-" })).unwrap()
}

/// This month, held against the ledger in all forms in which it is handed out. Answers the kinds of its lines.
async fn told(site: &Site, customer: &Customer, owner: &Person<'_>) -> (Vec<(String, Pair)>, u64) {
    let (engine, actor) = (&site.parts.engine, &customer.operator);
    let month = Month::of(engine.today(actor).await.unwrap().0);
    let statement = engine.month_statement(actor, month).await.unwrap();
    let ledger = summed::is_the_ledgers(engine, actor, &statement).await;
    let csv = owner.get(&format!("/billing/months?month={month}&as=csv")).await.good();
    let (filed, kinds) = file(csv.text.trim_start_matches('\u{feff}'));
    let lines = kinds.iter().map(|(kind, change)| (kind.as_str(), change.0, change.1));
    assert_eq!(summed::of_lines(lines), ledger.sums);
    let both = |amounts: domain::ledger::Amounts| (amounts.credits, amounts.micros.0);
    let ends = (both(statement.opening), both(statement.closing), both(statement.held));
    assert_eq!((filed.opening, filed.closing, filed.held), ends);

    let pdf = owner.get(&format!("/billing/months?month={month}&as=pdf")).await.good();
    assert_eq!(pdf.header("content-type"), "application/pdf");
    match paper(&pdf.bytes) {
        Some(paper) => assert_eq!(paper, filed),
        None => eprintln!("no pdftotext: what stands on paper was not read"),
    }

    let page = owner.get("/billing").await.good();
    sound(&page);
    for line in &statement.lines {
        let row = page.text.split("<tr").find(|row| row.contains(&format!("/billing/days/{}\"", line.date))).unwrap();
        let cell = row.split("<td").nth(1).unwrap().split('<').next().unwrap();
        let cell = cell.split_once('>').unwrap().1.trim();
        let mut on_page: Vec<&str> = cell.split("; ").collect();
        let of_day = statement.lines.iter().zip(&filed.lines).filter(|(other, _)| other.date == line.date);
        let mut in_file: Vec<String> = of_day.map(|(_, (what, _))| lowered(what)).collect();
        on_page.sort_unstable();
        in_file.sort_unstable();
        assert_eq!(on_page, in_file, "{}", line.date);
    }
    (kinds, ledger.count)
}

fn lowered(what: &str) -> String {
    format!("{}{}", what[..1].to_lowercase(), &what[1..])
}

/// A payment of $25.00 by card.
async fn pay(site: &Site, customer: &Customer, stripe: &Imitation) -> (domain::ids::PaymentId, String) {
    let engine = &site.parts.engine;
    let begun = engine.begin_payment(&customer.operator, Micros(25_000_000), false).await.unwrap();
    let intent = stripe.pay(begun.payment.session.as_deref().unwrap(), "4242");
    engine.refresh_payment(&customer.operator, begun.payment.id).await.unwrap();
    (begun.payment.id, intent)
}

/// A payment that somebody disputes; the bank's verdict, if there is one.
async fn dispute(site: &Site, customer: &Customer, stripe: &Imitation, verdict: Option<&str>) {
    let (id, intent) = pay(site, customer, stripe).await;
    let look = async || site.parts.engine.refresh_payment(&customer.operator, id).await.unwrap();
    stripe.dispute(&intent, 2_500, "needs_response");
    look().await;
    if let Some(verdict) = verdict {
        stripe.decide(verdict);
        look().await;
    }
}

#[tokio::test]
async fn a_dispute_is_a_line_of_its_own_on_the_page_in_the_file_and_on_paper() {
    let site = Site::new();
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let stripe = with_cards(&site);
    let kinds =
        async || told(&site, &customer, &owner).await.0.into_iter().map(|(kind, sum)| (kind, sum.1 / 1_000_000));
    let of = async |wanted: &str| kinds().await.filter(|(kind, _)| kind == wanted).map(|(_, sum)| sum).sum::<i64>();
    dispute(&site, &customer, &stripe, None).await;
    assert_eq!((of("disputed").await, of("dispute_returned").await), (-25, 0));
    dispute(&site, &customer, &stripe, Some("won")).await;
    assert_eq!((of("disputed").await, of("dispute_returned").await), (-50, 25));
    dispute(&site, &customer, &stripe, Some("lost")).await;
    assert_eq!((of("disputed").await, of("dispute_returned").await, of("top_up").await), (-75, 25, 100));
    assert_eq!(of("withdrawal").await, 0, "nobody was paid out");

    let page = owner.get("/billing/days/2026-11-24").await.good();
    sound(&page);
    assert!(page.has("Top-up; Disputed payment; Disputed payment returned"), "{}", page.text);
    let lines = owner.get("/billing/days/2026-11-24/lines.csv").await.good();
    let taken = lines.text.lines().filter(|row| row.contains("Disputed payment") && row.ends_with("\"25.00\""));
    assert_eq!(taken.count(), 3, "{}", lines.text);
    let days = owner.get("/billing/statement.csv").await.good();
    assert!(days.text.contains("\"disputed USD\",\"dispute returned USD\""), "{}", days.text);
    assert!(days.text.contains("\"75.00\",\"25.00\""), "{}", days.text);
}

#[tokio::test]
async fn the_month_of_a_hosted_workspace_is_the_ledgers_in_every_form() {
    let (site, count) = (Site::new(), size());
    let customer = site.customer("Ours", "+12125550100").await;
    let owner = site.person(&customer, Role::Owner).await;
    let (engine, actor, simulator) = (&site.parts.engine, &customer.operator, &site.parts.simulator);
    let stripe = with_cards(&site);
    let terms = Terms {
        price: Micros(9_000_000),
        credits: 200,
        rate: Micros(15_000),
        numbers: None,
        trial_days: 0,
        grace_days: 7,
    };
    let plan = NewPlan { name: "Growth".to_owned(), terms };
    let plan = engine.add_plan(&Operator::at_command_line(), plan).await.unwrap();
    engine.choose_plan(actor, plan.id).await.unwrap();
    let charges = i64::try_from(count).unwrap();
    engine.top_up(customer.workspace, Micros(3 * 15_000 * charges), Slip::default()).await.unwrap();

    let mut leads = "Phone,First Name\n".to_owned();
    for n in 0..count {
        writeln!(leads, "{},Lead{n}", phone(n)).unwrap();
    }
    let import = engine.import_contacts(actor, Cursor::new(leads), ImportOptions::default(), ImportOutlets::default());
    assert_eq!(import.await.unwrap().counts.created, u64::try_from(count).unwrap());
    let workflow = engine.workflows(actor).await.unwrap()[0].workflow.id;
    let job = engine.enroll_many(actor, workflow, Selection::All, None).await.unwrap();
    let job = engine.run_job(actor, job.id, |_| {}).await.unwrap();
    assert_eq!(job.started, charges + 3);
    let later = |hours| engine.now() + SignedDuration::from_hours(hours);
    engine.play(simulator, later(24)).await.unwrap();
    for n in (0..count).step_by(4) {
        simulator.reply(&phone(n), "+12125550100", "who is this?", engine.now()).unwrap();
    }
    engine.deliver(simulator).await.unwrap();
    engine.send_message(actor, customer.contacts[0], "Thank you for asking").await.unwrap();
    engine.play(simulator, later(1)).await.unwrap();
    dispute(&site, &customer, &stripe, Some("won")).await;
    dispute(&site, &customer, &stripe, None).await;
    engine
        .withdraw(customer.workspace, Micros(1_234_567), Slip { note: "asked for".to_owned(), ..Slip::default() })
        .await
        .unwrap();
    // Into the next month, whose statement begins where this one ends.
    let (kinds, moved) = told(&site, &customer, &owner).await;
    for kind in ["contacts_added", "messages_by_hand", "refunds", "top_up", "credits_granted", "plan", "plan_credits"] {
        assert!(kinds.iter().any(|(word, _)| word == kind), "{kind}: {kinds:?}");
    }
    assert!(moved > u64::try_from(charges).unwrap() * 2, "{moved}");
    engine.play(simulator, later(24 * 8)).await.unwrap();
    told(&site, &customer, &owner).await;
}
