//! The board as its shell sees it, and everything that is made once.

use crate::{
    buttons::Buttons,
    chip::system,
    clock, log,
    oled::{Oled, SIZE},
    spi::{Select, Spi},
    stack,
    uart::Uart,
};
use cortex_m::singleton;
use saoma_kiosk::{
    app::{App, Damage, Input, Keys, Settings},
    call::OrderNumbers,
    journal::{Journal, RECORD_LEN},
    menu::{MENU, SAMPLE_MERCHANT},
    serial::terminal::Terminal,
    texts::Language,
    theme::Theme,
};
use saoma_kiosk_shell::{
    Board, Shell,
    card::Bus,
    store::{Name, Store, StoreError},
};

const ONCE: &str = "there is one board";

/// The board's parts.
pub(crate) struct Lm3s6965 {
    spi: Spi,
    store: Store,
    buttons: Buttons,
    oled: &'static mut Oled,
    /// The deepest stack that was told of, in bytes.
    stack: usize,
}

impl Lm3s6965 {
    /// The one board there is, and the shell of its terminal.
    pub(crate) fn new(
        mut spi: Spi,
        store: Store,
        name: &Name,
    ) -> Result<(Self, Shell), StoreError> {
        let prefix = name.prefix(system::USER.map(|half| half.read()));
        let journal = store.journal(&mut spi)?;
        log(format_args!("{} open orders", journal.entries.len()));
        let shell = Shell::new(app(&prefix, journal), line(&prefix, name.starts));
        let board = Self { spi, store, buttons: Buttons::start(), oled: oled(), stack: 0 };
        Ok((board, shell))
    }

    /// Says how deep the stack has gone when it has gone deeper.
    pub(crate) fn log_stack(&mut self) {
        let (used, all) = stack::used();
        if used > self.stack {
            self.stack = used;
            log(format_args!("stack {used} of {all} bytes"));
        }
    }
}

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

impl Board for Lm3s6965 {
    fn take_from_bridge(&mut self) -> Option<u8> {
        Uart::BRIDGE.take()
    }

    fn tell_bridge(&mut self, bytes: &[u8]) {
        Uart::BRIDGE.send(bytes);
    }

    fn take_from_dispenser(&mut self) -> Option<u8> {
        Uart::DISPENSER.take()
    }

    fn tell_dispenser(&mut self, bytes: &[u8]) {
        Uart::DISPENSER.send(bytes);
    }

    fn input(&mut self) -> Option<Input> {
        self.buttons.look().map(Input::Key)
    }

    fn keep(&mut self, slot: usize, record: &[u8; RECORD_LEN]) -> bool {
        match self.store.write(&mut self.spi, slot, record) {
            Ok(()) => true,
            Err(error) => {
                log(format_args!("{error}"));
                false
            }
        }
    }

    #[inline(never)]
    fn draw(&mut self, app: &mut App, damage: Damage) {
        // Infallible.
        let Ok(()) = app.draw(self.oled, &Theme::for_size(SIZE), damage);
        self.oled.show(&mut self.spi);
    }
}

impl Bus for Spi {
    fn select_card(&mut self, is_selected: bool) {
        self.select(if is_selected { Select::Card } else { Select::Display });
    }

    fn swap(&mut self, byte: u8) -> u8 {
        Spi::swap(self, byte)
    }

    fn wait_ms(&mut self, ms: u32) {
        clock::wait_ms(ms);
    }
}
