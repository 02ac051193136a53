//! Each mutant against the tests that come by it, the quick ones first.

use std::collections::HashMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;
use crate::compile::Built;

/// How long a test may take as it is, in seconds of processor time.
const CPU_S: u64 = 600;
/// What ends a program that has used up its time.
const SIGKILL: i32 = 9;
const SIGXCPU: i32 = 24;

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Caught {
        by: String,
    },
    TimedOut {
        by: String,
    },
    /// The tests come by it and hold.
    Survived,
    /// No test comes by it.
    NotSeen,
    /// No compiler takes it.
    Unviable {
        why: String,
    },
    /// It cannot be switched: cargo-mutants itself has to try it.
    Fixed,
}

/// The tests that come by a mutant.
pub(crate) struct Tests {
    /// All, the quickest first, with how long they took.
    all: Vec<(Duration, String)>,
    /// Those of each mutant, as indexes.
    of: HashMap<usize, Vec<usize>>,
}

fn test(built: &Built, root: &Path, name: &str, cpu_s: u64) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -t {cpu_s}; exec \"$0\" \"$@\"")])
        .arg(&built.tests)
        .args(["--exact", name, "--test-threads", "1"])
        // A failure is enough: nobody reads the smallest one.
        .env("PROPTEST_MAX_SHRINK_ITERS", "0")
        .current_dir(root.join("core"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

impl Tests {
    /// Runs each test once as it is, and notes how long it took and what it came by.
    #[expect(clippy::disallowed_methods, reason = "it measures how long each test takes")]
    pub(crate) fn explore(built: &Built, root: &Path, skipped: &[String]) -> Result<Self, Failure> {
        let listed = Command::new(&built.tests).args(["--list", "--format", "terse"]).output()?;
        let listed = String::from_utf8(listed.stdout)?;
        let names = listed.lines().filter_map(|line| line.strip_suffix(": test"));
        let seen = root.join("target/mutants/seen");
        let mut runs: Vec<(Duration, String, Vec<usize>)> = vec![];
        for name in names.filter(|name| !skipped.iter().any(|word| name.contains(word))) {
            let _ = fs::remove_file(&seen);
            let begun = Instant::now();
            let status = test(built, root, name, CPU_S).env("SAOMA_SEEN", &seen).status()?;
            if !status.success() {
                return Err(format!("{name} fails without any mutant").into());
            }
            let lines = fs::read_to_string(&seen).unwrap_or_default();
            let sites: Result<Vec<usize>, _> = lines.lines().map(str::parse).collect();
            runs.push((begun.elapsed(), name.to_owned(), sites?));
        }
        runs.sort();
        let mut of: HashMap<usize, Vec<usize>> = HashMap::new();
        for (index, (_, _, sites)) in runs.iter().enumerate() {
            for mutant in sites.iter().filter_map(|site| built.sites.get(site)).flatten() {
                of.entry(*mutant).or_default().push(index);
            }
        }
        for (took, name, _) in runs.iter().rev().take(5) {
            println!("  slow: {name} ({} ms)", took.as_millis());
        }
        Ok(Self { all: runs.into_iter().map(|(took, name, _)| (took, name)).collect(), of })
    }

    /// One mutant.
    pub(crate) fn attempt(&self, built: &Built, root: &Path, id: usize) -> Result<Fate, Failure> {
        if let Some(why) = built.unviable.get(&id) {
            return Ok(Fate::Unviable { why: why.clone() });
        }
        if built.fixed.contains(&id) {
            return Ok(Fate::Fixed);
        }
        let Some(tests) = self.of.get(&id) else { return Ok(Fate::NotSeen) };
        for (took, name) in tests.iter().filter_map(|index| self.all.get(*index)) {
            // Twice as long as it took as it is, and some.
            let mut test = test(built, root, name, 2 + 2 * took.as_secs());
            let status = test.env("SAOMA_MUTANT", id.to_string()).status()?;
            match status.code() {
                Some(0) => {}
                None if matches!(status.signal(), Some(SIGKILL | SIGXCPU)) => {
                    return Ok(Fate::TimedOut { by: name.clone() });
                }
                _ => return Ok(Fate::Caught { by: name.clone() }),
            }
        }
        Ok(Fate::Survived)
    }
}
