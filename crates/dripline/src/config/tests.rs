//! The order of the places, the strictness of the file, the silence about secrets, the page.

use std::collections::BTreeMap;

use clap::{Args, Command};

use super::*;

fn settings(flags: &Flags, variables: &[(&str, &str)], file: Option<&str>) -> Result<Settings, ConfigError> {
    let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
    let environment = |name: &str| variables.get(name).map(OsString::from);
    let folder = tempfile::tempdir().unwrap();
    let mut flags = flags.clone();
    if let Some(text) = file {
        let path = folder.path().join("dripline.toml");
        std::fs::write(&path, text).unwrap();
        flags.base.config = Some(path);
    }
    Settings::load(&flags, &environment)
}

fn refusal(file: &str) -> String {
    let error = settings(&Flags::default(), &[], Some(file)).unwrap_err().to_string();
    error.split_once("dripline.toml").map_or(error.clone(), |(_, rest)| rest.to_owned())
}

fn origin(settings: &Settings, key: &str) -> String {
    let reading = settings.readings().iter().find(|reading| reading.key == key).unwrap();
    reading.origin.to_string()
}

#[test]
fn without_anything_set_the_defaults_hold() {
    let settings = settings(&Flags::default(), &[("DRIPLINE_LISTEN", "")], None).unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.public_url.as_str(), "http://127.0.0.1:8080");
    assert_eq!(settings.database.to_string(), "sqlite:data/dripline.db");
    assert!(!settings.demo);
    assert_eq!((settings.shutdown_grace, settings.max_body_bytes), (Duration::from_secs(30), 104_857_600));
    assert_eq!(settings.log_format, Format::Text);
    assert!(settings.readings().iter().all(|reading| reading.origin == Origin::Default));
    assert_eq!(settings.readings().len(), SETTINGS.len());
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let file = Some("listen = \"127.0.0.1:1\"\ndata = \"from-file\"\ndemo = true\nmax_body_bytes = 2048\n");
    let variables = [("DRIPLINE_LISTEN", "127.0.0.1:2"), ("DRIPLINE_DATA", "from-environment")];
    let flags = Flags { listen: Some("127.0.0.1:3".into()), ..Flags::default() };
    let settings = settings(&flags, &variables, file).unwrap();
    assert_eq!(settings.listen.port(), 3);
    assert_eq!(settings.database.to_string(), "sqlite:from-environment/dripline.db");
    assert_eq!((settings.demo, settings.max_body_bytes), (true, 2048));
    assert_eq!(origin(&settings, "listen"), "--listen");
    assert_eq!(origin(&settings, "data"), "DRIPLINE_DATA");
    assert!(origin(&settings, "demo").ends_with("dripline.toml, line 3"));
}

#[test]
fn the_file_is_strict_and_its_errors_name_the_place() {
    let cases = [
        (
            "demo = false\n  lisen = \"x\"\n",
            ", line 2, column 3: there is no setting \"lisen\"; there are listen, public_url",
        ),
        ("log-level = \"info\"", ", line 1, column 1: there is no setting \"log-level\"; did you mean log_level?"),
        ("[server]\nlisten = \"127.0.0.1:1\"", ", line 1, column 2: there is no setting \"server\""),
        ("demo = \"true\"", ", line 1, column 8: demo takes true or false"),
        ("\nmax_body_bytes = 1.5", ", line 2, column 18: max_body_bytes takes a whole number"),
        ("listen = ", ", line 1, column"),
        ("data = \"a\"\ndata = \"b\"", ", line 2, column 1: "),
        ("listen = \"localhost\"", ", line 1) must be an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080"),
    ];
    for (file, expected) in cases {
        let told = refusal(file);
        assert!(told.starts_with(expected), "{file:?}: {told}");
    }
}

#[test]
fn a_missing_file_is_an_error_and_says_which() {
    let flags = Flags { base: Base { config: Some("no/such.toml".into()), ..Base::default() }, ..Flags::default() };
    let error = Settings::load(&flags, &|_| None).unwrap_err();
    assert_eq!(error.to_string(), "the configuration file no/such.toml cannot be read");
    let by_variable = settings(&Flags::default(), &[("DRIPLINE_CONFIG", "no/such.toml")], None).unwrap_err();
    assert_eq!(by_variable.to_string(), error.to_string());
}

