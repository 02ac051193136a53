//! The loop: whatever happens goes into the app, and what the app wants is done.

use crate::{
    args::{Args, Display},
    clock::Clock,
    gallery::{Frame, Gallery},
    http,
    key::DeviceKey,
    keys, random,
};
use saoma_kiosk::{
    app::{App, Damage, Dispensed, Input, Key, Keys, Page, Reaction, Settings},
    call::Request,
    journal::Journal,
    menu,
    texts::Language,
    theme::Theme,
};
use std::{
    io::{self, Write as _},
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    time::Duration,
};

/// How often time passes for the app.
const TICK: Duration = Duration::from_millis(200);

/// The thread that carries questions lives as long as the program.
const NO_CARRIER: &str = "the thread that talks to the server has ended";

/// What the threads report.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a few a second, each moved once")]
pub(crate) enum Event {
    /// For the app.
    Heard(Input),
    /// A question was not answered, and why.
    NotHeard { ticket: u32, problem: String },
    /// A line that is no key.
    UnknownKey,
    /// Standard input ended.
    NoMoreKeys,
    /// Whoever sits at the keys wants to stop.
    Quit,
}

/// How it ended; `args.rs` explains the numbers to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Paid = 0,
    Cancelled = 3,
    Expired = 4,
    Failed = 5,
    MoneyBack = 6,
    Refused = 7,
    Quit = 8,
}

impl Outcome {
    /// What an order's end means, or `None` for a page that is no end.
    const fn of(page: &Page) -> Option<Self> {
        match page {
            Page::Take => Some(Self::Paid),
            Page::Cancelled => Some(Self::Cancelled),
            Page::Expired => Some(Self::Expired),
            Page::Failed => Some(Self::Failed),
            Page::Refunding | Page::Refunded => Some(Self::MoneyBack),
            Page::Help | Page::OutOfService(_) => Some(Self::Refused),
            Page::Attract
            | Page::Menu(_)
            | Page::Basket(_)
            | Page::Resuming
            | Page::Starting
            | Page::Code { .. }
            | Page::Checking
            | Page::Cancelling
            | Page::Dispensing
            | Page::Offline
            | Page::Staff(_) => None,
        }
    }
}

/// Runs the terminal to its end.
pub(crate) fn run(args: &Args) -> Result<Outcome, String> {
    let file = args.device_key_file.as_deref().ok_or(
        "there is no device key: put one of the server's shop keys alone into a file, and give \
         --device-key-file FILE or set SAOMA_KIOSK_KEY_FILE",
    )?;
    let key = DeviceKey::load(file)?;
    let Display::Png(folder) = &args.display;
    let (sender, events) = channel();
    let settings = Settings {
        size: args.size,
        keys: Keys::Touch,
        language: args.lang.into(),
        merchant: menu::SAMPLE_MERCHANT,
        menu: args.menu()?,
        numbers: random::order_numbers()?,
    };
    let app = App::new(settings, Journal::default());
    let mut terminal = Terminal {
        app,
        theme: Theme::for_size(args.size),
        frame: Frame::new(args.size),
        gallery: Gallery::open(folder)?,
        requests: http::start(args.server.clone(), key, sender.clone()),
        shown: None,
        trouble: String::new(),
    };
    let mut ends_with_order = args.once;
    if !args.once {
        keys::start(sender);
    }
    let clock = Clock::start();
    if args.once {
        for key in [Key::Start, Key::Item(0), Key::Basket, Key::Pay] {
            terminal.handle(Input::Key(key), clock.now_ms())?;
        }
    }
    loop {
        let input = match events.recv_timeout(TICK) {
            Ok(Event::Heard(input)) => input,
            Ok(Event::NotHeard { ticket, problem }) => {
                terminal.complain(problem);
                Input::Lost { ticket }
            }
            Ok(Event::UnknownKey) => {
                warn("keys are: cancel, language, again, touch X Y, quit");
                Input::Tick
            }
            Ok(Event::NoMoreKeys) => {
                ends_with_order = true;
                Input::Tick
            }
            Ok(Event::Quit) => return Ok(Outcome::Quit),
            Err(RecvTimeoutError::Timeout) => Input::Tick,
            Err(RecvTimeoutError::Disconnected) => return Err(NO_CARRIER.into()),
        };
        terminal.handle(input, clock.now_ms())?;
        if let (true, Some(outcome)) = (ends_with_order, Outcome::of(&terminal.app.screen().page)) {
            return Ok(outcome);
        }
    }
}

