//! The dispenser `command:PROGRAM`: any program, run once for each job.
//!
//! ```text
//! PROGRAM JOB ORDER_NO SHELVES     exit code 0: the goods are out; 10: nothing came out, for sure
//! PROGRAM state JOB                the same codes, for a job of earlier; moves nothing
//! ```
//!
//! Any other exit code, a signal, or no end in time: nobody knows. The program also finds the
//! job in its environment: `SAOMA_JOB`, `SAOMA_ORDER_NO`, `SAOMA_SHELVES`, `SAOMA_GOODS`.

use super::{Dispensed, Dispenser, Goods, Told, told};
use rustix::process::{Pid, Signal, kill_process_group};
use saoma_kiosk::call::JobId;
use std::{
    io::Read,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

/// The program is sure that nothing came out.
const NOTHING_CAME_OUT: i32 = 10;
/// How long a program may think about `state`; the app does not wait much longer.
const STATE_WITHIN: Duration = Duration::from_secs(8);
/// How often a running program is looked after.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How much is kept of what a program complains of.
const WORDS_MAX: u64 = 2048;

pub(super) struct Program {
    path: PathBuf,
    within: Duration,
    recalls: bool,
}

impl Program {
    pub(super) fn new(path: PathBuf, within: Duration, recalls: bool) -> Result<Self, String> {
        let about = path.metadata().map_err(|error| {
            format!("cannot find the dispenser's program {}: {error}", path.display())
        })?;
        if !about.is_file() || about.permissions().mode() & 0o111 == 0 {
            return Err(format!("{} is no program that may be run", path.display()));
        }
        Ok(Self { path, within, recalls })
    }

    /// Runs it to its end; `unbegun` is what it means when it cannot even begin.
    fn run(&self, command: &mut Command, within: Duration, unbegun: Dispensed) -> Told {
        // A group of its own, so that all of it ends when its time is over.
        let child = command
            .env_remove("SAOMA_KIOSK_KEY_FILE")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => return told(unbegun, format!("{}: {error}", self.path.display())),
        };
        let words = child.stderr.take().map(|stderr| {
            thread::spawn(move || {
                let mut words = vec![];
                let _ = stderr.take(WORDS_MAX).read_to_end(&mut words);
                String::from_utf8_lossy(&words).trim().replace('\n', " / ")
            })
        });
        let Some(status) = wait(&mut child, within) else {
            return told(Dispensed::Unknown, format!("no end within {} s", within.as_secs()));
        };
        let words = words.and_then(last_words).filter(|words| !words.is_empty());
        let why = words.map_or_else(|| status.to_string(), |words| format!("{status}: {words}"));
        match status.code() {
            Some(0) => told(Dispensed::Done, why),
            Some(NOTHING_CAME_OUT) => told(Dispensed::Failed, why),
            _ => told(Dispensed::Unknown, why),
        }
    }
}

/// How it ended, or `None` when it was ended.
fn wait(child: &mut Child, within: Duration) -> Option<ExitStatus> {
    let looks = within.as_millis() / LOOK_EVERY.as_millis();
    for _ in 0..=looks {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        thread::sleep(LOOK_EVERY);
    }
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
    None
}

/// What was said, if whoever the program has started does not keep its standard error open.
fn last_words(reader: thread::JoinHandle<String>) -> Option<String> {
    for _ in 0..10 {
        if reader.is_finished() {
            return reader.join().ok();
        }
        thread::sleep(LOOK_EVERY);
    }
    None
}

impl Dispenser for Program {
    fn dispense(&mut self, goods: &Goods) -> Told {
        let Goods { job, order_no, shelves, names } = goods;
        let mut command = Command::new(&self.path);
        command.args([job.as_str(), order_no, shelves]);
        command.env("SAOMA_JOB", job.as_str()).env("SAOMA_ORDER_NO", order_no);
        command.env("SAOMA_SHELVES", shelves).env("SAOMA_GOODS", names);
        // When it does not begin, nothing moves.
        self.run(&mut command, self.within, Dispensed::Failed)
    }

