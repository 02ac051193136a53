//! The loop: whatever happens goes into the app, and what the app wants is done, in its order.
//! Nothing that must be remembered is acted on before it is on the disk.

use crate::{
    check::NO_DISPLAY,
    clock::Clock,
    config::{self, Config},
    dispenser::{self, Ask, Goods},
    display::{self, Act, Display, Frame, Kind, Picture},
    http::Uplink,
    journal::JournalFile,
    key::DeviceKey,
    keys, log,
    signals::{self, Signal},
    watchdog::Watchdog,
};
use saoma_kiosk::{
    app::{App, Damage, Dispensed, Input, Page, Reaction, Settings},
    call::JobId,
    journal::RECORD_LEN,
    menu::Item,
    texts::Language,
    theme::Theme,
};
use std::{
    collections::VecDeque,
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::Duration,
};

/// What the threads report.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a few a second, each moved once")]
pub(crate) enum Event {
    /// For the app.
    For(Input),
    /// The dispenser says what became of a job.
    Told { job: JobId, outcome: Dispensed, why: String },
    /// The display has something to tell.
    Wake,
    /// A line that is no key.
    UnknownKey,
    /// Whoever looks after the terminal wants it to stop.
    Quit,
}

/// How it ended; `args.rs` explains the numbers to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Good = 0,
    Cancelled = 3,
    Expired = 4,
    Failed = 5,
    MoneyBack = 6,
    Help = 7,
    Stopped = 8,
}

