//! The command line.

use clap::{Parser, ValueEnum};
use embedded_graphics::geometry::Size;
use saoma_core::money::Fen;
use saoma_kiosk::{
    call::Goods,
    layout::{SIZE_MAX, SIZE_MIN},
    menu::{self, MENU},
    texts::Language,
};
use std::path::PathBuf;

/// A self-service terminal for WeChat Pay: makes an order at a Saoma server, shows its QR code,
/// and says when it is paid.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The address of saoma-server
    #[arg(
        long,
        value_name = "URL",
        env = "SAOMA_KIOSK_SERVER",
        default_value = "http://127.0.0.1:8080",
        value_parser = server
    )]
    pub(crate) server: String,

    /// A file with this terminal's key: one of the server's shop keys, alone in one line.
    /// Never the merchant key
    #[arg(long, value_name = "FILE", env = "SAOMA_KIOSK_KEY_FILE")]
    pub(crate) device_key_file: Option<PathBuf>,

    /// Where to show the screens: png:DIR writes each as a numbered picture into DIR
    #[arg(long, value_name = "DISPLAY", value_parser = display)]
    pub(crate) display: Display,

    /// The display's size in pixels
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "480x320", value_parser = size)]
    pub(crate) size: Size,

    /// The language to begin with
    #[arg(long, value_enum, default_value_t = Lang::Zh)]
    pub(crate) lang: Lang,

    /// What to sell, from the built-in menu: latte, pour-over, jasmine, egg-tart and others
    #[arg(long, value_name = "NAME", default_value = "latte", value_parser = item)]
    item: &'static menu::Item,

    /// Sell something else: its price in fen (1 yuan = 100 fen)
    #[arg(long, value_name = "FEN", requires = "description", conflicts_with = "item")]
    amount_fen: Option<u64>,

    /// Sell something else: what it is, 1 to 127 bytes; the customer reads it
    #[arg(long, value_name = "TEXT", requires = "amount_fen", conflicts_with = "item")]
    description: Option<String>,

    /// End with the first order, without reading keys
    #[arg(long)]
    pub(crate) once: bool,
}

const AFTER_HELP: &str = "\
Pictures: NNN-SCREEN.png, a new number for each screen, beginning after the highest in DIR.
While the time left runs, the newest picture is replaced once a second, in one step.

Standard output: one line for each screen,
  screen SCREEN [order ID] [code_url URL] png FILE
SCREEN is starting, qr, checking, cancelling, paid, cancelled, expired, refunding, refunded,
failed, offline or help. What goes wrong is said on standard error.

Keys: without --once the terminal reads keys from standard input, one in each line:
  cancel      give the order up
  language    the other language
  again       the next order, after an order's end or while it is being cancelled
  touch X Y   touch the display
  quit        end
When standard input ends, the terminal ends with its order. Ctrl-C ends it at any time; an open
order then expires by itself.

Exit code: 0 paid; 1 it could not work; 2 wrong arguments; 3 cancelled; 4 expired; 5 WeChat did
not take the order; 6 the payment goes back; 7 the server refused; 8 quit.";

/// A place for pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Display {
    /// A folder.
    Png(PathBuf),
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
    /// What is sold, as a menu of one item.
    pub(crate) fn menu(&self) -> Result<&'static [menu::Item], String> {
        let goods = self.goods()?;
        let name: &'static str = Box::leak(goods.description().to_owned().into_boxed_str());
        let amount_fen = u32::try_from(goods.amount().get()).map_err(|error| error.to_string())?;
        let item = menu::Item { zh: name, en: name, amount_fen, ..*self.item };
        Ok(Box::leak(Box::new([item])))
    }

    /// What is sold.
    pub(crate) fn goods(&self) -> Result<Goods, String> {
        let (description, amount) = match (&self.description, self.amount_fen) {
            (Some(description), Some(fen)) => (description.as_str(), Fen::new(fen)),
            (None, _) | (_, None) => {
                (self.item.description(self.lang.into()), Some(self.item.amount()))
            }
        };
        Goods::new(description, amount.unwrap_or(Fen::MAX)).map_err(|error| error.to_string())
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

fn display(text: &str) -> Result<Display, String> {
    match text.split_once(':') {
        Some(("png", folder)) if !folder.is_empty() => Ok(Display::Png(folder.into())),
        _ => Err("it must be png:DIR; other displays are not there yet".into()),
    }
}

fn size(text: &str) -> Result<Size, String> {
    let (width, height) = text.split_once('x').ok_or("it must be like 480x320")?;
    let number = |digits: &str| digits.parse::<u32>().map_err(|_| "it must be like 480x320");
    let (width, height) = (number(width)?, number(height)?);
    let size = Size::new(width, height);
    if size.component_max(SIZE_MIN) != size || size.component_min(SIZE_MAX) != size {
        return Err(format!(
            "it must be between {}x{} and {}x{}",
            SIZE_MIN.width, SIZE_MIN.height, SIZE_MAX.width, SIZE_MAX.height
        ));
    }
    Ok(size)
}

fn item(name: &str) -> Result<&'static menu::Item, String> {
    let names = MENU.map(|item| item.name);
    menu::find(name).ok_or_else(|| format!("the menu has {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        let words = ["saoma-kiosk"].into_iter().chain(line.split_whitespace());
        Args::try_parse_from(words).map_err(|error| error.to_string())
    }

    #[test]
    fn a_display_is_all_that_has_to_be_said() {
        let args = parse("--display png:screens").unwrap();
        assert_eq!(args.display, Display::Png("screens".into()));
        assert_eq!(args.size, Size::new(480, 320));
        assert_eq!(args.lang, Lang::Zh);
        let goods = args.goods().unwrap();
        assert_eq!((goods.description(), goods.amount().get()), ("燕麦拿铁", 1800));
        assert!(parse("").unwrap_err().contains("--display"));
    }

    #[test]
    fn other_goods_need_a_price_and_a_description() {
        let args = parse("--display png:d --amount-fen 5 --description Tea").unwrap();
        let goods = args.goods().unwrap();
        assert_eq!((goods.description(), goods.amount().get()), ("Tea", 5));
        let args = parse("--display png:d --item jasmine --lang en").unwrap();
        assert_eq!(args.goods().unwrap().description(), "Jasmine green tea");
        for line in [
            "--display png:d --amount-fen 5",
            "--display png:d --description Tea",
            "--display png:d --amount-fen 5 --description Tea --item latte",
            "--display png:d --item tea",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        for amount in ["0", "2147483648", "18446744073709551615"] {
            let line = format!("--display png:d --amount-fen {amount} --description Tea");
            assert!(parse(&line).unwrap().goods().is_err(), "{line}");
        }
    }

    #[test]
    fn what_is_no_display_size_or_server_is_refused() {
        for line in [
            "--display png:",
            "--display window",
            "--display png:d --size 480",
            "--display png:d --size 100x64",
            "--display png:d --size 5000x64",
            "--display png:d --size -1x64",
            "--display png:d --server 127.0.0.1:8080",
            "--display png:d --server http://",
            "--display png:d --server http://user:pass@host",
            "--display png:d --lang fr",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        let args = parse("--display png:d --server https://pay.example.com/ --size 128x64");
        assert_eq!(args.unwrap().server, "https://pay.example.com");
    }
}
