//! The Linux program from outside: what it says, what it writes, how it ends. What needs a server
//! is tested with the real one, in the workspace's `tests/`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcgetattr, tcsetwinsize},
};
use std::{
    fs::{self, File},
    io::Read as _,
    net::TcpListener,
    os::{fd::OwnedFd, unix::fs::PermissionsExt as _, unix::net::UnixDatagram},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};
use tempfile::TempDir;

const KEY: &str = "k1ZJq7wT0x9yAbCdEfGh";

/// A folder with a key, and what is given to every kiosk in it.
struct Desk {
    folder: TempDir,
    common: Vec<String>,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("device.key");
        fs::write(&key, format!("{KEY}\n")).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let file = |name: &str| folder.path().join(name).display().to_string();
        let common = [
            "--server".to_owned(),
            nobody(),
            "--device-key-file".to_owned(),
            file("device.key"),
            "--journal".to_owned(),
            file("journal"),
        ];
        Self { common: common.into(), folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn png(&self) -> String {
        format!("png:{}", self.path("screens"))
    }

    fn kiosk(&self, arguments: &[&str]) -> Command {
        let mut command = kiosk(&[]);
        command.args(&self.common).args(arguments);
        command
    }

    fn pictures(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.folder.path().join("screens")) else { return vec![] };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.ends_with(".png")).collect();
        names.sort();
        names
    }
}

fn kiosk(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_saoma-kiosk"));
    for name in ["CONFIG", "KEY_FILE", "SERVER", "JOURNAL"] {
        command.env_remove(format!("SAOMA_KIOSK_{name}"));
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

fn output(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// An address where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..600 {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("it did not come so far: {what}");
}

fn tell(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), signal).unwrap();
}

#[test]
fn help_explains_displays_keys_dispensers_configuration_and_exit_codes() {
    let (code, text, _) = output(&mut kiosk(&["--help"]));
    assert_eq!(code, Some(0));
    for word in [
        "--device-key-file",
        "png:DIR",
        "drm:/dev/dri/card0",
        "serial:PORT",
        "screen SCREEN",
        "[[menu]]",
        "Exit code",
        "Ctrl-C",
        "price-fen",
    ] {
        assert!(text.contains(word), "{word} in:\n{text}");
    }
}

#[test]
fn what_is_missing_is_said_and_nothing_is_written() {
    let desk = Desk::new();
    let (code, stdout, stderr) = output(&mut kiosk(&["--display", &desk.png()]));
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("--device-key-file"), "{stderr}");
    assert!(desk.pictures().is_empty());
    let (code, _, stderr) = output(&mut desk.kiosk(&[]));
    assert_eq!(code, Some(1));
    assert!(stderr.contains("--display"), "{stderr}");
}

#[test]
fn a_bad_key_file_is_named_and_its_content_is_not() {
    let desk = Desk::new();
    fs::write(desk.path("two.key"), format!("{KEY}\n{KEY}2\n")).unwrap();
    for name in ["two.key", "missing.key"] {
        let arguments = ["--display", &desk.png(), "--device-key-file", &desk.path(name)];
        let (code, _, stderr) = output(&mut desk.kiosk(&arguments));
        assert_eq!(code, Some(1));
        assert!(stderr.contains(name) && !stderr.contains(KEY), "{stderr}");
    }
}

#[test]
fn wrong_arguments_end_with_2_and_wrong_configurations_name_the_key() {
    for arguments in [
        vec!["--display", "tv"],
        vec!["--display", "png:x", "--size", "0x0"],
        vec!["--dispenser", "robot"],
    ] {
        assert_eq!(output(&mut kiosk(&arguments)).0, Some(2), "{arguments:?}");
    }
    let desk = Desk::new();
    let file = desk.path("kiosk.toml");
    for (text, named) in [("displai = \"window\"", "`displai`"), ("rotate = 45", "--rotate")] {
        fs::write(&file, text).unwrap();
        let (code, _, stderr) = output(&mut kiosk(&["--config", &file]));
        assert_eq!(code, Some(1));
        assert!(stderr.contains("kiosk.toml") && stderr.contains(named), "{stderr}");
    }
}

#[test]
fn a_configuration_is_checked_without_starting() {
    let desk = Desk::new();
    let file = desk.path("kiosk.toml");
    fs::write(&file, format!("display = \"{}\"\n", desk.png())).unwrap();
    let (code, stdout, _) = output(&mut desk.kiosk(&["--config", &file, "--check-config"]));
    assert_eq!(code, Some(1), "nobody listens: {stdout}");
    assert!(stdout.contains("WRONG  server: cannot reach"), "{stdout}");
    assert_eq!(stdout.matches("WRONG").count(), 1, "{stdout}");
    assert!(desk.pictures().is_empty() && !stdout.contains(KEY));
}

