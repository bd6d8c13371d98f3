//! Builds the styles and scripts of the pages with Node and puts them into the binary. What is missing is said plainly.
//!
//! `web/build.mjs` makes, digests and compresses the files; this only sees to it that it can run, and writes down their names.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

/// The least major version of Node.
const NODE: u32 = 20;

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("\nThe pages cannot be built: {message}\n");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(variable("OUT_DIR")?);
    let web = here.join("../../web");
    for path in ["src", "build.mjs", "package.json", "package-lock.json"] {
        println!("cargo::rerun-if-changed={}", web.join(path).display());
    }
    for path in ["templates", "src/web"] {
        println!("cargo::rerun-if-changed={}", here.join(path).display());
    }
    node()?;
    packages(&web)?;
    let folder = out.join("assets");
    run(Command::new("node").arg(web.join("build.mjs")).arg(&folder).current_dir(&web), "node web/build.mjs")?;
    write(&folder, &out.join("assets.rs"))
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}

fn node() -> Result<(), String> {
    let advice = format!(
        "Node {NODE} or newer with npm is needed at build time only: install it (Debian: `apt-get install nodejs npm`), \
         or build with `make run`, which does"
    );
    let found = Command::new("node").arg("--version").output().map_err(|_| format!("there is no `node`. {advice}."))?;
    let version = String::from_utf8_lossy(&found.stdout).trim().to_owned();
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major >= NODE) { Ok(()) } else { Err(format!("`node` is {version:?}. {advice}.")) }
}

/// Installs what the lock file names, once for each of its versions.
fn packages(web: &Path) -> Result<(), String> {
    let (lock, stamp) = (web.join("package-lock.json"), web.join("node_modules/.installed"));
    let wanted = fs::read(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let npm = &mut Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(web);
    run(npm, "npm ci in the folder web")?;
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))
}

fn run(command: &mut Command, name: &str) -> Result<(), String> {
    let done = command.output().map_err(|error| format!("`{name}` cannot be started: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    Err(format!("`{name}` failed ({}):\n{out}{err}", done.status))
}

/// The module that holds the files: a constant for the address of each, and all of them in a table.
fn write(folder: &Path, to: &Path) -> Result<(), String> {
    let manifest = folder.join("manifest.txt");
    let text = fs::read_to_string(&manifest).map_err(|error| format!("{}: {error}", manifest.display()))?;
    let (mut addresses, mut table) = (String::new(), String::new());
    for line in text.lines() {
        let [kind, name, media, _] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("{} has the line {line:?}", manifest.display()));
        };
        let file = folder.join(name);
        let file = file.to_str().ok_or("the path of the build folder is not UTF-8")?;
        let _ = writeln!(addresses, "pub(crate) const {kind}: &str = \"/assets/{name}\";");
        let _ = writeln!(
            table,
            "    Asset {{ name: {name:?}, media: {media:?}, plain: include_bytes!({file:?}), brotli: include_bytes!({:?}), gzip: include_bytes!({:?}) }},",
            format!("{file}.br"),
            format!("{file}.gz"),
        );
    }
    let module = format!("{addresses}\npub(crate) static ALL: &[Asset] = &[\n{table}];\n");
    fs::write(to, module).map_err(|error| format!("{}: {error}", to.display()))
}