    fn recall(&mut self, job: &JobId) -> Told {
        if !self.recalls {
            return told(Dispensed::Unknown, "the program is not asked about earlier jobs");
        }
        let mut command = Command::new(&self.path);
        command.args(["state", job.as_str()]).env("SAOMA_JOB", job.as_str());
        // Whatever happens to the question says nothing about the job.
        self.run(&mut command, STATE_WITHIN, Dispensed::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::goods, *};
    use std::{fs, path::Path};
    use tempfile::TempDir;

    fn program(script: &str, within_ms: u64, recalls: bool) -> (TempDir, Program) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dispense");
        let file = folder.path().join("seen");
        fs::write(&path, format!("#!/bin/sh\nSEEN={}\n{script}\n", file.display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let program = Program::new(path, Duration::from_millis(within_ms), recalls).unwrap();
        (folder, program)
    }

    fn seen(folder: &Path) -> String {
        fs::read_to_string(folder.join("seen")).unwrap_or_default()
    }

    #[test]
    fn a_program_is_run_once_with_the_job() {
        let script = "echo \"$@\" $SAOMA_JOB $SAOMA_ORDER_NO $SAOMA_SHELVES $SAOMA_GOODS >> $SEEN";
        let (folder, mut program) = program(script, 10_000, false);
        let (outcome, _) = program.dispense(&goods("ship-1"));
        assert_eq!(outcome, Dispensed::Done);
        assert_eq!(
            seen(folder.path()),
            "ship-1 7Q2M9XBK-12 1*2,4*1,99*1 ship-1 7Q2M9XBK-12 1*2,4*1,99*1 \
             latte*2,egg-tart*1,99*1\n"
        );
        assert_eq!(program.recall(&goods("ship-1").job).0, Dispensed::Unknown);
        assert_eq!(seen(folder.path()).lines().count(), 1, "it is not run to be asked");
    }

    #[test]
    fn exit_codes_tell_what_became_of_it() {
        for (code, outcome) in
            [(0, Dispensed::Done), (10, Dispensed::Failed), (1, Dispensed::Unknown)]
        {
            let script = format!("echo the flap >&2; sleep 0.2; exit {code}");
            let (_folder, mut program) = program(&script, 10_000, false);
            let (told, why) = program.dispense(&goods("ship-1"));
            assert_eq!(told, outcome);
            assert!(why.contains("the flap"), "{why}");
        }
        let (_folder, mut program) = program("kill -9 $$", 10_000, false);
        assert_eq!(program.dispense(&goods("ship-1")).0, Dispensed::Unknown);
    }

    #[test]
    fn a_program_that_does_not_end_is_ended_with_all_that_it_started() {
        let (folder, mut program) = program("(sleep 2; echo late >> $SEEN) & wait", 100, false);
        let (outcome, why) = program.dispense(&goods("ship-1"));
        assert_eq!(outcome, Dispensed::Unknown);
        assert!(why.contains("no end"), "{why}");
        thread::sleep(Duration::from_millis(2_300));
        assert_eq!(seen(folder.path()), "");
    }

    #[test]
    fn one_that_remembers_is_asked() {
        let script = "[ \"$1\" = state ] && [ \"$2\" = ship-1 ] && exit 0; exit 10";
        let (_folder, mut program) = program(script, 10_000, true);
        assert_eq!(program.recall(&goods("ship-1").job).0, Dispensed::Done);
        assert_eq!(program.recall(&goods("ship-2").job).0, Dispensed::Failed);
    }

    #[test]
    fn what_is_no_program_is_named_at_the_start() {
        let (folder, _) = program("", 1, false);
        let text = folder.path().join("seen");
        fs::write(&text, "").unwrap();
        for path in [text, folder.path().to_owned(), "/no/dispenser".into()] {
            let problem = Program::new(path.clone(), Duration::ZERO, false).err().unwrap();
            assert!(problem.contains(&path.display().to_string()), "{problem}");
        }
    }

    #[test]
    fn a_program_that_cannot_begin_has_moved_nothing() {
        let (folder, mut program) = program("", 1_000, false);
        fs::remove_file(folder.path().join("dispense")).unwrap();
        assert_eq!(program.dispense(&goods("ship-1")).0, Dispensed::Failed);
    }

    /// Else the goods of a job that was done before a power cut would come out once more.
    #[test]
    fn a_program_that_cannot_be_asked_has_not_said_that_nothing_came_out() {
        let (folder, mut program) = program("exit 0", 1_000, true);
        fs::remove_file(folder.path().join("dispense")).unwrap();
        let (outcome, why) = program.recall(&goods("ship-1").job);
        assert_eq!(outcome, Dispensed::Unknown);
        assert!(why.contains("dispense"), "{why}");
    }
}
