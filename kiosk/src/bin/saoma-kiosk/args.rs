//! The command line.

use crate::{
    dispenser,
    display::{self, Turn},
    log, touch,
};
use clap::{Parser, ValueEnum};
use embedded_graphics::geometry::Size;
use saoma_kiosk::{app::Keys, texts::Language};
use std::path::PathBuf;

/// A self-service terminal for WeChat Pay: shows a menu, makes an order at a Saoma server, shows
/// its QR code, and hands the goods over once it is paid.
#[derive(Clone, Debug, Parser)]
#[command(
    version,
    about,
    max_term_width = 100,
    args_override_self = true,
    after_long_help = AFTER_HELP
)]
pub(crate) struct Args {
    /// Read options and the menu from this TOML file; options have the same names there. What is
    /// said here or in the environment counts more
    #[arg(long, value_name = "FILE", env = "SAOMA_KIOSK_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// Check the configuration, the key, the menu, the journal and the way to the server, say what
    /// is wrong, and end
    #[arg(long)]
    pub(crate) check_config: bool,

    /// The address of saoma-server
    #[arg(
        long,
        value_name = "URL",
        env = "SAOMA_KIOSK_SERVER",
        default_value = "http://127.0.0.1:8080",
        value_parser = server
    )]
    pub(crate) server: String,

    /// A file with this terminal's key, alone in one line; `saoma-server key add ... --device`
    /// makes it. Never the merchant key
    #[arg(long, value_name = "FILE", env = "SAOMA_KIOSK_KEY_FILE")]
    pub(crate) device_key_file: Option<PathBuf>,

    /// Root certificates in PEM for a server with a private one, instead of the usual roots
    #[arg(long, value_name = "FILE")]
    pub(crate) root_certificate_file: Option<PathBuf>,

    /// Where to show the screens: window[:SCALE], fb:/dev/fb0, drm:/dev/dri/card0, terminal, or
    /// png:DIR for tests
    #[arg(long, value_name = "DISPLAY", value_parser = display::Kind::parse)]
    pub(crate) display: Option<display::Kind>,

    /// The picture's size in pixels, for window, png and terminal; else 480x320, or what the
    /// terminal has
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = display::size)]
    pub(crate) size: Option<Size>,

    /// How far the picture is turned to the right on a panel: 0, 90, 180 or 270 degrees
    #[arg(long, value_name = "DEGREES", default_value_t = Turn::None)]
    pub(crate) rotate: Turn,

    /// A touch panel, /dev/input/eventN. Its range and the way it is mounted can be told:
    /// /dev/input/event0?x=200..3900&y=3900..200&rotate=90
    #[arg(long, value_name = "DEVICE", value_parser = touch::Source::parse)]
    pub(crate) touch: Option<touch::Source>,

    /// How customers press keys; else by arrows in a terminal, and by touch everywhere else
    #[arg(long, value_enum)]
    pub(crate) keys: Option<KeysBy>,

    /// The language to begin with
    #[arg(long, value_enum, default_value_t = Lang::Zh)]
    pub(crate) lang: Lang,

    /// The shop's name, at most 64 bytes
    #[arg(long, value_name = "NAME", default_value = saoma_kiosk::menu::SAMPLE_MERCHANT)]
    pub(crate) merchant: String,

    /// The file that remembers open orders over power cuts, on a disk that survives them; else
    /// `journal` in the STATE_DIRECTORY that systemd gives, or saoma-kiosk.journal here
    #[arg(long, value_name = "FILE", env = "SAOMA_KIOSK_JOURNAL")]
    pub(crate) journal: Option<PathBuf>,

    /// What hands the goods over: simulated, command:PROGRAM, gpio:CHIP:LINE[:MS][:low] or
    /// serial:PORT[:BAUD]
    #[arg(
        long,
        value_name = "DISPENSER",
        default_value = "simulated",
        value_parser = dispenser::Kind::parse
    )]
    pub(crate) dispenser: dispenser::Kind,

    /// After so many seconds it is not known what became of the goods, and the staff are called;
    /// at most 80
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..=80)
    )]
    pub(crate) dispense_within: u64,

    /// After a power cut the command is asked what became of a job: PROGRAM state JOB
    #[arg(long)]
    pub(crate) command_recalls: bool,

    /// How log lines on standard error look
    #[arg(long, value_enum, default_value_t = log::Format::Text)]
    pub(crate) log: log::Format,

    /// Which log lines are written
    #[arg(long, value_enum, default_value_t = log::Level::Info)]
    pub(crate) log_level: log::Level,

    /// With --display png: end with the end of the first order
    #[arg(long)]
    pub(crate) once: bool,
}

