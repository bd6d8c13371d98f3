//! The program `dripline`: hands over to the command line, and leaves with its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    dripline::cli::run()
}
