//! Everything around a board: sandbox and server, bridge, line and dispenser.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use saoma_tests::{Desk, Options, Shop, qr_texts};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::PATIENCE;
use super::board::{Board, SELECT, UP};
use super::line::Line;
use super::machine::Machine;

/// A terminal with all that it needs.
pub(crate) struct Stand {
    pub(crate) desk: Desk,
    pub(crate) line: Line,
    pub(crate) machine: Machine,
    pub(crate) board: Option<Board>,
    /// The deepest stack that the board has told of, in bytes, and all that it has.
    pub(crate) stack: (usize, usize),
    bridge: Option<Child>,
    log: (mpsc::UnboundedSender<String>, mpsc::UnboundedReceiver<String>),
    /// What the bridge has said, for when something goes wrong.
    said: Vec<String>,
    device_key: String,
    folder: TempDir,
}

impl Stand {
    /// Starts everything, with an empty memory card in the board.
    pub(crate) async fn start() -> Self {
        let shop = Shop::Webhook("http://127.0.0.1:9/".to_owned());
        let desk = Desk::start(Options { shop, ..Options::default() }).await.unwrap();
        let device_key = desk.device_key("kiosk-1").await.unwrap();
        until_it_opens(&desk, &device_key).await;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("device.key"), &device_key).unwrap();
        let at = |name: &str| folder.path().join(name);
        let line = Line::start([&at("terminal"), &at("bridge")]);
        let machine = Machine::start(&at("dispenser"));
        let log = mpsc::unbounded_channel();
        let (bridge, board, said, stack) = (None, None, Vec::new(), (0, 0));
        let mut stand =
            Self { desk, line, machine, board, stack, bridge, log, said, device_key, folder };
        stand.start_bridge();
        stand.plug_in().await;
        stand
    }

    pub(crate) async fn plug_in(&mut self) {
        self.board = Some(Board::start(self.folder.path()).await);
    }

    /// The power goes.
    pub(crate) async fn unplug(&mut self) {
        self.board.take().expect("it is plugged in").unplug().await;
        // What the board had said before that says nothing about what comes.
        sleep(Duration::from_millis(50)).await;
        while let Ok(line) = self.log.1.try_recv() {
            self.hear(line);
        }
    }

    pub(crate) fn board(&mut self) -> &mut Board {
        self.board.as_mut().expect("it is plugged in")
    }

    pub(crate) fn start_bridge(&mut self) {
        let at = |name: &str| self.folder.path().join(name);
        let mut command = Command::new(saoma_tests::binary("saoma-kiosk-bridge").unwrap());
        command.arg("--serial").arg(format!("unix:{}", at("bridge").display()));
        command.args(["--server", &self.desk.server_url()]);
        command.arg("--device-key-file").arg(at("device.key"));
        let bridge = command.stdout(Stdio::piped()).kill_on_drop(true).spawn();
        let mut bridge = bridge.unwrap();
        let mut lines = BufReader::new(bridge.stdout.take().unwrap()).lines();
        let log = self.log.0.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let _ = log.send(line);
            }
        });
        self.bridge = Some(bridge);
    }

    pub(crate) async fn kill_bridge(&mut self) {
        self.bridge.take().expect("it runs").kill().await.unwrap();
    }

    fn hear(&mut self, line: String) -> String {
        assert!(!line.contains(&self.device_key), "the bridge tells its key");
        if let Some(words) = line.strip_prefix("terminal: stack ") {
            let mut numbers = words.split(' ').filter_map(|word| word.parse().ok());
            if let (Some(used), Some(all)) = (numbers.next(), numbers.next()) {
                self.stack = (self.stack.0.max(used), all);
            }
        }
        self.said.push(line.clone());
        line
    }

    /// Waits until the board shows one of these pages; gives its name. Any other page of
    /// `forbidden` in between is a failure.
    pub(crate) async fn until(&mut self, pages: &[&str], forbidden: &[&str]) -> String {
        let found = timeout(PATIENCE, async {
            loop {
                let line = self.log.1.recv().await.expect("this end has a sender too");
                let line = self.hear(line);
                let Some(page) = line.strip_prefix("terminal: page ") else { continue };
                let page = page.split(' ').next().unwrap_or_default().to_owned();
                assert!(!forbidden.contains(&page.as_str()), "{page}\n{}", self.last_words());
                if pages.contains(&page.as_str()) {
                    return page;
                }
            }
        })
        .await;
        found.unwrap_or_else(|_| panic!("none of {pages:?} came\n{}", self.last_words()))
    }

    /// What the bridge has said lately.
    pub(crate) fn last_words(&self) -> String {
        self.said[self.said.len().saturating_sub(60)..].join("\n")
    }

    /// From the attract screen, or from an order's end, to a code, which is read from the display.
    pub(crate) async fn order(&mut self) -> String {
        self.board().press(SELECT).await;
        self.until(&["menu"], &[]).await;
        for button in [SELECT, UP, UP, UP, SELECT] {
            self.board().press(button).await;
        }
        self.until(&["basket"], &[]).await;
        self.board().press(SELECT).await;
        self.until(&["qr"], &["help", "failed"]).await;
        self.code().await
    }

    /// Waits until the display shows no code: nobody watches it.
    pub(crate) async fn until_no_code(&mut self) {
        let gone = timeout(PATIENCE, async {
            loop {
                let screen = self.board().screen("no-code").await;
                if matches!(qr_texts(&screen).as_deref(), Ok([])) {
                    return;
                }
                sleep(Duration::from_millis(200)).await;
            }
        });
        assert!(gone.await.is_ok(), "the code stays without a connection");
    }

    /// The code on the display, as a phone reads it.
    pub(crate) async fn code(&mut self) -> String {
        let read = timeout(PATIENCE, async {
            loop {
                let screen = self.board().screen("code").await;
                if let Ok([code]) = qr_texts(&screen).as_deref() {
                    return code.clone();
                }
                sleep(Duration::from_millis(50)).await;
            }
        });
        let code = read.await;
        code.unwrap_or_else(|_| panic!("no code to be read\n{}", self.last_words()))
    }

    /// The phases of all orders, oldest first.
    pub(crate) async fn phases(&self) -> Vec<String> {
        let sql = "select phase from orders order by created_at, order_id";
        self.desk.texts(sql).await.unwrap()
    }

    /// Waits until the server's newest order has come to this phase.
    pub(crate) async fn until_phase(&self, phase: &str) {
        let came = timeout(PATIENCE, async {
            while self.phases().await.last().is_none_or(|last| last != phase) {
                sleep(Duration::from_millis(50)).await;
            }
        });
        if came.await.is_err() {
            panic!("{phase} did not come: {:?}\n{}", self.phases().await, self.last_words());
        }
    }

    /// The promise: nothing came out twice, and nothing that was not paid.
    pub(crate) async fn check(&self) {
        let paid = "select attempt.order_id from attempt join payment \
                    on payment.out_trade_no = attempt.out_trade_no where verdict = 'ship'";
        let paid = self.desk.texts(paid).await.unwrap();
        for (job, times) in self.machine.moved() {
            assert_eq!(times, 1, "{job} came out {times} times\n{}", self.last_words());
            let order_id = job.strip_prefix("ship-").unwrap();
            assert!(paid.iter().any(|id| id == order_id), "{job} was not paid");
        }
    }

    /// Puts a picture where a person finds it.
    pub(crate) fn keep(&self, picture: &PathBuf, name: &str) {
        if let Some(folder) = std::env::var_os("SAOMA_FIRMWARE_PICTURES") {
            let to = PathBuf::from(folder).join(name).with_extension("png");
            std::fs::copy(picture, to).unwrap();
        }
    }

    pub(crate) async fn stop(mut self) {
        self.unplug().await;
        self.kill_bridge().await;
        self.desk.stop().await.unwrap();
    }
}

/// The server learns of a new key within seconds.
async fn until_it_opens(desk: &Desk, key: &str) {
    let url = format!("{}/v1/orders/20261123192600K7Q2M9XB", desk.server_url());
    let opened = timeout(PATIENCE, async {
        while desk.http().get(&url).bearer_auth(key).send().await.unwrap().status() == 401 {
            sleep(Duration::from_millis(100)).await;
        }
    });
    opened.await.expect("the device's key opens");
}
