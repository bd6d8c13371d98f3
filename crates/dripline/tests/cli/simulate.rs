//! `dripline simulate`: a campaign is priced and played from a file of contacts and a file of a workflow.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Done, run};

const CONTACTS: &str = "\
First Name,Phone,Address,State
Ann,(212) 555-0123,12 Oak Street,NY
Bob,305-555-0177,9 Palm Ave,FL
Cleo,12,1 Short Rd,TX
Dan,+1 415 555 0134,,CA
";
const WORKFLOW: &str = "\
name = \"Spring\"

[[steps]]
after_days = 0
text = \"Hi {First Name|there}, is {Address} still for sale?\"

[[steps]]
after_days = 3
text = \"Hi {First Name|there}, just checking in.\"
";

struct Campaign {
    _folder: TempDir,
    contacts: PathBuf,
    workflow: PathBuf,
}

fn campaign(contacts: &str) -> Campaign {
    let folder = tempfile::tempdir().unwrap();
    let (leads, steps) = (folder.path().join("leads.csv"), folder.path().join("spring.toml"));
    std::fs::write(&leads, contacts).unwrap();
    std::fs::write(&steps, WORKFLOW).unwrap();
    Campaign { _folder: folder, contacts: leads, workflow: steps }
}

impl Campaign {
    fn simulate(&self, more: &[&str]) -> Done {
        let (contacts, workflow) = (self.contacts.to_str().unwrap(), self.workflow.to_str().unwrap());
        let start = "2026-11-24T15:00:00Z";
        let fixed = ["simulate", "--contacts", contacts, "--workflow", workflow, "--start", start];
        run(&[&fixed, more].concat(), "")
    }

    fn report(&self, more: &[&str]) -> Value {
        let done = self.simulate(&[&["--json"], more].concat());
        assert_eq!((done.code, done.errors.as_str()), (0, ""));
        serde_json::from_str(&done.output).unwrap()
    }
}

#[test]
fn a_campaign_is_priced_played_and_proved() {
    let done = campaign(CONTACTS).simulate(&[]);
    assert_eq!((done.code, done.errors.as_str()), (0, ""));
    let lines: Vec<String> =
        done.output.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for told in [
        "contacts 3",
        "rows rejected 1",
        "started 2",
        "refused 1",
        "missing_field 1",
        "charged to the wallet $0.06",
        "last message planned 2026-11-27 15:00 UTC",
        "2026-11-24 2 2",
        "2026-11-27 2 2",
        "completed 2",
        "after 0 $0.00",
        "The ledger balances: 7 transfers, every sum is zero.",
    ] {
        assert!(lines.iter().any(|line| line == told), "{told:?} is not in\n{}", done.output);
    }
    assert!(!done.output.contains("insufficient_funds"), "the wallet holds as much as it takes");
}

#[test]
fn a_wallet_that_is_too_small_refuses_those_who_come_last() {
    let report = campaign(CONTACTS).report(&["--wallet", "0.03"]);
    let refused = &report["refused_by_code"];
    assert_eq!(refused, &json!({ "insufficient_funds": 2, "missing_field": 1 }), "{report:#}");
    assert_eq!((&report["started"], &report["refused"]), (&json!(1), &json!(2)));
}

#[test]
fn one_seed_is_one_report_and_every_reply_gives_back_what_was_not_sent() {
    let rows: String = (0..60).map(|n| format!("Ann,(212) 555-01{n:02},{n} Oak Street,NY\n")).collect();
    let campaign = campaign(&format!("First Name,Phone,Address,State\n{rows}"));
    let lively = ["--reply-rate", "0.5", "--seed", "7", "--credits", "20"];
    let report = campaign.report(&lively);
    assert_eq!(report, campaign.report(&lively));
    assert_ne!(report, campaign.report(&["--reply-rate", "0.5", "--seed", "8", "--credits", "20"]));
    let count = |value: &Value| value.as_i64().unwrap();
    let ends = report["ends"].as_object().unwrap();
    assert_eq!(ends.values().map(count).sum::<i64>(), 60);
    assert!(ends.keys().any(|end| end == "replied" || end == "opted_out"), "{ends:?}");
    assert_eq!(report["ledger"]["clean"], true);
    assert_eq!((&report["after"]["held_credits"], &report["after"]["held_micros"]), (&json!(0), &json!(0)));
}