/// The app with its display and its way to the server.
struct Terminal {
    app: App,
    theme: Theme,
    frame: Frame,
    gallery: Gallery,
    requests: Sender<Request>,
    shown: Option<Shown>,
    /// What was complained of last, so that it is said once.
    trouble: String,
}

/// What makes a screen another screen.
#[derive(PartialEq, Eq)]
struct Shown {
    name: &'static str,
    language: Language,
    order_no: String,
}

impl Terminal {
    fn handle(&mut self, input: Input, now_ms: u64) -> Result<(), String> {
        let is_answer = matches!(input, Input::Reply { .. });
        let reaction = self.app.handle(input, now_ms);
        let Reaction { store, request, dispense, recall: _, damage } = reaction;
        if is_answer {
            self.trouble.clear();
        }
        if let Some(request) = request {
            self.requests.send(request).map_err(|_| NO_CARRIER)?;
        }
        self.show(damage)?;
        if store.is_some() {
            self.handle(Input::Stored(true), now_ms)?;
        }
        if let Some(job) = dispense {
            let done = Input::Dispensed { job: job.id, outcome: Dispensed::Done };
            self.handle(done, now_ms)?;
        }
        Ok(())
    }

    fn show(&mut self, damage: Damage) -> Result<(), String> {
        if damage == Damage::Nothing {
            return Ok(());
        }
        let Ok(()) = self.app.draw(&mut self.frame, &self.theme, damage);
        let screen = Shown {
            name: self.app.screen().page.name(),
            language: self.app.screen().language,
            order_no: self.app.screen().order.number.to_string(),
        };
        if self.shown.as_ref() == Some(&screen) {
            return self.gallery.replace(&self.frame);
        }
        let path = self.gallery.hang(&self.frame, screen.name)?.display().to_string();
        self.shown = Some(screen);
        self.announce(&path)
    }

    /// The line on standard output.
    fn announce(&self, path: &str) -> Result<(), String> {
        let page = &self.app.screen().page;
        let mut line = format!("screen {}", page.name());
        if let Some(view) = self.app.view() {
            line += &format!(" order {}", view.order_id);
        }
        let code_url = self.app.view().and_then(|view| view.code_url.as_ref());
        if let (Page::Code { .. }, Some(code_url)) = (page, code_url) {
            line += &format!(" code_url {}", one_word(code_url));
        }
        line += &format!(" png {path}");
        if let (Page::Help, Some(refusal)) = (page, self.app.refusal()) {
            warn(&format!("the server refused: {} (HTTP {})", refusal.code, refusal.status));
            if refusal.status == 401 {
                warn("is the key of --device-key-file one of the server's shop keys?");
            }
        }
        let mut out = io::stdout();
        let written = writeln!(out, "{line}").and_then(|()| out.flush());
        written.map_err(|error| format!("cannot write to standard output: {error}"))
    }

    fn complain(&mut self, problem: String) {
        if self.trouble != problem {
            warn(&problem);
            self.trouble = problem;
        }
    }
}

/// A text from the server in one word, so that it cannot look like more of the line.
fn one_word(text: &str) -> String {
    text.replace(|c: char| c.is_whitespace() || c.is_control(), "?")
}

/// Tells whoever looks after the terminal.
pub(crate) fn warn(text: &str) {
    // Nobody may be reading; the terminal goes on.
    let _ = writeln!(io::stderr(), "saoma-kiosk: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_end_has_an_outcome() {
        for page in [Page::Starting, Page::Code { left_s: 1 }, Page::Checking, Page::Offline] {
            assert!(!page.is_end() && Outcome::of(&page).is_none());
        }
        for page in [Page::Take, Page::Cancelled, Page::Expired, Page::Failed, Page::Help] {
            assert!(page.is_end() && Outcome::of(&page).is_some());
        }
    }

    #[test]
    fn a_code_url_stays_one_word_of_its_line() {
        assert_eq!(one_word("weixin://wxpay/bizpayurl?pr=a1"), "weixin://wxpay/bizpayurl?pr=a1");
        assert_eq!(one_word("a b\nscreen paid"), "a?b?screen?paid");
    }
}
