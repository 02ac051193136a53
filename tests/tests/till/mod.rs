//! A kiosk as a real process on a real desk: its screens, its keys, its journal, and a dispenser
//! that writes down what it does.

use embedded_graphics::geometry::{Point, Size};
use saoma_kiosk::app::{App, Input, Key, Keys, Settings};
use saoma_kiosk::call::OrderNumbers;
use saoma_kiosk::journal::{Journal, RECORD_LEN, Stage};
use saoma_kiosk::layout;
use saoma_kiosk::menu::{MENU, SAMPLE_MERCHANT};
use saoma_kiosk::texts::Language;
use saoma_kiosk::theme::Theme;
use saoma_tests::{Desk, Options};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{sleep, timeout};

/// How long anything may take on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// It writes `begin JOB SHELVES`, takes a moment, and writes `out JOB`; asked for the state of a
/// job it says what it has written.
const DISPENSER: &str = r#"#!/bin/sh
ledger="$(dirname "$0")/ledger"
if [ "$1" = state ]; then
    grep -q "^out $2$" "$ledger" && exit 0
    grep -q "^begin $2 " "$ledger" && exit 1
    exit 10
fi
echo "begin $1 $3" >> "$ledger"
sleep 0.3
echo "out $1" >> "$ledger"
"#;

/// Sandbox and server, a device key, and a folder for a kiosk.
pub(crate) struct Till {
    pub(crate) desk: Desk,
    folder: TempDir,
}

