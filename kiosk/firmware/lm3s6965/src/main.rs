//! The terminal as firmware of an LM3S6965: the same app as on Linux, without an operating system.
#![no_std]
#![no_main]

mod buttons;
mod card;
mod chip;
mod clock;
mod dispenser;
mod fault;
#[cfg(feature = "measure")]
mod measure;
mod oled;
mod shell;
mod spi;
mod stack;
mod store;
mod uart;

use chip::system;
use clock::Time;
use core::fmt;
use cortex_m::asm;
use cortex_m_rt::entry;
use heapless::String;
use oled::Oled;
use saoma_kiosk::{
    app::{Fault, Page},
    serial::{
        message::{LOG_MAX, ToBridge},
        terminal::{Heard, Terminal},
    },
};
use shell::Shell;
use spi::Spi;
use store::{Name, Store, StoreError};
use uart::Uart;

#[entry]
fn main() -> ! {
    clock::start();
    clock::start_watchdog();
    Uart::BRIDGE.start();
    Uart::DISPENSER.start();
    let mut spi = Spi::start();
    Oled::start(&mut spi);
    #[cfg(feature = "measure")]
    measure::run(&mut spi);
    let mut time = Time::new();
    let mut shell = match start(&mut spi, &mut time) {
        Ok(shell) => shell,
        Err(error) => {
            log(format_args!("{error}"));
            fault::end(&mut spi, Fault::Journal)
        }
    };
    loop {
        clock::feed_watchdog();
        shell.turn(&mut spi, time.now_ms());
        asm::wfi();
    }
}

/// Everything that a terminal needs before it may do business.
#[inline(never)]
fn start(spi: &mut Spi, time: &mut Time) -> Result<Shell, StoreError> {
    fault::show(spi, Page::Resuming);
    let store = Store::open(spi)?;
    let mut name = match store.name(spi)? {
        Some(name) => name,
        None => make(&store, spi, time)?,
    };
    store.count_start(spi, &mut name)?;
    log(format_args!("start {}, reset by {:#x}", name.starts, system::RESC.read()));
    Shell::new(store, &name, spi)
}

/// An empty card is made ready once the bridge has told the time.
#[inline(never)]
fn make(store: &Store, spi: &mut Spi, time: &mut Time) -> Result<Name, StoreError> {
    fault::show(spi, Page::Offline);
    let mut line = Terminal::new("new card", 0);
    loop {
        clock::feed_watchdog();
        let now_ms = time.now_ms();
        while let Some(byte) = Uart::BRIDGE.take() {
            if let Some(Heard::Time { unix_s }) = line.take(byte, now_ms) {
                log(format_args!("an empty memory card is made ready"));
                return store.make(spi, unix_s);
            }
        }
        line.say(now_ms, |bytes| Uart::BRIDGE.send(bytes));
        asm::wfi();
    }
}

/// Tells the bridge's log; what is longer than a line of it is cut.
pub(crate) fn log(text: fmt::Arguments<'_>) {
    struct Cut(String<LOG_MAX>);
    impl fmt::Write for Cut {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let room = self.0.capacity() - self.0.len();
            let end = text.floor_char_boundary(room);
            self.0.push_str(text.get(..end).unwrap_or_default()).map_err(|_| fmt::Error)
        }
    }
    let mut line = Cut(String::new());
    // What does not fit is left out.
    let _cut = fmt::write(&mut line, text);
    ToBridge::Log { text: &line.0 }.write(|bytes| Uart::BRIDGE.send(bytes));
}
