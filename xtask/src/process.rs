//! Running other programs: shown while they run, and quoted when they fail.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use crate::failure::Failure;
use crate::workspace;

/// How many of a failed program's last lines are kept to be shown again.
const LAST_LINES_MAX: usize = 40;

/// The cargo that runs us, at the root of the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = program(cargo, arguments);
    if io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    command
}

/// Any program, at the root of the workspace.
pub(crate) fn program(name: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(workspace::root());
    command
}

/// Runs a program to its end, showing its output as it comes.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let line = command_line(command);
    println!("    $ {line}");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(Failure::io(format!("cannot start `{line}`")))?;
    let last_lines = Mutex::new(VecDeque::new());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(|| pass_on(out, io::stdout(), &last_lines));
        scope.spawn(|| pass_on(err, io::stderr(), &last_lines));
    });
    let status = child.wait().map_err(Failure::io(format!("cannot wait for `{line}`")))?;
    if status.success() {
        return Ok(());
    }
    let last_lines = last_lines.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Err(Failure::Failed {
        message: format!("`{line}` failed ({status})"),
        last_lines: last_lines.into(),
    })
}

/// Runs a program to its end and gives what it wrote to its standard output. Nothing is shown.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let line = command_line(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(Failure::io(format!("cannot start `{line}`")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(Failure::Failed {
        message: format!("`{line}` failed ({}): {}", output.status, stderr.trim()),
        last_lines: stderr.lines().map(str::to_owned).collect(),
    })
}

/// Copies lines from a child to our own output and remembers the last of them.
fn pass_on(from: Option<impl Read>, mut to: impl Write, last_lines: &Mutex<VecDeque<String>>) {
    let Some(from) = from else { return };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while matches!(from.read_until(b'\n', &mut line), Ok(read) if read > 0) {
        // When nobody reads our output any more the program still has to be drained to its end.
        let _ = to.write_all(&line).and_then(|()| to.flush());
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        if let Ok(mut kept) = last_lines.lock() {
            kept.push_back(text);
            if kept.len() > LAST_LINES_MAX {
                kept.pop_front();
            }
        }
        line.clear();
    }
}

/// A program and its arguments as one would type them, paths shortened to the file name.
fn command_line(command: &Command) -> String {
    let name = std::path::Path::new(command.get_program());
    let name = name.file_name().unwrap_or(command.get_program()).to_string_lossy();
    let root = format!("{}/", workspace::root().display());
    let arguments = command.get_args().map(|one| one.to_string_lossy().replace(&root, ""));
    std::iter::once(name.into_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_program_is_named_with_its_last_lines() {
        let failure = run(&mut program("sh", &["-c", "echo one; echo two >&2; exit 3"]))
            .expect_err("exit code 3 is a failure");
        let Failure::Failed { message, mut last_lines } = failure else {
            panic!("a failed program is not a usage error")
        };
        last_lines.sort();
        assert_eq!(last_lines, ["one", "two"]);
        assert!(message.starts_with("`sh -c echo one;"), "{message}");
        assert!(message.contains('3'), "{message}");
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let failure = run(&mut program("no-such-program", &[])).expect_err("it does not exist");
        assert!(failure.to_string().starts_with("cannot start `no-such-program`"), "{failure}");
    }

    #[test]
    fn output_gives_what_the_program_wrote() {
        let text = output(&mut program("sh", &["-c", "printf hello"])).expect("it succeeds");
        assert_eq!(text, "hello");
    }
}
