//! What carries the app's wishes out: store, ask, dispense, draw.

use crate::{
    buttons::Buttons,
    chip::system,
    dispenser::Dispenser,
    log,
    oled::{Oled, SIZE},
    spi::Spi,
    stack,
    store::{Name, Store, StoreError},
    uart::Uart,
};
use cortex_m::singleton;
use saoma_kiosk::{
    app::{App, Damage, Input, Keys, Reaction, Settings},
    call::OrderNumbers,
    journal::{Journal, RECORD_LEN},
    menu::{MENU, SAMPLE_MERCHANT},
    serial::terminal::{Heard, Terminal},
    texts::Language,
    theme::Theme,
};

/// How often the app is told that time has passed.
const TICK_MS: u64 = 100;

const ONCE: &str = "there is one shell";

// What is large is made in functions of their own and lies outside of the stack, so that the
// stack never holds two of them.

#[inline(never)]
fn app(prefix: &str, journal: Journal) -> &'static mut App {
    let settings = Settings {
        size: SIZE,
        keys: Keys::Arrows,
        language: Language::Zh,
        merchant: SAMPLE_MERCHANT,
        menu: &MENU,
        numbers: OrderNumbers::new(prefix).expect("letters, digits and a dash"),
    };
    singleton!(: App = App::new(settings, journal)).expect(ONCE)
}

#[inline(never)]
fn line(name: &str, start: u32) -> &'static mut Terminal {
    singleton!(: Terminal = Terminal::new(name, start)).expect(ONCE)
}

#[inline(never)]
fn oled() -> &'static mut Oled {
    singleton!(: Oled = Oled::new()).expect(ONCE)
}

/// The terminal's parts.
pub(crate) struct Shell {
    app: &'static mut App,
    line: &'static mut Terminal,
    store: Store,
    dispenser: Dispenser,
    buttons: Buttons,
    oled: &'static mut Oled,
    tick_ms: u64,
    page: &'static str,
    stack: usize,
}

impl Shell {
    /// The one shell there is.
    pub(crate) fn new(store: Store, name: &Name, spi: &mut Spi) -> Result<Self, StoreError> {
        let prefix = name.prefix(system::USER.map(|half| half.read()));
        let journal = store.journal(spi)?;
        log(format_args!("{} open orders", journal.entries.len()));
        let app = app(&prefix, journal);
        Ok(Self {
            app,
            line: line(&prefix, name.starts),
            store,
            dispenser: Dispenser::new(),
            buttons: Buttons::start(),
            oled: oled(),
            tick_ms: 0,
            page: "",
            stack: 0,
        })
    }

    /// One turn of the loop: all that has happened, and what is to be said.
    #[inline(never)]
    pub(crate) fn turn(&mut self, spi: &mut Spi, now_ms: u64) {
        while let Some(input) = self.input(now_ms) {
            self.handle(input, spi, now_ms);
        }
        if now_ms >= self.tick_ms {
            self.tick_ms = now_ms + TICK_MS;
            self.handle(Input::Tick, spi, now_ms);
            self.log_stack();
        }
        self.line.say(now_ms, |bytes| Uart::BRIDGE.send(bytes));
    }

    /// The next thing that has happened.
    #[inline(never)]
    fn input(&mut self, now_ms: u64) -> Option<Input> {
        while let Some(byte) = Uart::BRIDGE.take() {
            if let Some(input) = self.line.take(byte, now_ms).and_then(heard) {
                return Some(input);
            }
        }
        if let Some(input) = self.line.tick(now_ms).and_then(heard) {
            return Some(input);
        }
        if let Some((job, outcome)) = self.dispenser.look(now_ms) {
            return Some(Input::Dispensed { job, outcome });
        }
        self.buttons.look().map(Input::Key)
    }

    fn handle(&mut self, input: Input, spi: &mut Spi, now_ms: u64) {
        let mut stored = self.react(input, spi, now_ms);
        while let Some(is_stored) = stored {
            stored = self.react(Input::Stored(is_stored), spi, now_ms);
        }
    }

    /// Gives the app an input and does what it wants; says whether the journal was written, if
    /// the app wants to know.
    #[inline(never)]
    fn react(&mut self, input: Input, spi: &mut Spi, now_ms: u64) -> Option<bool> {
        let Reaction { store, request, dispense, recall, damage } = self.app.handle(input, now_ms);
        let stored = store.map(|slot| self.write(spi, slot));
        if let Some(request) = request {
            self.line.ask(request);
        }
        if let Some(job) = dispense {
            self.dispenser.dispense(job, now_ms);
        }
        if let Some(job) = recall {
            self.dispenser.recall(job, now_ms);
        }
        if damage != Damage::Nothing {
            self.draw(spi, damage);
        }
        stored
    }

    #[inline(never)]
    fn write(&mut self, spi: &mut Spi, slot: usize) -> bool {
        let mut record = [0; RECORD_LEN];
        self.app.record(&mut record);
        match self.store.write(spi, slot, &record) {
            Ok(()) => true,
            Err(error) => {
                log(format_args!("{error}"));
                false
            }
        }
    }

    #[inline(never)]
    fn draw(&mut self, spi: &mut Spi, damage: Damage) {
        // Infallible.
        let Ok(()) = self.app.draw(self.oled, &Theme::for_size(SIZE), damage);
        self.oled.show(spi);
        let page = self.app.screen().page.name();
        if page != self.page {
            self.page = page;
            log(format_args!("page {page} {}", self.app.screen().order.number));
        }
    }

    /// Says how deep the stack has gone when it has gone deeper.
    fn log_stack(&mut self) {
        let (used, all) = stack::used();
        if used > self.stack {
            self.stack = used;
            log(format_args!("stack {used} of {all} bytes"));
        }
    }
}

/// What the app has to know of what was heard.
fn heard(heard: Heard) -> Option<Input> {
    match heard {
        Heard::Link { is_up } => Some(Input::Link(is_up)),
        Heard::Reply { ticket, answer } => Some(Input::Reply { ticket, answer }),
        Heard::Lost { ticket } => Some(Input::Lost { ticket }),
        Heard::Time { .. } => None,
    }
}