#[test]
fn without_a_server_it_shows_that_it_is_offline_and_goes_on_until_it_is_stopped() {
    let desk = Desk::new();
    let mut command = desk.kiosk(&["--display", &desk.png(), "--log", "json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let is_offline = || desk.pictures().last().is_some_and(|name| name.ends_with("-offline.png"));
    wait_until("offline", is_offline);
    // Long enough for some tries.
    thread::sleep(Duration::from_millis(2_000));
    assert!(is_offline(), "{:?}", desk.pictures());
    tell(&child, Signal::TERM);
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    assert_eq!(status.code(), Some(0));
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    let screens = stdout.lines().filter(|line| line.starts_with("screen offline png ")).count();
    assert_eq!(screens, 1, "{stdout}");
    assert_eq!(stderr.matches("cannot reach").count(), 1, "said once: {stderr}");
    for line in stderr.lines() {
        assert!(line.starts_with("{\"timestamp\":\"") && line.ends_with('}'), "{line}");
    }
    assert!(!stdout.contains(KEY) && !stderr.contains(KEY));
}

#[test]
fn a_second_kiosk_with_the_same_journal_does_not_start() {
    let desk = Desk::new();
    let mut first = desk.kiosk(&["--display", &desk.png()]).stderr(Stdio::null()).spawn().unwrap();
    wait_until("a picture", || !desk.pictures().is_empty());
    let (code, _, stderr) = output(&mut desk.kiosk(&["--display", &desk.png()]));
    assert_eq!(code, Some(1));
    assert!(stderr.contains("in use"), "{stderr}");
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn systemd_hears_that_it_is_ready_that_it_lives_and_that_it_stops() {
    let desk = Desk::new();
    let socket = desk.path("notify");
    let listener = UnixDatagram::bind(&socket).unwrap();
    listener.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut command = desk.kiosk(&["--display", &desk.png()]);
    command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "400000").stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let heard = || {
        let mut bytes = [0; 64];
        let count = listener.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    };
    assert_eq!(heard(), "READY=1");
    assert_eq!([heard(), heard()], ["WATCHDOG=1", "WATCHDOG=1"]);
    tell(&child, Signal::TERM);
    while heard() != "STOPPING=1" {}
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_terminal_is_given_back_as_it_was() {
    let desk = Desk::new();
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, vec![]).unwrap().into_string().unwrap();
    let theirs = || File::options().read(true).write(true).open(&name).unwrap();
    let (ws_row, ws_col) = (24, 80);
    tcsetwinsize(&ours, Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let kept = theirs();
    let before = format!("{:?}", tcgetattr(&kept).unwrap());
    let written = listen(ours);
    for signal in [Signal::TERM, Signal::HUP] {
        let mut command = desk.kiosk(&["--display", "terminal"]);
        command.stdin(theirs()).stdout(theirs()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // Sextants: the smallest screen has more pixels than half blocks would show.
        wait_until("a picture", || written.lock().unwrap().contains('\u{1fb0b}'));
        assert_ne!(format!("{:?}", tcgetattr(&kept).unwrap()), before, "it is raw");
        tell(&child, signal);
        assert!(child.wait().unwrap().success());
        wait_until("the end", || written.lock().unwrap().ends_with("\x1b[?1049l"));
        assert_eq!(format!("{:?}", tcgetattr(&kept).unwrap()), before);
        written.lock().unwrap().clear();
    }
}

/// All that is written to a pseudo terminal.
fn listen(ours: OwnedFd) -> Arc<Mutex<String>> {
    let (written, theirs) = (Arc::new(Mutex::new(String::new())), Arc::new(Mutex::new(())));
    let heard = written.clone();
    thread::spawn(move || {
        let _kept = theirs;
        let (mut ours, mut bytes, mut rest) = (File::from(ours), [0; 4096], vec![]);
        while let Ok(count @ 1..) = ours.read(&mut bytes) {
            rest.extend(&bytes[..count]);
            // A character may come in two pieces.
            let valid = match std::str::from_utf8(&rest) {
                Ok(text) => text.len(),
                Err(error) => error.valid_up_to(),
            };
            let whole: Vec<u8> = rest.drain(..valid).collect();
            heard.lock().unwrap().push_str(std::str::from_utf8(&whole).unwrap());
        }
    });
    written
}

#[test]
fn a_terminal_that_is_none_or_too_small_is_refused() {
    let desk = Desk::new();
    let (code, _, stderr) = output(&mut desk.kiosk(&["--display", "terminal"]));
    assert_eq!(code, Some(1));
    assert!(stderr.contains("no terminal"), "{stderr}");
}

#[test]
fn a_framebuffer_goes_black_when_it_stops() {
    let desk = Desk::new();
    let file = desk.path("fb");
    let display = format!("fb:{file}?size=320x240&format=rgb565");
    let mut command = desk.kiosk(&["--display", &display]);
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let is_lit = || {
        let bytes = fs::read(Path::new(&file)).unwrap_or_default();
        bytes.len() == 320 * 240 * 2 && bytes.iter().any(|byte| *byte != 0)
    };
    wait_until("a picture", is_lit);
    tell(&child, Signal::INT);
    assert!(child.wait().unwrap().success());
    assert!(!is_lit());
}
