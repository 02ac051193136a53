//! The terminal as firmware of an STM32F411 with a touch panel of 320x240 pixels on SPI.
//!
//! | part | where |
//! | --- | --- |
//! | panel (ILI9341) | SPI1: PA5, PA7; selected by PA4, data or command PB0, reset PB1 |
//! | memory card | SPI2: PB13, PB14, PB15; selected by PB12 |
//! | touch (XPT2046) | SPI2 as well; selected by PA8, touched when PB2 is low |
//! | bridge | USART1: PA9, PA10 |
//! | dispenser | USART2: PA2, PA3 |
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod board;
mod lines;
mod slow;

use board::Panel;
use core::{
    panic::PanicInfo,
    sync::atomic::{AtomicU32, Ordering},
};
use cortex_m::{
    asm,
    peripheral::{SCB, SYST, syst::SystClkSource},
};
use cortex_m_rt::{entry, exception};
use saoma_kiosk::{
    app::Fault,
    journal::Journal,
    serial::terminal::{Heard, Terminal},
};
use saoma_kiosk_shell::{
    Time,
    store::{Name, Store, StoreError},
};
use slow::Slow;

/// The processor's clock.
const HZ: u32 = 96_000_000;
static MS: AtomicU32 = AtomicU32::new(0);

#[exception]
fn SysTick() {
    // One writer: no interrupt interrupts this one and writes as well.
    MS.store(ms().wrapping_add(1), Ordering::Relaxed);
}

/// Milliseconds since the start, going round after 49 days.
fn ms() -> u32 {
    MS.load(Ordering::Relaxed)
}

fn wait_ms(duration_ms: u32) {
    let from = ms();
    while ms().wrapping_sub(from) <= duration_ms {
        asm::wfi();
    }
}

fn start_clock(mut timer: SYST) {
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(HZ / 1000 - 1);
    timer.clear_current();
    timer.enable_counter();
    timer.enable_interrupt();
}

#[entry]
fn main() -> ! {
    let mut panel = Panel::start();
    let mut time = Time::new();
    match open(&mut panel.slow, &mut time) {
        Ok((store, name, journal)) => {
            let (mut board, mut shell) = panel.with(store, &name, journal);
            loop {
                board.feed_watchdog();
                shell.turn(&mut board, time.now_ms(ms()));
                asm::wfi();
            }
        }
        // Without its card the terminal may not do business. The watchdog starts it again.
        Err(error) => {
            lines::log(format_args!("{error}"));
            panel.show_fault(Fault::Journal);
            loop {
                asm::wfi();
            }
        }
    }
}

/// The memory card, with this start counted.
fn open(slow: &mut Slow, time: &mut Time) -> Result<(Store, Name, Journal), StoreError> {
    let store = Store::open(slow)?;
    let mut name = match store.name(slow)? {
        Some(name) => name,
        None => make(&store, slow, time)?,
    };
    store.count_start(slow, &mut name)?;
    lines::log(format_args!("start {}", name.starts));
    let journal = store.journal(slow)?;
    Ok((store, name, journal))
}

/// An empty card is made ready once the bridge has told the time.
fn make(store: &Store, slow: &mut Slow, time: &mut Time) -> Result<Name, StoreError> {
    let mut line = Terminal::new("new card", 0);
    loop {
        slow.feed_watchdog();
        let now_ms = time.now_ms(ms());
        while let Some(byte) = lines::BRIDGE.take() {
            if let Some(Heard::Time { unix_s }) = line.take(byte, now_ms) {
                lines::log(format_args!("an empty memory card is made ready"));
                return store.make(slow, unix_s);
            }
        }
        line.say(now_ms, lines::tell_bridge);
        asm::wfi();
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    lines::log(format_args!("{info}"));
    SCB::sys_reset()
}
