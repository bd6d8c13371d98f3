//! The others: `bench/peers/run` measures each by itself and writes a line of JSON for it.

use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::sink::Sink;

#[derive(Deserialize)]
struct Line {
    name: String,
    version: String,
    per_second: f64,
}

/// Texts a second, by name and version. None without a PostgreSQL, which all of them need.
pub(crate) fn run(sink: &Sink, texts: usize) -> Vec<(String, f64)> {
    if std::env::var_os("DRIPLINE_TEST_POSTGRES").is_none() {
        return Vec::new();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/peers/run");
    let mut command = Command::new(script);
    command.env("DRIPLINE_SINK", &sink.address).env("DRIPLINE_JOBS", texts.to_string()).stderr(Stdio::inherit());
    let output = tokio::task::block_in_place(|| command.output()).unwrap();
    assert!(output.status.success(), "bench/peers/run failed: {}", output.status);
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str::<Line>(line).unwrap()).map(named).collect()
}

fn named(line: Line) -> (String, f64) {
    (format!("{} {}", line.name, line.version), line.per_second)
}
