//! The program: its line, its signals, its errors, and that it keeps keys to itself.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use crate::shop::{self, APPID, KEY, MCH_ID};
use tempfile::TempDir;

/// The program, with a folder of its own to work in.
pub(crate) fn program(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_saoma-sandbox"));
    command.env_remove("RUST_LOG").env_remove("SAOMA_SANDBOX_MERCHANT");
    command.current_dir(folder);
    command
}

fn run(arguments: &[&str]) -> Output {
    program(&tempfile::tempdir().unwrap()).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running sandbox that does not outlive its test.
pub(crate) struct Running(
    Child,
    #[expect(dead_code, reason = "removed when dropped")] Option<TempDir>,
);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts it on a free port; gives it, its first line and the rest of its output.
fn start(
    merchant: &str,
    in_variable: bool,
) -> (Running, String, BufReader<std::process::ChildStdout>) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(&folder);
    command.args(["--listen", "127.0.0.1:0", "--seed", "7"]).env("RUST_LOG", "trace");
    if in_variable {
        command.env("SAOMA_SANDBOX_MERCHANT", merchant);
    } else {
        command.args(["--merchant", merchant]);
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    (Running(child, Some(folder)), line, stdout)
}

/// Starts this command; gives the program and its first line.
pub(crate) fn ready(mut command: Command) -> (Running, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (Running(child, None), line)
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn wait(&mut self) {
        self.0.wait().unwrap();
    }
}

#[cfg(unix)]
pub(crate) fn signal(id: u32, name: &str) {
    let killed = Command::new("kill").args([name, &id.to_string()]).status().unwrap();
    assert!(killed.success());
}

/// The exit code, if the program ends within ten seconds.
fn exit_code(child: &mut Child) -> Option<i32> {
    for _ in 0..500 {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

#[cfg(unix)]
#[tokio::test]
async fn it_says_one_line_answers_and_ends_cleanly_on_a_signal() {
    for (name, in_variable) in [("-TERM", false), ("-INT", true)] {
        let merchant = format!("{MCH_ID}:{APPID}:{KEY}:扫码咖啡");
        let (mut running, line, mut stdout) = start(&merchant, in_variable);
        let rest = line.strip_prefix("saoma-sandbox ready on http://127.0.0.1:").unwrap();
        let (port, phone) = rest.trim_end().split_once(" phone ").unwrap();
        assert_ne!(port, "0");
        let base = format!("http://127.0.0.1:{port}");
        assert_eq!(phone, format!("{base}/phone"));

        shop::order(&base, "SM20261123000001", "http://127.0.0.1:9/notify").await;
        let wrong = "<xml><appid>a</appid><mch_id>1</mch_id><nonce_str>n</nonce_str></xml>";
        let client = shop::reqwest_client();
        client.post(format!("{base}/pay/unifiedorder")).body(wrong).send().await.unwrap();
        drop(client);

        signal(running.id(), name);
        assert_eq!(exit_code(&mut running.0), Some(0), "{name}");
        let mut more = String::new();
        stdout.read_to_string(&mut more).unwrap();
        assert_eq!(more, "", "one line and no more");
        let mut log = String::new();
        running.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert!(log.contains("/pay/unifiedorder"), "{log}");
        assert!(!log.contains(KEY), "the log holds the key");
    }
}

#[test]
fn the_help_names_every_option() {
    let help = run(&["--help"]);
    assert!(help.status.success());
    for option in [
        "--listen",
        "--merchant",
        "--merchants",
        "--certificates",
        "--state",
        "--host-name",
        "--notify-schedule",
        "--min-close-s",
        "--seed",
    ] {
        assert!(text(&help.stdout).contains(option), "{option}");
    }
}

#[test]
fn a_key_in_the_variable_is_not_in_the_help() {
    let merchant = format!("{MCH_ID}:{APPID}:{KEY}");
    let folder = tempfile::tempdir().unwrap();
    let help =
        program(&folder).arg("--help").env("SAOMA_SANDBOX_MERCHANT", merchant).output().unwrap();
    assert!(!text(&help.stdout).contains(KEY));
}

#[test]
fn without_a_merchant_it_says_what_is_missing() {
    let output = run(&["--listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--merchant"));
}

#[test]
fn a_bad_merchant_is_named_without_its_key() {
    for (merchant, part) in [
        (format!("x:{APPID}:{KEY}"), "MCH_ID"),
        (format!("{MCH_ID}:{APPID}:{KEY}0"), "KEY"),
        (format!("{MCH_ID}:{KEY}"), "MCH_ID:APPID:KEY"),
    ] {
        let output = run(&["--listen", "127.0.0.1:0", "--merchant", &merchant]);
        assert_eq!(output.status.code(), Some(1));
        let error = text(&output.stderr);
        assert!(error.contains(part), "{error}");
        assert!(!format!("{error}{}", text(&output.stdout)).contains(KEY), "{error}");
    }
}

#[test]
fn a_wrong_file_of_merchants_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.toml");
    std::fs::write(&path, format!("[[merchant]]\nkey = \"{KEY}\"\n")).unwrap();
    let path = path.to_str().unwrap();
    let output = run(&["--listen", "127.0.0.1:0", "--merchants", path]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(error.contains(&format!("{path}: line 1: [[merchant]]: mch_id is missing")), "{error}");
    assert!(!error.contains(KEY));
}

#[cfg(unix)]
#[tokio::test]
async fn the_merchants_of_a_file_and_of_the_command_line_may_call() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(&folder);
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/merchants.example.toml");
    let third = format!("1900000111:{APPID}:{KEY}");
    command.args(["--listen", "127.0.0.1:0", "--merchants", example, "--merchant", &third]);
    let (_running, line) = ready(command);
    let base = line.split(' ').find(|word| word.starts_with("http://")).unwrap().to_owned();
    shop::order(&base, "SM20261123000001", "http://127.0.0.1:9/notify").await;
    let certificates = folder.path().join("saoma-sandbox-certificates");
    for mch_id in [MCH_ID, "1900000110", "1900000111"] {
        assert!(certificates.join(mch_id).join("apiclient_cert.p12").exists(), "{mch_id}");
    }
}

#[test]
fn a_taken_port_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let merchant = format!("{MCH_ID}:{APPID}:{KEY}");
    let output = run(&["--listen", &address, "--merchant", &merchant]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot listen on"));
}

#[test]
fn options_of_time_that_contradict_each_other_are_refused() {
    let merchant = format!("{MCH_ID}:{APPID}:{KEY}");
    for (options, part) in [
        (&["--clock", "standing", "--speed", "2"][..], "--speed"),
        (&["--clock-start", "20261123192600"], "--clock-start"),
        (&["--clock", "standing", "--clock-start", "20261323192600"], "--clock-start"),
        (&["--speed", "0"], "--speed"),
        (&["--faults-per-mille", "1001"], "--faults-per-mille"),
        (&["--chaos", "--faults-per-mille", "1"], "--faults-per-mille"),
    ] {
        let mut arguments = vec!["--listen", "127.0.0.1:0", "--merchant", &merchant];
        arguments.extend(options);
        let output = run(&arguments);
        assert!(!output.status.success(), "{options:?}");
        assert!(text(&output.stderr).contains(part), "{options:?}: {}", text(&output.stderr));
    }
}

#[test]
fn the_help_names_every_fault_with_its_amount() {
    let help = text(&run(&["--help"]).stdout);
    for entry in saoma_sandbox::gateway::CATALOGUE {
        let start = format!("{}  {}", entry.magic_fen, entry.word);
        assert!(help.contains(&start) && help.contains(entry.line), "{}", entry.word);
    }
}