impl Till {
    pub(crate) async fn start() -> Self {
        // Nobody takes the webhook: what a device sells is not told to it.
        let shop = saoma_tests::Shop::Webhook("http://127.0.0.1:9/webhook".into());
        let desk = Desk::start(Options { shop, ..Options::default() }).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("device.key");
        fs::write(&key, desk.device_key("till-1").await.unwrap()).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let program = folder.path().join("dispense");
        fs::write(&program, DISPENSER).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(folder.path().join("ledger"), "").unwrap();
        Self { desk, folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A kiosk's command line, without a display; each name has a journal of its own.
    pub(crate) fn command(&self, program: &Path, server: &str, journal: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["--server", server, "--lang", "en", "--log-level", "debug"]);
        command.arg("--device-key-file").arg(self.path("device.key"));
        command.arg("--journal").arg(self.path(journal));
        command.arg("--dispenser").arg(format!("command:{}", self.path("dispense").display()));
        let log = fs::File::options().create(true).append(true).open(self.path("log")).unwrap();
        command.stderr(log).kill_on_drop(true);
        command
    }

    /// A kiosk that shows pictures and takes keys from its standard input.
    pub(crate) fn kiosk(&self, server: &str, more: &[&str]) -> Kiosk {
        let mut command =
            self.command(&saoma_tests::binary("saoma-kiosk").unwrap(), server, "journal");
        command.arg("--display").arg(format!("png:{}", self.path("screens").display())).args(more);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Kiosk { keys: child.stdin.take().unwrap(), child, lines }
    }

    /// What the dispenser has written.
    pub(crate) fn ledger(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("ledger")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// How often the dispenser has begun.
    pub(crate) fn begun(&self) -> usize {
        self.ledger().iter().filter(|line| line.starts_with("begin ")).count()
    }

    /// The journal as it would be found after a power failure now.
    pub(crate) fn journal(&self) -> Journal {
        let bytes = fs::read(self.path("journal")).unwrap_or_default();
        let slot = |at: usize| bytes.get(at..at + RECORD_LEN).unwrap_or_default();
        Journal::newest([slot(0), slot(4096)])
    }

    /// Waits until the newest order has come so far in the journal.
    pub(crate) async fn until_stage(&self, is_it: fn(&Stage) -> bool) {
        let seen = async {
            while !self.journal().entries.last().is_some_and(|entry| is_it(&entry.stage)) {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("{}", self.last_words()));
    }

    /// Waits until nothing stands in the journal any more.
    pub(crate) async fn until_settled(&self) {
        let seen = async {
            while !self.journal().entries.is_empty() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("{}", self.last_words()));
    }

    /// The order as the server sees it, once it is in this phase.
    pub(crate) async fn until_phase(&self, order_id: &str, phase: &str) -> Value {
        let seen = async {
            loop {
                let view = self.desk.server_get(&format!("/v1/orders/{order_id}")).await.unwrap();
                if view["phase"] == phase {
                    return view;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        let seen = timeout(PATIENCE, seen).await;
        seen.unwrap_or_else(|_| panic!("never {phase}: {}", self.last_words()))
    }

    /// All orders that the server knows.
    pub(crate) async fn orders(&self) -> Vec<String> {
        self.desk.texts("select order_id from orders order by order_id").await.unwrap()
    }

    /// The end of the kiosk's log, and no key in all of it.
    pub(crate) fn last_words(&self) -> String {
        let log = fs::read_to_string(self.path("log")).unwrap();
        let key = fs::read_to_string(self.path("device.key")).unwrap();
        assert!(!log.contains(key.trim()), "the key is in the log");
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

/// A running kiosk.
pub(crate) struct Kiosk {
    child: Child,
    keys: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Kiosk {
    /// Types a line.
    pub(crate) async fn key(&mut self, line: &str) {
        self.keys.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// Waits for a screen; the line that tells of it.
    pub(crate) async fn until(&mut self, screen: &str) -> Shown {
        self.until_any(&[screen]).await
    }

    async fn until_any(&mut self, screens: &[&str]) -> Shown {
        let seen = async {
            let mut before = vec![];
            while let Some(line) = self.lines.next_line().await.unwrap() {
                if line.split(' ').nth(1).is_some_and(|screen| screens.contains(&screen)) {
                    return Ok(Shown(line));
                }
                before.push(line);
            }
            Err(before)
        };
        let seen = timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("never {screens:?}"));
        seen.unwrap_or_else(|before| panic!("it ended before {screens:?}: {before:?}"))
    }

    /// As a power failure would.
    pub(crate) async fn cut_power(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Says `quit`, and it ends well.
    pub(crate) async fn quit(mut self) {
        self.key("quit").await;
        self.ends_with(0).await;
    }

    /// Waits for its end.
    pub(crate) async fn ends_with(mut self, code: i32) {
        let status = timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(code), "{status}");
    }

    /// From the first screen to the code, for one of the first item. Goods of an order before may
    /// come out first.
    pub(crate) async fn order(&mut self) -> Shown {
        let first = self.until_any(&["attract", "take"]).await;
        let begin = if first.after("screen") == "take" { "again" } else { "start" };
        for line in [begin, "item 1", "basket", "pay"] {
            self.key(line).await;
        }
        self.until("qr").await
    }
}

/// A screen, as a line told of it.
pub(crate) struct Shown(String);

impl Shown {
    /// The word after this one.
    pub(crate) fn after(&self, word: &str) -> String {
        let mut words = self.0.split(' ').skip_while(|w| *w != word).skip(1);
        words.next().unwrap_or_else(|| panic!("no {word} in {}", self.0)).to_owned()
    }
}

/// The same app beside the kiosk, given the same keys: it knows where they are on the screen.
pub(crate) struct Mirror {
    app: App,
    size: Size,
}

impl Mirror {
    pub(crate) fn new(size: Size) -> Self {
        let settings = Settings {
            size,
            keys: Keys::Touch,
            language: Language::En,
            merchant: SAMPLE_MERCHANT,
            menu: &MENU,
            numbers: OrderNumbers::new("MIRROR").unwrap(),
        };
        let mut app = App::new(settings, Journal::default());
        let _ = app.handle(Input::Tick, 0);
        Self { app, size }
    }

    /// Where to touch for a key of this screen; the key is pressed here, too.
    pub(crate) fn touch(&mut self, key: Key) -> Point {
        let screen = self.app.screen();
        let plan = layout::plan(screen, self.size, &Theme::COLOUR);
        let area = plan.keys.iter().find(|(_, known)| *known == key);
        let at = area.map(|(area, _)| area.center());
        let at = at.unwrap_or_else(|| panic!("{key:?} is not on {}", screen.page.name()));
        drop(plan);
        assert_eq!(layout::key_at(screen, self.size, at), Some(key), "another one lies over it");
        let _ = self.app.handle(Input::Touch(at), 1);
        at
    }
}
