//! The terminal as firmware of an LM3S6965: the same app as on Linux, without an operating system.
#![no_std]
#![no_main]

mod board;
mod buttons;
mod chip;
mod clock;
mod fault;
#[cfg(feature = "measure")]
mod measure;
mod oled;
mod spi;
mod stack;
mod uart;

use board::Lm3s6965;
use chip::system;
use core::fmt;
use cortex_m::asm;
use cortex_m_rt::entry;
use oled::Oled;
use saoma_kiosk::{
    app::{Fault, Page},
    serial::terminal::{Heard, Terminal},
};
use saoma_kiosk_shell::{
    Time,
    store::{Name, Store, StoreError},
};
use spi::Spi;
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
    let (mut board, mut shell) = match open(&mut spi, &mut time) {
        Ok((store, name)) => match Lm3s6965::new(spi, store, &name) {
            Ok(both) => both,
            Err(error) => give_up(&error),
        },
        Err(error) => give_up(&error),
    };
    loop {
        clock::feed_watchdog();
        shell.turn(&mut board, time.now_ms(clock::ms()));
        board.log_stack();
        asm::wfi();
    }
}

/// Without its card the terminal may not do business.
fn give_up(error: &StoreError) -> ! {
    log(format_args!("{error}"));
    fault::end(&mut Spi::start(), Fault::Journal)
}

/// The memory card, with this start counted.
#[inline(never)]
fn open(spi: &mut Spi, time: &mut Time) -> Result<(Store, Name), StoreError> {
    fault::show(spi, Page::Resuming);
    let store = Store::open(spi)?;
    let mut name = match store.name(spi)? {
        Some(name) => name,
        None => make(&store, spi, time)?,
    };
    store.count_start(spi, &mut name)?;
    log(format_args!("start {}, reset by {:#x}", name.starts, system::RESC.read()));
    Ok((store, name))
}

/// An empty card is made ready once the bridge has told the time.
#[inline(never)]
fn make(store: &Store, spi: &mut Spi, time: &mut Time) -> Result<Name, StoreError> {
    fault::show(spi, Page::Offline);
    let mut line = Terminal::new("new card", 0);
    loop {
        clock::feed_watchdog();
        let now_ms = time.now_ms(clock::ms());
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

/// Tells the bridge's log.
pub(crate) fn log(text: fmt::Arguments<'_>) {
    saoma_kiosk_shell::log(|bytes| Uart::BRIDGE.send(bytes), text);
}
