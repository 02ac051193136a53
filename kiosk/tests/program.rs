//! The Linux program from outside: what it says, what it writes, how it ends. What needs a server
//! is tested with the real one, in the workspace's `tests/`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};
use tempfile::TempDir;

const KEY: &str = "k1ZJq7wT0x9yAbCdEfGh";

fn kiosk(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_saoma-kiosk"));
    command.args(arguments).env_remove("SAOMA_KIOSK_KEY_FILE").env_remove("SAOMA_KIOSK_SERVER");
    command.stdin(Stdio::null());
    command
}

fn output(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = kiosk(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

fn folder_with_key() -> (TempDir, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("device.key");
    fs::write(&key, format!("{KEY}\n")).unwrap();
    let display = format!("png:{}", folder.path().join("screens").display());
    let key = key.display().to_string();
    (folder, key, display)
}

/// An address where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn pictures(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder.join("screens")) else { return vec![] };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn help_explains_displays_keys_lines_and_exit_codes() {
    let (code, text, _) = output(&["--help"]);
    assert_eq!(code, Some(0));
    for word in
        ["--device-key-file", "png:DIR", "screen SCREEN", "Exit code", "Ctrl-C", "cancel", "latte"]
    {
        assert!(text.contains(word), "{word} in:\n{text}");
    }
}

#[test]
fn without_a_device_key_it_says_what_is_missing_and_writes_nothing() {
    let (folder, _, display) = folder_with_key();
    let (code, stdout, stderr) = output(&["--display", &display]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("--device-key-file"), "{stderr}");
    assert!(pictures(folder.path()).is_empty());
}

#[test]
fn a_bad_key_file_is_named_and_its_content_is_not() {
    let (folder, key, display) = folder_with_key();
    fs::write(&key, format!("{KEY}\n{KEY}2\n")).unwrap();
    let (code, _, stderr) = output(&["--display", &display, "--device-key-file", &key]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("device.key") && !stderr.contains(KEY), "{stderr}");
    let missing = folder.path().join("missing").display().to_string();
    let (code, _, stderr) = output(&["--display", &display, "--device-key-file", &missing]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("missing"), "{stderr}");
}

#[test]
fn wrong_arguments_end_with_2() {
    for arguments in [
        vec![],
        vec!["--display", "window"],
        vec!["--display", "png:x", "--size", "0x0"],
        vec!["--display", "png:x", "--amount-fen", "ten", "--description", "x"],
    ] {
        assert_eq!(output(&arguments).0, Some(2), "{arguments:?}");
    }
}

#[test]
fn goods_that_no_server_would_take_are_refused_before_anything_is_asked() {
    let (_folder, key, display) = folder_with_key();
    let (code, stdout, stderr) = output(&[
        "--display",
        &display,
        "--device-key-file",
        &key,
        "--amount-fen",
        "0",
        "--description",
        "Tea",
    ]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("2147483647"), "{stderr}");
}

#[test]
fn without_a_server_it_shows_that_it_is_offline_and_goes_on_until_it_is_stopped() {
    let (folder, key, display) = folder_with_key();
    let server = nobody();
    let arguments =
        ["--server", &server, "--device-key-file", &key, "--display", &display, "--once"];
    let mut child =
        kiosk(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let expected = ["001-starting.png", "002-offline.png"];
    for _ in 0..100 {
        if pictures(folder.path()) == expected {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    // Long enough for another try.
    thread::sleep(Duration::from_millis(1_500));
    assert!(child.try_wait().unwrap().is_none(), "it gave up");
    child.kill().unwrap();
    let Output { stdout, stderr, .. } = child.wait_with_output().unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!(pictures(folder.path()), expected);
    let screens: Vec<&str> =
        stdout.lines().map(|line| &line[..line.find(" png").unwrap()]).collect();
    assert_eq!(screens, ["screen starting", "screen offline"]);
    assert_eq!(stderr.matches(&server).count(), 1, "said once: {stderr}");
    assert!(!stdout.contains(KEY) && !stderr.contains(KEY));
}