#[test]
fn values_out_of_range_are_refused() {
    let cases = [
        ("DRIPLINE_LISTEN", "127.0.0.1"),
        ("DRIPLINE_PUBLIC_URL", "texts.example.com"),
        ("DRIPLINE_PUBLIC_URL", "ftp://texts.example.com"),
        ("DRIPLINE_PUBLIC_URL", "https://texts.example.com/?a=b"),
        ("DRIPLINE_DATABASE", "mysql://x/y"),
        ("DRIPLINE_DATA", " "),
        ("DRIPLINE_DEMO", "maybe"),
        ("DRIPLINE_LOG_LEVEL", "inf"),
        ("DRIPLINE_LOG_LEVEL", "info,store="),
        ("DRIPLINE_LOG_FORMAT", "xml"),
        ("DRIPLINE_SHUTDOWN_GRACE_SECONDS", "3601"),
        ("DRIPLINE_SHUTDOWN_GRACE_SECONDS", "-1"),
        ("DRIPLINE_MAX_BODY_BYTES", "1023"),
        ("DRIPLINE_MAX_BODY_BYTES", "4294967297"),
    ];
    for (variable, value) in cases {
        let error = settings(&Flags::default(), &[(variable, value)], None).unwrap_err();
        assert!(error.to_string().contains(&format!("(from {variable}) must be ")), "{error}");
    }
    let good = [("DRIPLINE_LOG_LEVEL", "INFO,store=debug"), ("DRIPLINE_PUBLIC_URL", "https://a.example/x/")];
    let settings = settings(&Flags::default(), &good, None).unwrap();
    assert_eq!(settings.public_url.as_str(), "https://a.example/x");
}

