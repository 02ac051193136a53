//! Mutants: is there a test that sees each small change of the source?
//!
//! The list is that of [cargo-mutants](https://mutants.rs). That builds the crate anew for each of
//! them; here all are in one build, each behind a number, and the number that the environment
//! names is the change that this run has. So a mutant costs what the tests cost that come by it.

mod attempt;
mod compile;
mod list;
mod weave;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use attempt::{Fate, Tests};

/// Whatever ends the run.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let (mut files, mut skipped) = (vec![], vec![]);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--skip" {
            skipped.extend(arguments.next());
        } else {
            files.push(argument);
        }
    }
    match run(&files, &skipped) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            println!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every mutant was noticed, by tests whose names have none of these words in them.
fn run(files: &[String], skipped: &[String]) -> Result<bool, Failure> {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let mutants = list::list(&root, files)?;
    println!("{} mutants", mutants.len());
    let built = compile::compile(&root, &mutants)?;
    let tests = Tests::explore(&built, &root, skipped)?;
    let next = AtomicUsize::new(0);
    let fates = Mutex::new(BTreeMap::new());
    let worker = || -> Result<(), Failure> {
        while let Some(mutant) = mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
            let fate = tests.attempt(&built, &root, mutant.id)?;
            let word = match &fate {
                Fate::Caught { by } => format!("caught   {} [{by}]", mutant.name),
                Fate::TimedOut { by } => format!("timeout  {} [{by}]", mutant.name),
                Fate::Survived => format!("SURVIVED {}", mutant.name),
                Fate::NotSeen => format!("NOT SEEN {}", mutant.name),
                Fate::Unviable { why } => format!("unviable {} [{why}]", mutant.name),
                Fate::Fixed => format!("fixed    {}", mutant.name),
            };
            println!("{word}");
            fates.lock().unwrap_or_else(PoisonError::into_inner).insert(mutant.id, fate);
        }
        Ok(())
    };
    let jobs = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a worker fell")?)
    })?;
    let fates = fates.into_inner().unwrap_or_else(PoisonError::into_inner);
    let count = |which: fn(&Fate) -> bool| fates.values().filter(|fate| which(fate)).count();
    let survived = count(|fate| matches!(fate, Fate::Survived | Fate::NotSeen));
    println!(
        "{} mutants: {} caught, {} timed out, {survived} survived, {} do not compile, {} cannot be \
         switched",
        mutants.len(),
        count(|fate| matches!(fate, Fate::Caught { .. })),
        count(|fate| matches!(fate, Fate::TimedOut { .. })),
        count(|fate| matches!(fate, Fate::Unviable { .. })),
        count(|fate| matches!(fate, Fate::Fixed)),
    );
    Ok(survived == 0)
}