const AFTER_HELP: &str = "\
Displays: a picture in memory is the same on all of them.
  window[:SCALE]     a window on the desk; the mouse is the finger (built with --features window)
  fb:/dev/fb0        Linux's framebuffer; what the kernel does not tell can be said:
                     fb:/dev/fb0?size=480x320&format=rgb565&stride=960&offset=0
                     with format rgb565, bgr565, rgb888, xrgb8888 or xbgr8888
  drm:/dev/dri/card0 a panel or monitor by the kernel's mode setting, in the mode it prefers
  terminal           the characters of a terminal with at least 64x22 of them, with its mouse
  png:DIR            NNN-SCREEN.png, a new number for each screen, beginning after the highest in
                     DIR; while a screen moves its picture is replaced, in one step

Keyboard, in a window or a terminal: arrows, Enter, Backspace; 1 to 9 put that item into the
basket; b basket, p pay, c cancel, a again, l language, s staff; Ctrl-C ends it.

With --display png keys are read from standard input, one in each line:
  start, item N, plus N, minus N, page-on, page-back, basket, pay, back, cancel, again, language,
  up, down, left, right, select, staff, done, forget, repaired, touch X Y, quit
and each screen is one line on standard output:
  screen SCREEN [order ID] [code_url URL] png FILE

Dispensers: each job is handed over once; when it cannot be known what became of it, the staff are
called. docs/kiosk.md explains wiring and protocols.
  command:PROGRAM    run with JOB ORDER_NO SHELVES (such as 1*2,4*1). Exit code 0: the goods are
                     out; 10: nothing came out, for sure; any other, or no end in time: unknown
  gpio:CHIP:LINE     a line of /dev/gpiochipN is active for MS milliseconds (500); low: active low
  serial:PORT        says DISPENSE JOB SHELVES and STATE JOB; hears OK JOB, FAILED JOB REASON or
                     UNKNOWN JOB

Configuration file: the options above without dashes before them, and the menu:
  server = \"https://pay.example.com\"
  display = \"drm:/dev/dri/card0\"
  [[menu]]
  no = 1                 # its number for ever: the shelf of the dispenser
  name = \"latte\"
  zh = \"燕麦拿铁\"
  en = \"Oat latte\"
  price-fen = 1800
  picture = \"cup\"        # cup, glass, pot, bottle, bread, cake, bag or parcel

Exit code: 0 it was stopped, or with --once the goods are out; 1 it could not work; 2 wrong
arguments. With --once: 3 cancelled; 4 expired; 5 WeChat did not take the order; 6 the payment goes
back; 7 the staff have to help; 8 stopped before.";

/// How customers press keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeysBy {
    /// They touch the display
    Touch,
    /// With arrows and Enter; the screen shows what is selected
    Arrows,
}

/// A language by its two letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// Chinese
    Zh,
    /// English
    En,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::Zh => Self::Zh,
            Lang::En => Self::En,
        }
    }
}

impl Args {
    /// How keys are pressed on this display.
    pub(crate) fn keys_on(&self, display: &display::Kind) -> Keys {
        match self.keys {
            Some(KeysBy::Touch) => Keys::Touch,
            Some(KeysBy::Arrows) => Keys::Arrows,
            None if *display == display::Kind::Terminal => Keys::Arrows,
            None => Keys::Touch,
        }
    }
}

fn server(text: &str) -> Result<String, String> {
    let address = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let address = address.ok_or("it must begin with http:// or https://")?;
    let host = address.split('/').next().unwrap_or("");
    if host.is_empty() || address.contains(|c: char| c.is_whitespace() || "?#@".contains(c)) {
        return Err("it must be a host and a port, such as http://127.0.0.1:8080".into());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn parse(line: &str) -> Result<Args, String> {
        let words = ["saoma-kiosk"].into_iter().chain(line.split_whitespace());
        Args::try_parse_from(words).map_err(|error| error.to_string())
    }

    #[test]
    fn the_command_line_holds_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_display_is_all_that_has_to_be_said() {
        let args = parse("--display png:screens").unwrap();
        let display = args.display.clone().unwrap();
        assert_eq!(display, display::Kind::Png("screens".into()));
        assert_eq!((args.size, args.rotate, args.lang), (None, Turn::None, Lang::Zh));
        assert_eq!(args.dispenser, dispenser::Kind::Simulated);
        assert_eq!(args.keys_on(&display), Keys::Touch);
        assert_eq!(args.keys_on(&display::Kind::Terminal), Keys::Arrows);
        let args = parse("--display terminal --keys touch").unwrap();
        assert_eq!(args.keys_on(&display::Kind::Terminal), Keys::Touch);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "--display png:",
            "--size 480",
            "--size 100x64",
            "--size 5000x64",
            "--size -1x64",
            "--rotate 45",
            "--server 127.0.0.1:8080",
            "--server http://",
            "--server http://user:pass@host",
            "--lang fr",
            "--dispenser robot",
            "--dispense-within 0",
            "--touch /dev/input/event0?x=1",
            "--log xml",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        let args = parse("--server https://pay.example.com/ --size 128x64");
        assert_eq!(args.unwrap().server, "https://pay.example.com");
    }
}
