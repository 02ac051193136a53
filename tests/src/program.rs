//! One program that runs beside us: started, read, stopped.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Write as _};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a program may take until it prints its ready line.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long a program may take to stop when asked to.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// How many of its last lines are kept.
const LAST_LINES_MAX: usize = 200;
/// How many of them an error quotes.
const QUOTED_LINES: usize = 15;
/// How much of a line is shown while the program runs.
const SHOWN_CHARACTERS_MAX: usize = 160;

/// A running program. Dropped, it is killed.
#[derive(Debug)]
pub struct Program {
    name: &'static str,
    child: Child,
    lines: Lines,
    readers: Vec<JoinHandle<()>>,
}

/// How a program ended.
#[derive(Debug)]
pub struct Death {
    /// Which one.
    pub name: &'static str,
    /// With what.
    pub status: ExitStatus,
    /// What it wrote last, oldest line first.
    pub last_lines: Vec<String>,
}

/// Why a program does not run, or did not stop.
#[derive(Debug)]
pub enum ProgramError {
    /// The system did not start it.
    NotStarted(&'static str, io::Error),
    /// It ended before it was ready.
    Died(Death),
    /// It neither ended nor said that it is ready; its last lines.
    NotReady(&'static str, Vec<String>),
    /// It was asked to stop, did not, and was killed; its last lines.
    NotStopped(&'static str, Vec<String>),
    /// It was asked to stop and did, but not well.
    StoppedBadly(Death),
}

impl std::error::Error for ProgramError {}

impl fmt::Display for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(name, error) => write!(f, "{name} did not start: {error}"),
            Self::Died(death) => write!(f, "{death}"),
            Self::StoppedBadly(death) => write!(f, "asked to stop, {death}"),
            Self::NotReady(name, lines) => {
                write!(f, "{name} was not ready after {} s", READY_WITHIN.as_secs())?;
                quote(f, lines)
            }
            Self::NotStopped(name, lines) => {
                write!(f, "{name} did not stop in {} s: killed", STOP_WITHIN.as_secs())?;
                quote(f, lines)
            }
        }
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ended ({})", self.name, self.status)?;
        quote(f, &self.last_lines)
    }
}

fn quote(f: &mut fmt::Formatter<'_>, lines: &[String]) -> fmt::Result {
    let skipped = lines.len().saturating_sub(QUOTED_LINES);
    f.write_str(if lines.is_empty() { "; it wrote nothing" } else { "; its last lines:" })?;
    lines.iter().skip(skipped).try_for_each(|line| write!(f, "\n  {line}"))
}

impl Program {
    /// Starts a program and waits for the line `{ready}{rest}`; gives the program and the rest.
    ///
    /// With `is_shown` its lines go to our own output as well, shortened, after its name.
    ///
    /// # Errors
    ///
    /// When it cannot be started, ends at once, or is not ready within a minute.
    pub async fn start(
        name: &'static str,
        command: &mut Command,
        ready: &str,
        is_shown: bool,
    ) -> Result<(Self, String), ProgramError> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("NO_COLOR", "1").kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| ProgramError::NotStarted(name, error))?;
        let lines = Lines::new(is_shown.then_some(name));
        let (send_ready, mut is_ready) = mpsc::channel(1);
        let mut readers = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            let found = Some((ready.to_owned(), send_ready));
            readers.push(tokio::spawn(read_lines(stdout, lines.clone(), found)));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.push(tokio::spawn(read_lines(stderr, lines.clone(), None)));
        }
        let mut program = Self { name, child, lines, readers };
        match timeout(READY_WITHIN, is_ready.recv()).await {
            Ok(Some(rest)) => Ok((program, rest)),
            Ok(None) => Err(match timeout(STOP_WITHIN, program.wait()).await {
                Ok(death) => ProgramError::Died(death?),
                Err(_) => ProgramError::NotReady(name, program.lines.last()),
            }),
            Err(_) => Err(ProgramError::NotReady(name, program.lines.last())),
        }
    }

    /// Its number in the system; `None` once it has ended.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// What it wrote last, oldest line first, at most 200 lines.
    pub fn last_lines(&self) -> Vec<String> {
        self.lines.last()
    }

    /// Waits until it ends by itself. May be dropped and called again.
    ///
    /// # Errors
    ///
    /// When the system cannot tell.
    pub async fn wait(&mut self) -> Result<Death, ProgramError> {
        let waited = self.child.wait().await;
        let status = waited.map_err(|error| ProgramError::NotStarted(self.name, error))?;
        // Its last words may still be on their way.
        for reader in &mut self.readers {
            let _ = timeout(Duration::from_secs(1), reader).await;
        }
        self.readers.clear();
        Ok(Death { name: self.name, status, last_lines: self.lines.last() })
    }

    /// Kills it as a power failure would: no signal that it could catch.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub async fn kill(&mut self) -> Result<(), ProgramError> {
        self.child.kill().await.map_err(|error| ProgramError::NotStarted(self.name, error))
    }

    /// Asks it to stop (SIGTERM) and waits until it has.
    ///
    /// # Errors
    ///
    /// When it does not stop within ten seconds; then it is killed.
    pub async fn stop(&mut self) -> Result<Death, ProgramError> {
        self.ask_to_stop();
        if let Ok(death) = timeout(STOP_WITHIN, self.wait()).await {
            return death;
        }
        self.kill().await?;
        Err(ProgramError::NotStopped(self.name, self.lines.last()))
    }

    #[cfg(unix)]
    fn ask_to_stop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself in this very moment: that is fine too.
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    #[cfg(not(unix))]
    fn ask_to_stop(&mut self) {
        let _ = self.child.start_kill();
    }
}

