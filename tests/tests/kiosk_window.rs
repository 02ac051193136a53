//! The kiosk in a window: real clicks on a desk without a screen (Xvfb), and the same pixels on
//! every display.
//!
//! Ignored by default, because the window needs SDL2 and Xvfb: `cargo xtask test --only window`
//! sees to both.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![cfg(target_os = "linux")]

#[expect(dead_code, reason = "each test file uses its own part of the till")]
mod till;

use embedded_graphics::geometry::{Point, Size};
use saoma_kiosk::app::Key;
use saoma_tests::qr_texts;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use till::{Mirror, PATIENCE, Till};
use tokio::io::{AsyncBufReadExt as _, BufReader as AsyncReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

const SIZE: Size = Size::new(480, 320);
/// Red, green and blue of a picture, in reading order.
type Rgb = Vec<u8>;

/// A desk without a screen.
struct Desktop {
    name: String,
    memory: PathBuf,
    _server: Child,
}

impl Desktop {
    async fn start(till: &Till) -> Self {
        let folder = till.path("xvfb");
        fs::create_dir(&folder).unwrap();
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "800x600x24"]);
        command.arg("-fbdir").arg(&folder).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = command.kill_on_drop(true).spawn().unwrap();
        let mut lines = AsyncReader::new(server.stdout.take().unwrap()).lines();
        let number = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        let memory = folder.join("Xvfb_screen0");
        Self { name: format!(":{}", number.trim()), memory, _server: server }
    }

    /// What `xdotool` says.
    async fn xdotool(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("xdotool");
        let output = command.args(arguments).env("DISPLAY", &self.name).output().await.unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Where the window is.
    async fn window(&self) -> Point {
        let found = async {
            loop {
                let arguments = ["search", "--name", "Saoma kiosk", "getwindowgeometry", "--shell"];
                let text = self.xdotool(&arguments).await;
                let number = |name: &str| {
                    let line = text.lines().find_map(|line| line.strip_prefix(name));
                    line.and_then(|digits| digits.parse::<i32>().ok())
                };
                if let (Some(x), Some(y)) = (number("X="), number("Y=")) {
                    return Point::new(x, y);
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, found).await.expect("a window")
    }

    async fn click(&self, at: Point) {
        let (x, y) = (at.x.to_string(), at.y.to_string());
        self.xdotool(&["mousemove", &x, &y, "click", "1"]).await;
    }

    /// A part of the screen, from the file that Xvfb keeps it in (X's XWDFile.h).
    fn picture(&self, at: Point, size: Size) -> Rgb {
        let bytes = fs::read(&self.memory).unwrap();
        let word = |index: usize| {
            let word = bytes[4 * index..4 * index + 4].try_into().unwrap();
            usize::try_from(u32::from_be_bytes(word)).unwrap()
        };
        // Length of the header, depth and bits of a pixel, bytes of a line, colours in the map.
        let (header, depth, bits, stride, colours) =
            (word(0), word(3), word(11), word(12), word(19));
        assert_eq!((depth, bits), (24, 32));
        let start = header + colours * 12;
        let (left, top) = (usize::try_from(at.x).unwrap(), usize::try_from(at.y).unwrap());
        let (width, height) = (size.width as usize, size.height as usize);
        let lines = (top..top + height).flat_map(|y| {
            let from = start + y * stride + left * 4;
            bytes[from..from + width * 4].chunks_exact(4)
        });
        lines.flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect()
    }
}

/// Waits for a line of a kiosk's log.
async fn until_logged(log: &Path, words: &str) {
    let seen = async {
        while !fs::read_to_string(log).unwrap_or_default().contains(words) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let seen = timeout(PATIENCE, seen).await;
    seen.unwrap_or_else(|_| panic!("no {words}: {}", fs::read_to_string(log).unwrap()));
}

fn read_png(path: &Path) -> Rgb {
    let decoder = png::Decoder::new(BufReader::new(File::open(path).unwrap()));
    let mut reader = decoder.read_info().unwrap();
    let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut rgb).unwrap();
    rgb
}

fn write_png(path: &Path, rgb: &[u8]) {
    let file = BufWriter::new(File::create(path).unwrap());
    let mut encoder = png::Encoder::new(file, SIZE.width, SIZE.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(rgb).unwrap();
}

/// A panel that is a file, and its touches, that are another one.
struct Panel {
    memory: PathBuf,
    finger: File,
    _kiosk: Child,
}

impl Panel {
    async fn start(till: &Till) -> Self {
        let (memory, touch) = (till.path("panel"), till.path("touch"));
        let made = Command::new("mkfifo").arg(&touch).status().await.unwrap();
        assert!(made.success());
        let program = saoma_tests::binary("saoma-kiosk").unwrap();
        let mut command = till.command(&program, &till.desk.server_url(), "panel.journal");
        let (width, height) = (SIZE.width, SIZE.height);
        let display = format!("fb:{}?size={width}x{height}&format=xrgb8888", memory.display());
        let range = format!("x=0..{}&y=0..{}", width - 1, height - 1);
        command.args(["--display", &display, "--touch", &format!("{}?{range}", touch.display())]);
        let log = File::create(till.path("panel.log")).unwrap();
        let kiosk = command.stderr(log).spawn().unwrap();
        // Open at both ends before anybody reads to its end.
        let finger = tokio::task::spawn_blocking(move || File::options().write(true).open(touch));
        let finger = timeout(PATIENCE, finger).await.unwrap().unwrap().unwrap();
        Self { memory, finger, _kiosk: kiosk }
    }

    /// A tap, as a touch panel reports it: absolute place, contact, end of the report.
    fn tap(&mut self, at: Point) {
        const REPORT: (u16, u16, i32) = (0, 0, 0);
        let down = [(3, 0, at.x), (3, 1, at.y), (1, 0x14a, 1), REPORT];
        for (kind, code, value) in down.into_iter().chain([(1, 0x14a, 0), REPORT]) {
            let mut event = vec![0; 2 * size_of::<usize>()];
            event.extend(kind.to_ne_bytes());
            event.extend(code.to_ne_bytes());
            event.extend(value.to_ne_bytes());
            self.finger.write_all(&event).unwrap();
        }
    }

    fn picture(&self) -> Rgb {
        let pixels = fs::read(&self.memory).unwrap();
        let pixels =
            pixels.chunks_exact(4).map(|pixel| u32::from_ne_bytes(pixel.try_into().unwrap()));
        pixels
            .flat_map(|pixel| {
                let [_, r, g, b] = pixel.to_be_bytes();
                [r, g, b]
            })
            .collect()
    }
}

#[tokio::test]
#[ignore = "cargo xtask test --only window"]
async fn clicks_buy_in_a_window_and_every_display_shows_the_same_pixels() {
    let program = PathBuf::from(std::env::var_os("SAOMA_KIOSK_WINDOW").unwrap());
    let till = Till::start().await;
    let desktop = Desktop::start(&till).await;
    let mut command = till.command(&program, &till.desk.server_url(), "window.journal");
    command.args(["--display", "window"]).env("DISPLAY", &desktop.name);
    let log = till.path("window.log");
    let mut window = command.stderr(File::create(&log).unwrap()).spawn().unwrap();
    let corner = desktop.window().await;
    until_logged(&log, "screen=\"attract\"").await;

    let mut mirror = Mirror::new(SIZE);
    let start = mirror.touch(Key::Start);
    desktop.click(corner + start).await;
    until_logged(&log, "screen=\"menu\"").await;
    let mut panel = Panel::start(&till).await;
    until_logged(&till.path("panel.log"), "screen=\"attract\"").await;
    panel.tap(start);
    until_logged(&till.path("panel.log"), "screen=\"menu\"").await;
    let mut pictures = till.kiosk(&till.desk.server_url(), &[]);
    pictures.until("attract").await;
    pictures.key("start").await;
    let menu = read_png(pictures.until("menu").await.after("png").as_ref());
    // The last pixels may still be on their way.
    sleep(Duration::from_millis(500)).await;
    assert!(desktop.picture(corner, SIZE) == menu, "the window shows other pixels");
    assert!(panel.picture() == menu, "the panel shows other pixels");

    for key in [Key::Item(0), Key::Item(1), Key::Basket, Key::Pay] {
        desktop.click(corner + mirror.touch(key)).await;
        sleep(Duration::from_millis(100)).await;
    }
    until_logged(&log, "screen=\"qr\"").await;
    sleep(Duration::from_millis(500)).await;
    let shot = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kiosk-window-qr.png");
    write_png(&shot, &desktop.picture(corner, SIZE));
    let codes = qr_texts(&shot).unwrap();
    let [code_url] = codes.as_slice() else { panic!("{codes:?}") };
    till.desk.pay(code_url).await.unwrap();
    until_logged(&log, "screen=\"take\"").await;
    let orders = till.orders().await;
    let [order_id] = orders.as_slice() else { panic!("{orders:?}") };
    till.until_phase(order_id, "shipped").await;
    let job = format!("ship-{order_id}");
    assert_eq!(till.ledger(), [format!("begin {job} 1*1,2*1"), format!("out {job}")]);

    // Escape closes the window, and with it the program.
    desktop.xdotool(&["key", "Escape"]).await;
    let ended = timeout(PATIENCE, window.wait()).await.unwrap().unwrap();
    assert!(ended.success(), "{ended}");
    till.desk.stop().await.unwrap();
}
