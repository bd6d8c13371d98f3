//! `dripline serve`: the server.

use super::run::block_on;
use super::{Answer, Stop};
use crate::config::{Flags, Settings};
use crate::serve::Started;
use crate::{logs, serve};

const EXAMPLES: &str = "\
Examples:
  dripline serve
  dripline serve --demo
  dripline serve --listen 0.0.0.0:8080 --database postgres://dripline@localhost/dripline

Every setting can come from a flag, the environment or a file: see docs/configuration.md and
`dripline config`. Ctrl-C or SIGTERM ends it in order.";

/// Serve the API and send what is due
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Serve {
    #[command(flatten)]
    flags: Flags,
}

impl Serve {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let settings = Settings::load(&self.flags, &|name| std::env::var_os(name)).map_err(Stop::usage)?;
        logs::start(&settings.log_level, settings.log_format).map_err(Stop::failed)?;
        let mut told = Ok(());
        let started = |started: Started<'_>| {
            let url = started.url;
            let hint = match started.setup_code {
                Some(code) => format!("\nThere is no account yet. Open {url}/setup?code={code} to make the first one."),
                None if started.demo => {
                    "\nA demo: nothing leaves this machine. Open the address for the first steps.".to_owned()
                }
                None => String::new(),
            };
            told = answer.text(&format!("Dripline listens at {url}{hint}\n")).and_then(|()| answer.flush());
        };
        block_on(serve::serve(settings, started))?.map_err(Stop::failed)?;
        told
    }
}
