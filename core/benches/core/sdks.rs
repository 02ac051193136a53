//! Published SDKs, each run by its own language in a process of its own: `benches/sdk` has the
//! programs that drive them. A process says what it can verify, and then measures one turn each
//! time it is told to, so that an SDK is compared within the same rounds as everything else.

use crate::harness::{Goal, Row};
use crate::notices::{APP_ID, KEY, MCH_ID, Notice};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;

/// Names the folder that `cargo xtask bench core` installs the SDKs in.
const FOLDER: &str = "SAOMA_BENCH_SDKS";
/// Calls in a turn: a few milliseconds.
const CALLS: u32 = 50;
/// Of those that speak v2, what is downloaded most from npm (two of them are near each other) and
/// from PyPI.
const MOST_USED: [&str; 3] = ["tenpay", "wechatpay-axios-plugin", "wechatpy"];

/// A program that drives the SDKs of one language.
struct Driver {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Driver {
    fn start(mut command: Command) -> Result<Self, String> {
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let program = command.get_program();
        let mut process = started.map_err(|error| format!("cannot start {program:?}: {error}"))?;
        let pipes = (process.stdin.take(), process.stdout.take());
        let (Some(input), Some(output)) = pipes else { return Err("no pipes".into()) };
        Ok(Self { process, input, output: BufReader::new(output) })
    }

    /// Sends a line and gives the one that comes back.
    fn ask(&mut self, line: &str) -> Result<Value, String> {
        let sent = writeln!(self.input, "{line}").and_then(|()| self.input.flush());
        sent.map_err(|error| format!("a driver ended: {error}"))?;
        let mut answer = String::new();
        self.output.read_line(&mut answer).map_err(|error| format!("a driver ended: {error}"))?;
        serde_json::from_str(&answer).map_err(|_| "a driver ended or made no sense".into())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It ends when nobody can tell it anything any more; what it says then is of no interest.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One SDK.
pub(crate) struct Sdk {
    driver: Rc<RefCell<Driver>>,
    number: usize,
    name: String,
    version: String,
    registry: &'static str,
    /// Whether it takes a notification and refuses its forgery, by the notification's number.
    verifies: Vec<bool>,
}

impl Sdk {
    /// A row for a notification; `None` when the SDK cannot verify it.
    pub(crate) fn row(&self, notice: usize) -> Option<Row<'_>> {
        if self.verifies.get(notice) != Some(&true) {
            return None;
        }
        let name = format!("{} {} ({})", self.name, self.version, self.registry);
        let least = if MOST_USED.contains(&self.name.as_str()) { 2_500 } else { 1_500 };
        let row = Row::by_turn(&name, move || {
            let answer = self.driver.borrow_mut().ask(&format!("{} {notice} {CALLS}", self.number));
            let nanos = answer.expect("it measured before").as_u64().expect("nanoseconds");
            nanos / u64::from(CALLS)
        });
        Some(row.goal(Goal::Beaten(least)))
    }
}

/// Starts the drivers and lets each SDK show what it can verify.
pub(crate) fn start(notices: &[Notice]) -> Result<Vec<Sdk>, String> {
    let folder = std::env::var_os(FOLDER)
        .ok_or("they are installed and compared by `cargo xtask bench core`")?;
    let folder = Path::new(&folder);
    let (npm, pypi) = (folder.join("npm"), folder.join("pypi"));
    let mut node = Command::new("node");
    node.arg(npm.join("driver.mjs")).current_dir(npm);
    let mut python = Command::new(pypi.join("bin/python"));
    python.arg(pypi.join("driver.py")).current_dir(pypi);
    let mut sdks = Vec::new();
    for (registry, command) in [("npm", node), ("PyPI", python)] {
        sdks.extend(start_one(registry, command, notices)?);
    }
    Ok(sdks)
}

fn start_one(
    registry: &'static str,
    command: Command,
    notices: &[Notice],
) -> Result<Vec<Sdk>, String> {
    let mut driver = Driver::start(command)?;
    let notices: Vec<Value> = notices
        .iter()
        .map(|notice| json!({ "xml": notice.xml, "forged": notice.forged }))
        .collect();
    let hello = json!({ "app_id": APP_ID, "mch_id": MCH_ID, "key": KEY, "notices": notices });
    let answer = driver.ask(&hello.to_string())?;
    let driver = Rc::new(RefCell::new(driver));
    let sdks = answer.as_array().ok_or("a driver made no sense")?;
    let sdk = |(number, sdk): (usize, &Value)| Sdk {
        driver: Rc::clone(&driver),
        number,
        name: sdk["name"].as_str().unwrap_or_default().to_string(),
        version: sdk["version"].as_str().unwrap_or_default().to_string(),
        registry,
        verifies: sdk["verifies"]
            .as_array()
            .map(|all| all.iter().map(|one| one == &Value::Bool(true)).collect())
            .unwrap_or_default(),
    };
    let sdks: Vec<Sdk> = sdks.iter().enumerate().map(sdk).collect();
    match sdks.iter().find(|sdk| !sdk.verifies.contains(&true)) {
        Some(useless) => Err(format!("{} verifies nothing", useless.name)),
        None => Ok(sdks),
    }
}
