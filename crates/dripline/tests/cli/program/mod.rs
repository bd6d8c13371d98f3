//! Runs the real binary for tests: arguments and input in, output, errors and exit code out.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a run left behind.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) output: String,
    pub(crate) errors: String,
}

/// The binary, with nothing of Dripline's in its environment.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dripline"));
    command.args(arguments).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn run(arguments: &[&str], input: impl AsRef<[u8]>) -> Done {
    let input = input.as_ref();
    let mut child = command(arguments).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        // Beside the reading: neither pipe holds a whole corpus. A child that reads nothing closes it.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().unwrap()
    });
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Done { code: output.status.code().unwrap(), output: text(output.stdout), errors: text(output.stderr) }
}

/// The answers to JSON lines, all of which must be good.
#[allow(dead_code, reason = "not every test binary asks in lines")]
pub(crate) fn json_lines(arguments: &[&str], input: &str) -> Vec<Value> {
    let done = run(arguments, input);
    assert_eq!((done.code, done.errors.as_str()), (0, ""));
    done.output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
