//! The board in an emulator: started, pressed, looked at, stopped at an instruction, unplugged.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::PATIENCE;

/// Keys of the emulator for the board's buttons.
pub(crate) const SELECT: &str = "ctrl";
pub(crate) const UP: &str = "up";
/// Bytes of the memory card; a power of two.
const CARD: u64 = 1 << 20;
/// How long a button is held, and how long after it the next one may come.
const HOLD_MS: u64 = 120;
const BETWEEN: Duration = Duration::from_millis(250);

/// A running board. Dropped, it is unplugged.
pub(crate) struct Board {
    emulator: Child,
    monitor: Monitor,
    folder: PathBuf,
}

impl Board {
    /// Plugs a board in whose sockets and memory card are in `folder`.
    pub(crate) async fn start(folder: &Path) -> Self {
        let card = folder.join("card.img");
        if !card.exists() {
            std::fs::File::create(&card).unwrap().set_len(CARD).unwrap();
        }
        let at = |name: &str| folder.join(name).display().to_string();
        let listen = |name: &str| format!("unix:{},server=on,wait=off", at(name));
        for name in ["monitor", "debugger"] {
            let _ = std::fs::remove_file(folder.join(name));
        }
        let mut command = Command::new("qemu-system-arm");
        command.args(["-M", "lm3s6965evb", "-display", "none", "-monitor", "none"]);
        command.arg("-kernel").arg(firmware());
        command.args(["-nic", "user,model=stellaris,mac=52:54:00:5a:0a:01,restrict=on"]);
        command.args(["-serial", &format!("unix:{}", at("terminal"))]);
        command.args(["-serial", &format!("unix:{}", at("dispenser"))]);
        command.args(["-drive", &format!("if=sd,format=raw,file={}", card.display())]);
        command.args(["-qmp", &listen("monitor"), "-gdb", &listen("debugger")]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let emulator = command.kill_on_drop(true).spawn();
        let emulator = emulator.expect("qemu-system-arm is installed: cargo xtask firmware test");
        let monitor = Monitor::new(connect(&folder.join("monitor")).await).await;
        Self { emulator, monitor, folder: folder.to_owned() }
    }

    /// The power goes.
    pub(crate) async fn unplug(mut self) {
        self.emulator.kill().await.unwrap();
    }

    pub(crate) async fn press(&mut self, button: &str) {
        let keys = json!([{ "type": "qcode", "data": button }]);
        self.monitor.ask("send-key", json!({ "keys": keys, "hold-time": HOLD_MS })).await;
        sleep(BETWEEN).await;
    }

    /// What is on the display, as a PNG of that name.
    pub(crate) async fn screen(&mut self, name: &str) -> PathBuf {
        let path = self.folder.join(name).with_extension("png");
        let file = path.display().to_string();
        self.monitor.ask("screendump", json!({ "filename": file, "format": "png" })).await;
        path
    }

    /// Stops the board now, and has it stopped again when it has come to an instruction `hits`
    /// times. The board goes on when the debugger is [told to](Debugger::go).
    pub(crate) async fn debugger(&self, address: u32) -> Debugger {
        let stream = connect(&self.folder.join("debugger")).await;
        let mut debugger = Debugger { stream, address };
        debugger.ask("?").await;
        debugger
    }
}

async fn connect(path: &Path) -> UnixStream {
    let connected = async {
        loop {
            if let Ok(stream) = UnixStream::connect(path).await {
                return stream;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, connected).await.expect("the emulator runs")
}

/// The firmware, as `cargo xtask firmware build` leaves it.
pub(crate) fn firmware() -> PathBuf {
    let path = std::env::var_os("SAOMA_FIRMWARE");
    path.expect("SAOMA_FIRMWARE is set by cargo xtask firmware test").into()
}

/// The address of a function of the firmware, whose name contains these parts.
pub(crate) async fn address_of(parts: &[&str]) -> u32 {
    let names = Command::new("nm").arg("-C").arg(firmware()).output().await.unwrap();
    let names = String::from_utf8(names.stdout).unwrap();
    let is_it = |line: &&str| parts.iter().all(|part| line.contains(part)) && line.contains(" t ");
    let mut found = names.lines().filter(is_it);
    let line = found.next().unwrap_or_else(|| panic!("no function {parts:?}"));
    assert_eq!(found.next(), None, "only one function {parts:?}");
    u32::from_str_radix(line.split(' ').next().unwrap(), 16).unwrap()
}

/// The emulator's monitor.
struct Monitor(BufReader<UnixStream>);

impl Monitor {
    async fn new(stream: UnixStream) -> Self {
        let mut monitor = Self(BufReader::new(stream));
        monitor.line().await;
        monitor.ask("qmp_capabilities", json!({})).await;
        monitor
    }

    async fn ask(&mut self, command: &str, arguments: Value) {
        let line = json!({ "execute": command, "arguments": arguments }).to_string() + "\n";
        self.0.get_mut().write_all(line.as_bytes()).await.unwrap();
        loop {
            let answer = self.line().await;
            assert_eq!(answer["error"], Value::Null, "{command}: {answer}");
            if answer["return"] != Value::Null {
                return;
            }
        }
    }

    async fn line(&mut self) -> Value {
        let mut line = String::new();
        timeout(PATIENCE, self.0.read_line(&mut line)).await.unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

/// The emulator's debugger, which speaks GDB's protocol.
pub(crate) struct Debugger {
    stream: UnixStream,
    address: u32,
}

impl Debugger {
    /// Lets the board go on until it has come to the instruction `hits` times. It stands there
    /// then, and the instruction has not been carried out.
    pub(crate) async fn go(&mut self, hits: u32) {
        let point = format!("0,{:x},2", self.address);
        for hit in 0..hits {
            if hit > 0 {
                // Away from the instruction that it stands at.
                self.ask("s").await;
            }
            self.ask(&format!("Z{point}")).await;
            self.ask("c").await;
            self.ask(&format!("z{point}")).await;
        }
    }

    /// Says something and waits for the answer, which to `c` comes when the board stands.
    async fn ask(&mut self, text: &str) -> String {
        let sum = text.bytes().fold(0_u8, u8::wrapping_add);
        self.stream.write_all(format!("${text}#{sum:02x}").as_bytes()).await.unwrap();
        timeout(PATIENCE, self.answer()).await.unwrap_or_else(|_| panic!("no answer to {text}"))
    }

    async fn answer(&mut self) -> String {
        let mut answer = String::new();
        loop {
            let byte = self.stream.read_u8().await.unwrap();
            match byte {
                b'#' => {
                    let mut sum = [0; 2];
                    self.stream.read_exact(&mut sum).await.unwrap();
                    self.stream.write_all(b"+").await.unwrap();
                    return answer;
                }
                b'+' | b'$' => {}
                other => answer.push(char::from(other)),
            }
        }
    }
}