impl Outcome {
    /// What an order's end means, or `None` for a page that is no end.
    const fn of(page: &Page) -> Option<Self> {
        match page {
            Page::Take => Some(Self::Good),
            Page::Cancelled => Some(Self::Cancelled),
            Page::Expired => Some(Self::Expired),
            Page::Failed => Some(Self::Failed),
            Page::Refunding | Page::Refunded => Some(Self::MoneyBack),
            Page::Help | Page::OutOfService(_) => Some(Self::Help),
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
pub(crate) fn run(config: &Config) -> Result<Outcome, String> {
    let args = &config.args;
    let kind = args.display.as_ref().ok_or(NO_DISPLAY)?;
    // In a terminal lines would run over the picture, unless they go elsewhere.
    let is_silent = *kind == Kind::Terminal && io::stderr().is_terminal();
    log::init(args.log, args.log_level, is_silent);
    let (sender, events) = channel();
    let mut terminal = Terminal::open(config, kind, &sender)?;
    if matches!(kind, Kind::Png(_)) {
        keys::start(sender.clone());
    }
    if let Some(touch) = args.touch.clone() {
        let touched = |at| Event::For(Input::Touch(at));
        touch.start(terminal.app.size(), args.rotate, sender.clone(), touched)?;
    }
    let signalled = sender;
    signals::start(move |signal| {
        let event = match signal {
            Signal::End => Event::Quit,
            Signal::Resized => Event::Wake,
        };
        signalled.send(event).is_ok()
    })?;
    tracing::info!(server = args.server, display = ?kind, items = config.menu.len(), "begins");
    let outcome = terminal.turn(&events, args.once);
    terminal.watchdog.stopping();
    tracing::info!("ends");
    outcome
}

/// The app with all that it works with.
struct Terminal {
    app: App,
    menu: &'static [Item],
    theme: Theme,
    frame: Frame,
    display: Box<dyn Display>,
    /// Each screen is told on standard output.
    is_told: bool,
    journal: JournalFile,
    uplink: Uplink,
    dispenser: Sender<Ask>,
    events: Sender<Event>,
    clock: Clock,
    watchdog: Watchdog,
    shown: Option<Shown>,
}

/// What makes a screen another screen.
#[derive(Clone, PartialEq, Eq)]
struct Shown {
    name: &'static str,
    language: Language,
    order_no: String,
}

impl Terminal {
    fn open(config: &Config, kind: &Kind, events: &Sender<Event>) -> Result<Self, String> {
        let args = &config.args;
        let key = DeviceKey::of(args)?;
        let uplink = Uplink::new(&args.server, key, args.root_certificate_file.as_deref())?;
        let (journal, found) = JournalFile::open(&config::journal(args))?;
        let open = found.journal.entries.len();
        if open > 0 {
            tracing::info!(open, "orders of before are taken up");
        }
        let dispenser = dispenser::start(
            dispenser::Options {
                kind: args.dispenser.clone(),
                within: Duration::from_secs(args.dispense_within),
                command_recalls: args.command_recalls,
            },
            events.clone(),
            |job, (outcome, why)| Event::Told { job, outcome, why },
        )?;
        let woken = events.clone();
        let waker: display::Waker = Arc::new(move || {
            // When nobody listens any more, the program is ending.
            let _ = woken.send(Event::Wake);
        });
        let display = display::open(kind, args.size, args.rotate, waker)?;
        let size = display.size();
        let settings = Settings {
            size,
            keys: args.keys_on(kind),
            language: args.lang.into(),
            merchant: args.merchant.clone().leak(),
            menu: config.menu,
            numbers: found.numbers,
        };
        uplink.watch(events.clone());
        Ok(Self {
            app: App::new(settings, found.journal),
            menu: config.menu,
            theme: Theme::for_size(size),
            frame: Frame::new(size),
            display,
            is_told: matches!(kind, Kind::Png(_)),
            journal,
            uplink,
            dispenser,
            events: events.clone(),
            clock: Clock::start(),
            watchdog: Watchdog::of_environment(),
            shown: None,
        })
    }

    /// Turns until somebody stops it, or with `once` until the end of the first order.
    fn turn(&mut self, events: &Receiver<Event>, once: bool) -> Result<Outcome, String> {
        self.handle(Input::Tick)?;
        self.watchdog.ready();
        let mut ticked_ms = self.clock.now_ms();
        loop {
            let event = events.recv_timeout(self.display.patience());
            let now_ms = self.clock.now_ms();
            self.watchdog.feed(now_ms);
            let goes_on = match event {
                Ok(event) => self.on_event(event)? && self.on_acts()?,
                Err(RecvTimeoutError::Timeout) => self.on_acts()?,
                // We hold a sender ourselves.
                Err(RecvTimeoutError::Disconnected) => false,
            };
            if !goes_on {
                return Ok(if once { Outcome::Stopped } else { Outcome::Good });
            }
            if now_ms.saturating_sub(ticked_ms) >= display::TICK_MS {
                ticked_ms = now_ms;
                self.handle(Input::Tick)?;
            }
            if let (true, Some(outcome)) = (once, Outcome::of(&self.app.screen().page)) {
                return Ok(outcome);
            }
        }
    }

    /// Whether to go on.
    fn on_event(&mut self, event: Event) -> Result<bool, String> {
        match event {
            Event::For(input) => self.handle(input)?,
            Event::Told { job, outcome, why } => {
                match outcome {
                    Dispensed::Done => tracing::info!(%job, why, "the goods are out"),
                    Dispensed::Failed => tracing::error!(%job, why, "nothing came out"),
                    Dispensed::Unknown => tracing::error!(%job, why, "nobody knows of the goods"),
                }
                self.handle(Input::Dispensed { job, outcome })?;
            }
            Event::Wake => {}
            Event::UnknownKey => tracing::warn!("that is no key; --help lists them"),
            Event::Quit => return Ok(false),
        }
        Ok(true)
    }

    /// What was done at the display. Whether to go on.
    fn on_acts(&mut self) -> Result<bool, String> {
        for act in self.display.acts() {
            match act {
                Act::Close => return Ok(false),
                Act::Touch(at) => self.handle(Input::Touch(at))?,
                Act::Stroke(stroke) => {
                    if let Some(key) = keys::of_stroke(stroke) {
                        self.handle(Input::Key(key))?;
                    }
                }
                Act::Redraw => {
                    let lines = 0..self.display.size().height;
                    let name = self.app.screen().page.name();
                    let picture = Picture { frame: &self.frame, lines, name, is_new: false };
                    self.display.show(&picture)?;
                }
            }
        }
        Ok(true)
    }

    /// Gives something to the app, does what it wants, and what it wants then.
    fn handle(&mut self, input: Input) -> Result<(), String> {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let reaction = self.app.handle(input, self.clock.now_ms());
            let Reaction { store, request, dispense, recall, damage } = reaction;
            if let Some(slot) = store {
                inputs.push_back(Input::Stored(self.store(slot)));
            }
            if let Some(request) = request {
                tracing::debug!(ticket = request.ticket, call = ?request.call, "asks");
                self.uplink.ask(request, self.events.clone());
            }
            if let Some(job) = dispense {
                let order_no = self.app.screen().order.number.to_string();
                let goods = Goods::new(job.id, &order_no, &job.basket, self.menu);
                tracing::info!(job = %goods.job, order_no, goods = goods.names, "hands over");
                self.tell_dispenser(Ask::Dispense(goods))?;
            }
            if let Some(job) = recall {
                tracing::info!(%job, "the dispenser is asked what became of it");
                self.tell_dispenser(Ask::Recall(job))?;
            }
            self.show(damage)?;
        }
        Ok(())
    }

    fn tell_dispenser(&self, ask: Ask) -> Result<(), String> {
        self.dispenser.send(ask).map_err(|_| "the dispenser's thread has ended".into())
    }

    /// Makes the journal durable.
    fn store(&self, slot: usize) -> bool {
        let mut record = [0; RECORD_LEN];
        self.app.record(&mut record);
        match self.journal.write(slot, &record) {
            Ok(()) => true,
            Err(problem) => {
                tracing::error!("{problem}");
                false
            }
        }
    }

    fn show(&mut self, damage: Damage) -> Result<(), String> {
        if damage == Damage::Nothing {
            return Ok(());
        }
        let Ok(()) = self.app.draw(&mut self.frame, &self.theme, damage);
        let screen = self.app.screen();
        let shown = Shown {
            name: screen.page.name(),
            language: screen.language,
            order_no: screen.order.number.to_string(),
        };
        let is_new = self.shown.as_ref() != Some(&shown);
        let lines = self.frame.take_changed();
        let picture = Picture { frame: &self.frame, lines, name: shown.name, is_new };
        self.display.show(&picture)?;
        if is_new {
            self.shown = Some(shown);
            self.announce()?;
        }
        Ok(())
    }

    /// A new screen: a line for the log, and for whoever reads standard output.
    fn announce(&self) -> Result<(), String> {
        let screen = self.app.screen();
        let (name, order_no) = (screen.page.name(), screen.order.number.as_str());
        let view = self.app.view();
        let order_id = view.map_or("", |view| view.order_id.as_str());
        match &screen.page {
            Page::Help | Page::OutOfService(_) => {
                let refusal = self.app.refusal();
                let (code, status) =
                    refusal.map_or(("", 0), |refusal| (refusal.code.as_str(), refusal.status));
                tracing::error!(screen = name, order_no, order_id, code, status, "needs help");
            }
            _ => tracing::info!(screen = name, order_no, order_id, "shows"),
        }
        if !self.is_told {
            return Ok(());
        }
        let mut line = format!("screen {name}");
        if !order_id.is_empty() {
            line += &format!(" order {order_id}");
        }
        let code_url = view.and_then(|view| view.code_url.as_ref());
        if let (Page::Code { .. }, Some(code_url)) = (&screen.page, code_url) {
            line += &format!(" code_url {}", one_word(code_url));
        }
        if let Some(file) = self.display.file() {
            line += &format!(" png {}", file.display());
        }
        let mut out = io::stdout();
        let written = writeln!(out, "{line}").and_then(|()| out.flush());
        written.map_err(|error| format!("cannot write to standard output: {error}"))
    }
}

/// A text from the server in one word, so that it cannot look like more of the line.
fn one_word(text: &str) -> String {
    text.replace(|c: char| c.is_whitespace() || c.is_control(), "?")
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