#[test]
fn no_secret_is_in_an_error_or_in_what_is_shown() {
    let shown = settings(&Flags::default(), &[("DRIPLINE_DATABASE", "postgres://u:hunter2@h/x")], None).unwrap();
    assert!(!format!("{shown:?} {:?}", shown.readings()).contains("hunter2"));
    for variable in ["DRIPLINE_DATABASE", "DRIPLINE_PUBLIC_URL"] {
        let error = settings(&Flags::default(), &[(variable, "http://u:hunter2@h:port/x")], None).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
    for file in
        ["database = postgres://u:hunter2@h/x", "database = \"postgres://u:hunter2@h/x", "database = [\"hunter2\"]"]
    {
        let error = settings(&Flags::default(), &[], Some(file)).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn stripe_takes_both_secrets_and_shows_neither() {
    let (key, signing) =
        (("DRIPLINE_STRIPE_KEY", "sk_test_hunter2"), ("DRIPLINE_STRIPE_WEBHOOK_SECRET", "whsec_hunter2"));
    assert!(settings(&Flags::default(), &[], None).unwrap().stripe.is_none());
    let both = settings(&Flags::default(), &[key, signing], None).unwrap();
    let account = both.stripe.clone().unwrap();
    assert_eq!((account.key.reveal(), account.address.as_str()), ("sk_test_hunter2", "https://api.stripe.com"));
    assert!(!format!("{both:?} {account:?} {:?}", both.readings()).contains("hunter2"));
    assert_eq!(origin(&both, "stripe_key"), "DRIPLINE_STRIPE_KEY");
    for (variables, lacks) in [(key, "stripe_webhook_secret"), (signing, "stripe_key")] {
        let error = settings(&Flags::default(), &[variables], None).unwrap_err().to_string();
        assert!(error.starts_with(lacks), "{error}");
    }
    for bad in [("DRIPLINE_STRIPE_KEY", "pk_test_hunter2"), ("DRIPLINE_STRIPE_WEBHOOK_SECRET", "hunter2")] {
        let error = settings(&Flags::default(), &[bad], None).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn mail_takes_a_server_and_a_sender_and_shows_no_password() {
    let (url, from) =
        (("DRIPLINE_SMTP_URL", "smtps://me:hunter2@mail.example.com"), ("DRIPLINE_SMTP_FROM", "D <d@example.com>"));
    assert!(settings(&Flags::default(), &[], None).unwrap().mail.is_none());
    let both = settings(&Flags::default(), &[url, from], None).unwrap();
    let account = both.mail.clone().unwrap();
    assert_eq!(
        (account.relay.to_string(), account.from.to_string()),
        ("mail.example.com:465".to_owned(), from.1.to_owned())
    );
    assert!(!format!("{both:?} {account:?} {:?}", both.readings()).contains("hunter2"));
    for (variables, lacks) in [(url, "smtp_from"), (from, "smtp_url")] {
        let error = settings(&Flags::default(), &[variables], None).unwrap_err().to_string();
        assert!(error.starts_with(lacks) && error.contains("must be set beside"), "{error}");
    }
    let from = ("DRIPLINE_SMTP_FROM", "d@example.com");
    for bad in ["http://me:hunter2@mail.example.com", "smtp://me:hunter2@mail.example.com?tls=none", "hunter2"] {
        let error = settings(&Flags::default(), &[("DRIPLINE_SMTP_URL", bad), from], None).unwrap_err();
        assert!(error.to_string().contains("(from DRIPLINE_SMTP_URL) must "), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
    let error = settings(&Flags::default(), &[url, ("DRIPLINE_SMTP_FROM", "nobody")], None).unwrap_err();
    assert!(error.to_string().contains("(from DRIPLINE_SMTP_FROM) must be an address"), "{error}");
}

#[test]
fn a_public_address_is_told_only_where_somebody_has() {
    assert_eq!(settings(&Flags::default(), &[], None).unwrap().told_public_url(), None);
    let told = settings(&Flags::default(), &[("DRIPLINE_PUBLIC_URL", "https://a.example/")], None).unwrap();
    assert_eq!(told.told_public_url(), Some("https://a.example"));
}

#[test]
fn every_setting_has_its_flag_whose_help_names_its_variable() {
    let command = Flags::augment_args(Command::new("dripline"));
    let shown = SETTINGS.iter().filter(|setting| setting.kind != Kind::Secret);
    for setting in shown.clone() {
        let arg = command
            .get_arguments()
            .find(|arg| arg.get_long().is_some_and(|long| setting.flag() == format!("--{long}")));
        let help = arg.and_then(|arg| arg.get_help()).map(ToString::to_string).unwrap_or_default();
        assert!(help.contains(&format!("[env: {}]", setting.variable())), "{}: {help}", setting.key);
        let mut flags = command.clone().get_matches_from(["dripline", &format!("{}=7", setting.flag())]);
        let flags = <Flags as clap::FromArgMatches>::from_arg_matches_mut(&mut flags).unwrap();
        assert_eq!(flags.get(setting.key), Some("7"), "{}", setting.key);
    }
    assert_eq!(command.get_arguments().count(), shown.count() + 1, "all that are no secrets, and --config");
}

#[test]
fn the_page_has_a_row_for_every_setting_and_for_nothing_else() {
    let page = include_str!("../../../../docs/configuration.md");
    let row = |setting: &Setting| {
        let Setting { key, default, meaning, .. } = setting;
        let flag = if setting.kind == Kind::Secret { "none".to_owned() } else { format!("`{}`", setting.flag()) };
        format!("| `{key}` | {flag} | `{}` | {default} | {meaning} |", setting.variable())
    };
    let expected: Vec<String> = SETTINGS.iter().map(row).collect();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows, expected);
    let start = page.find("```toml\n").unwrap() + "```toml\n".len();
    let example = &page[start..start + page[start..].find("```").unwrap()];
    settings(&Flags::default(), &[], Some(example)).unwrap();
    for setting in &SETTINGS {
        assert!(example.contains(&format!("{} = ", setting.key)), "the example lacks {}", setting.key);
    }
}