/// What a program writes, its last lines kept, and shown under its name where that is wanted.
#[derive(Clone, Debug)]
struct Lines {
    kept: Arc<Mutex<VecDeque<String>>>,
    shown_as: Option<&'static str>,
}

impl Lines {
    fn new(shown_as: Option<&'static str>) -> Self {
        Self { kept: Arc::default(), shown_as }
    }

    fn last(&self) -> Vec<String> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn push(&self, line: String) {
        if let Some(name) = self.shown_as {
            let short: String = line.chars().take(SHOWN_CHARACTERS_MAX).collect();
            // Nobody may be reading our output: no reason to stop reading the program's.
            let _ = writeln!(io::stdout(), "{name:<8} {short}");
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(line);
        if kept.len() > LAST_LINES_MAX {
            kept.pop_front();
        }
    }
}

async fn read_lines(
    from: impl AsyncRead + Unpin,
    lines: Lines,
    mut ready: Option<(String, mpsc::Sender<String>)>,
) {
    let mut from = BufReader::new(from);
    let mut bytes = Vec::new();
    while matches!(from.read_until(b'\n', &mut bytes).await, Ok(count) if count > 0) {
        let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        bytes.clear();
        let rest = ready.as_ref().and_then(|(start, _)| line.strip_prefix(start.as_str()));
        let rest = rest.map(str::to_owned);
        if let Some((rest, (_, send))) = rest.and_then(|rest| ready.take().map(|it| (rest, it))) {
            let _ = send.send(rest).await;
        }
        lines.push(line);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    async fn start_script(script: &str) -> Result<(Program, String), ProgramError> {
        Program::start("script", Command::new("sh").args(["-c", script]), "ready on ", false).await
    }

    #[tokio::test]
    async fn a_program_is_ready_when_it_says_so() {
        let (mut program, rest) =
            start_script("echo hello; echo 'ready on port 1'; exec sleep 60").await.unwrap();
        assert_eq!(rest, "port 1");
        let death = program.stop().await.unwrap();
        assert_eq!(death.status.code(), None, "sleep does not catch the signal");
        assert_eq!(death.last_lines, ["hello", "ready on port 1"]);
    }

    #[tokio::test]
    async fn a_program_that_ends_early_is_quoted() {
        let error = start_script("echo 'no key in it' >&2; exit 3").await.expect_err("it ended");
        let text = error.to_string();
        assert!(text.starts_with("script ended (exit status: 3)"), "{text}");
        assert!(text.ends_with("\n  no key in it"), "{text}");
    }

    #[tokio::test]
    async fn a_program_that_ends_later_is_noticed_with_its_last_lines() {
        let (mut program, _) = start_script("echo 'ready on x'; echo bye; exit 1").await.unwrap();
        let death = program.wait().await.unwrap();
        assert_eq!(death.status.code(), Some(1));
        assert_eq!(death.last_lines, ["ready on x", "bye"]);
    }

    #[tokio::test]
    async fn a_program_that_does_not_exist_is_named() {
        let mut command = Command::new("./no-such-program");
        let error = Program::start("ghost", &mut command, "", false).await.expect_err("no file");
        assert!(error.to_string().starts_with("ghost did not start"), "{error}");
    }
}
